"""Interference during a frame at its receivers: the worst moment, the average, or moment by moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.access.dot11p.pairs import Pairs, common

if TYPE_CHECKING:
    from sim.access.dot11p.audience import Audience, Runs


@dataclass
class Disturbed:
    """(frame, other frame) with the part of the first one's report run that both reach, sorted by frame, then start."""

    frame: np.ndarray
    other: np.ndarray
    at: np.ndarray
    """Flat place in the report runs."""
    power_at: np.ndarray
    """Flat place of the other frame's power."""
    count: np.ndarray


def disturbances(audience: Audience, runs: Runs, pairs: Pairs, ended: np.ndarray) -> Disturbed:
    """What disturbs the frames that have ended (mask over runs)."""
    layout = audience.layout
    assert layout is not None
    around = layout.count if layout.ring_m else 0
    parts = []
    for frame, other in ((pairs.later, pairs.earlier), (pairs.earlier, pairs.later)):
        rows = np.flatnonzero(ended[frame])
        pair = Pairs(other[rows], frame[rows])
        lo, size = runs.lo.copy(), runs.size
        meet = _met(pair, runs, lo, size, around)
        parts.append((pair.later[meet[0]], pair.earlier[meet[0]], *meet[1:]))
    frame, other, at, power_at, count = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((power_at, other, frame))
    return Disturbed(frame[order], other[order], at[order], power_at[order], count[order])


def _met(
    pair: Pairs, runs: Runs, lo: np.ndarray, size: np.ndarray, around: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(pair, flat place in the report run, flat place in the other's run, length)."""
    n = len(runs)
    both_lo = np.concatenate([lo, lo + runs.report_step])
    both_size = np.concatenate([size, runs.report_size])
    meet = common(Pairs(pair.earlier, pair.later + n), both_lo, both_size, around)
    frame, other = pair.later[meet.pair], pair.earlier[meet.pair]
    return (meet.pair, runs.report_offset[frame] + meet.later_step, runs.offset[other] + meet.earlier_step, meet.count)


def worst(runs: Runs, d: Disturbed) -> np.ndarray:
    """Highest total interference in mW at any moment of each frame, flat over the report runs, float32."""
    total = np.zeros(len(runs.distance_m), np.float32)
    if not len(d.frame):
        return total
    start, end = runs.start_ns[d.other], runs.end_ns[d.other]
    first = np.flatnonzero(np.append(True, d.frame[1:] != d.frame[:-1]))
    together = np.minimum.reduceat(end, first) > np.maximum.reduceat(start, first)
    group = np.repeat(together, np.diff(np.append(first, len(d.frame))))
    _add(total, runs.power_mw, d, np.flatnonzero(group))
    rows = np.flatnonzero(~group)
    if len(rows):
        _add_worst(total, runs.power_mw, d, rows, start[rows], end[rows])
    return total


def _add(total: np.ndarray, power: np.ndarray, d: Disturbed, rows: np.ndarray) -> None:
    add = np.add
    for at, p, n in zip(d.at[rows].tolist(), d.power_at[rows].tolist(), d.count[rows].tolist(), strict=True):
        part = total[at:at + n]
        add(part, power[p:p + n], out=part)


def _add_worst(
    total: np.ndarray, power: np.ndarray, d: Disturbed, rows: np.ndarray, start_ns: np.ndarray, end_ns: np.ndarray
) -> None:
    """Frames whose disturbers are not all on the air at once: the maximum over the largest sets that are."""
    frame, at, power_at, count = (v[rows].tolist() for v in (d.frame, d.at, d.power_at, d.count))
    start, end = start_ns.tolist(), end_ns.tolist()
    maximum, n = np.maximum, len(frame)
    first = 0
    while first < n:
        last = first + 1
        while last < n and frame[last] == frame[first]:
            last += 1
        for group in concurrent(range(first, last), start, end):
            if len(group) == 1:
                i = group[0]
                part = total[at[i]:at[i] + count[i]]
                maximum(part, power[power_at[i]:power_at[i] + count[i]], out=part)
                continue
            low = min(at[i] for i in group)
            part = total[low:max(at[i] + count[i] for i in group)]
            level = np.zeros(len(part), np.float32)
            for i in group:
                level[at[i] - low:at[i] - low + count[i]] += power[power_at[i]:power_at[i] + count[i]]
            maximum(part, level, out=part)
        first = last


def concurrent(rows: Iterable[int], start: list[int], end: list[int]) -> list[list[int]]:
    """Largest sets of intervals (in order of start) with a moment in common."""
    found: list[list[int]] = []
    alive: list[int] = []
    for i in rows:
        still = [j for j in alive if end[j] > start[i]]
        if len(still) < len(alive):
            found.append(alive)
        alive = [*still, i]
    return [*found, alive]


def average(runs: Runs, d: Disturbed) -> np.ndarray:
    """Interference in mW averaged over each frame's duration, flat over the report runs, float32."""
    total = np.zeros(len(runs.distance_m), np.float32)
    frame_start, frame_end = runs.start_ns[d.frame], runs.end_ns[d.frame]
    shared = np.minimum(runs.end_ns[d.other], frame_end) - np.maximum(runs.start_ns[d.other], frame_start)
    part = (shared / (frame_end - frame_start)).tolist()
    power = runs.power_mw
    for at, p, n, ratio in zip(d.at.tolist(), d.power_at.tolist(), d.count.tolist(), part, strict=True):
        total[at:at + n] += power[p:p + n] * np.float32(ratio)
    return total


def pieces(runs: Runs, d: Disturbed, rows: list[int], frame: int) -> list[tuple[float, list[int]]]:
    """(share of the frame, rows of ``d`` on the air) of one frame, cut at every start and end."""
    begin, finish = int(runs.start_ns[frame]), int(runs.end_ns[frame])
    spans = {
        i: (max(begin, int(runs.start_ns[d.other[i]])), min(finish, int(runs.end_ns[d.other[i]]))) for i in rows
    }
    cuts = sorted({begin, finish, *(cut for span in spans.values() for cut in span)})
    return [
        ((b - a) / (finish - begin), [i for i, (start, end) in spans.items() if start <= a and end >= b])
        for a, b in zip(cuts[:-1], cuts[1:], strict=True)
    ]


def short_bursts(runs: Runs, d: Disturbed, signal_mw: np.ndarray) -> np.ndarray:
    """Report-run places where one disturber above the signal lasts longer than its bound (no time interleaving).

    Bound in us for a ratio RIL in dB above 0: 0.7808 exp(-1.268 RIL) + 4.017 exp(-0.07585 RIL).
    """
    lost = np.zeros(len(signal_mw), bool)
    shared = np.minimum(runs.end_ns[d.other], runs.end_ns[d.frame]) - np.maximum(
        runs.start_ns[d.other], runs.start_ns[d.frame]
    )
    rows = zip(d.at.tolist(), d.power_at.tolist(), d.count.tolist(), (shared / 1e3).tolist(), strict=True)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for at, p, n, lasts_us in rows:
            ratio_db = 10 * np.log10(runs.power_mw[p:p + n] / signal_mw[at:at + n])
            bound_us = 0.7808 * np.exp(-1.268 * ratio_db) + 4.017 * np.exp(-0.07585 * ratio_db)
            lost[at:at + n] |= (ratio_db > 0) & (lasts_us > bound_us)
    return lost
