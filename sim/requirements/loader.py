"""Files of requirements read into one catalogue; everything wrong is told at once, with file and line."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from rsu.document import Document, DocumentError, KeyPath, Problem, did_you_mean, read_document
from sim.requirements.classes import CLASSES, MESSAGES
from sim.requirements.measures import MEASURES
from sim.requirements.schema import Application, Check, Defaults, RequirementFile, Source
from sim.scenario.shipped import shipped_files

SCHEMA = "requirements/1"
_ORDER = ("csae53", "csae157", "csae158", "sensing", "infrastructure", "cross-border")
"""Files that come first in tables; the others follow by name."""


class RequirementsError(DocumentError):
    """Everything wrong with the files of requirements, a line per problem."""


@dataclass(frozen=True)
class Row:
    """One application with the file it stands in."""

    application: Application
    source: Source
    file: str
    """Name of the file's set of rows, e.g. ``csae53``."""
    defaults: Defaults

    @property
    def id(self) -> str:
        """Short name."""
        return self.application.id


@dataclass
class Catalogue:
    """Rows of one or several files, in their order."""

    rows: list[Row] = field(default_factory=list)
    defaults: Defaults = field(default_factory=Defaults)

    def chosen(self, wanted: Sequence[str]) -> list[Row]:
        """Rows by id, by the beginning of ids up to a hyphen (``C53``), or by pattern (``C53-*``); all without any.

        A ValueError names a word that fits nothing.
        """
        if not wanted:
            return list(self.rows)
        found: list[str] = []
        for word in wanted:
            fitting = [row.id for row in self.rows if _fits(row.id, word)]
            if not fitting:
                raise ValueError(f"no application {word!r}; {did_you_mean(word, [row.id for row in self.rows])}")
            found += fitting
        return [row for row in self.rows if row.id in found]


def shipped_requirements() -> dict[str, Path]:
    """Name -> file of every shipped file of requirements, the Chinese applications first."""
    files = shipped_files("requirements")
    names = [name for name in _ORDER if name in files]
    return {name: files[name] for name in [*names, *(name for name in files if name not in names)]}


def read_requirements(
    files: Iterable[str | Path] = (), changes: dict[str, float | int | str] | None = None
) -> Catalogue:
    """The rows of ``files`` (paths or shipped names; none = all shipped), under changed defaults if any.

    Raises :class:`RequirementsError` with everything wrong, or ValueError for a default that does not exist.
    """
    shipped = shipped_requirements()
    paths = [_path(one, shipped) for one in files] or list(shipped.values())
    defaults = _changed(Defaults(), changes or {})
    catalogue, problems, seen = Catalogue(defaults=defaults), [], dict[str, str]()
    for path in paths:
        try:
            document = read_document(path)
            file = _validated(document)
        except DocumentError as error:
            problems += error.problems
            continue
        problems += _checked(file, document)
        own = {name: value for name, value in file.defaults.model_dump().items() if value is not None}
        own_defaults = defaults.model_copy(update={**own, **(changes or {})})
        for index, application in enumerate(file.applications):
            if application.id in seen:
                rule = f"stands already in {seen[application.id]}"
                problems.append(document.problem(("applications", index, "id"), rule))
            seen[application.id] = document.name
            catalogue.rows.append(Row(application, application.source or file.source, file.name, own_defaults))
    if problems:
        raise RequirementsError(problems)
    return catalogue


def _fits(name: str, word: str) -> bool:
    return name == word or name.startswith(f"{word}-") or fnmatch.fnmatchcase(name, word)


def _path(one: str | Path, shipped: dict[str, Path]) -> Path:
    if isinstance(one, str) and one in shipped and not Path(one).is_file():
        return shipped[one]
    path = Path(one)
    if not path.is_file():
        rule = f"no such file and no shipped requirements of that name; {did_you_mean(str(one), shipped)}"
        raise RequirementsError([Problem(str(one), "", "", rule)])
    return path


def _changed(defaults: Defaults, changes: dict[str, float | int | str]) -> Defaults:
    known = list(Defaults.model_fields)
    for name in changes:
        if name not in known:
            raise ValueError(f"no threshold {name!r}; {did_you_mean(name, known)}")
    try:
        return Defaults.model_validate({**defaults.model_dump(), **changes}, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise ValueError(f"threshold {name}: {first['input']}: {_lower(first['msg'])}") from None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _validated(document: Document) -> RequirementFile:
    data = document.data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        place: KeyPath = ("schema",) if isinstance(data, dict) else ()
        raise RequirementsError([document.problem(place, f"must be a mapping that begins 'schema: {SCHEMA}'")])
    try:
        return RequirementFile.model_validate(data, strict=True)
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False):
            path: KeyPath = tuple(one["loc"])
            if one["type"] == "extra_forbidden":
                problems.append(document.problem(path, "unknown key", of_key=True))
            elif one["type"] == "missing":
                problems.append(document.problem(path, "is required"))
            else:
                problems.append(document.problem(path, _lower(one["msg"])))
        raise RequirementsError(dict.fromkeys(problems)) from None


def _checked(file: RequirementFile, document: Document) -> list[Problem]:
    """What no single value shows."""
    problems = []
    for i, application in enumerate(file.applications):
        here: KeyPath = ("applications", i)
        problems += _unknown_messages(application.applies_to.messages, (*here, "applies_to", "messages"), document)
        if not application.checks and not application.note:
            problems.append(document.problem((*here, "id"), "has no check: say why in 'note'"))
        for k, check in enumerate(application.checks):
            problems += _checked_check(check, application, (*here, "checks", k), document)
    return problems


def _checked_check(check: Check, row: Application, here: KeyPath, document: Document) -> list[Problem]:
    problems = _unknown_messages(check.messages or [], (*here, "messages"), document)
    if check.value is not None and check.value_provenance is None:
        problems.append(document.problem((*here, "value"), "needs a value_provenance (R1, R2, M or P)"))
    if check.not_measured:
        return problems
    measure = MEASURES.get(check.metric)
    if measure is None:
        rule = f"is not measured: give the reason under 'not_measured', or {did_you_mean(check.metric, MEASURES)}"
        return [*problems, document.problem((*here, "metric"), rule)]
    if check.stat is not None and check.stat not in measure.statistics:
        problems.append(document.problem((*here, "stat"), f"must be one of {', '.join(measure.statistics)}"))
    if check.unit and check.unit != measure.unit:
        problems.append(document.problem((*here, "unit"), f"must be {measure.unit!r}, the unit of {check.metric}"))
    if check.value is None and not measure.default:
        problems.append(document.problem((*here, "metric"), "has no default limit: 'value' is required"))
    if check.value is not None and not 0 <= check.value <= (1 if measure.unit == "ratio" else math.inf):
        rule = "must be from 0 to 1: a share, no percentage" if measure.unit == "ratio" else "must not be below 0"
        problems.append(document.problem((*here, "value"), rule))
    if check.value is not None and check.op is None:
        problems.append(document.problem((*here, "value"), "needs an 'op'"))
    if measure.ranges is not None and not (check.at_range_m and measure.ranges(check.at_range_m)):
        problems.append(document.problem((*here, "at_range_m"), measure.range_rule))
    if measure.of_messages and not (check.messages or row.applies_to.messages):
        problems.append(document.problem((*here, "metric"), "needs messages, here or under 'applies_to'"))
    if measure.of_links and not (check.links or row.applies_to.links):
        problems.append(document.problem((*here, "metric"), "needs links, here or under 'applies_to'"))
    return problems


def _unknown_messages(names: Sequence[str], here: KeyPath, document: Document) -> list[Problem]:
    known = [*CLASSES, *MESSAGES]
    return [
        document.problem((*here, k), f"is neither a class of use nor a message; {did_you_mean(name, known)}")
        for k, name in enumerate(names) if name not in known
    ]
