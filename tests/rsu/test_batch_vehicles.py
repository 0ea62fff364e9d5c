"""Columns of vehicles through the batch coders of CAM and J2735 BSM, against the message sets' general path."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from rsu.codec import EncodeError
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import Quantity
from rsu.messages.batch.check import damaged
from rsu.messages.batch.si import QuantityRows
from rsu.messages.cn import bsm_batch, bsm_wire
from rsu.messages.cn.quantities import QUANTITIES
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, PathHistory, VehicleColumns

SETS = ("csae53-2020", "etsi-its", "sae-j2735")


def columns_of(seed: int, rows: int) -> VehicleColumns:
    """Every column with values and with what stands for a missing one; two thirds of the rows with crumbs."""
    g = np.random.default_rng(seed)

    def some(values: Any, missing: float) -> Any:
        return np.where(g.random(rows) < 0.2, missing, values)

    counts = np.where(g.random(rows) < 0.33, 0, g.integers(1, 16, rows))
    crumbs = int(counts.sum())
    reach = np.repeat(g.choice([1e-4, 5e-4, 2e-3, 6e-3], rows), counts)
    path = PathHistory(
        counts, g.uniform(-1, 1, crumbs) * reach, g.uniform(-1, 1, crumbs) * reach, g.uniform(0.01, 600, crumbs),
    )
    return VehicleColumns(
        temporary_id=g.integers(0, 1 << 64, rows, dtype=np.uint64), msg_count=g.integers(0, 128, rows),
        sec_mark_ms=g.integers(0, 65_536, rows), longitude_deg=some(g.uniform(-180, 180, rows), np.nan),
        latitude_deg=some(g.uniform(-90, 90, rows), np.nan), speed_mps=some(g.uniform(0, 160, rows), np.nan),
        heading_deg=some(g.uniform(-400, 800, rows), np.nan), width_m=g.uniform(0.5, 6, rows),
        length_m=g.uniform(1, 40, rows), vehicle_class=g.integers(0, 256, rows),
        semi_major_m=some(g.uniform(0, 20, rows), np.nan), semi_minor_m=some(g.uniform(0, 20, rows), np.nan),
        orientation_deg=some(g.uniform(0, 360, rows), np.nan), transmission=g.integers(0, 8, rows),
        steering_angle_deg=some(g.uniform(-300, 300, rows), np.nan),
        accel_long_mps2=some(g.uniform(-25, 25, rows), np.nan), accel_lat_mps2=some(g.uniform(-25, 25, rows), np.nan),
        accel_vert_mps2=some(g.uniform(-30, 30, rows), np.nan), yaw_rate_degps=g.uniform(-320, 320, rows),
        brake_pedal=g.integers(0, 3, rows), wheel_brakes=g.integers(0, 32, rows), traction=g.integers(0, 4, rows),
        height_m=some(g.uniform(0, 6.3, rows), np.nan),
        radius_of_curvature_m=some(g.uniform(-4000, 4000, rows), np.inf),
        curvature_confidence_ratio=g.uniform(0, 1, rows), event_flags=some(g.integers(0, 8192, rows), 0),
        position_confidence=g.integers(-1, 16, rows), lights=some(g.integers(0, 512, rows), -1),
        emergency_response=some(g.integers(0, 7, rows), -1), siren=some(g.integers(0, 4, rows), -1),
        lightbar=some(g.integers(0, 8, rows), -1), path=path, generated_utc_ns=g.integers(10**18, 2 * 10**18, rows),
        low_frequency=g.integers(0, 2, rows),
    )


def assert_equal(left: VehicleColumns, right: VehicleColumns) -> None:
    for column in fields(VehicleColumns):
        a, b = getattr(left, column.name), getattr(right, column.name)
        for part in fields(PathHistory) if column.name == "path" else ():
            np.testing.assert_array_equal(getattr(a, part.name), getattr(b, part.name), err_msg=part.name)
        if column.name != "path":
            np.testing.assert_array_equal(a, b, err_msg=column.name)


@pytest.mark.parametrize("name", SETS)
def test_columns_equal_the_general_path(name: str) -> None:
    """Independent: 250 vehicles over all columns, octets and columns against asn1tools, then all of them damaged."""
    chosen: Any = MESSAGE_SETS[name]
    columns = columns_of(2, 250)
    octets = chosen.encode_vehicles(columns)
    assert octets == chosen.encode_vehicles_general(columns)
    hurt = [*damaged(octets, 3, 1.0), b"", bytes(9000)]
    for policy, messages in itertools.product(("lenient", "strict"), (octets, hurt)):
        decoded = chosen.decode_vehicles(messages, policy)
        assert_equal(decoded, chosen.decode_vehicles_general(messages, policy))
        assert (decoded.status == STATUS_OK).all() if messages is octets else (decoded.status == STATUS_ERROR).any()


@pytest.mark.parametrize("name", SETS)
def test_every_pattern_a_run_sends(name: str) -> None:
    """Independent: all 256 patterns of optional content, which hold those of any run, one vehicle each."""
    rows = 256
    base = replace(columns_of(4, rows), height_m=np.ones(rows), path=None)
    switches = {
        "event_flags": 0, "lights": -1, "emergency_response": -1, "siren": -1, "lightbar": -1,
        "position_confidence": -1, "low_frequency": 0,
    }
    sent = dict(zip(switches, (16, 256, 1, 2, 2, 9, 1), strict=True))
    bits = np.arange(rows)
    changes = {name: np.where(bits >> bit & 1, sent[name], missing) for bit, (name, missing) in
               enumerate(switches.items())}
    trail = np.array([[1e-5, 2e-5, 1.0], [1e-3, 2e-5, 9.0]])
    path = PathHistory.from_rows([trail if row >> 7 else None for row in range(rows)])
    chosen: Any = MESSAGE_SETS[name]
    columns = replace(base, **changes, path=path)
    octets = chosen.encode_vehicles(columns)
    assert octets == chosen.encode_vehicles_general(columns)
    assert_equal(chosen.decode_vehicles(octets), chosen.decode_vehicles_general(octets))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("column", "value"), [("event_flags", 8192), ("longitude_deg", 181.0), ("transmission", 8)])
def test_columns_out_of_range_are_refused_alike(name: str, column: str, value: float) -> None:
    """Property: the batch path refuses what the general path refuses, in the same words."""
    chosen: Any = MESSAGE_SETS[name]
    columns = columns_of(5, 3)
    getattr(columns, column)[1] = value
    with pytest.raises(EncodeError) as ours:
        chosen.encode_vehicles(columns)
    with pytest.raises(EncodeError) as general:
        chosen.encode_vehicles_general(columns)
    assert str(ours.value) == str(general.value)


def test_quantities_as_a_matrix_equal_each_alone() -> None:
    """Property: 2000 values per quantity, rounding ties and NaN among them, as rows and one by one."""
    chosen: list[Quantity] = list(QUANTITIES.values())
    g = np.random.default_rng(6)
    low, high = (np.array([getattr(q, bound) * q.step for q in chosen])[:, None] for bound in ("lowest", "highest"))
    si = low + (high - low) * g.random((len(chosen), 2000))
    steps = np.array([q.step for q in chosen])[:, None]
    si[:, :500] = np.clip(np.rint(si[:, :500] / steps) * steps + steps / 2, low, high)
    for row, quantity in enumerate(chosen):
        if quantity.unavailable is not None:
            si[row, 600:650] = np.nan
    rows = QuantityRows(chosen)
    wire = rows.to_wire(si)
    for row, quantity in enumerate(chosen):
        np.testing.assert_array_equal(wire[row], quantity.to_wire(si[row]), err_msg=quantity.name)
    codes = wire + g.integers(0, 3, wire.shape)
    for row, quantity in enumerate(chosen):
        np.testing.assert_array_equal(rows.from_wire(codes)[row], quantity.from_wire(codes[row]), err_msg=quantity.name)
    for row, bad in ((0, 91.0), (chosen.index(QUANTITIES["VehicleWidth"]), np.nan)):
        wrong = si.copy()
        wrong[row, 7] = bad
        with pytest.raises(ValueError, match=chosen[row].name):
            rows.to_wire(wrong)


def test_crumb_types_match_the_wire_layer() -> None:
    """By hand: limits of the offset types, as the column layer of single values chooses them."""
    edges = [0, 2047, 2048, -2048, -2049, 8191, 8192, -8193, 32_767, 32_768, -32_769, 131_071, -131_072]
    path = PathHistory.from_rows([[(edge * 1e-7, 0.0, 1.0) for edge in edges]])
    sheet = bsm_batch.crumb_sheet(path)
    kinds, lon, lat, age = bsm_wire.crumbs_to_wire(path)
    assert sheet.kind.tolist() == kinds.tolist() == [0, 0, 1, 0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert sheet.matrix.tolist() == [lon.tolist(), lat.tolist(), age.tolist()]
