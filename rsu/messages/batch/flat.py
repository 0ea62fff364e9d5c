"""Layouts of one short block as rows of arrays, so that elements of all patterns of a list go together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch import block
from rsu.messages.batch.block import OutOfRange, Rows, Words
from rsu.messages.batch.layout import BlockPart, Layout

_ALL = (1 << 64) - 1


class FlatTable:
    """Fields of many layouts, indexed (field, layout number); grows, and reuses the numbers of forgotten layouts.

    A layout fits if it is one block whose constant bits stand in its first 64 bits, with its columns in wire order
    and no field of 64 bits.
    """

    lower: Rows
    offset: Rows
    width: Rows
    limit: Words
    shift: Words
    keep: Words
    refused: Words
    fields: Rows
    bits: Rows
    constant: Words
    mask: Words

    def __init__(self) -> None:
        self.layouts: list[Layout | None] = []
        self.free: list[int] = []
        self._allocate(4, 16)

    def _allocate(self, depth: int, rows: int) -> None:
        """Make room for layouts of ``depth`` fields; what is there stays."""
        for name in ("lower", "offset", "width"):
            self._grow(name, (depth, rows), np.int64)
        for name in ("limit", "shift", "keep"):
            self._grow(name, (depth, rows), np.uint64)
        self._grow("refused", (depth, rows), np.uint64, _ALL)
        self._grow("fields", (rows,), np.int64)
        self._grow("bits", (rows,), np.int64)
        self._grow("constant", (rows,), np.uint64)
        self._grow("mask", (rows,), np.uint64)

    def _grow(self, name: str, shape: tuple[int, ...], kind: type, fill: int = 0) -> None:
        old: NDArray[Any] | None = getattr(self, name, None)
        new: NDArray[Any] = np.full(shape, fill, kind)
        if old is not None:
            new[tuple(slice(length) for length in old.shape)] = old
        setattr(self, name, new)

    @staticmethod
    def fits(layout: Layout) -> bool:
        """Whether a layout can stand in the table."""
        if not layout.simple or layout.fixed or not layout.bits:
            return False
        part = layout.parts[0]
        assert isinstance(part, BlockPart)
        fields = part.block.fields
        straight = part.take == slice(0, len(layout.paths)) if isinstance(part.take, slice) else not layout.paths
        later = part.block.mask_bits & ((1 << 64 * (part.block.words - 1)) - 1)
        return straight and not later and all(field.width < 64 for field in fields)

    def add(self, layout: Layout) -> None:
        """Give a layout a number, if it fits."""
        if layout.flat >= 0 or not self.fits(layout):
            return
        first = layout.first
        if self.free:
            number = self.free.pop()
            self.layouts[number] = layout
        else:
            number = len(self.layouts)
            self.layouts.append(layout)
        depth, rows = self.lower.shape
        if number >= rows or len(first.fields) > depth:
            self._allocate(max(depth, len(first.fields)), rows if number < rows else 2 * rows)
        self._write(number, layout)
        layout.flat = number

    def _write(self, number: int, layout: Layout) -> None:
        first = layout.first
        self.bits[number], self.fields[number] = first.bits, len(first.fields)
        self.constant[number], self.mask[number] = first.constant[0], first.mask[0]
        for table in (self.lower, self.limit, self.offset, self.width, self.shift, self.keep):
            table[:, number] = 0
        self.refused[:, number] = _ALL
        for index, (field, offset) in enumerate(zip(first.fields, first.offsets, strict=True)):
            self.lower[index, number] = field.lower
            self.limit[index, number] = field.count - 1
            self.offset[index, number] = offset
            self.width[index, number] = field.width
            self.shift[index, number] = 64 - offset - field.width if offset + field.width <= 64 and field.width else 0
            self.keep[index, number] = (1 << field.width) - 1
            if field.enumerated:
                self.refused[index, number] = field.count - 1

    def remove(self, layout: Layout) -> None:
        """Forget a layout."""
        if layout.flat >= 0:
            self.layouts[layout.flat] = None
            self.free.append(layout.flat)
            layout.flat = -1

    def emit(self, words: Words, row: Rows, at: Rows, number: NDArray[np.intp], matrix: Rows) -> None:
        """Write one element per entry: of layout ``number``, at bit ``at`` of message ``row``."""
        first = int(number[0])
        pick: slice | NDArray[np.intp] = slice(first, first + 1) if (number == first).all() else number
        depth = int(self.fields[pick].max())
        if isinstance(pick, slice) and self.bits[first] > 64:
            one = self._held(first).first
            block.place_block(words, row, at, one, one.pack(matrix[:depth]))
            return
        values = matrix[:depth]
        raw = (values - _of(self.lower, depth, pick)).view(np.uint64)
        if depth and int(self.fields[pick].min()) < depth:
            raw[np.arange(depth)[:, None] >= self.fields[number]] = 0
        bad = raw > _of(self.limit, depth, pick)
        if bad.any():
            index, entry = (int(found[0]) for found in np.nonzero(bad))
            raise OutOfRange(self._held(int(number[entry])).first.fields[index], int(values[index, entry]))
        bits = self.bits[pick]
        if int(bits.max()) <= 64:
            raw <<= _of(self.shift, depth, pick)
            packed = np.repeat(self.constant[pick], len(row)) if isinstance(pick, slice) else self.constant[pick]
            for one in raw:
                packed |= one
            packed >>= (64 - bits).astype(np.uint64)
            block.place(words, row, at, bits, packed)
            return
        block.place(words, row, at, 64, np.broadcast_to(self.constant[pick], row.shape))
        for index in range(depth):
            block.place(words, row, at + self.offset[index, pick], self.width[index, pick], raw[index])

    def _held(self, number: int) -> Layout:
        layout = self.layouts[number]
        assert layout is not None
        return layout

    def _read_long(self, one: block.Block, words: Words, head: Words, row: Rows, at: Rows, strict: bool,
                   ) -> tuple[NDArray[np.bool_], Rows, Rows]:
        """Elements of one layout of more than 64 bits, as :meth:`read`."""
        last = (words.shape[1] - 1) * 64 - 1
        more = [block.window(words, row, np.minimum(at + 64 * index, last)) for index in range(1, one.words)]
        packed = np.stack([head, *more])
        good = one.matches(packed)
        values, sound = one.unpack(packed, strict)
        if sound is not None:
            good &= sound
        return good, np.full(1, one.bits), values

    def read(self, words: Words, head: Words, row: Rows, at: Rows, number: NDArray[np.intp], strict: bool,
             ) -> tuple[NDArray[np.bool_], Rows, Rows]:
        """(fits, bits, codes) of one element per entry that should have layout ``number``; head = its first 64 bits."""
        first = int(number[0])
        pick: slice | NDArray[np.intp] = slice(first, first + 1) if (number == first).all() else number
        depth = int(self.fields[pick].max())
        if isinstance(pick, slice) and self.bits[first] > 64:
            return self._read_long(self._held(first).first, words, head, row, at, strict)
        good = (head & self.mask[pick]) == self.constant[pick]
        bits = self.bits[pick]
        if int(bits.max()) <= 64:
            raw = head >> _of(self.shift, depth, pick)
        else:
            last = (words.shape[1] - 1) * 64 - 1
            raw = np.empty((depth, len(row)), np.uint64)
            for index in range(depth):
                view = block.window(words, row, np.minimum(at + self.offset[index, pick], last))
                raw[index] = view >> (64 - self.width[index, pick]).astype(np.uint64)
        raw &= _of(self.keep, depth, pick)
        limits = _of(self.limit if strict else self.refused, depth, pick)
        bad = raw > limits
        if bad.any():
            good &= ~(bad & (np.arange(depth)[:, None] < self.fields[pick])).any(axis=0)
        values = raw.view(np.int64)
        values += _of(self.lower, depth, pick)
        return good, bits, values


def _of(table: NDArray[Any], depth: int, pick: slice | NDArray[np.intp]) -> NDArray[Any]:
    """Entries of a table for some layouts; ``take`` is several times faster than indexing."""
    return table[:depth, pick] if isinstance(pick, slice) else np.take(table[:depth], pick, axis=1)
