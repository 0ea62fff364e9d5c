"""Which part of a block of links an obstacle can matter to: ends sorted along a line, obstacles between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Section:
    """Some rows and columns of a block of links."""

    rows: slice
    columns: slice


class Sections:
    """Rows and columns of a block by their place along a line; places out of order cost time, not truth."""

    def __init__(self, row_m: np.ndarray, column_m: np.ndarray, margin_m: float, within_m: float) -> None:
        sign = -1.0 if len(column_m) and column_m[-1] < column_m[0] else 1.0
        self._sign, self._margin_m, self._within_m = sign, margin_m, within_m + margin_m
        self._rows, self._columns = _Line(sign * row_m), _Line(sign * column_m)

    def of(self, at_m: np.ndarray) -> Iterator[tuple[int, Section]]:
        """Sections that obstacles at ``at_m`` can be between: rows before one with columns behind it, and the like.

        Yields the index of the obstacle, ascending, and the section. No link stands in two of one obstacle. Links that
        are longer than the given distance are left out.
        """
        at, margin, within = self._sign * at_m, self._margin_m, self._within_m
        rows, columns = self._rows, self._columns
        first, last = rows.first(at - within), rows.last(at + within)
        before = np.minimum(np.maximum(rows.first(at - margin), first), last)
        behind = np.maximum(np.minimum(rows.last(at + margin), last), before)
        left, right = columns.first(at - within), columns.last(at + within)
        beyond, ahead = np.maximum(columns.first(at - margin), left), np.minimum(columns.last(at + margin), right)
        bounds = np.concatenate([
            np.stack([first, before, beyond, right]), np.stack([before, behind, left, right]),
            np.stack([behind, last, left, ahead]),
        ], axis=1)
        full = np.flatnonzero((bounds[0] < bounds[1]) & (bounds[2] < bounds[3]))
        full = full[np.argsort(full % max(1, len(at)), kind="stable")]
        for k, (top, bottom, west, east) in zip((full % len(at)).tolist(), bounds[:, full].T.tolist(), strict=True):
            yield k, Section(slice(top, bottom), slice(west, east))


class _Line:
    """Places along a line in the order of their indices."""

    def __init__(self, place_m: np.ndarray) -> None:
        self._greatest = np.maximum.accumulate(place_m)
        self._least = np.minimum.accumulate(place_m[::-1])[::-1]

    def first(self, at_m: np.ndarray) -> np.ndarray:
        """Indices before which all lie before ``at_m``."""
        return np.searchsorted(self._greatest, at_m)

    def last(self, at_m: np.ndarray) -> np.ndarray:
        """Indices from which all lie behind ``at_m``."""
        return np.searchsorted(self._least, at_m, side="right")
