"""Octets to sheets: rows that start alike are tried against the layouts met before, lists one position at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch import block as template
from rsu.messages.batch.block import Path, Rows, Words
from rsu.messages.batch.coder import SEVERAL, Coder
from rsu.messages.batch.layout import BlockPart, Layout, ListPart, OpenPart, Part
from rsu.messages.batch.reading import Flags, Input, Piece, Reading


def read(coder: Coder, source: Input, row: Rows, offset: Rows, limit: Rows, strict: bool) -> Reading:
    """Read one value of a type per entry: from bit ``offset`` of message ``row``, ending at ``limit`` at most."""
    result = Reading(np.zeros(len(row), bool), offset.copy())
    if not len(row) or not coder.by_prefix:
        return result
    if not coder.prefix_bits:
        _read_bucket(coder, 0, np.arange(len(row)), source, result, row, offset, limit, strict)
        return result
    head = template.window(source.words, row, np.minimum(offset, source.last_bit))
    prefix = (head >> np.uint64(64 - coder.prefix_bits)).astype(np.int64)
    left = np.arange(len(row))
    if len(coder.flat_of_prefix):
        number = coder.flat_of_prefix[prefix]
        _read_flat(coder, result, source, head, number, row, offset, limit, strict)
        left = np.flatnonzero(number == SEVERAL)
        prefix = prefix[left]
    for code in _distinct(prefix):
        same = left if len(left) and (prefix == code).all() else left[prefix == code]
        _read_bucket(coder, code, same, source, result, row, offset, limit, strict)
    return result


def _read_bucket(coder: Coder, code: int, left: Rows, source: Input, result: Reading, row: Rows, offset: Rows,
                 limit: Rows, strict: bool) -> None:
    """Try the layouts met on messages that start alike; those that share what goes before the first list together."""
    layouts = coder.by_prefix.get(code, [])
    if not layouts or not len(left):
        return
    fits = _matching(layouts, source, row[left], offset[left]) if len(layouts) > 1 else None
    done = np.zeros(len(left), bool)
    stems: dict[object, list[int]] = {}
    for number, layout in enumerate(layouts):
        if fits is None or fits[number].any():
            stems.setdefault(layout.stem, []).append(number)
    for numbers in stems.values():
        wanted = ~done if fits is None else ~done & fits[numbers].any(axis=0)
        some = np.flatnonzero(wanted)
        if not len(some):
            continue
        rows = left[some]
        stem = _LayoutReader(coder, layouts[numbers[0]], source, row[rows], limit[rows], strict)
        at = stem.parts(stem.layout.parts[:2], offset[rows], strict)
        for number in numbers:
            reader, end = stem.branch(layouts[number], at)
            end = reader.parts(reader.layout.parts[2:], end, strict)
            done[some[_keep(reader, end, result, rows)]] = True
            if done.all():
                return


def _matching(layouts: list[Layout], source: Input, row: Rows, offset: Rows) -> NDArray[np.bool_]:
    """Whether the first block of each row (columns) may be that of each layout (rows), by its constant bits."""
    fits = np.ones((len(layouts), len(row)), bool)
    blocks = [layout.first for layout in layouts]
    for index in range(max(block.words for block in blocks)):
        mask = np.array([block.mask[index] if index < block.words else 0 for block in blocks], np.uint64)
        if mask.any():
            constant = np.array([block.constant[index] if index < block.words else 0 for block in blocks], np.uint64)
            words = template.window(source.words, row, np.minimum(offset + 64 * index, source.last_bit))
            fits &= (words & mask[:, None]) == constant[:, None]
    return fits


def _distinct(codes: Rows) -> list[int]:
    if not len(codes):
        return []
    first = int(codes[0])
    return [first] if (codes == first).all() else np.unique(codes).tolist()


def _read_flat(coder: Coder, result: Reading, source: Input, head: Words, number: NDArray[np.intp], row: Rows,
               offset: Rows, limit: Rows, strict: bool) -> None:
    """Read all rows whose start leaves one flat layout only."""
    some = number >= 0
    whole = bool(some.all())
    if not whole:
        rows = np.flatnonzero(some)
        if not len(rows):
            return
        head, number, row, offset, limit = head[rows], number[rows], row[rows], offset[rows], limit[rows]
    place = offset + row * (source.words.shape[1] * 64)
    good, bits, matrix = coder.flat.read(source.words.reshape(-1), head, place, number, strict)
    end = offset + bits
    good &= end <= limit
    layouts, kind = _kinds(coder, number)
    if whole and good.all():
        result.good[:] = True
        result.end = end
        result.pieces.append(Piece(np.arange(len(head)), layouts, kind, matrix))
        return
    fine = np.flatnonzero(good)
    targets = fine if whole else rows[fine]
    result.good[targets] = True
    result.end[targets] = end[fine]
    result.pieces.append(Piece(targets, layouts, None if kind is None else kind[fine], matrix[:, fine]))


def _read_flat_list(coder: Coder, source: Input, row: Rows, at: Rows, limit: Rows, counts: Rows, strict: bool,
                    ) -> tuple[Flags, Rows, Rows, Reading] | None:
    """(rows whose list could be read, their ends, row of each element, elements by row) of lists of flat layouts.

    None where an element starts like several layouts, or like one that is not flat.
    """
    longest = int(counts.max(initial=0))
    if not len(coder.flat_of_prefix) or not longest:
        return None
    flat, base = source.words.reshape(-1), row * (source.words.shape[1] * 64)
    places = _walk(coder, flat, at + base, longest, base + source.last_bit).T
    starts = places.reshape(-1) if (counts == longest).all() else places[np.arange(longest) < counts[:, None]]
    heads = template.window_at(flat, starts)
    kinds = coder.flat_of_prefix.take((heads >> np.uint64(64 - coder.prefix_bits)).view(np.int64))
    parent = np.repeat(np.arange(len(row)), counts)
    known: Flags | None = None
    if int(kinds.min()) < 0:
        known = kinds >= 0
        if (kinds == SEVERAL).any():
            return None
        if not known.any():
            return np.asarray(counts == 0), at, parent[:0], Reading(known[:0], at[:0])
        kinds = np.where(known, kinds, kinds[int(np.argmax(known))])
    good, bits, matrix = coder.flat.read(flat, heads, starts, kinds, strict)
    if known is not None:
        good &= known
    sound = np.ones(len(row), bool)
    if not good.all():
        sound[parent[~good]] = False
    end = at.copy()
    filled = counts > 0
    last = np.cumsum(counts)[filled] - 1
    end[filled] = starts[last] + bits[last] - base[filled]
    # Ends only grow along a list: the last one tells of all.
    sound &= end <= limit
    layouts, kind = _kinds(coder, kinds)
    reading = Reading(good, starts, [Piece(np.arange(len(parent)), layouts, kind, matrix)])
    return sound, end, parent, reading


def _walk(coder: Coder, flat: Words, at: Rows, longest: int, last: Rows) -> Rows:
    """Bit where each element starts (positions in the lists, lists), counted from the first word of all messages."""
    at = np.minimum(at, last)
    if coder.common_bits:
        return np.minimum(at + coder.common_bits * np.arange(longest)[:, None], last)
    places = np.empty((longest, len(at)), np.int64)
    drop, sizes = np.uint64(64 - coder.prefix_bits), coder.bits_of_prefix
    for index in range(longest):
        places[index] = at
        head = template.window_at(flat, at)
        head >>= drop
        at = at + sizes.take(head.view(np.int64))
        np.minimum(at, last, out=at)
    return places


def _kinds(coder: Coder, number: NDArray[np.intp]) -> tuple[list[Layout], NDArray[np.intp] | None]:
    first = int(number[0])
    held = coder.flat.layouts
    if (number == first).all():
        return [_held(held[first])], None
    used = np.flatnonzero(np.bincount(number))
    where = np.zeros(int(used[-1]) + 1, np.intp)
    where[used] = np.arange(len(used))
    return [_held(held[one]) for one in used.tolist()], where[number]


def _held(layout: Layout | None) -> Layout:
    assert layout is not None
    return layout


def _keep(reader: _LayoutReader, end: Rows, result: Reading, rows: Rows) -> Rows:
    """Enter the rows read to the end into the result; which of ``rows`` those were."""
    good = reader.good
    found = np.flatnonzero(good)
    kept = reader.kept[found]
    if len(found):
        chosen = rows[kept]
        matrix = reader.matrix if len(found) == len(good) else reader.matrix[:, found]
        lists = [(path, [_narrow(parents, reading, good) for parents, reading in entries])
                 for path, entries in reader.lists]
        result.good[chosen] = True
        result.end[chosen] = end[found]
        result.pieces.append(Piece(chosen, [reader.layout], None, matrix, lists))
        reader.taken(found)
    return kept


def _narrow(parents: Rows, reading: Reading, good: Flags) -> tuple[Rows, Reading]:
    """Elements of a list seen from the rows that were read to the end; the others' parent becomes -1."""
    if good.all():
        return parents, reading
    number = np.cumsum(good) - 1
    return np.where((parents >= 0) & good[parents], number[parents], -1), reading


class _LayoutReader:
    """Reads the parts of one layout over rows that shrink to those whose first block fits."""

    def __init__(self, coder: Coder, layout: Layout, source: Input, row: Rows, limit: Rows, strict: bool) -> None:
        self.coder, self.layout, self.source = coder, layout, source
        self.row, self.limit, self.strict = row, limit, strict
        self.kept = np.arange(len(row))
        self.good = np.ones(len(row), bool)
        self.matrix = np.zeros((len(layout.paths), 0), np.int64)
        self.lists: list[tuple[Path, list[tuple[Rows, Reading]]]] = []
        self.started = False
        self.origin: tuple[_LayoutReader, Rows] | None = None

    def branch(self, layout: Layout, at: Rows) -> tuple[_LayoutReader, Rows]:
        """A reader of the rest of another layout with the same stem, over the rows not yet taken; where they stand."""
        open_rows = np.flatnonzero(self.good)
        other = _LayoutReader(self.coder, layout, self.source, self.row, self.limit, self.strict)
        other.started = True
        other.origin = self, open_rows
        if len(open_rows) == len(self.good) and layout is self.layout:
            other.kept, other.good, other.matrix = self.kept, self.good.copy(), self.matrix
            other.lists = list(self.lists)
            return other, at
        other.row, other.limit, other.kept = self.row[open_rows], self.limit[open_rows], self.kept[open_rows]
        other.good = np.ones(len(open_rows), bool)
        shared = min(len(layout.paths), len(self.matrix))
        other.matrix = np.zeros((len(layout.paths), len(open_rows)), np.int64)
        other.matrix[:shared] = self.matrix[:shared, open_rows]
        for index, code in layout.fixed:
            other.matrix[index] = code
        other.lists = [(path, [_narrow(parents, reading, self.good) for parents, reading in entries])
                       for path, entries in self.lists]
        return other, at[open_rows]

    def taken(self, found: Rows) -> None:
        """Rows of this branch that were read to the end: no other branch needs them."""
        if self.origin is not None:
            stem, rows = self.origin
            stem.good[rows[found]] = False

    def parts(self, parts: list[Part], at: Rows, strict: bool) -> Rows:
        """Read parts from bit ``at`` on; the bits where they end. ``good`` tells for which rows that means anything."""
        for part in parts:
            if isinstance(part, BlockPart):
                at = self._block(part, at, strict)
            elif isinstance(part, ListPart):
                at = self._list(part, at, strict)
            else:
                at = self._open(part, at, strict)
            if not self.good.any():
                break
        return at

    def _block(self, part: BlockPart, at: Rows, strict: bool) -> Rows:
        block = part.block
        words = self._words(at, block.words)
        if not self.started:
            self.started = True
            fits = block.matches(words)
            fits &= at + block.bits <= self.limit
            if not fits.all():
                self.kept = np.flatnonzero(fits)
                self.row, self.limit, at = self.row[self.kept], self.limit[self.kept], at[self.kept]
                self.good = np.ones(len(self.kept), bool)
                words = np.ascontiguousarray(words[:, self.kept])
            self.matrix = np.zeros((len(self.layout.paths), len(self.kept)), np.int64)
            for index, code in self.layout.fixed:
                self.matrix[index] = code
        else:
            self.good &= block.matches(words)
            self.good &= at + block.bits <= self.limit
        values, sound = block.unpack(words, strict)
        if sound is not None:
            self.good &= sound
        self.matrix[part.take] = values
        return at + block.bits

    def _words(self, at: Rows, count: int) -> Words:
        source = self.source.words
        if len(at) and not at.any() and count <= source.shape[1]:
            head = source[:, :count] if len(self.row) == len(source) else source[self.row, :count]
            return np.ascontiguousarray(head.T)
        return template.windows(source, self.row, np.minimum(at, self.source.last_bit), count)

    def _list(self, part: ListPart, at: Rows, strict: bool) -> Rows:
        counts = np.where(self.good, self.matrix[part.count], 0)
        coder = self.coder.child(part.path)
        quick = _read_flat_list(coder, self.source, self.row, at, self.limit, counts, strict)
        if quick is not None:
            sound, end, parents, reading = quick
            self.good &= sound
            self.lists.append((part.path, [(parents, reading)]))
            return end
        at = at.copy()
        found = []
        for index in range(int(counts.max(initial=0))):
            active = np.flatnonzero(counts > index)
            reading = read(coder, self.source, self.row[active], at[active], self.limit[active], strict)
            at[active] = reading.end
            found.append((active, reading))
            if not reading.good.all():
                lost = active[~reading.good]
                self.good[lost] = False
                counts[lost] = 0
                if not self.good.any():
                    break
        self.lists.append((part.path, found))
        return at

    def _open(self, part: OpenPart, at: Rows, strict: bool) -> Rows:
        head = template.window(self.source.words, self.row, np.minimum(at, self.source.last_bit)) >> np.uint64(48)
        head = head.astype(np.int64)
        long = (head & 0x8000) != 0
        octets = np.where(long, head & 0x3FFF, head >> 8)
        self.good &= ~long | (((head & 0x4000) == 0) & (octets >= 128))
        start = at + np.where(long, 16, 8)
        end = start + 8 * octets
        self.good &= end <= self.limit
        outer, self.limit = self.limit, np.minimum(end, self.limit)
        inner = self.parts(part.parts, start, strict or part.checked)
        self.limit = outer
        self.good &= np.maximum(inner - start + 7 >> 3, 1) == octets
        if part.checked or strict:
            self.good &= padding_is_zero(self.source.words, self.row, inner, end - inner)
        return end


def padding_is_zero(words: Words, row: Rows, at: Rows, bits: Rows) -> Flags:
    """Whether up to 8 bits from ``at`` on are zero."""
    last = (words.shape[1] - 1) * 64 - 1
    head = template.window(words, row, np.minimum(at, last))
    return (head >> np.uint64(1) >> (63 - np.clip(bits, 0, 63)).astype(np.uint64)) == 0
