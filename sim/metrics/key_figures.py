"""The scalars of a run that stand in one row of a campaign's ``runs.csv``, under stable names.

A name is ``metric[.link][.message][.station][@distance][.pNN]``, made from the columns of the row of ``metrics.csv``
the figure is: ``latency.V2V.BSM.p99``, ``C_useful.I2V.SPAT+MAP``, ``gap_over_2.5T.V2V.BSM@300``, ``cbr.vehicle.p95``.
All are of the whole corridor (no jurisdiction, direction or cell). A figure without data is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sim.metrics.base import Metric
from sim.tables import METRIC_COLUMNS, Table

PRR_AT_M = (100.0, 300.0)
"""Distances at which reception is told: all bins whose middle lies within one bin of it, pooled."""

FIGURES: Mapping[str, tuple[float | None, ...]] = {
    "latency": (0.5, 0.99),
    "latency_sent": (None,),
    "latency_delivered": (None,),
    "C_raw": (None,),
    "C_useful": (None,),
    "vehicle_coverage": (None,),
    "gap": (0.95,),
    "gap_over_2.5T": (None,),
    "update_delay": (0.95,),
    "aoi_mean": (None,),
    "cbr_mean": (None,),
    "cbr": (0.95,),
    "round_trip": (0.5, 0.95),
    "round_trip_answered": (None,),
}
"""Metric -> quantiles that are key figures; None = the row that is no quantile. ``prr`` comes before them."""
_WITH_STATION = ("cbr_mean", "cbr")
"""Metrics told of several classes of stations, so that the name says which."""
_STATIONS = ("", "probe", "vehicle")
"""Of coverage: all homes together."""


def key_figures(rows: Iterable[Metric] | Table, *, bin_m: float = 25.0) -> dict[str, float]:
    """Key figures by name, in the order of the rows, ``prr`` first.

    ``rows`` are those of ``metrics.csv``, as they come from the KPIs or read back; ``bin_m`` is the run's distance bin.
    """
    found: dict[str, float] = {}
    pools: dict[str, tuple[float, float]] = {}
    for row in _plain(rows):
        if row.jurisdiction or row.direction or row.chainage_m is not None or row.value is None:
            continue
        if row.metric == "prr":
            for name, value, n in _near(row, bin_m):
                hits, trials = pools.get(name, (0.0, 0.0))
                pools[name] = (hits + value * n, trials + n)
        elif row.quantile in FIGURES.get(row.metric, ()):
            if row.metric in _WITH_STATION or row.station_class in _STATIONS:
                found[figure_name(row)] = row.value
    return {**{name: hits / trials for name, (hits, trials) in pools.items() if trials}, **found}


def figure_name(row: Metric) -> str:
    """The stable name of the figure that a row is."""
    words = [row.metric, row.link, row.message, row.station_class if row.metric in _WITH_STATION else ""]
    name = ".".join(word for word in words if word)
    if row.distance_m is not None:
        name += f"@{row.distance_m:g}"
    return name if row.quantile is None else f"{name}.p{100 * row.quantile:g}"


def _near(row: Metric, bin_m: float) -> Iterator[tuple[str, float, int]]:
    assert row.distance_m is not None and row.value is not None
    for at_m in PRR_AT_M:
        if abs(row.distance_m - at_m) < bin_m and row.n:
            yield figure_name(row._replace(distance_m=at_m)), row.value, row.n


def _plain(rows: Iterable[Metric] | Table) -> Iterator[Metric]:
    """Rows with None in place of NaN."""
    if not isinstance(rows, Table):
        for row in rows:
            yield row if row.value is None or math.isfinite(row.value) else row._replace(value=None)
        return
    columns = [rows[name].tolist() for name in METRIC_COLUMNS]
    for cells in zip(*columns, strict=True):
        yield Metric(*(_present(cell) for cell in cells))


def _present(cell: Any) -> Any:
    return None if isinstance(cell, float) and math.isnan(cell) else cell
