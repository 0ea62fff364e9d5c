"""Layouts of one short block as rows of arrays, so that elements of all patterns of a list go together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch import block
from rsu.messages.batch.block import OutOfRange, Rows, Words
from rsu.messages.batch.layout import BlockPart, Layout

_ALL = (1 << 64) - 1
_SIX_BITS = np.uint64(63)
"""A shift by 64 is undefined; what a field of no bits shifts by does not matter."""


class FlatTable:
    """Fields of many layouts, indexed (field, layout number); grows, and reuses the numbers of forgotten layouts.

    A layout fits if it is one block whose constant bits stand in its first 64 bits, with its columns in wire order
    and no field of 64 bits. Readers come with layouts that the first ``prefix_bits`` bits have told already.
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

    def __init__(self, prefix_bits: int) -> None:
        self._behind = np.uint64((1 << 64 - prefix_bits) - 1)
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
        used = _Used(number)
        depth = int(self.fields[used.kinds].max())
        values = matrix[:depth]
        if len(used.kinds) == 1 and self.bits[used.kinds[0]] > 64:
            block.place(words, row, at, *self._held(int(used.kinds[0])).first.pack(values))
            return
        long = int(self.bits[used.kinds].max()) > 64
        ragged = depth and int(self.fields[used.kinds].min()) < depth
        packed = np.empty(len(row), np.uint64)
        packed[:] = used.of(self.constant)
        if long:
            block.place(words, row, at, packed)
        for index in range(depth):
            raw: Words = (values[index] - used.of(self.lower[index])).view(np.uint64)
            if ragged:
                raw[index >= used.of(self.fields)] = 0
            bad = raw > used.of(self.limit[index])
            if bad.any():
                entry = int(np.flatnonzero(bad)[0])
                raise OutOfRange(self._held(int(number[entry])).first.fields[index], int(values[index, entry]))
            if long:
                raw <<= (64 - used.of(self.width[index])).astype(np.uint64) & _SIX_BITS
                block.place(words, row, at + used.of(self.offset[index]), raw)
            else:
                raw <<= used.of(self.shift[index])
                packed |= raw
        if not long:
            block.place(words, row, at, packed)

    def _held(self, number: int) -> Layout:
        layout = self.layouts[number]
        assert layout is not None
        return layout

    def _read_long(self, one: block.Block, flat: Words, head: Words, at: Rows, strict: bool,
                   ) -> tuple[NDArray[np.bool_], Rows, Rows]:
        """Elements of one layout of more than 64 bits, as :meth:`read`."""
        last = len(flat) * 64 - 65
        more = [block.window_at(flat, np.minimum(at + 64 * index, last)) for index in range(1, one.words)]
        packed = np.stack([head, *more])
        good = one.matches(packed)
        values, sound = one.unpack(packed, strict)
        if sound is not None:
            good &= sound
        return good, np.full(len(at), one.bits), values

    def read(self, flat: Words, head: Words, at: Rows, number: NDArray[np.intp], strict: bool,
             ) -> tuple[NDArray[np.bool_], Rows, Rows]:
        """(fits, bits, codes) of one element per entry that should have layout ``number``; head = its first 64 bits.

        ``at`` counts from the first word of all messages.
        """
        used = _Used(number)
        kinds = used.kinds
        depth = int(self.fields[kinds].max())
        if len(kinds) == 1 and self.bits[kinds[0]] > 64:
            return self._read_long(self._held(int(kinds[0])).first, flat, head, at, strict)
        good = np.ones(len(at), bool)
        if (self.mask[kinds] & self._behind).any():
            good &= (head & used.of(self.mask)) == used.of(self.constant)
        long = int(self.bits[kinds].max()) > 64
        raw = np.empty((depth, len(at)), np.uint64)
        limits = self.limit if strict else self.refused
        last = len(flat) * 64 - 65
        for index, one in enumerate(raw):
            if long:
                view = block.window_at(flat, np.minimum(at + used.of(self.offset[index]), last))
                np.right_shift(view, (64 - used.of(self.width[index])).astype(np.uint64) & _SIX_BITS, out=one)
            else:
                np.right_shift(head, used.of(self.shift[index]), out=one)
            one &= used.of(self.keep[index])
            if (limits[index, kinds] < self.keep[index, kinds]).any():
                good &= (one <= used.of(limits[index])) | (index >= used.of(self.fields))
        values = raw.view(np.int64)
        for index in range(depth):
            if self.lower[index, kinds].any():
                values[index] += used.of(self.lower[index])
        return good, np.broadcast_to(used.of(self.bits), at.shape), values


class _Used:
    """Which layouts some elements have; one number instead of many where they all agree on an entry of a table."""

    def __init__(self, number: NDArray[np.intp]) -> None:
        self.number = number
        first = number[:1]
        self.kinds = first if (number == first).all() else np.flatnonzero(np.bincount(number))

    def of(self, table: NDArray[Any]) -> NDArray[Any]:
        """Entry of a table over layouts, of every element or (one entry) of all of them."""
        entries = table[self.kinds]
        return entries[:1] if (entries == entries[0]).all() else table.take(self.number)
