"""Radio part of the path: latency and loss of a cell by its load, from a table of quantiles."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from sim.access.uu import RADIO_TABLES
from sim.access.uu.tables import FOLDER, LatencyFile
from sim.clock import SECOND
from sim.scenario.schema.radio.uu import Uu

BLOCK_ERROR_TARGET = {2: 0.1, 3: 1e-4}
"""What the radio itself loses by the table's MCS choice (TS 38.214 table 5.1.3.1-2 and -3); more is overload."""
LOAD_WINDOW_NS = SECOND
REFERENCE_PERIOD_MS = 100.0


@dataclass(frozen=True)
class RowChoice:
    """Which rows a packet's latency comes from: a part ``weight`` of ``upper``, the rest of ``lower``."""

    lower: np.ndarray
    upper: np.ndarray
    weight: np.ndarray
    delivered_ratio: np.ndarray


class RadioTable:
    """One direction of a radio latency table at one MCS table, by load in packets of the table's size per second.

    Rows lie on an axis of load = density x lanes x site distance / period: rows of different periods with the same
    load say the same in the table of Coll-Perales et al. (tested), so of two that cover a load only that of the longer
    period is kept. Quantiles between two rows lie on straight lines. A cell never delivers more per second than in the
    heavier of both rows; beyond the heaviest row latency and deliveries per second stay those of that row.
    """

    def __init__(self, settings: Uu, link: str) -> None:
        if settings.radio_table not in RADIO_TABLES:
            raise ValueError(
                f"radio.uu.radio_table: {settings.radio_table!r} is not one of {', '.join(RADIO_TABLES)}"
            )
        self.setting = RADIO_TABLES[settings.radio_table]
        file = LatencyFile(FOLDER / self.setting.file)
        self.source = file.source
        found = [
            one for one in file.distributions
            if one.keys["link"] == link and float(one.keys["mcs_table"]) == settings.mcs_table
        ]
        if not found:
            raise ValueError(f"radio.uu.mcs_table: {settings.mcs_table} has no {link} rows in {settings.radio_table}")
        self.nearest = settings.rows == "nearest"
        per_density = self.setting.lanes * self.setting.site_distance_m / 1000
        self.packets_per_density = per_density / (REFERENCE_PERIOD_MS / 1000)
        """Load in packets per second of 1 veh/km/lane at 10 Hz."""
        period = np.array([float(one.keys["period_ms"]) for one in found])
        load = np.array([float(one.keys["density_veh_km_lane"]) for one in found]) * per_density / (period / 1000)
        order = np.lexsort((load, -period))
        found, period, load = [found[i] for i in order], period[order], load[order]
        keep = [i for i in range(len(found)) if load[i] > load[:i][period[:i] > period[i]].max(initial=-1.0)]
        self.rows = [found[i] for i in keep]
        self.load = load[keep]
        self.delivered = np.array([one.delivered_ratio for one in self.rows])
        self._knots = np.unique(np.concatenate([one.probability for one in self.rows]))
        self._values_ms = np.array([one.at(self._knots) for one in self.rows])
        self.target_ratio = BLOCK_ERROR_TARGET.get(settings.mcs_table, 0.0)

    def choose(self, load_pps: np.ndarray) -> RowChoice:
        """Rows for loads in packets of the table's size per second and cell."""
        load = np.asarray(load_pps, float)
        place = np.interp(load, self.load, np.arange(len(self.load)))
        if self.nearest:
            place = np.rint(place)
        lower = place.astype(np.int64)
        upper = np.minimum(lower + 1, len(self.load) - 1)
        weight = place - lower
        heavier = np.where(weight > 0, upper, lower)
        most_pps = self.delivered[heavier] * self.load[heavier]
        less, more = self.delivered[lower], self.delivered[upper]
        delivered = np.where(more < less, less, less + weight * (more - less))
        capped = np.minimum(delivered, most_pps / np.maximum(load, 1e-9))
        return RowChoice(lower, upper, weight, np.where(load > self.load[0], capped, self.delivered[0]))

    def latency_ms(self, rows: RowChoice, uniform: np.ndarray) -> np.ndarray:
        """Latency of delivered packets at uniform draws."""
        k = np.clip(np.searchsorted(self._knots, uniform, side="right") - 1, 0, len(self._knots) - 2)
        part = (uniform - self._knots[k]) / (self._knots[k + 1] - self._knots[k])
        low, high = self._values_ms[rows.lower], self._values_ms[rows.upper]
        each = np.arange(len(k))
        ends = [low[each, i] * (1 - rows.weight) + high[each, i] * rows.weight for i in (k, k + 1)]
        return ends[0] * (1 - part) + ends[1] * part

    def lost(self, rows: RowChoice, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(lost by block errors, never sent because the cell is overloaded) at uniform draws; never both."""
        loss = 1 - rows.delivered_ratio
        errors = np.minimum(loss, self.target_ratio)
        return uniform < errors, (uniform >= errors) & (uniform < loss)


class CellLoads:
    """What each cell was offered in one direction, averaged over the last second of whole traffic ticks.

    A row holds until the next tick, so it does not matter how a tick is split; before the first tick has passed the
    load counts as 0.
    """

    def __init__(self, settings: Uu, table: RadioTable) -> None:
        setting = table.setting
        self.per_byte = setting.bandwidth_mhz / settings.bandwidth_mhz / setting.packet_bytes
        self.fixed_pps = settings.density_veh_km_lane * table.packets_per_density if settings.load == "fixed" else None
        self._now: np.ndarray = np.zeros(0)
        self._ticks: deque[tuple[int, np.ndarray]] = deque()
        self._begin_ns: int | None = None
        self.load_pps = np.zeros(0)
        """Offered load by cell number, packets of the table's size per second."""

    def offer(self, cell: np.ndarray, size_bytes: np.ndarray) -> None:
        """Count packets that a cell has to carry."""
        if len(cell):
            weight = np.bincount(cell, size_bytes * self.per_byte, len(self._now)).astype(np.float64)
            weight[:len(self._now)] += self._now
            self._now = weight

    def tick(self, now_ns: int) -> None:
        """A traffic tick begins: that before is complete."""
        if self._begin_ns is not None and now_ns > self._begin_ns:
            self._ticks.append((now_ns - self._begin_ns, self._now))
            while sum(length for length, _ in self._ticks) - self._ticks[0][0] >= LOAD_WINDOW_NS:
                self._ticks.popleft()
            total = np.zeros(max(len(counts) for _, counts in self._ticks))
            for _, counts in self._ticks:
                total[:len(counts)] += counts
            self.load_pps = total * SECOND / sum(length for length, _ in self._ticks)
            self._now = np.zeros(0)
        self._begin_ns = now_ns

    def of(self, cell: np.ndarray) -> np.ndarray:
        """Load of cells, packets of the table's size per second."""
        if self.fixed_pps is not None:
            return np.full(len(cell), self.fixed_pps)
        known = np.minimum(cell, max(len(self.load_pps) - 1, 0))
        if not len(self.load_pps):
            return np.zeros(len(cell))
        return np.where(cell < len(self.load_pps), self.load_pps[known], 0.0)
