"""Conflicts between documents, found by reading their bounds and words against one another."""

from __future__ import annotations

import pytest

from rsu.profile import KEYS, load_candidate
from sim.profiles import Sheet, candidate_named, conflicts, profile_named, sheet_of_candidate, sheet_of_profiles
from sim.profiles.conflicts import EXCLUSIVE, RELATED, Conflict


def found(*names: str) -> list[Conflict]:
    return list(conflicts(sheet_of_profiles([profile_named(name) for name in names])))


def told(one: Conflict) -> tuple[str, tuple[str, ...], frozenset[str]]:
    return one.kind, one.keys(), frozenset((one.first.text, one.second.text))


def test_jiangsu_against_the_second_phase() -> None:
    """Printed: only 10 Hz satisfies '<= 10' and '>= 10'; signs at most 1 Hz, dynamic lanes at least 2 Hz: none."""
    every = {told(one): one for one in found("suzhou", "cn-lte-v2x-day2")}
    rate = every["one value", ("bounds.safety_rate_hz",), frozenset({"<= 10", ">= 10"})]
    assert rate.common == "10"
    lanes = ("bounds.dynamic_lane_rate_hz", "bounds.sign_rate_hz")
    signs = every["none", lanes, frozenset({"<= 1", ">= 2"})]
    assert {"Jiangsu" in side.source or "Second-phase" in side.source for side in (signs.first, signs.second)} == {True}
    assert ("none", ("bounds.priority_vehicle_rate_hz",), frozenset({"<= 5", ">= 10"})) in every


def test_motorway_spacings_of_the_neighbours_do_not_meet() -> None:
    """Printed: Jiangsu 0.2-0.3 km, Zhejiang 0.5-5 km by class."""
    (one,) = [one for one in found("suzhou", "jiaxing") if one.keys() == ("bounds.spacing_expressway_km",)]
    assert told(one) == ("none", ("bounds.spacing_expressway_km",), frozenset({"0.2..0.3", "0.5..5"}))
    assert "Jiangsu" in one.first.source + one.second.source and "Zhejiang" in one.first.source + one.second.source


def test_bounds_that_one_value_can_satisfy_comfortably_are_no_conflict() -> None:
    """By hand: 100 ms and 50 ms, better than 1 m and 0.5 m, 0.1 and 0.2 m per 100 m."""
    keys = {key for one in found("suzhou", "jiaxing", "cn-lte-v2x-day2") for key in one.keys()}
    relative = "bounds.map_relative_accuracy_m_per_100m"
    assert not keys & {"bounds.delay_safety_ms", "bounds.position_accuracy_m", relative}


def test_a_statement_counts_once_however_many_places_inherit_it() -> None:
    """Property: no two conflicts are the same; the national bound names all who inherit it."""
    every = [told(one) + (one.first.source, one.second.source) for one in found("shanghai", "suzhou", "jiaxing")]
    assert len(every) == len(set(every))
    (one,) = [one for one in found("shanghai", "jiaxing") if one.keys() == ("bounds.safety_rate_hz",)]
    assert {one.first.places, one.second.places} == {
        ("cn-lte-v2x-day1", "shanghai", "jiaxing"), ("cn-lte-v2x-day2",),
    }


def test_the_family_conflicts_where_its_hazards_are() -> None:
    """By hand: words that exclude each other in S0, S1 and S6."""
    def words(name: str) -> set[str]:
        sheet = sheet_of_candidate(candidate_named(name))
        return {one.first.key for one in conflicts(sheet) if one.kind == "different"}

    assert words("S0") == words("S1") == set()
    assert words("S6") == {"channel.send_obu", "channel.send_rsu", "feed_datum", "message_set", "security.root"}
    assert words("R3") == words("S6") - {"feed_datum"}


def test_continents_conflict_in_set_network_envelope_suite_and_root() -> None:
    """By hand: two reference points beside the Chinese profile."""
    every = found("cn-lte-v2x-day1", "etsi-itsg5", "us-cv2x-sae")
    assert {one.first.key for one in every if one.kind == "different"} == {
        "access", "network", "message_set", "security.envelope", "security.suite", "security.root",
    }


def test_datums_of_air_road_data_and_platform() -> None:
    """Printed: CGCS2000 in Zhejiang's road data, GCJ-02 between platforms, nothing on the air (WGS 84 by practice)."""
    every = {told(one) for one in found("suzhou", "jiaxing") if one.kind == "convert"}
    assert every == {
        ("convert", ("datum", "map_datum"), frozenset({"WGS84", "CGCS2000"})),
        ("convert", ("datum", "platform.datum"), frozenset({"WGS84", "GCJ-02"})),
        ("convert", ("map_datum", "platform.datum"), frozenset({"CGCS2000", "GCJ-02"})),
    }
    assert {one.keys() for one in found("shanghai", "suzhou") if one.kind == "convert"} == {("datum", "platform.datum")}


def test_places_that_share_a_region() -> None:
    """By hand: in S6 two of three send no region; R4 gives every node one; two profiles with one number."""
    def shared(sheet: Sheet) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        found = [one for one in conflicts(sheet) if one.kind == "shared"]
        return [(one.first.text, one.first.places, one.second.places) for one in found]

    assert shared(sheet_of_candidate(candidate_named("S6"))) == [("absent", ("JS",), ("ZJ",))]
    assert shared(sheet_of_candidate(candidate_named("R4"))) == []
    nation = {"schema": "profile/1", "name": "nation", "keys": {"datum": rule("WGS84")}}
    numbered = {
        place: {"schema": "profile/1", "name": place, "inherits": nation, "keys": {"region_id": rule(number)}}
        for place, number in (("A", 3101), ("B", 3205), ("C", 3101))
    }
    candidate = load_candidate({"schema": "candidate/1", "name": "c", "harmonised": nation, "profiles": numbered})
    assert shared(sheet_of_candidate(candidate)) == [("3101", ("A",), ("C",))]


def rule(value: object) -> dict[str, object]:
    return {"value": value, "basis": "sourced", "source": "a rule"}


def test_values_in_use_outside_a_bound() -> None:
    """By hand: 10 Hz against '<= 5', 1 Hz inside '<= 1', 0.8 km outside '0.2..0.3'."""
    nation = {
        "schema": "profile/1", "name": "nation", "keys": {
            "rates": {"bsm_period_ms": rule(100), "rsi_static_period_ms": rule(1000)},
            "siting": rule({"expressway_spacing_m": 800}),
        },
    }
    bounds = {"safety_rate_hz": rule("<= 5"), "sign_rate_hz": rule("<= 1"), "spacing_expressway_km": rule("0.2..0.3")}
    place = {
        "schema": "profile/1", "name": "place", "kind": "regional", "inherits": nation,
        "keys": {"bounds": bounds, "siting": rule({"expressway_spacing_m": 250})},
    }
    candidate = load_candidate(
        {"schema": "candidate/1", "name": "one", "harmonised": nation, "profiles": {"P": place}, "hazards": ["H13"]}
    )
    outside = [one for one in conflicts(sheet_of_candidate(candidate)) if one.kind == "outside"]
    assert {(one.first.text, one.first.places, one.second.text) for one in outside} == {
        ("10", ("P",), "<= 5"), ("10", ("nation",), "<= 5"), ("0.8", ("nation",), "0.2..0.3"),
    }


@pytest.mark.parametrize("key", [*EXCLUSIVE, *(key for pair in RELATED for key in pair)])
def test_keys_looked_at_exist(key: str) -> None:
    """Property: a key that is renamed does not drop out of the search unnoticed."""
    assert key in KEYS
