"""Whole runs: identical bytes, conservation, stages that add up, nothing half-written."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.results import ResultError

SMALL = "03-one-border"
QUICK = ["duration_s=2", "traffic_warmup_s=5", "radio_warmup_s=1"]
DETERMINISTIC = ("scenario.yaml", "metrics.csv", "corridor.json")


def run(tmp_path: Path, name: str, overrides: list[str] = QUICK, **options):  # type: ignore[no-untyped-def]
    return sim.run(sim.load(SMALL, overrides), tmp_path / name, plots=False, **options)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("runs")
    return sim.run(sim.load(SMALL, QUICK), folder / "first", plots=False, trace=folder / "trace.csv")


def test_equal_runs_give_equal_bytes(result, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Property: every table and the trace of a second run are byte-identical."""
    again = run(tmp_path, "again", trace=tmp_path / "trace.csv")
    tables = sorted(p.name for p in result.folder.glob("*.csv"))
    assert len(tables) > 3
    for name in {*tables, *DETERMINISTIC}:
        assert (result.folder / name).read_bytes() == (again.folder / name).read_bytes(), name
    trace = result.folder.parent / "trace.csv"
    assert trace.read_bytes() == (tmp_path / "trace.csv").read_bytes()


def test_another_seed_gives_another_run(result, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Property: the seed matters."""
    other = sim.run(sim.load(SMALL, QUICK, seed=2), tmp_path / "other", plots=False)
    assert other.summary["run_id"] != result.summary["run_id"]
    assert (result.folder / "metrics.csv").read_bytes() != (other.folder / "metrics.csv").read_bytes()


def test_every_frame_ends_once(result) -> None:  # type: ignore[no-untyped-def]
    """Property: conservation of frames, and of links over their exclusive outcomes."""
    assert result.summary["frames"] > 500
    assert result.summary["measured_frames_not_ended"] == 0
    metrics = result.table("metrics")
    prr = metrics.select(metric="prr", message="BSM", link="V2V", jurisdiction="")
    causes = sorted({name for name in metrics["metric"] if name.startswith("loss_")})
    assert len(causes) >= 5
    for distance, value in zip(prr["distance_m"], prr["value"], strict=True):
        shares = [
            metrics.select(metric=cause, message="BSM", link="V2V", distance_m=distance)["value"] for cause in causes
        ]
        assert value + np.nansum(np.concatenate(shares)) == pytest.approx(1.0, abs=1e-9)


def test_adding_a_unit_changes_no_draw(result, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Property: a further unit that sends nothing leaves every packet at every other receiver as it was: subframe and
    outcome. (SINR may differ in the last digits of a sum; a unit that sends changes what it physically touches.)"""
    overrides = [*QUICK, "layout.sites=[{id: new, at_m: 10, services: [], sensor: false}]"]
    more = run(tmp_path, "more", overrides, trace=tmp_path / "trace.csv")
    assert more.summary["rsus"] == result.summary["rsus"] + 1

    def packets(path: Path) -> set[tuple[str, ...]]:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        columns = ("message", "sender", "receiver", "start_ns", "radio_outcome")
        return {tuple(row[name] for name in columns) for row in rows if row["receiver"]}

    before, after = packets(result.folder.parent / "trace.csv"), packets(tmp_path / "trace.csv")
    new = {packet[2] for packet in after} - {packet[2] for packet in before}
    assert len(new) == 1
    assert len(before) > 1000
    assert before == {packet for packet in after if packet[2] not in new}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_penetration_at_both_ends(tmp_path: Path, share: float) -> None:
    """Property: nobody equipped, and everybody, both run; nobody equipped gives no BSM row."""
    result = run(tmp_path, "run", [*QUICK, f"traffic.equipped_ratio={share}"])
    bsm = result.select(metric="prr", message="BSM", link="V2V", jurisdiction="")
    assert (len(bsm["n"]) and np.nansum(bsm["n"]) > 0) == (share > 0)
    assert result.summary["vehicles"]["equipped"] == (result.summary["vehicles"]["total"] if share else 0)


def test_an_existing_folder_of_another_run_is_refused(result, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Property: refused before simulating, unless forced; repeating the same run is harmless."""
    run(tmp_path, "here")
    with pytest.raises(ResultError, match="another run"):
        sim.run(sim.load(SMALL, QUICK, seed=5), tmp_path / "here", plots=False)
    run(tmp_path, "here")
    forced = sim.run(sim.load(SMALL, QUICK, seed=5), tmp_path / "here", plots=False, force=True)
    assert forced.summary["seed"] == 5


@pytest.mark.parametrize("how, code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_interrupted_run_leaves_nothing_half_written(tmp_path: Path, how: signal.Signals, code: int) -> None:
    """Property: Ctrl-C ends with 130 and no folder; after kill -9 the same command still works."""
    command = [sys.executable, "-m", "sim", "run", SMALL, "-q", "--out", str(tmp_path / "out")]
    command += ["--set", "duration_s=300"]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.partial-*/scenario.yaml")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert not (tmp_path / "out").exists()
    if how == signal.SIGINT:
        assert not list(tmp_path.glob(".out.partial-*"))
    else:
        sim.run(sim.load(SMALL, QUICK), tmp_path / "out", plots=False)
        assert not list(tmp_path.glob(".out.partial-*"))


def test_summary_names_sources_and_versions(result) -> None:  # type: ignore[no-untyped-def]
    """Property: provenance of every model and table, seed, run id; never NaN."""
    text = (result.folder / "summary.json").read_text()
    assert "NaN" not in text
    summary = json.loads(text)
    for name in ("access", "pssch_table", "path_loss_v2v", "path_loss_v2i", "shadowing", "message set", "noise"):
        assert summary["provenance"][name]
    assert summary["seed"] == 1 and summary["run_id"] == sim.load(SMALL, QUICK).run_id()
    assert summary["host"]["numpy"]


def test_handling_a_tick_in_pieces_changes_nothing(
    result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # type: ignore[no-untyped-def]
) -> None:
    """Property: the same tables when the receptions of a tick are judged in many small pieces."""
    monkeypatch.setattr("sim.engine.STATIONS_AT_ONCE", 30)
    pieces = run(tmp_path, "pieces")
    for name in ("metrics.csv", "coverage.csv", "latency_cdf.csv"):
        assert (result.folder / name).read_bytes() == (pieces.folder / name).read_bytes(), name


def test_recorded_traffic_gives_the_same_run(result, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Property: a run on saved and replayed traffic is byte-identical; a recording of another seed is refused."""
    run(tmp_path, "save", traffic_save=tmp_path / "traffic.npz")
    again = run(tmp_path, "load", traffic_load=tmp_path / "traffic.npz")
    assert (result.folder / "metrics.csv").read_bytes() == (again.folder / "metrics.csv").read_bytes()
    with pytest.raises(ValueError, match="another scenario or seed"):
        sim.run(sim.load(SMALL, QUICK, seed=9), tmp_path / "no", plots=False, traffic_load=tmp_path / "traffic.npz")
    assert not (tmp_path / "no").exists()


def test_every_measured_frame_ends_with_long_ticks(tmp_path: Path) -> None:
    """Property: the drain after the measured time is long enough for a tick that does not divide it."""
    long = ["duration_s=2", "traffic_warmup_s=5", "radio_warmup_s=1", "traffic.tick_s=0.25"]
    assert run(tmp_path, "long", long).summary["measured_frames_not_ended"] == 0


def test_a_sign_and_an_event_may_share_a_number(tmp_path: Path) -> None:
    """Property: rteId and rtsId are separate on the wire; both are received and applied."""
    events = ("events=[{id: 1, code: 501, direction: up, from_m: 1250, to_m: 1400}, "
              "{id: 1, kind: sign, code: 85, direction: up, from_m: 1250, to_m: 1400}]")
    result = run(tmp_path, "same", [*QUICK, events])
    useful = result.select(metric="C_useful", message="RSI", jurisdiction=None, direction=None, chainage_m=None)
    assert useful["value"][0] > 0.9


def test_clock_offsets_are_seen_in_the_age_of_messages(tmp_path: Path) -> None:
    """Property: offsets of 50 ms (one sigma) widen the age at apply and leave the latency as it was."""
    plain = run(tmp_path, "plain")
    offset = run(tmp_path, "offset", [*QUICK, "clock.offset_sigma_ms=50"])

    def p95(result, metric: str) -> float:  # type: ignore[no-untyped-def]
        return float(result.select(metric=metric, link="V2V", message="BSM", quantile=0.95)["value"][0])

    assert p95(offset, "latency") == pytest.approx(p95(plain, "latency"), rel=0.02)
    assert p95(offset, "age_at_apply") > p95(plain, "age_at_apply") + 30


def test_an_event_that_nobody_announces_is_warned_of(tmp_path: Path) -> None:
    """Property: the summary says so instead of leaving an unexplained coverage of 0 %."""
    event = "events=[{id: 7, code: 501, direction: up, from_m: 0, to_m: 10, announce_within_m: 0}]"
    assert any("event 7" in line for line in run(tmp_path, "alone", [*QUICK, event]).summary["warnings"])


@pytest.mark.parametrize(("more", "said"), [
    ([], "real octets"),
    (["bsm.fixed_size_bytes=300"], "real octets, packets of vehicles set to 300 bytes"),
    (["bsm.fixed_size_bytes=300", "bsm.synthetic=true"],
     "real octets of roadside messages only, packets of vehicles set to 300 bytes"),
])
def test_the_summary_says_what_is_octets_and_what_is_sizes(more: list[str], said: str) -> None:
    """By hand: the stack of a run, with the size of packets real, set, and set without any message in them."""
    from sim.engine import Engine
    from sim.simulation import provenance, spoken_stack

    loaded = sim.load("01-one-vehicle-one-rsu", ["standards.message_set=csae53-2020", *more])
    engine = Engine(loaded)
    assert spoken_stack(loaded, engine) == {
        "messages": said, "network": "dsmp", "envelope": "ydt3957-2021", "headers": "exact sizes",
    }
    assert provenance(loaded, engine)["message set"].startswith(f"csae53-2020: {said};")


def test_everybody_who_speaks_otherwise_stands_in_the_provenance() -> None:
    """By hand: in S6 Zhejiang speaks the layout of 2017, which nobody could verify; headers and envelopes are one."""
    from sim.engine import Engine
    from sim.simulation import provenance

    loaded = sim.load("tripoint", ["standards.candidate=S6"])
    further = {key: text for key, text in provenance(loaded, Engine(loaded)).items() if key.endswith(" in ZJ")}
    assert list(further) == ["message set in ZJ"]
    assert further["message set in ZJ"].startswith("csae53-2017: unverified")


def test_another_message_set_hides_no_assumption_of_the_candidate() -> None:
    """By hand: keys of every place, and rows between places, are told whatever set is spoken."""
    from sim.simulation import _illustrative

    spoken = "standards.message_set=csae53-2020"
    lines = _illustrative(sim.load("tripoint", ["standards.candidate=S6", spoken]))
    assert "profile shanghai: security.root" in lines and "profile jiaxing: siting" in lines
    assert sum(line.startswith("relay ") and "(H14)" in line for line in lines) == 3
    american = _illustrative(sim.load("01-one-vehicle-one-rsu", ["standards.candidate=us-cv2x", spoken]))
    assert "not a legal option in China" in american[0]


def test_rate_control_that_cannot_act_is_warned_of() -> None:
    """By hand: CAM go by triggers; the periodic BSM of another set are controlled without a word."""
    from sim.engine import Engine

    for name, count in (("etsi-its", 1), ("csae53-2020", 0)):
        wishes = [f"standards.message_set={name}", "bsm.congestion_control=gbt45315-cbr"]
        lines = Engine(sim.load("01-one-vehicle-one-rsu", wishes)).warnings()
        assert sum("gbt45315-cbr does not act: CAM" in line for line in lines) == count
