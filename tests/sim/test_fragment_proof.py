"""Studies on real runs of a short road: one profile under several names, swapped names, fast subsets and full runs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.campaign.engine import run_campaign
from sim.campaign.execute import execute
from sim.campaign.plan import Plan
from sim.campaign.store import CampaignFolder, CampaignResult
from sim.campaign.task import Ended, Task
from sim.fragment import Question, fragment, study_of
from sim.fragment.losses import USEFUL, Subject, subjects, value_of
from sim.fragment.observe import LOSS_METRICS, Observed, fragmentation, read_rows, wanted_by
from sim.fragment.shapley import subsets
from sim.scenario import load
from sim.scenario.loader import load_mapping
from sim.scenario.shipped import shipped_scenarios
from sim.simulation import run
from tests.sim.fragment_factory import SCENARIO, SOURCE

SHORT = {"duration_s": 1, "traffic_warmup_s": 5, "radio_warmup_s": 1, "traffic.flow_veh_h": 150}
WORDS = [f"{key}={value}" for key, value in SHORT.items()]
ONE = "profiles: {A: cn-lte-v2x-day1, B: cn-lte-v2x-day1}\n"
NAMES = """harmonised: cn-lte-v2x-day1
profiles:
  A: {schema: profile/1, name: here, kind: regional, inherits: cn-lte-v2x-day1}
  B: {schema: profile/1, name: there, kind: regional, inherits: cn-lte-v2x-day1}
"""


def differing(place: str) -> str:
    """A candidate whose ``place`` has other roots, an older root of messages and another datum of events."""
    return f"""hazards: [H1, H4, H11]
{ONE}differences:
  {place}:
    - {{key: security.root, value: other, hazard: H4, {SOURCE}}}
    - {{key: message_set, value: csae53-2017, hazard: H1, {SOURCE}}}
    - {{key: feed_datum, value: GCJ-02, hazard: H11, {SOURCE}}}
"""


def candidate(folder: Path, name: str, text: str) -> str:
    """A candidate file; returns its path."""
    path = folder / f"{name}.yaml"
    path.write_text(f"schema: candidate/1\nname: {name}\n{text}", encoding="utf-8")
    return str(path)


def seen(folder: Path) -> Observed:
    """Everything a study reads of one run."""
    found = Observed("run", [0])
    for key, value, n in read_rows(folder, "", wanted_by(True)):
        found.put(key, 0, 1, value, n)
    return found


def test_one_profile_under_several_names_is_the_harmonised_run(tmp_path: Path) -> None:
    """Property: packet log and figures are the same bytes, and every index is exactly 0."""
    folders = []
    for name, text in (("one", ONE), ("names", NAMES)):
        chosen = f"standards.candidate={candidate(tmp_path, name, text)}"
        words = [*WORDS, "duration_s=0.4", "radio_warmup_s=0.3", chosen]
        loaded = load(SCENARIO, words)
        assert len({profile.name for profile in loaded.candidate.profiles.values()}) == (1 if name == "one" else 2)
        out = tmp_path / f"run-{name}"
        folders.append(run(loaded, out, plots=False, trace=out / "trace.csv").folder)
    for file in ("trace.csv", "metrics.csv", "outcomes.csv", "coverage.csv", "histograms.csv"):
        first, second = [(folder / file).read_bytes() for folder in folders]
        assert first == second and first.count(b"\n") > 20, file
    one, other = (seen(folder) for folder in folders)
    indices = [fragmentation(value_of(other, s, width=1), value_of(one, s, width=1)) for s in subjects(one)]
    assert {index.mean for index in indices if index.n} == {0.0} and sum(index.n for index in indices) >= 2


def swapped(value: Any) -> Any:
    """Plain data with the jurisdictions A and B exchanged."""
    if isinstance(value, dict):
        return {key: swapped(one) for key, one in value.items()}
    if isinstance(value, list):
        return [swapped(one) for one in value]
    return {"A": "B", "B": "A"}.get(value, value) if isinstance(value, str) else value


def named_rows(folder: Path, exchange: bool) -> Iterator[tuple[str, ...]]:
    """Rows of ``metrics.csv``, the two jurisdictions exchanged in their names if asked for."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if exchange:
                row["jurisdiction"] = swapped(row["jurisdiction"])
                row["station_class"] = row["station_class"].translate({65: 66, 66: 65})
            yield tuple(row.values())


@pytest.mark.slow
def test_swapping_the_names_of_places_swaps_the_figures(tmp_path: Path) -> None:
    """Property: the same road with its two places called the other way round, and the difference at the other name,
    gives every figure under the other name, bit by bit."""
    data = yaml.safe_load(shipped_scenarios()[SCENARIO].read_text(encoding="utf-8"))
    units = [{"id": f"U-{k}", "at_m": at_m} for k, at_m in enumerate((300, 560, 900, 1200, 1600))]
    data["layout"] = {"name": "units of no place's name", "sites": units}  # a unit's instants follow from its name
    folders = []
    for name, content, place in (("plain", data, "B"), ("swapped", swapped(data), "A")):
        words = [*WORDS, f"standards.candidate={candidate(tmp_path, name, differing(place))}"]
        folders.append(run(load_mapping(content, words), tmp_path / f"run-{name}", plots=False).folder)
    plain, other = sorted(named_rows(folders[0], False)), sorted(named_rows(folders[1], True))
    assert len(plain) > 300 and plain == other


@pytest.mark.slow
def test_units_that_are_not_there_are_missed_on_the_demand_side(tmp_path: Path) -> None:
    """Property: without every second unit useful coverage of signals and events falls; the usable share of what is
    still sent does not, for a message that is never sent is no opportunity."""
    data = yaml.safe_load(shipped_scenarios()[SCENARIO].read_text(encoding="utf-8"))
    units = [{"id": f"U-{k}", "at_m": 100 + 200 * k} for k in range(10)]
    shares = []
    for name, down in (("all", []), ("half", [f"U-{k}" for k in range(1, 10, 2)])):
        data["layout"] = {"name": "weak", "tx_power_dbm": -16, "sites": units, "down": down}
        words = [*WORDS, "duration_s=2", f"standards.candidate={candidate(tmp_path, 'one', ONE)}"]
        told = seen(run(load_mapping(data, words), tmp_path / name, plots=False).folder)
        wanted = [Subject("I2V", "SPAT+MAP", USEFUL), Subject("I2V", "RSI", USEFUL), Subject("I2V", "SPAT")]
        shares.append([float(value_of(told, one, width=1)[0]) for one in wanted])
    (signals, events, sent), (fewer_signals, fewer_events, sent_of_fewer) = shares
    assert signals - fewer_signals > 0.1 and events - fewer_events > 0.1
    assert sent_of_fewer >= sent > 0


class Here:
    """Computes in this process."""

    capacity = 1

    def __init__(self, folder: CampaignFolder) -> None:
        self.folder, self.held = folder, list[Task]()

    def submit(self, task: Task) -> None:
        self.held.append(task)

    def ended(self, timeout_s: float) -> list[Ended]:
        task = self.held.pop(0)
        execute(task, self.folder)
        return [Ended(task)]

    def close(self) -> None:
        self.held.clear()


def do(plan: Plan, folder: Path) -> CampaignResult:
    return run_campaign(plan, folder, executor=Here)


@pytest.mark.slow
def test_fast_subsets_equal_full_runs(tmp_path: Path) -> None:
    """Independent: what four radio runs with a view each say of the eight subsets is what eight runs say, figure by
    figure, without any tolerance."""
    whole = candidate(tmp_path, "three", differing("B"))
    question = Question(SCENARIO, (whole,), candidate(tmp_path, "one", ONE), whole, seeds=1, changes=SHORT)
    found = fragment(question, tmp_path / "fast", do)
    study = study_of(question)
    assert len(study.plan.variants) == 5 and len(found.subsets) == 8
    seed = study.plan.runs[0].seed
    ends = set()
    for gone in subsets(study.hazards):
        one = load(SCENARIO, [*WORDS, f"standards.candidate={whole}"], seed).candidate
        one = one.without(gone) if gone else one
        path = tmp_path / "full.yaml"
        path.write_text(yaml.safe_dump(one.plain(), allow_unicode=True), encoding="utf-8")
        words = [*WORDS, f"standards.candidate={path}"]
        full = run(load(SCENARIO, words, seed), tmp_path / f"full-{len(gone)}-{one.name}", plots=False)
        told = {key: value for key, value, _ in read_rows(full.folder, "", lambda name: name in LOSS_METRICS)}
        known = found.observed[one.name].values
        fast = {key: float(values[0]) for key, values in known.items() if key.metric in LOSS_METRICS}
        assert fast == told and len(told) > 20, one.name
        ends.add(tuple(told.values()))
    assert len(ends) > 4
