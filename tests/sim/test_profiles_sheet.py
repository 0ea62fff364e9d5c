"""The comparison sheet: states of cells, process figures, tables and page."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser

import pytest

from rsu.profile import KEYS, Candidate, load_candidate
from sim.profiles import (
    agreement,
    candidate_named,
    documents,
    place_counts,
    profile_named,
    sheet_of_candidate,
    sheet_of_profiles,
)
from sim.profiles.between import between_rows
from sim.profiles.page import sheet_html
from sim.profiles.process import cited
from sim.profiles.sheet import STATES
from sim.profiles.tables import cell_text, sheet_csv, sheet_json, sheet_lines
from sim.profiles.words import KEYS_ZH, WORDS


def entry(value: object, basis: str = "sourced", source: str = "GB/T 1-2020: said") -> dict[str, object]:
    return {"value": value, "basis": basis, "source": source}


def profile(name: str, parent: dict[str, object] | None = None, kind: str = "national", **keys: object) -> dict:
    head = {"schema": "profile/1", "name": name, "title": name, "kind": kind, "keys": keys}
    return head if parent is None else {**head, "inherits": parent}


NATIONAL = profile(
    "nation", message_set=entry("csae53-2020"), network=entry("dsmp"), datum=entry("WGS84", "assumption")
)


def small() -> Candidate:
    """Two places: one follows but for one added key, the other differs in one and leaves one unknown."""
    north = profile("north", NATIONAL, "regional", map_datum=entry("CGCS2000"))
    south = profile(
        "south", NATIONAL, "regional", network=entry("dsmp", "computed"),
        map_datum={"unknown": True, "basis": "sourced", "source": "DB32/T 4846-2024: not read"},
    )
    return load_candidate({
        "schema": "candidate/1", "name": "small", "hazards": ["H9"], "harmonised": NATIONAL,
        "profiles": {"N": north, "S": south},
        "differences": {"N": [{"key": "network", **entry("wsmp", "assumption"), "hazard": "H9"}]},
    })


def test_states_marks_and_letters_of_a_small_case() -> None:
    """By hand: eight cells of two places beside three national keys."""
    sheet = sheet_of_candidate(small())
    told = {
        (place, key): (cell.state, cell_text(cell), cell.inherited, cell.added)
        for place in ("N", "S") for key in ("message_set", "network", "map_datum", "region_id")
        for cell in [sheet.cell(key, place)]
    }
    assert told == {
        ("N", "message_set"): ("same", "csae53-2020 S^", True, False),
        ("N", "network"): ("differ", "wsmp A", False, False),
        ("N", "map_datum"): ("differ", "CGCS2000 S+", False, True),
        ("N", "region_id"): ("unset", "unset", False, False),
        ("S", "message_set"): ("same", "csae53-2020 S^", True, False),
        ("S", "network"): ("same", "dsmp C", False, False),
        ("S", "map_datum"): ("unknown", "unknown S", False, True),
        ("S", "region_id"): ("unset", "unset", False, False),
    }
    assert sheet.cell("network", "N").hazard == "H9"
    assert [column.place for column in sheet.columns] == ["nation", "N", "S"]


def test_process_figures_of_a_small_case() -> None:
    """By hand: message set and datum equal, network divergent, map datum unknown; the rest unset."""
    sheet = sheet_of_candidate(small())
    north, south = place_counts(sheet)
    rest = len(KEYS) - 4
    assert north.states == {"same": 2, "differ": 2, "unset": rest, "unknown": 0}
    assert south.states == {"same": 3, "differ": 0, "unset": rest, "unknown": 1}
    assert (north.own, north.inherited, north.added) == (2, 2, 1)
    assert (south.own, south.inherited, south.added) == (2, 2, 1)
    assert south.bases == {"assumption": 1, "computed": 1, "sourced": 1}
    total = agreement(sheet)
    assert (total.harmonised, total.divergent, total.unknown, total.unset) == (2, 1, 1, rest)
    assert total.share == pytest.approx(2 / 4)


@pytest.mark.parametrize("name", ["S0", "S1", "S6", "R5", "harmonised-day1"])
def test_every_key_has_one_state_in_every_place(name: str) -> None:
    """Property: states of a place sum to the keys, kinds of keys as well; own and inherited sum to what is fixed."""
    sheet = sheet_of_candidate(candidate_named(name))
    assert [row.key for row in sheet.rows] == list(KEYS)
    for one in place_counts(sheet):
        assert sum(one.states.values()) == len(KEYS)
        assert one.own + one.inherited == len(KEYS) - one.states["unset"]
    total = agreement(sheet)
    assert total.harmonised + total.divergent + total.unknown + total.unset == len(KEYS)
    assert 0 <= total.in_one_place <= total.divergent


def test_one_profile_everywhere_differs_nowhere() -> None:
    """Property: S0 has the same three times."""
    sheet = sheet_of_candidate(candidate_named("S0"))
    assert all(one.states["differ"] == one.states["unknown"] == 0 for one in place_counts(sheet))
    assert agreement(sheet).share == 1.0


@pytest.mark.parametrize(
    ("place", "key", "text"),
    [
        ("suzhou", "bounds.spacing_expressway_km", "0.2..0.3 S+"),
        ("suzhou", "bounds.safety_rate_hz", "<= 10 S"),
        ("suzhou", "antenna_height_rsu_m", "5.5 C+"),
        ("suzhou", "platform.interface", "DB32/T 4846-2024 S+"),
        ("suzhou", "map_datum", "unset"),
        ("jiaxing", "map_datum", "CGCS2000 S+"),
        ("jiaxing", "bounds.map_relative_accuracy_m_per_100m", "<= 0.2 S"),
        ("jiaxing", "platform.interface", "unset"),
        ("shanghai", "siting", "unknown S"),
        ("shanghai", "security.root", "unknown S"),
        ("shanghai", "platform.interface", "unset"),
        ("shanghai", "message_set", "csae53-2020 S^"),
    ],
)
def test_cells_of_the_three_places(place: str, key: str, text: str) -> None:
    """Printed: the table of regional variants, cell by cell (its assumptions stand in candidates, not here)."""
    sheet = sheet_of_profiles([profile_named(name) for name in ("shanghai", "suzhou", "jiaxing")])
    assert sheet.columns[0].place == "cn-lte-v2x-day1"
    assert cell_text(sheet.cell(key, place)) == text


def test_places_fix_other_keys_rather_than_other_values() -> None:
    """Printed: what is fragmented is less different values for one key than different keys fixed in each place."""
    sheet = sheet_of_profiles([profile_named(name) for name in ("shanghai", "suzhou", "jiaxing")])
    total = agreement(sheet)
    assert total.in_one_place > total.divergent / 2


def test_the_national_column_is_the_nearest_shared_ancestor() -> None:
    """By hand: parent of one, ancestor of several, one of them, the first of strangers, or the one asked for."""
    def first(*names: str, against: str | None = None) -> list[str]:
        profiles = [profile_named(name) for name in names]
        sheet = sheet_of_profiles(profiles, None if against is None else profile_named(against))
        return [column.place for column in sheet.columns]

    assert first("suzhou") == ["cn-lte-v2x-day1", "suzhou"]
    assert first("suzhou", "cn-lte-v2x-day2") == ["cn-lte-v2x-day1", "suzhou", "cn-lte-v2x-day2"]
    assert first("cn-lte-v2x-day1", "cn-lte-v2x-day2") == ["cn-lte-v2x-day1", "cn-lte-v2x-day2"]
    assert first("etsi-itsg5", "us-cv2x-sae") == ["etsi-itsg5", "us-cv2x-sae"]
    assert first("suzhou", against="us-cv2x-sae") == ["us-cv2x-sae", "suzhou"]
    with pytest.raises(ValueError, match="nothing to compare"):
        first("cn-lte-v2x-day1")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("YD/T 3957-2021, required by GB/T 45315-2025", {("YD/T 3957-2021", 2021), ("GB/T 45315-2025", 2025)}),
        ("DB31/T 1485-2024: relation of two CA", {("DB31/T 1485-2024", 2024)}),
        ("T/CSAE 159-2020 5.3-5.5 as reported", {("T/CSAE 159-2020", 2020)}),
        ("TS 103 097 v2.1.1 7.1.1: once per second", {("TS 103 097", None)}),
        ("EN 302 636-4-1 (GeoNetworking)", {("EN 302 636-4-1", None)}),
        ("SAE J3161/1: channel 183; SAE J3161/2-2024 too", {("SAE J3161/1", None), ("SAE J3161/2-2024", 2024)}),
        ("MIIT radio document 203/2018, in force since 2018-12-01", {("MIIT radio document 203/2018", 2018)}),
        ("Jiangsu motorway guide (provisional): at most 1 Hz", {("Jiangsu motorway guide", None)}),
        ("ICV test-site design text 7.1.3: 20 ms", {("ICV test-site design text", None)}),
        ("as for LTE-V2X", set()),
    ],
)
def test_documents_are_read_out_of_sources(source: str, found: set[tuple[str, int | None]]) -> None:
    """By hand: numbers with their year, and documents that have none."""
    assert set(cited(source)) == found


def test_documents_of_a_place_are_its_own() -> None:
    """Printed: Shanghai security and roadside facilities, Jiangsu interface and guide; ages by year."""
    assert [(one.name, one.year) for one in documents(profile_named("shanghai"))] == [
        ("DB31/T 1485-2024", 2024), ("DB31/T 1607-2025", 2025),
    ]
    names = {one.name: one.keys for one in documents(profile_named("suzhou"))}
    assert set(names) == {"DB32/T 4846-2024", "Jiangsu smart-motorway construction guide"}
    assert names["DB32/T 4846-2024"] == 1


def test_the_table_has_every_cell_and_reads_back() -> None:
    """Property: as many rows as keys, five columns per place, equal bytes each time."""
    sheet = sheet_of_candidate(candidate_named("S6"))
    text = sheet_csv(sheet)
    assert text == sheet_csv(sheet_of_candidate(candidate_named("S6")))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["key"] for row in rows] == list(KEYS)
    by_key = {row["key"]: row for row in rows}
    assert by_key["message_set"]["ZJ"] == "csae53-2017"
    assert by_key["message_set"]["ZJ basis"] == "assumption" and by_key["message_set"]["ZJ set in"] == "S6"
    assert by_key["message_set"]["SH state"] == "same" and by_key["message_set"]["hazard"] == "H1"
    assert by_key["security.cert_region"]["SH"] == "" and by_key["security.cert_region"]["SH state"] == "unknown"


def test_the_document_holds_what_the_sheet_holds() -> None:
    """Property: plain data, every row, states counted as in the process figures."""
    sheet = sheet_of_candidate(candidate_named("S6"))
    data = json.loads(json.dumps(sheet_json(sheet), allow_nan=False))
    assert len(data["rows"]) == len(KEYS) and data["illustrative"] is True
    for one in data["places"]:
        states = [row["cells"][one["place"]]["state"] for row in data["rows"]]
        assert {state: states.count(state) for state in STATES} == {state: one[state] for state in STATES}


def test_only_keeps_rows_in_which_some_place_has_the_state() -> None:
    """By hand: the two rows of the small case, together and one by one."""
    sheet = sheet_of_candidate(small())
    assert [row.key for row in sheet.only(["differ"])] == ["network", "map_datum"]
    assert [row.key for row in sheet.only(["unknown"])] == ["map_datum"]
    assert len(sheet.only([])) == len(KEYS)


class Page(HTMLParser):
    """Counts cells by class; notes whatever would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self.titles: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.fetched += [name for name in ("src", "href") if name in held]
        if tag == "td" and "title" in held:
            self.states.append(str(held["class"]).split()[0])
            self.titles.append(str(held["title"]))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_and_fetches_nothing(language: str) -> None:
    """Property: one coloured cell per key and column, tags closed, the word illustrative in its language."""
    sheet = sheet_of_candidate(candidate_named("S6"))
    page = Page()
    page.feed(sheet_html(sheet, language=language))
    assert len(page.states) == len(KEYS) * 4 and set(page.states) == set(STATES)
    assert page.fetched == [] and page.open == []
    assert {"en": "illustrative", "zh": "示意"}[language] in " ".join(page.text)
    assert any("DB31/T 1485-2024" in title for title in page.titles)


def test_a_page_shows_hostile_texts_as_text() -> None:
    """By hand: tags in a source do not become tags of the page."""
    nasty = profile("nasty", NATIONAL, "regional", map_datum=entry("CGCS2000", source='<script>"x"</script>'))
    sheet = sheet_of_candidate(load_candidate(
        {"schema": "candidate/1", "name": "<b>n", "harmonised": NATIONAL, "profiles": {"N": nasty}}
    ))
    html = sheet_html(sheet)
    assert "<script" not in html and "<b>n" not in html and "&lt;script&gt;" in html


def test_every_key_and_word_is_told_in_both_languages() -> None:
    """Property: no key of a profile lacks a Chinese name; no word is empty."""
    assert set(KEYS_ZH) == set(KEYS)
    assert all(len(pair) == 2 and all(pair) for pair in WORDS.values())


def test_the_terminal_shows_sheet_conflicts_and_figures() -> None:
    """By hand: the lines of the small case."""
    text = "\n".join(sheet_lines(sheet_of_candidate(small())))
    assert "! wsmp A" in text and "? unknown S" in text and ". unset" in text
    assert "network: exclude each other" in text and "share of keys harmonised: 50 %" in text
    assert "illustrative" in text


def test_the_sheet_of_a_candidate_tells_what_stands_between_places() -> None:
    """By hand: S3 adds no key to S2, only platforms that do not talk; R1 trusts where S6 does not; G has gateways."""
    def table(name: str) -> dict[tuple[str, str], tuple[str, ...]]:
        return {row[:2]: row[2:] for row in between_rows(candidate_named(name))}

    assert table("S2") == {
        ("SH", "JS"): ("no", "yes"), ("SH", "ZJ"): ("no", "yes"), ("JS", "SH"): ("no", "yes"),
        ("JS", "ZJ"): ("yes", "yes"), ("ZJ", "SH"): ("no", "yes"), ("ZJ", "JS"): ("yes", "yes"),
    }
    assert {row[1] for row in table("S3").values()} == {"no"}
    assert set(table("R1").values()) == {("yes", "no")} and set(table("R2").values()) == {("yes", "yes")}
    assert between_rows(candidate_named("harmonised-day1")) == []
    texts = {name: sheet_html(sheet_of_candidate(candidate_named(name)), ["unknown"]) for name in ("S6", "R1", "G")}
    assert len(set(texts.values())) == 3 and "gateway 800 m, 20 ms" in texts["G"]
    data = sheet_json(sheet_of_candidate(candidate_named("G")))["between"]
    assert data["gateway"]["within_m"] == 800 and len(data["pairs"]) == 6 and len(data["relays"]) == 3


def test_a_chinese_sheet_is_chinese() -> None:
    """By hand: title, key and conflict of the three places."""
    text = "\n".join(sheet_lines(sheet_of_profiles([profile_named("suzhou"), profile_named("jiaxing")]), (), "zh"))
    assert text.splitlines()[0].endswith("中国LTE-V2X直连，一期应用；苏州（吴江），江苏规定；嘉兴（嘉善），浙江规定")
    assert "地图坐标基准" in text and "map_datum" not in text and "限值：高速间距: 无同时满足的取值" in text
