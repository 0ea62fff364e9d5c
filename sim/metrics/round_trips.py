"""Round trips of requests and answers (VIR to RSC): how long, in which stages, and how many end without an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from sim.metrics.base import STAGES, Batch, Context, Metric, Rows, Tick
from sim.metrics.histograms import Named, of_delays
from sim.metrics.statistics import DelayHistogram, ratio_interval

QUANTILES = (0.5, 0.95)
OUTCOMES = ("answered", "timeout", "left", "ended")
"""``left``: the vehicle passed the stop line or went before an answer; ``ended``: the run did."""
DECIDED = OUTCOMES[:3]
PARTS = ("waiting", "VIR", "planning", "RSC")
"""Parts of a round trip, in order: first VIR to the answered one, that VIR, the unit's planning, the answer."""
_LINKS = {"VIR": "V2I", "RSC": "I2V"}
_SENT = tuple(stage for stage in STAGES if stage not in ("generate", "backhaul"))


@dataclass(frozen=True)
class Transit:
    """One applied message from application to application: ``generated_ns`` + all stages = ``applied_ns``."""

    generated_ns: int
    applied_ns: int
    stage_ns: tuple[int, ...]
    """encode, sign, access, air, verify, decode, apply."""

    def __post_init__(self) -> None:
        took_ns = self.applied_ns - self.generated_ns
        if sum(self.stage_ns) != took_ns:
            raise ValueError(f"stages sum to {sum(self.stage_ns)} ns, but applied_ns - generated_ns = {took_ns} ns")


@dataclass(frozen=True)
class RoundTrip:
    """One request of one vehicle to one unit, once it is over."""

    first_ns: int
    """When the vehicle generated its first VIR."""
    vehicle: int
    """Number of the vehicle."""
    unit: str
    sent_count: int
    """VIR sent."""
    outcome: str
    """One of :data:`OUTCOMES`."""
    request: Transit | None = None
    """The VIR that was answered."""
    answer: Transit | None = None

    def parts_ns(self) -> dict[str, int]:
        """Length of each of :data:`PARTS`; they add up to the round trip. Only of answered requests."""
        assert self.request is not None and self.answer is not None
        return {
            "waiting": self.request.generated_ns - self.first_ns,
            "VIR": self.request.applied_ns - self.request.generated_ns,
            "planning": self.answer.generated_ns - self.request.applied_ns,
            "RSC": self.answer.applied_ns - self.answer.generated_ns,
        }


class RoundTrips:
    """Requests that began in the measured time, one entry each.

    ``round_trip`` runs from the first VIR to the applied RSC. Percentiles of stages do not add; their means do.
    ``round_trip_timeout`` is a share of the requests that were decided: answered, timed out, or of vehicles that left.
    Memory grows with requests.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.trips: list[RoundTrip] = []

    def add(self, trip: RoundTrip) -> None:
        """Take in a request that is over; one that began outside the measured time is not counted."""
        if trip.outcome not in OUTCOMES:
            raise ValueError(f"outcome {trip.outcome!r} is none of {', '.join(OUTCOMES)}")
        if self.context.start_ns <= trip.first_ns < self.context.end_ns:
            self.trips.append(trip)

    def observe(self, batch: Batch) -> None:
        """Nothing: round trips are told by whoever asks."""

    def tick(self, tick: Tick) -> None:
        """Nothing to follow over time."""

    def merge(self, other: RoundTrips) -> None:
        """Add the other's requests."""
        self.trips += other.trips

    def rows(self) -> Iterator[Metric]:
        """Totals, then each part and stage of answered requests, then shares of how requests ended."""
        if not self.trips:
            return
        for metric, message, delays in self._delays():
            yield from _times(metric, message, delays)
        yield from self._shares()

    def distributions(self) -> Iterator[Named]:
        """What the quantiles are taken from, in the order of :meth:`rows`."""
        for metric, message, delays in self._delays():
            yield of_delays(Metric(metric, "ms", _LINKS.get(message, ""), message), delays)

    def _delays(self) -> Iterator[tuple[str, str, DelayHistogram]]:
        """(metric, message, times) of answered requests: the total, then each part and stage."""
        answered = [trip for trip in self._sorted() if trip.outcome == "answered"]
        if not answered:
            return
        parts = [trip.parts_ns() for trip in answered]
        yield "round_trip", "", _histogram([sum(part.values()) for part in parts])
        for name in ("waiting", "planning"):
            yield f"round_trip_stage_{name}", "", _histogram([part[name] for part in parts])
        for message, name in (("VIR", "request"), ("RSC", "answer")):
            yield "round_trip_stage_latency", message, _histogram([part[message] for part in parts])
            stages = [getattr(trip, name).stage_ns for trip in answered]
            for stage, values in zip(_SENT, zip(*stages, strict=True), strict=True):
                yield f"round_trip_stage_{stage}", message, _histogram(list(values))

    def _shares(self) -> Iterator[Metric]:
        for outcome in OUTCOMES:
            count = sum(trip.outcome == outcome for trip in self.trips)
            yield Metric(f"round_trip_count_{outcome}", "count", value=count)
        decided = [trip for trip in self.trips if trip.outcome in DECIDED]
        if not decided:
            return
        batch = self.context.batch_of(np.array([trip.first_ns for trip in decided]))
        counts = np.bincount(batch, minlength=self.context.measure.batches)
        for outcome in DECIDED:
            hit = np.array([trip.outcome == outcome for trip in decided])
            hits = np.bincount(batch[hit], minlength=len(counts))
            low, high = ratio_interval(hits, counts) or (None, None)
            yield Metric(
                f"round_trip_{outcome}", "ratio", value=int(hit.sum()) / len(hit), n=len(hit), lower=low, upper=high
            )

    def tables(self) -> dict[str, Rows]:
        """``round_trips``: one row per request, in order of its first VIR; no table without any."""
        if not self.trips:
            return {}
        columns = ["first_s", "vehicle", "unit", "outcome", "vir_sent", "total_ms", "waiting_ms", "planning_ms"]
        columns += [f"{message}_{stage}_ms" for message in ("vir", "rsc") for stage in _SENT]
        return {"round_trips": Rows(columns, [_row(trip) for trip in self._sorted()])}

    def _sorted(self) -> list[RoundTrip]:
        return sorted(self.trips, key=lambda trip: (trip.first_ns, trip.vehicle, trip.unit))


def _histogram(values_ns: list[int]) -> DelayHistogram:
    delays = DelayHistogram()
    delays.add(np.array(values_ns, np.int64))
    return delays


def _times(metric: str, message: str, delays: DelayHistogram) -> Iterable[Metric]:
    names = {"link": _LINKS.get(message, ""), "message": message, "n": delays.count}
    for share in QUANTILES:
        yield Metric(metric, "ms", quantile=share, value=delays.quantile_ms(share), **names)  # type: ignore[arg-type]
    yield Metric(f"{metric}_mean", "ms", value=delays.mean_ms(), **names)  # type: ignore[arg-type]


def _row(trip: RoundTrip) -> tuple[object, ...]:
    times: list[float | None] = [None] * (3 + 2 * len(_SENT))
    if trip.outcome == "answered":
        assert trip.request is not None and trip.answer is not None
        parts = trip.parts_ns()
        whole = (sum(parts.values()), parts["waiting"], parts["planning"])
        times = [ns / 1e6 for ns in (*whole, *trip.request.stage_ns, *trip.answer.stage_ns)]
    return (trip.first_ns / 1e9, trip.vehicle, trip.unit, trip.outcome, trip.sent_count, *times)
