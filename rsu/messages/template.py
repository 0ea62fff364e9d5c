"""Bit layout of a message with a given shape, and packing of whole NumPy columns into it.

In UPER, once it is fixed which optional members are present, which alternatives are chosen and how long lists
are, every constrained field stands at a fixed bit. A layout is read from the parsed schema for one example
value; nothing here knows a message by name. Users verify each layout against the general codec before
trusting it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import Schema

Path = tuple[str | int, ...]
Words = NDArray[np.uint64]

COUNT = "#"
"""Last path entry of a list's length field."""


class NoTemplate(Exception):
    """The value uses something whose length or place depends on content (strings, extensions, open types)."""


@dataclass(frozen=True)
class Field:
    """Consecutive bits: ``constant`` if structure, else a value of ``count`` codes from ``lower``."""

    path: Path
    width: int
    lower: int = 0
    count: int = 0
    constant: int | None = None
    enumerated: bool = False
    """The general decoder refuses codes from ``count`` up (numbers beyond their range it lets pass)."""


def flatten(schema: Schema, definition: dict[str, Any], value: Any, path: Path = ()) -> Iterator[Field]:
    """Fields of ``value`` in wire order (list lengths as variable fields with path entry COUNT).

    Raises NoTemplate for values without a fixed layout.
    """
    definition = schema.resolve(definition)
    kind = definition["type"]
    if kind == "SEQUENCE":
        yield from _flatten_sequence(schema, definition, value, path)
    elif kind == "CHOICE":
        yield from _flatten_choice(schema, definition, value, path)
    elif kind == "SEQUENCE OF":
        lowest, highest = _size(definition)
        yield Field((*path, COUNT), (highest - lowest).bit_length(), lowest, highest - lowest + 1)
        for index, element in enumerate(value):
            yield from flatten(schema, definition["element"], element, (*path, index))
    else:
        yield from _flatten_leaf(definition, value, path)


def _flatten_sequence(schema: Schema, definition: dict[str, Any], value: Any, path: Path) -> Iterator[Field]:
    members = definition["members"]
    root = members[: members.index(None)] if None in members else members
    if not set(value) <= {member["name"] for member in root}:
        raise NoTemplate(f"{path}: extension addition")
    if len(root) < len(members):
        yield Field(path, 1, constant=0)
    for member in root:
        if member.get("optional"):
            yield Field((*path, member["name"]), 1, constant=int(member["name"] in value))
        if "default" in member:
            raise NoTemplate(f"{path}: DEFAULT")
    for member in root:
        if member["name"] in value:
            yield from flatten(schema, member, value[member["name"]], (*path, member["name"]))


def _flatten_choice(schema: Schema, definition: dict[str, Any], value: Any, path: Path) -> Iterator[Field]:
    members = definition["members"]
    root = members[: members.index(None)] if None in members else members
    names = [member["name"] for member in root]
    if value[0] not in names:
        raise NoTemplate(f"{path}: extension alternative")
    if len(root) < len(members):
        yield Field(path, 1, constant=0)
    yield Field(path, (len(root) - 1).bit_length(), constant=names.index(value[0]))
    yield from flatten(schema, root[names.index(value[0])], value[1], (*path, value[0]))


def _flatten_leaf(definition: dict[str, Any], value: Any, path: Path) -> Iterator[Field]:
    kind = definition["type"]
    if kind == "INTEGER":
        ((lowest, highest),) = definition["restricted-to"]
        yield Field(path, (highest - lowest).bit_length(), lowest, highest - lowest + 1)
    elif kind == "BOOLEAN":
        yield Field(path, 1, 0, 2)
    elif kind == "ENUMERATED":
        values = definition["values"]
        root = values[: values.index(None)] if None in values else values
        if value not in {name for name, _ in root}:
            raise NoTemplate(f"{path}: extension value")
        if len(root) < len(values):
            yield Field(path, 1, constant=0)
        yield Field(path, (len(root) - 1).bit_length(), 0, len(root), enumerated=True)
    elif kind in ("BIT STRING", "OCTET STRING"):
        size = definition["size"]
        bits = size[0] * (8 if kind == "OCTET STRING" else 1) if isinstance(size[0], int) else 0
        if not 0 < bits <= 64 or (kind == "BIT STRING" and value[1] != bits):
            raise NoTemplate(f"{path}: {kind} of variable or large size")
        if len(size) > 1:
            yield Field(path, 1, constant=0)
        yield Field(path, bits, 0, 1 << bits)
    else:
        raise NoTemplate(f"{path}: {kind}")


def _size(definition: dict[str, Any]) -> tuple[int, int]:
    size = definition["size"]
    if len(size) != 1 or not isinstance(size[0], tuple):
        raise NoTemplate(f"list of size {size}")
    return size[0]


@dataclass(frozen=True)
class Placed:
    """A variable field at its bit offset inside a block."""

    path: Path
    offset: int
    width: int
    lower: int
    count: int
    enumerated: bool


class Block:
    """Consecutive fields as constant words and placed variable fields.

    Words are big-endian in the message: bit 0 of the block is the most significant bit of word 0. Word
    matrices have shape (words, rows).
    """

    def __init__(self, fields: list[Field]) -> None:
        self.bits = sum(field.width for field in fields)
        self.words = -(-self.bits // 64)
        self.fields: list[Placed] = []
        constant, mask, offset = 0, 0, 0
        for field in fields:
            shift = self.words * 64 - offset - field.width
            if field.constant is None:
                placed = Placed(field.path, offset, field.width, field.lower, field.count, field.enumerated)
                self.fields.append(placed)
            else:
                constant |= field.constant << shift
                mask |= ((1 << field.width) - 1) << shift
            offset += field.width
        self.constant = _split(constant, self.words)
        self.mask = _split(mask, self.words)

    def pack(self, columns: dict[Path, NDArray[Any]], rows: int, spare_words: int = 0) -> Words:
        """Word matrix of one block per row from wire integers by path; values must be in range."""
        words = np.zeros((self.words + spare_words, rows), np.uint64)
        words[: self.words] = self.constant[:, None]
        for field in self.fields:
            column = columns[field.path]
            raw = (column - field.lower if field.lower else column).astype(np.uint64, copy=False)
            word, shift = field.offset >> 6, 64 - (field.offset & 63) - field.width
            if shift >= 0:
                words[word] |= raw << np.uint64(shift)
            else:
                words[word] |= raw >> np.uint64(-shift)
                words[word + 1] |= raw << np.uint64(64 + shift)
        return words

    def matches(self, words: Words) -> NDArray[np.bool_]:
        """Which columns of a word matrix carry this block's constant bits."""
        same = np.ones(words.shape[1], bool)
        for word in range(self.words):
            if self.mask[word]:
                same &= (words[word] & self.mask[word]) == self.constant[word]
        return same

    def unpack(self, words: Words, strict: bool) -> tuple[dict[Path, NDArray[Any]], NDArray[np.bool_]]:
        """Wire integers by path, and which rows hold only codes the general decoder accepts.

        With ``strict`` numbers must be inside their range, otherwise only enumerations must.
        """
        columns: dict[Path, NDArray[Any]] = {}
        good = np.ones(words.shape[1], bool)
        for field in self.fields:
            word, shift = field.offset >> 6, 64 - (field.offset & 63) - field.width
            if shift >= 0:
                raw = words[word] >> np.uint64(shift)
            else:
                raw = (words[word] << np.uint64(-shift)) | (words[word + 1] >> np.uint64(64 + shift))
            if field.width < 64:
                raw = raw & np.uint64((1 << field.width) - 1)
                if (field.enumerated or strict) and field.count < 1 << field.width:
                    good &= raw < np.uint64(field.count)
                raw = raw.astype(np.int64)
                raw += field.lower
            columns[field.path] = raw
        return columns, good


def place(words: Words, column: NDArray[np.int64], offset: NDArray[np.int64], width: NDArray[np.int64] | int,
          value: Words) -> None:
    """Write values of up to 64 bits, each at its own bit offset, into columns of a word matrix (bits zero).

    A column may receive several values in one call; the matrix needs one spare word at the end.
    """
    rows = words.shape[1]
    flat = words.reshape(-1)
    index = (offset >> 6) * rows + column
    shift = 64 - (offset & 63) - width
    left = np.maximum(shift, 0).astype(np.uint64)
    right = np.maximum(-shift, 0).astype(np.uint64)
    # Disjoint bits: adding is setting, and add.at has a fast loop where bitwise_or.at has none.
    np.add.at(flat, index, (value << left) >> right)
    spill = shift < 0
    if spill.any():
        np.add.at(flat, index[spill] + rows, value[spill] << (np.uint64(64) - right[spill]))


def window(words: Words, column: NDArray[np.int64], offset: NDArray[np.int64]) -> Words:
    """The 64 bits from ``offset`` on of each given column; the matrix needs one spare word at the end."""
    rows = words.shape[1]
    flat = words.reshape(-1)
    index = (offset >> 6) * rows + column
    shift = (offset & 63).astype(np.uint64)
    # Two shifts because a shift by 64 is undefined.
    return (flat[index] << shift) | (flat[index + rows] >> (np.uint64(63) - shift) >> np.uint64(1))


def to_octets(words: Words, bits: NDArray[np.int64]) -> list[bytes]:
    """One bytes object per column, cut to its number of bits rounded up to octets."""
    stride = words.shape[0] * 8
    buffer = np.ascontiguousarray(words.T).astype(">u8").tobytes()
    lengths = ((bits + 7) >> 3).tolist()
    starts = range(0, len(buffer), stride)
    return [buffer[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def from_octets(messages: list[bytes], words: int) -> Words:
    """Word matrix of messages that are at most ``words`` * 8 octets long, padded with zero bits."""
    stride = words * 8
    buffer = b"".join([message.ljust(stride, b"\0") for message in messages])
    matrix = np.frombuffer(buffer, ">u8").reshape(len(messages), words)
    return np.ascontiguousarray(matrix.T).astype(np.uint64)


def _split(number: int, words: int) -> Words:
    return np.frombuffer(number.to_bytes(words * 8, "big"), ">u8").astype(np.uint64)
