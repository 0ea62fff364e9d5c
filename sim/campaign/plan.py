"""From a campaign to its variants and runs."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
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
from sim.campaign.schema import Campaign
from sim.campaign.seeds import replication_seed
from sim.campaign.task import RunTask
from sim.campaign.traffic import traffic_name
from sim.results import run_id
from sim.scenario.errors import ScenarioError
from sim.scenario.loader import LoadedScenario, load

AXIS_KEYS = {"layout": "layout", "candidate": "standards.candidate"}
"""Axes that have a name of their own, and the key they set."""
SCENARIO_AXIS = "scenario"
MAX_VARIANTS = 100_000
MAX_PROBLEMS = 100
_REPLACED = ("seed",)


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


def read_campaign(path: str | Path, changes: Mapping[str, Any] | None = None) -> Plan:
    """The plan of a campaign file; ``changes`` replace its keys (those of ``set`` are added to the file's).

    :class:`CampaignError` with everything wrong.
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
    return plan_of(document, path.parent)


def plan_of(document: Document, folder: Path) -> Plan:
    """The plan of a campaign as a document; ``folder`` is where the files it names are looked for."""
    campaign = _validated(document)
    axes, problems = _axes(campaign, document, folder)
    if problems:
        raise CampaignError(problems)
    count = 1
    for values in axes.values():
        count *= len(values)
    if count > MAX_VARIANTS:
        raise CampaignError([document.problem(("vary",), f"makes {count} variants; at most {MAX_VARIANTS}")])
    baseline = _baseline(campaign, axes, document)
    variants = _variants(axes, campaign, folder)
    labels = {axis: [value.label for value in values] for axis, values in axes.items()}
    plan = Plan(campaign, variants, labels, baseline)
    plan.extend(campaign.seeds)
    return plan


def campaign_of(data: Mapping[str, Any], folder: Path | None = None, name: str = "campaign") -> Plan:
    """The plan of a campaign given as plain data (``schema`` may be left out)."""
    document = parse_document(write_document({"schema": "campaign/1", **data}), name)
    return plan_of(document, folder or Path.cwd())


@dataclass(frozen=True)
class _Value:
    """One value of an axis: its label and the overrides it stands for."""

    label: str
    overrides: tuple[str, ...]


def _validated(document: Document) -> Campaign:
    data = document.data
    if not isinstance(data, dict) or data.get("schema") != "campaign/1":
        place: KeyPath = ("schema",) if isinstance(data, dict) else ()
        raise CampaignError([document.problem(place, "must be a mapping that begins 'schema: campaign/1'")])
    try:
        return Campaign.model_validate(data, strict=True)
    except ValidationError as error:
        known = [one.alias or name for name, one in Campaign.model_fields.items()]
        problems = []
        for one in error.errors(include_url=False):
            path: KeyPath = tuple(part for part in one["loc"] if not str(part).startswith(("list[", "dict[")))
            if one["type"] == "extra_forbidden":
                hint = f"unknown key; {did_you_mean(str(path[-1]), known)}" if len(path) == 1 else "unknown key"
                problems.append(document.problem(path, hint, of_key=True))
            elif one["type"] == "missing":
                problems.append(document.problem(path, "is required"))
            else:
                problems.append(document.problem(path, one["msg"][0].lower() + one["msg"][1:]))
        raise CampaignError(_distinct(problems)) from None


def _distinct(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _axes(
    campaign: Campaign, document: Document, folder: Path
) -> tuple[dict[str, list[_Value]], list[Problem]]:
    """Values per axis, ``scenario`` first, and what is wrong with them."""
    problems: list[Problem] = []
    axes: dict[str, list[_Value]] = {SCENARIO_AXIS: [_Value(_label(one), ()) for one in campaign.scenarios]}
    for axis, values in campaign.vary.items():
        here: KeyPath = ("vary", axis)
        if axis == SCENARIO_AXIS:
            problems.append(document.problem(here, "is not an axis: list the files under 'scenarios'", of_key=True))
        elif not values:
            problems.append(document.problem(here, "has no value: the product of the axes is empty", of_key=True))
        elif isinstance(values, dict):
            axes[axis] = [
                _Value(str(label), tuple(_override(key, value, folder) for key, value in keys.items()))
                for label, keys in values.items()
            ]
        else:
            key = AXIS_KEYS.get(axis, axis)
            if axis not in AXIS_KEYS and not _is_key(axis):
                rule = "is no axis: neither 'layout', 'candidate' nor a key of a scenario"
                problems.append(document.problem(here, f"{rule}; {did_you_mean(axis, _keys())}", of_key=True))
            axes[axis] = [_Value(_label(value), (_override(key, value, folder),)) for value in values]
    for axis, found in axes.items():
        labels = [value.label for value in found]
        doubled = sorted({label for label in labels if labels.count(label) > 1})
        place: KeyPath = ("scenarios",) if axis == SCENARIO_AXIS else ("vary", axis)
        problems += [document.problem(place, f"{label!r} stands more than once", of_key=True) for label in doubled]
    return axes, problems


def _keys() -> list[str]:
    from sim.scenario.fields import field_rows

    return [*AXIS_KEYS, *(row.path for row in field_rows() if row.path not in _REPLACED)]


def _is_key(axis: str) -> bool:
    """Whether a dotted path names a key of a scenario (list indices stand for items)."""
    plain = ".".join("[]" if word.isdigit() else word for word in axis.split(".")).replace(".[]", "[]")
    known = _keys()
    return any(plain == key or key.startswith((f"{plain}.", f"{plain}[")) for key in known) or _below_free(plain, known)


def _below_free(plain: str, known: Sequence[str]) -> bool:
    """Whether a path reaches into a key whose parts the schema leaves open (a mapping)."""
    parent = plain.rpartition(".")[0]
    return bool(parent) and parent in known and not any(key.startswith(f"{parent}.") for key in known)


def _label(value: Any) -> str:
    """How a value is called in tables: the stem of a file, else the value itself."""
    if isinstance(value, str):
        return Path(value).stem if value.endswith((".yaml", ".yml", ".geojson")) else value
    return json.dumps(value, ensure_ascii=False)


def _override(key: str, value: Any, folder: Path) -> str:
    """``key=value`` as ``--set`` has it; names of files are made absolute."""
    key = AXIS_KEYS.get(key, key)
    if isinstance(value, str) and value.endswith((".yaml", ".yml", ".geojson")) and (folder / value).is_file():
        value = str((folder / value).resolve())
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _points(axes: Mapping[str, list[_Value]]) -> Iterator[dict[str, _Value]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _variants(axes: Mapping[str, list[_Value]], campaign: Campaign, folder: Path) -> list[Variant]:
    """Every point of the product, loaded; what is wrong with any of them is told once."""
    variants: list[Variant] = []
    problems: list[Problem] = []
    for index, point in enumerate(_points(axes)):
        try:
            variants.append(_variant(index, point, campaign, folder))
        except ScenarioError as error:
            problems += error.problems
            if len(problems) > MAX_PROBLEMS:
                break
    if problems:
        raise CampaignError(_distinct(problems)[:MAX_PROBLEMS])
    return variants


def _variant(index: int, point: Mapping[str, _Value], campaign: Campaign, folder: Path) -> Variant:
    wanted = {_label(one): one for one in campaign.scenarios}[point[SCENARIO_AXIS].label]
    beside = folder / wanted
    source = str(beside.resolve()) if beside.is_file() else wanted
    common = [_override(key, value, folder) for key, value in campaign.set_.items()]
    chosen = [text for value in point.values() for text in value.overrides]
    overrides = tuple([*common, *chosen])
    labels = {axis: value.label for axis, value in point.items()}
    return Variant(index, labels, source, overrides, load(source, overrides))


def _baseline(campaign: Campaign, axes: Mapping[str, list[_Value]], document: Document) -> dict[str, str]:
    """Label per axis that others are compared with."""
    chosen = {axis: values[0].label for axis, values in axes.items()}
    problems = []
    for axis, value in campaign.baseline.items():
        labels, label, here = [one.label for one in axes.get(axis, ())], _label(value), ("baseline", axis)
        if not labels:
            problems.append(document.problem(here, f"is no axis; {did_you_mean(axis, axes)}", of_key=True))
        elif label not in labels:
            problems.append(document.problem(here, f"is not on its axis; {did_you_mean(label, labels)}"))
        else:
            chosen[axis] = label
    if problems:
        raise CampaignError(problems)
    return chosen
