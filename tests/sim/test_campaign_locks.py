"""Who may write into a campaign's folder."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sim.campaign.locks import NoLockWarning, WriterLock
from sim.results import ResultError
from tests.sim import executor_bench as bench

HOLD = """
import sys, time
from sim.campaign.locks import WriterLock
with WriterLock(sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]))):
    print("held", flush=True)
    sys.stdin.read()
"""
CONTEST = """
import os, sys, time
from sim.campaign.locks import WriterLock
from sim.results import ResultError
folder, index, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
marker = os.path.join(os.path.dirname(folder), "inside")
won = 0
while won < 40:
    try:
        with WriterLock(folder, (index, count)):
            if count == 1:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
                os.unlink(marker)
            elif os.path.exists(marker):
                raise SystemExit("a whole campaign and a shard at once")
            won += 1
    except ResultError:
        time.sleep(0.0005)
"""


def python(code: str, *words: object) -> subprocess.Popen[str]:
    """Another process."""
    command = [sys.executable, "-c", code, *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=bench.ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def refusal(folder: Path, shard: tuple[int, int] = (0, 1), campaign: str = "") -> str:
    """The one line with which somebody else is refused."""
    with pytest.raises(ResultError) as error, WriterLock(folder, shard, campaign):
        pass
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
    return str(error.value)


def test_one_campaign_at_a_time(tmp_path: Path) -> None:
    """By hand: the second is told who the first is; nothing is left when it has ended."""
    folder = tmp_path / "new/campaign"
    with WriterLock(folder):
        line = refusal(folder)
        assert "another campaign is writing here" in line
        assert f"process {os.getpid()} on {socket.gethostname()}, since 20" in line
        assert "another campaign is writing here" in refusal(folder, (1, 3))
    assert list(folder.iterdir()) == []
    with WriterLock(folder):
        pass


def test_shards_write_together_but_not_twice(tmp_path: Path) -> None:
    """By hand: shards of one campaign, not the same one twice, not of another division or campaign, not a whole one."""
    with ExitStack() as stack:
        for index in (0, 2):
            stack.enter_context(WriterLock(tmp_path, (index, 3), "a"))
        assert "shard 2/3 is being written already" in refusal(tmp_path, (2, 3), "a")
        assert "is being written in 3 shards, this is shard 1/4" in refusal(tmp_path, (1, 4), "a")
        assert "shards of another campaign" in refusal(tmp_path, (1, 3), "b")
        assert "another campaign is writing here" in refusal(tmp_path)
        with WriterLock(tmp_path, (1, 3), "a"):
            assert len(list(tmp_path.iterdir())) == 4
        assert "another campaign is writing here" in refusal(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_first_shard_may_end_first(tmp_path: Path) -> None:
    """By hand: the others keep what they hold, in either order of ending."""
    first = WriterLock(tmp_path, (0, 2)).__enter__()
    second = WriterLock(tmp_path, (1, 2)).__enter__()
    first.release()
    assert "another campaign" in refusal(tmp_path)
    with WriterLock(tmp_path, (0, 2)):
        assert "1/2 is being written already" in refusal(tmp_path, (1, 2))
    second.release()
    second.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shard", [(0, 1), (1, 2)])
def test_a_killed_process_holds_nothing(tmp_path: Path, shard: tuple[int, int]) -> None:
    """Property: SIGKILL releases, what the killed one left behind is no lock and goes with the next."""
    holder = python(HOLD, tmp_path, *shard)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    assert f"process {holder.pid} on" in refusal(tmp_path, shard)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (tmp_path / ".writer.lock").exists()
    with WriterLock(tmp_path, shard):
        assert f"process {os.getpid()} on" in refusal(tmp_path, shard)
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_holds_nothing(tmp_path: Path) -> None:
    """Property: a child that outlives its parent's lock does not keep others out."""
    lock = WriterLock(tmp_path).__enter__()
    read_fd, write_fd = os.pipe()
    ready_fd, say_fd = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.close(write_fd)
        os.write(say_fd, b"x")
        os.read(read_fd, 1)
        os._exit(0)
    os.close(read_fd)
    os.close(say_fd)
    try:
        assert os.read(ready_fd, 1) == b"x"
        assert "another campaign" in refusal(tmp_path)
        # As the end of the process would: the lock ends with its last open file.
        lock._held[0].close()
        with WriterLock(tmp_path):
            pass
    finally:
        os.close(write_fd)
        os.close(ready_fd)
        os.waitpid(child, 0)


def test_never_two_at_once(tmp_path: Path) -> None:
    """Property: processes that take and release, remove and create the files all the time never meet inside."""
    folder = tmp_path / "campaign"
    rivals = [python(CONTEST, folder, *shard) for shard in ((0, 1), (0, 1), (0, 2), (1, 2))]
    for rival in rivals:
        _, errors = rival.communicate(timeout=120)
        assert rival.returncode == 0, errors
    assert list(folder.iterdir()) == []


def test_no_folder_to_write_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: a file in its place or above it, a read-only disk, no permission, a full disk: one line each."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(ResultError, match=r"file: is not a folder$"), WriterLock(path):
            pass
    real = os.open
    for number in (errno.EROFS, errno.EACCES, errno.ENOSPC):

        def refuse(path: Any, *rest: Any, number: int = number, **named: Any) -> int:
            if str(path).endswith(".lock"):
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *rest, **named)

        monkeypatch.setattr(os, "open", refuse)
        assert os.strerror(number) in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    """By hand: a folder without the right to write."""
    tmp_path.chmod(0o500)
    assert "Permission denied" in refusal(tmp_path)


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: a warning that names the folder, and the campaign goes on."""

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    for shard in ((0, 1), (1, 3)):
        with pytest.warns(NoLockWarning, match="knows no locks") as told, WriterLock(tmp_path, shard):
            pass
        assert str(tmp_path) in str(told[0].message)
