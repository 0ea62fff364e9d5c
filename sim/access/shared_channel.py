"""LTE-V2X Mode 4 and IEEE 802.11p on one channel: each is energy and interference to the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.access.base import AccessLayer
from sim.access.dot11p.layer import Dot11p
from sim.access.lte_mode4.layer import LteMode4
from sim.access.lte_mode4.sendings import Sendings
from sim.access.neighbours import LISTENERS, PROBE
from sim.clock import MS
from sim.frames import Frames, Kind, Receptions
from sim.link.lte_grid import PRB_HZ
from sim.world.stations import Stations

DOT11P_HZ = 10e6
"""Width of an 802.11p channel, over which its power counts as spread evenly."""
LONGEST_FRAME_NS = 30 * MS
"""Frames that began this long before a block may still last into it (4,095 octets at 3 Mbit/s take 11 ms)."""


@dataclass
class _Emitted:
    """Transmissions of 802.11p: slot, begin, end, power."""

    slot: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    power_mw: np.ndarray

    @staticmethod
    def empty() -> _Emitted:
        i = np.empty(0, np.int64)
        return _Emitted(i, i, i, np.empty(0))

    def with_more(self, more: dict[str, np.ndarray], since_ns: int) -> _Emitted:
        """These that last beyond ``since_ns``, and more."""
        keep = self.end_ns > since_ns
        return _Emitted(*(np.concatenate([getattr(self, name)[keep], more[name]]) for name in
                          ("slot", "start_ns", "end_ns", "power_mw")))


class SharedChannel:
    """Drives both layers block by block of Mode 4.

    What Mode 4 sends in a block is known when the block begins; it is handed to 802.11p, which then runs to the end of
    the block; its frames come back as power on the PRBs of Mode 4, in proportion to the time they take of each
    subframe. Mode 4 senses that power (S-RSSI, CBR) and is disturbed by it; 802.11p takes subframes for energy. Neither
    decodes the other. Spectra: even over the PRBs in use, and over the 10 MHz of 802.11p; nothing outside.
    """

    def __init__(self, lte: LteMode4, dot11p: Dot11p) -> None:
        self.lte, self.dot11p = lte, dot11p
        lte.beside = self._exchange
        dot11p.emissions(0, 0)
        self._held: tuple[list[Receptions], list[Receptions]] = ([], [])
        self._emitted = _Emitted.empty()
        self._asked_ns: int | None = None
        prb = lte.grid.prb_count
        low_hz = lte.radio.carrier_hz - prb * PRB_HZ / 2
        edges_hz = low_hz + PRB_HZ * np.arange(prb + 1)
        first_hz, last_hz = dot11p.radio.carrier_hz - DOT11P_HZ / 2, dot11p.radio.carrier_hz + DOT11P_HZ / 2
        inside = np.minimum(edges_hz[1:], last_hz) - np.maximum(edges_hz[:-1], first_hz)
        self._covered = np.clip(inside / PRB_HZ, 0, 1)
        """Share of each PRB of Mode 4 that lies in the channel of 802.11p."""
        self._bands = 1 if np.all(self._covered == self._covered[0]) else prb

    def sides(self) -> tuple[AccessLayer, AccessLayer]:
        """(Mode 4, 802.11p) as layers to be advanced in any order."""
        return _Side(self, self.lte, 0), _Side(self, self.dot11p, 1)

    def advance(self, now_ns: int, stations: Stations) -> None:
        """Run both as far as whole blocks of Mode 4 go."""
        self._stations = stations
        self._held[0].append(self.lte.advance(now_ns, stations))

    def taken(self, side: int) -> Receptions:
        """What one of both has reported since the last time."""
        parts = self._held[side]
        joined = Receptions.joined(parts) if parts else Receptions.empty()
        parts.clear()
        return joined

    def _exchange(self, start: int, end: int, sendings: Sendings) -> tuple[np.ndarray, np.ndarray] | None:
        """Let 802.11p run through subframes [start, end); the power it leaves at (listeners, probes) of Mode 4."""
        grid, stations = self.lte.grid, self._stations
        begin = grid.start_prb[sendings.pool] + sendings.first * grid.width_prb[sendings.pool]
        used = np.concatenate([[0.0], np.cumsum(self._covered)])
        wide = sendings.subchannels * grid.width_prb[sendings.pool]
        share = (used[begin + wide] - used[begin]) / wide
        power_mw = 10 ** (stations.tx_power_dbm[sendings.slot] / 10) * share
        some = np.flatnonzero(share > 0)
        at = sendings.subframe[some] * MS
        self.dot11p.foreign(sendings.slot[some], at, at + MS, power_mw[some])
        self._held[1].append(self.dot11p.advance(end * MS, stations))
        since = start * MS - LONGEST_FRAME_NS if self._asked_ns is None else self._asked_ns
        self._emitted = self._emitted.with_more(self.dot11p.emissions(since, end * MS), start * MS)
        self._asked_ns = end * MS
        return self._power(start, end) if len(self._emitted.slot) else None

    def _power(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Power in mW by [subframe, band, column], for stations that listen and for probes."""
        near = self.lte.neighbours
        columns, first_probe = len(near.slots), int(near.offset[PROBE])
        power = np.zeros((end - start, columns), np.float32)
        e = self._emitted
        for slot, from_ns, to_ns, sent_mw in zip(
            e.slot.tolist(), e.start_ns.tolist(), e.end_ns.tolist(), e.power_mw.tolist(), strict=True
        ):
            column = int(near.column[slot])
            if column < 0:
                continue
            for population in (*LISTENERS, PROBE):
                if not near.size[population]:
                    continue
                where, gains = near.run(column, population)
                for subframe in range(max(start, from_ns // MS), min(end, -(-to_ns // MS))):
                    time_ns = min(to_ns, (subframe + 1) * MS) - max(from_ns, subframe * MS)
                    power[subframe - start, where] += gains * np.float32(sent_mw * time_ns / MS)
        per_prb = power * np.float32(PRB_HZ / DOT11P_HZ)
        if self._bands == 1:
            bands = (per_prb * np.float32(self._covered.sum()))[:, None]
        else:
            bands = per_prb[:, None] * self._covered.astype(np.float32)[None, :, None]
        return bands[:, :, :first_probe], bands[:, :, first_probe:]


class _Side:
    """One of both layers; advancing either advances both."""

    def __init__(self, shared: SharedChannel, layer: AccessLayer, side: int) -> None:
        self._shared, self._layer, self._side = shared, layer, side

    def submit(self, frames: Frames) -> None:
        """To this side only."""
        self._layer.submit(frames)

    def next_due_ns(self) -> int:
        """The next block of Mode 4."""
        return self._shared.lte.next_due_ns()

    def stations_changed(self, stations: Stations) -> None:
        """This side's tick."""
        self._layer.stations_changed(stations)

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Both run; this side's report."""
        self._shared.advance(now_ns, stations)
        return self._shared.taken(self._side)

    def largest_frame_bytes(self, sender: Kind) -> int:
        """This side's limit."""
        return self._layer.largest_frame_bytes(sender)

    def counts(self) -> dict[str, int]:
        """This side's counts."""
        return self._layer.counts()

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """This side's definition; the other radio's power counts."""
        return self._layer.busy_ratio()

    def provenance(self) -> dict[str, str]:
        """This side's, and that the channel is shared."""
        text = "both radios on one channel: power of either spread evenly over its width, no decoding of the other"
        return self._layer.provenance() | {"shared_channel": text}
