"""What became of the frames that ended: one cause per receiver within the report distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.dot11p.audience import Audience, Runs
from sim.access.dot11p.interference import Disturbed, average, disturbances, pieces, short_bursts, worst
from sim.access.dot11p.pairs import Pairs
from sim.clock import hashed_bits, stream_key
from sim.frames import Kind, Outcome, Receptions
from sim.link.dot11p_rates import Waveform
from sim.link.tables import PerTable

if TYPE_CHECKING:
    from sim.scenario.schema.radio.dot11p import Dot11p

_UNIFORM = 2.0**-53


class Judge:
    """Causes in their order: sensitivity, half duplex, receiver busy, preamble lost, propagation, collision."""

    def __init__(self, settings: Dot11p, waveform: Waveform, noise_mw: float, seed: int, report_m: float) -> None:
        self.settings, self.waveform, self.noise_mw = settings, waveform, np.float32(noise_mw)
        self.report_m = np.float32(report_m)
        self._key = stream_key(seed, "dot11p", "data")
        least_dbm = settings.preamble_detection_dbm
        if settings.sensitivity_dbm is not None:
            least_dbm = max(least_dbm, settings.sensitivity_dbm)
        self.least_mw = np.float32(10 ** (least_dbm / 10))
        self._curves: dict[int, PerTable] = {}

    def ended(self, audience: Audience, pairs: Pairs, until_ns: int) -> Receptions | None:
        """Report the frames of the audience that have ended; None if there are none."""
        runs = audience.runs
        ended = (runs.end_ns <= until_ns) & (runs.end_ns > audience.done_ns)
        if audience.probes:
            ended &= np.fromiter((_from_rsu(audience, air.slot) for air, _, _ in runs.started), bool, len(runs))
        frames = np.flatnonzero(ended & np.fromiter((f is not None for _, f, _ in runs.started), bool, len(runs)))
        if not len(frames):
            return None
        mask = np.zeros(len(runs), bool)
        mask[frames] = True
        disturbed = disturbances(audience, runs, pairs, mask)
        deaf = self._transmitting(audience, runs, pairs)
        flat, row = _report_places(runs, frames)
        keep = np.flatnonzero(runs.distance_m.take(flat) <= self.report_m)
        return self._report(audience, frames, row.take(keep), flat.take(keep), disturbed, deaf)

    def _report(
        self, audience: Audience, frames: np.ndarray, row: np.ndarray, flat: np.ndarray, disturbed: Disturbed,
        deaf: np.ndarray,
    ) -> Receptions:
        runs, layout = audience.runs, audience.layout
        assert layout is not None
        shift = (runs.report_step - runs.report_offset)[frames]
        at = flat + (shift + runs.offset[frames]).take(row)
        rank = flat + (shift + runs.lo[frames]).take(row)
        if layout.ring_m:
            rank %= layout.count
        deaf = deaf.take(flat)
        power = runs.power_mw.take(at)
        copies = self._copies(runs)
        gain = copies[frames[row]] if copies is not None else np.float32(1)
        rates: tuple[np.ndarray, np.ndarray] | None = None
        if self.settings.sinr == "piecewise":
            alone, lost, sinr = self._piecewise(runs, frames, flat, at, disturbed, gain)
            rates = alone, lost
        else:
            level = (worst if self.settings.sinr == "minimum" else average)(runs, disturbed).take(flat)
            level += self.noise_mw
            sinr = power * gain / level
        outcome = np.full(len(flat), Outcome.DELIVERED, np.int8)
        locked = runs.locked.take(at)
        left = runs.left.take(at) if runs.left.any() else None
        received = np.flatnonzero((locked if left is None else locked | left) & ~deaf & (power >= self.least_mw))
        uniform = self._uniform(runs, frames, row[received], layout.station_id[rank[received]])
        if rates is None:
            snr = (power * (gain / self.noise_mw))[received]
            alone, lost = self._rates(runs, frames, row[received], snr, sinr[received])
        else:
            alone, lost = rates[0][received], rates[1][received]
        outcome[received[uniform < lost]] = Outcome.COLLISION
        if self.settings.short_interference:
            signal = np.full(len(runs.distance_m), np.inf, np.float32)
            signal[flat] = power
            outcome[short_bursts(runs, disturbed, signal)[flat]] = Outcome.COLLISION
        outcome[received[uniform < alone]] = Outcome.PROPAGATION
        self._unlocked(audience, at, (locked, left, deaf), power, outcome)
        data = outcome.copy()
        data[data == Outcome.CONTROL_LOST] = Outcome.COLLISION
        started = [runs.started[i] for i in frames.tolist()]
        with np.errstate(divide="ignore"):
            power_dbm, sinr_db = 10 * np.log10(power), 10 * np.log10(sinr)
        return Receptions(
            np.array([f.frame for _, f, _ in started if f is not None], np.int64), runs.slot[frames],
            runs.start_ns[frames], runs.end_ns[frames], np.ones(len(frames), bool), row, layout.slots.take(rank),
            runs.distance_m.take(flat), outcome, data, power_dbm, sinr_db,
            {
                "access_category": np.array([category for _, _, category in started], np.int64),
                "mcs": np.full(len(frames), self.waveform.mcs, np.int64),
            },
        )

    def _unlocked(
        self, audience: Audience, at: np.ndarray, state: tuple[np.ndarray, np.ndarray | None, np.ndarray],
        power: np.ndarray, outcome: np.ndarray,
    ) -> None:
        """Earlier causes overwrite later ones; ``state``: locked, left (none = nowhere), transmitting."""
        locked, left, deaf = state
        busy = ~locked
        if left is not None:
            outcome[left & (outcome == Outcome.DELIVERED)] = Outcome.COLLISION
            busy &= ~left
        if audience.preamble_ratio is not None:
            unclear = busy & ~audience.preamble_clear(power, audience.runs.level_mw[at])
            outcome[unclear] = Outcome.CONTROL_LOST
            busy &= ~unclear
        outcome[busy] = Outcome.RECEIVER_BUSY
        outcome[deaf] = Outcome.HALF_DUPLEX
        outcome[power < self.least_mw] = Outcome.SENSITIVITY

    def _rates(
        self, runs: Runs, frames: np.ndarray, row: np.ndarray, snr: np.ndarray, sinr: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Error rates without and with interference, by the curve of each frame's size."""
        curves = [self.curve(f.size_bytes) for _, f, _ in (runs.started[i] for i in frames.tolist()) if f is not None]
        alone, lost = np.ones(len(row), np.float32), np.ones(len(row), np.float32)
        distinct = list(dict.fromkeys(curves))
        which = np.array([distinct.index(curve) for curve in curves])
        for i, curve in enumerate(distinct):
            if len(distinct) == 1:
                return curve.per_linear(snr), curve.per_linear(sinr)
            some = np.flatnonzero(which[row] == i)
            alone[some], lost[some] = curve.per_linear(snr[some]), curve.per_linear(sinr[some])
        return alone, lost

    def _piecewise(
        self, runs: Runs, frames: np.ndarray, flat: np.ndarray, at: np.ndarray,
        disturbed: Disturbed, gain: np.ndarray | np.float32,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Error rates with each piece of constant interference weighted by its share of the frame.

        A piece with error rate p that is a share s of the frame survives with (1 - p) ** s. The SINR returned is that
        of the worst piece.
        """
        power = np.zeros(len(runs.distance_m), np.float32)
        power[flat] = runs.power_mw[at] * gain
        noise = self.noise_mw
        alone, survives = np.ones(len(power)), np.ones(len(power))
        level = worst(runs, disturbed)
        bounds = np.searchsorted(disturbed.frame, np.append(frames, len(runs)))
        for k, i in enumerate(frames.tolist()):
            run = slice(int(runs.report_offset[i]), int(runs.report_offset[i] + runs.report_size[i]))
            waiting = runs.started[i][1]
            assert waiting is not None
            curve = self.curve(waiting.size_bytes)
            alone[run] = curve.per_linear(power[run] / noise)
            for share, others in pieces(runs, disturbed, list(range(int(bounds[k]), int(bounds[k + 1]))), i):
                disturbance = np.full(run.stop - run.start, noise, np.float32)
                for j in others:
                    first, n, p = int(disturbed.at[j]) - run.start, int(disturbed.count[j]), int(disturbed.power_at[j])
                    disturbance[first:first + n] += runs.power_mw[p:p + n]
                rate = curve.per_linear(power[run] / disturbance)
                survives[run] *= (1.0 - np.minimum(rate, 1.0).astype(np.float64)) ** share
        lost = np.maximum(1.0 - survives, alone)
        return alone[flat], lost[flat], power[flat] / (noise + level[flat])

    def _copies(self, runs: Runs) -> np.ndarray | None:
        """SINR gain of combining blind repetitions, by run; None without repetitions."""
        copies = np.array([air.copies for air, _, _ in runs.started], np.float32)
        return copies if np.any(copies != 1) else None

    def _uniform(self, runs: Runs, frames: np.ndarray, row: np.ndarray, receiver_id: np.ndarray) -> np.ndarray:
        """One draw per packet and receiver, keyed by sender, sequence number and receiver."""
        waiting = [f for _, f, _ in (runs.started[i] for i in frames.tolist()) if f is not None]
        sender = np.array([f.station_id for f in waiting], np.int64)
        sequence = np.array([f.sequence for f in waiting], np.int64)
        bits = hashed_bits(self._key, sender, sequence)[row]
        return (hashed_bits(bits, receiver_id) >> np.uint64(11)) * _UNIFORM

    def _transmitting(self, audience: Audience, runs: Runs, pairs: Pairs) -> np.ndarray:
        """Report-run places whose receiver transmits during the frame."""
        deaf = np.zeros(len(runs.distance_m), bool)
        layout = audience.layout
        assert layout is not None
        for frame, other in ((pairs.later, pairs.earlier), (pairs.earlier, pairs.later)):
            own = runs.own[other]
            step = own - runs.lo[frame]
            if layout.ring_m:
                step %= max(1, layout.count)
            step -= runs.report_step[frame]
            inside = (own >= 0) & (step >= 0) & (step < runs.report_size[frame])
            deaf[runs.report_offset[frame[inside]] + step[inside]] = True
        return deaf

    def curve(self, size_bytes: int) -> PerTable:
        """Error curve of a frame of so many octets; cached."""
        if size_bytes not in self._curves:
            self._curves[size_bytes] = self.waveform.curve(size_bytes)
        return self._curves[size_bytes]


def _report_places(runs: Runs, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat places of the report runs of some frames, and the row of each in ``frames``."""
    size = runs.report_size[frames]
    flat = np.arange(int(size.sum())) + np.repeat(runs.report_offset[frames] - np.cumsum(size) + size, size)
    return flat, np.repeat(np.arange(len(frames)), size)


def _from_rsu(audience: Audience, slot: int) -> bool:
    assert audience.layout is not None
    return bool(audience.layout.stations.kind[slot] == Kind.RSU)
