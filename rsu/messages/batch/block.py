"""Blocks of bits: many messages with the same layout packed from, and read into, one matrix of integers.

In UPER, once it is fixed which optional members are present and which alternatives are chosen, every constrained
field stands at a fixed bit of its block. A block knows nothing of messages: the rest of this package finds the
fields in the parsed schema and checks every layout against the general codec.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Path = tuple[str | int, ...]
Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

COUNT = "#"
"""Last path entry of a list's length field."""

_1, _63 = np.uint64(1), np.uint64(63)

_FEW_ROWS = 64
"""Below, one reduction over all fields is cheaper than one per word."""


class NoTemplate(Exception):
    """The type uses something whose length or place depends on content (strings, extensions, open types)."""


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
    extensible: bool = False
    """A value out of range is legal, but has another layout."""


class OutOfRange(ValueError):
    """A value that its field does not hold; ``field`` and ``value`` say which."""

    def __init__(self, field: Field, value: int) -> None:
        super().__init__(f"{'.'.join(map(str, field.path))}: {value} is outside {field.lower}.."
                         f"{field.lower + field.count - 1}")
        self.field, self.value = field, value


class Block:
    """Consecutive fields: constant words, and variable fields each at its bit.

    Words are big-endian in the message: bit 0 of the block is the most significant bit of word 0. Word matrices
    have shape (words, rows); value matrices shape (fields, rows), int64, fields in the order of ``fields``.
    A value of 64 bits is the int64 with the same bits.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self.bits = sum(field.width for field in fields)
        self.words = -(-self.bits // 64)
        self.fields = [field for field in fields if field.constant is None]
        self.offsets: list[int] = []
        constant, mask, offset = 0, 0, 0
        for field in fields:
            shift = self.words * 64 - offset - field.width
            if field.constant is None:
                self.offsets.append(offset)
            else:
                constant |= field.constant << shift
                mask |= ((1 << field.width) - 1) << shift
            offset += field.width
        self.constant_bits, self.mask_bits = constant, mask
        self.constant = _split(constant, self.words)
        self.mask = _split(mask, self.words)
        self._masked = np.flatnonzero(self.mask)
        self._index_fields()

    def _index_fields(self) -> None:
        """Shifts, limits and word numbers of all fields as columns for whole-matrix arithmetic."""
        widths = np.array([field.width for field in self.fields], np.int64)
        offsets = np.array(self.offsets, np.int64)
        ends = offsets + widths
        last = np.maximum(ends - 1, 0) >> 6
        self._lower = np.array([field.lower for field in self.fields], np.int64)[:, None]
        self._has_lower = bool(self._lower.any())
        full = [field.width == 64 or field.count == 1 << field.width for field in self.fields]
        limits = [(1 << 64) - 1 if field.width == 64 else field.count - 1 for field in self.fields]
        self._limit = np.array(limits, np.uint64)[:, None]
        self._strictly = self._limits(limits, [not whole for whole in full])
        self._leniently = self._limits(limits, [f.enumerated and not whole
                                                for f, whole in zip(self.fields, full, strict=True)])
        self._left = (63 - ((ends - 1) & 63)).astype(np.uint64)[:, None]
        self._last = last
        used, starts = np.unique(last, return_index=True)
        self._spans = list(zip(used.tolist(), starts.tolist(), [*starts.tolist(), len(last)][1:], strict=True))
        self._starts = starts
        self._every_word = len(used) == self.words
        self._used = used
        self._straddling = [
            (index, int(last[index]) - 1, np.uint64(int(ends[index]) - int(last[index]) * 64))
            for index in range(len(self.fields)) if int(offsets[index]) >> 6 < last[index]
        ]
        self._keep = np.array([(1 << int(width)) - 1 for width in widths], np.uint64)[:, None]

    @staticmethod
    def _limits(limits: list[int], tested: list[bool]) -> tuple[NDArray[np.intp], Words]:
        """Which fields a receiver compares, and their highest raw values."""
        chosen = np.flatnonzero(tested)
        return chosen, np.array(limits, np.uint64)[chosen, None]

    def pack(self, values: Rows, check: bool = True) -> Words:
        """Word matrix of one block per row of a value matrix; raises OutOfRange unless ``check`` is off."""
        rows = values.shape[1]
        if not self.fields:
            return np.repeat(self.constant[:, None], rows, axis=1)
        raw = (values - self._lower if self._has_lower else values).view(np.uint64)
        if check and (raw > self._limit).any():
            self._refuse(values, raw)
        moved = raw << self._left
        if rows < _FEW_ROWS and self._every_word:
            words = np.bitwise_or.reduceat(moved, self._starts, axis=0)
            words |= self.constant[:, None]
        else:
            words = np.empty((self.words, rows), np.uint64)
            words[:] = self.constant[:, None]
            for word, start, end in self._spans:
                words[word] |= moved[start] if end == start + 1 else np.bitwise_or.reduce(moved[start:end], axis=0)
        for index, word, shift in self._straddling:
            words[word] |= raw[index] >> shift
        return words

    def _refuse(self, values: Rows, raw: Words) -> None:
        bad = raw > self._limit
        index = int(np.flatnonzero(bad.any(axis=1))[0])
        value = int(values[index][np.flatnonzero(bad[index])[0]])
        raise OutOfRange(self.fields[index], value)

    def matches(self, words: Words) -> NDArray[np.bool_]:
        """Which columns of a word matrix carry this block's constant bits."""
        if len(self._masked) == 1:
            word = self._masked[0]
            return (words[word] & self.mask[word]) == self.constant[word]
        same = np.ones(words.shape[1], bool)
        for word in self._masked.tolist():
            same &= (words[word] & self.mask[word]) == self.constant[word]
        return same

    def unpack(self, words: Words, strict: bool) -> tuple[Rows, NDArray[np.bool_] | None]:
        """Value matrix, and which rows hold only codes the general decoder accepts (None: all of them).

        With ``strict`` numbers must be inside their range, otherwise only enumerations must.
        """
        if not self.fields:
            return np.empty((0, words.shape[1]), np.int64), None
        raw = words.take(self._last, axis=0)
        raw >>= self._left
        for index, word, shift in self._straddling:
            raw[index] |= words[word] << shift
        raw &= self._keep
        good: NDArray[np.bool_] | None = None
        tested, limits = self._strictly if strict else self._leniently
        if len(tested):
            bad = raw[tested] > limits
            good = ~bad.any(axis=0) if bad.any() else None
        values = raw.view(np.int64)
        if self._has_lower:
            values += self._lower
        return values, good


def place(words: Words, row: Rows, offset: Rows, *values: Words) -> None:
    """Write 64 bits, and the 64 behind them for every further value, each at its own bit offset, into rows of a
    message matrix whose bits are zero there.

    What is shorter stands in the most significant bits, with zeros behind. ``words`` has one message per row
    (messages, words) and is contiguous; a row may receive several values in one call; it needs one spare word at
    the end.
    """
    flat = words.reshape(-1)
    index = offset >> 6
    index += row * words.shape[1]
    shift = (offset & 63).view(np.uint64)
    back = _63 - shift
    carry: Words | None = None
    for value in values:
        here = value >> shift
        if carry is not None:
            here |= carry
        # Disjoint bits: adding is setting, and add.at has a fast loop where bitwise_or.at has none.
        np.add.at(flat, index, here)
        index += 1
        # Two shifts because a shift by 64 is undefined.
        carry = value << back
        carry <<= _1
    if carry is not None and carry.any():
        np.add.at(flat, index, carry)


def window(words: Words, row: Rows, offset: Rows) -> Words:
    """The 64 bits from ``offset`` on of each given row; a message row needs one spare word at the end."""
    return window_at(words.reshape(-1), offset + row * (words.shape[1] * 64))


def window_at(flat: Words, place: Rows) -> Words:
    """The 64 bits from each bit of a row of words on; one spare word stands at the end."""
    index = place >> 6
    shift = (place & 63).view(np.uint64)
    head = flat.take(index)
    head <<= shift
    index += 1
    tail = flat.take(index)
    # Two shifts because a shift by 64 is undefined.
    tail >>= _63 - shift
    tail >>= _1
    head |= tail
    return head


def windows(words: Words, row: Rows, offset: Rows, count: int) -> Words:
    """``count`` consecutive windows of each given row, (count, rows); behind the last row its last word is repeated."""
    flat = words.reshape(-1)
    place = offset + row * (words.shape[1] * 64)
    index = place >> 6
    shift = (place & 63).view(np.uint64)
    back = _63 - shift
    found = np.empty((count, len(place)), np.uint64)
    head = flat.take(index, mode="clip")
    for one in found:
        index += 1
        tail = flat.take(index, mode="clip")
        np.left_shift(head, shift, out=one)
        head = tail
        tail = tail >> back
        tail >>= _1
        one |= tail
    return found


def among(codes: Rows, allowed: Sequence[int]) -> NDArray[np.bool_]:
    """Which codes are one of a few."""
    found = codes == allowed[0]
    for code in allowed[1:]:
        found |= codes == code
    return found


def to_octets(words: Words, bits: Rows) -> list[bytes]:
    """One bytes object per row of a message matrix, cut to its number of bits rounded up to octets."""
    stride = words.shape[1] * 8
    buffer = words.astype(">u8").tobytes()
    octets = np.maximum((bits + 7) >> 3, 1)
    if len(octets) and (octets == octets[0]).all():
        one = int(octets[0])
        return [octets_of for octets_of, in struct.iter_unpack(f"{one}s{stride - one}x", buffer)]
    lengths = octets.tolist()
    starts = range(0, len(buffer), stride)
    return [buffer[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def from_octets(messages: Sequence[bytes], words: int) -> Words:
    """Message matrix (messages, words) of messages at most ``words`` * 8 octets long, padded with zero bits."""
    padded = np.array(messages, f"S{words * 8}")
    return padded.view(">u8").reshape(len(messages), words).astype(np.uint64)


def _split(number: int, words: int) -> Words:
    return np.frombuffer(number.to_bytes(words * 8, "big"), ">u8").astype(np.uint64)
