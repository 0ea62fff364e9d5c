"""Candidate poles: every signalised node, then the road every so many metres, on the side the layout's rules say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rsu.siting import RoadPiece, Rule, Side, governing_rule
from sim.scenario.schema.layout import Layout, Site
from sim.world.corridor import CorridorGeometry

MAX_POLES = 20_000
"""More candidates than this are refused: the spacing is a slip of the pen."""


@dataclass(frozen=True)
class Pole:
    """A place where a unit may stand."""

    site: Site
    """As a layout lists it."""
    chainage_m: float
    node: str | None
    """The signalised node it serves."""


def candidate_poles(layout: Layout, corridor: CorridorGeometry, spacing_m: float) -> list[Pole]:
    """Nodes in the order of the road, then poles every ``spacing_m`` from the beginning of the road.

    A pole nearer than half the spacing to a node is left out: the node's own stands there. The side is that of the
    layout's governing rule (:func:`rsu.siting.governing_rule`), right where none governs; ``alternating`` changes from
    pole to pole. Names are those that siting rules give: ``<jurisdiction>-<chainage>``. ValueError for a spacing that
    is not above 1 m, or that makes more than :data:`MAX_POLES`.
    """
    if not spacing_m >= 1.0:
        raise ValueError(f"--pole-spacing {spacing_m:g}: must be at least 1 m")
    count = math.floor(corridor.length_m / spacing_m) + 1
    if count > MAX_POLES:
        raise ValueError(
            f"--pole-spacing {spacing_m:g}: makes {count} poles on {corridor.length_m / 1000:.1f} km; "
            f"at most {MAX_POLES} are weighed"
        )
    nodes = sorted(
        (float(chainage_m), node.id)
        for chainage_m, node in zip(corridor.node_chainage_m, corridor.config.nodes, strict=True)
    )
    between = [
        step * spacing_m for step in range(count)
        if all(abs(step * spacing_m - chainage_m) >= spacing_m / 2 for chainage_m, _ in nodes)
    ]
    rules, taken = [rule.resolved() for rule in layout.rules], set[str]()
    places: list[tuple[float, str | None]] = [*nodes, *((chainage_m, None) for chainage_m in between)]
    turns = [*range(len(nodes)), *range(len(between))]
    return [
        _pole(rules, corridor, chainage_m, turn, node, taken)
        for turn, (chainage_m, node) in zip(turns, places, strict=True)
    ]


def _pole(
    rules: Sequence[Rule], corridor: CorridorGeometry, chainage_m: float, turn: int, node: str | None, taken: set[str]
) -> Pole:
    owner = int(corridor.place_at(chainage_m))
    jurisdiction = corridor.jurisdiction_ids[owner] if owner >= 0 else None
    piece = RoadPiece(chainage_m, chainage_m, corridor.road_class_at(chainage_m), jurisdiction)
    number = governing_rule(piece, rules)
    rule = Rule() if number is None else rules[number]
    side: Side = "left" if rule.side == "left" or (rule.side in ("alternating", "both") and turn % 2) else "right"
    name, again = f"{(jurisdiction or 'RSU')[:16]}-{round(chainage_m):05d}", 2
    stem = name
    while name in taken:
        name, again = f"{stem}.{again}", again + 1
    taken.add(name)
    site = Site(id=name, at_m=round(chainage_m, 3), side=side, node=node, mast_height_m=rule.mast_height_m)
    return Pole(site, chainage_m, node)


def layout_of(layout: Layout, poles: list[Pole], name: str) -> Layout:
    """The given layout's masts, antennas, services and sensors at other places: a listed site per pole, no rules."""
    sites = [pole.site for pole in sorted(poles, key=lambda pole: (pole.chainage_m, pole.site.id))]
    return layout.model_copy(update={"name": name, "rules": [], "sites": sites, "down": []})
