"""What is measured: one row per case, its scenario, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.bench.stages import PLAIN, SETTINGS, road

REPORT_M = 500.0
"""Links are reported up to this distance."""
MOST_MEMORY_MB = 1000.0
LARGE_OVER_SMALL = 1.2
"""What 10,000 vehicles on 100 km may cost per vehicle, over what 1,000 on 10 km cost."""


@dataclass(frozen=True)
class Case:
    """One row of the benchmark. ``demo``: the whole command on the shipped scenario, everything included."""

    name: str
    access: str
    vehicles: int
    measured_s: float
    target_s: float | None = None
    """CPU seconds per simulated second asked for; of ``demo`` CPU seconds altogether."""
    like: str = ""
    """Case of 1,000 vehicles whose cost per vehicle, times :data:`LARGE_OVER_SMALL`, is the target instead."""
    length_km: float | None = None
    """None: 100 vehicles per km."""
    rate_hz: float = 10.0
    demo: bool = False
    extreme: bool = False
    """Legal and far from any use: asked is that it runs and stays sane."""
    group: str = ""
    """Cases of a group are measured in turns, several rounds, and the least CPU of each counts."""
    over: str = ""
    """Case of the group with which its cost is compared; at most :data:`sim.bench.stages.MOST_RATIO` times as much."""
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    """Keys of the scenario by section that differ."""


def _highway(name: str, access: str, vehicles: int, measured_s: float, **rest: Any) -> Case:
    return Case(name, access, vehicles, measured_s, **rest)


CASES: tuple[Case, ...] = (
    _highway("lte-v2x-mode4", "lte-v2x-mode4", 1000, 5.0, target_s=0.25),
    _highway("lte-v2x-mode4-2000", "lte-v2x-mode4", 2000, 3.0, like="lte-v2x-mode4"),
    _highway("lte-v2x-mode4-4000", "lte-v2x-mode4", 4000, 2.0, like="lte-v2x-mode4"),
    _highway("lte-v2x-mode4-10000", "lte-v2x-mode4", 10_000, 2.0, like="lte-v2x-mode4"),
    _highway("nr-v2x-mode2", "nr-v2x-mode2", 1000, 5.0, target_s=0.25),
    _highway("nr-v2x-mode2-10000", "nr-v2x-mode2", 10_000, 2.0, like="nr-v2x-mode2"),
    _highway("ieee80211p", "ieee80211p", 1000, 5.0, target_s=0.5),
    _highway("ieee80211p-10000", "ieee80211p", 10_000, 2.0, like="ieee80211p"),
    _highway("ideal", "ideal", 1000, 5.0),
    _highway("uu", "uu", 1000, 5.0),
    Case("demo-zone", "lte-v2x-mode4", 0, 60.0, target_s=30.0, demo=True),
    _highway("dense", "lte-v2x-mode4", 4000, 1.0, length_km=2.0, extreme=True, settings={
        "corridor": {"sections": [{"road_class": "expressway", "lanes": 6, "speed_limit_mps": 33.3}]},
        "traffic": {"model": "constant-speed"},
    }),
    _highway("dense-ieee80211p", "ieee80211p", 4000, 1.0, length_km=2.0, extreme=True, settings={
        "corridor": {"sections": [{"road_class": "expressway", "lanes": 6, "speed_limit_mps": 33.3}]},
        "traffic": {"model": "constant-speed"},
    }),
    _highway("50-hz", "lte-v2x-mode4", 1000, 2.0, rate_hz=50.0, extreme=True, settings={
        "radio": {"mode4": {"mcs": [11], "processing_budget_ms": 0}},  # T2 is at least 20 ms, all that 50 Hz leaves
    }),
    _highway("one-vehicle", "lte-v2x-mode4", 1, 5.0, length_km=100.0, extreme=True),
    *(
        _highway(name, "lte-v2x-mode4", 1000, 3.0, group="stages", over="" if name == PLAIN else PLAIN,
                 settings={**road(1000), **settings})
        for name, settings in SETTINGS.items()
    ),
)

POOLS: dict[str, dict[str, Any]] = {
    "lte-v2x-mode4": {"mode4": {"mcs": [11]}},
    "nr-v2x-mode2": {"mode2": {"mcs": [11]}},
}


def scenario(case: Case) -> dict[str, Any]:
    """The highway of a case: 100 vehicles per km, 10 Hz, all equipped, 10 MHz, 4 subchannels, 190 bytes on the air.

    Open road, three lanes per direction, IDM traffic, real BSM octets (the size on the air is fixed at 190 bytes, as in
    the published studies), WINNER+ B1 with environment height 1 m, reach by received power, no roadside units.
    """
    length_m = case.vehicles * 10.0 if case.length_km is None else case.length_km * 1000.0
    plan: dict[str, Any] = {
        "schema": "corridor/1",
        "name": case.name,
        "duration_s": case.measured_s,
        "traffic_warmup_s": 0,
        "radio_warmup_s": 2,
        "corridor": {
            "datum": "WGS84", "length_m": length_m, "jurisdictions": [{"id": "A", "spans": [{}]}],
            "sections": [{"road_class": "expressway", "lanes": 3, "speed_limit_mps": 33.3}],
        },
        "traffic": {"density_veh_km": case.vehicles / (length_m / 1000.0), "equipped_ratio": 1.0},
        "bsm": {"fixed_size_bytes": 190},
        "radio": {
            "access": case.access, "bandwidth_mhz": 10,
            "pools": [{"name": "shared", "senders": ["vehicle", "rsu"], "subchannels": 4, "subchannel_prb": 12}],
            **POOLS.get(case.access, {}),
        },
        "measure": {"probes": False, "max_distance_m": REPORT_M},
    }
    if case.rate_hz != 10.0:
        plan["bsm"] |= {"period_ms": 1000.0 / case.rate_hz, "congestion_control": "none"}
    for section, values in case.settings.items():
        plan[section] = plan[section] | values if section in plan else values
    return plan
