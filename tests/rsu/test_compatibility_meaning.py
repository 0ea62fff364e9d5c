"""What counts as the same meaning: each member that is compared, and those that are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from rsu.applications.events import RoadEvent
from rsu.applications.objects import ObjectColumns
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseSignal, SignalInterval
from rsu.compatibility.meaning import places, same_meaning, same_vehicles
from tests.rsu.compatibility_cases import vehicles

LINE = np.array([[120.83, 31.03], [120.831, 31.031], [120.832, 31.0315]])
NORTH_M = 1 / 110_900
"""Degrees of latitude in a metre, near enough for tolerances."""


def moved(points: np.ndarray, north_m: float) -> np.ndarray:
    return points + np.array([0.0, north_m * NORTH_M])


LANE = RoadLane((310, 257, 310, 500, 1), 3.5, LINE, frozenset({"straight"}), (1, 2), 16.7)
SIGNAL = PhaseSignal((SignalInterval("green", 10**18, 10**18 + 10**10), SignalInterval("red", None, None)), 10**18)
EVENT = RoadEvent(bytes(8), 3, "event", 501, (120.83, 31.03), (LINE,), (7.5,), 4, "works")
OBJECTS = ObjectColumns(
    LINE[:, 0], LINE[:, 1], np.array([10.0, np.nan, 0.0]), np.array([359.99, np.nan, 90.0]), np.full(3, 1.0),
    np.array([1, 2, 3]), np.array([10**18, -1, 10**18]), np.full(3, 4.5), np.full(3, 1.8), np.full(3, 10),
)

DIFFERENT: list[tuple[str, Any, dict[str, Any]]] = [
    ("lane", LANE, {"key": (310, 257, 310, 500, 2)}), ("lane", LANE, {"points": moved(LINE, 0.2)}),
    ("lane", LANE, {"points": LINE[:-1]}), ("lane", LANE, {"maneuvers": frozenset()}),
    ("lane", LANE, {"phase_ids": (1,)}),
    ("signal", SIGNAL, {"generated_utc_ns": 10**18 + 2 * 10**8}),
    ("signal", SIGNAL, {"intervals": SIGNAL.intervals[:1]}),
    ("signal", SIGNAL, {"intervals": (SignalInterval("red", 10**18, 10**18 + 10**10), SIGNAL.intervals[1])}),
    ("signal", SIGNAL, {"intervals": (SignalInterval("green", 10**18, None), SIGNAL.intervals[1])}),
    ("signal", SIGNAL, {"intervals": (SignalInterval("green", 10**18, 10**18 + 2 * 10**10), SIGNAL.intervals[1])}),
    ("event", EVENT, {"unit_id": bytes(7) + b"1"}), ("event", EVENT, {"id": 4}), ("event", EVENT, {"kind": "sign"}),
    ("event", EVENT, {"code": 502}), ("event", EVENT, {"position": None}),
    ("event", EVENT, {"position": (120.83, 31.031)}),
    ("event", EVENT, {"paths": (moved(LINE, 0.2),)}), ("event", EVENT, {"paths": (LINE, LINE), "radii_m": (7.5, 7.5)}),
    ("event", EVENT, {"radii_m": (7.6,)}),
    ("objects", OBJECTS, {"lat": OBJECTS.lat + 0.2 * NORTH_M}),
    ("objects", OBJECTS, {"lon": np.array([120.83, np.nan, 1])}),
    ("objects", OBJECTS, {"speed_mps": np.array([10.2, np.nan, 0.0])}),
    ("objects", OBJECTS, {"speed_mps": np.array([10.0, 1.0, 0.0])}),
    ("objects", OBJECTS, {"heading_deg": np.array([1.0, np.nan, 90.0])}),
    ("objects", OBJECTS, {"participant_id": np.array([1, 2, 4])}),
    ("objects", OBJECTS, {"sampled_utc_ns": np.array([10**18, 10**18, 10**18])}),
]
SAME: list[tuple[str, Any, dict[str, Any]]] = [
    ("lane", LANE, {}), ("lane", LANE, {"width_m": 3.0, "speed_limit_mps": np.nan}),
    ("lane", LANE, {"points": moved(LINE, 0.05)}),
    ("signal", SIGNAL, {}), ("signal", SIGNAL, {"generated_utc_ns": 10**18 + 10**7}),
    ("event", EVENT, {}), ("event", EVENT, {"text": "", "priority_level": 0}), ("event", EVENT, {"radii_m": (7.52,)}),
    ("objects", OBJECTS, {}), ("objects", OBJECTS, {"heading_deg": np.array([0.02, np.nan, 90.0])}),
    ("objects", OBJECTS, {"accuracy_m": np.full(3, np.nan), "length_m": np.zeros(3), "vehicle_class": np.zeros(3)}),
]
WRAP: dict[str, Callable[[Any], Any]] = {
    "lane": lambda one: [LANE, one], "signal": lambda one: {(310, 257, 1): one}, "event": lambda one: [one],
    "objects": lambda one: one,
}


@pytest.mark.parametrize(("kind", "one", "change"), DIFFERENT)
def test_each_compared_member_counts(kind: str, one: Any, change: dict[str, Any]) -> None:
    """By hand: one member is another, beyond its tolerance."""
    wrap = WRAP[kind]
    assert not same_meaning(wrap(one), wrap(replace(one, **change)))
    assert not same_meaning(wrap(replace(one, **change)), wrap(one))


@pytest.mark.parametrize(("kind", "one", "change"), SAME)
def test_what_no_application_uses_or_not_every_set_carries_does_not_count(
    kind: str, one: Any, change: dict[str, Any]
) -> None:
    """By hand: within the tolerances, headings around north, NaN beside NaN; widths, texts, accuracies differ."""
    assert same_meaning(WRAP[kind](one), WRAP[kind](replace(one, **change)))


def test_more_or_fewer_items_are_another_meaning() -> None:
    """By hand: lists and mappings of other length or keys, nothing against something, one form against another."""
    assert not same_meaning([LANE], [LANE, LANE]) and not same_meaning([], [EVENT])
    assert not same_meaning({(1, 2, 3): SIGNAL}, {(1, 2, 4): SIGNAL}) and not same_meaning({}, {(1, 2, 3): SIGNAL})
    assert not same_meaning([LANE], [EVENT]) and not same_meaning([], {})
    assert same_meaning([], []) and same_meaning({}, {})
    assert same_meaning({"msgCnt": 1}, {"msgCnt": 1}) and not same_meaning({"msgCnt": 1}, {"msgCnt": 2})


COMPARED = {"temporary_id", "sec_mark_ms", "longitude_deg", "latitude_deg", "speed_mps", "heading_deg", "width_m",
            "length_m"}


def test_compared_columns_of_vehicles() -> None:
    """Property: a change in a compared column shows in its row alone, a change in any other nowhere."""
    columns = vehicles(9)
    for column in fields(columns):
        if column.name == "path":
            continue
        changed = getattr(columns, column.name).copy()
        changed[4] = 7 if not np.issubdtype(changed.dtype, np.floating) else 77.0
        expected = np.arange(9) != 4 if column.name in COMPARED else np.ones(9, bool)
        np.testing.assert_array_equal(same_vehicles(columns, replace(columns, **{column.name: changed})), expected)


def test_places_are_everything_that_is_placed() -> None:
    """By hand: lanes by their points, events by paths and position, objects by theirs, signals nowhere."""
    assert len(places([LANE, LANE])) == 6
    assert len(places([EVENT])) == 4 and len(places([replace(EVENT, position=None)])) == 3
    np.testing.assert_array_equal(places(OBJECTS), LINE)
    assert places({(1, 2, 3): SIGNAL}).shape == places([]).shape == (0, 2)
