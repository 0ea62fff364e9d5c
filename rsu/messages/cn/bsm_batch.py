"""Many BSMs at once, bit for bit as the general codec makes them, through layouts of the compiled schema.

A BSM is a block of fixed layout up to the path history's crumbs, then the crumbs (each of one of four
widths), then a short block. Messages are grouped by shape; every layout is compared with the general codec
once before it is used, and whatever has no layout (extensions, other crumb types, damaged input) goes through
the general codec.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.codec import ChoiceCodec, Policy
from rsu.messages import template
from rsu.messages.cn import bsm_wire
from rsu.messages.cn.bsm_wire import CRUMBS, OPTIONAL, Wire
from rsu.messages.template import COUNT, Block, Field, NoTemplate
from rsu.messages.vehicle import ABSENT, STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns

_FRAME = ("bsmFrame",)
_CRUMBS = _FRAME + CRUMBS
_COUNT = (*_CRUMBS, COUNT)
_KINDS = 4
_MOST_SHAPES = 64
_LONGEST_BYTES = 1024
"""Longer input goes to the general codec: a BSM with 23 crumbs stays below 400 octets."""
_MOST_CRUMBS = 23

IntColumns = tuple[NDArray[np.int64], ...]


@dataclass
class Shape:
    """Layout of all BSMs with the same members: ``before`` and ``after`` the crumbs (None without crumbs)."""

    before: Block
    after: Block | None = None
    trusted: bool = False
    hits: int = 0


class CrumbLayout:
    """The four crumb layouts LL1..LL4 as arrays indexed by type; every crumb fits one 64-bit word."""

    def __init__(self, codec: ChoiceCodec) -> None:
        point = {"type": "PathHistoryPoint"}
        blocks = []
        for kind in range(_KINDS):
            offset = (f"position-LL{kind + 1}", {"lon": 0, "lat": 0})
            value = {"llvOffset": {"offsetLL": offset}, "timeOffset": 1}
            blocks.append(Block(list(template.flatten(codec.schema, point, value))))
        if any(block.bits > 64 or len(block.fields) != 3 for block in blocks):
            raise NoTemplate("crumb longer than 64 bits")
        self.bits = np.array([block.bits for block in blocks])
        # Aligned to the top of the word, as a window into the message shows it.
        self.constant = np.array([block.constant[0] for block in blocks], np.uint64)
        self.mask = np.array([block.mask[0] for block in blocks], np.uint64)
        fields = list(zip(*(block.fields for block in blocks), strict=True))
        self.shift = [np.array([64 - f.offset - f.width for f in row], np.uint64) for row in fields]
        self.field_mask = [np.array([(1 << f.width) - 1 for f in row], np.uint64) for row in fields]
        self.lower = [np.array([f.lower for f in row]) for row in fields]
        self.count = [np.array([f.count for f in row]) for row in fields]

    def pack(self, kind: NDArray[np.int64], *values: NDArray[np.int64]) -> template.Words:
        """Crumb words, bits aligned to the bottom."""
        words: template.Words = self.constant[kind]
        for index, value in enumerate(values):
            words |= (value - self.lower[index][kind]).astype(np.uint64) << self.shift[index][kind]
        words >>= (64 - self.bits[kind]).astype(np.uint64)
        return words

    def unpack(self, words: template.Words, strict: bool) -> tuple[NDArray[Any], ...]:
        """(known, type, lon, lat, time) of windows that start at a crumb."""
        known = np.zeros(len(words), bool)
        kind = np.zeros(len(words), np.int64)
        for index in range(_KINDS):
            same = (words & self.mask[index]) == self.constant[index]
            known |= same
            kind[same] = index
        values = []
        for index in range(3):
            raw = ((words >> self.shift[index][kind]) & self.field_mask[index][kind]).astype(np.int64)
            if strict:
                known &= raw < self.count[index][kind]
            values.append(raw + self.lower[index][kind])
        return known, kind, *values


class BsmBatch:
    """Batch encoder and decoder over one codec; keeps the layouts it has met."""

    def __init__(self, codec: ChoiceCodec) -> None:
        self.codec = codec
        self.crumbs = CrumbLayout(codec)
        self._encode_shapes: dict[int, Shape | None] = {}
        self._decode_shapes: list[Shape] = []

    # Encoding

    def encode(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one BSM per row; raises EncodeError naming the column out of range."""
        wire = bsm_wire.to_wire(columns)
        path = columns.path
        assert path is not None
        crumbs = bsm_wire.crumbs_to_wire(path)
        first = np.cumsum(path.counts) - path.counts
        keys = (path.counts > 0).astype(np.int64)
        for bit, member in enumerate(OPTIONAL, 1):
            keys |= (wire[member] != ABSENT).astype(np.int64) << bit
        out: list[bytes] = [b""] * len(columns)
        shapes = np.unique(keys)
        for key in shapes.tolist():
            if len(shapes) == 1:
                rows, part = np.arange(len(columns)), wire
            else:
                rows = np.flatnonzero(keys == key)
                part = {member: column[rows] for member, column in wire.items()}
            octets = self._encode_rows(key, part, crumbs, first[rows], path.counts[rows])
            if len(shapes) == 1:
                return octets
            for row, message in zip(rows.tolist(), octets, strict=True):
                out[row] = message
        return out

    def _encode_rows(self, key: int, wire: Wire, crumbs: IntColumns, first: NDArray[np.int64],
                     counts: NDArray[np.int64]) -> list[bytes]:
        if key not in self._encode_shapes:
            self._encode_shapes[key] = self._shape_of_row(wire, bool(key & 1))
        shape = self._encode_shapes[key]
        if shape is not None:
            octets = self._encode_shape(shape, wire, crumbs, first, counts)
            if shape.trusted or octets[0] == self._general(wire, 0, crumbs, int(first[0]), int(counts[0])):
                shape.trusted = True
                return octets
            self._encode_shapes[key] = None
        return [
            self._general(wire, row, crumbs, int(first[row]), int(counts[row])) for row in range(len(counts))
        ]

    def _encode_shape(self, shape: Shape, wire: Wire, crumbs: IntColumns,
                      first: NDArray[np.int64], counts: NDArray[np.int64]) -> list[bytes]:
        rows = len(counts)
        columns: dict[Any, NDArray[Any]] = {_FRAME + member: column for member, column in wire.items()}
        if shape.after is None:
            words = shape.before.pack(columns, rows)
            return template.to_octets(words, np.full(rows, shape.before.bits))
        row, picked = _expand(first, counts)
        kind = crumbs[0][picked]
        width = self.crumbs.bits[kind]
        ends = np.cumsum(width)
        row_end = ends[np.cumsum(counts) - 1]
        row_bits = np.diff(row_end, prepend=0)
        start = shape.before.bits + ends - width - (row_end - row_bits)[row]
        tail_start = shape.before.bits + row_bits
        total = tail_start + shape.after.bits
        spare = int(total.max() + 63) // 64 + 1 - shape.before.words
        columns[_COUNT] = counts
        words = shape.before.pack(columns, rows, spare)
        template.place(words, row, start, width, self.crumbs.pack(kind, *(c[picked] for c in crumbs[1:])))
        every = np.arange(rows)
        for index, word in enumerate(shape.after.pack(columns, rows)):
            bits = min(64, shape.after.bits - 64 * index)
            template.place(words, every, tail_start + 64 * index, bits, word >> np.uint64(64 - bits))
        return template.to_octets(words, total)

    def _shape_of_row(self, wire: Wire, with_path: bool) -> Shape | None:
        """Layout of row 0, tried on a message with a crumb of every type; None when it cannot be trusted."""
        crumbs = [(kind, 1 - kind, kind, 1 + kind) for kind in range(_KINDS)] if with_path else []
        value = bsm_wire.to_value(self.codec.schema, wire, 0, crumbs)
        shape = self._shape_of_value(value)
        if shape is None or not with_path:
            return shape
        one = {member: column[:1] for member, column in wire.items()}
        columns = tuple(np.array(column) for column in zip(*crumbs, strict=True))
        tried = self._encode_shape(shape, one, columns, np.array([0]), np.array([_KINDS]))
        return shape if tried == [self.codec.encode("BSM", value)] else None

    def _shape_of_value(self, value: dict[str, Any]) -> Shape | None:
        try:
            frame = {"type": self.codec.frame}
            fields = list(template.flatten(self.codec.schema, frame, (*_FRAME, value)))
        except NoTemplate:
            return None
        split = next((index for index, f in enumerate(fields) if f.path == _COUNT), None)
        if split is None:
            return Shape(Block(fields))
        after = [f for f in fields[split + 1 :] if f.path[: len(_CRUMBS)] != _CRUMBS]
        return Shape(Block(fields[: split + 1]), Block(after or [Field((), 0, constant=0)]))

    def _general(self, wire: Wire, row: int, crumbs: IntColumns, first: int, count: int) -> bytes:
        points = list(zip(*(column[first : first + count].tolist() for column in crumbs), strict=True))
        return self.codec.encode("BSM", bsm_wire.to_value(self.codec.schema, wire, row, points))

    # Decoding

    def decode(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; equal to decoding each with the general codec."""
        result = _Result(len(messages))
        sizes = np.fromiter(map(len, messages), np.int64, len(messages))
        left = np.flatnonzero((sizes > 0) & (sizes <= _LONGEST_BYTES))
        for row in np.flatnonzero((sizes == 0) | (sizes > _LONGEST_BYTES)).tolist():
            self._decode_general(result, row, messages[row], policy)
        if left.size:
            width = int(sizes[left].max() + 7) // 8 + 3
            short = messages if left.size == len(messages) else [messages[row] for row in left.tolist()]
            words = template.from_octets(short, width)
            self._decode_words(result, messages, left, words, sizes[left] * 8, policy)
            self._decode_shapes.sort(key=lambda shape: -shape.hits)
        return result.columns()

    def _decode_words(self, result: _Result, messages: list[bytes], left: NDArray[np.int64],
                      words: template.Words, bits: NDArray[np.int64], policy: Policy) -> None:
        for shape in self._decode_shapes:
            if not left.size:
                return
            done = self._decode_shape(result, shape, left, words, bits, policy)
            if done.any():
                left, words, bits = left[~done], words[:, ~done], bits[~done]
        position = 0
        while position < left.size:
            new = self._decode_general(result, int(left[position]), messages[int(left[position])], policy)
            position += 1
            if new is not None and position < left.size:
                left, words, bits = left[position:], words[:, position:], bits[position:]
                done = self._decode_shape(result, new, left, words, bits, policy)
                left, words, bits, position = left[~done], words[:, ~done], bits[~done], 0

    def _decode_general(self, result: _Result, row: int, data: bytes, policy: Policy) -> Shape | None:
        """Decode one row with the general codec; a new trusted shape if the message has one worth keeping."""
        decoded = self.codec.decode(data, policy)
        if decoded.status != "ok" or decoded.message != "BSM" or decoded.value is None:
            result.status[row] = STATUS_ERROR if decoded.status == "error" else STATUS_SKIPPED
            return None
        wire, crumbs = bsm_wire.from_value(self.codec.schema, decoded.value)
        result.add_general(row, wire, crumbs)
        if len(self._decode_shapes) >= _MOST_SHAPES or len(data) > _LONGEST_BYTES:
            return None
        shape = self._shape_of_value(decoded.value)
        if shape is None or not self._agrees(shape, data, wire, crumbs):
            return None
        self._decode_shapes.append(shape)
        return shape

    def _agrees(self, shape: Shape, data: bytes, wire: dict[Any, int], crumbs: list[Any]) -> bool:
        """Whether the shape reads this one message as the general codec did."""
        trial = _Result(1)
        words = template.from_octets([data], (len(data) + 7) // 8 + 3)
        only = np.zeros(1, np.int64)
        if not self._decode_shape(trial, shape, only, words, np.array([len(data) * 8]), "lenient").all():
            return False
        same = all(int(trial.wire[member][0]) == code for member, code in wire.items())
        return same and np.array_equal(trial.path().rows()[0], np.array(crumbs, np.float64).reshape(-1, 3))

    def _decode_shape(self, result: _Result, shape: Shape, rows: NDArray[np.int64], words: template.Words,
                      bits: NDArray[np.int64], policy: Policy) -> NDArray[np.bool_]:
        """Decode the rows that have this shape into the result; which ones those were."""
        strict = policy == "strict"
        if words.shape[0] <= shape.before.words:
            return np.zeros(len(rows), bool)
        good = shape.before.matches(words)
        picked = np.flatnonzero(good)
        if not picked.size:
            return good
        words = words if picked.size == len(rows) else np.ascontiguousarray(words[:, picked])
        columns, sound = shape.before.unpack(words, strict)
        end = np.full(len(picked), shape.before.bits)
        crumbs = _NO_CRUMBS
        if shape.after is not None:
            sound &= columns[_COUNT] <= _MOST_CRUMBS
            crumbs = self._decode_crumbs(words, columns[_COUNT], end, bits[picked], sound, strict)
            tail = _tail_words(words, end, shape.after)
            sound &= shape.after.matches(tail)
            more, fine = shape.after.unpack(tail, strict)
            sound &= fine
            columns |= more
            end = end + shape.after.bits
        sound &= end <= bits[picked]
        if strict:
            sound &= (end + 7) // 8 * 8 == bits[picked]
            every = np.arange(len(picked))
            sound &= template.window(words, every, np.minimum(end, (words.shape[0] - 1) * 64 - 1)) == 0
        result.add_batch(rows[picked], columns, sound, crumbs)
        good[picked] = sound
        shape.hits += int(sound.sum())
        return good

    def _decode_crumbs(self, words: template.Words, counts: NDArray[np.int64], end: NDArray[np.int64],
                       bits: NDArray[np.int64], sound: NDArray[np.bool_], strict: bool,
                       ) -> list[IntColumns]:
        """Crumbs one position after another; moves ``end`` behind them, clears ``sound`` at other types."""
        found = []
        for index in range(int(counts[sound].max(initial=0))):
            active = np.flatnonzero(sound & (counts > index))
            inside = end[active] < bits[active]
            sound[active[~inside]] = False
            active = active[inside]
            known, kind, *values = self.crumbs.unpack(template.window(words, active, end[active]), strict)
            sound[active[~known]] = False
            active = active[known]
            end[active] += self.crumbs.bits[kind[known]]
            found.append((active, *(value[known] for value in values)))
        return found


_NO_CRUMBS: list[IntColumns] = []


class _Result:
    """Columns under construction: wire integers per member, status, crumbs of all rows in any order."""

    def __init__(self, rows: int) -> None:
        members = (("id",), *bsm_wire.PHYSICAL, *bsm_wire.CODES, *OPTIONAL)
        self.status = np.full(rows, STATUS_OK, np.int8)
        self.wire: Wire = {
            member: np.full(rows, bsm_wire.missing_code(member), np.uint64 if member == ("id",) else np.int64)
            for member in members
        }
        self._crumbs: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def add_general(self, row: int, wire: dict[Any, int], crumbs: list[tuple[float, float, float]]) -> None:
        """One row from the general codec."""
        for member, code in wire.items():
            self.wire[member][row] = code
        if crumbs:
            self._crumbs.append((np.full(len(crumbs), row), np.array(crumbs)))

    def add_batch(self, rows: NDArray[np.int64], columns: dict[Any, NDArray[Any]], sound: NDArray[np.bool_],
                  crumbs: list[IntColumns]) -> None:
        """The sound rows of one shape."""
        whole = bool(sound.all())
        for member, wanted in self.wire.items():
            column = columns.get(_FRAME + member)
            if column is not None:
                if whole:
                    wanted[rows] = column
                else:
                    wanted[rows[sound]] = column[sound]
        for active, lon, lat, time in crumbs:
            keep = sound[active]
            age = bsm_wire.QUANTITIES["TimeOffset"].from_wire(time[keep])
            crumb = np.column_stack([lon[keep] * 1e-7, lat[keep] * 1e-7, age])
            self._crumbs.append((rows[active[keep]], crumb))

    def path(self) -> PathHistory:
        """All crumbs by row; within a row in the order they were added."""
        if not self._crumbs:
            empty = np.empty(0)
            return PathHistory(np.zeros(len(self.status), np.int64), empty, empty, empty)
        rows = np.concatenate([row for row, _ in self._crumbs])
        order = np.argsort(rows, kind="stable")
        flat = np.concatenate([crumb for _, crumb in self._crumbs])[order]
        counts = np.bincount(rows, minlength=len(self.status))
        return PathHistory(counts, flat[:, 0], flat[:, 1], flat[:, 2])

    def columns(self) -> VehicleColumns:
        """The finished columns."""
        return bsm_wire.from_wire(self.wire, self.path(), self.status)


def _expand(first: NDArray[np.int64], counts: NDArray[np.int64]) -> IntColumns:
    """(row of each crumb, index of each crumb) for rows whose crumbs start at ``first``."""
    row = np.repeat(np.arange(len(counts)), counts)
    inside = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, first[row] + inside


def _tail_words(words: template.Words, start: NDArray[np.int64], after: Block) -> template.Words:
    """Word matrix of the block behind the crumbs; zero bits where the message ends before."""
    every = np.arange(len(start))
    last = (words.shape[0] - 1) * 64 - 1
    starts = [np.minimum(start + 64 * index, last) for index in range(after.words)]
    tail = [template.window(words, every, offset) for offset in starts]
    return np.stack(tail) if tail else np.zeros((0, len(start)), np.uint64)
