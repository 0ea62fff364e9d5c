"""Measuring a batch of transmissions: power sums at every station, ratios of reported links, control decoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from sim.access.neighbours import LISTENERS, PROBE, RSU, Neighbours
from sim.access.sidelink.judging import hashed_bits_on, uniform_from
from sim.access.sidelink.links import Runs, Sent, runs_of
from sim.access.sidelink.reported import Reported, together
from sim.clock import hashed_bits
from sim.link.tables import FLOOR_PER, PerTable

_DB = np.float32(10 / np.log(10))
_DEAF = np.float32(np.inf)
NOT_MONITORED = np.float32(-1.0)
"""Stands for the S-RSSI of a subframe in which the station sends itself."""


class SidelinkGrid(Protocol):
    """What reception must know of the resources of a carrier."""

    prb_count: int
    subchannels: np.ndarray
    """Subchannels of each pool."""
    width_prb: np.ndarray
    """PRBs per subchannel of each pool."""

    def coupling(self, shapes: np.ndarray) -> Any:
        """``data``, ``control`` [n, n] and ``subchannel`` [all subchannels of all pools, n], float32: share of the
        power of the column's transmission that falls on the row's PRBs."""

    def footprint(self, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """PRBs (1 or 0 per PRB of the carrier) of data and control of allocations, and of all subchannels of all pools:
        [n, PRB], [n, PRB], [all subchannels, PRB]."""

    def power_share(self, data_prb: int) -> tuple[float, float]:
        """Shares of the transmit power in the data PRBs and in the control PRBs."""


@dataclass(frozen=True)
class Settings:
    """How a radio decodes: its control channel and what is reported.

    ``noise_prb_mw`` is noise in one PRB with the noise figure; ``control_prb`` the PRBs of the control channel;
    ``control_table`` none = always decoded (but for half duplex); ``control_key`` keys its draws.
    """

    noise_prb_mw: float
    control_prb: int
    control_table: PerTable | None
    control_key: np.uint64
    report_distance_m: float


@dataclass
class Batch:
    """Transmissions of a batch of subframes with the power that everybody receives in them.

    ``sensed_mw`` [all subchannels of all pools, subframe, column] is S-RSSI with noise, :data:`NOT_MONITORED` where the
    station sends itself (empty for probes). Levels lie in the reception's own store until :meth:`Reception.measure`.
    """

    sent: Sent
    part: np.ndarray
    kind: np.ndarray
    """Row of each transmission's allocation among those in use."""
    kinds: int
    first: int
    """First column of the listeners."""
    columns: int
    levels: np.ndarray
    """Power with noise [2 kinds, subframe, column]: data PRBs by allocation, then control PRBs (infinite where the
    station sends itself)."""
    address: int
    sensed_mw: np.ndarray
    targets: tuple[int, ...]
    """Populations of the listeners."""
    links: int
    """Links that may be reported, at most."""

    def control_levels(self, runs: Runs) -> list[np.ndarray]:
        """Levels on the control PRBs of the transmissions of ``runs`` at every station of the run."""
        flat = self.levels.reshape(-1)
        size = len(self.part)
        row = (self.kinds + self.kind[runs.sending]) * size + self.sent.slot_of_time[runs.sending]
        begin = row * self.columns + runs.first - self.first
        return [flat[at:to] for at, to in zip(begin.tolist(), (begin + runs.count).tolist(), strict=True)]


@dataclass
class Measured:
    """Reported links, one row each: ratios are linear, of the whole transport block."""

    sending: np.ndarray
    """Transmission, counted through all batches measured together."""
    column: np.ndarray
    """Receiver's column."""
    distance_m: np.ndarray
    """At the start of the transmission."""
    power_mw: np.ndarray
    """Wanted power in the data PRBs."""
    snr: np.ndarray
    sinr: np.ndarray
    decoded: np.ndarray
    """The control information was decoded."""
    deaf: np.ndarray
    """The receiver was sending itself."""

    def __len__(self) -> int:
        return len(self.sending)

    @property
    def power_dbm(self) -> np.ndarray:
        """Wanted power in the data PRBs, float32."""
        return np.log(self.power_mw) * _DB

    @property
    def sinr_db(self) -> np.ndarray:
        """SINR in the data PRBs, not below -120 dB, float32."""
        return np.log(np.maximum(self.sinr, np.float32(1e-12))) * _DB

    def take(self, rows: np.ndarray) -> Measured:
        """A selection of rows."""
        return Measured(*(getattr(self, f.name)[rows] for f in fields(self)))

    @staticmethod
    def joined(parts: Sequence[Measured]) -> Measured:
        """All rows in order (of batches measured apart, ``sending`` as it is)."""
        if len(parts) == 1:
            return parts[0]
        return Measured(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Measured)))


class Reception:
    """Power sums and ratios on one carrier, for any sidelink grid."""

    def __init__(self, settings: Settings, grid: SidelinkGrid) -> None:
        self.settings, self.grid = settings, grid
        self.surely_lost, self.surely_heard = _bounds(settings.control_table)
        shares = [grid.power_share(max(1, prb)) for prb in range(grid.prb_count + 1)]
        self.data_share, self.control_share = np.array(shares, np.float32).T.copy()
        """Share of the power in data and in control PRBs by number of data PRBs."""
        prb = np.maximum(1, np.arange(grid.prb_count + 1))
        self.element_share = (self.data_share / (12 * prb)).astype(np.float32)
        """Share of the power in one resource element of the data PRBs (RSRP)."""
        self._rows: dict[tuple[Any, ...], tuple[np.ndarray, np.ndarray]] = {}
        self._pool = np.empty(1 << 16, np.float32)
        self._used = 0
        self._received = np.empty(0, np.float32)
        self._reference_mw = 0.0
        """Power that sums of gains are counted in: that of the strongest station."""
        self._factors: list[float] = []
        self._bits, self._bits_turn = np.empty(0, np.uint64), -1

    # ---- power at every station

    def listeners(
        self, near: Neighbours, sent: Sent, part: np.ndarray, foreign: np.ndarray | None = None
    ) -> tuple[Batch, Runs]:
        """Power of a batch at vehicles and RSUs, and the runs of stations within reach of each transmission.

        ``part`` [subframes] are the starts of the subframes as parts of the tick; ``foreign`` [subframe, band, column]
        is power in mW from other radios in equal bands of the carrier (1 band = spread evenly, one per PRB = exact).
        """
        reach = runs_of(near, sent.column, LISTENERS)
        table = near.gains()
        batch, received = self._begin(near, sent, part, slice(0, int(near.offset[PROBE])), LISTENERS)
        row = batch.kind * len(part) + sent.slot_of_time
        _add_up(received.reshape(-1), row[reach.sending] * batch.columns + reach.first, table, reach, self._factors)
        self._finish(batch, received, foreign, sensing=True)
        return batch, reach

    def probes(
        self, near: Neighbours, sent: Sent, part: np.ndarray, foreign: np.ndarray | None = None
    ) -> tuple[Batch, np.ndarray] | None:
        """Power of a batch at probes in subframes with frames of RSUs, and which transmissions it covers.

        None without any. Vehicles come in as interference where they reach the same probes; only the RSUs' links are
        reported. ``sent`` holds the whole traffic of the subframes.
        """
        first, end = int(near.offset[PROBE]), len(near.slots)
        rsu = sent.column >= near.offset[RSU]
        if first == end or not rsu.any():
            return None
        keep = np.flatnonzero(np.isin(sent.slot_of_time, sent.slot_of_time[rsu]))
        some = sent.take(keep)
        columns = slice(first, end)
        batch, received = self._begin(near, some, part, columns, (PROBE,))
        reach = runs_of(near, some.column, (PROBE,))
        flat = received.reshape(-1)
        into = (batch.kind * len(part) + some.slot_of_time)[reach.sending] * batch.columns + reach.first - first
        own = np.flatnonzero(reach.base >= 0)
        _add_up(flat, into[own], near.gains(), reach.take(own), self._factors)
        self._vehicles_at_probes(near, some, batch, flat)
        self._finish(batch, received, foreign, sensing=False)
        return batch, keep

    def _vehicles_at_probes(
        self, near: Neighbours, sent: Sent, batch: Batch, flat: np.ndarray
    ) -> None:
        """Add the interference of vehicles at probes that some RSU reaches in the same subframe."""
        lo, count, n = near.lo[PROBE], near.count[PROBE], int(near.size[PROBE])
        unit = sent.column >= near.offset[RSU]
        for i in np.flatnonzero(~unit).tolist():
            column, time = int(sent.column[i]), int(sent.slot_of_time[i])
            units = sent.column[unit & (sent.slot_of_time == time)]
            begin, end = lo[column], lo[column] + count[column]
            if not near.ring_m and not np.any((lo[units] < end) & (begin < lo[units] + count[units])):
                continue
            at = ((int(batch.kind[i]) * len(batch.part) + time) * n) + (begin + np.arange(int(count[column]))) % n
            flat[at] += near.towards_probes(column) * np.float32(self._factors[i])

    def _begin(
        self, near: Neighbours, sent: Sent, part: np.ndarray, columns: slice, targets: tuple[int, ...]
    ) -> tuple[Batch, np.ndarray]:
        """A batch without levels, and the zeroed array [kind + 1, subframe, column] of received powers; the last row
        is all ones and carries noise. Received powers are in units of the strongest station's power."""
        size, width = len(part), columns.stop - columns.start
        allocated = sent.shape.tolist()
        shapes = sorted(set(allocated))
        place = {shape: i for i, shape in enumerate(shapes)}
        kind = np.array([place[shape] for shape in allocated], np.int64)
        n = len(shapes)
        need = (n + 1) * size * width
        if len(self._received) < need:
            self._received = np.empty(need, np.float32)
        received = self._received[:need].reshape(n + 1, size, width)
        received[:n], received[n] = 0, 1
        nothing = np.empty((0, size, width), np.float32)
        distance_m = self.settings.report_distance_m
        links = int(near.links_within(targets, distance_m).take(sent.column).sum())
        batch = Batch(sent, part, kind, n, columns.start, width, nothing, 0, nothing, targets, links)
        self._reference_mw = near.strongest_mw
        self._factors = near.factor.take(sent.column).tolist()
        if targets != (PROBE,):
            batch.sensed_mw = np.empty((int(self.grid.subchannels.sum()), size, width), np.float32)
        batch.levels, batch.address = self._room(2 * n, size, width)
        return batch, received

    def _room(self, rows: int, size: int, width: int) -> tuple[np.ndarray, int]:
        """Space for levels in the store, and where it begins."""
        need, address = rows * size * width, self._used
        if address + need > len(self._pool):
            grown = np.empty(2 * (address + need), np.float32)
            grown[:address] = self._pool[:address]
            self._pool = grown
        self._used += need
        return self._pool[address:self._used].reshape(rows, size, width), address

    def _finish(self, batch: Batch, received: np.ndarray, foreign: np.ndarray | None, sensing: bool) -> None:
        """Levels from received powers, then the marks of stations that send themselves."""
        size, width, n = len(batch.part), batch.columns, batch.kinds
        levels, subchannels = self._weights(batch)
        flat = received.reshape(n + 1, size * width)
        np.matmul(levels, flat, out=batch.levels.reshape(2 * n, size * width))
        if sensing:
            np.matmul(subchannels, flat, out=batch.sensed_mw.reshape(-1, size * width))
        if foreign is not None:
            self._add_foreign(batch, foreign, sensing)
        if sensing:
            time, column = batch.sent.slot_of_time, batch.sent.column
            batch.levels[n:, time, column] = _DEAF
            batch.sensed_mw[:, time, column] = NOT_MONITORED

    def _weights(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Coupling of the allocations in use with noise as the last column: levels [2n, n + 1], subchannels."""
        n = batch.kinds
        shape, prb = np.zeros(n, np.int64), np.zeros(n, np.int64)
        shape[batch.kind], prb[batch.kind] = batch.sent.shape, batch.sent.data_prb
        key = (self._reference_mw, *shape.tolist(), *prb.tolist())
        if key not in self._rows:
            if len(self._rows) > 5000:
                self._rows.clear()
            noise = self.settings.noise_prb_mw
            widths = np.repeat(self.grid.width_prb, self.grid.subchannels)
            if n:
                c = self.grid.coupling(shape)
                parts = [part * np.float64(self._reference_mw) for part in (c.data, c.control, c.subchannel)]
            else:
                parts = [np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((len(widths), 0))]
            of_noise = [prb * noise, np.full(n, self.settings.control_prb * noise), widths * noise]
            rows = [np.concatenate([one, by[:, None]], axis=1).astype(np.float32)
                    for one, by in zip(parts, of_noise, strict=True)]
            self._rows[key] = np.concatenate(rows[:2]), rows[2]
        return self._rows[key]

    def _add_foreign(self, batch: Batch, foreign: np.ndarray, sensing: bool) -> None:
        """Power of other radios, by the share of each band that lies in the row's PRBs."""
        bands = foreign.shape[1]
        by_band = np.ascontiguousarray(foreign.transpose(1, 0, 2), np.float32).reshape(bands, -1)
        data, control, subchannels = self._foreign_shares(batch, bands)
        batch.levels += (np.concatenate([data, control]) @ by_band).reshape(batch.levels.shape)
        if sensing:
            batch.sensed_mw += (subchannels @ by_band).reshape(batch.sensed_mw.shape)

    def _foreign_shares(self, batch: Batch, bands: int) -> list[np.ndarray]:
        """Share of each of ``bands`` equal bands of the carrier in the PRBs of data, control and subchannels."""
        shape = np.zeros(batch.kinds, np.int64)
        shape[batch.kind] = batch.sent.shape
        edges = np.linspace(0, self.grid.prb_count, bands + 1)
        prb = np.arange(self.grid.prb_count)
        overlap = np.minimum(edges[1:, None], prb + 1) - np.maximum(edges[:-1, None], prb)
        share = np.maximum(overlap, 0) / np.diff(edges)[:, None]
        return [(mask @ share.T).astype(np.float32) for mask in self.grid.footprint(shape)]

    # ---- reported links

    def measure(self, near: Neighbours, batches: Sequence[Batch]) -> Measured:
        """Links within the report distance of all transmissions of some batches of the present tick.

        ``sending`` counts through the batches in order. A sender's link to itself is left out.
        """
        runs, batch_of, sent = together(near, batches, self.settings.report_distance_m)
        links = Reported(near, batches, runs, batch_of, sent, self.settings.report_distance_m)
        count, sending = links.count, runs.sending
        power = near.power_mw[sent.column[sending]]
        prb = sent.data_prb[sending]
        gain = near.gains().take(links.place)
        wanted = gain * _spread(power * self.data_share[prb], count)
        noise = _spread((prb * self.settings.noise_prb_mw).astype(np.float32), count)
        at = links.cell + np.repeat(links.data_row, count)
        level = self._pool.take(at)
        control = self._pool.take(at + np.repeat(links.control_shift, count))
        sinr = np.subtract(level, wanted, out=level)
        np.maximum(sinr, noise, out=sinr)
        np.divide(wanted, sinr, out=sinr)
        deaf = control == _DEAF
        of_sending = np.repeat(sending, count)
        gain *= _spread(power * self.control_share[prb], count)
        bits = hashed_bits_on(self.sender_bits(near).take(sent.column), sent.sequence)
        decoded = self.decode(gain, control, bits.take, of_sending, near.station_id, links.column)
        return Measured(of_sending, links.column, links.distance_m, wanted, wanted / noise, sinr, decoded, deaf)

    def clear(self) -> None:
        """Forget the levels of all batches (once they are measured)."""
        self._used = 0

    def sender_bits(self, near: Neighbours) -> np.ndarray:
        """Hashed bits, uint64, of (control key, station) of every column: the first part of what keys control draws."""
        if near.turn != self._bits_turn:
            self._bits, self._bits_turn = hashed_bits(self.settings.control_key, near.station_id), near.turn
        return self._bits

    def decode(
        self, signal_mw: np.ndarray, level_mw: np.ndarray, bits: Callable[[np.ndarray], np.ndarray],
        sending: np.ndarray, station_id: np.ndarray, receiver: np.ndarray,
    ) -> np.ndarray:
        """Whether the control channel, received with ``signal_mw`` within a level of ``level_mw``, is decoded.

        Draws are keyed by ``bits`` of the transmission ``sending`` [L] (:meth:`sender_bits` hashed on with its sequence
        number, asked for open links only) and by ``station_id`` of ``receiver`` [L]. An infinite level (own
        transmission) is never decoded.
        """
        table = self.settings.control_table
        if table is None:
            return level_mw < _DEAF
        noise = np.float32(self.settings.control_prb * self.settings.noise_prb_mw)
        ratio = np.subtract(level_mw, signal_mw)
        np.maximum(ratio, noise, out=ratio)
        np.divide(signal_mw, ratio, out=ratio)
        decoded = ratio >= self.surely_heard
        open_ = ((ratio > self.surely_lost) > decoded).nonzero()[0]
        if len(open_):
            number = uniform_from(bits(sending.take(open_)), station_id.take(receiver.take(open_)))
            decoded[open_] = number >= table.per_linear(ratio.take(open_))
        return decoded


def _add_up(flat: np.ndarray, into: np.ndarray, table: np.ndarray, runs: Runs, factors: list[float]) -> None:
    """Add gains times factors of every run to ``flat`` from ``into`` on, run after run: a fixed order."""
    base, count = runs.base, runs.count
    edges = (into.tolist(), (into + count).tolist(), base.tolist(), (base + count).tolist())
    if factors.count(1.0) == len(factors):
        for at, to, first, end in zip(*edges, strict=True):
            target = flat[at:to]
            np.add(target, table[first:end], target)
        return
    for at, to, first, end, sending in zip(*edges, runs.sending.tolist(), strict=True):
        target, gain, factor = flat[at:to], table[first:end], factors[sending]
        target += gain if factor == 1.0 else gain * np.float32(factor)


def _spread(per_run: np.ndarray, count: np.ndarray) -> Any:
    """One value per link; a plain number where all runs agree."""
    if len(per_run) and (per_run == per_run[0]).all():
        return per_run[0]
    return np.repeat(per_run, count)


def _bounds(table: PerTable | None) -> tuple[np.float32, np.float32]:
    """Power ratios up to which a block is always lost, and from which it is lost with the floor's 1e-8 only."""
    if table is None:
        return np.float32(0), np.float32(0)
    grid = np.arange(-40.0, 60.0, 0.01)
    rate = table.exact(grid)
    lost, heard = grid[rate >= 1.0], grid[rate <= FLOOR_PER]
    low = lost[-1] - 0.05 if len(lost) else -100.0
    high = heard[0] + 0.05 if len(heard) else np.inf
    return np.float32(10 ** (low / 10)), np.float32(10 ** (high / 10))
