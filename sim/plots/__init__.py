"""Figures of one finished run, made from its result folder alone; chosen by name from one table.

Matplotlib is imported only when a figure is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sim.plots.channel import busy_over_time
from sim.plots.corridor import corridor_map
from sim.plots.coverage import coverage_strip
from sim.plots.labels import labels
from sim.plots.latency import latency_by_stage, latency_distribution
from sim.plots.prr import prr_by_distance
from sim.plots.style import FORMATS, look, save
from sim.plots.usable import usable_by_distance, usable_waterfall
from sim.results import Result, read

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES: dict[str, Callable[[Result, dict[str, str]], Iterator[tuple[str, Figure]]]] = {
    "map": corridor_map,
    "coverage": coverage_strip,
    "prr": prr_by_distance,
    "latency_stages": latency_by_stage,
    "latency_cdf": latency_distribution,
    "cbr": busy_over_time,
    "usable": usable_by_distance,
    "usable_waterfall": usable_waterfall,
}

__all__ = ["FIGURES", "FORMATS", "draw"]


def draw(
    result: Result | str | Path,
    out: str | Path | None = None,
    formats: Iterable[str] = ("png",),
    names: Iterable[str] = tuple(FIGURES),
    language: str = "en",
) -> list[Path]:
    """Draw figures of a run into ``out`` (default: ``plots/`` in its folder); returns the files written.

    A figure without data is left out. A ValueError names an unknown figure, format or language, or a folder
    that is no finished run.
    """
    names, formats, words = tuple(names), tuple(formats), labels(language)
    for kind, chosen, known in (("figure", names, tuple(FIGURES)), ("figure format", formats, FORMATS)):
        unknown = [c for c in chosen if c not in known]
        if unknown:
            raise ValueError(f"{kind} {unknown[0]!r} is unknown; there are {', '.join(known)}")
    result = result if isinstance(result, Result) else read(result)
    folder = Path(out) if out is not None else result.folder / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with look():
        for name in names:
            for stem, figure in FIGURES[name](result, words):
                for suffix in formats:
                    written.append(folder / f"{stem}.{suffix}")
                    save(figure, written[-1])
    return written
