"""Path loss, sight probability and range against vectors computed apart from this code (E1, E12)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.channel import PATH_LOSS
from sim.channel import tr37885 as tr
from sim.channel.free_space import free_space
from sim.channel.propagation import range_m
from sim.channel.two_ray import two_ray
from sim.channel.winner_b1 import winner_b1, winner_b1_manhattan
from sim.link.lte_grid import noise_dbm
from sim.scenario.schema.radio import Channel

CARRIER_HZ = 5.9e9
FOLDER = Path(__file__).parents[1] / "reference" / "propagation"


def columns(name: str) -> dict[str, np.ndarray]:
    """Columns of a reference file as float64."""
    lines = [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#")]
    header, *rows = csv.reader(lines)
    return dict(zip(header, np.array(rows, float).T, strict=True))


VECTORS = columns("pathloss_5p9GHz.csv")


def environment(height_m: float) -> Channel:
    """Default propagation with another environment height."""
    return Channel(environment_height_m=height_m)


@pytest.mark.parametrize(
    ("column", "model", "tx_height_m", "rx_height_m", "environment_m"),
    [
        ("b1_veh_veh_heff0.5", winner_b1, 1.5, 1.5, 1.0),
        ("b1_heff1.0", winner_b1, 1.5, 1.5, 0.5),
        ("b1_heff1.5", winner_b1, 1.5, 1.5, 0.0),
        ("b1_rsu5m_veh1.5_heff4_0.5", winner_b1, 5.0, 1.5, 1.0),
        ("b1_rsu5m_veh1.5_heff5_1.5", winner_b1, 5.0, 1.5, 0.0),
        ("free_space_5p9", free_space, 1.5, 1.5, 1.0),
        ("tr37885_hwy_los", tr.highway_los, 1.5, 1.5, 1.0),
        ("tr37885_urb_los", tr.urban_los, 1.5, 1.5, 1.0),
        ("tr37885_nlos", tr.nlos, 1.5, 1.5, 1.0),
    ],
)
def test_reference_vectors(column, model, tx_height_m, rx_height_m, environment_m):
    """Independent: E1, every model within 0.01 dB of the vectors, in double and in single precision."""
    config = environment(environment_m)
    for kind in (np.float64, np.float32):
        distance = VECTORS["distance_m"].astype(kind)
        loss = model(distance, tx_height_m, rx_height_m, CARRIER_HZ, config)
        assert loss.dtype == kind
        assert np.abs(loss - VECTORS[column]).max() < 0.01


def test_manhattan_vectors():
    """Independent: E1, round-the-corner loss within 0.01 dB, and it is the same from either side."""
    rows = columns("b1_manhattan_nlos_5p9GHz.csv")
    one, other = rows["d1_m"], rows["d2_m"]
    loss = winner_b1_manhattan(one, other, 1.5, 1.5, CARRIER_HZ, environment(1.0))
    assert np.abs(loss - rows["pathloss_db"]).max() < 0.01
    assert np.array_equal(loss, winner_b1_manhattan(other, one, 1.5, 1.5, CARRIER_HZ, environment(1.0)))


def test_environment_height_is_not_a_detail():
    """Printed: PL(300 m) = 119.14 / 108.73 / 102.63 dB at henv 1 / 0.5 / 0 m, 16.5 dB apart (mistake 1)."""
    at_300 = [float(winner_b1(300.0, 1.5, 1.5, CARRIER_HZ, environment(h))) for h in (1.0, 0.5, 0.0)]
    assert at_300 == pytest.approx([119.14, 108.73, 102.63], abs=0.006)
    assert at_300[0] - at_300[2] == pytest.approx(16.5, abs=0.05)


def test_sight_probability():
    """Printed: share with sight at 100 / 300 / 500 m, highway 0.840 / 0.608 / 0.515, urban 0.336 / 0.034 /
    0.004.
    """
    at = np.array([100.0, 300.0, 500.0])
    assert tr.highway_sight_probability(at) == pytest.approx([0.840, 0.608, 0.515], abs=6e-4)
    assert tr.urban_sight_probability(at) == pytest.approx([0.336, 0.034, 0.004], abs=6e-4)
    for law, column in (
        (tr.highway_sight_probability, "p_los_hwy"),
        (tr.urban_sight_probability, "p_los_urb"),
    ):
        assert np.abs(law(VECTORS["distance_m"]) - VECTORS[column]).max() < 6e-4


def test_blockage_mean_before_truncation():
    """Independent: E1, mean of X by distance in the cases 'between' and 'both below' the blocker."""
    for column, heights in (("nlosv_mean_case3", (5.0, 1.5)), ("nlosv_mean_case2", (1.5, 1.5))):
        mean, _ = tr.blockage_statistics(VECTORS["distance_m"], *heights, tr.TRUCK_HEIGHT_M)
        assert np.abs(mean - VECTORS[column]).max() < 6e-4
    mean, sigma = tr.blockage_statistics(VECTORS["distance_m"], 5.0, 3.5, tr.TRUCK_HEIGHT_M)
    assert not mean.any() and not sigma.any()


@pytest.mark.parametrize(
    ("name", "tx_height_m", "expected_m", "bin_m"),
    [
        ("winner-b1", 1.5, 404.0, 25.0),
        ("winner-b1", 5.0, 992.0, 25.0),
        ("tr37885-highway", 5.0, 6700.0, 50.0),
    ],
)
def test_range_of_a_noise_limited_link(name, tx_height_m, expected_m, bin_m):
    """Printed: E12, 23 dBm + 3 + 3 dBi, NF 9, 20 PRB, 4.1 dB: 404 m between cars, 992 m from a 5 m mast, 6.7
    km.
    """
    noise = noise_dbm(20, 9.0)
    assert noise == pytest.approx(-99.41, abs=0.006)
    tolerable = 23.0 + 3.0 + 3.0 - noise - 4.1
    assert tolerable == pytest.approx(124.3, abs=0.05)
    found = range_m(tolerable, PATH_LOSS[name], tx_height_m, 1.5, CARRIER_HZ, environment(1.0))
    assert abs(found - expected_m) < bin_m


def test_two_ray_by_hand():
    """By hand: free space before 4 pi ht hr / wavelength (5 m, 1.5 m: 1854 m at 5.9 GHz), 40 dB per decade
    behind it.
    """
    distance = np.array([100.0, 1000.0, 4000.0, 40000.0])
    loss = two_ray(distance, 5.0, 1.5, CARRIER_HZ)
    assert loss[:2] == pytest.approx(free_space(distance[:2], 5.0, 1.5, CARRIER_HZ))
    assert loss[2] == pytest.approx(40 * np.log10(4000.0) - 20 * np.log10(7.5), abs=1e-9)
    assert loss[3] - loss[2] == pytest.approx(40.0, abs=1e-9)
    crossover_m = 4 * np.pi * 7.5 * CARRIER_HZ / 299792458.0
    jump = two_ray(np.array([crossover_m * 0.999, crossover_m * 1.001]), 5.0, 1.5, CARRIER_HZ)
    assert np.diff(jump)[0] < 0.05


@given(
    name=st.sampled_from(sorted(PATH_LOSS)),
    distance_m=st.lists(st.floats(0.0, 20000.0), min_size=2, max_size=30),
    tx_height_m=st.floats(1.5, 8.0),
)
def test_properties(name, distance_m, tx_height_m):
    """Property: symmetric; not below free space (a street guides waves, so not there); a link alone is as
    among others.
    """
    config = environment(1.0)
    model = PATH_LOSS[name]
    distance = np.array(distance_m, np.float32)
    loss = model(distance, tx_height_m, 1.5, CARRIER_HZ, config)
    assert np.array_equal(loss, model(distance, 1.5, tx_height_m, CARRIER_HZ, config))
    if name != "tr37885-urban":
        assert np.all(loss >= free_space(distance, 1.5, 1.5, CARRIER_HZ) - 0.1)
    alone = np.concatenate(
        [model(distance[i : i + 1], tx_height_m, 1.5, CARRIER_HZ, config) for i in range(len(distance))]
    )
    assert loss.tobytes() == alone.tobytes()


@given(loss_db=st.floats(80.0, 160.0), name=st.sampled_from(sorted(PATH_LOSS)))
def test_range_inverts_loss(loss_db, name):
    """Property: the loss at the range is within, a metre behind it beyond what is tolerable."""
    config = environment(1.0)
    found = range_m(loss_db, PATH_LOSS[name], 5.0, 1.5, CARRIER_HZ, config)
    if 3.0 < found < 1e6:
        assert PATH_LOSS[name](found, 5.0, 1.5, CARRIER_HZ, config) <= loss_db
        assert PATH_LOSS[name](found + 1.0, 5.0, 1.5, CARRIER_HZ, config) > loss_db


def test_range_where_nothing_is_reached():
    """By hand: 10 dB are used up below 3 m, so no distance qualifies; 400 dB reach the end of the search."""
    assert range_m(10.0, winner_b1, 1.5, 1.5, CARRIER_HZ, environment(1.0)) == 0.0
    assert range_m(400.0, winner_b1, 1.5, 1.5, CARRIER_HZ, environment(1.0)) == 1e6


def test_antenna_below_the_environment_is_refused():
    """By hand: an antenna of 0.75 m under an environment height of 1 m has no effective height."""
    with pytest.raises(
        ValueError, match="environment_height_m: 1.0 m is not below the receive antenna height"
    ):
        winner_b1(np.array([100.0]), 1.5, 0.75, CARRIER_HZ, environment(1.0))
    with pytest.raises(ValueError, match="two-ray"):
        two_ray(100.0, 0.0, 1.5, CARRIER_HZ)
