"""RSM: a receiver in the sensor's field applies the objects it is told of, if they are where they should be."""

from __future__ import annotations

import numpy as np

from rsu.applications import APPLICATIONS, READERS
from rsu.codec import Decoded as Message
from sim.frames import Outcome
from sim.metrics.coverage import Coverage
from sim.receivers.base import Decoded, Decoder, Delivery, Here, report_coverage
from sim.receivers.zones import RSM, Zones
from sim.senders.sensing import true_vehicles

FIELD_M = 150.0
"""Objects count for a receiver within this distance (definitions section 6)."""


class RsmReceiver:
    """Applied as :func:`rsu.applications.checks.rsm_applies` says against the true vehicles of the instant.

    A message without objects is applied where the receiver's surroundings in the field are empty indeed.
    """

    def __init__(self, zones: Zones, here: Here, decoder: Decoder, coverage: Coverage | None) -> None:
        self.zones, self.here, self.coverage = zones, here, coverage
        self._applies = APPLICATIONS["RSM"]
        self._decode = Decoded(decoder.decode, limit=512)
        self._readers = READERS[decoder.family]
        self._unit_row = {unit: row for row, unit in enumerate(zones.sensor_units)}
        self._sigma_m = zones.world.config.layout.sensor.position_sigma_m
        self._tau_s = zones.world.config.measure.tau_s["RSM"]
        self._truth: tuple[int, np.ndarray, np.ndarray, np.ndarray] | None = None

    def begin_tick(self) -> None:
        """Vehicles moved."""
        self._truth = None

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other, all its receivers inside the sensor's field at once."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        for frame, octets, rows in delivery.by_frame():
            decoded = self._decode(octets)
            if decoded.message is None or decoded.value is None:
                outcome[rows] = Outcome.NOT_DECODED
                continue
            unit = self._unit_row[int(delivery.sender[frame])]
            rows = rows[self.zones.near_sensor[unit, delivery.receiver[rows]]]
            if len(rows):
                self._judge_frame(delivery, frame, rows, decoded, outcome)
        return outcome

    def _judge_frame(
        self, delivery: Delivery, frame: int, rows: np.ndarray, decoded: Message, outcome: np.ndarray
    ) -> None:
        world, here = self.zones.world, self.here
        numbers, lon, lat, sorted_rows = self._true()
        receiver, applied_ns = delivery.receiver[rows], delivery.applied_ns[rows]
        at_utc_ns = world.utc0_ns + here.time_ns
        assert decoded.message is not None and decoded.value is not None
        objects = self._readers.objects(decoded.message, decoded.value, at_utc_ns)
        own = self._own_rows(receiver, numbers, sorted_rows)
        age_s = (applied_ns - delivery.generated_ns[frame]) * 1e-9
        advice = self._applies(
            objects, lon, lat, sensor_sigma_m=self._sigma_m, at_utc_ns=at_utc_ns, receiver_lon=here.lon[receiver],
            receiver_lat=here.lat[receiver], receiver_vehicle=own, within_m=FIELD_M, age_s=age_s, tau_s=self._tau_s,
        )
        applied = advice.applied
        if not len(objects):
            applied = self._nobody_else(int(delivery.sender[frame]), own) & (age_s <= self._tau_s)
        report_coverage(self.coverage, world, RSM, receiver, applied_ns, applied)
        outcome[rows] = np.where(applied, Outcome.DELIVERED, Outcome.NOT_INTERPRETED)

    def _nobody_else(self, unit: int, own: np.ndarray) -> np.ndarray:
        """Whether the sensor's field holds no vehicle but the receiver itself."""
        assert self._truth is not None
        inside = self._field_counts[unit]
        return inside - (own >= 0) <= 0

    def _true(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(numbers, lon, lat, order by number) of all vehicles at the middle of the tick."""
        if self._truth is None:
            world = self.zones.world
            vehicles = true_vehicles(world, self.here.time_ns)
            lon, lat = world.lonlat(vehicles.x_m, vehicles.y_m)
            self._truth = len(lon), vehicles.number, lon, lat
            self._order = np.argsort(vehicles.number, kind="stable")
            self._field_counts = {
                unit: len(sensor.in_field(vehicles.x_m, vehicles.y_m))
                for unit, sensor in zip(self.zones.sensor_units, self.zones.sensors, strict=True)
            }
        _, numbers, lon, lat = self._truth
        return numbers, lon, lat, self._order

    def _own_rows(self, receiver: np.ndarray, numbers: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Row of each receiver among the true vehicles, -1 for probes."""
        world = self.zones.world
        vehicle = receiver - world.stations.first_vehicle
        is_vehicle = vehicle >= 0
        wanted = np.where(is_vehicle, world.fleet.number[np.maximum(vehicle, 0)], -1)
        at = np.minimum(np.searchsorted(numbers[order], wanted), max(len(numbers) - 1, 0))
        if not len(numbers):
            return np.full(len(receiver), -1, np.int64)
        return np.where(is_vehicle & (numbers[order][at] == wanted), order[at], -1)
