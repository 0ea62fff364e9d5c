"""Candidates: differences, harmonising part of them, trust, relays, gateway, and what rests on assumptions."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from rsu.document import parse_document
from rsu.profile import (
    Candidate,
    Difference,
    Entry,
    Gateway,
    Profile,
    RelayRow,
    Relays,
    Trust,
    TrustRow,
    TrustState,
    load_candidate,
    load_profile,
)
from tests.rsu.profile_cases import candidate, difference, divided, entry, profile, row, spoken

SHIPPED = Path(__file__).resolve().parents[2] / "scenarios"
PLACES = ("SH", "JS", "ZJ")


def speakers(found: Candidate) -> int:
    return len({found.profile(place).spoken() for place in PLACES})


def trust(*rows: tuple[tuple[str, ...], tuple[str, ...], TrustState, str]) -> Trust:
    return Trust(tuple(TrustRow(*one, "assumption", "s") for one in rows))


def test_differences_stand_over_the_profile_of_their_place() -> None:
    """By hand: what is named changes, provenance tells that the candidate set it, the base stays as it was."""
    found = load_candidate(divided())
    assert found.profile("ZJ").value("message_set") == "csae53-2017"
    assert found.profile("ZJ").entry("message_set").set_in == "divided"
    assert found.profile("ZJ").name == "jiaxing" and found.base["ZJ"].value("message_set") == "csae53-2020"
    assert found.profile("SH").value("security.root") == "shanghai"
    assert [(one.place, one.key, one.hazard) for one in found.differences][0] == ("SH", "security.root", "H4")
    assert not found.harmonised and not found.one_speaker and speakers(found) == 3


def test_a_place_without_a_profile_of_its_own_differs_from_that_of_the_star() -> None:
    """By hand: only ZJ changes; a difference of the star itself does not reach it."""
    rows = {"ZJ": [difference("datum", "GCJ-02", "H11")], "*": [difference("decode_policy", "strict", "H1")]}
    found = load_candidate(candidate(hazards=["H11", "H1"], differences=rows))
    assert found.profile("ZJ").effective("datum") == "GCJ-02" and found.profile("SH").effective("datum") == "WGS84"
    assert found.profile("ZJ").get("decode_policy") is None and found.profile("SH").get("decode_policy") == "strict"
    assert found.places == ("ZJ",) and set(found.base) == {"*"}


def test_harmonising_all_leaves_one_speaker() -> None:
    """By hand: nothing differs any more, sites are those of the common profile, and the name says what went."""
    found = load_candidate(divided())
    left = found.without(found.hazards)
    assert left.name == "divided - H1 - H4 - H7 - H13 - H14" and left.hazards == ()
    assert left.harmonised and left.one_speaker and speakers(left) == 1
    assert {left.profile(place).value("siting")["arterial_spacing_m"] for place in PLACES} == {400}
    assert all(left.profile(place).get("antenna_height_rsu_m") is None for place in PLACES)
    assert not left.differences and left.relays.complete


@pytest.mark.parametrize("gone", [gone for size in range(1, 4) for gone in itertools.combinations(
    ("H1", "H4", "H7", "H13", "H14"), size)])
def test_harmonising_some_removes_these_and_no_others(gone: tuple[str, ...]) -> None:
    """By hand: each of the five differences is there unless its hazard is gone, in whatever order they went."""
    found = load_candidate(divided()).without(gone)
    there = {
        "H1": found.profile("ZJ").value("message_set") == "csae53-2017",
        "H4": found.profile("SH").effective("security.root") == "shanghai",
        "H7": found.profile("JS").effective("channel.send_obu") == "lower",
        "H13": found.profile("JS").get("antenna_height_rsu_m") == 5.5,
        "H14": found.relays.missing("SH", "JS"),
    }
    assert there == {hazard: hazard not in gone for hazard in there}
    one_by_one = load_candidate(divided())
    for hazard in reversed(gone):
        one_by_one = one_by_one.without([hazard])
    assert one_by_one.profiles == found.profiles and one_by_one.relays == found.relays
    assert load_candidate(found.plain()) == found


def test_harmonising_nothing_that_is_there_changes_nothing() -> None:
    """By hand: the very same candidate; an unknown hazard is refused."""
    found = load_candidate(divided())
    assert found.without([]) is found and found.without(["H2", "H17"]) is found
    with pytest.raises(ValueError, match="hazard 'H99': unknown"):
        found.without(["H99"])


def test_keys_of_the_profiles_themselves_are_harmonised_too() -> None:
    """By hand: profiles of two families; each hazard takes its own keys to those of the common profile."""
    security = {
        "envelope": entry("ts103097"), "certificate_bytes_obu": entry(148), "certificate_bytes_rsu": entry(199)
    }
    european = profile("eu", {"network": entry("geonetworking"), "message_set": entry("etsi-its"),
                              "security": security, "rates": {"spat_period_ms": entry(100)}})
    hazards = ["H1", "H6", "H9", "H10", "H15"]
    found = load_candidate(candidate(hazards=hazards, profiles={"*": spoken(), "JS": european}))
    without_header = found.without(["H9"]).profile("JS")
    assert without_header.value("network") == "dsmp" and without_header.value("message_set") == "etsi-its"
    assert found.without(["H10"]).profile("JS").get("rates.spat_period_ms") is None, "the common profile leaves it open"
    assert found.without(found.hazards).profile("JS").spoken() == found.profile("SH").spoken()


def test_regions_fall_back_to_the_scenario() -> None:
    """By hand: a common number would be the collision that H12 is about."""
    unmarked = [difference("region_id", "absent", "H12"), difference("node_ids", "own", "H12")]
    rows = {"A": unmarked, "B": unmarked}
    found = load_candidate(candidate(hazards=["H12"], profiles={"*": spoken(region_id=entry(7))}, differences=rows))
    left = found.without(["H12"])
    assert [left.profile(place).get("region_id") for place in ("A", "B", "C")] == [None] * 3
    assert left.profile("A").effective("node_ids") == "corridor"


def test_trust_follows_roots_where_no_row_speaks() -> None:
    """By hand: the same root full, another none; a row decides; no row is about a place and itself."""
    rows = trust((PLACES, PLACES, TrustState("none"), "H4"), (("SH",), ("JS",), TrustState("full"), ""))
    assert Trust().state("SH", "JS", "national", "national").kind == "full"
    assert Trust().state("SH", "JS", "shanghai", "national").kind == "none"
    assert rows.state("SH", "JS", "shanghai", "national").kind == "full"
    assert rows.state("JS", "SH", "national", "national").kind == "none"
    assert rows.state("SH", "SH", "shanghai", "shanghai").kind == "full"
    anybody = trust((("*",), ("SH",), TrustState("pending", 60, 600), "H4b"))
    assert anybody.state("ZJ", "SH", "a", "b") == TrustState("pending", 60, 600)
    assert anybody.state("SH", "ZJ", "a", "b").kind == "none" and anybody.state("SH", "SH", "a", "a").kind == "full"


def test_harmonising_never_takes_trust_away() -> None:
    """By hand: a list on its way that need not be waited for has arrived; with the roots in common none is needed."""
    content = candidate(
        hazards=["H4", "H4b"], differences={"SH": [difference("security.root", "shanghai", "H4")]},
        profiles={place: spoken() for place in PLACES},
        trust=[row("H4b", home=["JS", "ZJ"], issuer=["SH"], state="pending", tau_s=600)],
    )
    found = load_candidate(content)

    def kinds(one: Candidate) -> list[str]:
        root = {place: one.profile(place).effective("security.root") for place in PLACES}
        return [one.trust.state(home, issuer, root[home], root[issuer]).kind
                for home, issuer in (("JS", "SH"), ("SH", "JS"))]

    assert kinds(found) == ["pending", "none"]
    assert kinds(found.without(["H4b"])) == ["full", "none"]
    assert kinds(found.without(["H4"])) == ["pending", "full"]
    assert kinds(found.without(["H4", "H4b"])) == ["full", "full"]
    assert found.without(["H4", "H4b"]).harmonised and not found.without(["H4"]).harmonised


def test_relays_are_there_unless_a_row_says_otherwise() -> None:
    """By hand: one direction only, the last row decides."""
    rows = (
        RelayRow(("*",), ("ZJ",), "none", 0.0, "H14", "assumption", "s"),
        RelayRow(("JS",), ("ZJ",), "delay", 250.0, "", "assumption", "s"),
    )
    relays = Relays(rows)
    assert relays.missing("SH", "ZJ") and not relays.missing("ZJ", "SH") and not relays.missing("ZJ", "ZJ")
    assert not relays.missing("JS", "ZJ") and relays.delay_ms("JS", "ZJ") == 250 and relays.delay_ms("SH", "ZJ") == 0
    assert not relays.complete and relays.without(["H14"]).complete


def test_a_gateway_goes_when_places_no_longer_differ() -> None:
    """By hand: it has nothing to translate then; as long as something differs it stays."""
    content = divided(gateway={"within_m": 800, "delay_ms": 20, "basis": "assumption", "source": "s"})
    found = load_candidate(content)
    assert found.gateway == Gateway(800.0, 20.0, "assumption", "s")
    assert found.without(["H1", "H7"]).gateway == found.gateway
    assert found.without(found.hazards).gateway is None


def test_a_candidate_reads_back_from_its_plain_form() -> None:
    """Property: with every part of the form in use, and through its own text."""
    content = divided(
        gateway={"within_m": 800, "basis": "sourced", "source": "s"}, title="t", title_zh="题", note="n",
        trust=[row("H4", home=["JS"], issuer=["SH"], state="none"), row(None, home="SH", issuer="JS", state="full")],
    )
    found = load_candidate(content)
    assert load_candidate(found.plain()) == found
    assert load_candidate(load_candidate(found.plain()).plain()).plain() == found.plain()


@pytest.mark.parametrize("file", sorted((SHIPPED / "candidates").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_candidates_read_back_and_harmonise(file: Path) -> None:
    """Property: what is shipped loads, reads back, and has one speaker once its hazards are gone."""
    found = load_candidate(file)
    assert load_candidate(found.plain()) == found
    left = found.without(found.exercised)
    assert left.one_speaker and left.trust.full and left.relays.complete and left.gateway is None


def test_what_rests_on_assumptions_is_listed() -> None:
    """By hand: keys of profiles once for all places that have them, then differences, rows and the gateway."""
    content = divided(
        gateway={"within_m": 800, "basis": "assumption", "source": "g"},
        trust=[row("H4", home=["JS", "ZJ"], issuer=["SH"], state="none"),
               {**row("H4", home=["SH"], issuer=["JS"], state="none"), "basis": "sourced"}],
    )
    content["profiles"]["SH"]["keys"]["datum"] = entry("WGS84", "memory", "m")
    content["profiles"]["JS"]["keys"]["siting"] = entry({"at_nodes": True}, "assumption", "overridden nowhere")
    content["differences"]["ZJ"][0]["basis"] = "sourced"
    assert load_candidate(content).illustrative_items() == [
        "profile shanghai: datum (SH): memory: m",
        "profile suzhou: siting (JS): assumption: overridden nowhere",
        "difference SH: security.root = shanghai (H4): assumption: a what-if",
        "difference JS: channel.send_obu = lower (H7): assumption: a what-if",
        "difference ZJ: siting = {'at_nodes': True} (H13): assumption: a what-if",
        "trust JS, ZJ of SH: none (H4): assumption: a what-if",
        "relay SH to JS, ZJ: none (H14): assumption: a what-if",
        "gateway within 800 m: assumption: g",
    ]
    everywhere = spoken(datum=entry("WGS84", "assumption", "d"))
    shared = load_candidate(candidate(profiles=dict.fromkeys(PLACES, everywhere)))
    assert shared.illustrative_items() == ["profile national: datum (SH, JS, ZJ): assumption: d"]


def test_a_candidate_can_be_made_from_profiles_alone() -> None:
    """By hand: what is not said follows from the profiles."""
    one, two = load_profile(profile("one")), load_profile(profile("two", {"datum": entry("GCJ-02")}))
    found = Candidate("made", {"SH": one, "JS": two})
    assert found.common is one and found.base == {"SH": one, "JS": two} and not found.one_speaker
    told = Difference("JS", "datum", Entry("CGCS2000", "assumption", "s", "made"), "H11")
    built = Candidate.built("made", {"*": one}, [told], hazards=("H11",))
    assert built.profile("JS").value("datum") == "CGCS2000" and built.without(["H11"]).profile("JS") is one
    assert isinstance(built.common, Profile) and not built.harmonised


def test_the_forms_on_the_page_load() -> None:
    """By hand: the two examples of the package's page, as they stand there."""
    page = (SHIPPED.parent / "rsu" / "profile" / "README.md").read_text(encoding="utf-8")
    first, second = (
        parse_document("\n".join(line[4:] for line in block.splitlines()), "README.md").data
        for block in re.findall(r"\n\n((?:    .*\n)+)", page)
    )
    region = load_profile(first, [SHIPPED / "profiles"])
    assert region.kind == "regional" and region.entry("security.root").unknown
    found = load_candidate(second, [SHIPPED / "profiles"])
    assert found.exercised == found.without([]).exercised == ("H4", "H13", "H14")
    assert found.without(found.hazards).harmonised and found.trust.rows[0].state.kind == "pending"
