"""Closed forms by the real layers: quick ones here, all of them at full size among the slow tests."""

import json

import pytest

from sim.validate import main
from sim.validate.closed_form import EXPERIMENTS

COUNTS = {"E10": 12, "E12": 4}


@pytest.mark.parametrize("name", list(COUNTS))
def test_quick_experiments_pass(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed and independent: values of the literature and of closed forms that were computed apart from this
    project."""
    assert main(None, None, True, 0.5, True, 1, lambda text: None, experiments=[name]) == 0
    rows = json.loads(capsys.readouterr().out)["closed_form"]
    assert len(rows) == COUNTS[name]
    assert {row["experiment"] for row in rows} == {name}


def test_noise_limited_rows_of_both_families() -> None:
    """Independent: two of the seven settings of E2; the rest is slow."""
    from sim.validate.closed_form import e02_noise_limited as e2
    from sim.validate.families import cv2x_setting, dot11p

    mode4 = e2.roadside(cv2x_setting.Setting(0.1, 10.0, 20.0, 4, 190).radio())
    rows = e2._rows("mode4", mode4, 20.0, e2.DISTANCES_M, e2.CV2X[4, 20.0], True)
    radio = dot11p.Setting(0.1, 10.0, 23.0, 190, 18.0).radio()
    rows += e2._rows("802.11p", radio, 23.0, e2.DISTANCES_M, e2.DOT11P[18.0, 23.0], True)
    assert [row for row in rows if not row.check.passed] == []
    assert len(rows) == 16


def test_path_loss_rows_against_the_printed_table() -> None:
    """Printed: twelve values of WINNER+ B1 by environment height, to 0.01 dB."""
    from sim.validate.closed_form import e01_path_loss

    rows = e01_path_loss._losses()
    assert len(rows) == 12 and all(row.check.passed for row in rows)


def test_experiments_that_are_promised() -> None:
    """By hand: E1 to E3, E6 to E8, E10, E12."""
    assert list(EXPERIMENTS) == ["E1", "E2", "E3", "E6", "E7", "E8", "E10", "E12"]


def test_wrong_noise_fails_the_noise_limited_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property (mistake 3): -110 dBm of noise in 10 MHz instead of -95 dBm fails E2 for 802.11p."""
    from sim.validate.closed_form import e02_noise_limited
    from sim.validate.families import dot11p

    monkeypatch.setattr(dot11p, "NOISE_FIGURE_DB", 0.0)
    radio = dot11p.Setting(0.1, 10.0, 23.0, 190, 18.0).radio()
    rows = e02_noise_limited._rows("wrong", radio, 23.0, (200.0, 250.0), (0.830, 0.515), True)
    assert not any(row.check.passed for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_every_experiment_at_full_size(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Printed and independent: as the quick ones, all rows, more packets. By hand: ``corridor validate
    --closed-form``."""
    assert main(None, None, True, 0.5, False, 1, lambda text: None, experiments=[name]) == 0
    assert json.loads(capsys.readouterr().out)["closed_form"]
