"""Typical messages of the second application phase (T/CSAE 157-2020), for :mod:`rsu.messages.typical`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rsu.services.counter import MessageCounter
from rsu.services.day2.c157_ssm import build_ssm
from rsu.services.day2.described import (
    Correction,
    Intention,
    LaneTarget,
    PathPlan,
    PersonDescription,
    VehicleAdvice,
    VehicleRequest,
    VehicleState,
)
from rsu.services.day2.psm import build_psm
from rsu.services.day2.rsc import build_rsc
from rsu.services.day2.rtcm import build_rtcm
from rsu.services.day2.vir import build_vir
from rsu.services.described import DetectedObjects, UnitDescription

CAR = bytes(range(8))
PAYLOAD_BYTES = 200
_SPEED_MPS, _STEP_S, _DEGREES_PER_M = 15.0, 0.5, 1e-5


def day_two_values(
    unit: UnitDescription, cars: DetectedObjects, utc_ns: int, points: int
) -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """(message, content, value, whether a road user sends it) of the messages with a service; ``points`` per plan."""
    after_s = _STEP_S * np.arange(1, points + 1)
    same = np.ones(points)
    plan = PathPlan(
        unit.lon + _SPEED_MPS * after_s * _DEGREES_PER_M, unit.lat * same, _SPEED_MPS * same, 90.0 * same, after_s
    )
    state = VehicleState(CAR, unit.lon, unit.lat, _SPEED_MPS, 90.0, utc_ns)
    change = VehicleRequest(1, "lane-change", LaneTarget((310, 257), (310, 258), 2))
    intention = Intention(state, plan, frozenset({"change-left"}), (change,))
    yield "VIR", f"plan of {points} points, 1 lane change", build_vir(intention, counter=MessageCounter(0)), True

    advice = VehicleAdvice(CAR, frozenset({"slow-down"}), 2.0, guidance=plan, purposes=frozenset({"merge"}))
    (coordination,) = build_rsc(unit, [advice], counter=MessageCounter(0), generated_utc_ns=utc_ns)
    yield "RSC", f"1 vehicle, guidance of {points} points", coordination, False

    (shared,) = build_ssm(unit, cars, counter=MessageCounter(0), generated_utc_ns=utc_ns).values
    yield "C157-SSM", f"{len(cars)} cars", shared, False

    (corrections,) = build_rtcm([Correction(bytes(PAYLOAD_BYTES), 1074)], counter=MessageCounter(0))
    yield "RTCM", f"1 payload of {PAYLOAD_BYTES} octets", corrections, False

    person = PersonDescription(CAR, "pedestrian", unit.lon, unit.lat, 1.4, 0.0, utc_ns, position_sigma_m=2.0)
    yield "PSM", "pedestrian, no trail", build_psm(person, counter=MessageCounter(0)), True
