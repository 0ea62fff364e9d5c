"""The folder of a campaign: what is planned, what is finished, and who may write."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sim
from sim.campaign.plan import Plan, PlannedRun, Variant
from sim.results import SCHEMA_VERSION, Result, ResultError, json_text, read, valid_summary
from sim.whole import written_whole

SWEEP_SCHEMA = "sweep/1"
FAN_OUT_ABOVE = 10_000
"""With more runs, folders stand below ``runs/<first two digits>/``."""


_RUN_ID = re.compile(r"[0-9a-f]{16}")


class CampaignFolder:
    """Paths of one campaign's folder; knows nothing of what is in it."""

    def __init__(self, out: str | Path, fan_out: bool = False, part: str = "") -> None:
        self.out = Path(os.path.abspath(out))
        self.fan_out = fan_out
        self.part = part
        """Folder below ``traffic/`` of its own, for one of several shards that may run on other machines."""

    def run_path(self, run_id: str) -> Path:
        """Result folder of one run."""
        parent = self.out / "runs"
        return (parent / run_id[:2] if self.fan_out else parent) / run_id

    def traffic_path(self, name: str) -> Path:
        """Recording that runs replay."""
        return self.out / "traffic" / self.part / f"{name}.npz"

    @property
    def sweep_path(self) -> Path:
        """What is planned."""
        return self.out / "sweep.json"

    def finished(self, run_id: str) -> bool:
        """Whether a run is done: a valid summary of this very run and schema, and its tables as long as it says."""
        path = self.run_path(run_id)
        summary = valid_summary(path)
        return (
            summary is not None and summary["run_id"] == run_id and summary["schema_version"] == SCHEMA_VERSION
            and (path / "metrics.csv").is_file() and _whole(path, summary.get("files"))
        )

    def write_text(self, name: str, text: str) -> None:
        """Put a file at the top of the folder, whole or not at all."""
        with written_whole(self.out / name) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def write_plan(self, plan: Plan) -> None:
        """``sweep.json``: the campaign, its variants and runs, and the version that plans them."""
        self.write_text("sweep.json", json_text(sweep_document(plan, self.fan_out)))


def _whole(path: Path, sizes: Any) -> bool:
    """Whether every table of a run has the size its summary says."""
    try:
        return all(os.stat(path / name).st_size == size for name, size in (sizes or {}).items())
    except (OSError, AttributeError, TypeError):
        return False


def sweep_document(plan: Plan, fan_out: bool) -> dict[str, Any]:
    """What ``sweep.json`` holds."""
    return {
        "schema": SWEEP_SCHEMA,
        "version": sim.__version__,
        "name": plan.campaign.name,
        "campaign": plan.campaign.model_dump(mode="json", by_alias=True),
        "fan_out": fan_out,
        "axes": plan.axes,
        "baseline": plan.baseline,
        "variants": [
            {"labels": one.labels, "source": Path(one.source).name, "overrides": list(one.overrides)}
            for one in plan.variants
        ],
        "runs": [[run.run_id, run.variant, run.replication, run.seed] for run in plan.runs],
    }


@dataclass
class CampaignResult:
    """A campaign read back from its folder, finished or not."""

    folder: CampaignFolder
    name: str
    axes: dict[str, list[str]]
    baseline: dict[str, str]
    variants: list[Variant]
    runs: list[PlannedRun]
    document: dict[str, Any]
    """``sweep.json`` as it is."""

    def __post_init__(self) -> None:
        self._finished: dict[str, bool] = {}

    def finished(self, run: PlannedRun) -> bool:
        """Whether a run is done; looked up once."""
        if run.run_id not in self._finished:
            self._finished[run.run_id] = self.folder.finished(run.run_id)
        return self._finished[run.run_id]

    def know(self, finished: Iterable[str]) -> None:
        """Take run ids as finished without looking again."""
        self._finished |= dict.fromkeys(finished, True)

    def results(self, variant: int) -> list[tuple[PlannedRun, Result]]:
        """Finished runs of a variant in the order of replications; tables are loaded when asked for."""
        return [
            (run, read(self.folder.run_path(run.run_id)))
            for run in self.runs if run.variant == variant and self.finished(run)
        ]

    def missing(self) -> list[PlannedRun]:
        """Planned runs that are not done."""
        return [run for run in self.runs if not self.finished(run)]

    def failed(self) -> dict[str, dict[str, Any]]:
        """Runs that were given up and are still not done: run id -> attempts and error."""
        found: dict[str, dict[str, Any]] = {}
        for path in sorted(self.folder.out.glob("failed*.json")):
            try:
                found |= json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, TypeError):
                continue
        planned = {run.run_id: run for run in self.runs}
        return {
            run_id: told for run_id, told in found.items()
            if run_id in planned and isinstance(told, dict) and not self.finished(planned[run_id])
        }

    def states(self) -> dict[str, int]:
        """How many runs are ``done``, ``failed`` and ``missing``."""
        done, failed = sum(self.finished(run) for run in self.runs), len(self.failed())
        return {"done": done, "failed": failed, "missing": len(self.runs) - done - failed}

    def variant(self, **labels: str) -> Variant:
        """The only variant with these labels; a ResultError otherwise."""
        found = [one for one in self.variants if all(one.labels.get(axis) == label for axis, label in labels.items())]
        if len(found) != 1:
            raise ResultError(f"{self.folder.out}: {len(found)} variants have {labels}, one was asked for")
        return found[0]

    @property
    def varying(self) -> list[str]:
        """Axes with more than one value."""
        return [axis for axis, labels in self.axes.items() if len(labels) > 1]


def is_campaign(path: str | Path) -> bool:
    """Whether a folder holds a campaign (not a single run)."""
    return (Path(path) / "sweep.json").is_file()


def read_campaign_folder(out: str | Path) -> CampaignResult:
    """A campaign's folder; a ResultError if it is none, broken, or newer than this version."""
    path = Path(out) / "sweep.json"
    if not Path(out).is_dir():
        raise ResultError(f"{out}: no such folder")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError(f"{out}: is not a campaign's folder (sweep.json is missing)") from None
    except (OSError, ValueError) as error:
        raise ResultError(f"{path}: cannot be read: {error}") from None
    if not isinstance(data, dict) or data.get("schema") != SWEEP_SCHEMA:
        given = data.get("schema") if isinstance(data, dict) else None
        raise ResultError(f"{path}: schema {given!r} is not {SWEEP_SCHEMA!r}")
    try:
        variants = [
            Variant(index, dict(one["labels"]), one["source"], tuple(one["overrides"]))
            for index, one in enumerate(data["variants"])
        ]
        runs = [PlannedRun(str(run_id), int(v), int(r), int(s)) for run_id, v, r, s in data["runs"]]
        strange = next((run for run in runs if not _RUN_ID.fullmatch(run.run_id) or run.variant >= len(variants)), None)
        if strange is not None:
            raise ValueError(f"run {strange.run_id!r}, variant {strange.variant}")
        folder = CampaignFolder(out, bool(data["fan_out"]))
        return CampaignResult(folder, data["name"], data["axes"], data["baseline"], variants, runs, data)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{path}: is broken: {type(error).__name__}: {error}") from None


def clear(paths: Iterable[Path]) -> None:
    """Remove files and folders that are no longer needed; one that will not go is left."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
