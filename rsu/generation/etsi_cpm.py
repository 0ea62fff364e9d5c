"""When a CPM is generated and which perceived objects it includes: TS 103 324 v2.1.1 6.1.2 and annex F."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.generation.base import MS, NOT_YET_NS, RowTable, ns_from_ms, turn_deg

_TRACK_BITS = 32
_TRACK_MASK = (1 << _TRACK_BITS) - 1


@dataclass(frozen=True)
class EtsiCpmFigures:
    """Figures of CPM generation (TS 103 324 v2.1.1 6.1.2, annex F)."""

    least_interval_ms: int = 100
    """T_GenCpmMin; a roadside unit may go to 50."""
    longest_interval_ms: int = 1000
    """T_GenCpmMax: a vehicle is included again at least this long after the last time; others after half of it."""
    sensor_information_ms: int = 1000
    """T_AddSensorInformation: the sensor information container is added this often."""
    moved_m: float = 4.0
    """A vehicle that moved more than this since its last inclusion is included."""
    speed_changed_mps: float = 0.5
    """A vehicle whose speed differs by more than this is included."""
    turned_deg: float = 4.0
    """A vehicle whose direction of velocity differs by more than this is included."""
    quality_threshold: int = 3
    """ObjectPerceptionQualityThreshold: objects below it are not included."""
    forget_ms: int = 2000
    """A track not reported for this long is new when it comes back (assumption)."""
    most_tracks_count: int = 512
    """Tracks remembered per unit, the latest reported ones (assumption; bounds memory)."""


@dataclass(frozen=True)
class PerceivedObjects:
    """Objects the units perceive at a check, one element per object.

    ``unit``: row of its unit; ``track`` 0..2^32-1, distinct within a unit and lasting; ``vehicle``: vehicle or
    motorcycle (False: pedestrian, cyclist, animal, group); ``direction_deg``: of the velocity; ``quality``:
    ObjectPerceptionQuality or None (all good enough).
    """

    unit: np.ndarray
    track: np.ndarray
    vehicle: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    speed_mps: np.ndarray
    direction_deg: np.ndarray
    quality: np.ndarray | None = None


@dataclass(frozen=True)
class EtsiCpmDue:
    """``send`` and ``sensor_information`` per asked unit, ``include`` per object; all boolean."""

    send: np.ndarray
    sensor_information: np.ndarray
    include: np.ndarray


class EtsiCpmGeneration:
    """State per unit and per (unit, track): when and how each track was last included."""

    _VALUES = ("x_m", "y_m", "speed_mps", "direction_deg")

    def __init__(self, rows: int, figures: EtsiCpmFigures | None = None) -> None:
        self.figures = figures or EtsiCpmFigures()
        self._units = RowTable(rows, {
            "last_ns": NOT_YET_NS, "sensor_ns": NOT_YET_NS, "interval_ns": self.figures.least_interval_ms * MS,
        })
        self._key = np.zeros(0, np.int64)
        self._tracks = {name: np.zeros(0) for name in self._VALUES}
        self._included_ns = np.zeros(0, np.int64)
        self._reported_ns = np.zeros(0, np.int64)

    @property
    def check_interval_ns(self) -> int:
        """T_GenCpmMin: units are asked this often."""
        return self.figures.least_interval_ms * MS

    @property
    def tracks_count(self) -> int:
        """Tracks remembered over all units."""
        return len(self._key)

    def set_interval(self, units: np.ndarray, interval_ms: np.ndarray) -> None:
        """T_GenCpm of ``units`` (congestion control may stretch it), clamped to its bounds. ValueError: NaN."""
        interval_ms = np.asarray(interval_ms, np.float64)
        if np.isnan(interval_ms).any():
            raise ValueError("interval_ms: NaN is no interval")
        clamped = np.clip(interval_ms, self.figures.least_interval_ms, self.figures.longest_interval_ms)
        self._units["interval_ns"][units] = ns_from_ms(clamped)

    def due(self, units: np.ndarray, time_ns: np.ndarray | int, objects: PerceivedObjects) -> EtsiCpmDue:
        """Which of the distinct ``units`` [n] generate a CPM at ``time_ns`` ([n] or one instant), and its objects.

        A CPM is generated when T_GenCpm has passed and an object is to be included or the sensor information is due.
        What is included counts as sent. ValueError: a track out of range or twice in a unit, an object of a unit not
        asked.
        """
        figures, rows = self.figures, self._units
        time_ns = np.broadcast_to(np.asarray(time_ns, np.int64), len(units))
        now_ns = np.full(rows.rows, NOT_YET_NS)
        now_ns[units] = time_ns
        key = self._keys(objects, now_ns)
        place, known = self._find(key)
        wanted = self._wanted(objects, now_ns[objects.unit], place, known)
        any_wanted = np.zeros(rows.rows, bool)
        any_wanted[objects.unit[wanted]] = True
        sensor = time_ns - rows["sensor_ns"][units] >= figures.sensor_information_ms * MS
        send = (time_ns - rows["last_ns"][units] >= rows["interval_ns"][units]) & (any_wanted[units] | sensor)
        sending = np.zeros(rows.rows, bool)
        sending[units] = send
        include = wanted & sending[objects.unit]
        rows["last_ns"][units[send]] = time_ns[send]
        rows["sensor_ns"][units[send & sensor]] = time_ns[send & sensor]
        self._note(objects, key, now_ns, place, known, include)
        return EtsiCpmDue(send, send & sensor, include)

    def _keys(self, objects: PerceivedObjects, now_ns: np.ndarray) -> np.ndarray:
        track = np.asarray(objects.track, np.int64)
        if len(track) and (track.min() < 0 or track.max() > _TRACK_MASK):
            raise ValueError(f"track: {track.min()}..{track.max()} is outside 0..{_TRACK_MASK}")
        unasked = now_ns[objects.unit] == NOT_YET_NS
        if unasked.any():
            raise ValueError(f"unit: {objects.unit[unasked][0]} has objects but is not asked")
        key = (np.asarray(objects.unit, np.int64) << _TRACK_BITS) | track
        ordered = np.sort(key)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            raise ValueError(f"track: {twice[0] & _TRACK_MASK} is there twice in unit {twice[0] >> _TRACK_BITS}")
        return key

    def _find(self, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(place in the table, whether it is there) of each key; places of unknown ones are 0."""
        if not len(self._key):
            return np.zeros(len(key), np.int64), np.zeros(len(key), bool)
        place = np.minimum(np.searchsorted(self._key, key), len(self._key) - 1)
        known = self._key[place] == key
        return np.where(known, place, 0), known

    def _wanted(self, objects: PerceivedObjects, now_ns: np.ndarray, place: np.ndarray,
                known: np.ndarray) -> np.ndarray:
        """Objects the inclusion rules ask for, whether or not their unit may send."""
        figures = self.figures
        good = np.ones(len(known), bool)
        if objects.quality is not None:
            good = np.asarray(objects.quality) >= figures.quality_threshold
        changed = np.zeros(len(known), bool)
        age_ns = np.zeros(len(known), np.int64)
        if len(self._key):
            x_m, y_m, speed_mps, direction_deg = (self._tracks[name][place] for name in self._VALUES)
            changed = np.hypot(objects.x_m - x_m, objects.y_m - y_m) > figures.moved_m
            changed |= np.abs(objects.speed_mps - speed_mps) > figures.speed_changed_mps
            changed |= turn_deg(direction_deg, objects.direction_deg) > figures.turned_deg
            age_ns = now_ns - self._included_ns[place]
        longest_ns = figures.longest_interval_ms * MS
        vehicle = np.asarray(objects.vehicle, bool)
        by_vehicle = vehicle & (~known | changed | (age_ns >= longest_ns))
        waiting = ~vehicle & good & known & (age_ns >= longest_ns // 2)
        all_of_unit = np.zeros(self._units.rows, bool)
        all_of_unit[objects.unit[waiting]] = True
        by_other = ~vehicle & (~known | all_of_unit[objects.unit])
        return good & (by_vehicle | by_other)

    def _note(self, objects: PerceivedObjects, key: np.ndarray, now_ns: np.ndarray, place: np.ndarray,
              known: np.ndarray, include: np.ndarray) -> None:
        """Write what was included and reported, add new tracks, drop those that nobody reports any more."""
        time_ns = now_ns[objects.unit]
        self._reported_ns[place[known]] = time_ns[known]
        again, fresh = known & include, ~known & include
        self._included_ns[place[again]] = time_ns[again]
        for name in self._VALUES:
            self._tracks[name][place[again]] = getattr(objects, name)[again]
        lost = now_ns[self._key >> _TRACK_BITS] - self._reported_ns >= self.figures.forget_ms * MS
        if not fresh.any() and not lost.any():
            return
        all_keys = np.concatenate([self._key, key[fresh]])
        reported_ns = np.concatenate([self._reported_ns, time_ns[fresh]])
        keep = np.concatenate([~lost, np.ones(int(fresh.sum()), bool)])
        keep &= self._latest(all_keys >> _TRACK_BITS, np.where(keep, reported_ns, NOT_YET_NS))
        order = np.flatnonzero(keep)[np.argsort(all_keys[keep], kind="stable")]
        self._key, self._reported_ns = all_keys[order], reported_ns[order]
        self._included_ns = np.concatenate([self._included_ns, time_ns[fresh]])[order]
        for name in self._VALUES:
            self._tracks[name] = np.concatenate([self._tracks[name], getattr(objects, name)[fresh]])[order]

    def _latest(self, unit: np.ndarray, reported_ns: np.ndarray) -> np.ndarray:
        """Whether each track is among the latest ``most_tracks_count`` of its unit."""
        most = self.figures.most_tracks_count
        if np.bincount(unit, minlength=1).max() <= most:
            return np.ones(len(unit), bool)
        order = np.lexsort((-reported_ns, unit))
        first = np.searchsorted(unit[order], unit[order], side="left")
        among = np.zeros(len(unit), bool)
        among[order] = np.arange(len(unit)) - first < most
        return among

    def grow(self, rows: int) -> None:
        """Have at least ``rows`` units."""
        self._units.grow(rows)

    def forget(self, units: np.ndarray) -> None:
        """Other units stand in these rows: their tracks are gone."""
        self._units.forget(units)
        gone = np.zeros(self._units.rows, bool)
        gone[units] = True
        keep = ~gone[self._key >> _TRACK_BITS]
        self._key, self._included_ns = self._key[keep], self._included_ns[keep]
        self._reported_ns = self._reported_ns[keep]
        self._tracks = {name: values[keep] for name, values in self._tracks.items()}
