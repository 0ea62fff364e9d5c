"""The LTE sidelink grid against a table of PRBs per packet, and powers by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sim.link import lte_grid as grid

REFERENCE = Path(__file__).parents[1] / "reference" / "link" / "lte_sidelink_rb_per_packet.csv"
ROWS = list(csv.DictReader(line for line in REFERENCE.read_text().splitlines() if not line.startswith("#")))
WIDTHS = (5, 6, 10, 15, 20, 25, 50)


def test_reference_is_whole():
    """By hand: the reference has one row per MCS and size that fit, 278 in all."""
    assert len(ROWS) == 278
    assert {int(row["mcs"]) for row in ROWS} == set(range(29))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"mcs{row['mcs']}-{row['size_bytes']}B")
def test_prbs_per_packet(row):
    """Independent: smallest count, its block size, next DFT-valid count and subchannels of every row."""
    mcs, size = int(row["mcs"]), int(row["size_bytes"])
    assert grid.i_tbs(mcs) == int(row["i_tbs"])
    assert grid.bits_per_symbol(mcs) == int(row["bits_per_symbol"])
    count = grid.minimum_prb(size, mcs)
    assert count == int(row["n_prb_min"])
    assert grid.tbs_bits(int(row["i_tbs"]), count) == int(row["tbs_bits"])
    valid = int(row["n_prb_dft_valid"])
    if valid > grid.MAXIMUM_PRB:
        with pytest.raises(ValueError, match="above the widest"):
            grid.prb_for(size, mcs)
        return
    assert grid.prb_for(size, mcs) == valid
    assert [grid.subchannels_for(valid, w) for w in WIDTHS] == [int(row[f"subch{w}_adj"]) for w in WIDTHS]


@pytest.mark.parametrize(
    ("mcs", "size_bytes", "prb"),
    [(7, 190, 15), (7, 300, 20), (7, 350, 24), (11, 300, 15), (14, 350, 12), (3, 300, 45)],
)
def test_printed_prbs(mcs, size_bytes, prb):
    """Printed: PRBs for awareness messages (access layers section 4.2)."""
    assert grid.prb_for(size_bytes, mcs) == prb


def test_block_sizes_grow():
    """Property: block sizes are whole octets and grow with PRBs and index, but for the one odd entry of the
    standard.
    """
    table = np.array([[grid.tbs_bits(i, n) for n in range(1, 111)] for i in range(27)])
    assert not np.any(table % 8)
    falls = np.argwhere(np.diff(table, axis=1) < 0)
    assert falls.tolist() == [[6, 0]]
    assert np.all(np.diff(table[:, 1:], axis=0) > 0)
    assert grid.minimum_prb(41, 6) == 4


def test_known_corners():
    """Printed: corners of TS 36.213 table 7.1.7.2.1-1 as every LTE textbook has them: 16, 712, 3112, 75376
    bits.
    """
    assert [grid.tbs_bits(0, 1), grid.tbs_bits(26, 1), grid.tbs_bits(0, 110)] == [16, 712, 3112]
    assert [grid.tbs_bits(26, 100), grid.tbs_bits(15, 50), grid.tbs_bits(9, 100)] == [75376, 15264, 15840]


def test_dft_valid_counts():
    """By hand: 2^a 3^b 5^c."""
    assert [n for n in range(1, 31) if not grid.is_dft_valid(n)] == [
        7,
        11,
        13,
        14,
        17,
        19,
        21,
        22,
        23,
        26,
        28,
        29,
    ]


def test_thermal_noise():
    """Printed: -121.42 dBm per PRB at 290 K, -99.41 dBm in 20 PRB with NF 9; -110 dBm in 10 MHz is not it
    (mistake 3).
    """
    assert grid.noise_dbm(1, 0.0) == pytest.approx(-121.42, abs=0.005)
    assert grid.noise_dbm(20, 9.0) == pytest.approx(-99.41, abs=0.005)
    assert grid.noise_dbm(10e6 / grid.PRB_HZ, 0.0) == pytest.approx(-103.98, abs=0.005)
    assert grid.noise_dbm(20e6 / grid.PRB_HZ, 0.0) == pytest.approx(-100.97, abs=0.006)


def test_power_split():
    """By hand: 20 data PRBs, density ratio 10^0.3 = 1.995: 20 / (20 + 3.99) = 0.8337; density is 3 dB higher
    in control.
    """
    data, control = grid.power_split(20)
    assert data == pytest.approx(0.8337, abs=1e-4)
    assert data + control == pytest.approx(1.0)
    assert 10 * np.log10((control / 2) / (data / 20)) == pytest.approx(3.0)
    assert grid.power_split(10, 0.0) == pytest.approx((10 / 12, 2 / 12))


def test_emission_by_hand():
    """By hand: QPSK, PRBs 10-19 of 50, 10 dBm per PRB.

    Next PRB: 20 log10 0.175 - 3 - 0 - 3 = -21.14 dB. Five PRBs off (D = 5): -2 dB more; D = 26: -12.5 dB
    more. Mirrored PRBs 30-39 and centre PRBs 24, 25 have -28 dB on top. Of PRBs 10-14 PRB 45 is far away,
    where the flat term -25 - 10 log10 10 - 6 = -41 dB rules.
    """
    level = grid.in_band_emission(10, 10, 50)
    decibel = 10 * np.log10(level)
    assert np.all(level[10:20] == 1.0)
    assert decibel[[9, 20]] == pytest.approx([-21.14, -21.14], abs=0.01)
    assert decibel[22] == pytest.approx(-22.14, abs=0.01)
    assert decibel[5] == pytest.approx(-23.14, abs=0.01)
    assert decibel[45] == pytest.approx(-33.64, abs=0.01)
    assert 10 * np.log10(grid.in_band_emission(10, 5, 50)[45]) == pytest.approx(-41.0, abs=1e-9)
    assert level[35] == pytest.approx(10 ** (-28.64 / 10) + 10**-2.8, rel=1e-3)
    for centre in (24, 25):
        slope = -21.14 - 5 * (centre - 20) / 10
        assert level[centre] == pytest.approx(10 ** (slope / 10) + 10**-2.8, rel=1e-3)


def test_emission_floor():
    """By hand: at -25 dBm per PRB the floor of -57 dBm is -32 dB and covers the flat term of -37.99 dB."""
    level = grid.in_band_emission(10, 10, 50, prb_power_dbm=-25.0)
    assert 10 * np.log10(level[45]) == pytest.approx(-32.0, abs=1e-6)


def test_emission_matrix():
    """Property: 1 on the diagonal, below -20 dB beside it, mirrored layout gives the mirrored matrix; means
    by hand.
    """
    first, count = np.arange(0, 50, 10), np.full(5, 10)
    matrix = grid.subchannel_emission(first, count, 50)
    assert np.allclose(np.diag(matrix), 1.0)
    assert np.allclose(matrix, matrix[::-1, ::-1])
    assert matrix[~np.eye(5, dtype=bool)].max() < 0.01
    assert matrix[1, 2] == pytest.approx(grid.in_band_emission(10, 10, 50)[20:30].mean())
    assert matrix[0, 4] > matrix[0, 3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grid.i_tbs(29), "mcs: 29"),
        (lambda: grid.tbs_bits(27, 1), "I_TBS 27"),
        (lambda: grid.tbs_bits(0, 111), "111 PRB"),
        (lambda: grid.prb_for(9000, 7), "9000 octets do not fit"),
        (lambda: grid.in_band_emission(45, 10, 50), "channel of 50"),
    ],
)
def test_bad_input(call, message):
    """By hand: what is outside the standard's tables is refused by name."""
    with pytest.raises(ValueError, match=message):
        call()
