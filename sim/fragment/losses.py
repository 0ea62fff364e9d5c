"""What a candidate is judged by: x per class (UIR of vehicles' messages, useful coverage of roadside units), and 1 - x.

Definitions section 7: a message that is never sent is no opportunity, so roadside classes are measured on the demand
side, by ``C_useful`` over zones that no candidate moves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from sim.fragment.observe import Observed
from sim.metrics.base import CLASSES

UIR, USEFUL = "UIR", "C_useful"


class Subject(NamedTuple):
    """One class that is judged."""

    link: str
    class_: str
    measure: str = UIR
    """What x is."""

    @property
    def name(self) -> str:
        """``V2V BSM``, ``I2V SPAT+MAP``."""
        return f"{self.link} {self.class_}".strip()


OVERALL = Subject("", "overall", "")
"""Weighted mean over the classes."""
DEFAULT_WEIGHTS: dict[str, float] = {"V2V": 1.0, "I2V": 1.0, "V2I": 0.0}
"""Weight of the classes of a link where nobody gave one: what vehicles tell units is shown, but serves no driver."""


def weight_of(subject: Subject, weights: Mapping[str, float] | None = None) -> float:
    """Weight of a class in the overall loss."""
    return (weights or {}).get(subject.name, DEFAULT_WEIGHTS.get(subject.link, 1.0))


def subjects(observed: Observed) -> list[Subject]:
    """Classes of a candidate that have a figure: of vehicles, then of roadside units."""
    links = {(key.link, key.message) for key in observed.having("uir_class")}
    found = [Subject(link, class_) for link in ("V2V", "V2I") for to, class_ in sorted(links) if to == link]
    covered = {key.message for key in observed.having("C_useful")}
    return found + [Subject("I2V", class_, USEFUL) for class_ in CLASSES if class_ in covered]


def supply_subjects(observed: Observed) -> list[Subject]:
    """All (link, class) with opportunities, by UIR: what the waterfall is drawn for."""
    links = dict.fromkeys((key.link, key.message) for key in observed.having("uir_class"))
    return [Subject(*one) for one in links]


def value_of(observed: Observed, subject: Subject, pair: str = "", *, width: int) -> np.ndarray:
    """x per replication, of all or of one pair ``sender>receiver``; NaN where a run has none."""
    if subject.measure == UIR:
        metric = "uir_pair" if pair else "uir_class"
        return observed.of(metric, subject.link, subject.class_, station_class=pair, width=width)
    place, _, home = pair.partition(">")
    station = f"home {home}" if pair else "probe"
    return observed.of("C_useful", "I2V", subject.class_, place, station, width=width)


def pairs_of(observed: Observed, subject: Subject) -> list[str]:
    """Pairs ``sender>receiver`` that have a figure, in the order of the files."""
    if subject.measure == UIR:
        found = (key.station_class for key in observed.having("uir_pair")
                 if (key.link, key.message) == (subject.link, subject.class_))
    else:
        found = (f"{key.jurisdiction}>{key.station_class.removeprefix('home ')}" for key in observed.having("C_useful")
                 if key.message == subject.class_ and key.jurisdiction and key.station_class.startswith("home "))
    return list(dict.fromkeys(found))


def judged(harmonised: Observed, *, width: int) -> list[Subject]:
    """Classes whose x is above 0 in the harmonised case under some seed: for the others FI is not defined."""
    return [one for one in subjects(harmonised) if np.nanmax(_finite(value_of(harmonised, one, width=width))) > 0]


def overall(
    observed: Observed, classes: Iterable[Subject], weights: Mapping[str, float] | None = None, *, width: int
) -> np.ndarray:
    """Weighted mean of x over classes, per replication (:func:`weight_of`). NaN where a class with weight has no x.

    ValueError where all weights are 0.
    """
    known = {one: weight_of(one, weights) for one in classes}
    weight = math.fsum(known.values())
    if known and not weight > 0:
        raise ValueError(f"weights: all classes have weight 0; there are {', '.join(one.name for one in known)}")
    total = np.zeros(width) if known else np.full(width, math.nan)
    for one, share in known.items():
        if share:
            total = total + share * value_of(observed, one, width=width)
    return total / (weight or 1.0)


def wrong(observed: Observed, class_: str = "", cause: str = "", *, width: int) -> np.ndarray:
    """Wrong applications per equipped vehicle-hour, per replication; 0 where a finished run tells of none."""
    values = np.full(width, math.nan)
    values[observed.replications] = 0.0
    for key in observed.having("war"):
        if key.message == class_ and key.station_class == cause:
            told = observed.values[key]
            values[np.isfinite(told)] = told[np.isfinite(told)]
    return values


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, -1.0) if len(values) else np.array([-1.0])
