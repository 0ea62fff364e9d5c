"""Shipped profiles and candidates against the tables they were written from."""

from __future__ import annotations

from typing import Any

import pytest

from rsu.profile import Candidate
from rsu.profile.keys import SUITES
from sim.profiles import candidate_named, profile_named
from sim.scenario.shipped import shipped_files

FAMILY = ("S0", "S1", "S2", "S3", "S4", "S5", "S6")
REPAIRS = ("R1", "R2", "R3", "R4", "R5")
REGIONAL = ("shanghai", "suzhou", "jiaxing")


def items(candidate: Candidate) -> set[tuple[Any, ...]]:
    """Everything in which places of a candidate differ on purpose."""
    differences = {(one.place, one.key, repr(one.entry.value), one.hazard) for one in candidate.differences}
    relays = {("relay", row.sender, row.receiver, row.state, row.hazard) for row in candidate.relays.rows}
    return differences | relays


@pytest.mark.parametrize("name", sorted(shipped_files("profiles")))
def test_every_shipped_profile_says_where_each_value_comes_from(name: str) -> None:
    """Property: title in two languages; basis and source for every key, none of a file of this machine."""
    profile = profile_named(name)
    assert profile.name == name and profile.title and profile.title_zh
    for key, entry in profile.entries.items():
        assert len(entry.source) > 5 and "/work" not in entry.source and "http" not in entry.source, key


@pytest.mark.parametrize("name", REGIONAL)
def test_regional_profiles_hold_sourced_and_computed_keys_only(name: str) -> None:
    """Property: every assumption about a place stands in a candidate."""
    profile = profile_named(name)
    own = {key: entry for key, entry in profile.entries.items() if entry.set_in == name}
    assert profile.kind == "regional" and profile.inherits == "cn-lte-v2x-day1"
    assert {entry.basis for entry in own.values()} <= {"sourced", "computed"}


@pytest.mark.parametrize(
    ("name", "key", "value", "basis"),
    [
        ("suzhou", "bounds.spacing_expressway_km", "0.2..0.3", "sourced"),
        ("suzhou", "siting", {"expressway_spacing_m": 250}, "computed"),
        ("suzhou", "bounds.mast_height_m", "5..6", "sourced"),
        ("suzhou", "bounds.rsu_range_m", "> 300", "sourced"),
        ("suzhou", "bounds.position_accuracy_m", "< 1", "sourced"),
        ("suzhou", "bounds.safety_rate_hz", "<= 10", "sourced"),
        ("suzhou", "bounds.sign_rate_hz", "<= 1", "sourced"),
        ("suzhou", "bounds.priority_vehicle_rate_hz", "<= 5", "sourced"),
        ("suzhou", "bounds.delay_safety_ms", "<= 100", "sourced"),
        ("suzhou", "bounds.delay_information_ms", "<= 500", "sourced"),
        ("suzhou", "platform.interface", "DB32/T 4846-2024", "sourced"),
        ("jiaxing", "bounds.spacing_expressway_km", "0.5..5", "sourced"),
        ("jiaxing", "bounds.map_accuracy_m", "<= 1", "sourced"),
        ("jiaxing", "bounds.map_relative_accuracy_m_per_100m", "<= 0.2", "sourced"),
        ("jiaxing", "bounds.delay_perception_ms", "<= 200", "sourced"),
        ("jiaxing", "map_datum", "CGCS2000", "sourced"),
        ("jiaxing", "bounds.perception_rate_hz", "> 20", "sourced"),
        ("cn-lte-v2x-day1", "platform.datum", "GCJ-02", "sourced"),
        ("etsi-itsg5", "congestion_control", "TS 102 687", "memory"),
        ("us-cv2x-sae", "congestion_control", "SAE J2945/1", "memory"),
        ("cn-lte-v2x-day2", "bounds.safety_rate_hz", ">= 10", "sourced"),
        ("cn-lte-v2x-day2", "bounds.dynamic_lane_rate_hz", ">= 2", "sourced"),
        ("cn-lte-v2x-day2", "bounds.delay_cooperation_ms", "<= 50", "sourced"),
        ("cn-lte-v2x-day1", "bounds.delay_special_ms", "<= 20", "sourced"),
        ("cn-lte-v2x-day1", "bounds.delay_network_ms", "<= 1000", "sourced"),
        ("cn-nr-v2x", "access", "nr-v2x-mode2", "memory"),
        ("cn-nr-v2x", "band", "5905-5925", "assumption"),
        ("etsi-itsg5", "access", "ieee80211p", "memory"),
        ("etsi-itsg5", "band", "5895-5905", "memory"),
        ("etsi-itsg5", "bandwidth_mhz", 10, "memory"),
        ("etsi-itsg5", "eirp_limit_rsu_dbm", 33, "memory"),
        ("us-cv2x-sae", "band", "5895-5925", "sourced"),
        ("us-cv2x-sae", "access", "lte-v2x-mode4", "sourced"),
        ("us-cv2x-sae", "network", "wsmp", "sourced"),
    ],
)
def test_values_stand_as_in_the_tables_of_candidate_standards(name: str, key: str, value: Any, basis: str) -> None:
    """Printed: tables of candidate standards (section 2, 3 and regional variants) and of siting rules."""
    entry = profile_named(name).entry(key)
    assert (entry.value, entry.basis) == (value, basis)


@pytest.mark.parametrize(
    ("name", "key"),
    [("shanghai", "siting"), ("shanghai", "security.root"), ("shanghai", "security.cert_region"),
     ("us-cv2x-sae", "eirp_limit_rsu_dbm"), ("us-cv2x-sae", "eirp_limit_obu_dbm")],
)
def test_numbers_that_could_not_be_read_are_unknown(name: str, key: str) -> None:
    """Printed: the question marks of the same tables beside documents that exist."""
    assert profile_named(name).entry(key).unknown


@pytest.mark.parametrize("name", ["etsi-itsg5", "us-cv2x-sae"])
def test_reference_points_say_that_they_are_no_option_here(name: str) -> None:
    """By hand: in the title of the profile and in the note of its candidate."""
    assert "not a legal option in China" in profile_named(name).title
    candidate = {"etsi-itsg5": "eu-itsg5", "us-cv2x-sae": "us-cv2x"}[name]
    assert "no legal option in China" in candidate_named(candidate).note


def test_keys_that_were_written_out_change_nothing_of_the_national_profile() -> None:
    """Property: root, suite and channel of the national profile are what holds where nobody sets them."""
    from rsu.profile import KEYS

    national = profile_named("cn-lte-v2x-day1")
    for key in ("security.root", "channel.send_obu", "channel.send_rsu", "channel.listen_obu", "channel.listen_rsu"):
        assert national.value(key) == KEYS[key].default, key
    assert national.value("security.suite") == SUITES[national.value("security.envelope")]


def test_each_step_of_the_family_adds_one_hazard_and_keeps_the_rest() -> None:
    """Printed: S1 deployment, S2 trust, S3 platforms, S4 datum, S5 channels, S6 message version (and node numbers)."""
    added = {"S1": {"H13"}, "S2": {"H4"}, "S3": {"H14"}, "S4": {"H11"}, "S5": {"H7"}, "S6": {"H1", "H12"}}
    for before, after in zip(FAMILY, FAMILY[1:], strict=False):
        small, large = candidate_named(before), candidate_named(after)
        assert set(large.hazards) - set(small.hazards) == added[after]
        assert items(small) < items(large)
        assert {item[-1] for item in items(large) - items(small)} == added[after]


def test_each_repair_takes_one_item_away() -> None:
    """Printed: trust list, platform interface, datum, region ids, channel and version; siting remains."""
    gone = {"R2": {"H14"}, "R3": {"H11"}, "R4": {"H12"}, "R5": {"H7", "H1"}}
    sixth, first = candidate_named("S6"), candidate_named("R1")
    assert items(first) == items(sixth)
    assert first.trust.state("SH", "JS", "shanghai", "national").kind == "full"
    assert sixth.trust.state("SH", "JS", "shanghai", "national").kind == "none"
    for before, after in zip(REPAIRS, REPAIRS[1:], strict=False):
        large, small = candidate_named(before), candidate_named(after)
        assert {item[-1] for item in items(large) - items(small)} == gone[after]
        assert items(small) < items(large) and small.trust == large.trust
    assert {key for key, _ in candidate_named("R5").divided()} == {"siting", "antenna_height_rsu_m", "security.root"}


def test_deployment_only_is_deployment_only() -> None:
    """Property: in S0 and S1 everybody speaks and listens alike; S1 differs in siting alone."""
    assert candidate_named("S0").harmonised
    first = candidate_named("S1")
    assert first.one_speaker and first.trust.full and first.relays.complete
    assert {key for key, _ in first.divided()} == {"siting", "antenna_height_rsu_m"}


def test_harmonising_everything_listed_leaves_nothing() -> None:
    """Property: S6 without its hazards is harmonised, and so is every other of the family."""
    for name in (*FAMILY, *REPAIRS, "G"):
        candidate = candidate_named(name)
        assert candidate.without(candidate.hazards).harmonised, name


def test_the_gateway_is_the_sixth_with_a_gateway() -> None:
    """By hand."""
    gateway, sixth = candidate_named("G"), candidate_named("S6")
    assert items(gateway) == items(sixth) and gateway.trust == sixth.trust
    assert gateway.gateway is not None and sixth.gateway is None


@pytest.mark.parametrize("name", sorted(shipped_files("candidates")))
def test_what_rests_on_assumptions_says_illustrative(name: str) -> None:
    """Property: title in both languages, and a list of the items."""
    candidate = candidate_named(name)
    assert "illustrative" in candidate.title and "示意" in candidate.title_zh
    assert candidate.illustrative_items()


def test_numbers_that_were_not_had_are_told_where_a_default_stands_in() -> None:
    """By hand: S1 runs Shanghai under the national root, which no document says; S2 assumes a root of its own."""
    def about(name: str, key: str) -> list[str]:
        return [one for one in candidate_named(name).illustrative_items() if f" {key} (SH): not known" in one]

    assert len(about("S1", "security.root")) == 1 and "national taken" in about("S1", "security.root")[0]
    (region,) = about("S1", "security.cert_region")
    assert "everywhere taken" in region
    assert about("S2", "security.root") == [] and len(about("S2", "security.cert_region")) == 1
    assert about("S0", "security.root") == []


def test_every_difference_says_what_is_assumed() -> None:
    """Property: none of them is a fact; each source tells text and assumption apart."""
    for one in candidate_named("S6").differences:
        assert one.entry.basis == "assumption"
        assert "assumed" in one.entry.source or "could be read" in one.entry.source, (one.place, one.key)


@pytest.mark.parametrize(("name", "told"), [
    ("eu-itsg5", ["profile etsi-itsg5: 5895-5905 MHz"]), ("us-cv2x", ["profile us-cv2x-sae: 5895-5925 MHz"]),
    ("nr-v2x", []), ("S6", []), ("harmonised-day1", []),
])
def test_bands_outside_the_allocation_are_told(name: str, told: list[str]) -> None:
    """Printed: 5905-5925 MHz in China; 5895-5905 and 5895-5925 MHz of the reference points are outside it."""
    candidate = candidate_named(name)
    found = candidate.outside_allocation()
    assert [line.split(",")[0] for line in found] == told
    assert all("not a legal option in China" in line for line in found)
    assert candidate.illustrative_items()[: len(told)] == found
