"""A comparison from the question to its tables and figures, on three hundred metres of road."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.campaign.engine import run_campaign
from sim.campaign.execute import execute
from sim.campaign.plan import Plan
from sim.campaign.seeds import replication_seed
from sim.campaign.store import CampaignFolder, CampaignResult
from sim.campaign.task import Ended, Task
from sim.cli import main
from sim.layouts.compare import Answer, Question, compare, comparison_plan, default_models
from sim.layouts.compare.answer import _site, further_runs
from sim.layouts.compare.observe import Key
from sim.layouts.compare.tables import TABLES, rows_of, write_tables
from sim.layouts.compare.words import document, summary_lines
from sim.plots.compare import COMPARISONS, draw_comparison
from sim.scenario import load

SCENARIO = "01-one-vehicle-one-rsu"
LAYOUTS = {
    "far": "tx_power_dbm: -16\nsites: [{id: A-1, at_m: 20}]\n",
    "both": "tx_power_dbm: -16\nsites: [{id: A-1, at_m: 20}, {id: A-2, at_m: 250}]\n",
}


class Here:
    """Computes in this process."""

    capacity = 1

    def __init__(self, folder: CampaignFolder) -> None:
        self.folder, self.held = folder, list[Task]()

    def submit(self, task: Task) -> None:
        self.held.append(task)

    def ended(self, timeout_s: float) -> list[Ended]:
        task = self.held.pop(0)
        execute(task, self.folder)
        return [Ended(task)]

    def close(self) -> None:
        self.held.clear()


def do(plan: Plan, folder: Path) -> CampaignResult:
    return run_campaign(plan, folder, executor=Here)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the layout files."""
    folder = tmp_path_factory.mktemp("compare")
    for name, text in LAYOUTS.items():
        (folder / f"{name}.yaml").write_text(f"schema: layout/1\nname: {name}\n{text}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def question(place: Path) -> Question:
    """Two layouts under two models, the worst unit of each simulated."""
    files = tuple(str(place / f"{name}.yaml") for name in LAYOUTS)
    return Question(files, SCENARIO, models=("winner-b1", "free-space"), seeds=2, changes={"duration_s": 1})


@pytest.fixture(scope="module")
def answer(question: Question, place: Path) -> Answer:
    """The comparison, done."""
    return compare(question, place / "out", do)


def test_coverage_is_that_of_the_runs(answer: Answer) -> None:
    """Independent: the deciding coverage of each variant is the share written in metrics.csv of its runs, read as
    text, and its difference to the first layout is that of the shares."""
    one, base = answer.of("both", "winner-b1", ""), answer.of("far", "winner-b1", "")
    shares = {}
    for of in (one, base):
        for run, result in answer.campaign.results(of.variant):
            with (result.folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
                shares[of.layout, run.replication] = [
                    float(row["value"]) for row in csv.DictReader(file)
                    if row["metric"] == "C_useful" and row["message"] == "RSI" and row["station_class"] == "probe"
                    and not row["jurisdiction"] + row["direction"] + row["chainage_m"]
                ][0]
    assert answer.classes == ("RSI",)
    assert answer.coverage(one).tolist() == [shares["both", k] for k in (0, 1)]
    rows = [dict(zip(TABLES["compare"], row, strict=True)) for row in rows_of(answer)["compare"]]
    found = [
        row for row in rows
        if (row["layout"], row["propagation"], row["metric"]) == ("both", "winner-b1", "coverage")
    ]
    expected = np.mean([shares["both", k] - shares["far", k] for k in (0, 1)])
    assert len(found) == 1 and found[0]["difference"] == pytest.approx(expected) and found[0]["n_seeds"] == 2
    assert expected > 0.2


def test_units_zone_and_cost(answer: Answer) -> None:
    """By hand: one and two units; the event covers 200 to 300 m and 200 m before it on a road of 400 m, of which
    the zone takes what is there, in one direction; cost per covered km is cost over zone and coverage. Nothing is
    cheaper than the single unit; whether the second one is worth it is open after two seeds (t = 12.7)."""
    one = answer.of("both", "winner-b1", "")
    assert [len(answer.sites[name, ""].units) for name in ("far", "both")] == [1, 2]
    assert answer.zone_km(one) == pytest.approx(0.3)
    assert answer.sites["both", ""].cost.total_cny > answer.sites["far", ""].cost.total_cny
    per_km = answer.cost_per_covered_km(one)
    assert per_km == pytest.approx(answer.sites["both", ""].cost.total_cny / (0.3 * answer.coverage(one)))
    assert answer.front("winner-b1", "") == {"far": "on the front", "both": "undecided"}


def test_a_layout_that_covers_nothing_under_a_seed_has_no_cost_per_covered_km(answer: Answer) -> None:
    """By hand: the mean over the other seeds would flatter it; it comes last and no pair with it is decided."""
    one = answer.of("far", "winner-b1", "")
    key = Key("C_useful", "ratio", "I2V", "RSI", station_class="probe")
    empty = replace(one, values={**one.values, key: np.array([0.9, 0.0])})
    other = replace(answer, observed=[empty if each is one else each for each in answer.observed])
    assert np.isnan(other.cost_per_covered_km(empty)).all() and other.coverage(empty).tolist() == [0.9, 0.0]
    first = other.rankings("", "cost per covered km")[0]
    assert first.order == ("both", "far") and first.pairs == ()
    assert any("both; none: far" in line for line in summary_lines(other))


def test_a_unit_out_of_service_is_paid_for(place: Path) -> None:
    """By hand: it stands, so the layout costs and counts the same; fewer units are left to take down."""
    (place / "down.yaml").write_text(f"schema: layout/1\nname: down\n{LAYOUTS['both']}down: [A-2]\n", encoding="utf-8")
    files = tuple(str(place / f"{name}.yaml") for name in ("both", "down"))
    question = Question(files, SCENARIO, models=("winner-b1",), seeds=2, failures="simulate")
    plan = comparison_plan(question)
    both, down = (_site(variant) for variant in plan.variants)
    assert both.cost.total_cny == down.cost.total_cny and len(both.units) == len(down.units) == 2
    assert further_runs(question, plan) == (2 + 1) * 2


def test_the_scenario_s_own_model_may_be_changed(place: Path) -> None:
    """By hand: what --set makes of it comes first on the axis; keys of all layouts may be set too."""
    changes = {"radio.channel.v2i": "two-ray", "layout.tx_power_dbm": -10}
    plan = comparison_plan(Question((str(place / "far.yaml"),), SCENARIO, seeds=1, changes=changes))
    assert plan.axes["radio.channel.v2i"][0] == "two-ray" and len(plan.axes["radio.channel.v2i"]) == 2
    assert {one.loaded.config.layout.tx_power_dbm for one in plan.variants if one.loaded} == {-10}


def test_rankings_stand_under_each_model(answer: Answer) -> None:
    """Property: more units cover more under both models, and cost less per covered km here (0.3 km, coverage of 0.8 and
    1.0); two seeds do not decide it, and an order that is not decided is not called a flip."""
    for by in ("coverage", "cost per covered km"):
        rankings = answer.rankings("", by)
        assert [one.model for one in rankings] == ["winner-b1", "free-space"]
        assert all(one.order == ("both", "far") and one.undecided_with("far") == ["both"] for one in rankings)
        assert answer.flips("", by) == []


def test_worst_units_are_simulated_beside_the_estimate(answer: Answer) -> None:
    """Property: without its only unit a layout has nothing left, by estimate and by simulation; the worst of two is
    simulated too and agrees within 0.05."""
    for layout in ("far", "both"):
        told = answer.failures(answer.of(layout, "winner-b1", ""))
        worst = next(one for one in told if one.case == "worst unit" and one.measure == "C_useful")
        assert worst.simulated is not None and worst.simulated.n == 2
        assert worst.simulated.mean == pytest.approx(worst.estimate.mean, abs=0.05)
        if layout == "far":
            assert worst.estimate.mean == pytest.approx(worst.intact.mean)
    assert answer.down is not None and len(answer.down.runs) == 4 and answer.failed_runs() == 0
    assert answer.failures(answer.of("far", "free-space", ""))[0].simulated is None


def test_tables_are_the_same_when_done_again(answer: Answer, question: Question, place: Path) -> None:
    """Property: the same question in the same folder simulates nothing, and its tables have the same bytes."""
    first = {path.name: path.read_bytes() for path in write_tables(answer, place / "out")}
    stamps = {path: path.stat().st_mtime_ns for path in (place / "out").rglob("summary.json")}
    again = compare(question, place / "out", do)
    assert {path.name: path.read_bytes() for path in write_tables(again, place / "out")} == first
    assert {path: path.stat().st_mtime_ns for path in (place / "out").rglob("summary.json")} == stamps
    assert set(first) == {f"{name}.csv" for name in TABLES} and all(b"\n" in text for text in first.values())


def test_words_and_document(answer: Answer) -> None:
    """Property: the summary names layouts, models, classes and cost; the document is JSON without NaN."""
    text = "\n".join(summary_lines(answer))
    for word in ("far", "both", "winner-b1", "free-space", "RSI", "M CNY", "orders of magnitude", "worst: A-"):
        assert word in text, word
    (place,) = [line for line in text.splitlines() if line.startswith("  RSI A up")]
    both = answer.of("both", "winner-b1", "").share("C_useful", "RSI").mean()  # the zone lies in one place
    assert place.endswith(f"; {both:.3f}")
    told = json.loads(json.dumps(document(answer), allow_nan=False))
    assert told["schema_version"] == 1 and told["layouts"] == ["far", "both"]
    assert set(TABLES) < set(told) and told["ranking"][0]["layout"] == "both"
    far, both = (answer.sites[name, ""] for name in ("far", "both"))
    dearer = replace(both.cost, assumptions=("cost.pole_cny", "cost.sensor_cny"))
    other = replace(answer, sites={("far", ""): far, ("both", ""): replace(both, cost=dearer)})
    assert {"cost.sensor_cny", *far.cost.assumptions} <= set(document(other)["assumptions"])


def test_latency_quantiles_are_those_of_the_merged_runs(answer: Answer) -> None:
    """Property: p50 of RSI over two seeds lies between the quantiles of the seeds and stands in compare.csv."""
    one = answer.of("both", "winner-b1", "")
    found = answer.quantiles(one)
    merged = {key: value for key, value in found.items() if key.message == "RSI" and key.quantile == 0.5}
    assert len(merged) == 1
    key, value = next(iter(merged.items()))
    low, high = sorted(one.values[key].tolist())
    assert low <= value.mean <= high and not math.isnan(value.mean)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_figures_are_drawn(answer: Answer, place: Path) -> None:
    """Property: every figure is a PNG of some size, in two languages with names of their own."""
    files = draw_comparison(answer, place / "plots", ("en", "zh"))
    assert {file.name for file in files} == {f"{stem}{end}.png" for stem in COMPARISONS for end in ("", ".zh")}
    assert all(file.read_bytes().startswith(b"\x89PNG") and file.stat().st_size > 10_000 for file in files)


def test_command_line_on_a_finished_folder(answer: Answer, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: the verb finds everything done, prints one JSON document and nothing else on stdout."""
    words = [str(place / f"{name}.yaml") for name in LAYOUTS]
    words += ["--scenario", SCENARIO, "--propagation", "winner-b1", "free-space", "--seeds", "2"]
    words += ["--set", "duration_s=1"]
    assert main(["compare", *words, "--out", str(place / "out"), "--no-plots", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["layouts"] == ["far", "both"]
    assert main(["compare", *words, "--out", str(place / "out"), "--dry-run"]) == 0
    listed = capsys.readouterr().out
    assert listed.count("done") >= 8 and "4 runs with a unit out of service" in listed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no-such-layout"], "no such layout"),
        (["far.yaml", "far.yaml"], "stands more than once"),
        (["far.yaml", "--propagation", "no-such-law"], "radio.channel.v2i"),
        (["far.yaml", "--class", "BSM"], "--class BSM"),
        (["far.yaml", "--failures", "perhaps"], "--failures perhaps"),
        (["far.yaml", "--seeds", "0"], "seeds"),
        (["far.yaml", "--set", "duration_s"], "--set duration_s"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str], told: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Property: exit code 2, lines that begin ``error:`` and name what is wrong, nothing written."""
    monkeypatch.chdir(place)
    assert main(["compare", *words, "--scenario", SCENARIO, "--out", "nothing"]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors and all(line.startswith("error: ") for line in errors) and any(told in line for line in errors)
    assert not (place / "nothing").exists()


def test_a_run_that_fails_costs_its_seed_only(question: Question, answer: Answer, place: Path) -> None:
    """Property: where one run of a third seed is given up, its layout has two seeds, the others three, and differences
    pair the two that both have."""
    lost = replication_seed(1, 2)

    class Fails(Here):
        def ended(self, timeout_s: float) -> list[Ended]:
            config = self.held[0].loaded.config
            if (config.seed, config.layout.name, config.radio.channel.v2i) == (lost, "both", "winner-b1"):
                return [Ended(self.held.pop(0), "broken on purpose")]
            return super().ended(timeout_s)

    more = compare(
        replace(question, seeds=3, failures="none"), place / "out",
        lambda plan, folder: run_campaign(plan, folder, executor=Fails),
    )
    assert more.failed_runs() == 1
    assert {(one.layout, one.model): len(one.seeds) for one in more.observed} == {
        ("far", "winner-b1"): 3, ("far", "free-space"): 3, ("both", "winner-b1"): 2, ("both", "free-space"): 3,
    }
    pairs = {one.model: one.pairs[0].difference.n for one in more.rankings("")}
    assert pairs == {"winner-b1": 2, "free-space": 3}
    assert "2 to 3 seeds" in "\n".join(summary_lines(more))


def test_a_class_without_a_zone_cannot_decide(question: Question, place: Path) -> None:
    """Property: the scenario has no signal, so SPAT+MAP decides nothing, and the error says so."""
    with pytest.raises(ValueError, match="SPAT\\+MAP: no layout has a service zone"):
        compare(replace(question, class_="SPAT+MAP"), place / "out", do)


def test_default_models_are_the_own_and_the_most_different_one() -> None:
    """By hand: at 300, 500 and 1000 m WINNER+ B1 loses most and the urban law of TR 37.885 least of all laws."""
    assert default_models(load(SCENARIO)) == ("winner-b1", "tr37885-urban")
    assert default_models(load(SCENARIO, ["radio.channel.v2i=tr37885-urban"])) == ("tr37885-urban", "winner-b1")
