"""``corridor encode``: what decode prints comes back, and mistakes are named."""

from __future__ import annotations

import base64
import json
import os
import random

import pytest

from rsu.messages import MESSAGE_SETS
from sim.cli.decode import A_BSM
from tests.rsu.schema_values import KINDS, Values
from tests.sim.cli_cases import CN_WIRE, SET, outcome, run, stdin


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_encode_takes_back_what_decode_prints(capsys, monkeypatch, name: str) -> None:
    """Property: random messages of every kind of every set come back octet by octet, in both text forms."""
    draw = random.Random(name)
    lines = []
    for kind in (message for one, message in KINDS if one == name):
        lines += [Values(name, kind, draw).octets().hex() for _ in range(3)]
    stdin(monkeypatch, "\n".join(lines).encode())
    code, documents, errors = outcome(capsys, "decode", "--message-set", name, "--strict")
    assert (code, errors) == (0, "")
    for words in ([], ["--message-set", name]):
        stdin(monkeypatch, documents.encode())
        assert outcome(capsys, "encode", *words) == (0, "\n".join(lines) + "\n", "")
    stdin(monkeypatch, documents.encode())
    code, letters, _ = outcome(capsys, "encode", "--format", "base64")
    assert code == 0 and [base64.b64decode(line).hex() for line in letters.split()] == lines


def test_encode_reads_documents_from_everywhere(capsys, tmp_path) -> None:
    """By hand: an argument, a file of lines with a comment, a document over several lines; auto's output."""
    code, line, _ = outcome(capsys, "decode", "--message-set", "auto", A_BSM)
    document = json.loads(line)
    short = {"message": "BSM", "value": document["value"]}
    file = tmp_path / "f.jsonl"
    pretty = json.dumps(short, indent=2)
    file.write_text(f"# a comment\n\n{line}{pretty}\n{json.dumps(short)}\n", encoding="utf-8")
    code, text, errors = outcome(capsys, "encode", *SET, str(file), json.dumps(short))
    assert (code, errors) == (0, "")
    assert text.splitlines() == [A_BSM] * 4


def test_encode_names_every_mistake_of_all_lines(capsys, monkeypatch) -> None:
    """By hand: nine bad lines between two good ones, one line of error each."""
    value = json.loads(outcome(capsys, "decode", *SET, A_BSM)[1])["value"]
    good = json.dumps({"message": "BSM", "value": value})
    lines = [
        good,
        "{",
        '{"message": }',
        "[1]",
        '{"mesage": "BSM", "value": {}}',
        '{"value": {}}',
        '{"message": "BSM"}',
        '{"message": "BSN", "value": {}}',
        json.dumps({"message": "BSM", "value": {**value, "speed": 9000}}),
        json.dumps({"message": "BSM", "value": {**value, "id": "00"}}),
        '{"message": "BSM", "value": {}, "value": {}}',
        '{"message": null, "value": null, "status": "skipped"}',
        '{"message": "BSM", "value": ' + "[" * 40_000,
        good,
    ]
    # A "{" alone begins a document over lines: give it its end.
    lines[1] = "{\n}"
    stdin(monkeypatch, "\n".join(lines).encode())
    code, text, errors = outcome(capsys, "encode", *SET)
    assert (code, text.split()) == (2, [A_BSM, A_BSM])
    expected = [
        "line 2: message: is missing and must be there",
        "line 4: not JSON: Expecting value (column 13)",
        'line 5: must be an object like {"message": "BSM", "value": {...}}',
        "line 6: mesage: unknown member; did you mean 'message'?",
        "line 7: message: is missing and must be there",
        "line 8: value: is missing and must be there",
        "line 9: message: 'BSN' is not one of BSM, MAP, RSM, SPAT, RSI",
        "line 10: BSM: MessageFrame.bsmFrame.speed: Expected an integer between 0 and 8191, but got 9000",
        "line 11: BSM: MessageFrame.bsmFrame.id: Expected between 8 and 8 bytes, but got 1",
        "line 12: not JSON: member 'value' stands twice in one object",
        "line 13: status: 'skipped': only a message that was read has octets",
        "line 14: not JSON: nested too deeply",
    ]
    found = errors.splitlines()
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(f"error: {start}"), line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nofile"], "error: nofile: No such file or directory (JSON begins with '{')"),
        (["."], "error: .: Is a directory"),
        (['{"message": "BSM", "value": {}}'], "error: document 1: message_set: must be named, here or by --"),
        (['{"message_set": "csae53", "message": "BSM", "value": {}}'],
         "error: document 1: message_set: 'csae53': did you mean 'csae53-2020'?"),
        (['{"message_set": 3, "message": "BSM", "value": {}}'], "error: document 1: message_set: 3: must be named"),
        (["--message-set", "auto", "{}"], "error: --message-set: auto: known: "),
        (["--format", "binary", "{}"], "error: --format binary: needs --out FILE"),
        (["--out", "no/such/file", "{}"], "error: --out: no/such is no folder"),
        (["--out", ".", "{}"], "error: --out: . is a folder"),
    ],
)
def test_encode_refuses_in_one_line(capsys, monkeypatch, tmp_path, words: list[str], expected: str) -> None:
    """By hand: code 2 and one line."""
    monkeypatch.chdir(tmp_path)
    code, text, errors = outcome(capsys, "encode", *words)
    assert (code, text) == (2, "")
    assert len(errors.splitlines()) == 1 and errors.startswith(expected)


def test_encode_of_nothing_says_so(capsys, monkeypatch) -> None:
    """By hand: an empty stdin."""
    stdin(monkeypatch, b"# none\n")
    assert outcome(capsys, "encode", *SET) == (2, "", "error: no document on stdin\n")


def test_encode_writes_files_whole_or_not_at_all(capsys, tmp_path) -> None:
    """By hand: octets as they are, lines of text; a bad document leaves what was there, and no other file."""
    document = outcome(capsys, "decode", *SET, A_BSM)[1]
    out = tmp_path / "m.uper"
    assert outcome(capsys, "encode", document, "--format", "binary", "--out", str(out)) == (0, "", "")
    assert out.read_bytes() == bytes.fromhex(A_BSM)
    code, _, errors = outcome(capsys, "encode", document, document, "--format", "binary", "--out", str(out))
    assert code == 2 and "a file holds one message" in errors and f"error: {out}: not written" in errors
    assert outcome(capsys, "encode", document, "{}", "--out", str(out))[0] == 2
    assert out.read_bytes() == bytes.fromhex(A_BSM)
    assert outcome(capsys, "encode", document, document, "--out", str(out)) == (0, "", "")
    assert out.read_text() == f"{A_BSM}\n{A_BSM}\n"
    assert [file.name for file in tmp_path.iterdir()] == ["m.uper"]


def test_encode_what_was_read_leniently_becomes_canonical(capsys) -> None:
    """By hand: trailing octets do not come back."""
    _, document, _ = outcome(capsys, "decode", *SET, A_BSM + "0102")
    assert outcome(capsys, "encode", document) == (0, A_BSM + "\n", "")


def test_decode_and_encode_in_a_pipe_are_the_identity(tmp_path) -> None:
    """By hand: two processes, octets with letters beyond ASCII in a locale without them."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    public = CN_WIRE["map"]["hex"]
    first = run("decode", *SET, public, A_BSM, env=environment)
    assert (first.returncode, first.stderr) == (0, "")
    second = run("encode", *SET, input=first.stdout, env=environment)
    assert (second.returncode, second.stdout, second.stderr) == (0, f"{public}\n{A_BSM}\n", "")
