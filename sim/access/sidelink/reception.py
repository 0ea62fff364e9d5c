"""All links of a few subframes as flat arrays: powers, interference, control and data decoding, causes of loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.grid import Coupling, Grid
from sim.access.neighbours import LISTENERS, PROBE, RSU, Neighbours
from sim.access.sidelink.links import Links, Sent, links_of, spread
from sim.access.sidelink.sensing import UNHEARD_DBM
from sim.clock import hashed_bits, stream_key
from sim.frames import Outcome
from sim.link import load_table, lte_grid
from sim.link.tables import FLOOR_PER, PerTable

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

_MW = np.float32(np.log(10) / 10)
_DB = np.float32(10 / np.log(10))
_UNIFORM = 2.0**-53


@dataclass
class Rows:
    """Reported links: index of the sending, listener's slot, and what happened."""

    sending: np.ndarray
    receiver: np.ndarray
    distance_m: np.ndarray
    outcome: np.ndarray
    data_outcome: np.ndarray
    power_dbm: np.ndarray
    sinr_db: np.ndarray

    @staticmethod
    def empty() -> Rows:
        """No links."""
        i, f, o = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int8)
        return Rows(i, i, f, o, o, f, f)


@dataclass
class Group:
    """Listeners of one kind of links: their slots and ids by column, and who of them transmits in which subframe."""

    slots: np.ndarray
    station_id: np.ndarray
    busy: np.ndarray
    """[subframe, column]."""
    senders_listen: bool
    """Senders have a column of their own here (and sense); probes never send."""

    @property
    def columns(self) -> int:
        """Number of listeners."""
        return len(self.slots)


@dataclass
class Heard:
    """What the listening stations take from a batch besides frames.

    ``rsrp_dbm`` per link (about :data:`UNHEARD_DBM` where the SCI was not decoded); runs as in :class:`Links`;
    ``sensed_mw`` [subframe, all subchannels of all pools, column] is S-RSSI with noise.
    """

    links: Links
    rsrp_dbm: np.ndarray
    sensed_mw: np.ndarray
    transmitting: np.ndarray


class Reception:
    """Link budget and decoding on one carrier."""

    def __init__(self, radio: Radio, grid: Grid, seed: int, report_distance_m: float) -> None:
        self.grid, self.mode = grid, radio.mode4
        self.report_distance_m = report_distance_m
        self.data_table = load_table(radio.link.pssch_table)
        self.control_table: PerTable = load_table(radio.link.pscch_table).select(0, 0)
        self.noise_prb_mw = 10 ** (lte_grid.noise_dbm(1, radio.link.noise_figure_db) / 10)
        self._data_key, self._control_key = stream_key(seed, "mode4", "data"), stream_key(seed, "mode4", "control")
        self._surely_lost, self._surely_heard = _bounds(self.control_table)
        shares = [grid.power_share(max(1, prb)) for prb in range(grid.prb_count + 1)]
        self._shares = np.array(shares, np.float32).T.copy()
        """Data and control share of the power by number of data PRBs, [2, prb + 1]."""
        prb = np.maximum(1, np.arange(grid.prb_count + 1))
        self._share_db = (10 * np.log10(self._shares[0])).astype(np.float32)
        self._element_db = (10 * np.log10(self._shares[0] / (12 * prb))).astype(np.float32)
        self._coupled: dict[tuple[int, ...], Coupling] = {}

    def listeners(self, near: Neighbours, sent: Sent, part: np.ndarray) -> tuple[Rows, Heard]:
        """Reception at vehicles and RSUs in subframes at these parts of the tick."""
        columns = int(near.offset[PROBE])
        x, y = near.positions(part, 0, columns)
        busy = np.zeros((len(part), columns), bool)
        busy[sent.slot_of_time, sent.column] = True
        group = Group(near.slots[:columns], near.station_id[:columns], busy, True)
        own = (sent.slot_of_time, sent.column)
        links = links_of(near, sent, LISTENERS, x, y, (x[own], y[own]))
        rows, rsrp, sensed = self._receive(sent, links, group)
        return rows, Heard(links, rsrp, sensed, busy)

    def probes(self, near: Neighbours, sent: Sent, part: np.ndarray) -> Rows:
        """Reception of RSU frames at probes; ``sent`` holds the whole traffic of the subframes."""
        first, end = int(near.offset[PROBE]), len(near.slots)
        rsu = sent.population == RSU
        if first == end or not rsu.any():
            return Rows.empty()
        occupied = np.unique(sent.slot_of_time[rsu])
        keep = np.flatnonzero(np.isin(sent.slot_of_time, occupied))
        some = sent.take(keep)
        some.slot_of_time = np.searchsorted(occupied, some.slot_of_time)
        all_x, all_y = near.positions(part[occupied], 0, end)
        tx = all_x[some.slot_of_time, some.column], all_y[some.slot_of_time, some.column]
        links = links_of(near, some, (PROBE,), all_x[:, first:], all_y[:, first:], tx)
        silent = np.zeros((len(occupied), end - first), bool)
        group = Group(near.slots[first:], near.station_id[first:], silent, False)
        rows, _, _ = self._receive(some, links, group)
        wanted = some.population[rows.sending] == RSU
        others = [name for name in Rows.__dataclass_fields__ if name != "sending"]
        return Rows(keep[rows.sending[wanted]], *(getattr(rows, name)[wanted] for name in others))

    # ---- reception

    def _receive(self, sent: Sent, links: Links, group: Group) -> tuple[Rows, np.ndarray, np.ndarray]:
        """Reported links, RSRP of all links (near UNHEARD_DBM without SCI), S-RSSI of all listeners."""
        coupling, kind = self._coupling(sent)
        n, columns = len(coupling.data), group.columns
        power = np.exp(links.power_dbm * _MW)
        levels = self._levels(sent, links, power, coupling, kind, group)
        time = sent.slot_of_time[links.sending]
        control_row = (time * (levels.shape[1] - 1) + n + kind[links.sending]) * columns
        cell = links.cell + np.repeat(control_row, links.count)
        share = self._shares[:, sent.data_prb[links.sending]]
        decoded = self._decode_control(sent, links, power, levels.ravel(), cell, share[1], group)
        chosen = self._reported(sent, links, group)
        run = np.repeat(np.arange(len(links.count)), links.count)[chosen]
        column = links.cell[chosen] - (time * columns)[run]
        signal = power[chosen] * share[0][run]
        level = levels.ravel()[cell[chosen] - n * columns]
        rows = self._report(sent, links, signal, level, group, chosen, run, column, decoded[chosen])
        if not group.senders_listen:
            return rows, np.empty(0, np.float32), levels[:, :0]
        per_element = self._element_db[sent.data_prb[links.sending]]
        rsrp = links.power_dbm + spread(per_element, links.count)
        rsrp += (decoded.view(np.int8) - np.float32(1)) * -UNHEARD_DBM
        return rows, rsrp, levels[:, 2 * n:]

    def _coupling(self, sent: Sent) -> tuple[Coupling, np.ndarray]:
        """Coupling of the allocations in use, and which of them each sending has."""
        shapes, kind = np.unique(sent.shape, return_inverse=True)
        key = tuple(shapes.tolist())
        if key not in self._coupled:
            if len(self._coupled) > 5000:
                self._coupled.clear()
            self._coupled[key] = self.grid.coupling(shapes)
        return self._coupled[key], kind

    def _levels(
        self, sent: Sent, links: Links, power: np.ndarray, coupling: Coupling, kind: np.ndarray, group: Group
    ) -> np.ndarray:
        """Power with noise, float32 [subframe, row, column]: data PRBs by allocation, control PRBs, subchannels."""
        n = len(coupling.data)
        received = np.zeros((len(group.busy), n, group.columns), np.float32)
        _add_up(sent, links, kind, power, received)
        parts = [coupling.data, coupling.control] + ([coupling.subchannel] if group.senders_listen else [])
        levels = np.matmul(np.concatenate(parts), received)
        levels += self._noise(sent, kind, n, group.senders_listen)[:, None]
        return levels

    def _noise(self, sent: Sent, kind: np.ndarray, n: int, sensing: bool) -> np.ndarray:
        data = np.zeros(n)
        data[kind] = sent.data_prb
        widths = np.repeat(self.grid.width_prb, self.grid.subchannels) if sensing else np.empty(0)
        prb = np.concatenate([data, np.full(n, float(lte_grid.PSCCH_PRB)), widths])
        return (prb * self.noise_prb_mw).astype(np.float32)

    def _decode_control(
        self, sent: Sent, links: Links, power: np.ndarray, levels: np.ndarray, cell: np.ndarray, share: np.ndarray,
        group: Group,
    ) -> np.ndarray:
        """Whether each listener decoded the SCI; never while it sends itself."""
        deaf = group.busy.ravel()[links.cell]
        if self.mode.sci == "ideal":
            return ~deaf
        signal = power * spread(share, links.count)
        disturbance = levels[cell]
        disturbance -= signal
        np.maximum(disturbance, np.float32(lte_grid.PSCCH_PRB * self.noise_prb_mw), out=disturbance)
        ratio = np.divide(signal, disturbance, out=signal)
        decoded = ratio >= self._surely_heard
        open_ = np.flatnonzero((ratio > self._surely_lost) & ~decoded)
        if len(open_):
            run = np.searchsorted(links.start, open_, side="right") - 1
            sending = links.sending[run]
            column = links.cell[open_] - sent.slot_of_time[sending] * group.columns
            uniform = self._uniform(self._control_key, sent, sending, column, group)
            decoded[open_] = uniform >= self.control_table.per_linear(ratio[open_])
        decoded &= ~deaf
        return decoded

    @staticmethod
    def _uniform(key: np.uint64, sent: Sent, sending: np.ndarray, column: np.ndarray, group: Group) -> np.ndarray:
        """Draws keyed by sender, sequence number and receiver."""
        s = sent.sendings
        bits = hashed_bits(key, s.station_id, s.sequence)[sending]
        return (hashed_bits(bits, group.station_id[column]) >> np.uint64(11)) * _UNIFORM

    def _reported(self, sent: Sent, links: Links, group: Group) -> np.ndarray:
        """Links up to the report distance, but for a sender's to itself."""
        near = links.distance_m <= np.float32(self.report_distance_m)
        if group.senders_listen:
            near[links.own] = False
        return np.flatnonzero(near)

    def _report(
        self, sent: Sent, links: Links, signal: np.ndarray, level: np.ndarray, group: Group, chosen: np.ndarray,
        run: np.ndarray, column: np.ndarray, decoded: np.ndarray,
    ) -> Rows:
        """Outcomes of reported links."""
        sending = links.sending[run]
        noise = (sent.data_prb * self.noise_prb_mw).astype(np.float32)[sending]
        sinr = signal / np.maximum(level - signal, noise)
        data = self._data_outcome(sent, sending, signal / noise, sinr, column, group)
        wanted_dbm = links.power_dbm[chosen] + self._share_db[sent.data_prb[sending]]
        if self.mode.sensitivity_dbm is not None:
            data[wanted_dbm < self.mode.sensitivity_dbm] = Outcome.SENSITIVITY
        data[group.busy.ravel()[links.cell[chosen]]] = Outcome.HALF_DUPLEX
        outcome = data.copy()
        if self.mode.sci_loses_packet:
            lost = ~decoded & (data != Outcome.HALF_DUPLEX) & (data != Outcome.SENSITIVITY)
            outcome[lost] = Outcome.CONTROL_LOST
        return Rows(
            sending, group.slots[column], links.distance_m[chosen], outcome, data, wanted_dbm,
            np.log(np.maximum(sinr, np.float32(1e-12))) * _DB,
        )

    def _data_outcome(
        self, sent: Sent, sending: np.ndarray, snr: np.ndarray, sinr: np.ndarray, column: np.ndarray, group: Group
    ) -> np.ndarray:
        """Propagation or collision, by one uniform number compared with both error rates."""
        with_noise, with_all = self._rates(sent, sending, snr, sinr)
        certain = with_noise >= 1
        data = certain * np.int8(Outcome.PROPAGATION)
        open_ = np.flatnonzero((with_all > FLOOR_PER) & ~certain)
        uniform = self._uniform(self._data_key, sent, sending[open_], column[open_], group)
        alone = uniform < with_noise[open_]
        lost = (uniform < with_all[open_]) | alone
        data[open_] = lost * np.int8(Outcome.COLLISION) + alone * np.int8(Outcome.PROPAGATION - Outcome.COLLISION)
        return data

    def _rates(
        self, sent: Sent, sending: np.ndarray, snr: np.ndarray, sinr: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Error rates against noise alone and against noise and interference."""
        s = sent.sendings
        tables = [self.data_table.select(m, b) for m, b in zip(s.mcs.tolist(), s.size_bytes.tolist(), strict=True)]
        distinct = list(dict.fromkeys(tables))
        if len(distinct) == 1:
            return distinct[0].per_linear(snr), distinct[0].per_linear(sinr)
        which = np.array([distinct.index(t) for t in tables])[sending]
        alone, disturbed = np.empty(len(sending), np.float32), np.empty(len(sending), np.float32)
        for i, table in enumerate(distinct):
            rows = np.flatnonzero(which == i)
            alone[rows], disturbed[rows] = table.per_linear(snr[rows]), table.per_linear(sinr[rows])
        return alone, disturbed


def _add_up(sent: Sent, links: Links, kind: np.ndarray, power: np.ndarray, received: np.ndarray) -> None:
    """Sum received power per (subframe, allocation, listener), sending after sending: a fixed order."""
    flat = received.ravel()
    _, n, columns = received.shape
    time = sent.slot_of_time[links.sending]
    move = (time * (n - 1) + kind[links.sending]) * columns
    some = np.flatnonzero(links.count)
    starts, ends = links.start[some], links.start[some] + links.count[some]
    first, last = links.cell[starts], links.cell[ends - 1]
    whole = (last - first == ends - starts - 1).tolist()
    into = (first + move[some]).tolist()
    for i, (start, end, at) in enumerate(zip(starts.tolist(), ends.tolist(), into, strict=True)):
        if whole[i]:
            flat[at:at + end - start] += power[start:end]
        else:
            flat[links.cell[start:end] + move[some[i]]] += power[start:end]


def _bounds(table: PerTable) -> tuple[np.float32, np.float32]:
    """Power ratios up to which a block is always lost, and from which it is lost with the floor's 1e-8 only."""
    grid = np.arange(-40.0, 60.0, 0.01)
    rate = table.exact(grid)
    lost, heard = grid[rate >= 1.0], grid[rate <= FLOOR_PER]
    low = lost[-1] - 0.05 if len(lost) else -100.0
    high = heard[0] + 0.05 if len(heard) else np.inf
    return np.float32(10 ** (low / 10)), np.float32(10 ** (high / 10))
