"""A batch on its way through the stages after the radio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.frames import Outcome, Receptions, bit


@dataclass
class Arrived:
    """Frame columns but ``extra_ns``, ``wait_ns``, ``outcome``, ``mask`` and ``relevant``, which have one entry per
    link."""

    receptions: Receptions
    flow: np.ndarray
    message: np.ndarray
    generated_ns: np.ndarray
    after_ns: np.ndarray
    """When an application has the frame, if its link adds nothing."""
    extra_ns: np.ndarray | None
    """What each link adds on the air; none = nothing."""
    outcome: np.ndarray
    wait_ns: np.ndarray | None = None
    """What each link waited for verification; none = nothing."""
    mask: np.ndarray | None = None
    """Bits of every stage that failed or would have failed (:func:`sim.frames.bit`); none = the outcome says it all."""
    relevant: np.ndarray | None = None
    """Whether the receiver is where the message is wanted; none = everywhere."""
    subject: np.ndarray | None = None
    """Frame column: number of the first event that an RSI tells of, -1 for other messages."""

    def own_outcome(self) -> np.ndarray:
        """``outcome``, from now on apart from what the radio said."""
        if self.outcome is self.receptions.outcome:
            self.outcome = self.outcome.copy()
        return self.outcome

    def own_mask(self) -> np.ndarray:
        """``mask``, made when it is first needed."""
        if self.mask is None:
            self.mask = np.zeros(len(self.receptions.row), np.int32)
        return self.mask

    def overrule(self, verdict: np.ndarray) -> None:
        """Where a link delivered a frame whose ``verdict`` is another outcome, that is its outcome."""
        refused = verdict != Outcome.DELIVERED
        if not refused.any():
            return
        row = self.receptions.row
        links = np.flatnonzero((self.outcome == Outcome.DELIVERED) & refused[row])
        self.own_outcome()[links] = verdict[row[links]]

    def applied_ns(self, links: np.ndarray) -> np.ndarray:
        """When applications have the frames of these links."""
        at_ns = self.after_ns[self.receptions.row[links]]
        for more_ns in (self.extra_ns, self.wait_ns):
            if more_ns is not None:
                at_ns += more_ns[links]
        return at_ns

    def of_frames(self, frames: np.ndarray) -> Arrived:
        """Some of the frames and all their links; ``frames`` is a mask."""
        keep = frames[self.receptions.row]

        def links(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[keep]

        return Arrived(
            self.receptions.keep_frames(frames), self.flow[frames], self.message[frames], self.generated_ns[frames],
            self.after_ns[frames], links(self.extra_ns), self.outcome[keep], links(self.wait_ns), links(self.mask),
            links(self.relevant), None if self.subject is None else self.subject[frames],
        )

    def finish_mask(self) -> None:
        """Let the mask hold the outcome as well, where it is a failure, radio losses included."""
        if self.mask is None:
            return
        self.mask |= _BITS.take(self.outcome)


_PASSED = (Outcome.DELIVERED, Outcome.DUPLICATE)
_BITS = np.array([0 if outcome in _PASSED else bit(outcome) for outcome in Outcome], np.int32)
