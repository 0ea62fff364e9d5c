"""The NR sidelink grid against published tables, and its error tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sim.link import load_table
from sim.link import nr_grid as grid
from sim.link.choice import threshold_db

REFERENCE = Path(__file__).parents[1] / "reference" / "link" / "nr_sidelink_subchannels_per_packet.csv"
ROWS = list(csv.DictReader(line for line in REFERENCE.read_text().splitlines() if not line.startswith("#")))


def test_subchannels_and_block_sizes_of_the_reference() -> None:
    """Independent: all 2608 rows of the published procedure: three numerologies, five subchannel sizes, all MCS."""
    assert len(ROWS) == 2608
    assert {row["scs_khz"] for row in ROWS} == {"15", "30", "60"}
    for row in ROWS:
        slot = grid.SlotFormat(dmrs_elements=int(row["dmrs_re_per_prb"]))
        width, mcs = int(row["subchannel_prb"]), int(row["mcs"])
        count = grid.subchannels_for(int(row["size_bytes"]), mcs, width, slot, 60)
        assert count == int(row["n_subchannels"]), row
        assert grid.tbs_bits(count * width, mcs, slot) == int(row["tbs_bits"]), row
        assert grid.bits_per_symbol(mcs) == int(row["bits_per_symbol"])
        assert grid.code_rate(mcs) == pytest.approx(float(row["code_rate"]), abs=6e-4)


@pytest.mark.parametrize(
    ("numerology", "size_bytes", "mcs", "count"),
    [
        (0, 190, 7, 2), (0, 190, 13, 1), (0, 300, 7, 3), (0, 300, 11, 2), (0, 350, 9, 3), (0, 350, 11, 2),
        (1, 190, 7, 2), (1, 190, 13, 1), (1, 300, 7, 3), (1, 300, 8, 2),
    ],
)
def test_printed_subchannels(numerology: int, size_bytes: int, mcs: int, count: int) -> None:
    """Printed: subchannels of 10 PRB for awareness messages (access layers section 5)."""
    slot = grid.SlotFormat(dmrs_elements=grid.DEFAULT_DMRS[numerology])
    assert grid.subchannels_for(size_bytes, mcs, 10, slot) == count


def test_small_block_sizes_are_those_of_the_standard() -> None:
    """Printed: TS 38.214 table 5.1.3.2-1 has 93 sizes, the 53rd is 984, the 72nd 1928, the last 3824."""
    sizes = grid._SMALL_BLOCKS
    assert len(sizes) == 93
    assert (sizes[0], sizes[52], sizes[71], sizes[92]) == (24, 984, 1928, 3824)
    assert np.all(np.diff(sizes) > 0) and not np.any(sizes % 8)


def test_block_size_by_hand() -> None:
    """By hand: 20 PRB at MCS 7, 24 DMRS: (144 - 24) 20 - 360 - ceil(81 / (2 526/1024)) = 1961 elements; 2014.6 bits,
    in steps of 16 below 2048: 2000, next size 2024."""
    assert grid.data_elements(20, 7, grid.SlotFormat()) == 2400 - 360 - 79
    assert grid.tbs_bits(20, 7) == 2024


def test_large_blocks_are_cut_into_equal_parts() -> None:
    """By hand: above 8424 bits (rate above 1/4) 8 C ceil((N + 24) / 8 C) - 24; 100 PRB at MCS 14: 11617 elements."""
    information = grid.data_elements(100, 14, grid.SlotFormat()) * 4 * 553 / 1024
    step = 2 ** (int(np.floor(np.log2(information - 24))) - 5)
    rounded = step * int(np.floor((information - 24) / step + 0.5))
    parts = -(-(rounded + 24) // 8424)
    assert parts == 3
    assert grid.tbs_bits(100, 14) == 8 * parts * -(-(rounded + 24) // (8 * parts)) - 24


def test_feedback_channel_costs_capacity() -> None:
    """By hand: 3 of 12 symbols every slot take 36 elements per PRB, every second slot half of that on average."""
    plain, every, second = (grid.SlotFormat(psfch_symbols=n) for n in (0.0, 3.0, 1.5))
    lost = [grid.data_elements(20, 7, plain) - grid.data_elements(20, 7, slot) for slot in (every, second)]
    assert lost == [36 * 20, 18 * 20]
    assert grid.tbs_bits(20, 7, every) < grid.tbs_bits(20, 7, second) < grid.tbs_bits(20, 7, plain)


def test_second_stage_in_qpsk_takes_more_of_a_dense_block() -> None:
    """By hand: 81 coded bits at 2 bits and rate 553/1024 take 75 elements, at 4 bits 38."""
    dense, plain = (grid.data_elements(20, 14, grid.SlotFormat(sci2_qpsk=qpsk)) for qpsk in (True, False))
    assert plain - dense == 75 - 38


def test_carriers_and_slots() -> None:
    """Printed: TS 38.101-1 table 5.3.2-1 at 15, 30, 60 kHz; a slot of numerology n lasts 1 / 2^n ms."""
    assert [grid.carrier_prb(20, n) for n in range(3)] == [106, 51, 24]
    assert [grid.carrier_prb(10, n) for n in range(3)] == [52, 24, 11]
    assert [grid.carrier_prb(40, n) for n in range(3)] == [216, 106, 51]
    assert grid.SLOT_NS == (1_000_000, 500_000, 250_000)


def test_noise_by_hand() -> None:
    """By hand: k T B of 180 kHz is -121.42 dBm; a PRB at 30 kHz is twice as wide."""
    assert grid.noise_dbm(1, 0, 9.0) == pytest.approx(-112.42, abs=0.01)
    assert grid.noise_dbm(1, 1, 9.0) - grid.noise_dbm(1, 0, 9.0) == pytest.approx(3.01, abs=0.01)


def test_emission_by_hand() -> None:
    """By hand: offsets are 0, so 30 PRBs beyond 10 of 50 the level is -25 - 10 log10 5 = -31.99 dB (21 beyond, the
    slope -15.14 - 3 - 10 = -28.14 dB is above it); the mirrored PRBs carry an image of -25 dB besides."""
    level = grid.in_band_emission(0, 10, 50, 2, 0)
    assert np.all(level[:10] == 1.0)
    assert 10 * np.log10(level[39]) == pytest.approx(-31.99, abs=0.01)
    assert 10 * np.log10(level[30]) == pytest.approx(-28.14, abs=0.01)
    image = 10 ** (-2.5) + 10 ** (-3.199)
    assert level[45] == pytest.approx(image, rel=1e-3)
    near_qpsk, near_64 = (grid.in_band_emission(0, 10, 50, bits, 0)[10] for bits in (2, 6))
    assert 10 * np.log10(near_qpsk) == pytest.approx(20 * np.log10(0.175) - 3, abs=0.01)
    assert near_64 < near_qpsk


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grid.carrier_prb(15, 0), "bandwidth_mhz: 15"),
        (lambda: grid.carrier_prb(20, 3), "numerology: 3"),
        (lambda: grid.tbs_bits(10, 29), "mcs: 29"),
        (lambda: grid.SlotFormat(dmrs_elements=13), "dmrs_elements: 13"),
        (lambda: grid.SlotFormat(pscch_symbols=4), "pscch_symbols: 4"),
        (lambda: grid.SlotFormat(pscch_prb=11), "pscch_prb: 11"),
        (lambda: grid.prb_for(100_000, 0), "100000 octets"),
        (lambda: grid.in_band_emission(5, 50, 50, 2, 0), "PRBs 5"),
    ],
)
def test_impossible_values_are_refused(call, message: str) -> None:
    """By hand: one line naming field and value."""
    with pytest.raises(ValueError, match=message):
        call()


# ---- error tables


@pytest.mark.parametrize(
    ("mcs", "printed_db"),
    [
        (5, (-0.09, 0.16, 0.37)), (7, (1.92, 2.17, 2.39)), (9, (3.56, 3.82, 4.06)), (11, (4.55, 4.84, 5.11)),
        (13, (6.40, 6.71, 6.98)), (14, (7.47, 7.75, 8.02)),
    ],
)
def test_printed_thresholds_of_nr(mcs: int, printed_db: tuple[float, ...]) -> None:
    """Printed: SINR at an error rate of 0.5, 0.1, 0.01 on AWGN, 300 B (access layers section 3)."""
    curve = load_table("nr-awgn").select(mcs, 300)
    assert [curve.sinr_at(rate) for rate in (0.5, 0.1, 0.01)] == pytest.approx(printed_db, abs=0.0101)


def test_placeholder_rows_are_left_out() -> None:
    """By hand: MCS 18, 20, 23, 25 are single steps in the source; they get the threshold by capacity instead."""
    table = load_table("nr-awgn")
    assert {mcs for mcs, _ in table.available} == set(range(28)) - {18, 20, 23, 25}
    prb = grid.prb_for(300, 18)
    assert f"{threshold_db(300, prb):.2f} dB by capacity" in table.select(18, 300).origin


def test_fading_tables_hold_the_source_s_points() -> None:
    """Printed: points of MoReV2X: QPSK r 0.7 over 48 PRB 0.47351 at -0.5 dB, r 0.5 0.5 at 2 dB, PSCCH 0.3 at -3 dB."""
    assert load_table("nr-cdl-los").select(9, 928).exact(-0.5) == pytest.approx(0.47351)
    assert load_table("nr-ran1-los").select(7, 300).exact(2.0) == pytest.approx(0.5)
    assert load_table("nr-ran1-nlosv").select(7, 300).exact(2.0) == pytest.approx(0.4)
    assert load_table("nr-pscch-ran1-15khz-los").select(0, 0).exact(-3.0) == pytest.approx(0.3)
