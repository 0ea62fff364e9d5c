"""The vehicles' own messages (BSM, CAM) at vehicles and units: decoded once per frame, believed if plausible."""

from __future__ import annotations

import numpy as np

from rsu.applications import APPLICATIONS
from rsu.compatibility import Reading
from rsu.messages.vehicle import STATUS_OK
from sim.frames import Outcome


class AwarenessReceiver:
    """Applied = decoded, and passes the plausibility check of :func:`rsu.applications.checks.bsm_plausible`."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._plausible = APPLICATIONS["BSM"]

    def judge_frames(self, octets: list[bytes], generated_ns: np.ndarray) -> np.ndarray:
        """Every receiver of a frame comes to the same verdict, so the frame is judged once."""
        columns = self.reading.decode_vehicles(octets)
        outcome = np.full(len(octets), Outcome.DEC_ERROR, np.int8)
        good = columns.status == STATUS_OK
        plausible = self._plausible(
            columns.speed_mps[good], columns.heading_deg[good], columns.longitude_deg[good], columns.latitude_deg[good]
        )
        outcome[good] = np.where(plausible, Outcome.DELIVERED, Outcome.NOT_INTERPRETED)
        return outcome
