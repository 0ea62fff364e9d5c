"""Axes of a campaign: their values, the overrides these stand for, and where each was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsu.document import Document, KeyPath, Problem, did_you_mean
from sim.campaign.schema import Campaign

AXIS_KEYS = {"layout": "layout", "candidate": "standards.candidate"}
"""Axes that have a name of their own, and the key they set."""
SCENARIO_AXIS = "scenario"
_OF_REPLICATIONS = "seed"
_NAMED_FILES = (".yaml", ".yml", ".geojson")
_DATA_FILES = (".csv", ".xml")


@dataclass
class Source:
    """Where a campaign was written: a file, or what a caller says in its place."""

    document: Document
    folder: Path
    """Where the files it names are looked for."""
    given: Mapping[KeyPath, str] = field(default_factory=dict)
    """Key -> how the caller put it: ``--seeds``, ``--vary layout=a,b``."""
    origins: dict[str, str] = field(default_factory=dict)
    """Override -> where it was written, of overrides that were."""

    def where(self, path: KeyPath, *, of_key: bool = False) -> str:
        """``file:line:column``, or the option that says it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.given:
                return self.given[path[:length]]
        return self.document.where(path, of_key=of_key)

    def problem(self, path: KeyPath, rule: str, *, of_key: bool = False) -> Problem:
        """A problem with the value (or key) at ``path``."""
        found = self.document.problem(path, rule, of_key=of_key)
        return Problem(self.where(path, of_key=of_key), found.field, found.value, rule)

    def moved(self, problem: Problem) -> Problem:
        """A scenario's problem with an override, placed where the override was written."""
        where = self.origins.get(problem.where)
        return problem if where is None else Problem(where, problem.field, problem.value, problem.rule)

    def override(self, key: str, value: Any, path: KeyPath) -> str:
        """``key=value`` as ``--set`` has it; names of files beside the campaign are made absolute."""
        key = AXIS_KEYS.get(key, key)
        if isinstance(value, str) and _may_be_file(key, value) and (self.folder / value).is_file():
            value = str((self.folder / value).resolve())
        text = f"{key}={json.dumps(value, ensure_ascii=False)}"
        if self.document.values or self.given:
            self.origins[f"--set {text}"] = self.where(path)
        return text


@dataclass(frozen=True)
class Value:
    """One value of an axis: its label and the overrides it stands for."""

    label: str
    overrides: tuple[str, ...]


def read_axes(campaign: Campaign, source: Source) -> tuple[dict[str, list[Value]], list[Problem]]:
    """Values per axis, ``scenario`` first, and what is wrong with them; what is wrong is left out."""
    problems = list(_unfit_for_runs(campaign.set_, ("set",), source))
    axes: dict[str, list[Value]] = {SCENARIO_AXIS: [Value(label_of(one), ()) for one in campaign.scenarios]}
    varied = {AXIS_KEYS.get(axis, axis) for axis, values in campaign.vary.items() if isinstance(values, list)}
    problems += [
        source.problem(("set", key), "is varied: it has a value of its own in every variant", of_key=True)
        for key in campaign.set_ if AXIS_KEYS.get(key, key) in varied
    ]
    for axis, values in campaign.vary.items():
        here: KeyPath = ("vary", axis)
        rule = _unfit_axis(axis, values)
        if rule:
            problems.append(source.problem(here, rule, of_key=True))
        elif isinstance(values, dict):
            for name, keys in values.items():
                problems += _unfit_for_runs(keys, (*here, name), source)
            axes[axis] = [
                Value(str(name), tuple(source.override(key, one, (*here, name, key)) for key, one in keys.items()))
                for name, keys in values.items()
            ]
        else:
            axes[axis] = [
                Value(label_of(one), (source.override(axis, one, (*here, place)),)) for place, one in enumerate(values)
            ]
    for axis, found in axes.items():
        labels = [value.label for value in found]
        doubled = sorted({label for label in labels if labels.count(label) > 1})
        place: KeyPath = ("scenarios",) if axis == SCENARIO_AXIS else ("vary", axis)
        problems += [source.problem(place, f"{label!r} stands more than once", of_key=True) for label in doubled]
        axes[axis] = list({value.label: value for value in reversed(found)}.values())[::-1] if doubled else found
    return axes, problems


def read_baseline(
    campaign: Campaign, axes: Mapping[str, Sequence[Value]], source: Source
) -> tuple[dict[str, str], list[Problem]]:
    """Label per axis that others are compared with, and what is wrong with the choice."""
    chosen = {axis: values[0].label for axis, values in axes.items()}
    problems = []
    for axis, value in campaign.baseline.items():
        labels, label, here = [one.label for one in axes.get(axis, ())], label_of(value), ("baseline", axis)
        if axis in axes and label in labels:
            chosen[axis] = label
        elif axis in axes:
            problems.append(source.problem(here, f"is not on its axis; {did_you_mean(label, labels)}"))
        elif axis not in (source.document.data.get("vary") or {}):
            problems.append(source.problem(here, f"is no axis; {did_you_mean(axis, axes)}", of_key=True))
    return chosen, problems


def label_of(value: Any) -> str:
    """How a value is called in tables: the stem of a file, else the value itself."""
    if isinstance(value, str):
        return Path(value).stem if value.endswith((*_NAMED_FILES, *_DATA_FILES)) else value
    return json.dumps(value, ensure_ascii=False)


def _may_be_file(key: str, value: str) -> bool:
    word = key.rpartition(".")[2]
    return value.endswith(_NAMED_FILES) or word == "file" or word.endswith("_file")


def _unfit_for_runs(keys: Mapping[str, Any], here: KeyPath, source: Source) -> Iterator[Problem]:
    """Keys that a campaign says for itself."""
    if _OF_REPLICATIONS in keys:
        rule = "is that of the replication in every run: give the campaign's own 'seed'"
        yield source.problem((*here, _OF_REPLICATIONS), rule, of_key=True)


def _unfit_axis(axis: str, values: Sequence[Any] | Mapping[str, Any]) -> str:
    """Why something is no axis; empty when it is one."""
    if axis == SCENARIO_AXIS:
        return "is not an axis: list the files under 'scenarios'"
    if not values:
        return "has no value: the product of the axes is empty"
    if isinstance(values, dict) or axis in AXIS_KEYS or _is_key(axis):
        return ""
    if axis == _OF_REPLICATIONS:
        return "is not an axis: 'seeds' says how many replications there are"
    return f"is no axis: neither 'layout', 'candidate' nor a key of a scenario; {did_you_mean(axis, _keys())}"


def _keys() -> list[str]:
    from sim.scenario.fields import field_rows

    return [*AXIS_KEYS, *(row.path for row in field_rows() if row.path != _OF_REPLICATIONS)]


def _is_key(axis: str) -> bool:
    """Whether a dotted path names a key of a scenario (list indices stand for items)."""
    plain = ".".join("[]" if word.isdigit() else word for word in axis.split(".")).replace(".[]", "[]")
    known = _keys()
    return any(plain == key or key.startswith((f"{plain}.", f"{plain}[")) for key in known) or _below_free(plain, known)


def _below_free(plain: str, known: Sequence[str]) -> bool:
    """Whether a path reaches into a key whose parts the schema leaves open (a mapping)."""
    parent = plain.rpartition(".")[0]
    return bool(parent) and parent in known and not any(key.startswith(f"{parent}.") for key in known)
