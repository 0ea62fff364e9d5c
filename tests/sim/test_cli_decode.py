"""``corridor decode``: ways to give messages, detection of the set, errors."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rsu.codec import MAX_INPUT_BYTES
from sim.cli.decode import A_BSM
from sim.cli.octets import MAX_LINE_CHARACTERS, base64_octets, hex_octets
from tests.sim.cli_cases import CN_WIRE, J2735_WIRE, ROOT, SET, decoded, outcome, stdin

DAY_TWO = "800100"
"""Extension of the frame with one octet: a kind no Day I set knows."""


def test_decode_gives_one_document_per_message(capsys, monkeypatch) -> None:
    """By hand: a BSM at 31.2 N 120.5 E, 20 m/s, heading 90 deg, of a car 1.8 m x 4.8 m, in wire units."""
    first, second = decoded(capsys, *SET, A_BSM, "0x" + A_BSM.upper())
    assert first == second
    assert list(first) == ["message_set", "status", "message", "value"]
    assert (first["message_set"], first["status"], first["message"]) == ("csae53-2020", "ok", "BSM")
    value = first["value"]
    assert value["pos"] == {"lat": 312_000_000, "long": 1_205_000_000}
    assert (value["speed"], value["heading"]) == (1000, 7200)
    assert value["size"] == {"width": 180, "length": 480}
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"# a comment\n\n{A_BSM[:20]} {A_BSM[20:]}\n"))
    assert decoded(capsys, *SET) == [first]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([*SET, A_BSM[:20]], "error: message 1: does not decode: "),
        ([*SET, A_BSM, "zz"], "error: message 2: neither hexadecimal octets nor base64, no such file: 'zz'"),
        ([*SET, "abc"], "error: message 1: neither hexadecimal octets nor base64, no such file: 'abc'"),
        ([*SET, "abcd", "--format", "hex"], "error: message 1: does not decode: "),
        ([*SET, "abc", "--format", "hex"], "error: message 1: not hexadecimal octets, no such file: 'abc'"),
        ([*SET, "abc", "--format", "base64"], "error: message 1: not base64, no such file: 'abc'"),
        ([*SET, "ab", "--format", "binary"], "error: message 1: no such file: 'ab'"),
        ([*SET, A_BSM[:-1] + "g"], "error: message 1"),
        ([*SET, "00" * (MAX_INPUT_BYTES + 1)], "error: message 1: does not decode: 8193 octets are more than 8192"),
        ([*SET, "."], "error: .: Is a directory"),
        (["--message-set", "csae53", A_BSM], "error: --message-set: csae53: did you mean 'csae53-2020'?"),
        ([*SET, "--strict", A_BSM + "00"], "error: message 1: does not decode: 1 trailing octets"),
        ([A_BSM], "error: --message-set: needed where there is no capture: a name, or auto to try them all"),
        (["--message-set", "auto", "ffff"], "error: message 1: no message set decodes these octets and re-"),
    ],
)
def test_decode_refuses_in_one_line(capsys, words: list[str], expected: str) -> None:
    """By hand: code 2 and one line."""
    code, _, errors = outcome(capsys, "decode", *words)
    assert code == 2
    assert len(errors.splitlines()) == 1 and errors.startswith(expected)


def test_decode_names_the_line_of_stdin(capsys, monkeypatch) -> None:
    """By hand: the second and third lines are broken, the fourth is told nevertheless."""
    stdin(monkeypatch, f"{A_BSM}\nxx\n{A_BSM[:20]}\n{A_BSM}".encode())
    code, text, errors = outcome(capsys, "decode", *SET)
    second, third = errors.splitlines()
    assert code == 2 and second == "error: line 2: neither hexadecimal octets nor base64: 'xx'"
    assert third.startswith("error: line 3: does not decode: ")
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("text", ["", "# only a comment\n\n"])
def test_decode_of_nothing_says_so(capsys, monkeypatch, tmp_path, text: str) -> None:
    """By hand: no message at all is bad input, on stdin and in a file."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert outcome(capsys, "decode", *SET) == (2, "", "error: no message on stdin\n")
    file = tmp_path / "f"
    file.write_text(text)
    assert outcome(capsys, "decode", *SET, str(file)) == (2, "", f"error: no message in {file}\n")


def test_decode_of_bytes_that_are_no_text_is_an_error_per_line(capsys, monkeypatch) -> None:
    """By hand: octets themselves instead of their hexadecimal digits."""
    stdin(monkeypatch, b"\xff\xfe\n" + A_BSM.encode())
    code, text, errors = outcome(capsys, "decode", *SET)
    assert code == 2 and errors.startswith("error: line 1: neither hexadecimal")
    assert json.loads(text)["message"] == "BSM"


def test_decode_a_line_without_end_is_one_error(capsys, monkeypatch) -> None:
    """By hand: a line of many times the limit, then a message."""
    stdin(monkeypatch, b"0" * (5 * MAX_LINE_CHARACTERS + 3) + b"\n" + A_BSM.encode() + b"\n")
    code, text, errors = outcome(capsys, "decode", *SET)
    assert (code, errors) == (2, f"error: line 1: longer than {MAX_LINE_CHARACTERS} characters\n")
    assert len(text.splitlines()) == 1


def test_decode_every_way_to_give_a_message_says_the_same(capsys, monkeypatch, tmp_path) -> None:
    """By hand: hexadecimal, base64, both kinds of file, stdin in three forms."""
    octets = bytes.fromhex(A_BSM)
    letters = base64.b64encode(octets).decode()
    binary, text, letters_file = tmp_path / "bsm.uper", tmp_path / "bsm.txt", tmp_path / "bsm.b64"
    binary.write_bytes(octets)
    text.write_text(f"\ufeff{A_BSM}\n# 界\n{A_BSM}\r\n\n{letters}\n", encoding="utf-8")
    letters_file.write_text(letters)
    (reading,) = decoded(capsys, *SET, A_BSM)
    urlsafe = base64.urlsafe_b64encode(octets).decode()
    assert decoded(capsys, *SET, letters, urlsafe, str(binary), str(text)) == [reading] * 6
    assert decoded(capsys, *SET, str(letters_file), "--format", "base64") == [reading]
    assert decoded(capsys, *SET, str(binary), "--format", "binary") == [reading]
    stdin(monkeypatch, octets)
    assert decoded(capsys, *SET, "-", "--format", "binary") == [reading]
    stdin(monkeypatch, letters.encode())
    assert decoded(capsys, *SET, "-", A_BSM) == [reading] * 2


def test_decode_hexadecimal_goes_before_files_and_files_before_base64(capsys, monkeypatch, tmp_path) -> None:
    """By hand: files whose names are text of a message."""
    monkeypatch.chdir(tmp_path)
    Path("abcd").write_text(A_BSM)
    Path("data").write_text(A_BSM)
    assert outcome(capsys, "decode", *SET, "abcd")[0] == 2, "two octets are no message"
    for words in (["./abcd"], ["abcd", "--format", "base64"], ["data"]):
        name = words[0]
        if "--format" in words:
            Path(name).write_text(base64.b64encode(bytes.fromhex(A_BSM)).decode())
        assert decoded(capsys, *SET, *words)[0]["message"] == "BSM"


def test_decode_a_file_longer_than_any_message_is_one_line(capsys, tmp_path) -> None:
    """By hand: one octet more than the limit, which is named."""
    file = tmp_path / "long"
    file.write_bytes(b"\x00" * (MAX_INPUT_BYTES + 1))
    code, text, errors = outcome(capsys, "decode", *SET, str(file))
    assert (code, text) == (2, "")
    assert errors == f"error: {file}: longer than {MAX_INPUT_BYTES} octets, the longest message there is\n"


def test_decode_an_unknown_kind_is_a_result(capsys) -> None:
    """By hand: an extension of the frame is skipped, not refused."""
    (document,) = decoded(capsys, *SET, DAY_TWO)
    assert (document["status"], document["message"], document["value"]) == ("skipped", None, None)
    assert document["error"]


@pytest.mark.parametrize("name", CN_WIRE)
def test_detection_of_public_chinese_messages(capsys, name: str) -> None:
    """Printed: the sets of 2020 a public message belongs to, and no other of them; the first is told."""
    record = CN_WIRE[name]
    (document,) = decoded(capsys, "--message-set", "auto", record["hex"])
    found = document["message_sets"]
    assert [one for one in found if one.startswith("c") or one.startswith("y")] == [
        *record["sets"], *(["csae53-2017"] * ("csae53-2017" in found))
    ]
    assert (document["message_set"], document["message"]) == (found[0], record["message"])


@pytest.mark.parametrize("record", J2735_WIRE, ids=lambda record: record["name"])
def test_detection_of_public_j2735_messages(capsys, record: dict[str, Any]) -> None:
    """Printed: sae-j2735 is among the sets, and its reading is there, first or among the others."""
    (document,) = decoded(capsys, "--message-set", "auto", record["hex"])
    readings = {one["message_set"]: one["message"] for one in [document, *document.get("others", ())]}
    assert readings["sae-j2735"] == record["message"]


def test_detection_says_which_sets_come_near(capsys) -> None:
    """By hand: trailing octets fit no set exactly, but three read what stands before them."""
    code, text, errors = outcome(capsys, "decode", "--message-set", "auto", A_BSM + "00")
    assert (code, text) == (2, "")
    assert "csae53-2020, ydt3709-2020, csae157-2020" in errors and "can read part of them" in errors


def test_detection_readings_that_differ_are_told(capsys) -> None:
    """Property: a public RSM is one of 2017 by its bits too, with other content; each reading is of these octets."""
    octets = CN_WIRE["rsm"]["hex"]
    (document,) = decoded(capsys, "--message-set", "auto", octets)
    assert document["message_sets"] == ["csae53-2020", "ydt3709-2020", "csae157-2020", "csae53-2017"]
    (other,) = document["others"]
    assert (other["message_set"], other["message"]) == ("csae53-2017", "RSM")
    assert other["value"] != document["value"]
    for reading in (document, other):
        assert outcome(capsys, "encode", json.dumps(reading)) == (0, octets + "\n", "")


def test_decode_into_a_closed_pipe_is_no_error(tmp_path) -> None:
    """By hand: the reader takes one line of very many and goes."""
    file = tmp_path / "many.hex"
    file.write_text(f"{A_BSM}\n" * 3000)
    command = f"{sys.executable} -c 'import sys; from sim.cli import main; sys.exit(main())' decode"
    pipe = f"set -o pipefail; {command} --message-set csae53-2020 {file} | head -n 1"
    done = subprocess.run(["bash", "-c", pipe], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["message"] == "BSM"


def test_texts_take_common_spellings() -> None:
    """By hand: blanks, colons, prefix, case; both base64 alphabets; what is neither."""
    assert hex_octets("0x0AfF") == hex_octets("0a:ff") == hex_octets(" 0A ff\n") == b"\x0a\xff"
    assert hex_octets("0af") is hex_octets("") is hex_octets("0g") is hex_octets("٠٠") is None
    assert base64_octets("+/8=") == base64_octets("-_8=\n") == b"\xfb\xff"
    assert base64_octets("+/8") is base64_octets("") is base64_octets("a b!") is None
