"""Command line of the fuzz run, see :mod:`rsu.fuzz`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from rsu.fuzz.report import as_json, as_text
from rsu.fuzz.run import Run
from rsu.messages import MESSAGE_SETS

_BAR = 30
_SHOW_EVERY_S = 0.5


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Run and tell; the exit code."""
    given = _parser().parse_args(arguments)
    out = sys.stdout if out is None else out
    run = Run(given.message_set, given.seed)
    started = shown = time.monotonic()
    until = started + given.minutes * 60
    try:
        for name in run.prepare():
            _show(f"preparing {name}")
        started = time.monotonic()
        until = started + given.minutes * 60
        while time.monotonic() < until if given.inputs is None else run.report.inputs < given.inputs:
            run.step()
            now = time.monotonic()
            if now - shown > _SHOW_EVERY_S:
                shown = now
                done = (now - started) / (until - started) if given.inputs is None else run.report.inputs / given.inputs
                _show(_bar(done, run, now - started))
        run.finish()
    except KeyboardInterrupt:
        run.report.interrupted = True
    run.report.elapsed_s = time.monotonic() - started
    _show("", end="\n" if sys.stderr.isatty() else "")
    print(json.dumps(as_json(run.report), indent=2) if given.json else as_text(run.report), file=out)
    if run.report.interrupted:
        return 130
    return 1 if run.report.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rsu.fuzz", description="Try hostile octets on every decoder.")
    parser.add_argument("--minutes", type=_positive, default=0.5, help="how long (default 0.5)")
    parser.add_argument("--inputs", type=int, help="how many inputs instead of how long")
    parser.add_argument("--seed", type=int, default=1, help="inputs follow from it (default 1)")
    parser.add_argument("--message-set", nargs="+", default=[], choices=list(MESSAGE_SETS), metavar="NAME",
                        help=f"sets to try (default all: {', '.join(MESSAGE_SETS)})")
    parser.add_argument("--json", action="store_true", help="tell the summary as JSON")
    return parser


def _positive(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < 1e6:
        raise argparse.ArgumentTypeError(f"{text} must be more than 0 and less than a million")
    return minutes


def _bar(done: float, run: Run, elapsed_s: float) -> str:
    full = round(_BAR * min(1.0, done))
    rate = run.report.inputs / max(elapsed_s, 1e-9)
    return (f"[{'#' * full}{'.' * (_BAR - full)}] {100 * min(1.0, done):5.1f} %  {run.report.inputs} inputs, "
            f"{rate:.0f} per s, {len(run.report.faults)} faults")


def _show(text: str, end: str = "") -> None:
    """One line on stderr that the next one covers; nothing where stderr is no terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
