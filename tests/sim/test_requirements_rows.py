"""Shipped files of requirements: their numbers, and what the loader refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.requirements.classes import MESSAGES
from sim.requirements.loader import RequirementsError, Row, read_requirements, shipped_requirements
from sim.requirements.measures import MEASURES

TABLE = Path(__file__).resolve().parents[1] / "reference" / "use_case_rows.csv"
COLUMNS = {"rate_hz": "generation_rate", "latency_ms": "latency", "position_m": "position_error"}
HEAD = "schema: requirements/1\nname: own\nsource: {doc: d, provenance: P}\napplications:\n"
CHECK = "- id: X\n  name: x\n  applies_to: {links: [V2V], messages: [BSM]}\n  checks:\n  - "


def printed_rows() -> list[dict[str, str]]:
    """The reference table without its comments."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def limits(row: Row, metric: str) -> set[float]:
    """Limits of a metric in a row, with the provenance they must have."""
    found = [check for check in row.application.checks if check.metric == metric and check.value is not None]
    assert all(check.value_provenance == "R2" for check in found)
    return {float(check.value) for check in found if check.value is not None}


@pytest.mark.parametrize("printed", printed_rows(), ids=lambda row: row["id"])
def test_rows_of_the_chinese_applications(printed: dict[str, str]) -> None:
    """Printed: rate, latency, accuracy and range of every row, through a table extracted for itself."""
    rows = read_requirements().chosen([printed["id"]])
    assert rows
    for row in rows:
        assert row.source.provenance == printed["provenance"] == "R2"
        for column, metric in COLUMNS.items():
            expected = {float(printed[column])} if printed[column] else set()
            assert limits(row, metric) == expected, (row.id, metric)
        ranges = {check.at_range_m for check in row.application.checks if check.metric == "prr"}
        assert ranges == {float(printed["range_m"])}, row.id


def test_every_row_is_there() -> None:
    """Printed: the ids of the tables on sensing, 3GPP, Europe, the United States, infrastructure and borders."""
    ids = {row.id for row in read_requirements().rows}
    whole = {
        "SEN-EXT", "SEN-EFF", "SEN-EMG", "SEN-VRU", "22185-PC", "22185-F", "22185-SZ", "22185-V", "22185-N", "22185-RT",
        "22186-REMOTE", "ETSI-638-S", "ETSI-638-T", "SAE-2945", "US-RLVW", "CTI-4501", "C-ROADS", "NYC", "GZ-SPC",
        "GZ-COV", "GZ-PRI", "GZ-AV", "GZ-SEN", "GZ-CLK", "GZ-DGN", "GZ-BH", "SH-DAT", "CU-FT", "CU-BH", "XJ-ACC",
        "XJ-TRUST", "XJ-DLY", "XJ-WARN",
    }
    split = {"22185-L", "ETSI-539", "5GAA", "CMCC-P", "XJ-GAP", "22186-PLATOON", "22186-ADVANCED", "22186-SENSORS"}
    assert whole <= ids
    assert all(any(one.startswith(f"{name}-") for one in ids) for name in split)
    assert len([one for one in ids if one.startswith("22186-R.")]) == 16


def test_every_number_has_its_flag() -> None:
    """Property: no limit without provenance, no default that claims to be more than our choice, no check without a
    measure or a reason, and no document row without a source."""
    for row in read_requirements().rows:
        assert row.source.doc and row.source.provenance
        assert row.application.checks or row.application.note
        for check in row.application.checks:
            assert (check.value is None) == (check.value_provenance is None), row.id
            assert bool(check.not_measured) != (check.metric in MEASURES and not check.not_measured), row.id


def test_reception_thresholds_of_the_chinese_rows_are_ours() -> None:
    """Printed: the application tables state no reception threshold, so that none may carry a document's flag."""
    for row in read_requirements(["csae53", "csae157", "csae158"]).rows:
        for check in row.application.checks:
            if check.metric in ("prr", "uir", "gap_over_2.5T", "covered_cells", "pair_coverage"):
                assert check.value_provenance in (None, "P"), row.id


def test_loss_limits_of_sensing() -> None:
    """Printed: loss below 1 % (SEN-EXT) and below 0.1 % (SEN-EMG, SEN-VRU)."""
    rows = {row.id: row for row in read_requirements(["sensing"]).rows}
    found = {name: {c.value for c in rows[name].application.checks if c.metric == "prr"} for name in
             ("SEN-EXT", "SEN-EMG", "SEN-VRU")}
    assert found == {"SEN-EXT": {0.99}, "SEN-EMG": {0.999}, "SEN-VRU": {0.999}}


def test_choosing_rows() -> None:
    """By hand: an id, the beginning of ids, a pattern, a slip of the pen."""
    catalogue = read_requirements()
    assert [row.id for row in catalogue.chosen(["C53-RLVW"])] == ["C53-RLVW"]
    assert [row.id for row in catalogue.chosen(["C53-ICW"])] == ["C53-ICW-V2V", "C53-ICW-V2I"]
    assert all(row.id.startswith("C157-") for row in catalogue.chosen(["C157"]))
    assert {row.id for row in catalogue.chosen(["*-RLVW"])} == {"C53-RLVW", "US-RLVW"}
    with pytest.raises(ValueError, match="no application 'C53-RLWV'; did you mean 'C53-RLVW'"):
        catalogue.chosen(["C53-RLWV"])


def test_files_that_come_along() -> None:
    """By hand: nine files, the Chinese applications first."""
    assert list(shipped_requirements()) == [
        "csae53", "csae157", "csae158", "sensing", "infrastructure", "cross-border", "3gpp", "etsi", "us",
    ]
    assert MESSAGES["CAM"] == "BSM" and MESSAGES["DENM"] == "RSI" and MESSAGES["ETSI-CPM"] == "RSM"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CHECK + "{metric: prr}", ":9:5: applications.0.checks.0.at_range_m: is required"),
        (CHECK + "{metric: prrr, at_range_m: 3}", "prrr: is not measured: give the reason under 'not_measured'"),
        (CHECK + "{metric: latency}", "has no default limit: 'value' is required"),
        (CHECK + '{metric: latency, op: "<=", value: 100}', "100: needs a value_provenance"),
        (CHECK + "{metric: latency, value: 100, value_provenance: R2}", "100: needs an 'op'"),
        (CHECK + '{metric: latency, op: "=<", value: 100, value_provenance: R2}', "should be '<=', '>=', '<' or '>'"),
        (CHECK + "{metric: prr, at_range_m: -5}", "input should be greater than 0"),
        (CHECK + "{metric: prr, at_range_m: 150, stat: p99}", "p99: must be one of share"),
        (CHECK + "{metric: prr, at_range_m: 150, unit: ms}", "ms: must be 'ratio', the unit of prr"),
        (CHECK + '{metric: prr, at_range_m: 150, op: ">=", value: 95, value_provenance: P}', "95: must be from 0"),
        (CHECK + '{metric: latency, op: "<=", value: -5, value_provenance: P}', "-5: must not be below 0"),
        (CHECK + '{metric: latency, op: "<=", value: .nan, value_provenance: P}', "should be a finite number"),
        (CHECK + "{metric: pair_coverage, at_range_m: 200}", "200: must be 150 or 300"),
        (CHECK + "{metric: prr, at_range_m: 150, messages: [BSN]}", "BSN: is neither a class of use nor a message"),
        (CHECK + "{metric: prr, at_range_m: 150, color: red}", "checks.0.color: unknown key"),
        ("- {id: X, name: x}", "has no check: say why in 'note'"),
        ("- {id: X, name: x, note: n}\n- {id: X, name: y, note: n}", "stands already in"),
        ("- {id: X, name: x, applies_to: {links: [V2X]}, note: n}", "input should be 'V2V'"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, complaint: str) -> None:
    """By hand: file, line, field, value and rule of each mistake."""
    path = tmp_path / "own.yaml"
    path.write_text(HEAD + text + "\n", encoding="utf-8")
    with pytest.raises(RequirementsError) as error:
        read_requirements([path])
    lines = str(error.value).splitlines()
    assert any(complaint in line for line in lines), lines
    assert all(line.startswith(f"{path}:") for line in lines)


def test_several_mistakes_at_once(tmp_path: Path) -> None:
    """By hand: two files, a mistake in each; a third that is not there is told at once."""
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(HEAD + CHECK + "{metric: prr}\n", encoding="utf-8")
    two.write_text("schema: requirements/2\n", encoding="utf-8")
    with pytest.raises(RequirementsError) as error:
        read_requirements([one, two])
    assert [str(one) in str(p) or str(two) in str(p) for p in error.value.problems] == [True, True]
    with pytest.raises(RequirementsError, match="no such file and no shipped requirements of that name"):
        read_requirements(["csae35"])


def test_thresholds(tmp_path: Path) -> None:
    """By hand: the command line beats a file's own thresholds, which beat the bench's; a wrong one is refused."""
    path = tmp_path / "own.yaml"
    path.write_text(HEAD.replace("applications", "defaults: {prr_ratio: 0.8, min_seeds: 7}\napplications") + CHECK
                    + "{metric: prr, at_range_m: 150}\n", encoding="utf-8")
    assert read_requirements([path]).rows[0].defaults.prr_ratio == 0.8
    changed = read_requirements([path], {"prr_ratio": 0.7}).rows[0].defaults
    assert (changed.prr_ratio, changed.min_seeds) == (0.7, 7)
    for name, value, complaint in (("prr", 0.5, "no threshold 'prr'; did you mean 'prr_ratio'"),
                                   ("prr_ratio", 2.0, "prr_ratio: 2.0: input should be less than or equal to 1"),
                                   ("min_seeds", "many", "min_seeds: many")):
        with pytest.raises(ValueError, match=complaint):
            read_requirements([path], {name: value})
