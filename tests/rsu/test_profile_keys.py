"""Keys of profiles: what is unknown, what holds where nothing is set, what a regional profile may hold, bounds."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsu.messages import MESSAGE_SETS
from rsu.profile import (
    HAZARDS,
    KEYS,
    RADIO_KEYS,
    RECEIVER_KEYS,
    SITE_KEYS,
    SPOKEN_KEYS,
    UNKNOWN,
    Bound,
    ProfileError,
    load_candidate,
    load_profile,
    read_bound,
    speaking,
)
from rsu.security import ENVELOPES
from tests.rsu.profile_cases import difference, entry, profile, spoken, unknown


def errors_of(content) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load_profile(content)
    return str(caught.value).splitlines()


def test_an_unknown_value_is_none_at_all() -> None:
    """By hand: the place fixes the key, so there is provenance; there is no number, so nothing pretends to one."""
    found = load_profile(profile(keys={"region_id": unknown(), "rates": {"map_period_ms": unknown()}}))
    assert found.entry("region_id").unknown and found.entry("region_id").value is UNKNOWN
    assert found.get("region_id", 7) == 7 and found.effective("rates.map_period_ms") is None
    with pytest.raises(ValueError, match="rates.map_period_ms: fixed, but not known"):
        found.value("rates.map_period_ms")
    assert found.illustrative_keys() == []


def test_an_unknown_value_hides_what_would_be_inherited() -> None:
    """By hand: a region that is known to have an own rule does not have the national one."""
    child = load_profile(profile("child", {"siting": unknown()}, inherits=profile("n", {"siting": entry({})})))
    assert child.get("siting") is None and child.entry("siting").set_in == "child"


def test_the_unknown_stays_itself_when_copied_and_sent_away() -> None:
    """Property: campaigns send profiles to other processes."""
    found = load_profile(profile(keys={"region_id": unknown()}))
    for again in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), load_profile(found.plain())):
        assert again == found and again.entry("region_id").value is UNKNOWN


@pytest.mark.parametrize("content", [
    {"unknown": True, "value": 3, "basis": "sourced", "source": "s"},
    {"unknown": False, "basis": "sourced", "source": "s"},
    {"unknown": "yes", "basis": "sourced", "source": "s"},
    {"unknown": 1, "basis": "sourced", "source": "s"},
    {"basis": "sourced", "source": "s"},
])
def test_a_value_is_given_or_unknown(content) -> None:
    """By hand: one of both, and unknown is true or false."""
    (line,) = errors_of(profile(keys={"region_id": content}))
    assert line.startswith("profile: keys.region_id")


def test_what_holds_where_nothing_is_set() -> None:
    """By hand: the defaults that the keys' meanings name."""
    bare = load_profile(profile())
    expected = {
        "decoders": (), "datum": "WGS84", "feed_datum": "WGS84", "node_ids": "corridor", "event_codes": {},
        "security.root": "national", "security.suite": "ecdsa-p256", "security.suites": ("ecdsa-p256",),
        "security.cert_region": "everywhere", "security.region_check": "off", "security.unknown_root": "drop",
        "security.permissions": "all", "security.expired_ratio": 0, "security.revoked_ratio": 0,
        "channel.send_obu": "whole", "channel.listen_rsu": ("whole",), "region_id": None, "rates.map_period_ms": None,
    }
    assert {key: bare.effective(key) for key in expected} == expected
    assert bare.get("datum") is None and bare.get("decoders", ()) == ()


def test_feed_datum_follows_datum_and_suites_follow_the_envelope() -> None:
    """Independent: the curves are those of the envelopes themselves."""
    chinese = load_profile(spoken(datum=entry("CGCS2000")))
    assert chinese.effective("feed_datum") == "CGCS2000"
    assert load_profile(spoken(datum=entry("CGCS2000"), feed_datum=entry("GCJ-02"))).effective("feed_datum") == "GCJ-02"
    for name, envelope in ENVELOPES.items():
        if name == "unsecured":
            continue
        content = profile(keys={"security": {"envelope": entry(name)}})
        suite = load_profile(content).effective("security.suite")
        assert suite.rpartition("-")[2] == envelope.algorithm
        assert load_profile(content).effective("security.suites") == (suite,)


def test_lists_and_codes_are_kept_in_one_form() -> None:
    """By hand: lists become tuples, codes of an event whole numbers, and both read back."""
    keys = {"decoders": entry(["csae53-2017"]), "event_codes": entry({"409": 13825, 501: 1}),
            "channel": {"listen_obu": entry(["lower", "upper"])}}
    found = load_profile(profile(keys=keys))
    assert found.value("decoders") == ("csae53-2017",)
    assert found.value("event_codes") == {409: 13825, 501: 1}
    assert found.value("channel.listen_obu") == ("lower", "upper")
    assert load_profile(found.plain()) == found


@pytest.mark.parametrize(("basis", "refused"), [
    ("sourced", False), ("computed", False), ("memory", True), ("assumption", True),
])
@pytest.mark.parametrize("kind", ["regional", None])
def test_a_regional_profile_holds_what_is_sourced_or_computed(basis: str, refused: bool, kind: str | None) -> None:
    """By hand: definitions section 7; a profile that inherits is regional unless it says otherwise."""
    head = {} if kind is None else {"kind": kind}
    parent = profile("nation", {"datum": entry("WGS84", "assumption")})
    content = profile("region", {"region_id": entry(3101, basis)}, inherits=parent, **head)
    if not refused:
        found = load_profile(content)
        assert found.kind == "regional" and found.illustrative_keys() == ["datum"], "inherited ones are the nation's"
        return
    (line,) = errors_of(content)
    assert line.startswith(f"profile: keys.region_id.basis: {basis}: a regional profile holds sourced and computed")
    assert load_profile({**content, "kind": "national"}).value("region_id") == 3101


def test_written_out_profiles_stay_what_they_are() -> None:
    """Property: a regional profile on assumptions of the nation reads back from its plain form."""
    parent = profile("nation", {"datum": entry("WGS84", "assumption")})
    found = load_profile(profile("region", {"region_id": entry(5)}, inherits=parent, title_zh="地区", note="n"))
    again = load_profile(found.plain())
    assert again == found and (again.kind, again.title_zh, again.note) == ("regional", "地区", "n")


def test_every_key_is_spoken_radio_siting_or_tells_nothing_to_a_run() -> None:
    """By hand: the keys that neither speech, radio nor siting follow; hazards and receiver keys exist."""
    silent = set(KEYS) - {*SPOKEN_KEYS, *RADIO_KEYS, *SITE_KEYS}
    assert {key for key in silent if not key.startswith("bounds.")} == {
        "band", "eirp_limit_rsu_dbm", "eirp_limit_obu_dbm", "map_datum", "platform.interface", "platform.datum",
        "congestion_control",
    }
    assert set(RECEIVER_KEYS) < set(SPOKEN_KEYS)
    assert all(KEYS[key].hazard in HAZARDS for key in (*SPOKEN_KEYS, *RADIO_KEYS, *SITE_KEYS))


def test_hazards_say_what_they_act_on() -> None:
    """By hand: only lists of trust and certificates' regions leave the air as it is; all of fragmentation model 2."""
    assert set(HAZARDS) == {*(f"H{number}" for number in range(1, 18)), "H4b"}
    acts = {name: hazard.acts_on for name, hazard in HAZARDS.items()}
    assert {name for name, what in acts.items() if what == "receivers"} == {"H4", "H4b", "H5"}
    assert {name for name, what in acts.items() if what == "radio"} == {"H7", "H8", "H17"}
    assert acts["H13"] == "sites"
    stages = {"sent", "tuned", "received", "header", "verified", "decoded", "interpreted", "timely"}
    assert {hazard.stage for hazard in HAZARDS.values()} == stages
    assert all(hazard.title and hazard.title_zh and hazard.source for hazard in HAZARDS.values())


@pytest.mark.parametrize(("text", "expected"), [
    ("<= 10", Bound(-math.inf, 10)), (">=10", Bound(10, math.inf)), ("< 1", Bound(-math.inf, 1, high_open=True)),
    ("> 300", Bound(300, math.inf, low_open=True)), ("= 0.4", Bound(0.4, 0.4)), (" 0.2..0.3 ", Bound(0.2, 0.3)),
    ("0.3..0.2", None), ("10", None), ("=> 3", None), ("<= ten", None), ("", None), ("<= 1" + "0" * 100, None),
])
def test_bounds_are_comparisons(text: str, expected: Bound | None) -> None:
    """By hand."""
    assert read_bound(text) == expected


@given(st.text(max_size=20))
def test_any_text_is_a_bound_or_none(text: str) -> None:
    """Property: never an exception, never an empty range."""
    found = read_bound(text)
    assert found is None or found.low <= found.high


def test_another_set_of_another_family_takes_its_suite_along() -> None:
    """By hand: SM2 of the Chinese envelope does not stay with a European set."""
    keys = {"network": entry("dsmp"), "message_set": entry("csae53-2020"),
            "security": {"envelope": entry("ydt3957-2021"), "suite": entry("sm2"), "suites": entry(["sm2"])}}
    european = speaking(load_profile(profile(keys=keys)), MESSAGE_SETS["etsi-its"])
    assert european.effective("security.suite") == "ecdsa-p256"
    assert european.effective("security.suites") == ("ecdsa-p256",)


def test_places_that_speak_alike_are_one_speaker() -> None:
    """By hand: siting, bounds and numbers of regions do not count; whether there is a region does."""
    one = load_profile(spoken("a", region_id=entry(1), siting=entry({}), bounds={"rsu_range_m": entry("> 300")}))
    two = load_profile(spoken("b", region_id=entry(2)))
    assert one.spoken() == two.spoken() == load_profile(spoken("c", datum=entry("WGS84"))).spoken()
    assert one.spoken() != load_profile(spoken("d", region_id=entry("absent"))).spoken()
    assert one.spoken() != load_profile(spoken("e", feed_datum=entry("GCJ-02"))).spoken()
    assert hash(load_profile(spoken("f", event_codes=entry({"1": 2}))).spoken())


def test_a_difference_may_be_unknown() -> None:
    """By hand: what holds is then the default of the key."""
    content = {**difference("datum", None, "H11"), "unknown": True}
    del content["value"]
    found = load_candidate({
        "schema": "candidate/1", "name": "x", "hazards": ["H11"],
        "profiles": {"*": spoken(datum=entry("CGCS2000"))}, "differences": {"SH": [content]},
    })
    assert found.profile("SH").effective("datum") == "WGS84"
    assert load_candidate(found.plain()) == found
