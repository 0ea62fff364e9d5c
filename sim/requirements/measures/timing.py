"""Latency, age, update delay and gaps of what was applied."""

from __future__ import annotations

import math

import numpy as np

from sim.requirements.closed_forms import long_gap_ratio
from sim.requirements.evidence import Evidence, Key
from sim.requirements.measures.base import SHARES, Ask, Item, nothing, of_each_message, placed

_TRIGGERED = ("CAM", "ETSI-CPM")
"""Messages without a fixed period: the closed form of gaps does not speak of them."""
_PERIODS = 2.5


def delay(evidence: Evidence, ask: Ask) -> list[Item]:
    """A statistic of latency, age at application, update delay or age of information."""
    return of_each_message(evidence, ask, _delay)


def distribution(evidence: Evidence, key: Key, stat: str) -> tuple[np.ndarray, np.ndarray, float | None, str]:
    """(values per seed, n per seed, the figure of all seeds together or none for their mean, remark) of a statistic.

    A quantile is that of the merged histograms, a maximum the largest of all; only the spread is that of the seeds.
    """
    if stat in SHARES:
        series = evidence.series(key, quantile=SHARES[stat])
        if evidence.seeds == 1:
            return series.values, series.n, None, ""
        centre = evidence.merged_quantile(key, SHARES[stat])
        remark = "mean of the seeds' quantiles, no histograms there" if math.isnan(centre) else ""
        return series.values, series.n, None if math.isnan(centre) else centre, remark
    series = evidence.series((f"{key[0]}_{'max' if stat == 'p100' else 'mean'}", *key[1:]))
    most = float(np.nanmax(series.values)) if stat == "p100" and np.isfinite(series.values).any() else None
    n = series.n if series.n.any() else evidence.series(key, quantile=0.5).n
    return series.values, n, most, ""


def _delay(evidence: Evidence, ask: Ask, link: str, message: str) -> list[Item]:
    what = f"{link} {message}"
    key, whole = placed(evidence, ask, ask.metric, link, message)
    if not evidence.has(*key):
        return [nothing(what, "nothing was applied, or it is not measured on this link")]
    values, n, centre, note = distribution(evidence, key, ask.stat)
    count, least = int(n.sum()), ask.defaults.min_packets
    reason = "" if count >= least else f"{count} values, fewer than {least}"
    return [Item(
        what, values, count, centre=centre, least_n=least, whole_corridor=whole, reason=reason, note=note,
        beside=_beside(evidence, ask, link, message, key),
    )]


def _beside(evidence: Evidence, ask: Ask, link: str, message: str, key: Key) -> dict[str, float]:
    """The maximum, and the update delay, which counts what was lost."""
    largest = distribution(evidence, key, "p100")[2]
    found = {} if largest is None else {"p100_ms": largest}
    if ask.metric != "update_delay":
        other, _ = placed(evidence, ask, "update_delay", link, message)
        if evidence.has(*other):
            values, _, centre, _ = distribution(evidence, other, "p95")
            found["update_delay_p95_ms"] = float(np.nanmean(values)) if centre is None else centre
    return found


def long_gaps(evidence: Evidence, ask: Ask) -> list[Item]:
    """Share of gaps beyond 2.5 periods, with what independent losses would give beside."""
    return of_each_message(evidence, ask, _gaps)


def _gaps(evidence: Evidence, ask: Ask, link: str, message: str) -> list[Item]:
    what = f"{link} {message}"
    key, whole = placed(evidence, ask, "gap_over_2.5T", link, message)
    if not evidence.has(*key):
        return [nothing(what, "gaps are not measured on this link, or nothing was applied twice")]
    series = evidence.series(key)
    count, least = int(series.n.sum()), ask.defaults.min_packets
    reason = "" if count >= least else f"{count} gaps, fewer than {least}"
    ranges_m = evidence.distances(key)
    beside: dict[str, float] = {"within_m": ranges_m[0]} if ranges_m else {}
    predicted = _predicted(evidence, key, ranges_m[0]) if ranges_m and message not in _TRIGGERED else math.nan
    if not math.isnan(predicted):
        beside["predicted_ratio"] = predicted
    return [Item(
        what, series.values, count, series.n, least_n=least, whole_corridor=whole, reason=reason, beside=beside
    )]


def _predicted(evidence: Evidence, key: Key, range_m: float) -> float:
    """Share of long gaps if losses were independent, each bin by its own reception; NaN without reception.

    A gap begins with a reception, so bins weigh by their receptions.
    """
    weight = total = 0.0
    for at_m in evidence.distances(("prr", *key[1:])):
        if at_m < range_m:
            series = evidence.series(("prr", *key[1:]), at_m)
            n = float(series.n.sum())
            prr = float(np.nansum(series.values * series.n)) / n if n else 0.0
            weight += n * prr
            total += n * prr * long_gap_ratio(min(1.0, prr), _PERIODS)
    return total / weight if weight else math.nan
