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
    return sample(
        pooled([replicate(setting, replication_seed(n), plan) for n in range(replications)]), EDGES_M
    )


def _folder(target: Path, *files: tuple[str, str]) -> Path:
    for family, name in files:
        (target / family).mkdir(parents=True, exist_ok=True)
        shutil.copy(REFERENCE / family / name, target / family / name)
    return target


def test_quick_validation_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: published simulation and analytical model of one setting, one short replication."""
    folder = _folder(
        tmp_path / "in", (SIMULATED, "b0.1_l10_p20_S4_B190.csv"), (ANALYTICAL, "b0.1_l10_p20_S4_B190.csv")
    )
    lines: list[str] = []
    assert main(folder, tmp_path / "out", True, 0.5, True, 1, lines.append) == 0
    found = json.loads(capsys.readouterr().out)["files"]
    assert [one["family"] for one in found] == [ANALYTICAL, SIMULATED]
    for one in found:
        assert one["pass"] is True
        assert one["pdr_mean_deviation_points"] < 3.0
        assert one["never_sent_ratio"] == 0.0
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    assert any("2 files, 1 settings" in line for line in lines)


def test_deviation_beyond_tolerance_ends_with_three(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: a curve moved down by 10 points at every distance is out of tolerance, exit code 3."""
    folder = _folder(tmp_path, (SIMULATED, "b0.1_l10_p20_S4_B190.csv"))
    path = next(folder.rglob("*.csv"))
    rows = path.read_text(encoding="utf-8").splitlines()
    moved = [
        row if row[0] in "#d" else ",".join([row.split(",")[0], f"{float(row.split(',')[1]) - 0.1:.5f}"])
        for row in rows
    ]
    moved = [row.split(",p_hd")[0] for row in moved]
    path.write_text("\n".join(moved), encoding="utf-8")
    assert main(folder, None, False, 0.5, True, 1, lambda text: None) == 3
    assert "0 of 1 files within tolerance" in capsys.readouterr().out


def test_losses_without_interference_follow_the_closed_form() -> None:
    """Independent: (1-SEN)(1-PRO) by sensing ratio and mean BLER, at a load nearly without collisions.

    Values computed apart from this project, 20 dBm, S = 4.
    """
    found = _simulated(Setting(0.02, 10.0, 20.0, 4, 190), Plan(2.0, 4.0), 3)
    heard = 1.0 - found.causes["hd"]
    clean = 1.0 - (found.causes["sen"] + found.causes["pro"]) / heard
    expected = {100: 1.0, 200: 1.0, 250: 1.0, 300: 0.994, 350: 0.955, 400: 0.825, 450: 0.603}
    for distance_m, value in expected.items():
        assert clean[distance_m // 25] == pytest.approx(value, abs=0.03 if distance_m > 300 else 0.01)


@pytest.mark.parametrize(("rate_hz", "loss"), [(10.0, 0.010), (20.0, 0.020)])
def test_half_duplex_loss(rate_hz: float, loss: float) -> None:
    """By hand: who sends in lambda subframes of 1,000 misses lambda / 1000 of the others' packets.

    Sensing keeps neighbours off one another's resource, so it may fall to (S-1)/S of that nearby.
    """
    found = _simulated(Setting(0.05, rate_hz, 23.0, 4, 190), Plan(2.0, 4.0))
    share = np.average(found.causes["hd"], weights=found.present)
    assert 0.75 * loss - 0.0025 <= share <= loss + 0.0025


def test_equal_results_for_equal_seeds() -> None:
    """Property: the same replication twice counts the same packets."""
    setting = Setting(0.05, 10.0, 20.0, 4, 190)
    one, two = (replicate(setting, 11, Plan(0.5, 0.5)) for _ in range(2))
    np.testing.assert_array_equal(one.data, two.data)
    np.testing.assert_array_equal(one.full, two.full)


@pytest.mark.slow
def test_scaling_law() -> None:
    """Independent (E6): twice the subchannels for twice the density leave PDR as it is, within 1.5 points."""
    narrow = _simulated(Setting(0.05, 10.0, 23.0, 4, 190), Plan(), 10)
    wide = _simulated(Setting(0.1, 10.0, 23.0, 8, 190), Plan(), 6)
    assert np.abs(narrow.pdr - wide.pdr).mean() < 0.015


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        Plan(placement="uniform"),
        Plan(speed_mps=0.0),
        Plan(speed_mps=0.0, decorrelation_m=25.0),
        Plan(ring_factor=2.0),
        Plan(warmup_s=10.0),
    ],
    ids=["uniform places", "static", "static, lasting shadowing", "ring twice as long", "longer warm-up"],
)
def test_choices_of_the_method_do_not_matter(plan: Plan) -> None:
    """Property: placement, movement, ring length and warm-up move the mean PDR by less than a point."""
    setting = Setting(0.2, 10.0, 23.0, 4, 190)
    base, other = (_simulated(setting, one, 8) for one in (Plan(), plan))
    assert abs(np.mean(base.pdr - other.pdr)) < 0.01


@pytest.mark.slow
def test_every_published_simulation_at_full_precision(capsys: pytest.CaptureFixture[str]) -> None:
    """Independent: all six published simulated curves within tolerance, interval of 0.5 points."""
    assert main(REFERENCE / SIMULATED, None, True, 0.5, False, 2, lambda text: None) == 0
    found = json.loads(capsys.readouterr().out)["files"]
    assert len(found) == 6
    assert all(one["half_width_points"] <= 0.5 for one in found)
