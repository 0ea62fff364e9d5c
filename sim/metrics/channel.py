"""Load on the channel: busy ratio over time, bytes and frames on the air, counters of the access layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from sim.clock import SECOND
from sim.frames import Kind
from sim.metrics.base import Batch, Context, Metric, Rows, Tick
from sim.metrics.histograms import RATIO_CELLS, Named

STATION_CLASSES = ("rsu", "vehicle", "pedestrian")
_CLASS_OF = np.full(len(Kind), 1)
_CLASS_OF[Kind.RSU], _CLASS_OF[Kind.PEDESTRIAN] = 0, 2
_CELLS = RATIO_CELLS + 1
_AIR = ("generated", "sent", "bytes", "airtime_ns", "carrier_time_ns")


class Channel:
    """Busy-ratio samples of stations per second, and totals of what was sent per second; memory grows with
    seconds.

    The busy ratio carries the radio's own definition (threshold and window); its quantiles are in steps of
    0.001. ``airtime`` adds up transmission times whatever part of the band they fill, ``carrier_time`` weighs them by
    that part: how long the messages would fill the whole carrier.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        shape = (len(STATION_CLASSES), len(context.jurisdictions) + 1, _CELLS)
        self.busy = np.zeros(shape, np.int64)
        self._second_busy = np.zeros(shape, np.int64)
        self._second = -1
        self._busy_rows: dict[int, list[tuple[float, str, str, float, float, int]]] = {}
        self.air: dict[int, np.ndarray] = {}
        """Second -> int64 (station classes, messages, 5): frames generated, sent, bytes sent, air time and
        carrier time in ns."""
        self.counters: dict[str, int] = {}

    def tick(self, tick: Tick) -> None:
        """Take in the busy ratio of stations, if the tick carries one."""
        if tick.busy is None:
            return
        second = int(tick.now_ns // SECOND)
        if second != self._second:
            self._flush()
            self._second = second
        slots, ratio = tick.busy
        kind = tick.stations.kind[slots]
        ours = (kind == Kind.VEHICLE) | (kind == Kind.RSU)
        slots, kind = slots[ours], kind[ours].astype(np.int64)
        cell = np.clip(np.rint(np.asarray(ratio)[ours] * (_CELLS - 1)), 0, _CELLS - 1).astype(np.int64)
        place = tick.stations.place[slots].astype(np.int64) + 1
        np.add.at(self._second_busy, (kind, place, cell), 1)

    def _flush(self) -> None:
        if self._second < 0 or not self._second_busy.any():
            return
        self._busy_rows[self._second] = [
            (float(self._second), *names, *_mean_and_p95(cells), int(cells.sum()))
            for names, cells in self._groups(self._second_busy)
        ]
        self.busy += self._second_busy
        self._second_busy[:] = 0

    def _groups(self, busy: np.ndarray) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
        """((station class, jurisdiction), cells) of every group with samples; empty name = all."""
        for c, station_class in enumerate(STATION_CLASSES):
            for place, name in [(None, ""), *((j + 1, n) for j, n in enumerate(self.context.jurisdictions))]:
                cells = busy[c].sum(0) if place is None else busy[c, place]
                if cells.any():
                    yield (station_class, name), cells

    def observe(self, batch: Batch) -> None:
        """Add frames to the second they began (or were dropped) in."""
        if not len(batch):
            return
        second = batch.start_ns // SECOND
        messages = len(self.context.messages)
        group = _CLASS_OF[batch.sender_kind] * messages + batch.message
        sent = batch.sent.astype(np.int64)
        airtime_ns = (batch.end_ns - batch.start_ns) * sent
        share = 1.0 if batch.carrier_ratio is None else batch.carrier_ratio
        carrier_ns = np.rint(airtime_ns * share).astype(np.int64)
        weights = (np.ones_like(sent), sent, batch.size_bytes * sent, airtime_ns, carrier_ns)
        for s in np.unique(second):
            here = second == s
            total = self.air.setdefault(
                int(s), np.zeros((len(STATION_CLASSES), messages, len(_AIR)), np.int64)
            )
            flat = total.reshape(-1, len(_AIR))
            for column, weight in enumerate(weights):
                np.add.at(flat[:, column], group[here], weight[here])

    def count(self, counters: Mapping[str, int]) -> None:
        """Counters of the access layer at the end of the run (grants, reselections by cause …), by name."""
        for name, value in counters.items():
            self.counters[name] = self.counters.get(name, 0) + int(value)

    def merge(self, other: Channel) -> None:
        """Add the other's seconds; both halves of a second that was split are kept as rows of their own."""
        self._flush()
        other._flush()
        self.busy += other.busy
        for second, rows in other._busy_rows.items():
            self._busy_rows.setdefault(second, []).extend(rows)
        for second, total in other.air.items():
            self.air[second] = self.air[second] + total if second in self.air else total.copy()
        self.count(other.counters)

    def rows(self) -> Iterator[Metric]:
        """Busy ratio over the measured time, totals on the air, counters."""
        self._flush()
        for (station_class, place), cells in self._groups(self.busy):
            mean, p95 = _mean_and_p95(cells)
            names = {"jurisdiction": place, "station_class": station_class, "n": int(cells.sum())}
            yield Metric("cbr_mean", "ratio", value=mean, **names)  # type: ignore[arg-type]
            yield Metric("cbr", "ratio", quantile=0.95, value=p95, **names)  # type: ignore[arg-type]
        if self.air:
            total = np.sum(list(self.air.values()), axis=0)
            for c, station_class in enumerate(STATION_CLASSES):
                for k, message in enumerate(self.context.messages):
                    generated, sent, size_bytes, airtime_ns, carrier_ns = (int(v) for v in total[c, k])
                    if generated:
                        group = ("", message, "", "", station_class)
                        yield Metric("frames_generated", "count", *group, value=generated)
                        yield Metric("frames_sent", "count", *group, value=sent)
                        yield Metric("frames_never_sent", "count", *group, value=generated - sent)
                        yield Metric("air_bytes", "byte", *group, value=size_bytes)
                        yield Metric("airtime", "s", *group, value=airtime_ns / 1e9)
                        yield Metric("carrier_time", "s", *group, value=carrier_ns / 1e9)
        for name in sorted(self.counters):
            yield Metric(f"access_{name}", "count", value=self.counters[name])

    def distributions(self) -> Iterator[Named]:
        """What the quantiles of the busy ratio are taken from."""
        self._flush()
        for (station_class, place), cells in self._groups(self.busy):
            names = Metric("cbr", "ratio", jurisdiction=place, station_class=station_class)
            yield Named(names, cells, int(np.flatnonzero(cells)[-1]) / RATIO_CELLS)

    def tables(self) -> dict[str, Rows]:
        """``cbr``: busy ratio per second; ``air``: frames and bytes per second."""
        self._flush()
        busy = [row for second in sorted(self._busy_rows) for row in self._busy_rows[second]]
        air = [
            (
                float(second),
                STATION_CLASSES[c],
                self.context.messages[k],
                *(int(v) for v in self.air[second][c, k][:3]),
            )
            for second in sorted(self.air)
            for c in range(len(STATION_CLASSES))
            for k in np.flatnonzero(self.air[second][c, :, 0])
        ]
        return {
            "cbr": Rows(("time_s", "station_class", "jurisdiction", "mean", "p95", "n"), busy),
            "air": Rows(
                ("time_s", "station_class", "message", "frames_generated", "frames_sent", "bytes_sent"), air
            ),
        }


def _mean_and_p95(cells: np.ndarray) -> tuple[float, float]:
    count = int(cells.sum())
    rank = int(np.searchsorted(np.cumsum(cells), -(-95 * count // 100)))
    return float(cells @ np.arange(_CELLS)) / count / (_CELLS - 1), rank / (_CELLS - 1)
