"""One unit out of service: what coverage loses, from the intact runs or from runs without the unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.campaign.statistics import Interval, mean_interval
from sim.layouts.compare.observe import Observed

MEASURES = ("C_raw", "C_useful")
MEAN, WORST = "mean of units", "worst unit"


@dataclass(frozen=True)
class Failure:
    """Loss of coverage of one class with one unit down, or over all units of a layout."""

    class_: str
    measure: str
    case: str
    """A unit's id, :data:`MEAN` or :data:`WORST`."""
    unit: str
    """The unit; empty for the mean."""
    operator: str
    intact: Interval
    estimate: Interval
    """What the unit alone covers in the intact runs; share of zone time."""
    simulated: Interval | None = None
    """Coverage of the intact runs minus that of runs without the unit, over the zones of the intact runs."""


def failures(
    intact: Observed, simulated: Mapping[str, Observed] | None = None, classes: Sequence[str] | None = None
) -> list[Failure]:
    """Mean, worst, then every unit, by class and measure; ``simulated`` holds the runs without each unit, where done.

    The worst unit is the one with the largest mean estimate (with the largest mean simulated loss, where all units
    were simulated); its interval is that of this unit over seeds, so it does not know that it was chosen.
    """
    units = list(intact.operators)
    simulated = simulated or {}
    found = []
    for class_ in classes if classes is not None else intact.classes():
        for row, measure in enumerate(MEASURES):
            whole = mean_interval(intact.share(measure, class_))
            losses = {unit: intact.lost[class_, unit][row] for unit in units if (class_, unit) in intact.lost}
            if not losses:
                continue
            real = {
                unit: simulated_loss(intact, simulated[unit], class_, measure) for unit in losses if unit in simulated
            }
            complete = len(real) == len(losses)
            worst = worst_of(real if complete else losses)
            average = _mean_over_units(losses), _mean_over_units(real) if complete else None
            found.append(Failure(class_, measure, MEAN, "", "", whole, *average))
            for case, unit in ((WORST, worst), *((unit, unit) for unit in losses)):
                known = mean_interval(real[unit]) if unit in real else None
                found.append(Failure(
                    class_, measure, case, unit, intact.operators[unit], whole, mean_interval(losses[unit]), known
                ))
    return found


def worst_of(losses: Mapping[str, np.ndarray]) -> str:
    """The unit whose mean loss over seeds is largest; of equal ones the first."""
    return max(losses, key=lambda unit: float(np.nanmean(losses[unit])) if np.isfinite(losses[unit]).any() else -1.0)


def worst_for(intact: Observed, classes: Sequence[str]) -> str | None:
    """The unit without which the lowest C_useful of ``classes`` is lowest by the estimate; none without units."""
    best: tuple[float, str] | None = None
    for unit in intact.operators:
        left = min(
            (_mean(intact.share("C_useful", one) - intact.lost[one, unit][1]) for one in classes
             if (one, unit) in intact.lost),
            default=math.nan,
        )
        if not math.isnan(left) and (best is None or left < best[0]):
            best = left, unit
    return best[1] if best else None


def simulated_loss(intact: Observed, without: Observed, class_: str, measure: str) -> np.ndarray:
    """Loss per replication of ``intact``: covered zone time of the intact run minus that without the unit.

    Both over the zone of the intact run: the field of a sensor that is down is still wanted. NaN for a replication
    that ``without`` does not have.
    """
    row = 1 + MEASURES.index(measure)
    column = {seed: k for k, seed in enumerate(without.seeds)}
    lost = np.full(len(intact.seeds), math.nan)
    for k, seed in enumerate(intact.seeds):
        if seed in column:
            zone_s, covered_s = _covered(intact, class_, row, k)
            left_s = _covered(without, class_, row, column[seed])[1]
            lost[k] = (covered_s - left_s) / zone_s if zone_s > 0 else math.nan
    return lost


def _covered(observed: Observed, class_: str, row: int, column: int) -> tuple[float, float]:
    """(zone seconds, of them covered) of one run."""
    cells = [values[:, column] for cell, values in observed.cells.items() if cell.class_ == class_]
    known = np.array([one for one in cells if not math.isnan(one[0])]).reshape(-1, 3)
    return float(known[:, 0].sum()), float((known[:, 0] * known[:, row]).sum())


def _mean_over_units(losses: Mapping[str, np.ndarray]) -> Interval:
    return mean_interval(np.mean(list(losses.values()), axis=0))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
