"""Which workers a Dask cluster has at present, and which of them may compute for a campaign."""

from __future__ import annotations

import threading
import time
from typing import Any

from sim.campaign.executors import cluster_worker
from sim.campaign.executors.cluster_client import CALL

_EVERY_S = 2.0
_ALONE_S = 5.0
_ANSWER_S = 3.0
_TELLS = ("python", "numpy")


class Workers:
    """Follows the workers of a cluster; those that would compute something else are refused.

    A worker is refused when it has another version of the program, or none.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self.present: frozenset[str] = frozenset()
        self.refused: dict[str, str] = {}
        """Address of a worker that is present -> why it gets no tasks."""
        self._asked: set[str] = set()
        self._answers: dict[str, Any] = {}
        self._asking: threading.Thread | None = None
        self._notices: list[str] = []
        self._told: set[str] = set()
        self._next_s = 0.0
        self._alone_since_s: float | None = None
        self._silent = False

    @property
    def usable(self) -> frozenset[str]:
        """Addresses of workers that take tasks."""
        return self.present - self.refused.keys()

    def allowed(self) -> frozenset[str] | None:
        """Where a task may run now: empty = anywhere; none = nowhere, every worker there is has been refused."""
        if not self.refused:
            return frozenset()
        return self.usable or None

    @property
    def waiting_for(self) -> str:
        """What a campaign waits for, in words; empty while there are workers."""
        if self._silent:
            return f"the scheduler {self._address} does not answer"
        if self.usable:
            return ""
        if self.refused:
            return f"no worker of {self._address} can be used: {next(iter(self.refused.values()))}"
        if self._alone_since_s is None or time.monotonic() - self._alone_since_s < _ALONE_S:
            return ""
        return f"no worker at {self._address}; start one: dask worker {self._address}"

    def notices(self) -> list[str]:
        """Lines that came up since the last call."""
        lines, self._notices = self._notices, []
        return lines

    def refuse(self, worker: str, why: str) -> None:
        """Give a worker no more tasks."""
        line = f"worker {worker} {why}"
        self.present |= {worker}
        self.refused.setdefault(worker, line)
        self._tell(worker, f"{line}: it gets no tasks")

    def look(self, wait_s: float = 0.0, now: bool = False) -> bool:
        """Ask the scheduler who is there, at most every 2 s unless ``now``; whether it was asked.

        New workers are asked in the background what they are; ``wait_s``: how long to wait for their answers.
        """
        now_s = time.monotonic()
        if now_s < self._next_s and not now:
            return False
        self._next_s = now_s + _EVERY_S
        try:
            self.present = frozenset(self._client.nthreads(callback_timeout=_ANSWER_S))
        except (OSError, ValueError, TypeError):
            self._silent = True
            return False
        self._silent = False
        self._asked &= self.present
        self.refused = {worker: why for worker, why in self.refused.items() if worker in self.present}
        if self.usable:
            self._alone_since_s = None
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        self._ask_new()
        if self._asking is not None and wait_s > 0:
            self._asking.join(wait_s)
        self._hear()
        return True

    def close(self) -> None:
        """Ask no more."""
        self._next_s = float("inf")

    def _ask_new(self) -> None:
        new = sorted(self.present - self._asked)
        if not new or (self._asking is not None and self._asking.is_alive()):
            return
        self._asked |= set(new)
        self._asking = threading.Thread(target=self._ask, args=(new,), name="corridor-workers", daemon=True)
        self._asking.start()

    def _ask(self, workers: list[str]) -> None:
        """In a thread of its own: a worker that hangs must not make the campaign hang."""
        try:
            scope = {"function": "facts", "arguments": ()}
            answers = self._client.run(eval, CALL, {}, scope, workers=workers, on_error="return")
        except Exception:  # gone before it answered, or the campaign has ended: its tasks will tell
            return
        self._answers.update(answers)

    def _hear(self) -> None:
        """Judge the answers that have come."""
        here = cluster_worker.facts()
        while self._answers:
            worker, found = self._answers.popitem()
            if isinstance(found, (ImportError, AttributeError)):
                self.refuse(worker, f"cannot load the program, version {here['program']} ({found})")
            elif isinstance(found, dict) and found["program"] != here["program"]:
                self.refuse(worker, f"on {found['host']} runs version {found['program']}, not {here['program']}")
            elif isinstance(found, dict):
                other = [f"{what} {found[what]}, here {here[what]}" for what in _TELLS if found[what] != here[what]]
                if other:
                    line = f"workers have {'; '.join(other)}: last digits of results may differ"
                    self._tell(line, line)

    def _tell(self, about: str, line: str) -> None:
        """A notice, once about the same worker or matter."""
        if about not in self._told:
            self._told.add(about)
            self._notices.append(line)
