"""A world made by hand for studies of candidates: every figure follows from the hazards at work by a formula.

Each hazard at work stops an opportunity across the border with a probability of its own, independently of the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from rsu.profile import Candidate
from sim.campaign.store import CampaignResult, campaign_folder, read_campaign_folder
from sim.fragment import Question, Study, study_of
from sim.metrics.base import Metric
from sim.tables import METRIC_COLUMNS, csv_text

SCENARIO = "03-one-border"
P = {"H4": 0.4, "H1": 0.3, "H11": 0.5}
"""In the order of the stages: verified, decoded, interpreted."""
ENDS = {"H4": "sec_root", "H1": "dec_error", "H11": "sem_datum"}
X0 = (0.9, 0.8, 0.7)
"""Usable share without any hazard, per replication."""
SOURCE = "basis: assumption, source: made for a test"
CANDIDATES = {
    "harm": "profiles: {A: cn-lte-v2x-day1, B: cn-lte-v2x-day1}\n",
    "three": f"""hazards: [H1, H4, H11]
profiles: {{A: cn-lte-v2x-day1, B: cn-lte-v2x-day1}}
differences:
  B:
    - {{key: security.root, value: other, hazard: H4, {SOURCE}}}
    - {{key: message_set, value: csae53-2017, hazard: H1, {SOURCE}}}
    - {{key: feed_datum, value: GCJ-02, hazard: H11, {SOURCE}}}
""",
}


def write_candidates(folder: Path) -> dict[str, str]:
    """The candidate files; returns their paths by name."""
    paths = {}
    for name, text in CANDIDATES.items():
        path = folder / f"{name}.yaml"
        path.write_text(f"schema: candidate/1\nname: {name}\ntitle: {name} in words\n{text}", encoding="utf-8")
        paths[name] = str(path)
    return paths


def world(candidate: Candidate, replication: int) -> Iterator[Metric]:
    """Rows of a run's own candidate or view."""
    at_work = [name for name in P if name in candidate.exercised]
    x0 = X0[replication]
    left = math.prod(1 - P[name] for name in at_work)
    yield Metric("uir_class", "ratio", "V2V", "BSM", value=x0 * left, n=1000)
    yield Metric("reach_class", "ratio", "V2V", "BSM", value=1.0, n=1000)
    yield Metric("prr_class", "ratio", "V2V", "BSM", value=x0, n=1000)
    yield Metric("end_class_delivered", "ratio", "V2V", "BSM", value=x0 * left, n=1000)
    yield Metric("end_class_sensitivity", "ratio", "V2V", "BSM", value=1 - x0, n=1000)
    passed = x0
    for name in at_work:
        yield Metric(f"end_class_{ENDS[name]}", "ratio", "V2V", "BSM", value=passed * P[name], n=1000)
        passed *= 1 - P[name]
    for pair in ("A>A", "A>B", "B>A", "B>B"):
        crossing = pair[0] != pair[2]
        x = x0 * left if crossing else x0
        yield Metric("uir_pair", "ratio", "V2V", "BSM", station_class=pair, value=x, n=250)
        yield Metric("end_pair_delivered", "ratio", "V2V", "BSM", station_class=pair, value=x, n=250)
        yield Metric("end_pair_sensitivity", "ratio", "V2V", "BSM", station_class=pair, value=1 - x0, n=250)
        if crossing and at_work:
            yield Metric(f"end_pair_{ENDS[at_work[0]]}", "ratio", "V2V", "BSM", station_class=pair, value=x0 - x, n=250)
    yield Metric("uir_class", "ratio", "I2V", "RSI", value=0.5, n=100)
    useful = 0.8 * (0.5 if "H11" in at_work else 1.0)
    yield Metric("C_useful", "ratio", "I2V", "RSI", station_class="probe", value=useful, n=9)
    yield Metric("C_useful", "ratio", "I2V", "RSI", chainage_m=12.5, station_class="probe", value=0.123, n=1)
    for place in "AB":
        for home in "AB":
            yield Metric("C_useful", "ratio", "I2V", "RSI", place, station_class=f"home {home}", value=useful, n=4)
    yield Metric("C_useful", "ratio", "I2V", "SPAT+MAP", station_class="probe", value=0.0, n=9)
    yield Metric("war", "1/(veh h)", value=3.0 if "H1" in at_work else 0.0, n=3)
    if "H1" in at_work:
        yield Metric("war", "1/(veh h)", message="BSM", station_class="dec_silent", value=3.0, n=3)
    yield Metric("latency_within_100ms", "ratio", "V2V", "BSM", value=0.97, n=1000)
    yield Metric("cbr_mean", "ratio", station_class="vehicle", value=0.2)
    yield Metric("blackout_m", "m", "I2V", "RSI", "B", "up", "home A", quantile=0.5, value=80.0 + replication, n=40)


def hand_made(folder: Path, seeds: int = 3, **question: object) -> tuple[Study, CampaignResult]:
    """A study of the two candidates and its campaign, whose runs hold :func:`world` and were never simulated."""
    paths = write_candidates(folder)
    asked = {"attribute": paths["three"], "seeds": seeds, **question}
    study = study_of(Question(SCENARIO, (paths["three"],), paths["harm"], **asked))  # type: ignore[arg-type]
    out = folder / "out"
    out.mkdir(exist_ok=True)
    store = campaign_folder(study.plan, out)
    store.write_plan(study.plan)
    for run in study.plan.runs:
        loaded = study.plan.variants[run.variant].loaded
        assert loaded is not None
        path = store.run_path(run.run_id)
        path.mkdir(parents=True, exist_ok=True)
        (path / "metrics.csv").write_text(csv_text(METRIC_COLUMNS, world(loaded.candidate, run.replication)))
        if loaded.views:
            rows = [(view.name, *row) for view in loaded.views for row in world(view, run.replication)]
            (path / "views.csv").write_text(csv_text(("view", *METRIC_COLUMNS), rows))
        (path / "summary.json").write_text(json.dumps({"schema_version": 1, "run_id": run.run_id}))
    return study, read_campaign_folder(out)
