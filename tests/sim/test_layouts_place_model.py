"""The model without interference: poles, what they send, freshness, and coverage against the simulator itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.layouts.place.model import Reach, fresh_share, reach_of
from sim.layouts.place.poles import Pole, candidate_poles, layout_of
from sim.layouts.place.supply import Supply, supply_of
from sim.metrics.base import direction_name
from sim.scenario import load
from sim.scenario.loader import LoadedScenario
from sim.world.corridor import CorridorGeometry

BENCH = Path(__file__).with_name("place_bench.yaml")
APPROACH_M = 150.0


def poles_of(loaded: LoadedScenario, spacing_m: float = 50.0) -> list[Pole]:
    """Candidates of a scenario."""
    return candidate_poles(loaded.config.layout, CorridorGeometry(loaded.config.corridor), spacing_m)


def at(poles: list[Pole], chainage_m: float) -> int:
    """Index of the pole there."""
    return next(index for index, pole in enumerate(poles) if abs(pole.chainage_m - chainage_m) < 1e-6)


def test_poles_stand_at_nodes_first_and_then_every_so_many_metres() -> None:
    """By hand: one node at 510 m; poles every 50 m of 1,200 m but for that at 500 m, sides in turn, owners by place."""
    poles = poles_of(load(BENCH))
    assert [pole.chainage_m for pole in poles] == [510, *(step * 50 for step in range(25) if step != 10)]
    assert [pole.node for pole in poles] == ["S1"] + [None] * 24
    assert [pole.site.side for pole in poles[1:5]] == ["right", "left", "right", "left"]
    assert poles[0].site.id == "A-00510" and poles[at(poles, 700)].site.id == "B-00700"
    assert {pole.site.side for pole in poles_of(load(BENCH, ["layout.rules=[]"]))} == {"right"}
    tall = poles_of(load(BENCH, ['layout.rules=[{"spacing_m": 500, "side": "left", "mast_height_m": 9}]']))
    assert {(pole.site.side, pole.site.mast_height_m) for pole in tall} == {("left", 9.0)}


@pytest.mark.parametrize(("spacing_m", "said"), [(0.5, "at least 1 m"), (float("nan"), "at least 1 m")])
def test_senseless_spacing_is_refused(spacing_m: float, said: str) -> None:
    """By hand."""
    with pytest.raises(ValueError, match=said):
        poles_of(load(BENCH), spacing_m)


def test_fresh_share_is_that_of_a_simulated_clock() -> None:
    """Independent: packets drawn one by one, age looked at on a fine grid; and whole numbers of periods by hand."""
    assert fresh_share(np.array([0.25]), 0.5, 1.0)[0] == pytest.approx(1 - 0.75 ** 2)
    assert fresh_share(np.array([1.0]), 1.0, 0.4)[0] == pytest.approx(0.4)
    assert fresh_share(np.array([0.0, 1.0]), 0.1, 3.0).tolist() == [0.0, 1.0]
    draws = np.random.default_rng(4)
    for success, period_s, tau_s in ((0.3, 0.5, 1.2), (0.6, 1.0, 0.7), (0.1, 0.1, 0.5)):
        arrived_s = np.flatnonzero(draws.random(200_000) < success) * period_s
        now_s = draws.random(200_000) * 150_000 * period_s + 100 * period_s
        age_s = now_s - arrived_s[np.searchsorted(arrived_s, now_s, side="right") - 1]
        assert fresh_share(np.array([success]), period_s, tau_s)[0] == pytest.approx((age_s <= tau_s).mean(), abs=0.006)


@pytest.fixture(scope="module")
def ideal() -> tuple[list[Pole], Supply, dict[str, Reach]]:
    """Every pole of the bench with a radio without losses up to 200 m."""
    loaded = load(BENCH, ["radio.access=ideal", "measure.max_distance_m=200", "layout.relay_range_m=300"])
    poles = poles_of(loaded)
    supply = supply_of(loaded, poles)
    return poles, supply, reach_of(supply, [7], ["SPAT+MAP", "RSI", "RSM"])


def places(supply: Supply, reach: Reach, unit: int) -> dict[tuple[str, float], float]:
    """(direction, chainage) -> useful share of one unit."""
    grid, pairs = supply.engine.world.probes.grid, np.flatnonzero(reach.unit == unit)
    cells = reach.cells[reach.cell[pairs]]
    return {
        (direction_name(int(grid.direction[cell])), float(grid.chainage_m[cell])): float(share)
        for cell, share in zip(cells, reach.useful[0, pairs], strict=True)
    }


def test_zones_are_those_of_the_definitions(ideal: tuple[list[Pole], Supply, dict[str, Reach]]) -> None:
    """By hand: the event's path and 300 m upstream, up; the approaches, 150 m before their stop lines."""
    _, supply, reach = ideal
    grid = supply.engine.world.probes.grid
    rsi = reach["RSI"].cells
    assert set(grid.direction[rsi]) == {1}
    assert (grid.chainage_m[rsi].min(), grid.chainage_m[rsi].max()) == (612.5, 987.5)
    spat = reach["SPAT+MAP"].cells
    for sign in (1, -1):
        upstream_m = (510 - grid.chainage_m[spat][grid.direction[spat] == sign]) * sign
        assert len(upstream_m) == APPROACH_M / supply.engine.config.measure.probe_spacing_m
        assert 0 < upstream_m.min() and upstream_m.max() < APPROACH_M + 40


def test_ideal_reach_follows_from_distance_and_relay_range(
    ideal: tuple[list[Pole], Supply, dict[str, Reach]]
) -> None:
    """By hand: a pole serves the zone cells within 200 m if it relays the node (300 m) or announces the event."""
    poles, supply, reach = ideal
    spat, rsi, rsm = reach["SPAT+MAP"], reach["RSI"], reach["RSM"]
    for chainage_m in (150.0, 250.0, 350.0, 550.0, 750.0, 850.0):
        unit = at(poles, chainage_m)
        told = places(supply, spat, unit)
        near = {
            place for place in places(supply, spat, 0)
            if abs(place[1] - chainage_m) <= 190 and abs(chainage_m - 510) <= 300
        }
        far = {place for place, share in told.items() if share > 0 and abs(place[1] - chainage_m) > 200}
        assert not far
        assert near <= {place for place, share in told.items() if share == 1.0}
        if abs(chainage_m - 510) > 300:
            assert not told
    node = places(supply, spat, 0)
    assert len(node) == 12 and set(node.values()) == {1.0}
    assert len(np.unique(rsm.unit)) == 1
    announcing = {poles[unit].chainage_m for unit in np.unique(rsi.unit)}
    assert announcing == {510.0, *(pole.chainage_m for pole in poles if 550 <= pole.chainage_m <= 1000)} - {510.0}


def one_unit(
    overrides: list[str], at_m: float, seeds: tuple[int, ...], tmp_path: Path, message: str
) -> tuple[np.ndarray, np.ndarray]:
    """(model, simulated) useful shares [seeds, cells] of a layout of one unit, nobody else sending."""
    site = json.dumps([{"id": "one", "at_m": at_m}])
    loaded = load(BENCH, [
        "traffic.equipped_ratio=0", "duration_s=20", "radio_warmup_s=6", "layout.rules=[]", f"layout.sites={site}",
        *overrides,
    ])
    pole = Pole(loaded.config.layout.sites[0], at_m, None)
    supply = supply_of(loaded, [pole])
    reach = reach_of(supply, seeds, [message])[message]
    model = np.zeros((len(seeds), len(reach.cells)))
    model[:, reach.cell] = reach.useful
    grid, simulated = supply.engine.world.probes.grid, np.empty_like(model)
    for row, seed in enumerate(seeds):
        table = sim.run(loaded.with_seed(seed), tmp_path / f"run-{seed}", plots=False).table("coverage")
        rows = np.flatnonzero(table["class"] == message)
        found = {
            key: share for *key_, share in zip(
                table["direction"][rows], table["chainage_m"][rows], table["C_useful"][rows], strict=True
            ) for key in [tuple(key_)]
        }
        simulated[row] = [
            found[direction_name(int(grid.direction[cell])), float(grid.chainage_m[cell])] for cell in reach.cells
        ]
    return model, simulated


def test_model_is_the_simulation_of_one_unit_with_an_ideal_radio(tmp_path: Path) -> None:
    """Independent: cell by cell and exactly; one unit, 200 m of reach."""
    overrides = ["radio.access=ideal", "measure.max_distance_m=200"]
    model, simulated = one_unit(overrides, 350.0, (1,), tmp_path, "SPAT+MAP")
    np.testing.assert_allclose(model, simulated, atol=1e-9)
    assert 0 < model.mean() < 1


@pytest.mark.parametrize(
    ("radio", "power_dbm"),
    [
        ([], -18.0),
        (["radio.access=ieee80211p", "radio.carrier_hz=5.9e9", "radio.bandwidth_mhz=10",
          "standards.message_set=etsi-its"], -14.0),
    ],
    ids=["lte-v2x-mode4", "ieee80211p"],
)
def test_model_is_close_to_the_simulation_of_one_unit(radio: list[str], power_dbm: float, tmp_path: Path) -> None:
    """Independent: zone mean within 0.03 under each seed, cells within 0.03 on average, with cells every 5 m so that
    some are partly covered; the simulator draws every packet (Mode 4 with sensing and certificates), nobody else sends.
    """
    overrides = [
        *radio, f"layout.tx_power_dbm={power_dbm:g}", "measure.probe_spacing_m=5", "events.0.period_class=static",
        "layout.mid_block_services=[RSI]",
    ]
    model, simulated = one_unit(overrides, 800.0, (1, 2), tmp_path, "RSI")
    assert ((simulated > 0.05) & (simulated < 0.95)).sum() >= 3
    assert simulated.max() > 0.95 and simulated.min() < 0.05
    assert np.abs(model.mean(axis=1) - simulated.mean(axis=1)).max() <= 0.03
    assert np.abs(model - simulated).mean() <= 0.03


def test_seeds_have_shadowing_of_their_own() -> None:
    """Property: another seed gives other shares, the same seed the same, whatever stands between in the list."""
    loaded = load(BENCH)
    supply = supply_of(loaded, poles_of(loaded, 200.0))
    reach = reach_of(supply, [1, 2, 1], ["RSI"])["RSI"]
    assert np.array_equal(reach.raw[0], reach.raw[2])
    assert np.abs(reach.raw[0] - reach.raw[1]).max() > 0.1


def test_a_layout_of_poles_keeps_what_all_units_have_in_common() -> None:
    """Property: power, antenna and services stay, rules go, sites are in the order of the road."""
    loaded = load(BENCH)
    poles = poles_of(loaded)
    made = layout_of(loaded.config.layout, [poles[0], poles[-1], poles[1]], "three")
    assert [site.at_m for site in made.sites] == [0.0, 510.0, 1200.0]
    assert made.rules == [] and made.tx_power_dbm == -16 and made.relay_range_m == 300


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["radio.access=uu"], "radio.access: 'uu': what a pole reaches"),
        (["measure.probes=false"], "measure.probes: false"),
    ],
)
def test_what_cannot_be_planned_is_refused(overrides: list[str], said: str) -> None:
    """By hand: a radio without a link budget, no probes."""
    loaded = load(BENCH, overrides)
    with pytest.raises(ValueError, match=said):
        reach_of(supply_of(loaded, poles_of(loaded, 400.0)), [1], ["RSI"])


@pytest.mark.parametrize("example", ["07-nr-mode2", "08-two-radios"])
def test_other_radios_have_a_reach(example: str) -> None:
    """Property: poles of both examples cover something and not everything, and none beyond the reported distance."""
    loaded = load(example, ["layout.tx_power_dbm=-10", "measure.max_distance_m=600"])
    poles = poles_of(loaded, 200.0)
    supply = supply_of(loaded, poles)
    reach = reach_of(supply, [1], ["SPAT+MAP"])["SPAT+MAP"]
    grid = supply.engine.world.probes.grid
    away_m = np.abs(
        grid.chainage_m[reach.cells[reach.cell]] - np.array([poles[unit].chainage_m for unit in reach.unit])
    )
    assert reach.useful.max() > 0.99
    assert reach.useful[0, away_m > 620].max(initial=0.0) == 0.0
    assert (reach.useful < 0.5).any()
    assert (reach.useful <= reach.raw + 1e-12).all()
