"""Ends that nobody planned: Ctrl-C, SIGTERM and a full disk leave no half-written file and keep what stood there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sim.cli import main
from sim.whole import written_whole

SMALL = "03-one-border"
ROOT = Path(__file__).resolve().parents[2]
QUICK = [word for key in ("duration_s=2", "traffic_warmup_s=5", "radio_warmup_s=1") for word in ("--set", key)]
FULL_DISK = """
import resource, sys
from sim.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""


def names(folder: Path) -> list[str]:
    """Everything below a folder, hidden names included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_an_earlier_packet_log(tmp_path: Path, how: signal.Signals) -> None:
    """Property: the signal comes while rows are being written; code 130, one line, the old log as it was, no junk."""
    log = tmp_path / "log.csv"
    log.write_text("an earlier log")
    command = [sys.executable, "-m", "sim", "run", SMALL, "-q", "--out", str(tmp_path / "out"), "--trace", str(log)]
    process = subprocess.Popen(
        [*command, *QUICK, "--set", "duration_s=600"], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not any(one.stat().st_size for one in tmp_path.glob(".log.csv.partial-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"error: interrupted\n")
    assert names(tmp_path) == ["log.csv"] and log.read_text() == "an earlier log"


@pytest.fixture
def broken_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of writing the second picture."""
    from sim.plots import style

    written: list[Path] = []

    def write(figure: Any, path: Path) -> None:
        path.write_bytes(b"\x89PNG half a picture")
        written.append(path)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(style, "_write_png", write)


def test_a_run_interrupted_while_drawing_leaves_nothing(broken_figures, tmp_path: Path, capsys) -> None:
    """Property: neither result folder nor packet log nor picture."""
    words = ["run", SMALL, "-q", "--out", str(tmp_path / "out"), "--trace", str(tmp_path / "log.csv.gz"), *QUICK]
    assert main(words) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert names(tmp_path) == []


def test_plot_interrupted_keeps_whole_pictures_only(
    tmp_path: Path, capsys, request: pytest.FixtureRequest
) -> None:
    """Property: of two pictures the first is there, the second, half-written one is as it was before."""
    out = tmp_path / "out"
    assert main(["run", SMALL, "-q", "--out", str(out), *QUICK]) == 0
    before = {path.name: path.read_bytes() for path in (out / "plots").iterdir()}
    assert len(before) > 2 and all(content.endswith(b"IEND\xaeB`\x82") for content in before.values())
    request.getfixturevalue("broken_figures")
    assert main(["plot", str(out)]) == 130
    after = {path.name: path.read_bytes() for path in (out / "plots").iterdir()}
    assert after.keys() == before.keys()
    assert sum(after[name] != before[name] for name in before) == 1


@pytest.mark.parametrize("trace", ["log.csv", "log.csv.gz", None])
def test_a_full_disk_is_named_in_one_line(tmp_path: Path, trace: str | None) -> None:
    """Independent: the kernel refuses files beyond 20 kB; code 1, the file or folder named, nothing left behind."""
    words = ["run", SMALL, "-q", "--out", str(tmp_path / "out"), *QUICK]
    words += ["--trace", str(tmp_path / trace)] if trace else []
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=100,
    )
    place = tmp_path / (trace or "out")
    assert (done.returncode, done.stderr) == (1, f"error: {place}: File too large\n")
    assert names(tmp_path) == []


def test_written_whole_replaces_only_at_the_end(tmp_path: Path) -> None:
    """By hand: the old content until the block has ended, and after an exception; an error names the file."""
    file = tmp_path / "f"
    file.write_text("old")
    with written_whole(file) as partial:
        partial.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    with pytest.raises(OSError) as caught, written_whole(file) as partial:
        partial.write_text("half")
        raise OSError(28, "No space left on device")
    assert caught.value.filename == str(file)
    assert names(tmp_path) == ["f"] and file.read_text() == "new"


def test_an_interrupt_that_got_lost_ends_the_run_at_the_next_tick(tmp_path: Path, monkeypatch, capsys) -> None:
    """By hand: the signal comes where its exception is swallowed, as NumPy does when it asks for attributes."""
    from sim.traffic.idm import IdmTraffic

    step, calls = IdmTraffic.step, []

    def swallowing(self: IdmTraffic, now_ns: int, tick_ns: int) -> None:
        calls.append(now_ns)
        if len(calls) == 5:
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                pass
        step(self, now_ns, tick_ns)

    monkeypatch.setattr(IdmTraffic, "step", swallowing)
    assert main(["run", SMALL, "-q", "--out", str(tmp_path / "out"), *QUICK]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert len(calls) == 5 and names(tmp_path) == []
