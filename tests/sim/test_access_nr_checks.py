"""Scenarios with Mode 2 settings that cannot work are refused with one line each."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scenario import ScenarioError
from sim.scenario.loader import load_mapping


def scenario(radio: dict[str, Any], **others: Any) -> dict[str, Any]:
    """A short road with Mode 2 on one shared pool unless ``radio`` names others."""
    pool = {"name": "shared", "senders": ["vehicle", "rsu"], "subchannels": 5, "subchannel_prb": 10}
    return {
        "schema": "corridor/1", "name": "x", "duration_s": 5,
        "corridor": {"datum": "WGS84", "length_m": 2000, "jurisdictions": [{"id": "A", "spans": [{}]}]},
        "radio": {"access": "nr-v2x-mode2", "pools": [pool], **radio}, **others,
    }


def pool(**values: Any) -> list[dict[str, Any]]:
    """One pool with these values."""
    return [{"name": "p", "senders": ["vehicle", "rsu"], "subchannels": 5, "subchannel_prb": 10, **values}]


@pytest.mark.parametrize(
    "radio",
    [
        {}, {"mode2": {"numerology": 1}},
        {"mode2": {"numerology": 2, "t1_slots": 9}, "pools": pool(subchannels=2, subchannel_prb=12)},
        {"pools": pool(subchannels=10)}, {"mode2": {"rsrp_threshold_dbm": [-100.0] * 64, "candidate_ratio": [0.5] * 8}},
    ],
)
def test_settings_that_work(radio: dict[str, Any]) -> None:
    """By hand: one shared pool at every numerology; lists of full length; 100 of 106 PRB."""
    assert load_mapping(scenario(radio)).config.radio.access == "nr-v2x-mode2"


@pytest.mark.parametrize(
    ("radio", "message"),
    [
        ({"mode2": {"numerology": 1}, "pools": pool(subchannels=6)}, "a carrier of 20 MHz has PRB 0 to 50"),
        ({"pools": pool(subchannels=11)}, "has PRB 0 to 105"),
        ({"mode2": {"t1_slots": 4}}, "radio.mode2.t1_slots: 4: must be at most 3 (T_proc1) at 15 kHz"),
        ({"mode2": {"t2_max_slots": 3}}, "radio.mode2.t2_max_slots: 3: must be above t1_slots (3)"),
        ({"mode2": {"mcs": [7, 29]}}, "radio.mode2.mcs.1: 29: must be from 0 to 28"),
        ({"mode2": {"mcs": [7, 7]}}, "radio.mode2.mcs.1: 7: stands in the list twice"),
        ({"mode2": {"candidate_ratio": [0.2, 0.3]}}, "radio.mode2.candidate_ratio: has 2 values; 1 or 8 are needed"),
        ({"mode2": {"candidate_ratio": [0.0]}}, "must be above 0 and at most 1"),
        ({"mode2": {"t2_min_slots": [7]}}, "must be one of 1, 5, 10, 20"),
        ({"mode2": {"rsrp_threshold_dbm": [-130.0]}}, "must be from -128 to 0"),
        ({"mode2": {"dmrs_elements": 13}}, "must be one of 12, 15, 18, 21, 24"),
        ({"mode2": {"pscch_prb": 11}}, "must be one of 10, 12, 15, 20, 25"),
        ({"mode2": {"pscch_prb": 12}}, "does not fit a subchannel of 10 PRB (pool p)"),
        ({"mode2": {"packet_subchannels": 6}}, "pool p has only 5 subchannels"),
        ({"mode2": {"pssch_table": "nr-awg"}}, "no such table; did you mean 'nr-awgn'"),
        ({"mode2": {"pscch_table": "none"}}, "no such table"),
        ({"mode2": {"pssch_table": "awgn"}}, "awgn: is not a table of the NR data channel; there are nr-awgn, nr-ran1"),
        ({"mode2": {"pscch_table": "nr-awgn"}}, "is not a table of the NR control channel; there are nr-pscch-"),
        ({"pools": pool(subchannel_prb=11)}, "NR has 10, 12, 15, 20, 25, 50, 75, 100"),
        ({"pools": pool(subchannels=1)}, "radio.pools.0.subchannels: 1: holds 145 bytes at MCS 11"),
        ({"pools": pool(channel="low")}, "radio.pools.0.channel"),
        ({"mode2": {"repetitions": 3}}, "radio.mode2.repetitions"),
        ({"mode2": {"psfch_period": 3}}, "radio.mode2.psfch_period"),
    ],
)
def test_settings_that_cannot_work(radio: dict[str, Any], message: str) -> None:
    """By hand: key, value and rule in one line."""
    with pytest.raises(ScenarioError) as refused:
        load_mapping(scenario({"pools": pool(), **radio}))
    assert message in str(refused.value)


def test_a_packet_of_fixed_size_that_does_not_fit() -> None:
    """By hand: 5 subchannels of 10 PRB at MCS 11 hold some 950 bytes."""
    with pytest.raises(ScenarioError) as refused:
        load_mapping(scenario({}, bsm={"fixed_size_bytes": 1500}))
    assert "bsm.fixed_size_bytes: 1500: a BSM of 1500 bytes does not fit: pool shared holds" in str(refused.value)


def test_a_period_too_short_for_a_window() -> None:
    """By hand: at 20 ms and 5 ms for processing T2 is 15 slots at 15 kHz, with 18 ms of processing 2: below T1 + 1."""
    load_mapping(scenario({}, bsm={"period_ms": 20}))
    with pytest.raises(ScenarioError) as refused:
        load_mapping(scenario({"mode2": {"processing_budget_ms": 18}}, bsm={"period_ms": 20}))
    assert "leaves T2 = 2 slots" in str(refused.value)
