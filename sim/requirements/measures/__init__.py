"""Everything a check can be about: one row per metric."""

from __future__ import annotations

from sim.requirements.measures.base import Ask, Item, Measure
from sim.requirements.measures.borders import latency_added, of_neighbours, warning_distance_lost
from sim.requirements.measures.coverage import PAIR_RANGES_M, border_hole, covered_cells, pair_coverage
from sim.requirements.measures.reception import reception
from sim.requirements.measures.sites import mast_height, node_units, spacing
from sim.requirements.measures.stations import generation_rate, position_error
from sim.requirements.measures.timing import delay, long_gaps

_DELAYS = ("p99", "p50", "p95", "p100", "mean")
_LAYOUT = ("min", "p100", "mean")

MEASURES: dict[str, Measure] = {
    "prr": Measure(
        "reception in the bin that contains the range and in each nearer one", "ratio", ("share",), ">=", reception,
        "prr_ratio", ranges=lambda metres: True,
    ),
    "uir": Measure(
        "share applied, in the same bins; only where every receiver has use for the message (V2V, V2I)", "ratio",
        ("share",), ">=", reception, "prr_ratio", ranges=lambda metres: True,
    ),
    "latency": Measure(
        "application to application, of what was applied", "ms", _DELAYS, "<=", delay, stat_default="latency_stat"
    ),
    "age_at_apply": Measure("sensing and latency together", "ms", _DELAYS, "<=", delay, stat_default="latency_stat"),
    "update_delay": Measure(
        "time since the newest reception", "ms", ("p95", "p50", "p99", "p100", "mean"), "<=", delay
    ),
    "aoi": Measure("age of the newest applied message", "ms", ("mean", "p50", "p95", "p99"), "<=", delay),
    "gap_over_2.5T": Measure(
        "share of gaps beyond 2.5 periods", "ratio", ("share",), "<=", long_gaps, "long_gap_ratio"
    ),
    "pair_coverage": Measure(
        "share of (pair, time) within the range with a fresh applied message", "ratio", ("share",), ">=", pair_coverage,
        "pair_coverage_ratio", ranges=PAIR_RANGES_M.__contains__, range_rule="must be 150 or 300",
    ),
    "covered_cells": Measure(
        "share of the zone's cells that are covered", "ratio", ("share",), ">=", covered_cells, "positions_ratio",
        of_links=False,
    ),
    "border_hole": Measure(
        "longest uncovered stretch of the zone at a border", "m", ("p100",), "<=", border_hole, of_links=False
    ),
    "decoded_ratio": Measure(
        "share of a neighbour's received messages that decode rightly", "ratio", ("share",), ">=", of_neighbours
    ),
    "verified_ratio": Measure(
        "share of a neighbour's received messages that verify", "ratio", ("share",), ">=", of_neighbours
    ),
    "latency_added": Measure(
        "mean latency of a neighbour's messages less that of one's own", "ms", ("mean",), "<=", latency_added
    ),
    "warning_distance_lost": Measure(
        "part of the way between warning and event that vehicles of other homes lose", "ratio", ("mean",), "<=",
        warning_distance_lost, of_messages=False, of_links=False,
    ),
    "generation_rate": Measure("messages per sender and second", "Hz", ("mean",), ">=", generation_rate),
    "position_error": Measure(
        "error of the position vehicles tell", "m", ("p95", "p50", "p99", "p100", "mean"), "<=", position_error,
        stat_default="position_stat", of_messages=False, of_links=False,
    ),
    "rsu_spacing_m": Measure(
        "road distance between neighbouring units", "m", _LAYOUT, "<=", spacing, of_messages=False, of_links=False
    ),
    "mast_height_m": Measure("antenna height", "m", _LAYOUT, ">=", mast_height, of_messages=False, of_links=False),
    "node_units_ratio": Measure(
        "share of signalised nodes with a unit", "ratio", ("mean",), ">=", node_units, of_messages=False,
        of_links=False,
    ),
}

__all__ = ["MEASURES", "Ask", "Item", "Measure"]
