"""Figures of a study for working meetings, chosen by name from one table; drawn from what the study found alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sim.plots.fragment_blackout import blackouts
from sim.plots.fragment_common import Ask, Drawn, finished
from sim.plots.fragment_decisions import decision_matrix
from sim.plots.fragment_index import index_by_class
from sim.plots.fragment_matrices import matrices
from sim.plots.fragment_priority import priority, priority_by_class
from sim.plots.fragment_sheet import sheets
from sim.plots.fragment_strips import strips
from sim.plots.fragment_waterfall import waterfalls

if TYPE_CHECKING:
    from sim.fragment.answer import Findings
    from sim.results import Result

FIGURES: dict[str, Callable[[Ask], Iterator[Drawn]]] = {
    "fragmentation-index": index_by_class,
    "matrices": matrices,
    "waterfalls": waterfalls,
    "strips": strips,
    "priority": priority,
    "priority-by-class": priority_by_class,
    "blackouts": blackouts,
    "sheets": sheets,
    "decisions": decision_matrix,
}
"""Name -> what draws it; nothing where there is nothing to show."""


def draw(
    found: Findings, folder: Path, languages: Iterable[str] = ("en",), say: Callable[[str], None] | None = None,
    names: Iterable[str] = tuple(FIGURES),
) -> list[Path]:
    """Draw figures of a study as PNG into ``folder``; returns the files. Names end in the language unless English.

    One that cannot be drawn is told to ``say`` and left out: tables are there whatever becomes of figures. ValueError:
    unknown language or figure.
    """
    from sim.plots import style
    from sim.plots.labels import labels

    runs: dict[str, Result] = {}
    asks = [Ask(found, labels(language), language, runs) for language in languages]
    chosen = tuple(names)
    unknown = [name for name in chosen if name not in FIGURES]
    if unknown:
        raise ValueError(f"figure {unknown[0]!r} is unknown; there are {', '.join(FIGURES)}")
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with style.look():
        for ask in asks:
            for name in chosen:
                try:
                    for drawn in FIGURES[name](ask):
                        end = "" if ask.language == "en" else f".{ask.language}"
                        path = folder / f"{drawn.stem}{end}.png"
                        style.save(finished(ask, drawn), path)
                        written.append(path)
                except Exception as error:  # whatever a figure stumbles over must not cost the study
                    if say is not None:
                        say(f"figure {name} ({ask.language}) could not be drawn: {type(error).__name__}: {error}")
    return written
