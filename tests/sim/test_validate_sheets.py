"""Readers of published files: every copy in the repository, and files that are broken in one way each."""

from pathlib import Path

import numpy as np
import pytest

from sim.validate.families import FAMILIES, cv2x_mode4, dot11p, nr_mode2, read_file, read_folder
from sim.validate.families.curve import read_curve
from sim.validate.result import Case, Skipped
from sim.validate.sheet import CurveError, read_sheet

REFERENCE = Path(__file__).parents[1] / "reference"
MODE4_NAME = "b0.1_l10_p20_S4_B190.csv"
MODE4 = (
    "# C-V2X Mode 4, PUBLISHED SIMULATION, beta=0.1 veh/m, lambda=10 pkt/s, Pt=20 dBm, S=4, 190 B\n"
    "distance_m,pdr,p_hd\n"
    "0,0.99,0.01\n"
    "25,0.98,0.01\n"
)
DOT11P_NAME = "b0.06_l10_p15_B190_R6.csv"
DOT11P = (
    "# IEEE 802.11p, PUBLISHED SIMULATION, beta=0.06 veh/m, lambda=10 pkt/s, Pt=15 dBm, 190 B, 6 Mb/s, 10 MHz\n"
    "# mean simulated CBR = 0.0443\n"
    "distance_m,pdr,p_sen\n"
    "0,0.99,0.01\n"
    "25,0.98,0.01\n"
)
NR_NAME = "spacing20_T2_33.csv"
NR = (
    "# NR-V2X Mode 2, PUBLISHED SIMULATION (ns-3), UE spacing 20 m, T2=33 slots\n"
    "distance_m,prr,prr_std,n_samples\n"
    "20,0.9,0.1,10\n"
    "40,0.3,0.1,10\n"
)


def _write(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_reference_copy_is_read() -> None:
    """Property: all copies parse and land in the family whose folder they lie in; PDR and causes make 1."""
    cases, _, errors = read_folder(REFERENCE)
    assert not errors
    found = {name: [case for case in cases if case.family == name] for name in FAMILIES}
    assert [len(found[name]) for name in (cv2x_mode4.SIMULATED, cv2x_mode4.ANALYTICAL)] == [6, 15]
    assert [len(found[name]) for name in (dot11p.SIMULATED, dot11p.ANALYTICAL, nr_mode2.FAMILY)] == [11, 15, 3]
    assert len(found["propagation"]) == 2
    for name in (cv2x_mode4.SIMULATED, cv2x_mode4.ANALYTICAL, dot11p.SIMULATED, dot11p.ANALYTICAL):
        columns = cv2x_mode4._COLUMNS if "cv2x" in name else dot11p._COLUMNS
        for case in found[name]:
            assert case.path.parent.name == name
            curve = read_curve(read_sheet(case.path), columns)
            total = curve.pdr + sum(share for cause, share in curve.causes.items() if cause != "sci")
            np.testing.assert_allclose(total, 1.0, atol=5e-3)


def test_files_of_one_setting_share_a_simulation() -> None:
    """Property: the published and the analytical file of one setting have one key; different settings do not."""
    cases, _, _ = read_folder(REFERENCE)
    keys = {case.path.relative_to(REFERENCE).as_posix(): case.key for case in cases}
    name = "b0.1_l10_p20_S4_B190.csv"
    assert keys[f"{cv2x_mode4.SIMULATED}/{name}"] == keys[f"{cv2x_mode4.ANALYTICAL}/{name}"]
    simulated = {case.key for case in cases if case.trial is not None}
    assert len(simulated) == 15 + 15 + 3


def test_folder_name_does_not_matter(tmp_path: Path) -> None:
    """Property: the header decides the family, whatever the folder is called."""
    folder = tmp_path / cv2x_mode4.ANALYTICAL
    folder.mkdir()
    for text, name, family in (
        (MODE4, MODE4_NAME, cv2x_mode4.SIMULATED), (DOT11P, DOT11P_NAME, dot11p.SIMULATED), (NR, NR_NAME,
        nr_mode2.FAMILY),
    ):
        found = read_file(_write(folder, text, name))
        assert isinstance(found, Case) and found.family == family


def test_analytical_header_that_mentions_simulation_stays_analytical() -> None:
    """Property: 'validated by published simulation' in the second header line does not change the family."""
    found = read_file(REFERENCE / cv2x_mode4.ANALYTICAL / MODE4_NAME)
    assert isinstance(found, Case) and found.family == cv2x_mode4.ANALYTICAL


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (MODE4.replace("0.98", "x"), MODE4_NAME, r":4: pdr is 'x', must be a number"),
        (MODE4.replace("0.98", "nan"), MODE4_NAME, r":4: pdr is 'nan', must be finite"),
        (MODE4.replace("0.98", "1.2"), MODE4_NAME, r":4: pdr is 1.2, must lie in"),
        (MODE4.replace("25,", "0,"), MODE4_NAME, r":4: distance_m is 0, must grow"),
        (MODE4.replace("25,", "9000,"), MODE4_NAME, r":4: distance_m is 9000, must lie in"),
        (MODE4.replace("25,0.98,0.01", "25,0.98"), MODE4_NAME, r":4: 2 cells, the header has 3"),
        (MODE4.replace("pdr", "prr"), MODE4_NAME, r":2: column 'pdr' is missing"),
        (MODE4.replace("p_hd", "pdr"), MODE4_NAME, r":2: a column name stands twice"),
        (MODE4.split("0,0.99")[0], MODE4_NAME, r"0 rows, at least 2"),
        (MODE4.replace("beta=0.1", "beta=0.3"), MODE4_NAME, r"header says beta=0.3, file name says 0.1"),
        (MODE4.replace("Pt=20", "Pt=23"), MODE4_NAME, r"header says Pt=23, file name says 20"),
        (MODE4, "curve.csv", r"the file name is not b<veh per metre>_l<packets per s>"),
        (MODE4.replace("C-V2X Mode 4", "curve"), MODE4_NAME, r"no header comment line says 'C-V2X Mode 4'"),
        (MODE4.replace("PUBLISHED SIMULATION", "unknown"), MODE4_NAME, r"neither 'analytical' nor 'simulation'"),
        ("", MODE4_NAME, r"no header comment line"),
        (DOT11P.replace("0.98", "x"), DOT11P_NAME, r":5: pdr is 'x', must be a number"),
        (DOT11P.replace("6 Mb/s", "18 Mb/s"), DOT11P_NAME, r"header says R=18, file name says 6"),
        (DOT11P.replace("190 B", "500 B"), DOT11P_NAME, r"header says B=500, file name says 190"),
        (DOT11P, "curve.csv", r"the header says 802.11p, but the file name is not"),
        (DOT11P.replace("802.11p", "radio"), DOT11P_NAME, r"no header comment line says '802.11p'"),
        (NR.replace("0.3", "-0.3"), NR_NAME, r":4: prr is -0.3, must lie in"),
        (NR.replace("T2=33", "T2=17"), NR_NAME, r"header says T2 17, file name says 33"),
        (NR, "curve.csv", r"the file name is not spacing<m>_T2_<slots>"),
        ("# radio latency, quantiles\nlink,period_ms,density_veh_km_lane,mcs_table,q50,q95\nUL,100,10,3,x,1\n", "u.csv",
         r":3: q50 is 'x', must be a number"),
        ("# losses\ndistance_m,free_space\n10,a\n", "loss_5p9GHz.csv", r":3: free_space is 'a', must be a number"),
        ("# losses\ndistance_m,free_space\n10,60\n", "loss.csv", r"states the carrier in GHz"),
    ],
)
def test_broken_file_ends_in_one_clear_line(tmp_path: Path, text: str, name: str, message: str) -> None:
    """By hand: each defect is named with file and, where it has one, line."""
    with pytest.raises(CurveError, match=message) as raised:
        read_file(_write(tmp_path, text, name))
    assert "\n" not in str(raised.value) and name in str(raised.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """By hand: a binary file is an error, not a traceback."""
    path = tmp_path / MODE4_NAME
    path.write_bytes(b"\xff\xfe\x00\x01" * 40)
    with pytest.raises(CurveError, match="cannot be read as UTF-8"):
        read_file(path)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        (MODE4, "b0.1_l10_p20_S3_B190.csv", "S=3 subchannels"),
        (MODE4, "b0.1_l10_p20_S4_B300.csv", "300 B packets"),
        (MODE4, "b0.1_l15_p20_S4_B190.csv", "15 packets/s"),
        (DOT11P, "b0.06_l10_p15_B190_R7.csv", "7 Mb/s"),
        (DOT11P, "b0.06_l200_p15_B190_R6.csv", "200 packets/s"),
        (NR, "spacing900_T2_33.csv", "spacing 900 m"),
        (NR.replace("0.3", "0.8"), NR_NAME, "never crosses 0.5"),
        ("# something else\na,b\n1,2\n", "table.csv", "no family of that format: something else"),
        ("a,b\n1,2\n", "table.csv", "no header comment line"),
    ],
)
def test_file_without_a_model_is_skipped(tmp_path: Path, text: str, name: str, reason: str) -> None:
    """By hand: a sound file with a setting that cannot be simulated is skipped and says why."""
    body = text if "something" in text or text.startswith("a,b") else "# " + text[2:].split(",")[0] + (
        ", PUBLISHED SIMULATION\n" + text.split("\n", 1)[1]
    )
    found = read_file(_write(tmp_path, body, name))
    assert isinstance(found, Skipped) and reason in found.reason


def test_other_settings_of_the_families_are_taken(tmp_path: Path) -> None:
    """Property: densities, powers, rates, sizes and windows that no reference file has make cases all the same."""
    names = {
        "b0.17_l5_p26_S2_B190.csv": "# C-V2X Mode 4, ANALYTICAL model\ndistance_m,pdr\n0,1\n40,0.5\n",
        "b0.01_l33_p10_B1200_R12.csv": "# IEEE 802.11p, ANALYTICAL model\ndistance_m,pdr\n0,1\n10,0.5\n",
        "spacing15_T2_65.csv": "# NR-V2X Mode 2\ndistance_m,prr\n15,1\n30,0.5\n45,0.1\n",
        "loss_5p2GHz.csv": "# losses\ndistance_m,b1_heff0.7,free_space\n10,67,66\n",
    }
    for name, text in names.items():
        _write(tmp_path, text, name)
    cases, skipped, errors = read_folder(tmp_path)
    assert not errors and not skipped
    assert sorted(case.path.name for case in cases) == sorted(names)
    assert all(case.trial().vehicle_count >= 2 for case in cases if case.trial is not None)


def test_family_filter_and_missing_folder(tmp_path: Path) -> None:
    """By hand: --family keeps one family; a folder that is not there and an unknown family are named."""
    _write(tmp_path, MODE4, MODE4_NAME)
    _write(tmp_path, DOT11P, DOT11P_NAME)
    assert [case.family for case in read_folder(tmp_path, "dot11p")[0]] == [dot11p.SIMULATED]
    with pytest.raises(CurveError, match="not a folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(CurveError, match="no such family"):
        read_folder(tmp_path, "wifi")


def test_causes_a_file_does_not_hold_are_said() -> None:
    """By hand: a curve with half-duplex losses only names the other three columns; SCI losses stand apart."""
    from sim.validate.families.curve import Curve, absent

    distance_m = np.array([0.0, 25.0])
    columns = {"hd": "p_hd", "sen": "p_sen", "pro": "p_pro", "col": "p_col", "sci": "p_sci_lost"}
    held = {"hd": np.zeros(2)}
    assert absent(Curve(distance_m, distance_m, held), columns) == ["no column p_sen, p_pro, p_col: not judged"]
    assert absent(Curve(distance_m, distance_m, dict.fromkeys(columns, np.zeros(2))), columns) == []
