"""The corridor from above: road by jurisdiction, borders, roadside units, signals and events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.plots import style
from sim.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PATTERNS: tuple[Any, ...] = ("-", (0, (6, 1.2)), (0, (2, 0.8)), (0, (8, 1, 1.5, 1)))


def corridor_map(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure, drawn from ``corridor.json``; nothing without a line of positions."""
    geometry = result.corridor
    line = np.array(geometry.get("line") or np.empty((0, 3)), float)
    if len(line) < 2:
        return
    lon_deg, lat_deg, chainage_m = line.T
    figure = style.new_figure(11.0, 6.2)
    axes = figure.add_axes((0.1, 0.18, 0.64, 0.68))
    for k, place in enumerate(geometry.get("jurisdictions", ())):
        _road(axes, place, line, k)
    _marks(axes, geometry, line, words)
    axes.set_aspect(1 / math.cos(math.radians(float(lat_deg.mean()))), adjustable="datalim")
    margin_deg = 0.06 * max(np.ptp(lon_deg), np.ptp(lat_deg), 1e-4)
    axes.set_xlim(lon_deg.min() - margin_deg, lon_deg.max() + margin_deg)
    axes.set_ylim(lat_deg.min() - margin_deg, lat_deg.max() + margin_deg)
    _scale_bar(axes, float(lat_deg.mean()), float(chainage_m[-1] - chainage_m[0]))
    axes.set_xlabel(words["longitude"])
    axes.set_ylabel(words["latitude"])
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.locator_params(axis="x", nbins=5)
    style.quiet_grid(axes, "both")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, labelspacing=0.7)
    datum = geometry.get("datum")
    yield "map", style.finish(figure, result, words["map_title"], words, str(datum or ""))


def _at(line: np.ndarray, chainage_m: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.interp(chainage_m, line[:, 2], line[:, 0]), np.interp(chainage_m, line[:, 2], line[:, 1])


def _road(axes: Axes, place: dict[str, Any], line: np.ndarray, k: int) -> None:
    label = place.get("name") or place["id"]
    for span in place.get("spans", ()):
        inside = line[(line[:, 2] > span[0]) & (line[:, 2] < span[1]), 2]
        lon_deg, lat_deg = _at(line, np.concatenate([[span[0]], inside, [span[1]]]))
        axes.plot(
            lon_deg,
            lat_deg,
            color=style.SERIES[k % len(style.SERIES)],
            linewidth=6,
            solid_capstyle="butt",
            dash_capstyle="butt",
            linestyle=_PATTERNS[k % len(_PATTERNS)],
            label=label,
            zorder=2,
        )
        middle = _at(line, (span[0] + span[1]) / 2)
        axes.annotate(
            place["id"],
            (float(middle[0]), float(middle[1])),
            (0, -22),
            textcoords="offset points",
            ha="center",
            fontsize=13,
            fontweight="bold",
            color=style.INK,
        )
        label = "_"


def _marks(axes: Axes, geometry: dict[str, Any], line: np.ndarray, words: dict[str, str]) -> None:
    ink = style.INK
    for k, event in enumerate(geometry.get("events", ())):
        lon_deg, lat_deg = _at(line, np.linspace(event["from_m"], event["to_m"], 20))
        axes.plot(
            lon_deg,
            lat_deg,
            color=style.YELLOW,
            linewidth=12,
            alpha=0.9,
            solid_capstyle="butt",
            zorder=1,
            label=words["event"] if not k else "_",
        )
    borders = [_at(line, b["chainage_m"]) for b in geometry.get("borders", ())]
    axes.plot(
        [b[0] for b in borders],
        [b[1] for b in borders],
        "|",
        color=ink,
        markersize=42,
        markeredgewidth=2.2,
        linestyle="none",
        label=words["border"] if borders else "_",
        zorder=3,
    )
    signals = [
        (n["lon"], n["lat"]) if "lon" in n else _at(line, n["chainage_m"]) for n in geometry.get("nodes", ())
    ]
    axes.plot(
        [s[0] for s in signals],
        [s[1] for s in signals],
        "s",
        color="white",
        markeredgecolor=ink,
        markersize=11,
        linestyle="none",
        label=words["signal"] if signals else "_",
        zorder=4,
    )
    units = [
        (u["lon"], u["lat"]) if "lon" in u else _at(line, u["chainage_m"]) for u in geometry.get("rsus", ())
    ]
    axes.plot(
        [u[0] for u in units],
        [u[1] for u in units],
        "^",
        color=style.VERMILION,
        markeredgecolor=ink,
        markersize=9,
        linestyle="none",
        label=words["rsu"] if units else "_",
        zorder=5,
    )


def _scale_bar(axes: Axes, lat_deg: float, length_m: float) -> None:
    """A bar of a round length near the lower left corner."""
    rounds = [n * 10**e for e in range(1, 6) for n in (1, 2, 5)]
    bar_m = max(r for r in rounds if r <= max(10.0, length_m / 4))
    bar_deg = bar_m / (111_320 * math.cos(math.radians(lat_deg)))
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    x, y = left + 0.04 * (right - left), low + 0.06 * (high - low)
    axes.plot([x, x + bar_deg], [y, y], color=style.INK, linewidth=3, solid_capstyle="butt")
    text = f"{bar_m / 1000:g} km" if bar_m >= 1000 else f"{bar_m:g} m"
    axes.annotate(text, (x + bar_deg / 2, y), (0, 5), textcoords="offset points", ha="center", fontsize=12)
