"""One run's propagation: path loss by link kind, shadowing and sight from position-driven fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.channel import PATH_LOSS, PathLoss
from sim.channel.ends import Ends
from sim.channel.plain_block import b1_gain
from sim.channel.shadowing import ShadowField
from sim.channel.sight import blocked_loss_db

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel, Radio


@dataclass(frozen=True)
class Features:
    """Feature rows of n stations, one (left, right) pair of float32 [n, 4 terms] per field."""

    rows: tuple[tuple[np.ndarray, np.ndarray], ...]

    def __len__(self) -> int:
        return len(self.rows[0][0])

    def take(self, index: np.ndarray | slice) -> Features:
        """The features of a selection of stations."""
        return Features(tuple((left[index], right[index]) for left, right in self.rows))

    def put(self, index: np.ndarray, other: Features) -> None:
        """Overwrite the rows ``index`` with those of ``other``."""
        for (left, right), (new_left, new_right) in zip(self.rows, other.rows, strict=True):
            left[index], right[index] = new_left, new_right


@dataclass(frozen=True)
class Latent:
    """Standard normal values of L links, float32 [L]; sight and blockage only where states are modelled."""

    shadow: np.ndarray
    sight: np.ndarray | None = None
    blockage: np.ndarray | None = None


class Propagation:
    """Loss between stations under ``radio.channel``: a function of seed and positions, whatever the order."""

    def __init__(self, radio: Radio, seed: int, ring_length_m: float | None = None) -> None:
        channel = radio.channel
        self.config: Channel = channel
        self.carrier_hz = radio.carrier_hz
        self.states = channel.line_of_sight == "tr37885"
        names = ("shadowing", "sight", "blockage") if self.states else ("shadowing",)
        length = channel.decorrelation_m
        self.fields = tuple(ShadowField(seed, length, name=n, ring_length_m=ring_length_m) for n in names)

    def features(self, x_m: np.ndarray, y_m: np.ndarray) -> Features:
        """Features of stations at plane positions in metres ([n] each); about 1 us per station and field."""
        return Features(tuple(field.features(x_m, y_m) for field in self.fields))

    def pairs(self, features: Features, a: np.ndarray, b: np.ndarray, distance_m: np.ndarray) -> Latent:
        """Latent values of the links between rows a and b of ``features`` ([L] each)."""
        rows = zip(self.fields, features.rows, strict=True)
        return Latent(*(field.pairs(left, right, a, b, distance_m) for field, (left, right) in rows))

    def band(
        self, senders: Features, receivers: Features, lo: np.ndarray, hi: np.ndarray, distance_m: np.ndarray
    ) -> Latent:
        """Latent values, flat: sender i with the rows lo[i] .. hi[i] - 1 of ``receivers``, for all i."""
        rows = zip(self.fields, senders.rows, receivers.rows, strict=True)
        return Latent(*(f.band(one[0], other[1], lo, hi, distance_m) for f, one, other in rows))

    def loss_db(
        self,
        distance_m: np.ndarray,
        latent: Latent | np.ndarray,
        tx_height_m: np.ndarray | float,
        rx_height_m: np.ndarray | float,
        is_v2i: np.ndarray | bool = False,
    ) -> np.ndarray:
        """Path loss + shadowing + blockage in dB, float32 [L], over 3-D distances in metres.

        ``latent`` comes from :meth:`pairs` or :meth:`band` (an array alone is the shadowing); ``is_v2i``
        tells links with a roadside unit from links between vehicles. Positive shadowing values raise the
        loss.
        """
        distance = np.asarray(distance_m, np.float32)
        values = latent if isinstance(latent, Latent) else Latent(latent)
        loss = self.path_loss_db(distance, tx_height_m, rx_height_m, is_v2i)
        if not self.states:
            return loss + values.shadow * np.float32(self.config.shadowing_sigma_db)
        blocked, extra = self._blockage(distance, values, tx_height_m, rx_height_m, is_v2i)
        sigma_los = np.float32(self.config.shadowing_sigma_db)
        sigma = np.where(blocked, np.float32(self.config.shadowing_sigma_nlos_db), sigma_los)
        return loss + extra + values.shadow * sigma

    def block_gain(
        self, tx: Ends, rx: Ends, fields: tuple[np.ndarray, ...], is_v2i: bool, ring_m: float = 0.0
    ) -> np.ndarray:
        """Power ratio received / transmitted of all pairs of two groups of stations, float32 [len(tx), len(rx)].

        Antenna gains, path loss, shadowing and blockage; the same for both directions of a pair. ``fields`` holds the
        unscaled inner products of the feature rows, one [len(tx), len(rx)] array per field.
        """
        plain = (self.config.v2i if is_v2i else self.config.v2v) == "winner-b1" and not self.states
        if plain:
            return b1_gain(tx, rx, fields[0], self.fields[0], self.carrier_hz, self.config, ring_m)
        dx = (rx.x_m[None, :] - tx.x_m[:, None]).astype(np.float32)
        if ring_m:
            dx -= np.float32(ring_m) * np.rint(dx * np.float32(1 / ring_m))
        dy = (rx.y_m[None, :] - tx.y_m[:, None]).astype(np.float32)
        dz = rx.height_m[None, :] - tx.height_m[:, None]
        distance = np.sqrt(dx * dx + dy * dy + dz * dz)
        latent = Latent(*(f.scale(distance) * v for f, v in zip(self.fields, fields, strict=True)))
        loss = self.loss_db(distance, latent, tx.height_m[:, None], rx.height_m[None, :], is_v2i)
        gain = tx.gain_dbi[:, None] + rx.gain_dbi[None, :]
        return np.exp((gain - loss) * np.float32(np.log(10) / 10))

    def path_loss_db(
        self,
        distance_m: np.ndarray,
        tx_height_m: np.ndarray | float,
        rx_height_m: np.ndarray | float,
        is_v2i: np.ndarray | bool = False,
    ) -> np.ndarray:
        """Path loss with sight in dB, without shadowing; shape and type of ``distance_m``."""
        distance = np.asarray(distance_m)
        v2v, v2i = self._model(self.config.v2v), self._model(self.config.v2i)
        if self.config.v2v == self.config.v2i:
            return v2v(distance, tx_height_m, rx_height_m)
        if np.ndim(is_v2i) == 0:
            return (v2i if is_v2i else v2v)(distance, tx_height_m, rx_height_m)
        mask = np.broadcast_to(is_v2i, distance.shape)
        tx, rx = np.broadcast_to(tx_height_m, distance.shape), np.broadcast_to(rx_height_m, distance.shape)
        loss = np.empty_like(distance)
        for rows, model in ((mask, v2i), (~mask, v2v)):
            loss[rows] = model(distance[rows], tx[rows], rx[rows])
        return loss

    def reach_m(
        self,
        eirp_dbm: float,
        rx_gain_dbi: float,
        floor_dbm: float,
        tx_height_m: float,
        rx_height_m: float,
        is_v2i: bool = False,
    ) -> float:
        """Largest distance in metres at which a station is worth counting.

        ``floor_dbm`` is the receiver's noise power; a link counts while mean power + 2 sigma of shadowing is
        not more than ``reach_margin_db`` below it. 0 if that holds nowhere.
        """
        margin = self.config.reach_margin_db + 2 * self.config.shadowing_sigma_db
        model = PATH_LOSS[self.config.v2i if is_v2i else self.config.v2v]
        tolerable = eirp_dbm + rx_gain_dbi - floor_dbm + margin
        return range_m(tolerable, model, tx_height_m, rx_height_m, self.carrier_hz, self.config)

    def provenance(self) -> dict[str, str]:
        """Models in use: name -> what and where from."""
        c = self.config
        return {
            "path_loss_v2v": f"{c.v2v}, environment height {c.environment_height_m} m",
            "path_loss_v2i": f"{c.v2i}, environment height {c.environment_height_m} m",
            "shadowing": f"sigma {c.shadowing_sigma_db} dB, decorrelation {c.decorrelation_m} m, "
            f"sum of {self.fields[0].terms} sinusoids of both positions",
            "sight": f"{c.line_of_sight}" + (f", truck share {c.blocker_truck_ratio}" if self.states else ""),
        }

    def _model(self, name: str) -> Callable[..., np.ndarray]:
        model = PATH_LOSS[name]
        return lambda distance, tx, rx: model(distance, tx, rx, self.carrier_hz, self.config)

    def _blockage(
        self,
        distance: np.ndarray,
        values: Latent,
        tx_height_m: np.ndarray | float,
        rx_height_m: np.ndarray | float,
        is_v2i: np.ndarray | bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        if values.sight is None or values.blockage is None:
            raise ValueError(
                "latent: line_of_sight tr37885 needs the sight and blockage values of Propagation.pairs"
            )
        urban_v2v, urban_v2i = "urban" in self.config.v2v, "urban" in self.config.v2i
        urban = urban_v2v if urban_v2v == urban_v2i else np.where(is_v2i, urban_v2i, urban_v2v)
        return blocked_loss_db(
            distance, tx_height_m, rx_height_m, values.sight, values.blockage, urban,
            self.config.blocker_truck_ratio,
        )


def range_m(
    loss_db: float,
    model: PathLoss,
    tx_height_m: float,
    rx_height_m: float,
    carrier_hz: float,
    config: Channel | None,
    maximum_m: float = 1e6,
) -> float:
    """Largest distance in metres, to ``maximum_m``, with a loss of at most ``loss_db``; 0 if nowhere."""
    grid = np.geomspace(1.0, maximum_m, 4001)
    within = np.flatnonzero(model(grid, tx_height_m, rx_height_m, carrier_hz, config) <= loss_db)
    if not within.size:
        return 0.0
    if within[-1] == len(grid) - 1:
        return maximum_m
    low, high = grid[within[-1]], grid[within[-1] + 1]
    for _ in range(60):
        middle = 0.5 * (low + high)
        inside = model(np.array([middle]), tx_height_m, rx_height_m, carrier_hz, config)[0] <= loss_db
        low, high = (middle, high) if inside else (low, middle)
    return float(low)
