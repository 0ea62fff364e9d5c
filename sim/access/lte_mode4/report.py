"""From measured links to what is reported: tuned or not, decoded or lost and why, once or after two transmissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.combining import Pairs, Waiting, links_of
from sim.access.lte_mode4.grid import Grid
from sim.access.lte_mode4.sendings import Sendings
from sim.access.neighbours import Neighbours
from sim.access.sidelink.copies import judge_copies
from sim.access.sidelink.judging import error_rates, judge, uniform, uniform_from
from sim.access.sidelink.reception import Measured
from sim.clock import MS, hashed_bits, stream_key
from sim.frames import Outcome, Receptions
from sim.link import load_table

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio
    from sim.world.stations import Stations

_NOT_TUNED = np.int8(Outcome.NOT_TUNED)


class Reporter:
    """Judges links once per packet and receiver, with one uniform number keyed by (sender, sequence, receiver)."""

    def __init__(self, radio: Radio, grid: Grid, seed: int, report_distance_m: float) -> None:
        self.mode, self.grid = radio.mode4, grid
        self.report_distance_m = np.float32(report_distance_m)
        self.table = load_table(radio.link.pssch_table)
        self._key = stream_key(seed, "mode4", "data")
        self._waiting = Waiting()
        self._class = np.empty(0, np.int64)

    def new_tick(self, stations: Stations, changed: np.ndarray) -> None:
        """Other stations may stand in the slots ``changed``."""
        plans = self.grid.plans
        self._class = plans.class_of(stations, np.arange(stations.size)) if not plans.trivial else self._class
        if self.mode.blind_retransmission and len(changed):
            self._waiting.forget(changed)

    def tuned(self, sender: np.ndarray, receiver: np.ndarray) -> np.ndarray | None:
        """Whether receivers (slots) can decode the channel that senders (slots) use; none = all can."""
        plans = self.grid.plans
        if plans.trivial:
            return None
        return plans.listen[self._class[receiver], plans.send[self._class[sender]]]

    def untuned(self, receptions: Receptions) -> Receptions:
        """Links of stations that are not tuned to the sender marked as such (frames that were never sent too)."""
        tuned = self.tuned(receptions.sender[receptions.row], receptions.receiver)
        if tuned is not None:
            receptions.outcome[~tuned] = receptions.data_outcome[~tuned] = _NOT_TUNED
        return receptions

    def receptions(self, s: Sendings, rows: Measured, near: Neighbours, now: int) -> list[Receptions]:
        """Frames that ended in these transmissions, all of them before subframe ``now``."""
        if not self.mode.blind_retransmission:
            return [self.untuned(self._single(s, rows, near))]
        tuned = self.tuned(s.slot[rows.sending], near.slots[rows.column])
        if tuned is None:
            tuned = np.ones(len(rows), bool)
        inside = ((rows.distance_m <= self.report_distance_m) | (s.copy[rows.sending] == 1)).nonzero()[0]
        self._waiting.add(s, links_of(s, rows.take(inside), near.slots, near.station_id, tuned[inside]))
        return self.ended(now)

    def ended(self, now: int) -> list[Receptions]:
        """Frames sent twice whose second transmission lies before subframe ``now``."""
        over = self._waiting.over(now)
        return [] if over is None else [self._combined(*over)]

    def _single(self, s: Sendings, rows: Measured, near: Neighbours) -> Receptions:
        mode = self.mode
        power_dbm = rows.power_dbm
        bits = hashed_bits(self._key, s.station_id, s.sequence)

        def draw(at: np.ndarray) -> np.ndarray:
            return uniform_from(bits.take(rows.sending.take(at)), near.station_id.take(rows.column.take(at)))

        weak = None if mode.sensitivity_dbm is None else power_dbm < mode.sensitivity_dbm
        rates = error_rates(self._tables(s), rows.sending, rows.snr, rows.sinr)
        outcome, data_outcome = judge(rates, rows.decoded, rows.deaf, weak, mode.sci_loses_packet, draw)
        start_ns = s.subframe * MS
        return Receptions(
            s.frame, s.slot, start_ns, start_ns + MS, np.ones(len(s), bool), rows.sending, near.slots[rows.column],
            rows.distance_m, outcome, data_outcome, power_dbm, rows.sinr_db, *self._columns(s),
        )

    def _combined(self, s: Sendings, pairs: Pairs, repeated: np.ndarray) -> Receptions:
        """Outcomes of frames sent twice; power is that of the stronger copy, SINR the sum of those heard."""
        mode, row = self.mode, pairs.row
        tables = self._tables(s)
        number = uniform(self._key, s.station_id[row], s.sequence[row], pairs.receiver_id)
        weak = np.zeros(pairs.deaf.shape, bool)
        if mode.sensitivity_dbm is not None:
            weak = pairs.power_mw < np.float32(10 ** (mode.sensitivity_dbm / 10))

        def judged(control_loses: bool) -> tuple[np.ndarray, np.ndarray]:
            return judge_copies(
                pairs.snr, pairs.sinr, pairs.decoded, pairs.deaf, weak, lambda a, b: error_rates(tables, row, a, b),
                number, control_loses,
            )

        outcome, by_copy = judged(mode.sci_loses_packet)
        data_outcome = judged(False)[0] if mode.sci_loses_packet else outcome.copy()
        outcome[~pairs.tuned] = data_outcome[~pairs.tuned] = _NOT_TUNED
        start_ns = s.subframe * MS
        end_ns = start_ns + MS + np.where(repeated, s.gap, 0) * MS
        early = (outcome == Outcome.DELIVERED) & (by_copy == 0)
        combined = (pairs.sinr * ~pairs.deaf).sum(axis=1)
        return Receptions(
            s.frame, s.slot, start_ns, end_ns, np.ones(len(s), bool), row, pairs.receiver, pairs.distance_m, outcome,
            data_outcome, _decibel(pairs.power_mw.max(axis=1)), _decibel(combined), *self._columns(s),
            received_ns=np.where(early, start_ns[row] + MS, end_ns[row]),
        )

    def _tables(self, s: Sendings) -> list:
        pairs = list(zip(s.mcs.tolist(), s.size_bytes.tolist(), strict=True))
        table = {pair: self.table.select(*pair) for pair in set(pairs)}
        return [table[pair] for pair in pairs]

    def _columns(self, s: Sendings) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Resource of each frame, and its part of the carrier."""
        ratio = s.subchannels * self.grid.width_prb[s.pool] / self.grid.prb_count
        return {"first_subchannel": s.first, "subchannels": s.subchannels, "mcs": s.mcs}, ratio


def _decibel(ratio: np.ndarray) -> np.ndarray:
    return (10 * np.log10(np.maximum(ratio, np.float32(1e-12)))).astype(np.float32)
