"""The commands that the front page tells people to type."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from sim.cli import build_parser, main

README = Path(__file__).resolve().parents[2] / "README.md"
SHORT = [word for key in ("duration_s=1", "traffic_warmup_s=5", "radio_warmup_s=1") for word in ("--set", key)]
LONG = ("validate", "compare", "place", "fragment")
FEW = ["--seeds", "1", "--jobs", "1"]


def commands() -> list[list[str]]:
    """Words of each ``corridor`` line of "Where to go next", in order."""
    block = README.read_text(encoding="utf-8").partition("## Where to go next")[2].partition("\n## ")[0]
    lines = re.findall(r"^    corridor (.*)$", block, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def test_where_to_go_next_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Property: every line is accepted, and all but the long ones run one after the other in an empty folder (the run
    with less time to simulate) and say something."""
    monkeypatch.chdir(tmp_path)
    done = []
    for words in commands():
        build_parser().parse_args(words)
        if words[0] in LONG:
            continue
        shorter = {"run": SHORT, "sweep": SHORT + FEW, "plot": ["--json"]}.get(words[0], [])
        assert main([*words, *shorter]) == 0, words
        said = capsys.readouterr().out
        assert said, words
        if words[0] == "plot":
            files = json.loads(said)["files"]
            assert len(files) >= 5 and all(Path(file).is_file() for file in files)
        done.append(words[0])
    assert done == [
        "list", "check", "run", "plot", "explain", "messages", "run", "decode", "decode", "run", "run", "sweep",
        "verdict", "map", "layout", "profiles",
    ]
    assert (tmp_path / "packets.csv.gz").is_file()
    assert main(["explain", "results/tripoint", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1 and document["rows"][0]["radio_outcome"] != "delivered"
