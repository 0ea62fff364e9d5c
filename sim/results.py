"""Result folders: written whole or not at all, read back as columns (definitions section 8)."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from sim import __version__
from sim.tables import METRIC_COLUMNS, ResultError, Table, csv_text
from sim.whole import synced

SCHEMA_VERSION = 1
__all__ = [
    "METRIC_COLUMNS",
    "Result",
    "ResultError",
    "ResultFolder",
    "Table",
    "read",
    "run_id",
    "valid_summary",
]

OWN_NAMES = frozenset(
    {
        "scenario.yaml",
        "metrics.csv",
        "summary.json",
        "run.log",
        "plots",
        "corridor.json",
        "latency_cdf.csv",
        "coverage.csv",
        "holes.csv",
        "suppliers.csv",
        "cbr.csv",
        "air.csv",
        "histograms.csv",
        "views.csv",
        "outcomes.csv",
        "crossings.csv",
        "awareness.csv",
        "passages.csv",
    }
)
"""Names a run may write at the top of its folder; others are somebody else's and are kept."""


def run_id(scenario: Mapping[str, Any], seed: int, version: str = __version__) -> str:
    """First 16 hex digits of SHA-256 over (resolved scenario, seed, version); no clock, host or path
    inside."""
    text = json.dumps([scenario, seed, version], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """JSON without NumPy types; NaN and infinities become null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    return value if value is None or isinstance(value, str) else str(value)


def json_value(text: str | bytes) -> Any:
    """The value of a JSON text; a ValueError for whatever cannot be read, values nested too deep among it."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deep") from None


def json_text(value: Any) -> str:
    """Indented JSON, never NaN."""
    return json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def host_facts() -> dict[str, Any]:
    """Versions and machine, for ``summary.json`` only."""
    return {
        "testbed": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "command": " ".join(Path(a).name if i == 0 else a for i, a in enumerate(sys.argv)),
    }


def valid_summary(folder: Path) -> dict[str, Any] | None:
    """The summary of a finished run; ``None`` when it is missing, broken or not ours."""
    try:
        summary = json_value((folder / "summary.json").read_bytes())
    except (OSError, ValueError):
        return None
    ours = (
        isinstance(summary, dict) and isinstance(summary.get("schema_version"), int) and "run_id" in summary
    )
    return summary if ours else None


class ResultFolder:
    """Writes one run's folder: everything goes to a hidden sibling, which is renamed into place by
    :meth:`finish`.

    Whatever ends the run before that leaves nothing at ``out``. An existing folder is replaced only if it
    holds this very run (same ``run_id``), is a run without a valid summary, or ``force`` is given; files in
    it that no run writes are carried over. A folder that is no result at all is never touched. Every refusal
    is a :class:`ResultError` raised here, before any simulation. An OSError that names no file (a full disk) leaves
    the context naming ``out``.
    """

    def __init__(self, out: str | Path, run_id: str, force: bool = False) -> None:
        self.out = Path(os.path.abspath(out))
        self.run_id = run_id
        self.work = self.out.parent / f".{self.out.name}.partial-{os.getpid()}"
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._clear_leftovers()
            self._check_target(force)
            self.work.mkdir()
            (self.work / "run.log").write_text("", encoding="utf-8")
        except OSError as error:
            raise ResultError(f"--out {out}: cannot be written: {error.strerror or error}") from None
        self._started = (time.time(), time.process_time())
        self._done = False

    def _check_target(self, force: bool) -> None:
        if not self.out.exists() and not self.out.is_symlink():
            return
        if not self.out.is_dir():
            raise ResultError(f"--out {self.out}: exists and is not a folder")
        names = {p.name for p in self.out.iterdir()}
        summary = valid_summary(self.out)
        if summary is not None:
            if summary["run_id"] != self.run_id and not force:
                raise ResultError(
                    f"--out {self.out}: holds another run ({summary['run_id']}, not {self.run_id}); "
                    "choose another folder or give --force"
                )
        elif names and not names <= OWN_NAMES:
            other = sorted(names - OWN_NAMES)[0]
            raise ResultError(
                f"--out {self.out}: is not a result folder (it holds {other!r}); choose another folder"
            )
        if not os.access(self.out, os.W_OK):
            raise ResultError(f"--out {self.out}: cannot be written: permission denied")

    def _clear_leftovers(self) -> None:
        for left in self.out.parent.glob(f".{self.out.name}.partial-*"):
            pid = left.name.rpartition("-")[2]
            if pid.isdigit() and int(pid) != os.getpid() and _alive(int(pid)):
                continue
            if not self.out.exists() and valid_summary(left):
                os.replace(left, self.out)
            else:
                shutil.rmtree(left, ignore_errors=True)

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            shutil.rmtree(self.work, ignore_errors=True)
        if isinstance(error, OSError) and error.filename is None:
            # SimPy raises a copy of what a process raised, which has lost the name of the file.
            error.filename = getattr(error.__cause__, "filename", None) or str(self.out)

    def place(self, path: str | Path) -> Path:
        """Where to write a file the user wants at ``path``: inside the hidden sibling if that lies in
        ``out``."""
        absolute = Path(os.path.abspath(path))
        return self.work / absolute.relative_to(self.out) if absolute.is_relative_to(self.out) else absolute

    def write_text(self, name: str, text: str) -> None:
        """A text file at the top of the folder, UTF-8 with LF."""
        (self.work / name).write_text(text, encoding="utf-8", newline="\n")

    def write_scenario(self, yaml_text: str) -> None:
        """The resolved scenario."""
        self.write_text("scenario.yaml", yaml_text)

    def write_metrics(self, rows: Iterable[Sequence[Any]]) -> None:
        """``metrics.csv``: rows as tuples in the order of :data:`METRIC_COLUMNS`."""
        self.write_text("metrics.csv", csv_text(METRIC_COLUMNS, rows))

    def write_table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """A further table, ``<name>.csv``."""
        self.write_text(f"{name}.csv", csv_text(columns, rows))

    def write_json(self, name: str, value: Any) -> None:
        """A further document, ``<name>.json`` (``corridor`` holds the geometry for maps)."""
        self.write_text(f"{name}.json", json_text(value))

    def log(self, line: str) -> None:
        """One line of ``run.log``."""
        with (self.work / "run.log").open("a", encoding="utf-8", newline="\n") as file:
            file.write(line.rstrip("\n") + "\n")

    def so_far(self, summary: Mapping[str, Any]) -> Result:
        """What has been written, to draw from before :meth:`finish`; its folder is the hidden one."""
        return Result(self.work, {"schema_version": SCHEMA_VERSION, "run_id": self.run_id, **_plain(summary)})

    def finish(self, summary: Mapping[str, Any]) -> Path:
        """Write ``summary.json`` last and move the folder into place; returns its path."""
        wall, cpu = time.time() - self._started[0], time.process_time() - self._started[1]
        head = {"schema_version": SCHEMA_VERSION, "run_id": self.run_id}
        tail = {
            "wall_s": round(wall, 3),
            "cpu_s": round(cpu, 3),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        sizes = {"files": {path.name: path.stat().st_size for path in sorted(self.work.glob("*.csv"))}}
        return self.finish_with(json_text({**head, **summary, **tail, "host": host_facts(), **sizes}))

    def finish_with(self, text: str) -> Path:
        """:meth:`finish` with the whole text of ``summary.json``, of a run computed elsewhere."""
        (self.work / "plots").mkdir(exist_ok=True)
        for path in sorted(self.work.iterdir()):
            if path.is_file():
                synced(path)
        with (self.work / "summary.json").open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        synced(self.work)
        self._swap()
        synced(self.out.parent)
        self._done = True
        return self.out

    def _swap(self) -> None:
        if not self.out.exists():
            os.replace(self.work, self.out)
            return
        for entry in sorted(self.out.iterdir()):
            if entry.name not in OWN_NAMES and not (self.work / entry.name).exists():
                os.replace(entry, self.work / entry.name)
        old = self.out.parent / f".{self.out.name}.partial-old-{os.getpid()}"
        os.replace(self.out, old)
        os.replace(self.work, self.out)
        shutil.rmtree(old, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class Result:
    """A finished run, read from its folder; tables are loaded when first asked for."""

    def __init__(self, folder: Path, summary: dict[str, Any]) -> None:
        self.folder = folder
        self.summary = summary
        self._tables: dict[str, Table] = {}

    def __repr__(self) -> str:
        return f"Result({str(self.folder)!r}, run_id={self.summary['run_id']!r})"

    def has(self, name: str) -> bool:
        """Whether the table ``<name>.csv`` exists."""
        return (self.folder / f"{name}.csv").is_file()

    def table(self, name: str = "metrics") -> Table:
        """The table ``<name>.csv``; a ResultError if the run did not write it."""
        if name not in self._tables:
            path = self.folder / f"{name}.csv"
            if not path.is_file():
                there = ", ".join(sorted(p.stem for p in self.folder.glob("*.csv")))
                raise ResultError(f"{self.folder}: has no table {name!r}; there are {there}")
            self._tables[name] = Table.from_csv(path)
        return self._tables[name]

    def select(self, **where: Any) -> Table:
        """Rows of ``metrics.csv``: ``result.select(metric="prr", message="BSM", jurisdiction=None)``."""
        return self.table("metrics").select(**where)

    def value(self, **where: Any) -> float:
        """The value of the only row that fits; NaN when none does, a ResultError when several do."""
        found = self.select(**where)["value"]
        if len(found) > 1:
            raise ResultError(
                f"{self.folder}: {len(found)} rows of metrics.csv fit {where}, one was asked for"
            )
        return float(found[0]) if len(found) else math.nan

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario (``scenario.yaml``); empty when the run did not write it."""
        import yaml

        path = self.folder / "scenario.yaml"
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(path.read_text(encoding="utf-8"), loader) if path.is_file() else None
        return document if isinstance(document, dict) else {}

    @cached_property
    def corridor(self) -> dict[str, Any]:
        """Geometry for maps (``corridor.json``); empty when the run did not write it."""
        path = self.folder / "corridor.json"
        return json_value(path.read_bytes()) if path.is_file() else {}


def read(folder: str | Path) -> Result:
    """A finished run's folder; a ResultError if it is missing, half-written or newer than this version."""
    path = Path(folder)
    if not path.is_dir():
        raise ResultError(f"{folder}: no such folder")
    summary = valid_summary(path)
    if summary is None or not (path / "metrics.csv").is_file():
        raise ResultError(
            f"{folder}: is not a finished run (summary.json or metrics.csv is missing or broken)"
        )
    if summary["schema_version"] > SCHEMA_VERSION:
        raise ResultError(
            f"{folder}: schema_version {summary['schema_version']} is newer than {SCHEMA_VERSION}"
        )
    return Result(path, summary)
