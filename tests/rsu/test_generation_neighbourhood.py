"""Neighbour counts and packet error windows: by hand, and against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rsu.generation.neighbourhood import Neighbourhood, packet_error_ratio

MS = 1_000_000


def hear(box: Neighbourhood, receiver: int, sender: int, counts: list[int], times_ms: list[float],
         distance_m: float = 50.0) -> None:
    n = len(counts)
    box.heard(np.full(n, receiver), np.full(n, sender), np.array(counts), np.full(n, distance_m),
              (np.array(times_ms) * MS).astype(np.int64))


@pytest.mark.parametrize(
    ("first", "last", "received", "ratio"),
    [(10, 19, 10, 0.0), (10, 19, 5, 0.5), (120, 4, 13, 0.0), (126, 1, 2, 0.5), (0, 3, 3, 0.25), (7, 7, 1, math.nan),
     (7, 7, 3, 0.0)],
)
def test_ratio(first: int, last: int, received: int, ratio: float) -> None:
    """By hand: expected = last - first + 1, through 127 -> 0 (120..127 and 0..4 are 13); one message alone is left
    out; repeated numbers are no loss."""
    found = packet_error_ratio(np.array([first]), np.array([last]), np.array([received]))
    assert found.tolist() == pytest.approx([ratio], nan_ok=True)


def test_neighbours_of_the_last_second() -> None:
    """By hand: two senders near, one too far, one too old at 1.5 s; the exact second and exactly 100 m count."""
    box = Neighbourhood()
    hear(box, 0, 1, [5, 6], [500, 1400])
    hear(box, 0, 2, [5], [500], 100.0)
    hear(box, 0, 3, [5], [1400], 100.1)
    hear(box, 0, 4, [5], [499])
    hear(box, 7, 1, [5], [1400])
    assert box.neighbours_count(np.array([0, 7, 9]), 1500 * MS).tolist() == [2, 1, 0]
    hear(box, 0, 1, [7], [1500], 150.0)
    assert box.neighbours_count(np.array([0]), 1500 * MS).tolist() == [1], "the latest distance decides"


def test_window_moves_by_a_second() -> None:
    """By hand: sender 1 lost every second message during second 0, none later. Nothing before a second is complete;
    then 5 of 9 expected (1 - 5/9); at 5.0 s 45 of 50; at 6.0 s second 0 has left."""
    box = Neighbourhood()
    hear(box, 0, 1, [0, 2, 4, 6, 8], [0, 200, 400, 600, 800])
    receivers = np.array([0])
    assert math.isnan(box.packet_error_ratio(receivers, 999 * MS)[0])
    assert box.packet_error_ratio(receivers, 1000 * MS)[0] == pytest.approx(1 - 5 / 9)
    for second in range(1, 6):
        hear(box, 0, 1, list(range(10 * second, 10 * second + 10)), [1000 * second + 100 * k for k in range(10)])
        if second == 4:
            assert box.packet_error_ratio(receivers, 5000 * MS)[0] == pytest.approx(1 - 45 / 50)
    assert box.packet_error_ratio(receivers, 6000 * MS)[0] == pytest.approx(0.0)


def test_mean_over_near_vehicles_with_two_messages() -> None:
    """By hand: ratios 0.5 and 0; a far one with losses and one with a single message are left out: 0.25."""
    box = Neighbourhood()
    hear(box, 3, 1, [0, 3], [100, 400])
    hear(box, 3, 2, [4, 5], [100, 200])
    hear(box, 3, 4, [0, 9], [100, 900], 120.0)
    hear(box, 3, 5, [0], [100])
    ratio = box.packet_error_ratio(np.array([3, 4]), 1000 * MS)
    assert ratio[0] == pytest.approx(0.25) and math.isnan(ratio[1])


def test_against_plain_loops() -> None:
    """Independent: 12 stations with random losses for 9 s; counts and ratios equal loops over all receptions."""
    rng = np.random.default_rng(5)
    stations, box = 12, Neighbourhood()
    received: list[tuple[int, int, int, int, float]] = []
    for tick in range(90):
        now_ns = tick * 100 * MS
        batch = [
            (r, s, (100 + 3 * s + tick) % 128, now_ns + int(rng.integers(0, 100)) * MS, float(rng.uniform(0, 140)))
            for r in range(stations) for s in range(stations) if r != s and rng.random() < (0.3 + 0.05 * s)
        ]
        received += batch
        columns = [np.array(column) for column in zip(*[batch[k] for k in rng.permutation(len(batch))], strict=True)]
        box.heard(columns[0], columns[1], columns[2], columns[4], columns[3])
        end_ns = now_ns + 100 * MS
        if tick % 10 != 9:
            continue
        everyone = np.arange(stations)
        counts, ratios = box.neighbours_count(everyone, end_ns), box.packet_error_ratio(everyone, end_ns)
        for receiver in range(stations):
            count, ratio = plain(received, receiver, end_ns)
            assert counts[receiver] == count
            assert ratios[receiver] == pytest.approx(ratio, nan_ok=True)


def plain(received: list[tuple[int, int, int, int, float]], receiver: int, now_ns: int) -> tuple[int, float]:
    count, ratios = 0, []
    for sender in range(12):
        own = sorted(((t, c, d) for r, s, c, t, d in received if (r, s) == (receiver, sender)), key=lambda row: row[0])
        window = [row for row in own if now_ns - 5000 * MS <= row[0] < now_ns]
        if not own or own[-1][2] > 100.0:
            continue
        count += now_ns - own[-1][0] <= 1000 * MS
        if len(window) > 1:
            expected = (window[-1][1] - window[0][1]) % 128 + 1
            ratios.append(1 - len(window) / expected)
    return count, float(np.mean(ratios)) if ratios else math.nan


def test_memory_and_forgetting() -> None:
    """By hand: a pair is dropped when its messages have left the window; a changed station leaves both sides."""
    box = Neighbourhood()
    hear(box, 0, 1, [1, 2], [0, 100])
    hear(box, 2, 0, [1, 2], [4000, 4100])
    hear(box, 2, 3, [1, 2], [4000, 4100])
    assert box.pairs_count == 3
    box.forget(np.array([0]))
    assert box.pairs_count == 1
    box.packet_error_ratio(np.array([2]), 10_000 * MS)
    assert box.pairs_count == 0
    assert box.neighbours_count(np.array([2]), 10_000 * MS).tolist() == [0]


def test_refusals() -> None:
    """By hand: numbers that do not fit are one clear error; an empty table is none."""
    box, none = Neighbourhood(), np.zeros(0, np.int64)
    box.heard(none, none, none, np.zeros(0), none)
    bad = ((-1, 0, "receiver"), (2**31, 0, "receiver"), (0, -1, "sender"), (0, 2**32, "sender"))
    for receiver, sender, name in bad:
        with pytest.raises(ValueError, match=name):
            hear(box, receiver, sender, [1], [0])
