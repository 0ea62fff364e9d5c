"""Wire integers of many values of one type: rows by pattern, lists as sheets of their elements, values there and back.

A column is named by the path of its member: names of SEQUENCE members and of CHOICE alternatives, type names
inside open types, COUNT behind the path of a list for its length, PRESENT behind the path of a member that is sent
without a number of its own. Codes are wire codes plus the lower bound: enumerations count their root values, flags
have the first named bit most significant, octet strings are big-endian numbers; a code of 64 bits is the int64 with
the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch.block import COUNT, Path, Rows
from rsu.messages.batch.node import Member, Node

Paths = tuple[Path, ...]

PRESENT = "?"
VOID: Path = ("~",)
"""Names an entry of a kind that means nothing, so that rows of several kinds can share a matrix."""
_MASK_64 = (1 << 64) - 1


@dataclass
class Sheet:
    """``matrix`` (columns, rows), int64: the codes of row r are named by ``kinds[kind[r]]``, further entries are void.

    ``lists`` holds the elements of all rows by the path of their list, one row's elements after another's.
    ``values`` holds the whole value (asn1tools form) of rows that columns cannot hold; it goes before the columns.
    """

    kinds: list[Paths]
    kind: NDArray[np.intp]
    matrix: Rows
    lists: dict[Path, Sheet] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)
    _counts: dict[Path, Rows] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.matrix.shape[1]

    @staticmethod
    def uniform(paths: Paths, matrix: Rows, lists: dict[Path, Sheet] | None = None) -> Sheet:
        """Rows that all have the same members."""
        return Sheet([paths], np.zeros(matrix.shape[1], np.intp), matrix, lists or {})

    def rows_of(self, number: int) -> NDArray[np.intp] | None:
        """Rows of one kind; None = all of them."""
        if len(self.kinds) == 1:
            return None
        rows = np.flatnonzero(self.kind == number)
        return None if len(rows) == len(self) else rows

    def column(self, path: Path, missing: int) -> Rows:
        """One column over all rows, ``missing`` where a row has no such member."""
        return self.columns((path,), np.array([missing]))[0]

    def columns(self, paths: Sequence[Path], missing: Rows) -> Rows:
        """Several columns as one matrix, ``missing`` (one per column) where a row has no such member."""
        rows = len(self)
        void = np.asarray(missing, np.int64)[:, None]
        indices = [_index(kind) for kind in self.kinds]
        places = np.array([[index.get(path, -1) for index in indices] for path in paths], np.intp)
        if not rows or not places.size or not len(self.matrix):
            return np.repeat(void, rows, axis=1)
        if len(self.kinds) == 1:
            out = self.matrix[places[:, 0]]
            lost = np.flatnonzero(places[:, 0] < 0)
            out[lost] = void[lost]
            return out
        picked = places[:, self.kind]
        return np.where(picked >= 0, self.matrix[picked, np.arange(rows)], void)

    def counts(self, path: Path) -> Rows:
        """Length of a list per row, 0 where it is not sent."""
        found = self._counts.get(path)
        if found is None:
            found = self._counts[path] = self.column((*path, COUNT), 0)
        return found

    def take(self, rows: NDArray[Any]) -> Sheet:
        """The given rows, in that order."""
        lists = {}
        for path, elements in self.lists.items():
            counts = self.counts(path)
            lists[path] = elements.take(spread((np.cumsum(counts) - counts)[rows], counts[rows]))
        values = {new: self.values[old] for new, old in enumerate(rows.tolist()) if old in self.values}
        kinds, kind = self.kinds, self.kind[rows]
        if len(kinds) > max(len(rows), 1):
            used, kind = np.unique(kind, return_inverse=True)
            kinds = [kinds[number] for number in used.tolist()]
        return Sheet(kinds, kind, self.matrix[:, rows], lists, values)


@lru_cache(maxsize=4096)
def _index(paths: Paths) -> dict[Path, int]:
    return {path: number for number, path in enumerate(paths)}


def spread(first: Rows, counts: Rows) -> Rows:
    """Indices first, first + 1, .. of ``counts`` consecutive entries for each row, one row after another."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(first - (ends - counts), counts)


def merge(parts: Sequence[tuple[Sheet, NDArray[Any]]], rows: int) -> Sheet:
    """One sheet of ``rows`` rows from several; each comes with the rows its own rows become."""
    kinds: dict[Paths, int] = {}
    depth = max((len(paths) for sheet, _ in parts for paths in sheet.kinds), default=0)
    kind = np.zeros(rows, np.intp)
    matrix = np.zeros((depth, rows), np.int64)
    values: dict[int, Any] = {}
    for sheet, targets in parts:
        if len(sheet):
            numbers = [kinds.setdefault(paths, len(kinds)) for paths in sheet.kinds]
            kind[targets] = np.array(numbers, np.intp)[sheet.kind]
            used = min(len(sheet.matrix), depth)
            matrix[:used, targets] = sheet.matrix[:used]
        values |= {int(targets[row]): value for row, value in sheet.values.items()}
    lists = {}
    for path in dict.fromkeys(path for sheet, _ in parts for path in sheet.lists):
        owners = [np.repeat(targets, sheet.counts(path)) for sheet, targets in parts if path in sheet.lists]
        order = np.argsort(np.concatenate(owners), kind="stable")
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        held = [sheet.lists[path] for sheet, _ in parts if path in sheet.lists]
        places = np.split(place, np.cumsum([len(one) for one in held])[:-1])
        lists[path] = merge(list(zip(held, places, strict=True)), len(order))
    return Sheet(list(kinds), kind, matrix, lists, values)


class SheetBuilder:
    """Collects rows one value at a time, in asn1tools form; open types as the value inside."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.kinds: dict[Paths, int] = {}
        self.rows: list[tuple[int, list[int]]] = []
        self.lists: dict[Path, SheetBuilder] = {}
        self.values: dict[int, Any] = {}

    def add(self, value: Any) -> bool:
        """One more row; False if columns do not hold all of it (the whole value is kept then)."""
        adder = _Adder(self)
        whole = adder.node(self.node, value, ())
        if not whole:
            self.values[len(self.rows)] = value
        self._append(tuple(adder.paths), adder.codes)
        return whole

    def skip(self) -> None:
        """One more row without content."""
        self._append((), [])

    def _append(self, paths: Paths, codes: list[int]) -> None:
        self.rows.append((self.kinds.setdefault(paths, len(self.kinds)), codes))

    def sheet(self) -> Sheet:
        """What was collected."""
        matrix = np.zeros((max((len(paths) for paths in self.kinds), default=0), len(self.rows)), np.int64)
        kind = np.array([number for number, _ in self.rows], np.intp)
        for number, paths in enumerate(self.kinds):
            rows = np.flatnonzero(kind == number)
            codes = np.array([self.rows[row][1] for row in rows.tolist()], np.int64)
            matrix[: len(paths), rows] = codes.reshape(len(rows), len(paths)).T
        lists = {path: builder.sheet() for path, builder in self.lists.items()}
        return Sheet(list(self.kinds), kind, matrix, lists, self.values)


class _Adder:
    """Walks one value; every method says whether columns hold all of its part."""

    def __init__(self, builder: SheetBuilder) -> None:
        self.builder = builder
        self.paths: list[Path] = []
        self.codes: list[int] = []

    def put(self, path: Path, code: int) -> None:
        self.paths.append(path)
        self.codes.append(code - (1 << 64) if code >= 1 << 63 else code)

    def node(self, node: Node, value: Any, path: Path) -> bool:
        if node.kind == "leaf":
            code = code_of(node, value)
            if code is not None:
                self.put(path, code)
            return code is not None
        if value is None or node.kind in ("opaque", "open"):
            return False
        if node.kind == "sequence":
            return self._sequence(node, value, path)
        if node.kind == "list":
            return self._list(node, value, path)
        member = node.by_name.get(value[0])
        return member is not None and self._optional(member, value[1], path)

    def _optional(self, member: Member, value: Any, path: Path) -> bool:
        inside, before = (*path, member.name), len(self.paths)
        whole = self.node(member.node, value, inside)
        if len(self.paths) == before:
            self.put((*inside, PRESENT), 0)
        return whole

    def _sequence(self, node: Node, value: dict[str, Any], path: Path) -> bool:
        whole = True
        seen = 0
        for member in node.members:
            if member.name not in value:
                continue
            seen += 1
            inner = value[member.name]
            if member.node.kind == "open":
                opened = opened_member(member.node, value, inner)
                whole &= opened is not None and self._optional(opened, inner, (*path, member.name))
            elif member.optional:
                whole &= self._optional(member, inner, path)
            else:
                whole &= self.node(member.node, inner, (*path, member.name))
        return whole and seen == len(value)

    def _list(self, node: Node, value: list[Any], path: Path) -> bool:
        assert node.element is not None
        elements = self.builder.lists.get(path)
        if elements is None:
            elements = self.builder.lists[path] = SheetBuilder(node.element)
        self.put((*path, COUNT), len(value))
        whole = not node.extensible or 0 <= len(value) - node.lowest < node.count
        for element in value:
            whole &= elements.add(element)
        return whole


def opened_member(node: Node, sequence: dict[str, Any], value: Any) -> Member | None:
    """The type inside an open type, which its neighbour names; None where the value is mere octets."""
    if isinstance(value, (bytes, bytearray)):
        return None
    code = sequence.get(node.selector)
    return next((member for member in node.members if member.code == code), None)


def code_of(node: Node, value: Any) -> int | None:
    """Code of a leaf in asn1tools form; None where it is an extension or has another size."""
    base = node.base
    if base == "INTEGER":
        return value if type(value) is int and -(1 << 63) <= value <= _MASK_64 else None
    if base == "ENUMERATED":
        return node.code_of.get(value)
    if base == "BOOLEAN":
        return int(value)
    if base == "NULL":
        return 0
    if base == "BIT STRING":
        octets, bits = value
        return int.from_bytes(octets, "big") >> (len(octets) * 8 - bits) if bits == node.width else None
    return int.from_bytes(value, "big") if len(value) * 8 == node.width else None


def leaf_value(node: Node, code: int) -> Any:
    """Inverse of :func:`code_of`; ValueError for a code that means nothing."""
    base = node.base
    if node.width == 64:
        code &= _MASK_64
    if base == "INTEGER":
        return code
    if base == "NULL":
        return None
    if not 0 <= code < node.count:
        raise ValueError(f"{code} is outside 0..{node.count - 1}")
    if base == "BOOLEAN":
        return code == 1
    if base == "ENUMERATED":
        return node.names[code]
    octets = (node.width + 7) // 8
    if base == "BIT STRING":
        return (code << (-node.width % 8)).to_bytes(octets, "big"), node.width
    return code.to_bytes(octets, "big")


class RowReader:
    """Values in asn1tools form from rows of a sheet; open types as the value inside."""

    def __init__(self, node: Node, sheet: Sheet) -> None:
        self.node, self.sheet = node, sheet
        self.closures: dict[int, set[Path]] = {}
        self.children: dict[Path, tuple[RowReader, Rows]] = {}

    def value(self, row: int) -> Any:
        """The value of one row; ValueError naming a member that is missing, out of range or ambiguous."""
        if row in self.sheet.values:
            return self.sheet.values[row]
        number = int(self.sheet.kind[row])
        paths = self.sheet.kinds[number]
        codes = dict(zip(paths, self.sheet.matrix[: len(paths), row].tolist(), strict=True))
        sent = self.closures.get(number)
        if sent is None:
            sent = self.closures[number] = closure(paths)
        return self._read(self.node, (), codes, sent, row)

    def _read(self, node: Node, path: Path, codes: dict[Path, int], sent: set[Path], row: int) -> Any:
        if node.kind == "sequence":
            value: dict[str, Any] = {}
            for member in node.members:
                inside = (*path, member.name)
                if not member.optional or inside in sent:
                    value[member.name] = self._read(member.node, inside, codes, sent, row)
            return value
        if node.kind in ("choice", "open"):
            member = only_alternative(node, path, sent)
            inner = self._read(member.node, (*path, member.name), codes, sent, row)
            return (member.name, inner) if node.kind == "choice" else inner
        if node.kind == "list":
            return self._list(path, codes, row)
        if node.kind != "leaf" or path not in codes:
            raise ValueError(f"{dotted(path)}: missing")
        try:
            return leaf_value(node, codes[path])
        except ValueError as error:
            raise ValueError(f"{dotted(path)}: {error}") from None

    def _list(self, path: Path, codes: dict[Path, int], row: int) -> list[Any]:
        count = codes.get((*path, COUNT))
        if count is None:
            raise ValueError(f"{dotted(path)}: missing")
        if count == 0:
            return []
        if path not in self.children:
            reader = RowReader(_node_at(self.node, path), self.sheet.lists[path])
            self.children[path] = reader, np.cumsum(self.sheet.counts(path))
        reader, ends = self.children[path]
        return [reader.value(element) for element in range(int(ends[row]) - count, int(ends[row]))]


def closure(paths: Paths) -> set[Path]:
    """All members on the way to some columns."""
    return {path[:length] for path in paths for length in range(1, len(path) + 1)}


def only_alternative(node: Node, path: Path, sent: set[Path]) -> Member:
    """The one alternative that is sent; ValueError where there is none or several."""
    found = [member for member in node.members if (*path, member.name) in sent]
    if len(found) != 1:
        raise ValueError(f"{dotted(path)}: {len(found)} alternatives, exactly one is needed")
    return found[0]


def _node_at(node: Node, path: Path) -> Node:
    """Type of the elements of the list at ``path``."""
    for name in path:
        node = node.by_name[str(name)].node
    assert node.element is not None
    return node.element


def dotted(path: Sequence[str | int]) -> str:
    """Path as text."""
    return ".".join(map(str, path)) or "value"
