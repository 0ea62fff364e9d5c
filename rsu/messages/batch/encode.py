"""Sheets to octets: sizes from the inside out, then every block to its bit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch import block as template
from rsu.messages.batch.block import COUNT, Path, Rows, Words
from rsu.messages.batch.coder import Coder
from rsu.messages.batch.layout import BlockPart, Layout, ListPart, OpenPart, Part
from rsu.messages.batch.sheet import Sheet, dotted

LARGEST_OPEN_BYTES = 16_383
"""Longer open types travel in fragments."""


class TooLong(Exception):
    """A row that only the general codec codes."""


@dataclass
class Elements:
    """The elements of a list of all rows: their plan, and their bits per row."""

    plan: Plan
    counts: Rows
    first: Rows
    """Bits of all elements before a row's."""
    total: Rows
    before: Rows
    """Bits of all elements before each."""


@dataclass
class Plan:
    """Layouts and sizes of the rows of one sheet."""

    coder: Coder
    sheet: Sheet
    groups: list[tuple[Layout, NDArray[np.intp] | None]]
    bits: Rows
    flat: NDArray[np.intp] | None = None
    """Numbers in the coder's flat table by kind, where all layouts stand there."""
    lists: dict[Path, Elements] = field(default_factory=dict)

    def layouts(self) -> list[tuple[Plan, Layout, NDArray[np.intp] | None]]:
        """Every layout used, with the rows of its own plan."""
        own = [(self, layout, rows) for layout, rows in self.groups]
        return own + [entry for elements in self.lists.values() for entry in elements.plan.layouts()]


def make_plan(coder: Coder, sheet: Sheet) -> Plan:
    """Layouts and sizes; ValueError for rows that are no value of the type."""
    layouts = [coder.layout(paths) for paths in sheet.kinds]
    rows = len(sheet)
    if len(layouts) == 1 and layouts[0].simple:
        flat = None if coder.frame else coder.flat_numbers(layouts)
        return Plan(coder, sheet, [(layouts[0], None)], np.full(rows, layouts[0].bits), flat)
    groups = []
    for number, layout in enumerate(layouts):
        picked = sheet.rows_of(number)
        if picked is None or len(picked):
            groups.append((layout, picked))
    if all(layout.simple for layout in layouts):
        sizes = np.array([layout.bits for layout in layouts], np.int64)
        return Plan(coder, sheet, groups, sizes[sheet.kind], coder.flat_numbers(layouts))
    plan = Plan(coder, sheet, groups, np.empty(rows, np.int64))
    for path in dict.fromkeys(part.path for layout, _ in groups for part in _lists(layout.parts)):
        plan.lists[path] = _elements(coder.child(path), sheet, path)
    for layout, picked in groups:
        size = _bits(layout.parts, plan.lists, picked)
        plan.bits[slice(None) if picked is None else picked] = size
    return plan


def _elements(coder: Coder, sheet: Sheet, path: Path) -> Elements:
    counts = sheet.counts(path)
    elements = sheet.lists.get(path)
    held = 0 if elements is None else len(elements)
    if counts.size and (int(counts.min()) < 0 or int(counts.sum()) != held):
        raise ValueError(f"{dotted((*path, COUNT))}: lengths add to {int(counts.sum())}, elements are {held}")
    if elements is None:
        elements = Sheet([], np.zeros(0, np.intp), np.empty((0, 0), np.int64))
    plan = make_plan(coder, elements)
    ends = np.zeros(held + 1, np.int64)
    np.cumsum(plan.bits, out=ends[1:])
    last = np.cumsum(counts)
    first = ends[last - counts]
    return Elements(plan, counts, first, ends[last] - first, ends[:-1])


def _lists(parts: list[Part]) -> list[ListPart]:
    found: list[ListPart] = []
    for part in parts:
        if isinstance(part, ListPart):
            found.append(part)
        elif isinstance(part, OpenPart):
            found += _lists(part.parts)
    return found


def _bits(parts: list[Part], lists: dict[Path, Elements], rows: NDArray[np.intp] | None) -> Rows | int:
    total: Rows | int = 0
    for part in parts:
        if isinstance(part, BlockPart):
            total = total + part.block.bits
        elif isinstance(part, ListPart):
            size = lists[part.path].total
            total = total + (size if rows is None else size[rows])
        else:
            octets, width = _open_size(_bits(part.parts, lists, rows))
            total = total + width + 8 * octets
    return total


def _open_size(bits: Rows | int) -> tuple[Rows | int, Rows | int]:
    """Octets of an open type and bits of its length."""
    octets = np.maximum((np.asarray(bits) + 7) >> 3, 1)
    if octets.size and octets.max() > LARGEST_OPEN_BYTES:
        raise TooLong
    width = np.where(octets < 128, 8, 16)
    return (int(octets), int(width)) if octets.ndim == 0 else (octets, width)


def pack(plan: Plan) -> list[bytes]:
    """Octets of every row; OutOfRange names a code that its member does not hold."""
    rows = len(plan.sheet)
    if len(plan.groups) == 1 and plan.groups[0][0].simple:
        layout = plan.groups[0][0]
        words = np.ascontiguousarray(_packed(layout, layout.parts[0], plan.sheet, None).T)
        return template.to_octets(words, plan.bits)
    longest = int(plan.bits.max(initial=0))
    words = np.zeros((rows, (longest + 63) // 64 + 1), np.uint64)
    _emit(plan, words, None, None)
    return template.to_octets(words, plan.bits)


def _packed(layout: Layout, part: Part, sheet: Sheet, rows: NDArray[np.intp] | None) -> Words:
    assert isinstance(part, BlockPart)
    for index, code in layout.fixed:
        column = sheet.matrix[index] if rows is None else sheet.matrix[index, rows]
        if (column != code).any():
            raise ValueError(f"{dotted(layout.paths[index])}: {int(column[column != code][0])} does not fit the "
                             f"content, which has {code}")
    values = sheet.matrix[part.take]
    return part.block.pack(values if rows is None else values[:, rows])


def _emit(plan: Plan, words: Words, row: Rows | None, offset: Rows | None) -> None:
    """Write all rows of a plan into message rows ``row`` at bit ``offset`` (None: its own row, bit 0)."""
    if plan.flat is not None and row is not None and offset is not None:
        plan.coder.flat.emit(words, row, offset, plan.flat[plan.sheet.kind], plan.sheet.matrix)
        return
    starts = {path: np.zeros(len(plan.sheet), np.int64) for path in plan.lists}
    for layout, rows in plan.groups:
        own_row = np.arange(len(plan.sheet)) if row is None else row
        own_row = own_row if rows is None else own_row[rows]
        at: Rows | int = 0 if offset is None else (offset if rows is None else offset[rows])
        _emit_parts(plan, layout, layout.parts, rows, words, own_row, at, starts)
    for path, elements in plan.lists.items():
        inside = elements.plan
        if len(inside.sheet):
            at = np.repeat(starts[path] - elements.first, elements.counts)
            at += elements.before
            parents = np.arange(len(plan.sheet)) if row is None else row
            _emit(inside, words, np.repeat(parents, elements.counts), at)


def _emit_parts(plan: Plan, layout: Layout, parts: list[Part], rows: NDArray[np.intp] | None, words: Words,
                own_row: Rows, at: Rows | int, starts: dict[Path, Rows]) -> None:
    for part in parts:
        if isinstance(part, BlockPart):
            packed = _packed(layout, part, plan.sheet, rows)
            if isinstance(at, int) and at == 0:
                words[own_row, : part.block.words] = packed.T
            else:
                at_rows = np.full(len(own_row), at) if isinstance(at, int) else at
                template.place(words, own_row, at_rows, *packed)
            at = at + part.block.bits
        elif isinstance(part, ListPart):
            starts[part.path][slice(None) if rows is None else rows] = at
            size = plan.lists[part.path].total
            at = at + (size if rows is None else size[rows])
        else:
            octets, width = _open_size(_bits(part.parts, plan.lists, rows))
            spread = np.zeros(own_row.shape, np.int64)
            count, at_rows, widths = octets + spread, at + spread, width + spread
            length = np.where(count < 128, count << 56, (count | 0x8000) << 48).view(np.uint64)
            template.place(words, own_row, at_rows, length)
            _emit_parts(plan, layout, part.parts, rows, words, own_row, at_rows + widths, starts)
            at = at + width + 8 * octets

