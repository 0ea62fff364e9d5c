"""Capture files: pcapng written with one interface per station, pcapng and classic pcap read back.

Layouts: draft-ietf-opsawg-pcapng (blocks, options) and draft-ietf-opsawg-pcap (classic files). Times are int
nanoseconds since 1970-01-01 UTC.
"""

from __future__ import annotations

import os
import struct
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

MAX_PACKET_BYTES = 256 * 1024
"""Longest packet written or read."""
MAX_COMMENT_BYTES = 65_535
"""Longest comment or description in UTF-8: the length of an option is 16 bits wide."""
MAX_INTERFACES = 4096
"""Most interfaces in one section."""
MAX_NAME_BYTES = 1024
"""Longest interface name in UTF-8."""

SECTION_HEADER, INTERFACE_DESCRIPTION, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
OPTION_END, OPTION_COMMENT, OPTION_APPLICATION = 0, 1, 4
OPTION_NAME, OPTION_DESCRIPTION, OPTION_RESOLUTION, OPTION_TIME_OFFSET = 2, 3, 9, 14
BYTE_ORDER_MAGIC = 0x1A2B3C4D

_UNKNOWN_SECTION_LENGTH = 0xFFFF_FFFF_FFFF_FFFF
_NANOSECONDS = b"\x09"
_BLOCK_FRAME_BYTES = 12


class CaptureWriter:
    """Writes a pcapng file: nanosecond stamps, one interface per station, a comment per packet.

    ``target`` is a path or a binary file object. A path appears only when :meth:`close` succeeds: everything
    goes to a hidden sibling first, which is removed when the ``with`` block ends in an exception, and when the
    writer is dropped without being closed. A file object is written to and left open.
    """

    def __init__(self, target: str | os.PathLike[str] | BinaryIO, application: str = "") -> None:
        """``application`` names the writing program in the section header; OSError if the path is not writable."""
        self._path: Path | None = None
        self._interfaces = 0
        self._closed = False
        if isinstance(target, str | os.PathLike):
            self._path = Path(target)
            self._partial = self._path.with_name(f".{self._path.name}.partial-{os.getpid()}")
            try:
                self._file: BinaryIO = open(self._partial, "wb")
            except OSError as error:
                self._blame(error)
                raise
            self._discard = weakref.finalize(self, _discard, self._file, self._partial)
        else:
            self._file = target
        header = struct.pack("<IHHQ", BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_SECTION_LENGTH)
        self._write(SECTION_HEADER, header + _text_options((OPTION_APPLICATION, application)))

    def add_interface(self, name: str, link_type: int, description: str = "") -> int:
        """Describe one station and return its interface number, for :meth:`packet`; any time before its packets.

        ValueError: link type outside 0..65535, a text too long, more than MAX_INTERFACES.
        """
        self._check_open()
        if self._interfaces >= MAX_INTERFACES:
            raise ValueError(f"interface {name[:20]!r}: {MAX_INTERFACES} are there already")
        if len(name.encode(errors="replace")) > MAX_NAME_BYTES:
            raise ValueError(f"name {name[:20]!r}...: longer than {MAX_NAME_BYTES} octets")
        if not 0 <= link_type <= 0xFFFF:
            raise ValueError(f"link_type: {link_type} is outside 0..65535")
        texts = _text_options((OPTION_NAME, name), (OPTION_DESCRIPTION, description), closed=False)
        options = texts + _option(OPTION_RESOLUTION, _NANOSECONDS) + _option(OPTION_END, b"")
        self._write(INTERFACE_DESCRIPTION, struct.pack("<HHI", link_type, 0, 0) + options)
        self._interfaces += 1
        return self._interfaces - 1

    def packet(self, interface: int, time_ns: int, octets: bytes, comment: str = "") -> None:
        """One packet heard at ``interface``.

        ValueError: unknown interface, time outside 0..2^63 - 1 ns, more than MAX_PACKET_BYTES octets, comment
        too long.
        """
        self._check_open()
        if not 0 <= interface < self._interfaces:
            raise ValueError(f"interface: {interface} is not one of the {self._interfaces} added")
        if not 0 <= time_ns < 1 << 63:
            raise ValueError(f"time_ns: {time_ns} is outside 0..2^63 - 1")
        if len(octets) > MAX_PACKET_BYTES:
            raise ValueError(f"octets: {len(octets)} are more than {MAX_PACKET_BYTES}")
        head = struct.pack("<5I", interface, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(octets), len(octets))
        self._write(ENHANCED_PACKET, head + _padded(octets) + _text_options((OPTION_COMMENT, comment)))

    def close(self) -> None:
        """Finish the file and move it into place; further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        if self._path is None:
            self._file.flush()
            return
        try:
            self._file.close()
            os.replace(self._partial, self._path)
        except BaseException as error:
            self._discard()
            if isinstance(error, OSError):
                self._blame(error)
            raise
        self._discard.detach()

    def discard(self) -> None:
        """Give up: remove what was written to a path; octets in a file object stay."""
        self._closed = True
        if self._path is not None:
            self._discard()

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("capture: already closed")

    def _write(self, kind: int, body: bytes) -> None:
        length = _BLOCK_FRAME_BYTES + len(body)
        try:
            self._file.write(b"".join((struct.pack("<II", kind, length), body, struct.pack("<I", length))))
        except OSError as error:
            self._blame(error)
            raise

    def _blame(self, error: OSError) -> None:
        """Let an error name the file that was asked for, not the hidden one or none."""
        if self._path is not None:
            error.filename, error.filename2 = str(self._path), None


def _discard(file: BinaryIO, partial: Path) -> None:
    """Close and remove a file that never became whole."""
    with suppress(OSError):
        file.close()
    partial.unlink(missing_ok=True)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _text_options(*texts: tuple[int, str], closed: bool = True) -> bytes:
    """Options for the texts that are not empty, followed by the end mark unless none is there or not ``closed``."""
    options = b""
    for code, text in texts:
        value = text.encode(errors="replace")
        if len(value) > MAX_COMMENT_BYTES:
            raise ValueError(f"text {text[:20]!r}...: {len(value)} octets are more than {MAX_COMMENT_BYTES}")
        options += _option(code, value) if value else b""
    return options + _option(OPTION_END, b"") if options and closed else options
