"""Counts links by what they are and how they ended: link by link into numbers, many numbers at once into counters."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.frames import Kind, Outcome, bit
from sim.metrics.base import LINKS, Batch, Context, link_kind
from sim.metrics.masks import MaskCounts

KEPT_LINKS = 1 << 16
"""Links that wait before they are counted."""
_ENDS, _KINDS = len(Outcome), len(Kind)
_ALONE = np.array(
    [0 if end in (Outcome.DELIVERED, Outcome.DUPLICATE) else bit(end) for end in Outcome], np.int32
)
"""Mask of a link on which nothing but its end went wrong."""


class OpportunityCounts:
    """Counters of links and opportunities; ``jurisdiction + 1`` stands for senders and receivers, 0 = nobody's.

    A link is an *opportunity* where it is nearer than ``gap_range_m`` (senders that move) or anywhere (units), and its
    receiver is where the message is wanted; where batches do not say that, links that ended NOT_APPLICABLE are none.
    Memory: :data:`KEPT_LINKS` links and one batch, one counter per combination, and per mask that occurs.
    """

    def __init__(self, context: Context) -> None:
        self.context, measure = context, context.measure
        labels, messages = len(context.jurisdictions) + 1, len(context.messages)
        self._bins = int(np.ceil(measure.max_distance_m / measure.bin_m))
        self._inner = self._bins * 2 * _ENDS
        self._of_frame = (measure.batches, _KINDS, messages, labels)
        self._of_link = (*self._of_frame, _KINDS, labels)
        size = int(np.prod(self._of_link)) * self._inner
        self._dtype: Any = np.int32 if size < 2**31 else np.int64
        shape = (len(LINKS), messages, labels, labels)
        self.ends = np.zeros((measure.batches, *shape, _ENDS), np.int64)
        """Opportunities by time batch, link, message, sender, receiver and end."""
        self.by_distance = np.zeros((measure.batches, len(LINKS), messages, 2, self._bins, 2), np.int64)
        """Links by time batch, link, message, same or cross home and distance bin: present, applied."""
        self.latency = np.zeros((2, *shape), np.int64)
        """Delivered opportunities, and the sum of their latency in ns."""
        self.masks = MaskCounts((*shape, _ENDS))
        """``ends`` by mask, all time together; only of batches that carry masks."""
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]] = []
        self._links = 0

    def add(self, batch: Batch, sender: np.ndarray, receiver: np.ndarray) -> None:
        """Take the links of a batch; ``sender`` by frame and ``receiver`` by slot are jurisdictions + 1."""
        number, chosen = self._numbers(batch, sender, receiver)
        took_ns = (batch.after_ns - batch.generated_ns).take(batch.row)
        for extra_ns in (batch.verify_wait_ns, batch.air_extra_ns):
            if extra_ns is not None:
                took_ns += extra_ns
        mask = batch.mask
        if chosen is not None:
            took_ns, mask = took_ns[chosen], None if mask is None else mask[chosen]
        if self._waiting and (self._waiting[0][2] is None) != (mask is None):
            self.flush()
        self._waiting.append((number, took_ns, mask))
        self._links += len(number)
        if self._links >= KEPT_LINKS:
            self.flush()

    def _numbers(
        self, batch: Batch, sender: np.ndarray, receiver: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """(one number per link, which links they are of; none = all)."""
        measure, stations, dtype = self.context.measure, batch.stations, self._dtype
        _, kinds, messages, labels = self._of_frame
        frame = (self.context.batch_of(batch.generated_ns) * kinds + batch.sender_kind) * messages + batch.message
        frame = ((frame * labels + sender) * (_KINDS * labels * self._inner)).astype(dtype)
        slot = ((stations.kind * np.int64(labels) + receiver) * self._inner).astype(dtype)
        near_m = np.where(batch.sender_kind == Kind.RSU, np.inf, measure.gap_range_m).astype(batch.distance_m.dtype)
        row, slots, distance_m, outcome = batch.row, batch.receiver, batch.distance_m, batch.outcome
        chosen = batch.counted(measure)
        if batch.relevant is not None:
            wanted = batch.relevant if chosen is None else batch.relevant[chosen]
            chosen = np.flatnonzero(wanted) if chosen is None else chosen[wanted]
        if chosen is not None:
            row, slots, distance_m, outcome = row[chosen], slots[chosen], distance_m[chosen], outcome[chosen]
        number = (distance_m / measure.bin_m).astype(dtype)
        number *= 2
        # near and far apart within a bin: the range need not be a multiple of the bin
        number += distance_m < near_m.take(row)
        number *= _ENDS
        number += outcome
        number += frame.take(row)
        number += slot.take(slots)
        if batch.relevant is None:
            known = outcome != Outcome.NOT_APPLICABLE
            if not known.all():
                number = number[known]
                chosen = np.flatnonzero(known) if chosen is None else chosen[known]
        return number, chosen

    def flush(self) -> None:
        """Count the links that wait."""
        if not self._links:
            self._waiting.clear()
            return
        waiting, self._waiting, self._links = self._waiting, [], 0
        number, took_ns = (np.concatenate([part[k] for part in waiting]) for k in (0, 1))
        of_link, rest = np.divmod(number, self._dtype(self._inner))
        used = np.flatnonzero(np.bincount(of_link))
        rank = np.zeros(int(used[-1]) + 1, self._dtype)
        rank[used] = np.arange(len(used))
        rank_of_link = rank.take(of_link)
        count = np.bincount(rank_of_link * np.int64(self._inner) + rest, minlength=len(used) * self._inner)
        time_batch, sender_kind, message, sender, receiver_kind, receiver = np.unravel_index(used, self._of_link)
        link = link_kind(sender_kind, receiver_kind)
        shape = (self._bins, 2, _ENDS)
        for k in np.flatnonzero(link >= 0).tolist():
            cells = count[k * self._inner : (k + 1) * self._inner].reshape(shape)
            key = int(link[k]), int(message[k]), int(sender[k]), int(receiver[k])
            self.ends[(int(time_batch[k]), *key)] += cells[:, 1].sum(0)
            whole = cells.sum(1)
            at = self.by_distance[time_batch[k], key[0], key[1], int(key[2] != key[3])]
            at[:, 0] += whole.sum(1)
            at[:, 1] += whole[:, Outcome.DELIVERED] + whole[:, Outcome.DUPLICATE]
        self._add_latency(rank_of_link, rest, took_ns, (link, message, sender, receiver))
        if waiting[0][2] is not None:
            mask = np.concatenate([part[2] for part in waiting if part[2] is not None])
            self._add_masks(rank_of_link, rest, mask, count, (link, message, sender, receiver))

    def _add_masks(
        self, rank: np.ndarray, rest: np.ndarray, mask: np.ndarray, count: np.ndarray, keys: tuple[np.ndarray, ...]
    ) -> None:
        """Opportunities by mask: links whose mask says no more than their end are counted already (``count``)."""
        known, end = keys[0] >= 0, rest % self._dtype(_ENDS)
        alone = count.reshape(len(known), self._bins, 2, _ENDS)[:, :, 1].sum(1)
        alone[~known] = 0
        links = np.flatnonzero(mask != _ALONE.take(end))
        links = links[(rest[links] // _ENDS & 1 > 0) & known[rank[links]]]
        if len(links):
            where, ends = rank[links], end[links]
            alone -= np.bincount(where * np.int64(_ENDS) + ends, minlength=alone.size).reshape(alone.shape)
            self.masks.add((*(key[where] for key in keys), ends), mask[links])
        where, ends = np.nonzero(alone)
        self.masks.add_counted((*(key[where] for key in keys), ends), _ALONE[ends], alone[where, ends])

    def _add_latency(
        self, rank: np.ndarray, rest: np.ndarray, took_ns: np.ndarray, keys: tuple[np.ndarray, ...]
    ) -> None:
        """``rank`` of each link points into ``keys``: (link, message, sender, receiver)."""
        links = np.flatnonzero(rest % (2 * _ENDS) == _ENDS + Outcome.DELIVERED)
        size = len(keys[0])
        count = np.bincount(rank[links], minlength=size)
        sum_ns = np.rint(np.bincount(rank[links], took_ns[links], size)).astype(np.int64)
        known = keys[0] >= 0
        at = tuple(key[known] for key in keys)
        np.add.at(self.latency[0], at, count[known])
        np.add.at(self.latency[1], at, sum_ns[known])

    def merge(self, other: OpportunityCounts) -> None:
        """Add the other's counts."""
        self.flush()
        other.flush()
        self.ends += other.ends
        self.by_distance += other.by_distance
        self.latency += other.latency
        self.masks.merge(other.masks)
