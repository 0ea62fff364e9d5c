"""Verdicts with known answers, on campaigns written by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from sim.requirements.loader import read_requirements
from sim.requirements.verdict import CheckVerdict, Report, verdicts
from sim.results import ResultError
from tests.sim.requirements_factory import (
    BINS_TO_150,
    latency_histogram,
    latency_rows,
    metric,
    prr_rows,
    requirements,
    write_campaign,
    write_run,
)


def report(folder: Path, checks: list[str], **more: str) -> Report:
    """Verdicts by a file of these checks."""
    return verdicts(folder, read_requirements([requirements(folder.parent / "own.yaml", checks, **more)]).rows)


def only(found: Report, variant: int = 0) -> CheckVerdict:
    """The only check of the only application."""
    return found.variants[variant].of("X-1").checks[0]


def states(found: Report) -> list[str]:
    """State per variant of the only application, in the whole corridor."""
    return [variant.of("X-1").state for variant in found.variants]


def seeds(values: list[float], **more: Any) -> list[dict[str, Any]]:
    """A run per value, the same reception in every bin."""
    return [{"rows": prr_rows(value, **more)} for value in values]


def test_all_four_states(tmp_path: Path) -> None:
    """By hand: 0.95 with a half width of 0.009, 0.80 with 0.009, 0.912 with 0.03, and too few packets."""
    folder = write_campaign(tmp_path / "c", {
        "good": seeds([0.95, 0.96, 0.94, 0.95, 0.95], n=100_000),
        "bad": seeds([0.80, 0.81, 0.79, 0.80, 0.80], n=100_000),
        "near": seeds([0.88, 0.94, 0.89, 0.93, 0.92], n=100_000),
        "thin": seeds([0.95, 0.96, 0.94, 0.95, 0.95], n=10),
    })
    found = report(folder, ["{metric: prr, at_range_m: 150}"])
    assert states(found) == ["met", "not met", "undecided", "no data"]
    assert not found.passed
    assert found.counts() == {"met": 1, "undecided": 1, "no data": 1 + 2 * 4, "not met": 1}
    assert "50 packets, fewer than 100" in only(found, 3).reason
    assert only(found, 2).further_seeds == found.variants[2].of("X-1").further_seeds > 0
    assert [variant.labels["layout"] for variant in found.variants] == ["good", "bad", "near", "thin"]


def test_fewer_than_five_seeds(tmp_path: Path) -> None:
    """By hand: four perfect seeds, of five planned: undecided, one more; none finished: no data."""
    folder = write_campaign(tmp_path / "c", {"a": [*seeds([1.0] * 4), None], "b": [None] * 5})
    found = report(folder, ["{metric: prr, at_range_m: 150}"])
    assert states(found) == ["undecided", "no data"]
    assert only(found).reason == "4 of at least 5 seeds" and only(found).further_seeds == 1
    assert only(found, 1).reason == "no run of this variant is finished"


def test_one_run_is_never_met_or_not_met(tmp_path: Path) -> None:
    """By hand: perfect and hopeless reception, one run each."""
    for name, value in (("perfect", 1.0), ("hopeless", 0.0)):
        found = report(write_run(tmp_path / name, prr_rows(value, 10_000)), ["{metric: prr, at_range_m: 150}"])
        assert found.single and states(found) == ["undecided"]
        assert only(found).reason.startswith("one run decides nothing: 1 of at least 5 seeds")


def test_the_bin_that_contains_the_range_decides(tmp_path: Path) -> None:
    """By hand: everything received up to 150 m, nothing from there to 175 m: 150 m lies in the second of these."""
    rows = [*prr_rows(1.0, 10_000, middles_m=BINS_TO_150[:-1]), *prr_rows(0.0, 10, middles_m=BINS_TO_150[-1:])]
    rows = [*rows[:-1], *prr_rows(0.0, 10_000, middles_m=BINS_TO_150[-1:])]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    at_150 = only(report(folder, ["{metric: prr, at_range_m: 150}"]))
    assert at_150.state == "not met" and at_150.deciding is not None
    assert at_150.deciding.item.what == "V2V BSM 150-175 m"
    assert only(report(folder, ["{metric: prr, at_range_m: 149}"])).state == "met"


def test_every_nearer_bin_counts_and_no_average(tmp_path: Path) -> None:
    """By hand: one poor nearer bin among 99 % elsewhere: the mean over all packets is 0.98, the verdict not met."""
    rows = prr_rows(0.99, 100_000)
    rows[2] = prr_rows(0.5, 1000, middles_m=[BINS_TO_150[2]])[0]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    found = only(report(folder, ["{metric: prr, at_range_m: 150}"]))
    assert found.state == "not met" and found.deciding is not None
    assert found.deciding.item.what == "V2V BSM 50-75 m"


@pytest.mark.parametrize(("missing", "state"), [(0, "met"), (2, "no data"), (6, "no data")])
def test_empty_bins(tmp_path: Path, missing: int, state: str) -> None:
    """By hand: nobody ever comes near enough for the first bin, which is left out; a hole or an empty range is no
    data."""
    rows = [row for k, row in enumerate(prr_rows(1.0, 1000)) if k != missing]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    assert only(report(folder, ["{metric: prr, at_range_m: 150}"])).state == state


def test_use_is_asked_apart_from_reception(tmp_path: Path) -> None:
    """By hand: units receive everything and can apply nothing of it."""
    rows = [*prr_rows(1.0, 1000, "V2I"), *(("uir", *row[1:10], 0.0, *row[11:]) for row in prr_rows(1.0, 1000, "V2I"))]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    found = report(folder, ["{metric: prr, at_range_m: 150}", "{metric: uir, at_range_m: 150}"], links="V2I")
    assert [one.state for one in found.variants[0].of("X-1").checks] == ["met", "not met"]


def test_latency_of_merged_histograms(tmp_path: Path) -> None:
    """By hand: 490 of 500 delays are 50 ms and 10 are 200 ms: rank 495 is 200 ms; the seeds' own 99 % quantiles are
    four times 50 and once 200, of which the mean is 80."""
    plain = {"rows": latency_rows(50.0, 100), "histograms": [latency_histogram("5000:100", 50.0)]}
    slow = {"rows": latency_rows(200.0, 100), "histograms": [latency_histogram("5000:90 20000:10", 201.0)]}
    folder = write_campaign(tmp_path / "c", {"a": [plain, plain, slow, plain, plain]})
    found = only(report(folder, ['{metric: latency, op: "<=", value: 500, value_provenance: R2}']))
    assert found.deciding is not None and found.deciding.judgement.value == 200.0
    assert found.deciding.item.beside["p100_ms"] == 201.0
    deviation = math.sqrt((4 * 30.0**2 + 120.0**2) / 4)
    assert found.deciding.judgement.upper == pytest.approx(200 + 2.7764 * deviation / math.sqrt(5), rel=1e-4)
    assert found.state == "met"


def test_without_histograms_it_says_so(tmp_path: Path) -> None:
    """By hand: quantiles of five seeds and no histograms: their mean, and a remark."""
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": latency_rows(ms)} for ms in (40, 50, 60, 50, 50)]})
    found = only(report(folder, ['{metric: latency, op: "<=", value: 100, value_provenance: R2}']))
    assert found.deciding is not None and found.deciding.judgement.value == 50
    assert "no histograms" in found.deciding.item.note and found.state == "met"


def test_maximum_counts_every_seed(tmp_path: Path) -> None:
    """By hand: maxima of 51 ms and once 201 ms under a limit of 190 ms: the largest decides, not their mean of 81."""
    runs = [{"rows": latency_rows(ms)} for ms in (50, 50, 200, 50, 50)]
    folder = write_campaign(tmp_path / "c", {"a": runs})
    found = only(report(folder, ['{metric: latency, stat: p100, op: "<=", value: 190, value_provenance: R2}']))
    assert found.state == "undecided" and found.deciding is not None and found.deciding.judgement.value == 201


def test_long_gaps_and_their_prediction(tmp_path: Path) -> None:
    """By hand: bins with 0.9 and 0.5 of 1,000 packets within 50 m predict (900 x 0.01 + 500 x 0.25) / 1400 = 0.0957;
    0.12 in all seeds lies above it: losses come in rows."""
    where = {"unit": "ratio", "link": "V2V", "message": "BSM"}
    rows = [
        *prr_rows(0.9, 1000, middles_m=[12.5]), *prr_rows(0.5, 1000, middles_m=[37.5]),
        metric("gap_over_2.5T", 0.12, 100_000, distance_m=50, **where),
    ]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    found = report(folder, ["{metric: gap_over_2.5T}"])
    check = only(found)
    assert check.state == "not met" and check.ask is not None and check.ask.limit == 0.05
    assert check.deciding is not None
    assert check.deciding.item.beside["predicted_ratio"] == pytest.approx(0.095714, abs=1e-6)
    from sim.requirements.report import correlated, text

    assert correlated(check.deciding)
    assert "longer than independent losses would give" in text(found, verbose=True)


def test_triggered_messages_have_no_prediction(tmp_path: Path) -> None:
    """By hand: a CAM has no fixed period."""
    rows = [
        *prr_rows(0.9, 1000, message="CAM", middles_m=[12.5]),
        metric("gap_over_2.5T", 0.0, 1000, unit="ratio", link="V2V", message="CAM", distance_m=50),
    ]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    found = only(report(folder, ["{metric: gap_over_2.5T}"]))
    assert found.deciding is not None and "predicted_ratio" not in found.deciding.item.beside


def test_class_of_use(tmp_path: Path) -> None:
    """By hand: a row on BSM is judged by CAM in an ETSI run, one on RSI by DENM and IVIM, both of which must do."""
    rows = prr_rows(1.0, 1000, message="CAM")
    rows += [*prr_rows(1.0, 1000, "I2V", "DENM"), *prr_rows(0.2, 1000, "I2V", "IVIM")]
    rows.append(metric("C_useful", 1.0, 50, unit="ratio", link="I2V", message="RSI", station_class="probe"))
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": rows}] * 5})
    check = ["{metric: prr, at_range_m: 150}"]
    assert states(report(folder, check)) == ["met"]
    assert states(report(folder, check, links="I2V", messages="DENM")) == ["met"]
    both = report(folder, check, links="I2V", messages="RSI")
    assert states(both) == ["not met"]
    assert {finding.item.what.split()[1] for finding in only(both).findings} == {"DENM", "IVIM"}
    assert states(report(folder, check, links="I2V", messages="RSM")) == ["no data"]


def test_places(tmp_path: Path) -> None:
    """By hand: reception differs by jurisdiction; latency is measured for the whole corridor only and says so."""
    rows = [*prr_rows(0.9, 1000), *prr_rows(1.0, 1000, jurisdiction="A"), *prr_rows(0.5, 1000, jurisdiction="B")]
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": [*rows, *latency_rows(50.0)]}] * 5})
    checks = ["{metric: prr, at_range_m: 150}", '{metric: latency, op: "<=", value: 100, value_provenance: R2}']
    own = read_requirements([requirements(tmp_path / "own.yaml", checks)]).rows
    found = verdicts(folder, own).variants[0]
    assert found.places == ["", "A", "B"]
    assert [found.of("X-1", place).state for place in ("A", "B")] == ["met", "not met"]
    assert found.of("X-1", "A").whole_corridor and not found.of("X-1", "B").whole_corridor
    assert [one.jurisdiction for one in verdicts(folder, own, "B").variants[0].verdicts] == ["B"]
    with pytest.raises(ResultError, match="no jurisdiction 'C'; there are A, B"):
        verdicts(folder, own, "C")


def test_exact_positions_are_no_data(tmp_path: Path) -> None:
    """By hand: without an error model there is nothing to judge; with one the 95 % quantile is judged."""
    check = ['{metric: position_error, op: "<=", value: 5, value_provenance: R2}']
    exact = {"rows": prr_rows(1.0), "scenario": {"gnss": {"model": "exact"}}}
    folder = write_campaign(tmp_path / "c", {"exact": [exact] * 5, "error": [{"rows": [
        metric("position_error", 2.4, 5000, unit="m", station_class="vehicle", quantile=0.95)
    ]}] * 5})
    found = report(folder, check)
    assert states(found) == ["no data", "met"]
    assert "gnss: exact" in only(found).reason


def test_rates_need_whole_messages(tmp_path: Path) -> None:
    """By hand: 9.9 of 10 Hz lie within the slack of 2 %, 9.7 do not."""
    check = ['{metric: generation_rate, op: ">=", value: 10, value_provenance: R2}']
    folder = write_campaign(tmp_path / "c", {
        str(hz): [{"rows": [metric("generation_rate", hz, 500, unit="Hz", message="BSM", station_class="vehicle")]}] * 5
        for hz in (9.9, 9.7)
    })
    assert states(report(folder, check)) == ["met", "not met"]


def test_worst_check_decides(tmp_path: Path) -> None:
    """By hand: met with something not measured is no data; a failed check beside it is not met."""
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": [*prr_rows(1.0, 1000), *latency_rows(50.0)]}] * 5})
    prr, lacking = "{metric: prr, at_range_m: 150}", "{metric: mtbf, not_measured: nothing fails}"
    slow = '{metric: latency, op: "<=", value: 10, value_provenance: R2}'
    assert states(report(folder, [prr])) == ["met"]
    assert states(report(folder, [prr, lacking])) == ["no data"]
    assert states(report(folder, [prr, lacking, slow])) == ["not met"]
    assert report(folder, [prr, lacking]).variants[0].of("X-1").reason == "mtbf: not measured: nothing fails"


def test_no_data_is_never_met(tmp_path: Path) -> None:
    """Property: a campaign that meets a row loses the verdict with any of the rows its checks read."""
    checks = [
        "{metric: prr, at_range_m: 150}", '{metric: latency, op: "<=", value: 100, value_provenance: R2}',
        "{metric: pair_coverage, at_range_m: 150}", "{metric: gap_over_2.5T}",
        '{metric: generation_rate, op: ">=", value: 10, value_provenance: R2}',
        '{metric: position_error, op: "<=", value: 5, value_provenance: R2}',
    ]
    pair = {"unit": "ratio", "link": "V2V", "message": "BSM"}
    rows = [
        *prr_rows(1.0, 1000), latency_rows(50.0)[0], metric("C_useful", 1.0, 1000, distance_m=150, **pair),
        metric("gap_over_2.5T", 0.0, 1000, distance_m=300, **pair),
        metric("generation_rate", 10, 500, unit="Hz", message="BSM", station_class="vehicle"),
        metric("position_error", 2.4, 5000, unit="m", station_class="vehicle", quantile=0.95),
    ]
    full = write_campaign(tmp_path / "full", {"a": [{"rows": rows}] * 5})
    assert states(report(full, checks)) == ["met"]
    for k in range(1, len(rows)):
        folder = write_campaign(tmp_path / f"without-{k}", {"a": [{"rows": rows[:k] + rows[k + 1:]}] * 5})
        assert states(report(folder, checks)) == ["no data"], rows[k]


def test_no_shipped_row_is_met_by_nothing(tmp_path: Path) -> None:
    """Property: runs that measured nothing meet no row of any document."""
    folder = write_campaign(tmp_path / "c", {"a": [{"rows": []}] * 5})
    found = verdicts(folder, read_requirements().rows)
    assert len(found.rows) > 100
    assert found.counts()["no data"] == sum(found.counts().values())


def test_thresholds_can_be_set(tmp_path: Path) -> None:
    """By hand: 0.93 meets the default of 0.90, not 0.95; 100 packets do for a minimum of 100, not of 1,000."""
    folder = write_campaign(tmp_path / "c", {"a": seeds([0.93, 0.931, 0.929, 0.93, 0.93], n=1000)})
    own = requirements(tmp_path / "own.yaml", ["{metric: prr, at_range_m: 150}"])

    def state(**changes: float) -> str:
        return verdicts(folder, read_requirements([own], changes).rows).variants[0].of("X-1").state

    assert state() == "met"
    assert state(prr_ratio=0.95) == "not met"
    assert state(min_packets=100_000) == "no data"
    assert state(min_seeds=6) == "undecided"


def test_broken_files_are_named(tmp_path: Path) -> None:
    """By hand: a table without its columns, histograms that are none."""
    own = read_requirements([requirements(tmp_path / "own.yaml", ["{metric: prr, at_range_m: 150}"])]).rows
    first = write_run(tmp_path / "one", prr_rows(1.0))
    (first / "metrics.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ResultError, match=r"one/metrics.csv: cannot be used: no column 'metric'"):
        verdicts(first, own)
    second = write_run(tmp_path / "two", latency_rows(5.0), histograms=[latency_histogram("5:x", 5.0)])
    with pytest.raises(ResultError, match=r"two/histograms.csv: cannot be used"):
        verdicts(second, own)
    with pytest.raises(ResultError, match="no run of this campaign is finished"):
        verdicts(write_campaign(tmp_path / "c", {"a": [None] * 5}), own)
