"""Result folders that travel: what arrives is the run, or is refused before anything of it is written."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import sim
from sim.campaign import archive as room
from sim.campaign.archive import ArchiveError, pack, unpack
from sim.results import ResultError, read
from tests.sim import executor_bench as bench

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; its plot need not be one."""
    task = bench.run_tasks(bench.tiny_plan(1))[0]
    folder = sim.run(task.loaded, tmp_path_factory.mktemp("run") / task.run_id, plots=False).folder
    (folder / "plots/prr_v2v_bsm.png").write_bytes(random.Random(1).randbytes(5000))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def zipped(members: dict[str, bytes]) -> bytes:
    """An archive of these members, whatever their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def refused(data: bytes, folder: Path, run_id: str) -> str:
    """The one line with which an archive is refused; nothing of it is left anywhere."""
    out = folder / "campaign/runs" / run_id
    with pytest.raises(ArchiveError) as error:
        unpack(data, out, run_id)
    assert "\n" not in str(error.value)
    assert [path for path in folder.rglob("*") if path.is_file()] == [] and not out.exists()
    return str(error.value)


def test_a_run_arrives_as_it_left(run: Path, tmp_path: Path) -> None:
    """Property: every octet of every file, plots and summary included; a second arrival changes nothing."""
    data, out = pack(run), tmp_path / "runs" / run.name
    for _ in range(2):
        unpack(data, out, run.name)
        assert content(out) == content(run)
    assert len([name for name in content(run) if name.startswith("plots/")]) > 0
    assert read(out).summary["run_id"] == run.name and bench.hidden(tmp_path) == []


def test_packing_knows_no_clock_and_no_order(run: Path, tmp_path: Path) -> None:
    """Property: the same octets from a copy made in another order at another time."""
    for name, data in sorted(content(run).items(), reverse=True):
        path = tmp_path / run.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1e9, 1e9))
    assert pack(tmp_path / run.name) == pack(run)


@pytest.mark.parametrize("name", [
    "../escape.csv", "/tmp/escape.csv", "plots/../../escape.png", "plots/../metrics.csv", "sub/metrics.csv", "evil.sh",
    "plots", "plots/", "plots/.hidden.png", "plots/a/b.png", "plots/run.sh", "metrics.csv\x00.png", "..",
    "plots\\..\\..\\x.png", "C:\\metrics.csv", "./metrics.csv", "METRICS.CSV",
])
def test_names_no_run_writes(name: str, run: Path, tmp_path: Path) -> None:
    """By hand: paths that lead out, absolute ones, hidden ones, programs; refused by name."""
    writable = name.replace("\x00", "@")
    data = zipped(content(run) | {writable: b"x"}).replace(writable.encode(), name.encode())
    line = refused(data, tmp_path, run.name)
    assert f"{name!r} is no file of a result folder" in line or ("\x00" in name and "twice" in line)
    assert not Path("/tmp/escape.csv").exists()


def changed(run: Path, change: Change) -> bytes:
    """The archive of a run after something was done to its files."""
    members = content(run)
    change(members)
    return zipped(members)


def with_summary(**values: object) -> Change:
    """Other values in the summary."""

    def change(members: dict[str, bytes]) -> None:
        members["summary.json"] = json.dumps(json.loads(members["summary.json"]) | values).encode()

    return change


@pytest.mark.parametrize(("change", "told"), [
    (with_summary(run_id="0123456789abcdef"), "run_id is '0123456789abcdef', not"),
    (with_summary(schema_version=99), "schema_version is 99, not 1"),
    (with_summary(version="0.0.0"), "version is '0.0.0', not"),
    (lambda members: members.pop("summary.json"), "summary.json is missing"),
    (lambda members: members.pop("metrics.csv"), "metrics.csv is missing"),
    (lambda members: members.update({"summary.json": b"{"}), "summary.json is broken"),
    (lambda members: members.update({"summary.json": b"[]"}), "summary.json is broken"),
    (lambda members: members.update({"summary.json": b"\xff\xfe"}), "summary.json is broken"),
    (lambda members: members.update({"summary.json": b"[" * 100_000}), "summary.json is broken"),
    (lambda members: members.update({f"plots/{n}.png": b"" for n in range(300)}), "more than 200 files"),
])
def test_not_the_run_that_was_asked_for(change: Change, told: str, run: Path, tmp_path: Path) -> None:
    """By hand: another run, schema or version, an unfinished run, a broken summary."""
    assert told in refused(changed(run, change), tmp_path, run.name)


def test_bombs(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: a file or a sum that would fill the disk, and one that lies about its size."""
    monkeypatch.setattr(room, "MAX_MEMBER_BYTES", 1 << 20)
    monkeypatch.setattr(room, "MAX_TOTAL_BYTES", 4 << 20)
    assert "'air.csv' has 1048577 bytes" in refused(zipped(content(run) | {"air.csv": bytes((1 << 20) + 1)}),
                                                    tmp_path, run.name)
    many = {f"plots/{number}.png": bytes(1 << 20) for number in range(5)}
    assert "bytes in all" in refused(zipped(content(run) | many), tmp_path, run.name)
    honest = zipped(content(run) | {"air.csv": bytes(1_000_003)})
    size = (1_000_003).to_bytes(4, "little")
    assert honest.count(size) == 2
    assert "damaged" in refused(honest.replace(size, (77).to_bytes(4, "little")), tmp_path, run.name)


def test_a_link_is_no_file(run: Path, tmp_path: Path) -> None:
    """By hand: a member that would become a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content(run).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK if name == "run.log" else stat.S_IFREG) << 16
            archive.writestr(info, b"/etc/passwd" if name == "run.log" else data)
    assert "'run.log' is no plain file" in refused(buffer.getvalue(), tmp_path, run.name)


def test_a_name_that_stands_twice(run: Path, tmp_path: Path) -> None:
    """By hand: readers would differ about which one counts."""
    buffer = io.BytesIO(pack(run))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("metrics.csv", b"x")
    assert "twice" in refused(buffer.getvalue(), tmp_path, run.name)


def test_cut_short_or_damaged(run: Path, tmp_path: Path) -> None:
    """Property: cut anywhere it is refused; with an octet changed anywhere it is refused or still the same run."""
    data, chance = pack(run), random.Random(1)
    for cut in [0, 1, 22, *(chance.randrange(len(data)) for _ in range(25)), len(data) - 1]:
        refused(data[:cut], tmp_path, run.name)
    out, whole = tmp_path / "runs" / run.name, content(run)
    for place in (chance.randrange(len(data)) for _ in range(100)):
        wrong = bytearray(data)
        wrong[place] ^= 1 << chance.randrange(8)
        try:
            unpack(bytes(wrong), out, run.name)
        except ArchiveError:
            assert not out.exists()
        else:
            assert {name: content(out)[name] for name in content(out)} == {name: whole[name] for name in content(out)}
            shutil.rmtree(out)
        assert bench.hidden(tmp_path) == []


def test_somebody_elses_folder_is_kept(run: Path, tmp_path: Path) -> None:
    """Property: a folder of another run, or no result at all, is not replaced."""
    out = tmp_path / run.name
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ResultError, match="thesis.txt"):
        unpack(pack(run), out, run.name)
    assert content(out) == {"thesis.txt": b"years of work"}


def test_a_strange_file_is_not_packed(run: Path, tmp_path: Path) -> None:
    """By hand: what no run writes does not leave the worker; what the other side has need not."""
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy/moves.csv").write_text("t\n")
    with pytest.raises(ArchiveError, match="moves.csv"):
        pack(tmp_path / "copy")
    assert pack(tmp_path / "copy", without=["moves.csv"]) == pack(run)
