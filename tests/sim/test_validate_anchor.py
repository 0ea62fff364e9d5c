"""The field test beside the model: published numbers, setting, the curve against an integral, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sim
from sim import validate
from sim.link import load_table, lte_grid
from sim.plots.anchor import draw
from sim.scenario import load
from sim.validate import anchor as page
from sim.validate.anchor import FIELD, PACKETS, SIZE_BYTES, Anchor, Curve, reception, setting_of


def test_published_numbers_and_setting() -> None:
    """Printed: reception 95.65 % over 0-800 m, up to 92.95 % at 1200 m, 0 at 1300 m; mast of 10 m, 23 dBm and 6 dBi,
    150 bytes, 5,000 packets a point."""
    assert [(one.value, one.from_m, one.to_m) for one in FIELD] == [
        (0.9565, 0, 800), (0.9295, 1200, 1200), (0.0, 1300, 1300)]
    config = load("changzhou").config
    layout = config.layout
    assert (layout.mast_height_m, layout.tx_power_dbm, layout.antenna_gain_dbi) == (10, 23, 6)
    assert (SIZE_BYTES, PACKETS) == (150, 5000)
    said = setting_of(config)
    for part in ("23 dBm + 6 dBi at 10 m", "winner-b1, environment 1 m", "shadowing 3 dB over 25 m",
                 "wilab-highway-los, pscch-awgn", "150 B every 100 ms"):
        assert part in said


def test_the_scenario_sends_packets_of_that_length(tmp_path: Path) -> None:
    """Independent: the octets of the real message with its headers, read from the packet log of a short run."""
    import csv
    import gzip

    trace = tmp_path / "trace.csv.gz"
    loaded = load("changzhou", ["duration_s=0.5", "radio_warmup_s=0", "traffic.flow_veh_h=200"])
    sim.run(loaded, out=tmp_path / "out", trace=trace)
    with gzip.open(trace, "rt", encoding="utf-8") as file:
        sizes = {(row["message"], int(row["size_bytes"])) for row in csv.DictReader(file)}
    assert sizes == {("RSI", 150)}


def expected(distance_m: float) -> float:
    """Mean over normal shadowing of the share that the tables let through: WINNER+ B1 written out, noise by hand."""
    ghz, mast_m, car_m, wave_m = 5.915, 10 - 1.0, 1.5 - 1.0, 299_792_458 / 5.915e9
    assert distance_m > 4 * mast_m * car_m / wave_m
    loss_db = (40 * np.log10(distance_m) + 7.56 - 17.3 * np.log10(mast_m) - 17.3 * np.log10(car_m)
               + 2.7 * np.log10(ghz))
    data_prb = lte_grid.prb_for(SIZE_BYTES, 7)
    noise_dbm = 10 * np.log10(1.380649e-23 * 290 * 180e3 * 1e3) + 9
    per_prb_dbm = 29 + 3 - loss_db - 10 * np.log10(data_prb + 2 * 10**0.3)
    shadow_db = np.linspace(-15, 15, 2001)
    weight = np.exp(-(shadow_db / 3) ** 2 / 2)
    snr_db = per_prb_dbm - noise_dbm + shadow_db
    data = load_table("wilab-highway-los").select(7, SIZE_BYTES)
    control = load_table("pscch-awgn").select(0, 0)
    through = (1 - data.exact(snr_db)) * (1 - control.exact(snr_db + 3))
    return float((weight * through).sum() / weight.sum())


def test_the_curve_is_the_integral_over_shadowing() -> None:
    """Independent: path loss, noise, power split and the mean over shadowing by hand; the layer's own run agrees within
    4 points where the curve falls, and nothing is lost up close."""
    config = load("changzhou").config
    far_m = (1000.0, 1400.0, 1600.0, 1800.0, 1900.0, 2000.0)
    curve = reception(config, config.radio, "model", distance_m=np.array([100.0, 800.0, *far_m]))
    assert curve.packets == PACKETS
    for distance_m in far_m:
        ours = curve.over(distance_m, distance_m)
        assert ours == pytest.approx(expected(distance_m), abs=0.04), distance_m
    assert curve.over(0, 800) == 1.0


def curve(ratios: list[float]) -> Curve:
    return Curve("x", np.arange(1, len(ratios) + 1) * 100.0, np.array(ratios), 10)


def test_means_ranges_and_deviations() -> None:
    """By hand."""
    falling = curve([1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.9, 0.8, 0.8, 0.7, 0.6, 0.5, 0.1])
    assert falling.over(0, 800) == pytest.approx(7.6 / 8)
    assert falling.falls_through(0.95) == pytest.approx(550.0)
    assert falling.falls_through(0.5) == pytest.approx(1200.0)
    assert falling.falls_through(0.3) == pytest.approx(1250.0)
    assert np.isnan(falling.falls_through(0.05))
    found = Anchor((falling,), "setting").deviations()
    assert [round(deviation, 4) for _, _, deviation in found] == [-0.0065, -0.4295, 0.1]


def test_what_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """By hand: published, model and deviation of each point, in words and in JSON; exit code 0 whatever they are, and a
    picture with the same bytes each time."""
    poor = Anchor((curve([0.5] * 20), curve([0.0] * 20)), "a setting")
    monkeypatch.setattr(page, "compare", lambda quick: poor)
    assert validate.main(None, anchor=True, plot=tmp_path / "a", progress=print) == 0
    text = capsys.readouterr().out
    assert "mean reception, 0-800 m       95.65     50.00    -45.65 pt" in text
    assert "reception at 1300 m            0.00     50.00    +50.00 pt" in text
    assert "a setting" in text and "No setting was adjusted" in text
    assert validate.main(None, anchor=True, as_json=True) == 0
    data = json.loads(capsys.readouterr().out)
    assert [one["deviation"] for one in data["points"]] == pytest.approx([-0.4565, -0.4295, 0.5])
    assert len(data["curves"]) == 2
    assert (tmp_path / "a" / "field_anchor.png").read_bytes() == draw(poor, tmp_path / "b").read_bytes()


def test_it_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: what does not go with it is named, exit code 2."""
    assert validate.main(None, anchor=True, closed_form=True) == 2
    assert "--anchor: stands alone, --closed-form does not go with it" in capsys.readouterr().err
