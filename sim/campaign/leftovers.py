"""What a campaign that was killed has left half-written, and where it goes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sim.campaign.store import CampaignFolder, clear
from sim.results import valid_summary

_HALF_WRITTEN = re.compile(r"\.(?P<name>.+)\.partial-(old-)?\d+")
_LOCK_OF_SHARD = re.compile(r"\.writer-\d+-of-\d+\.lock")


def clear_leftovers(folder: CampaignFolder) -> int:
    """Remove everything half-written in a campaign's folder, and locks of parts; how many files and folders there were.

    Only for the one who alone may write there: what another process is writing would go too. A run that lacked nothing
    but its name gets it.
    """
    left = list(_half_written(folder))
    for path, target in left:
        settle(path, target)
    locks = [path for path in folder.out.iterdir() if _LOCK_OF_SHARD.fullmatch(path.name)]
    clear(locks)
    return len(left) + len(locks)


def settle(path: Path, target: Path) -> None:
    """End what a dead process was writing: a whole run becomes ``target`` if that is not there, the rest goes.

    What the system will not let go stays.
    """
    try:
        if valid_summary(path) is not None and (path / "metrics.csv").is_file() and not target.exists():
            os.replace(path, target)
        elif path.exists() or path.is_symlink():
            clear([path])
    except OSError:
        pass


def _half_written(folder: CampaignFolder) -> Iterator[tuple[Path, Path]]:
    runs = folder.out / "runs"
    places = [folder.out, folder.out / "traffic", runs]
    if folder.fan_out and runs.is_dir():
        places += [path for path in runs.iterdir() if path.is_dir()]
    for place in places:
        try:
            names = os.listdir(place)
        except OSError:
            continue
        for name in sorted(names):
            found = _HALF_WRITTEN.fullmatch(name)
            if found:
                yield place / name, place / found["name"]
