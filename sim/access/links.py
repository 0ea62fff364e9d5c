"""Links of a few subframes as flat arrays: who lies within reach of each transmission, how far, how loud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.access.neighbours import PROBE, RSU, VEHICLE, Neighbours
from sim.access.processes import Sendings
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
    parts = []
    for a in (VEHICLE, RSU):
        rows = np.flatnonzero(sent.population == a)
        for b in targets:
            if len(rows) and near.size[b]:
                runs = _runs(near, sent, rows, a, b, int(near.offset[b] - near.offset[targets[0]]), x_m.shape[1])
                parts.append(_budget(near, sent, runs, x_m.ravel(), y_m.ravel(), tx))
    return _joined(parts)


@dataclass
class _Runs:
    """Runs of listeners of population b, one per sending (``rows``) of population a."""

    a: int
    b: int
    rows: np.ndarray
    lo: np.ndarray
    count: np.ndarray
    base: np.ndarray
    start: np.ndarray
    step: np.ndarray
    """0, 1, 2 … over all links."""
    row: np.ndarray
    """Cell of the population's first listener in each run's subframe."""
    cell: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Place of every link's listener in its population."""
        return self.cell - np.repeat(self.row, self.count)


def _runs(near: Neighbours, sent: Sent, rows: np.ndarray, a: int, b: int, offset: int, columns: int) -> _Runs:
    windows = near.windows[a, b]
    place = sent.place[rows]
    lo, count, base = windows.lo[place], windows.count[place], windows.base[place]
    if a == VEHICLE and b == PROBE:
        lo, count = _within_rsu_reach(near, sent, rows, lo, count)
    start = np.cumsum(count) - count
    step = np.arange(int(count.sum()))
    row = sent.slot_of_time[rows] * columns + offset
    if near.ring_m:
        inside = step + np.repeat(lo - start, count)
        inside[inside >= near.size[b]] -= near.size[b]
        cell = inside + np.repeat(row, count)
    else:
        cell = step + np.repeat(lo - start + row, count)
    return _Runs(a, b, rows, lo, count, base, start, step, row, cell)


def _budget(
    near: Neighbours, sent: Sent, runs: _Runs, x_m: np.ndarray, y_m: np.ndarray, tx: tuple[np.ndarray, np.ndarray]
) -> Links:
    """Distance and received power of every link."""
    a, b, rows, count = runs.a, runs.b, runs.rows, runs.count
    tx_height, rx_height = near.same_height[a], near.same_height[b]
    heights: list[np.ndarray | float] = [
        np.repeat(near.height_m[sent.column[rows]], count) if tx_height is None else tx_height,
        near.height_m[near.offset[b]:][runs.inside] if rx_height is None else rx_height,
    ]
    distance = _distance(near, runs, x_m, y_m, (tx[0][rows], tx[1][rows]), heights)
    shadow = near.windows[a, b].shadow
    if shadow:
        pair = runs.step + np.repeat(runs.base - runs.start, count)
        fields = tuple(field[pair] for field in shadow)
    else:
        fields = _fields_between(near, sent, runs)
    scaled = zip(near.propagation.fields, fields, strict=True)
    # Beyond 16 decorrelation distances the scale is constant; its exponential would only underflow, slowly.
    latent = Latent(*(f.scale(np.minimum(distance, np.float32(16 * f.decorrelation_m))) * v for f, v in scaled))
    power = -near.propagation.loss_db(distance, latent, heights[0], heights[1], is_v2i=not (a == b == VEHICLE))
    power += spread(near.power_dbm[sent.column[rows]] + near.gain_dbi[sent.column[rows]], count)
    gain = near.same_gain[b]
    power += near.gain_dbi[near.offset[b]:][runs.inside] if gain is None else np.float32(gain)
    own = runs.start + (sent.place[rows] - runs.lo) % int(near.size[b]) if a == b else np.empty(0, np.int64)
    return Links(count, rows, runs.lo, runs.start, np.full(len(rows), b), runs.cell, distance, power, own)


def _distance(
    near: Neighbours, runs: _Runs, x_m: np.ndarray, y_m: np.ndarray, tx: tuple[np.ndarray, np.ndarray],
    heights: list[np.ndarray | float],
) -> np.ndarray:
    """3-D distance in metres, to the nearest image on a ring, float32."""
    dx = x_m[runs.cell]
    dx -= np.repeat(tx[0], runs.count)
    if near.ring_m:
        dx -= np.float32(near.ring_m) * np.rint(dx * np.float32(1 / near.ring_m))
    dy = y_m[runs.cell]
    dy -= np.repeat(tx[1], runs.count)
    dx *= dx
    dy *= dy
    dx += dy
    dz = heights[1] - heights[0]
    if isinstance(dz, np.ndarray) or dz:
        dx += np.asarray(dz * dz, np.float32)
    return np.sqrt(dx, out=dx)


def _within_rsu_reach(
    near: Neighbours, sent: Sent, rows: np.ndarray, lo: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vehicles' runs of probes cut to those that an RSU reaches in the same subframe."""
    if near.ring_m:
        return lo, count
    rsu = np.flatnonzero(sent.population == RSU)
    windows = near.windows[RSU, PROBE]
    slots = int(sent.slot_of_time.max()) + 1
    least, most = np.full(slots, 2**60), np.zeros(slots, np.int64)
    np.minimum.at(least, sent.slot_of_time[rsu], windows.lo[sent.place[rsu]])
    np.maximum.at(most, sent.slot_of_time[rsu], (windows.lo + windows.count)[sent.place[rsu]])
    time = sent.slot_of_time[rows]
    cut = np.maximum(lo, least[time])
    return cut, np.maximum(0, np.minimum(lo + count, most[time]) - cut)


def _fields_between(near: Neighbours, sent: Sent, runs: _Runs) -> tuple[np.ndarray, ...]:
    """Unscaled field values of runs without a precomputed band (vehicles towards probes)."""
    n = int(near.size[runs.b])
    fields = []
    for left, right in near.features.rows:
        of_b = right[near.offset[runs.b]:near.offset[runs.b + 1]]
        if near.ring_m:
            of_b = np.concatenate([of_b, of_b])
        bounds = zip(sent.column[runs.rows].tolist(), runs.lo.tolist(), runs.count.tolist(), strict=True)
        values = [of_b[first:first + min(number, n)] @ left[column] for column, first, number in bounds]
        fields.append(np.concatenate(values))
    return tuple(fields)


def spread(per_run: np.ndarray, count: np.ndarray) -> np.ndarray | np.float32:
    """One value per link; a plain number where all runs agree."""
    if len(per_run) and np.all(per_run == per_run[0]):
        return np.float32(per_run[0])
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
