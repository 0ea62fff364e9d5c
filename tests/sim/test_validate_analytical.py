"""The analytical CBR and the setting against printed values."""

import math
from pathlib import Path

import numpy as np
import pytest

from sim.validate.analytical import channel_busy_ratio, packet_sensing_ratio
from sim.validate.curves import ANALYTICAL, read_folder
from sim.validate.setting import Setting, path_loss_db

REFERENCE = Path(__file__).parents[1] / "reference"
ANALYTICAL_CURVES = read_folder(REFERENCE / ANALYTICAL)[0]


@pytest.mark.parametrize("curve", ANALYTICAL_CURVES, ids=lambda curve: curve.setting.name)
def test_cbr_equals_the_printed_one(curve) -> None:
    """Independent: CBR printed in the header of each analytical file (the authors' code), within 0.003."""
    assert channel_busy_ratio(curve.setting) == pytest.approx(curve.header_cbr, abs=0.003)


def test_all_analytical_files_took_part() -> None:
    """Property: the parametrised test above covers 15 files, each with a printed CBR."""
    assert len(ANALYTICAL_CURVES) == 15
    assert all(curve.header_cbr is not None for curve in ANALYTICAL_CURVES)


def test_cbr_of_an_impossible_load_is_one() -> None:
    """Property: more vehicles in range than resources fill the channel, never more."""
    assert channel_busy_ratio(Setting(1.0, 50.0, 23.0, 2, 190)) == 1.0


@pytest.mark.parametrize("curve", ANALYTICAL_CURVES, ids=lambda curve: curve.setting.name)
def test_sensing_ratio_gives_the_printed_sensitivity_losses(curve) -> None:
    """Independent: p_sen of the files is (1 - HD) (1 - sensing ratio), HD = lambda / 1000."""
    lost = 1.0 - packet_sensing_ratio(curve.setting.tx_power_dbm, curve.distance_m)
    expected = (1.0 - curve.setting.packets_per_s / 1000.0) * lost
    np.testing.assert_allclose(curve.causes["sen"], expected, atol=2e-4)


def test_path_loss_equals_the_printed_table() -> None:
    """Printed: WINNER+ B1 LOS at 5.9 GHz and environment height 0: 87.84, 95.59, 102.63, 111.51 dB."""
    shift_db = 20.0 * math.log10(5.91 / 5.9)
    near = path_loss_db(np.array([100.0]))
    assert near[0] == pytest.approx(87.84 + shift_db, abs=0.01)
    far = path_loss_db(np.array([200.0, 300.0, 500.0]))
    np.testing.assert_allclose(far, np.array([95.59, 102.63, 111.51]) + 2.7 * math.log10(5.91 / 5.9), atol=0.01)


def test_threshold_per_resource_element_by_hand() -> None:
    """By hand: -90.5 dBm over 10 PRB of 12 resource elements: -90.5 - 10 log10(120) = -111.29 dBm."""
    assert Setting(0.1, 10.0, 20.0, 4, 190).rsrp_threshold_dbm == pytest.approx(-111.2918, abs=1e-4)
    assert Setting(0.1, 10.0, 20.0, 2, 190).rsrp_threshold_dbm == pytest.approx(-112.0836, abs=1e-4)


@pytest.mark.parametrize("power_dbm", [-20.0, 0.0, 20.0, 23.0, 30.0])
def test_ring_is_long_enough(power_dbm: float) -> None:
    """Property: the ring holds twice the sensing and measured ranges and the exact density."""
    setting = Setting(0.13, 10.0, power_dbm, 4, 190)
    assert setting.ring_m >= max(2000.0, 2.0 * (setting.sensing_range_m + 500.0))
    assert setting.vehicle_count / setting.ring_m == pytest.approx(0.13, rel=1e-12)
    beyond = packet_sensing_ratio(power_dbm, np.array([setting.sensing_range_m]))
    assert beyond[0] <= 0.01
