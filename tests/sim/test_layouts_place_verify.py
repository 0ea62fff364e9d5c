"""Proposals verified by simulation: rounds, shortfall, resuming, and the verb ``place``."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from sim.campaign.statistics import Interval
from sim.cli import main
from sim.layouts.place import report
from sim.layouts.place.exact import Choice, choose
from sim.layouts.place.greedy import Greedy
from sim.layouts.place.model import reach_of
from sim.layouts.place.poles import candidate_poles
from sim.layouts.place.problem import Problem, cells_of
from sim.layouts.place.propose import Proposal, Question, propose
from sim.layouts.place.supply import supply_of
from sim.layouts.place.target import Target, parse_target
from sim.layouts.place.verify import Bench, Hole, Round, judged, next_units
from sim.plots.place import save_curve
from sim.results import ResultError, read
from sim.scenario import load
from sim.world.corridor import CorridorGeometry

BENCH = Path(__file__).with_name("place_bench.yaml")
QUICK = ["layout.mid_block_services=[RSI]", "layout.junction_services=[RSI]", "layout.junction_sensor=false",
         "events.0.period_class=static", "duration_s=2"]
"""Little to simulate: RSI only, once a second."""


class Interrupted(Exception):
    """Stands for Ctrl-C."""


@pytest.fixture(scope="module")
def shortfall(tmp_path_factory: pytest.TempPathFactory) -> tuple[Proposal, Path, int]:
    """Two units where more are needed: interrupted after the first run, then resumed; when that run was written."""
    out = tmp_path_factory.mktemp("place") / "short"
    finished: list[Path] = []

    def stop(fraction: float, text: str) -> None:
        finished[:] = out.glob("simulated/runs/*/summary.json")
        if finished:
            raise Interrupted

    def ask(progress: object) -> Proposal:
        return propose(
            BENCH, ["coverage(RSI) >= 0.97"], QUICK, budget=2, seeds=2, spacing_m=100, jobs=1, out=out,
            progress=progress,  # type: ignore[arg-type]
        )

    with pytest.raises(Interrupted):
        ask(stop)
    first_ns = finished[0].stat().st_mtime_ns
    proposal = ask(None)
    report.write(proposal)
    save_curve(proposal, out / "place.png")
    assert finished[0].stat().st_mtime_ns == first_ns
    return proposal, out, first_ns


def test_an_interrupted_proposal_goes_on_where_it_was(shortfall: tuple[Proposal, Path, int]) -> None:
    """Property: a finished run is not done again (asserted in the fixture), all runs are there at the end."""
    proposal, out, _ = shortfall
    assert len(proposal.rounds) == 1
    assert len(list(out.glob("simulated/runs/*/summary.json"))) == 2


def test_simulated_shares_are_those_of_the_runs(shortfall: tuple[Proposal, Path, int]) -> None:
    """Independent: the rows C_useful that the runs' own metrics.csv hold, mean and t-interval of two values by hand."""
    proposal, out, _ = shortfall
    values = []
    for folder in sorted(out.glob("simulated/runs/*")):
        found = read(folder).select(metric="C_useful", message="RSI", jurisdiction="", direction="")
        values += [
            float(value) for value, station, at_m in
            zip(found["value"], found["station_class"], found["chainage_m"], strict=True)
            if station == "probe" and np.isnan(at_m)
        ]
    one = proposal.rounds[0]
    assert sorted(one.values[0].tolist()) == pytest.approx(sorted(values), abs=1e-9)
    low, high = sorted(values)
    interval = one.intervals[0]
    assert interval.mean == pytest.approx((low + high) / 2)
    assert interval.lower == pytest.approx(max(0.0, (low + high) / 2 - 12.706 * (high - low) / 2), abs=1e-3)


def test_a_shortfall_is_printed_with_its_holes(shortfall: tuple[Proposal, Path, int]) -> None:
    """Property: what is short, by how much, why it ends, and holes that are exactly the cells below the target."""
    proposal, out, _ = shortfall
    assert proposal.holds is False and len(proposal.units) == 2
    assert proposal.stopped == "the budget of 2 units is used up"
    printed = report.text(proposal)
    assert "SHORTFALL" in printed and "the budget of 2 units is used up" in printed
    assert "model without interference" in printed and "hole: coverage(RSI) up" in printed
    data = json.loads((out / "place.json").read_text())
    assert data["holds"] is False and data["model"]["label"] == "model without interference"
    short_m = sum(hole["to_m"] - hole["from_m"] for hole in data["holes"])
    assert short_m == 25 * int((proposal.rounds[0].covered[0].mean(axis=0) < 0.97).sum()) > 0


def test_tables_say_what_is_model_and_what_is_simulated(shortfall: tuple[Proposal, Path, int]) -> None:
    """Property: the curve never falls and never exceeds its bound; the simulated row is that of the round."""
    proposal, out, _ = shortfall
    with (out / "place.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    curve = [row for row in rows if row["source"] == "model"]
    shares = [float(row["share"]) for row in curve]
    assert [int(row["units"]) for row in curve] == list(range(len(curve)))
    assert shares == sorted(shares) and shares[0] == 0
    assert all(share <= float(row["bound"]) + 1e-9 for share, row in zip(shares, curve, strict=True))
    (chosen,) = [row for row in rows if row["source"] == "model, chosen"]
    assert float(chosen["share"]) == pytest.approx(float(proposal.problem.state(proposal.choice.units).shares()[0]))
    (simulated,) = [row for row in rows if row["source"] == "simulated"]
    assert float(simulated["share"]) == pytest.approx(proposal.rounds[0].intervals[0].mean)
    assert (out / "place.png").stat().st_size > 10_000


def test_units_are_added_until_the_target_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: begun with the first of the chosen units only, rounds keep what stands and add until the target holds,
    and with an ideal radio every round simulates what the model says of its units."""
    from sim.layouts.place import propose as module

    def too_few(*given: Any, **named: Any) -> tuple[Choice, Greedy]:
        choice, first = choose(*given, **named)
        return replace(choice, units=choice.units[:1]), first

    monkeypatch.setattr(module, "choose", too_few)
    loaded = load(BENCH, [*QUICK, "radio.access=ideal", "measure.max_distance_m=150"])
    proposal = propose(loaded, ["coverage(RSI) >= 1"], seeds=1, spacing_m=100, jobs=1, out=tmp_path / "ideal")
    assert proposal.holds and 2 <= len(proposal.rounds) <= 4
    for before, after in zip(proposal.rounds, proposal.rounds[1:], strict=False):
        assert after.units[: len(before.units)] == before.units and not before.holds
    for one in proposal.rounds:
        model = proposal.problem.state(one.units).shares()
        assert one.intervals[0].mean == pytest.approx(model[0], abs=1e-9)


def test_runs_that_fail_are_exit_code_4_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: a radio that raises in every run; the model (an ideal one's) is there, nothing is said of the layout."""
    monkeypatch.setenv("PYTHONPATH", str(BENCH.parents[2]))
    changes = [word for text in [*QUICK, "radio.access=tests.sim.executor_bench:Raising"] for word in ("--set", text)]
    code = main([
        "place", str(BENCH), "--target", "coverage(RSI) >= 0.5", "--seeds", "1", "--jobs", "1", "-q", *changes,
        "--out", str(tmp_path / "out"),
    ])
    out, err = capsys.readouterr()
    assert code == 4 and out == ""
    (line,) = err.splitlines()
    assert line.startswith("error: ") and "1 of 1 runs of round-1-1-units failed; failed.json says why" in line
    assert not (tmp_path / "out" / "place.csv").exists()


def a_bench(message: str = "RSM", overrides: tuple[str, ...] = ()) -> tuple[Bench, np.ndarray]:
    """What the rounds of a scenario have in common, and which cells of the class's zone count."""
    loaded = load(BENCH, [*overrides])
    corridor = CorridorGeometry(loaded.config.corridor)
    poles = candidate_poles(loaded.config.layout, corridor, 400.0)
    supply = supply_of(loaded, poles)
    target = Target(message, 0.9)
    reach = reach_of(supply, [1], [message])
    grid = supply.engine.world.probes.grid
    bench = Bench(
        loaded, (target,), reach, grid, ("A", "B"), supply.measured_s, 1,
    )
    return bench, cells_of(target, reach[message], grid, ("A", "B"))


def test_cells_that_no_sensor_watches_count_as_not_covered(tmp_path: Path) -> None:
    """By hand: a layout without a unit at the signal has no RSM zone of its own, and covers nothing of the planned one.
    """
    bench, keep = a_bench()
    loaded = load(BENCH, ['layout.sites=[{"id": "far", "at_m": 800}]', "layout.rules=[]", "duration_s=1"])
    result = sim.run(loaded, tmp_path / "run", plots=False)
    shares, value = bench._covered(bench.targets[0], bench.reach["RSM"], keep, result)
    assert keep.sum() == len(shares) == 24
    assert value == 0 and not shares.any()


def a_round(units: tuple[int, ...], covered: np.ndarray, wanted: float) -> Round:
    """A round with these shares [seeds, cells], equal weights."""
    values = covered.mean(axis=1)
    interval = Interval(float(values.mean()), float(values.min()), float(values.max()), len(values))
    return Round(1, units, "x", values[None], (interval,), (judged(interval, "lower") >= wanted,), (), (covered,))


def test_the_next_unit_is_the_one_that_fills_the_hole() -> None:
    """By hand: cell 1 is short in simulation; of two further poles the one that reaches it is taken."""
    bench, _ = a_bench()
    unit, element = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 1])
    problem = Problem(3, np.array([0.9]), unit, element, np.array([1.0, 0.9, 1.0, 0.8]), np.zeros(2, int),
                      np.array([0.5, 0.5]))
    short = a_round((0,), np.array([[1.0, 0.3]]), 0.9)
    assert next_units(problem, short, None, bench) == [2]
    assert next_units(problem, short, 1, bench) == []
    nothing = replace(problem, unit=unit[:3], element=element[:3], probability=problem.probability[:3])
    assert next_units(nothing, short, None, bench) == []


def test_what_is_judged() -> None:
    """By hand: lower end, or mean; one seed has no interval and is judged as it is."""
    interval = Interval(0.9, 0.8, 1.0, 5)
    assert (judged(interval, "lower"), judged(interval, "mean")) == (0.8, 0.9)
    assert judged(Interval(0.9, float("nan"), float("nan"), 1), "lower") == 0.9


def test_the_proposed_round_is_the_nearest_one(shortfall: tuple[Proposal, Path, int]) -> None:
    """Property: where more units made it worse, the better round is proposed."""
    proposal, _, _ = shortfall
    better, worse = a_round((1,), np.full((2, 4), 0.8), 0.97), a_round((1, 2), np.full((2, 4), 0.7), 0.97)
    changed = replace(proposal, rounds=[better, worse])
    assert changed.final is better and changed.units == [1]


def test_question_numbers_differ_by_what_is_asked() -> None:
    """Property: the default folder of another question is another one; rounds and jobs do not matter."""
    question = Question(load(BENCH), (parse_target("coverage(RSI) >= 0.9"),))
    others = [
        replace(question, seeds=6), replace(question, budget=3), replace(question, spacing_m=25.0),
        replace(question, targets=(parse_target("coverage(RSI) >= 0.8"),)), replace(question, judge="mean"),
        replace(question, loaded=load(BENCH, seed=5)),
    ]
    numbers = {one.number() for one in (question, *others)}
    assert len(numbers) == 7
    assert replace(question, rounds=2).number() == question.number()


def run_verb(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of ``corridor place`` on the bench without simulation."""
    code = main(["place", str(BENCH), "--no-verify", "--seeds", "2", "--pole-spacing", "100", *words])
    return code, *capsys.readouterr()


def test_the_verb_writes_layouts_that_load_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: YAML and GeoJSON hold the proposed units, at the same places, with what the layout says of all."""
    yaml, geojson = tmp_path / "units.yaml", tmp_path / "units.geojson"
    words = ("--target", "coverage(SPAT) >= 0.6", "--target", "coverage(RSI, raw) >= 0.6")
    code, out, _ = run_verb(capsys, *words, "--write", str(yaml), "--geojson", str(geojson), "--json")
    data = json.loads(out)
    assert code == 0 and data["schema_version"] == 1 and data["verified"] is False and data["holds"] is None
    assert [one["wanted"] for one in data["targets"]] == [0.6, 0.6]
    assert all(one["model"] >= one["wanted"] for one in data["targets"])
    from sim.world.sites import build_units

    for path in (yaml, geojson):
        layout = load(BENCH, [f"layout={path}"]).config.layout
        units = build_units(layout, CorridorGeometry(load(BENCH).config.corridor))
        assert [unit.id for unit in units] == [one["id"] for one in data["units"]]
        assert [unit.chainage_m for unit in units] == pytest.approx([one["at_m"] for one in data["units"]], abs=1e-3)
        assert {unit.tx_power_dbm for unit in units} == {-16.0}


def test_the_verb_gives_equal_files_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: table, JSON, layout and picture are byte-identical."""
    for name in ("one", "two"):
        assert run_verb(capsys, "--target", "coverage(RSI) >= 0.8", "--out", str(tmp_path / name))[0] == 0
    for name in ("place.csv", "place.json", "layout.yaml", "place.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_verb_says_when_targets_are_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    """Property: --check makes exit code 3 of it; a budget says what is possible with it."""
    weak = ("--set", "layout.tx_power_dbm=-20", "--set", "layout.antenna_gain_dbi=-10")
    words = ("--target", "coverage(SPAT) >= 0.99", *weak)
    assert run_verb(capsys, *words)[0] == 0
    code, out, _ = run_verb(capsys, *words, "--check")
    assert code == 3 and "no set of these poles meets the targets" in out
    code, out, _ = run_verb(capsys, "--target", "coverage(RSI) >= 0.99", "--budget", "1", "--check")
    assert code == 3 and "no layout of 1 unit gets further than" in out and "or more are needed" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--target", "coverage(BSM) >= 0.9"), "BSM goes from vehicle to vehicle"),
        ((), "--target: at least one is needed"),
        (("--target", "coverage(SPAT, jurisdiction=C) >= 0.9"), "no jurisdiction 'C'; known: A, B"),
        (("--target", "coverage(SPAT, jurisdiction=B) >= 0.9"), "no cell of the road lies in this service zone"),
        (("--target", "coverage(RSI) >= 0.9", "--budget", "0"), "--budget 0: must be from 1"),
        (("--target", "coverage(RSI) >= 0.9", "--rounds", "0"), "--rounds 0: must be from 1"),
        (("--target", "coverage(RSI) >= 0.9", "--jobs", "0"), "--jobs 0: must be from 1"),
        (("--target", "coverage(RSI) >= 0.9", "--pole-spacing", "0.01"), "--pole-spacing 0.01: must be at least 1 m"),
        (("--target", "coverage(RSI) >= 0.9", "--set", "radio.access=uu"), "not modelled for placing units"),
    ],
)
def test_bad_input_is_one_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: exit code 2 and one line on stderr."""
    code, out, err = run_verb(capsys, "-q", *words)
    assert code == 2 and out == ""
    assert len(err.splitlines()) == 1 and err.startswith("error: ") and said in err


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """By hand."""
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(ResultError, match="holds 'thesis.txt'"):
        propose(BENCH, ["coverage(RSI) >= 0.9"], out=tmp_path, verify=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_holes_are_told_with_their_direction() -> None:
    """By hand: two stretches of one carriageway, cells of 25 m."""
    bench, _ = a_bench("RSI")
    reach = bench.reach["RSI"]
    at_m = bench.grid.chainage_m[reach.cells]
    covered = np.where((at_m < 660) | ((at_m > 800) & (at_m < 830)), 0.5, 1.0)[None]
    assert bench._holes(bench.targets[0], covered) == [
        Hole(bench.targets[0], "up", 600.0, 650.0, 0.5), Hole(bench.targets[0], "up", 800.0, 825.0, 0.5),
    ]
