"""The corridor from above: road by jurisdiction, borders, roadside units, signals and events."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.plots import style
from sim.results import Result

LEGEND_CHARACTERS = 22
"""Room for a name beside the map; longer ones are broken over lines."""

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def corridor_map(result: Result, words: dict[str, str]) -> Iterator[tuple[str, Figure]]:
    """One figure, drawn from ``corridor.json``; nothing without a line of positions."""
    geometry = result.corridor
    line = np.array(geometry.get("line") or np.empty((0, 3)), float)
    if len(line) < 2:
        return
    lon_deg, lat_deg, chainage_m = line.T
    figure = style.new_figure(11.0, 6.2)
    axes = figure.add_axes((0.115, 0.19, 0.63, 0.67))
    _fit(axes, figure, lon_deg, lat_deg)
    axes.autoscale(False)
    for k, place in enumerate(geometry.get("jurisdictions", ())):
        _road(axes, place, line, k)
    _marks(axes, geometry, line, words)
    _scale_bar(axes, float(lat_deg.mean()), float(chainage_m[-1] - chainage_m[0]))
    axes.set_xlabel(words["longitude"])
    axes.set_ylabel(words["latitude"])
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.locator_params(axis="x", nbins=5)
    style.quiet_grid(axes, "both")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, labelspacing=0.7)
    datum = geometry.get("datum")
    note = words["map_note"].format(datum=datum) if datum else ""
    yield "map", style.finish(figure, result, words["map_title"], words, note)


def _fit(axes: Axes, figure: Figure, lon_deg: np.ndarray, lat_deg: np.ndarray) -> None:
    """Limits that show the whole line at one scale in both directions."""
    box, size_in = axes.get_position(), figure.get_size_inches()
    squeeze = math.cos(math.radians(float(lat_deg.mean())))
    shape = (box.height * size_in[1]) / (box.width * size_in[0])
    wide = max(float(np.ptp(lon_deg)) * squeeze, float(np.ptp(lat_deg)) / shape, 1e-4) * 1.14
    middle_lon = (float(lon_deg.min()) + float(lon_deg.max())) / 2
    middle_lat = (float(lat_deg.min()) + float(lat_deg.max())) / 2
    axes.set_xlim(middle_lon - wide / squeeze / 2, middle_lon + wide / squeeze / 2)
    axes.set_ylim(middle_lat - wide * shape / 2, middle_lat + wide * shape / 2)


def _at(line: np.ndarray, chainage_m: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.interp(chainage_m, line[:, 2], line[:, 0]), np.interp(chainage_m, line[:, 2], line[:, 1])


def _across(axes: Axes, line: np.ndarray, chainage_m: float) -> np.ndarray:
    """Unit vector on the page across the road at a chainage, pointing up (or right, where the road runs
    up)."""
    ends = np.stack(_at(line, [chainage_m - 1.0, chainage_m + 1.0]), axis=1)
    along = np.diff(axes.transData.transform(ends), axis=0)[0]
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-12)
    return -across if across[1] < -1e-6 or (abs(across[1]) <= 1e-6 and across[0] < 0) else across


def _road(axes: Axes, place: dict[str, Any], line: np.ndarray, k: int) -> None:
    name = place.get("name")
    label = textwrap.fill(f"{place['id']}: {name}", LEGEND_CHARACTERS) if name else place["id"]
    for span in place.get("spans", ()):
        inside = line[(line[:, 2] > span[0]) & (line[:, 2] < span[1]), 2]
        lon_deg, lat_deg = _at(line, np.concatenate([[span[0]], inside, [span[1]]]))
        axes.plot(
            lon_deg,
            lat_deg,
            color=style.SERIES[k % len(style.SERIES)],
            linewidth=6,
            solid_capstyle="butt",
            label=label,
            zorder=2,
        )
        middle_m = (span[0] + span[1]) / 2
        middle, across = _at(line, middle_m), _across(axes, line, middle_m)
        axes.annotate(
            place["id"],
            (float(middle[0]), float(middle[1])),
            tuple(-20 * across),
            textcoords="offset points",
            ha="center",
            va="center",
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
    borders = [float(b["chainage_m"]) for b in geometry.get("borders", ())]
    for at_m in borders:
        middle, across = _at(line, at_m), _across(axes, line, at_m)
        ends = axes.transData.transform((float(middle[0]), float(middle[1]))) + np.outer((-42, 42), across)
        lon_deg, lat_deg = axes.transData.inverted().transform(ends).T
        axes.plot(lon_deg, lat_deg, color=ink, linewidth=2.2, zorder=3)
    if borders:
        axes.plot(
            [],
            [],
            "|",
            color=ink,
            markersize=18,
            markeredgewidth=2.2,
            linestyle="none",
            label=words["border"],
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
