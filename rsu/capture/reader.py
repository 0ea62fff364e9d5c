"""Reading capture files block by block, in constant memory, whatever the octets are."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import BinaryIO

from rsu.capture import pcapng

MAX_BLOCK_BYTES = 1 << 20
"""Longest block read, unknown kinds included."""

_CLASSIC_TICKS = {0xA1B2C3D4: 10**6, 0xA1B23C4D: 10**9}
_CLASSIC_LINK_TYPE_MASK = 0xFFFF
_MICROSECONDS = 10**6
_SECTION_MARK = struct.pack("<I", pcapng.SECTION_HEADER)


class CaptureError(ValueError):
    """Octets that are no capture file: where (``offset`` from the start of the file) and which rule they break."""

    def __init__(self, offset: int, rule: str) -> None:
        super().__init__(f"capture, octet {offset}: {rule}")
        self.offset = offset
        self.rule = rule


@dataclass(frozen=True)
class Packet:
    """One packet of a capture file."""

    interface: str
    """Name of the interface; empty where the file gives none."""
    link_type: int
    time_ns: int | None
    """Nanoseconds since 1970, a coarser or finer stamp rounded down; None where the block has no stamp."""
    octets: bytes
    comments: tuple[str, ...] = ()
    original_bytes: int = 0
    """Length on the wire; more than ``len(octets)`` if the capture was cut."""


@dataclass
class _Interface:
    link_type: int
    snap_bytes: int
    name: str = ""
    ticks_per_s: int = _MICROSECONDS
    offset_s: int = 0


@dataclass
class _Section:
    order: str
    interfaces: list[_Interface] = field(default_factory=list)


class _Source:
    """A file read forward only, with the offset of the next octet."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.offset = 0

    def take(self, count: int, what: str, may_end: bool = False) -> bytes:
        """Exactly ``count`` octets; none at all only where the file ``may_end``. CaptureError if cut."""
        parts, missing = [], count
        while missing and (part := self.file.read(missing)):
            parts.append(part)
            missing -= len(part)
        octets = b"".join(parts)
        if missing and (octets or not may_end):
            raise CaptureError(self.offset + len(octets), f"file ends inside {what}")
        self.offset += len(octets)
        return octets


def read_capture(source: str | os.PathLike[str] | BinaryIO) -> Iterator[Packet]:
    """Packets of a pcapng or classic pcap file, in file order, one block in memory at a time.

    pcapng: both byte orders, several sections, any time resolution and offset, enhanced, simple and obsolete
    packet blocks; other blocks are skipped. Classic: microseconds and nanoseconds, both byte orders. Whatever
    the octets are, the iteration gives packets and then ends or raises one :class:`CaptureError`. A file object
    is left open. OSError: no such file.
    """
    with open(source, "rb") if isinstance(source, str | os.PathLike) else nullcontext(source) as file:
        start = _Source(file)
        magic = start.take(4, "the first four octets")
        if magic == _SECTION_MARK:
            yield from _pcapng(start)
            return
        for order in "<>":
            ticks = _CLASSIC_TICKS.get(struct.unpack(f"{order}I", magic)[0])
            if ticks:
                yield from _classic(start, order, ticks)
                return
        raise CaptureError(0, f"starts with {magic.hex()}: neither pcapng nor pcap")


def _classic(source: _Source, order: str, ticks_per_s: int) -> Iterator[Packet]:
    """Packets behind the magic of a classic file."""
    _, _, _, _, _, link_type = struct.unpack(f"{order}HHiIII", source.take(20, "the file header"))
    interface = _Interface(link_type & _CLASSIC_LINK_TYPE_MASK, 0, ticks_per_s=ticks_per_s)
    while True:
        at = source.offset
        header = source.take(16, "a packet header", may_end=True)
        if not header:
            return
        seconds, ticks, captured, original = struct.unpack(f"{order}4I", header)
        _check_packet(at + 8, captured)
        octets = source.take(captured, "a packet")
        time_ns = _time_ns(interface, seconds * ticks_per_s + ticks, at)
        yield Packet("", interface.link_type, time_ns, octets, (), original)


def _pcapng(source: _Source) -> Iterator[Packet]:
    """Packets of a pcapng file whose first block type has been read."""
    section: _Section | None = None
    kind_octets = _SECTION_MARK
    while kind_octets:
        at = source.offset - 4
        length_octets = source.take(4, "a block length")
        if kind_octets == _SECTION_MARK:
            section = _Section(_byte_order(source))
            _section_header(section, _body(source, section.order, length_octets, at, already=4), at)
        else:
            assert section is not None
            body = _body(source, section.order, length_octets, at)
            yield from _block(section, struct.unpack(f"{section.order}I", kind_octets)[0], body, at)
        kind_octets = source.take(4, "a block type", may_end=True)


def _byte_order(source: _Source) -> str:
    magic = source.take(4, "a section header")
    for order in "<>":
        if struct.unpack(f"{order}I", magic)[0] == pcapng.BYTE_ORDER_MAGIC:
            return order
    raise CaptureError(source.offset - 4, f"{magic.hex()} is no byte-order magic")


def _body(source: _Source, order: str, length_octets: bytes, at: int, already: int = 0) -> bytes:
    """Octets between the two lengths of the block at ``at``, less the ``already`` read ones."""
    (length,) = struct.unpack(f"{order}I", length_octets)
    least = 12 + already
    if not least <= length <= MAX_BLOCK_BYTES or length % 4:
        raise CaptureError(at + 4, f"block length {length}: must be a multiple of 4 in {least}..{MAX_BLOCK_BYTES}")
    body = source.take(length - least, "a block")
    if source.take(4, "a block") != length_octets:
        raise CaptureError(source.offset - 4, f"closing length differs from {length}")
    return body


def _section_header(section: _Section, body: bytes, at: int) -> None:
    if len(body) < 12:
        raise CaptureError(at, "section header is too short")
    (major,) = struct.unpack_from(f"{section.order}H", body)
    if major != 1:
        raise CaptureError(at + 12, f"pcapng version {major} is not 1")


def _block(section: _Section, kind: int, body: bytes, at: int) -> Iterator[Packet]:
    """Take note of an interface, or give the packet of the block; other kinds give nothing."""
    if kind == pcapng.INTERFACE_DESCRIPTION:
        _interface(section, body, at)
    elif kind == pcapng.ENHANCED_PACKET:
        yield _packet(section, "IIIII", body, at)
    elif kind == pcapng.OBSOLETE_PACKET:
        yield _packet(section, "HxxIIII", body, at)
    elif kind == pcapng.SIMPLE_PACKET:
        yield _simple_packet(section, body, at)


def _interface(section: _Section, body: bytes, at: int) -> None:
    if len(body) < 8:
        raise CaptureError(at, "interface description is too short")
    if len(section.interfaces) >= pcapng.MAX_INTERFACES:
        raise CaptureError(at, f"more than {pcapng.MAX_INTERFACES} interfaces in a section")
    interface = _Interface(*struct.unpack_from(f"{section.order}HxxI", body))
    for code, value, where in _options(section.order, body, 8, at):
        if code == pcapng.OPTION_NAME:
            if len(value) > pcapng.MAX_NAME_BYTES:
                raise CaptureError(where, f"interface name has {len(value)} octets, more than {pcapng.MAX_NAME_BYTES}")
            interface.name = _text(value)
        elif code == pcapng.OPTION_RESOLUTION:
            if len(value) != 1:
                raise CaptureError(where, "time resolution is not one octet")
            interface.ticks_per_s = (2 if value[0] & 0x80 else 10) ** (value[0] & 0x7F)
        elif code == pcapng.OPTION_TIME_OFFSET:
            if len(value) != 8:
                raise CaptureError(where, "time offset is not eight octets")
            (interface.offset_s,) = struct.unpack(f"{section.order}q", value)
    section.interfaces.append(interface)


def _packet(section: _Section, layout: str, body: bytes, at: int) -> Packet:
    """Packet of an enhanced or obsolete packet block: interface, time high and low, captured, original, octets."""
    if len(body) < 20:
        raise CaptureError(at, "packet block is too short")
    number, high, low, captured, original = struct.unpack_from(section.order + layout, body)
    if number >= len(section.interfaces):
        raise CaptureError(at + 8, f"interface {number} has not been described")
    _check_packet(at + 20, captured)
    end = 20 + captured
    if end > len(body):
        raise CaptureError(at + 20, f"packet of {captured} octets is longer than its block")
    options = _options(section.order, body, end + -captured % 4, at)
    comments = tuple(_text(value) for code, value, _ in options if code == pcapng.OPTION_COMMENT)
    interface = section.interfaces[number]
    time_ns = _time_ns(interface, high << 32 | low, at + 12)
    return Packet(interface.name, interface.link_type, time_ns, body[20:end], comments, original)


def _simple_packet(section: _Section, body: bytes, at: int) -> Packet:
    """Packet of interface 0 without a stamp; its captured length follows from the others."""
    if len(body) < 4:
        raise CaptureError(at, "packet block is too short")
    if not section.interfaces:
        raise CaptureError(at, "interface 0 has not been described")
    (original,) = struct.unpack_from(f"{section.order}I", body)
    interface = section.interfaces[0]
    captured = min(original, interface.snap_bytes or original)
    _check_packet(at + 8, captured)
    if 4 + captured > len(body):
        raise CaptureError(at + 8, f"packet of {captured} octets is longer than its block")
    return Packet(interface.name, interface.link_type, None, body[4 : 4 + captured], (), original)


def _options(order: str, body: bytes, start: int, at: int) -> Iterator[tuple[int, bytes, int]]:
    """(code, value, offset in the file) of the options from ``start`` on, to the end mark or the end."""
    position = start
    while position < len(body):
        where = at + 8 + position
        if position + 4 > len(body):
            raise CaptureError(where, "block ends inside an option")
        code, length = struct.unpack_from(f"{order}HH", body, position)
        if code == pcapng.OPTION_END:
            return
        position += 4
        if position + length > len(body):
            raise CaptureError(where, f"option of {length} octets is longer than its block")
        yield code, body[position : position + length], where
        position += length + -length % 4


def _check_packet(where: int, captured: int) -> None:
    if captured > pcapng.MAX_PACKET_BYTES:
        raise CaptureError(where, f"packet of {captured} octets is longer than {pcapng.MAX_PACKET_BYTES}")


def _time_ns(interface: _Interface, ticks: int, where: int) -> int:
    time_ns = ticks * 10**9 // interface.ticks_per_s + interface.offset_s * 10**9
    if not -(1 << 63) <= time_ns < 1 << 63:
        raise CaptureError(where, "time is outside 64 bits of nanoseconds")
    return time_ns


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
