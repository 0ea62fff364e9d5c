"""What layouts cost: sums by hand, the published fees, and where every price comes from."""

from __future__ import annotations

from typing import Any

import pytest

from sim.layouts.cost import Cost, layout_cost, source_of
from sim.scenario import load
from sim.scenario.loader import LoadedScenario, load_mapping
from sim.scenario.schema.cost import Prices
from sim.world.corridor import CorridorGeometry
from sim.world.sites import standing_units


def cost_of(loaded: LoadedScenario) -> Cost:
    return layout_cost(loaded.config, standing_units(loaded.config.layout, CorridorGeometry(loaded.config.corridor)))


def small(layout: dict[str, Any], **cost: Any) -> LoadedScenario:
    """Two kilometres, one signal, two jurisdictions."""
    return load_mapping({
        "schema": "corridor/1", "name": "small", "duration_s": 1, "layout": layout, "cost": cost,
        "corridor": {
            "datum": "WGS84",
            "points": [{"lat": 31.0, "lon": 120.87}, {"lat": 31.02, "lon": 120.87}],
            "jurisdictions": [
                {"id": "A", "region_id": 1, "spans": [{"to_m": 1000}]},
                {"id": "B", "region_id": 2, "spans": [{"from_m": 1000}]},
            ],
            "nodes": [{"id": "S1", "at_m": 500}],
        },
    })


SITES = [
    {"id": "J", "at_m": 500, "node": "S1"},
    {"id": "J2", "at_m": 505, "node": "S1", "sensor": False},
    {"id": "M", "at_m": 900},
    {"id": "MS", "at_m": 1500, "sensor": True},
]
"""A junction with a sensor, a further unit there, one between nodes, one with a sensor of its own."""


def test_every_item_by_hand() -> None:
    """By hand: 400 k + (50 + 10) k + (50 + 30) k + (50 + 30 + 100) k; the junction's unit is not counted twice."""
    cost = cost_of(small({"sites": SITES}))
    assert cost.capital_cny == 400_000 + 60_000 + 80_000 + 180_000
    running = 4 * 6_000 + 0.05 * 720_000
    fee = 2 * 20 * 15_000
    assert cost.per_year_cny == running + fee
    assert cost.total_cny == 720_000 + 10 * running + (10 - 3) * fee
    parts = {one.key: one for one in cost.items}
    assert (parts["cost.junction_rsu_cny"].kind, parts["cost.junction_rsu_cny"].total_cny) == ("of which", 75_000)
    assert parts["cost.rsu_cny"].count == 3
    assert sum(one.total_cny for one in cost.items if one.kind == "capital") == cost.capital_cny
    assert sum(one.total_cny for one in cost.items if one.kind == "per year") == cost.per_year_cny


def test_each_operator_pays_its_own_units() -> None:
    """By hand: B owns only the unit at 1,500 m; fees are shared evenly; the parts make the whole."""
    cost = cost_of(small({"sites": SITES}))
    share = 7 * 2 * 20 * 15_000 / 2
    assert cost.by_jurisdiction_cny["B"] == 180_000 + 10 * (6_000 + 0.05 * 180_000) + share
    assert sum(cost.by_jurisdiction_cny.values()) == pytest.approx(cost.total_cny)


@pytest.mark.parametrize(("scope", "fee_cny"), [
    ("city", 900_000), ("province", 9_000_000), ("national", 30_000_000), ("none", 0),
])
def test_spectrum_fees_as_published(scope: str, fee_cny: float) -> None:
    """Printed: 20 MHz: three cities 0.9 M a year, three provinces 9.0 M; ten provinces or more 1.5 M per MHz."""
    cost = cost_of(load("demo-zone", [f"cost.spectrum_scope={scope}"]))
    fees = [one.total_cny for one in cost.items if one.item.startswith("spectrum")]
    assert sum(fees) == fee_cny


def test_no_fee_in_the_first_three_years() -> None:
    """Printed: the first three years are free."""
    totals = {years: cost_of(small({"sites": SITES}, lifetime_years=years)).total_cny for years in (2, 3, 4)}
    running = 4 * 6_000 + 0.05 * 720_000
    assert totals[3] - totals[2] == pytest.approx(running)
    assert totals[4] - totals[3] == pytest.approx(running + 2 * 20 * 15_000)


def test_bandwidth_counts_once_per_direct_link() -> None:
    """By hand: 10 MHz halves the fee, a cellular path has none, of two radios each counts its own channel."""

    def fee_cny(name: str, *overrides: str) -> float:
        cost = cost_of(load(name, overrides))
        return sum(one.total_cny for one in cost.items if one.item.startswith("spectrum"))

    its_g5 = ("radio.access=ieee80211p", "radio.bandwidth_mhz=10", "standards.message_set=etsi-its")
    assert fee_cny("demo-zone", *its_g5) == 450_000
    assert fee_cny("05-uu-edge") == 0
    assert fee_cny("08-two-radios") == 2 * (10 + 10) * 15_000


def test_units_out_of_service_still_cost() -> None:
    """By hand: they stand."""
    assert cost_of(small({"sites": SITES, "down": ["M"]})).total_cny == cost_of(small({"sites": SITES})).total_cny


def test_further_units_of_a_node_are_no_second_junction() -> None:
    """By hand: two units with sensors at one node: one junction, one unit with mounting and sensor."""
    sites = [SITES[0], {"id": "K", "at_m": 505, "node": "S1", "sensor": True}]
    assert cost_of(small({"sites": sites})).capital_cny == 400_000 + 50_000 + 10_000 + 100_000


def test_nothing_costs_nothing() -> None:
    """By hand: no units, no licence."""
    cost = cost_of(small({}))
    assert (cost.capital_cny, cost.per_year_cny, cost.total_cny) == (0, 0, 0)
    assert cost.items == () and cost.by_jurisdiction_cny == {} and cost.assumptions == ()


def test_every_price_has_a_source_and_assumptions_are_told() -> None:
    """Property: each key names a document or says assumption; a price of one's own is no assumption of ours."""
    for name in Prices.model_fields:
        assert source_of(Prices(), name)
    cost = cost_of(small({"sites": SITES}))
    assert {"cost.pole_cny", "cost.lifetime_years", "cost.spectrum_scope"} <= set(cost.assumptions)
    assert "cost.rsu_cny" not in cost.assumptions and "order of magnitude" in cost.label
    own = cost_of(small({"sites": SITES}, pole_cny=1.0))
    assert "cost.pole_cny" not in own.assumptions
    assert [one.source for one in own.items if one.key == "cost.pole_cny"] == ["the scenario's own"]


def test_published_orders_of_magnitude() -> None:
    """Printed: hardware of at least 700 k CNY per kilometre where units stand every 250 m with sensors."""
    loaded = load("expressway", ["layout=jiangsu-250", "layout.mid_block_sensor=true"])
    per_km = cost_of(loaded).capital_cny / 32.0
    assert 700_000 <= per_km < 1_000_000
    assert Prices().junction_cny == pytest.approx((350_000 + 450_000) / 2)
    assert Prices().junction_rsu_cny == pytest.approx((70_000 + 80_000) / 2)


def test_prices_change_no_result() -> None:
    """By hand: another price is another scenario on paper, and no unit moves for it."""
    cheap, dear = load("demo-zone"), load("demo-zone", ["cost.rsu_cny=1"])
    units = [standing_units(one.config.layout, CorridorGeometry(one.config.corridor)) for one in (cheap, dear)]
    assert units[0] == units[1] and cheap.run_id() != dear.run_id()
