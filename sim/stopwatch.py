"""CPU time of a run split by stage, for the benchmark and ``run.log``; never part of a result table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up CPU seconds of this process per named stage."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Count what happens inside as ``stage``."""
        begin = time.process_time()
        try:
            yield
        finally:
            self.cpu_s[stage] = self.cpu_s.get(stage, 0.0) + time.process_time() - begin
