"""Second-phase services (T/CSAE 157-2020): pedestrians that send PSM, and vehicles that ask units for coordination."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key


class Pedestrian(Section):
    """A person who carries a device, sends PSM and walks to and fro at an even pace."""

    id: str = key(..., "short name", min_length=1, max_length=24)
    at_m: float = key(..., "chainage where the walk begins", unit="m", ge=0)
    offset_m: float = key(
        10.0, "distance of the start from the middle of the road, to the right seen in direction up; negative = left",
        unit="m", ge=-200, le=200, source="assumption",
    )
    way: Literal["across", "along"] = key(
        "across", "across: to the left, square to the road; along: in direction up, beside it"
    )
    walk_m: float = key(
        20.0, "length of the walk; there it turns round; 0 = stands", unit="m", ge=0, le=10_000, source="assumption"
    )
    speed_mps: float = key(1.2, "pace", unit="m/s", ge=0, le=10, source="assumption")


class Coordination(Section):
    """VIR to RSC: vehicles on the way to a node whose unit offers RSC ask it, and are answered."""

    share: float = key(
        1.0, "share of equipped vehicles that ask, where a unit at a node offers RSC", ge=0, le=1, source="assumption"
    )
    distance_m: float = key(
        200.0, "they ask from this far before the stop line", unit="m", gt=0, le=2000,
        source="T/CSAE 157-2020 application table: range of CIP, cooperative intersection passing",
    )
    timeout_ms: float = key(
        1000.0, "they give up this long after the first VIR", unit="ms", ge=10, le=60_000, source="assumption"
    )
    planning_ms: float = key(
        20.0, "from the applied VIR to the answer at the unit", unit="ms", ge=1, le=5000, source="assumption"
    )
