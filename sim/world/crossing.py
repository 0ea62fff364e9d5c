"""On-board units that follow the channel plan of the place they drive in, some time after they crossed a border."""

from __future__ import annotations

import numpy as np

from sim.world.stations import Stations


class Retuning:
    """Keeps ``stations.tuning``: the plan a vehicle had until ``after_ns`` after it crossed, then that of the place.

    Crossings are seen at the start of a traffic tick. A vehicle that appears has driven there long enough; where nobody
    owns the road a vehicle keeps the plan it has. Pedestrians keep that of their home.
    """

    def __init__(self, stations: Stations, after_ns: int) -> None:
        self.stations, self.after_ns = stations, after_ns
        stations.tuning = stations.home.copy()
        self._place = np.full(stations.size, -1, np.int16)
        self._since_ns = np.zeros(stations.size, np.int64)

    def update(self, changed: np.ndarray) -> None:
        """A tick has begun; ``changed``: slots where other vehicles stand now."""
        stations = self.stations
        tuning = stations.tuning
        assert tuning is not None
        extra = stations.size - len(self._place)
        if extra > 0:
            self._place = np.concatenate([self._place, np.full(extra, -1, np.int16)])
            self._since_ns = np.concatenate([self._since_ns, np.zeros(extra, np.int64)])
        now_ns = stations.tick_start_ns
        vehicles = slice(stations.first_vehicle, None)
        place = stations.place
        tuning[changed] = np.where(place[changed] >= 0, place[changed], stations.home[changed])
        crossed = place != self._place
        self._since_ns[crossed] = now_ns
        self._since_ns[changed] = now_ns - self.after_ns
        self._place[:] = place
        due = (now_ns - self._since_ns[vehicles] >= self.after_ns) & (place[vehicles] >= 0)
        tuning[vehicles] = np.where(due, place[vehicles], tuning[vehicles])
