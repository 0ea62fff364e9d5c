"""How early vehicles learn of events: passages told by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.frames import Outcome
from sim.metrics.base import EventPath
from sim.metrics.event_awareness import FASTEST_MPS, EventAwareness
from sim.world import described
from tests.sim.border_road import RSI, SPAT, Car, drive, road

EVENT = EventPath(7, 600.0, 650.0, 1, 1)
"""In JS, upwards, 100 m behind the border at 500 m."""


def kpi_of(*events: EventPath, told: dict[int, tuple[int, ...]] | None = None) -> EventAwareness:
    return EventAwareness(road(events=events or (EVENT,), told={1: (0,)} if told is None else told))


def row(kpi: EventAwareness, metric: str, quantile: float | None = None, **where: Any) -> tuple[Any, Any] | None:
    """(value, n) of the one row that fits; no jurisdiction and no home unless said."""
    names = {"jurisdiction": "", "station_class": "", **where}
    found = [
        (one.value, one.n) for one in kpi.rows()
        if one.metric == metric and one.quantile == quantile and all(getattr(one, k) == v for k, v in names.items())
    ]
    assert len(found) < 2
    return found[0] if found else None


def test_learned_before_the_path_begins() -> None:
    """By hand: 20 m/s from 100 m; RSI applied at 15 s (400 m) and later: 200 m before the path, from across the
    border. Another vehicle learns 30 m inside the path, a third never; only those through it count."""
    kpi = kpi_of()
    cars = [Car(100, 20, home=0), Car(100, 20, home=1), Car(100, 20, home=1), Car(100, 10)]
    heard = [(15.0, 0, RSI, 1), (16.0, 0, RSI, 1), (26.5, 1, RSI, 1), (20.0, 3, RSI, 1)]
    drive(kpi, cars, heard, 30)
    found = {(one.home, one.learned_m): one for one in kpi.passages}
    assert [round(learned) if learned is not None else None for _, learned in found] == [200, -30, None]
    assert {one.from_ for one in kpi.passages} == {"SH"} and all(one.crossed for one in kpi.passages)
    assert row(kpi, "awareness_m", 0.5) == (pytest.approx(-30, abs=0.11), 2)
    assert row(kpi, "awareness_m", 0.5, station_class="home SH") == (pytest.approx(200, abs=0.11), 1)
    assert row(kpi, "awareness_never") == (pytest.approx(1 / 3), 3)
    assert row(kpi, "awareness_cross_never", jurisdiction="JS", station_class="home JS") == (0.5, 2)
    assert row(kpi, "awareness_m", 0.5, jurisdiction="SH") is None


def test_warning_ways_of_own_and_other_homes() -> None:
    """By hand: own vehicles learn 200 m before and inside the path: mean 100 m; of others one 100 m before, one never:
    mean 50 m."""
    kpi = kpi_of()
    cars = [Car(100, 20, home=home) for home in (1, 1, 0, 0)]
    drive(kpi, cars, [(15.0, 0, RSI, 1), (26.0, 1, RSI, 1), (20.0, 2, RSI, 1)], 30)
    rows = {one.station_class: (one.value, one.n) for one in kpi.rows() if one.metric == "warning_m"}
    assert rows == {"same home": (pytest.approx(100), 2), "cross home": (pytest.approx(50), 2)}


def name_first(kpi: EventAwareness, event: int) -> None:
    """From now on every frame names this event (index) as its first one."""
    plain = kpi.observe

    def named(batch: Any) -> None:
        batch.subject = np.full(len(batch), event)
        plain(batch)

    kpi.observe = named  # type: ignore[method-assign]


@pytest.mark.parametrize(("heard", "outcome"), [
    ([(15.0, 0, SPAT, 1)], Outcome.DELIVERED), ([(15.0, 0, RSI, 0)], Outcome.DELIVERED),
    ([(2.0, 0, RSI, 1)], Outcome.DELIVERED), ([(15.0, 0, RSI, 1)], Outcome.APPLIED_WRONG),
])
def test_what_teaches_nothing(heard: list, outcome: Outcome) -> None:
    """By hand: another message, a unit that does not tell of the event, a place 461 m before the path (300 m, 3 s
    at 40 m/s and 30 m are told), a wrong application."""
    kpi = kpi_of()
    drive(kpi, [Car(99, 20)], heard, 30, outcome=outcome)
    assert [one.learned_m for one in kpi.passages] == [None]


def test_downwards_and_at_home() -> None:
    """By hand: an event on the way down begins at its upper end; a vehicle first seen in JS has crossed nothing."""
    kpi = kpi_of(EventPath(1, 600.0, 650.0, -1, 1))
    drive(kpi, [Car(1200, -20, home=1), Car(100, 20)], [(15.0, 0, RSI, 1), (15.0, 1, RSI, 1)], 31)
    (one,) = kpi.passages
    assert (one.begin_m, one.direction, one.crossed, one.learned_m) == (650, "down", False, pytest.approx(250))
    assert row(kpi, "awareness_cross_m", 0.5) is None


def test_who_was_too_near_when_the_measured_time_began_is_left_out() -> None:
    """By hand: a vehicle 200 m before the path at the start may have learned earlier; one that comes onto the road
    there later counts; so does one that leaves the road inside the path."""
    kpi = kpi_of()
    cars = [Car(400, 20), Car(400, 20, first_s=2.0, home=1), Car(400, 20, first_s=2.0, last_s=13.05)]
    drive(kpi, cars, [], 20)
    assert [one.vehicle for one in kpi.passages] == [10_000_002, 10_000_001]


def test_a_message_of_several_events() -> None:
    """By hand: a unit tells of two events; by what it tells, the vehicle learns of each where its zone begins. By the
    first event of the message alone, the second is learned of once the zone of the first is left."""
    events = EventPath(1, 600.0, 650.0, 1, 1), EventPath(2, 1000.0, 1010.0, 1, 1)
    heard = [(float(at), 0, RSI, 1) for at in range(60)]
    for told, second_m in (({1: (0, 1)}, 440), ({}, 340)):
        kpi = kpi_of(*events, told=told)
        name_first(kpi, 0)
        drive(kpi, [Car(100, 20)], heard, 50)
        assert [one.event for one in kpi.passages] == [1, 2]
        assert kpi.passages[0].learned_m == pytest.approx(440)
        assert kpi.passages[1].learned_m == pytest.approx(second_m)


def test_first_event_of_a_message() -> None:
    """By hand: frames that name their first event (index 1) teach of that one; in its zone and that of the other, of
    the named one alone."""
    kpi = kpi_of(EVENT, EventPath(8, 700.0, 720.0, 1, 1), told={})
    name_first(kpi, 1)
    drive(kpi, [Car(100, 20)], [(16.0, 0, RSI, 1)], 40)
    assert [(one.event, one.learned_m) for one in kpi.passages] == [(7, None), (8, pytest.approx(280))]


def test_events_are_told_of_as_far_as_senders_say() -> None:
    """Property: the way ahead of an event that counts is the one that senders put into their messages."""
    assert FASTEST_MPS == described.FASTEST_MPS


def test_tables_and_merge() -> None:
    """By hand: one row per event and home, one per passage; two halves merged tell both."""
    one, other = kpi_of(), kpi_of()
    drive(one, [Car(100, 20)], [(15.0, 0, RSI, 1)], 30)
    drive(other, [Car(100, 20, home=1)], [], 30)
    one.merge(other)
    tables = one.tables()
    assert [tuple(row) for row in tables["awareness"].rows] == [
        (7, "JS", "up", 600.0, "SH", 1, 1, 1, pytest.approx(200), pytest.approx(200)),
        (7, "JS", "up", 600.0, "JS", 1, 1, 0, None, None),
    ]
    assert len(tables["passages"].rows) == 2
    assert EventAwareness(road()).tables() == {}
