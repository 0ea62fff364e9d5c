"""Scenario files that come with the program, in an installed package as in a checkout."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import sim

SUFFIXES = (".yaml", ".yml")


def shipped_folder() -> Path:
    """The folder of shipped files: ``_scenarios`` inside the package, else ``scenarios`` beside it."""
    inside = Path(str(importlib.resources.files(sim))) / "_scenarios"
    return inside if inside.is_dir() else Path(sim.__file__).resolve().parent.parent / "scenarios"


def shipped_scenarios() -> dict[str, Path]:
    """Name -> file of every shipped scenario, examples included, sorted."""
    folder = shipped_folder()
    files = [*folder.glob("*.yaml"), *folder.glob("examples/*.yaml")]
    return {file.stem: file for file in sorted(files, key=lambda file: (file.parent != folder, file.name))}


def shipped_files(kind: str) -> dict[str, Path]:
    """Name -> file of every shipped file of one kind: ``layouts``, ``profiles`` or ``candidates``, sorted."""
    return {file.stem: file for file in sorted((shipped_folder() / kind).glob("*.yaml"))}
