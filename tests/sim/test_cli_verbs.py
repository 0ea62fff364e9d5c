"""What each verb prints and returns."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path

import pytest

from sim.cli import main
from sim.cli.options import columns
from sim.cli.progress import Progress
from sim.results import Result, ResultFolder, read
from sim.scenario import load

ROOT = Path(__file__).resolve().parents[2]


def outcome(capsys, *words: str) -> tuple[int, str, str]:
    """(code, stdout, stderr) of one command."""
    code = main(words)
    streams = capsys.readouterr()
    return code, streams.out, streams.err


@pytest.fixture
def calls(monkeypatch) -> list[dict]:
    """A stand-in for the simulator: notes how it is called, writes a real, empty result folder."""
    noted: list[dict] = []

    def run(loaded, out=None, *, force=False, trace=None, progress=None, **rest) -> Result:
        noted.append({"loaded": loaded, "out": out, "force": force, "trace": trace, **rest})
        with ResultFolder(out, loaded.run_id(), force=force) as folder:
            progress(0.5, "half")
            folder.write_metrics([])
            path = folder.finish({"name": loaded.name, "seed": loaded.config.seed})
        return read(path)

    module = types.ModuleType("sim.simulation")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sim.simulation", module)
    monkeypatch.setattr("sim.metrics.summary.summary_table", lambda result: f"table of {result.summary['name']}\n")
    return noted


def test_run_passes_everything_on(calls, capsys, tmp_path) -> None:
    """By hand: seed, overrides, folder, force, trace; the table on stdout, remarks on stderr."""
    out = tmp_path / "r"
    words = ["run", "tripoint", "--seed", "7", "--set", "duration_s=3", "--out", str(out), "--force"]
    code, text, remarks = outcome(capsys, *words, "--trace", str(tmp_path / "t.csv"))
    assert code == 0
    assert text == "table of tripoint\n"
    (call,) = calls
    assert call["loaded"].config.seed == 7
    assert call["loaded"].config.duration_s == 3
    assert (call["out"], call["force"], call["trace"]) == (out, True, tmp_path / "t.csv")
    assert f"results in {out}" in remarks and "seed 7" in remarks


def test_run_quietly_and_as_json(calls, capsys, tmp_path) -> None:
    """By hand: one JSON document with its version on stdout, nothing on stderr."""
    code, text, remarks = outcome(capsys, "run", "tripoint", "--out", str(tmp_path / "r"), "--json", "-q")
    assert (code, remarks) == (0, "")
    document = json.loads(text)
    assert document["schema_version"] == 1
    assert document["run_id"] == load("tripoint").run_id()


@pytest.mark.parametrize("place", ["file/below", "file"])
def test_a_folder_that_cannot_be_written_is_code_2(calls, capsys, tmp_path, place: str) -> None:
    """By hand: a file stands where the folder should be."""
    (tmp_path / "file").write_text("x")
    code, text, errors = outcome(capsys, "run", "tripoint", "-q", "--out", str(tmp_path / place))
    assert (code, text) == (2, "")
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"error: --out {tmp_path / place}")


def test_a_folder_of_another_run_is_kept_unless_forced(calls, capsys, tmp_path) -> None:
    """By hand: another seed into the same folder."""
    out = str(tmp_path / "r")
    assert main(["run", "tripoint", "-q", "--out", out]) == 0
    capsys.readouterr()
    code, _, errors = outcome(capsys, "run", "tripoint", "-q", "--seed", "2", "--out", out)
    assert code == 2 and "holds another run" in errors
    assert main(["run", "tripoint", "-q", "--seed", "2", "--out", out, "--force"]) == 0


def test_ctrl_c_is_code_130(monkeypatch, capsys, tmp_path) -> None:
    """By hand: interrupted in the middle of a run."""

    def run(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    module = types.ModuleType("sim.simulation")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sim.simulation", module)
    code, text, errors = outcome(capsys, "run", "tripoint", "-q", "--out", str(tmp_path / "r"))
    assert (code, text, errors) == (130, "", "error: interrupted\n")


def test_a_bad_scenario_gives_one_error_line_per_mistake(capsys, tmp_path) -> None:
    """By hand: three mistakes, three lines, code 2, nothing run."""
    file = tmp_path / "s.yaml"
    file.write_text(
        "schema: corridor/1\nname: s\nseeed: 3\nduration_s: -1\n"
        "corridor: {datum: X, length_m: 100, jurisdictions: [{id: A, spans: [{}]}]}\n"
    )
    code, text, errors = outcome(capsys, "run", str(file))
    assert (code, text) == (2, "")
    lines = errors.splitlines()
    assert len(lines) == 3
    assert f"error: {file}:3:1: seeed: unknown key; did you mean 'seed'?" in lines
    assert f"error: {file}:4:13: duration_s: -1: must be above 0" in lines


def test_an_unreadable_file_is_code_2(capsys, tmp_path) -> None:
    """By hand: a link to nowhere; bytes that are no text."""
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    code, _, errors = outcome(capsys, "check", str(tmp_path / "bytes.yaml"))
    assert code == 2 and "not UTF-8 text" in errors
    (tmp_path / "link.yaml").symlink_to(tmp_path / "nowhere.yaml")
    code, _, errors = outcome(capsys, "check", str(tmp_path / "link.yaml"))
    assert code == 2 and "no such file" in errors


def test_check_prints_what_a_scenario_amounts_to(capsys) -> None:
    """By hand: length, borders, units and EIRP of the arterial."""
    code, text, errors = outcome(capsys, "check", "demo-zone", "--facts")
    assert (code, errors) == (0, "")
    assert "22.40 km, WGS84" in text
    assert "ZJ/JS at 4816 m; JS/SH at 13981 m" in text
    assert "roadside units 29 dBm, on-board units 26 dBm" in text


def test_check_as_json_in_both_cases(capsys, tmp_path) -> None:
    """By hand: facts, or every problem with its place, for editors."""
    code, text, _ = outcome(capsys, "check", "demo-zone", "--json")
    assert code == 0 and json.loads(text)["ok"] is True
    file = tmp_path / "s.yaml"
    file.write_text("schema: corridor/1\nname: s\ncorridor: 3\n")
    code, text, _ = outcome(capsys, "check", str(file), "--json")
    document = json.loads(text)
    assert code == 2 and document["ok"] is False and document["schema_version"] == 1
    assert document["problems"] == [
        {"where": f"{file}:3:11", "field": "corridor", "value": "3", "rule": "must be a mapping of keys"}
    ]


def test_check_prints_a_scenario(capsys, tmp_path) -> None:
    """Property: what it prints loads, with the same id."""
    _, text, _ = outcome(capsys, "check", "expressway", "--set", "layout=expressway-regional")
    file = tmp_path / "r.yaml"
    file.write_text(text, encoding="utf-8")
    assert load(file).run_id() == load("expressway", ["layout=expressway-regional"]).run_id()


def test_list_names_what_scenarios_may_name(capsys) -> None:
    """Independent: the tables of the rooms themselves."""
    from rsu.messages import MESSAGE_SETS
    from sim.access import ACCESS
    from sim.link import LINK_TABLES
    from sim.metrics import KPIS
    from sim.plots import FIGURES

    code, text, _ = outcome(capsys, "list", "--json")
    assert code == 0
    document = json.loads(text)
    names = {kind: {item["name"] for item in document[kind]} for kind in document if kind != "schema_version"}
    assert names["access"] == set(ACCESS)
    assert names["message-sets"] == set(MESSAGE_SETS)
    assert names["tables"] == set(LINK_TABLES)
    assert names["kpis"] == set(KPIS)
    assert names["figures"] == set(FIGURES)
    assert {"demo-zone", "expressway", "tripoint", "01-one-vehicle-one-rsu"} <= names["scenarios"]
    assert "harmonised-day1" in names["candidates"] and "cn-lte-v2x-day1" in names["profiles"]
    for kind in names:
        assert all(item["what"] for item in document[kind] if kind != "layouts"), kind
    assert all(item["source"] for item in document["tables"])


def test_list_of_one_kind_is_a_table(capsys) -> None:
    """By hand: the kind, a header, one line per name."""
    code, text, _ = outcome(capsys, "list", "candidates")
    assert code == 0
    shipped = sorted(file.stem for file in (ROOT / "scenarios" / "candidates").glob("*.yaml"))
    assert [line.split()[0] for line in text.splitlines()] == ["candidates", "name", *shipped]


def test_fields_by_part_and_by_mistake(capsys) -> None:
    """By hand: the keys of one section; the nearest key to a misspelt one."""
    code, text, _ = outcome(capsys, "fields", "radio.link")
    assert code == 0
    assert "radio.link.noise_figure_db" in text and "[TR 36.885]" in text
    assert "radio.mode4" not in text
    code, _, errors = outcome(capsys, "fields", "spacing_mm")
    assert code == 2 and "did you mean 'spacing_m'?" in errors


def test_schema_is_a_json_schema_of_scenarios_and_layouts(capsys) -> None:
    """By hand: both documents name their dialect and their keys."""
    for of, wanted in (("scenario", "corridor"), ("layout", "rules")):
        code, text, _ = outcome(capsys, "schema", "--of", of)
        assert outcome(capsys, "schema", "--of", of, "--json")[1] == text
        document = json.loads(text)
        assert code == 0
        assert document["$schema"].endswith("2020-12/schema")
        assert wanted in document["properties"]


def test_plot_without_data_names_no_file(capsys, tmp_path) -> None:
    """By hand: a run without data has no files, and says so."""
    with ResultFolder(tmp_path / "r", "a" * 16) as folder:
        folder.write_metrics([])
        folder.write_table("cbr", ("time_s", "station_class", "jurisdiction", "cbr_mean", "cbr_p95", "n"), [])
        folder.finish({})
    code, text, _ = outcome(capsys, "plot", str(tmp_path / "r"), "--json")
    assert code == 0 and json.loads(text) == {"schema_version": 1, "files": []}
    assert outcome(capsys, "plot", str(tmp_path / "r")) == (0, "", "no figure: the run has no data for any\n")


def test_run_help_names_every_format_of_the_packet_log(capsys) -> None:
    """Independent: the suffixes the writer takes."""
    from sim.trace import SUFFIXES

    _, text, _ = outcome(capsys, "run", "--help")
    assert all(suffix in text for suffix in SUFFIXES)


@pytest.mark.parametrize(
    "words",
    [
        ["plot", "nowhere"],
        ["explain", "nowhere", "--frame", "1"],
        ["validate", "nowhere", "-q"],
        ["validate", "nowhere", "--precision", "0"],
    ],
)
def test_a_missing_folder_is_code_2(capsys, tmp_path, monkeypatch, words: list[str]) -> None:
    """By hand: a folder that is not there."""
    monkeypatch.chdir(tmp_path)
    code, text, errors = outcome(capsys, *words)
    assert (code, text) == (2, "")
    assert len(errors.splitlines()) == 1 and errors.startswith("error: ")


def test_columns_count_wide_letters_twice() -> None:
    """By hand: two Chinese letters take the room of four."""
    assert columns([("嘉善", "x"), ("a", "y")], ("k", "v")).splitlines() == ["k     v", "嘉善  x", "a     y"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_off_a_terminal_is_a_line_every_ten_seconds() -> None:
    """By hand: a clock that moves 4 s per call; lines at 12 s and 24 s of it."""
    stream, time_s = io.StringIO(), iter(range(0, 1000, 4))
    with Progress("zone", stream=stream, now_s=lambda: float(next(time_s))) as progress:
        for step in range(1, 8):
            progress.update(step / 10, "working")
    assert stream.getvalue().splitlines() == ["zone:  30% working", "zone:  60% working"]


def test_progress_on_a_terminal_is_a_bar_without_colour_if_asked(monkeypatch) -> None:
    """By hand: the title appears; with NO_COLOR no colour code does; quiet prints nothing."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    with Progress("zone", stream=stream) as progress:
        progress.update(2.0, "done")
    assert "zone" in stream.getvalue()
    assert "\x1b[3" not in stream.getvalue()
    silent = Terminal()
    with Progress("zone", quiet=True, stream=silent) as progress:
        progress.update(0.5)
    assert silent.getvalue() == ""


def test_progress_on_a_dumb_terminal_is_lines(monkeypatch) -> None:
    """By hand: TERM=dumb draws no bar."""
    monkeypatch.setenv("TERM", "dumb")
    assert not Progress("zone", stream=Terminal()).on_terminal()
