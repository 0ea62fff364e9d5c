"""802.11p contention: immediate access, backoff, freezing, categories, queues (IEEE 802.11-2020 clause 10.23.2)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sim.access.dot11p.edca import Edca, category_of
from sim.clock import MS, hashed_bits, stream_key
from sim.frames import Flow, Kind, Outcome
from sim.scenario.schema.radio import Dot11p as Settings
from tests.sim.dot11p_bench import BE, FLOWS, VI, VO, radio, send

CLOSE = [0.0, 10.0, 20.0, 30.0]
AIFS = {BE: 110, VI: 71, VO: 58}
T300 = 448


def test_idle_medium_is_used_at_once_mistake_14() -> None:
    """By hand, mistake 14: nothing on the air for AIFS, so the frame starts when it is ready; again 50 ms later."""
    told = send(CLOSE, [(0, 1000.0, 300, BE), (0, 51_000.0, 300, BE)], radio())
    assert told.start_us == {0: 1000.0, 1: 51_000.0}
    assert told.layer.counts()["backoffs_drawn"] <= 1


def test_backoff_is_uniform_from_zero_mistake_14() -> None:
    """Distribution, mistake 14: draws of CW 15 hit every value from 0 to 15 alike (chi-square of 15 degrees below the
    0.999 quantile 37.7)."""
    edca = Edca(Settings(), 5)
    draws = np.array([edca.backoff(station, BE + 2) for station in range(4000) for _ in range(4)])
    counts = np.bincount(draws, minlength=16)
    assert len(counts) == 16
    expected = len(draws) / 16
    assert float(((counts - expected) ** 2 / expected).sum()) < 37.7


def test_backoff_after_a_busy_medium_by_hand_mistake_14() -> None:
    """By hand, mistake 14: a frame that arrives during another starts AIFS + 0..15 slots after its end; at 300
    places all sixteen instants occur, 0 among them."""
    x = [20_000.0 * place + 10.0 * side for place in range(300) for side in (0, 1)]
    rows = [(2 * i + side, 1000.0 + 100 * side, 300, BE) for i in range(300) for side in (0, 1)]
    told = send(x, rows, radio(), ticks=1)
    seen = Counter((told.start_us[2 * i + 1] - 1000.0 - T300 - AIFS[BE]) / 13 for i in range(300))
    assert set(seen) == set(range(16))
    assert max(seen.values()) < 3 * 300 / 16


def test_window_never_doubles_mistake_15() -> None:
    """Property, mistake 15: ten stations collide again and again, yet no wait for the medium exceeds CW slots of AIFS
    and slots and what others send meanwhile; draws stay within the window."""
    edca = Edca(Settings(), 1)
    assert max(edca.backoff(7, 0) for _ in range(2000)) == 3
    assert max(edca.backoff(7, 1) for _ in range(2000)) == 7
    assert max(edca.backoff(7, 2) for _ in range(2000)) == 15
    rows = [(slot, 1000.0 + slot, 300, BE) for slot in range(10)]
    told = send([5.0 * i for i in range(10)], rows, radio(capture="none"), ticks=1)
    starts = sorted(told.start_us.values())
    assert all(b - a <= T300 + AIFS[BE] + 15 * 13 for a, b in zip(starts[:-1], starts[1:], strict=True))


def test_draws_equal_the_array_hash() -> None:
    """Independent: the scalar hash of backoffs equals sim.clock.hashed_bits."""
    edca = Edca(Settings(), 9)
    bits = hashed_bits(stream_key(9, "dot11p", "backoff"), np.array(11 * 4 + 2), np.arange(50))
    expected = ((bits >> np.uint64(32)) * np.uint64(16)) >> np.uint64(32)
    assert [edca.backoff(11, 2) for _ in range(50)] == expected.tolist()


def test_countdown_freezes_while_busy_and_goes_on_after_aifs() -> None:
    """By hand: B waits for A's frame with b slots; C breaks in after 3 slots with a frame of 448 us, so B starts
    3 slots less after C's end and AIFS."""
    for seed in range(20):
        alone = send(CLOSE, [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio(), seed=seed, ticks=1)
        slots = (alone.start_us[1] - 1000.0 - T300 - AIFS[BE]) / 13
        if slots < 5:
            continue
        breaks_in = 1000.0 + T300 + AIFS[BE] + 3 * 13 + 6
        rows = [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE), (2, breaks_in, 300, VO)]
        told = send(CLOSE, rows, radio(), seed=seed, ticks=1)
        assert told.start_us[2] == breaks_in
        assert told.start_us[1] == breaks_in + T300 + AIFS[BE] + (slots - 3) * 13
        return
    pytest.fail("no seed draws five slots or more")


def test_stations_released_by_one_frame_share_a_slot_grid_others_do_not() -> None:
    """By hand: waiting stations of one neighbourhood start at whole slots after the same end, so equal draws collide;
    one that comes while the medium is idle starts at its own nanosecond."""
    offsets = set()
    for seed in range(60):
        rows = [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE), (2, 1200.0, 300, BE), (3, 5003.3, 300, BE)]
        told = send(CLOSE, rows, radio(), seed=seed, ticks=1)
        first = min(told.start_us[1], told.start_us[2])
        assert (first - 1000.0 - T300 - AIFS[BE]) % 13 == 0
        assert told.start_us[3] == 5003.3
        offsets.add(told.start_us[1] == told.start_us[2])
    assert offsets == {True, False}


@pytest.mark.parametrize(("gap_us", "collides"), [(0.0, True), (3.9, True), (4.0, False), (12.9, False)])
def test_a_frame_is_noticed_after_the_vulnerable_time(gap_us: float, collides: bool) -> None:
    """By hand: with 4 us, a frame that is ready 3.9 us after another's start still goes out, one at 4 us waits."""
    told = send(CLOSE, [(0, 1000.0, 300, BE), (1, 1000.0 + gap_us, 300, BE)], radio(), ticks=1)
    assert bool(told.start_us[1] == 1000.0 + gap_us) is collides


def test_arrival_within_aifs_of_a_busy_end_waits_for_the_rest_of_it() -> None:
    """By hand: the medium is idle at the arrival 20 us after a frame's end, so there is no backoff: start at its
    end + AIFS."""
    told = send(CLOSE, [(0, 1000.0, 300, BE), (1, 1000.0 + T300 + 20, 300, BE)], radio(), ticks=1)
    assert told.start_us[1] == 1000.0 + T300 + AIFS[BE]


def test_own_transmission_is_followed_by_a_backoff() -> None:
    """By hand: a second frame 10 us after the end of the first starts at AIFS + b slots after that end."""
    seen = set()
    for seed in range(60):
        told = send(CLOSE, [(0, 1000.0, 300, BE), (0, 1000.0 + T300 + 10, 300, BE)], radio(), seed=seed, ticks=1)
        seen.add((told.start_us[1] - 1000.0 - T300 - AIFS[BE]) / 13)
    assert seen <= set(range(16)) and len(seen) > 10


def test_backoff_after_an_own_transmission_freezes_too() -> None:
    """By hand: after A's frame B sends 150 us later (A has done 3 slots of its own backoff by then), so A's next
    frame cannot start before B's end + AIFS + (b - 3) slots."""
    for seed in range(40):
        alone = send(CLOSE, [(0, 1000.0, 300, BE), (0, 1000.0 + T300 + 1, 300, BE)], radio(), seed=seed, ticks=1)
        slots = round((alone.start_us[1] - 1000.0 - T300 - AIFS[BE]) / 13)
        if slots < 6:
            continue
        other = 1000.0 + T300 + 150
        rows = [(0, 1000.0, 300, BE), (1, other, 300, BE), (0, other + T300 + 5, 300, BE)]
        told = send(CLOSE, rows, radio(), seed=seed, ticks=1)
        assert told.start_us[2] == other + T300 + AIFS[BE] + (slots - 3) * 13
        return
    pytest.fail("no seed draws six slots or more")


def test_urgent_categories_wait_less() -> None:
    """By hand: four categories, each alone behind one frame, start no earlier than its end + their AIFS and no later
    than CW slots after that."""
    for flow, window in ((VO, 3), (VI, 7), (BE, 15)):
        told = send(CLOSE, [(0, 1000.0, 300, BE), (1, 1100.0, 300, flow)], radio(), ticks=1)
        wait = told.start_us[1] - 1000.0 - T300 - AIFS[flow]
        assert 0 <= wait <= window * 13 and wait % 13 == 0


def test_two_categories_of_one_station_never_send_at_once() -> None:
    """Property: frames of all categories at one station, over seeds: no overlap, and internal collisions occur."""
    collisions = 0
    for seed in range(40):
        rows = [(0, 900.0, 300, BE)] + [(1, 950.0 + i, 300, flow) for i, flow in enumerate((BE, VI, VO))]
        told = send(CLOSE, rows, radio(aifsn={"vo": 2, "vi": 2, "be": 2, "bk": 9}), seed=seed, ticks=1)
        spans = sorted((told.start_us[i], told.end_us[i]) for i in (1, 2, 3))
        assert all(a[1] <= b[0] for a, b in zip(spans[:-1], spans[1:], strict=True))
        collisions += told.layer.counts()["internal_collisions"]
    assert collisions > 3


def test_hidden_stations_do_not_wait_for_each_other() -> None:
    """By hand: 400 m apart (-90.7 dBm) nobody senses the other at -85, at 250 m (-82.6 dBm) they do."""
    apart = send([0.0, 400.0], [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio())
    assert apart.start_us[1] == 1100.0
    near = send([0.0, 250.0], [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE)], radio())
    assert near.start_us[1] >= 1000.0 + T300 + AIFS[BE]


def test_energy_makes_the_medium_busy_without_a_preamble() -> None:
    """By hand: preambles count from -50 dBm only, energy from -65: a frame from 100 m (23 - 89.6 = -66.6 dBm) does not
    stop a third station, two of them (-63.6 dBm) do."""
    keys = {"carrier_sense_dbm": -50.0, "energy_detection_dbm": -65.0}
    x = [0.0, 100.0, -100.0]
    one = send(x, [(1, 1000.0, 300, BE), (0, 1100.0, 300, BE)], radio(**keys))
    assert one.start_us[1] == 1100.0
    both = send(x, [(1, 1000.0, 300, BE), (2, 1002.0, 300, BE), (0, 1100.0, 300, BE)], radio(**keys))
    assert both.start_us[2] >= 1002.0 + T300


def test_newer_awareness_message_replaces_the_queued_one() -> None:
    """By hand: two BSMs of one station wait behind a frame: the older is never sent; DENMs both are."""
    rows = [(0, 1000.0, 300, BE), (1, 1100.0, 300, BE), (1, 1200.0, 300, BE)]
    told = send(CLOSE, rows, radio(), ticks=1)
    assert told.sent == {0: True, 1: False, 2: True}
    assert told.start_us[1] == told.end_us[1] == 1200.0
    assert set(told.outcome[1, slot] for slot in (0, 2, 3)) == {Outcome.NEVER_SENT}
    told = send(CLOSE, [(0, 1000.0, 300, BE), (1, 1100.0, 300, VI), (1, 1200.0, 300, VI)], radio(), ticks=1)
    assert all(told.sent.values())


def test_full_queue_and_late_frames_are_dropped() -> None:
    """By hand: a queue of two keeps the first two of four; frames that could not be sent within 100 ms are given up at
    that time."""
    rows = [(0, 1000.0, 300, BE)] + [(1, 1100.0 + i, 300, VI) for i in range(4)]
    told = send(CLOSE, rows, radio(queue_length=2), ticks=1)
    assert [told.sent[i] for i in range(1, 5)] == [True, True, False, False]
    assert told.layer.counts()["dropped_queue_full"] == 2
    rows = [(0, 1000.0, 300, BE), (1, 1100.0, 300, VI)]
    told = send(CLOSE, rows, radio(), ticks=3, foreign=[(2, 900.0, 150_000.0, 200.0)])
    assert not told.sent[0] and not told.sent[1]
    assert told.end_us[0] == 101_000.0 and told.end_us[1] == 101_100.0


def test_categories_by_message_priority_and_setting() -> None:
    """By hand: DENM to VI, CAM to BE; others by priority in pairs; a fixed category overrides both."""
    def flow(message: str, priority: int) -> Flow:
        return Flow(0, message, Kind.VEHICLE, 100 * MS, 100 * MS, priority)

    auto = Settings()
    assert category_of(flow("DENM", 8), auto) == 1 and category_of(flow("CAM", 1), auto) == 2
    assert [category_of(flow("BSM", p), auto) for p in range(1, 9)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert category_of(flow("DENM", 1), Settings(access_category="bk")) == 3
    assert [category_of(f, auto) for f in FLOWS] == [2, 1, 0, 3]


def test_every_category_gets_its_turn_under_load() -> None:
    """Property: forty stations with a frame of each category: all are sent, urgent ones earlier on average."""
    rows = [(40, 900.0, 300, VI)]
    rows += [(slot, 1000.0 + 0.01 * slot, 300, flow) for slot in range(40) for flow in (BE, VI, VO)]
    told = send([2.0 * i for i in range(41)], rows, radio(), ticks=1)
    assert all(told.sent.values())
    wait = {flow: np.mean([told.start_us[i] for i, row in enumerate(rows) if i and row[3] == flow])
            for flow in (BE, VI, VO)}
    assert wait[VO] < wait[VI] < wait[BE]
