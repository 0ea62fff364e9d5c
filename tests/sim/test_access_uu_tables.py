"""Latency tables of the cellular path: sampled quantiles, peering, other files of the same forms, bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.access.uu.tables import FOLDER, LatencyFile, added_by_peering_ms, sample_table

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "uu"
RADIO, INTERNET, PEERING = (
    REFERENCE / f"{name}.csv"
    for name in ("nr_uu_radio_latency_quantiles_ms", "internet_rtt_quantiles_ms", "peering_point_rtt_ecdf")
)
COUNT = 40_000


def written(folder: Path, text: str) -> Path:
    """A file with a source line and this text."""
    path = folder / "table.csv"
    path.write_text(f"# Source: a test\n{text}", encoding="utf-8")
    return path


def test_every_radio_row_samples_its_median_p95_and_mean() -> None:
    """Independent: p50 and p95 within 3 % of the published row; its mean, which sampling does not use, within 2 %."""
    file = LatencyFile(RADIO)
    assert len(file.distributions) == 40
    for one in file.distributions:
        sampled = one.sample(COUNT, 3)
        row = _published(one.keys)
        assert np.median(sampled) == pytest.approx(row["q50"], rel=0.03)
        assert np.quantile(sampled, 0.95) == pytest.approx(row["q95"], rel=0.03)
        assert sampled.mean() == pytest.approx(row["mean_ms"], rel=0.02)


def _published(keys: dict[str, str]) -> dict[str, float]:
    """A row of the file, read by hand."""
    lines = [line for line in RADIO.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    header = lines[0].split(",")
    wanted = [keys[name] for name in ("link", "period_ms", "density_veh_km_lane", "mcs_table")]
    row = next(line.split(",") for line in lines[1:] if line.split(",")[:4] == wanted)
    return {name: float(value) for name, value in zip(header[4:], row[4:], strict=True)}


@pytest.mark.parametrize(
    ("name", "p50_ms", "p95_ms"),
    [("Italy", 9.358, 26.717), ("Spain", 11.330, 28.633), ("Sweden", 6.769, 20.363), ("Germany", 8.786, 23.770),
     ("France", 8.386, 25.993)],
)
def test_internet_round_trips(name: str, p50_ms: float, p95_ms: float) -> None:
    """Printed: quantiles of the measured samples."""
    sampled = sample_table(INTERNET, COUNT, 1, name=name)
    assert np.quantile(sampled, [0.5, 0.95]) == pytest.approx([p50_ms, p95_ms], rel=0.03)


def test_peering_adds_what_is_published() -> None:
    """Printed: one-way medians 0.31 ms (local) and about 6.3 ms (remote); 10 % of remote round trips above 60 ms."""
    assert added_by_peering_ms(PEERING, "local", COUNT, 1) == pytest.approx(0.31, rel=0.03)
    assert added_by_peering_ms(PEERING, "remote", COUNT, 1) == pytest.approx(6.3, rel=0.03)
    remote = sample_table(PEERING, COUNT, 2, name="remote")
    assert np.mean(remote > 60) == pytest.approx(0.10, abs=0.01)


def test_shipped_tables_hold_the_published_numbers() -> None:
    """Independent: the same rows, byte for byte below the comments."""
    for ours, theirs in (("nr_radio_20mhz_30khz", RADIO), ("internet_rtt", INTERNET), ("peering_rtt", PEERING)):
        rows = [
            [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
            for path in (FOLDER / f"{ours}.csv", theirs)
        ]
        assert rows[0] == rows[1] and len(rows[0]) >= 20


def test_other_files_of_the_same_forms_are_read(tmp_path: Path) -> None:
    """By hand: further key columns and quantiles, other column names; values on straight lines between points."""
    header = "link,period_ms,size_bytes,bandwidth_mhz,q10,q50,q90"
    more = written(tmp_path, f"{header}\nDL,50,600,40,1,2,4\nUL,50,600,40,2,3,9\n")
    found = LatencyFile(more).find(link="DL", size_bytes=600, bandwidth_mhz=40.0)
    assert found.at([0.1, 0.3, 0.5, 0.7, 0.9]) == pytest.approx([1, 1.5, 2, 3, 4])
    assert found.at([0.0, 1.0]) == pytest.approx([0.75, 4.5])
    assert found.delivered_ratio == 1 and found.mean_ms is None
    assert np.median(sample_table(more, COUNT, 1, link="UL")) == pytest.approx(3, rel=0.02)
    country = written(tmp_path, "percentile,Here,There\n0,1,10\n50,2,20\n100,5,50\n")
    assert LatencyFile(country).find(name="There").at(0.75) == pytest.approx(35)
    steps = written(tmp_path, "delay_ms,cdf_a,cdf_b\n0,0,0.2\n1,0.5,0.2\n2,1,1\n")
    assert LatencyFile(steps).names() == ["a", "b"]
    assert LatencyFile(steps).find(name="b").at([0.1, 0.6]) == pytest.approx([0.0, 1.5])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a,b\n1,2\n", "has neither q.. columns"),
        ("percentile,x\n", "no rows"),
        ("percentile,x\n0,1\n50\n", "has not the 2 columns"),
        ("percentile,x\n0,1\n50,0.5\n", "must not fall"),
        ("percentile,x\n0,1\n150,2\n", "within 0 .. 1"),
        ("percentile,x\n0,-1\n50,2\n", "must not be negative"),
        ("percentile,x\n0,one\n", "column x"),
        ("percentile,x\n0,nan\n", "finite"),
        ("q50,q95,delivered_fraction\n1,2,1.5\n", "delivered_fraction 1.5"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, rule: str) -> None:
    """By hand: file, place and rule."""
    with pytest.raises(ValueError, match=rule) as error:
        LatencyFile(written(tmp_path, text))
    assert "table.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_file_without_a_source_and_an_unknown_row_are_refused(tmp_path: Path) -> None:
    """By hand."""
    path = tmp_path / "table.csv"
    path.write_text("percentile,x\n0,1\n100,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no '# source:' line"):
        LatencyFile(path)
    with pytest.raises(ValueError, match="0 rows with link DL, period_ms 30"):
        LatencyFile(RADIO).find(link="DL", period_ms=30)
    with pytest.raises(ValueError, match="20 rows with link DL"):
        LatencyFile(RADIO).find(link="DL")
