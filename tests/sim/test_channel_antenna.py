"""Antenna patterns of roadside units: the pattern itself, in the gain, and from layout to station."""

from __future__ import annotations

import numpy as np
import pytest

from sim.channel.antenna import OMNI, attenuation_db, is_directional
from sim.channel.ends import Ends
from sim.channel.propagation import Propagation
from sim.frames import Kind
from sim.scenario import load
from sim.scenario.schema.radio import Channel, Radio
from sim.world.build import World
from sim.world.corridor import CorridorGeometry
from sim.world.sites import build_units

EAST = np.array([[90.0, 0.0, 70.0, 10.0, 25.0, 20.0]], np.float32)


def loss_towards(pattern: np.ndarray, bearing_deg: float, elevation_deg: float = 0.0) -> float:
    """Loss of one antenna towards a direction."""
    turn, up = np.radians(bearing_deg), np.radians(elevation_deg)
    x, y, z = (np.array([[v]], np.float32) * 500 for v in (np.sin(turn), np.cos(turn), np.tan(up)))
    return float(attenuation_db(pattern, x, y, z)[0, 0])


def test_pattern_by_hand():
    """Printed: 3 dB at half the width of 70 degrees, 12 dB at the whole, 25 dB behind; 3 dB 5 degrees above, at most 20
    dB; together never above 25 dB (TR 36.814 table A.2.1.1-2).
    """
    assert loss_towards(EAST, 90.0) == pytest.approx(0.0, abs=1e-3)
    for off_deg, expected_db in ((35.0, 3.0), (70.0, 12.0), (101.1, 25.0), (180.0, 25.0)):
        assert loss_towards(EAST, 90.0 + off_deg) == pytest.approx(expected_db, abs=0.02)
        assert loss_towards(EAST, 90.0 - off_deg) == pytest.approx(expected_db, abs=0.02)
    assert loss_towards(EAST, 90.0, 5.0) == pytest.approx(3.0, abs=0.01)
    assert loss_towards(EAST, 90.0, 40.0) == pytest.approx(20.0, abs=0.01)
    assert loss_towards(EAST, 160.0, 40.0) == pytest.approx(25.0, abs=0.01)


def test_tilt_and_wrap():
    """By hand: a beam tilted down by 6 degrees is strongest there; azimuth 350 and bearing 10 are 20 degrees apart."""
    tilted = np.array([[90.0, 6.0, 70.0, 10.0, 25.0, 20.0]], np.float32)
    assert loss_towards(tilted, 90.0, -6.0) == pytest.approx(0.0, abs=1e-3)
    assert loss_towards(tilted, 90.0, 0.0) == pytest.approx(12 * 0.36, abs=0.01)
    north = np.array([[350.0, 0.0, 70.0, 10.0, 25.0, 20.0]], np.float32)
    assert loss_towards(north, 10.0) == pytest.approx(12 * (20 / 70) ** 2, abs=0.01)


def ends(x_m: list[float], height_m: float, pattern: np.ndarray | None = None, kind: Kind = Kind.VEHICLE) -> Ends:
    """Stations along x with 3 dBi."""
    n = len(x_m)
    return Ends(
        np.arange(n), np.full(n, kind, np.int8), np.array(x_m), np.zeros(n), np.full(n, height_m, np.float32),
        np.full(n, 3.0, np.float32), pattern,
    )


@pytest.mark.parametrize("law", ["winner-b1", "two-ray"])
def test_gain_follows_the_pattern(law):
    """By hand: a unit that looks east serves 200 m east as an omnidirectional one would, 200 m west 25 dB less; both
    directions of a link alike; a pattern of zeros changes no bit.
    """
    propagation = Propagation(Radio(channel=Channel(v2i=law, shadowing_sigma_db=0.0)), 1)
    cars = ends([-200.0, 200.0], 1.5)
    fields = (np.zeros((1, 2), np.float32),)
    level = ends([0.0], 1.5, EAST, Kind.RSU)
    omni = propagation.block_gain(ends([0.0], 1.5, None, Kind.RSU), cars, fields, True)
    gain = propagation.block_gain(level, cars, fields, True)
    assert 10 * np.log10(gain / omni) == pytest.approx(np.array([[-25.0, 0.0]]), abs=2e-3)
    back = propagation.block_gain(cars, level, (fields[0].T,), True)
    assert np.array_equal(back.T, gain)
    zeros = ends([0.0], 1.5, np.zeros((1, 6), np.float32), Kind.RSU)
    assert np.array_equal(propagation.block_gain(zeros, cars, fields, True), omni)
    assert not is_directional(zeros.pattern) and not is_directional(None) and is_directional(EAST)


SCENARIO = """\
schema: corridor/1
name: beams
duration_s: 1
corridor:
  datum: WGS84
  points: [{lat: 31.00, lon: 120.87, name: a}, {lat: 31.00, lon: 120.90, name: b}]
  jurisdictions: [{id: A, region_id: 1, spans: [{}]}]
traffic: {flow_veh_h: 0}
layout:
  rules: [{spacing_m: 1000, at_nodes: false}]
  antenna: {kind: sector, azimuth_deg: 180, downtilt_deg: 3}
  sites:
    - {id: X, at_m: 500, antenna: {kind: sector, azimuth_deg: 30, azimuth_reference: north, front_to_back_db: 30}}
    - {id: Y, at_m: 700, antenna: {kind: omni}}
"""


def test_from_layout_to_station(tmp_path):
    """By hand: on a road due east, azimuth 180 against the road is 270 from north; sites have their own antennas."""
    file = tmp_path / "s.yaml"
    file.write_text(SCENARIO)
    loaded = load(file)
    units = build_units(loaded.config.layout, CorridorGeometry(loaded.config.corridor))
    by_name = {unit.id: unit.antenna_pattern for unit in units}
    assert by_name.pop("X") == (30.0, 0.0, 70.0, 10.0, 30.0, 20.0)
    assert by_name.pop("Y") == OMNI
    for pattern in by_name.values():
        assert pattern[0] == pytest.approx(270.0, abs=0.1) and pattern[1:3] == (3.0, 70.0)
    stations = World(loaded).stations
    assert np.allclose(stations.antenna_pattern[: len(units)], [unit.antenna_pattern for unit in units])
    assert not stations.antenna_pattern[len(units):].any()
    stations.grow(5000)
    assert stations.antenna_pattern.shape == (stations.size, 6)
