"""Links of a few subframes as flat arrays: who lies within reach of each transmission, how far, how loud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.access.lte_mode4.processes import Sendings
from sim.access.neighbours import PROBE, RSU, Neighbours
from sim.channel.propagation import Latent


@dataclass
class Sent:
    """Sendings with what their links need: column, population, place in time, allocation."""

    sendings: Sendings
    column: np.ndarray
    population: np.ndarray
    place: np.ndarray
    """Place of the sender in its population."""
    slot_of_time: np.ndarray
    """Index of the subframe in the batch."""
    data_prb: np.ndarray
    shape: np.ndarray

    def take(self, rows: np.ndarray) -> Sent:
        """A selection of rows."""
        s = self.sendings
        part = Sendings(*(getattr(s, name)[rows] for name in Sendings.__dataclass_fields__))
        names = ("column", "population", "place", "slot_of_time", "data_prb", "shape")
        return Sent(part, *(getattr(self, name)[rows] for name in names))


@dataclass
class Links:
    """Flat links of one group of listeners, ordered by (sender population, listener population), then sending."""

    count: np.ndarray
    """Links per run; a run is one sending towards one population."""
    sending: np.ndarray
    """Sending of each run."""
    lo: np.ndarray
    """First place of each run in its population."""
    start: np.ndarray
    """First link of each run, and the end of the last."""
    target: np.ndarray
    """Population of each run's listeners."""
    cell: np.ndarray
    """Index into [subframe, column] arrays of each link."""
    distance_m: np.ndarray
    power_dbm: np.ndarray
    """Received power of the whole transmission."""
    own: np.ndarray
    """Links of a sender to itself."""


def links_of(
    near: Neighbours, sent: Sent, targets: tuple[int, ...], x_m: np.ndarray, y_m: np.ndarray,
    tx: tuple[np.ndarray, np.ndarray],
) -> Links:
    """Links of all sendings to the populations ``targets``, whose places are ``x_m``, ``y_m`` [subframe, column].

    ``tx`` holds the senders' own places. Geometry is that of the start of the transmission; shadowing is that of the
    start of the traffic tick, at most 3.3 m of movement away against a decorrelation distance of 10 m and more.
    """
    first = int(near.offset[targets[0]])
    runs = _joined_runs([_runs(near, sent, b, first, x_m.shape[1]) for b in targets if near.size[b]])
    if near.propagation.config.v2v == near.propagation.config.v2i or runs is None:
        return _joined([] if runs is None else [_budget(near, sent, runs, False, x_m, y_m, tx)])
    v2i = (sent.population[runs.sending] == RSU) | (runs.target >= RSU)
    kinds = [(kind, runs.take(np.flatnonzero(v2i == kind))) for kind in (False, True)]
    return _joined([_budget(near, sent, some, kind, x_m, y_m, tx) for kind, some in kinds if len(some.sending)])


@dataclass
class _Runs:
    """Runs of listeners, one per (sending, population of listeners)."""

    sending: np.ndarray
    target: np.ndarray
    place: np.ndarray
    """Place of the sender in its population if that is the listeners', else -1."""
    lo: np.ndarray
    count: np.ndarray
    size: np.ndarray
    """Number of stations in the target population."""
    base: np.ndarray
    """First pair in the shadowing bands, -1 without a band; runs without one come last."""
    cell: np.ndarray
    """Cell of the target population's first station in the run's subframe."""


    def take(self, rows: np.ndarray) -> _Runs:
        """A selection of runs."""
        return _Runs(*(getattr(self, name)[rows] for name in _Runs.__dataclass_fields__))


def _runs(near: Neighbours, sent: Sent, b: int, first_column: int, columns: int) -> _Runs:
    """Runs of all sendings towards population b."""
    rows = np.argsort(-sent.population, kind="stable") if b == PROBE else np.arange(len(sent.column))
    column, population = sent.column[rows], sent.population[rows]
    lo, count = near.lo[b][column], near.count[b][column]
    if b == PROBE:
        lo, count = _within_rsu_reach(near, sent, rows, lo, count)
    return _Runs(
        rows, np.full(len(rows), b), np.where(population == b, sent.place[rows], -1), lo, count,
        np.full(len(rows), near.size[b]), near.base[b][column],
        sent.slot_of_time[rows] * columns + int(near.offset[b]) - first_column,
    )


def _joined_runs(parts: list[_Runs]) -> _Runs | None:
    if len(parts) <= 1:
        return parts[0] if parts else None
    return _Runs(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Runs.__dataclass_fields__))


def _budget(
    near: Neighbours, sent: Sent, runs: _Runs, is_v2i: bool, x_m: np.ndarray, y_m: np.ndarray,
    tx: tuple[np.ndarray, np.ndarray],
) -> Links:
    """Distance and received power of every link."""
    count = runs.count
    start = np.cumsum(count) - count
    step = np.arange(int(count.sum()))
    if near.ring_m:
        inside = step + np.repeat(runs.lo - start, count)
        size = spread_integers(runs.size, count)
        inside -= size * (inside >= size)
        cell = inside + np.repeat(runs.cell, count)
    else:
        cell = step + np.repeat(runs.lo - start + runs.cell, count)
    column = sent.column[runs.sending]
    gain = near.gain_dbi[column]
    tx_height = spread(near.height_m[column], count)
    rx_height, rx_gain = _of_listeners(near, sent, runs, cell, x_m.shape[1])
    distance = _distance(near, runs, cell, (x_m, y_m), tx, rx_height - tx_height)
    fields = _fields(near, sent, runs, step, start)
    scaled = zip(near.propagation.fields, fields, strict=True)
    # Beyond 16 decorrelation distances the scale is constant; its exponential would only underflow, slowly.
    latent = Latent(*(f.scale(np.minimum(distance, np.float32(16 * f.decorrelation_m))) * v for f, v in scaled))
    power = -near.propagation.loss_db(distance, latent, tx_height, rx_height, is_v2i=is_v2i)
    power += spread(near.power_dbm[column] + gain, count)
    power += rx_gain
    own = np.flatnonzero(runs.place >= 0)
    own = start[own] + (runs.place[own] - runs.lo[own]) % runs.size[own]
    return Links(count, runs.sending, runs.lo, start, runs.target, cell, distance, power, own)


def _of_listeners(
    near: Neighbours, sent: Sent, runs: _Runs, cell: np.ndarray, columns: int
) -> tuple[np.ndarray | float, np.ndarray | float]:
    """Antenna height and gain of every link's listener; by run where the populations are uniform."""
    values: list[np.ndarray | float] = []
    for same, each in ((near.same_height, near.height_m), (near.same_gain, near.gain_dbi)):
        by_target = [same[b] for b in range(len(same))]
        if all(by_target[b] is not None for b in set(runs.target.tolist())):
            known = np.array([0.0 if v is None else v for v in by_target], np.float32)
            values.append(spread(known[runs.target], runs.count))
        else:
            first = int(near.offset[PROBE]) if runs.target[0] == PROBE else 0
            time = np.repeat(sent.slot_of_time[runs.sending] * columns - first, runs.count)
            values.append(each[cell - time])
    return values[0], values[1]


def _fields(
    near: Neighbours, sent: Sent, runs: _Runs, step: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Unscaled field values of every link: from the bands, and made here for runs without one."""
    banded = int(np.count_nonzero(runs.base >= 0))
    end = int(start[banded]) if banded < len(start) else len(step)
    pair = step[:end] + np.repeat((runs.base - start)[:banded], runs.count[:banded])
    fields = tuple(field[pair] for field in near.shadow)
    if banded == len(start):
        return fields
    rest = _fields_between(near, sent, runs, banded)
    return tuple(np.concatenate(both) for both in zip(fields, rest, strict=True))


def _fields_between(near: Neighbours, sent: Sent, runs: _Runs, first_run: int) -> tuple[np.ndarray, ...]:
    """Field values of the last runs, vehicles towards probes."""
    probes = slice(int(near.offset[PROBE]), len(near.slots))
    n = int(near.size[PROBE])
    columns = sent.column[runs.sending[first_run:]].tolist()
    fields = []
    for left, right in near.features.rows:
        of_b = right[probes]
        if near.ring_m:
            of_b = np.concatenate([of_b, of_b])
        bounds = zip(columns, runs.lo[first_run:].tolist(), runs.count[first_run:].tolist(), strict=True)
        fields.append(np.concatenate([of_b[lo:lo + min(number, n)] @ left[column] for column, lo, number in bounds]))
    return tuple(fields)


def _distance(
    near: Neighbours, runs: _Runs, cell: np.ndarray, places: tuple[np.ndarray, np.ndarray],
    tx: tuple[np.ndarray, np.ndarray], dz: np.ndarray | float,
) -> np.ndarray:
    """3-D distance in metres, to the nearest image on a ring, float32."""
    dx = places[0].ravel()[cell]
    dx -= np.repeat(tx[0][runs.sending], runs.count)
    if near.ring_m:
        dx -= np.float32(near.ring_m) * np.rint(dx * np.float32(1 / near.ring_m))
    dy = places[1].ravel()[cell]
    dy -= np.repeat(tx[1][runs.sending], runs.count)
    dx *= dx
    dy *= dy
    dx += dy
    if np.ndim(dz) or dz:
        dx += dz * dz
    return np.sqrt(dx, out=dx)


def _within_rsu_reach(
    near: Neighbours, sent: Sent, rows: np.ndarray, lo: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Runs of probes cut to those that an RSU reaches in the same subframe; an RSU's own runs stay as they are."""
    if near.ring_m:
        return lo, count
    rsu = sent.population[rows] == RSU
    time = sent.slot_of_time[rows]
    least, most = np.full(int(time.max()) + 1, 2**60), np.zeros(int(time.max()) + 1, np.int64)
    np.minimum.at(least, time[rsu], lo[rsu])
    np.maximum.at(most, time[rsu], (lo + count)[rsu])
    cut = np.maximum(lo, least[time])
    return cut, np.maximum(0, np.minimum(lo + count, most[time]) - cut)


def spread_integers(per_run: np.ndarray, count: np.ndarray) -> np.ndarray | np.int64:
    """As :func:`spread`, of integers."""
    return per_run[0] if len(per_run) and np.all(per_run == per_run[0]) else np.repeat(per_run, count)


def spread(per_run: np.ndarray, count: np.ndarray) -> np.ndarray | float:
    """One value per link; a plain number where all runs agree."""
    if len(per_run) and np.all(per_run == per_run[0]):
        return float(per_run[0])
    return np.repeat(per_run.astype(np.float32), count)


def _joined(parts: list[Links]) -> Links:
    if len(parts) == 1:
        return parts[0]
    names = ("count", "sending", "lo", "target", "cell", "distance_m", "power_dbm")
    if not parts:
        i, f = np.empty(0, np.int64), np.empty(0, np.float32)
        return Links(i, i, i, i, i, i, f, f, i)
    before = np.cumsum([0, *(len(part.cell) for part in parts[:-1])])
    own = np.concatenate([part.own + by for part, by in zip(parts, before, strict=True)])
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Links(start=np.cumsum(joined["count"]) - joined["count"], own=own, **joined)
