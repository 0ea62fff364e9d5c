"""SI columns to wire integers and back, all quantities of a message at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsu.messages.base import Quantity
from rsu.messages.batch.block import Rows

Matrix = NDArray[np.float64]


class QuantityRows:
    """Quantities as rows of a matrix; the numbers are those of :class:`rsu.messages.base.Quantity` one by one."""

    def __init__(self, quantities: Sequence[Quantity]) -> None:
        self.quantities = list(quantities)
        self._step = _column([quantity.step for quantity in quantities])
        self._scale = _column([1.0 / quantity.step for quantity in quantities])
        self._offset = _column([quantity.offset for quantity in quantities])
        self._shifted = bool(self._offset.any())
        self._lowest = _column([quantity.lowest for quantity in quantities])
        self._highest = _column([quantity.highest for quantity in quantities])
        self._floor = _column([q.lowest if q.saturates else -np.inf for q in quantities])
        self._ceiling = _column([q.highest if q.saturates else np.inf for q in quantities])
        self._unavailable = _column([np.nan if q.unavailable is None else q.unavailable for q in quantities])
        self._wrapping = [(row, float(q.wraps)) for row, q in enumerate(quantities) if q.wraps is not None]

    def to_wire(self, si: Matrix) -> Rows:
        """Wire integers (quantities, rows) of SI values; ValueError as :meth:`Quantity.to_wire`."""
        scaled = (si - self._offset if self._shifted else si) * self._scale
        np.rint(scaled, out=scaled)
        missing = np.isnan(scaled)
        some_missing = bool(missing.any())
        if some_missing:
            np.copyto(scaled, self._lowest, where=missing)
        for row, count in self._wrapping:
            one = scaled[row]
            if not np.isfinite(one).all():
                self._refuse(si)
            scaled[row] = np.mod(one, count)
        np.clip(scaled, self._floor, self._ceiling, out=scaled)
        if ((scaled < self._lowest) | (scaled > self._highest)).any():
            self._refuse(si)
        if some_missing:
            np.copyto(scaled, self._unavailable, where=missing)
            if np.isnan(scaled).any():
                self._refuse(si)
        return scaled.astype(np.int64)

    def _refuse(self, si: Matrix) -> None:
        for quantity, row in zip(self.quantities, si, strict=True):
            quantity.to_wire(row)
        raise AssertionError("a quantity refuses in a matrix what it accepts alone")

    def from_wire(self, wire: Rows) -> Matrix:
        """SI values of wire integers; NaN as :meth:`Quantity.from_wire`."""
        si = wire * self._step
        if self._shifted:
            si += self._offset
        outside = (wire < self._lowest) | (wire > self._highest)
        np.copyto(si, np.nan, where=outside)
        return si


def _column(values: Sequence[float]) -> Matrix:
    return np.array(values, np.float64)[:, None]
