"""Targets of ``corridor place``: what the grammar takes and refuses."""

from __future__ import annotations

import pytest

from sim.layouts.place.target import Target, parse_target, parse_targets


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("coverage(SPAT) >= 0.95", Target("SPAT+MAP", 0.95)),
        ("coverage(SPAT+MAP)>=.95", Target("SPAT+MAP", 0.95)),
        ("  coverage ( RSI , raw ) >= 95%", Target("RSI", 0.95, useful=False)),
        ("coverage(RSI, useful) ≥ 95 %", Target("RSI", 0.95)),
        ("coverage(RSM, direction=up, jurisdiction=JS) >= 1", Target("RSM", 1.0, True, "JS", "up")),
        ("coverage(RSM, jurisdiction=青浦, raw, direction=down) >= 0.5", Target("RSM", 0.5, False, "青浦", "down")),
    ],
)
def test_targets_are_read(text: str, wanted: Target) -> None:
    """By hand: the forms of the grammar."""
    assert parse_target(text, ["JS", "青浦"]) == wanted
    assert parse_target(str(wanted)) == wanted


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("coverage(BSM) >= 0.9", "at character 10", "vehicle to vehicle"),
        ("coverage(SPT) >= 0.9", "at character 10", "did you mean 'SPAT'?"),
        ("coverage(SPAT >= 0.9", "at character 15", "'>=' where ',' or ')'"),
        ("coverage(SPAT) > 0.9", "at character 16", "'>' where"),
        ("cover(SPAT) >= 0.9", "at character 1", "'cover' where 'coverage'"),
        ("coverage(SPAT) >= much", "at character 19", "'much' is no number"),
        ("coverage(SPAT) >= 1.2", "at character 19", "1.2 is not above 0"),
        ("coverage(SPAT) >= 0", "at character 19", "0 is not above 0"),
        ("coverage(SPAT) >= nan", "at character 19", "nan is not above 0"),
        ("coverage(SPAT) >= 0.9 and more", "at character 23", "stands behind the share"),
        ("coverage(SPAT, fresh) >= 0.9", "at character 16", "known: raw, useful, jurisdiction=ID, direction=up|down"),
        ("coverage(SPAT, raw, useful) >= 0.9", "at character 21", "said twice"),
        ("coverage(SPAT, direction=north) >= 0.9", "at character 26", "neither up nor down"),
        ("coverage(SPAT, jurisdiction=XY) >= 0.9", "at character 29", "known: JS, SH"),
        ("coverage(", "at its end", "is missing"),
        ("", "at its end", "the form is coverage(CLASS"),
    ],
)
def test_bad_targets_are_told_in_one_line(text: str, place: str, said: str) -> None:
    """By hand: every error names the text, the place in it and the rule."""
    with pytest.raises(ValueError) as found:
        parse_target(text, ["JS", "SH"])
    line = str(found.value)
    assert "\n" not in line
    assert line.startswith(f"--target {text!r}: {place}: ")
    assert said in line


def test_no_target_and_two_for_one_thing_are_refused() -> None:
    """By hand."""
    with pytest.raises(ValueError, match="at least one"):
        parse_targets([])
    with pytest.raises(ValueError, match=r"coverage\(RSI\) is asked for more than once"):
        parse_targets(["coverage(RSI) >= 0.9", "coverage(RSI, useful) >= 0.8"])
