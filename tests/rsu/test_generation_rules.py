"""Repetition data and DENM instants."""

from __future__ import annotations

import math

import pytest

from rsu.generation.rules import (
    DENM_KEEP_ALIVE_INTERVALS,
    DENM_KEEP_ALIVE_RANDOM_MS,
    MOST_INSTANTS_COUNT,
    REPETITIONS,
    DenmRepetition,
    checked_roadside_period_ms,
    termination_instants_ns,
)
from rsu.messages.cn.rules import DAY_TWO_RULES, RULES

MS = 1_000_000


@pytest.mark.parametrize(
    ("family", "message", "period_ms", "mark"),
    [
        ("cn", "MAP", 1000, "sourced"), ("cn", "SPAT", 500, "sourced"), ("cn", "RSM", 100, "sourced"),
        ("cn", "RSI", 1000, "sourced"), ("cn", "RSI-SEMI-STATIC", 500, "sourced"),
        ("cn", "RSI-DYNAMIC", 100, "sourced"), ("cn", "RTCM", 1000, "sourced"), ("cn", "VIR", 100, "sourced"),
        ("etsi", "SPATEM", 100, "practice"), ("etsi", "MAPEM", 1000, "practice"), ("etsi", "IVIM", 1000, "assumption"),
        ("etsi", "DENM", None, "sourced"), ("etsi", "CAM-ROADSIDE", 1000, "sourced"),
        ("sae", "SPAT", 100, "sourced"), ("sae", "MAP", 1000, "sourced"), ("sae", "TIM", 1000, "assumption"),
    ],
)
def test_figures(family: str, message: str, period_ms: float | None, mark: str) -> None:
    """Printed: periods and their standing, as the facts give them."""
    row = REPETITIONS[family, message]
    assert (row.period_ms, row.mark) == (period_ms, mark)


def test_rows_are_sound() -> None:
    """Property: every row has a source, defaults lie within their bounds, no row hides another, Chinese roadside
    periods are multiples of 100 ms, and the Chinese rows are those of the message sets' own rules, name by name."""
    rules = RULES | DAY_TWO_RULES
    assert len(REPETITIONS) == 27
    for (family, message), row in REPETITIONS.items():
        assert row.source
        if row.period_ms is not None:
            assert (row.shortest_ms or 0) <= row.period_ms <= (row.longest_ms or math.inf)
            if family == "cn":
                assert checked_roadside_period_ms(row.period_ms) == row.period_ms
        if family == "cn":
            assert rules[message].period_ms == row.period_ms


@pytest.mark.parametrize("period_ms", [0.0, -100.0, 150.0, 99.9, math.nan])
def test_roadside_periods(period_ms: float) -> None:
    """By hand: multiples of 100 ms only."""
    with pytest.raises(ValueError, match="period_ms"):
        checked_roadside_period_ms(period_ms)
    assert checked_roadside_period_ms(300.0) == 300.0


def test_a_denm_is_sent_once_unless_asked() -> None:
    """By hand: no interval, one message; 100 ms for 350 ms gives four; an end at 200 ms leaves two, one termination."""
    assert DenmRepetition().instants_ns(7).tolist() == [7]
    repeated = DenmRepetition(100.0, 350.0)
    assert repeated.instants_ns(0).tolist() == [0, 100 * MS, 200 * MS, 300 * MS]
    assert repeated.instants_ns(0, 200 * MS).tolist() == [0, 100 * MS]
    assert termination_instants_ns(200 * MS).tolist() == [200 * MS]
    assert len(termination_instants_ns(0, DenmRepetition(100.0, 300.0))) == 3


def test_validity_ends_repetition() -> None:
    """By hand: 600 s by default, so 1 s for an hour gives 600 messages; a validity of 2 s gives two."""
    assert len(DenmRepetition(1000.0, 3_600_000.0).instants_ns(0)) == 600
    assert DenmRepetition(1000.0, 3_600_000.0, 2.0).instants_ns(0).tolist() == [0, 1000 * MS]
    assert (DENM_KEEP_ALIVE_INTERVALS, DENM_KEEP_ALIVE_RANDOM_MS) == (2, 150)


@pytest.mark.parametrize(
    ("repetition", "message"),
    [
        (DenmRepetition(100.0), "come together"), (DenmRepetition(None, 100.0), "come together"),
        (DenmRepetition(0.0, 100.0), "interval_ms: 0"), (DenmRepetition(1.0, -1.0), "duration_ms: -1"),
        (DenmRepetition(1.0, 1.0, math.nan), "validity_s: nan"), (DenmRepetition(math.inf, 1.0), "interval_ms: inf"),
        (DenmRepetition(1.0, (MOST_INSTANTS_COUNT + 1) * 1.0), "more than 100000"),
    ],
)
def test_denm_refusals(repetition: DenmRepetition, message: str) -> None:
    """By hand: one clear error for each."""
    with pytest.raises(ValueError, match=message):
        repetition.instants_ns(0)


def test_tiny_intervals_still_send() -> None:
    """By hand: below a nanosecond there is still the first message."""
    assert DenmRepetition(1e-9, 1e-9).instants_ns(5).tolist() == [5]
