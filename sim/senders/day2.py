"""Periodic roadside services of the second application phase: sensor sharing (C157-SSM) and corrections (RTCM)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rsu.services.day2.c157_ssm import build_ssm
from rsu.services.day2.described import Correction
from rsu.services.day2.rtcm import build_rtcm
from sim.clock import stream
from sim.senders.roadside import Process, RoadsideSenders
from sim.world.sites import RoadsideUnit

RTCM_NUMBERS = (1005, 1074, 1124)
"""Message numbers of the placeholders: station, GPS MSM4, BeiDou MSM4 (RTCM 10403.3, unverified)."""
RTCM_MOST_BODY_BYTES = 1023
"""10 bits of length."""
_RTCM_FRAME_BYTES = 6
"""Preamble and length, 24 bits of parity."""
_AROUND_BYTES = 16
"""Bound on what stands around one correction in a message."""


class DayTwoServices:
    """C157-SSM and RTCM of all units that offer them; both need a flow of their own in ``roadside.flows``."""

    def __init__(self, roadside: RoadsideSenders) -> None:
        self.roadside = roadside
        self.left_out_objects = 0
        """Objects for which no C157-SSM was left, in the measured time."""

    def start(self) -> None:
        """Begin every service of every unit."""
        roadside = self.roadside
        for unit in roadside.units:
            if "C157-SSM" in roadside.flows and "C157-SSM" in unit.services and unit.index in roadside.sensing:
                roadside.env.process(self._sharing(unit))
            if "RTCM" in roadside.flows and "RTCM" in unit.services:
                roadside.env.process(self._corrections(unit))

    def _sharing(self, unit: RoadsideUnit) -> Process:
        """What the unit's sensor sees, like RSM, from the same samples."""
        roadside = self.roadside
        flow, counter = roadside.flows["C157-SSM"], roadside.counter(unit, "C157-SSM")
        described, sensing = roadside.described(unit), roadside.sensing[unit.index]
        junction = roadside.datum.point(sensing.junction())
        yield from roadside.each_period(unit, flow, "C157-SSM")
        while True:
            now_ns = int(roadside.env.now)
            objects = sensing.newest(now_ns)
            if objects is not None:
                batch = build_ssm(
                    described, roadside.datum.detected(sensing.detected(objects)), counter=counter,
                    generated_utc_ns=roadside.clock_ns(unit, now_ns), junction=junction,
                    max_messages=roadside.world.config.roadside.rsm_max_messages,
                    encode=lambda value: roadside.message_set.encode("C157-SSM", value),
                    max_bytes=roadside.max_bytes["C157-SSM"],
                )
                if roadside.measured[0] <= now_ns < roadside.measured[1]:
                    self.left_out_objects += batch.left_out_count
                octets = [roadside.message_set.encode(batch.message, value) for value in batch.values]
                roadside.emit(unit, flow, octets, sense_ns=now_ns - objects.sampled_ns)
            yield roadside.env.timeout(flow.flow.period_ns)

    def _corrections(self, unit: RoadsideUnit) -> Process:
        roadside = self.roadside
        flow, counter = roadside.flows["RTCM"], roadside.counter(unit, "RTCM")
        draws = stream(roadside.world.seed, "rtcm", unit.id)
        most_bytes = roadside.max_bytes["RTCM"]
        yield from roadside.each_period(unit, flow, "RTCM")
        while True:
            corrections = placeholder_corrections(roadside.world.config.roadside.rtcm_bytes, most_bytes, draws)
            values = build_rtcm(corrections, counter=counter, max_bytes=most_bytes)
            roadside.emit(unit, flow, [roadside.message_set.encode("RTCM", value) for value in values])
            yield roadside.env.timeout(flow.flow.period_ns)


def placeholder_corrections(total_bytes: int, message_bytes: int, draws: np.random.Generator) -> Sequence[Correction]:
    """Frames of RTCM 3 that together have ``total_bytes`` octets, each short enough for one message.

    Preamble, length and message number are right; the content is random octets and the parity is 0: **no receiver can
    correct anything with them**.
    """
    most = min(RTCM_MOST_BODY_BYTES + _RTCM_FRAME_BYTES, message_bytes - _AROUND_BYTES)
    count = max(-(-total_bytes // most), min(len(RTCM_NUMBERS), total_bytes // (4 * _RTCM_FRAME_BYTES)), 1)
    edges = np.linspace(0, total_bytes, count + 1).astype(int)
    return [
        Correction(_frame(RTCM_NUMBERS[k % len(RTCM_NUMBERS)], size, draws), RTCM_NUMBERS[k % len(RTCM_NUMBERS)])
        for k, size in enumerate(np.diff(edges).tolist())
    ]


def _frame(number: int, size_bytes: int, draws: np.random.Generator) -> bytes:
    body = size_bytes - _RTCM_FRAME_BYTES
    content = bytes([number >> 4, (number & 15) << 4]) + draws.bytes(max(body - 2, 0))
    return bytes([0xD3, body >> 8, body & 255]) + content[:body] + bytes(3)
