"""Coverage maps of a campaign: one per variant, means and intervals over its seeds, and the verb."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

import sim
from sim.campaign.plan import campaign_of
from sim.campaign.store import CampaignFolder
from sim.cli import main
from sim.maps import read_maps
from sim.results import ResultError
from sim.tables import csv_text

SHARES = {("weak", 0): 0.2, ("weak", 1): 0.4, ("weak", 2): 0.9, ("strong", 0): 1.0, ("strong", 1): 0.98}
"""C_useful of every cell, by power and seed; the third seed of `strong` is not finished."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign's folder whose runs are one real run with coverage written by hand."""
    out = tmp_path_factory.mktemp("maps") / "campaign"
    plan = campaign_of({
        "name": "powers", "scenarios": ["01-one-vehicle-one-rsu"], "seeds": 3, "set": {"duration_s": 1},
        "vary": {"power": {"weak": {"layout.tx_power_dbm": 0}, "strong": {"layout.tx_power_dbm": 23}}},
    })
    folder = CampaignFolder(out)
    out.mkdir()
    folder.write_plan(plan)
    real = sim.run(sim.load("01-one-vehicle-one-rsu", ["duration_s=1"]), out.parent / "real", plots=False)
    for run in plan.runs:
        share = SHARES.get((plan.variants[run.variant].labels["power"], run.replication))
        if share is None:
            continue
        path = folder.run_path(run.run_id)
        shutil.copytree(real.folder, path)
        summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
        del summary["files"]  # sizes of tables that are other ones now
        (path / "summary.json").write_text(json.dumps(summary | {"run_id": run.run_id, "seed": run.seed}))
        rows = [("RSI", "A", "up", at, 1.0, 1.0, share) for at in (212.5, 237.5)]
        if run.replication == 0:
            rows.append(("RSI", "A", "down", 212.5, 1.0, 0.5, 0.0))
        header = ("class", "jurisdiction", "direction", "chainage_m", "zone_s", "C_raw", "C_useful")
        (path / "coverage.csv").write_text(csv_text(header, rows), encoding="utf-8")
    return out


def test_means_and_intervals_by_hand(campaign: Path) -> None:
    """By hand: 0.2, 0.4, 0.9 have mean 0.5 and standard deviation 0.3606; t(2) = 4.3027 (printed): 0.5 -+ 0.8957, cut
    at 0 and 1. Seeds 1 and 0.98: 0.99 -+ 12.7062 x 0.01 = 0.863 .. 1.117, cut. A cell of one seed has no interval."""
    weak, strong = read_maps(campaign)
    assert (weak.labels, strong.labels) == ({"power": "weak"}, {"power": "strong"})
    up = [cell for cell in weak.cells if cell.direction == "up"]
    assert [cell.chainage_m for cell in up] == [212.5, 237.5]
    assert up[0].C_useful == pytest.approx(0.5) and up[0].n_seeds == 3 and len(weak.seeds) == 3
    assert (up[0].lower, up[0].upper) == (0.0, 1.0)
    both = [cell for cell in strong.cells if cell.direction == "up"][0]
    assert both.C_useful == pytest.approx(0.99) and both.n_seeds == 2
    assert both.lower == pytest.approx(0.99 - 12.7062 * 0.01, abs=1e-5) and both.upper == 1.0
    lone = next(cell for cell in strong.cells if cell.direction == "down")
    assert lone.n_seeds == 1 and lone.lower != lone.lower and lone.C_raw == 0.5
    raw = read_maps(campaign, measure="raw", where={"power": "weak"})
    assert len(raw) == 1 and (raw[0].cells[0].lower, raw[0].cells[0].upper) == (1.0, 1.0)


def test_the_verb_writes_a_set_of_files_per_variant(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: names carry the label of the axis that varies; --json names every file; the table holds the means."""
    arguments = ["map", str(campaign), "--format", "csv,geojson", "--out", str(tmp_path / "out"), "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    names = {Path(path).name for path in document["files"]}
    layers = ("cells-rsi", "units", "borders", "nodes")
    expected = {f"{layer}-{power}.geojson" for layer in layers for power in ("weak", "strong")}
    expected |= {f"{stem}-{power}" for stem in ("cells-rsi", "coverage") for power in ("weak", "strong")}
    assert {name.removesuffix(".qml").removesuffix(".csv") for name in names} == expected
    assert [(row["variant"], row["n_seeds"]) for row in document["maps"]] == [("power=weak", 3), ("power=strong", 2)]
    with (tmp_path / "out" / "coverage-weak.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert (row["C_useful"], row["n_seeds"], row["datum"]) == ("0.5", "3", "WGS84")
    layer = json.loads((tmp_path / "out" / "cells-rsi-weak.geojson").read_text(encoding="utf-8"))
    assert layer["variant"] == {"power": "weak"} and layer["place"].startswith("made up")
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_the_verb_tells_what_is_wrong(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: exit code 2, one line that names option and rule, and no folder made."""
    for more, text in (
        (["--where", "power=medium"], "not on this axis; there are weak, strong"),
        (["--where", "colour=red"], "no such axis; there are scenario, power"),
        (["--where", "power"], "must be AXIS=LABEL"),
        (["--class", "RSM"], "no cell lies in a service zone of RSM"),
        (["--class", "BSM"], "is not one of SPAT+MAP, RSI, RSM"),
        (["--format", "tiff"], "must be one of csv, geojson, png"),
    ):
        assert main(["map", str(campaign), "--out", str(tmp_path / "none"), *more]) == 2
        heard = capsys.readouterr()
        assert text in heard.err and heard.err.count("\n") == 1 and not heard.out
    assert not (tmp_path / "none").exists()


def test_a_campaign_without_runs_says_so(campaign: Path, tmp_path: Path) -> None:
    """By hand: nothing finished, nothing to map."""
    shutil.copy(campaign / "sweep.json", tmp_path / "sweep.json")
    with pytest.raises(ResultError, match="no run of these variants is finished"):
        read_maps(tmp_path)
