"""Pictures: simulated over expected curves of one file."""

from __future__ import annotations

import io
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np

from sim.validate.result import FileResult, Line, Panel


def plot_file(result: FileResult, folder: Path, name: str) -> Path:
    """Write ``<folder>/<name>.png`` and return its path; makes ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    path.write_bytes(png(result, 110))
    return path


def png(result: FileResult, dots_per_inch: int = 80) -> bytes:
    """The picture of one file as PNG octets: one pair of axes per panel."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(result.panels)
    figure = Figure(figsize=(8.0, 1.0 + 3.6 + 2.6 * (count - 1)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(count, 1, squeeze=False, height_ratios=[3.0] + [2.0] * (count - 1))[:, 0]
    verdict = "within tolerance" if result.passed else "OUT OF TOLERANCE: " + ", ".join(result.failures)
    figure.suptitle("\n".join((f"{result.family}: {result.setting}", *wrap(verdict, 72))), fontsize=11)
    for one, panel in zip(axes, result.panels, strict=True):
        _draw(one, panel)
    out = io.BytesIO()
    figure.savefig(out, dpi=dots_per_inch, format="png", metadata={"Software": None})
    return out.getvalue()


def _draw(axes: Any, panel: Panel) -> None:
    for line in panel.lines:
        _draw_line(axes, line)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.y_limits:
        axes.set_ylim(*panel.y_limits)
    else:
        axes.set_ylim(top=axes.get_ylim()[1] * 1.15)
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=7 if len(panel.lines) > 6 else 9, ncols=2 if len(panel.lines) > 4 else 1)


def _draw_line(axes: Any, line: Line) -> None:
    style: dict[str, Any] = {
        "color": line.colour,
        "label": line.label,
        "ls": "--" if line.expected else "-",
        "marker": "s" if line.expected else "o",
        "ms": 3.0,
        "lw": 1.1,
    }
    if line.band is not None:
        axes.fill_between(line.x, line.y - line.band, line.y + line.band, color="0.9", lw=0)
    if line.half_width is None:
        axes.plot(line.x, line.y, **style)
    else:
        axes.errorbar(line.x, line.y, yerr=np.nan_to_num(line.half_width), capsize=2.5, **style)
