"""What stations do by themselves: how often they send, and how well they know where they are."""

from __future__ import annotations

from dataclasses import replace

from sim.requirements.evidence import Evidence
from sim.requirements.measures.base import Ask, Item, nothing, of_each_message
from sim.requirements.measures.timing import distribution

_SENDER = {"V": "vehicle", "I": "rsu", "P": "pedestrian"}


def generation_rate(evidence: Evidence, ask: Ask) -> list[Item]:
    """Messages per sender and second; a limit counts as reached ``rate_slack_ratio`` below it."""
    slack = 1 - ask.defaults.rate_slack_ratio if ask.op in (">=", ">") else 1 + ask.defaults.rate_slack_ratio
    limited = [replace(item, limit=ask.limit * slack) for item in of_each_message(evidence, ask, _rate)]
    return list({item.what: item for item in limited}.values())


def _rate(evidence: Evidence, ask: Ask, link: str, message: str) -> list[Item]:
    sender = _SENDER[link[0]]
    what = f"{message} of one {sender}"
    key = ("generation_rate", "", message, ask.jurisdiction, sender)
    whole = bool(ask.jurisdiction) and not evidence.told_by_place(key)
    if whole:
        key = ("generation_rate", "", message, "", sender)
    series = evidence.series(key)
    if not evidence.has(*key):
        return [nothing(what, "its rate is not among the results")]
    return [Item(what, series.values, int(series.n.sum()), whole_corridor=whole)]


def position_error(evidence: Evidence, ask: Ask) -> list[Item]:
    """Error of the position that vehicles tell; without an error model there are no rows, which is no data."""
    key = ("position_error", "", "", ask.jurisdiction, "vehicle")
    whole = bool(ask.jurisdiction) and not evidence.told_by_place(key)
    if whole:
        key = ("position_error", "", "", "", "vehicle")
    if not evidence.has(*key):
        exact = any((result.scenario.get("gnss") or {}).get("model") == "exact" for result in evidence.results)
        reason = "positions are exact in this scenario (gnss: exact)" if exact else "its error is not among the results"
        return [nothing("vehicles", reason)]
    values, n, centre, note = distribution(evidence, key, ask.stat)
    count, least = int(n.sum()), ask.defaults.min_packets
    reason = "" if count >= least else f"{count} samples, fewer than {least}"
    return [Item(
        "vehicles", values, count, centre=centre, least_n=least, whole_corridor=whole, reason=reason, note=note
    )]
