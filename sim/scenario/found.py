"""What the cross-checks share: their findings and small helpers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path

from rsu.document import KeyPath

Found = tuple[KeyPath, str]
"""Path of the key at fault and the rule it breaks."""


def unique(path: KeyPath, key: str, values: Sequence[Hashable]) -> Iterator[Found]:
    """Items of the list at ``path`` whose ``key`` repeats an earlier one's."""
    seen: set[Hashable] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*path, index, key), "is used twice"
        seen.add(value)


def twice(values: Iterable[str]) -> list[str]:
    """Words that occur more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def sha256_of(file: Path) -> str:
    """Hash of a file's content, 64 hex digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
