"""What a decoder reads from and gives: a message matrix, pieces of rows read with the same layout."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch.block import Path, Rows, Words
from rsu.messages.batch.layout import Layout

Flags = NDArray[np.bool_]


@dataclass
class Input:
    """Message matrix with two spare words per row, and the bits of every message."""

    words: Words
    strict: bool

    @property
    def last_bit(self) -> int:
        """Last place where a window may start."""
        return (self.words.shape[1] - 1) * 64 - 1


@dataclass
class Piece:
    """Rows read with one layout (or several small ones, then ``kind`` says which)."""

    rows: Rows
    """Which of the rows asked for."""
    layouts: list[Layout]
    kind: NDArray[np.intp] | None
    matrix: Rows
    lists: list[tuple[Path, list[tuple[Rows, Reading]]]] = field(default_factory=list)
    """By list, for each position in it: (row of the piece of each element, the elements)."""


@dataclass
class Reading:
    """What was made of some rows: which could be read, where they end, and their content in pieces."""

    good: Flags
    end: Rows
    pieces: list[Piece] = field(default_factory=list)
