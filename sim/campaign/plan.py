"""From a campaign to its variants and runs."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rsu.document import (
    Document,
    DocumentError,
    KeyPath,
    Problem,
    did_you_mean,
    parse_document,
    read_document,
    write_document,
)
from sim.campaign.axes import SCENARIO_AXIS, Source, Value, label_of, read_axes, read_baseline
from sim.campaign.schema import Campaign
from sim.campaign.seeds import replication_seed
from sim.campaign.task import RunTask
from sim.campaign.traffic import traffic_name
from sim.results import run_id
from sim.scenario.errors import ScenarioError
from sim.scenario.loader import LoadedScenario, load, rule_of

MAX_VARIANTS = 100_000
MAX_PROBLEMS = 100
MAX_TRIED = 200
"""Where a campaign is wrong anyway, more variants than this are not all loaded to find what else is."""


class CampaignError(DocumentError):
    """Everything wrong with a campaign at once, a line per problem."""


@dataclass(frozen=True)
class Variant:
    """One point of the product of axes; all its runs differ in the seed only."""

    index: int
    labels: dict[str, str]
    """Axis -> label of the value; ``scenario`` comes first."""
    source: str = ""
    overrides: tuple[str, ...] = ()
    loaded: LoadedScenario | None = field(default=None, repr=False, compare=False)
    """Under the scenario's own seed; none when read back from a result folder."""

    @property
    def name(self) -> str:
        """Labels of the axes that vary, in one line."""
        return ", ".join(f"{axis}={label}" for axis, label in self.labels.items())


@dataclass(frozen=True)
class PlannedRun:
    """One run of the plan."""

    run_id: str
    variant: int
    replication: int
    seed: int


@dataclass
class Plan:
    """Everything a campaign does, before any of it is done."""

    campaign: Campaign
    variants: list[Variant]
    axes: dict[str, list[str]]
    """Axis -> labels in order; one label only where nothing varies."""
    baseline: dict[str, str]
    runs: list[PlannedRun] = field(default_factory=list)

    def extend(self, replications: int) -> list[PlannedRun]:
        """Plan replications up to this many for every variant; returns the runs that are new.

        Runs are in the order of replications, so that variants under one seed lie next to each other. Raises
        :class:`CampaignError` where two runs would have one id.
        """
        done = 1 + max((run.replication for run in self.runs), default=-1)
        first = len(self.runs)
        taken = {run.run_id: run for run in self.runs}
        resolved = [one.loaded.resolved() if one.loaded is not None else {} for one in self.variants]
        for replication in range(done, replications):
            seed = replication_seed(self.campaign.seed, replication)
            for variant, scenario in zip(self.variants, resolved, strict=True):
                run = PlannedRun(run_id({**scenario, "seed": seed}, seed), variant.index, replication, seed)
                other = taken.setdefault(run.run_id, run)
                if other is not run:
                    raise CampaignError([self._collision(run, other)])
                self.runs.append(run)
        return self.runs[first:]

    def task(self, run: PlannedRun) -> RunTask:
        """The run as a task; it replays the recorded traffic of its seed."""
        loaded = self.variants[run.variant].loaded
        assert loaded is not None
        loaded = loaded.with_seed(run.seed)
        return RunTask(run.run_id, loaded, traffic_name(loaded), self.campaign.plots)

    def identity(self) -> str:
        """Digest that tells this campaign from others: what is varied over what, without the number of seeds."""
        told = self.campaign.model_dump(mode="json", by_alias=True, exclude={"seeds", "until", "plots"})
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    def replications(self) -> int:
        """Replications planned so far."""
        return 1 + max((run.replication for run in self.runs), default=-1)

    def _collision(self, run: PlannedRun, other: PlannedRun) -> Problem:
        one, two = self.variants[other.variant].name, self.variants[run.variant].name
        rule = f"is the same run as {one!r} (run id {run.run_id}): two values of an axis mean the same"
        return Problem(self.campaign.name, "vary", two, rule)


def read_campaign(
    path: str | Path, changes: Mapping[str, Any] | None = None, given: Mapping[KeyPath, str] | None = None
) -> Plan:
    """The plan of a campaign file; ``changes`` replace its keys (those of ``set`` are added to the file's).

    ``given`` says how the caller put them, for error lines. :class:`CampaignError` with everything wrong.
    """
    path = Path(path)
    try:
        document = read_document(path)
    except DocumentError as error:
        raise CampaignError(error.problems) from None
    if isinstance(document.data, dict) and changes:
        before = document.data.get("set")
        document.data |= changes
        if "set" in changes and isinstance(before, dict):
            document.data["set"] = {**before, **changes["set"]}
    return _plan_of(Source(document, path.parent, given or {}))


def campaign_of(
    data: Mapping[str, Any], folder: Path | None = None, name: str = "campaign",
    given: Mapping[KeyPath, str] | None = None,
) -> Plan:
    """The plan of a campaign given as plain data (``schema`` may be left out)."""
    document = parse_document(write_document({"schema": "campaign/1", **data}), name)
    return _plan_of(Source(Document(document.data, name), folder or Path.cwd(), given or {}))


def _plan_of(source: Source) -> Plan:
    """The plan; a :class:`CampaignError` with all that is wrong with the campaign, its axes and its scenarios."""
    campaign, problems = _validated(source)
    axes, of_axes = read_axes(campaign, source)
    baseline, of_baseline = read_baseline(campaign, axes, source)
    problems += of_axes + of_baseline
    common = [source.override(key, value, ("set", key)) for key, value in campaign.set_.items()]
    count = math.prod(len(values) for values in axes.values())
    if count > MAX_VARIANTS:
        problems.append(source.problem(("vary",), f"makes {count} variants; at most {MAX_VARIANTS}"))
    points = _one_by_one(axes) if problems and count > MAX_TRIED else _points(axes)
    variants, of_scenarios = _variants(points, campaign, source, common)
    problems += of_scenarios
    if problems:
        raise CampaignError(list(dict.fromkeys(problems))[:MAX_PROBLEMS])
    labels = {axis: [value.label for value in values] for axis, values in axes.items()}
    plan = Plan(campaign, variants, labels, baseline)
    plan.extend(campaign.seeds)
    return plan


def _validated(source: Source) -> tuple[Campaign, list[Problem]]:
    """The campaign, and what is wrong with its keys: those count as left out, so that the rest can be looked at."""
    data = source.document.data
    if not isinstance(data, dict) or data.get("schema") != "campaign/1":
        place: KeyPath = ("schema",) if isinstance(data, dict) else ()
        raise CampaignError([source.problem(place, "must be a mapping that begins 'schema: campaign/1'")])
    try:
        return Campaign.model_validate(data, strict=True), []
    except ValidationError as error:
        found = {_path_of(one): one for one in reversed(error.errors(include_url=False))}
        problems = [_key_problem(source, path, one) for path, one in reversed(found.items())]
    try:
        return Campaign.model_validate(_without(data, found), strict=True), problems
    except ValidationError:  # a key without which there is no campaign
        raise CampaignError(problems) from None


def _path_of(error: Mapping[str, Any]) -> KeyPath:
    """Where a schema error stands; an axis that is neither kind of axis has one."""
    path: KeyPath = tuple(error["loc"])
    if path[:1] == ("vary",):
        return path[:2]
    return path


def _key_problem(source: Source, path: KeyPath, error: Any) -> Problem:
    known = [one.alias or name for name, one in Campaign.model_fields.items()]
    if error["type"] == "extra_forbidden":
        hint = f"unknown key; {did_you_mean(str(path[-1]), known)}" if len(path) == 1 else "unknown key"
        return source.problem(path, hint, of_key=True)
    if error["type"] == "missing":
        return source.problem(path, "is required")
    if path[:1] == ("vary",) and len(path) == 2:
        return source.problem(path, "must be a list of values, or names with the keys each sets", of_key=True)
    return source.problem(path, rule_of(error))


def _without(data: Mapping[str, Any], paths: Iterable[KeyPath]) -> dict[str, Any]:
    """The campaign without what is wrong; a name is put in place of a wrong one."""
    kept = {"name": "unnamed", **data}
    for path in paths:
        key = path[0]
        if key == "name":
            kept["name"] = "unnamed"
        elif key == "vary" and len(path) > 1:
            kept["vary"] = {axis: values for axis, values in kept["vary"].items() if axis != path[1]}
        elif key == "scenarios" and len(path) > 1:
            kept["scenarios"] = [one for one in kept["scenarios"] if isinstance(one, str)]
        else:
            kept.pop(str(key), None)
    return kept


def _one_by_one(axes: Mapping[str, list[Value]]) -> Iterator[dict[str, Value]]:
    """Each value once, the others at their first: enough to find what is wrong with values."""
    first = {axis: values[0] for axis, values in axes.items()}
    yield first
    for axis, values in axes.items():
        yield from ({**first, axis: value} for value in values[1:])


def _points(axes: Mapping[str, list[Value]]) -> Iterator[dict[str, Value]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def outer_first(overrides: Iterable[str]) -> tuple[str, ...]:
    """Overrides in an order in which none undoes another: ``layout=...`` of an axis before ``layout.down=...``."""
    return tuple(sorted(overrides, key=lambda text: text.partition("=")[0].count(".")))


def _variants(
    points: Iterable[dict[str, Value]], campaign: Campaign, source: Source, common: Sequence[str]
) -> tuple[list[Variant], list[Problem]]:
    """The points loaded, and what is wrong with any of them."""
    variants: list[Variant] = []
    problems: dict[Problem, None] = {}
    places = {label_of(wanted): place for place, wanted in reversed(list(enumerate(campaign.scenarios)))}
    for index, point in enumerate(points):
        place = places[point[SCENARIO_AXIS].label]
        wanted = campaign.scenarios[place]
        beside = source.folder / wanted
        found = str(beside.resolve()) if beside.is_file() else wanted
        overrides = outer_first([*common, *(text for value in point.values() for text in value.overrides)])
        labels = {axis: value.label for axis, value in point.items()}
        try:
            variants.append(Variant(index, labels, found, overrides, load(found, overrides)))
        except ScenarioError as error:
            for one in error.problems:
                if one.where == wanted and source.document.values:
                    one = source.problem(("scenarios", place), one.rule)
                problems[source.moved(one)] = None
            if len(problems) > MAX_PROBLEMS:
                break
    return variants, list(problems)
