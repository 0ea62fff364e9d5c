"""Imports point one way: the bench knows the roadside unit, never the other way round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"numpy", "matplotlib", "pydantic", "yaml", "rich", "simpy", "asn1tools"}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    """Full names of modules a file imports anywhere, relative ones resolved."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def at_top(file: Path) -> set[str]:
    """Top-level packages a file imports as soon as it is imported itself."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("file", files("rsu"), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_roadside_unit_never_imports_the_bench(file: Path) -> None:
    """Property: no import of ``sim`` anywhere below ``rsu``."""
    assert not [name for name in imported(file) if name.partition(".")[0] == "sim"]


@pytest.mark.parametrize("file", files("sim/plots"), ids=lambda file: str(file.relative_to(ROOT)))
def test_figures_read_result_folders_only(file: Path) -> None:
    """Property: no figure imports the run, the engine, the world, the traffic or a radio."""
    forbidden = ("sim.simulation", "sim.engine", "sim.world", "sim.traffic", "sim.access", "sim.scenario")
    names = set(imported(file))
    assert not [name for name in names if name.startswith(forbidden)]


@pytest.mark.parametrize("file", files("sim/cli"), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_command_line_imports_nothing_heavy_at_its_top(file: Path) -> None:
    """Property: heavy packages are imported where they are used."""
    assert not at_top(file) & HEAVY


def test_the_walk_sees_imports() -> None:
    """By hand: the helper finds absolute, relative and late imports."""
    names = set(imported(ROOT / "sim" / "cli" / "run.py"))
    assert {"sim.cli.options", "sim.simulation", "sim.simulation.run", "argparse"} <= names
    assert len(files("rsu")) > 10
