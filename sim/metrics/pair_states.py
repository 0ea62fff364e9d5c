"""What is known of watched pairs of stations: who heard whom last, and since when a pair is within range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.clock import NEVER
from sim.metrics.base import Batch

UNHEARD = 0
"""Entry of :class:`Heard` of a pair that heard nothing yet."""


@dataclass(frozen=True, eq=False)
class Links:
    """Applied receptions: ``sender``, ``time_ns`` and ``made_ns`` once per frame, or per link where links of a frame
    differ in time; ``row`` points from a link into them."""

    sender: np.ndarray
    time_ns: np.ndarray
    made_ns: np.ndarray
    row: np.ndarray
    receiver: np.ndarray

    @staticmethod
    def of(batch: Batch, links: np.ndarray) -> Links:
        """Some links of a batch."""
        row, receiver = batch.row.take(links), batch.receiver.take(links)
        if batch.links_alike:
            return Links(batch.sender, batch.after_ns, batch.generated_ns, row, receiver)
        return Links(
            batch.sender[row], batch.applied_ns(links), batch.generated_ns[row], np.arange(len(links)), receiver
        )

    def split(self, end_ns: int) -> tuple[Links, Links | None]:
        """Those applied before an instant, and the others if there are any."""
        late = self.time_ns >= end_ns
        if not late.any():
            return self, None
        late_links = late[self.row]
        return self._chosen(~late_links), self._chosen(late_links)

    def without(self, replaced: np.ndarray) -> Links:
        """Links whose stations are still the same ones."""
        return self._chosen(~(replaced[self.sender][self.row] | replaced[self.receiver]))

    def _chosen(self, links: np.ndarray) -> Links:
        return Links(self.sender, self.time_ns, self.made_ns, self.row[links], self.receiver[links])


class Heard:
    """Receptions that some pair holds as its newest one: when they were applied, and when they were generated.

    Pairs refer to entries by number, so that the many receivers of one frame share one. Entry 0 is :data:`UNHEARD`.
    """

    def __init__(self) -> None:
        self.count = 1
        self._time_ns = np.full(1024, -NEVER, np.int64)
        self._made_ns = np.full(1024, -NEVER, np.int64)

    @property
    def time_ns(self) -> np.ndarray:
        """By entry."""
        return self._time_ns[: self.count]

    @property
    def made_ns(self) -> np.ndarray:
        """By entry."""
        return self._made_ns[: self.count]

    def enter(self, time_ns: np.ndarray, made_ns: np.ndarray) -> int:
        """Add entries; the number of the first of them."""
        first, self.count = self.count, self.count + len(time_ns)
        if self.count > len(self._time_ns):
            spare = np.full(self.count, -NEVER, np.int64)
            self._time_ns = np.concatenate([self._time_ns, spare])
            self._made_ns = np.concatenate([self._made_ns, spare])
        self._time_ns[first : self.count], self._made_ns[first : self.count] = time_ns, made_ns
        return first

    def compact(self, entry: np.ndarray) -> np.ndarray:
        """Forget entries that no pair refers to; the pairs' entries by their new numbers."""
        used = np.bincount(entry, minlength=self.count) > 0
        used[UNHEARD] = True
        time_ns, made_ns = self.time_ns[used], self.made_ns[used]
        number = (np.cumsum(used) - 1).astype(np.int32)
        self.count = len(time_ns)
        self._time_ns[: self.count], self._made_ns[: self.count] = time_ns, made_ns
        return number.take(entry)


class Pairs:
    """One entry per row of the pair window."""

    def __init__(self) -> None:
        self.entry = np.empty(0, np.int32)
        """The newest reception: see :class:`Heard`."""
        self.within = np.empty(0, bool)
        """Within range at the last tick."""
        self.since_ns = np.empty(0, np.int64)
        """When it came within range; ``NEVER`` while it is not."""
        self.closed = np.empty(0, bool)
        """Heard since it came within range."""
        self.watched_ns = np.empty(0, np.int64)
        """When it was listed first."""
        self.judged = np.empty(0, bool)
        """Watched for long enough."""
        self.in_age = np.empty(0, bool)
        """Judged, within range and heard, as of the last tick."""
        self.radio_ns: np.ndarray | None = None
        """The newest reception that no application took; none until there was one."""

    def __len__(self) -> int:
        return len(self.entry)

    def carry(self, source: np.ndarray, now_ns: int) -> None:
        """Take over the state of old rows (``source``, -1 = a new pair) in a new list of pairs."""
        fresh = np.flatnonzero(source < 0)
        known = np.maximum(source, 0)
        defaults = {
            "entry": UNHEARD, "within": False, "since_ns": NEVER, "closed": False, "watched_ns": now_ns,
            "judged": False, "in_age": False,
        }
        if self.radio_ns is not None:
            defaults["radio_ns"] = -NEVER
        for name, value in defaults.items():
            old = getattr(self, name)
            new = old.take(known) if len(old) else np.full(len(source), value, old.dtype)
            new[fresh] = value
            setattr(self, name, new)

    def judge(self, until_ns: int) -> None:
        """Pairs listed by then have been watched for long enough."""
        rows = np.flatnonzero(~self.judged)
        if len(rows):
            self.judged[rows] = self.watched_ns[rows] <= until_ns

    def radio(self) -> np.ndarray:
        """``radio_ns``, made on first use."""
        if self.radio_ns is None:
            self.radio_ns = np.full(len(self), -NEVER, np.int64)
        return self.radio_ns


def later_turns(pair: np.ndarray, time_ns: np.ndarray, entry: np.ndarray, size: int) -> list[np.ndarray]:
    """Receptions that come after another one of the same pair: for each further turn, their places, in order of time.

    ``pair`` holds rows below ``size``, ``entry`` points into ``time_ns``; what is in no turn is the first reception of
    its pair.
    """
    place = np.arange(len(pair), dtype=np.int32)
    mark = np.empty(size, np.int32)
    mark[pair] = place
    again = np.flatnonzero(mark.take(pair) != place)
    if not len(again):
        return []
    several = np.zeros(size, bool)
    several[pair[again]] = True
    chosen = np.flatnonzero(several.take(pair))
    order = chosen[np.lexsort((time_ns[entry[chosen]], pair[chosen]))]
    begins = np.concatenate([[True], pair[order][1:] != pair[order][:-1]])
    start = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    turn = np.arange(len(order)) - start
    return [order[turn == k] for k in range(1, int(turn.max()) + 1)]
