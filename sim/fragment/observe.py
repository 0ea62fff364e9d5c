"""What the runs of a study say of each candidate, seed by seed: chosen rows of ``metrics.csv`` and ``views.csv``."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.campaign.statistics import Interval, mean_interval, paired_difference
from sim.tables import METRIC_COLUMNS, ResultError

if TYPE_CHECKING:
    from sim.campaign.plan import Variant
    from sim.campaign.store import CampaignResult
    from sim.fragment.variants import Study

LOSS_METRICS = ("uir_class", "C_useful", "war")
"""All that attribution needs of a candidate made for it."""
LIMIT_METRIC = "latency_within_100ms"
"""For the decision matrix; views of another candidate's run may not have it."""
FURTHER_METRICS = (
    "uir_pair", "reach_class", "prr_class", "C_raw", "aoi", "aoi_mean",
    "awareness_m", "awareness_never", "awareness_cross_m", "awareness_cross_never", "warning_m", "pair_latency_mean",
    "cbr_mean", "cbr", "air_bytes", "frames_sent", "size_bytes", "vehicle_coverage",
)
FURTHER_PREFIXES = ("end_class_", "end_pair_", "fail_class_", "latency_within_")
COUNTERS = (
    "verifications", "chain_verifications", "certificates_learned", "certificate_waits", "queue_drops",
    "unknown_root_used", "region_warnings",
)
"""Counters of the stage *verified* in ``summary.json``; the first one also as a rate."""


class Key(NamedTuple):
    """What names a figure: the columns of ``metrics.csv`` that are used here."""

    metric: str
    unit: str = ""
    link: str = ""
    message: str = ""
    jurisdiction: str = ""
    direction: str = ""
    station_class: str = ""
    quantile: float | None = None
    distance_m: float | None = None


@dataclass
class Observed:
    """All finished runs of one candidate."""

    name: str
    replications: list[int]
    """Of the finished runs, in order."""
    values: dict[Key, np.ndarray] = field(default_factory=dict)
    """Per figure one value per replication of the study, NaN where there is none."""
    counts: dict[Key, float] = field(default_factory=dict)
    """Trials behind a figure, summed over seeds."""
    keys: dict[tuple[str, str, str, str, str], list[Key]] = field(default_factory=dict)
    """(metric, link, message, jurisdiction, station class) -> keys, to look figures up without their unit."""

    def put(self, key: Key, column: int, width: int, value: float, n: float) -> None:
        """Take in one figure of one replication."""
        if key not in self.values:
            self.values[key] = np.full(width, math.nan)
            short = key.metric, key.link, key.message, key.jurisdiction, key.station_class
            self.keys.setdefault(short, []).append(key)
        self.values[key][column] = value
        if not math.isnan(n):
            self.counts[key] = self.counts.get(key, 0.0) + n

    def of(self, metric: str, link: str = "", message: str = "", jurisdiction: str = "", station_class: str = "", *,
           width: int = 0) -> np.ndarray:
        """Per replication, the figure without direction, distance and quantile; NaN where there is none."""
        for key in self.keys.get((metric, link, message, jurisdiction, station_class), ()):
            if key.quantile is None and key.distance_m is None and not key.direction:
                return self.values[key]
        return np.full(width, math.nan)

    def having(self, metric: str) -> Iterator[Key]:
        """Keys of a metric, in the order of the files."""
        return (key for key in self.values if key.metric == metric)


def observed(study: Study, campaign: CampaignResult) -> dict[str, Observed]:
    """Figures of every candidate of a study; one run's rows are read at a time, each file once.

    Candidates made for the attribution keep only what it needs. ResultError for tables that cannot be read.
    """
    width = 1 + max((run.replication for run in campaign.runs), default=-1)
    by_variant: dict[str, dict[str, str]] = {}
    for name, place in study.places.items():
        by_variant.setdefault(place.variant, {})[place.view] = name
    found = {name: Observed(name, []) for name in study.places}
    radio_s = {one.index: _radio_s(one) for one in study.plan.variants}
    for variant in campaign.variants:
        wanted = by_variant.get(variant.labels["standards"], {})
        for run, result in campaign.results(variant.index):
            for view, name in wanted.items():
                rows = read_rows(result.folder, view, wanted_by(name in study.candidates))
                found[name].replications.append(run.replication)
                told = () if view else counters(result.summary, radio_s.get(variant.index, math.nan))
                for key, value, n in chain(rows, told):
                    found[name].put(key, run.replication, width, value, n)
    return found


def _radio_s(variant: Variant) -> float:
    """Time in which the radio works, its warm-up too."""
    from sim.timeline import timeline_of

    assert variant.loaded is not None
    times = timeline_of(variant.loaded.config)
    return (times.end_ns - times.radio_from_ns) / 1e9


def counters(summary: Mapping[str, Any], radio_s: float) -> Iterator[tuple[Key, float, float]]:
    """What all receivers together verified, from a run's ``summary.json``: counts of the whole run, and signatures per
    second of the time ``radio_s`` in which the radio works (traffic begins long before).

    Nothing where the stage had nothing to do.
    """
    told = summary.get("counters", {})
    for name in COUNTERS:
        if isinstance(told, Mapping) and isinstance(told.get(name), int):
            yield Key(name, "count"), float(told[name]), math.nan
            if name == COUNTERS[0] and radio_s > 0:
                yield Key(f"{name}_hz", "1/s"), told[name] / radio_s, math.nan


def wanted_by(everything: bool) -> Callable[[str], bool]:
    """Which metrics are read: all that the tables use, or only those of a loss."""
    names = frozenset((*LOSS_METRICS, LIMIT_METRIC, *(FURTHER_METRICS if everything else ())))

    def wanted(metric: str) -> bool:
        return metric in names or (everything and metric.startswith(FURTHER_PREFIXES))

    return wanted


def read_rows(folder: Path, view: str, wanted: Callable[[str], bool]) -> Iterator[tuple[Key, float, float]]:
    """Wanted rows (key, value, n) of a run's own candidate or of one of its views; rows of single cells are left out.

    ResultError where the file is missing, has other columns, or does not know the view.
    """
    path = folder / ("views.csv" if view else "metrics.csv")
    lead = ("view",) if view else ()
    try:
        file = path.open(encoding="utf-8", newline="")
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror or error}") from None
    with file:
        lines = csv.reader(file)
        if tuple(next(lines, ())) != (*lead, *METRIC_COLUMNS):
            raise ResultError(f"{path}: has other columns than {', '.join((*lead, *METRIC_COLUMNS))}")
        there = not view
        try:
            for cells in lines:
                if view:
                    if cells[0] != view:
                        continue
                    there, cells = True, cells[1:]
                if wanted(cells[0]) and not cells[8]:
                    metric, unit, link, message, place, direction, station = cells[:7]
                    names = metric, unit, link, message, place, direction, station
                    key = Key(*names, quantile=_number(cells[9]), distance_m=_number(cells[7]))
                    yield key, _value(cells[10]), _value(cells[11])
        except (ValueError, IndexError):
            raise ResultError(f"{path}:{lines.line_num}: is no row of metrics") from None
    if not there:
        raise ResultError(f"{path}: has no view {view!r}")


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _value(cell: str) -> float:
    return float(cell) if cell else math.nan


def fragmentation(fragmented: np.ndarray, harmonised: np.ndarray) -> Interval:
    """FI = 1 - x_frag / x_harm with its 95 % interval over paired seeds (definitions section 7).

    Both arrays hold one value per replication. A seed whose harmonised value is 0 makes the index undefined: it is left
    out, and where no seed remains all is NaN with n = 0. May be negative. The mean is over seeds, every seed alike.
    """
    harm = np.asarray(harmonised, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        index = np.where(harm > 0, 1 - np.asarray(fragmented, float) / harm, math.nan)
    return mean_interval(index)


def mean_of(values: Iterable[float] | np.ndarray) -> Interval:
    """Mean over seeds with its interval."""
    return mean_interval(np.asarray(list(values), float))


def change(after: np.ndarray, before: np.ndarray) -> Interval:
    """Mean of ``after - before`` over paired seeds."""
    return paired_difference(after, before)


def ordered_pairs(pairs: Iterable[str], jurisdictions: Mapping[str, int]) -> list[str]:
    """Labels ``A>B`` in the order of the jurisdictions, senders first."""
    far = len(jurisdictions)

    def place(label: str) -> tuple[int, int, str]:
        sender, _, receiver = label.partition(">")
        return jurisdictions.get(sender, far), jurisdictions.get(receiver, far), label

    return sorted(set(pairs), key=place)
