"""Who writes into a campaign's folder: one campaign, or shards of one campaign.

The lock is the kernel's (``flock``): it ends with the process that holds it, however that ends, and a file left
behind by a killed one is no lock. A whole campaign holds ``.writer.lock`` alone; shards hold it together, and each
``.writer-I-of-N.lock`` alone. Readers need none.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
import warnings
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sim.results import ResultError

NAME = ".writer.lock"
_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
_PATIENCE_S = 1.0
_PAUSE_S = 0.02
_MAX_NOTE_BYTES = 4096


class NoLockWarning(UserWarning):
    """The file system has no locks: nothing keeps a second campaign out."""


class WriterLock:
    """Context manager: the right to write into a campaign's folder, which is created if it is missing.

    ``shard`` is (index from 0, count); ``(0, 1)`` is a whole campaign. ``campaign`` is any text that tells one
    campaign from another: shards share the folder only if it and their count are equal. Raises
    :class:`sim.results.ResultError`, one line, when somebody else writes here or the folder cannot be written. Where
    the file system has no locks, a :class:`NoLockWarning` and no lock.
    """

    def __init__(self, folder: str | Path, shard: tuple[int, int] = (0, 1), campaign: str = "") -> None:
        self.folder = Path(os.path.abspath(folder))
        self.shard = shard
        self.campaign = campaign
        self._held: list[_LockFile] = []

    def __enter__(self) -> WriterLock:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._acquire()
        except OSError as error:
            self.release()
            if isinstance(error, FileExistsError | NotADirectoryError):
                raise ResultError(f"{self._obstacle()}: is not a folder") from None
            if error.errno in _UNKNOWN:
                rule = "knows no locks: see to it that one campaign at a time writes there"
                warnings.warn(f"{self.folder}: the file system {rule}", NoLockWarning, stacklevel=2)
                return self
            raise ResultError(f"{self.folder}: cannot be written: {error.strerror or error}") from error
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let others write; may be called twice. Lock files nobody holds any more are removed."""
        while self._held:
            self._held.pop().release()

    def _acquire(self) -> None:
        note = _note(self.shard, self.campaign)
        if self.shard[1] == 1:
            alone = self._take(NAME, note)
            if alone is None:
                raise ResultError(f"{self.folder}: another campaign is writing here{_who(self._read(NAME))}")
            return
        index, count = self.shard
        common = self._take_common(note)
        if common is None:
            raise ResultError(f"{self.folder}: another campaign is writing here{_who(self._read(NAME))}")
        found = common.read()
        if found.get("campaign") != self.campaign:
            raise ResultError(f"{self.folder}: shards of another campaign are being written here{_who(found)}")
        if found.get("shards") != count:
            rule = f"is being written in {found.get('shards')} shards, this is shard {index}/{count}"
            raise ResultError(f"{self.folder}: {rule}{_who(found)}")
        own = f".writer-{index}-of-{count}.lock"
        if self._take(own, note) is None:
            rule = f"shard {index}/{count} is being written already"
            raise ResultError(f"{self.folder}: {rule}{_who(self._read(own))}")

    def _take(self, name: str, note: dict[str, Any]) -> _LockFile | None:
        """The lock alone, with our note in it; none if somebody has it."""
        lock = _LockFile(self.folder / name)
        self._held.append(lock)
        if not lock.acquire(fcntl.LOCK_EX):
            self._held.pop().close()
            return None
        lock.write(note)
        return lock

    def _take_common(self, note: dict[str, Any]) -> _LockFile | None:
        """The lock shared with other shards; the first to come leaves its note in it.

        A file without a note belongs to a shard that is just about to write it, hence the patience.
        """
        end_s = time.monotonic() + _PATIENCE_S
        while True:
            lock = _LockFile(self.folder / NAME)
            self._held.append(lock)
            if lock.acquire(fcntl.LOCK_EX):
                lock.write(note)
                if lock.share():
                    return lock
            elif lock.acquire(fcntl.LOCK_SH) and lock.read():
                return lock
            self._held.pop().close()
            if time.monotonic() >= end_s:
                return None
            time.sleep(_PAUSE_S)

    def _obstacle(self) -> Path:
        """What stands where the folder, or one above it, should be."""
        return next((path for path in (self.folder, *self.folder.parents) if path.exists()), self.folder)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            with (self.folder / name).open("rb") as file:
                return _parsed(file.read(_MAX_NOTE_BYTES))
        except OSError:
            return {}


@dataclass(eq=False)
class _LockFile:
    """One lock file: it exists while somebody holds it, and may be left by one who was killed."""

    path: Path
    _fd: int = field(default=-1, init=False)

    def acquire(self, how: int) -> bool:
        """Lock without waiting; whether it worked. The file may be removed by its last holder in between."""
        while True:
            if self._fd < 0:
                self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                _OPEN.add(self)
            try:
                fcntl.flock(self._fd, how | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _BUSY:
                    return False
                raise
            if self._is_current():
                return True
            self.close()

    def share(self) -> bool:
        """Turn a lock held alone into a shared one; false if somebody took it in between."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return self._is_current()

    def release(self) -> None:
        """Give the lock up; remove the file if nobody else holds it."""
        if self._fd < 0:
            return
        with suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_current():
                self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the file, which ends the lock of this process."""
        _OPEN.discard(self)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def write(self, note: dict[str, Any]) -> None:
        """Say who holds it."""
        text = json.dumps(note).encode()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text, 0)

    def read(self) -> dict[str, Any]:
        """Who holds it; empty when nobody has said so."""
        return _parsed(os.pread(self._fd, _MAX_NOTE_BYTES, 0))

    def _is_current(self) -> bool:
        try:
            there, ours = os.stat(self.path), os.fstat(self._fd)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


_OPEN: weakref.WeakSet[_LockFile] = weakref.WeakSet()


def _not_in_child() -> None:
    """A forked child must not hold its parent's lock beyond the parent's end."""
    for lock in list(_OPEN):
        lock.close()


os.register_at_fork(after_in_child=_not_in_child)


def _note(shard: tuple[int, int], campaign: str) -> dict[str, Any]:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {
        "pid": os.getpid(), "host": socket.gethostname(), "since": since, "shards": shard[1], "campaign": campaign,
    }


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        note = json.loads(text)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _who(note: dict[str, Any]) -> str:
    """`` (process 1234 on HOST, since ...)``, or nothing where the file does not say."""
    if not note:
        return ""
    return f" (process {note.get('pid')} on {note.get('host')}, since {note.get('since')})"
