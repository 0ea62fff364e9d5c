"""What the figures of a study of candidates have in common: what one is, its captions, its words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sim.campaign.statistics import Interval
from sim.plots import style
from sim.plots.panels import shortened
from sim.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.fragment.answer import Findings


class Drawn(NamedTuple):
    """One figure, without its captions."""

    stem: str
    """Of the file, without language."""
    figure: Figure
    title: str
    note: str
    """What the reader must know."""
    candidates: tuple[str, ...]
    """Those it shows, the one it is about first."""


@dataclass(frozen=True)
class Ask:
    """What is to be drawn, and in which words."""

    found: Findings
    words: dict[str, str]
    language: str
    runs: dict[str, Result] = field(default_factory=dict)
    """First run of each candidate, once it was asked for."""

    @property
    def others(self) -> list[str]:
        """Candidates with finished runs that are compared with the first one."""
        return [name for name in self.shown if name != self.found.study.against]

    @property
    def shown(self) -> list[str]:
        """Candidates with finished runs."""
        return [name for name in self.found.candidates if self.found.observed[name].replications]

    def run_of(self, name: str) -> Result:
        """The first finished run of a candidate: its geometry and settings are those of every seed."""
        if name not in self.runs:
            self.runs[name] = self.found.campaign.results(self.found.study.variant(name).index)[0][1]
        return self.runs[name]

    def title_of(self, name: str) -> str:
        """Title of a candidate in this language."""
        candidate = self.found.candidates[name]
        return (candidate.title_zh if self.language == "zh" else "") or candidate.title

    def hazard(self, name: str) -> str:
        """Title of a hazard in this language."""
        from sim.fragment.words import title

        return title(name, self.language)


def finished(ask: Ask, drawn: Drawn) -> Figure:
    """The figure with its captions; *illustrative* where a candidate shown, or the scenario, rests on assumptions."""
    return style.finish(drawn.figure, described(ask, drawn.candidates), drawn.title, ask.words, drawn.note)


def described(ask: Ask, candidates: Sequence[str]) -> Result:
    """A run of the candidate a figure is about, with the words of the study: its settings are those of all seeds."""
    from sim.fragment.traceability import illustrative_scenario

    found, words = ask.found, ask.words
    counts = sorted({len(found.observed[name].replications) for name in candidates})
    count = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"
    seeds = words["std_seeds_one"] if count == "1" else words["std_seeds"].format(count=count)
    about = [name for name in candidates if name != found.study.against]
    who = f"{about[0]}: {ask.title_of(about[0])}" if len(about) == 1 else ""
    title = "; ".join(part for part in (found.study.scenario, shortened(who, 84), seeds) if part)
    marked = [line for name in candidates for line in found.illustrative(name)] + illustrative_scenario(found)
    first = ask.run_of(candidates[0])
    told = Result(first.folder, {**first.summary, "title": title, "seed": None, "illustrative": marked})
    # Reading the scenario again would cost more than any figure's own data.
    vars(told)["scenario"] = first.scenario
    return told


def error(value: Interval, low: float = -math.inf, high: float = math.inf) -> tuple[list[list[float]], bool] | None:
    """(lengths of an error bar below and above, whether it reaches beyond the limits); none without an interval."""
    if math.isnan(value.lower) or math.isnan(value.mean):
        return None
    beyond = value.lower < low or value.upper > high
    return [[max(0.0, value.mean - value.lower)], [max(0.0, value.upper - value.mean)]], beyond


def row_axis(axes: Axes, count: int) -> None:
    """A vertical axis of ``count`` rows from the top, without ticks or line, with thin lines between the rows."""
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for row in range(count + 1):
        axes.axhline(row - 0.5, color=style.PALE, linewidth=0.6, zorder=0)
