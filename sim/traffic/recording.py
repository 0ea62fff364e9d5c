"""The traffic of one (scenario, seed) on disk, and its identical replay."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim.clock import SECOND, stream_key
from sim.scenario.schema import Scenario
from sim.traffic.base import Traffic
from sim.traffic.fleet import Fleet
from sim.whole import partial_name

FORMAT = "corridor-traffic/1"
_IDENTITY = (
    "number",
    "class_index",
    "length_m",
    "width_m",
    "height_m",
    "antenna_height_m",
    "basic_vehicle_class",
    "equipped",
    "home",
)
_MOTION = (
    "road",
    "lane",
    "s_m",
    "lateral_m",
    "direction",
    "chainage_m",
    "x_m",
    "y_m",
    "heading_deg",
    "speed_mps",
)
"""The rest of the fleet's columns (past, acceleration, yaw rate) follows from these."""
_BLOCK_TICKS = 100


def traffic_key(config: Scenario, seed: int) -> str:
    """Digest of everything traffic depends on: corridor, traffic keys and seed, equipment and homes included."""
    parts = json.dumps(
        [config.corridor.model_dump(mode="json"), config.traffic.model_dump(mode="json")], sort_keys=True
    )
    return f"{int(stream_key(seed, parts)):016x}"


class Recorder:
    """Writes a running traffic tick by tick into one compressed ``.npz``; memory holds 100 ticks at most.

    Use as a context manager around start and steps; call :meth:`observe` after ``start`` and after every ``step``.
    The file appears under its name only when it is complete.
    """

    def __init__(
        self, path: Path, key: str, tick_ns: int, start_ns: int = 0, ring_m: float | None = None,
        warnings: Callable[[], list[str]] = list, counts: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._path = path
        self._warnings, self._ended_with = warnings, counts
        self._part = partial_name(path)
        self._zip = zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._head = {
            "format": FORMAT,
            "key": key,
            "tick_ns": tick_ns,
            "start_ns": start_ns,
            "ring_m": ring_m,
        }
        self._ticks = 0
        self._blocks = 0
        self._rows: list[dict[str, np.ndarray]] = []

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._zip.close()
            self._part.unlink(missing_ok=True)

    def observe(self, fleet: Fleet) -> None:
        """Take down the fleet as it is now."""
        slots = fleet.slots()
        row = {name: getattr(fleet, name)[slots] for name in _MOTION}
        row |= {f"new_{name}": getattr(fleet, name)[fleet.entered] for name in _IDENTITY}
        row |= {"slot": slots, "entered": fleet.entered, "left": fleet.left}
        self._rows.append(row)
        self._ticks += 1
        if len(self._rows) == _BLOCK_TICKS:
            self._flush()

    def close(self) -> None:
        """Write what is left and give the file its name."""
        self._flush()
        end = {"ticks": self._ticks, "blocks": self._blocks, "warnings": self._warnings(), "counts": self._ended_with()}
        self._zip.writestr("head.json", json.dumps(self._head | end))
        self._zip.close()
        self._part.replace(self._path)

    def _flush(self) -> None:
        if not self._rows:
            return
        for name in self._rows[0]:
            self._write(f"{self._blocks}/{name}", np.concatenate([row[name] for row in self._rows]))
        for name in ("slot", "entered", "left"):
            self._write(f"{self._blocks}/{name}_count", np.array([len(row[name]) for row in self._rows]))
        self._blocks += 1
        self._rows = []

    def _write(self, name: str, values: np.ndarray) -> None:
        with self._zip.open(f"{name}.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array(file, values, allow_pickle=False)


class RecordedTraffic:
    """Replays a recording; the fleet is equal, column by column, to the one recorded.

    Raises ValueError if the file is no recording, or was made for another scenario or seed (``key``).
    """

    def __init__(self, path: Path, key: str) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self._head = json.loads(self._zip.read("head.json"))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: is no traffic recording: {error}") from error
        if self._head.get("format") != FORMAT:
            raise ValueError(f"{path}: format {self._head.get('format')!r} is not {FORMAT!r}")
        if self._head["key"] != key:
            raise ValueError(f"{path}: was recorded for another scenario or seed ({self._head['key']}, not {key})")
        self._path = path
        self.fleet = Fleet()
        self._tick = -1
        self._block: dict[str, np.ndarray] = {}
        self._edges: dict[str, np.ndarray] = {}
        self._counts = {"entered": 0, "left": 0}

    def start(self, now_ns: int) -> None:
        """Show the first state."""
        if now_ns != self._head["start_ns"]:
            raise ValueError(f"{self._path}: starts at {self._head['start_ns']} ns, not at {now_ns}")
        self._show(0)
        self.fleet.end_step(0.0)

    def step(self, now_ns: int, tick_ns: int) -> None:
        """Show the next state; ValueError past the end or for another tick."""
        if tick_ns != self._head["tick_ns"]:
            raise ValueError(f"{self._path}: has a tick of {self._head['tick_ns']} ns, not {tick_ns}")
        self.fleet.begin_step()
        if self._head["ring_m"] is not None:
            self.fleet.x_prev_m %= self._head["ring_m"]
        self._show(self._tick + 1)
        self.fleet.end_step(tick_ns / SECOND)

    def warnings(self) -> list[str]:
        """What the traffic warned of when it was recorded."""
        return [str(text) for text in self._head.get("warnings", ())]

    def counts(self) -> dict[str, int]:
        """Entered and left so far; once the recording has ended, everything the model counted."""
        ended = self._tick == self._head["ticks"] - 1
        return {**self._counts, **(self._head.get("counts", {}) if ended else {})}

    def _show(self, tick: int) -> None:
        if tick >= self._head["ticks"]:
            raise ValueError(f"{self._path}: holds {self._head['ticks']} states, no more")
        block, index = divmod(tick, _BLOCK_TICKS)
        if index == 0:
            self._load(block)
        self._tick = tick
        slots, entered, left = (self._rows(name, index) for name in ("slot", "entered", "left"))
        fleet = self.fleet
        fleet.reserve(int(max(slots.max(initial=-1), entered.max(initial=-1)) + 1))
        fleet.take_over(entered, left)
        for name in _IDENTITY:
            getattr(fleet, name)[entered] = self._rows(f"new_{name}", index, "entered")
        for name in _MOTION:
            getattr(fleet, name)[slots] = self._rows(name, index, "slot")
        self._counts["entered"] += len(entered)
        self._counts["left"] += len(left)

    def _rows(self, name: str, index: int, of: str | None = None) -> np.ndarray:
        edges = self._edges[of or name]
        return self._block[name][edges[index] : edges[index + 1]]

    def _load(self, block: int) -> None:
        names = [
            *_MOTION,
            *(f"new_{n}" for n in _IDENTITY),
            "slot",
            "entered",
            "left",
            "slot_count",
            "entered_count",
            "left_count",
        ]
        self._block = {}
        for name in names:
            with self._zip.open(f"{block}/{name}.npy") as file:
                self._block[name] = np.lib.format.read_array(file, allow_pickle=False)
        self._edges = {
            name: np.concatenate([[0], np.cumsum(self._block[f"{name}_count"])]) for name in ("slot", "entered", "left")
        }


def record(
    traffic: Traffic,
    path: Path,
    key: str,
    ticks: int,
    tick_ns: int,
    start_ns: int = 0,
    ring_m: float | None = None,
) -> None:
    """Start a traffic, drive it ``ticks`` steps and store all of it."""
    with Recorder(path, key, tick_ns, start_ns, ring_m) as recorder:
        traffic.start(start_ns)
        recorder.observe(traffic.fleet)
        for tick in range(ticks):
            traffic.step(start_ns + tick * tick_ns, tick_ns)
            recorder.observe(traffic.fleet)
