"""Coverage by roadside messages, measured by passive probes and by equipped vehicles (definitions section
6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sim.clock import NEVER
from sim.metrics.base import CLASSES, Batch, Context, Metric, ProbeGrid, Rows, Tick, direction_name
from sim.metrics.sole_supplier import SoleSuppliers, SupplierRow

HOLE_BELOW = 0.95
"""A cell whose share lies below this is part of a hole."""


class Cell(NamedTuple):
    """One probe's share over the measured time, for one class."""

    class_: str
    jurisdiction: str
    direction: str
    chainage_m: float
    zone_s: float
    C_raw: float
    C_useful: float


class Hole(NamedTuple):
    """A stretch of road whose cells lie below :data:`HOLE_BELOW`."""

    metric: str
    class_: str
    jurisdiction: str
    direction: str
    from_m: float
    to_m: float
    length_m: float
    share: float
    """Mean over its cells."""


class Coverage:
    """Freshness of (probe, class) as received and of (probe, class, home) as applied, summed over ticks in
    the zone.

    The caller says who received what by :meth:`received` and :meth:`vehicle_received` (also before the
    measured time, so that it starts warm) and which cells belong to a class's zone by ``Tick.zone``. Time
    outside the zone counts nowhere. Freshness of a class: the limit of its own message, for SPAT+MAP that of
    SPAT (the caller requires a MAP younger than its limit before it reports a reception).
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        empty = ProbeGrid(np.empty(0), np.empty(0, np.int8), np.empty(0, np.int16))
        self.probes = context.probes or empty
        tau_s = context.measure.tau_s
        self.tau_ns = np.array([round(tau_s[name.split("+")[0]] * 1e9) for name in CLASSES], np.int64)
        classes, probes, homes = len(CLASSES), len(self.probes), len(context.jurisdictions)
        self._raw_ns = np.full((classes, probes), -NEVER, np.int64)
        self._useful_ns = np.full((classes, probes, homes), -NEVER, np.int64)
        self.zone_ns = np.zeros((classes, probes), np.int64)
        self.raw_ns = np.zeros((classes, probes), np.int64)
        self.useful_ns = np.zeros((classes, probes, homes), np.int64)
        self._vehicle_raw_ns = np.full((classes, 0), -NEVER, np.int64)
        self._vehicle_useful_ns = np.full((classes, 0), -NEVER, np.int64)
        self._ids = np.empty(0, np.int64)
        self.vehicle_ns = np.zeros((3, classes, homes + 1, homes + 1), np.int64)
        """Vehicle time in zone, with a fresh reception, with a fresh application; by class, place + 1, home +
        1."""
        self.groups = (self.probes.place.astype(np.int64) + 1) * 2 + (self.probes.direction < 0)
        """Jurisdiction and direction of each probe in one number."""
        self.suppliers = SoleSuppliers(
            CLASSES, probes, context.units, context.unit_operators, self.groups, 2 * (homes + 1), self.tau_ns
        )

    def received(
        self, class_index: int, probes: np.ndarray, time_ns: np.ndarray | int, useful: np.ndarray
    ) -> None:
        """Probes (indices) received a relevant message of a class at ``time_ns`` (scalar or one per probe).

        ``useful``: whether it was applied, bool of shape (len(probes),) or, per home, (len(probes), homes).
        """
        if not len(probes):
            return
        time_ns = np.broadcast_to(np.asarray(time_ns, np.int64), (len(probes),))
        np.maximum.at(self._raw_ns[class_index], probes, time_ns)
        useful = np.asarray(useful, bool)
        if useful.ndim == 1:
            np.maximum.at(self._useful_ns[class_index], probes[useful], time_ns[useful, None])
            return
        np.maximum.at(self._useful_ns[class_index], probes, np.where(useful, time_ns[:, None], -NEVER))

    def vehicle_received(
        self, class_index: int, slots: np.ndarray, time_ns: np.ndarray | int, useful: np.ndarray
    ) -> None:
        """The same for equipped vehicles; ``slots`` count from the first vehicle on, ``useful`` is per
        vehicle."""
        if not len(slots):
            return
        self._grow(int(np.max(slots)) + 1)
        time_ns = np.broadcast_to(np.asarray(time_ns, np.int64), (len(slots),))
        np.maximum.at(self._vehicle_raw_ns[class_index], slots, time_ns)
        useful = np.broadcast_to(np.asarray(useful, bool), (len(slots),))
        np.maximum.at(self._vehicle_useful_ns[class_index], slots[useful], time_ns[useful])

    def _grow(self, vehicles: int) -> None:
        extra = vehicles - self._vehicle_raw_ns.shape[1]
        if extra > 0:
            tail = np.full((len(CLASSES), extra), -NEVER, np.int64)
            self._vehicle_raw_ns = np.concatenate([self._vehicle_raw_ns, tail], axis=1)
            self._vehicle_useful_ns = np.concatenate([self._vehicle_useful_ns, tail], axis=1)

    def observe(self, batch: Batch) -> None:
        """Receptions come by :meth:`received`, not by batch."""

    def tick(self, tick: Tick) -> None:
        """Add one tick of time to every cell and vehicle in the zone."""
        now_ns, tau_ns = tick.now_ns, self.tau_ns
        if tick.zone is not None:
            add_ns = tick.zone * tick.length_ns
            self.zone_ns += add_ns
            self.raw_ns += add_ns * (now_ns - self._raw_ns <= tau_ns[:, None])
            self.useful_ns += add_ns[..., None] * (now_ns - self._useful_ns <= tau_ns[:, None, None])
            self.suppliers.tick(now_ns, tick.length_ns, tick.zone)
        if tick.vehicle_zone is not None:
            self._tick_vehicles(tick, tick.vehicle_zone)

    def _tick_vehicles(self, tick: Tick, zone: np.ndarray) -> None:
        stations = tick.stations
        first = stations.first_vehicle
        self._grow(zone.shape[1])
        ids = stations.station_id[first:]
        known = min(len(ids), len(self._ids))
        replaced = np.flatnonzero(ids[:known] != self._ids[:known])
        self._vehicle_raw_ns[:, replaced] = -NEVER
        self._vehicle_useful_ns[:, replaced] = -NEVER
        self._ids = ids.copy()
        class_index, slot = np.nonzero(zone)
        place, home = stations.place[first + slot] + 1, stations.home[first + slot] + 1
        tau_ns = self.tau_ns[class_index]
        raw = tick.now_ns - self._vehicle_raw_ns[class_index, slot] <= tau_ns
        useful = tick.now_ns - self._vehicle_useful_ns[class_index, slot] <= tau_ns
        for k, mask in enumerate((np.ones(len(slot), bool), raw, useful)):
            np.add.at(self.vehicle_ns[k], (class_index[mask], place[mask], home[mask]), tick.length_ns)

    def merge(self, other: Coverage) -> None:
        """Add the other's covered time."""
        self.zone_ns += other.zone_ns
        self.raw_ns += other.raw_ns
        self.useful_ns += other.useful_ns
        self.vehicle_ns += other.vehicle_ns
        self.suppliers.merge(other.suppliers)

    def _mean_useful_ns(self) -> np.ndarray:
        """Applied time per (class, probe), homes weighted by their share of the fleet."""
        return self.useful_ns @ self.context.shares[: self.useful_ns.shape[2]]

    def rows(self) -> Iterator[Metric]:
        """Shares per class: all, per jurisdiction, per direction, both; per home; per cell; then vehicles."""
        useful_ns = self._mean_useful_ns()
        names = self.context.jurisdictions
        every = np.ones(len(self.probes), bool)
        groups = [("", "", every)]
        groups += [(n, "", self.probes.place == j) for j, n in enumerate(names)]
        groups += [("", direction_name(d), self.probes.direction == d) for d in (1, -1)]
        groups += [
            (n, direction_name(d), (self.probes.place == j) & (self.probes.direction == d))
            for j, n in enumerate(names)
            for d in (1, -1)
        ]
        for c, name in enumerate(CLASSES):
            for place, direction, cells in groups:
                yield from self._shares(c, name, place, direction, cells, self.raw_ns[c], useful_ns[c])
            for h, home in enumerate(names):
                for place, direction, cells in groups[: 1 + len(names)]:
                    yield from self._shares(
                        c, name, place, direction, cells, None, self.useful_ns[c, :, h], f"home {home}"
                    )
        for cell in self.cells():
            for metric, value in (("C_raw", cell.C_raw), ("C_useful", cell.C_useful)):
                yield Metric(
                    metric,
                    "ratio",
                    "I2V",
                    cell.class_,
                    cell.jurisdiction,
                    cell.direction,
                    "probe",
                    chainage_m=cell.chainage_m,
                    value=value,
                    n=1,
                )
        yield from self._vehicle_rows()

    def _shares(
        self,
        c: int,
        name: str,
        place: str,
        direction: str,
        cells: np.ndarray,
        raw_ns: np.ndarray | None,
        useful_ns: np.ndarray,
        station_class: str = "probe",
    ) -> Iterator[Metric]:
        zone_ns = int(self.zone_ns[c, cells].sum())
        if not zone_ns:
            return
        count = int((self.zone_ns[c, cells] > 0).sum())
        for metric, time_ns in (("C_raw", raw_ns), ("C_useful", useful_ns)):
            if time_ns is not None:
                yield Metric(
                    metric,
                    "ratio",
                    "I2V",
                    name,
                    place,
                    direction,
                    station_class,
                    value=float(time_ns[cells].sum()) / zone_ns,
                    n=count,
                )

    def _vehicle_rows(self) -> Iterator[Metric]:
        places = [
            ("", slice(None)),
            *((n, slice(j + 1, j + 2)) for j, n in enumerate(self.context.jurisdictions)),
        ]
        homes = [
            ("vehicle", slice(None)),
            *((f"vehicle, home {n}", slice(j + 1, j + 2)) for j, n in enumerate(self.context.jurisdictions)),
        ]
        for c, name in enumerate(CLASSES):
            for place, p in places:
                for home, h in homes:
                    zone_ns, raw_ns, useful_ns = (int(t[c, p, h].sum()) for t in self.vehicle_ns)
                    if zone_ns:
                        for metric, time_ns in (
                            ("vehicle_coverage_raw", raw_ns),
                            ("vehicle_coverage", useful_ns),
                        ):
                            yield Metric(
                                metric,
                                "ratio",
                                "I2V",
                                name,
                                place,
                                station_class=home,
                                value=time_ns / zone_ns,
                                n=round(zone_ns / 1e9),
                            )

    def cells(self) -> list[Cell]:
        """Every cell of a zone, by class and direction, in road order."""
        useful_ns = self._mean_useful_ns()
        out = []
        for c, name in enumerate(CLASSES):
            for sign in (1, -1):
                here = np.flatnonzero((self.zone_ns[c] > 0) & (self.probes.direction == sign))
                for p in here[np.argsort(self.probes.chainage_m[here], kind="stable")]:
                    zone_ns, place = int(self.zone_ns[c, p]), int(self.probes.place[p])
                    jurisdiction = self.context.jurisdictions[place] if place >= 0 else ""
                    chainage_m = float(self.probes.chainage_m[p])
                    raw, useful = int(self.raw_ns[c, p]) / zone_ns, float(useful_ns[c, p]) / zone_ns
                    out.append(
                        Cell(name, jurisdiction, direction_name(sign), chainage_m, zone_ns / 1e9, raw, useful)
                    )
        return out

    def holes(self) -> list[Hole]:
        """Contiguous stretches of zone cells below 0.95; a hole ends at a border and where the zone ends."""
        half_m = self.probes.spacing_m / 2
        out = []
        for column in ("C_raw", "C_useful"):
            stretches: list[list[Cell]] = []
            for cell in self.cells():
                if getattr(cell, column) >= HOLE_BELOW:
                    continue
                last = stretches[-1][-1] if stretches else None
                if last and cell[:3] == last[:3] and cell.chainage_m - last.chainage_m < 3 * half_m:
                    stretches[-1].append(cell)
                else:
                    stretches.append([cell])
            for cells in stretches:
                from_m, to_m = max(0.0, cells[0].chainage_m - half_m), cells[-1].chainage_m + half_m
                share = sum(getattr(c, column) for c in cells) / len(cells)
                out.append(Hole(column, *cells[0][:3], from_m, to_m, to_m - from_m, share))
        return out

    def tables(self) -> dict[str, Rows]:
        """``coverage``: every cell; ``holes``: stretches below 0.95; ``suppliers``: what a unit alone covers."""
        cell_columns = ("class", *Cell._fields[1:])
        return {
            "coverage": Rows(cell_columns, self.cells()),
            "holes": Rows(("metric", "class", *Hole._fields[2:]), self.holes()),
            "suppliers": Rows(("class", *SupplierRow._fields[1:]), list(self._supplier_rows())),
        }

    def _supplier_rows(self) -> Iterator[SupplierRow]:
        """Every unit over all zones of a class, then by jurisdiction and direction where something would be lost."""
        count = self.suppliers.lost_ns.shape[-1]
        for c, name in enumerate(CLASSES):
            zone_ns = np.bincount(self.groups, self.zone_ns[c], minlength=count)
            if not zone_ns.any():
                continue
            for u, (unit, operator) in enumerate(zip(self.suppliers.units, self.suppliers.operators, strict=True)):
                raw_ns, useful_ns = self.suppliers.lost_ns[:, c, u]
                total_ns = float(zone_ns.sum())
                shares = float(raw_ns.sum()) / total_ns, float(useful_ns.sum()) / total_ns
                yield SupplierRow(name, unit, operator, "", "", total_ns / 1e9, *shares)
                for group in np.flatnonzero(raw_ns | useful_ns).tolist():
                    place, down = divmod(group, 2)
                    jurisdiction = self.context.jurisdictions[place - 1] if place else ""
                    here_ns = float(zone_ns[group])
                    shares = float(raw_ns[group]) / here_ns, float(useful_ns[group]) / here_ns
                    yield SupplierRow(
                        name, unit, operator, jurisdiction, direction_name(-1 if down else 1), here_ns / 1e9, *shares
                    )
