"""Uu latency tables: quantiles of radio, Internet and peering delays, sampled from the parts the layer uses."""

from __future__ import annotations

from functools import partial

import numpy as np

from sim.validate.result import Case, Check, FileResult, Line, Panel, Skipped
from sim.validate.sheet import Sheet
from sim.validate.statistics import Tally

FAMILY = "uu"
LIMIT_PERCENT = 3.0
SAMPLES = 60_000
_RADIO_KEY = ("link", "period_ms", "density_veh_km_lane", "mcs_table")
_RADIO_QUANTILES = {
    "q05": 0.05,
    "q25": 0.25,
    "q50": 0.5,
    "q75": 0.75,
    "q90": 0.9,
    "q95": 0.95,
    "q99": 0.99,
    "q999": 0.999,
}

METHOD = (
    f"{SAMPLES:,} draws of every row or column by the layer's own sampler, without queues; p50 and p95 within 3 %",
    "peering tables are compared at the round-trip time at which the published distribution reaches 0.5 and 0.95",
)


def read(sheet: Sheet) -> Case | Skipped | None:
    """The case of a latency table; None if it is none."""
    if sheet.has(*_RADIO_KEY, "q50", "q95"):
        sheet.check_rows(*_RADIO_KEY, "q50", "q95")
        for name in ("period_ms", "density_veh_km_lane", "mcs_table", *[q for q in _RADIO_QUANTILES if sheet.has(q)]):
            sheet.numbers(name, 0.0)
        return Case(sheet.path, FAMILY, sheet.path.stem, str(sheet.path), partial(_radio, sheet))
    if sheet.has("percentile") and sheet.says("round-trip"):
        sheet.check_rows("percentile", least=2)
        sheet.rising("percentile", 0.0, 100.0)
        for name in sheet.header[1:]:
            sheet.numbers(name, 0.0)
        return Case(sheet.path, FAMILY, sheet.path.stem, str(sheet.path), partial(_quantiles, sheet))
    if sheet.has("rtt_ms") and any(name.startswith("cdf") for name in sheet.header):
        sheet.check_rows("rtt_ms", least=2)
        sheet.rising("rtt_ms", 0.0)
        for name in sheet.header[1:]:
            sheet.numbers(name, 0.0, 1.0)
        return Case(sheet.path, FAMILY, sheet.path.stem, str(sheet.path), partial(_distribution, sheet))
    return None


def _radio(sheet: Sheet, tallies: list[Tally]) -> FileResult:
    """Every row at its own load by the layer's radio part; the file's own rows where the layer has no such table."""
    medians: list[tuple[str, float, float]] = []
    tails: list[tuple[str, float, float]] = []
    notes: list[str] = []
    delivered = 0.0
    columns = {name: sheet.numbers(name) for name in ("period_ms", "density_veh_km_lane", "mcs_table", "q50", "q95")}
    shares = sheet.numbers("delivered_fraction", 0.0, 1.0) if sheet.has("delivered_fraction") else None
    for i, link in enumerate(sheet.words("link")):
        period_ms, density, mcs = (
            float(columns[name][i]) for name in ("period_ms", "density_veh_km_lane", "mcs_table")
        )
        label = f"{link} {period_ms:g} ms, {density:g} veh/km/lane, table {mcs:g}"
        try:
            values, share = _layer_radio(link, period_ms, density, int(mcs), i)
        except ValueError:
            values, share = _own_row(sheet, i), float("nan")
            notes.append(f"{label}: the layer ships no such table; sampled from the file itself")
        medians.append((label, float(columns["q50"][i]), float(np.quantile(values, 0.5))))
        tails.append((label, float(columns["q95"][i]), float(np.quantile(values, 0.95))))
        if shares is not None and not np.isnan(share):
            delivered = max(delivered, abs(share - float(shares[i])))
    checks = [*_worst("p50", medians), *_worst("p95", tails)]
    if shares is not None:
        checks.append(
            Check("largest difference of the delivered share", 0.0, delivered, delivered * 100, None, "points")
        )
    return _result(sheet, checks, medians, tails, notes)


def _layer_radio(link: str, period_ms: float, density: float, mcs: int, place: int) -> tuple[np.ndarray, float]:
    """(latencies in ms, delivered share) of the layer's radio part at the load of a row."""
    from sim.access.uu.radio import REFERENCE_PERIOD_MS, RadioTable
    from sim.clock import stream
    from sim.scenario.schema.radio import Uu

    table = RadioTable(Uu.model_validate({"mcs_table": mcs}), link)
    load_pps = density * table.packets_per_density * REFERENCE_PERIOD_MS / period_ms
    rows = table.choose(np.full(SAMPLES, load_pps))
    values = table.latency_ms(rows, stream(1, "validate", "uu", place).random(SAMPLES))
    return values, float(rows.delivered_ratio[0])


def _own_row(sheet: Sheet, place: int) -> np.ndarray:
    from sim.access.uu.tables import LatencyFile

    return LatencyFile(sheet.path).distributions[place].sample(SAMPLES, 1)


def _quantiles(sheet: Sheet, tallies: list[Tally]) -> FileResult:
    """Columns of quantiles by percentile."""
    percentile = sheet.numbers("percentile")
    curves = {name: (percentile / 100, sheet.numbers(name)) for name in sheet.header if name != "percentile"}
    return _columns(sheet, "internet_rtt.csv", curves)


def _distribution(sheet: Sheet, tallies: list[Tally]) -> FileResult:
    """Columns of distribution functions."""
    value_ms = sheet.numbers("rtt_ms")
    curves = {
        name.removeprefix("cdf_"): (sheet.numbers(name), value_ms) for name in sheet.header if name.startswith("cdf")
    }
    return _columns(sheet, "peering_rtt.csv", curves)


def _columns(sheet: Sheet, shipped: str, curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> FileResult:
    from sim.access.uu.tables import FOLDER, LatencyFile

    ours = LatencyFile(FOLDER / shipped)
    medians: list[tuple[str, float, float]] = []
    tails: list[tuple[str, float, float]] = []
    notes: list[str] = []
    lines: list[Line] = []
    for place, (name, (probability, value_ms)) in enumerate(curves.items()):
        if name in ours.names():
            values = ours.find(name=name).sample(SAMPLES, 1)
        else:
            values = LatencyFile(sheet.path).find(name=name).sample(SAMPLES, 1)
            notes.append(f"{name}: the layer ships no such column; sampled from the file itself")
        for level, found in ((0.5, medians), (0.95, tails)):
            found.append((name, float(np.interp(level, probability, value_ms)), float(np.quantile(values, level))))
        colour = f"C{place % 10}"
        at = np.linspace(0.005, 0.995, 100)
        lines += [
            Line(f"{name}, expected", value_ms, probability, True, colour),
            Line(name, np.quantile(values, at), at, False, colour),
        ]
    panel = Panel("round-trip time, ms", "share below", tuple(lines), (0.0, 1.02))
    return _result(sheet, [*_worst("p50", medians), *_worst("p95", tails)], medians, tails, notes, panel)


def _worst(name: str, rows: list[tuple[str, float, float]]) -> list[Check]:
    """The row with the largest relative deviation."""
    label, expected, ours = max(rows, key=lambda row: _percent(row[1], row[2]))
    percent = _percent(expected, ours)
    return [
        Check(
            f"{name} of {len(rows)}, worst: {label}", expected, ours, percent, LIMIT_PERCENT, "%", digits=3, group=name
        )
    ]


def _percent(expected: float, ours: float) -> float:
    return abs(ours / expected - 1.0) * 100.0 if expected else float("inf")


def _result(
    sheet: Sheet,
    checks: list[Check],
    medians: list[tuple[str, float, float]],
    tails: list[tuple[str, float, float]],
    notes: list[str],
    panel: Panel | None = None,
) -> FileResult:
    if panel is None:
        x = np.arange(len(medians), dtype=float)
        lines = [
            Line(
                f"{name}{', expected' if index == 1 else ''}",
                x,
                np.array([row[index] for row in rows]),
                index == 1,
                colour,
            )
            for name, rows, colour in (("p50", medians, "C0"), ("p95", tails, "C3"))
            for index in (1, 2)
        ]
        panel = Panel("row of the file", "latency, ms", tuple(lines))
    record = {
        "rows": [
            {
                "name": median[0],
                "p50_expected": median[1],
                "p50": round(median[2], 5),
                "p95_expected": tail[1],
                "p95": round(tail[2], 5),
            }
            for median, tail in zip(medians, tails, strict=True)
        ]
    }
    return FileResult(sheet.path, FAMILY, sheet.path.stem, tuple(checks), (panel,), tuple(notes), {}, record)
