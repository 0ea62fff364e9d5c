"""Which receiver locks on which frame, and how long the channel is busy: decided pair by pair, in order of start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.access.dot11p.pairs import Pairs, common

if TYPE_CHECKING:
    from sim.access.dot11p.audience import Audience, Runs

CAPTURE_WINDOW_NS = 4_000
"""preamble-4us: how late a stronger preamble may come."""
MESSAGE_IN_MESSAGE_RATIO = 10.0
"""message-in-message: 10 dB above the frame under reception."""


def take_up(audience: Audience, runs: Runs, pairs: Pairs, known: int) -> None:
    """Settle locks and busy time of the runs from ``known`` on; ``pairs`` are those whose later frame is among them.

    A frame that begins while the receiver is free and its preamble is strong enough holds it to the frame's end; one
    that begins while another one holds it is lost (receiver busy), unless the rule of capture gives it the receiver. Of
    frames that begin at the same instant the strongest counts and the others collide with it. A station that starts
    sending leaves what it received. Busy time that an earlier frame covers already counts once.
    """
    layout = audience.layout
    assert layout is not None
    around = layout.count if layout.ring_m else 0
    if audience.preamble_ratio is not None:
        _preambles(audience, runs, pairs, around)
    base = int(runs.offset[known]) if known < len(runs) else len(runs.power_mw)
    covered = np.zeros(len(runs.power_mw) - base, np.float32)
    if len(pairs.later):
        _pair_by_pair(audience, runs, pairs, around, covered, base)
    if not audience.probes and known < len(runs):
        _count_busy(audience, runs, known, covered)


def _pair_by_pair(
    audience: Audience, runs: Runs, pairs: Pairs, around: int, covered: np.ndarray, base: int
) -> None:
    """Clear ``locked``, mark ``left`` and fill ``covered`` (busy time in ns before, flat from ``base`` on)."""
    own = _own_places(runs, pairs, around)
    meet = common(pairs, runs.lo + runs.near_step, runs.near_size, around, runs.near_step)
    earlier, later = pairs.earlier[meet.pair], pairs.later[meet.pair]
    at_e, at_l = runs.offset[earlier] + meet.earlier_step, runs.offset[later] + meet.later_step
    ratio = _capture_ratio(audience, runs, earlier, later)
    time_ns = (np.minimum(runs.end_ns[earlier], runs.end_ns[later]) - runs.start_ns[later]).astype(np.float32)
    lists = (values.tolist() for values in (at_e, at_l, meet.count, own[meet.pair], ratio, time_ns))
    locked, left, power, busy = runs.locked, runs.left, runs.power_mw, runs.busy
    greater, maximum, counts = np.greater, np.maximum, not audience.probes
    for e, f, n, sender, least, ns in zip(*lists, strict=True):
        if sender >= 0:
            locked[sender] = False
        held, wanted = locked[e:e + n], locked[f:f + n]
        if least:
            both = held & wanted
            steals = both & (power[f:f + n] > abs(least) * power[e:e + n])
            left[e:e + n] |= steals
            held &= ~steals
            if least < 0:
                left[f:f + n] |= both & ~steals
        greater(wanted, held, out=wanted)
        if counts:
            part = covered[f - base:f - base + n]
            maximum(part, busy[e:e + n] * ns, out=part)


def _own_places(runs: Runs, pairs: Pairs, around: int) -> np.ndarray:
    """Flat place of the later frame's sender in the earlier frame's run, -1 where it is not in it."""
    own = runs.own[pairs.later]
    step = own - runs.lo[pairs.earlier]
    if around:
        step %= around
    inside = (own >= 0) & (step >= 0) & (step < runs.size[pairs.earlier])
    return np.where(inside, runs.offset[pairs.earlier] + step, -1)


def _capture_ratio(audience: Audience, runs: Runs, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    """Power ratio by which the later frame must exceed the earlier one to take the receiver; 0 = never, -1 = 1 where
    both begin at the same instant."""
    late_ns = runs.start_ns[later] - runs.start_ns[earlier]
    ratio = np.zeros(len(late_ns))
    if audience.settings.capture == "message-in-message":
        ratio[:] = MESSAGE_IN_MESSAGE_RATIO
    elif audience.settings.capture == "preamble-4us":
        ratio[late_ns <= CAPTURE_WINDOW_NS] = 1.0
    ratio[late_ns == 0] = -1.0
    return ratio


def _preambles(audience: Audience, runs: Runs, pairs: Pairs, around: int) -> None:
    """Clear ``locked`` where the preamble's SINR is too low; ``level_mw`` keeps what disturbed it."""
    meet = common(pairs, runs.lo, runs.size, around)
    at_e = (runs.offset[pairs.earlier[meet.pair]] + meet.earlier_step).tolist()
    at_l = (runs.offset[pairs.later[meet.pair]] + meet.later_step).tolist()
    for e, f, n in zip(at_e, at_l, meet.count.tolist(), strict=True):
        runs.level_mw[f:f + n] += runs.power_mw[e:e + n]
    runs.locked &= audience.preamble_clear(runs.power_mw, runs.level_mw)


def _count_busy(audience: Audience, runs: Runs, known: int, covered: np.ndarray) -> None:
    """Add the busy time of the runs from ``known`` on at every listener."""
    layout = audience.layout
    assert layout is not None
    base = int(runs.offset[known])
    some = audience.counted
    bounds = np.searchsorted(some, np.append(runs.offset[known:] - base, len(covered)))
    number = np.diff(bounds)
    added = np.repeat((runs.end_ns - runs.start_ns)[known:].astype(np.float64), number) - covered.take(some)
    rank = some + np.repeat((runs.lo - runs.offset)[known:] + base, number)
    if layout.ring_m:
        rank %= layout.count
    audience.busy_ns[layout.slots] += np.bincount(rank, weights=added, minlength=layout.count)
