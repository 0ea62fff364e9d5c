"""Who can use whose messages: places of senders by homes of receivers, a panel per class."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.plots import style
from sim.plots.fragment_common import Ask, Drawn
from sim.plots.panels import panels, shortened
from sim.plots.waterfalls import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.fragment.losses import Subject

_FULL = (0.0, 0.447, 0.698)
"""Colour of a share of 1; one of 0 is white."""
_ROW_IN = 0.72


def matrices(ask: Ask) -> Iterator[Drawn]:
    """A figure per candidate: UIR and what most were lost by; another one with useful coverage of roadside classes."""
    from sim.fragment.losses import USEFUL, pairs_of, subjects, supply_subjects

    words = ask.words
    for name in ask.shown:
        seen = ask.found.observed[name]
        for stem, note, chosen in (
            ("matrix", "std_matrix_note", supply_subjects(seen)),
            ("matrix-coverage", "std_matrix_coverage_note", [one for one in subjects(seen) if one.measure == USEFUL]),
        ):
            of = {one: pairs for one in chosen if (pairs := ask.found.pairs(pairs_of(seen, one)))}
            if not of:
                continue
            most = max(len(_labels(ask, pairs, 0)) for pairs in of.values())
            figure, every = panels(len(of), 3, panel_in=_ROW_IN * most, left_in=0.95, gap_in=(0.8, 1.15), head_in=1.62,
                                   foot_in=1.0)
            for axes, (one, pairs) in zip(every, of.items(), strict=True):
                _panel(axes, ask, name, one, pairs)
            yield Drawn(f"{stem}.{name}", figure, words[f"std_{stem}"].format(candidate=name), words[note], (name,))


def _labels(ask: Ask, pairs: list[str], end: int) -> list[str]:
    """Senders (0) or receivers (1): every jurisdiction, then whoever else there is."""
    found = {pair.split(">")[end] for pair in pairs}
    return [*ask.found.jurisdictions, *sorted(found - {*ask.found.jurisdictions})]


def _panel(axes: Axes, ask: Ask, name: str, subject: Subject, pairs: list[str]) -> None:
    from sim.fragment.losses import UIR, value_of
    from sim.fragment.observe import mean_of
    from sim.fragment.stages import dominant

    width, seen = ask.found.width, ask.found.observed[name]
    rows, columns = _labels(ask, pairs, 0), _labels(ask, pairs, 1)
    for y, sender in enumerate(rows):
        for x, receiver in enumerate(columns):
            pair = f"{sender}>{receiver}"
            value = mean_of(value_of(seen, subject, pair, width=width)).mean if pair in pairs else math.nan
            cause, share = dominant(seen, subject, pair, width=width) if subject.measure == UIR else ("", math.nan)
            _cell(axes, x, y, value, _reason(ask, cause, share, value), ask.words["std_no_data"])
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [shortened(one, 10) for one in columns])
    axes.set_yticks(range(len(rows)), [shortened(one, 8) for one in rows])
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, pad=2)
    for side in axes.spines.values():
        side.set_visible(False)
    words = ask.words
    unit = "std_sender_unit" if subject.measure == UIR else "std_sender_zone"
    axes.set_ylabel(words[unit if subject.link.startswith("I") else "std_sender"], fontsize=10, labelpad=1)
    to = words["std_receiver_unit" if subject.link.endswith("I") else "std_receiver"]
    measure = "UIR" if subject.measure == UIR else words["compare_useful"]
    axes.set_title(f"{subject.name}: {measure}", loc="left", fontsize=12.5, fontweight="bold", pad=33)
    above = 1.0 + 0.245 / (_ROW_IN * len(rows))
    axes.text(0.5, above, to, transform=axes.transAxes, ha="center", va="bottom", fontsize=10)


def _reason(ask: Ask, cause: str, share: float, value: float) -> str:
    """What most were lost by, and its share of all."""
    if not cause:
        return ""
    return f"{ask.words[f'end_{cause}']}\n{percent(share)}" if value < 0.995 else ""


def _cell(axes: Axes, x: int, y: int, value: float, reason: str, no_data: str) -> None:
    from matplotlib.patches import Rectangle

    known = not math.isnan(value)
    share = min(1.0, max(0.0, value)) if known else 0.0
    face = tuple(1 - share * (1 - one) for one in _FULL)
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face if known else "white", edgecolor=style.INK,
                             linewidth=0.7, hatch="" if known else "...", clip_on=False))
    ink = "white" if share > 0.6 else style.INK
    if not known:
        axes.text(x, y, no_data, ha="center", va="center", fontsize=9, color="#555555",
                  bbox={"fc": "white", "ec": "none", "pad": 1.5})
        return
    axes.text(x, y - 0.16 if reason else y, percent(value), ha="center", va="center", fontsize=12.5,
              fontweight="bold", color=ink)
    if reason:
        axes.text(x, y + 0.25, reason, ha="center", va="center", fontsize=8, color=ink, linespacing=1.05)
