"""SPAT: a receiver learns the true instants at which lights change."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.applications.cn.signals import read_signals
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.spat import build_spat
from rsu.services.counter import MessageCounter
from rsu.services.described import IntersectionForecast, PhaseForecast
from tests.rsu.service_cases import UTC_NS

SET = MESSAGE_SETS["csae53-2020"]


def over_the_air(value: dict) -> dict:
    decoded = SET.decode(SET.encode("SPAT", value), "strict")
    assert decoded.status == "ok" and decoded.message == "SPAT"
    return decoded.value


def spat(*phases: PhaseForecast, at_ns: int = UTC_NS) -> dict:
    return build_spat(
        [IntersectionForecast(310, 257, phases)], counter=MessageCounter(3), generated_utc_ns=at_ns
    )


def test_hand_built_value() -> None:
    """By hand: green for 12.34 s more, yellow 3 s, red 42 s, green 40 s; 12.34 s rounds to 123 tenths."""
    phase = PhaseForecast(4, ("green", "yellow", "red", "green"), (12.34, 15.34, 57.34, 97.34))
    value = spat(phase)
    assert (value["msgCnt"], value["moy"], value["timeStamp"]) == (3, 260640, 17123)
    node = value["intersections"][0]
    assert node["intersectionId"] == {"region": 310, "id": 257} and node["status"] == (b"\x04\x00", 16)
    states = node["phases"][0]["phaseStates"]
    assert [state["light"] for state in states] == ["protected-green", "yellow", "red", "protected-green"]
    assert states[0]["timing"] == (
        "counting",
        {"startTime": 0, "likelyEndTime": 123, "nextStartTime": 573, "nextDuration": 400},
    )
    assert states[2]["timing"] == ("counting", {"startTime": 153, "likelyEndTime": 573})


@settings(max_examples=60, deadline=None)
@given(
    at_ms=st.integers(1_700_000_000_000, 1_900_000_000_000),
    plans=st.lists(st.lists(st.floats(0.05, 90), min_size=1, max_size=8), min_size=1, max_size=16),
    clock_error_ms=st.integers(-20_000, 20_000),
)
def test_switch_times_within_a_tenth(at_ms: int, plans: list[list[float]], clock_error_ms: int) -> None:
    """Property: every change of every phase is read back within 0.1 s in absolute time, lights are the true
    ones.
    """
    cycle = ("green", "flashing-green", "yellow", "red")
    phases = []
    for index, durations in enumerate(plans):
        ends = tuple(math.fsum(durations[: i + 1]) for i in range(len(durations)))
        phases.append(PhaseForecast(index + 1, tuple(cycle[i % 4] for i in range(len(durations))), ends))
    at_ns = at_ms * 1_000_000
    read = read_signals([over_the_air(spat(*phases, at_ns=at_ns))], at_ns + clock_error_ms * 1_000_000)
    for phase in phases:
        signal = read[310, 257, phase.phase_id]
        assert signal.generated_utc_ns == at_ns and signal.light == phase.lights[0]
        assert signal.next_change_utc_ns == signal.intervals[0].end_utc_ns
        start_s = 0.0
        for interval, light, end_s in zip(signal.intervals, phase.lights, phase.ends_s, strict=True):
            assert abs(interval.end_utc_ns - at_ns - end_s * 1e9) <= 0.1e9
            if end_s - start_s > 0.3:
                assert signal.light_at(at_ns + int((start_s + end_s) / 2 * 1e9)) == light
            start_s = end_s


def test_unknown_end_and_beyond_one_hour() -> None:
    """By hand: an end that is not known, or beyond 3600 s, is the reserved 36001 and reads back as None."""
    value = spat(PhaseForecast(1, ("red",), (math.inf,)), PhaseForecast(2, ("dark",), (3601.0,)))
    states = [phase["phaseStates"][0]["timing"][1] for phase in value["intersections"][0]["phases"]]
    assert [state["likelyEndTime"] for state in states] == [36001, 36001]
    read = read_signals([over_the_air(value)], UTC_NS)
    assert (
        read[310, 257, 1].next_change_utc_ns is None and read[310, 257, 1].light_at(UTC_NS + 10**12) == "red"
    )


def test_younger_statement_holds() -> None:
    """Property: of two messages the younger one wins, whatever the order of reading."""
    old = over_the_air(spat(PhaseForecast(1, ("red",), (9.0,))))
    young = over_the_air(spat(PhaseForecast(1, ("green",), (30.0,)), at_ns=UTC_NS + 500_000_000))
    for order in ([old, young], [young, old]):
        assert read_signals(order, UTC_NS)[310, 257, 1].light == "green"


def test_utc_timing_of_other_makers() -> None:
    """By hand: 00:00:17.123 in the hour; mark 300 is 00:00:30.0, mark 35990 is 23:59:59.0 before."""
    value = over_the_air(spat(PhaseForecast(1, ("red",), (9.0,))))
    state = value["intersections"][0]["phases"][0]["phaseStates"][0]
    state["timing"] = ("utcTiming", {"startUTCTime": 35990, "likelyEndUTCTime": 300})
    interval = read_signals([over_the_air(value)], UTC_NS)[310, 257, 1].intervals[0]
    assert interval.end_utc_ns - UTC_NS == 12_877_000_000
    assert interval.start_utc_ns - UTC_NS == -18_123_000_000


def test_message_without_times_uses_the_receivers_clock() -> None:
    """By hand: moy and timeStamp are optional; without them remaining times count from reception."""
    value = spat(PhaseForecast(1, ("red",), (9.0,)))
    for item in (value, value["intersections"][0]):
        del item["moy"], item["timeStamp"]
    assert read_signals([over_the_air(value)], UTC_NS)[310, 257, 1].next_change_utc_ns == UTC_NS + 9 * 10**9
    value["timeStamp"] = 59_900
    late = read_signals([over_the_air(value)], UTC_NS)[310, 257, 1]
    assert late.generated_utc_ns == UTC_NS - 17_223_000_000


@pytest.mark.parametrize(
    ("phases", "text"),
    [
        ([PhaseForecast(0, ("red",), (1.0,))], "phase 0: phase id must lie in 1..255"),
        ([PhaseForecast(1, ("blue",), (1.0,))], "light 'blue' is none of"),
        ([PhaseForecast(1, ("red", "green"), (5.0, 1.0))], "must not be negative nor descend"),
        ([PhaseForecast(1, ("red",), (1.0, 2.0))], "1 lights and 2 ends"),
        ([PhaseForecast(1, ("red",), (1.0,))] * 2, "must differ"),
        ([PhaseForecast(i, ("red",), (1.0,)) for i in range(1, 18)], "17 phases, must be 1..16"),
    ],
)
def test_bad_forecast_is_refused(phases: list[PhaseForecast], text: str) -> None:
    """Property: one clear line naming field, value and rule."""
    with pytest.raises(ValueError, match=text):
        spat(*phases)
