"""Readers of reference curves: every copy in the repository, and files that are broken in one way each."""

from pathlib import Path

import numpy as np
import pytest

from sim.validate.curves import ANALYTICAL, SIMULATED, Curve, CurveError, Skipped, read_file, read_folder

REFERENCE = Path(__file__).parents[1] / "reference"
GOOD_NAME = "b0.1_l10_p20_S4_B190.csv"
GOOD = (
    "# C-V2X Mode 4, PUBLISHED SIMULATION, beta=0.1 veh/m, lambda=10 pkt/s, Pt=20 dBm, S=4, 190 B\n"
    "distance_m,pdr,p_hd\n"
    "0,0.99,0.01\n"
    "25,0.98,0.01\n"
)


def _write(folder: Path, text: str, name: str = GOOD_NAME) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_reference_copy_is_read() -> None:
    """Property: all 21 published files parse, 21 distances each, and PDR + causes make 1 as published."""
    curves, _, errors = read_folder(REFERENCE)
    assert not errors
    assert [one.family for one in curves].count(SIMULATED) == 6
    assert [one.family for one in curves].count(ANALYTICAL) == 15
    for one in curves:
        assert one.path.parent.name == one.family
        np.testing.assert_array_equal(one.distance_m, np.arange(0, 501, 25))
        total = one.pdr + sum(one.causes[name] for name in ("hd", "sen", "pro", "col"))
        np.testing.assert_allclose(total, 1.0, atol=2e-3)
        assert ("sci" in one.causes) == (one.family == SIMULATED)
        assert (one.header_cbr is not None) == (one.family == ANALYTICAL)


def test_values_and_setting_by_hand() -> None:
    """By hand: two rows and the setting of one file, read off the file."""
    one = read_file(REFERENCE / SIMULATED / "b0.2_l10_p20_S2_B190.csv")
    assert isinstance(one, Curve)
    assert one.setting.name == "b0.2_l10_p20_S2_B190"
    assert one.pdr[4] == 0.93483
    assert one.causes["sci"][-1] == 0.01142
    assert one.causes["col"][8] == 0.14243


def test_folder_name_does_not_matter(tmp_path: Path) -> None:
    """Property: the header decides the family, whatever the folder is called."""
    folder = tmp_path / ANALYTICAL
    folder.mkdir()
    found = read_file(_write(folder, GOOD))
    assert isinstance(found, Curve) and found.family == SIMULATED
    assert set(found.causes) == {"hd"}


def test_analytical_header_that_mentions_simulation_stays_analytical() -> None:
    """Property: 'validated by published simulation' in the second header line does not change the family."""
    found = read_file(REFERENCE / ANALYTICAL / "b0.1_l10_p20_S4_B190.csv")
    assert isinstance(found, Curve) and found.family == ANALYTICAL


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (GOOD.replace("0.98", "x"), GOOD_NAME, r":4: pdr is 'x', must be a number"),
        (GOOD.replace("0.98", "nan"), GOOD_NAME, r":4: pdr is 'nan', must be finite"),
        (GOOD.replace("0.98", "1.2"), GOOD_NAME, r":4: pdr is 1.2, must lie in 0 .. 1"),
        (GOOD.replace("25,", "0,"), GOOD_NAME, r":4: distance_m is 0, must grow"),
        (GOOD.replace("25,", "9000,"), GOOD_NAME, r":4: distance_m is 9000, must lie in"),
        (GOOD.replace("25,0.98,0.01", "25,0.98"), GOOD_NAME, r":4: 2 cells, the header has 3"),
        (GOOD.replace("pdr", "prr"), GOOD_NAME, r":2: column 'pdr' is missing"),
        (GOOD.replace("p_hd", "pdr"), GOOD_NAME, r":2: a column name stands twice"),
        (GOOD.split("0,0.99")[0], GOOD_NAME, r"0 rows, at least 2"),
        (GOOD.replace("beta=0.1", "beta=0.3"), GOOD_NAME, r"header says beta=0.3, file name says 0.1"),
        (GOOD.replace("Pt=20", "Pt=23"), GOOD_NAME, r"header says Pt=23, file name says 20"),
        (GOOD, "curve.csv", r"the file name is not b<veh per metre>_l<packets per s>"),
        (GOOD.replace("C-V2X Mode 4", "curve"), GOOD_NAME, r"no header comment line says 'C-V2X Mode 4'"),
        (
            GOOD.replace("PUBLISHED SIMULATION", "unknown"),
            GOOD_NAME,
            r"neither 'analytical' nor 'simulation'",
        ),
        ("", GOOD_NAME, r"no header comment line"),
    ],
)
def test_broken_file_ends_in_one_clear_line(tmp_path: Path, text: str, name: str, message: str) -> None:
    """By hand: each defect is named with file and, where it has one, line."""
    with pytest.raises(CurveError, match=message) as raised:
        read_file(_write(tmp_path, text, name))
    assert "\n" not in str(raised.value) and name in str(raised.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """By hand: a binary file is an error, not a traceback."""
    path = tmp_path / GOOD_NAME
    path.write_bytes(b"\xff\xfe\x00\x01" * 40)
    with pytest.raises(CurveError, match="cannot be read as UTF-8"):
        read_file(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("b0.1_l10_p20_S3_B190.csv", "S=3 subchannels"),
        ("b0.1_l10_p20_S4_B300.csv", "300 B packets"),
        ("b0.1_l15_p20_S4_B190.csv", "15 packets/s"),
    ],
)
def test_setting_without_a_model_is_skipped(tmp_path: Path, name: str, reason: str) -> None:
    """By hand: a sound file with a setting the simulator has no table for is skipped and says why."""
    found = read_file(_write(tmp_path, "# C-V2X Mode 4, ANALYTICAL model\n" + GOOD.split("\n", 1)[1], name))
    assert isinstance(found, Skipped) and reason in found.reason


def test_other_families_are_skipped_by_name(tmp_path: Path) -> None:
    """By hand: an 802.11p curve and a table without header are skipped, one good file among them is read."""
    _write(
        tmp_path,
        "# IEEE 802.11p, PUBLISHED SIMULATION\ndistance_m,pdr\n0,1\n25,1\n",
        "b0.06_l10_p15_B190_R6.csv",
    )
    _write(tmp_path, "a,b\n1,2\n", "table.csv")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    _write(tmp_path / "deep" / "er", GOOD)
    curves, skipped, errors = read_folder(tmp_path)
    assert [one.setting.name for one in curves] == ["b0.1_l10_p20_S4_B190"]
    assert [one.reason for one in skipped] == [
        "not handled yet: IEEE 802.11p",
        "not handled yet: no header comment line",
    ]
    assert not errors


def test_missing_folder(tmp_path: Path) -> None:
    """By hand: a folder that is not there is named."""
    with pytest.raises(CurveError, match="not a folder"):
        read_folder(tmp_path / "nowhere")
