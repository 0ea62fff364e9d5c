"""The legend of coverage rasters: colours, what was counted, and what it rests on."""

from __future__ import annotations

import io
import textwrap

from sim.maps.bands import BANDS
from sim.maps.cells import CoverageMap
from sim.metrics.summary import messages_line, radio_line, settings_line
from sim.plots import style

KEY_IN, LINE_IN = 3.35, 0.158
"""Height of the key, and of a line of notes below it."""
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "useful": "Useful coverage", "raw": "Raw coverage", "illustrative": "illustrative",
        "useful means": "share of the time in which a probe had applied a fresh message",
        "raw means": "share of the time in which a probe had received a fresh message",
    },
    "zh": {
        "useful": "有用覆盖率", "raw": "原始覆盖率", "illustrative": "示意",
        "useful means": "探测点已应用有效期内消息的时间占比",
        "raw means": "探测点已收到有效期内消息的时间占比",
    },
}


def legend_png(
    chosen: CoverageMap, class_: str, datum: str, pixel_m: float, least_width_m: float, language: str = "en"
) -> bytes:
    """A small picture to lay beside the raster of one class; ValueError for an unknown language."""
    from matplotlib.patches import Rectangle

    if language not in WORDS:
        raise ValueError(f"--language {language}: is not one of {', '.join(WORDS)}")
    words = WORDS[language]
    with style.look():
        notes = _notes(chosen, datum, pixel_m, least_width_m)
        height_in = KEY_IN + LINE_IN * (1 + notes.count("\n"))
        figure = style.new_figure(7.0, height_in)
        title = f"{words[chosen.measure]}: {class_}"
        figure.text(0.03, 1 - 0.16 / height_in, title, fontsize=17, fontweight="bold", color=style.INK, va="top")
        means = words[f"{chosen.measure} means"]
        figure.text(0.03, 1 - 0.53 / height_in, means, fontsize=11, color="#555555", va="top")
        axes = figure.add_axes((0.03, 1 - 3.05 / height_in, 0.6, 2.2 / height_in))
        axes.set_axis_off()
        axes.set_xlim(0, 10)
        axes.set_ylim(0, len(BANDS))
        for number, band in enumerate(BANDS):
            axes.add_patch(Rectangle((0, number + 0.12), 1.4, 0.76, fc=band.colour, ec=style.INK, lw=0.6))
            label = band.label_zh if language == "zh" else band.label
            axes.text(1.8, number + 0.5, label, va="center", fontsize=13, color=style.INK)
        if chosen.result.summary.get("illustrative"):
            box = {"boxstyle": "round,pad=0.3", "fc": "white", "ec": style.INK, "lw": 0.8}
            figure.text(0.97, 1 - 0.95 / height_in, words["illustrative"], ha="right", va="top", fontsize=14,
                        style="italic", color=style.INK, bbox=box)
        figure.text(0.03, 1 - 3.2 / height_in, notes, va="top", fontsize=8.5, color="#555555", linespacing=1.3)
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _notes(chosen: CoverageMap, datum: str, pixel_m: float, least_width_m: float) -> str:
    result = chosen.result
    name = result.summary.get("title") or result.summary.get("name", "")
    seeds = f"mean over {len(chosen.seeds)} seeds" if len(chosen.seeds) > 1 else f"one seed ({chosen.seeds[0]})"
    where = ", ".join(f"{axis} {label}" for axis, label in chosen.labels.items())
    duration = f"{result.summary.get('duration_s', 0):g} s"
    drawn = f"{datum}; pixel {pixel_m:.1f} m, carriageways drawn at least {least_width_m:.0f} m wide"
    lines = (
        "; ".join(part for part in (str(name), where, duration, seeds) if part), drawn, messages_line(result),
        radio_line(result), settings_line(result),
    )
    return "\n".join(row for line in lines if line for row in textwrap.wrap(line, 102))
