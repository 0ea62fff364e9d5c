"""Takes candidates out of a scenario on its way in: names, files or contents become objects, and names stay behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from rsu.document import KeyPath, Problem, did_you_mean, dotted
from rsu.profile import Candidate, ProfileError, load_candidate
from sim.scenario.schema import Scenario
from sim.scenario.shipped import shipped_files, shipped_folder

CANDIDATE: KeyPath = ("standards", "candidate")
VIEWS: KeyPath = ("standards", "views")
DEFAULT = "harmonised-day1"


class Draft(Protocol):
    """What is needed of a scenario on its way in."""

    path: Path
    data: Any
    problems: list[Problem]

    def problem(self, path: KeyPath, rule: str) -> Problem:
        """A problem at ``path``, placed in the file or override the value came from."""

    def where(self, path: KeyPath, of_key: bool) -> str:
        """File, line and column (or override) of ``path``."""


def candidates_of(draft: Draft) -> tuple[Candidate | None, tuple[Candidate, ...]]:
    """The candidate and the further views of a scenario; in its data only their names are left.

    None, and fewer views, where one cannot be read; what is wrong goes to ``draft.problems``.
    """
    given = draft.data.get("standards")
    standards = {} if given is None else given
    if not isinstance(standards, dict):
        return None, ()
    candidate, name = _taken(draft, CANDIDATE, standards.get("candidate", DEFAULT))
    kept: dict[str, Any] = {**standards, "candidate": name}
    views: list[Candidate] = []
    wanted = standards.get("views")
    if isinstance(wanted, list):
        names = []
        for index, one in enumerate(wanted):
            view, called = _taken(draft, (*VIEWS, index), one)
            names.append(called)
            views += [] if view is None else [view]
        kept["views"] = names
    draft.data["standards"] = kept
    return candidate, tuple(views)


def fitted(draft: Draft, config: Scenario, candidate: Candidate | None) -> tuple[Scenario, tuple[str, ...]]:
    """The scenario with the sites, channels and access layers of its candidate, and what of it does not take effect.

    Names of access layers that do not exist are left to the checks.
    """
    from sim.access import ACCESS
    from sim.scenario.from_candidate import apply_candidate, paths_of

    if candidate is None:
        return config, ()
    wanted = {str(profile.get("access", config.radio.access)) for profile in candidate.profiles.values()}
    if any(name not in ACCESS and ":" not in name for name in wanted):
        return config, ()
    try:
        config, remarks = apply_candidate(config, candidate, set_by_user=paths_of(draft.data))
    except ValueError as error:
        draft.problems.append(draft.problem(CANDIDATE, " ".join(str(error).split())))
        return config, ()
    return config, (*remarks, *_idle_hazards(candidate))


def _idle_hazards(candidate: Candidate) -> Iterator[str]:
    """Hazards that a candidate lists while nothing in it differs for them."""
    for hazard in candidate.hazards:
        left = candidate.without([hazard])
        if all(getattr(left, word) == getattr(candidate, word) for word in ("profiles", "trust", "relays")):
            yield f"candidate {candidate.name}: hazard {hazard} is listed, but nothing in it differs for that"


def _taken(draft: Draft, place: KeyPath, wanted: Any) -> tuple[Candidate | None, Any]:
    """The candidate that stands at ``place`` and the name to leave there; whatever is no candidate is left."""
    if not isinstance(wanted, (str, dict)):
        return None, wanted
    try:
        candidate = load_candidate(wanted, _folders(draft.path))
    except ProfileError as error:
        _failed(draft, place, wanted, error)
        return None, wanted if isinstance(wanted, str) else "unreadable"
    return candidate, candidate.name


def _folders(path: Path) -> list[Path]:
    """Where candidates and profiles are looked for, beside the scenario first."""
    return [
        folder / kind
        for folder in (path.parent, shipped_folder())
        for kind in (".", "candidates", "profiles")
        if (folder / kind).is_dir()
    ]


def _failed(draft: Draft, place: KeyPath, wanted: str | Mapping[str, Any], error: ProfileError) -> None:
    """Put what is wrong with a candidate where the user can see it."""
    if isinstance(wanted, str):
        missing = all(problem.where == wanted for problem in error.problems)
        rule = f"no such candidate; {did_you_mean(wanted, shipped_files('candidates'))}"
        draft.problems += [draft.problem(place, rule)] if missing else error.problems
        return
    for problem in error.problems:
        if problem.where != "candidate":
            draft.problems.append(problem)
            continue
        path: KeyPath = (*place, *_steps(wanted, problem.field))
        draft.problems.append(Problem(draft.where(path, False), dotted(path), problem.value, problem.rule))


def _steps(data: Any, field: str) -> KeyPath:
    """The key path that a dotted field means in ``data``: indices of lists as numbers."""
    path: list[str | int] = []
    for word in field.split(".") if field else []:
        step: str | int = int(word) if isinstance(data, list) and word.isdigit() else word
        path.append(step)
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
    return tuple(path)
