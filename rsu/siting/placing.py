"""Where roadside units go: spacing rules over pieces of road and signalised nodes. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

Side = Literal["right", "left"]
SIZES = ("small", "medium", "large")
"""Sizes of a signalised node, by which a rule may ask for more than one unit there."""
CORNER_M = 15.0
"""Units at the corners of a node stand this far before and behind its middle (assumption)."""
_SLACK_M = 1e-6
"""Two chainages closer than this are the same place."""
_SAME_UNIT_M = 1.0
"""A unit asked for this near to one at a node is that one."""


@dataclass(frozen=True)
class Rule:
    """A siting rule; applies where jurisdiction, road class and span fit (``None`` fits all)."""

    jurisdiction: str | None = None
    road_class: str | None = None
    at_nodes: bool = True
    """Whether units stand at the signalised nodes."""
    spacing_m: float | None = None
    """Largest road distance between neighbouring places; ``None``: none between nodes."""
    side: str = "right"
    """``right``, ``left`` (seen in direction up), ``alternating`` from right, or ``both`` (two at each place)."""
    name: str = ""
    from_m: float | None = None
    to_m: float | None = None
    """Only between these chainages."""
    mast_height_m: float | None = None
    """Antenna height the rule asks for, if any."""
    always_at_m: tuple[float, ...] = ()
    """Chainages that get a unit in any case (ramps, service areas, tunnel portals)."""
    skip_between_nodes_m: float = 0.0
    """Between two nodes no further apart than this nothing is added."""
    units_at_node: Mapping[str, int] = field(default_factory=dict)
    """Units at a node by its size: 1, 2 (one a side) or 4 (the corners); sizes left out get 1."""


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
    """``<jurisdiction>-<chainage in m, five digits>``: the same place has the same id in every layout.
    Further units of the same place end in ``.2``, ``.3``, ``.4``."""
    chainage_m: float
    side: Side
    rule: str
    """Name of the rule that placed it, or its number in the list."""
    node: int | None
    """Index of the node it stands at, else ``None``."""
    jurisdiction: str | None
    mast_height_m: float | None = None
    """Antenna height its rule asks for, if any."""
    first_at_node: bool = True
    """False for the second and further units of a node."""


class _Place(NamedTuple):
    """A place a rule asks for, and the node it is, if any."""

    chainage_m: float
    node: int | None


def place(
    pieces: Sequence[RoadPiece], node_chainages_m: Sequence[float], rules: Sequence[Rule],
    node_sizes: Sequence[str] = (),
) -> list[PlacedSite]:
    """Units that ``rules`` ask for along ``pieces``, sorted by place.

    The last rule that fits governs a piece; where none fits no unit stands. A stretch is the road between two
    changes of governing rule or jurisdiction. Within a stretch units stand at its nodes (if the rule says so), at
    the chainages the rule always equips, and evenly in between, no two neighbours further apart than
    ``spacing_m``, and no open end of the stretch further from a unit than half of it. Sides alternate along a
    stretch, from right. ``node_sizes`` holds a word of ``SIZES`` per node; left out, all are small. Raises
    ValueError for a spacing that is not positive, a number of units at a node other than 1, 2 or 4, or pieces out
    of order.
    """
    _check(rules)
    sites: list[PlacedSite] = []
    ids: set[str] = set()
    for stretch, number in _stretches(_cut(pieces, rules), rules):
        rule = rules[number]
        nodes = _nodes_inside(stretch, node_chainages_m, last=stretch.to_m >= pieces[-1].to_m - _SLACK_M)
        for turn, here in enumerate(_places(stretch, nodes, rule)):
            size = node_sizes[here.node] if here.node is not None and node_sizes else SIZES[0]
            for count, (chainage_m, side) in enumerate(_units_of(here, rule, size, turn)):
                chainage_m = min(max(chainage_m, pieces[0].from_m), pieces[-1].to_m)
                site_id = _unique(f"{stretch.jurisdiction or 'RSU'}-{round(here.chainage_m):05d}", ids)
                sites.append(PlacedSite(
                    site_id, chainage_m, side, rule.name or f"rule {number}", here.node, stretch.jurisdiction,
                    rule.mast_height_m, count == 0,
                ))
    return sites


def fill(
    from_m: float, to_m: float, stops_m: Sequence[float], spacing_m: float, bare: Sequence[bool] = ()
) -> list[float]:
    """Chainages of units added between ``stops_m`` (units that stand already, sorted) on from_m .. to_m.

    Between two stops the gap is the largest equal one not above ``spacing_m``; an open end is half a gap
    away. A road of length L without stops gets ``ceil(L / spacing_m)`` units. Where ``bare[k]`` is true nothing is
    added between stops k and k + 1.
    """
    if not stops_m:
        return _even(from_m, to_m, spacing_m, before=0.5, after=0.5)
    added = _even(from_m, stops_m[0], spacing_m, before=0.5, after=1.0)
    for index, (low, high) in enumerate(zip(stops_m, stops_m[1:], strict=False)):
        if not (bare and bare[index]):
            added += _even(low, high, spacing_m, before=1.0, after=1.0)
    return added + _even(stops_m[-1], to_m, spacing_m, before=1.0, after=0.5)


def governing_rule(piece: RoadPiece, rules: Sequence[Rule]) -> int | None:
    """Number of the last rule that fits ``piece``, or ``None``."""
    for number in range(len(rules) - 1, -1, -1):
        rule = rules[number]
        inside = (rule.from_m is None or piece.from_m >= rule.from_m - _SLACK_M) and (
            rule.to_m is None or piece.to_m <= rule.to_m + _SLACK_M
        )
        if inside and rule.jurisdiction in (None, piece.jurisdiction) and rule.road_class in (None, piece.road_class):
            return number
    return None


def _check(rules: Sequence[Rule]) -> None:
    for index, rule in enumerate(rules):
        if rule.spacing_m is not None and not rule.spacing_m > 0:
            raise ValueError(f"siting rule {index}: spacing_m: {rule.spacing_m}: must be above 0")
        for size, count in rule.units_at_node.items():
            if count not in (1, 2, 4):
                raise ValueError(f"siting rule {index}: units_at_node.{size}: {count}: must be 1, 2 or 4")


def _cut(pieces: Sequence[RoadPiece], rules: Sequence[Rule]) -> list[RoadPiece]:
    """``pieces`` cut where the span of a rule begins or ends."""
    edges = sorted({edge for rule in rules for edge in (rule.from_m, rule.to_m) if edge is not None})
    cut: list[RoadPiece] = []
    for piece in pieces:
        inner = [edge for edge in edges if piece.from_m + _SLACK_M < edge < piece.to_m - _SLACK_M]
        marks = [piece.from_m, *inner, piece.to_m]
        cut += [replace(piece, from_m=low, to_m=high) for low, high in zip(marks, marks[1:], strict=False)]
    return cut


def _places(stretch: RoadPiece, nodes: Sequence[_Place], rule: Rule) -> list[_Place]:
    """Places of a stretch in the order of chainage: nodes, what is always equipped, and the filling."""
    found = [*nodes] if rule.at_nodes else []
    for chainage_m in rule.always_at_m:
        inside = stretch.from_m - _SLACK_M <= chainage_m <= stretch.to_m + _SLACK_M
        if inside and all(abs(chainage_m - other.chainage_m) > _SAME_UNIT_M for other in found):
            found.append(_Place(chainage_m, None))
    found.sort(key=lambda one: one.chainage_m)
    if rule.spacing_m is not None:
        bare = [
            low.node is not None and high.node is not None
            and high.chainage_m - low.chainage_m <= rule.skip_between_nodes_m + _SLACK_M
            for low, high in zip(found, found[1:], strict=False)
        ]
        stops = [one.chainage_m for one in found]
        found += [_Place(at, None) for at in fill(stretch.from_m, stretch.to_m, stops, rule.spacing_m, bare)]
    return sorted(found, key=lambda one: one.chainage_m)


def _units_of(here: _Place, rule: Rule, size: str, turn: int) -> list[tuple[float, Side]]:
    """(chainage, side) of every unit of one place."""
    at_m = here.chainage_m
    count = rule.units_at_node.get(size, 1) if here.node is not None else 1
    if count == 4:
        before, behind = at_m - CORNER_M, at_m + CORNER_M
        return [(before, "right"), (before, "left"), (behind, "right"), (behind, "left")]
    if count == 2 or rule.side == "both":
        return [(at_m, "right"), (at_m, "left")]
    return [(at_m, _side(rule.side, turn))]


def _even(from_m: float, to_m: float, spacing_m: float, *, before: float, after: float) -> list[float]:
    """Equal gaps g <= spacing, ``before`` g in front of the first unit and ``after`` g behind the last."""
    length = to_m - from_m
    ends = before + after - 1
    count = max(0, math.ceil(length / spacing_m - ends - 1e-9))
    gap = length / (count + ends) if count + ends > 0 else 0.0
    return [from_m + gap * (before + step) for step in range(count)]


def _stretches(pieces: Sequence[RoadPiece], rules: Sequence[Rule]) -> list[tuple[RoadPiece, int]]:
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
            runs[-1] = (replace(last[0], to_m=piece.to_m, road_class=piece.road_class), number)
        else:
            runs.append((piece, number))
    return runs


def _nodes_inside(stretch: RoadPiece, node_chainages_m: Sequence[float], *, last: bool) -> list[_Place]:
    """Nodes in [from, to) of the stretch, the road's very end included, sorted."""
    inside = [
        _Place(chainage, index)
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
