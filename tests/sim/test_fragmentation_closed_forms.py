"""Closed forms of fragmentation on whole runs: trust between roots, trust lists on their way, periods at a border.

Of the three forms of trust one radio run is judged: the two with more trust are views of it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.frames import Outcome
from sim.scenario.loader import load_mapping
from sim.world.build import World
from tests.sim.fragmentation_factory import LOST, Figures, candidate, changed, figures, ran, ring, trust, watched

FLEET = {"SH": 0.5, "JS": 0.3, "ZJ": 0.2}
CORRIDORS = {"C1": {"ZJ": 0.215, "JS": 0.409, "SH": 0.376}, "C2": {"ZJ": 0.246, "JS": 0.313, "SH": 0.441}}
"""Shares of the road's length by place (fragmentation model section 6)."""
ROOTS = {
    place: {"security.root": (place, "H4"), "rates.rsi_static_period_ms": (2000, "H10")} for place in FLEET
}
"""Nobody trusts another place's root; signs are told every two seconds, the same everywhere."""
BILATERAL = [trust(["SH"], ["JS"], "full"), trust(["JS"], ["SH"], "full")]
PRINTED = {
    ("C1", "none", "V2I"): 0.354, ("C2", "none", "V2I"): 0.364, ("C1", "none", "V2V"): 0.38,
    ("C1", "bilateral", "V2I"): 0.671, ("C1", "bilateral", "V2V"): 0.68, ("C1", "full", "V2I"): 1.0,
    ("C1", "full", "V2V"): 1.0,
}
"""Figures of section 6; the last digit is rounded."""
TRUSTED = {
    "none": {(place, place) for place in FLEET},
    "bilateral": {(place, place) for place in FLEET} | {("SH", "JS"), ("JS", "SH")},
    "full": {(home, issuer) for home in FLEET for issuer in FLEET},
}


def forms() -> dict[str, Any]:
    """Three roots that do not trust each other, and two views with more trust of the same run."""
    places = tuple(FLEET)
    views = [
        candidate("bilateral", ROOTS, places=places, trust=BILATERAL),
        candidate("full", ROOTS, places=places, trust=[trust(list(FLEET), [one], "full") for one in FLEET]),
    ]
    return {"content": candidate("none", ROOTS, places=places), "changes": {"standards.views": views}}


def v2i(corridor: str, seed: int, units: int = 200) -> dict[str, Any]:
    """One lap of 60 vehicles past all units; two signs that hold on the whole road. C1 with both views."""
    signs = [
        {"id": k, "code": 501, "direction": direction, "from_m": 0, "to_m": 600, "period_class": "static"}
        for k, direction in enumerate(("up", "down"))
    ]
    data = ring(CORRIDORS[corridor], FLEET, **forms(), units=units)
    if corridor != "C1":
        data["standards"]["views"] = []
    for unit in data["layout"]["sites"]:
        unit["services"] = ["RSI"]
    return changed(data, {"seed": seed, "events": signs, "traffic.tick_s": 0.5})


def v2v(seed: int) -> dict[str, Any]:
    """300 vehicles that all hear each other; no units."""
    data = ring(CORRIDORS["C1"], FLEET, **forms(), units=0, range_m=400.0)
    return changed(data, {"seed": seed, "duration_s": 1, "traffic.density_veh_km": 500})


def own_shares(data: dict[str, Any]) -> tuple[dict[str, float], dict[str, float], int]:
    """(share of vehicles by home, share of units by place, vehicles) of a world, counted before the run."""
    world = World(load_mapping(data))
    world.start(0)
    names = list(CORRIDORS["C1"])
    homes = [names[home] for home in world.fleet.home[world.fleet.slots()]]
    units = [names[unit.jurisdiction] for unit in world.units]
    shares = [
        {name: listed.count(name) / max(len(listed), 1) for name in names} for listed in (homes, units)
    ]
    return shares[0], shares[1], len(homes)


def expected(form: str, homes: Mapping[str, float], places: Mapping[str, float]) -> float:
    """Sum over homes and places that trust each other of share times share."""
    return sum(homes[home] * places[issuer] for home, issuer in TRUSTED[form])


def views(folder: Path) -> dict[str, Figures]:
    """Figures of the run and of its views."""
    found = {name: figures(folder, "" if name == "none" else name) for name in TRUSTED if name == "none" or (
        folder / "views.csv").exists()}
    assert all(found.values())
    return found


def test_the_printed_figures_are_those_of_the_shares() -> None:
    """Printed: the sums over the shares of section 6, to the last digit but one rounding in the inputs."""
    for (corridor, form, link), value in PRINTED.items():
        places = CORRIDORS[corridor] if link == "V2I" else FLEET
        assert expected(form, FLEET, places) == pytest.approx(value, abs=6e-4), (corridor, form, link)


@pytest.mark.parametrize("corridor", ["C1", pytest.param("C2", marks=pytest.mark.slow)])
def test_units_and_vehicles_by_shares_of_the_run(corridor: str, tmp_path: Path) -> None:
    """Printed: sum of f_h L_h over trusted pairs, with the shares that this run has, within 0.005; RSI from units at
    vehicles and BSM of vehicles at units alike. Everything that is lost is lost to the root."""
    data = v2i(corridor, 1, units=60)
    homes, places, _ = own_shares(data)
    for form, seen in views(ran(data, tmp_path / "run")).items():
        for link, service in (("I2V", "RSI"), ("V2I", "BSM")):
            usable = seen.of("uir_class", link, service)
            assert usable == pytest.approx(expected(form, homes, places), abs=0.005), (form, link)
            assert usable + seen.of("end_class_sec_root", link, service) == pytest.approx(1.0, abs=1e-9)
            assert seen.of("prr_class", link, service) == 1.0


def test_vehicles_by_shares_of_the_run(tmp_path: Path) -> None:
    """Printed: sum of f_h squared within 0.005, and by hand, exactly, the share of ordered pairs of two vehicles."""
    data = v2v(1)
    homes, _, count = own_shares(data)
    for form, seen in views(ran(data, tmp_path / "run")).items():
        usable = seen.of("uir_class", "V2V", "BSM")
        pairs = sum(homes[a] * (homes[b] * count - (a == b)) / (count - 1) for a, b in TRUSTED[form])
        assert usable == pytest.approx(pairs, abs=1e-9), form
        assert usable == pytest.approx(expected(form, homes, homes), abs=0.005), form


@pytest.mark.slow
def test_ten_seeds_give_the_printed_figures(tmp_path: Path) -> None:
    """Printed: each figure of section 6 within three standard errors of the mean over ten seeds."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for seed in range(1, 11):
        runs = {"C1": v2i("C1", seed), "C2": v2i("C2", seed), "V2V": v2v(seed)}
        for name, data in runs.items():
            for form, seen in views(ran(data, tmp_path / f"{name}-{seed}")).items():
                link, service = ("V2V", "BSM") if name == "V2V" else ("I2V", "RSI")
                key = ("C1", form, "V2V") if name == "V2V" else (name, form, "V2I")
                found.setdefault(key, []).append(seen.of("uir_class", link, service))
    for key, value in PRINTED.items():
        mean, error = np.mean(found[key]), np.std(found[key], ddof=1) / math.sqrt(len(found[key]))
        assert abs(mean - value) <= 3 * error + 6e-4, (key, mean, error)


def test_usable_share_while_a_trust_list_is_on_its_way() -> None:
    """Distribution: between homes UIR(t) is 1 - exp(-(t - t0) / tau); within one home it is 1 throughout. Each of 600
    receivers waits for one list: three standard errors are 0.061."""
    tau_s, from_s, seconds = 2.0, 1.0, 10
    places = ("A", "B")
    lists = [trust([home], [issuer], "pending", "H4b", from_s=from_s, tau_s=tau_s) for home, issuer in ("AB", "BA")]
    content = candidate("lag", {p: {"security.root": (p, "H4")} for p in places}, places=places, trust=lists)
    half = dict.fromkeys(places, 0.5)
    sparse = {"traffic.density_veh_km": 1000, "traffic.tick_s": 0.5, "measure.bin_m": 4}
    data = ring(half, half, content, sparse, units=0, range_m=8.0)
    applied, present = np.zeros((2, 2, seconds))
    receivers = set()
    for batch in watched(data)[1]:
        second = (batch.end_ns[batch.row] // 10**9).astype(int)
        cross = (batch.sender_home[batch.row] != batch.stations.home[batch.receiver]).astype(int)
        inside = second < seconds
        np.add.at(present, (cross[inside], second[inside]), 1)
        inside &= batch.outcome == Outcome.DELIVERED
        np.add.at(applied, (cross[inside], second[inside]), 1)
        receivers |= set(batch.receiver.tolist())
    assert len(receivers) >= 590 and present.min() > 1000
    assert (applied[0] == present[0]).all()
    since_s = np.linspace(0, seconds, seconds * 100, endpoint=False).reshape(seconds, 100) + 0.005 - from_s
    wanted = np.where(since_s > 0, 1 - np.exp(-np.maximum(since_s, 0) / tau_s), 0.0).mean(1)
    assert applied[1, 0] == 0 and wanted[-1] > 0.98
    assert np.abs(applied[1] / present[1] - wanted).max() < 3 * math.sqrt(0.25 / len(receivers))


@pytest.mark.parametrize(
    "period_s, printed_s", [(1.0, 0.553), pytest.param(10.0, 5.53, marks=pytest.mark.slow)]
)
def test_blackout_from_the_period_alone(period_s: float, printed_s: float, tmp_path: Path) -> None:
    """Printed: a unit heard from the border on tells an event every T; with random phase and a share q of .95 received
    the first one comes after T (1 / q - 1 / 2) in the mean, within three standard errors of the crossings seen.

    Crossings later than five periods before the end are left out: their ends could be cut off."""
    rates = {"rates.rsi_static_period_ms": (1000 * period_s, "H10")}
    window_s, reach_m, border_m = 30.0, 1700.0, 650.0
    data = {
        "schema": "corridor/1", "name": "border", "duration_s": window_s + 5 * period_s, "traffic_warmup_s": 0,
        "radio_warmup_s": 0,
        "corridor": {
            "datum": "WGS84", "length_m": 2300, "directions": ["up"],
            "sections": [{"lanes": 1, "speed_limit_mps": 20}],
            "jurisdictions": [
                {"id": "A", "region_id": 1, "spans": [{"to_m": border_m}]},
                {"id": "B", "region_id": 2, "spans": [{"from_m": border_m}]},
            ],
        },
        "traffic": {
            "model": "constant-speed", "density_veh_km": 250, "spacing": "poisson", "equipped_ratio": 1, "tick_s": 0.5,
        },
        "gnss": {"model": "exact"}, "bsm": {"enabled": False}, "security": {"certificates": "known"},
        "layout": {"name": "one", "sites": [
            {"id": "U", "at_m": border_m + reach_m - 100, "services": ["RSI"], "sensor": False},
        ]},
        "events": [
            {"id": 1, "code": 501, "from_m": border_m, "to_m": 2300, "period_class": "static",
             "announce_within_m": 20000},
        ],
        "radio": {"access": "tests.sim.fragmentation_factory:Lossy"},
        "measure": {
            "max_distance_m": reach_m - 100, "event_upstream_m": 500, "probes": False,
            "tau_s": {"SPAT": 1, "MAP": 5, "RSI": 60, "RSM": 0.5, "BSM": 0.3},
        },
        "standards": {"candidate": candidate("periods", {"A": rates, "B": rates})},
    }
    with (ran(data, tmp_path / "run") / "crossings.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["class"] == "RSI" and float(row["time_s"]) < window_s]
    assert len(rows) > 130 and {row["end"] for row in rows} == {"fresh"}
    after_s = np.array([float(row["duration_s"]) for row in rows])
    mean_s = period_s * (1 / (1 - LOST) - 0.5)
    assert mean_s == pytest.approx(printed_s, rel=1e-3) and after_s.min() > -0.05
    assert abs(after_s.mean() - mean_s) < 3 * after_s.std() / math.sqrt(len(after_s))
