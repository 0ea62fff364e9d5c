"""Where the road runs, who governs it, where it is signalised."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key

Direction = Literal["up", "down"]


class Point(Section):
    """One vertex of the corridor's centre line, in the corridor's datum."""

    lon: float = key(..., "longitude", unit="deg", ge=-180, le=180)
    lat: float = key(..., "latitude", unit="deg", ge=-84, le=84)
    height_m: float = key(0.0, "road height above the ellipsoid", unit="m", source="assumption")
    name: str | None = key(None, "name other keys refer to (border, signal)")
    basis: Literal["sourced", "computed", "invented"] = key("invented", "how the position is known")
    note: str | None = key(None, "source or remark")


class Span(Section):
    """A piece of the corridor by chainage or names of points; open ends mean the corridor's ends."""

    from_m: float | None = key(None, "first chainage", unit="m", ge=0)
    to_m: float | None = key(None, "last chainage", unit="m", ge=0)
    from_point: str | None = key(None, "name of the point where the piece begins")
    to_point: str | None = key(None, "name of the point where the piece ends")


class Jurisdiction(Section):
    """Who governs a piece of road. It may own no chainage: then it is reached by radio only."""

    id: str = key(..., "short name, e.g. SH", min_length=1, max_length=16)
    name: str = key("", "name in full")
    name_zh: str = key("", "name in Chinese")
    region_id: int = key(0, "RoadRegulatorID of its nodes (0 = test)", ge=0, le=65535, source="assumption")
    spans: list[Span] = key(list, "pieces of road it owns")


class RoadSection(Section):
    """Road class, lanes and speed limit over a piece of road; later sections override earlier ones."""

    span: Span = key(Span, "where")
    road_class: Literal["arterial", "expressway", "rural"] = key("arterial", "class used by siting rules")
    lanes: int = key(2, "lanes per direction", ge=1, le=6)
    speed_limit_mps: float = key(
        16.67, "speed limit", unit="m/s", gt=0, le=60, source="60 km/h, class-2 highway"
    )


class PhasePlan(Section):
    """One stage of a fixed-time plan: the approaches that move, and for how long."""

    approaches: list[str] = key(..., "approaches with green: up, down, arm_right, arm_left", min_length=1)
    green_s: float = key(..., "green time", unit="s", gt=0, le=300)
    yellow_s: float = key(
        3.0, "yellow time", unit="s", ge=0, le=10, source="GB 14886-2016 practice, unverified"
    )
    all_red_s: float = key(2.0, "all-red time", unit="s", ge=0, le=20, source="assumption")


class SideArms(Section):
    """The two side arms of a signalised node."""

    length_m: float = key(
        300.0, "length of each arm", unit="m", ge=50, le=2000, source="definitions section 1, assumption"
    )
    lanes: int = key(1, "lanes per direction", ge=1, le=3, source="assumption")
    flow_veh_h: float = key(
        200.0, "arrivals per arm", unit="veh/h", ge=0, le=2000, source="definitions section 1, assumption"
    )
    speed_limit_mps: float = key(11.11, "speed limit", unit="m/s", gt=0, le=40, source="40 km/h, assumption")
    turn_left_ratio: float = key(0.4, "share of arm traffic turning left", ge=0, le=1, source="assumption")
    turn_right_ratio: float = key(
        0.4, "share of arm traffic turning right; the rest crosses", ge=0, le=1, source="assumption"
    )
    main_left_ratio: float = key(
        0.05, "share of main-road traffic that leaves to the left", ge=0, le=1, source="assumption"
    )
    main_right_ratio: float = key(
        0.05, "share of main-road traffic that leaves to the right", ge=0, le=1, source="assumption"
    )


class SignalNode(Section):
    """A signalised intersection on the corridor."""

    id: str = key(..., "short name, e.g. W1", min_length=1, max_length=16)
    at_point: str | None = key(None, "name of the corridor point where it stands")
    at_m: float | None = key(None, "chainage, if not at a named point", unit="m", ge=0)
    node_id: int | None = key(None, "NodeID inside the region; default 256 + index", ge=0, le=65535)
    size: Literal["small", "medium", "large"] = key(
        "small", "size, by which a siting rule may ask for more units", source="assumption"
    )
    offset_s: float = key(0.0, "start of the cycle after t = 0", unit="s", ge=0)
    phases: list[PhasePlan] = key(list, "fixed-time plan; default: split phasing, cycle 90 s (assumption)")
    arms: SideArms = key(SideArms, "side arms")


class Corridor(Section):
    """The road: a polyline with chainage, sections, jurisdictions and signalised nodes."""

    datum: Literal["WGS84", "CGCS2000", "GCJ-02"] = key(..., "datum of every position in this file")
    topology: Literal["open", "ring"] = key("open", "an open road, or a closed ring for validation")
    points: list[Point] = key(list, "centre line; chainage grows from the first to the last (direction up)")
    length_m: float | None = key(
        None, "length of a straight road or ring given without points", unit="m", gt=0, le=200_000
    )
    directions: list[Direction] = key(lambda: ["up", "down"], "directions that exist")
    lane_width_m: float = key(
        3.5, "lane width", unit="m", ge=2.5, le=5, source="JTG B01-2014 at 60 km/h, from memory"
    )
    median_m: float = key(
        2.0, "width between the two carriageways", unit="m", ge=0, le=50, source="assumption"
    )
    sections: list[RoadSection] = key(lambda: [RoadSection()], "road class, lanes, speed limit", min_length=1)
    jurisdictions: list[Jurisdiction] = key(..., "who governs what", min_length=1, max_length=100)
    nodes: list[SignalNode] = key(list, "signalised intersections")
    max_offset_m: float = key(
        2000.0,
        "how far an RSU given by position may stand off the road",
        unit="m",
        gt=0,
        source="definitions section 1",
    )
