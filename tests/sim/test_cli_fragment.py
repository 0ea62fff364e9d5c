"""``corridor fragment``: what it asks, lists, prints and writes, on runs whose figures are made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.campaign.store import read_campaign_folder
from sim.cli import fragment as verb
from tests.sim.cli_cases import outcome
from tests.sim.fragment_factory import SCENARIO, hand_made, write_candidates


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with candidates and a finished campaign of two seeds in ``out``."""
    folder = tmp_path_factory.mktemp("fragment")
    hand_made(folder, seeds=2)
    return folder


def words(place: Path, *more: str) -> list[str]:
    """The command over that campaign."""
    names = write_candidates(place)
    chosen = ["--candidates", names["harm"], names["three"], "--attribute", names["three"], "--seeds", "2"]
    return ["fragment", SCENARIO, *chosen, "--out", str(place / "out"), "--no-plots", *more]


def test_the_page_and_the_files(place: Path, capsys: Any) -> None:
    """Property: the page ends in a verdict, every table and the document are written, a finished campaign is not
    simulated again (nothing but what was made by hand is in its runs)."""
    code, text, remarks = outcome(capsys, *words(place, "--jobs", "1"))
    assert code == 0 and "harmonise H11 next" in text and "compared with" in text
    assert "10 of 10 runs are finished already" in remarks
    for name in ("fragmentation", "matrices", "waterfall", "attribution", "roadmap", "wrong", "blackout", "overheads",
                 "decisions", "traceability"):
        assert f"wrote {place / 'out' / name}.csv" in remarks
    assert json.loads((place / "out" / "study.json").read_text(encoding="utf-8"))["schema_version"] == 1
    assert (place / "out" / "means.csv").is_file()


def test_one_json_document(place: Path, capsys: Any) -> None:
    """Property: stdout is one document, the same as the file's."""
    code, text, _ = outcome(capsys, *words(place, "--json", "-q"))
    told = json.loads(text)
    assert code == 0 and told == json.loads((place / "out" / "study.json").read_text(encoding="utf-8"))
    weights = [(one["link"], one["class"], one["weight"]) for one in told["classes"]]
    assert weights == [("V2V", "BSM", 1), ("I2V", "RSI", 1)], "those of the overall loss"
    assert told["against"] == "harm" and told["verdict"].startswith("harmonise H11 next")


def test_dry_run_lists_radio_runs(place: Path, capsys: Any) -> None:
    """By hand: eight subsets and the harmonised candidate take five runs a seed; four of them judge another view."""
    code, text, _ = outcome(capsys, *words(place, "--dry-run", "--json"))
    told = json.loads(text)
    assert code == 0 and len(told["runs"]) == 10 and {run["state"] for run in told["runs"]} == {"done"}
    assert sorted(map(len, told["views"].values())) == [0, 1, 1, 1, 1]


def test_a_part_leaves_the_tables_to_the_whole(place: Path, capsys: Any) -> None:
    """By hand: with --shard the finished runs of a part are counted and no table is written."""
    (place / "out" / "fragmentation.csv").unlink(missing_ok=True)
    code, text, remarks = outcome(capsys, *words(place, "--shard", "0/2"))
    assert code == 0 and text == "" and "without --shard" in remarks
    assert not (place / "out" / "fragmentation.csv").exists()


def test_hazards_chosen_by_hand(place: Path, capsys: Any) -> None:
    """By hand: with one hazard of three two subsets remain, the others stay at work in both."""
    code, text, _ = outcome(capsys, *words(place, "--hazards", "H4", "--dry-run"))
    assert code == 0 and "2 candidates, 2 subsets of H4: 2 radio runs a seed" in text
    code, _, errors = outcome(capsys, *words(place, "--hazards", "H7", "--dry-run"))
    assert code == 2 and "candidate three lists H1, H4, H11" in errors


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--weight", "V2V BSM"), "--weight V2V BSM: must be CLASS=NUMBER"),
        (("--weight", "V2V BSM=-1"), "must be 0 or more"),
        (("--weight", "BSM=1"), "--weight BSM: a class is a link and a name"),
        (("--seeds", "0"), "--seeds 0: must be at least 1"),
        (("--candidates", "S99"), "candidate S99: standards.candidate: no such candidate"),
        (("--set", "standards.candidate=S3"), "--set standards.candidate: the study chooses it"),
        (("--decision-weights", "no-such-file.yaml"), "no-such-file.yaml"),
        (("--set", "duration_s"), "must be key.path=value"),
    ],
)
def test_wrong_words_are_named(place: Path, capsys: Any, more: tuple[str, ...], said: str) -> None:
    """By hand: one line that says what is wrong, exit code 2."""
    code, _, errors = outcome(capsys, *words(place, *more))
    assert code == 2 and said in errors and "Traceback" not in errors


def test_the_family_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: those of S0 to S6, R1 to R5 and G that are shipped; S0 is what the others are compared with, the highest
    S is attributed."""
    import sim.fragment as package
    from sim.cli import build_parser

    monkeypatch.setattr(package, "shipped_family", lambda: ("S0", "S1", "S6", "R1", "G"))
    question = verb.question_from(build_parser().parse_args(["fragment", "tripoint"]))
    assert question.candidates == ("S0", "S1", "S6", "R1", "G")
    assert (question.against, question.attribute, question.name) == ("S0", "S6", "fragment-tripoint")
    question = verb.question_from(build_parser().parse_args(["fragment", "x/y.yaml", "--candidates", "S1", "G"]))
    assert (question.against, question.attribute, question.name) == ("S1", "S1", "fragment-y")
    words = ["fragment", "x", "--attribute", "none", "--hazards", "H1"]
    question = verb.question_from(build_parser().parse_args(words))
    assert question.attribute == "none" and question.hazards == () and question.wanted == ("S0", "S1", "S6", "R1", "G")


def test_the_folder_is_a_campaign(place: Path) -> None:
    """Property: what other verbs on campaigns read is there, under the axis ``standards``."""
    campaign = read_campaign_folder(place / "out")
    assert campaign.name == f"fragment-{SCENARIO}" and campaign.varying == ["standards"]
    assert campaign.variant(standards="harm").index == 0 and not campaign.missing()
