"""What a layout costs: capital, a year, and the total over its lifetime, item by item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from sim.scenario.schema import Scenario
from sim.scenario.schema.cost import Prices
from sim.world.sites import RoadsideUnit

NO_DIRECT_LINK = ("uu",)
"""Access layers that use no spectrum of the direct link."""
LABEL = "order of magnitude; rests on assumptions where marked; no discounting, no taxes"


@dataclass(frozen=True)
class CostItem:
    """One line of a layout's cost."""

    item: str
    kind: Literal["capital", "per year", "of which"]
    """``of which`` lines are parts of a line above and count nowhere."""
    count: float
    unit_cny: float
    total_cny: float
    """CNY, or CNY per year; of the fee once it falls due."""
    key: str
    """The scenario's key that holds the unit price."""
    source: str
    assumption: bool
    """Whether the unit price is ours and not a document's."""


@dataclass(frozen=True)
class Cost:
    """Cost of a layout in CNY; orders of magnitude (``label``)."""

    capital_cny: float
    per_year_cny: float
    """Every year once the spectrum fee falls due; before that it is less by the fee."""
    lifetime_years: float
    total_cny: float
    """Capital and all years of the lifetime; the fee only after its free years."""
    items: tuple[CostItem, ...]
    by_jurisdiction_cny: dict[str, float]
    """The total of each operator, sum ``total_cny`` (the national licence is shared evenly)."""
    assumptions: tuple[str, ...]
    """Keys in use whose value is an assumption."""
    label: str = LABEL


def layout_cost(config: Scenario, units: Sequence[RoadsideUnit]) -> Cost:
    """Cost of ``units`` (those out of service too, for they stand) at the scenario's prices.

    The first unit of a node that has a sensor is a *junction* and costs ``junction_cny``, which contains its unit,
    sensing and civil works; no ``rsu_cny`` is added. Every other unit costs ``rsu_cny`` and its mounting (node) or
    pole (between nodes), and ``sensor_cny`` if it has a sensor. Every unit costs backhaul each year. The spectrum
    fee is per jurisdiction with a unit (by the licence's scope) and MHz of every direct link, after the free years.
    """
    prices = config.cost
    things = _things(units)
    counts = Counter(chain.from_iterable(things))
    capital = [
        _item(prices, "junctions with a sensor, all in", "capital", counts["junction_cny"], "junction_cny"),
        _item(prices, "roadside units in them", "of which", counts["junction_cny"], "junction_rsu_cny"),
        _item(prices, "roadside units elsewhere", "capital", counts["rsu_cny"], "rsu_cny"),
        _item(prices, "mountings at nodes", "capital", counts["mount_cny"], "mount_cny"),
        _item(prices, "poles between nodes", "capital", counts["pole_cny"], "pole_cny"),
        _item(prices, "sensors of further units", "capital", counts["sensor_cny"], "sensor_cny"),
    ]
    capital_cny = _sum(capital, "capital")
    fee = _fee(config, len({unit.jurisdiction for unit in units}))
    yearly = [
        _item(prices, "backhaul and power", "per year", len(units), "backhaul_cny_per_year"),
        _priced(prices, "maintenance", "per year", 1, capital_cny * prices.maintenance_ratio_per_year,
                "maintenance_ratio_per_year"),
    ]
    per_year_cny = _sum(yearly, "per year")
    due_years = max(0.0, prices.lifetime_years - prices.spectrum_free_years)
    items = tuple(one for one in [*capital, *yearly, fee] if one.count and one.unit_cny)
    total_cny = capital_cny + per_year_cny * prices.lifetime_years + fee.total_cny * due_years
    return Cost(
        capital_cny, per_year_cny + fee.total_cny, prices.lifetime_years, total_cny, items,
        _by_jurisdiction(config, units, things, fee.total_cny * due_years), _assumptions(prices, items),
    )


def _things(units: Sequence[RoadsideUnit]) -> list[tuple[str, ...]]:
    """What has to be bought for each unit, as names of keys of the prices."""
    things: list[tuple[str, ...]] = []
    equipped: set[int] = set()
    for unit in units:
        if unit.node is not None and unit.sensor and unit.node not in equipped:
            equipped.add(unit.node)
            things.append(("junction_cny",))
            continue
        stand = "pole_cny" if unit.node is None else "mount_cny"
        things.append(("rsu_cny", stand, "sensor_cny") if unit.sensor else ("rsu_cny", stand))
    return things


def _by_jurisdiction(
    config: Scenario, units: Sequence[RoadsideUnit], things: Sequence[tuple[str, ...]], fee_cny: float
) -> dict[str, float]:
    """Total of each operator: its own units over the lifetime, and its even share of the fees."""
    prices = config.cost
    ids = [one.id for one in config.corridor.jurisdictions]
    owners = sorted({unit.jurisdiction for unit in units})
    found = {owner: fee_cny / len(owners) for owner in owners}
    for unit, names in zip(units, things, strict=True):
        capital_cny = sum(getattr(prices, name) for name in names)
        year_cny = prices.backhaul_cny_per_year + capital_cny * prices.maintenance_ratio_per_year
        found[unit.jurisdiction] += capital_cny + year_cny * prices.lifetime_years
    return {ids[owner] if owner >= 0 else "": total for owner, total in found.items()}


def _fee(config: Scenario, jurisdictions: int) -> CostItem:
    """The spectrum fee of a year once it falls due."""
    prices, scope = config.cost, config.cost.spectrum_scope
    radios = [config.radio] if config.second_radio is None else [config.radio, config.second_radio.radio]
    direct = [radio for radio in radios if radio.access not in NO_DIRECT_LINK]
    shared = config.second_radio is not None and config.second_radio.same_channel
    width_mhz = max((radio.bandwidth_mhz for radio in direct), default=0) if shared else sum(
        radio.bandwidth_mhz for radio in direct
    )
    licences = min(jurisdictions, 1) if scope == "national" else jurisdictions
    if scope == "none":
        licences, scope = 0, "city"
    what = f"spectrum, {licences} x {scope}, {width_mhz:g} MHz, after {prices.spectrum_free_years:g} free years"
    return _item(prices, what, "per year", licences * width_mhz, f"spectrum_{scope}_cny_per_mhz_year")


def _item(prices: Prices, item: str, kind: Any, count: float, key: str) -> CostItem:
    """A line priced by one key."""
    return _priced(prices, item, kind, count, getattr(prices, key), key)


def _priced(prices: Prices, item: str, kind: Any, count: float, unit_cny: float, key: str) -> CostItem:
    source = source_of(prices, key)
    return CostItem(item, kind, count, unit_cny, count * unit_cny, f"cost.{key}", source, "assumption" in source)


def _assumptions(prices: Prices, items: Sequence[CostItem]) -> tuple[str, ...]:
    keys = [one.key.removeprefix("cost.") for one in items] + (["spectrum_scope", "lifetime_years"] if items else [])
    return tuple(f"cost.{key}" for key in dict.fromkeys(keys) if "assumption" in source_of(prices, key))


def source_of(prices: Prices, key: str) -> str:
    """Where the price comes from: the default's source, or the scenario's own word."""
    field = Prices.model_fields[key]
    if getattr(prices, key) != field.default:
        return "the scenario's own"
    extra = field.json_schema_extra
    return str(extra.get("source", "")) if isinstance(extra, dict) else ""


def _sum(items: Iterable[CostItem], kind: str) -> float:
    return sum(one.total_cny for one in items if one.kind == kind)
