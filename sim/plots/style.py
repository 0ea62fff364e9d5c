"""One look for all figures: size, colours that colour-blind eyes tell apart, captions, deterministic
files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rsu.profile.candidate import NOT_LEGAL
from sim.metrics.summary import messages_line, radio_line, settings_line
from sim.results import Result
from sim.whole import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

FORMATS = ("png", "svg", "pdf")

INK = "#222222"
GREY = "#8a8a8a"
PALE = "#dddddd"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
"""Okabe and Ito, Color Universal Design (2008); always paired with a dash pattern, hatch or marker."""
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def series(number: int) -> dict[str, Any]:
    """Colour, dash pattern and marker of line ``number``; no two of the first 49 are the same in all three.

    Beyond the seventh, dashes and markers move on by one and markers are hollow, so that no colour comes back with
    the same pattern.
    """
    turn, k = divmod(number, len(SERIES))
    return {
        "color": SERIES[k],
        "linestyle": DASHES[(k + turn) % len(DASHES)],
        "marker": MARKERS[(k + turn) % len(MARKERS)],
        "markerfacecolor": "white" if turn % 2 else SERIES[k],
    }

CHINESE_FONTS = (
    "Noto Sans SC", "Noto Sans CJK SC", "Noto Sans CJK TC", "Noto Sans CJK JP", "Source Han Sans SC",
    "Source Han Sans CN", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei", "PingFang SC",
    "Hiragino Sans GB", "Heiti SC", "Heiti TC", "Arial Unicode MS",
)
"""Families that have the characters of Chinese figures, on Linux, Windows and macOS; the first one there is used."""

_RC: Any = {
    "font.size": 13,
    "axes.titlesize": 13,
    "axes.labelsize": 13,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.hinting": "no_hinting",
    "hatch.linewidth": 0.7,
    "svg.hashsalt": "corridor",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "axes.unicode_minus": False,
}
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def look() -> Iterator[None]:
    """Context in which figures are made and saved; leaves no trace in matplotlib's global settings.

    Characters that no font has become boxes without a warning for each; :func:`font_remark` says it once.
    """
    import logging
    import warnings

    import matplotlib

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    families = {"font.family": ["DejaVu Sans", *_chinese_fonts()[:1]]}
    with matplotlib.rc_context(_RC | families), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def font_remark(*languages: str) -> str:
    """What to say where no font of this machine has the characters of a language; else empty."""
    if "zh" not in languages or _chinese_fonts():
        return ""
    return f"no Chinese font (such as {CHINESE_FONTS[0]}) is installed: Chinese characters will show as boxes"


def _chinese_fonts() -> list[str]:
    """Those of ``CHINESE_FONTS`` that this machine has. Latin letters stay those of DejaVu Sans, whatever it has."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return [name for name in CHINESE_FONTS if name in there]


def new_figure(width_in: float = 11.0, height_in: float = 6.2) -> Figure:
    """An empty figure of slide shape, outside pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=150)
    FigureCanvasAgg(figure)
    return figure


def finish(figure: Figure, result: Result, title: str, words: dict[str, str], note: str = "") -> Figure:
    """Title on top, captions below: what the reader must know, who speaks what, settings of the radio."""
    width_in, height_in = figure.get_size_inches()
    rests_on = result.summary.get("illustrative") or []
    legal = words["not_legal"] if any(NOT_LEGAL in str(line) for line in rests_on) else ""
    head = "; ".join(line for line in (legal, note, messages_line(result)) if line)
    lines = (head, radio_line(result), settings_line(result))
    text = "\n".join(row for line in lines for row in wrapped(line, round(14 * width_in)))
    height_in = _with_room_below(figure, figure.text(
        0.012, 0.1 / height_in, text, ha="left", va="bottom", fontsize=9, color="#555555", linespacing=1.25
    ))
    name = result.summary.get("title") or result.scenario.get("title") or result.scenario.get("name") or ""
    figure.text(
        0.012, 1 - 0.12 / height_in, title, ha="left", va="top", fontsize=17, fontweight="bold", color=INK
    )
    if result.summary.get("illustrative"):
        figure.text(
            0.988,
            1 - 0.14 / height_in,
            words["illustrative"],
            ha="right",
            va="top",
            fontsize=14,
            style="italic",
            color=INK,
            bbox={"boxstyle": "round,pad=0.3", "fc": "white", "ec": INK, "lw": 0.8},
        )
    seed = result.summary.get("seed", result.scenario.get("seed"))
    duration_s = result.summary.get("duration_s", result.scenario.get("duration_s"))
    facts = [
        f"{duration_s:g} s" if duration_s is not None else "",
        f"seed {seed}" if seed is not None else "",
    ]
    run = "; ".join(p for p in (str(name), *facts) if p)
    figure.text(0.012, 1 - 0.46 / height_in, run, ha="left", va="top", fontsize=12.5, color="#555555")
    return figure


def wrapped(line: str, width: int) -> list[str]:
    """A line in rows of so many letters, parted at blanks and after Chinese letters, which take the room of two."""
    rows, room = [""], width
    for word in re.findall(rf"[\u2e80-\uffef]|[^\s\u2e80-\uffef]{{1,{width}}}|\s+", line):
        needed = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in word)
        if needed > room and rows[-1] and word.strip() and word not in "，。；：、）":
            rows[-1] = rows[-1].rstrip()
            rows.append("")
            room = width
        if rows[-1] or word.strip():
            rows[-1] += word
            room -= needed
    return [row.rstrip() for row in rows if row.strip()]


def _with_room_below(figure: Figure, captions: Text) -> float:
    """Make the figure higher where its axes reach into the captions below; height in inches."""
    height_in = float(figure.get_size_inches()[1])
    top_px = captions.get_window_extent().y1
    lowest_px = min((box.y0 for axes in figure.axes if (box := axes.get_tightbbox()) is not None), default=top_px)
    lack_in = (top_px - lowest_px) / figure.dpi + 0.06
    if not figure.axes or lack_in <= 0:
        return height_in
    higher_in = height_in + lack_in

    def moved(y: float) -> float:
        return (y * height_in + lack_in) / higher_in

    to_figure = figure.transFigure.inverted()
    anchors = [legend.get_bbox_to_anchor().transformed(to_figure) for legend in figure.legends]
    for axes in figure.axes:
        x, y, width, height = axes.get_position().bounds
        axes.set_position((x, moved(y), width, height * height_in / higher_in))
    for text in figure.texts:
        text.set_y(moved(text.get_position()[1]))
    captions.set_y(0.1 / higher_in)
    figure.set_size_inches(figure.get_size_inches()[0], higher_in)
    for legend, anchor in zip(figure.legends, anchors, strict=True):
        legend.set_bbox_to_anchor((anchor.x0, moved(anchor.y0)), transform=figure.transFigure)
    return higher_in


def percent_axis(axes: Axes, top: float = 1.0) -> None:
    """A vertical axis of shares, written in percent."""
    from matplotlib.ticker import PercentFormatter

    axes.set_ylim(0, top)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def quiet_grid(axes: Axes, axis: Any = "y") -> None:
    """Thin grid lines behind the data."""
    axes.grid(True, axis=axis, color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; the suffix is the format. No date, version or random id goes into it."""
    kind = path.suffix.lstrip(".")
    if kind not in FORMATS:
        raise ValueError(f"figure format {kind!r} is unknown; there are {', '.join(FORMATS)}")
    with written_whole(path) as partial:
        if kind == "png":
            _write_png(figure, partial)
        else:
            figure.savefig(partial, format=kind, metadata=_METADATA[kind])


def _write_png(figure: Figure, path: Path) -> None:
    """Opaque and lightly packed: half the time of matplotlib's own way, and smaller files."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        path, format="png", compress_level=1, dpi=(figure.dpi, figure.dpi)
    )
