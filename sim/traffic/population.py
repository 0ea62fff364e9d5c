"""Who a vehicle is: class, desired speed, equipment and home, drawn from its lasting number alone."""

from __future__ import annotations

import numpy as np

from sim.clock import hashed_uniform, stream_key
from sim.scenario.schema.traffic import Traffic
from sim.traffic.fleet import Fleet

_SIGMA_LIMIT = 3.0


class Population:
    """Draws keyed by (seed, what, vehicle number): no draw depends on another, on the equipped share or on order."""

    def __init__(self, config: Traffic, jurisdictions: list[str], seed: int) -> None:
        self._config = config
        self._seed = seed
        self._keys: dict[str, np.uint64] = {}
        self._class_edges = _edges([c.share for c in config.classes])
        shares = {h.jurisdiction: 0.0 for h in config.homes}
        for home in config.homes:
            shares[home.jurisdiction] += home.share
        self._home_edges = _edges([shares.get(j, 0.0) if shares else 1.0 for j in jurisdictions])
        names = ("length_m", "width_m", "height_m", "antenna_height_m", "basic_vehicle_class")
        self._columns = {name: np.array([getattr(c, name) for c in config.classes]) for name in names}
        self.speed_factor = np.array([c.speed_factor for c in config.classes])
        self.max_accel_mps2 = np.array([c.max_accel_mps2 for c in config.classes])
        self.mean_length_m = float(np.average(self._columns["length_m"], weights=np.diff(self._class_edges, prepend=0)))
        self.mean_speed_factor = float(np.average(self.speed_factor, weights=np.diff(self._class_edges, prepend=0)))

    def uniform(self, what: str, numbers: np.ndarray, *more: np.ndarray) -> np.ndarray:
        """Uniform [0, 1) draws, one per vehicle number (and further counters)."""
        if what not in self._keys:
            self._keys[what] = stream_key(self._seed, "traffic", what)
        return hashed_uniform(self._keys[what], numbers, *more)

    def class_index(self, numbers: np.ndarray) -> np.ndarray:
        """Index into the configured classes."""
        return np.searchsorted(self._class_edges, self.uniform("class", numbers), side="right").astype(np.int16)

    def length_m(self, numbers: np.ndarray) -> np.ndarray:
        """Vehicle lengths."""
        return self._columns["length_m"][self.class_index(numbers)]

    def desired_factor(self, numbers: np.ndarray) -> np.ndarray:
        """Desired speed over the speed limit: class factor times a normal draw cut at 3 sigma."""
        radius = np.sqrt(-2 * np.log1p(-self.uniform("desired-a", numbers)))
        normal = radius * np.cos(2 * np.pi * self.uniform("desired-b", numbers))
        sigma = self._config.car_following.desired_speed_sigma_ratio
        spread = 1 + sigma * np.clip(normal, -_SIGMA_LIMIT, _SIGMA_LIMIT)
        return self.speed_factor[self.class_index(numbers)] * np.maximum(spread, 0.2)

    def equip(self, fleet: Fleet, slots: np.ndarray) -> None:
        """Fill the identity columns of new vehicles."""
        numbers = fleet.number[slots]
        self.set_class(fleet, slots, self.class_index(numbers))
        fleet.equipped[slots] = self.uniform("equipped", numbers) < self._config.equipped_ratio
        fleet.home[slots] = np.searchsorted(self._home_edges, self.uniform("home", numbers), side="right")

    def set_class(self, fleet: Fleet, slots: np.ndarray, index: np.ndarray | int) -> None:
        """Give vehicles a class and its sizes."""
        fleet.class_index[slots] = index
        for name, values in self._columns.items():
            getattr(fleet, name)[slots] = values[index]


def _edges(shares: list[float]) -> np.ndarray:
    """Upper cumulative edges in (0, 1]; the last positive share ends at exactly 1 so every draw finds a place."""
    total = np.cumsum(np.asarray(shares, float))
    edges = total / total[-1]
    edges[edges >= 1 - 1e-12] = 1.0
    return edges
