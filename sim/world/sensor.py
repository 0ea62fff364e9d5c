"""The roadside sensor that feeds RSM: range, field of view, occlusion, missed and false detections, errors,
delay.

All figures of the model are keys of the scenario; most defaults are assumptions and say so there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.clock import SECOND, hashed_uniform, ns_from_s, stream_key
from sim.world.gnss import hashed_normal

if TYPE_CHECKING:
    from sim.scenario.schema.layout import Sensor

_FALSE_LENGTH_M, _FALSE_WIDTH_M, _FALSE_HEIGHT_M = 4.6, 1.8, 1.6
"""A false alarm looks like a car (assumption)."""
_MOST_TRACKS = 255
_CYCLES_AT_ONCE = 1024
_TWO, _THREE = np.arange(2)[:, None], np.arange(3)[:, None]
_NOTHING = np.empty(0)


@dataclass(frozen=True, eq=False)
class SensedObjects:
    """Objects of one sensing cycle, columns of equal length, nearest true vehicles in their given order."""

    sampled_ns: int
    available_ns: int
    """When the application has them: sampled + delay."""
    vehicle: np.ndarray
    """Row of the true vehicle among the columns given, -1 = false alarm."""
    track: np.ndarray
    """1..255: stays with a vehicle while it is inside the field."""
    x_m: np.ndarray
    y_m: np.ndarray
    speed_mps: np.ndarray
    heading_deg: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray
    height_m: np.ndarray

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, rows: np.ndarray) -> SensedObjects:
        """The same sample with some of its objects (indices or booleans)."""
        columns = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return SensedObjects(self.sampled_ns, self.available_ns, **columns)


@dataclass(frozen=True, eq=False)
class VehicleColumns:
    """The true vehicles, equipped or not; columns of equal length."""

    number: np.ndarray
    """Lasting vehicle number, the key of every draw."""
    x_m: np.ndarray
    y_m: np.ndarray
    """Centre of the vehicle's rectangle."""
    heading_deg: np.ndarray
    """Clockwise from north (the y axis)."""
    speed_mps: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray
    height_m: np.ndarray


class RoadsideSensor:
    """One sensor at (``x_m``, ``y_m``).

    A vehicle is seen when its centre lies in range and field of view and, with occlusion on, no other
    vehicle's box cuts the line from the sensor to the middle of its roof. A visible vehicle is detected by a
    two-state Markov chain with the configured stationary probability and correlation exp(-t / persistence).
    Position (per axis) and speed errors are independent from frame to frame; heading and size are true. False
    alarms are a Poisson process, uniform over the field, one frame long. Draws depend on (seed, ``name``,
    vehicle number, cycle) only.
    """

    def __init__(self, settings: Sensor, x_m: float, y_m: float, *, seed: int, name: str) -> None:
        self.settings = settings
        self.x_m, self.y_m = float(x_m), float(y_m)
        self.cycle_ns = ns_from_s(settings.cycle_s)
        self._keys = {
            part: stream_key(seed, "sensor", name, part)
            for part in ("detection", "error", "false count", "false object")
        }
        self._seen = np.empty(0, np.int64)
        self._detected = np.empty(0, bool)
        self._track = np.empty(0, np.int64)
        self._last_track = 0
        self._sensed_ns = 0
        self._false_block, self._false_counts = -1, np.empty(0, np.int64)

    def sense(self, time_ns: int, vehicles: VehicleColumns) -> SensedObjects:
        """One cycle at ``time_ns``."""
        cycle = time_ns // self.cycle_ns
        rows = self.in_field(vehicles.x_m, vehicles.y_m)
        detected, track = self._follow(vehicles.number[rows], time_ns, cycle)
        shown = detected & (track > 0)
        if self.settings.occlusion:
            shown &= self.visible(vehicles, rows)
        row = rows[shown]
        number = vehicles.number[row]
        false_x_m, false_y_m, false_speed_mps, false_heading_deg = self._false_alarms(cycle)
        false_track = self._free_tracks(len(false_x_m), track)
        sigma_m, sigma_mps = self.settings.position_sigma_m, self.settings.speed_sigma_mps
        east, north, speed = hashed_normal(self._keys["error"], number, np.asarray(cycle), _THREE)
        speed_mps = np.maximum(vehicles.speed_mps[row] + sigma_mps * speed, 0.0)

        def joined(true: np.ndarray, false: np.ndarray | float) -> np.ndarray:
            return np.concatenate([true, np.broadcast_to(false, false_x_m.shape)]) if len(false_x_m) else true

        return SensedObjects(
            time_ns,
            time_ns + ns_from_s(self.settings.delay_s),
            joined(row, -1),
            joined(track[shown], false_track),
            joined(vehicles.x_m[row] + sigma_m * east, false_x_m),
            joined(vehicles.y_m[row] + sigma_m * north, false_y_m),
            joined(speed_mps, false_speed_mps),
            joined(vehicles.heading_deg[row], false_heading_deg),
            joined(vehicles.length_m[row], _FALSE_LENGTH_M),
            joined(vehicles.width_m[row], _FALSE_WIDTH_M),
            joined(vehicles.height_m[row], _FALSE_HEIGHT_M),
        )

    def in_field(self, x_m: np.ndarray, y_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        """Rows of the points within range (horizontal, up to ``margin_m`` beyond it) and field of view."""
        east_m, north_m = x_m - self.x_m, y_m - self.y_m
        near = east_m * east_m + north_m * north_m <= (self.settings.range_m + margin_m) ** 2
        if self.settings.field_of_view_deg < 360.0:
            bearing_deg = np.degrees(np.arctan2(east_m, north_m))
            off_axis_deg = np.abs((bearing_deg - self.settings.axis_deg + 180.0) % 360.0 - 180.0)
            near &= off_axis_deg <= self.settings.field_of_view_deg / 2
        return np.nonzero(near)[0]

    def visible(self, vehicles: VehicleColumns, rows: np.ndarray) -> np.ndarray:
        """[rows] bool: the line from the sensor to the middle of the roof passes above or beside every other
        box.

        Vehicles are upright boxes; only those inside the field can hide others (what stands between is
        inside).
        """
        top_m = vehicles.height_m[rows]
        if len(rows) < 2:
            return np.ones(len(rows), bool)
        tall = np.nonzero(top_m > min(float(top_m.min()), self.settings.height_m))[0]
        east_m, north_m = vehicles.x_m[rows] - self.x_m, vehicles.y_m[rows] - self.y_m
        box = rows[tall]
        first, last = _box_crossings(
            (east_m, north_m),
            (east_m[tall], north_m[tall]),
            vehicles.heading_deg[box],
            vehicles.length_m[box],
            vehicles.width_m[box],
        )
        fall_m = top_m[:, None] - self.settings.height_m
        lowest_m = self.settings.height_m + np.where(fall_m < 0, last, first) * fall_m
        hidden = (first < last) & (top_m[tall] > lowest_m)
        hidden[tall, np.arange(len(tall))] = False
        return ~hidden.any(axis=1)

    def _recall(self, number: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per vehicle: was it in the field last time, was it detected, and its track (0 = none)."""
        if not len(self._seen):
            return np.zeros(len(number), bool), np.zeros(len(number), bool), np.zeros(len(number), np.int64)
        place = np.minimum(np.searchsorted(self._seen, number), len(self._seen) - 1)
        known = self._seen[place] == number
        return known, known & self._detected[place], np.where(known, self._track[place], 0)

    def _follow(self, number: np.ndarray, time_ns: int, cycle: int) -> tuple[np.ndarray, np.ndarray]:
        """[in field] state of the detection chain, and track; a vehicle that comes into the field starts
        anew.
        """
        known, detected_before, track = self._recall(number)
        persistence_s = self.settings.persistence_s
        elapsed_s = (time_ns - self._sensed_ns) / SECOND
        keep_ratio = np.exp(-elapsed_s / persistence_s) if persistence_s > 0 else 0.0
        keep_draw, detect_draw = hashed_uniform(self._keys["detection"], number, np.asarray(cycle), _TWO)
        redrawn = detect_draw < self.settings.detection_ratio
        detected = np.where(known & (keep_draw < keep_ratio), detected_before, redrawn)
        new = np.nonzero(track == 0)[0]
        track[new] = self._free_tracks(len(new), track)
        order = np.argsort(number, kind="stable")
        self._seen, self._detected, self._track = number[order], detected[order], track[order]
        self._sensed_ns = time_ns
        return detected, track

    def _free_tracks(self, count: int, used: np.ndarray) -> np.ndarray:
        """``count`` tracks not in ``used``, in rolling order; 0 when all 255 are taken."""
        if count == 0:
            return np.empty(0, np.int64)
        rolling = (self._last_track + np.arange(_MOST_TRACKS)) % _MOST_TRACKS + 1
        free = rolling[~np.isin(rolling, used)][:count]
        if len(free):
            self._last_track = int(free[-1])
        return np.concatenate([free, np.zeros(count - len(free), np.int64)])

    def _false_alarms(self, cycle: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, y, speed (0..20 m/s) and heading of the objects of this cycle that do not exist."""
        block, place = divmod(cycle, _CYCLES_AT_ONCE)
        if block != self._false_block:
            self._false_block, self._false_counts = block, self._poisson_counts(block)
        count = int(self._false_counts[place])
        if count == 0:
            return _NOTHING, _NOTHING, _NOTHING, _NOTHING
        draws = hashed_uniform(
            self._keys["false object"], np.asarray(cycle), np.arange(count)[:, None], np.arange(4)[None, :]
        )
        range_m = self.settings.range_m * np.sqrt(draws[:, 0])
        bearing = np.radians(self.settings.axis_deg + (draws[:, 1] - 0.5) * self.settings.field_of_view_deg)
        x_m, y_m = self.x_m + range_m * np.sin(bearing), self.y_m + range_m * np.cos(bearing)
        return x_m, y_m, 20.0 * draws[:, 2], 360.0 * draws[:, 3]

    def _poisson_counts(self, block: int) -> np.ndarray:
        """False alarms in each cycle of a block, by inversion of one uniform draw per cycle."""
        mean = self.settings.false_alarms_per_h * self.settings.cycle_s / 3600.0
        most = np.arange(1, _MOST_TRACKS)
        law = np.cumsum(np.exp(-mean) * np.concatenate([[1.0], np.cumprod(mean / most)]))
        cycles = block * _CYCLES_AT_ONCE + np.arange(_CYCLES_AT_ONCE)
        return np.searchsorted(law, hashed_uniform(self._keys["false count"], cycles), side="right")


def _box_crossings(
    target_m: tuple[np.ndarray, np.ndarray],
    centre_m: tuple[np.ndarray, np.ndarray],
    heading_deg: np.ndarray,
    length_m: np.ndarray,
    width_m: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(targets, boxes): shares of the way from the origin to the target at which it enters and leaves each
    box.

    Not crossed: entry is not below exit. Slab method in each box's own axes (T. L. Kay and J. T. Kajiya,
    1986).
    """
    ahead = np.radians(heading_deg)
    forward = np.sin(ahead), np.cos(ahead)
    right = forward[1], -forward[0]
    shape = len(target_m[0]), len(heading_deg)
    first, last = np.zeros(shape), np.ones(shape)
    for (east, north), extent_m in ((forward, length_m), (right, width_m)):
        way_m = target_m[0][:, None] * east + target_m[1][:, None] * north
        way_m = np.where(np.abs(way_m) < 1e-9, 1e-9, way_m)
        middle_m = centre_m[0] * east + centre_m[1] * north
        near, far = (middle_m - extent_m / 2) / way_m, (middle_m + extent_m / 2) / way_m
        first = np.maximum(first, np.minimum(near, far))
        last = np.minimum(last, np.maximum(near, far))
    return first, last
