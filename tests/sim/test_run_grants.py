"""How often resources are selected anew when every fifth BSM carries a full certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim

ROAD = ["duration_s=10", "traffic_warmup_s=0", "radio_warmup_s=2", "traffic.model=constant-speed",
        "traffic.density_veh_km=40", "traffic.equipped_ratio=1.0", "layout.rules=[]", "events=[]",
        "measure.probes=false"]
SECONDS = 10.0


def rates(folder: Path, *overrides: str) -> dict[str, float]:
    """Selections per vehicle and second, by cause, over the measured time."""
    result = sim.run(sim.load("02-short-straight-road", [*ROAD, *overrides]), folder, plots=False)
    vehicles = 40
    return {
        name.removeprefix("select_"): count / vehicles / SECONDS
        for name, count in result.summary["counters"].items() if name.startswith("select_")
    }


def test_grants_for_the_largest_frame_are_kept(tmp_path: Path) -> None:
    """By hand: the first BSM has the certificate, so the first grant fits all later ones; counters of mean 10 at 10 Hz
    with keep probability 0.4 leave 0.6 selections per vehicle and second."""
    rate = rates(tmp_path / "largest")
    assert rate["size"] < 0.1
    assert rate["counter"] == pytest.approx(0.6, abs=0.1)


def test_grants_for_each_packet_are_lost_at_the_next_certificate(tmp_path: Path) -> None:
    """By hand: a certificate goes along every 500 ms (450 ms or more, at 10 Hz). A grant made for a certificate holds
    everything until its counter ends (1 / 0.6 per s on average); four of five new ones are then made for a digest and
    lost at the next certificate, 0.3 s later on average: 0.8 / (1 / 0.6 + 0.8 * 0.3) = 0.42 per vehicle and second."""
    rate = rates(tmp_path / "per_packet", "radio.mode4.grant_sizing=per_packet")
    assert rate["size"] == pytest.approx(0.42, abs=0.1)


def test_without_certificates_in_the_middle_sizes_hardly_matter(tmp_path: Path) -> None:
    """Property: signing off makes every BSM fit the first grant whatever the sizing rule."""
    rate = rates(tmp_path / "plain", "radio.mode4.grant_sizing=per_packet", "security.enabled=false",
                 "bsm.path_history=false")
    assert rate["size"] == 0
