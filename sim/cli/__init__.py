"""The command ``corridor``: one module per verb, each with ``add`` (arguments) and ``act`` (what it does).

Results go to stdout, everything else to stderr; errors are lines that begin ``error:``.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from sim.cli import interrupts

VERBS: dict[str, str] = {
    "run": "sim.cli.run",
    "check": "sim.cli.check",
    "profiles": "sim.cli.profiles",
    "sweep": "sim.cli.sweep",
    "collect": "sim.cli.collect",
    "compare": "sim.cli.compare",
    "fragment": "sim.cli.fragment",
    "place": "sim.cli.place",
    "verdict": "sim.cli.verdict",
    "layout": "sim.cli.layout",
    "map": "sim.cli.map",
    "plot": "sim.cli.plot",
    "explain": "sim.cli.explain",
    "validate": "sim.cli.validate",
    "decode": "sim.cli.decode",
    "encode": "sim.cli.encode",
    "messages": "sim.cli.messages",
    "fields": "sim.cli.fields",
    "list": "sim.cli.listing",
    "schema": "sim.cli.schema",
}
"""Verb -> module. A module imports nothing heavy before ``act`` is called."""

DONE, FAILED, USAGE, CRITERION_FAILED, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 4, 130
EPILOG = """\
exit codes:
    0  done
    1  unexpected failure
    2  wrong usage, or a scenario or file that cannot be used
    3  an acceptance criterion failed (validate; verdict and place with --check)
    4  some runs of several failed
  130  interrupted (Ctrl-C or SIGTERM); finished results are kept

examples:
  corridor run demo-zone --seed 3 --out results/demo
  corridor check my-scenario.yaml
  corridor list scenarios
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line ``error: ...`` and exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"error: {message}; see '{self.prog} --help'\n")


class _Version(argparse.Action):
    """Prints versions; reads package metadata only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from sim.cli.versions import version_text

        print(version_text())
        parser.exit(DONE)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="corridor",
        description="Roadside-unit simulator and traffic testbed for cross-border C-V2X corridors.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print versions and exit")
    verbs = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB", required=True)
    for name, module in VERBS.items():
        importlib.import_module(module).add(verbs, name)
    for name, verb in verbs.choices.items():
        verb.add_argument("--debug", action="store_true", help="show where an error came from")
        verb.set_defaults(verb=name)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    debug = "--debug" in arguments
    with interrupts.remembered():
        return _run(arguments, debug)


def _run(arguments: Sequence[str], debug: bool) -> int:
    try:
        parser = build_parser()
        _suggest_verb(parser, arguments)
        args = parser.parse_args(arguments)
        code = args.act(args)
        sys.stdout.flush()
        return code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # The reader (head, less) has gone, which is no error; stdout must not be flushed into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if interrupts.came():
            return _interrupted()
        if debug:
            raise
        return report(error)


def _interrupted() -> int:
    print("error: interrupted", file=sys.stderr)
    return INTERRUPTED


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Why nothing more can be written: nobody's mistake in the input, and no fault of ours either."""
_FILE_ERRORS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


def report(error: Exception) -> int:
    """Print what went wrong, one line per problem; returns the exit code."""
    problems = getattr(error, "problems", None)
    if problems:
        lines, code = str(error).splitlines(), USAGE
    elif (own_code := getattr(error, "exit_code", None)) is not None:
        lines, code = [_one_line(error)], int(own_code)
    elif _is_usage(error):
        lines, code = [_one_line(error)], USAGE
    elif isinstance(error, OSError) and error.errno in _NO_ROOM:
        lines, code = [_one_line(error)], FAILED
    else:
        what = f"unexpected: {type(error).__name__}: {_one_line(error)}"
        lines, code = [f"{what} (--debug shows where)"], FAILED
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    return code


def _is_usage(error: Exception) -> bool:
    """Whether the input is at fault: a file that cannot be had, or a ValueError of our own."""
    if isinstance(error, OSError):
        return isinstance(error, _FILE_ERRORS) or error.errno == errno.EROFS
    if isinstance(error.__cause__, type(error)):
        return _is_usage(error.__cause__)  # SimPy raises a copy of what a process raised
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace.tb_frame.f_globals.get("__name__", "") if trace is not None else ""
    return isinstance(error, ValueError) and place.split(".")[0] in ("sim", "rsu")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _suggest_verb(parser: Parser, arguments: Sequence[str]) -> None:
    """Stop with the nearest verb when the first word is none."""
    if arguments and not arguments[0].startswith("-") and arguments[0] not in VERBS:
        import difflib

        near = difflib.get_close_matches(arguments[0], VERBS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "verbs: " + ", ".join(VERBS)
        parser.error(f"no verb {arguments[0]!r}; {hint}")
