"""How far a long command is: a bar on a terminal, else a line every ten seconds, always on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

from sim.cli import interrupts

LINE_EVERY_S = 10.0
LONGEST_TITLE = 24
"""Letters of a title before a bar: the rest of a line of 80 is needed for the bar, the rate and the time left."""


class Progress:
    """Use as a context manager and call :meth:`update` as often as wanted."""

    def __init__(
        self,
        title: str,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title = title
        self.stream = sys.stderr if stream is None else stream
        self.quiet = quiet
        self._now_s = now_s
        self._last_line_s = now_s()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if not self.quiet and self.on_terminal():
            self._open_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def update(self, fraction: float, text: str = "") -> None:
        """``fraction`` of the work (0 to 1) is done; ``text`` says what is going on. KeyboardInterrupt if the command
        was told to end."""
        interrupts.check()
        if self.quiet:
            return
        share = min(1.0, max(0.0, fraction))
        if self._bar is not None:
            self._bar.update(self._task, completed=share, text=text)
            return
        now_s = self._now_s()
        if now_s - self._last_line_s >= LINE_EVERY_S:
            self._last_line_s = now_s
            print(f"{self.title}: {share:4.0%} {text}".rstrip(), file=self.stream, flush=True)

    def on_terminal(self) -> bool:
        """Whether a bar can be drawn."""
        return self.stream.isatty() and os.environ.get("TERM") != "dumb"

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(file=self.stream, no_color=bool(os.environ.get("NO_COLOR")))
        title, percent = TextColumn("{task.description}"), TextColumn("{task.percentage:3.0f}%")
        parts = (title, BarColumn(), percent, TimeRemainingColumn(), TextColumn("{task.fields[text]}"))
        self._bar = Bar(*parts, console=console, transient=True)
        short = self.title if len(self.title) <= LONGEST_TITLE else f"{self.title[: LONGEST_TITLE - 1]}…"
        self._task = self._bar.add_task(short, total=1.0, text="")
        self._bar.start()
