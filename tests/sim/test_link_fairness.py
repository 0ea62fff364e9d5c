"""Mistake 20: radios compared under error tables of different kinds."""

from __future__ import annotations

import pytest

from sim.link.fairness import table_warnings
from sim.scenario.loader import load_mapping
from sim.scenario.schema import Scenario


def scenario(**radio: object) -> Scenario:
    """A plain road with one radio."""
    return load_mapping({
        "schema": "corridor/1", "name": "fair", "duration_s": 1, "radio": radio,
        "corridor": {"datum": "WGS84", "length_m": 500, "jurisdictions": [{"id": "A", "spans": [{}]}]},
    }).config


@pytest.mark.parametrize(("radio", "said"), [
    ({}, False), ({"access": "ieee80211p", "bandwidth_mhz": 10, "carrier_hz": 5.9e9}, False),
    ({"access": "nr-v2x-mode2"}, True), ({"link": {"pssch_table": "awgn"}}, True), ({"access": "ideal"}, False),
])
def test_a_table_without_fading_is_said(radio: dict[str, object], said: bool) -> None:
    """By hand: the run warns exactly where its error table holds no fading."""
    assert bool(table_warnings(scenario(**radio))) is said
