"""Mode 2 resource selection: candidate sets, draws, projections of reservations."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access.nr_mode2.selection import SPREAD_SLOTS, Candidates, candidates, drawn, meeting
from sim.access.nr_mode2.sendings import counter_range, reservation_period_ms
from sim.clock import MS, stream

STEP = 10**0.3


def plain(level: np.ndarray, share: float = 0.2, **masks: np.ndarray) -> Candidates:
    """Candidate sets with nothing barred unless told."""
    b, t, _ = level.shape
    none = np.zeros((b, t), bool)
    return candidates(
        level.astype(np.float32), masks.get("unmonitored", none), masks.get("own", none),
        masks.get("slots", np.full(b, t)), np.full(b, share), STEP,
    )


def everything(b: int, t: int, x: int) -> Candidates:
    """Sets with all candidates in them."""
    return plain(np.zeros((b, t, x)))


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
def test_thresholds_rise_only_until_the_share_remains(share: float) -> None:
    """Property (mistake 9): X of all candidates remain always; one pass less would leave fewer; passes are 3 dB."""
    level = 10 ** (stream(1, "test", "level").uniform(-5, 40, (50, 30, 4)) / 10)
    found = plain(level, share)
    wanted = np.ceil(120 * share)
    assert np.all(found.total == 120)
    assert np.all(found.remaining >= wanted)
    flat = level.astype(np.float32).reshape(50, -1)
    assert np.any(found.raises > 0)
    for row in np.flatnonzero(found.raises > 0):
        assert (flat[row] <= STEP ** (found.raises[row] - 1)).sum() < wanted
        assert (flat[row] <= STEP ** found.raises[row] * (1 + 2e-6)).sum() == found.remaining[row]


def test_a_larger_share_needs_more_passes() -> None:
    """By hand: 10 free candidates of 100, the rest 1, 4, 7 ... dB over the threshold in tens: 20 % needs one pass, 35 %
    two more, 50 % four in all."""
    over_db = np.concatenate([np.full(10, -np.inf), np.repeat([1.0, 4.0, 7.0, 10.0, 13.0, 16.0, 19.0, 22.0, 25.0], 10)])
    level = 10 ** (over_db.reshape(1, 100, 1) / 10)
    raises = [int(plain(level, share).raises[0]) for share in (0.1, 0.2, 0.35, 0.5)]
    assert raises == [0, 1, 3, 4]


def test_a_set_is_not_cut_to_the_share() -> None:
    """By hand (mistake 10): 60 of 100 candidates are free: all 60 stay, where Mode 4 would keep the 20 quietest."""
    level = np.zeros((1, 100, 1))
    level[0, :40] = 5.0
    found = plain(level)
    assert found.remaining[0] == 60
    assert found.raises[0] == 0
    assert not found.allowed[0, :40].any()


def test_the_draw_is_uniform_over_the_whole_set() -> None:
    """Distribution: 60 candidates, 6000 draws: chi-square with 59 degrees of freedom is below 98.3 at 0.1 %."""
    level = np.zeros((6000, 20, 5))
    level[:, ::2, :4] = 5.0
    found = plain(level)
    draws = stream(2, "test", "draw").random((6000, 1))
    slot, first, number = drawn(found, draws)
    seen = np.bincount(slot[:, 0] * 5 + first[:, 0], minlength=100)
    free = found.allowed[0]
    assert np.all(number == 1)
    assert not seen[~free].any()
    expected = 6000 / free.sum()
    assert free.sum() == 60
    assert ((seen[free] - expected) ** 2 / expected).sum() < 98.3


def test_copies_lie_in_different_slots_within_31() -> None:
    """Property: TS 38.214 clause 8.1.5; each copy's slot is one of the set's, in order of time."""
    found = plain(10 ** (stream(3, "test", "level").uniform(-20, 10, (400, 90, 3)) / 10))
    draws = stream(4, "test", "draw").random((400, 3))
    slot, first, number = drawn(found, draws)
    assert np.all(number == 3)
    assert np.all(np.diff(slot, axis=1) > 0)
    assert np.all(slot[:, -1] - slot[:, 0] <= SPREAD_SLOTS)
    for copy in range(3):
        assert found.holds(np.arange(400), slot[:, copy], first[:, copy]).all()
    assert (slot[:, -1] - slot[:, 0]).max() > 25


def test_a_single_free_slot_gives_a_single_copy() -> None:
    """By hand: two of three subchannels free in one slot only: one copy, in that slot."""
    own = np.ones((1, 20), bool)
    own[0, 7] = False
    found = plain(np.zeros((1, 20, 3)), own=own)
    slot, _, number = drawn(found, np.full((1, 3), 0.9))
    assert number[0] == 1
    assert np.all(slot == 7)


def test_unmonitored_slots_are_out_unless_too_few_remain() -> None:
    """By hand: half of the slots unmonitored leave the other half; all but one of 20 leave under 20 %, so step 5a lets
    them in again; own reservations stay out."""
    half = np.zeros((1, 20), bool)
    half[0, ::2] = True
    assert plain(np.zeros((1, 20, 2)), unmonitored=half).remaining[0] == 20
    nearly = np.ones((1, 20), bool)
    nearly[0, 3] = False
    own = np.zeros((1, 20), bool)
    own[0, :5] = True
    found = plain(np.zeros((1, 20, 2)), unmonitored=nearly, own=own)
    assert found.remaining[0] == 30
    assert not found.allowed.reshape(20, 2)[:5].any()


def test_slots_behind_the_window_are_no_candidates() -> None:
    """By hand: windows of 5 and 20 slots of 2 subchannels side by side."""
    found = plain(np.zeros((2, 20, 2)), slots=np.array([5, 20]))
    assert found.total.tolist() == [10, 40]
    assert found.remaining.tolist() == [10, 40]


def test_reservations_meet_candidates_as_counted_one_by_one() -> None:
    """Independent: every pair (slot, use) of a candidate compared with the target, for all mixtures of periods."""
    draws = stream(5, "test", "meeting")
    n = 300
    begin = draws.integers(1000, 1100, n)
    end = begin + draws.integers(0, 99, n)
    period = draws.choice([0, 7, 20, 50, 100, 300], n)
    uses = np.where(period == 0, 1, draws.integers(1, 60, n))
    target = begin + draws.integers(-20, 600, n)
    found = {(int(r), int(y)) for rows, ys in meeting(target, begin, end, period, uses)
             for r, y in zip(rows, ys, strict=True)}
    expected = {
        (i, y) for i in range(n) for y in range(begin[i], end[i] + 1)
        if any(y + j * period[i] == target[i] for j in range(uses[i]))
    }
    assert found == expected
    assert len(expected) > 300


@pytest.mark.parametrize(
    ("period_ms", "expected"),
    [(100, (5, 15)), (1000, (5, 15)), (50, (10, 30)), (20, (25, 75)), (10, (25, 75)), (33, (20, 60))],
)
def test_counter_ranges(period_ms: int, expected: tuple[int, int]) -> None:
    """Printed: TS 38.321 clause 5.22.1.1: 5 .. 15, below 100 ms times ceil(100 / max(20, period))."""
    assert counter_range(period_ms) == expected


@pytest.mark.parametrize(
    ("period_ns", "expected"),
    [(100 * MS, 100), (150 * MS, 100), (99 * MS, 99), (33 * MS, 33), (500_000, 1), (2500 * MS, 1000), (999 * MS, 900)],
)
def test_reservation_periods(period_ns: int, expected: int) -> None:
    """Printed: SCI format 1-A announces 1 .. 99 or 100, 200 .. 1000 ms."""
    assert reservation_period_ms(period_ns) == expected
