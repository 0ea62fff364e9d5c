"""Siting rules of regions and operators, as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rsu.siting.placing import Rule

Choice = Literal["low", "default", "high"]
"""Which end of a published range of spacings: the small one, the value used, the large one."""


@dataclass(frozen=True)
class NamedRule:
    """A spacing rule of a region or operator, as published."""

    name: str
    road_class: str | None
    """Class of road it is written for; ``None``: a kind of place the corridor model has no word for (tunnels)."""
    spacing_low_m: float
    spacing_high_m: float
    spacing_m: float
    """Value used: what the document calls the default, else the middle of its range."""
    side: str
    source: str
    """Document and what it says."""
    at_nodes: bool = True
    basis: str = "sourced"
    mast_height_m: float | None = None
    """Antenna height it asks for; ``None`` where it names none."""
    skip_between_nodes_m: float = 0.0
    units_at_node: Mapping[str, int] = field(default_factory=dict)
    ours: str = ""
    """What of the above is our reading and not the document's."""

    def spacing(self, choice: Choice = "default") -> float:
        """Spacing in metres at one end of the published range, or the value used."""
        return {"low": self.spacing_low_m, "default": self.spacing_m, "high": self.spacing_high_m}[choice]

    def rule(self, jurisdiction: str | None = None, choice: Choice = "default") -> Rule:
        """As a siting rule, for one jurisdiction or everywhere."""
        return Rule(
            jurisdiction, self.road_class, self.at_nodes, self.spacing(choice), self.side, self.name,
            mast_height_m=self.mast_height_m, skip_between_nodes_m=self.skip_between_nodes_m,
            units_at_node=self.units_at_node,
        )

    def summary(self) -> str:
        """Road, spacing, side and mast in one line."""
        spread = self.spacing_low_m < self.spacing_high_m
        parts = [
            self.road_class or "tunnel",
            f"every {self.spacing_m:g} m" + (f" ({self.spacing_low_m:g}-{self.spacing_high_m:g})" if spread else ""),
            self.side,
        ]
        if self.mast_height_m is not None:
            parts.append(f"mast {self.mast_height_m:g} m")
        if self.skip_between_nodes_m:
            parts.append(f"none between junctions up to {self.skip_between_nodes_m:g} m apart")
        if self.units_at_node:
            parts.append("/".join(str(count) for count in self.units_at_node.values()) + " units at a junction by size")
        return ", ".join(parts)


_ZHEJIANG = (
    "Zhejiang smart-motorway construction guide (provisional); at ramps, service areas and tunnels always "
    "(name their chainages in always_at_m)"
)
_DEQING = "Deqing county (Zhejiang) ICV road-infrastructure specification"
_BY_SIZE = {"small": 1, "medium": 2, "large": 4}
_ONE_SIDE = "side right and units at signals"
_MIDDLE = f"middle of the range, {_ONE_SIDE}"

NAMED_RULES: dict[str, NamedRule] = {
    rule.name: rule
    for rule in (
        NamedRule(
            "jiangsu-expressway", "expressway", 200, 300, 250, "right",
            "Jiangsu smart-motorway construction guide: 200-300 m on key sections, mounted at 5-6 m",
            mast_height_m=5.5, ours=_MIDDLE,
        ),
        NamedRule(
            "zhejiang-expressway-dense", "expressway", 500, 1000, 750, "right",
            f"{_ZHEJIANG}: 0.5-1 km where flow and accidents are high", ours=_MIDDLE,
        ),
        NamedRule(
            "zhejiang-expressway-middle", "expressway", 1000, 2000, 1500, "right",
            f"{_ZHEJIANG}: 1-2 km where either is high", ours=_MIDDLE,
        ),
        NamedRule(
            "zhejiang-expressway-sparse", "expressway", 2000, 5000, 3500, "right",
            f"{_ZHEJIANG}: 2-5 km where neither is high", ours=_MIDDLE,
        ),
        NamedRule(
            "hang-shao-yong-expressway", "expressway", 200, 200, 200, "both",
            "Hang-Shao-Yong motorway plan (Zhejiang): 0.2 km on both sides", ours="units at signals",
        ),
        NamedRule(
            "deqing-urban", "arterial", 200, 300, 200, "right",
            f"{_DEQING}: 200-300 m, default 200 m, none between junctions at most 300 m apart; 1, 2 or 4 units at "
            "a junction by its size",
            skip_between_nodes_m=300.0, units_at_node=_BY_SIZE, ours="side right; which junction has which size",
        ),
        NamedRule(
            "deqing-rural", "rural", 400, 400, 400, "right",
            f"{_DEQING}: 400 m, one side; 1, 2 or 4 units at a junction by its size", units_at_node=_BY_SIZE,
            ours="which side; which junction has which size",
        ),
        NamedRule(
            "deqing-expressway", "expressway", 200, 200, 200, "alternating",
            f"{_DEQING}: 200 m staggered, 400 m on each side", ours="units at signals",
        ),
        NamedRule(
            "deqing-tunnel", None, 200, 200, 200, "right",
            f"{_DEQING}: 200 m in tunnels (give the tunnel's from_m and to_m)", at_nodes=False, ours="side right",
        ),
        NamedRule(
            "guangzhou-arterial", "arterial", 200, 400, 300, "alternating",
            "Guangzhou pilot-zone technical specification: 200-400 m staggered on continuous sections",
            ours="middle of the range; taken as the distance along the road, not on each side; units at signals",
        ),
        NamedRule(
            "operator-expressway", "expressway", 1500, 1500, 1500, "right",
            "China Unicom field test on a Changzhou proving ground: about 1.5 km, antenna at least 10 m",
            mast_height_m=10.0, ours=_ONE_SIDE,
        ),
    )
}
"""Regional rules found, by name. No number of Shanghai's could be read, so it has no row."""
