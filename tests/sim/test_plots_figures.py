"""Figures of a small run made for the purpose: what they show, where their words stand, which bytes they
give."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.frames import Kind, Outcome
from sim.metrics import CLASSES, Tick, build, collect
from sim.metrics.coverage import Coverage
from sim.plots import FIGURES, draw
from sim.plots.labels import LABELS, labels
from sim.plots.style import CHINESE_FONTS, font_remark, look, wrapped
from sim.results import Result, ResultFolder, read
from tests.sim.metrics_factory import batch, context, probe_grid, stations

TITLE = "An open road with a long enough title to be found in the figure"
SCENARIO = f"""
name: small
title: {TITLE}
seed: 4
duration_s: 10.0
radio:
  access: lte-v2x-mode4
  channel: {{v2v: winner-b1, v2i: winner-b1, environment_height_m: 1.0, line_of_sight: always}}
  link: {{pssch_table: wilab-highway-los}}
"""
GEOMETRY = {
    "length_m": 1000.0,
    "datum": "WGS84",
    "line": [[120.88 + 0.0001 * k, 31.05 + 0.00004 * k, 10.0 * k] for k in range(101)],
    "jurisdictions": [
        {"id": "SH", "name": "Qingpu (Shanghai)", "spans": [[0, 600]]},
        {"id": "JS", "spans": [[600, 1000]]},
    ],
    "borders": [{"chainage_m": 600}],
    "rsus": [
        {"id": "R1", "chainage_m": 100.0},
        {"id": "R2", "lon": 120.887, "lat": 31.053, "chainage_m": 700.0},
    ],
    "nodes": [{"id": "N1", "chainage_m": 500.0}],
    "events": [{"from_m": 800, "to_m": 900, "direction": "up"}],
}


OPEN = [name for name in FIGURES if not name.startswith("usable")]
"""Figures of every run; those of several standards have one of their own."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of figure: V2V and I2V packets, probes in all classes, channel load."""
    rng = np.random.default_rng(3)
    kpis = build(replace(context(), probes=probe_grid(40, (1, -1), border_m=600)))
    world = stations(3, rsus=1, probes=80)
    zone = np.zeros((len(CLASSES), 80), bool)
    zone[:, 14:30] = zone[:2, 60:70] = True
    coverage = kpis["coverage"]
    assert isinstance(coverage, Coverage)
    for k in range(100):
        busy = (np.array([0, 81, 82, 83]), rng.uniform(0.2, 0.6, 4))
        for c in range(len(CLASSES)):
            heard = np.flatnonzero(rng.random(80) < 0.15 + 0.2 * c)
            coverage.received(c, heard, k * 100 * MS, rng.random(len(heard)) < 0.8)
        world.tick_start_ns, world.tick_end_ns = k * 100 * MS, (k + 1) * 100 * MS
        for kpi in kpis.values():
            kpi.tick(Tick(k * 100 * MS, 100 * MS, world, zone, busy=busy))
    for kind, message in ((Kind.VEHICLE, 0), (Kind.RSU, 1)):
        frames = [
            {
                "generated_ns": s * SECOND // 10,
                "sender_kind": kind,
                "message": message,
                "sender": 81,
                "access": int(rng.integers(1, 90)) * MS,
                "sign": MS,
                "verify": 2 * MS,
            }
            for s in range(100)
        ]
        links = []
        for row in range(100):
            for distance_m in rng.uniform(0, 1000, 12):
                lost = rng.random() < distance_m / 1200
                cause = rng.choice(
                    [Outcome.PROPAGATION, Outcome.COLLISION, Outcome.HALF_DUPLEX, Outcome.NEVER_SENT]
                )
                links.append(
                    {"row": row, "distance_m": distance_m, "outcome": cause if lost else Outcome.DELIVERED}
                )
        for kpi in kpis.values():
            kpi.observe(batch(frames, links))
    out = tmp_path_factory.mktemp("plots") / "run"
    rows, tables = collect(kpis)
    with ResultFolder(out, "c" * 16) as target:
        target.write_scenario(SCENARIO)
        target.write_metrics(rows)
        for name, table in tables.items():
            target.write_table(name, *table)
        target.write_json("corridor", GEOMETRY)
        target.finish({"title": TITLE, "seed": 4, "duration_s": 10.0, "illustrative": ["one assumption"]})
    return out


def figures_of(result: Result, name: str, language: str = "en") -> list:
    with look():
        made = list(FIGURES[name](result, labels(language)))
        for _, figure in made:
            figure.canvas.draw()
    return made


def texts(figure: object) -> list[str]:
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_text().strip()]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", OPEN)
def test_words_stand_inside_the_figure_with_units_and_settings(folder: Path, name: str) -> None:
    """Property: no word leaves the page; title, run, radio settings and *illustrative* are there; axes carry
    units."""
    made = figures_of(read(folder), name)
    assert made
    for stem, figure in made:
        inked, (width_in, height_in) = figure.get_tightbbox(), figure.get_size_inches()
        assert inked.x0 >= 0 and inked.x1 <= width_in, stem
        assert inked.y0 >= 0 and inked.y1 <= height_in, stem
        words = texts(figure)
        assert f"{TITLE}; 10 s; seed 4" in words and "illustrative" in words
        assert any(
            "winner-b1" in w and "environment height 1 m" in w and "wilab-highway-los" in w for w in words
        )
        assert any("[" in w and "]" in w for w in words), stem


@pytest.mark.parametrize("name", OPEN)
def test_long_settings_do_not_run_into_the_axes(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: the settings of two radios take nine lines; the figure grows, title and captions stay clear of axes."""
    from sim.plots import style

    before = {stem: figure.get_size_inches()[1] for stem, figure in figures_of(read(folder), name)}
    monkeypatch.setattr(style, "settings_line", lambda result: "carrier_sense_dbm -95, sinr minimum; " * 30)
    for stem, figure in figures_of(read(folder), name):
        height_in = figure.get_size_inches()[1]
        captions = next(text for text in figure.texts if "sinr minimum" in text.get_text())
        lowest_px = min(axes.get_tightbbox().y0 for axes in figure.axes)
        assert captions.get_window_extent().y1 < lowest_px, stem
        highest_px = max(axes.get_window_extent().y1 for axes in figure.axes)
        title = next(text for text in figure.texts if TITLE in text.get_text())
        assert title.get_window_extent().y0 > highest_px, stem
        inked = figure.get_tightbbox()
        assert inked.y0 >= 0 and inked.y1 <= height_in and inked.x1 <= figure.get_size_inches()[0], stem
        assert height_in > before[stem], stem


def test_without_an_assumption_nothing_is_called_illustrative(folder: Path) -> None:
    """By hand: the word goes when the summary lists none."""
    result = read(folder)
    result.summary["illustrative"] = []
    assert all(
        "illustrative" not in texts(figure) for name in FIGURES for _, figure in figures_of(result, name)
    )


def test_bars_of_the_waterfall_fill_up_to_one(folder: Path) -> None:
    """Property: in every distance bin, received and lost shares stacked reach 100 %, and each fill has a
    hatch of its own or none, so that colour is not needed."""
    from matplotlib.patches import StepPatch

    made = dict(figures_of(read(folder), "prr"))
    assert sorted(made) == ["prr_i2v_spat", "prr_v2v_bsm"]
    for figure in made.values():
        fills = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
        top = np.zeros(40)
        for fill in fills:
            upper, edges_m, lower = fill.get_data()
            assert np.array_equal(edges_m, np.linspace(0, 1000, 41))
            assert np.broadcast_to(lower, 40) == pytest.approx(top) and (upper >= lower).all()
            top = upper
        assert top == pytest.approx(1)
        hatches = [fill.get_hatch() for fill in fills]
        assert len(hatches) == len(set(hatches)) == 5


def test_latency_bars_show_the_numbers_of_the_table(folder: Path) -> None:
    """By hand: 1 ms of signing and 2 ms of verifying stand as such; the note on percentiles is there."""
    words = texts(dict(figures_of(read(folder), "latency_stages"))["latency_stages_v2v_bsm"])
    assert {"sign", "verify", "total", "1.00", "2.00"} <= set(words)
    assert any("percentiles of stages do not add up" in w for w in words)


def test_coverage_has_a_strip_per_class_and_direction_with_border_and_units(folder: Path) -> None:
    """By hand: three classes up (probes 14-29), SPAT+MAP and RSI down (60-69): five strips and a header."""
    ((_, figure),) = figures_of(read(folder), "coverage")
    assert len(figure.axes) == 6
    words = texts(figure)
    assert {"SH", "JS", "RSM\ndirection up", "SPAT + MAP\ndirection down"} <= set(words)
    assert "RSM\ndirection down" not in words
    assert all(any(line.get_xdata()[0] == 600 for line in axes.lines) for axes in figure.axes)


def test_one_metre_is_as_long_eastwards_as_northwards(folder: Path) -> None:
    """By hand: at 31 degrees a degree of longitude is cos(31 deg) of a degree of latitude on the page."""
    ((_, figure),) = figures_of(read(folder), "map")
    axes = figure.axes[0]
    (x0, y0), (x1, y1) = axes.transData.transform([(120.88, 31.05), (120.89, 31.06)])
    assert (x1 - x0) / (y1 - y0) == pytest.approx(np.cos(np.radians(31.052)), rel=1e-3)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_equal_results_give_equal_bytes(folder: Path, tmp_path: Path, suffix: str) -> None:
    """Property: drawn twice, byte for byte; no date inside."""
    first = draw(folder, tmp_path / "a", (suffix,), ("cbr", "prr"))
    second = draw(folder, tmp_path / "b", (suffix,), ("cbr", "prr"))
    assert [p.name for p in first] == [f"cbr.{suffix}", f"prr_v2v_bsm.{suffix}", f"prr_i2v_spat.{suffix}"]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes() and a.stat().st_size > 5000
        assert b"CreationDate" not in a.read_bytes() and b"<dc:date>" not in a.read_bytes()


def test_global_settings_stay_as_they_were(folder: Path, tmp_path: Path) -> None:
    """Property: drawing changes no setting of matplotlib and opens no pyplot figure."""
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw(folder, tmp_path, names=("cbr",))
    assert dict(matplotlib.rcParams) == before


def test_importing_figures_loads_no_matplotlib() -> None:
    """By hand: a fresh interpreter imports the package and asks for the table of names."""
    code = "import sys, sim.plots; assert sim.plots.FIGURES; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])


def test_what_has_no_data_is_left_out(tmp_path: Path) -> None:
    """By hand: a run without any reception gives no figure and no error."""
    with ResultFolder(tmp_path / "run", "d" * 16) as target:
        target.write_metrics([])
        target.finish({})
    assert draw(tmp_path / "run") == []
    assert list((tmp_path / "run" / "plots").iterdir()) == []


def test_unknown_names_are_refused(folder: Path, tmp_path: Path) -> None:
    """By hand: figure, format, language, folder."""
    for arguments, text in (
        ({"names": ("pie",)}, "figure 'pie'"),
        ({"formats": ("gif",)}, "figure format 'gif'"),
        ({"language": "fr"}, "'fr'"),
    ):
        with pytest.raises(ValueError, match=text):
            draw(folder, tmp_path / "out", **arguments)
    with pytest.raises(ValueError, match="no such folder"):
        draw(tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


def test_lines_of_many_messages_stay_apart() -> None:
    """Property: 21 lines (the second phase has eleven): no two share colour and dash pattern, nor colour and marker."""
    from sim.plots.style import series

    made = [series(number) for number in range(21)]
    assert len({(one["color"], str(one["linestyle"])) for one in made}) == 21
    assert len({(one["color"], one["marker"]) for one in made}) == 21


def test_a_reference_point_is_called_one_below_every_figure(folder: Path) -> None:
    """By hand: with the line that a band outside the allocation brings, and without it."""
    from rsu.profile.candidate import NOT_LEGAL

    result = read(folder)
    for lines, told in ((["profile p: a band"], False), ([f"profile p: 1-2 MHz, {NOT_LEGAL}"], True)):
        result.summary["illustrative"] = lines
        for _, figure in figures_of(result, "prr"):
            said = " ".join(word.replace("\n", " ") for word in texts(figure))
            assert ("not a legal option in China" in said) is told


def test_a_figure_says_which_set_was_spoken(tmp_path: Path, folder: Path) -> None:
    """By hand: set, network layer and envelope stand below a figure, with what of them are octets and what sizes."""
    import json
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    summary = json.loads((copy / "summary.json").read_text())
    stack = {"messages": "real octets", "network": "wsmp", "envelope": "ieee1609.2", "headers": "exact sizes"}
    (copy / "summary.json").write_text(json.dumps({**summary, "message_set": "sae-j2735", "stack": stack}))
    for name in FIGURES:
        for _, figure in figures_of(read(copy), name):
            said = [word.replace("\n", " ") for word in texts(figure)]
            assert any("sae-j2735 (real octets), wsmp and ieee1609.2 (exact sizes)" in word for word in said), name
            inked = figure.get_tightbbox()
            assert inked.y0 >= 0


def test_languages_hold_the_same_words() -> None:
    """Property: same keys, none empty, same placeholders."""
    assert LABELS["en"].keys() == LABELS["zh"].keys()
    for key, word in LABELS["en"].items():
        assert word and LABELS["zh"][key]
        assert word.count("{") == LABELS["zh"][key].count("{")


@pytest.mark.parametrize("line", [
    "传播模型 winner-b1；按随机种子的 95 % 区间; csae53-2020 (real octets), dsmp and ydt3957-2021 (exact sizes)" * 3,
    "plain words, no more than these " * 9, "unbroken" * 40, "布设方案" * 60, "",
])
def test_captions_in_both_scripts_keep_to_their_width(line: str) -> None:
    """Property: no row is wider than asked for (a Chinese letter counts two, a stop may stick out), none lost."""
    rows = wrapped(line, 60)
    assert all(sum(2 if letter > "\u2e7f" else 1 for letter in row) <= 62 for row in rows)
    assert "".join("".join(rows).split()) == "".join(line.split())


def test_a_machine_without_chinese_letters_is_told_once(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Property: one line instead of a warning per letter; none for English, none where a font is there."""
    import warnings

    from matplotlib.font_manager import FontEntry, fontManager

    monkeypatch.setattr(fontManager, "ttflist", [one for one in fontManager.ttflist if one.name not in CHINESE_FONTS])
    assert "no Chinese font" in font_remark("en", "zh") and font_remark("en") == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(folder, names=["map"], language="zh", out=folder / "zh")
    monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist, FontEntry(name="SimHei")])
    assert font_remark("zh") == ""
