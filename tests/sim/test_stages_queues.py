"""Verification queues: against a plain loop, and against closed forms of queueing theory."""

from __future__ import annotations

import numpy as np
import pytest

from sim.stages.queues import BLOCK, VerificationQueues, by_receiver


class PlainQueues:
    """First come first served, one message at a time, every departure kept."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.left: dict[int, list[int]] = {}
        self.seen: dict[int, int] = {}

    def serve(self, receiver: np.ndarray, arrived_ns: np.ndarray, service_ns: np.ndarray) -> list[int | None]:
        """Time from arrival to departure of each message; None = dropped."""
        spent: list[int | None] = [None] * len(receiver)
        for index in sorted(range(len(receiver)), key=lambda index: (arrived_ns[index], index)):
            slot = int(receiver[index])
            at_ns = max(int(arrived_ns[index]), self.seen.get(slot, 0))
            self.seen[slot] = at_ns
            there = [left for left in self.left.get(slot, []) if left > at_ns]
            if len(there) <= self.capacity:
                left = max([at_ns, *there]) + int(service_ns[index])
                spent[index] = left - int(arrived_ns[index])
                there.append(left)
            self.left[slot] = there
        return spent


@pytest.mark.parametrize("seed", range(60))
def test_queues_equal_a_plain_loop(seed: int) -> None:
    """Independent: random arrivals in and out of order, mixed services, small capacities, batch after batch."""
    rng = np.random.default_rng(seed)
    capacity, count = int(rng.integers(0, 6)), int(rng.integers(1, 6))
    queues, plain = VerificationQueues(count, capacity), PlainQueues(capacity)
    times_ns = np.array([10] if seed % 2 else [5, 12, 33])
    from_ns, drops = 0, 0
    for _ in range(12):
        messages = int(rng.integers(0, 60))
        receiver = rng.integers(0, count, messages)
        arrived_ns = from_ns + rng.integers(0, int(rng.choice([40, 400, 4000])), messages)
        if rng.random() < 0.5:
            arrived_ns.sort()
        kind = rng.integers(0, len(times_ns), messages).astype(np.uint8)
        spent_ns, dropped = queues.serve(receiver, arrived_ns, kind, times_ns)
        wanted = plain.serve(receiver, arrived_ns, times_ns[kind])
        lost = np.zeros(messages, bool) if dropped is None else dropped
        assert [None if gone else int(spent) for spent, gone in zip(spent_ns, lost, strict=True)] == wanted
        assert not spent_ns[lost].any()
        drops += int(lost.sum())
        from_ns += int(rng.integers(0, 700))
    assert drops or capacity > 2


def poisson(rng: np.random.Generator, receivers: int, each: int, mean_ns: float) -> tuple[np.ndarray, np.ndarray]:
    """Poisson arrivals at every receiver, in order of time: (receiver, arrived_ns)."""
    arrived = np.cumsum(rng.exponential(mean_ns, (receivers, each)), axis=1).astype(np.int64)
    receiver = np.repeat(np.arange(receivers), each)
    order = np.argsort(arrived.reshape(-1), kind="stable")
    return receiver[order], arrived.reshape(-1)[order]


def served(queues: VerificationQueues, receiver: np.ndarray, arrived_ns: np.ndarray, service_ns: int) -> np.ndarray:
    """Time spent of all messages, handed over in batches of 100 ms; -1 = dropped."""
    times_ns = np.array([service_ns])
    spent = []
    cuts = np.searchsorted(arrived_ns, np.arange(100_000_000, int(arrived_ns[-1]) + 100_000_000, 100_000_000))
    for part_receiver, part_ns in zip(np.split(receiver, cuts), np.split(arrived_ns, cuts), strict=True):
        part, dropped = queues.serve(part_receiver, part_ns, np.zeros(len(part_ns), np.uint8), times_ns)
        spent.append(part if dropped is None else np.where(dropped, -1, part))
    return np.concatenate(spent)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_mean_wait_of_poisson_arrivals(load: float) -> None:
    """Independent: M/D/1, mean wait load x service / (2 (1 - load)), within 4 standard errors over 300 receivers."""
    service_ns, receivers, each, warm = 500_000, 300, 1500, 500
    receiver, arrived_ns = poisson(np.random.default_rng(7), receivers, each, service_ns / load)
    spent_ns = served(VerificationQueues(receivers, 2000), receiver, arrived_ns, service_ns)
    waits = (spent_ns - service_ns)[np.argsort(receiver, kind="stable")].reshape(receivers, each)
    means = waits[:, warm:].mean(axis=1)
    expected_ns = load * service_ns / (2 * (1 - load))
    error_ns = means.std(ddof=1) / np.sqrt(receivers)
    assert abs(means.mean() - expected_ns) < 4 * error_ns
    assert error_ns < 0.04 * expected_ns


@pytest.mark.parametrize("load", [0.5, 1.0, 3.0])
def test_loss_without_room_to_wait(load: float) -> None:
    """Independent: Erlang's loss formula with one server, load / (1 + load), whatever the service distribution."""
    service_ns, receivers, each = 500_000, 100, 600
    receiver, arrived_ns = poisson(np.random.default_rng(8), receivers, each, service_ns / load)
    lost = served(VerificationQueues(receivers, 0), receiver, arrived_ns, service_ns) < 0
    shares = np.array([lost[receiver == one].mean() for one in range(receivers)])
    assert abs(shares.mean() - load / (1 + load)) < 4 * shares.std(ddof=1) / np.sqrt(receivers) + 1 / each


def test_overload_serves_at_the_rate_of_the_server() -> None:
    """By hand: 1000 messages/s at a server of 400/s; 2.5 ms each for 2 s, 800 services and what still waits."""
    queues = VerificationQueues(1, 10)
    arrived_ns = np.arange(2000) * 1_000_000
    spent_ns, dropped = queues.serve(
        np.zeros(2000, np.int64), arrived_ns, np.zeros(2000, np.uint8), np.array([2_500_000])
    )
    assert dropped is not None
    assert 800 <= (~dropped).sum() <= 811
    assert spent_ns.max() <= 11 * 2_500_000


def test_a_message_of_the_past_stands_behind() -> None:
    """By hand: service 10 from 100 on, then a message of 95 comes: it waits 15 and leaves at 120."""
    queues = VerificationQueues(1, 5)
    one, kind, times_ns = np.zeros(1, np.int64), np.zeros(1, np.uint8), np.array([10])
    assert queues.serve(one, np.array([100]), kind, times_ns)[0].tolist() == [10]
    assert queues.serve(one, np.array([95]), kind, times_ns)[0].tolist() == [25]


def test_another_station_finds_an_empty_queue_and_more_stations_find_room() -> None:
    """By hand: after forgetting, a message is served at once; slots beyond the old size work after growing."""
    queues = VerificationQueues(2, 5)
    kind, times_ns = np.zeros(2, np.uint8), np.array([1000])
    queues.serve(np.array([0, 1]), np.array([0, 0]), kind, times_ns)
    queues.forget(np.array([0]))
    queues.grow(3)
    spent_ns, _ = queues.serve(np.array([0, 1, 2]), np.full(3, 10), np.zeros(3, np.uint8), times_ns)
    assert spent_ns.tolist() == [1000, 1990, 1000]


def test_large_batches_equal_small_ones() -> None:
    """Property: blocks inside a call are as invisible as the cut between calls."""
    rng = np.random.default_rng(9)
    count = 2 * BLOCK + 1000
    receiver, arrived_ns = rng.integers(0, 300, count), np.sort(rng.integers(0, 400_000_000, count))
    kind, times_ns = rng.integers(0, 2, count).astype(np.uint8), np.array([500_000, 1_300_000])
    whole, cut = VerificationQueues(300, 20), VerificationQueues(300, 20)
    at_once, lost = whole.serve(receiver, arrived_ns, kind, times_ns)
    parts = [cut.serve(receiver[at: at + 7000], arrived_ns[at: at + 7000], kind[at: at + 7000], times_ns)
             for at in range(0, count, 7000)]
    assert lost is not None and 0.01 < lost.mean() < 0.95
    np.testing.assert_array_equal(at_once, np.concatenate([spent for spent, _ in parts]))


@pytest.mark.parametrize("slots", [1, 3000, 70_000, 3_000_000])
@pytest.mark.parametrize("span_ns", [1, 10**8, 10**12])
def test_order_by_receiver_and_arrival(slots: int, span_ns: int) -> None:
    """Independent: the same order as a sort by three keys, whatever the sizes."""
    rng = np.random.default_rng(slots + span_ns)
    receiver, arrived_ns = rng.integers(0, slots, 20_000), rng.integers(0, span_ns, 20_000)
    order, slot, arrived = by_receiver(receiver, arrived_ns)
    wanted = np.lexsort((np.arange(20_000), arrived_ns, receiver))
    np.testing.assert_array_equal(order, wanted)
    np.testing.assert_array_equal(slot, receiver[wanted])
    np.testing.assert_array_equal(arrived, arrived_ns[wanted])
