"""Trajectory files as a stream of frames: CSV, and the XML that SUMO writes as floating car data (FCD)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from sim.traffic.tables import LONGEST_FIELD, InputError, InputProblems, read_rows

CSV_COLUMNS = ("time", "id", "x", "y", "lon", "lat", "speed", "heading", "type")
FCD_VEHICLE = (
    "id",
    "x",
    "y",
    "angle",
    "type",
    "speed",
    "pos",
    "lane",
    "slope",
    "signals",
    "acceleration",
    "accelerationLat",
    "distance",
    "odometer",
    "posLat",
    "speedLat",
    "edge",
    "z",
    "leaderID",
    "leaderSpeed",
    "leaderGap",
)
"""Attributes SUMO writes (file documentation of FCDOutput); any other is an error."""
MOST_VEHICLES = 100_000
"""Per time step."""
_CHUNK_BYTES = 65_536
_DEEPEST = 8


@dataclass
class Sample:
    """One vehicle at one time as written in the file; ``a``, ``b`` are x, y or lon, lat."""

    line: int
    id: str
    a: float
    b: float
    speed_mps: float
    heading_deg: float
    type: str


@dataclass
class Frame:
    """All vehicles of one time."""

    line: int
    time_s: float
    samples: list[Sample] = field(default_factory=list)
    geographic: bool | None = None
    """Whether ``a``, ``b`` are lon, lat; None where the format does not say."""

    def columns(self) -> np.ndarray:
        """[4, vehicle]: a, b, speed_mps, heading_deg."""
        return np.array([(s.a, s.b, s.speed_mps, s.heading_deg) for s in self.samples]).reshape(-1, 4).T


def read_frames(path: Path, problems: InputProblems) -> Iterator[Frame]:
    """Frames of a ``.csv`` or ``.xml`` file in file order, one in memory at a time.

    Problems of single values go to ``problems``; the caller raises them. Raises InputError for an unusable file.
    """
    suffix = path.suffix.lower()
    if suffix == ".csv":
        yield from _csv_frames(path, problems)
    elif suffix == ".xml":
        yield from _FcdReader(path, problems).frames()
    else:
        raise InputError(f"{path}: traffic.file: {path.name!r} must end in .csv or .xml")


def _csv_frames(path: Path, problems: InputProblems) -> Iterator[Frame]:
    frame: Frame | None = None
    rows = read_rows(path, problems, CSV_COLUMNS, (("x", "y"), ("lon", "lat")), ("time", "id", "speed", "heading"))
    for line, row in rows:
        time_s = problems.number(line, "time", row["time"])
        geographic = "lon" in row
        names = ("lon", "lat") if geographic else ("x", "y")
        values = [problems.number(line, name, row[name]) for name in (*names, "speed", "heading")]
        sample = Sample(line, row["id"], values[0], values[1], values[2], values[3], row.get("type", ""))
        if not sample.id:
            problems.add(line, "id", "", "is empty")
        if frame is not None and time_s != frame.time_s:
            yield frame
            frame = None
        if frame is None:
            frame = Frame(line, time_s, [], geographic)
        frame.samples.append(sample)
        if len(frame.samples) > MOST_VEHICLES:
            raise InputError(f"{path}:{line}: time: {time_s:g} has more than {MOST_VEHICLES} vehicles")
    if frame is not None:
        yield frame


class _FcdReader:
    """Expat handlers that turn ``<timestep>`` and ``<vehicle>`` into frames; no entity is ever declared or read."""

    def __init__(self, path: Path, problems: InputProblems) -> None:
        self._path, self._problems = path, problems
        self._done: list[Frame] = []
        self._frame: Frame | None = None
        self._depth = 0
        self._idle_bytes = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype

    def frames(self) -> Iterator[Frame]:
        try:
            with self._path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    self._idle_bytes += len(chunk)
                    self._parser.Parse(chunk, False)
                    if self._idle_bytes > 16 * _CHUNK_BYTES:
                        self._fail("file", "", f"no element ends within {self._idle_bytes} bytes")
                    yield from self._done
                    self._done = []
                self._parser.Parse(b"", True)
                yield from self._done
        except expat.ExpatError as error:
            raise InputError(
                f"{self._path}:{error.lineno}: file: is no well-formed XML: {expat.ErrorString(error.code)}"
            ) from error
        except OSError as error:
            raise InputError(f"{self._path}: cannot be read: {error}") from error

    def _fail(self, name: str, value: str, rule: str) -> None:
        raise InputError(f"{self._path}:{self._parser.CurrentLineNumber}: {name}: {value[:40]!r} {rule}")

    def _refuse_doctype(self, *_: object) -> None:
        self._fail("file", "<!DOCTYPE", "document types and entities are not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._idle_bytes = 0
        self._depth += 1
        line = self._parser.CurrentLineNumber
        if self._depth > _DEEPEST:
            self._fail("element", name, f"is nested more than {_DEEPEST} deep")
        if self._depth == 1 and name != "fcd-export":
            self._fail("element", name, "must be fcd-export")
        if name == "timestep":
            self._frame = Frame(line, self._problems.number(line, "time", attributes.get("time")))
        elif name == "vehicle" and self._frame is not None:
            self._vehicle(line, attributes)

    def _vehicle(self, line: int, attributes: dict[str, str]) -> None:
        problems, frame = self._problems, self._frame
        assert frame is not None
        for name, text in attributes.items():
            if name not in FCD_VEHICLE:
                problems.add(line, "vehicle", name, "is not a known attribute")
            if len(text) > LONGEST_FIELD:
                self._fail(name, text, f"has more than {LONGEST_FIELD} characters")
        if not attributes.get("id"):
            problems.add(line, "id", attributes.get("id", ""), "is missing or empty")
        values = [problems.number(line, name, attributes.get(name)) for name in ("x", "y", "speed", "angle")]
        frame.samples.append(
            Sample(
                line,
                attributes.get("id", ""),
                values[0],
                values[1],
                values[2],
                values[3],
                attributes.get("type", ""),
            )
        )
        if len(frame.samples) > MOST_VEHICLES:
            self._fail("time", f"{frame.time_s:g}", f"has more than {MOST_VEHICLES} vehicles")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "timestep" and self._frame is not None:
            self._done.append(self._frame)
            self._frame = None
