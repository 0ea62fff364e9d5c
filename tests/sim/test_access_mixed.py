"""Mode 4 with roadside units, probes, trucks and two pools on one road: all paths of the link arrays together."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import bench
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome
from sim.scenario.schema.radio import Radio

FLOWS = [Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5), Flow(1, "SPAT", Kind.RSU, 100 * MS, 100 * MS, 3)]


@pytest.mark.parametrize("ring_m", [0.0, 3000.0])
@pytest.mark.parametrize("v2i", ["winner-b1", "two-ray"])
def test_every_link_has_the_loss_of_the_propagation_model(ring_m: float, v2i: str) -> None:
    """Independent: power of every reported link against Propagation asked for that one pair of positions."""
    vehicles = 60
    kind = np.repeat([Kind.RSU, Kind.PROBE, Kind.VEHICLE], [2, 12, vehicles])
    draws = np.random.default_rng(5)
    x = np.concatenate([[700.0, 2200.0], np.linspace(0, 2750, 12), draws.random(vehicles) * 3000])
    y = np.concatenate([[30.0, -12.0], np.zeros(12), draws.choice([-2.0, 2.0], vehicles)])
    stations = bench.place(x, y, kind, ring_m=ring_m)
    stations.antenna_height_m[:2] = [6.0, 5.0]
    stations.antenna_height_m[20:30] = 3.0
    stations.antenna_gain_dbi[40:50] = 1.0
    stations.tx_power_dbm[30:35] = 20.0
    layer = LteMode4(Radio.model_validate({"channel": {"v2i": v2i}}), FLOWS, stations, 2)
    batches = list(bench.run(layer, stations, bench.Traffic(FLOWS, {0: 190, 1: 200}, 2), 5))
    model = layer.propagation
    seen = set()
    for batch in batches:
        sent = np.flatnonzero(batch.sent[batch.row])
        sender, receiver = batch.sender[batch.row][sent], batch.receiver[sent]
        features = model.features(stations.x0_m, stations.y0_m)
        dx = stations.x0_m[receiver] - stations.x0_m[sender]
        dx -= ring_m * np.rint(dx / ring_m) if ring_m else 0
        dz = stations.antenna_height_m[receiver] - stations.antenna_height_m[sender]
        distance = np.sqrt(dx**2 + (stations.y0_m[receiver] - stations.y0_m[sender]) ** 2 + dz**2)
        np.testing.assert_allclose(batch.distance_m[sent], distance, rtol=1e-4, atol=1e-2)
        latent = model.pairs(features, sender, receiver, distance)
        v2i_link = (stations.kind[sender] == Kind.RSU) | (stations.kind[receiver] == Kind.RSU)
        height = stations.antenna_height_m
        loss = model.loss_db(distance, latent, height[sender], height[receiver], v2i_link)
        gain = stations.antenna_gain_dbi
        expected = stations.tx_power_dbm[sender] + gain[sender] + gain[receiver] - loss
        mcs = batch.resource["mcs"][batch.row][sent]
        prb = layer.grid.data_prb(np.where(stations.kind[sender] == Kind.RSU, 200, 190), mcs)
        share = 10 * np.log10(layer.reception.data_share[prb])
        np.testing.assert_allclose(batch.power_dbm[sent], expected + share, atol=0.02)
        seen |= set(zip(stations.kind[sender].tolist(), stations.kind[receiver].tolist(), strict=True))
    assert seen == {(a, b) for a in (Kind.RSU, Kind.VEHICLE) for b in (Kind.RSU, Kind.VEHICLE)} - {(0, 0)} | {(0, 2)}


def test_pools_of_their_own_keep_roadside_units_clear_of_vehicles() -> None:
    """By hand: with 50 PRB apart and no emission only half duplex, control and noise can lose frames of the units."""
    kind = np.repeat([Kind.RSU, Kind.VEHICLE], [1, 80])
    stations = bench.place(np.concatenate([[100.0], np.linspace(0, 200, 80)]), np.r_[10.0, np.zeros(80)], kind)
    config = Radio.model_validate({"mode4": {"in_band_emission": False}})
    layer = LteMode4(config, FLOWS, stations, 1)
    batches = list(bench.run(layer, stations, bench.Traffic(FLOWS, {0: 190, 1: 200}, 1), 20))
    from_unit = np.concatenate([b.outcome[b.sender[b.row] == 0] for b in batches])
    between = np.concatenate([b.outcome[b.sender[b.row] != 0] for b in batches])
    assert set(from_unit.tolist()) <= {Outcome.DELIVERED, Outcome.HALF_DUPLEX}
    assert np.any(from_unit == Outcome.HALF_DUPLEX)
    assert np.any((between == Outcome.COLLISION) | (between == Outcome.CONTROL_LOST))
