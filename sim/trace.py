"""The packet log: one row per (frame, receiver), streamed to a file, off unless the user asks for it."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from sim.frames import Outcome
from sim.metrics.base import Batch
from sim.whole import blamed_on, partial_name
from sim.world.stations import Stations

FRAME_COLUMNS = ("frame", "message", "sender", "generated_ns", "ready_ns", "start_ns", "end_ns", "size_bytes")
LINK_COLUMNS = ("receiver", "distance_m", "power_dbm", "sinr_db", "radio_outcome", "outcome")
SUFFIXES = (".csv.gz", ".csv", ".parquet")

_OUTCOME_NAMES = np.array([o.name.lower() for o in Outcome])
_ROW_GROUP = 100_000


class TraceWriter:
    """Writes rows as they come; nothing is kept in memory beyond one batch (Parquet: one row group).

    Columns: ``time_s`` (start of the transmission), the frame's (:data:`FRAME_COLUMNS`), the access layer's
    resource columns in alphabetical order, then the link's (:data:`LINK_COLUMNS`). Stations appear by their
    lasting id. A frame that no station could hear has one row with empty link columns. Equal runs give equal
    bytes (gzip without time and name). The suffix chooses the format; another one, or Parquet without
    pyarrow, is a ValueError. The log stands at ``path`` only once :meth:`close` has ended; leaving the context by an
    exception removes what was written and keeps a file that stood there before.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.row_count = 0
        self._open = False
        check_path(self.path)
        if self.path.is_dir():
            raise ValueError(f"--trace {path}: is a folder")
        self._partial = partial_name(self.path)
        try:
            self._file: IO[bytes] = self._partial.open("wb")
        except OSError as error:
            raise ValueError(f"--trace {path}: cannot be written: {error.strerror or error}") from None
        self._open = True
        self._parquet: Any = None
        self._waiting: list[dict[str, np.ndarray]] = []
        self._text: io.TextIOWrapper | None = None
        self._resources: tuple[str, ...] | None = None
        if self.path.suffix != ".parquet":
            packed = self.path.name.endswith(".gz")
            sink = gzip.GzipFile("", "wb", 6, self._file, mtime=0) if packed else self._file
            self._text = io.TextIOWrapper(sink, encoding="ascii", newline="\n")

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._open:
            self._discard()

    def write(
        self,
        batch: Batch,
        stations: Stations,
        power_dbm: np.ndarray,
        sinr_db: np.ndarray,
        resource: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Append a batch; ``power_dbm`` and ``sinr_db`` per link, ``resource`` per frame (same names every
        time)."""
        with blamed_on(self.path):
            self._write(batch, stations, power_dbm, sinr_db, resource or {})

    def _write(
        self,
        batch: Batch,
        stations: Stations,
        power_dbm: np.ndarray,
        sinr_db: np.ndarray,
        resource: Mapping[str, np.ndarray],
    ) -> None:
        if self._resources is None:
            self._resources = tuple(sorted(resource))
            if self._text is not None:
                self._text.write(",".join(self._columns()) + "\n")
        if len(batch):
            columns = self._table(batch, stations, power_dbm, sinr_db, resource)
            self.row_count += len(columns["frame"])
            if self._text is not None:
                self._write_csv(columns)
            else:
                self._waiting.append(columns)
                if sum(len(c["frame"]) for c in self._waiting) >= _ROW_GROUP:
                    self._write_row_group()

    def _columns(self) -> tuple[str, ...]:
        return ("time_s", *FRAME_COLUMNS, *(self._resources or ()), *LINK_COLUMNS)

    def _table(
        self,
        batch: Batch,
        stations: Stations,
        power_dbm: np.ndarray,
        sinr_db: np.ndarray,
        resource: Mapping[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        """Rows in the order of frames, links in the order they came, frames without a link among them."""
        alone = np.setdiff1d(np.arange(len(batch)), batch.row)
        frame = np.concatenate([batch.row, alone])
        link = np.concatenate([np.arange(len(batch.row)), np.full(len(alone), -1)])
        order = np.argsort(frame, kind="stable")
        frame, link = frame[order], link[order]
        none = link < 0

        def per_link(values: np.ndarray, empty: Any) -> np.ndarray:
            out = np.full(len(link), empty, np.asarray(values).dtype if empty != "" else None)
            out[~none] = values[link[~none]]
            return out

        columns: dict[str, np.ndarray] = {"time_s": batch.start_ns[frame] / 1e9, "frame": batch.frame[frame]}
        columns["message"] = np.array(batch.messages)[batch.message[frame]]
        columns["sender"] = stations.station_id[batch.sender[frame]]
        for name in FRAME_COLUMNS[3:]:
            columns[name] = getattr(batch, name)[frame]
        for name in self._resources or ():
            columns[name] = np.asarray(resource[name])[frame]
        columns["receiver"] = per_link(stations.station_id[batch.receiver], -1)
        columns["distance_m"] = per_link(batch.distance_m.astype(np.float64), np.nan)
        columns["power_dbm"] = per_link(np.asarray(power_dbm, np.float64), np.nan)
        columns["sinr_db"] = per_link(np.asarray(sinr_db, np.float64), np.nan)
        for name in ("radio_outcome", "outcome"):
            text = np.full(len(link), "", _OUTCOME_NAMES.dtype)
            text[~none] = _OUTCOME_NAMES[getattr(batch, name)[link[~none]]]
            columns[name] = text
        return columns

    def _write_csv(self, columns: Mapping[str, np.ndarray]) -> None:
        assert self._text is not None
        cells = [_cells(name, columns[name]) for name in self._columns()]
        self._text.writelines(",".join(row) + "\n" for row in zip(*cells, strict=True))

    def _write_row_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._waiting:
            return
        data = {n: np.concatenate([part[n] for part in self._waiting]) for n in self._columns()}
        table = pa.table({name: pa.array(values) for name, values in data.items()})
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._file, table.schema, compression="zstd")
        self._parquet.write_table(table)
        self._waiting.clear()

    def close(self) -> None:
        """Write what is left, close the file and move it into place."""
        if not self._open:
            return
        try:
            with blamed_on(self.path):
                self._end_file()
                os.replace(self._partial, self.path)
        except BaseException:
            self._discard()
            raise
        self._open = False

    def _end_file(self) -> None:
        if self._text is not None:
            self._text.close()
        else:
            self._write_row_group()
            if self._parquet is not None:
                self._parquet.close()
        self._file.close()

    def _discard(self) -> None:
        """Close without a log; what could still not be written no longer matters."""
        self._open = False
        with suppress(OSError):
            if self._text is not None:
                self._text.close()
        with suppress(OSError):
            self._file.close()
        self._partial.unlink(missing_ok=True)


def check_path(path: str | Path) -> None:
    """A ValueError unless the suffix is known and its library is there; for use before a run begins."""
    name = Path(path).name
    if not name.endswith(SUFFIXES):
        raise ValueError(f"--trace {path}: the name must end in {', '.join(SUFFIXES)}")
    if name.endswith(".parquet"):
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise ValueError(
                f"--trace {path}: Parquet needs pyarrow (pip install 'corridor-testbed[data]'), "
                "or give a name that ends in .csv.gz"
            ) from None


def _cells(name: str, values: np.ndarray) -> list[str]:
    if values.dtype.kind == "U":
        return [str(v) for v in values.tolist()]
    if values.dtype.kind == "f":
        form = "%.9f" if name == "time_s" else "%.2f"
        return [form % v if v == v else "" for v in values.tolist()]
    if name == "receiver":
        return [str(v) if v >= 0 else "" for v in values.tolist()]
    return [str(v) for v in values.tolist()]


def read_trace(path: str | Path) -> Iterator[dict[str, str]]:
    """Rows of a packet log as text, one at a time; a ValueError if the file is no packet log."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such packet log")
    if not path.name.endswith(SUFFIXES):
        raise ValueError(f"{path}: is no packet log; the name must end in {', '.join(SUFFIXES)}")
    check_path(path)
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
        return
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="ascii", newline="") as file:
            reader = csv.DictReader(file)
            missing = [
                n for n in ("frame", "sender", "receiver", "outcome") if n not in (reader.fieldnames or ())
            ]
            if missing:
                raise ValueError(f"{path}: has no column {missing[0]!r}, so it is no packet log")
            yield from reader
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None


def _read_parquet(path: Path) -> Iterator[dict[str, str]]:
    import pyarrow.parquet as pq

    for part in pq.ParquetFile(path).iter_batches():
        columns = {
            name: _cells(name, part.column(name).to_numpy(zero_copy_only=False)) for name in part.schema.names
        }
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, row, strict=True))
