"""RSM: a receiver in the sensor's field applies the objects it is told of, if they are where they should be."""

from __future__ import annotations

import numpy as np

from rsu.applications import APPLICATIONS
from rsu.applications.objects import ObjectColumns, separation
from rsu.compatibility import Read, Reading
from sim.frames import Outcome
from sim.metrics.coverage import Coverage
from sim.receivers.base import Decoded, Delivery, Here, ended, report_coverage
from sim.receivers.zones import RSM, Zones
from sim.senders.sensing import true_vehicles
from sim.world.sensor import RoadsideSensor, VehicleColumns

FIELD_M = 150.0
"""Objects count for a receiver within this distance (definitions section 6)."""
FASTEST_MPS = 70.0
"""Objects of a fresh message moved no farther than this beyond a sensor's range."""


class RsmReceiver:
    """Applied as :func:`rsu.applications.checks.rsm_applies` says against the true vehicles of the instant.

    A message without objects is applied where the receiver's surroundings in the field are empty indeed.
    """

    def __init__(self, zones: Zones, here: Here, reading: Reading, coverage: Coverage | None) -> None:
        self.zones, self.here, self.coverage = zones, here, coverage
        self._applies = APPLICATIONS["RSM"]
        self._decode = Decoded(reading.decode, limit=512)
        self._unit_row = zones.row_of_unit
        self._sigma_m = zones.world.config.layout.sensor.position_sigma_m
        self._tau_s = zones.world.config.measure.tau_s["RSM"]
        self._truth: VehicleColumns | None = None
        self._by_unit: dict[int, _Near] = {}

    def begin_tick(self) -> None:
        """Vehicles moved."""
        self._truth = None
        self._by_unit = {}

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other, all its receivers inside the sensor's field at once."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        for frame, octets, rows in delivery.by_frame():
            decoded = self._decode(octets)
            if decoded.message is None or decoded.value is None:
                outcome[rows] = Outcome.DEC_ERROR
                continue
            unit = self._unit_row[int(delivery.sender[frame])]
            rows = rows[self.zones.near_sensor[unit, delivery.receiver[rows]]]
            if len(rows):
                self._judge_frame(delivery, frame, rows, decoded, outcome)
        return outcome

    def _judge_frame(
        self, delivery: Delivery, frame: int, rows: np.ndarray, decoded: Read, outcome: np.ndarray
    ) -> None:
        world, here = self.zones.world, self.here
        unit = int(delivery.sender[frame])
        near = self._near(unit)
        receiver, applied_ns = delivery.receiver[rows], delivery.applied_ns[rows]
        at_utc_ns = world.utc0_ns + here.time_ns
        assert decoded.message is not None and decoded.value is not None
        objects = decoded.readers.objects(decoded.message, decoded.value, at_utc_ns)
        own = near.rows_of(self._numbers(receiver))
        late = (applied_ns - delivery.generated_ns[frame]) * 1e-9 > self._tau_s
        advice = self._applies(
            objects, near.lon, near.lat, sensor_sigma_m=self._sigma_m, at_utc_ns=at_utc_ns,
            receiver_lon=here.lon[receiver], receiver_lat=here.lat[receiver], receiver_vehicle=own,
            within_m=FIELD_M,
        )
        fits = advice.applied if len(objects) else self._nobody_else(unit, receiver)
        if delivery.reads_wrong(frame):
            report_coverage(self.coverage, world, RSM, receiver, applied_ns, np.zeros(len(rows), bool), unit)
            outcome[rows] = ended(self._acts(objects, receiver), late)
            return
        report_coverage(self.coverage, world, RSM, receiver, applied_ns, fits & ~late, unit)
        outcome[rows] = ended(fits, late)

    def _acts(self, objects: ObjectColumns, receiver: np.ndarray) -> np.ndarray:
        """Whether each receiver takes some object for one near it, whatever is true."""
        if not len(objects):
            return np.zeros(len(receiver), bool)
        here = self.here
        away_m = separation(here.lon[receiver][:, None], here.lat[receiver][:, None], objects.lon, objects.lat)
        return np.asarray((away_m <= FIELD_M).any(axis=1))

    def _nobody_else(self, unit: int, receiver: np.ndarray) -> np.ndarray:
        """Whether the sensor's field holds no vehicle but the receiver itself."""
        vehicles = self._vehicles()
        inside = len(self._sensor(unit).in_field(vehicles.x_m, vehicles.y_m))
        present = np.isin(self._numbers(receiver), vehicles.number)
        return inside - present <= 0

    def _sensor(self, unit: int) -> RoadsideSensor:
        return self.zones.sensors[self._unit_row[unit]]

    def _vehicles(self) -> VehicleColumns:
        """All vehicles at the middle of the tick."""
        if self._truth is None:
            self._truth = true_vehicles(self.zones.world, self.here.time_ns)
        return self._truth

    def _near(self, unit: int) -> _Near:
        """The vehicles that objects told by a unit can be."""
        if unit not in self._by_unit:
            sensor, vehicles = self._sensor(unit), self._vehicles()
            reach_m = sensor.settings.range_m + FASTEST_MPS * (2.0 + self._tau_s)
            rows = np.flatnonzero(
                (np.abs(vehicles.x_m - sensor.x_m) <= reach_m) & (np.abs(vehicles.y_m - sensor.y_m) <= reach_m)
            )
            lon, lat = self.zones.world.lonlat(vehicles.x_m[rows], vehicles.y_m[rows])
            self._by_unit[unit] = _Near(vehicles.number[rows], lon, lat)
        return self._by_unit[unit]

    def _numbers(self, receiver: np.ndarray) -> np.ndarray:
        """Number of the vehicle of each receiver, -1 for probes."""
        world = self.zones.world
        vehicle = receiver - world.stations.first_vehicle
        return np.where(vehicle >= 0, world.fleet.number[np.maximum(vehicle, 0)], -1)


class _Near:
    """Some true vehicles, by row."""

    def __init__(self, number: np.ndarray, lon: np.ndarray, lat: np.ndarray) -> None:
        self.lon, self.lat = lon, lat
        self._order = np.argsort(number, kind="stable")
        self._sorted = number[self._order]

    def rows_of(self, number: np.ndarray) -> np.ndarray:
        """Row of each vehicle number, -1 where it is not here."""
        if not len(self._sorted):
            return np.full(len(number), -1, np.int64)
        at = np.minimum(np.searchsorted(self._sorted, number), len(self._sorted) - 1)
        return np.where((number >= 0) & (self._sorted[at] == number), self._order[at], -1)
