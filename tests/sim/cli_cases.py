"""What the tests of ``corridor decode``, ``encode`` and ``messages`` share."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sim.cli import main

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests" / "reference"
CN_WIRE = {
    record["name"]: record
    for record in json.loads((REFERENCE / "cn_wire_messages.json").read_text(encoding="utf-8"))["messages"]
}
"""Public messages of the Chinese sets by name."""
J2735_WIRE = json.loads((REFERENCE / "j2735_messages.json").read_text(encoding="utf-8"))["messages"]
SET = ("--message-set", "csae53-2020")


def outcome(capsys: Any, *words: str) -> tuple[int, str, str]:
    """(code, stdout, stderr) of one command."""
    code = main(words)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def decoded(capsys: Any, *words: str) -> list[dict[str, Any]]:
    """The documents of a decoding without complaint."""
    code, text, errors = outcome(capsys, "decode", *words)
    assert (code, errors) == (0, "")
    return [json.loads(line) for line in text.splitlines()]


def stdin(monkeypatch: Any, octets: bytes) -> None:
    """Octets to be read on stdin."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets), encoding="utf-8"))


def run(*words: str, **rest: Any) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    command = [sys.executable, "-c", "import sys; from sim.cli import main; sys.exit(main())", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **rest)
