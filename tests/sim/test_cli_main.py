"""The command as a whole: help, versions, exit codes, broken pipes, light start."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import VERBS, main

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "matplotlib", "pydantic", "yaml", "rich", "simpy", "asn1tools")


def command(*words: str, **options) -> subprocess.CompletedProcess:
    """Run ``python -m sim``."""
    return subprocess.run(
        [sys.executable, "-m", "sim", *words], capture_output=True, text=True, cwd=ROOT, timeout=60, **options
    )


def test_help_loads_nothing_heavy() -> None:
    """Property: building the whole command line and printing help imports no heavy package."""
    code = (
        "import sys\nfrom sim.cli import VERBS, main\n"
        "for verb in ['--help', *VERBS]:\n"
        "    assert main([verb] if verb == '--help' else [verb, '--help']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stderr.strip() == "[]"


def test_every_module_of_the_folder_is_a_verb_or_a_helper() -> None:
    """Property: no verb is forgotten in the table."""
    helpers = {"__init__", "campaigns", "catalogue", "documents", "interrupts", "octets", "options", "progress",
               "readings", "versions"}
    files = {file.stem for file in (ROOT / "sim" / "cli").glob("*.py")} - helpers
    assert files == {module.rpartition(".")[2] for module in VERBS.values()}


def test_help_lists_all_exit_codes_and_verbs(capsys) -> None:
    """By hand: the six codes, and each verb."""
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for code in (
        "0  done",
        "1  unexpected",
        "2  wrong usage",
        "3  an acceptance",
        "4  some runs",
        "130  interrupted",
    ):
        assert code in text
    for verb in VERBS:
        assert re.search(rf"^    {verb} ", text, re.MULTILINE)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_examples_in_help_parse(verb: str, capsys) -> None:
    """Property: each verb shows examples, and each example is accepted by the parser itself."""
    from sim.cli import build_parser

    assert main([verb, "--help"]) == 0
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    lines = [line.strip() for line in examples.strip().splitlines()]
    assert len(lines) >= 2
    for line in lines:
        words = shlex.split(re.split(r" [<>] ", line.rpartition("| ")[2])[0])
        assert words[0] == "corridor"
        build_parser().parse_args(words[1:])


def test_versions(capsys) -> None:
    """By hand: our version, the schema, Python and the packages."""
    assert main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"corridor \d+\.\d+\.\d+ \(scenario schema corridor/1\)", lines[0])
    assert lines[1] == "python " + ".".join(str(part) for part in sys.version_info[:3])
    assert {line.split()[0] for line in lines[2:]} >= {"numpy", "pydantic", "simpy"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "error: the following arguments are required: VERB; see 'corridor --help'"),
        (["rnu"], "error: no verb 'rnu'; did you mean 'run'?; see 'corridor --help'"),
        (["run"], "error: the following arguments are required: SCENARIO; see 'corridor run --help'"),
        (["run", "demo-zone", "--seed", "-1"], "error: argument --seed: '-1' must be a whole number"),
        (["run", "demo-zone", "-q", "-v"], "error: argument -v/--verbose: not allowed with"),
        (["plot", "x", "--format", "gif"], "error: argument --format: 'gif' must be one of png, svg, pdf"),
        (["list", "radios"], "error: argument KIND: invalid choice"),
        (["explain"], "error: the following arguments are required: RESULT"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words: list[str], expected: str, capsys) -> None:
    """By hand: one line on stderr, nothing on stdout."""
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.splitlines()) == 1
    assert streams.err.startswith(expected)


def test_a_reader_that_goes_away_is_no_error() -> None:
    """By hand: stdout closed after the first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sim", "fields", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0


def test_an_unexpected_failure_is_code_1_and_debug_shows_it(monkeypatch, capsys) -> None:
    """By hand: an error that is nobody's input."""

    def broken(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("sim.scenario.loader.load", broken)
    assert main(["check", "demo-zone"]) == 1
    assert capsys.readouterr().err == "error: unexpected: RuntimeError: two lines (--debug shows where)\n"
    with pytest.raises(RuntimeError):
        main(["check", "demo-zone", "--debug"])


def test_a_value_error_of_a_library_is_not_taken_for_bad_input(monkeypatch, capsys) -> None:
    """By hand: json's own ValueError is our failure, not the user's."""
    monkeypatch.setattr("sim.scenario.loader.load", lambda *_: json.loads("{"))
    assert main(["check", "demo-zone"]) == 1
    assert capsys.readouterr().err.startswith("error: unexpected: JSONDecodeError")


def test_python_minus_m_is_the_command() -> None:
    """By hand: the same code and line as the installed command."""
    done = command("check", "no-such-scenario")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: no-such-scenario: no such file and no shipped scenario")


def test_wide_text_survives_a_narrow_terminal_encoding() -> None:
    """By hand: Chinese titles on an ASCII stdout do not fail."""
    done = command("list", "scenarios", env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0
    assert "demo-zone" in done.stdout
