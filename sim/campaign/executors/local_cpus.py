"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path


def usable_cpus(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Processors of the affinity mask, fewer where a control group's quota gives less; at least 1.

    A quota of 1.5 processors counts as 2. Control groups version 2 (``cpu.max``) and version 1 (``cpu.cfs_quota_us``)
    are read at every level from the process's own group up to the root; what cannot be read limits nothing.
    Source: cgroups(7), kernel documentation "Control Group v2" and "CFS Bandwidth Control".
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [quota for folder in _groups(cgroups, own) if (quota := _quota(folder)) is not None]
    return max(1, min([count, *(math.ceil(quota) for quota in limits)]))


def _groups(cgroups: Path, own: Path) -> list[Path]:
    """Folders of the process's groups that may limit its processors, with all their parents."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        lines = []
    found: list[Path] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        roots = [cgroups / controllers, cgroups / "cpu"] if controllers else [cgroups]
        parts = [part for part in name.split("/") if part not in ("", "..")]
        found += [root.joinpath(*parts[:depth]) for root in roots for depth in range(len(parts) + 1)]
    return list(dict.fromkeys([*found, cgroups]))


def _quota(folder: Path) -> float | None:
    """Processors that a group may use; none = no limit."""
    try:
        limit, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        try:
            limit = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None
    try:
        quota = int(limit) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return quota if quota > 0 else None
