"""What one group of homes tells the coverage KPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.metrics.coverage import Coverage


class CoverageOf(Coverage):
    """Passes receptions on as those of some homes; holds no figures of its own.

    What a unit alone supplies (:class:`sim.metrics.sole_supplier.SoleSuppliers`) is followed for one group of homes.
    """

    def __init__(self, whole: Coverage, homes: Sequence[int], supplies: bool) -> None:
        self._whole, self._homes = whole, np.zeros(len(whole.context.jurisdictions), bool)
        self._homes[list(homes)] = True
        self.context, self.probes = whole.context, whole.probes
        self.suppliers: Any = whole.suppliers if supplies else _Nobody()

    @staticmethod
    def group(whole: Coverage | None, homes: Sequence[int], supplies: bool) -> Coverage | None:
        """For some homes; None stays None."""
        return None if whole is None else CoverageOf(whole, homes, supplies)

    def received(
        self, class_index: int, probes: np.ndarray, time_ns: np.ndarray | int, useful: np.ndarray
    ) -> None:
        """Useful to these homes only."""
        if len(probes):
            self._whole.received(class_index, probes, time_ns, np.asarray(useful, bool)[:, None] & self._homes)

    def vehicle_received(
        self, class_index: int, slots: np.ndarray, time_ns: np.ndarray | int, useful: np.ndarray
    ) -> None:
        """Vehicles belong to one group anyway."""
        self._whole.vehicle_received(class_index, slots, time_ns, useful)


class _Nobody:
    """Takes no notes."""

    def received(self, *of: object) -> None:
        """Nothing to note."""
