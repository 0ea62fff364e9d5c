"""RTCM and PSM at vehicles and units: the same verdict for everybody who received a frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rsu.applications import APPLICATIONS
from rsu.applications.day2.persons import read_psms
from rsu.applications.day2.sensors import read_rtcm
from rsu.compatibility import Reading
from sim.frames import Outcome
from sim.receivers.base import Decoded

Read = Callable[[dict[str, Any], int], bool]
"""(decoded value, generation instant in ns since 1970) -> whether a receiver can use it."""


class ContentReceiver:
    """Applied = decoded as ``message``, and ``usable``; freshness is judged by the pipeline."""

    def __init__(self, message: str, reading: Reading, usable: Read, utc0_ns: int) -> None:
        self.message, self._usable, self._utc0_ns = message, usable, utc0_ns
        self._decode = Decoded(reading.decode, limit=512)

    def judge_frames(self, octets: list[bytes], generated_ns: np.ndarray) -> np.ndarray:
        """Frame by frame."""
        outcome = np.full(len(octets), Outcome.DEC_ERROR, np.int8)
        for frame, message in enumerate(octets):
            decoded = self._decode(message)
            if decoded.message == self.message and decoded.value is not None:
                good = self._usable(decoded.value, self._utc0_ns + int(generated_ns[frame]))
                outcome[frame] = Outcome.DELIVERED if good else Outcome.NOT_INTERPRETED
        return outcome


def rtcm_receiver(reading: Reading, utc0_ns: int) -> ContentReceiver:
    """Usable: carries at least one correction. What is in it is not looked at."""
    return ContentReceiver("RTCM", reading, lambda value, near_utc_ns: bool(read_rtcm(value)), utc0_ns)


def psm_receiver(reading: Reading, utc0_ns: int) -> ContentReceiver:
    """Usable: position, speed and heading pass :func:`rsu.applications.checks.bsm_plausible`."""
    plausible = APPLICATIONS["BSM"]

    def usable(value: dict[str, Any], near_utc_ns: int) -> bool:
        person = read_psms([value], near_utc_ns).objects
        return bool(plausible(person.speed_mps, person.heading_deg, person.lon, person.lat)[0])

    return ContentReceiver("PSM", reading, usable, utc0_ns)
