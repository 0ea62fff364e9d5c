"""Spacing rules: where units go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsu.siting import NAMED_RULES, RoadPiece, Rule, fill, place


def road(length_m: float, jurisdiction: str = "A", road_class: str = "arterial") -> list[RoadPiece]:
    return [RoadPiece(0.0, length_m, road_class, jurisdiction)]


SPACINGS_KM = (0.2, 0.25, 0.3, 0.4, 0.5, 0.8, 1.0, 1.5, 2.0, 5.0)


@pytest.mark.parametrize(
    ("length_m", "counts"),
    [
        (22_400.0, (112, 90, 75, 56, 45, 28, 23, 15, 12, 5)),
        (32_010.0, (161, 129, 107, 81, 65, 41, 33, 22, 17, 7)),
    ],
)
def test_counts_without_nodes(length_m: float, counts: tuple[int, ...]) -> None:
    """Independent: ceil(length / spacing), tabulated by hand for the two corridors of the zone."""
    for spacing_km, count in zip(SPACINGS_KM, counts, strict=True):
        assert len(place(road(length_m), [], [Rule(spacing_m=spacing_km * 1000)])) == count


def test_even_filling_between_nodes_and_towards_open_ends() -> None:
    """By hand: 1000 m, node at 400, spacing 300: 400 = 1.5 gaps of 266.7; 600 = 2.5 gaps of 240."""
    sites = place(road(1000), [400.0], [Rule(spacing_m=300)])
    assert [site.chainage_m for site in sites] == pytest.approx([400 - 800 / 3, 400, 640, 880])
    assert [site.node for site in sites] == [None, 0, None, None]


def test_filling_starts_anew_at_each_border() -> None:
    """By hand: 500 m at 250 and 600 m at 200, from border to border."""
    pieces = [RoadPiece(0, 500, "arterial", "A"), RoadPiece(500, 1100, "arterial", "B")]
    rules = [Rule(spacing_m=250), Rule(jurisdiction="B", spacing_m=200, name="b")]
    sites = place(pieces, [], rules)
    assert [site.chainage_m for site in sites] == pytest.approx([125, 375, 600, 800, 1000])
    assert [site.jurisdiction for site in sites] == ["A", "A", "B", "B", "B"]
    assert [site.rule for site in sites] == ["rule 0", "rule 0", "b", "b", "b"]


def test_one_rule_for_two_jurisdictions_is_filled_in_each() -> None:
    """By hand: 300 m and 300 m at 400: one unit in the middle of each, not two over 600 m."""
    pieces = [RoadPiece(0, 300, "arterial", "A"), RoadPiece(300, 600, "arterial", "B")]
    assert [site.chainage_m for site in place(pieces, [], [Rule(spacing_m=400)])] == [150, 450]


def test_a_change_of_class_under_the_same_rule_is_no_cut() -> None:
    """By hand: 1000 m at 500 gives 250 and 750, although the class changes at 300."""
    pieces = [RoadPiece(0, 300, "arterial", "A"), RoadPiece(300, 1000, "rural", "A")]
    assert [site.chainage_m for site in place(pieces, [], [Rule(spacing_m=500)])] == [250, 750]


def test_the_last_fitting_rule_wins_and_no_rule_means_no_unit() -> None:
    """By hand: B is governed by its own nodes-only rule, C by none."""
    pieces = [RoadPiece(i * 1000, i * 1000 + 1000, "arterial", name) for i, name in enumerate("ABC")]
    rules = [
        Rule(jurisdiction="A", spacing_m=500, at_nodes=False),
        Rule(jurisdiction="B", spacing_m=100),
        Rule(jurisdiction="B"),
        Rule(road_class="expressway", spacing_m=100),
    ]
    sites = place(pieces, [500.0, 1500.0, 2500.0], rules)
    assert [(site.chainage_m, site.node) for site in sites] == [(250, None), (750, None), (1500, 1)]


def test_sides() -> None:
    """By hand: alternating from right; else as told."""
    assert [s.side for s in place(road(900), [], [Rule(spacing_m=300, side="alternating")])] == [
        "right",
        "left",
        "right",
    ]
    assert {s.side for s in place(road(900), [], [Rule(spacing_m=300, side="left")])} == {"left"}


def test_a_unit_keeps_its_id_when_others_come_and_go() -> None:
    """By hand: the id names jurisdiction and place, so more units elsewhere change no node's id."""
    coarse = place(road(2000), [700.0], [Rule()])
    fine = place(road(2000), [700.0], [Rule(spacing_m=100)])
    assert [site.id for site in coarse] == ["A-00700"]
    assert "A-00700" in [site.id for site in fine]


def test_nodes_at_the_ends_of_the_road_and_on_a_border() -> None:
    """By hand: ends are included; a node on the border belongs to the piece that begins there."""
    pieces = [RoadPiece(0, 500, "arterial", "A"), RoadPiece(500, 1000, "arterial", "B")]
    sites = place(pieces, [0.0, 500.0, 1000.0], [Rule()])
    assert [(site.node, site.jurisdiction) for site in sites] == [(0, "A"), (1, "B"), (2, "B")]


@given(
    st.lists(st.floats(50, 3000), min_size=1, max_size=5),
    st.floats(60, 4000),
    st.lists(st.floats(0, 1), max_size=4),
)
def test_gaps_never_exceed_the_spacing(lengths: list[float], spacing_m: float, shares: list[float]) -> None:
    """Property: no gap above the spacing, no open end further than half of it, unique ids, sorted."""
    edges = [0.0]
    for length in lengths:
        edges.append(edges[-1] + length)
    pieces = [
        RoadPiece(low, high, "arterial", str(index))
        for index, (low, high) in enumerate(zip(edges, edges[1:], strict=False))
    ]
    sites = place(pieces, [share * edges[-1] for share in shares], [Rule(spacing_m=spacing_m)])
    assert len({site.id for site in sites}) == len(sites)
    chainages = [site.chainage_m for site in sites]
    assert chainages == sorted(chainages)
    for piece in pieces:
        own = [site.chainage_m for site in sites if site.jurisdiction == piece.jurisdiction]
        assert own
        assert own[0] - piece.from_m <= spacing_m / 2 + 1e-6
        assert piece.to_m - own[-1] <= spacing_m / 2 + 1e-6
        assert all(b - a <= spacing_m + 1e-6 for a, b in zip(own, own[1:], strict=False))


@given(st.floats(1, 5000), st.floats(20, 3000))
def test_filling_uses_no_more_units_than_needed(length_m: float, spacing_m: float) -> None:
    """Property: with one unit fewer some gap would have to exceed the spacing."""
    between_stops = fill(0.0, length_m, [0.0, length_m], spacing_m)
    assert len(between_stops) * spacing_m < length_m + 1e-6 or not between_stops


def test_bad_input() -> None:
    """By hand: a spacing of zero; pieces that overlap."""
    with pytest.raises(ValueError, match="spacing_m: 0: must be above 0"):
        place(road(100), [], [Rule(spacing_m=0)])
    with pytest.raises(ValueError, match="sorted and not overlap"):
        place([*road(100), RoadPiece(50, 150, "arterial", "A")], [], [Rule()])


def test_published_rules_lie_in_their_own_range() -> None:
    """Printed: Jiangsu 200-300 m, Zhejiang 0.5-1, 1-2 and 2-5 km, Deqing 200 m, Guangzhou 200-400 m."""
    ranges = {name: (rule.spacing_low_m, rule.spacing_high_m) for name, rule in NAMED_RULES.items()}
    assert ranges["jiangsu-expressway"] == (200, 300)
    assert ranges["zhejiang-expressway-dense"] == (500, 1000)
    assert ranges["zhejiang-expressway-middle"] == (1000, 2000)
    assert ranges["zhejiang-expressway-sparse"] == (2000, 5000)
    assert ranges["guangzhou-arterial"] == (200, 400)
    for rule in NAMED_RULES.values():
        assert rule.spacing_low_m <= rule.spacing_m <= rule.spacing_high_m
        assert rule.source


def test_jiangsu_asks_for_several_times_the_units_of_zhejiang() -> None:
    """Independent: at 250 m against 500-1000 m the published rules differ by a factor of 2 to 4."""
    counts = {
        name: len(place(road(32_000, road_class="expressway"), [], [NAMED_RULES[name].rule()]))
        for name in ("jiangsu-expressway", "zhejiang-expressway-dense")
    }
    assert 2 <= counts["jiangsu-expressway"] / counts["zhejiang-expressway-dense"] <= 4
