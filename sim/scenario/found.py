"""What the cross-checks share: their findings and small helpers."""

from __future__ import annotations

import hashlib
import importlib
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


def repeated(path: KeyPath, values: Sequence[Hashable]) -> Iterator[Found]:
    """Plain values of the list at ``path`` that stand in it already."""
    for index, value in enumerate(values):
        if value in values[:index]:
            yield (*path, index), "stands in the list twice"


def not_a_class(name: str, protocol: type) -> str:
    """What keeps ``module:Class`` from being used as ``protocol``; empty if nothing does. Imports the module."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the module of somebody else raises
        return f"cannot be imported ({type(error).__name__}: {error})"
    if not isinstance(found, type):
        return f"is no class but {type(found).__name__}"
    wanted = [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]
    missing = [method for method in wanted if not callable(getattr(found, method, None))]
    return f"is no {protocol.__name__}: it lacks {', '.join(missing)}" if missing else ""


def twice(values: Iterable[str]) -> list[str]:
    """Words that occur more than once."""
    return [value for value, count in Counter(values).items() if count > 1]


def sha256_of(file: Path) -> str:
    """Hash of a file's content, 64 hex digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
