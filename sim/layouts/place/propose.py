"""From targets to a layout: model, choice, simulation, more units where it falls short."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sim
from sim.campaign.engine import MakeExecutor
from sim.campaign.seeds import replication_seed
from sim.layouts.files import layout_yaml
from sim.layouts.place.exact import Choice, choose
from sim.layouts.place.greedy import Greedy
from sim.layouts.place.model import reach_of
from sim.layouts.place.poles import Pole, candidate_poles, layout_of
from sim.layouts.place.problem import Problem, problem_of
from sim.layouts.place.supply import supply_of
from sim.layouts.place.target import Target, parse_targets
from sim.layouts.place.verify import Bench, Judge, Round, next_units, simulate
from sim.results import ResultError
from sim.scenario.loader import LoadedScenario, load
from sim.scenario.schema.layout import Layout
from sim.whole import written_whole
from sim.world.corridor import CorridorGeometry

BEYOND = 5
"""Units beyond the targets that the curve goes on for."""
OWN_NAMES = {"place.json", "place.csv", "place.png", "scenario.yaml", "layout.yaml", "layouts", "simulated"}
MODEL_SHARE, PROGRESS_OF_ROUNDS = 0.1, 0.9
"""Parts of the progress bar."""


@dataclass(frozen=True)
class Question:
    """What is asked."""

    loaded: LoadedScenario
    targets: tuple[Target, ...]
    budget: int | None = None
    seeds: int = 5
    spacing_m: float = 50.0
    verify: bool = True
    rounds: int = 6
    """Layouts simulated at most."""
    judge: Judge = "lower"

    def number(self) -> str:
        """Ten hex digits that differ where anything differs that could change the answer."""
        text = json.dumps([
            self.loaded.run_id(), [str(target) for target in self.targets], self.budget, self.seeds, self.spacing_m,
            self.judge, sim.__version__,
        ])
        return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclass
class Proposal:
    """What is proposed, and on what grounds."""

    question: Question
    corridor: CorridorGeometry
    poles: list[Pole]
    seeds: list[int]
    problem: Problem
    choice: Choice
    greedy: Greedy
    radio: str
    """Access layer, in one line."""
    rounds: list[Round] = field(default_factory=list)
    stopped: str = ""
    """Why no further round was simulated although targets are missed."""
    out: Path | None = None

    @property
    def final(self) -> Round | None:
        """The round whose layout is proposed: the last if it holds, else the one that comes nearest."""
        if not self.rounds or self.rounds[-1].holds:
            return self.rounds[-1] if self.rounds else None
        return max(self.rounds, key=lambda one: (one.holds, self._reached(one), -len(one.units)))

    @property
    def units(self) -> list[int]:
        """Poles of the proposed layout."""
        final = self.final
        return list(final.units) if final is not None else list(self.choice.units)

    @property
    def holds(self) -> bool | None:
        """Whether the targets hold in simulation; none = not simulated."""
        final = self.final
        return final.holds if final is not None else None

    def chosen_shares(self) -> np.ndarray:
        """[targets]: what the model says of the units it chose (not one of the curve's sets where that is better)."""
        return self.problem.state(self.choice.units).shares()

    def layout(self) -> Layout:
        """The proposed layout: every unit listed, all else as in the scenario's."""
        return self.layout_of(self.units)

    def layout_of(self, units: Sequence[int]) -> Layout:
        """A layout of some poles, its note saying where it comes from."""
        q = self.question
        asked = "; ".join(str(target) for target in q.targets)
        made = layout_of(q.loaded.config.layout, [self.poles[unit] for unit in units], f"{q.loaded.name}-{len(units)}")
        return made.model_copy(update={"note": f"proposed by corridor place for {q.loaded.name}: {asked}"})

    def _reached(self, one: Round) -> float:
        parts = [
            min(interval.mean / target.share, 1.0)
            for interval, target in zip(one.intervals, self.question.targets, strict=True)
        ]
        return sum(parts)


def propose(
    source: str | Path | LoadedScenario, targets: Sequence[str], overrides: Sequence[str] = (), *,
    seed: int | None = None, budget: int | None = None, seeds: int = 5, spacing_m: float = 50.0, verify: bool = True,
    rounds: int = 6, judge: Judge = "lower", out: str | Path | None = None, jobs: int | None = None,
    executor: MakeExecutor | None = None, progress: Callable[[float, str], None] | None = None,
    remark: Callable[[str], None] | None = None,
) -> Proposal:
    """Propose where roadside units should stand so that the targets are met with as few as possible.

    ``targets`` are texts (:func:`sim.layouts.place.target.parse_target`). ``budget`` bounds the number of units; if
    they do not suffice, the best so many are proposed. The model leaves interference out; unless ``verify`` is false,
    the layout is then simulated under ``seeds`` seeds (in ``out``, default ``results/place-<scenario>-<number>``; the
    same call resumes) and units are added, at most ``rounds`` layouts, until the targets hold or nothing helps.
    ``progress(fraction, text)`` may raise to end; finished runs are kept.

    Raises ValueError for a target that cannot be read or has no cells, :class:`sim.results.ResultError` where
    the folder cannot be used, :class:`sim.layouts.place.verify.RunsFailed` where runs of a round fail.
    """
    loaded = source if isinstance(source, LoadedScenario) else load(source, list(overrides), seed)
    asked = parse_targets(targets, [one.id for one in loaded.config.corridor.jurisdictions])
    _check_numbers(budget, seeds, rounds)
    question = Question(
        loaded, tuple(asked), budget, seeds, spacing_m, verify, rounds, judge
    )
    report = progress or (lambda fraction, text: None)
    folder = Path(out) if out is not None else Path("results") / f"place-{loaded.name}-{question.number()}"
    if verify or out is not None:
        check_folder(folder, () if loaded.data_file is None else (loaded.data_file.name,))
    proposal, bench = _modelled(question, report)
    if verify or out is not None:
        folder.mkdir(parents=True, exist_ok=True)
        proposal.out = folder
    if verify:
        _verify(proposal, bench, folder, report, jobs, executor, remark)
    report(1.0, "done")
    return proposal


def check_folder(folder: Path, more: Sequence[str] = ()) -> None:
    """A ResultError for a folder that holds something else than an earlier proposal (and files called ``more``)."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ResultError(f"--out {folder}: exists and is not a folder")
    strange = sorted(one.name for one in folder.iterdir() if one.name not in (*OWN_NAMES, *more) and one.name[0] != ".")
    if strange:
        raise ResultError(f"--out {folder}: holds {strange[0]!r}, which no proposal writes; choose another folder")


def _check_numbers(budget: int | None, seeds: int, rounds: int) -> None:
    for name, value, most in (("--budget", budget, 100_000), ("--seeds", seeds, 10_000), ("--rounds", rounds, 100)):
        if value is not None and not 1 <= value <= most:
            raise ValueError(f"{name} {value}: must be from 1 to {most}")


def _modelled(question: Question, report: Callable[[float, str], None]) -> tuple[Proposal, Bench]:
    """Everything before simulation."""
    loaded, config = question.loaded, question.loaded.config
    corridor = CorridorGeometry(config.corridor)
    poles = candidate_poles(config.layout, corridor, question.spacing_m)
    report(0.0, f"what {len(poles)} poles would send")
    supply = supply_of(loaded, poles)
    report(0.3 * MODEL_SHARE, "link budgets")
    seeds = [replication_seed(config.seed, number) for number in range(question.seeds)]
    reach = reach_of(supply, seeds, sorted({target.message for target in question.targets}))
    grid, names = supply.engine.world.probes.grid, tuple(corridor.jurisdiction_ids)
    problem = problem_of(question.targets, reach, grid, names, len(poles))
    report(0.6 * MODEL_SHARE, "choosing")
    choice, curve = choose(
        problem, question.budget, beyond=BEYOND, report=lambda: report(0.7 * MODEL_SHARE, "choosing")
    )
    told = supply.engine.access.provenance()
    radio = " and ".join(told[key].split(";")[0] for key in ("access", "second radio: access") if key in told)
    proposal = Proposal(question, corridor, poles, seeds, problem, choice, curve, radio)
    bench = Bench(
        loaded, question.targets, reach, grid, names, supply.measured_s, question.seeds, question.judge,
    )
    return proposal, bench


def _verify(
    proposal: Proposal, bench: Bench, folder: Path, report: Callable[[float, str], None], jobs: int | None,
    executor: MakeExecutor | None, remark: Callable[[str], None] | None,
) -> None:
    """Simulate, add, simulate again."""
    question = proposal.question
    units, paths = list(proposal.choice.units), []
    if not units:
        proposal.stopped = "no pole reaches any of the cells"
        return
    scenario = _write_scenario(question.loaded, folder)
    for number in range(1, question.rounds + 1):
        path = folder / "layouts" / f"round-{number}-{len(units)}-units.yaml"
        _write_layout(proposal, units, path)
        paths.append(path)

        def told(fraction: float, text: str, number: int = number, count: int = len(units)) -> None:
            done = 1 - 0.5 ** (number - 1) + 0.5 ** number * fraction
            report(MODEL_SHARE + PROGRESS_OF_ROUNDS * done, f"round {number}, {count} unit(s): {text}")

        campaign = simulate(
            bench, scenario, paths, folder / "simulated", jobs=jobs, executor=executor, progress=told, remark=remark
        )
        last = bench.round_of(number, units, path.stem, campaign)
        proposal.rounds.append(last)
        if last.holds:
            return
        if question.budget is not None and len(units) >= question.budget:
            proposal.stopped = f"the budget of {question.budget} unit{'' if question.budget == 1 else 's'} is used up"
            return
        more = next_units(proposal.problem, last, question.budget, bench)
        if not more:
            proposal.stopped = "no further pole adds anything by the model"
            return
        units += more
    proposal.stopped = f"{question.rounds} layouts have been simulated (--rounds)"


def _write_scenario(loaded: LoadedScenario, folder: Path) -> Path:
    """The scenario with everything filled in, and the file it replays: what is simulated is what was modelled."""
    path = folder / "scenario.yaml"
    with written_whole(path) as partial:
        partial.write_text(loaded.resolved_yaml(), encoding="utf-8")
    if loaded.data_file is not None and loaded.data_file.resolve() != (folder / loaded.data_file.name).resolve():
        shutil.copyfile(loaded.data_file, folder / loaded.data_file.name)
    return path


def _write_layout(proposal: Proposal, units: Sequence[int], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = layout_yaml(proposal.layout_of(units), proposal.corridor)
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")

