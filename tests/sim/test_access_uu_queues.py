"""Queues of the cellular path against closed forms and a loop."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access.uu.queues import Fifo

FOREVER = 2**61
MEAN_PS = 1_000_000


def poisson(rng: np.random.Generator, count: int, load: float) -> np.ndarray:
    """Arrivals at ``load`` of a server with mean service ``MEAN_PS``."""
    return np.cumsum(rng.exponential(MEAN_PS / load, count)).astype(np.int64)


def serve(queue: Fifo, arrival: np.ndarray, service: np.ndarray, number: int = 0) -> np.ndarray:
    """Departures of packets that nobody refuses."""
    count = len(arrival)
    gone, taken = queue.serve(
        np.full(count, number), arrival, service, np.full(count, FOREVER), np.arange(count)
    )
    assert taken.all()
    return gone


@pytest.mark.parametrize("load", [0.3, 0.6, 0.85])
def test_equal_service_waits_as_m_d_1(load: float) -> None:
    """Printed: mean wait rho / (2 (1 - rho)) services (Pollaczek-Khinchine)."""
    rng = np.random.default_rng(1)
    arrival, service = poisson(rng, 400_000, load), np.full(400_000, MEAN_PS)
    wait = (serve(Fifo(), arrival, service) - arrival - service) / MEAN_PS
    assert wait.mean() == pytest.approx(load / (2 * (1 - load)), rel=0.04)
    assert np.mean(wait < 1e-6) == pytest.approx(1 - load, abs=0.01)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.85])
def test_drawn_service_stays_as_m_m_1(load: float) -> None:
    """Printed: time in the system is exponential with rate mu - lambda."""
    rng = np.random.default_rng(2)
    arrival = poisson(rng, 400_000, load)
    service = np.maximum(rng.exponential(MEAN_PS, 400_000), 1).astype(np.int64)
    stay = (serve(Fifo(), arrival, service) - arrival) / MEAN_PS
    mean = 1 / (1 - load)
    assert stay.mean() == pytest.approx(mean, rel=0.06)
    assert np.mean(stay > 2 * mean) == pytest.approx(np.exp(-2), abs=0.015)


def test_many_queues_equal_a_loop_over_packets() -> None:
    """Independent: a server that remembers when it is free, packet by packet; some give up."""
    rng = np.random.default_rng(3)
    count, queues = 4000, 7
    queue = rng.integers(0, queues, count)
    arrival = np.sort(rng.integers(0, 3_000_000, count))
    service = rng.integers(1, 12_000, count)
    latest = arrival + rng.integers(0, 400_000, count)
    order = rng.permutation(count)
    gone, taken = Fifo().serve(queue[order], arrival[order], service[order], latest[order], order)
    free = [0] * queues
    refused = 0
    place = np.argsort(order)
    for i in np.lexsort((np.arange(count), arrival)):
        begin = max(int(arrival[i]), free[queue[i]])
        if begin > latest[i]:
            refused += 1
            assert not taken[place[i]] and gone[place[i]] == latest[i]
        else:
            free[queue[i]] = begin + int(service[i])
            assert taken[place[i]] and gone[place[i]] == free[queue[i]]
    assert 100 < refused < count - 100


@pytest.mark.parametrize("piece", [1, 7, 500])
def test_pieces_equal_the_whole(piece: int) -> None:
    """Property: the split of calls does not matter, with and without packets that give up."""
    rng = np.random.default_rng(4)
    count = 1500
    queue, arrival = rng.integers(0, 3, count), np.sort(rng.integers(0, 10**7, count))
    service = rng.integers(1, 25_000, count)
    for patience in (FOREVER // 2, 60_000):
        args = queue, arrival, service, arrival + patience, np.arange(count)
        whole = Fifo().serve(*args)
        split = Fifo()
        parts = [split.serve(*(a[k:k + piece] for a in args)) for k in range(0, count, piece)]
        for k in range(2):
            np.testing.assert_array_equal(whole[k], np.concatenate([part[k] for part in parts]))


def test_work_is_conserved_and_nobody_overtakes() -> None:
    """Property: served work is that of the packets taken; departures keep the order of arrival, a service apart."""
    rng = np.random.default_rng(5)
    arrival, service = poisson(rng, 5000, 0.9), rng.integers(1, 2 * MEAN_PS, 5000)
    queue = Fifo()
    gone = serve(queue, arrival, service)
    assert queue.served_ps == service.sum() and queue.refused_count == 0
    assert np.all(np.diff(gone) >= service[1:]) and np.all(gone >= arrival + service)


def test_overload_passes_its_capacity_and_no_more() -> None:
    """By hand: at three times the capacity a third is served, and nobody waits longer than their patience."""
    count, patience = 30_000, 50 * MEAN_PS
    arrival = np.arange(count) * (MEAN_PS // 3)
    gone, taken = Fifo().serve(
        np.zeros(count, np.int64), arrival, np.full(count, MEAN_PS), arrival + patience, np.arange(count)
    )
    assert taken.mean() == pytest.approx(1 / 3, abs=0.005)
    assert np.max((gone - arrival)[taken]) <= patience + MEAN_PS


def test_hours_of_times_in_many_queues_do_not_overflow() -> None:
    """By hand: queues that stand hours apart keep exact times."""
    count = 4000
    queue = np.arange(count) % 2000
    arrival = np.where(queue % 2, 5 * 10**15, 0) + np.arange(count)
    gone = Fifo().serve(queue, arrival, np.full(count, 10), np.full(count, FOREVER), np.arange(count))[0]
    np.testing.assert_array_equal(gone[:2000] - arrival[:2000], 10)
    np.testing.assert_array_equal(gone[2000:], np.maximum(arrival[2000:], gone[:2000]) + 10)
