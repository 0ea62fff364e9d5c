"""Stages after the radio on whole runs: cut batches, queues, latency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from rsu.security.verification_times import VERIFICATION_TIMES
from sim.bench.cases import Case, scenario
from sim.bench.stages import SETTINGS, road
from sim.engine import Engine
from sim.frames import Kind, Outcome, Receptions
from sim.metrics import Batch, collect
from sim.scenario.loader import load_mapping

VEHICLES = 30


class Spy:
    """Keeps every batch as KPIs see it."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def observe(self, batch: Batch) -> None:
        """Keep it, with slots as they are now."""
        self.batches.append(replace(batch))

    def tick(self, tick: Any) -> None:
        """Nothing to follow."""


def engine(settings: dict[str, Any], **sections: Any) -> tuple[Engine, Spy]:
    """Three places, everybody within reach on a radio that loses nothing."""
    case = Case("paths", "ideal", VEHICLES, 0.6, settings={**road(VEHICLES), **settings})
    plan = scenario(case) | {"radio_warmup_s": 0} | sections
    built, spy = Engine(load_mapping(plan)), Spy()
    built.pipeline.kpis = {**built.pipeline.kpis, "spy": spy}  # type: ignore[dict-item]
    return built, spy


def pieces(receptions: Receptions) -> Iterator[Receptions]:
    """The frames of a batch five at a time, in the order of their ends."""
    rank = np.argsort(np.argsort(receptions.end_ns, kind="stable"), kind="stable")
    for start in range(0, len(rank), 5):
        yield receptions.keep_frames((rank >= start) & (rank < start + 5))


@cache
def figures(name: str, cut: bool) -> tuple[list[Any], dict[str, int]]:
    """Figures of BSM, and how links ended; ``cut``: the stages get batches in small pieces. Other messages are judged
    in the order of their names within a batch, MAP before SPAT, which pieces change."""
    built, spy = engine(SETTINGS[name])
    whole = built.pipeline.deliver
    if cut:
        def deliver(receptions: Receptions) -> None:
            for piece in pieces(receptions):
                whole(piece)

        built.pipeline.deliver = deliver  # type: ignore[method-assign]
    built.run()
    ends = np.concatenate([
        batch.outcome[(batch.message == batch.messages.index("BSM"))[batch.row]] for batch in spy.batches
    ])
    rows = [row for row in collect(built.kpis)[0] if row.message == "BSM"]
    return rows, {Outcome(k).name: int((ends == k).sum()) for k in np.unique(ends)}


@pytest.mark.parametrize("name", ["stages-roots", "stages-mixed"])
def test_batches_may_be_cut_anywhere(name: str) -> None:
    """Property: what is worked out once for a batch depends on nothing else in it, queues and certificates included."""
    rows, ends = figures(name, False)
    assert figures(name, True) == (rows, ends)
    assert ends["SEC_ROOT"] > 100
    if name == "stages-mixed":
        assert ends["DEC_ERROR"] > 100 and ends["DEC_SILENT"] > 100


@cache
def queued(times: str) -> tuple[list[Batch], int]:
    """Batches of a run with a queue, one root, everybody known; ns one verification takes."""
    queue = {"certificates": "known", "verification": {"queue": "fifo", "times": times, "capacity": 10_000}}
    built, spy = engine({"security": queue}, bsm={"phase": "random"}, processing={"verify_ms": 0.0})
    built.run()
    return spy.batches, VERIFICATION_TIMES[times].of("sm2")


def test_a_queue_in_a_run_against_one_message_after_the_other() -> None:
    """Independent: the plain recursion begin = max(arrival, previous end) per receiver, in order of arrival, gives the
    wait of every link, and latency is exactly the sum of its stages."""
    batches, service_ns = queued("accelerator-400")
    free: dict[int, int] = {}
    compared = waited = 0
    for batch in batches:
        links = np.flatnonzero(batch.radio_outcome == Outcome.DELIVERED)
        vehicles = links[batch.stations.kind[batch.receiver[links]] != Kind.PROBE]
        order = vehicles[np.lexsort((vehicles, batch.end_ns[batch.row[vehicles]]))]
        assert batch.verify_wait_ns is not None
        for link in order.tolist():
            receiver, came_ns = int(batch.receiver[link]), int(batch.end_ns[batch.row[link]])
            begin_ns = max(came_ns, free.get(receiver, 0))
            free[receiver] = begin_ns + service_ns
            compared += 1
            waited += begin_ns > came_ns
            assert batch.verify_wait_ns[link] == free[receiver] - came_ns
        delivered = np.flatnonzero(batch.outcome == Outcome.DELIVERED)
        row = batch.row[delivered]
        stages_ns = np.sum([ns[row] for ns in batch.stage_ns.values()], axis=0) + batch.verify_wait_ns[delivered]
        assert (batch.applied_ns(delivered) - batch.generated_ns[row] == stages_ns).all()
    assert compared > 1000 and waited > 100


def test_the_tail_of_the_queue_grows_with_load() -> None:
    """By hand and as a property: the same arrivals, served five times slower, wait longer in the mean and in the tail;
    periodic senders at random phases crowd less than Poisson arrivals, so that near saturation the mean wait of
    vehicles stays below that of M/D/1 at the same load, load * service / (2 - 2 * load). At low load it need not:
    frames end on whole milliseconds, several at once."""
    tails_ns = {}
    for times in ("accelerator-2000", "accelerator-400"):
        batches, service_ns = queued(times)
        waits, receivers = [], set()
        for batch in batches:
            assert batch.verify_wait_ns is not None
            links = (batch.radio_outcome == Outcome.DELIVERED) & (batch.stations.kind[batch.receiver] == Kind.VEHICLE)
            waits.append(batch.verify_wait_ns[links] - service_ns)
            receivers |= set(batch.receiver[links].tolist())
        wait_ns = np.concatenate(waits)
        load = len(wait_ns) / len(receivers) / 0.6e9 * service_ns
        assert 0.1 < load < 0.95 and wait_ns.min() == 0
        assert load < 0.8 or wait_ns.mean() < load * service_ns / (2 - 2 * load)
        tails_ns[times] = np.quantile(wait_ns, 0.99)
    assert tails_ns["accelerator-400"] > 5 * tails_ns["accelerator-2000"]
