"""802.11p settings that cannot work are refused with one clear line; what a run rests on is printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.access import bench
from sim.access.dot11p.layer import Dot11p
from sim.scenario import ScenarioError, load
from tests.sim.dot11p_bench import BE, frames_of, radio, scene

BASE = """\
schema: corridor/1
name: base
duration_s: 5
corridor: {datum: WGS84, length_m: 1000, jurisdictions: [{id: A, spans: [{}]}],
           sections: [{road_class: arterial, lanes: 1, speed_limit_mps: 15}]}
traffic: {flow_veh_h: 300, equipped_ratio: 0.5}
radio: {access: ieee80211p, bandwidth_mhz: 10}
"""


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("radio.bandwidth_mhz=20", "radio.bandwidth_mhz: 20: must be 10: IEEE 802.11p uses channels of 10 MHz"),
        ("radio.dot11p.data_rate_mbps=7", "data_rate_mbps: 7: must be one of 3, 4.5, 6, 9, 12, 18, 24, 27"),
        ("radio.dot11p.per_table=11p-highway", "did you mean '11p-highway-los'"),
        ("radio.dot11p.per_table=awgn", "per_table: awgn: is not a table of 802.11p"),
        ("radio.dot11p.standard=802.11bd", "is not a table of 802.11bd"),
        ("radio.dot11p.energy_detection_dbm=-99", "energy_detection_dbm: -99: lies below carrier_sense_dbm -95"),
        ("radio.dot11p.aifsn={vo: 2, vi: 3, be: 6}", "aifsn: has no entry for bk"),
        ("radio.dot11p.contention_window={vo: 3, vi: 7, be: 15, bk: -1}", "contention_window.bk: -1: must be from 0"),
        ("radio.dot11p.slot_us=0", "slot_us"),
        ("radio.dot11p.capture=always", "capture"),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, override: str, expected: str) -> None:
    """By hand: the line names key, value and rule."""
    file = tmp_path / "s.yaml"
    file.write_text(BASE)
    assert load(file).config.radio.access == "ieee80211p"
    with pytest.raises(ScenarioError) as caught:
        load(file, (override,))
    lines = [line for line in str(caught.value).splitlines() if expected in line]
    assert len(lines) == 1, str(caught.value)


def test_rules_of_another_radio_do_not_apply(tmp_path: Path) -> None:
    """Property: an LTE scenario may carry any 802.11p section."""
    file = tmp_path / "s.yaml"
    file.write_text(BASE.replace("ieee80211p", "lte-v2x-mode4").replace("bandwidth_mhz: 10", "bandwidth_mhz: 20"))
    assert load(file, ("radio.dot11p.data_rate_mbps=7",)).config.radio.dot11p.data_rate_mbps == 7


def test_frames_from_the_past_are_refused() -> None:
    """By hand: a frame ready before the time already done could not have been seen."""
    layer, stations = scene([0.0, 10.0], radio())
    layer.advance(50_000_000, stations)
    with pytest.raises(ValueError, match="ready_ns 1000000 lies before 50000000"):
        layer.submit(frames_of([(0, 1000.0, 300, BE)], stations))


def test_what_a_run_rests_on_is_printed() -> None:
    """Property: every threshold, table and definition that moves a result stands in the provenance."""
    config = radio(
        preamble_detection_dbm=-91.5, carrier_sense_dbm=-92.5, energy_detection_dbm=-63.5, sensitivity_dbm=-90.5,
        cbr_threshold_dbm=-86.5, capture="preamble-4us", sinr="mean", idle_access="aifs", access_category="vi",
        vulnerable_us=7, data_rate_mbps=12, header_bytes=31, airtime_rounding="none", dcc="reactive",
        per_table="11p-highway-nlos", cbr_own_transmissions=False, preamble_sinr_db=1.5,
    )
    told = " ".join(Dot11p(config, [], bench.place(np.zeros(2), np.zeros(2)), 1).provenance().values())
    for word in (
        "-91.5", "-92.5", "-63.5", "-90.5", "-86.5", "preamble-4us", "SINR mean", "idle access aifs", "category vi",
        "vulnerable 7 us", "12 Mbit/s", "31 B", "airtime by none", "reactive", "ton-1ms", "11p-highway-nlos",
        "not counted", "1.5 dB", "middle of the traffic tick",
    ):
        assert word in told, word
