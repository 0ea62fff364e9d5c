"""``corridor profiles`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.cli import main
from sim.scenario.shipped import shipped_files


def outcome(capsys: Any, *words: str) -> tuple[int, str, str]:
    """(code, stdout, stderr) of one command."""
    code = main(["profiles", *words])
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def test_without_names_it_lists_what_is_shipped(capsys) -> None:
    """Property: every profile and candidate file, in the table and in JSON."""
    code, text, errors = outcome(capsys)
    assert (code, errors) == (0, "")
    first = [line.split()[0] for line in text.splitlines() if line]
    assert first == ["profile", *shipped_files("profiles"), "candidate", *shipped_files("candidates")]
    data = json.loads(outcome(capsys, "--json")[1])
    assert [one["name"] for one in data["profiles"]] == list(shipped_files("profiles"))
    (sixth,) = [one for one in data["candidates"] if one["name"] == "S6"]
    assert sixth["places"] == {"SH": "shanghai", "JS": "suzhou", "ZJ": "jiaxing"}


def test_a_sheet_of_a_candidate(capsys) -> None:
    """By hand: national column first, then the places; the difference of the message set is seen."""
    code, text, _ = outcome(capsys, "--candidate", "S6", "--only", "differ")
    assert code == 0
    head = next(line for line in text.splitlines() if line.startswith("key"))
    assert head.split()[-3:] == ["SH", "JS", "ZJ"] and "cn-lte-v2x-day1" in head
    (line,) = [line for line in text.splitlines() if line.startswith("message_set  ")]
    assert "! csae53-2017 A" in line
    assert not any(line.startswith("access ") for line in text.splitlines())


def test_chinese(capsys) -> None:
    """By hand: words of the sheet."""
    text = outcome(capsys, "--candidate", "S1", "--lang", "zh")[1]
    assert "未获知" in text and "发现的冲突" in text and "仅布设规则不同" in text


def test_files_are_written_and_are_the_same_each_time(capsys, tmp_path: Path) -> None:
    """Property: equal bytes of table and page; JSON on stdout is undisturbed."""
    written = []
    for number in (1, 2):
        table, page = tmp_path / f"{number}.csv", tmp_path / f"{number}.html"
        code, text, errors = outcome(
            capsys, "shanghai", "suzhou", "--csv", str(table), "--html", str(page), "--lang", "zh", "--json"
        )
        assert code == 0 and json.loads(text)["national"] == "cn-lte-v2x-day1"
        assert errors.count("wrote") == 2
        written.append((table.read_bytes(), page.read_bytes()))
    assert written[0] == written[1]
    assert written[0][1].startswith(b"<!DOCTYPE html>")


def test_a_profile_of_ones_own(capsys, tmp_path: Path) -> None:
    """By hand: a file is compared with the shipped profile that it inherits."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "schema: profile/1\nname: mine\nkind: regional\ninherits: cn-lte-v2x-day1\nkeys:\n"
        "  map_datum: {value: WGS84, basis: sourced, source: our own rule}\n"
    )
    code, text, _ = outcome(capsys, str(mine), "--only", "differ")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines()[3:4]] == ["map_datum"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("suzou",), "did you mean 'suzhou'"),
        (("suzhou", "nosuch"), "known: cn-lte-v2x-day1, cn-lte-v2x-day2, cn-nr-v2x, etsi-itsg5, jiaxing"),
        (("suzhou", "suzhou"), "two of the profiles are called suzhou"),
        (("suzhou", "S6"), "say --candidate S6"),
        (("suzhou", "--csv", "no/such/folder.csv"), "its folder does not exist"),
        (("suzhou", "--html", "."), "is a folder"),
        (("--candidate", "S9"), "no such candidate"),
        (("suzhou", "--candidate", "S6"), "leave names and --against out"),
        (("--only", "differ"), "name profiles or a candidate"),
        (("--html", "x.html"), "name profiles or a candidate"),
        (("cn-lte-v2x-day1",), "nothing to compare"),
        (("suzhou", "--only", "other"), "invalid choice"),
    ],
)
def test_wrong_usage_is_one_line_and_code_two(capsys, words: tuple[str, ...], told: str) -> None:
    """By hand: the nearest name or the rule; nothing on stdout."""
    code, text, errors = outcome(capsys, *words)
    assert (code, text) == (2, "") and told in errors
    assert len(errors.splitlines()) == 1 and errors.startswith("error: ")


def test_a_bad_profile_is_named_with_file_and_line(capsys, tmp_path: Path) -> None:
    """By hand: an assumed key in a regional profile, line 6 of the file."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "schema: profile/1\nname: bad\nkind: regional\ninherits: cn-lte-v2x-day1\nkeys:\n"
        "  map_datum: {value: WGS84, basis: assumption, source: a guess}\n"
    )
    code, text, errors = outcome(capsys, str(bad))
    assert (code, text) == (2, "") and "bad.yaml:6" in errors


def test_nothing_is_written_where_one_of_two_files_cannot_be(capsys, tmp_path: Path) -> None:
    """By hand: the table could be written, the page could not."""
    table = tmp_path / "sheet.csv"
    code, text, errors = outcome(capsys, "suzhou", "--csv", str(table), "--html", str(tmp_path / "no" / "x.html"))
    assert (code, text) == (2, "") and "its folder does not exist" in errors and not table.exists()


def test_the_list_in_chinese(capsys) -> None:
    """By hand: heads and titles."""
    text = outcome(capsys, "--lang", "zh")[1]
    assert text.startswith("规范") and "苏州（吴江），江苏规定" in text and "kind" not in text
