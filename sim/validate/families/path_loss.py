"""Path-loss vectors: every column that names a known law, by the channel code of the simulator."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.validate.result import Case, Check, FileResult, Line, Panel, Skipped
from sim.validate.sheet import CurveError, Sheet
from sim.validate.statistics import Tally

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel

FAMILY = "propagation"
LIMIT_DB = 0.01
LIMIT_PROBABILITY = 0.001
_NUMBER = r"(\d+(?:\.\d+)?)"
_FREQUENCY = re.compile(r"(\d+(?:[p.]\d+)?)\s*GHz", re.IGNORECASE)
ROUNDING = 1e-9

METHOD = (
    "functions of sim.channel in float64 at the distances of the file; carrier from the header or the file name; "
    "columns "
    "by name: b1_..heff<tx>[_<rx>], free_space, tr37885_{hwy,urb}_los, tr37885_nlos, nlosv_mean_case{2,3}, "
    "p_los_{hwy,urb}",
    "heff: effective antenna heights, so the environment height is 0 there; files with d1_m, d2_m: WINNER+ B1 "
    "Manhattan",
    "largest deviation of a column: 0.01 dB; probabilities 0.001 (they are printed with three decimals)",
)


def read(sheet: Sheet) -> Case | Skipped | None:
    """The case of a path-loss file; None if it is none."""
    manhattan = sheet.has("d1_m", "d2_m")
    if not manhattan and not (sheet.has("distance_m") and any(_law(name, 5.9e9) for name in sheet.header)):
        return None
    if manhattan:
        sheet.check_rows("d1_m", "d2_m", "pathloss_db")
        sheet.numbers("d1_m", 0.0), sheet.numbers("d2_m", 0.0), sheet.numbers("pathloss_db")
        _heights(sheet)
    else:
        sheet.check_rows("distance_m")
        sheet.rising("distance_m", 0.0)
        for name in sheet.header:
            if _law(name, 5.9e9):
                sheet.numbers(name)
    _carrier_hz(sheet)
    return Case(sheet.path, FAMILY, sheet.path.stem, str(sheet.path), partial(judge, sheet, manhattan))


def judge(sheet: Sheet, manhattan: bool, tallies: list[Tally]) -> FileResult:
    """Largest deviation of every column."""
    carrier_hz = _carrier_hz(sheet)
    notes: list[str] = []
    if manhattan:
        found = {"pathloss_db": (sheet.numbers("pathloss_db"), _manhattan(sheet, carrier_hz))}
        x = np.hypot(sheet.numbers("d1_m"), sheet.numbers("d2_m"))
        x_label = "straight distance, m"
    else:
        x, x_label = sheet.numbers("distance_m"), "distance, m"
        found = {}
        for name in sheet.header:
            law = _law(name, carrier_hz)
            if law is not None:
                found[name] = (sheet.numbers(name), law(x))
            elif name != "distance_m":
                notes.append(f"column {name}: no law of that name here, not judged")
    checks = tuple(_check(name, expected, ours) for name, (expected, ours) in found.items())
    lines = []
    order = np.argsort(x, kind="stable")
    for place, (name, (expected, ours)) in enumerate(found.items()):
        if name.startswith("p_los"):
            continue
        colour = f"C{place % 10}"
        lines += [
            Line(name, x[order], ours[order], False, colour),
            Line(f"{name}, expected", x[order], expected[order], True, colour),
        ]
    return FileResult(
        sheet.path,
        FAMILY,
        sheet.path.stem,
        checks,
        (Panel(x_label, "loss, dB", tuple(lines)),),
        tuple(notes),
        {"carrier": f"{carrier_hz / 1e9:g} GHz"},
    )


def _check(name: str, expected: np.ndarray, ours: np.ndarray) -> Check:
    probability = name.startswith("p_")
    return Check(
        name,
        float(np.mean(expected)),
        float(np.mean(ours)),
        float(np.max(np.abs(ours - expected))) - ROUNDING,
        LIMIT_PROBABILITY if probability else LIMIT_DB,
        "" if probability else "dB",
        digits=4,
        group="columns of probabilities" if probability else "columns of losses",
    )


def _carrier_hz(sheet: Sheet) -> float:
    for text in (sheet.path.name, sheet.text):
        found = _FREQUENCY.search(text)
        if found:
            return float(found[1].replace("p", ".")) * 1e9
    raise CurveError(f"{sheet.path}: neither file name nor header states the carrier in GHz")


def _heights(sheet: Sheet) -> float:
    found = re.search(rf"heff\s*{_NUMBER}\s*m", sheet.text)
    if not found:
        raise CurveError(f"{sheet.path}: no header comment line states 'heff <height> m'")
    return float(found[1])


def _manhattan(sheet: Sheet, carrier_hz: float) -> np.ndarray:
    from sim.channel.winner_b1 import winner_b1_manhattan

    height_m = _heights(sheet)
    return np.asarray(
        winner_b1_manhattan(sheet.numbers("d1_m"), sheet.numbers("d2_m"), height_m, height_m, carrier_hz, _channel())
    )


def _channel() -> Channel:
    from sim.scenario.schema.radio import Channel

    return Channel(environment_height_m=0.0)


def _law(name: str, carrier_hz: float) -> Callable[[np.ndarray], np.ndarray] | None:
    """The function of a column: distances in metres -> values; None for a column that names no law."""
    from sim.channel import PATH_LOSS

    b1 = re.search(rf"^b1.*heff{_NUMBER}(?:_{_NUMBER})?$", name)
    if b1:
        tx_m, rx_m = float(b1[1]), float(b1[2] or b1[1])
        return lambda d: PATH_LOSS["winner-b1"](d, tx_m, rx_m, carrier_hz, _channel())
    named = {
        "free_space": "free-space",
        "tr37885_hwy_los": "tr37885-highway",
        "tr37885_urb_los": "tr37885-urban",
        "tr37885_nlos": "tr37885-nlos",
        "ecc_rural": "ecc-rural",
    }
    for start, law in named.items():
        if name.startswith(start) and law in PATH_LOSS:
            return partial(_by_name, law, carrier_hz)
    blocked = re.match(r"nlosv_mean_case([23])", name)
    if blocked:
        return partial(_blockage, blocked[1] == "2")
    if name in ("p_los_hwy", "p_los_urb"):
        return partial(_sight, name.endswith("urb"))
    return None


def _by_name(law: str, carrier_hz: float, distance_m: np.ndarray) -> np.ndarray:
    from sim.channel import PATH_LOSS

    return PATH_LOSS[law](distance_m, 1.5, 1.5, carrier_hz, _channel())


def _blockage(between: bool, distance_m: np.ndarray) -> np.ndarray:
    from sim.channel.tr37885 import TRUCK_HEIGHT_M, blockage_statistics

    # Case 2: both antennas below the blocker; case 3: one above it.
    return blockage_statistics(distance_m, 1.5 if between else 5.0, 1.5, TRUCK_HEIGHT_M)[0] + 0.0 * distance_m


def _sight(urban: bool, distance_m: np.ndarray) -> np.ndarray:
    from sim.channel.sight import sight_probability

    return np.asarray(sight_probability(distance_m, urban))
