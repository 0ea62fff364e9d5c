"""A campaign that is killed again and again ends with the tables of one that nobody touched."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sim.campaign.store import CampaignFolder
from tests.sim import executor_bench as bench

CAMPAIGN = f"""
schema: campaign/1
name: kill
scenarios: [{bench.SCENARIO}]
vary:
  power:
    low: {{radio.link.tx_power_dbm: 8}}
    high: {{radio.link.tx_power_dbm: 20}}
seeds: 6
"""
RUNS = 12
KILLS = [(8, 3), pytest.param(20, 7, marks=pytest.mark.slow)]
"""(kills, how many of them wait until a run is under way); the others come at their time whatever is going on."""
LIMIT_S = 120.0
MARK = "CAMPAIGN_UNDER_TEST"


@dataclass
class Campaign:
    """One campaign's folder and the processes that work on it."""

    file: Path
    folder: CampaignFolder
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self) -> subprocess.Popen[bytes]:
        """The command, always the same."""
        words = ("sweep", str(self.file), "--out", str(self.folder.out), "--jobs", "2", "-q")
        return bench.started(*words, env={**os.environ, MARK: self.mark}, stdout=subprocess.DEVNULL)

    def finished(self) -> dict[str, int]:
        """Finished runs, and when each of them was finished."""
        found = bench.names(self.folder)
        return {name: (self.folder.run_path(name) / "summary.json").stat().st_mtime_ns for name in found}

    def under_way(self) -> bool:
        """Whether a run's half-written folder is there."""
        return any((self.folder.out / "runs").glob(".*.partial-*"))

    def processes(self) -> list[int]:
        """Everything alive that the command started, directly or not."""
        wanted, found = f"{MARK}={self.mark}".encode(), []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            try:
                if wanted in environment.read_bytes():
                    found.append(int(environment.parent.name))
            except OSError:
                continue
        return found

    def wait_for_progress(self, process: subprocess.Popen[bytes], count: int) -> None:
        """Until ``count`` runs are finished and another is under way, or the process has ended."""
        deadline_s = time.monotonic() + LIMIT_S
        while process.poll() is None and (len(self.finished()) < count or not self.under_way()):
            assert time.monotonic() < deadline_s, "no progress"
            time.sleep(0.01)


def ended_well(process: subprocess.Popen[bytes]) -> bool:
    """Wait; whether it ended by itself, without a word."""
    _, errors = process.communicate(timeout=LIMIT_S)
    return (process.returncode, errors) == (0, b"")


def moments(chance: random.Random, kills: int, in_a_run: int) -> list[float | int]:
    """When to kill: shares of the undisturbed duration (float), the early ones denser, and runs to wait for (int)."""
    count = kills - in_a_run
    mixed: list[float | int] = [((number + chance.random()) / count) ** 2 for number in range(count)]
    mixed += [chance.choice((0, 1)) for _ in range(in_a_run)]
    chance.shuffle(mixed)
    return mixed


@pytest.mark.parametrize(("kills", "in_a_run"), KILLS)
def test_killed_at_random_moments_the_tables_are_those_of_an_undisturbed_campaign(
    tmp_path: Path, kills: int, in_a_run: int
) -> None:
    """Property: ``kill -9`` of the parent alone, at moments spread over start, recording, runs and tables.

    Its workers end by themselves; what was finished is never computed again; in the end every table has the same
    octets, and nothing hidden is left of those who died.
    """
    file = tmp_path / "campaign.yaml"
    file.write_text(CAMPAIGN)
    calm, killed = (Campaign(file, CampaignFolder(tmp_path / name)) for name in ("calm", "killed"))
    begun_s = time.monotonic()
    assert ended_well(calm.start())
    whole_s = time.monotonic() - begun_s
    chance = random.Random(20261123)
    struck = struck_in_a_run = 0
    seen: dict[str, int] = {}
    for moment in moments(chance, kills, in_a_run):
        before = len(killed.finished())
        if before == RUNS:  # there is nothing left to interrupt: from the beginning
            shutil.rmtree(killed.folder.out)
            before, seen = 0, {}
        process = killed.start()
        if isinstance(moment, int):
            killed.wait_for_progress(process, before + moment)
            time.sleep(chance.uniform(0.0, 0.01 * whole_s))
        else:
            time.sleep(moment * whole_s)
        process.kill()
        assert ended_well(process) or process.returncode == -signal.SIGKILL
        struck += process.returncode != 0
        assert all(bench.gone(one) for one in killed.processes())
        struck_in_a_run += killed.under_way()
        now = killed.finished()
        assert {name: now.get(name) for name in seen} == seen
        seen = now
    assert ended_well(killed.start())
    assert struck >= kills // 2 and struck_in_a_run >= in_a_run // 2

    expected = bench.tables(calm.folder.out)
    assert bench.tables(killed.folder.out) == expected
    assert {"runs.csv", "means.csv", "differences.csv"} <= set(expected)
    measured = {octets for name, octets in expected.items() if name.endswith("/metrics.csv")}
    assert len(measured) == RUNS, "runs that cannot be told apart prove nothing"
    assert killed.folder.sweep_path.read_bytes() == calm.folder.sweep_path.read_bytes()
    assert bench.hidden(killed.folder.out) == bench.hidden(calm.folder.out)
    assert not [path for path in killed.folder.out.rglob("*") if "partial" in path.name]
