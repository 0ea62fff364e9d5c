"""What became of every opportunity, by class of use and by who told whom: usable share, and which stage failed.

An opportunity is a link on which a message could have been used (definitions section 7): from a vehicle or pedestrian,
a receiver nearer than ``gap_range_m``; from a roadside unit, a receiver that is where the message is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.frames import Kind, Outcome, bit
from sim.metrics.base import LINKS, Batch, Context, Metric, Rows, Tick
from sim.metrics.opportunity_counts import OpportunityCounts
from sim.metrics.opportunity_rows import OpportunityRows, label_of

WRONG_CAUSES = (Outcome.DEC_SILENT, Outcome.SEM_DATUM, Outcome.SEM_ID, Outcome.SEM_CODE)
"""What makes an application act on a wrong content, in the order of the stages; the first one in the mask is blamed."""
LINKS_TO_VEHICLES = tuple(i for i, link in enumerate(LINKS) if link.endswith("V"))


class Opportunities:
    """Counts opportunities by link, message, sender, receiver and end, and what would have failed whatever came first.

    A vehicle stands for its home, a unit for its place. Nothing is counted with a single jurisdiction, where every
    pair would be the same. Applied is DELIVERED or DUPLICATE. Where the pipeline does not say where a message is
    wanted (``Batch.relevant``), links that ended NOT_APPLICABLE are no opportunities. Memory: one counter per
    combination, and per mask that occurs.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.told = len(context.jurisdictions) > 1
        self._labels = len(context.jurisdictions) + 1
        self.counts = OpportunityCounts(context) if self.told else None
        self.sizes = np.zeros((2, len(Kind), len(context.messages), self._labels), np.int64)
        """Frames and their octets by kind of sender, message and sender + 1."""
        self.wrong = np.zeros((len(context.messages), len(WRONG_CAUSES) + 1), np.int64)
        """Wrong applications in vehicles by message and cause; the last one has no cause in its mask."""
        self.vehicle_ns = 0
        """Time of equipped vehicles on the road."""

    def tick(self, tick: Tick) -> None:
        """Count the time of equipped vehicles."""
        if self.told:
            present = tick.stations.active & (tick.stations.kind == Kind.VEHICLE)
            self.vehicle_ns += int(np.count_nonzero(present)) * tick.length_ns

    def observe(self, batch: Batch) -> None:
        """Count the links of a batch."""
        if self.counts is None or not len(batch):
            return
        moving = batch.sender_kind != Kind.RSU
        sender = np.where(moving, batch.sender_home, batch.sender_place).astype(np.int64) + 1
        shape = self.sizes.shape[1:]
        group = (batch.sender_kind * np.int64(shape[1]) + batch.message) * shape[2] + sender
        self.sizes[0] += np.bincount(group, minlength=self.sizes[0].size).reshape(shape)
        octets = np.bincount(group, batch.size_bytes, self.sizes[0].size)
        self.sizes[1] += octets.astype(np.int64).reshape(shape)
        stations = batch.stations
        receiver = np.where(stations.kind == Kind.RSU, stations.place, stations.home).astype(np.int64) + 1
        self.counts.add(batch, sender, receiver)
        if batch.outcome is not batch.radio_outcome:
            self._add_wrong(batch)

    def _add_wrong(self, batch: Batch) -> None:
        """Wrong applications in vehicles, wherever they are."""
        links = np.flatnonzero(batch.outcome == Outcome.APPLIED_WRONG)
        links = links[batch.stations.kind[batch.receiver[links]] == Kind.VEHICLE]
        if not len(links):
            return
        cause = np.full(len(links), len(WRONG_CAUSES))
        if batch.mask is not None:
            for k in reversed(range(len(WRONG_CAUSES))):
                cause[batch.mask[links] & bit(WRONG_CAUSES[k]) != 0] = k
        np.add.at(self.wrong, (batch.message[batch.row[links]], cause), 1)

    def merge(self, other: Opportunities) -> None:
        """Add the other's counts."""
        for name in ("sizes", "wrong", "vehicle_ns"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if self.counts is not None and other.counts is not None:
            self.counts.merge(other.counts)

    def _told(self) -> OpportunityRows | None:
        if self.counts is None:
            return None
        self.counts.flush()
        return OpportunityRows(self.context, self.counts)

    def rows(self) -> Iterator[Metric]:
        """Shares per class, then per pair of jurisdictions, by distance, wrong applications, overheads."""
        told = self._told()
        if told is not None:
            yield from told.rows()
            yield from self._wrong_rows(told)
            yield from self._size_rows()

    def _wrong_rows(self, told: OpportunityRows) -> Iterator[Metric]:
        """Wrong applications per hour of an equipped vehicle: in all, per cause, per class."""
        if not self.vehicle_ns:
            return
        hours = self.vehicle_ns / 3.6e12
        groups = {"": list(range(len(self.context.messages))), **told.classes(LINKS_TO_VEHICLES)}
        causes = [cause.name.lower() for cause in WRONG_CAUSES] + ["other"]
        for name, chosen in groups.items():
            count = self.wrong[chosen].sum(0)
            shown = [("", int(count.sum())), *((c, int(n)) for c, n in zip(causes, count, strict=True) if n)]
            for cause, n in shown:
                yield Metric("war", "1/(veh h)", "", name, station_class=cause, value=n / hours, n=n)

    def _size_rows(self) -> Iterator[Metric]:
        """Mean octets of a message by jurisdiction of its sender."""
        for kind, k, label in zip(*np.nonzero(self.sizes[0]), strict=True):
            count, octets = (int(total[kind, k, label]) for total in self.sizes)
            yield Metric(
                "size_bytes", "byte", "", self.context.messages[k], label_of(self.context, label),
                station_class=Kind(kind).name.lower(), value=octets / count, n=count,
            )

    def tables(self) -> dict[str, Rows]:
        """``outcomes``: opportunities by class, sender, receiver and end, and how many failed at each stage."""
        told = self._told()
        return {} if told is None else {"outcomes": told.table()}
