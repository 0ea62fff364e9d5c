"""``corridor verdict``: exit codes, table, JSON, figure, and a small campaign that was really run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.campaign.plan import campaign_of
from sim.campaign.store import CampaignFolder
from sim.requirements.loader import read_requirements
from sim.requirements.verdict import verdicts
from tests.sim.cli_cases import outcome
from tests.sim.requirements_factory import latency_rows, prr_rows, requirements, write_campaign, write_run

CHECKS = ["{metric: prr, at_range_m: 150}", '{metric: latency, op: "<=", value: 100, value_provenance: R2}']


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A user's file: reception at 150 m and latency."""
    return str(requirements(tmp_path / "own.yaml", CHECKS))


def folder(path: Path, prr: float, seeds: int = 5, n: int = 1000) -> str:
    """A campaign of equal runs."""
    return str(write_campaign(path, {"a": [{"rows": [*prr_rows(prr, n), *latency_rows(50.0)]}] * seeds}))


@pytest.mark.parametrize(
    ("prr", "seeds", "n", "word", "code"),
    [(1.0, 5, 1000, "met", 0), (0.5, 5, 1000, "NOT MET", 3), (1.0, 4, 1000, "undecided (+1)", 3),
     (1.0, 5, 3, "no data", 3)],
)
def test_check(
    capsys: Any, tmp_path: Path, own: str, prr: float, seeds: int, n: int, word: str, code: int
) -> None:
    """By hand: only *met* passes a check; without --check the exit code is 0."""
    rows = [*latency_rows(50.0), *(row for place in ("", "A", "B") for row in prr_rows(prr, n, jurisdiction=place))]
    out = str(write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * seeds}))
    got, text, _ = outcome(capsys, "verdict", out, "--requirements", own, "-v")
    assert got == 0 and f"X-1 [all] {word.split(' (')[0]}: by hand" in text
    assert next(line for line in text.splitlines() if line.startswith("X-1")).split(maxsplit=1)[1].startswith(word)
    got, text, errors = outcome(capsys, "verdict", out, "--requirements", own, "--check")
    assert got == code
    assert ("check failed: 3 verdicts are not 'met'" in errors) == (code == 3)


def test_no_data_is_never_printed_as_met(capsys: Any, tmp_path: Path, own: str) -> None:
    """By hand: table and JSON of a campaign with too few packets hold no 'met'."""
    out = folder(tmp_path / "c", 1.0, n=3)
    _, text, _ = outcome(capsys, "verdict", out, "--requirements", own)
    assert "0 met; 0 not met; 0 undecided; 3 no data" in text
    assert "1 of 1 applications have no data anywhere" in text
    code, text, _ = outcome(capsys, "verdict", out, "--requirements", own, "--json")
    document = json.loads(text)
    assert code == 0 and document["counts"] == {"met": 0, "undecided": 0, "no data": 3, "not met": 0}
    assert {one["state"] for one in document["variants"][0]["verdicts"]} == {"no data"}


def test_json_is_complete(capsys: Any, tmp_path: Path, own: str) -> None:
    """By hand: value, interval, limit, provenance, seeds and the figures behind, under stable names."""
    out = folder(tmp_path / "c", 1.0)
    document = json.loads(outcome(capsys, "verdict", out, "--requirements", own, "--json")[1])
    assert document["thresholds"]["own"]["prr_ratio"] == 0.9
    assert document["schema_version"] == 1 and not document["single_run"]
    verdict = document["variants"][0]["verdicts"][0]
    assert (verdict["application"], verdict["jurisdiction"], verdict["state"]) == ("X-1", None, "met")
    reception, latency = verdict["checks"]
    assert (reception["metric"], reception["limit"], reception["op"]) == ("prr", 0.9, ">=")
    assert {reception[f"{one}_provenance"] for one in ("value", "stat", "range")} == {"P"}
    assert reception["value"] == 1 and 1 > reception["lower"] > 0.999 and reception["upper"] == 1
    assert reception["n"] == 5000 and reception["seeds"] == 5 and "Wilson" in reception["interval"]
    assert [one["what"] for one in reception["findings"]][-1] == "V2V BSM 150-175 m"
    assert (latency["stat"], latency["value_provenance"], latency["value"]) == ("p99", "R2", 50.0)
    assert latency["beside"]["p100_ms"] == 51.0


def test_one_run(capsys: Any, tmp_path: Path, own: str) -> None:
    """By hand: a result folder of one run is taken, and decides nothing."""
    out = str(write_run(tmp_path / "run", [*prr_rows(1.0, 5000), *latency_rows(50.0)]))
    code, text, _ = outcome(capsys, "verdict", out, "--requirements", own)
    assert code == 0 and "by-hand: one run, so nothing is met or not met" in text and "undecided (+4)" in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nowhere",), "nowhere: no such folder"),
        (("OUT", "--application", "C53-RLWV"), "no application 'C53-RLWV'; did you mean 'C53-RLVW'?"),
        (("OUT", "--jurisdiction", "QP"), "no jurisdiction 'QP'; there are A, B"),
        (("OUT", "--requirements", "csae35"), "csae35: no such file and no shipped requirements of that name"),
        (("OUT", "--set", "prr=0.9"), "no threshold 'prr'; did you mean 'prr_ratio'?"),
        (("OUT", "--set", "prr_ratio"), "'prr_ratio' must be KEY=VALUE"),
        (("OUT", "--figure", "matrix.gif"), "figure format 'gif' is unknown; there are png, svg, pdf"),
    ],
)
def test_mistakes(capsys: Any, tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    """By hand: one line and exit code 2."""
    out = folder(tmp_path / "c", 1.0)
    code, _, errors = outcome(capsys, "verdict", *(out if word == "OUT" else word for word in words))
    assert code == 2 and complaint in errors and "Traceback" not in errors


def test_figure(capsys: Any, tmp_path: Path) -> None:
    """Property: the figure is a picture in each format and language, equal for equal results."""
    rows = [*prr_rows(1.0, 1000), *latency_rows(50.0)]
    out = str(write_campaign(tmp_path / "c", {"dense": [{"rows": rows, "illustrative": True}] * 5, "thin": [None] * 5}))
    figures = [tmp_path / name for name in ("a.png", "b.png", "c.svg")]
    for figure in figures:
        language = "zh" if figure.suffix == ".svg" else "en"
        words = ("--application", "C53", "--figure", str(figure), "--language", language)
        assert outcome(capsys, "verdict", out, *words)[0] == 0
    assert figures[0].read_bytes() == figures[1].read_bytes()
    assert figures[0].read_bytes()[:4] == b"\x89PNG" and figures[2].read_text().startswith("<?xml")


def test_words_of_the_figure() -> None:
    """Property: both languages have the same words, each state one of its own."""
    from sim.plots.labels import LABELS
    from sim.plots.verdict import _STATES

    english, chinese = ({k for k in LABELS[one] if k.startswith("verdict_")} for one in ("en", "zh"))
    assert english == chinese and {word for word, _, _ in _STATES.values()} <= english
    assert len({colour for _, colour, _ in _STATES.values()}) == len({m for _, _, m in _STATES.values()}) == 4


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Five runs of one vehicle standing 100 m from one unit."""
    plan = campaign_of({
        "name": "small", "scenarios": ["01-one-vehicle-one-rsu"], "set": {"duration_s": 4}, "seeds": 5,
    })
    place = CampaignFolder(tmp_path_factory.mktemp("real") / "c")
    place.out.mkdir()
    place.write_plan(plan)
    for run in plan.runs:
        sim.run(plan.task(run).loaded, place.run_path(run.run_id), plots=False)
    return str(place.out)


def test_real_campaign(capsys: Any, real: str) -> None:
    """By hand: a BSM every 100 ms makes 10 Hz; no delay is beyond 100 ms; nobody else listens, so that V2V rows have no
    data; a unit alone has no spacing."""
    words = ("--application", "22185", "--application", "GZ-SPC", "--application", "C53-HLW", "--json")
    code, text, errors = outcome(capsys, "verdict", real, *words)
    assert code == 0, errors
    found = {one["application"]: one for one in json.loads(text)["variants"][0]["verdicts"] if not one["jurisdiction"]}
    states = {name: one["state"] for name, one in found.items()}
    assert states["22185-F"] == "met"
    assert states["22185-L-V2I"] != "not met" and 0 < found["22185-L-V2I"]["checks"][0]["value"] <= 100
    assert states["22185-L-V2V"] == states["22185-PC"] == states["GZ-SPC"] == "no data"
    position = found["C53-HLW"]["checks"][-1]
    assert position["metric"] == "position_error" and position["n"] > 100 and position["value"] > 0


def test_real_run_with_exact_positions(tmp_path: Path) -> None:
    """By hand: a run without an error model measures no error, and the row says why."""
    loaded = sim.load("01-one-vehicle-one-rsu", ["duration_s=1", "gnss.model=exact"])
    result = sim.run(loaded, tmp_path / "run", plots=False)
    found = verdicts(result.folder, read_requirements().chosen(["C53-HLW"])).variants[0].of("C53-HLW").checks[-1]
    assert (found.check.metric, found.state) == ("position_error", "no data") and "gnss: exact" in found.reason


def test_real_campaign_agrees_with_its_rows(real: str) -> None:
    """Independent: the mean rate and its interval from the rows of metrics.csv, by NumPy and the printed t."""
    import numpy as np

    from sim.campaign.store import read_campaign_folder
    values = [
        result.value(metric="generation_rate", message="RSI", station_class="rsu", jurisdiction=None)
        for _, result in read_campaign_folder(real).results(0)
    ]
    check = verdicts(real, read_requirements().chosen(["C53-HLW"])).variants[0].of("C53-HLW").checks[4]
    assert check.check.metric == "generation_rate" and check.deciding is not None
    judgement = check.deciding.judgement
    assert judgement.value == pytest.approx(np.mean(values), rel=1e-12)
    half = 2.7764 * np.std(values, ddof=1) / np.sqrt(5)
    assert (judgement.upper - judgement.lower) / 2 == pytest.approx(half, abs=1e-6)
