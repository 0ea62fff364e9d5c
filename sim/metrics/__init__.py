"""KPIs: one file per family, chosen by name from one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sim.metrics.base import CLASSES, LINKS, STAGES, Batch, Context, Kpi, Metric, ProbeGrid, RoadsideMessage, Rows, Tick
from sim.metrics.blackout import Blackout
from sim.metrics.channel import Channel
from sim.metrics.coverage import Coverage
from sim.metrics.event_awareness import EventAwareness
from sim.metrics.gaps import Gaps
from sim.metrics.generation import GenerationRate
from sim.metrics.latency import Latency
from sim.metrics.opportunities import Opportunities
from sim.metrics.position import PositionError
from sim.metrics.prr import Prr
from sim.metrics.roadside_gaps import RoadsideGaps
from sim.metrics.round_trips import RoundTrips

KPIS: dict[str, type] = {
    "prr": Prr,
    "latency": Latency,
    "gaps": Gaps,
    "coverage": Coverage,
    "channel": Channel,
    "round_trips": RoundTrips,
    "roadside_gaps": RoadsideGaps,
    "position": PositionError,
    "generation": GenerationRate,
    "opportunities": Opportunities,
    "blackout": Blackout,
    "event_awareness": EventAwareness,
}

__all__ = [
    "CLASSES",
    "KPIS",
    "LINKS",
    "STAGES",
    "Batch",
    "Context",
    "Kpi",
    "Metric",
    "ProbeGrid",
    "RoadsideMessage",
    "Rows",
    "Tick",
    "build",
    "collect",
]


def build(context: Context, names: Iterable[str] = tuple(KPIS)) -> dict[str, Kpi]:
    """One accumulator per name; an unknown name is a ValueError."""
    kpis = {}
    for name in names:
        if name not in KPIS:
            raise ValueError(f"metric {name!r} is unknown; there are {', '.join(KPIS)}")
        kpis[name] = KPIS[name](context)
    return kpis


def collect(kpis: Mapping[str, Kpi]) -> tuple[list[Metric], dict[str, Rows]]:
    """All rows of ``metrics.csv`` and all further tables, in the order of the mapping."""
    rows = [row for kpi in kpis.values() for row in kpi.rows()]
    tables = {name: table for kpi in kpis.values() for name, table in kpi.tables().items()}
    return rows, tables
