"""A layout on its corridor, for people and programs: every unit, counts, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sim.layouts.cost import Cost, layout_cost
from sim.layouts.geojson import positions
from sim.scenario.loader import LoadedScenario
from sim.scenario.schema.layout import Layout
from sim.world.corridor import CorridorGeometry
from sim.world.sites import RoadsideUnit, standing_units


@dataclass(frozen=True)
class DescribedLayout:
    """The layout of a scenario where it stands."""

    layout: Layout
    corridor: CorridorGeometry
    units: tuple[RoadsideUnit, ...]
    """All that stand, those out of service among them."""
    cost: Cost

    def owner(self, unit: RoadsideUnit) -> str:
        """Id of the operator's jurisdiction, empty where nobody owns the site."""
        return self.corridor.jurisdiction_ids[unit.jurisdiction] if unit.jurisdiction >= 0 else ""

    def node(self, unit: RoadsideUnit) -> str:
        """Id of the node it serves, else empty."""
        return self.corridor.config.nodes[unit.node].id if unit.node is not None else ""

    def counts(self) -> dict[str, int]:
        """Units by jurisdiction, in the corridor's order; jurisdictions without a unit too."""
        found = Counter(self.owner(unit) for unit in self.units)
        names = [*self.corridor.jurisdiction_ids, *([""] if found[""] else [])]
        return {name: found[name] for name in names}

    def idle_rules(self) -> list[str]:
        """Rules that place no unit on this corridor."""
        used = {unit.rule for unit in self.units}
        names = [(rule.resolved().name or f"rule {number}") for number, rule in enumerate(self.layout.rules)]
        return [name for name in dict.fromkeys(names) if name not in used]


def describe(loaded: LoadedScenario) -> DescribedLayout:
    """The layout of a loaded scenario with its units and cost."""
    corridor = CorridorGeometry(loaded.config.corridor)
    units = tuple(standing_units(loaded.config.layout, corridor))
    return DescribedLayout(loaded.config.layout, corridor, units, layout_cost(loaded.config, units))


def document(found: DescribedLayout, datum: str = "WGS84") -> dict[str, Any]:
    """Plain data for JSON; positions in ``datum``."""
    lon_deg, lat_deg = positions(found.units, found.corridor, datum)
    down = set(found.layout.down)
    units = [
        {
            "id": unit.id, "chainage_m": round(unit.chainage_m, 3), "side": unit.side, "lon": lon, "lat": lat,
            "jurisdiction": found.owner(unit) or None, "node": found.node(unit) or None,
            "services": list(unit.services), "sensor": unit.sensor, "mast_height_m": unit.mast_height_m,
            "rule": unit.rule, "station_id": unit.station_id, "in_service": unit.id not in down,
        }
        for unit, lon, lat in zip(found.units, lon_deg.round(9).tolist(), lat_deg.round(9).tolist(), strict=True)
    ]
    return {
        "layout": found.layout.name, "note": found.layout.note, "datum": datum, "units": units,
        "counts": {"all": len(units), "at_nodes": sum(unit.node is not None for unit in found.units),
                   "down": len(down), "by_jurisdiction": found.counts()},
        "rules_without_units": found.idle_rules(),
        "cost": cost_document(found.cost),
    }


def cost_document(cost: Cost) -> dict[str, Any]:
    """A cost as plain data."""
    plain = asdict(cost)
    return plain | {"items": list(plain["items"]), "assumptions": list(cost.assumptions)}


def unit_rows(found: DescribedLayout) -> list[tuple[str, ...]]:
    """Cells of the table of units: id, chainage, side, jurisdiction, node, mast, services, rule."""
    down = set(found.layout.down)
    rows: list[tuple[str, ...]] = []
    for unit in found.units:
        services = " ".join([*unit.services, *(["+ sensor"] if unit.sensor else [])])
        rows.append((
            unit.id, f"{unit.chainage_m:.1f}", unit.side, found.owner(unit) or "-", found.node(unit) or "-",
            f"{unit.mast_height_m:g}", services + (" (down)" if unit.id in down else ""), unit.rule,
        ))
    return rows


UNIT_HEADER = ("unit", "chainage_m", "side", "jurisdiction", "node", "mast_m", "services", "rule")
COST_HEADER = ("cost", "count", "unit_cny", "cny", "source")


def cost_rows(cost: Cost) -> list[tuple[str, ...]]:
    """Cells of the table of costs, totals last."""
    rows: list[tuple[str, ...]] = [
        (
            f"  {one.item}" if one.kind == "of which" else f"{one.item}" + ("/year" if one.kind == "per year" else ""),
            f"{one.count:g}", money(one.unit_cny), money(one.total_cny), one.source,
        )
        for one in cost.items
    ]
    years = f"{cost.lifetime_years:g}"
    return [
        *rows,
        ("capital", "", "", money(cost.capital_cny), ""),
        ("a year, once the spectrum fee is due", "", "", money(cost.per_year_cny), ""),
        (f"total over {years} years", "", "", money(cost.total_cny), ""),
    ]


def money(cny: float) -> str:
    """CNY with thousands parted by blanks."""
    return f"{cny:,.0f}".replace(",", " ")


def counts_text(counts: dict[str, int], units: Sequence[RoadsideUnit]) -> str:
    """Counts in one line."""
    split = ", ".join(f"{name or 'nobody'} {count}" for name, count in counts.items())
    return f"{len(units)} units, {sum(unit.node is not None for unit in units)} of them at signals ({split})"
