"""What is to be compared, and the campaigns that answer it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sim.metrics.base import CLASSES

if TYPE_CHECKING:
    from sim.campaign.plan import Plan
    from sim.scenario.loader import LoadedScenario

MODEL_KEY = "radio.channel.v2i"
"""Key that the propagation axis sets: the law between unit and vehicle, which decides how far a unit reaches."""
CASE_AXIS = "case"
LOWEST = "lowest"
Failures = Literal["estimate", "simulate", "none"]
FAILURES: tuple[Failures, ...] = ("estimate", "simulate", "none")
_DISTANCES_M = (300.0, 500.0, 1000.0)
_VEHICLE_ANTENNA_M = 1.5


@dataclass(frozen=True)
class Question:
    """Which layouts are compared, under what, and by which class."""

    layouts: tuple[str, ...]
    """Files or shipped names; the first is what the others are compared with."""
    scenario: str
    candidates: tuple[str, ...] = ()
    """None = the scenario's own."""
    models: tuple[str, ...] = ()
    """Path losses between unit and vehicle; none = the scenario's and the one that differs most from it."""
    seeds: int = 5
    seed: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Keys changed in every run."""
    class_: str = LOWEST
    """Message class that decides, or the lowest of those whose zone does not depend on the layout."""
    failures: Failures = "estimate"

    def __post_init__(self) -> None:
        if not self.layouts:
            raise ValueError("compare: at least one layout is needed")
        if self.class_ not in (LOWEST, *CLASSES):
            raise ValueError(f"--class {self.class_}: must be {LOWEST} or one of {', '.join(CLASSES)}")
        if self.failures not in FAILURES:
            raise ValueError(f"--failures {self.failures}: must be one of {', '.join(FAILURES)}")

    @property
    def name(self) -> str:
        """Short name; names the folder."""
        stem = re.sub(r"[^A-Za-z0-9._-]", "-", Path(self.scenario).stem)
        return f"compare-{stem}"[:64]


@dataclass(frozen=True)
class Case:
    """One unit of one layout out of service."""

    layout: str
    """As the user named it."""
    label: str
    """As tables call it."""
    unit: str

    @property
    def name(self) -> str:
        """Label of the case on its axis."""
        return f"{self.label} without {self.unit}"


def comparison_plan(question: Question) -> Plan:
    """The campaign layouts x propagation (x candidates) x seeds."""
    return _plan(question, {"layout": list(question.layouts), MODEL_KEY: list(_models(question))}, question.name)


def failure_plan(question: Question, cases: Sequence[Case]) -> Plan:
    """The campaign of runs with one unit down, under the first propagation model."""
    named = {case.name: {"layout": case.layout, "layout.down": [case.unit]} for case in cases}
    vary = {CASE_AXIS: named, MODEL_KEY: list(_models(question)[:1])}
    return _plan(question, vary, f"{question.name[:59]}-down")


def default_models(loaded: LoadedScenario) -> tuple[str, ...]:
    """The scenario's path loss between unit and vehicle, and the one whose loss differs most from it.

    Differs: mean over 300, 500 and 1000 m, with the layout's mast and a vehicle's antenna of 1.5 m.
    """
    own = loaded.config.radio.channel.v2i
    losses = _losses_db(loaded)
    other = max((name for name in losses if name != own), key=lambda name: abs(losses[name] - losses[own]))
    return own, other


def _losses_db(loaded: LoadedScenario) -> dict[str, float]:
    import typing

    import numpy as np

    from sim.channel import PATH_LOSS
    from sim.scenario.schema.radio.channel import PathLossName

    radio, mast_m = loaded.config.radio, loaded.config.layout.mast_height_m
    distance_m = np.array(_DISTANCES_M)
    return {
        name: float(np.mean(PATH_LOSS[name](distance_m, mast_m, _VEHICLE_ANTENNA_M, radio.carrier_hz, radio.channel)))
        for name in typing.get_args(PathLossName)
    }


def _models(question: Question) -> tuple[str, ...]:
    if question.models:
        return question.models
    from sim.scenario.loader import load

    first = question.layouts[0]
    place = Path(first).resolve() if Path(first).is_file() else first
    flat = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in question.changes.items()]
    return default_models(load(question.scenario, [f"layout={place}", *flat]))


def _plan(question: Question, vary: dict[str, Any], name: str) -> Plan:
    from sim.campaign.plan import campaign_of

    if question.candidates:
        vary = {**vary, "candidate": list(question.candidates)}
    changes = dict(question.changes)
    if not question.models:
        changes.pop(MODEL_KEY, None)  # the scenario's own model is then this one, and on the axis
    return campaign_of({
        "name": name, "scenarios": [question.scenario], "set": changes, "vary": vary,
        "seeds": question.seeds, "seed": question.seed,
    }, name="corridor compare")
