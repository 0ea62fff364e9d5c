"""What becomes of a neighbour's messages: decoded, verified, delayed, and how early they warn."""

from __future__ import annotations

import numpy as np

from sim.metrics.home_pairs import CROSS, SAME
from sim.requirements.evidence import Evidence, Key, Series
from sim.requirements.measures.base import Ask, Item, nothing

_NOBODY = "no message of another home's or place's stations was received"


def of_neighbours(evidence: Evidence, ask: Ask) -> list[Item]:
    """Share of what vehicles and units received of another jurisdiction's stations, by link and message."""
    items = []
    for link, message in _sent(evidence, ask):
        series = evidence.series((ask.metric, link, message, "", CROSS))
        items.append(_item(ask, f"{link} {message}", series.values, series.n, series.n))
    return items or [nothing(", ".join(ask.messages), _NOBODY)]


def latency_added(evidence: Evidence, ask: Ask) -> list[Item]:
    """Mean latency of a neighbour's messages less that of one's own, seed by seed, by link and message."""
    items = []
    for link, message in _sent(evidence, ask):
        own, other = (evidence.series((_METRIC[ask.metric], link, message, "", name)) for name in (SAME, CROSS))
        items.append(_item(ask, f"{link} {message}", other.values - own.values, _fewer(own, other)))
    return items or [nothing(", ".join(ask.messages), _NOBODY)]


def warning_distance_lost(evidence: Evidence, ask: Ask) -> list[Item]:
    """Part of the way between learning of an event and reaching it that vehicles of other homes lose against those of
    the event's own jurisdiction, seed by seed."""
    own, other = (evidence.series(_warning(name)) for name in (SAME, CROSS))
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = np.where(own.values > 0, 1 - other.values / own.values, np.nan)
    if not np.isfinite(lost).any():
        return [nothing("warnings of events", "no event was passed by vehicles of its jurisdiction and of another")]
    beside = {"own_m": float(np.nanmean(own.values)), "other_m": float(np.nanmean(other.values))}
    least = ask.defaults.min_packets
    n = _fewer(own, other)
    count = int(n[np.isfinite(lost)].sum())
    reason = "" if count >= least else f"{count} vehicles, fewer than {least}"
    return [Item(
        "warnings of events", lost, count, least_n=least, whole_corridor=bool(ask.jurisdiction), reason=reason,
        beside=beside,
    )]


_METRIC = {"latency_added": "pair_latency_mean"}
"""Metric of a check -> rows it is taken from, where the names differ."""


def _warning(station_class: str) -> Key:
    return "warning_m", "I2V", "", "", station_class


def _sent(evidence: Evidence, ask: Ask) -> list[tuple[str, str]]:
    """(link, message) of which stations of another jurisdiction were heard."""
    names = [name for wanted in ask.messages for name in evidence.messages(wanted)]
    metric = _METRIC.get(ask.metric, ask.metric)
    return [(link, name) for link in ask.links for name in names if evidence.has(metric, link, name, "", CROSS)]


def _fewer(one: Series, other: Series) -> np.ndarray:
    return np.minimum(one.n, other.n)


def _item(ask: Ask, what: str, values: np.ndarray, n: np.ndarray, trials: np.ndarray | None = None) -> Item:
    count, least = int(n.sum()), ask.defaults.min_packets
    reason = "" if count >= least else f"{count} messages, fewer than {least}"
    return Item(
        what, values, count, trials, least_n=least, whole_corridor=bool(ask.jurisdiction), reason=reason
    )
