"""Whole runs over the cellular path: every frame ends, the latency table is that of the path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sim

QUICK = ["security.certificates=known", "duration_s=2", "traffic_warmup_s=5", "radio_warmup_s=1"]


def run(folder: Path, *overrides: str) -> Any:
    """The shipped example with some keys set."""
    return sim.run(sim.load("05-uu-edge", [*QUICK, *overrides]), folder / "run", plots=False)


def value(result: Any, metric: str, quantile: float | None = None) -> float:
    """A corridor-wide number of BSM between vehicles."""
    for row in result.table("metrics").rows():
        if (row["metric"], row["link"], row["message"], row["jurisdiction"]) == (metric, "V2V", "BSM", ""):
            if quantile is None or row["quantile"] == quantile:
                return float(row["value"])
    raise AssertionError(metric)


def test_a_run_at_the_edge(tmp_path: Path) -> None:
    """By hand: nobody waits for access; 0.75 + 0.75 + 0.83 + 0.25 ms within one operator, 0.31 ms more between two, in
    the middle; nothing is lost on a quiet road, nothing is left over, no channel is busy."""
    result = run(tmp_path)
    assert result.summary["measured_frames_not_ended"] == 0 and result.summary["frames"] > 500
    assert value(result, "stage_access_max") == 0
    assert value(result, "stage_air", 0.5) == pytest.approx(2.58 + 0.31 / 2, abs=0.15)
    assert value(result, "stage_air_max") < 6
    assert value(result, "latency_delivered") == value(result, "latency_sent")
    busy = [row["value"] for row in result.table("metrics").rows() if row["metric"] == "cbr_mean"]
    assert busy and not any(busy)
    assert "Coll-Perales" in result.summary["provenance"]["uu_radio"]


def test_a_run_over_lte_and_a_cloud_that_operators_share_far_away(tmp_path: Path) -> None:
    """Property: 22 ms more than at the edge at least in the mean (15 to 25 ms LTE, 2 ms core), everything ends."""
    result = run(
        tmp_path, "radio.uu.server=cloud", "radio.uu.peering=remote", "radio.uu.technology=lte", "layout.backhaul=uu",
    )
    assert result.summary["measured_frames_not_ended"] == 0
    assert value(result, "stage_air_mean") > 2.58 + 22
    assert value(result, "stage_air_max") < 250
    counters = result.summary["counters"]
    assert counters["uu_crossed_operators"] > 100 and counters["backhaul relayed"] > 10
