"""Propagation: path loss, shadowing, sight, blockage by vehicles and buildings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.schema.base import Section, key

Corner = Annotated[list[float], Field(min_length=2, max_length=2)]
PathLossName = Literal["winner-b1", "tr37885-highway", "tr37885-urban", "two-ray", "free-space", "ecc-rural"]
SOMMER = "Sommer, Eckhoff, German, Dressler, WONS 2011: 9 dB per wall and 0.4 dB/m, from memory"


class Building(Section):
    """One building, or one thin wall (noise barrier, gantry)."""

    name: str = key("", "name", max_length=64)
    lonlat: list[Corner] | None = key(
        None, "corners as [longitude, latitude], corridor datum", unit="deg", min_length=2, max_length=1000
    )
    metres: list[Corner] | None = key(
        None, "corners as [x, y] on the corridor's plane, in place of lonlat", unit="m", min_length=2, max_length=1000
    )
    thin: bool = key(False, "a wall along the corners, not an area that they enclose")
    height_m: float | None = key(
        None, "height above the road; none = higher than every line of sight", unit="m", gt=0, le=1000
    )
    wall_loss_db: float | None = key(
        None, "loss per wall crossed, if not radio.channel.wall_loss_db", unit="dB", ge=0, le=100
    )


class Channel(Section):
    """Propagation: path loss, shadowing, sight, blockage by vehicles and buildings."""

    v2v: PathLossName = key("winner-b1", "path loss between vehicles", source="TR 36.885")
    v2i: PathLossName = key(
        "winner-b1",
        "path loss between roadside unit and vehicle",
        source="no sidelink V2I law is prescribed; the choice moves the range of a unit sixfold",
    )
    environment_height_m: float = key(
        1.0, "environment height of WINNER+ B1", unit="m", ge=0, le=1.4, source="TR 36.885 (h - 1)"
    )
    line_of_sight: Literal["always", "tr37885", "tr37885-extended", "geometric"] = key(
        "always",
        "sight between stations: always; the LOS/NLOSv states of TR 37.885 by distance; with NLOS as third state; or "
        "NLOSv by the vehicles that are there",
    )
    sight_area: Literal["by-path-loss", "highway", "urban"] = key(
        "by-path-loss", "law of sight by distance; by-path-loss: urban with an urban path loss, else highway"
    )
    blockage: Literal["tr37885", "per-blocker"] = key(
        "tr37885",
        "loss behind vehicles: one draw by the highest one (TR 37.885), or a fixed loss for each (line_of_sight: "
        "geometric)",
    )
    blocker_loss_db: float = key(
        6.9,
        "loss for each vehicle in the way (blockage: per-blocker)",
        unit="dB",
        ge=0,
        le=60,
        source="ETSI TR 103 257",
    )
    blocker_least_height_m: float = key(
        2.0,
        "lower vehicles do not block (line_of_sight: geometric): trucks and buses do, cars do not",
        unit="m",
        ge=0,
        le=5,
        source="project choice: antennas stand on the roofs of cars",
    )
    blocker_truck_ratio: float = key(
        0.2, "share of trucks among blocking vehicles (states by distance)", ge=0, le=1, source="assumption"
    )
    nlos: Literal["tr37885-nlos", "winner-b1-nlos", "winner-b1-manhattan"] = key(
        "tr37885-nlos",
        "path loss behind buildings (third state, building_law: nlos); never below the law with sight",
        source="TR 37.885 table 6.2.1-1",
    )
    street_axis_deg: float = key(
        90.0,
        "direction of one set of streets, clockwise from north (nlos: winner-b1-manhattan)",
        unit="deg",
        ge=0,
        lt=180,
        source="assumption",
    )
    buildings: list[Building] = key(list, "buildings, noise barriers and gantries")
    buildings_file: str | None = key(
        None, "GeoJSON file of buildings beside the scenario: Polygon, MultiPolygon, LineString (a thin wall)"
    )
    building_law: Literal["walls", "nlos"] = key(
        "walls", "links through buildings: loss per wall and metre on top of the path loss, or the law without sight"
    )
    wall_loss_db: float = key(9.0, "loss per wall crossed", unit="dB", ge=0, le=100, source=SOMMER)
    inside_loss_per_metre_db: float = key(
        0.4, "loss per metre inside a building", unit="dB", ge=0, le=20, source=SOMMER
    )
    shadowing_sigma_db: float = key(
        3.0, "standard deviation of shadowing with sight", unit="dB", ge=0, le=15, source="TR 36.885, TR 37.885"
    )
    shadowing_sigma_nlosv_db: float = key(
        3.0, "standard deviation of shadowing behind a vehicle (NLOSv)", unit="dB", ge=0, le=15, source="TR 37.885"
    )
    shadowing_sigma_nlos_db: float = key(
        4.0, "standard deviation of shadowing behind a building (NLOS)", unit="dB", ge=0, le=15, source="TR 37.885"
    )
    decorrelation_m: float = key(
        25.0, "decorrelation distance", unit="m", gt=0, le=500, source="TR 36.885 highway (10 m urban)"
    )
    decorrelation_nlosv_m: float | None = key(
        None,
        "decorrelation distance behind a vehicle, if another than with sight",
        unit="m",
        gt=0,
        le=500,
        source="TR 36.885 makes no difference; ns-3 uses 13 m",
    )
    decorrelation_nlos_m: float | None = key(
        None,
        "decorrelation distance behind a building, if another than with sight",
        unit="m",
        gt=0,
        le=500,
        source="TR 36.885 makes no difference; ns-3 uses 13 m",
    )
    state_decorrelation_m: float | None = key(
        None,
        "decorrelation distance of the states and of blockage, if another than that of shadowing",
        unit="m",
        gt=0,
        le=500,
        source="project choice",
    )
    reach_margin_db: float = key(
        10.0,
        "stations below noise by more than this (with 2 sigma of shadowing) are left out",
        unit="dB",
        ge=0,
        le=60,
        source="project choice, tested by doubling the reach",
    )
