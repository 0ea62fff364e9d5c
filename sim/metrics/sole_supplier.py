"""Which roadside unit alone keeps a place covered: what coverage would lose if that unit were silent.

A reception stands for its *suppliers*: the unit that sent it and, where applying it took a second message (the MAP
behind a SPAT), the only unit that gave that message while it was fresh. A place is lost with a unit while it is covered
and every fresh reception needs that unit. What others would receive better without the unit's own transmissions is not
seen: coverage without it is a little more than coverage minus what it supplies alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sim.clock import NEVER

NOBODY = -1


class Supply:
    """Newest reception per place, whom it takes, and the newest ones that do without them.

    Exact for any number of units in constant memory per place: who is not among the suppliers of the newest
    reception cannot be missed, so only receptions without one of those two have to be remembered.
    """

    def __init__(self, places: int) -> None:
        self.newest_ns = np.full(places, -NEVER, np.int64)
        self.suppliers = np.full((2, places), NOBODY, np.int32)
        """Sender of the newest reception, and whom it takes besides; :data:`NOBODY` where there is none."""
        self.without_ns = np.full((2, places), -NEVER, np.int64)
        """Newest reception that does without the first, without the second supplier."""

    def received(self, places: np.ndarray, time_ns: np.ndarray, sender: int, besides: np.ndarray | None = None) -> None:
        """Places (no two equal) received something of ``sender`` at ``time_ns``, which took ``besides`` as well.

        ``time_ns`` and ``besides`` (:data:`NOBODY` where the sender suffices; none = everywhere) have one entry per
        place. Receptions may come out of order.
        """
        besides = np.full(len(places), NOBODY) if besides is None else np.where(besides == sender, NOBODY, besides)
        newer = time_ns >= self.newest_ns[places]
        self._overtaken(places[newer], time_ns[newer], sender, besides[newer])
        if not newer.all():
            self._late(places[~newer], time_ns[~newer], sender, besides[~newer])

    def _overtaken(self, places: np.ndarray, time_ns: np.ndarray, sender: int, besides: np.ndarray) -> None:
        first, second = self.suppliers[:, places]
        newest_ns, (without_first_ns, without_second_ns) = self.newest_ns[places], self.without_ns[:, places]
        for k, unit in enumerate((sender, besides)):
            without_ns = np.where(unit == second, without_second_ns, newest_ns)
            self.without_ns[k, places] = np.where(unit == first, without_first_ns, without_ns)
        self.suppliers[0, places], self.suppliers[1, places] = sender, besides
        self.newest_ns[places] = time_ns

    def _late(self, places: np.ndarray, time_ns: np.ndarray, sender: int, besides: np.ndarray) -> None:
        for k in range(2):
            unit = self.suppliers[k, places]
            other = (unit != sender) & (unit != besides)
            np.maximum.at(self.without_ns[k], places[other], time_ns[other])

    def lost(self, places: np.ndarray, now_ns: int, tau_ns: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(index into ``places``, unit): who is fresh now and would not be without that unit; in two parts."""
        fresh = now_ns - self.newest_ns[places] <= tau_ns
        for k in range(2):
            unit = self.suppliers[k, places]
            alone = np.flatnonzero(fresh & (unit != NOBODY) & (now_ns - self.without_ns[k, places] > tau_ns))
            yield alone, unit[alone]


class SupplierRow(NamedTuple):
    """What coverage of one class would lose without one unit, over all zones or part of them."""

    class_: str
    unit: str
    operator: str
    """Jurisdiction that operates the unit."""
    jurisdiction: str
    direction: str
    zone_s: float
    C_raw_lost: float
    C_useful_lost: float


class SoleSuppliers:
    """Time of zones lost with each unit, by class, jurisdiction and direction; sums only, so memory is small."""

    def __init__(
        self, classes: Sequence[str], places: int, units: Sequence[str], operators: Sequence[str], groups: np.ndarray,
        group_count: int, tau_ns: np.ndarray,
    ) -> None:
        self.classes, self.units, self.operators = tuple(classes), tuple(units), tuple(operators)
        self.groups, self.tau_ns = groups, tau_ns
        self.raw = [Supply(places) for _ in classes]
        self.useful = [Supply(places) for _ in classes]
        self.lost_ns = np.zeros((2, len(self.classes), max(1, len(self.units)), max(1, group_count)), np.int64)
        """Raw and useful; by class, unit and group of places."""

    def received(
        self, class_index: int, places: np.ndarray, time_ns: np.ndarray, useful: np.ndarray, sender: int,
        besides: np.ndarray | None,
    ) -> None:
        """As :meth:`Supply.received`; ``useful`` says who applied it, and ``besides`` whom that took."""
        if not len(places) or not self.units:
            return
        if sender >= len(self.units):
            sender = NOBODY
        self.raw[class_index].received(places, time_ns, sender)
        if useful.any():
            needed = besides[useful] if besides is not None else None
            self.useful[class_index].received(places[useful], time_ns[useful], sender, needed)

    def tick(self, now_ns: int, length_ns: int, zone: np.ndarray) -> None:
        """Add one tick; ``zone`` is bool of shape (classes, places)."""
        if not self.units:
            return
        for c in range(len(self.classes)):
            places = np.flatnonzero(zone[c])
            if len(places):
                for k, supply in enumerate((self.raw[c], self.useful[c])):
                    for alone, unit in supply.lost(places, now_ns, int(self.tau_ns[c])):
                        if len(alone):
                            np.add.at(self.lost_ns[k, c], (unit, self.groups[places[alone]]), length_ns)

    def merge(self, other: SoleSuppliers) -> None:
        """Add the other's time."""
        self.lost_ns += other.lost_ns
