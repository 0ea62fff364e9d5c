"""NR-V2X Mode 2: published ns-3 simulation of Brady, Cao and Roy (packet reception ratio against distance)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sim.access.nr_mode2 import published
from sim.clock import MS
from sim.frames import Outcome
from sim.validate.families.curve import rounded
from sim.validate.result import Case, Check, FileResult, Line, Panel, Skipped
from sim.validate.road import Layout, Trial
from sim.validate.sheet import CurveError, Sheet
from sim.validate.statistics import FINE_BIN_M, Tally, bin_edges_m, half_width, pooled, sample

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

FAMILY = "nr_mode2_ns3_sim"
CROSSING_RATIO, CROSSING_PERCENT = 0.5, 20.0
PER_LANE = 200
"""The authors' analysis script counts 400 stations in two lanes, at rest."""
EDGE_M = 500.0
"""It leaves out receivers this close to an end of the road."""
LANES_M = (0.0, 4.0)
FURTHEST_M = 800.0
"""Distances compared; beyond, the published ratio is below 0.0001."""
_NAME = re.compile(r"^spacing(\d+(?:\.\d+)?)_T2_(\d+)\.csv$")
CAUSES = {
    "hd": (Outcome.HALF_DUPLEX,),
    "sen": (Outcome.SENSITIVITY,),
    "sci": (Outcome.CONTROL_LOST,),
    "pro": (Outcome.PROPAGATION,),
    "col": (Outcome.COLLISION,),
}

METHOD = (
    "as the files' headers: 5.89 GHz, 23 dBm, numerology 0, 40 MHz, 4 subchannels of 50 PRB, 1774 B, MCS 14, RRI "
    "100 ms, T1 2 slots, T2 of the file, keep probability 0, shadowing 3 dB",
    "as the authors' simulation script: TR 37.885 highway with its LOS and NLOSv states, antennas at 1.6 m, blocking "
    "vehicles without trucks, sensing window 100 ms, no re-evaluation",
    f"open road, {PER_LANE} stations per lane at rest at even spacing in two lanes 4 m apart; receivers within "
    f"{EDGE_M:g} m of an end are not counted, as in the authors' analysis script",
    f"a packet below {published.reception_threshold_dbm():.1f} dBm is neither received nor sensed: their threshold of "
    "4.5e-17 W/Hz in the control channel, which they reckon with all power in 10 PRB of 180 kHz",
    "chosen: noise figure 9 dB, antenna gain 0 dBi, random phase, shadowing and states new every metre; left out: fast "
    "fading of their channel",
    "judged: distance at which the ratio crosses 0.5, linear between rows, within 20 %; mean deviation is printed only",
)


@dataclass(frozen=True)
class Setting:
    """Spacing in a lane and end of the selection window."""

    spacing_m: float
    t2_slots: int

    @property
    def name(self) -> str:
        """The setting as in file names."""
        return f"spacing{self.spacing_m:g}_T2_{self.t2_slots}"

    def trial(self, report_m: float) -> Trial:
        """The run of this setting."""
        return Trial(
            name=self.name,
            access="nr-v2x-mode2",
            radio=self.radio(),
            layout=Layout(
                PER_LANE,
                PER_LANE * self.spacing_m,
                ring=False,
                placement="even",
                lanes_m=LANES_M,
                edge_m=min(EDGE_M, PER_LANE * self.spacing_m / 4),
            ),
            packets_per_s=10.0,
            size_bytes=published.SIZE_BYTES,
            power_dbm=published.TX_POWER_DBM,
            height_m=published.ANTENNA_HEIGHT_M,
            budget_ns=100 * MS,
            warmup_s=3.0,
            measure_s=4.0,
            report_m=report_m,
        )

    def radio(self) -> Radio:
        """The radio section of a scenario with this setting."""
        return published.radio(self.t2_slots)


def read(sheet: Sheet) -> Case | Skipped | None:
    """The case of an NR file; None if it is none; CurveError if it is broken."""
    name = _NAME.match(sheet.path.name)
    if not name and not (sheet.has("prr") and sheet.says("mode 2")):
        return None
    if not name:
        raise CurveError(f"{sheet.path}: the header says Mode 2, but the file name is not spacing<m>_T2_<slots>.csv")
    sheet.check_rows("distance_m", "prr", least=2)
    distance_m, ratio = sheet.rising("distance_m", 0.0), sheet.numbers("prr", 0.0, 1.0)
    setting = Setting(float(name[1]), int(name[2]))
    for label, pattern, value in (
        ("UE spacing", r"spacing\s+(\d+(?:\.\d+)?)\s*m", setting.spacing_m),
        ("T2", r"T2=(\d+)", float(setting.t2_slots)),
    ):
        found = re.search(pattern, sheet.text)
        if found and float(found[1]) != value:
            raise CurveError(f"{sheet.path}: header says {label} {found[1]}, file name says {value:g}")
    if not 1 <= setting.spacing_m <= 500:
        return Skipped(sheet.path, f"no model: spacing {setting.spacing_m:g} m (known: 1 .. 500)")
    if not 5 <= setting.t2_slots <= 100:
        return Skipped(sheet.path, f"no model: T2 {setting.t2_slots} slots (known: 5 .. 100)")
    if np.isnan(crossing_m(distance_m, ratio)):
        return Skipped(sheet.path, "its ratio never crosses 0.5, so there is no distance to compare")
    near = distance_m <= FURTHEST_M
    distance_m, ratio = distance_m[near], ratio[near]
    edges = bin_edges_m(distance_m, False, 0.0)
    return Case(
        sheet.path,
        FAMILY,
        setting.name,
        f"nr {setting.name}",
        partial(judge, sheet, setting, distance_m, ratio, edges),
        partial(setting.trial, float(edges.max()) + FINE_BIN_M),
        edges,
    )


def crossing_m(distance_m: np.ndarray, ratio: np.ndarray) -> float:
    """First distance at which the ratio falls through 0.5, linear between rows; NaN if it never does."""
    known = ~np.isnan(ratio)
    distance_m, ratio = distance_m[known], ratio[known]
    below = np.flatnonzero((ratio[1:] < CROSSING_RATIO) & (ratio[:-1] >= CROSSING_RATIO))
    if not len(below):
        return float("nan")
    i = int(below[0])
    part = (ratio[i] - CROSSING_RATIO) / (ratio[i] - ratio[i + 1])
    return float(distance_m[i] + part * (distance_m[i + 1] - distance_m[i]))


def judge(
    sheet: Sheet, setting: Setting, distance_m: np.ndarray, ratio: np.ndarray, edges_m: np.ndarray, tallies: list[Tally]
) -> FileResult:
    """The verdict on one file."""
    total = pooled(tallies)
    ours = sample(total, edges_m, CAUSES)
    each = np.array([sample(tally, edges_m, CAUSES).pdr_with_sci for tally in tallies])
    mean = ours.pdr_with_sci
    expected_m, ours_m = crossing_m(distance_m, ratio), crossing_m(distance_m, mean)
    crossings = np.array([crossing_m(distance_m, one) for one in each])
    width = float(half_width(crossings[:, None])[0])
    percent = abs(ours_m / expected_m - 1.0) * 100.0
    deviation = float(np.nanmean(np.abs(mean - ratio))) * 100.0
    checks = (
        Check(
            "distance at 0.5, m", expected_m, ours_m, percent, CROSSING_PERCENT, "%", None if np.isnan(width) else width
        ),
        Check("PRR", float(ratio.mean()) * 100, float(np.nanmean(mean)) * 100, deviation, None, "points"),
    )
    full = {name: total_share(total, edges_m, outcomes) for name, outcomes in CAUSES.items()}
    colours = {"hd": "#7a5195", "sen": "#1f78b4", "sci": "#666666", "pro": "#33a02c", "col": "#d95f02"}
    causes = tuple(Line(name.upper(), distance_m, share * 100, False, colours[name]) for name, share in full.items())
    spread = half_width(each) * 100.0
    panels = (
        Panel(
            "distance between sender and receiver, m",
            "packet reception ratio, %",
            (
                Line("published simulation", distance_m, ratio * 100, True, "black"),
                Line("ours", distance_m, mean * 100, False, "#d62728", None if np.isnan(spread).all() else spread),
            ),
            (0.0, 102.0),
        ),
        Panel("distance between sender and receiver, m", "packets lost by cause, %", causes),
    )
    record = {
        "prr_mean_deviation_points": rounded(deviation),
        "crossing_m": rounded(ours_m),
        "crossing_expected_m": rounded(expected_m),
        "distance_m": distance_m.tolist(),
        "prr": [rounded(value) for value in mean],
        "cbr_simulated": rounded(total.busy_ratio),
        "never_sent_ratio": rounded(total.unsent_frames / max(1, total.frames)),
    }
    facts = {"CBR ours": f"{total.busy_ratio:.4f}", **total.provenance}
    return FileResult(sheet.path, FAMILY, setting.name, checks, panels, (), facts, record, len(tallies))


def total_share(total: Tally, edges_m: np.ndarray, outcomes: tuple[Outcome, ...]) -> np.ndarray:
    """Share of packets that ended so, a lost SCI being a cause of its own."""
    whole = Tally()
    whole.present, whole.data, whole.full = total.present, total.full, total.full
    return sample(whole, edges_m, {"one": outcomes}).causes["one"]
