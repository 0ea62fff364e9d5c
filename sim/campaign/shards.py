"""One campaign in several parts, each done by a process of its own that knows nothing of the others (Slurm arrays).

A part is a block of consecutive runs of the plan. Runs lie in the order of replications, so a block holds whole
replications wherever it is long enough and the traffic of a seed is recorded by one part, by two at the edge of a
block. Parts differ by one run at most. (Every N-th run would be as even, but every part would record every traffic.)
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from sim.campaign.plan import Plan, PlannedRun

Shard = tuple[int, int]
"""Index from 0, and how many there are; ``(0, 1)`` is the whole campaign."""
WHOLE: Shard = (0, 1)
MAX_SHARDS = 100_000
_ARRAY = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP")


def chosen_shard(text: str | None = None, environ: Mapping[str, str] | None = None) -> Shard:
    """The shard asked for as ``I/N``, else the one of the Slurm array task this is, else the whole campaign.

    ValueError for text that is none, or for an array that cannot be numbered.
    """
    if text is not None:
        return parse_shard(text)
    return shard_of_array(os.environ if environ is None else environ) or WHOLE


def parse_shard(text: str) -> Shard:
    """``I/N``, I from 0 to N - 1; a ValueError of one line otherwise."""
    index, slash, count = text.strip().partition("/")
    shard = _number(index), _number(count)
    if not slash or None in shard:
        raise ValueError(f"--shard {text!r}: must be I/N, two whole numbers, e.g. 0/4")
    return _checked(f"--shard {text!r}", *(number or 0 for number in shard))


def shard_of_array(environ: Mapping[str, str]) -> Shard | None:
    """The shard that a Slurm array task does; none outside an array.

    The array may begin at any number and have a step (``--array=1-8``, ``--array=0-14:2``); one with gaps
    (``--array=1,5,9``) is a ValueError, since its tasks do not know which of the others exist. Any contiguous array
    does the whole campaign, so that one of fewer tasks may do what an earlier one left.
    """
    if not environ.get(_ARRAY[0]):
        return None
    values = {name: _number(environ.get(name, "")) for name in _ARRAY}
    task_id, count, first, step = (values[name] for name in _ARRAY)
    for name in _ARRAY[:2]:
        if values[name] is None:
            raise ValueError(f"{name}={environ.get(name, '')!r}: must be a whole number; or give --shard I/N")
    assert task_id is not None and count is not None
    index, rest = divmod(task_id - (first or 0), step or 1)
    if rest or not 0 <= index < count:
        rule = f"is no member of {count} tasks from {first or 0} in steps of {step or 1}: give --shard I/N"
        raise ValueError(f"SLURM_ARRAY_TASK_ID={task_id}: {rule}")
    return _checked(f"SLURM_ARRAY_TASK_ID={task_id}", index, count)


def runs_of_shard(plan: Plan, runs: Sequence[PlannedRun], shard: Shard) -> list[PlannedRun]:
    """Those of ``runs`` (of ``plan``, in its order) that belong to a shard: every run to exactly one."""
    first, end = shard_bounds(len(runs), shard)
    return list(runs[first:end])


def shard_bounds(count: int, shard: Shard) -> tuple[int, int]:
    """First and one past the last of the items of a shard, of ``count`` in all."""
    index, shards = shard
    return index * count // shards, (index + 1) * count // shards


def _checked(what: str, index: int, count: int) -> Shard:
    if not 1 <= count <= MAX_SHARDS:
        raise ValueError(f"{what}: N must be from 1 to {MAX_SHARDS}")
    if not 0 <= index < count:
        raise ValueError(f"{what}: I must be from 0 to N - 1 = {count - 1}")
    return index, count


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
