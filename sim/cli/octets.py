"""Octets of messages as users give them: on the command line, in files, on stdin, in captures.

How an argument is read (``auto``): hexadecimal digits are a message; else the name of a file; else base64. ``-`` is
stdin, ``./NAME`` always a file, and a format fixes what text may be. A file is a capture if it begins like one, text
with one message per line (``#`` begins a comment line) if it is printable UTF-8, else one binary message; stdin is
lines.
"""

from __future__ import annotations

import base64
import binascii
import io
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsu.capture import Packet

FORMATS = ("auto", "hex", "base64", "binary")
MAX_LINE_CHARACTERS = 1 << 16
"""Longest line of text; the longest message is a quarter of it in hexadecimal digits."""
_HEAD_BYTES = 1 << 14
_CAPTURE_MARKS = tuple(bytes.fromhex(mark) for mark in ("0a0d0d0a", "a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1"))
_SEPARATORS = re.compile(r"[\s:]+")
_HEX = re.compile(r"[0-9a-fA-F]+")
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True)
class Given:
    """One message, one packet of a capture, or what is wrong in this place."""

    where: str
    octets: bytes = b""
    packet: Packet | None = None
    problem: str = ""
    form: str = ""
    """``base64`` where the text was read so by choice of this program."""


def read_inputs(inputs: list[str], form: str = "auto") -> Iterator[Given]:
    """Everything the arguments name, in order, one at a time; stdin if there are none. Never raises for content."""
    if not inputs:
        yield from _stdin(form)
    for number, text in enumerate(inputs, 1):
        yield from _stdin(form) if text == "-" else _argument(f"message {number}", text, form)


def hex_octets(text: str) -> bytes | None:
    """Octets of hexadecimal digits (blanks, colons and a leading 0x are allowed), or None."""
    digits = _SEPARATORS.sub("", text).removeprefix("0x").removeprefix("0X")
    return bytes.fromhex(digits) if len(digits) % 2 == 0 and _HEX.fullmatch(digits) else None


def base64_octets(text: str) -> bytes | None:
    """Octets of padded base64 in either alphabet, blanks allowed, or None."""
    letters = "".join(text.split()).translate(_URL_SAFE)
    try:
        return base64.b64decode(letters, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _argument(where: str, text: str, form: str) -> Iterator[Given]:
    octets = hex_octets(text) if form in ("auto", "hex") else None
    if octets is not None:
        yield Given(where, octets)
    elif os.path.exists(text):
        yield from _file(text, form)
    else:
        yield _of_text(where, text, form, "no such file")


def _of_text(where: str, text: str, form: str, also: str = "") -> Given:
    """The message a piece of text spells, or the problem with it."""
    if form in ("auto", "hex") and (octets := hex_octets(text)) is not None:
        return Given(where, octets)
    if form in ("auto", "base64") and (octets := base64_octets(text)) is not None:
        return Given(where, octets, form="base64" if form == "auto" else "")
    what = {"hex": "not hexadecimal octets", "base64": "not base64", "binary": ""}.get(form)
    what = "neither hexadecimal octets nor base64" if what is None else what
    what = ", ".join(part for part in (what, also) if part)
    shown = text.strip()
    return Given(where, problem=f"{what}: {shown[:40]!r}{'...' if len(shown) > 40 else ''}")


def _stdin(form: str) -> Iterator[Given]:
    stream = getattr(sys.stdin, "buffer", sys.stdin)
    if form == "binary":
        yield _binary("stdin", stream)
    else:
        yield from _lines("", stream, form, "no message on stdin")


def _file(name: str, form: str) -> Iterator[Given]:
    try:
        with io.BufferedReader(io.FileIO(name), _HEAD_BYTES) as stream:
            head = stream.peek(_HEAD_BYTES)
            if form == "binary":
                yield _binary(name, stream)
            elif head.startswith(_CAPTURE_MARKS):
                yield from _capture(name, stream)
            elif form != "auto" or not head or _is_text(head):
                yield from _lines(f"{name}, ", stream, form, f"no message in {name}")
            else:
                yield _binary(name, stream)
    except OSError as error:
        yield Given(name, problem=error.strerror or type(error).__name__)


def _is_text(head: bytes) -> bool:
    if any(octet < 0x20 and octet not in b"\t\r\n" or octet == 0x7F for octet in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and len(head) >= _HEAD_BYTES
    return True


def _binary(name: str, stream: Any) -> Given:
    from rsu.codec import MAX_INPUT_BYTES

    octets = stream.read(MAX_INPUT_BYTES + 1)
    if len(octets) > MAX_INPUT_BYTES:
        return Given(name, problem=f"longer than {MAX_INPUT_BYTES} octets, the longest message there is")
    return Given(name, octets) if octets else Given(name, problem=f"no message in {name}")


def _lines(prefix: str, stream: Any, form: str, none: str) -> Iterator[Given]:
    nothing = True
    for where, line in text_lines(stream, prefix):
        if isinstance(line, Given):
            nothing = False
            yield line
        elif line.strip() and not line.lstrip().startswith("#"):
            nothing = False
            yield _of_text(where, line, form)
    if nothing:
        yield Given("", problem=none)


def text_lines(
    stream: Any, prefix: str = "", longest: int = MAX_LINE_CHARACTERS
) -> Iterator[tuple[str, str | Given]]:
    """(``line 3``, its text) of every line of a stream of text or octets; a line too long is a problem instead."""
    number = 0
    while line := stream.readline(longest + 1):
        number += 1
        where = f"{prefix}line {number}"
        text = line.decode(errors="replace") if isinstance(line, bytes) else line
        text = text.removeprefix("\ufeff") if number == 1 else text
        if len(line) <= longest or text.endswith("\n"):
            yield where, text
            continue
        while line and line[-1:] not in ("\n", b"\n"):
            line = stream.readline(longest)
        yield where, Given(where, problem=f"longer than {longest} characters")


def _capture(name: str, stream: Any) -> Iterator[Given]:
    from rsu.capture import CaptureError, read_capture

    number = 0
    try:
        for number, packet in enumerate(read_capture(stream), 1):
            yield Given(f"{name}, packet {number}", packet.octets, packet)
    except CaptureError as error:
        yield Given(name, problem=str(error))
        return
    if not number:
        yield Given("", problem=f"no packet in {name}")
