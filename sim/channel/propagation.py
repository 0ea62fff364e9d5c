"""One run's propagation: path loss by link kind, shadowing and sight from position-driven fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.channel import PATH_LOSS, PathLoss
from sim.channel.antenna import is_directional, off_beam_db
from sim.channel.ends import Ends
from sim.channel.plain_block import b1_gain
from sim.channel.record import recorded
from sim.channel.scene import Obstacles, Scene
from sim.channel.shadowing import ShadowField
from sim.channel.sight import States, states_by_distance, states_by_vehicles
from sim.channel.winner_b1 import winner_b1_manhattan

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
    """Standard normal values of links, float32 of one shape; beside shadowing only what the settings need."""

    shadow: np.ndarray
    sight: np.ndarray | None = None
    blockage: np.ndarray | None = None
    shadow_nlosv: np.ndarray | None = None
    """Shadowing of blocked links where its decorrelation distance is another one; likewise the next."""
    shadow_nlos: np.ndarray | None = None


def latent_fields(channel: Channel) -> dict[str, tuple[str, float]]:
    """Values of :class:`Latent` that these settings need: name -> stream and decorrelation distance in metres."""
    by_distance = channel.line_of_sight in ("tr37885", "tr37885-extended")
    geometric = channel.line_of_sight == "geometric"
    shadow_m = channel.decorrelation_m
    state_m = channel.state_decorrelation_m or shadow_m
    fields = {"shadow": ("shadowing", shadow_m)}
    if by_distance:
        fields["sight"] = ("sight", state_m)
    if by_distance or (geometric and channel.blockage == "tr37885"):
        fields["blockage"] = ("blockage", state_m)
    nlosv_m, nlos_m = channel.decorrelation_nlosv_m, channel.decorrelation_nlos_m
    if (by_distance or geometric) and nlosv_m not in (None, shadow_m):
        fields["shadow_nlosv"] = ("shadowing behind vehicles", float(nlosv_m or 0.0))
    if has_nlos(channel) and nlos_m not in (None, shadow_m):
        fields["shadow_nlos"] = ("shadowing behind buildings", float(nlos_m or 0.0))
    return fields


def has_nlos(channel: Channel) -> bool:
    """Whether links can be behind buildings: by the three-state law or by outlines."""
    return channel.line_of_sight == "tr37885-extended" or bool(channel.buildings or channel.buildings_file)


class Propagation:
    """Loss between stations under ``radio.channel``: a function of seed, positions and scene, whatever the order.

    ``scene`` holds what stands between stations; ValueError if the settings need one (line_of_sight: geometric, or
    buildings) and none is given.
    """

    def __init__(
        self, radio: Radio, seed: int, ring_length_m: float | None = None, scene: Scene | None = None
    ) -> None:
        channel = radio.channel
        self.config: Channel = channel
        self.carrier_hz = radio.carrier_hz
        self.scene = scene
        self.by_distance = channel.line_of_sight in ("tr37885", "tr37885-extended")
        self.geometric = channel.line_of_sight == "geometric"
        self.walled = bool(channel.buildings or channel.buildings_file)
        if (self.geometric or self.walled) and scene is None:
            what = "line_of_sight: geometric" if self.geometric else "buildings"
            raise ValueError(f"radio.channel: {what} needs a scene with the vehicles and buildings of the run")
        self.states = self.by_distance or self.geometric or self.walled
        self._manhattan = has_nlos(channel) and channel.nlos == "winner-b1-manhattan"
        names = latent_fields(channel)
        self._names = tuple(names)
        self.fields = tuple(
            ShadowField(seed, length_m, name=name, ring_length_m=ring_length_m) for name, length_m in names.values()
        )

    def features(self, x_m: np.ndarray, y_m: np.ndarray) -> Features:
        """Features of stations at plane positions in metres ([n] each); about 1 us per station and field."""
        return Features(tuple(field.features(x_m, y_m) for field in self.fields))

    def pairs(self, features: Features, a: np.ndarray, b: np.ndarray, distance_m: np.ndarray) -> Latent:
        """Latent values of the links between rows a and b of ``features`` ([L] each)."""
        rows = zip(self.fields, features.rows, strict=True)
        return self._latent(field.pairs(left, right, a, b, distance_m) for field, (left, right) in rows)

    def band(
        self, senders: Features, receivers: Features, lo: np.ndarray, hi: np.ndarray, distance_m: np.ndarray
    ) -> Latent:
        """Latent values, flat: sender i with the rows lo[i] .. hi[i] - 1 of ``receivers``, for all i."""
        rows = zip(self.fields, senders.rows, receivers.rows, strict=True)
        return self._latent(f.band(one[0], other[1], lo, hi, distance_m) for f, one, other in rows)

    def loss_db(
        self,
        distance_m: np.ndarray,
        latent: Latent | np.ndarray,
        tx_height_m: np.ndarray | float,
        rx_height_m: np.ndarray | float,
        is_v2i: np.ndarray | bool = False,
        obstacles: Obstacles | None = None,
        streets_m: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Path loss + shadowing + blockage in dB, float32, over 3-D distances in metres.

        ``latent`` comes from :meth:`pairs` or :meth:`band` (an array alone is the shadowing); ``is_v2i``
        tells links with a roadside unit from links between vehicles. Positive shadowing values raise the
        loss. ``obstacles`` (:meth:`sim.channel.scene.Scene.between`) are needed where the settings name vehicles or
        buildings in the way, ``streets_m`` (offsets along and across the street axis) for winner-b1-manhattan;
        ValueError without them.
        """
        distance = np.asarray(distance_m, np.float32)
        values = latent if isinstance(latent, Latent) else Latent(latent)
        loss = self.path_loss_db(distance, tx_height_m, rx_height_m, is_v2i)
        if not self.states:
            return loss + values.shadow * np.float32(self.config.shadowing_sigma_db)
        found = self._states(distance, values, tx_height_m, rx_height_m, is_v2i, obstacles)
        if found.behind is not None and found.behind.any() and not self._adds_walls:
            behind = self._nlos_loss_db(distance, tx_height_m, rx_height_m, streets_m)
            loss = np.where(found.behind, np.maximum(loss, behind), loss)
        return loss + found.loss_db + self._shadowing_db(values, found)

    def block_gain(
        self, tx: Ends, rx: Ends, fields: tuple[np.ndarray, ...], is_v2i: bool, ring_m: float = 0.0,
        within_m: float = np.inf,
    ) -> np.ndarray:
        """Power ratio received / transmitted of all pairs of two groups of stations, float32 [len(tx), len(rx)].

        Antenna gains, path loss, shadowing and blockage; the same for both directions of a pair. ``fields`` holds the
        unscaled inner products of the feature rows, one [len(tx), len(rx)] array per field. Of links longer than
        ``within_m`` nobody reads the gain: vehicles in their way are not looked for.
        """
        directional = is_directional(tx.pattern) or is_directional(rx.pattern)
        plain = (self.config.v2i if is_v2i else self.config.v2v) == "winner-b1" and not self.states
        if plain and not directional:
            return b1_gain(tx, rx, fields[0], self.fields[0], self.carrier_hz, self.config, ring_m)
        dx = (rx.x_m[None, :] - tx.x_m[:, None]).astype(np.float32)
        if ring_m:
            dx -= np.float32(ring_m) * np.rint(dx * np.float32(1 / ring_m))
        dy = (rx.y_m[None, :] - tx.y_m[:, None]).astype(np.float32)
        dz = rx.height_m[None, :] - tx.height_m[:, None]
        distance = np.sqrt(dx * dx + dy * dy + dz * dz)
        latent = self._latent(f.scale(distance) * v for f, v in zip(self.fields, fields, strict=True))
        heights = tx.height_m[:, None], rx.height_m[None, :]
        if self.states:
            obstacles = None if self.scene is None else self.scene.between(tx, rx, within_m)
            loss = self.loss_db(distance, latent, *heights, is_v2i, obstacles, self.streets_m(dx, dy))
        else:
            loss = self.loss_db(distance, latent, *heights, is_v2i)
        gain = tx.gain_dbi[:, None] + rx.gain_dbi[None, :]
        if directional:
            gain = gain - off_beam_db(tx.pattern, rx.pattern, dx, dy, dz)
        return np.exp((gain - loss) * np.float32(np.log(10) / 10))

    def streets_m(self, dx_m: np.ndarray, dy_m: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Offsets along and across the street axis, both positive; None where no law asks for them."""
        if not self._manhattan:
            return None
        turn = np.radians(self.config.street_axis_deg)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return np.abs(dx_m * sin + dy_m * cos), np.abs(dx_m * cos - dy_m * sin)

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
        not more than ``reach_margin_db`` below it. 0 if that holds nowhere. Sight and main directions are taken, the
        largest sigma of any state: whatever stands in the way, and any antenna pattern, only lowers power.
        """
        margin = self.config.reach_margin_db + 2 * self.sigma_db()
        model = PATH_LOSS[self.config.v2i if is_v2i else self.config.v2v]
        tolerable = eirp_dbm + rx_gain_dbi - floor_dbm + margin
        return range_m(tolerable, model, tx_height_m, rx_height_m, self.carrier_hz, self.config)

    def sigma_db(self) -> float:
        """The largest standard deviation of shadowing of any state that can occur."""
        c = self.config
        blocked = c.shadowing_sigma_nlosv_db if self.by_distance or self.geometric else 0.0
        behind = c.shadowing_sigma_nlos_db if has_nlos(c) else 0.0
        return max(c.shadowing_sigma_db, blocked, behind)

    def provenance(self) -> dict[str, str]:
        """Models in use: name -> what and where from."""
        return recorded(self.config, self.fields[0].terms, self.scene)

    @property
    def _adds_walls(self) -> bool:
        return self.walled and self.config.building_law == "walls"

    def _latent(self, values: Iterable[np.ndarray]) -> Latent:
        return Latent(**dict(zip(self._names, values, strict=True)))

    def _model(self, name: str) -> Callable[..., np.ndarray]:
        model = PATH_LOSS[name]
        return lambda distance, tx, rx: model(distance, tx, rx, self.carrier_hz, self.config)

    def _states(
        self,
        distance: np.ndarray,
        values: Latent,
        tx_height_m: np.ndarray | float,
        rx_height_m: np.ndarray | float,
        is_v2i: np.ndarray | bool,
        obstacles: Obstacles | None,
    ) -> States:
        """States of links by all that the settings name."""
        c = self.config
        if (self.geometric or self.walled) and obstacles is None:
            raise ValueError("obstacles: line_of_sight geometric and buildings need those of Scene.between")
        found = States()
        if self.by_distance:
            if values.sight is None or values.blockage is None:
                raise ValueError(
                    f"latent: line_of_sight {c.line_of_sight} needs the sight and blockage values of Propagation.pairs"
                )
            found = states_by_distance(
                distance, tx_height_m, rx_height_m, values.sight, values.blockage, self._urban(is_v2i),
                c.blocker_truck_ratio, c.line_of_sight == "tr37885-extended",
            )
        elif self.geometric and obstacles is not None:
            assert obstacles.blocker_count is not None and obstacles.blocker_height_m is not None
            found = states_by_vehicles(
                distance, tx_height_m, rx_height_m, obstacles.blocker_count, obstacles.blocker_height_m,
                values.blockage, c.blocker_loss_db,
            )
        if not self.walled or obstacles is None or obstacles.behind_building is None or obstacles.wall_loss_db is None:
            return found
        behind = obstacles.behind_building if found.behind is None else found.behind | obstacles.behind_building
        if self._adds_walls:
            return States(found.blocked, behind, found.loss_db + obstacles.wall_loss_db)
        return States(found.blocked, behind, np.where(behind, np.float32(0), found.loss_db))

    def _urban(self, is_v2i: np.ndarray | bool) -> np.ndarray | bool:
        """Links under the urban law of sight."""
        if self.config.sight_area != "by-path-loss":
            return self.config.sight_area == "urban"
        v2v, v2i = "urban" in self.config.v2v, "urban" in self.config.v2i
        return v2v if v2v == v2i else np.where(is_v2i, v2i, v2v)

    def _nlos_loss_db(
        self,
        distance: np.ndarray,
        tx_height_m: np.ndarray | float,
        rx_height_m: np.ndarray | float,
        streets_m: tuple[np.ndarray, np.ndarray] | None,
    ) -> np.ndarray:
        """Path loss in dB behind buildings."""
        if not self._manhattan:
            return self._model(self.config.nlos)(distance, tx_height_m, rx_height_m)
        if streets_m is None:
            raise ValueError("streets_m: nlos winner-b1-manhattan needs the offsets along and across the street axis")
        loss = winner_b1_manhattan(*streets_m, tx_height_m, rx_height_m, self.carrier_hz, self.config)
        return loss.astype(np.float32)

    def _shadowing_db(self, values: Latent, found: States) -> np.ndarray:
        """Shadowing with the sigma and the field of each link's state."""
        c = self.config
        shadow = values.shadow * np.float32(c.shadowing_sigma_db)
        states = (
            (found.blocked, values.shadow_nlosv, c.shadowing_sigma_nlosv_db),
            (found.behind, values.shadow_nlos, c.shadowing_sigma_nlos_db),
        )
        for links, other, sigma_db in states:
            if links is not None and (other is not None or sigma_db != c.shadowing_sigma_db):
                shadow = np.where(links, (values.shadow if other is None else other) * np.float32(sigma_db), shadow)
        return shadow


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
