"""Does a proposed layout reach its targets in the simulator, interference and all; if not, which poles come next."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sim.campaign.engine import MakeExecutor, run_campaign
from sim.campaign.plan import Plan, campaign_of
from sim.campaign.statistics import Interval, mean_interval
from sim.campaign.store import CampaignResult
from sim.layouts.place.greedy import greedy
from sim.layouts.place.model import Reach
from sim.layouts.place.problem import ENOUGH, Problem, cells_of
from sim.layouts.place.target import Target
from sim.metrics.base import ProbeGrid, direction_name
from sim.results import Result, ResultError
from sim.scenario.loader import LoadedScenario

Judge = Literal["lower", "mean"]
"""What must reach the target: the lower end of the 95 % interval over seeds, or the mean."""
STEP_RATIO = 0.25
"""A round adds at most this share of the units that stand already, at least one."""


class RunsFailed(ResultError):
    """Some runs of a round failed, so that nothing can be said of its layout; the others are kept."""


@dataclass(frozen=True)
class Hole:
    """A stretch of cells of one target's zone below the wanted share."""

    target: Target
    direction: str
    from_m: float
    to_m: float
    share: float
    """Mean over its cells and seeds."""


@dataclass(frozen=True)
class Round:
    """One layout as simulated."""

    number: int
    """From 1."""
    units: tuple[int, ...]
    """Poles, in the order of choice."""
    label: str
    """Stem of its layout file."""
    values: np.ndarray
    """[targets, seeds]."""
    intervals: tuple[Interval, ...]
    met: tuple[bool, ...]
    holes: tuple[Hole, ...]
    covered: tuple[np.ndarray, ...]
    """Per target [seeds, cells]: share of the time in which each cell was covered."""

    @property
    def holds(self) -> bool:
        """Whether every target is met."""
        return all(self.met)


@dataclass(frozen=True)
class Bench:
    """What all rounds have in common."""

    loaded: LoadedScenario
    targets: tuple[Target, ...]
    reach: dict[str, Reach]
    grid: ProbeGrid
    names: tuple[str, ...]
    measured_s: float
    seeds: int
    judge: Judge = "lower"

    def plan(self, scenario: Path, layouts: Sequence[Path]) -> Plan:
        """The campaign of some layouts; ``scenario`` is the resolved one as a file."""
        return campaign_of({
            "name": campaign_name(self.loaded.name), "scenarios": [str(scenario.resolve())],
            "vary": {"layout": [str(path.resolve()) for path in layouts]}, "seeds": self.seeds,
            "seed": self.loaded.config.seed,
        }, name="corridor place")

    def round_of(self, number: int, units: Sequence[int], label: str, campaign: CampaignResult) -> Round:
        """What the runs of one layout say; :class:`RunsFailed` where some have no result."""
        results = [result for _, result in campaign.results(campaign.variant(layout=label).index)]
        if len(results) < self.seeds:
            raise RunsFailed(
                f"{campaign.folder.out}: {self.seeds - len(results)} of {self.seeds} runs of {label} failed; "
                f"failed.json says why"
            )
        covered, values = [], np.empty((len(self.targets), self.seeds))
        for k, target in enumerate(self.targets):
            reach = self.reach[target.message]
            keep = cells_of(target, reach, self.grid, self.names)
            shares = np.empty((self.seeds, int(keep.sum())))
            for s, result in enumerate(results):
                shares[s], values[k, s] = self._covered(target, reach, keep, result)
            covered.append(shares)
        intervals = tuple(_of_shares(mean_interval(row)) for row in values)
        met = tuple(
            judged(interval, self.judge) >= target.share - ENOUGH
            for interval, target in zip(intervals, self.targets, strict=True)
        )
        holes = tuple(
            hole for target, shares in zip(self.targets, covered, strict=True) for hole in self._holes(target, shares)
        )
        return Round(number, tuple(units), label, values, intervals, met, holes, tuple(covered))

    def _covered(self, target: Target, reach: Reach, keep: np.ndarray, result: Result) -> tuple[np.ndarray, float]:
        """(share per cell, share over all) of one run.

        Cells of the planned zone that no sensor of this layout watches stand in no zone of the run; they count as
        never covered.
        """
        table = result.table("coverage")
        rows = np.flatnonzero(table["class"] == target.message)
        share, time_s = (table[name][rows] for name in (target.metric, "zone_s"))
        place = {
            (direction, round(float(at_m), 3)): row
            for row, (direction, at_m) in enumerate(
                zip(table["direction"][rows].tolist(), table["chainage_m"][rows].tolist(), strict=True)
            )
        }
        cells = reach.cells[keep]
        found = np.array([
            place.get((direction_name(int(self.grid.direction[cell])), round(float(self.grid.chainage_m[cell]), 3)), -1)
            for cell in cells.tolist()
        ], np.int64)
        inside = found >= 0
        shares = np.where(inside, share[found] if len(share) else 0.0, 0.0)
        weight_s = np.where(inside, time_s[found] if len(time_s) else 0.0, self.measured_s * reach.weight[keep])
        return shares, float(shares @ weight_s / weight_s.sum())

    def _holes(self, target: Target, covered: np.ndarray) -> list[Hole]:
        """Contiguous cells whose mean over seeds is below what the target asks for."""
        reach = self.reach[target.message]
        cells = reach.cells[cells_of(target, reach, self.grid, self.names)]
        mean, half_m = covered.mean(axis=0), self.grid.spacing_m / 2
        holes = []
        for sign in (1, -1):
            here = np.flatnonzero((self.grid.direction[cells] == sign) & (mean < target.share - ENOUGH))
            at_m = self.grid.chainage_m[cells[here]]
            order = np.argsort(at_m, kind="stable")
            here, at_m = here[order], at_m[order]
            breaks = np.flatnonzero(np.diff(at_m) > 3 * half_m) + 1
            for some in np.split(np.arange(len(here)), breaks):
                if len(some):
                    low_m, high_m = float(at_m[some[0]]) - half_m, float(at_m[some[-1]]) + half_m
                    share = float(mean[here[some]].mean())
                    holes.append(Hole(target, direction_name(sign), max(0.0, low_m), high_m, share))
        return holes


def _of_shares(interval: Interval) -> Interval:
    """No share lies outside 0 .. 1, whatever the normal approximation says."""
    return interval._replace(lower=max(0.0, interval.lower), upper=min(1.0, interval.upper)) if interval.n > 1 \
        else interval


def judged(interval: Interval, judge: Judge) -> float:
    """The number that is held against the target; the value itself where one seed gives no interval."""
    return interval.mean if judge == "mean" or math.isnan(interval.lower) else interval.lower


def simulate(
    bench: Bench, scenario: Path, layouts: Sequence[Path], out: Path, *, jobs: int | None = None,
    executor: MakeExecutor | None = None, progress: Callable[[float, str], None] | None = None,
    remark: Callable[[str], None] | None = None,
) -> CampaignResult:
    """Every layout so far under every seed; what is finished is not done again."""
    return run_campaign(
        bench.plan(scenario, layouts), out, jobs=jobs, executor=executor, progress=progress, remark=remark,
    )


def next_units(problem: Problem, last: Round, budget: int | None, bench: Bench) -> list[int]:
    """Poles to add: those that the model says help most where the simulation is short; none = nothing helps.

    Simulated shares take the place of the model's for what stands already; further units count by the model. As many
    as the model says are needed for the targets and half the interval, at most :data:`STEP_RATIO` of those that stand.
    """
    left = problem.units - len(last.units) if budget is None else budget - len(last.units)
    if left <= 0:
        return []
    short = np.flatnonzero(~np.array(last.met))
    covered = np.concatenate([shares.reshape(-1) for shares in last.covered])
    margin = np.array([
        max(0.0, interval.mean - judged(interval, bench.judge)) for interval in last.intervals
    ])
    aimed = replace(problem, wanted=np.minimum(problem.wanted + margin, 1.0))
    rest = aimed.starting_at(covered).without(last.units).only(short)
    step = min(left, max(1, math.ceil(STEP_RATIO * len(last.units))))
    found = greedy(rest, step)
    return found.order[:found.needed or step]


def campaign_name(scenario: str) -> str:
    """Name of the campaign that verifies; letters a campaign cannot have become hyphens."""
    return ("place-" + re.sub(r"[^A-Za-z0-9._-]", "-", scenario))[:64]

