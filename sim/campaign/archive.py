"""A result folder as one piece of bytes, to bring it from the machine that computed it to the one that asked.

Packed the same way whatever the order of the directory or the clock. What arrives is checked before anything of it
is written: it may be cut short, damaged or somebody else's.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sim
from sim.results import OWN_NAMES, SCHEMA_VERSION, ResultError, ResultFolder

MAX_MEMBERS = 200
MAX_MEMBER_BYTES = 256 << 20
MAX_TOTAL_BYTES = 512 << 20
"""Bounds of what is unpacked; a run of a small example with its plots has 3 MB."""
_LEVEL = 6
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PICTURE = re.compile(r"plots/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.(png|svg|pdf)")
_NEEDED = ("metrics.csv", "scenario.yaml", "summary.json")
_READ_BYTES = 1 << 20


class ArchiveError(ValueError):
    """An archive that is not taken; one line that says what is wrong with it."""


def pack(folder: Path, without: Iterable[str] = ()) -> bytes:
    """A finished run's folder as a compressed archive, members in the order of their names.

    ``without`` names files the other side has already. :class:`ArchiveError` for a file no run writes, or too large.
    """
    left_out = set(without)
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    names = sorted(set(paths) - left_out)
    _check_names(names)
    _check_sizes({name: paths[name].stat().st_size for name in names})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), paths[name].read_bytes(), zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()


def unpack(data: bytes, out: Path, run_id: str, extra: Iterable[Path] = ()) -> None:
    """Put the run of an archive into place at ``out``, whole or not at all, ``summary.json`` last.

    ``extra`` are files of this machine that belong into the folder too. :class:`ArchiveError` for anything but the
    finished run ``run_id`` of this version; OSError and :class:`sim.results.ResultError` where it cannot be written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _checked_members(archive)
            summary = _checked_summary(b"".join(_blocks(archive, members["summary.json"])), run_id)
            with ResultFolder(out, run_id) as target:
                for name, member in members.items():
                    if name != "summary.json":
                        _write(archive, member, target.work / name)
                for path in extra:
                    shutil.copyfile(path, target.work / path.name)
                target.finish_with(summary)
    except (ArchiveError, ResultError):
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, ValueError) as error:
        raise ArchiveError(f"archive of run {run_id}: is damaged: {error}") from None


def _checked_members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise ArchiveError("archive: a name stands in it twice")
    _check_names(names)
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.flag_bits & 1 or kind not in (0, stat.S_IFREG):
            raise ArchiveError(f"archive: {member.filename!r} is no plain file")
    _check_sizes({member.filename: member.file_size for member in members})
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise ArchiveError(f"archive: is no finished run, {missing[0]} is missing")
    return dict(zip(names, members, strict=True))


def _check_names(names: Iterable[str]) -> None:
    for count, name in enumerate(names, 1):
        if count > MAX_MEMBERS:
            raise ArchiveError(f"archive: has more than {MAX_MEMBERS} files")
        if (name == "plots" or name not in OWN_NAMES) and not _PICTURE.fullmatch(name):
            raise ArchiveError(f"archive: {name!r} is no file of a result folder")


def _check_sizes(sizes: dict[str, int]) -> None:
    for name, size_bytes in sizes.items():
        if size_bytes > MAX_MEMBER_BYTES:
            raise ArchiveError(f"archive: {name!r} has {size_bytes} bytes, at most {MAX_MEMBER_BYTES} are taken")
    if sum(sizes.values()) > MAX_TOTAL_BYTES:
        raise ArchiveError(f"archive: has {sum(sizes.values())} bytes in all, at most {MAX_TOTAL_BYTES} are taken")


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Content of a member in blocks: a size that lies then costs one block of memory, not all it unpacks to."""
    with archive.open(member) as file:
        while block := file.read(_READ_BYTES):
            yield block


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as target:
        target.writelines(_blocks(archive, member))


def _checked_summary(content: bytes, run_id: str) -> str:
    """The text of a summary that is the right one."""
    try:
        text = content.decode("utf-8")
        summary: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise ArchiveError(f"archive of run {run_id}: summary.json is broken") from None
    if not isinstance(summary, dict):
        raise ArchiveError(f"archive of run {run_id}: summary.json is broken")
    wanted = {"run_id": run_id, "schema_version": SCHEMA_VERSION, "version": sim.__version__}
    for key, value in wanted.items():
        if summary.get(key) != value:
            raise ArchiveError(f"archive of run {run_id}: {key} is {summary.get(key)!r}, not {value!r}")
    return text
