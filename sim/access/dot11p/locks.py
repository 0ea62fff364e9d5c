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


def lock(audience: Audience, runs: Runs, pairs: Pairs) -> None:
    """Clear ``locked`` where the receiver was held by an earlier frame, or left the frame for a later one.

    A frame that begins while the receiver is free and its preamble is strong enough holds it to the frame's end; one
    that begins while another one holds it is lost (receiver busy), unless the rule of capture gives it the receiver. Of
    frames that begin at the same instant the strongest counts and the others collide with it. A station that starts
    sending leaves what it received.
    """
    layout = audience.layout
    assert layout is not None
    around = layout.count if layout.ring_m else 0
    if audience.preamble_ratio is not None:
        _preambles(audience, runs, pairs, around)
    if not len(pairs.later):
        return
    own = _own_places(runs, pairs, around)
    meet = common(pairs, runs.lo + runs.near_step, runs.near_size, around, runs.near_step)
    earlier, later = pairs.earlier[meet.pair], pairs.later[meet.pair]
    at_e, at_l = runs.offset[earlier] + meet.earlier_step, runs.offset[later] + meet.later_step
    ratio = _capture_ratio(audience, runs, earlier, later)
    locked, left, power = runs.locked, runs.left, runs.power_mw
    mine = own[meet.pair]
    lists = (values.tolist() for values in (at_e, at_l, meet.count, mine, ratio))
    greater = np.greater
    for e, f, n, sender, least in zip(*lists, strict=True):
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


def busy_time(audience: Audience, runs: Runs, pairs: Pairs, known: int) -> None:
    """Add the busy time of the runs from ``known`` on; time that an earlier frame covers already counts once."""
    layout = audience.layout
    assert layout is not None
    if known >= len(runs):
        return
    around = layout.count if layout.ring_m else 0
    meet = common(pairs, runs.lo + runs.near_step, runs.near_size, around, runs.near_step)
    earlier, later = pairs.earlier[meet.pair], pairs.later[meet.pair]
    base = int(runs.offset[known])
    covered = np.zeros(len(runs.power_mw) - base, np.float32)
    at_e = (runs.offset[earlier] + meet.earlier_step).tolist()
    at_l = (runs.offset[later] + meet.later_step - base).tolist()
    time_ns = (np.minimum(runs.end_ns[earlier], runs.end_ns[later]) - runs.start_ns[later]).tolist()
    busy, maximum = runs.busy, np.maximum
    for e, f, n, ns in zip(at_e, at_l, meet.count.tolist(), time_ns, strict=True):
        part = covered[f:f + n]
        maximum(part, busy[e:e + n] * ns, out=part)
    some = np.flatnonzero(busy[base:])
    run = np.repeat(np.arange(known, len(runs)), runs.size[known:])[some]
    added = (runs.end_ns - runs.start_ns)[run] - covered[some]
    rank = some + (runs.lo[run] - runs.offset[run] + base)
    if around:
        rank %= around
    by_rank = np.bincount(rank, weights=added, minlength=layout.count)
    audience.busy_ns[layout.slots] += by_rank
