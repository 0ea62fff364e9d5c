"""Files that appear whole or not at all: written under a hidden name beside, then moved into place."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def partial_name(path: Path) -> Path:
    """The hidden sibling under which this process writes ``path``."""
    return path.with_name(f".{path.name}.partial-{os.getpid()}")


def synced(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on, so that a power cut cannot undo them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems that cannot do it for folders
            raise
    finally:
        os.close(handle)


@contextmanager
def blamed_on(path: str | Path) -> Iterator[None]:
    """An OSError that names no file (a full disk, say) leaves this block naming ``path``."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yields the name to write to; it becomes ``path`` if the block ends well and is removed if it does not."""
    partial = partial_name(path)
    try:
        with blamed_on(path):
            yield partial
            os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
