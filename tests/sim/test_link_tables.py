"""Error tables: thresholds, lookup accuracy, choice of a row, refused files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.clock import stream
from sim.link import LINK_TABLES, load_table
from sim.link.choice import threshold_db
from sim.link.tables import FOLDER, PerTable, read_csv

TABLES = {name: load_table(name) for name in LINK_TABLES}
CURVES = [(name, mcs, size) for name, table in TABLES.items() for mcs, size in table.available]


@pytest.mark.parametrize(
    ("name", "mcs", "size_bytes", "printed_db"),
    [
        ("wilab-highway-los", 3, 190, (-2.54, -0.54, 1.39)),
        ("wilab-highway-los", 5, 190, (-0.36, 1.89, 3.83)),
        ("wilab-highway-los", 4, 350, (-1.64, 0.12, 1.81)),
        ("wilab-highway-los", 5, 350, (-0.69, 1.17, 2.87)),
        ("wilab-highway-los", 7, 350, (2.01, 4.11, 6.12)),
        ("wilab-highway-los", 9, 350, (7.58, 10.45, 13.28)),
        ("wilab-highway-los", 10, 350, (6.47, 8.83, 11.30)),
        ("wilab-highway-los", 11, 350, (5.14, 7.38, 9.83)),
        ("wilab-highway-nlos", 5, 350, (2.73, 4.34, 5.67)),
        ("wilab-highway-nlos", 7, 350, (5.68, 7.24, 8.74)),
        ("wilab-highway-nlos", 11, 350, (9.02, 11.02, 12.70)),
        ("wilab-crossing-nlos", 5, 350, (2.15, 3.82, 5.27)),
        ("wilab-crossing-nlos", 7, 350, (5.10, 6.85, 8.42)),
        ("wilab-crossing-nlos", 11, 350, (8.37, 10.47, 12.41)),
        ("awgn", 5, 300, (0.23, 0.43, 0.60)),
        ("awgn", 7, 300, (2.33, 2.57, 2.74)),
        ("awgn", 9, 300, (4.51, 4.85, 5.17)),
        ("awgn", 11, 300, (5.77, 5.98, 6.16)),
    ],
)
def test_printed_thresholds(name, mcs, size_bytes, printed_db):
    """Printed: SINR at an error rate of 0.5 / 0.1 / 0.01, within the printed rounding and the search grid
    (0.01 dB).
    """
    curve = TABLES[name].select(mcs, size_bytes)
    found = [curve.sinr_at(rate) for rate in (0.5, 0.1, 0.01)]
    assert found == pytest.approx(printed_db, abs=0.0101)


def test_control_channel_threshold():
    """Printed: the control channel's rate is 0.5 at about -3.2 dB, whatever MCS is asked for."""
    table = TABLES["pscch-awgn"]
    assert table.select(7, 300).sinr_at(0.5) == pytest.approx(-3.2, abs=0.02)
    assert table.select(7, 300) is table.select(11, 100)


def test_published_table():
    """Printed: R1-160284 with linear interpolation: points, middles, 1 below the first, 1e-4 above 20 dB."""
    dense, robust = (TABLES["r1-160284"].select(mcs, 190) for mcs in (9, 7))
    at = np.array([-0.1, 0.0, 2.0, 5.0, 8.0, 19.0, 20.5])
    assert dense.exact(at) == pytest.approx([1.0, 1.0, 0.9, 0.55, 0.13, 0.001, 1e-4])
    assert robust.exact(np.array([-2.1, 1.0, 4.0, 6.0])) == pytest.approx([1.0, 0.8, 0.3, 0.09])


@pytest.mark.parametrize(("name", "mcs", "size_bytes"), CURVES)
def test_curves_fall(name, mcs, size_bytes):
    """Property: no curve rises with SINR, so one uniform draw splits noise from collision losses without
    overlap (mistake 8).

    Loss by noise (draw < rate without interference) is then always also a loss with interference.
    """
    curve = TABLES[name].select(mcs, size_bytes)
    rates = curve.per(np.arange(-45.0, 65.0, 0.01))
    assert np.all(np.diff(rates) <= 0)
    draws = stream(1, "test", "tables")
    snr = draws.uniform(-10, 30, 2000)
    sinr = snr - draws.exponential(5.0, 2000)
    draw = draws.random(2000)
    assert np.all((draw < curve.per(snr)) <= (draw < curve.per(sinr)))


@pytest.mark.parametrize(("name", "mcs", "size_bytes"), CURVES)
def test_grid_error(name, mcs, size_bytes):
    """Property: a lookup lies between the exact rates 1/512 dB (0.0044 dB by bits) lower and higher."""
    curve = TABLES[name].select(mcs, size_bytes)
    at = stream(2, "test", "grid").uniform(-39.9, 59.9, 20000).astype(np.float32)
    ratio = (10 ** (at.astype(np.float64) / 10)).astype(np.float32)
    for found, width in ((curve.per(at), 1 / 512 + 1e-5), (curve.per_linear(ratio), 0.0044)):
        assert np.all(found <= curve.exact(at.astype(float) - width) * (1 + 1e-6))
        assert np.all(found >= curve.exact(at.astype(float) + width) * (1 - 1e-6))


def test_grid_error_on_a_slope():
    """Property: on the default curve both lookups are within 0.0015 of the interpolated rate."""
    curve = TABLES["wilab-highway-los"].select(7, 350)
    at = np.linspace(-1.9, 15.0, 5000).astype(np.float32)
    exact = curve.exact(at)
    assert np.abs(curve.per(at) - exact).max() < 1e-3
    assert np.abs(curve.per_linear(10 ** (at / 10)) - exact).max() < 1.5e-3


def test_interpolation_by_hand():
    """By hand: half way between 1e-1 and 1e-3 lies 1e-2 in the logarithm and 0.0505 linearly; shapes are
    kept.
    """
    points, rates = np.array([0.0, 2.0]), np.array([1e-1, 1e-3])
    logarithmic, linear = PerTable(points, rates), PerTable(points, rates, "linear", above_per=1e-4)
    assert logarithmic.exact(1.0) == pytest.approx(1e-2)
    assert linear.exact(1.0) == pytest.approx(0.0505)
    assert logarithmic.exact(2.5) == 1e-8 and linear.exact(2.5) == 1e-4 and linear.exact(-0.1) == 1.0
    assert linear.per(np.zeros((3, 4))).shape == (3, 4)
    assert linear.per_linear(np.ones((3, 4), np.float32)).shape == (3, 4)


@given(ratio=st.one_of(st.just(0.0), st.floats(0.0, 1e30)), level_db=st.floats(-500.0, 500.0))
def test_any_sinr_has_a_rate(ratio, level_db):
    """Property: power ratios from 0 to 1e30 and levels far outside the table give a rate in 0 .. 1, the ends
    the plateaus.
    """
    curve = TABLES["wilab-highway-los"].select(7, 350)
    by_ratio, by_level = curve.per_linear(np.array([ratio])), curve.per(level_db)
    assert 0 <= by_ratio[0] <= 1 and 0 <= by_level <= 1
    if ratio < 0.1:
        assert by_ratio[0] == 1.0
    if level_db > 30:
        assert by_level == np.float32(1e-8)


def test_choice_of_a_row():
    """By hand: nearest size of the same MCS, the larger of two equally near; the choice is named."""
    table = TABLES["wilab-highway-los"]
    assert "MCS 7, 350 B" in table.select(7, 300).origin
    assert "MCS 5, 190 B" in table.select(5, 145).origin
    assert "MCS 5, 350 B" in table.select(5, 270).origin
    assert "MCS 11, 550 B" in table.select(11, 500).origin
    assert table.select(7, 190) is table.select(7, 300)


def test_row_of_another_origin_is_left_out():
    """Independent: highway LOS, MCS 7, 190 B stands in the file 4 dB above its 350 B neighbour, and is not
    used.
    """
    rows = read_csv(FOLDER / LINK_TABLES["wilab-highway-los"].file).where(
        channel="HighwayLOS", mcs="7", size_bytes="190"
    )
    strange = PerTable(rows.number("sinr_db"), rows.number("per"))
    assert [strange.sinr_at(r) for r in (0.5, 0.1)] == pytest.approx([5.20, 8.49], abs=0.0101)
    assert (7, 190) not in TABLES["wilab-highway-los"].available


def test_no_row_means_threshold():
    """By hand: MCS 14 at 300 B needs 10 PRB: 2400 bits / (1 ms x 1.8 MHz) = 4/3; 2^(4/3 / 0.37) - 1 = 11.16 =
    10.48 dB.
    """
    assert threshold_db(300, 10) == pytest.approx(10.48, abs=0.01)
    curve = TABLES["wilab-highway-los"].select(14, 300)
    assert "threshold" in curve.origin
    assert curve.per(np.array([10.4, 10.6])) == pytest.approx([1.0, 1e-8])


def test_rate_is_the_packets():
    """By hand: the rate belongs to the packet, not to each PRB (mistake 8).

    At 4.11 dB a 350 B packet of MCS 7 fails with 0.1; multiplying over its 24 PRBs would give 0.92.
    """
    curve = TABLES["wilab-highway-los"].select(7, 350)
    assert curve.per(4.11) == pytest.approx(0.1, abs=0.002)
    assert 1 - (1 - float(curve.per(4.11))) ** 24 > 0.9


def test_fading_is_counted_once():
    """Independent: the fading tables say that fading is in them, and it is (mistake 12).

    From 0.5 to 0.01 the fading curve takes 4.1 dB, the AWGN curve 0.4 dB (printed). A Rayleigh draw on top of
    the fading curve would more than double the loss rate at the 0.1 point.
    """
    fading, clean = TABLES["wilab-highway-los"].select(7, 350), TABLES["awgn"].select(7, 300)
    assert fading.includes_fading and not clean.includes_fading
    assert TABLES["r1-160284"].select(9, 190).includes_fading
    assert fading.sinr_at(0.01) - fading.sinr_at(0.5) == pytest.approx(4.11, abs=0.02)
    assert clean.sinr_at(0.01) - clean.sinr_at(0.5) == pytest.approx(0.41, abs=0.02)
    rayleigh = stream(3, "test", "fading").exponential(1.0, 100_000)
    assert fading.per_linear(10**0.411 * rayleigh).mean() > 0.25


def test_files_without_source_are_refused(tmp_path):
    """By hand: no source line, no rows, a ragged row: each refused by name."""
    path = tmp_path / "table.csv"
    path.write_text("# nothing said\nsinr_db,per\n0,1\n")
    with pytest.raises(ValueError, match="table.csv: no '# source:' line"):
        read_csv(path)
    path.write_text("# Source: me\nsinr_db,per\n")
    with pytest.raises(ValueError, match="no rows"):
        read_csv(path)
    path.write_text("# source: me\nsinr_db,per\n0,1\n1\n")
    with pytest.raises(ValueError, match="2 columns"):
        read_csv(path)


def test_every_shipped_table_has_a_source():
    """Property: each CSV file of the package opens, hence names its source."""
    files = sorted(FOLDER.glob("*.csv"))
    assert len(files) >= 5
    assert all(len(read_csv(path).source) > 20 for path in files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 0.0], [1.0, 0.5]), "must rise"),
        (([0.0, 1.0], [1.5, 0.5]), "0 .. 1"),
        (([0.0, 1.0], [1.0, 0.5], "cubic"), "cubic"),
    ],
)
def test_bad_tables_are_refused(arguments, message):
    """By hand: levels that do not rise, rates above 1, unknown interpolation."""
    with pytest.raises(ValueError, match=message):
        PerTable(*(np.array(a) if isinstance(a, list) else a for a in arguments))


def test_unknown_table():
    """By hand: the error names what is known."""
    with pytest.raises(ValueError, match="wilab-highway-los"):
        load_table("nonsense")
