"""Who drives, how, and with which equipment and errors."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key

TREIBER = "Treiber, Hennecke, Helbing, Phys. Rev. E 62 (2000) 1805, IDM parameters"
KESTING = "Kesting, Treiber, Helbing, TRR 1999 (2007) 86, MOBIL parameters"


class VehicleClass(Section):
    """Size, antenna and driving limits of one kind of vehicle."""

    name: str = key(..., "car, truck, bus or any other word")
    share: float = key(..., "share of the fleet", ge=0, le=1)
    length_m: float = key(4.6, "length", unit="m", gt=0, le=25, source="assumption")
    width_m: float = key(1.8, "width", unit="m", gt=0, le=3, source="assumption")
    height_m: float = key(
        1.6,
        "height (blocks radio and sensors)",
        unit="m",
        gt=0,
        le=5,
        source="TR 37.885 vehicle type 2, from memory",
    )
    antenna_height_m: float = key(
        1.5, "antenna height above the road", unit="m", gt=0, le=6, source="EURASIP JWCN 2018-1194-2 table 4"
    )
    speed_factor: float = key(1.0, "desired speed over the speed limit", ge=0.1, le=2)
    max_accel_mps2: float = key(
        1.4,
        "IDM maximum acceleration",
        unit="m/s2",
        gt=0,
        le=10,
        source="Treiber and Kesting, Traffic Flow Dynamics (2013) table 11.2 (city/highway car 1.0-1.5)",
    )
    basic_vehicle_class: int = key(
        10, "BasicVehicleClass code in messages", ge=0, le=255, source="GB/T 45315-2025 annex D"
    )


def default_classes() -> list[VehicleClass]:
    """Cars, trucks and buses in shares that are an assumption."""
    return [
        VehicleClass(name="car", share=0.85),
        VehicleClass(
            name="truck",
            share=0.10,
            length_m=12.0,
            width_m=2.5,
            height_m=3.5,
            antenna_height_m=3.0,
            speed_factor=0.85,
            max_accel_mps2=0.7,
            basic_vehicle_class=20,
        ),
        VehicleClass(
            name="bus",
            share=0.05,
            length_m=11.0,
            width_m=2.5,
            height_m=3.2,
            antenna_height_m=3.0,
            speed_factor=0.9,
            max_accel_mps2=0.9,
            basic_vehicle_class=70,
        ),
    ]


class CarFollowing(Section):
    """IDM parameters shared by all classes."""

    time_gap_s: float = key(1.5, "desired time gap T", unit="s", gt=0, le=5, source=TREIBER)
    minimum_gap_m: float = key(2.0, "standstill gap s0", unit="m", gt=0, le=10, source=TREIBER)
    comfortable_decel_mps2: float = key(
        2.0,
        "comfortable deceleration b",
        unit="m/s2",
        gt=0,
        le=10,
        source="Treiber and Kesting (2013) table 11.2, 1.5-2",
    )
    exponent: float = key(4.0, "free-acceleration exponent delta", ge=1, le=10, source=TREIBER)
    desired_speed_sigma_ratio: float = key(
        0.08, "standard deviation of desired speed over its mean", ge=0, le=0.5, source="assumption"
    )


class LaneChange(Section):
    """MOBIL parameters."""

    enabled: bool = key(True, "change lanes at all")
    politeness: float = key(0.2, "weight of others' disadvantage p", ge=0, le=1, source=KESTING)
    threshold_mps2: float = key(0.1, "least advantage", unit="m/s2", ge=0, le=2, source=KESTING)
    safe_decel_mps2: float = key(
        4.0, "deceleration imposed on the new follower at most", unit="m/s2", gt=0, le=9, source=KESTING
    )
    duration_s: float = key(
        3.0, "time to move laterally by one lane", unit="s", gt=0, le=10, source="assumption"
    )


class HomeShare(Section):
    """Share of the fleet registered in one jurisdiction."""

    jurisdiction: str = key(..., "id of the jurisdiction")
    share: float = key(..., "share of equipped vehicles", ge=0, le=1)


class FlowSection(Section):
    """Flow of one direction, overriding the general one."""

    direction: Literal["up", "down"] = key(..., "direction")
    flow_veh_h: float = key(..., "flow entering at that end", unit="veh/h", ge=0, le=12_000)


class Traffic(Section):
    """Where vehicles come from and how they move."""

    model: str = key(
        "idm", "idm (car following), constant-speed, static, trajectories (a recorded file), or module:Class"
    )
    flow_veh_h: float = key(
        600.0,
        "arrivals per direction and hour (open road)",
        unit="veh/h",
        ge=0,
        le=12_000,
        source="assumption",
    )
    flows: list[FlowSection] = key(list, "flow by direction where it differs")
    density_veh_km: float | None = key(
        None,
        "vehicles per km of road, all lanes and directions; replaces flow (ring, static, benchmark)",
        unit="veh/km",
        ge=0,
        le=4000,
    )
    spacing: Literal["uniform", "poisson"] = key(
        "poisson", "places drawn when density is given: equally spaced or random"
    )
    stations: list[float] | None = key(None, "explicit chainages of static vehicles", unit="m")
    speed_mps: float | None = key(
        None, "speed of the constant-speed model; default the speed limit", unit="m/s", ge=0, le=70
    )
    file: str | None = key(
        None, "trajectory file (CSV or SUMO FCD XML) or static positions (CSV), relative to the scenario file"
    )
    file_sha256: str | None = key(
        None, "hash the file must have; written into stored scenarios", pattern=r"^[0-9a-f]{64}$"
    )
    classes: list[VehicleClass] = key(default_classes, "kinds of vehicle", min_length=1)
    equipped_ratio: float = key(
        0.3, "share of vehicles with an on-board unit (penetration)", ge=0, le=1, source="assumption"
    )
    homes: list[HomeShare] = key(list, "home jurisdictions; default equal shares")
    car_following: CarFollowing = key(CarFollowing, "IDM")
    lane_change: LaneChange = key(LaneChange, "MOBIL")
    tick_s: float = key(0.1, "traffic time step", unit="s", ge=0.01, le=1, source="definitions section 1")


class Crossing(Section):
    """What an on-board unit does when it crosses a border."""

    retune_s: float | None = key(
        None,
        "this long after a border a unit sends and listens by the channel plan of the place it drives in, until then "
        "by the plan it had; none = it keeps the plan of its home",
        unit="s",
        ge=0,
        le=3600,
        source="option of the fragmentation study; no document that asks for it was found",
    )


class OutageZone(Section):
    """A piece of road without satellite positioning (tunnel, gantry)."""

    from_m: float = key(..., "first chainage", unit="m", ge=0)
    to_m: float = key(..., "last chainage", unit="m", ge=0)


class Gnss(Section):
    """Positioning error of stations."""

    model: Literal["exact", "gauss-markov"] = key(
        "gauss-markov", "no error, or a first-order Gauss-Markov error per axis"
    )
    sigma_m: float = key(
        1.0,
        "standard deviation per horizontal axis",
        unit="m",
        ge=0,
        le=100,
        source="1.5 m CEP(68 %) of GB/T 45315-2025 is 1.0 m per axis (Rayleigh 68 % = 1.51 sigma)",
    )
    correlation_time_s: float = key(60.0, "time constant", unit="s", gt=0, le=3600, source="assumption")
    speed_sigma_mps: float = key(
        0.14,
        "standard deviation of speed",
        unit="m/s",
        ge=0,
        le=5,
        source="+-0.28 m/s, GB/T 45315-2025, read as 2 sigma",
    )
    heading_sigma_deg: float = key(
        1.0,
        "standard deviation of heading",
        unit="deg",
        ge=0,
        le=20,
        source="2-3 deg (68 %) is the limit of GB/T 45315-2025; assumption",
    )
    outages: list[OutageZone] = key(list, "where there is no fix")


class Clock(Section):
    """Clock offset of stations."""

    offset_sigma_ms: float = key(
        0.0,
        "standard deviation of the constant offset per station",
        unit="ms",
        ge=0,
        le=1000,
        source="definitions section 1",
    )
