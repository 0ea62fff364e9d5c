"""msgCnt: the rolling number of a sender's messages of one type."""

from __future__ import annotations

import numpy as np


class MessageCounter:
    """Random start, plus one per message, wraps 127 to 0 (GB/T 45315-2025 chapter 7; same wording for RSUs).

    ``next()`` numbers a new message; ``current`` may be sent again while the content repeats (the set allows
    it).
    """

    def __init__(self, start: int) -> None:
        if not 0 <= start <= 127:
            raise ValueError(f"msgCnt start {start}: must lie in 0..127")
        self._next = start
        self.current = start

    @classmethod
    def random(cls, generator: np.random.Generator) -> MessageCounter:
        """A counter that starts anywhere in 0..127."""
        return cls(int(generator.integers(0, 128)))

    def next(self) -> int:
        """The number of a new message."""
        self.current = self._next
        self._next = (self._next + 1) % 128
        return self.current
