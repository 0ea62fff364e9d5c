"""Figures of a study, where the module that draws them is there."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.fragment.answer import Findings

DRAWERS: dict[str, str] = {"study": "sim.fragment.figures"}
"""Name -> module with ``draw(findings, folder, languages, say) -> paths``; one that is not there draws nothing."""


def draw_study(found: Findings, folder: Path, languages: Sequence[str], say: Callable[[str], None]) -> list[Path]:
    """Draw with every drawer there is; returns the files. ``say`` hears of missing fonts and of figures that failed."""
    paths: list[Path] = []
    for module in DRAWERS.values():
        if importlib.util.find_spec(module) is None:
            continue
        from sim.plots.style import font_remark

        if line := font_remark(*languages):
            say(line)
        paths += importlib.import_module(module).draw(found, folder, languages, say)
    return paths
