"""The layout itself, from the geometry a run writes down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.requirements.evidence import Evidence
from sim.requirements.measures.base import Ask, Item, nothing
from sim.results import Result

AT_NODE_M = 50.0
"""A unit this close along the road stands at the node."""


def spacing(evidence: Evidence, ask: Ask) -> list[Item]:
    """Smallest, largest or mean road distance between neighbouring units; sides of the road are not told apart."""
    return _of_layout(evidence, "neighbouring units", "fewer than two units", lambda one: _spacing(one, ask))


def mast_height(evidence: Evidence, ask: Ask) -> list[Item]:
    """Smallest, largest or mean antenna height of the layout."""
    return _of_layout(evidence, "masts", "the layout names no height", lambda one: _height(one, ask))


def node_units(evidence: Evidence, ask: Ask) -> list[Item]:
    """Share of signalised nodes with a unit within 50 m along the road."""
    return _of_layout(evidence, "signalised nodes", "no signalised node", lambda one: _nodes(one, ask))


def _of_layout(evidence: Evidence, what: str, lacking: str, figure: Callable[[Result], float]) -> list[Item]:
    values = np.array([figure(result) for result in evidence.results], float)
    if np.isnan(values).all():
        return [nothing(what, lacking)]
    return [Item(what, values, int(np.isfinite(values).sum()), note="a property of the layout: no chance in it")]


def _statistic(values: np.ndarray, stat: str) -> float:
    if not len(values):
        return math.nan
    if stat == "mean":
        return float(values.mean())
    return float(values.min() if stat == "min" else values.max())


def _inside(chainage_m: np.ndarray, result: Result, jurisdiction: str) -> np.ndarray:
    if not jurisdiction:
        return np.ones(len(chainage_m), bool)
    listed: list[dict[str, Any]] = result.corridor.get("jurisdictions", [])
    spans = [span for one in listed if one["id"] == jurisdiction for span in one["spans"]]
    inside = np.zeros(len(chainage_m), bool)
    for from_m, to_m in spans:
        inside |= (chainage_m >= from_m) & (chainage_m <= to_m)
    return inside


def _spacing(result: Result, ask: Ask) -> float:
    at_m = np.unique([float(unit["chainage_m"]) for unit in result.corridor.get("rsus", [])])
    inside = _inside(at_m, result, ask.jurisdiction)
    return _statistic(np.diff(at_m)[inside[:-1] & inside[1:]] if len(at_m) else at_m, ask.stat)


def _height(result: Result, ask: Ask) -> float:
    layout = result.scenario.get("layout") or {}
    common = layout.get("mast_height_m")
    own = [site.get("mast_height_m") or common for site in layout.get("sites") or []]
    heights = [*own, *([common] if layout.get("rules") else [])]
    return _statistic(np.array([float(one) for one in heights if one is not None]), ask.stat)


def _nodes(result: Result, ask: Ask) -> float:
    nodes_m = np.array([float(node["chainage_m"]) for node in result.corridor.get("nodes", [])])
    nodes_m = nodes_m[_inside(nodes_m, result, ask.jurisdiction)]
    units_m = np.array([float(unit["chainage_m"]) for unit in result.corridor.get("rsus", [])])
    if not len(nodes_m):
        return math.nan
    if not len(units_m):
        return 0.0
    return float(np.mean(np.abs(nodes_m[:, None] - units_m).min(1) <= AT_NODE_M))
