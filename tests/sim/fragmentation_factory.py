"""Small worlds and candidates for proofs on whole runs: a closed ring of places, and a road with a border."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import sim
from sim.access.ideal import Ideal
from sim.clock import hashed_uniform, stream_key
from sim.engine import Engine
from sim.frames import Kind, Outcome, Receptions
from sim.metrics import collect
from sim.metrics.base import Batch, Tick
from sim.scenario.loader import load_mapping
from sim.tables import METRIC_COLUMNS
from sim.world.stations import Stations

DAY_ONE = "cn-lte-v2x-day1"
MADE = {"basis": "assumption", "source": "made for a test"}
Keys = Mapping[str, tuple[Any, str]]
"""Key of a profile -> (value, hazard)."""


def candidate(
    name: str, differences: Mapping[str, Keys] | None = None, *, places: Sequence[str] = ("A", "B"),
    profiles: Mapping[str, Any] | None = None, hazards: Sequence[str] = (), **rest: Any,
) -> dict[str, Any]:
    """Content of a candidate whose ``places`` have the national profile, or that of ``profiles``."""
    rows = {
        place: [{"key": key, "value": value, "hazard": hazard, **MADE} for key, (value, hazard) in keys.items()]
        for place, keys in (differences or {}).items()
    }
    exercised = {row["hazard"] for of_place in rows.values() for row in of_place} | set(hazards)
    for row in (*rest.get("trust", ()), *rest.get("relays", ())):
        exercised.add(row["hazard"])
    content = {
        "schema": "candidate/1", "name": name, "harmonised": DAY_ONE,
        "profiles": {place: DAY_ONE for place in places} | dict(profiles or {}),
        **({"hazards": sorted(exercised)} if exercised else {}), **({"differences": rows} if rows else {}),
    }
    return {**content, **rest}


def trust(
    home: Sequence[str], issuer: Sequence[str], state: str, hazard: str = "H4", **timing: float
) -> dict[str, Any]:
    """A row of the section ``trust``."""
    return {"home": list(home), "issuer": list(issuer), "state": state, **timing, "hazard": hazard, **MADE}


def changed(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``data`` with values put in by dotted key."""
    for key, value in changes.items():
        *way, last = key.split(".")
        part = data
        for step in way:
            part = part.setdefault(step, {})
        part[last] = value
    return data


def ring(
    shares: Mapping[str, float], fleet: Mapping[str, float], content: dict[str, Any], changes: Mapping[str, Any] = {},
    *, length_m: float = 600.0, units: int = 200, range_m: float = 60.0,
) -> dict[str, Any]:
    """A closed road divided among places, units at equal distances, vehicles of one speed at equal distances.

    One lap takes ten seconds, the measured time, so that every vehicle is as long in a place as the place is long.
    Everybody knows all certificates; the radio loses nothing within ``range_m``.
    """
    ends_m = np.round(np.cumsum([0.0, *shares.values()]) * length_m, 6)
    spans = [[{"from_m": float(a), "to_m": float(b)}] for a, b in zip(ends_m, ends_m[1:], strict=False)]
    spacing_m = length_m / max(units, 1)
    return changed({
        "schema": "corridor/1", "name": "ring", "duration_s": 10, "radio_warmup_s": 0,
        "corridor": {
            "datum": "WGS84", "topology": "ring", "length_m": length_m,
            "sections": [{"lanes": 1, "speed_limit_mps": 60}],
            "jurisdictions": [
                {"id": place, "region_id": k + 1, "spans": spans[k]} for k, place in enumerate(shares)
            ],
        },
        "traffic": {
            "model": "constant-speed", "density_veh_km": 100, "spacing": "uniform", "equipped_ratio": 1,
            "speed_mps": length_m / 10, "homes": [{"jurisdiction": j, "share": s} for j, s in fleet.items()],
        },
        "gnss": {"model": "exact"},
        "layout": {"name": "equal distances", "sites": [
            {"id": f"U{k}", "at_m": (k + 0.5) * spacing_m, "services": [], "sensor": False} for k in range(units)
        ]},
        "radio": {"access": "ideal"}, "security": {"certificates": "known"}, "bsm": {"period_ms": 1000},
        "measure": {"max_distance_m": range_m, "gap_range_m": range_m, "probes": False},
        "standards": {"candidate": content},
    }, changes)


SERVICES = ("MAP", "SPAT", "RSI", "RSM")


def road(content: dict[str, Any], changes: Mapping[str, Any] = {}) -> dict[str, Any]:
    """600 m of open road, a border in the middle, a signal with a unit and an event on either side; no losses."""
    layout = {"name": "one at each signal", "sites": [
        {"id": "U1", "at_m": 200, "node": "N1", "services": list(SERVICES), "sensor": True},
        {"id": "U2", "at_m": 400, "node": "N2", "services": list(SERVICES), "sensor": True},
    ]}
    no_arms = {"length_m": 50, "flow_veh_h": 0}
    return changed({
        "schema": "corridor/1", "name": "road", "duration_s": 0.6, "traffic_warmup_s": 0, "radio_warmup_s": 0.6,
        "corridor": {
            "datum": "WGS84", "sections": [{"lanes": 1, "speed_limit_mps": 10}],
            "points": [
                {"lat": 31.0, "lon": 120.87, "name": "start"}, {"lat": 31.0054, "lon": 120.87, "name": "end"},
            ],
            "jurisdictions": [
                {"id": "A", "region_id": 1, "spans": [{"to_m": 300}]},
                {"id": "B", "region_id": 2, "spans": [{"from_m": 300}]},
            ],
            "nodes": [{"id": "N1", "at_m": 200, "arms": no_arms}, {"id": "N2", "at_m": 400, "arms": no_arms}],
        },
        "traffic": {
            "model": "constant-speed", "density_veh_km": 20, "spacing": "uniform", "equipped_ratio": 1, "speed_mps": 10,
        },
        "gnss": {"model": "exact"},
        "layout": layout,
        "roadside": {"map_period_ms": 500, "spat_period_ms": 200},
        "events": [
            {"id": 1, "code": 501, "direction": "up", "from_m": 150, "to_m": 250, "period_class": "dynamic"},
            {"id": 2, "code": 406, "direction": "down", "from_m": 350, "to_m": 450, "period_class": "dynamic"},
        ],
        "radio": {"access": "ideal"},
        "measure": {"max_distance_m": 1000, "gap_range_m": 1000, "probes": False},
        "standards": {"candidate": content},
    }, changes)


class Key(NamedTuple):
    """What a figure of a run is of."""

    metric: str
    link: str = ""
    message: str = ""
    station_class: str = ""


class Figures(dict[Key, tuple[float, int]]):
    """(value, n) of every figure of a run, or of a view of it, that is not told by distance or place."""

    def of(self, metric: str, link: str = "", message: str = "", station_class: str = "") -> float:
        """The value; 0 where nothing was counted."""
        return self.get(Key(metric, link, message, station_class), (0.0, 0))[0]

    def ends(self) -> dict[str, set[tuple[str, str]]]:
        """Outcome -> (link, class) of the opportunities that ended so."""
        found: dict[str, set[tuple[str, str]]] = {}
        for key in self:
            if key.metric.startswith("end_class_"):
                found.setdefault(key.metric.removeprefix("end_class_"), set()).add((key.link, key.message))
        return found


def figures(folder: Path, view: str = "") -> Figures:
    """Figures of a result folder."""
    found = Figures()
    with (folder / ("views.csv" if view else "metrics.csv")).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            plain = not any(row[name] for name in ("jurisdiction", "direction", "distance_m", "chainage_m", "quantile"))
            if plain and row["value"] and row.get("view", "") == view:
                key = Key(row["metric"], row["link"], row["message"], row["station_class"])
                found[key] = float(row["value"]), int(row["n"] or 0)
    return found


def ran(data: dict[str, Any], folder: Path, **options: Any) -> Path:
    """Run plain data; returns the result folder."""
    return sim.run(load_mapping(data), folder, plots=False, **options).folder


def metric_lines(folder: Path, view: str = "") -> list[str]:
    """Rows of ``metrics.csv``, or of a view, as they stand in the file."""
    name, head = ("views", ("view", *METRIC_COLUMNS)) if view else ("metrics", METRIC_COLUMNS)
    lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(head)
    return [line.removeprefix(f"{view},") for line in lines[1:] if not view or line.startswith(f"{view},")]


class Spy:
    """A KPI that keeps every batch of a run."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def observe(self, batch: Batch) -> None:
        """Keep it."""
        self.batches.append(batch)

    def tick(self, tick: Tick) -> None:
        """Nothing."""

    def rows(self) -> Iterator[Any]:
        """None."""
        return iter(())


def watched(data: dict[str, Any]) -> tuple[Figures, list[Batch]]:
    """Figures of a run, and every batch with measured frames."""
    engine, spy = Engine(load_mapping(data)), Spy()
    engine.pipeline.kpis = {**engine.kpis, "spy": spy}  # type: ignore[dict-item]
    engine.run()
    found = Figures()
    for row in collect(engine.kpis)[0]:
        if not (row.jurisdiction or row.direction) and row.value is not None:
            if row.distance_m is None and row.chainage_m is None and row.quantile is None:
                key = Key(row.metric, row.link, row.message, row.station_class)
                found[key] = float(row.value), int(row.n or 0)
    return found, spy.batches


LOST = 0.05


class Lossy(Ideal):
    """The ideal radio that loses a share :data:`LOST` of everything, each link for itself."""

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Draws hang on sender, instant and receiver alone."""
        found = super().advance(now_ns, stations)
        start_ns = found.start_ns[found.row].astype(np.uint64)
        drawn = hashed_uniform(
            stream_key(7, "lossy"), stations.station_id[found.receiver], start_ns, found.sender[found.row],
        )
        found.outcome[drawn < LOST] = Outcome.SENSITIVITY
        return found


__all__ = [
    "DAY_ONE", "Figures", "Key", "Kind", "Lossy", "Spy", "candidate", "changed", "figures", "metric_lines", "ran",
    "ring", "road", "trust", "watched",
]
