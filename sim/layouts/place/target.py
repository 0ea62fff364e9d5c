"""What a layout shall reach: ``coverage(CLASS[, raw|useful][, jurisdiction=ID][, direction=up|down]) >= SHARE``."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from rsu.document import nearest

CLASS_OF = {"SPAT": "SPAT+MAP", "SPAT+MAP": "SPAT+MAP", "MAP": "SPAT+MAP", "RSI": "RSI", "RSM": "RSM"}
"""Word in a target -> coverage class (definitions section 6)."""
_KINDS = ("raw", "useful")
_DIRECTIONS = ("up", "down")
_TOKEN = re.compile(r"\s*(>=|≥|[^\s(),=<>≥%]+%?|\S)")
_FORM = "coverage(CLASS[, raw|useful][, jurisdiction=ID][, direction=up|down]) >= SHARE"


@dataclass(frozen=True)
class Target:
    """One thing asked for: a share of (cell, time) of the service zone of a class."""

    message: str
    """Coverage class: ``SPAT+MAP``, ``RSI`` or ``RSM``."""
    share: float
    """Above 0, at most 1."""
    useful: bool = True
    """Applied (``C_useful``), else received (``C_raw``)."""
    jurisdiction: str | None = None
    direction: str | None = None

    @property
    def metric(self) -> str:
        """Name in ``metrics.csv``."""
        return "C_useful" if self.useful else "C_raw"

    @property
    def name(self) -> str:
        """The target without its share, as it can be written."""
        parts = [self.message.split("+")[0]]
        parts += [] if self.useful else ["raw"]
        parts += [] if self.jurisdiction is None else [f"jurisdiction={self.jurisdiction}"]
        parts += [] if self.direction is None else [f"direction={self.direction}"]
        return f"coverage({', '.join(parts)})"

    def __str__(self) -> str:
        return f"{self.name} >= {self.share:g}"


def parse_target(text: str, jurisdictions: Collection[str] | None = None) -> Target:
    """Read one target; ``jurisdictions`` are the known ones (none = not checked).

    A ValueError of one line names the text, the place in it, and what is known.
    """
    return _Parser(text, jurisdictions).target()


class _Parser:
    """Reads from left to right; positions count characters from 1."""

    def __init__(self, text: str, jurisdictions: Collection[str] | None) -> None:
        self.text, self.known = text, jurisdictions
        self.tokens = [(found.group(1), found.start(1) + 1) for found in _TOKEN.finditer(text)]
        self.next = 0

    def fail(self, rule: str, at: int | None = None) -> ValueError:
        place = at if at is not None else (self.tokens[self.next][1] if self.next < len(self.tokens) else None)
        where = f"at character {place}" if place is not None else "at its end"
        return ValueError(f"--target {self.text!r}: {where}: {rule}")

    def take(self, *wanted: str) -> str:
        """The next token, which must be one of ``wanted`` if any are given."""
        if self.next >= len(self.tokens):
            raise self.fail(f"{' or '.join(map(repr, wanted)) or 'a word'} is missing; the form is {_FORM}")
        word, at = self.tokens[self.next]
        if wanted and word not in wanted:
            raise self.fail(f"{word!r} where {' or '.join(map(repr, wanted))} must stand; the form is {_FORM}", at)
        self.next += 1
        return word

    def target(self) -> Target:
        self.take("coverage")
        self.take("(")
        message = self._message()
        options: dict[str, str] = {}
        while self.take(",", ")") == ",":
            self._option(options)
        self.take(">=", "≥")
        share = self._share()
        if self.next < len(self.tokens):
            raise self.fail(f"{self.tokens[self.next][0]!r} stands behind the share; one target has one comparison")
        return Target(
            message, share, options.get("kind", "useful") == "useful", options.get("jurisdiction"),
            options.get("direction"),
        )

    def _message(self) -> str:
        at = self.tokens[self.next][1] if self.next < len(self.tokens) else None
        word = self.take()
        if word == "BSM":
            raise self.fail(
                "BSM goes from vehicle to vehicle: roadside units do not cover it; known: SPAT (= SPAT+MAP), RSI, RSM",
                at,
            )
        if word not in CLASS_OF:
            near = nearest(word, CLASS_OF)
            hint = f"did you mean {near!r}? " if near else ""
            raise self.fail(f"{word!r} is no class with a service zone; {hint}known: SPAT (= SPAT+MAP), RSI, RSM", at)
        return CLASS_OF[word]

    def _option(self, options: dict[str, str]) -> None:
        at = self.tokens[self.next][1] if self.next < len(self.tokens) else None
        word = self.take()
        if word in _KINDS:
            name, value = "kind", word
        elif word in ("jurisdiction", "direction"):
            self.take("=")
            at = self.tokens[self.next][1] if self.next < len(self.tokens) else None
            name, value = word, self.take()
        else:
            known = (*_KINDS, "jurisdiction=ID", "direction=up|down")
            raise self.fail(f"{word!r} is unknown here; known: {', '.join(known)}", at)
        if name in options:
            raise self.fail(f"{'raw or useful' if name == 'kind' else name} is said twice", at)
        if name == "direction" and value not in _DIRECTIONS:
            raise self.fail(f"direction {value!r} is neither up nor down", at)
        if name == "jurisdiction" and self.known is not None and value not in self.known:
            raise self.fail(f"no jurisdiction {value!r}; known: {', '.join(self.known) or 'none'}", at)
        options[name] = value

    def _share(self) -> float:
        at = self.tokens[self.next][1] if self.next < len(self.tokens) else None
        word = self.take()
        if self.next < len(self.tokens) and self.tokens[self.next][0] == "%":
            word += self.take()
        try:
            share = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
        except ValueError:
            raise self.fail(f"{word!r} is no number", at) from None
        if not 0 < share <= 1:
            raise self.fail(f"a share of {word} is not above 0 and at most 1 (or 100 %)", at)
        return share


def parse_targets(texts: Collection[str], jurisdictions: Collection[str] | None = None) -> list[Target]:
    """Several targets; a ValueError for none, a doubled one or two shares for one thing."""
    if not texts:
        raise ValueError(f"--target: at least one is needed: {_FORM}")
    targets = [parse_target(text, jurisdictions) for text in texts]
    names = [target.name for target in targets]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ValueError(f"--target: {doubled} is asked for more than once")
    return targets
