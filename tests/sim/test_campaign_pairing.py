"""All candidates of a campaign meet the same vehicles and the same shadowing, recorded or not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.campaign.plan import Plan, campaign_of
from sim.campaign.traffic import record_traffic
from sim.channel.propagation import Propagation
from sim.engine import Engine
from sim.scenario.loader import LoadedScenario

COLUMNS = ("number", "x_m", "y_m", "speed_mps", "heading_deg", "equipped", "home", "class_index")


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Variants that differ in radio, layout, power and message set, two seeds each; short."""
    return campaign_of({
        "name": "pairs", "scenarios": ["03-one-border"],
        "set": {"duration_s": 1, "traffic_warmup_s": 10, "radio_warmup_s": 1},
        "vary": {"what": {
            "as it is": {},
            "few units": {"layout": {"schema": "layout/1", "name": "few", "sites": [{"id": "only", "at_m": 500}]}},
            "another radio": {"radio.access": "nr-v2x-mode2"},
            "another set, less power": {"standards.message_set": "etsi-its", "radio.link.tx_power_dbm": 10},
        }},
        "seeds": 2,
    })


def movements(loaded: LoadedScenario, recording: Path | None) -> str:
    """Digest of every vehicle at every tick of a whole run."""
    engine = Engine(loaded, traffic_load=recording)
    digest = hashlib.sha256()

    def look(fraction: float, text: str) -> None:
        fleet = engine.world.fleet
        slots = fleet.slots()
        for name in COLUMNS:
            digest.update(np.ascontiguousarray(getattr(fleet, name)[slots]).tobytes())

    engine.run(look)
    return digest.hexdigest()


def test_all_variants_meet_the_same_vehicles(plan: Plan, tmp_path: Path) -> None:
    """Property: positions, speeds, equipment and homes of all vehicles at all ticks are the same in every variant of a
    seed, moved or replayed, and others under another seed."""
    digests: dict[int, set[str]] = {}
    for replication in (0, 1):
        tasks = [plan.task(run) for run in plan.runs if run.replication == replication]
        names = {task.traffic for task in tasks}
        assert len(names) == 1
        recording = tmp_path / f"{names.pop()}.npz"
        record_traffic(tasks[-1].loaded, recording)
        wanted = tasks if replication == 0 else tasks[:1]
        digests[replication] = {movements(task.loaded, recording) for task in wanted}
        digests[replication].add(movements(tasks[0].loaded, None))
    assert len(digests[0]) == len(digests[1]) == 1 and digests[0] != digests[1]


def test_all_variants_meet_the_same_shadowing(plan: Plan) -> None:
    """Property: standard normal shadowing between any two places is the same in every variant of a seed."""
    draws = np.random.default_rng(5)
    x_m, y_m = draws.uniform(0, 900, 60), draws.uniform(-20, 20, 60)
    a, b = np.arange(0, 60, 2), np.arange(1, 60, 2)
    distance_m = np.hypot(x_m[a] - x_m[b], y_m[a] - y_m[b])
    fields = []
    for run in plan.runs:
        config = plan.task(run).loaded.config
        propagation = Propagation(config.radio, config.seed)
        fields.append(propagation.pairs(propagation.features(x_m, y_m), a, b, distance_m).shadow)
    count = len(plan.variants)
    for other in fields[1:count]:
        np.testing.assert_array_equal(other, fields[0])
    assert np.abs(fields[count] - fields[0]).max() > 0.1
    assert 0.5 < np.std(fields[0]) < 1.5


def test_a_replay_changes_no_byte(plan: Plan, tmp_path: Path) -> None:
    """Property: every table of a run on recorded traffic equals that of the run by itself."""
    task = plan.task(plan.runs[1])
    recording = tmp_path / "traffic.npz"
    record_traffic(plan.task(plan.runs[0]).loaded, recording)
    alone = sim.run(task.loaded, tmp_path / "alone", plots=False)
    replayed = sim.run(task.loaded, tmp_path / "replayed", plots=False, traffic_load=recording)
    tables = sorted(path.name for path in alone.folder.glob("*.csv"))
    assert "metrics.csv" in tables
    for name in tables:
        assert (alone.folder / name).read_bytes() == (replayed.folder / name).read_bytes(), name
    for key in ("traffic", "vehicles", "frames", "links", "counters", "warnings"):
        assert alone.summary[key] == replayed.summary[key], key
