"""Well-known mistakes of other propagation code, each with the test that would catch it (numbers of our list)."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access.neighbours import Neighbours
from sim.channel import PATH_LOSS
from sim.channel.ends import Ends
from sim.channel.propagation import Propagation, range_m
from sim.channel.scene import Scene
from sim.channel.tr37885 import CAR_HEIGHT_M, TRUCK_HEIGHT_M, blockage_db
from sim.clock import stream
from sim.frames import Kind
from sim.link.lte_grid import noise_dbm
from sim.scenario.schema.radio import Channel, Radio
from sim.scenario.schema.radio.channel import Building
from sim.world.stations import Stations


def cars(x_m: np.ndarray, y_m: np.ndarray | float = 0.0, height_m: float = 1.5) -> Ends:
    """Vehicles with antennas of 0 dBi."""
    n = len(x_m)
    return Ends(
        np.arange(n), np.full(n, Kind.VEHICLE, np.int8), np.asarray(x_m, float), np.broadcast_to(y_m, n) * 1.0,
        np.full(n, height_m, np.float32), np.zeros(n, np.float32),
    )


def gains_db(propagation: Propagation, tx: Ends, rx: Ends, is_v2i: bool = False) -> np.ndarray:
    """Gains of all links of two groups."""
    left, right = propagation.features(tx.x_m, tx.y_m), propagation.features(rx.x_m, rx.y_m)
    fields = tuple(one[0] @ other[1].T for one, other in zip(left.rows, right.rows, strict=True))
    return 10 * np.log10(propagation.block_gain(tx, rx, fields, is_v2i))


def test_mistake_1_environment_height():
    """Printed: 119.14 / 108.73 / 102.63 dB at 300 m with 1 / 0.5 / 0 m, in the table of pairs that all radios use."""
    found = []
    for height_m in (1.0, 0.5, 0.0):
        settings = Channel(environment_height_m=height_m, shadowing_sigma_db=0.0)
        propagation = Propagation(Radio(channel=settings, carrier_hz=5.9e9), 1)
        found.append(-float(gains_db(propagation, cars([0.0]), cars([300.0]))[0, 0]))
        assert f"environment height {height_m}" in propagation.provenance()["path_loss_v2v"]
    assert found == pytest.approx([119.14, 108.73, 102.63], abs=0.01)


def test_mistake_2_blockage_in_db_and_share_of_trucks():
    """Printed: 9.04 dB behind a vehicle at 100 m, not 2.6; a truck share of 0.2 is 20 %, not 0.2 of 3 or of 100.

    Two antennas of 2 m see over cars and not over trucks, so the blocked links that lose anything are the trucks'.
    """
    normal = stream(1, "test", "blockage").standard_normal(200_000)
    for height_m in (CAR_HEIGHT_M, TRUCK_HEIGHT_M):
        loss = blockage_db(np.full(200_000, 100.0), 1.5, 1.5, height_m, normal)
        assert loss.mean() == pytest.approx(9.04, abs=0.04)
    x = stream(2, "test", "share").random(500) * 50_000
    shares = []
    for truck_ratio in (0.0, 0.2, 1.0):
        settings = Channel(
            line_of_sight="tr37885", blocker_truck_ratio=truck_ratio, v2v="free-space", shadowing_sigma_db=0,
            shadowing_sigma_nlosv_db=0,
        )
        losses = []
        for seed in range(20):
            propagation = Propagation(Radio(channel=settings), seed)
            ends = np.concatenate([x, x + 300.0])
            rows, distance = np.arange(500), np.full(500, 300.0, np.float32)
            latent = propagation.pairs(propagation.features(ends, np.zeros(1000)), rows, rows + 500, distance)
            loss = propagation.loss_db(distance, latent, 2.0, 2.0)
            losses.append(loss - propagation.path_loss_db(distance, 2.0, 2.0))
        shares.append(float(np.mean(np.concatenate(losses) > 1e-3)))
    assert shares[0] == 0.0
    assert shares[2] == pytest.approx(1 - 0.608, abs=0.03)
    assert shares[1] / shares[2] == pytest.approx(0.2, abs=0.04)


def test_mistake_12_no_fading_beside_the_error_tables():
    """Property: asked again and again a standing pair has one and the same gain; its spread over pairs is that of
    shadowing alone (3 dB), without the 5 dB of a Rayleigh channel.
    """
    propagation = Propagation(Radio(), 3)
    tx, rx = cars(np.arange(0, 200_000, 400.0)[:300]), cars(np.arange(0, 200_000, 400.0)[:300] + 300.0)
    first = gains_db(propagation, tx, rx)
    assert all(np.array_equal(first, gains_db(propagation, tx, rx)) for _ in range(5))
    assert np.diag(first).std() == pytest.approx(3.0, abs=0.45)
    assert "none" in propagation.provenance()["fading"]


@pytest.mark.parametrize("mode", ["always", "tr37885", "tr37885-extended"])
def test_mistake_13_nothing_is_drawn_anew(mode):
    """Distribution: over 100 ms at 33 m/s (both ends, 3.3 m of 25) a pair's loss hardly changes; over 200 m it does.

    Shadowing drawn per packet, or states drawn per tick, would make both equal.
    """
    x = np.arange(0.0, 60_000.0, 250.0)
    changes = {}
    for moved_m in (3.3, 200.0):
        products = []
        for seed in range(10):
            settings = Channel(line_of_sight=mode, shadowing_sigma_nlosv_db=3.0)
            propagation = Propagation(Radio(channel=settings), seed)
            rows, distance = np.arange(len(x)), np.full(len(x), 250.0, np.float32)
            losses = []
            for shift_m in (0.0, moved_m):
                ends = np.concatenate([x + shift_m, x + 250.0 + shift_m])
                features = propagation.features(ends, np.zeros(len(ends)))
                latent = propagation.pairs(features, rows, rows + len(x), distance)
                losses.append(propagation.loss_db(distance, latent, 1.5, 1.5))
            products.append(np.corrcoef(*losses)[0, 1])
        changes[moved_m] = np.mean(products)
    assert changes[3.3] > 0.5
    assert abs(changes[200.0]) < 0.1


def test_mistake_18_positions_are_not_stale():
    """By hand: gains are those of the middle of the tick, at most 1.65 m of either end's way at 33 m/s from the truth.

    Two cars 40 m apart that close at 66 m/s lose 3.3 m until the middle: the gain is that at 36.7 m, not at 40 m.
    """
    stations = Stations(0, 0, 2)
    stations.active[:] = True
    stations.station_id[:] = [10_000_000, 10_000_001]
    stations.tick_start_ns, stations.tick_end_ns = 0, 100_000_000
    stations.x0_m[:], stations.x1_m[:] = [0.0, 40.0], [3.3, 36.7]
    radio = Radio(channel=Channel(shadowing_sigma_db=0.0, v2v="free-space"), carrier_hz=5e9)
    near = Neighbours(Propagation(radio, 1), -95.0, 1.0, 0.0)
    near.update(stations)
    columns, gain = near.run(0, 0)
    other = int(np.flatnonzero(near.slots[columns] == 1 - near.slots[0])[0])
    assert -10 * np.log10(float(gain[other])) == pytest.approx(20 * np.log10(36.7) + 46.4, abs=2e-3)
    assert "middle" in near.propagation.provenance()["geometry"]


def test_mistake_19_obstacles_weaken_and_nlos_has_its_slope():
    """By hand: one wall of 10 dB makes the power a tenth, not ten times; outside a street grid the loss grows by
    43.75 dB per decade between antennas of 1.5 m (44.9 - 6.55 log10 1.5), not by 437 or 4.4.
    """
    wall = Building(metres=[[50.0, -9.0], [50.0, 9.0]], thin=True, wall_loss_db=10.0)
    settings = Channel(shadowing_sigma_db=0, shadowing_sigma_nlos_db=0, buildings=[wall])
    from sim.channel.outlines import scene_of

    scene = scene_of(settings, lambda lon, lat: (lon, lat))
    behind = Propagation(Radio(channel=settings), 1, scene=scene)
    clear = Propagation(Radio(channel=settings), 1, scene=Scene(vehicles=False))
    ratio = gains_db(behind, cars([0.0]), cars([100.0])) - gains_db(clear, cars([0.0]), cars([100.0]))
    assert float(ratio[0, 0]) == pytest.approx(-10.0, abs=1e-3)
    nlos = PATH_LOSS["winner-b1-nlos"](np.array([100.0, 1000.0]), 1.5, 1.5, 5.9e9, Channel())
    assert nlos[1] - nlos[0] == pytest.approx(44.9 - 6.55 * np.log10(1.5), abs=1e-6)
    assert nlos[0] == pytest.approx(43.7466 * 2 + 5.83 * 0.17609 + 18.38 + 23 * np.log10(5.9), abs=1e-3)
    assert np.all(nlos > PATH_LOSS["winner-b1"](np.array([100.0, 1000.0]), 1.5, 1.5, 5.9e9, Channel()))


@pytest.mark.parametrize(
    ("name", "extra_db", "least_m", "most_m"),
    [
        ("winner-b1", 0.0, 967.0, 1017.0),
        ("tr37885-highway", 0.0, 6650.0, 6750.0),
        ("tr37885-highway", 5.0, 3000.0, 4000.0),
    ],
)
def test_range_of_a_unit(name, extra_db, least_m, most_m):
    """Printed: E12, a unit on 5 m reaches 992 m, 6.7 km, above 3 km with a constant 5 dB: a factor of six."""
    tolerable = 29.0 - noise_dbm(20, 9.0) - 4.1 - extra_db
    assert least_m < range_m(tolerable, PATH_LOSS[name], 5.0, 1.5, 5.9e9, Channel()) < most_m


def test_three_slopes_by_hand():
    """Printed: 47.85 dB at 1 m, exponents 2 / 2.8 / 3.3 with breaks at 128 and 512 m (5.9 GHz)."""
    found = PATH_LOSS["ecc-rural"](np.array([10.0, 128.0, 512.0, 5120.0]), 1.5, 1.5, 5.9e9, None)
    at_128 = 47.85 + 20 * np.log10(128)
    at_512 = at_128 + 28 * np.log10(4)
    assert found == pytest.approx([67.85, at_128, at_512, at_512 + 33], abs=1e-3)
