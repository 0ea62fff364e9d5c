"""C-V2X Mode 4 against published curves, closed forms and its own invariances."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sim.validate import main
from sim.validate.curves import ANALYTICAL, SIMULATED
from sim.validate.ring import Plan, replicate
from sim.validate.setting import Setting
from sim.validate.statistics import Sample, bin_edges_m, pooled, sample
from sim.validate.study import replication_seed

REFERENCE = Path(__file__).parents[1] / "reference"
DISTANCE_M = np.arange(0.0, 501.0, 25.0)
EDGES_M = bin_edges_m(DISTANCE_M, True, 500.0)


def _simulated(setting: Setting, plan: Plan, replications: int = 1) -> Sample:
    return sample(pooled([replicate(setting, replication_seed(n), plan) for n in range(replications)]), EDGES_M)


def _folder(target: Path, *files: tuple[str, str]) -> Path:
    for family, name in files:
        (target / family).mkdir(parents=True, exist_ok=True)
        shutil.copy(REFERENCE / family / name, target / family / name)
    return target


def test_quick_validation_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: published simulation and model of one setting, one short replication.

    By hand: a copy moved down by 10 points at every distance is out of tolerance, so the exit code is 3.
    """
    name = "b0.1_l10_p20_S4_B190.csv"
    folder = _folder(tmp_path / "in", (SIMULATED, name), (ANALYTICAL, name))
    _write_moved(folder / "moved", folder / SIMULATED / name)
    lines: list[str] = []
    assert main(folder, tmp_path / "out", True, 0.5, True, 1, lines.append) == 3
    model, published, moved = json.loads(capsys.readouterr().out)["files"]
    assert (model["family"], published["family"]) == (ANALYTICAL, SIMULATED)
    for one in (model, published):
        assert one["pass"] is True
        assert one["pdr_mean_deviation_points"] < 3.0
        assert one["never_sent_ratio"] < 0.005  # a packet put into the last subframe of its window meets its successor
    assert moved["pass"] is False
    assert moved["pdr_bias_points"] == pytest.approx(published["pdr_bias_points"] + 10.0, abs=0.01)
    assert moved["causes"]["hd"] is None
    assert len(list((tmp_path / "out").glob("*.png"))) == 3
    assert any("3 files, 1 settings" in line for line in lines)


def _write_moved(folder: Path, source: Path) -> None:
    """A copy of ``source`` with only distance and PDR, the latter 0.1 lower."""
    lines = source.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    cells = [line.split(",")[:2] for line in lines if line[0].isdigit()]
    rows = [f"{distance},{float(pdr) - 0.1:.5f}" for distance, pdr in cells]
    folder.mkdir()
    (folder / source.name).write_text("\n".join([*comments, "distance_m,pdr", *rows]), encoding="utf-8")


@pytest.fixture(scope="module")
def light() -> Sample:
    """One replication of a light load: 50 vehicles per km, 10 Hz, 20 dBm, S = 4."""
    return _simulated(Setting(0.05, 10.0, 20.0, 4, 190), Plan(1.5, 2.0))


def test_losses_without_interference_follow_the_closed_form(light: Sample) -> None:
    """Independent: (1-SEN)(1-PRO) by sensing ratio and mean BLER, values computed apart from this project."""
    clean = 1.0 - (light.causes["sen"] + light.causes["pro"]) / (1.0 - light.causes["hd"])
    expected = {100: 1.0, 200: 1.0, 250: 1.0, 300: 0.994, 350: 0.955, 400: 0.825, 450: 0.603}
    for distance_m, value in expected.items():
        assert clean[distance_m // 25] == pytest.approx(value, abs=0.03 if distance_m > 300 else 0.01)


def test_half_duplex_loss(light: Sample) -> None:
    """By hand: who sends in lambda subframes of 1,000 misses lambda / 1000 of the others' packets.

    Sensing keeps neighbours off one another's resource, so it may fall to (S-1)/S of that.
    """
    share = np.average(light.causes["hd"], weights=light.present)
    assert 0.75 * 0.01 - 0.0025 <= share <= 0.01 + 0.0025


def test_equal_results_for_equal_seeds() -> None:
    """Property: the same replication twice counts the same packets, another seed counts others."""
    setting = Setting(0.05, 10.0, 20.0, 4, 190)
    plan = Plan(0.3, 0.3, ring_factor=0.3)
    one, two, other = (replicate(setting, seed, plan) for seed in (11, 11, 12))
    np.testing.assert_array_equal(one.data, two.data)
    np.testing.assert_array_equal(one.full, two.full)
    assert np.any(one.data != other.data)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [20.0, 50.0])
def test_half_duplex_loss_grows_with_the_rate(rate_hz: float) -> None:
    """By hand: lambda / 1000, down to (S-1)/S of it where sensing keeps neighbours apart; +- 0.25 points."""
    found = _simulated(Setting(0.05, rate_hz, 23.0, 4, 190), Plan(2.0, 4.0))
    share = np.average(found.causes["hd"], weights=found.present)
    assert 0.75 * rate_hz / 1000 - 0.0025 <= share <= rate_hz / 1000 + 0.0025


@pytest.mark.slow
def test_scaling_law() -> None:
    """Independent (E6): twice the subchannels for twice the density leave PDR as it is, within 1.5 points."""
    narrow = _simulated(Setting(0.05, 10.0, 23.0, 4, 190), Plan(), 4)
    wide = _simulated(Setting(0.1, 10.0, 23.0, 8, 190), Plan(), 4)
    assert np.abs(narrow.pdr - wide.pdr).mean() < 0.015


@pytest.mark.slow
def test_choices_of_the_method_do_not_matter() -> None:
    """Property: placement, movement, shadowing, ring length and warm-up move the mean PDR by less than a point.

    Differences of four short replications each; shadowing that lasts and extends over 25 m scatters more: 2 points.
    """
    setting = Setting(0.2, 10.0, 23.0, 4, 190)
    base = _simulated(setting, Plan(3.0, 3.0), 4)
    others = [
        (Plan(3.0, 3.0, placement="uniform"), 0.01),
        (Plan(3.0, 3.0, speed_mps=0.0), 0.01),
        (Plan(3.0, 3.0, speed_mps=0.0, decorrelation_m=25.0), 0.02),
        (Plan(3.0, 3.0, ring_factor=2.0), 0.01),
        (Plan(8.0, 3.0), 0.01),
    ]
    for plan, limit in others:
        assert abs(np.mean(base.pdr - _simulated(setting, plan, 4).pdr)) < limit, plan


@pytest.mark.slow
def test_every_published_simulation_at_full_precision(capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: all six published simulated curves within tolerance, interval of 0.5 points."""
    assert main(REFERENCE / SIMULATED, None, True, 0.5, False, 2, lambda text: None) == 0
    found = json.loads(capsys.readouterr().out)["files"]
    assert len(found) == 6
    assert all(one["half_width_points"] <= 0.5 for one in found)


@pytest.mark.slow
def test_number_of_processes_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Property: the same JSON, byte by byte, from one process and from two."""
    folder = _folder(tmp_path, (ANALYTICAL, "b0.05_l10_p23_S4_B190.csv"), (ANALYTICAL, "b0.06_l10_p23_S8_B190.csv"))
    printed = []
    for jobs in (1, 2):
        main(folder, None, True, 0.5, True, jobs, lambda text: None)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != ""
