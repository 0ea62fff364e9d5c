"""Figures of a study of candidates, drawn from a study made by hand: what they show, where their words stand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sim.campaign.store import read_campaign_folder
from sim.fragment import Findings, findings
from sim.fragment.figures import FIGURES, draw
from sim.frames import Outcome
from sim.plots.fragment_common import Ask, Drawn, finished
from sim.plots.labels import LABELS, labels
from sim.plots.style import look
from sim.tables import csv_text
from tests.sim.fragment_factory import hand_made

BORDER_M = 600.0
GEOMETRY = {
    "length_m": 1000.0,
    "jurisdictions": [{"id": "A", "spans": [[0, 600]]}, {"id": "B", "spans": [[600, 1000]]}],
    "borders": [{"chainage_m": BORDER_M}], "rsus": [{"id": "R1", "chainage_m": 100.0}],
}
CROSSINGS = ("class", "border_m", "entered", "direction", "home", "vehicle", "time_s", "distance_m", "duration_s",
             "end")
COVERAGE = ("class", "jurisdiction", "direction", "chainage_m", "zone_s", "C_raw", "C_useful")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Three seeds of ``harm`` and ``three``; blackout up to B of 40 and 120 m (median of 36), 3 crossings down."""
    folder = tmp_path_factory.mktemp("drawn")
    study, campaign = hand_made(folder)
    for run in study.plan.runs:
        loaded = study.plan.variants[run.variant].loaded
        assert loaded is not None
        path, broken = campaign.folder.run_path(run.run_id), loaded.candidate.name == "three"
        median_m = 120.0 if broken else 40.0
        rows = [
            ("RSI", BORDER_M, "B", "up", home, k, 1.0, median_m + 10 * (k - 3), 0.1 * k, "run" if k == 6 else "fresh")
            for home in "AB" for k in range(1, 7)
        ]
        rows += [("RSI", BORDER_M, "A", "down", "A", 9, 1.0, 33.0, 2.0, "fresh")]
        (path / "crossings.csv").write_text(csv_text(CROSSINGS, rows))
        useful = (0.2 if broken else 0.8) + 0.1 * run.replication
        cells = [("RSI", "B", "up", at_m, 4.0, 1.0, useful) for at_m in (612.5, 637.5, 812.5)]
        (path / "coverage.csv").write_text(csv_text(COVERAGE, cells))
        (path / "corridor.json").write_text(json.dumps(GEOMETRY))
        (path / "scenario.yaml").write_text("radio: {access: lte-v2x-mode4}\n")
    return findings(study, read_campaign_folder(campaign.folder.out))


@pytest.fixture(scope="module")
def made(found: Findings) -> dict[str, Drawn]:
    """Every figure in English by stem, with its captions."""
    ask = Ask(found, labels(), "en")
    with look():
        every = [one for drawing in FIGURES.values() for one in drawing(ask)]
        for one in every:
            finished(ask, one)
    return {one.stem: one for one in every}


def said(drawn: Drawn) -> list[str]:
    """Every text of a figure."""
    from matplotlib.text import Text

    return [text.get_text() for text in drawn.figure.findobj(Text) if text.get_text().strip()]


def test_every_kind_of_figure_is_there(made: dict[str, Drawn]) -> None:
    """By hand: a candidate beside the harmonised one, attributed, with roadside coverage and crossings."""
    assert sorted(made) == [
        "blackout-rsi.three", "corridor.three", "decisions", "fragmentation-index", "matrix-coverage.harm",
        "matrix-coverage.three", "matrix.harm", "matrix.three", "priority", "priority-by-class", "profiles.three",
        "waterfall.three",
    ]


def test_words_stand_inside_the_figure_with_settings(made: dict[str, Drawn]) -> None:
    """Property: no word leaves the page; title, study, settings and *illustrative* are there."""
    for stem, drawn in made.items():
        inked, (width_in, height_in) = drawn.figure.get_tightbbox(), drawn.figure.get_size_inches()
        assert inked.x0 >= 0 and inked.x1 <= width_in and inked.y0 >= 0 and inked.y1 <= height_in, stem
        words = said(drawn)
        assert drawn.title in words and "illustrative" in words, stem
        assert any("lte-v2x-mode4" in text for text in words) and any("3 seeds" in text for text in words), stem


def test_without_assumptions_a_figure_is_not_called_illustrative(
    found: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: one candidate with an assumption; the word stands where it is shown, and only there."""
    monkeypatch.setattr(Findings, "illustrative", lambda self, name: ["one"] if name == "three" else [])
    ask = Ask(found, labels(), "en")
    with look():
        drawn = {one.stem: one for one in FIGURES["matrices"](ask)}
        for one in drawn.values():
            finished(ask, one)
    assert "illustrative" in said(drawn["matrix.three"]) and "illustrative" not in said(drawn["matrix.harm"])


def test_the_index_is_that_of_the_formula(made: dict[str, Drawn]) -> None:
    """By hand: what passes three hazards is 0.6 x 0.7 x 0.5 = 0.21, so FI is 0.79 of vehicles; RSI loses one half."""
    words = said(made["fragmentation-index"])
    assert {"0.79", "0.50", "x of harm: 0.80"} <= set(words)


def test_a_matrix_tells_share_and_most_frequent_loss(made: dict[str, Drawn]) -> None:
    """By hand: mean x0 is 0.8, of which 0.21 passes the border: 16.8 %; the rest, 63.2 % of all, is said to be of the
    first hazard; units that no row tells of stay without data."""
    words = said(made["matrix.three"])
    assert {"16.8 %", "root untrusted\n63.2 %", "80.0 %", "below sensitivity\n20.0 %"} <= set(words)
    assert words.count("16.8 %") == 2 and words.count("80.0 %") == 2
    assert {"home of the sender", "home of the receiver"} <= set(words)


def test_cells_of_a_matrix_are_darker_where_more_is_used(made: dict[str, Drawn]) -> None:
    """Property: the colour follows the number, which stands in the cell."""
    axes = made["matrix.three"].figure.axes[0]
    by_place = {(round(p.get_x() + 0.5), round(p.get_y() + 0.5)): sum(p.get_facecolor()[:3]) for p in axes.patches}
    assert by_place[0, 0] == pytest.approx(by_place[1, 1]) and by_place[0, 1] == pytest.approx(by_place[1, 0])
    assert by_place[0, 0] < by_place[0, 1] < 3


def test_the_waterfall_stands_beside_the_harmonised_one(made: dict[str, Drawn]) -> None:
    """By hand: 0.8 received, x 0.6 verified, x 0.7 decoded, x 0.5 interpreted; the other one stays at 0.8."""
    axes = made["waterfall.three"].figure.axes[0]
    left = [bar for bar in axes.patches if not bar.get_hatch()]
    mine, other = left[:8], left[8:]
    assert [bar.get_height() for bar in mine] == pytest.approx([1, 0.8, 0.8, 0.48, 0.336, 0.168, 0.168, 0.168])
    assert [bar.get_height() for bar in other] == pytest.approx([1.0] + [0.8] * 7)
    assert all(b.get_x() < a.get_x() for a, b in zip(mine, other, strict=True))
    assert axes.get_title(loc="left") == "V2V BSM   PRR 80.0 %, UIR 16.8 % (harm 80.0 %)"


def test_priorities_are_the_printed_shapley_values(made: dict[str, Drawn]) -> None:
    """Printed: .26, .185 and .345 of the model's unit test, times the mean x0 of 0.8, in the order of the hazards."""
    figure = made["priority-by-class"].figure
    bars = [patch for patch in figure.axes[0].patches]
    assert [bar.get_width() for bar in bars] == pytest.approx([0.8 * 0.185, 0.8 * 0.26, 0.8 * 0.345])
    overall = made["priority"]
    order = [text for text in said(overall) if text in ("H1", "H4", "H11")]
    widths = [patch.get_width() for patch in overall.figure.axes[0].patches]
    assert widths == sorted(widths, reverse=True) and len(order) == 3
    steps = [patch.get_width() for patch in overall.figure.axes[1].patches]
    assert len(steps) == 4 and steps == sorted(steps, reverse=True)
    assert steps[0] - steps[-1] == pytest.approx(sum(widths))


def test_the_strip_shows_means_over_seeds_and_the_median_blackout(made: dict[str, Drawn]) -> None:
    """By hand: 0.2, 0.3, 0.4 give 0.3, the harmonised ones 0.9; 36 crossings from 100 to 150 m have a median of 120 m
    (the 18th); those down, too few, are told in the note."""
    drawn = made["corridor.three"]
    axes = drawn.figure.axes[0]
    from matplotlib.patches import Rectangle, StepPatch

    stairs = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    assert [one.get_data()[0].tolist() for one in stairs[:4]] == [
        pytest.approx(values) for values in ([0.3, 0.3], [1.0, 1.0], [0.3], [1.0])
    ]
    assert [one.get_data()[0][0] for one in stairs[4:]] == pytest.approx([0.9, 0.9])
    (shade,) = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
    assert (shade.get_x(), shade.get_width()) == pytest.approx((BORDER_M, 120.0))
    assert "fewer than 30 vehicles crossed (1 of 2)" in drawn.note


def test_blackout_stands_with_its_crossings(made: dict[str, Drawn]) -> None:
    """By hand: medians of both candidates as marks; one in six is clipped; groups without data say so."""
    drawn = made["blackout-rsi.three"]
    marks = {
        round(float(line.get_xdata()[0]), 6) for line in drawn.figure.axes[0].lines
        if line.get_marker() == "o" and len(line.get_xdata()) == 1
    }
    assert marks == {120.0, 40.0}
    words = said(drawn)
    assert "n = 36, 17 % clipped" in words and "border at 0.60 km, into B, up" in words
    assert "no data: 3 crossings, 30 needed" in words and "no data: 18 crossings, 30 needed" in words


def test_the_sheet_marks_what_differs_with_letter_and_hazard(made: dict[str, Drawn]) -> None:
    """By hand: three keys of B are others, each an assumption under its hazard."""
    words = said(made["profiles.three"])
    assert {"other", "csae53-2017", "GCJ-02", "H1", "H4", "H11", "security.root", "feed_datum"} <= set(words)
    assert words.count("!") == 3 and words.count("A") + words.count("A+") >= 3


def test_decisions_stand_in_their_order(made: dict[str, Drawn], found: Findings) -> None:
    """Property: rows from best to worst score, each with its band."""
    from sim.fragment.decisions import decisions

    drawn = made["decisions"]
    heads = [text.split(":")[0] for text in said(drawn) if text.startswith(("H1:", "H4:", "H11:"))]
    assert heads == [one.hazard for one in decisions(found)]
    bands = [line.get_xdata() for line in drawn.figure.axes[0].lines if line.get_linewidth() == 7]
    assert len(bands) == 3 and all(low <= high for low, high in bands)


def test_a_figure_that_fails_is_told_and_costs_no_other(
    found: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: the first one breaks; the others are written, in two languages, and what happened is told."""
    def broken(ask: Ask) -> None:
        raise KeyError("no such thing")

    monkeypatch.setitem(FIGURES, "fragmentation-index", broken)
    heard: list[str] = []
    paths = draw(found, tmp_path, ("en", "zh"), heard.append, ("fragmentation-index", "decisions"))
    assert [path.name for path in paths] == ["decisions.png", "decisions.zh.png"]
    assert heard == [
        f"figure fragmentation-index ({one}) could not be drawn: KeyError: 'no such thing'" for one in ("en", "zh")
    ]
    with pytest.raises(ValueError, match="figure 'pie' is unknown"):
        draw(found, tmp_path, names=("pie",))
    with pytest.raises(ValueError, match="'fr'"):
        draw(found, tmp_path, ("fr",))


def test_a_candidate_without_finished_runs_is_left_out(found: Findings, tmp_path: Path) -> None:
    """By hand: of two candidates one has no run: only matrices of the other are drawn, and nothing fails."""
    from dataclasses import replace

    from sim.fragment.observe import Observed

    gone = replace(found, observed={**found.observed, "three": Observed("three", [])}, attributions=[])
    heard: list[str] = []
    paths = draw(gone, tmp_path, say=heard.append)
    assert [path.name for path in paths] == ["matrix.harm.png", "matrix-coverage.harm.png"] and heard == []


def test_equal_studies_give_equal_bytes(found: Findings, tmp_path: Path) -> None:
    """Property: drawn twice, byte for byte."""
    first, second = (draw(found, tmp_path / name, names=("sheets",)) for name in ("a", "b"))
    assert [path.name for path in first] == ["profiles.three.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_outcome_and_stage_has_a_word_in_both_languages() -> None:
    """Property: what a matrix or a waterfall may have to name."""
    from sim.fragment.stages import APPLIED, LEFT

    for words in LABELS.values():
        assert all(f"end_{one.name.lower()}" in words for one in Outcome if one not in APPLIED)
        assert all(f"stage_left_{one}" in words for one in LEFT.values())
    assert np.unique([LABELS["en"][f"end_{one.name.lower()}"] for one in Outcome if one not in APPLIED]).size == 27
