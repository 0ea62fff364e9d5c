"""The derived tables of a campaign over its metrics: ``means.csv``, ``cells.csv``, ``differences.csv``, line by line.

Lines depend on the finished runs only, not on who computed them when.
"""

from __future__ import annotations

import csv
import io
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sim.campaign.plan import Variant
from sim.campaign.rows import KEY_COLUMNS, VariantValues, over_seeds, read_values
from sim.campaign.statistics import Interval, mean_intervals, unpaired_half_widths
from sim.campaign.store import CampaignResult
from sim.metrics.base import Metric
from sim.metrics.key_figures import key_figures
from sim.tables import METRIC_COLUMNS, cell_text

ROW_COLUMNS = (*METRIC_COLUMNS[:8], "quantile")
"""What names a row that is about no single cell of the road."""
MEAN_COLUMNS = (*ROW_COLUMNS, "mean", "lower", "upper", "n_seeds", "n")
CELL_COLUMNS = (
    "metric", "class", "jurisdiction", "direction", "station_class", "chainage_m", "mean", "lower", "upper", "n_seeds"
)
DIFFERENCE_COLUMNS = (
    *ROW_COLUMNS, "mean_difference", "lower", "upper", "n_seeds", "half_width", "unpaired_half_width"
)
KEPT_BYTES = 64 << 20
"""Arrays of variants kept for the next comparison; at least two variants are, whatever their size."""
_RESERVED = frozenset({*METRIC_COLUMNS, *CELL_COLUMNS, *DIFFERENCE_COLUMNS, "run_id", "replication", "seed", "state",
                       "axis", "against"})


class Reader:
    """Values of variants, the latest ones kept; lines on runs that cannot be read in ``unreadable``."""

    def __init__(self, campaign: CampaignResult) -> None:
        self.campaign = campaign
        self.unreadable: dict[str, None] = {}
        self._kept: OrderedDict[int, VariantValues] = OrderedDict()

    def values(self, variant: int) -> VariantValues:
        """Every row of every finished run of a variant."""
        if variant not in self._kept:
            self._kept[variant] = read_values(self.campaign, variant)
            self.unreadable |= dict.fromkeys(self._kept[variant].unreadable)
            while len(self._kept) > 2 and sum(one.byte_count for one in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(variant)
        return self._kept[variant]


def axis_columns(campaign: CampaignResult) -> list[str]:
    """Names of the columns that hold labels of axes; an axis called like another column gets ``axis`` before it."""
    return [f"axis {axis}" if axis in _RESERVED else axis for axis in campaign.axes]


def line(cells: Sequence[object]) -> str:
    """Cells as one line of CSV without its end."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([cell_text(cell) for cell in cells])
    return out.getvalue()


def labels_of(campaign: CampaignResult, variant: Variant) -> str:
    """Labels of a variant as CSV cells."""
    return line([variant.labels.get(axis, "") for axis in campaign.axes])


def mean_lines(campaign: CampaignResult, variant: Variant, values: VariantValues) -> tuple[list[str], list[str]]:
    """Lines of ``means.csv`` and of ``cells.csv`` on one variant."""
    found, keys = over_seeds(values), values.keys
    labels = labels_of(campaign, variant)
    means, cells = [], []
    columns = (found.mean, found.mean - found.half_width, found.mean + found.half_width)
    rows = zip(keys.text, keys.head, keys.is_cell.tolist(), *(column.tolist() for column in columns),
               found.n_seeds.tolist(), found.n.tolist(), strict=True)
    for text, head, is_cell, mean, lower, upper, n_seeds, n in rows:
        figures = f"{_number(mean)},{_number(lower)},{_number(upper)},{n_seeds}"
        if is_cell:
            cells.append(f"{labels},{_cell_key(text)},{figures}\n")
        else:
            means.append(f"{labels},{_row_key(head, text)},{figures},{_number(n)}\n")
    return means, cells


def comparisons(campaign: CampaignResult) -> Iterator[tuple[str, Variant, Variant]]:
    """(axis, variant, the one it is compared with): equal on all other axes, the baseline's value on this one."""
    for axis in campaign.varying:
        groups: dict[tuple[str, ...], list[Variant]] = {}
        for variant in campaign.variants:
            others = tuple(label for name, label in variant.labels.items() if name != axis)
            groups.setdefault(others, []).append(variant)
        for variants in groups.values():
            base = next((one for one in variants if one.labels.get(axis) == campaign.baseline.get(axis)), None)
            if base is not None:
                yield from ((axis, one, base) for one in variants if one is not base)


def difference_lines(
    campaign: CampaignResult, axis: str, variant: Variant, base: Variant, reader: Reader
) -> list[str]:
    """Lines of ``differences.csv``: ``variant`` minus ``base``, paired over common replications."""
    one, other = reader.values(variant.index), reader.values(base.index)
    place = {text: k for k, text in enumerate(other.keys.text)}
    pairs = [(k, place[text]) for k, text in enumerate(one.keys.text) if text in place and not one.keys.is_cell[k]]
    common = [rep for rep in one.replications if rep in set(other.replications)]
    if not pairs or not common:
        return []
    rows_a, rows_b = (np.array(rows) for rows in zip(*pairs, strict=True))
    at_a = [one.replications.index(rep) for rep in common]
    at_b = [other.replications.index(rep) for rep in common]
    a, b = one.value[rows_a][:, at_a], other.value[rows_b][:, at_b]
    there = ~np.isnan(a) & ~np.isnan(b)
    a, b = np.where(there, a, math.nan), np.where(there, b, math.nan)
    paired = mean_intervals(a - b)
    unpaired = unpaired_half_widths(mean_intervals(a), mean_intervals(b))
    mean = paired.mean.copy()
    chosen = np.flatnonzero(~np.isnan(one.keys.quantile[rows_a]) | one.keys.is_max[rows_a])
    mean[chosen] = _centre(one, rows_a[chosen], there[chosen], at_a)
    mean[chosen] -= _centre(other, rows_b[chosen], there[chosen], at_b)
    largest = one.keys.is_max[rows_a]
    half, unpaired = np.where(largest, math.nan, paired.half_width), np.where(largest, math.nan, unpaired)
    lead = f"{line([axis, base.labels[axis]])},{labels_of(campaign, variant)}"
    columns = (mean, mean - half, mean + half, half, unpaired)
    return [
        f"{lead},{_row_key(one.keys.head[k], one.keys.text[k])},{_number(middle)},{_number(lower)},{_number(upper)},"
        f"{n_seeds},{_number(width)},{_number(other_width)}\n"
        for k, n_seeds, middle, lower, upper, width, other_width in zip(
            rows_a.tolist(), paired.n.tolist(), *(column.tolist() for column in columns), strict=True)
        if n_seeds
    ]


def quantile_figures(campaign: CampaignResult) -> dict[int, dict[str, Interval]]:
    """Key figures that are quantiles, of merged seeds, as ``means.csv`` tells them: variant -> name -> its interval.

    Nothing where the table was not derived, or does not name a variant. ``n`` of an interval counts seeds.
    """
    variants = {tuple(one.labels.get(axis, "") for axis in campaign.axes): one.index for one in campaign.variants}
    axes = axis_columns(campaign)
    found: dict[int, dict[str, Interval]] = {}
    try:
        file = (campaign.folder.out / "means.csv").open(encoding="utf-8", newline="")
    except FileNotFoundError:
        return found
    with file:
        for row in csv.DictReader(file):
            variant = variants.get(tuple(row.get(axis, "") for axis in axes))
            if not row.get("quantile") or not row["mean"] or variant is None:
                continue
            for name in key_figures([_metric_of(row)]):
                mean, lower, upper = (float(row[column] or math.nan) for column in ("mean", "lower", "upper"))
                found.setdefault(variant, {})[name] = Interval(mean, lower, upper, int(row["n_seeds"]))
    return found


def _metric_of(row: Mapping[str, str]) -> Metric:
    metric, unit, link, message, jurisdiction, direction, station_class = (row[name] for name in METRIC_COLUMNS[:7])
    distance_m, quantile = (float(row[name]) if row[name] else None for name in ("distance_m", "quantile"))
    return Metric(
        metric, unit, link, message, jurisdiction, direction, station_class, distance_m,
        quantile=quantile, value=float(row["mean"]),
    )


def _centre(values: VariantValues, rows: np.ndarray, there: np.ndarray, runs: list[int]) -> np.ndarray:
    """Merged quantiles and maxima of some rows over some of the runs (``there`` by row and place in ``runs``)."""
    mask = np.zeros((len(rows), len(values.replications)), bool)
    mask[:, runs] = there
    return values.centre(mask, rows)


def _row_key(head: str, text: str) -> str:
    """Key cells without ``chainage_m``."""
    return f"{head},{text.rpartition(',')[2]}"


def _cell_key(text: str) -> str:
    names = dict(zip(KEY_COLUMNS, next(csv.reader([text])), strict=True))
    return line([names["metric"], names["message"], *(names[name] for name in CELL_COLUMNS[2:6])])


def _number(value: float) -> str:
    """As :func:`sim.tables.cell_text` writes floats."""
    return format(value + 0.0, ".10g") if math.isfinite(value) else ""
