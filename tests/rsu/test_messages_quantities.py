"""Quantities and rules of the Chinese set against the table of facts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from rsu.messages.cn.quantities import QUANTITIES
from rsu.messages.cn.rules import RULES

FACTS = json.loads(
    (Path(__file__).parents[1] / "reference" / "cn_message_set.json").read_text(encoding="utf-8")
)
TYPES = {entry["name"]: entry for entry in FACTS["types"]}
SI_PER_UNIT = {
    "deg": 1.0,
    "m": 1.0,
    "m/s": 1.0,
    "m/s2": 1.0,
    "g": 9.80665,
    "deg/s": 1.0,
    "cm": 0.01,
    "%": 0.01,
    "ms": 1.0,
    "s": 1.0,
    "min": 1.0,
}


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_step_and_range_equal_the_facts(name: str) -> None:
    """Independent: step from the printed unit, codes inside the range, unavailable code as printed."""
    quantity, entry = QUANTITIES[name], TYPES[name]
    number, unit = entry["unit"].split(" ", 1)
    top, _, bottom = number.partition("/")
    scale = 0.001 if (name, unit) == ("TimeOffset", "ms") else SI_PER_UNIT[unit]
    assert quantity.step == pytest.approx(float(top) / float(bottom or 1) * scale, rel=1e-12)
    low, high = entry["range"]
    assert low <= quantity.lowest < quantity.highest <= high
    printed = entry.get("unavailable", "")
    if re.match(r"-?\d+\b", printed):
        assert quantity.unavailable == int(re.match(r"-?\d+", printed)[0])
        assert not quantity.lowest <= quantity.unavailable <= quantity.highest
    reserved = {quantity.unavailable, -quantity.unavailable if name.startswith("VertOffset") else None}
    assert {low, high} - {quantity.lowest, quantity.highest} <= reserved | {65535, 36001, -64, -127}


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_code_survives_and_values_move_by_half_a_step_at_most(name: str) -> None:
    """Property: wire -> SI -> wire is exact, SI -> wire -> SI moves by at most half a step."""
    quantity = QUANTITIES[name]
    generator = np.random.default_rng(1)
    codes = generator.integers(quantity.lowest, quantity.highest, 2000, endpoint=True)
    codes[:2] = quantity.lowest, quantity.highest
    si = quantity.from_wire(codes)
    assert np.array_equal(quantity.to_wire(si), codes)
    between = si[2:] + generator.uniform(-0.499, 0.499, len(si) - 2) * quantity.step
    inside = (between > si.min()) & (between < si.max())
    moved = quantity.from_wire(quantity.to_wire(between[inside])) - between[inside]
    assert np.abs(moved).max() <= quantity.step * 0.5001


@pytest.mark.parametrize(
    ("name", "si", "wire"),
    [
        ("Speed", 33.0, 1650),
        ("Speed", np.nan, 8191),
        ("Heading", 359.999, 0),
        ("Heading", -90.0, 21600),
        ("Heading", 90.0, 7200),
        ("Acceleration", -25.0, -2000),
        ("Acceleration", 1.234, 123),
        ("VerticalAcceleration", 9.80665, 50),
        ("VerticalAcceleration", -30.0, -126),
        ("VerticalAcceleration", np.nan, -127),
        ("SteeringWheelAngle", 400.0, 126),
        ("SemiMajorAxisAccuracy", 1.5, 30),
        ("SemiMajorAxisAccuracy", 99.0, 254),
        ("Latitude", 31.2304, 312304000),
        ("Longitude", np.nan, 1800000001),
        ("TimeOffset", 0.0, 1),
        ("TimeOffset", 1e6, 65534),
        ("VertOffset-B07", 7.0, 63),
        ("VertOffset-B07", -7.0, -63),
        ("Confidence", 0.8, 160),
        ("SemiMajorAxisOrientation", 360.0, 0),
        ("VehicleLength", 4.8, 480),
        ("Elevation", -12.34, -123),
    ],
)
def test_single_values(name: str, si: float, wire: int) -> None:
    """By hand: value divided by step, saturation, wrap and unavailable code as the type's meaning says."""
    assert QUANTITIES[name].to_wire(si) == wire


@pytest.mark.parametrize(
    ("name", "si", "words"),
    [
        ("Speed", 200.0, "Speed: 200 m/s is outside 0..163.8"),
        ("Speed", -0.02, "Speed"),
        ("Latitude", 90.1, "Latitude"),
        ("VehicleWidth", np.nan, "no code for unavailable"),
        ("Heading", np.inf, "Heading"),
        ("YawRate", 400.0, "YawRate"),
        ("Longitude", -180.0, "Longitude"),
    ],
)
def test_values_out_of_range_are_refused(name: str, si: float, words: str) -> None:
    """By hand: no silent cut where the set does not say that the value saturates."""
    with pytest.raises(ValueError, match=words):
        QUANTITIES[name].to_wire([0.0, si] if si == si else [si])


def test_unavailable_and_reserved_codes_read_as_nan() -> None:
    """By hand: code 8191 of Speed, codes 61000 and 65535 of DSecond."""
    assert np.isnan(QUANTITIES["Speed"].from_wire([0, 8191])).tolist() == [False, True]
    assert np.isnan(QUANTITIES["DSecond"].from_wire([60_999, 61_000, 65_535])).tolist() == [False, True, True]


PRINTED_RULES = {
    "BSM": (100, 111, 1, 112, 100, 5),
    "BSM-EVENT": (100, 112, 2, 208, 50, 2),
    "BSM-EMERGENCY": (100, 113, 3, 112, 100, 5),
    "BSM-EMERGENCY-EVENT": (100, 114, 4, 208, 50, 2),
    "MAP": (1000, 3618, 6, 16, 1000, 8),
    "SPAT": (500, 3619, 7, 176, 500, 3),
    "RSI": (1000, 3620, 8, 48, 1000, 7),
    "RSI-SEMI-STATIC": (500, 3621, 9, 80, 500, 6),
    "RSI-DYNAMIC": (100, 3622, 10, 112, 100, 5),
    "RSM": (100, 3623, 11, 208, 100, 2),
}


def test_rules_equal_the_printed_table() -> None:
    """Printed: GB/T 45315-2025 7.2/7.3, T/CSAE 159-2020 as reported; the PPPP column is inferred there."""
    ours = {
        name: (rule.period_ms, rule.application_id, rule.layer2_id, rule.priority, rule.budget_ms, rule.pppp)
        for name, rule in RULES.items()
    }
    assert ours == PRINTED_RULES
    assert all(rule.source for rule in RULES.values())
