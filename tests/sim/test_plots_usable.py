"""Figures of one run under several standards: usable beside received, and the waterfall of stages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.metrics.base import Metric
from sim.plots import draw
from sim.plots.labels import labels
from sim.plots.style import look
from sim.plots.usable import groups, refused, usable_by_distance, usable_waterfall
from sim.results import Result, ResultFolder, read

PLACES = {"jurisdictions": [{"id": "A", "spans": [[0, 500]]}, {"id": "B", "spans": [[500, 1000]]}]}
ENDS = {"delivered": 0.35, "duplicate": 0.05, "not_tuned": 0.2, "collision": 0.08, "sec_root": 0.3, "stale": 0.02}


def rows(ends: dict[str, float]) -> Iterator[Metric]:
    """A run: vehicles whose shares are chosen, and SPAT+MAP of units, two messages of one class."""
    yield Metric("uir_class", "ratio", "V2V", "BSM", value=0.4, n=1000)
    yield Metric("prr_class", "ratio", "V2V", "BSM", value=0.9, n=800)
    for name, share in ends.items():
        yield Metric(f"end_class_{name}", "ratio", "V2V", "BSM", value=share, n=1000)
    for at_m, same in ((12.5, 0.9), (37.5, 0.8), (112.5, 0.7)):
        yield Metric("prr", "ratio", "V2V", "BSM", distance_m=at_m, value=0.95, n=100)
        yield Metric("uir_home", "ratio", "V2V", "BSM", station_class="same home", distance_m=at_m, value=same, n=50,
                     lower=same - 0.1, upper=same + 0.1)
        yield Metric("uir_home", "ratio", "V2V", "BSM", station_class="cross home", distance_m=at_m, value=0.1, n=50)
    yield Metric("uir_class", "ratio", "I2V", "SPAT+MAP", value=1.0, n=10)
    yield Metric("end_class_delivered", "ratio", "I2V", "SPAT+MAP", value=1.0, n=10)
    yield Metric("uir_home", "ratio", "I2V", "SPAT+MAP", station_class="same home", distance_m=12.5, value=1.0, n=10)
    for message, prr, n in (("SPAT", 0.5, 100), ("MAP", 1.0, 300), ("RSI", 0.0, 100)):
        yield Metric("prr", "ratio", "I2V", message, distance_m=12.5, value=prr, n=n)


def made(folder: Path, ends: dict[str, float], corridor: dict[str, object] = PLACES) -> Result:
    """The run as a result folder."""
    with ResultFolder(folder, "e" * 16) as target:
        target.write_scenario("name: two\nradio: {access: lte-v2x-mode4}\n")
        target.write_metrics(rows(ends))
        target.write_json("corridor", corridor)
        target.finish({"title": "two places", "seed": 1, "duration_s": 5.0, "illustrative": ["one"]})
    return read(folder)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run in which roots were refused."""
    return made(tmp_path_factory.mktemp("usable") / "run", ENDS)


def test_lines_show_the_shares_and_break_where_bins_are_missing(result: Result) -> None:
    """By hand: PRR of two messages pooled (0.5 x 100 + 1 x 300) / 400 = 0.875, other messages stay out; no line spans
    the bins between 37.5 and 112.5 m."""
    with look():
        ((stem, figure),) = usable_by_distance(result, labels())
    assert stem == "usable"
    vehicles, units = figure.axes
    prr, same, cross = (line.get_ydata() for line in vehicles.lines)
    assert prr == pytest.approx([0.95, 0.95, 0.95])
    assert same == pytest.approx([0.9, 0.8, np.nan, 0.7], nan_ok=True)
    assert cross == pytest.approx([0.1, 0.1, np.nan, 0.1], nan_ok=True)
    assert units.lines[0].get_ydata() == pytest.approx([0.875])
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in vehicles.lines}) == 3


def test_waterfall_falls_by_what_each_stage_lost(result: Result) -> None:
    """By hand: 1 -> 0.8 tuned -> 0.72 received -> 0.72 -> 0.42 verified -> 0.42, 0.42 -> 0.4 timely -> 0.4 applied; the
    lost parts stand on what is left."""
    with look():
        ((_, figure),) = usable_waterfall(result, labels())
    axes = figure.axes[0]
    left = [bar for bar in axes.patches if not bar.get_hatch()]
    lost = [bar for bar in axes.patches if bar.get_hatch()]
    assert [bar.get_height() for bar in left] == pytest.approx([0.8, 0.72, 0.72, 0.42, 0.42, 0.42, 0.4, 0.4])
    assert [(bar.get_y(), bar.get_height()) for bar in lost] == [
        pytest.approx(one) for one in ((0.8, 0.2), (0.72, 0.08), (0.42, 0.3), (0.4, 0.02))
    ]
    said = {text.get_text() for text in axes.texts}
    assert {"-20", "-8.0", "-30", "-2.0", "most lost: root untrusted 30 %"} <= said
    assert axes.get_title(loc="left") == "V2V BSM   PRR 90.0 %, UIR 40.0 %"


@pytest.mark.parametrize(("ends", "corridor"), [
    ({"delivered": 0.9, "collision": 0.1}, PLACES),
    ({"delivered": 0.9, "stale": 0.0, "not_applicable": 0.1}, PLACES),
    (ENDS, {"jurisdictions": PLACES["jurisdictions"][:1]}),
    (ENDS, {}),
])
def test_nothing_is_drawn_where_all_speak_alike(tmp_path: Path, ends: dict[str, float], corridor: dict) -> None:
    """By hand: only radio losses, only what is of no use, one jurisdiction, none known."""
    one = made(tmp_path / "run", ends, corridor)
    assert not refused(one)
    assert draw(one, names=("usable", "usable_waterfall")) == []


def test_files_are_drawn_in_both_languages_with_words_inside(result: Result, tmp_path: Path) -> None:
    """Property: nothing leaves the page, the word *illustrative* and the settings are there, equal bytes when drawn
    again."""
    from matplotlib.text import Text

    for language in ("en", "zh"):
        words = labels(language)
        with look():
            for drawing in (usable_by_distance, usable_waterfall):
                ((_, figure),) = drawing(result, words)
                inked, (width_in, height_in) = figure.get_tightbbox(), figure.get_size_inches()
                assert inked.x0 >= 0 and inked.x1 <= width_in and inked.y0 >= 0 and inked.y1 <= height_in
                said = {text.get_text() for text in figure.findobj(Text)}
                assert words["illustrative"] in said and any("lte-v2x-mode4" in text for text in said)
    first, second = (draw(result, tmp_path / name, names=("usable",)) for name in ("a", "b"))
    assert [path.name for path in first] == ["usable.png"]
    assert first[0].read_bytes() == second[0].read_bytes()


def test_classes_come_in_the_order_of_the_file(result: Result) -> None:
    """By hand."""
    assert [tuple(one) for one in groups(result)] == [("V2V", "BSM"), ("I2V", "SPAT+MAP")]
    assert json.loads((result.folder / "summary.json").read_text())["seed"] == 1
