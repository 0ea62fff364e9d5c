"""Obstacles and antennas in whole runs: what stands in a scenario decides what is received."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sim

STREET = """\
schema: corridor/1
name: obstacles
duration_s: 2
traffic_warmup_s: 0
radio_warmup_s: 1
corridor:
  datum: WGS84
  length_m: 1200
  jurisdictions: [{id: A, region_id: 1, spans: [{}]}]
traffic:
  model: static
  stations: [STATIONS]
  equipped_ratio: 1.0
  classes: [{name: car, share: 1.0}]
layout:
  sites: [{id: A-1, at_m: 100ANTENNA}]
measure: {max_distance_m: 1100}
radio:
  channel: {shadowing_sigma_db: 0.0, shadowing_sigma_nlosv_db: 0.0, shadowing_sigma_nlos_db: 0.0CHANNEL}
"""


def received(tmp_path: Path, stations: str = "900", channel: str = "", antenna: str = "") -> tuple[float, object]:
    """Share of messages received from the vehicle at the unit, and the run."""
    file = tmp_path / "s.yaml"
    text = STREET.replace("STATIONS", stations).replace("CHANNEL", channel).replace("ANTENNA", antenna)
    file.write_text(text)
    run = sim.run(sim.load(file), tmp_path / f"out{len(list(tmp_path.iterdir()))}", plots=False)
    rows = run.table("metrics").select(metric="prr", link="V2I", message="BSM", jurisdiction="")
    weight = np.asarray(rows["n"], float)
    return float(np.nansum(np.asarray(rows["value"], float) * weight) / weight.sum()), run


def test_a_wall_ends_reception(tmp_path):
    """By hand: over 800 m everything arrives at the unit; behind a wall of 60 dB across the road nothing; a wall beside
    the road, or one of 1 m height, changes nothing. The record names the outlines.
    """
    clear, _ = received(tmp_path)
    assert clear == 1.0
    place = {"across": "[[500, -50], [500, 50]]", "beside": "[[300, 200], [700, 200]]"}
    wall = ", buildings: [{metres: %s, thin: true, wall_loss_db: 60%s}]"
    behind, run = received(tmp_path, channel=wall % (place["across"], ""))
    assert behind == 0.0
    assert "1 outlines" in str(run.summary)
    assert received(tmp_path, channel=wall % (place["beside"], ""))[0] == 1.0
    assert received(tmp_path, channel=wall % (place["across"], ", height_m: 1.0"))[0] == 1.0


def test_a_unit_that_looks_away(tmp_path):
    """By hand: a unit with 40 dB front to back receives the vehicle ahead of it, not when it looks the other way."""
    beam = ", antenna: {kind: sector, azimuth_deg: %d, front_to_back_db: 40}"
    assert received(tmp_path, antenna=beam % 0)[0] == 1.0
    assert received(tmp_path, antenna=beam % 180)[0] == 0.0


@pytest.mark.parametrize("loss_db", [0.0, 60.0])
def test_vehicles_in_the_way(tmp_path, loss_db):
    """By hand: of three cars of 1.6 m with antennas at 1.5 m the outer ones do not hear one another through 60 dB, with
    0 dB they do; the unit on 5.5 m looks over them (1.65 m above the road 20 m before the last) and hears all.
    """
    channel = (
        f", line_of_sight: geometric, blockage: per-blocker, blocker_loss_db: {loss_db}, blocker_least_height_m: 0"
    )
    share, run = received(tmp_path, "600, 620, 640", channel)
    rows = run.table("metrics").select(metric="prr", link="V2V", message="BSM", jurisdiction="")
    at = np.asarray(rows["distance_m"], float)
    value = dict(zip(at.tolist(), np.asarray(rows["value"], float).tolist(), strict=True))
    near, far = value[min(at[at >= 12.5])], value[min(at[at >= 37.0])]
    assert near == pytest.approx(1.0)
    assert far == pytest.approx(0.0 if loss_db else 1.0)
    assert share == 1.0
