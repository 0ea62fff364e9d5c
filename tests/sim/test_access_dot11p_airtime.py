"""802.11p on the link: airtime, latency without load, error tables, noise, range without interference."""

from __future__ import annotations

import numpy as np
import pytest

from sim.access import bench
from sim.access.dot11p.layer import Dot11p
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome
from sim.link import load_table
from sim.link.dot11p_rates import (
    BANDWIDTH_MHZ,
    NOISE_DBM,
    RATES,
    Waveform,
    airtime_bd_ns,
    airtime_ns,
    bd_repetitions,
)
from sim.scenario.schema.radio import Dot11p as Settings
from sim.scenario.schema.radio import Radio
from tests.sim.dot11p_bench import BE, VO, frames_of, radio, send


@pytest.mark.parametrize(("size", "us"), [(190, 304), (300, 448), (350, 512), (500, 712)])
def test_airtime_at_6_mbps(size: int, us: int) -> None:
    """Printed: airtimes of IEEE 802.11p, 10 MHz, 48 bits per symbol of 8 us after 40 us."""
    assert airtime_ns(size, 6.0) == us * 1000


def test_airtime_at_every_rate_by_hand() -> None:
    """By hand: 190 B are 1542 bits with service and tail: 65, 43, 33, 22, 17, 11, 9, 8 symbols of 8 us after 40 us."""
    symbols = [65, 43, 33, 22, 17, 11, 9, 8]
    assert [airtime_ns(190, rate) for rate in RATES] == [40_000 + 8_000 * n for n in symbols]


def test_airtime_without_rounding() -> None:
    """By hand: 40 us + 8 x 220 bit / 6 Mbit/s = 333.33 us (published 802.11p model)."""
    assert airtime_ns(220, 6.0, "none") == 333_333


def test_airtime_of_80211bd_by_hand() -> None:
    """By hand: 300 B at MCS 2 (QPSK 3/4, 78 bits a symbol): 31 symbols, 3 midambles: 80 + 8 x 34 = 352 us; at MCS 7
    (260 bits): 10 symbols, 2 midambles: 176 us."""
    assert airtime_bd_ns(300, 2) == 352_000
    assert airtime_bd_ns(300, 7) == 176_000


def test_repetitions_of_80211bd_follow_the_busy_ratio() -> None:
    """Printed: thresholds 0.03, 0.05, 0.09."""
    assert [bd_repetitions(cbr) for cbr in (0.0, 0.029, 0.03, 0.05, 0.0899, 0.09, 0.5)] == [3, 3, 2, 1, 1, 0, 0]


@pytest.mark.parametrize(
    ("keys", "flow", "us"),
    [({}, BE, 448.0), ({"idle_access": "aifs"}, BE, 558.0), ({"idle_access": "aifs"}, VO, 506.0)],
)
def test_latency_without_load(keys: dict, flow: int, us: float) -> None:
    """Printed (experiment E10): 300 B at 6 Mbit/s: 448 us at once, 110 + 448 and, most urgent, 58 + 448 after AIFS."""
    told = send([0.0, 20.0], [(0, 1000.0, 300, flow)], radio(**keys))
    assert told.end_us[0] - 1000.0 == us


THRESHOLDS = [
    ("11p-highway-los", 6.0, 190, 0.70, 2.83, 4.80), ("11p-highway-los", 6.0, 350, 1.02, 3.10, 5.18),
    ("11p-highway-nlos", 6.0, 350, 4.69, 6.67, 8.33), ("11p-crossing-nlos", 6.0, 350, 4.00, 5.86, 7.69),
    ("11p-urban-los", 6.0, 350, 1.82, 3.78, 5.62), ("11p-awgn", 6.0, 300, 2.70, 3.40, 4.12),
    ("11p-highway-los", 3.0, 350, -2.05, -0.09, 1.95), ("11p-highway-los", 12.0, 350, 6.84, 9.06, 11.34),
]


@pytest.mark.parametrize(("table", "rate", "size", "half", "tenth", "hundredth"), THRESHOLDS)
def test_thresholds_of_the_tables(
    table: str, rate: float, size: int, half: float, tenth: float, hundredth: float
) -> None:
    """Printed: SINR at error rates 0.5, 0.1, 0.01 of the published tables, to 0.02 dB."""
    curve = Waveform.of(Settings(per_table=table, data_rate_mbps=rate)).curve(size)
    for probability, printed in ((0.5, half), (0.1, tenth), (0.01, hundredth)):
        assert curve.sinr_at(probability) == pytest.approx(printed, abs=0.02)


@pytest.mark.parametrize(("mcs", "half"), [(1, 1.36), (2, 3.93), (3, 6.98), (4, 10.31)])
def test_thresholds_of_80211bd(mcs: int, half: float) -> None:
    """Printed: SINR at error rate 0.5 on AWGN; the thinned table stays within 0.03 dB."""
    curve = Waveform.of(Settings(standard="802.11bd", per_table="11bd-awgn", bd_mcs=mcs)).curve(300)
    assert curve.sinr_at(0.5) == pytest.approx(half, abs=0.03)


def test_curve_over_ebno_is_moved_by_the_rate() -> None:
    """By hand: Eb/N0 = SINR + 10 log10(10 / 6) = SINR + 2.218 dB; the published curve has 0.4 at Eb/N0 10 dB."""
    curve = Waveform.of(Settings(per_table="11p-ebno")).curve(190)
    assert float(curve.exact(10 - 2.2185)) == pytest.approx(0.4, abs=1e-4)
    assert float(curve.exact(2.7)) == 1.0 and float(curve.exact(40.0)) == 1e-3


def test_rates_without_a_curve_get_the_capacity_threshold() -> None:
    """By hand: 300 B at 27 Mbit/s take 136 us: 1.7647 bit/s/Hz, 2^(1.7647 / 0.37) - 1 = 26.3 = 14.2 dB."""
    curve = Waveform.of(Settings(data_rate_mbps=27.0, header_bytes=0)).curve(300)
    assert curve.sinr_at(0.5) == pytest.approx(14.20, abs=0.05)
    assert "threshold" in curve.origin


def test_unknown_rate_is_refused() -> None:
    """By hand: one line with field, value and rule."""
    with pytest.raises(ValueError, match="radio.dot11p.data_rate_mbps: 7 is not one of 3, 4.5"):
        Waveform.of(Settings(data_rate_mbps=7.0))


def test_noise_in_10_mhz_is_not_minus_110_dbm_mistake_3() -> None:
    """By hand, mistake 3: k T B = -174 + 70 = -103.98 dBm; with 9 dB the layer has -94.98, and says so."""
    assert pytest.approx(-103.98, abs=0.01) == NOISE_DBM
    layer = Dot11p(radio(noise_figure_db=9.0), [], bench.place(np.zeros(1), np.zeros(1)), 1)
    assert layer.noise_dbm == pytest.approx(-94.98, abs=0.01)
    assert "-94.98 dBm" in layer.provenance()["noise"]


def test_a_link_at_known_power_has_the_sinr_by_hand_mistake_3() -> None:
    """By hand, mistake 3: at 200 m WINNER+ B1 with effective heights 1 m loses 101.7 dB at 5.915 GHz, so 23 dBm arrive
    with -78.7 dBm and stand 16.3 dB above noise; -110 dBm of noise would give 31."""
    told = send([0.0, 200.0], [(0, 0.0, 300, BE)], radio())
    assert told.sinr_db[0, 1] == pytest.approx(23 - 101.69 + 94.98, abs=0.1)


def test_default_links_of_both_radios_rest_on_the_same_channel_mistake_20() -> None:
    """Property, mistake 20: default tables of 802.11p and LTE-V2X come from one source and channel with fading, neither
    has a floor of sensitivity on top, the noise figure is shared; the choice is printed."""
    config = Radio()
    own, other = load_table(config.dot11p.per_table), load_table(config.link.pssch_table)
    assert own.name.removeprefix("11p-") == other.name.removeprefix("wilab-") == "highway-los"
    assert "WiLabV2Xsim" in own.source and "WiLabV2Xsim" in other.source
    assert own.select(2, 350).includes_fading and other.select(7, 350).includes_fading
    assert config.dot11p.sensitivity_dbm is None and config.mode4.sensitivity_dbm is None
    half_dbm = NOISE_DBM + config.link.noise_figure_db + own.select(2, 190).sinr_at(0.5)
    assert config.dot11p.preamble_detection_dbm < half_dbm
    told = Dot11p(radio(), [], bench.place(np.zeros(1), np.zeros(1)), 1).provenance()
    assert "11p-highway-los" in told["per_table"] and "fading included" in told["per_table"]
    assert BANDWIDTH_MHZ == 10


E2 = [
    (6.0, 23.0, [100, 200, 250, 300], [0.998, 0.966, 0.748, 0.365]),
    (18.0, 23.0, [200, 250, 350], [0.830, 0.515, 0.060]),
    (6.0, 15.0, [150, 200], [0.827, 0.257]),
    (6.0, 30.0, [150, 200], [0.998, 0.997]),
]


@pytest.mark.parametrize(("rate", "power_dbm", "distances", "printed"), E2)
def test_range_without_interference(
    rate: float, power_dbm: float, distances: list[int], printed: list[float]
) -> None:
    """Printed (experiment E2): share received from lone senders, sigma 3 dB, within 0.01 (and 0.003 of sampling).

    Twenty senders 20 km apart with 60 receivers per distance, shadowing of 1 m decorrelation, eight seeds: 9,600 links.
    """
    config = radio(
        3.0, decorrelation_m=1.0, data_rate_mbps=rate, header_bytes=30, airtime_rounding="none", sensitivity_dbm=-85,
        per_table="11p-ebno",
    )
    senders, each = 20, 60
    base = 20_000.0 * np.arange(senders)
    across = np.tile(np.linspace(-59, 59, each), len(distances))
    along = np.sqrt(np.repeat(np.square(distances), each) - across**2)
    x = np.concatenate([base, (base[:, None] + along).ravel()])
    y = np.concatenate([np.zeros(senders), np.tile(across, senders)])
    flows = [Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)]
    heard = np.zeros(len(distances))
    for seed in range(8):
        stations = bench.place(x, y, power_dbm=power_dbm, gain_dbi=0.0)
        layer = Dot11p(config, flows, stations, seed)
        layer.stations_changed(stations)
        rows = [(sender, 1000.0 * sender, 190, 0) for sender in range(senders)]
        layer.submit(frames_of(rows, stations))
        batch = layer.advance(100 * MS, stations)
        own = (batch.receiver >= senders) & (batch.outcome == Outcome.DELIVERED)
        heard += np.bincount(((batch.receiver[own] - senders) % len(along)) // each, minlength=len(distances))
    np.testing.assert_allclose(heard / (8 * senders * each), printed, atol=0.013)
