"""Pieces of decoded rows, in any order, to one sheet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch.block import Path, Rows
from rsu.messages.batch.layout import Layout
from rsu.messages.batch.reading import Piece, Reading
from rsu.messages.batch.sheet import Sheet


class Assembler:
    """Puts pieces into one sheet of ``rows`` rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.kinds: dict[int, int] = {}
        self.layouts: list[Layout] = []
        self.parts: list[tuple[Rows, NDArray[np.intp] | int, Rows]] = []
        self.lists: dict[Path, list[tuple[Rows, int, Reading]]] = {}

    def add(self, piece: Piece, rows: Rows) -> None:
        """One piece whose rows are ``rows`` of the sheet (-1: dropped)."""
        numbers = [self._number(layout) for layout in piece.layouts]
        kind: NDArray[np.intp] | int = numbers[0]
        if piece.kind is not None:
            same = numbers == list(range(len(numbers)))
            kind = piece.kind if same else np.array(numbers, np.intp)[piece.kind]
        self.parts.append((rows, kind, piece.matrix))
        straight = bool(piece.lists) and np.array_equal(rows, np.arange(len(rows)))
        for path, positions in piece.lists:
            for index, (parents, reading) in enumerate(positions):
                owners = parents if straight else np.where(parents >= 0, rows[parents], -1)
                self.lists.setdefault(path, []).append((owners, index, reading))

    def _number(self, layout: Layout) -> int:
        number = self.kinds.get(id(layout))
        if number is None:
            number = self.kinds[id(layout)] = len(self.layouts)
            self.layouts.append(layout)
        return number

    def sheet(self) -> Sheet:
        """The sheet; rows that no piece has are of a kind without members."""
        parts = self.parts
        names = [layout.paths for layout in self.layouts]
        lists = {path: _elements(found) for path, found in self.lists.items()}
        if len(parts) == 1 and len(parts[0][0]) == self.rows and _sorted(parts[0][0]):
            _, kinds, part = parts[0]
            return Sheet(names, np.zeros(self.rows, np.intp) if isinstance(kinds, int) else kinds, part, lists)
        depth = max((len(paths) for paths in names), default=0)
        matrix = np.zeros((depth, self.rows), np.int64)
        kind = np.full(self.rows, len(names), np.intp)
        for rows, kinds, part in parts:
            if len(rows) and rows.min() < 0:
                keep = np.flatnonzero(rows >= 0)
                rows, part = rows[keep], part[:, keep]
                kinds = kinds if isinstance(kinds, int) else kinds[keep]
            matrix[: len(part), rows] = part
            kind[rows] = kinds
        if not parts or (kind == len(names)).any():
            names = [*names, ()]
        return Sheet(names, kind, matrix, lists)


def _sorted(rows: Rows) -> bool:
    return bool((rows[1:] > rows[:-1]).all()) if len(rows) > 1 else True


def _elements(found: list[tuple[Rows, int, Reading]]) -> Sheet:
    """Elements in the order of (row, position)."""
    if len(found) == 1 and len(found[0][2].pieces) == 1:
        owner, _, reading = found[0]
        if not len(owner) or (owner[0] >= 0 and (owner[1:] >= owner[:-1]).all()):
            assembler = Assembler(len(owner))
            assembler.add(reading.pieces[0], reading.pieces[0].rows)
            return assembler.sheet()
    owner = np.concatenate([owner for owner, _, _ in found])
    position = np.concatenate([np.full(len(rows), index) for rows, index, _ in found])
    kept = np.flatnonzero(owner >= 0)
    order = kept[np.lexsort((position[kept], owner[kept]))]
    target = np.full(len(owner), -1, np.int64)
    target[order] = np.arange(len(order))
    assembler = Assembler(len(order))
    start = 0
    for rows, _, reading in found:
        places = target[start : start + len(rows)]
        start += len(rows)
        for piece in reading.pieces:
            assembler.add(piece, places[piece.rows])
    return assembler.sheet()
