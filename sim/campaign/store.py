"""The folder of a campaign: what is planned, what is finished, and who may write."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import sim
from sim.campaign.plan import Plan, PlannedRun, Variant
from sim.campaign.schema import SWEEP_SCHEMA, Sweep
from sim.results import SCHEMA_VERSION, Result, ResultError, json_text, json_value, read, valid_summary
from sim.whole import written_whole

FAN_OUT_ABOVE = 10_000
"""With more runs, folders stand below ``runs/<first two digits>/``."""



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
            and (path / "metrics.csv").is_file() and cut_table(path, summary) is None
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


def campaign_folder(plan: Plan, out: str | Path, part: str = "") -> CampaignFolder:
    """The folder of a plan. One that is there keeps its shape, so that a campaign may grow beyond any number."""
    try:
        there = json_value((Path(out) / "sweep.json").read_bytes())
    except (OSError, ValueError):
        there = None
    fan_out = there.get("fan_out") if isinstance(there, dict) else None
    if not isinstance(fan_out, bool):
        most = plan.campaign.until.max_seeds if plan.campaign.until else plan.replications()
        fan_out = len(plan.variants) * most > FAN_OUT_ABOVE
    return CampaignFolder(out, fan_out, part)


def cut_table(path: Path, summary: Mapping[str, Any]) -> str | None:
    """What is wrong with the tables of the run at ``path`` against the sizes its summary says; none = nothing."""
    sizes = summary.get("files", {})
    if not isinstance(sizes, dict):
        return "summary.json: files: must be sizes by name"
    for name, size in sizes.items():
        try:
            there = os.stat(path / name).st_size
        except (OSError, ValueError):
            return f"{name}: is missing"
        if there != size:
            return f"{name}: has {there} bytes, its summary.json says {size}"
    return None


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
                told = json_value(path.read_bytes())
            except (OSError, ValueError):
                continue
            found |= told if isinstance(told, dict) else {}
        planned = {run.run_id: run for run in self.runs}
        return {
            run_id: {"attempts": told["attempts"], "error": told["error"]} for run_id, told in found.items()
            if run_id in planned and _tells_failure(told) and not self.finished(planned[run_id])
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


def _tells_failure(told: Any) -> bool:
    """Whether an entry of ``failed.json`` is one."""
    return isinstance(told, dict) and type(told.get("attempts")) is int and isinstance(told.get("error"), str)


def is_campaign(path: str | Path) -> bool:
    """Whether a folder holds a campaign (not a single run)."""
    return (Path(path) / "sweep.json").is_file()


def read_campaign_folder(out: str | Path) -> CampaignResult:
    """A campaign's folder; a ResultError if it is none, broken, or newer than this version."""
    path = Path(out) / "sweep.json"
    if not Path(out).is_dir():
        raise ResultError(f"{out}: no such folder")
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ResultError(f"{out}: is not a campaign's folder (sweep.json is missing)") from None
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror or error}") from None
    sweep, document = parse_sweep(text, path)
    variants = [
        Variant(index, one.labels, one.source, tuple(one.overrides)) for index, one in enumerate(sweep.variants)
    ]
    runs = [PlannedRun(*one) for one in sweep.runs]
    folder = CampaignFolder(out, sweep.fan_out)
    return CampaignResult(folder, sweep.name, sweep.axes, sweep.baseline, variants, runs, document)


def parse_sweep(text: bytes, path: Path) -> tuple[Sweep, dict[str, Any]]:
    """``sweep.json`` checked, and as it is; a ResultError of one line if it is broken or of another schema."""
    try:
        data = json_value(text)
    except ValueError as error:
        raise ResultError(f"{path}: is broken: {' '.join(str(error).split())}") from None
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SWEEP_SCHEMA:
        raise ResultError(f"{path}: schema: {schema!r} is not {SWEEP_SCHEMA!r}")
    try:
        return Sweep.model_validate_json(text), data
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].removeprefix("Value error, ")
        raise ResultError(f"{path}: is broken: {f'{place}: ' if place else ''}{rule[0].lower()}{rule[1:]}") from None


def clear(paths: Iterable[Path]) -> None:
    """Remove files and folders that are no longer needed; one that will not go is left."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
