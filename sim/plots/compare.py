"""Figures of a comparison of layouts, for meetings: cost, place, and how far the order can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.compare_cost import coverage_against_cost
from sim.plots.compare_slopes import ranking_slopes
from sim.plots.compare_strips import layout_strips
from sim.plots.labels import labels
from sim.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.layouts.compare import Answer

Drawing = Callable[["Answer", str, dict[str, str]], "Figure | None"]
COMPARISONS: dict[str, Drawing] = {
    "coverage-against-cost": coverage_against_cost,
    "coverage-by-layout": layout_strips,
    "ranking-by-propagation": ranking_slopes,
}
"""Stem of the file -> figure of one candidate; none where there is nothing to show."""


def draw_comparison(answer: Answer, folder: Path, languages: Iterable[str] = ("en",)) -> list[Path]:
    """Draw every figure of a comparison as PNG into ``folder``; returns the files.

    Names end in the language where it is not English, and tell the candidate where there are several.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return list(_drawn(answer, folder, tuple(languages)))


def _drawn(answer: Answer, folder: Path, languages: tuple[str, ...]) -> Iterator[Path]:
    with style.look():
        for language in languages:
            words = labels(language)
            for candidate in answer.candidates:
                for stem, drawing in COMPARISONS.items():
                    figure = drawing(answer, candidate, words)
                    if figure is None:
                        continue
                    parts = [stem, *([candidate] if len(answer.candidates) > 1 else [])]
                    parts += [language] if language != "en" else []
                    path = folder / f"{'.'.join(parts)}.png"
                    style.finish(figure, _described(answer, candidate, words), words[f"compare_{stem}"], words,
                                 _note(answer, stem, candidate, words))
                    style.save(figure, path)
                    yield path


def _described(answer: Answer, candidate: str, words: dict[str, str]) -> Result:
    """A run of the comparison, for the captions: its settings are those of all but for what is compared."""
    one = answer.of(answer.layouts[0], answer.models[0], candidate)
    result = answer.campaign.results(one.variant)[0][1]
    counts = sorted({len(each.seeds) for each in answer.observed})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    subject = ", ".join(part for part in (answer.question.scenario, candidate) if part)
    title = f"{subject}; {words['compare_seeds'].format(count=seeds)}"
    return Result(result.folder, {**result.summary, "title": title, "seed": None, "illustrative": ["compared layouts"]})


def _note(answer: Answer, stem: str, candidate: str, words: dict[str, str]) -> str:
    """What the reader must know of one figure."""
    deciding = " / ".join(answer.classes)
    several = "compare_deciding" if len(answer.classes) > 1 else "compare_deciding_one"
    parts = [words[several].format(classes=deciding), words["compare_interval_note"]]
    if stem == "coverage-against-cost":
        site = answer.sites[answer.layouts[0], candidate]
        parts.append(words["compare_cost_note"].format(years=f"{site.cost.lifetime_years:g}"))
    if stem == "ranking-by-propagation":
        parts.append(words["compare_models"])
    else:
        parts.append(words["compare_model"].format(model=answer.models[0]))
    if len(answer.models) > 1 and len(answer.layouts) > 1:
        turned = answer.flips(candidate)
        told = "; ".join(dict.fromkeys(f"{flip.model}: {flip.first} > {flip.second}" for flip in turned))
        untold = words["compare_no_flip"].format(models=", ".join(answer.models))
        parts.append(words["compare_flips"].format(flips=told) if turned else untold)
    return "; ".join(parts)
