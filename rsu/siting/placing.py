"""Where roadside units go: spacing rules over pieces of road and signalised nodes. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Side = Literal["right", "left"]
_SLACK_M = 1e-6
"""Two chainages closer than this are the same place."""


class SpacingRule(Protocol):
    """One siting rule; applies where jurisdiction and road class fit (``None`` fits all)."""

    @property
    def jurisdiction(self) -> str | None: ...
    @property
    def road_class(self) -> str | None: ...
    @property
    def at_nodes(self) -> bool: ...
    @property
    def spacing_m(self) -> float | None: ...
    @property
    def side(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Rule:
    """A :class:`SpacingRule` in plain form."""

    jurisdiction: str | None = None
    road_class: str | None = None
    at_nodes: bool = True
    spacing_m: float | None = None
    side: str = "right"
    """``right``, ``left`` (seen in direction up) or ``alternating``."""
    name: str = ""


@dataclass(frozen=True)
class RoadPiece:
    """A piece of road of one class under one jurisdiction; pieces adjoin and are sorted by chainage."""

    from_m: float
    to_m: float
    road_class: str
    jurisdiction: str | None


@dataclass(frozen=True)
class PlacedSite:
    """One unit placed by a rule."""

    id: str
    """``<jurisdiction>-<chainage in m, five digits>``: the same place has the same id in every layout."""
    chainage_m: float
    side: Side
    rule: str
    """Name of the rule that placed it, or its number in the list."""
    node: int | None
    """Index of the node it stands at, else ``None``."""
    jurisdiction: str | None


def place(
    pieces: Sequence[RoadPiece], node_chainages_m: Sequence[float], rules: Sequence[SpacingRule]
) -> list[PlacedSite]:
    """Units that ``rules`` ask for along ``pieces``, sorted by chainage.

    The last rule that fits governs a piece; where none fits no unit stands. A stretch is the road between two
    changes of governing rule or jurisdiction. Within a stretch units stand at its nodes (if the rule says so)
    and evenly in between, no two neighbours further apart than ``spacing_m``, and no open end of the stretch
    further from a unit than half of it. Sides alternate along a stretch, from right. Raises ValueError for
    a spacing that is not positive or pieces out of order.
    """
    for index, rule in enumerate(rules):
        if rule.spacing_m is not None and not rule.spacing_m > 0:
            raise ValueError(f"siting rule {index}: spacing_m: {rule.spacing_m}: must be above 0")
    sites: list[PlacedSite] = []
    ids: set[str] = set()
    for stretch, number in _stretches(pieces, rules):
        rule = rules[number]
        nodes = _nodes_inside(stretch, node_chainages_m, last=stretch.to_m >= pieces[-1].to_m - _SLACK_M)
        found: list[tuple[float, int | None]] = [*nodes] if rule.at_nodes else []
        if rule.spacing_m is not None:
            stops = [chainage for chainage, _ in found]
            between = fill(stretch.from_m, stretch.to_m, stops, rule.spacing_m)
            found += [(chainage, None) for chainage in between]
        owner, name = stretch.jurisdiction, rule.name or f"rule {number}"
        for turn, (chainage, node) in enumerate(sorted(found, key=lambda one: one[0])):
            site_id = _unique(f"{owner or 'RSU'}-{round(chainage):05d}", ids)
            sites.append(PlacedSite(site_id, chainage, _side(rule.side, turn), name, node, owner))
    return sites


def fill(from_m: float, to_m: float, stops_m: Sequence[float], spacing_m: float) -> list[float]:
    """Chainages of units added between ``stops_m`` (units that stand already, sorted) on from_m .. to_m.

    Between two stops the gap is the largest equal one not above ``spacing_m``; an open end is half a gap
    away. A road of length L without stops gets ``ceil(L / spacing_m)`` units.
    """
    if not stops_m:
        return _even(from_m, to_m, spacing_m, before=0.5, after=0.5)
    added = _even(from_m, stops_m[0], spacing_m, before=0.5, after=1.0)
    for low, high in zip(stops_m, stops_m[1:], strict=False):
        added += _even(low, high, spacing_m, before=1.0, after=1.0)
    return added + _even(stops_m[-1], to_m, spacing_m, before=1.0, after=0.5)


def _even(from_m: float, to_m: float, spacing_m: float, *, before: float, after: float) -> list[float]:
    """Equal gaps g <= spacing, ``before`` g in front of the first unit and ``after`` g behind the last."""
    length = to_m - from_m
    ends = before + after - 1
    count = max(0, math.ceil(length / spacing_m - ends - 1e-9))
    gap = length / (count + ends) if count + ends > 0 else 0.0
    return [from_m + gap * (before + step) for step in range(count)]


def _stretches(pieces: Sequence[RoadPiece], rules: Sequence[SpacingRule]) -> list[tuple[RoadPiece, int]]:
    """Longest runs of adjoining pieces with one governing rule and jurisdiction, and that rule's number."""
    runs: list[tuple[RoadPiece, int]] = []
    end = -math.inf
    for piece in pieces:
        if piece.to_m < piece.from_m or piece.from_m < end - _SLACK_M:
            where = f"road piece {piece.from_m:g}..{piece.to_m:g} m"
            raise ValueError(f"{where}: pieces must be sorted and not overlap")
        end = piece.to_m
        number = governing_rule(piece, rules)
        if number is None:
            continue
        last = runs[-1] if runs else None
        if (
            last
            and last[1] == number
            and last[0].jurisdiction == piece.jurisdiction
            and abs(last[0].to_m - piece.from_m) <= _SLACK_M
        ):
            runs[-1] = (RoadPiece(last[0].from_m, piece.to_m, piece.road_class, piece.jurisdiction), number)
        else:
            runs.append((piece, number))
    return runs


def governing_rule(piece: RoadPiece, rules: Sequence[SpacingRule]) -> int | None:
    """Number of the last rule that fits ``piece``, or ``None``."""
    for number in range(len(rules) - 1, -1, -1):
        rule = rules[number]
        if rule.jurisdiction in (None, piece.jurisdiction) and rule.road_class in (None, piece.road_class):
            return number
    return None


def _nodes_inside(
    stretch: RoadPiece, node_chainages_m: Sequence[float], *, last: bool
) -> list[tuple[float, int]]:
    """(chainage, index) of nodes in [from, to) of the stretch, the road's very end included, sorted."""
    inside = [
        (chainage, index)
        for index, chainage in enumerate(node_chainages_m)
        if stretch.from_m - _SLACK_M <= chainage < stretch.to_m - _SLACK_M
        or (last and abs(chainage - stretch.to_m) <= _SLACK_M)
    ]
    return sorted(inside)


def _side(wanted: str, turn: int) -> Side:
    if wanted == "alternating":
        return "left" if turn % 2 else "right"
    return "left" if wanted == "left" else "right"


def _unique(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}.{number}", number + 1
    taken.add(name)
    return name


@dataclass(frozen=True)
class NamedRule:
    """A spacing rule of a region or operator, as published."""

    name: str
    road_class: str
    spacing_low_m: float
    spacing_high_m: float
    spacing_m: float
    """Value used: what the document calls the default, else the middle of its range."""
    side: str
    at_nodes: bool
    basis: str
    source: str

    def rule(self, jurisdiction: str | None = None) -> Rule:
        """As a siting rule, for one jurisdiction or everywhere."""
        return Rule(jurisdiction, self.road_class, self.at_nodes, self.spacing_m, self.side, self.name)


_JIANGSU = "Jiangsu smart-motorway construction guide: 200-300 m on key sections"
_ZHEJIANG = "Zhejiang smart-motorway construction guide (provisional)"
_DEQING = "Deqing county (Zhejiang) ICV road-infrastructure specification"
_GUANGZHOU = "Guangzhou pilot-zone technical specification: 200-400 m staggered on continuous sections"
_OPERATOR = "China Unicom field test on a Changzhou proving ground: about 1.5 km, antenna at least 10 m"

NAMED_RULES: dict[str, NamedRule] = {
    rule.name: rule
    for rule in (
        NamedRule("jiangsu-expressway", "expressway", 200, 300, 250, "right", True, "sourced", _JIANGSU),
        NamedRule(
            "zhejiang-expressway-dense",
            "expressway",
            500,
            1000,
            750,
            "right",
            True,
            "sourced",
            f"{_ZHEJIANG}: 0.5-1 km where flow and accidents are high",
        ),
        NamedRule(
            "zhejiang-expressway-middle",
            "expressway",
            1000,
            2000,
            1500,
            "right",
            True,
            "sourced",
            f"{_ZHEJIANG}: 1-2 km where either is high",
        ),
        NamedRule(
            "zhejiang-expressway-sparse",
            "expressway",
            2000,
            5000,
            3500,
            "right",
            True,
            "sourced",
            f"{_ZHEJIANG}: 2-5 km where neither is high",
        ),
        NamedRule(
            "deqing-urban",
            "arterial",
            200,
            300,
            200,
            "right",
            True,
            "sourced",
            f"{_DEQING}: 200-300 m, default 200 m",
        ),
        NamedRule(
            "deqing-rural", "rural", 400, 400, 400, "right", True, "sourced", f"{_DEQING}: 400 m, one side"
        ),
        NamedRule(
            "deqing-expressway",
            "expressway",
            200,
            200,
            200,
            "alternating",
            True,
            "sourced",
            f"{_DEQING}: 200 m staggered, 400 m on each side",
        ),
        NamedRule(
            "guangzhou-arterial", "arterial", 200, 400, 300, "alternating", True, "sourced", _GUANGZHOU
        ),
        NamedRule("operator-expressway", "expressway", 1500, 1500, 1500, "right", True, "sourced", _OPERATOR),
    )
}
"""Regional rules found, by name. Middles are computed; side and ``at_nodes`` are ours where not stated."""
