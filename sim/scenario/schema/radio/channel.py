"""Propagation: path loss, shadowing, sight."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key


class Channel(Section):
    """Propagation: path loss, shadowing, sight."""

    v2v: Literal["winner-b1", "tr37885-highway", "tr37885-urban"] = key(
        "winner-b1", "path loss between vehicles", source="TR 36.885"
    )
    v2i: Literal["winner-b1", "tr37885-highway", "tr37885-urban", "two-ray"] = key(
        "winner-b1", "path loss between roadside unit and vehicle", source="access layers section 2.5"
    )
    environment_height_m: float = key(
        1.0, "environment height of WINNER+ B1", unit="m", ge=0, le=1.4, source="TR 36.885 (h - 1)"
    )
    line_of_sight: Literal["always", "tr37885"] = key(
        "always", "sight between stations: always, or the LOS/NLOSv states of TR 37.885"
    )
    shadowing_sigma_db: float = key(
        3.0, "standard deviation of shadowing with sight", unit="dB", ge=0, le=15, source="TR 36.885"
    )
    shadowing_sigma_nlos_db: float = key(
        3.0, "standard deviation of shadowing behind a vehicle (NLOSv)", unit="dB", ge=0, le=15, source="TR 37.885"
    )
    blocker_truck_ratio: float = key(
        0.2, "share of trucks among blocking vehicles (line_of_sight: tr37885)", ge=0, le=1, source="assumption"
    )
    decorrelation_m: float = key(
        25.0, "decorrelation distance", unit="m", gt=0, le=500, source="TR 36.885 highway (10 m urban)"
    )
    reach_margin_db: float = key(
        10.0,
        "stations below noise by more than this (with 2 sigma of shadowing) are left out",
        unit="dB",
        ge=0,
        le=60,
        source="project choice, tested by doubling the reach",
    )
