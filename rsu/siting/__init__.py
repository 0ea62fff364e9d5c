"""Where roadside units go: rules, and the published ones by name."""

from __future__ import annotations

from rsu.siting.named import NAMED_RULES, Choice, NamedRule
from rsu.siting.placing import (
    CORNER_M,
    SIZES,
    PlacedSite,
    RoadPiece,
    Rule,
    Side,
    fill,
    governing_rule,
    place,
)

__all__ = [
    "CORNER_M",
    "NAMED_RULES",
    "SIZES",
    "Choice",
    "NamedRule",
    "PlacedSite",
    "RoadPiece",
    "Rule",
    "Side",
    "fill",
    "governing_rule",
    "place",
]
