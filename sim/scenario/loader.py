"""Reads a scenario: file, overrides, layout and candidate, schema, cross-checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import sim
from rsu.document import (
    Document,
    DocumentError,
    KeyPath,
    Problem,
    did_you_mean,
    dotted,
    parse_document,
    read_document,
    shown,
    value_at,
    write_document,
)
from rsu.geodesy import DATUMS
from rsu.profile import Candidate
from sim.scenario.candidates import candidates_of, fitted
from sim.scenario.errors import ScenarioError
from sim.scenario.fields import default_items, keys_at, places_of_key
from sim.scenario.found import sha256_of
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio import Radio
from sim.scenario.shipped import SUFFIXES, shipped_files, shipped_folder, shipped_scenarios


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario that has passed every check, its defaults, layout and candidate filled in."""

    config: Scenario
    """The layout is always in place (``config.layout``); ``config.standards`` holds the candidate's name."""
    candidate: Candidate
    path: Path
    """The file it came from."""
    name: str
    data_file: Path | None = None
    """The trajectory or position file it replays, found on disk."""
    views: tuple[Candidate, ...] = ()
    """Further candidates, judged by receivers on the same radio run (``standards.views``)."""
    remarks: tuple[str, ...] = ()
    """What of the candidate does not take effect here, one line each."""

    def resolved(self) -> dict[str, Any]:
        """The scenario as plain data: defaults, candidate and layout written out, nothing of this machine.

        A replayed file appears by its bare name and hash; whoever stores the result stores it alongside.
        """
        data = self.config.model_dump(mode="json", by_alias=True)
        data["standards"]["candidate"] = self.candidate.plain()
        data["standards"]["views"] = [view.plain() for view in self.views]
        if self.data_file is not None:
            data["traffic"]["file"] = self.data_file.name
        return data

    def resolved_yaml(self) -> str:
        """:meth:`resolved` as a scenario file; it loads again and has the same :meth:`run_id`."""
        return write_document(self.resolved())

    def run_id(self, version: str | None = None) -> str:
        """16 hex digits: sha256 over the resolved scenario, its seed and the model version."""
        from sim.results import run_id

        return run_id(self.resolved(), self.config.seed, version or sim.__version__)

    def with_seed(self, seed: int) -> LoadedScenario:
        """The same scenario under another seed."""
        return replace(self, config=self.config.model_copy(update={"seed": seed}))


def load(source: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> LoadedScenario:
    """Load a scenario by path or shipped name.

    ``overrides`` are ``key.path=value`` (lists by index, values read as YAML), applied in order; ``seed``
    replaces the file's. Raises :class:`ScenarioError` with everything found wrong.
    """
    path = find_scenario(source)
    return _loaded(_Draft(path, _read(path)), overrides, seed)


def load_mapping(
    data: Mapping[str, Any], overrides: Sequence[str] = (), seed: int | None = None, name: str = "scenario"
) -> LoadedScenario:
    """The same for a scenario given as plain data; ``name`` is what errors call it."""
    document = parse_document(write_document(dict(data)), name)
    return _loaded(_Draft(Path(name), document), overrides, seed)


def _loaded(draft: _Draft, overrides: Sequence[str], seed: int | None) -> LoadedScenario:
    for override in overrides:
        draft.override(override)
    if seed is not None:
        draft.override(f"seed={seed}")
    draft.put_layout_in()
    candidate, views = candidates_of(draft)
    config, remarks = fitted(draft, draft.with_buildings(draft.validated()), candidate)
    data_file = draft.data_file(config)
    from sim.scenario.checks import problems_of

    found = problems_of(config, candidate, data_file, views)
    problems = draft.problems + [draft.problem(place, rule, config=config) for place, rule in found]
    if problems or candidate is None:
        raise ScenarioError(problems)
    if data_file is not None:
        traffic = config.traffic.model_copy(update={"file_sha256": sha256_of(data_file)})
        config = config.model_copy(update={"traffic": traffic})
    return LoadedScenario(config, candidate, draft.path, config.name, data_file, views, remarks)


def find_scenario(source: str | Path) -> Path:
    """The file ``source`` means: a path first, then a shipped name; else :class:`ScenarioError`."""
    path = Path(source)
    if path.is_file():
        return path
    known = shipped_scenarios()
    if str(source) in known:
        return known[str(source)]
    if path.is_dir():
        rule = "is a folder, not a scenario file"
    elif path.suffix in SUFFIXES or len(path.parts) > 1:
        rule = "no such file"
    else:
        rule = f"no such file and no shipped scenario of that name; {did_you_mean(str(source), known)}"
    raise ScenarioError([Problem(str(source), "", "", rule)])


class _Draft:
    """A scenario on its way in: plain data, where each part of it came from, and what is wrong so far."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.document = document
        self.data: Any = self.document.data
        self.layout: Document | None = None
        self.overridden: list[tuple[KeyPath, str]] = []
        self.created: dict[KeyPath, str] = {}
        """Sections that stand only because an override reached into them, and that override."""
        if not isinstance(self.data, dict):
            rule = f"must be a mapping that begins 'schema: {sim.SCENARIO_SCHEMA}'"
            raise ScenarioError([self.document.problem((), rule)])
        self.check_schema_version()

    def check_schema_version(self) -> None:
        """Refuse another schema at once: its keys would all look wrong."""
        given = self.data.get("schema")
        if given == sim.SCENARIO_SCHEMA:
            return
        kind, _, number = str(given).partition("/")
        ours, _, our_number = sim.SCENARIO_SCHEMA.partition("/")
        rule = f"must be {sim.SCENARIO_SCHEMA}"
        if kind == ours and number.isdigit() and int(number) > int(our_number):
            rule = f"newer than this program, which reads {sim.SCENARIO_SCHEMA}"
        raise ScenarioError([self.document.problem(("schema",), rule)])

    def problem(
        self, path: KeyPath, rule: str, *, of_key: bool = False, config: Scenario | None = None
    ) -> Problem:
        """A problem at ``path``, placed in the override, layout file or scenario file the value came from.

        A value that nobody wrote is that of ``config`` and called the default.
        """
        value = "" if of_key else shown(value_at(self.data, path))
        if config is not None and value_at(self.data, path) is None and (default := shown(_standing(config, path))):
            value = f"{default} (default)"
        return Problem(self.where(path, of_key), dotted(path), value, rule)

    def where(self, path: KeyPath, of_key: bool) -> str:
        for place, text in reversed(self.overridden):
            if path[: len(place)] == place:
                return f"--set {text}"
        if path in self.created:
            return f"--set {self.created[path]}"
        if self.layout is not None and path[:1] == ("layout",) and len(path) > 1:
            return self.layout.where(path[1:], of_key=of_key)
        return self.document.where(path, of_key=of_key)

    def override(self, text: str) -> None:
        """Apply one ``key.path=value``."""
        where = f"--set {text}"
        name, equals, value_text = text.partition("=")
        if not equals or not name.strip():
            self.problems.append(Problem(where, "", "", "must be key.path=value"))
            return
        try:
            value = parse_document(value_text, where).data
        except DocumentError as error:
            self.problems += [Problem(where, name, "", problem.rule) for problem in error.problems]
            return
        words = name.strip().split(".")
        if words[0] == "layout" and len(words) > 1:
            self.put_layout_in()
        path, rule, created = _assign(self.data, words, value)
        if rule:
            self.problems.append(Problem(where, dotted(path), "", rule))
        else:
            self.overridden.append((path, text))
            self.created |= dict.fromkeys(created, text)

    def put_layout_in(self) -> None:
        """Replace the name of a layout file by its content."""
        wanted = self.data.get("layout")
        if not isinstance(wanted, str):
            return
        file = self.find_layout(wanted)
        if file is None:
            known = shipped_files("layouts")
            self.problems.append(self.problem(("layout",), f"no such layout; {did_you_mean(wanted, known)}"))
            self.data["layout"] = {}
            return
        try:
            self.layout = self.read_layout(file)
        except DocumentError as error:
            self.problems += error.problems
            self.data["layout"] = {}
            return
        content = self.layout.data
        if not isinstance(content, dict) or content.get("schema") != "layout/1":
            place = ("schema",) if isinstance(content, dict) else ()
            rule = "must be a mapping that begins 'schema: layout/1'"
            self.problems.append(self.layout.problem(place, rule))
            content = {}
        self.data["layout"] = content
        self.overridden = [one for one in self.overridden if one[0] != ("layout",)]

    def read_layout(self, file: Path) -> Document:
        """A layout file, YAML or GeoJSON; positions in the corridor's datum."""
        from sim.layouts.files import read_layout

        datum = value_at(self.data, ("corridor", "datum"))
        return read_layout(file, datum if datum in DATUMS else "WGS84")

    def validated(self) -> Scenario:
        """The data as a frozen ``Scenario``; raises with all problems of the schema."""
        try:
            return Scenario.model_validate(self.data, strict=True)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                self.problems.append(self.schema_problem(one))
        raise ScenarioError(self.problems)

    def schema_problem(self, error: Any) -> Problem:
        """One pydantic error in our form."""
        path: KeyPath = tuple(error["loc"])
        if error["type"] == "extra_forbidden":
            word, known = str(path[-1]), keys_at(path[:-1])
            hint = did_you_mean(word, known)
            elsewhere = places_of_key(word)
            if elsewhere and "did you mean" not in hint:
                hint = f"it belongs in {elsewhere[0]}"
            return self.problem(path, f"unknown key; {hint}", of_key=True)
        if error["type"] == "missing":
            return Problem(self.where(path, False), dotted(path), "", "is required")
        return self.problem(path, rule_of(error))

    def data_file(self, config: Scenario) -> Path | None:
        """The replayed file on disk: relative to the scenario file, else among the shipped files."""
        wanted = config.traffic.file
        if wanted is None:
            return None
        shipped = shipped_folder()
        for file in (self.path.parent / wanted, shipped / wanted, shipped / "data" / wanted):
            if file.is_file():
                return file
        return None

    def with_buildings(self, config: Scenario) -> Scenario:
        """The scenario with buildings of GeoJSON files read in, so that it stands without them."""
        from sim.channel.outlines import with_buildings

        def read(radio: Radio, *place: str) -> Radio:
            try:
                return radio.model_copy(update={"channel": with_buildings(radio.channel, self.path.parent)})
            except ValueError as error:
                rule = str(error).removeprefix("buildings_file: ")
                self.problems.append(self.problem((*place, "radio", "channel", "buildings_file"), rule))
                return radio

        config = config.model_copy(update={"radio": read(config.radio)})
        if config.second_radio is None:
            return config
        second = config.second_radio
        other = second.model_copy(update={"radio": read(second.radio, "second_radio")})
        return config.model_copy(update={"second_radio": other})

    def find_layout(self, wanted: str) -> Path | None:
        """A layout file: relative to the scenario (told by an override, also to where we are), else shipped."""
        folder = self.path.parent
        if Path(wanted).suffix in (*SUFFIXES, ".geojson"):
            told = any(path == ("layout",) for path, _ in self.overridden)
            places = (folder / wanted, Path(wanted)) if told else (folder / wanted,)
        else:
            places = (folder / "layouts" / f"{wanted}.yaml",)
        return next((one for one in places if one.is_file()), shipped_files("layouts").get(wanted))


def _read(path: Path) -> Document:
    try:
        return read_document(path)
    except DocumentError as error:
        raise ScenarioError(error.problems) from None


def _assign(data: Any, words: Sequence[str], value: Any) -> tuple[KeyPath, str | None, list[KeyPath]]:
    """Set ``value`` at ``words`` in nested data, where nothing stands in the default's place.

    Returns the key path, what is wrong, if anything, and the paths of the sections put in on the way.
    """
    path: KeyPath = ()
    created: list[KeyPath] = []
    for number, word in enumerate(words):
        last = number == len(words) - 1
        if isinstance(data, list):
            if not word.isdigit() or int(word) >= len(data):
                there = f"has {len(data)} items, index 0 to {len(data) - 1}" if data else "is empty"
                return (*path, word), f"the list {there}", created
            step: str | int = int(word)
        elif isinstance(data, dict):
            step = word
            if not last and data.get(word) is None:
                start = default_items((*path, word))
                if start is None and words[number + 1].isdigit():
                    return (*path, word), "stands neither in the file nor among the defaults", created
                data[word] = {} if start is None else start
                created.append((*path, word))
        else:
            return (*path, word), f"{dotted(path)} is a single value and has no parts", created
        path = (*path, step)
        if last:
            data[step] = value
        else:
            data = data[step]
    return path, None, created


_RULES = {
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping of keys",
    "finite_number": "must be a finite number",
}


def _standing(config: Scenario, path: KeyPath) -> Any:
    """The value at ``path`` of a validated scenario, or ``None``."""
    found: Any = config
    for part in path:
        try:
            found = getattr(found, part) if isinstance(part, str) and hasattr(found, part) else found[part]
        except (KeyError, IndexError, TypeError):
            return None
    return None if hasattr(found, "model_fields_set") else found


def rule_of(error: Any) -> str:
    """A pydantic error as a rule: what the value must be."""
    context = error.get("ctx", {})
    limits = {
        "greater_than_equal": ("at least", "ge"),
        "less_than_equal": ("at most", "le"),
        "greater_than": ("above", "gt"),
        "less_than": ("below", "lt"),
    }
    if error["type"] in limits:
        words, bound = limits[error["type"]]
        return f"must be {words} {context[bound]:g}"
    if error["type"] == "literal_error":
        return f"must be one of {context['expected']}"
    if error["type"] in _RULES:
        return _RULES[error["type"]]
    message = str(error["msg"])
    return message[0].lower() + message[1:]
