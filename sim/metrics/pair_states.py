"""What is known of watched pairs of stations: who heard whom last, and since when a pair is within range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.clock import NEVER
from sim.metrics.base import Batch
from sim.metrics.pairs import PairWindow

UNHEARD = 0
"""Entry of :class:`Heard` of a pair that heard nothing yet."""


@dataclass(frozen=True, eq=False)
class Links:
    """Applied receptions: ``sender``, ``time_ns`` and ``made_ns`` once per frame, or per link where links of a frame
    differ in time; ``row`` points from a link into them. ``chosen`` marks the links that count (None = all)."""

    sender: np.ndarray
    time_ns: np.ndarray
    made_ns: np.ndarray
    row: np.ndarray
    receiver: np.ndarray
    chosen: np.ndarray | None = None
    alike: bool = True
    """Whether the columns are those of frames."""

    @staticmethod
    def of(batch: Batch, chosen: np.ndarray) -> Links:
        """Marked links of a batch."""
        if batch.links_alike:
            return Links(batch.sender, batch.after_ns, batch.generated_ns, batch.row, batch.receiver, chosen)
        links = np.flatnonzero(chosen)
        row, receiver = batch.row[links], batch.receiver[links]
        return Links(
            batch.sender[row], batch.applied_ns(links), batch.generated_ns[row], np.arange(len(links)), receiver,
            alike=False,
        )

    def after(self, late: np.ndarray) -> Links:
        """Links of some frames (a mask), which are numbered anew."""
        links = late.take(self.row)
        if self.chosen is not None:
            links &= self.chosen
        places, frames = np.flatnonzero(links), np.flatnonzero(late)
        number = np.cumsum(late) - 1
        return Links(
            self.sender[frames], self.time_ns[frames], self.made_ns[frames], number[self.row[places]],
            self.receiver[places], alike=self.alike,
        )

    def without(self, replaced: np.ndarray) -> Links:
        """Links whose stations are still the same ones."""
        links = np.flatnonzero(~(replaced[self.sender][self.row] | replaced[self.receiver]))
        chosen = None if self.chosen is None else self.chosen[links]
        return Links(
            self.sender, self.time_ns, self.made_ns, self.row[links], self.receiver[links], chosen, self.alike
        )

    def pairs(self, window: PairWindow, without: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(rows of the window, rows of the frames) of links that count and are watched; frames in ``without`` (a mask)
        are left out."""
        pair, watched = window.rows_of_links(self.sender, self.row, self.receiver, without)
        if self.chosen is not None:
            watched &= self.chosen
        places = np.flatnonzero(watched)
        return pair.take(places), self.row.take(places)


class Heard:
    """Receptions that some pair holds as its newest one: when they were applied, and when they were generated.

    Pairs refer to entries by number, so that the many receivers of one frame share one. Entry 0 is :data:`UNHEARD`.
    """

    def __init__(self) -> None:
        self.count = 1
        self._time_ns = np.full(1024, -NEVER, np.int64)
        self._made_ns = np.full(1024, -NEVER, np.int64)
        self._sender = np.zeros(1024, np.int64)
        self._newest = np.zeros(0, np.int32)

    @property
    def time_ns(self) -> np.ndarray:
        """By entry."""
        return self._time_ns[: self.count]

    @property
    def made_ns(self) -> np.ndarray:
        """By entry."""
        return self._made_ns[: self.count]

    def enter(self, sender: np.ndarray, time_ns: np.ndarray, made_ns: np.ndarray) -> int:
        """Add entries; the number of the first of them."""
        first, self.count = self.count, self.count + len(time_ns)
        if self.count > len(self._time_ns):
            spare = np.full(self.count, -NEVER, np.int64)
            self._time_ns, self._made_ns, self._sender = (
                np.concatenate([old, spare]) for old in (self._time_ns, self._made_ns, self._sender)
            )
        here = slice(first, self.count)
        self._time_ns[here], self._made_ns[here], self._sender[here] = time_ns, made_ns, sender
        return first

    def turns(self, entries: list[np.ndarray]) -> list[np.ndarray]:
        """Masks over all entries: the first of each sender among the given ones, then the second of each ..., in order
        of time."""
        chosen = np.concatenate(entries)
        chosen = chosen[np.lexsort((self._time_ns[chosen], self._sender[chosen]))]
        turn = _turn(self._sender[chosen])
        masks = []
        for k in range(int(turn.max(initial=-1)) + 1):
            masks.append(np.zeros(self.count, bool))
            masks[-1][chosen[turn == k]] = True
        return masks

    def before(self, first: int) -> np.ndarray:
        """By entry from ``first`` on: the newest entry of its sender at the last call, :data:`UNHEARD` if none.

        Most receivers hold exactly that one, so that what changes for them is the same.
        """
        sender = self._sender[first : self.count]
        slots = int(sender.max(initial=-1)) + 1
        if slots > len(self._newest):
            self._newest = np.concatenate([self._newest, np.zeros(slots - len(self._newest), np.int32)])
        before = self._newest[sender]
        self._newest[sender] = np.arange(first, self.count)
        return before

    def compact(self, entry: np.ndarray) -> np.ndarray:
        """Forget entries that no pair refers to; the pairs' entries by their new numbers."""
        used = np.bincount(entry, minlength=self.count) > 0
        used[UNHEARD] = True
        number = (np.cumsum(used) - 1).astype(np.int32)
        kept = np.flatnonzero(used)
        for column in (self._time_ns, self._made_ns, self._sender):
            column[: len(kept)] = column[kept]
        self._newest = np.where(used[self._newest], number[self._newest], np.int32(UNHEARD))
        self.count = len(kept)
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
        self.group = np.empty(0, np.int16)
        """2 x (jurisdiction of the receiver + 1), as of the last tick, + whether the homes of both differ; 0 where
        jurisdictions are not told apart."""
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
            "judged": False, "in_age": False, "group": 0,
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

    def flags(self, groups: int) -> np.ndarray:
        """``closed`` + 2 x ``in_age`` + 4 x (within range, and not closed) + 8 x ``group``, of so many groups."""
        out: np.ndarray = self.group.astype(np.uint8 if 8 * groups <= 256 else np.uint16)
        out *= 2
        out += self.within & ~self.closed
        out *= 2
        out += self.in_age
        out *= 2
        out += self.closed
        return out

    def radio(self) -> np.ndarray:
        """``radio_ns``, made on first use."""
        if self.radio_ns is None:
            self.radio_ns = np.full(len(self), -NEVER, np.int64)
        return self.radio_ns


def turns_of_pairs(pair: np.ndarray, time_ns: np.ndarray, size: int) -> list[np.ndarray]:
    """Places of the first reception of each pair, then of the second ..., in order of time; ``pair`` lies below
    ``size``."""
    several = np.bincount(pair, minlength=size)[pair] > 1
    turns = [np.flatnonzero(~several)]
    chosen = np.flatnonzero(several)
    chosen = chosen[np.lexsort((time_ns[chosen], pair[chosen]))]
    turn = _turn(pair[chosen])
    return turns + [chosen[turn == k] for k in range(int(turn.max(initial=-1)) + 1)]


def _turn(sorted_groups: np.ndarray) -> np.ndarray:
    """How many of the same group stand before each."""
    begins = np.concatenate([[True], sorted_groups[1:] != sorted_groups[:-1]])[: len(sorted_groups)]
    place = np.arange(len(sorted_groups))
    return place - np.maximum.accumulate(np.where(begins, place, 0))
