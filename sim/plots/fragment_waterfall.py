"""From received to usable: each candidate beside the one it is compared with, a panel per class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.plots.fragment_common import Ask, Drawn
from sim.plots.panels import panels
from sim.plots.waterfalls import Fall, fall_legend, fall_panel

if TYPE_CHECKING:
    from sim.fragment.losses import Subject


def waterfalls(ask: Ask) -> Iterator[Drawn]:
    """A figure per candidate; classes without an opportunity in it are left out."""
    from sim.fragment.losses import supply_subjects

    words, against = ask.words, ask.found.study.against
    for name in ask.others:
        chosen = [one for one in supply_subjects(ask.found.observed[name]) if _fall(ask, name, one)]
        if not chosen:
            continue
        figure, every = panels(len(chosen), 2, panel_in=1.75, left_in=0.95, gap_in=(0.45, 0.95), foot_in=1.15,
                               head_in=1.75)
        for k, (axes, one) in enumerate(zip(every, chosen, strict=True)):
            falls = [fall for who in (name, against) if (fall := _fall(ask, who, one))]
            fall_panel(axes, one.name, falls, words, first=k % 2 == 0, last=k + 2 >= len(chosen),
                       names=(name, against))
        fall_legend(figure, words, [name, words["std_harmonised"].format(name=against)])
        title = words["std_waterfall_of"].format(candidate=name, against=against)
        yield Drawn(f"waterfall.{name}", figure, title, words["std_waterfall_note"], (name, against))


def _fall(ask: Ask, name: str, subject: Subject) -> Fall | None:
    """Means over seeds; none where no run tells of the class."""
    from sim.fragment.observe import mean_of
    from sim.fragment.stages import ended, waterfall

    seen, width = ask.found.observed[name], ask.found.width
    shares = ended(seen, subject, width=width)
    if not shares:
        return None
    left = {stage: mean_of(one).mean for stage, one in waterfall(shares, width=width).items()}
    prr = mean_of(seen.of("prr_class", subject.link, subject.class_, width=width)).mean
    return Fall(left, prr, {one.name.lower(): float(np.nanmean(share)) for one, share in shares.items()})
