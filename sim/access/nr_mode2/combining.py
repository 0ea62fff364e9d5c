"""Packets sent several times: copies of one packet are added up at each receiver (chase combining)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from sim.access.neighbours import Neighbours
from sim.access.nr_mode2.grid import Grid
from sim.access.nr_mode2.sendings import Sendings
from sim.access.sidelink.copies import judge_copies
from sim.access.sidelink.reception import Measured
from sim.frames import Outcome, Receptions


@dataclass
class Heard:
    """Copies of some packets at their receivers: columns [L] of the first copy's links, matrices [L, copies].

    A receiver without a row for some copy (it moved beyond the report distance) counts as if that copy had no power.
    """

    packet: np.ndarray
    """Row of the packet."""
    slot: np.ndarray
    station_id: np.ndarray
    distance_m: np.ndarray
    power_mw: np.ndarray
    """Of the strongest copy."""
    snr: np.ndarray
    sinr: np.ndarray
    decoded: np.ndarray
    deaf: np.ndarray
    weak: np.ndarray


@dataclass
class _Links:
    """Measured links until their packets end."""

    frame: np.ndarray
    copy: np.ndarray
    slot: np.ndarray
    station_id: np.ndarray
    distance_m: np.ndarray
    power_mw: np.ndarray
    snr: np.ndarray
    sinr: np.ndarray
    decoded: np.ndarray
    deaf: np.ndarray

    def take(self, rows: np.ndarray) -> _Links:
        return _Links(*(getattr(self, f.name)[rows] for f in fields(self)))


Rates = Callable[[Sendings, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(packets, packet of each row, SNR, SINR) -> error rates against noise, and against noise and interference."""
Draw = Callable[[Sendings, np.ndarray, np.ndarray], np.ndarray]
"""(packets, packet of each row, receiver's station id) -> one uniform number per packet and receiver."""


class Combiner:
    """Holds the links of packets until their last copy is over, then decides once per packet and receiver."""

    def __init__(
        self, slot_ns: int, grid: Grid, control_loses: bool, sensitivity_dbm: float | None, rates: Rates, draw: Draw
    ) -> None:
        self.slot_ns, self.grid, self.control_loses = slot_ns, grid, control_loses
        self.sensitivity_mw = 0.0 if sensitivity_dbm is None else 10 ** (sensitivity_dbm / 10)
        self.rates, self.draw = rates, draw
        self._packets: list[Sendings] = []
        self._links: list[_Links] = []

    @property
    def open_packets(self) -> bool:
        """Whether packets wait for their last copy."""
        return any(len(part) for part in self._packets)

    def add(self, s: Sendings, measured: Measured, near: Neighbours) -> None:
        """Links of further copies; a packet is known by its first."""
        first = np.flatnonzero(s.copy == 0)
        self._packets.append(s.take(first))
        self._links.append(_Links(
            s.frame[measured.sending], s.copy[measured.sending], near.slots[measured.column],
            near.station_id[measured.column], measured.distance_m, measured.power_mw, measured.snr, measured.sinr,
            measured.decoded, measured.deaf,
        ))

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots: nobody asks what the old ones received."""
        self._links = [part.take(np.flatnonzero(~np.isin(part.slot, slots))) for part in self._links]

    def finished(self, now: int) -> list[Receptions]:
        """Packets whose last copy's slot lies before ``now``."""
        if not self._packets:
            return []
        packets = Sendings.in_order(self._packets)
        links = _Links(*(np.concatenate([getattr(p, f.name) for p in self._links]) for f in fields(_Links)))
        last = np.maximum(packets.at, packets.ahead_at.max(axis=1))
        done = last < now
        open_frames = packets.frame[~done]
        stays = np.isin(links.frame, open_frames)
        self._packets, self._links = [packets.take(np.flatnonzero(~done))], [links.take(np.flatnonzero(stays))]
        if not done.any():
            return []
        over = np.flatnonzero(done)
        return [self._receptions(packets.take(over), last[over], links.take(np.flatnonzero(~stays)))]

    def _receptions(self, packets: Sendings, last: np.ndarray, links: _Links) -> Receptions:
        heard = self._gathered(packets, links)
        outcome, by_copy = self._outcomes(packets, heard, self.control_loses)
        data_outcome, _ = self._outcomes(packets, heard, False)
        ends = np.concatenate([packets.at[:, None], packets.ahead_at], axis=1)
        ends = (np.maximum.accumulate(ends, axis=1) + 1) * self.slot_ns
        end_ns = (last + 1) * self.slot_ns
        combined = (heard.sinr * ~heard.deaf).sum(axis=1)
        return Receptions(
            packets.frame, packets.slot, packets.at * self.slot_ns, end_ns, np.ones(len(packets), bool), heard.packet,
            heard.slot, heard.distance_m, outcome, data_outcome,
            (10 * np.log10(np.maximum(heard.power_mw, 1e-30))).astype(np.float32),
            (10 * np.log10(np.maximum(combined, 1e-12))).astype(np.float32),
            {"first_subchannel": packets.first, "subchannels": packets.subchannels, "mcs": packets.mcs},
            self.grid.carrier_ratio(packets),
            received_ns=np.where(outcome == Outcome.DELIVERED, ends[heard.packet, by_copy], end_ns[heard.packet]),
        )

    def _gathered(self, packets: Sendings, links: _Links) -> Heard:
        """Links side by side: one row per packet and receiver of its first copy."""
        order = np.argsort(packets.frame, kind="stable")
        packet = order[np.searchsorted(packets.frame[order], links.frame)]
        copies = packets.ahead_at.shape[1] + 1
        key = packet * (int(links.slot.max(initial=0)) + 1) + links.slot
        first = np.flatnonzero(links.copy == 0)
        first = first[np.argsort(key[first], kind="stable")]
        place = np.searchsorted(key[first], key)
        known = np.flatnonzero(place < len(first))
        known = known[key[first][place[known]] == key[known]]
        at = place[known], links.copy[known]
        shape = (len(first), copies)
        snr, sinr, power = (np.zeros(shape, np.float32) for _ in range(3))
        decoded, deaf = np.zeros(shape, bool), np.zeros(shape, bool)
        for into, values in (
            (snr, links.snr), (sinr, links.sinr), (power, links.power_mw), (decoded, links.decoded), (deaf, links.deaf)
        ):
            into[at] = values[known]
        return Heard(
            packet[first], links.slot[first], links.station_id[first], links.distance_m[first], power.max(axis=1), snr,
            sinr, decoded, deaf, power < self.sensitivity_mw,
        )

    def _outcomes(self, packets: Sendings, heard: Heard, control_loses: bool) -> tuple[np.ndarray, np.ndarray]:
        """Outcome of each link, and by which copy a delivered packet was decoded."""
        absent = heard.snr <= 0
        return judge_copies(
            heard.snr, heard.sinr, heard.decoded, heard.deaf | absent, heard.weak,
            lambda snr, sinr: self.rates(packets, heard.packet, snr, sinr),
            self.draw(packets, heard.packet, heard.station_id), control_loses,
        )
