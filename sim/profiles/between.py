"""What a candidate says of pairs of places: trust lists, platform interfaces, gateways."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rsu.profile import Candidate
from rsu.profile.trust import TrustState
from sim.cli.options import columns
from sim.profiles.words import LETTERS, word


@dataclass(frozen=True)
class Pair:
    """How one place stands to another."""

    place: str
    other: str
    trust: TrustState
    """Whether stations at home in ``place`` trust certificates issued in ``other``."""
    told: bool
    """Whether units of ``place`` learn what the platform of ``other`` knows."""
    delay_ms: float
    """How much later, where they do."""


@dataclass(frozen=True)
class Ground:
    """One row of the candidate, and what it rests on."""

    kind: str
    """``trust``, ``relay`` or ``gateway``."""
    text: str
    hazard: str
    basis: str
    source: str


def pairs(candidate: Candidate) -> tuple[Pair, ...]:
    """Every place and every other one that the candidate names, in its order."""
    found = []
    for place in candidate.places:
        for other in candidate.places:
            if place != other:
                roots = [str(candidate.profile(one).effective("security.root")) for one in (place, other)]
                found.append(Pair(
                    place, other, candidate.trust.state(place, other, *roots),
                    not candidate.relays.missing(other, place), candidate.relays.delay_ms(other, place),
                ))
    return tuple(found)


def grounds(candidate: Candidate) -> tuple[Ground, ...]:
    """Rows of trust lists and platform interfaces and the gateway, each with basis and source."""
    found = [
        Ground("trust", f"{', '.join(row.home)} <- {', '.join(row.issuer)}: {row.state.kind}", row.hazard, row.basis,
               row.source)
        for row in candidate.trust.rows
    ]
    found += [
        Ground("relay", f"{', '.join(row.sender)} -> {', '.join(row.receiver)}: {row.state}", row.hazard, row.basis,
               row.source)
        for row in candidate.relays.rows
    ]
    if candidate.gateway is not None:
        one = candidate.gateway
        found.append(Ground("gateway", f"{one.within_m:g} m, {one.delay_ms:g} ms", "", one.basis, one.source))
    return tuple(found)


def between_head(language: str = "en") -> tuple[str, ...]:
    """Heads of the table of pairs."""
    return tuple(word(name, language) for name in ("place", "other place", "trusts", "told by"))


def between_rows(candidate: Candidate, language: str = "en") -> list[tuple[str, ...]]:
    """One row per pair: place, other place, trust in its certificates, news from its platform."""
    return [
        (one.place, one.other, _trust(one.trust, language), _told(one, language)) for one in pairs(candidate)
    ]


def between_lines(candidate: Candidate, language: str = "en") -> Iterator[str]:
    """The pairs as a table and the rows they rest on; nothing where one profile holds everywhere."""
    rows, rests_on = between_rows(candidate, language), grounds(candidate)
    if not rows and not rests_on:
        return
    yield f"{word('between', language)}:"
    if rows:
        yield from ("  " + line for line in columns(rows, between_head(language)).splitlines())
    for one in rests_on:
        yield f"  {ground_text(one, language)}  [{LETTERS[one.basis]}: {one.source}]"
    yield ""


def ground_text(one: Ground, language: str = "en") -> str:
    """What a row says, with its hazard."""
    return f"{word(one.kind, language)} {one.text}" + (f" ({one.hazard})" if one.hazard else "")


def between_json(candidate: Candidate) -> dict[str, Any]:
    """Pairs and rows as plain data."""
    return {
        "pairs": [
            {"place": one.place, "other": one.other, "trust": one.trust.kind, "from_s": one.trust.from_s,
             "tau_s": one.trust.tau_s, "told": one.told, "delay_ms": one.delay_ms}
            for one in pairs(candidate)
        ],
        "trust": [row.plain() for row in candidate.trust.rows],
        "relays": [row.plain() for row in candidate.relays.rows],
        "gateway": None if candidate.gateway is None else candidate.gateway.plain(),
    }


def _trust(state: TrustState, language: str) -> str:
    text = word(f"trust {state.kind}", language)
    return f"{text} {state.from_s:g} s + {state.tau_s:g} s" if state.kind == "pending" else text


def _told(one: Pair, language: str) -> str:
    if not one.told:
        return word("no", language)
    return word("yes", language) + (f", {one.delay_ms:g} ms" if one.delay_ms else "")
