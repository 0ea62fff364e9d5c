"""The vehicles' own messages (BSM, CAM) at vehicles and units: decoded once per frame, believed if plausible."""

from __future__ import annotations

import numpy as np

from rsu.applications import APPLICATIONS
from rsu.applications.objects import separation
from rsu.compatibility import Reading
from rsu.messages.vehicle import STATUS_OK
from sim.frames import Outcome
from sim.receivers.base import Here
from sim.scenario.schema.messages import Plausibility


class AwarenessReceiver:
    """Applied = decoded, and passes the plausibility check of :func:`rsu.applications.checks.bsm_plausible`.

    The distance to the receiver is asked of frames that are read otherwise than they were meant only (:meth:`near`):
    what is read rightly is within reach of the radio, and so is its sender.
    """

    def __init__(self, reading: Reading, here: Here, limits: Plausibility) -> None:
        self.reading, self._here, self._limits = reading, here, limits
        self._plausible = APPLICATIONS["BSM"]

    def judge_frames(self, octets: list[bytes], generated_ns: np.ndarray) -> np.ndarray:
        """Every receiver of a frame comes to the same verdict, so the frame is judged once."""
        columns = self.reading.decode_vehicles(octets)
        outcome = np.full(len(octets), Outcome.DEC_ERROR, np.int8)
        good = columns.status == STATUS_OK
        plausible = self._plausible(
            columns.speed_mps[good], columns.heading_deg[good], columns.longitude_deg[good], columns.latitude_deg[good],
            max_speed_mps=self._limits.max_speed_mps,
        )
        outcome[good] = np.where(plausible, Outcome.DELIVERED, Outcome.NOT_INTERPRETED)
        return outcome

    def near(self, octets: list[bytes], place: np.ndarray, receiver: np.ndarray) -> np.ndarray:
        """Whether receivers (slots) can believe how far away a sender says it is; ``place`` points into ``octets``."""
        columns, here = self.reading.decode_vehicles(octets), self._here
        away_m = separation(
            columns.longitude_deg[place], columns.latitude_deg[place], here.lon[receiver], here.lat[receiver]
        )
        return np.asarray(away_m <= self._limits.max_distance_m)
