"""Real runs of one file per family, layers with a planted fault, and (slow) every published file."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Outcome
from sim.validate import main
from sim.validate.families import cv2x_mode4, dot11p, nr_mode2, read_file, read_folder
from sim.validate.families.cv2x_setting import Setting
from sim.validate.result import Case
from sim.validate.road import Trial, replicate
from sim.validate.scenario import as_scenario
from sim.validate.statistics import bin_edges_m, pooled, sample
from sim.validate.study import replication_seed

REFERENCE = Path(__file__).parents[1] / "reference"
EDGES_M = bin_edges_m(np.arange(0.0, 501.0, 25.0), True, 500.0)
LIGHT = "b0.1_l10_p20_S4_B190.csv"


def _folder(target: Path, *files: tuple[str, str]) -> Path:
    for family, name in files:
        (target / family).mkdir(parents=True, exist_ok=True)
        shutil.copy(REFERENCE / family / name, target / family / name)
    return target


def _case(family: str, name: str) -> Case:
    found = read_file(REFERENCE / family / name)
    assert isinstance(found, Case)
    return found


def _run(folder: Path, capsys: pytest.CaptureFixture[str], **more: Any) -> tuple[int, dict[str, Any]]:
    code = main(folder, None, True, 0.5, True, 1, lambda text: None, **more)
    return code, json.loads(capsys.readouterr().out)


def test_quick_validation_of_mode4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: published simulation and model of one setting, one short replication.

    By hand: a copy moved down by 10 points at every distance is out of tolerance, so the exit code is 3.
    """
    folder = _folder(tmp_path / "in", (cv2x_mode4.SIMULATED, LIGHT), (cv2x_mode4.ANALYTICAL, LIGHT))
    _write_moved(folder / "moved", folder / cv2x_mode4.SIMULATED / LIGHT)
    code, document = _run(folder, capsys, report=tmp_path / "page.html")
    model, published, moved = document["files"]
    assert code == 3
    assert (model["family"], published["family"]) == (cv2x_mode4.ANALYTICAL, cv2x_mode4.SIMULATED)
    for one in (model, published):
        assert one["pass"] is True
        assert one["pdr_mean_deviation_points"] < 3.0
        # A packet put into the last subframe of its window meets its successor.
        assert one["never_sent_ratio"] < 0.005
    assert moved["pass"] is False
    assert moved["pdr_bias_points"] == pytest.approx(published["pdr_bias_points"] + 10.0, abs=0.01)
    assert moved["causes"]["hd"] is None
    assert (tmp_path / "page.html").read_text(encoding="utf-8").count("data:image/png") == 3


def _write_moved(folder: Path, source: Path) -> None:
    """A copy of ``source`` with only distance and PDR, the latter 0.1 lower."""
    lines = source.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    cells = [line.split(",")[:2] for line in lines if line[0].isdigit()]
    rows = [f"{distance},{float(pdr) - 0.1:.5f}" for distance, pdr in cells]
    folder.mkdir()
    (folder / source.name).write_text("\n".join([*comments, "distance_m,pdr", *rows]), encoding="utf-8")


def test_quick_validation_of_802_11p(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: published simulation with its CBR and model of one setting, one short replication."""
    name = "b0.06_l10_p23_B500_R6.csv"
    folder = _folder(tmp_path, (dot11p.SIMULATED, name), (dot11p.ANALYTICAL, name))
    code, document = _run(folder, capsys)
    assert code == 0
    assert document["files"][1]["checks"]["CBR"]["expected"] == pytest.approx(0.2311)
    assert {one["pass"] for one in document["averages"]} == {True}


def test_quick_validation_of_nr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: the ns-3 curve of one setting, one short replication."""
    code, document = _run(_folder(tmp_path, (nr_mode2.FAMILY, "spacing40_T2_33.csv")), capsys)
    assert code == 0
    assert document["files"][0]["crossing_expected_m"] == pytest.approx(176.2, abs=0.1)


def test_vectors_and_quantiles(capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: path-loss vectors and latency quantiles need no simulation and all pass."""
    for family, count in (("propagation", 2), ("uu", 3)):
        code, document = _run(REFERENCE, capsys, family=family)
        assert code == 0 and len(document["files"]) == count


class DeafByThreeDb(LteMode4):
    """A layer whose receivers have 3 dB more noise than they say."""

    def __init__(self, radio: Any, *rest: Any, **more: Any) -> None:
        link = radio.link.model_copy(update={"noise_figure_db": radio.link.noise_figure_db + 3.0})
        super().__init__(radio.model_copy(update={"link": link}), *rest, **more)


class KeepInverted(LteMode4):
    """A layer that keeps its resource where it should change it (mistake 5)."""

    def __init__(self, radio: Any, *rest: Any, **more: Any) -> None:
        mode = radio.mode4.model_copy(update={"keep_probability": 1.0 - radio.mode4.keep_probability})
        super().__init__(radio.model_copy(update={"mode4": mode}), *rest, **more)


class LowEnvironment(LteMode4):
    """A layer with the usual environment height of 1 m instead of that of the file (mistake 1)."""

    def __init__(self, radio: Any, *rest: Any, **more: Any) -> None:
        channel = radio.channel.model_copy(update={"environment_height_m": 1.0})
        super().__init__(radio.model_copy(update={"channel": channel}), *rest, **more)


class BlindChoice(LteMode4):
    """A layer that chooses among all resources without sensing."""

    def __init__(self, radio: Any, *rest: Any, **more: Any) -> None:
        mode = radio.mode4.model_copy(update={"candidate_ratio": 1.0, "rsrp_threshold_dbm": 0.0})
        super().__init__(radio.model_copy(update={"mode4": mode}), *rest, **more)


def _faulty(fault: type[LteMode4]) -> Any:
    return lambda trial, stations, seed: fault(
        trial.radio, [trial.flow()], stations, seed, ring_length_m=trial.ring_m, report_distance_m=trial.report_m
    )


@pytest.mark.parametrize(
    "fault", [None, DeafByThreeDb, pytest.param(LowEnvironment, marks=pytest.mark.slow),
              pytest.param(BlindChoice, marks=pytest.mark.slow)],
)
def test_planted_fault_fails(fault: type[LteMode4] | None) -> None:
    """Property: a layer with one fault (3 dB of noise, environment height, no sensing) fails, the sound one passes.

    Mistakes 1 and 3 of the list of known ones among them: a wrong noise power or environment height cannot pass.
    """
    case = _case(cv2x_mode4.SIMULATED, LIGHT)
    assert case.trial is not None
    trial = case.trial().lasting(1.1, 0.5)
    result = case.judge([replicate(trial, replication_seed(0), *([_faulty(fault)] if fault else []))])
    assert result.passed is (fault is None), result.failures


def test_planted_keep_probability_fails_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property (mistake 5): an inverted keep probability fails E8's lifetime of a resource at keep 0.4 and 0.8."""
    from sim.validate.closed_form import e08_sps

    monkeypatch.setattr(e08_sps, "access_class", lambda name: KeepInverted)
    log = e08_sps._run(0.8, 120, 6, t1_ms=4)
    assert e08_sps.lifetime_s(log, 120, 6, 0.8) < 2.5


@pytest.fixture(scope="module")
def light() -> Any:
    """One replication of a light load: 50 vehicles per km, 10 Hz, 20 dBm, S = 4."""
    trial = Setting(0.05, 10.0, 20.0, 4, 190).trial(520.0).lasting(1.1, 1.0)
    return sample(replicate(trial, replication_seed(0)), EDGES_M, cv2x_mode4.CAUSES)


def test_losses_without_interference_follow_the_closed_form(light: Any) -> None:
    """Independent: (1-SEN)(1-PRO) by sensing ratio and mean BLER, values computed apart from this project."""
    clean = 1.0 - (light.causes["sen"] + light.causes["pro"]) / (1.0 - light.causes["hd"])
    expected = {100: 1.0, 200: 1.0, 250: 1.0, 300: 0.994, 350: 0.955, 400: 0.825, 450: 0.603}
    for distance_m, value in expected.items():
        assert clean[distance_m // 25] == pytest.approx(value, abs=0.03 if distance_m > 300 else 0.01)


def test_half_duplex_loss(light: Any) -> None:
    """By hand: who sends in lambda subframes of 1,000 misses lambda / 1000 of the others' packets.

    Sensing keeps neighbours off one another's resource, so it may fall to (S-1)/S of that.
    """
    share = np.average(light.causes["hd"], weights=light.present)
    assert 0.75 * 0.01 - 0.0025 <= share <= 0.01 + 0.0025


def test_equal_results_for_equal_seeds() -> None:
    """Property: the same replication twice counts the same packets, another seed counts others."""
    trial = Setting(0.05, 10.0, 20.0, 4, 190).trial(520.0)
    trial = replace(trial, layout=trial.layout.stretched(0.3)).lasting(0.3, 0.3)
    one, two, other = (replicate(trial, seed) for seed in (11, 11, 12))
    np.testing.assert_array_equal(one.data, two.data)
    np.testing.assert_array_equal(one.full, two.full)
    assert np.any(one.data != other.data)


def test_a_setting_can_be_rerun_as_a_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: --settings prints scenarios that load without errors; road, load and radio are those of the trial."""
    import yaml

    from sim.scenario.loader import load

    for family, name in (
        (cv2x_mode4.SIMULATED, LIGHT), (dot11p.SIMULATED, "b0.06_l10_p15_B190_R6.csv"),
        (nr_mode2.FAMILY, "spacing40_T2_33.csv"),
    ):
        case = read_folder(_folder(tmp_path / family, (family, name)))[0][0]
        assert case.trial is not None
        trial = case.trial()
        path = tmp_path / f"{name}.yaml"
        path.write_text(as_scenario(trial), encoding="utf-8")
        config = load(str(path)).config
        assert config.radio.model_dump() == trial.radio.model_copy(update={"access": trial.access}).model_dump()
        assert config.corridor.topology == ("ring" if trial.layout.ring else "open")
        assert config.traffic.density_veh_km == pytest.approx(1000 * trial.vehicle_count / trial.layout.length_m)
        assert config.bsm.fixed_size_bytes == trial.size_bytes and config.bsm.period_ms == trial.period_ns / MS
    assert main(tmp_path / nr_mode2.FAMILY, progress=lambda text: None, settings=True) == 0
    assert yaml.safe_load(capsys.readouterr().out)["radio"]["mode2"]["t2_max_slots"] == 33


def test_second_copy_is_paid_for() -> None:
    """Property (mistake 21): at equal message rate a second copy doubles the load.

    CBR about doubles while the copies still find room; an accounting that hides the second copy shows the same CBR.
    """
    single = Setting(0.06, 10.0, 20.0, 4, 190).trial(520.0).lasting(1.0, 0.5)
    single = replace(single, layout=single.layout.stretched(0.5))
    mode = single.radio.mode4.model_copy(update={"blind_retransmission": True})
    double = replace(single, radio=single.radio.model_copy(update={"mode4": mode}))
    one, two = (replicate(trial, 5) for trial in (single, double))
    assert 1.6 < two.busy_ratio / one.busy_ratio < 2.05
    near, far = (sample(tally, EDGES_M, {}).pdr_with_sci for tally in (one, two))
    assert far[4] > near[4] - 0.02


@pytest.mark.slow
def test_split_over_processes_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: --jobs 2 prints what --jobs 1 prints."""
    names = ("b0.06_l10_p15_B190_R6.csv", "b0.06_l10_p23_B190_R18.csv")
    folder = _folder(tmp_path, *((dot11p.SIMULATED, name) for name in names))
    printed = []
    for jobs in (1, 2):
        main(folder, None, True, 0.5, True, jobs, lambda text: None)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


@pytest.mark.slow
def test_every_published_file_at_full_precision(capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: every copy of a published file and every family average within tolerance.

    The same by hand: ``corridor validate tests/reference --jobs 2``.
    """
    assert main(REFERENCE, None, True, 0.5, False, 2, lambda text: None) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) >= 55


@pytest.mark.slow
def test_choices_of_the_method_do_not_matter() -> None:
    """Property: placement, movement, shadowing, ring length and warm-up move the mean PDR by less than a point.

    Differences of four short replications each; shadowing that lasts and extends over 25 m scatters more: 2 points.
    """
    setting = Setting(0.2, 10.0, 23.0, 4, 190)
    base = setting.trial(520.0).lasting(3.0, 3.0)
    still = replace(base, layout=replace(base.layout, speed_mps=0.0))
    others = [
        (replace(base, layout=replace(base.layout, placement="uniform")), 0.01),
        (still, 0.01),
        (replace(still, radio=setting.radio(25.0)), 0.02),
        (replace(base, layout=base.layout.stretched(2.0)), 0.01),
        (base.lasting(8.0, 3.0), 0.01),
    ]

    def mean(trial: Trial) -> float:
        tallies = [replicate(trial, replication_seed(number)) for number in range(4)]
        return float(np.nanmean(sample(pooled(tallies), EDGES_M, {}).pdr))

    expected = mean(base)
    for trial, limit in others:
        assert abs(mean(trial) - expected) < limit, trial.layout


def test_causes_cover_all_losses_of_802_11p() -> None:
    """Property: delivered, never sent and the four causes of the authors make up every packet present."""
    case = _case(dot11p.SIMULATED, "b0.12_l25_p23_B190_R27.csv")
    assert case.trial is not None
    causes = {**dot11p.CAUSES, "late": (Outcome.NEVER_SENT,)}
    found = sample(replicate(case.trial().lasting(0.3, 0.3), 2), EDGES_M, causes)
    np.testing.assert_allclose(found.pdr + sum(found.causes[name] for name in causes), 1.0, atol=1e-12)
