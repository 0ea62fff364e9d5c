"""Published siting rules by name, and what they need: sizes of junctions, bare gaps, spans, both sides."""

from __future__ import annotations

import math

import pytest

from rsu.siting import CORNER_M, NAMED_RULES, RoadPiece, Rule, fill, place

C1_M, C2_M = 22_400.0, 32_010.0
COUNTS = {
    200: (112, 161), 250: (90, 129), 300: (75, 107), 400: (56, 81), 500: (45, 65), 1000: (23, 33), 1500: (15, 22),
    2000: (12, 17), 5000: (5, 7),
}
"""Units that a spacing in metres asks for on the arterial and the expressway of the zone, as tabulated."""
PUBLISHED = {
    "jiangsu-expressway": (200, 250, 300),
    "zhejiang-expressway-dense": (500, None, 1000),
    "zhejiang-expressway-middle": (1000, 1500, 2000),
    "zhejiang-expressway-sparse": (2000, None, 5000),
    "deqing-urban": (200, 200, 300),
    "deqing-rural": (400, 400, 400),
    "deqing-expressway": (200, 200, 200),
    "deqing-tunnel": (200, 200, 200),
    "guangzhou-arterial": (200, 300, 400),
    "hang-shao-yong-expressway": (200, 200, 200),
    "operator-expressway": (1500, 1500, 1500),
}


def road(length_m: float, road_class: str = "arterial") -> list[RoadPiece]:
    return [RoadPiece(0.0, length_m, road_class, "A")]


def test_every_published_rule_is_in_the_table() -> None:
    """Printed: the rules found, no more and no fewer; masts only where the document names one."""
    assert set(NAMED_RULES) == set(PUBLISHED)
    masts = {name: rule.mast_height_m for name, rule in NAMED_RULES.items() if rule.mast_height_m is not None}
    assert set(masts) == {"jiangsu-expressway", "operator-expressway"}
    assert 5 <= masts["jiangsu-expressway"] <= 6 and masts["operator-expressway"] >= 10
    assert {name for name, rule in NAMED_RULES.items() if rule.side == "alternating"} == {
        "deqing-expressway", "guangzhou-arterial",
    }
    assert all(rule.source for rule in NAMED_RULES.values())


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_units_of_the_whole_corridor_as_tabulated(name: str) -> None:
    """Printed: ceil(length / spacing) units at both ends of the published range and at the value used."""
    named = NAMED_RULES[name]
    for choice, spacing_m in zip(("low", "default", "high"), PUBLISHED[name], strict=True):
        for length_m, column in ((C1_M, 0), (C2_M, 1)):
            sites = place(road(length_m, named.road_class or "rural"), [], [named.rule(choice=choice)])
            sides = 2 if named.side == "both" else 1
            if spacing_m is not None:
                assert len(sites) == sides * COUNTS[spacing_m][column], (choice, length_m)
            else:
                middle_m = (named.spacing_low_m + named.spacing_high_m) / 2
                assert len(sites) == math.ceil(length_m / middle_m)


def test_both_sides_stand_opposite_each_other() -> None:
    """By hand: 600 m at 200 m on both sides: three pairs, ids told apart, right first."""
    sites = place(road(600, "expressway"), [], [NAMED_RULES["hang-shao-yong-expressway"].rule()])
    assert [(site.id, site.chainage_m, site.side) for site in sites] == [
        ("A-00100", 100, "right"), ("A-00100.2", 100, "left"), ("A-00300", 300, "right"),
        ("A-00300.2", 300, "left"), ("A-00500", 500, "right"), ("A-00500.2", 500, "left"),
    ]


def test_staggered_stands_at_twice_the_spacing_on_each_side() -> None:
    """Printed: Deqing, motorways: 200 m staggered is 400 m on each side."""
    sites = place(road(4000, "expressway"), [], [NAMED_RULES["deqing-expressway"].rule()])
    for side in ("right", "left"):
        own = [site.chainage_m for site in sites if site.side == side]
        assert {round(b - a, 6) for a, b in zip(own, own[1:], strict=False)} == {400}


def test_nothing_stands_between_junctions_close_together() -> None:
    """Printed: Deqing, urban: none between junctions at most 300 m apart; 301 m apart get one at 200 m."""
    rule = NAMED_RULES["deqing-urban"].rule()
    near = [site.chainage_m for site in place(road(900), [200.0, 500.0], [rule])]
    assert [at for at in near if 200 < at < 500] == []
    far = [site.chainage_m for site in place(road(900), [200.0, 501.0], [rule])]
    assert [at for at in far if 200 < at < 501] == [350.5]
    without = Rule(spacing_m=200.0)
    assert [s.chainage_m for s in place(road(900), [200.0, 500.0], [without]) if 200 < s.chainage_m < 500] == [350]


def test_open_ends_beside_a_bare_gap_are_still_filled() -> None:
    """By hand: 1000 m, nodes at 400 and 700, spacing 200: 2.5 gaps of 160 before, 1.5 of 200 behind, none between."""
    assert fill(0, 1000, [400, 700], 200, [True]) == pytest.approx([80, 240, 900])


def test_units_of_a_junction_by_its_size() -> None:
    """Printed: Deqing: 1, 2 or 4 units; by hand: one side each, or 15 m before and behind on both sides."""
    rule = NAMED_RULES["deqing-rural"].rule()
    nodes = [500.0, 1500.0, 2500.0]
    sites = place(road(3000, "rural"), nodes, [rule], ["small", "medium", "large"])
    at = {node: [site for site in sites if site.node == node] for node in range(3)}
    assert [len(at[node]) for node in range(3)] == [1, 2, 4]
    assert [(site.chainage_m, site.side) for site in at[1]] == [(1500, "right"), (1500, "left")]
    assert [(site.chainage_m - 2500, site.side) for site in at[2]] == [
        (-CORNER_M, "right"), (-CORNER_M, "left"), (CORNER_M, "right"), (CORNER_M, "left"),
    ]
    assert [site.id for site in at[2]] == ["A-02500", "A-02500.2", "A-02500.3", "A-02500.4"]
    assert [site.first_at_node for site in at[2]] == [True, False, False, False]
    assert len(place(road(3000, "rural"), nodes, [rule])) == len(sites) - 4


def test_a_larger_junction_moves_nobody_else() -> None:
    """Property: sizes change neither id nor place of the units between nodes."""
    rule = NAMED_RULES["deqing-urban"].rule()
    small = place(road(3000), [500.0, 1500.0], [rule])
    large = place(road(3000), [500.0, 1500.0], [rule], ["large", "medium"])
    assert [site for site in small if site.node is None] == [site for site in large if site.node is None]
    assert {site.id for site in small} < {site.id for site in large}


def test_corners_of_a_junction_at_the_end_stay_on_the_road() -> None:
    """By hand: a node at 0 m has its corners at 0 and 15 m."""
    rule = Rule(units_at_node={"large": 4})
    assert [site.chainage_m for site in place(road(100), [0.0], [rule], ["large"])] == [0, 0, 15, 15]


def test_ramps_and_tunnels_get_a_unit_and_the_rest_is_filled_around_them() -> None:
    """By hand: 1000 m at 400 with a ramp at 300: 1.5 gaps of 200 before it, 2.5 gaps of 280 behind."""
    sites = place(road(1000), [], [Rule(spacing_m=400, always_at_m=(300.0,))])
    chainages = [site.chainage_m for site in sites]
    assert 300 in chainages
    assert chainages == pytest.approx([100, 300, 580, 860])
    assert max(b - a for a, b in zip(chainages, chainages[1:], strict=False)) <= 400


def test_a_ramp_at_a_junction_is_served_by_the_junction() -> None:
    """By hand: half a metre from a node is that node, two metres are a place of their own."""
    rule = Rule(always_at_m=(500.5, 502.0))
    assert [(site.chainage_m, site.node) for site in place(road(1000), [500.0], [rule])] == [(500, 0), (502, None)]


def test_a_rule_for_a_span_only() -> None:
    """By hand: 100 m spacing in a tunnel of 300 m, 500 m before and behind it."""
    rules = [Rule(spacing_m=500), Rule(spacing_m=100, from_m=1000, to_m=1300, name="tunnel")]
    sites = place(road(2000), [], rules)
    assert [site.chainage_m for site in sites if site.rule == "tunnel"] == pytest.approx([1050, 1150, 1250])
    assert [site.chainage_m for site in sites if site.rule == "rule 0"] == pytest.approx([250, 750, 1475, 1825])


def test_wrong_number_of_units_at_a_node() -> None:
    """By hand: three units have no corners to stand at."""
    with pytest.raises(ValueError, match=r"siting rule 0: units_at_node\.large: 3: must be 1, 2 or 4"):
        place(road(100), [50.0], [Rule(units_at_node={"large": 3})])


def test_jiangsu_against_zhejiang_on_the_expressway() -> None:
    """Printed: at 250 m Jiangsu asks for 2-4, 4-8 and 8-20 times the units of the three Zhejiang classes."""
    def count(name: str, choice: str = "default") -> int:
        return len(place(road(C2_M, "expressway"), [], [NAMED_RULES[name].rule(choice=choice)]))  # type: ignore[arg-type]

    jiangsu = count("jiangsu-expressway")
    for name, low, high in (("dense", 2, 4), ("middle", 4, 8), ("sparse", 8, 20)):
        for choice, factor in (("low", low), ("high", high)):
            # Whole units: on 32 km the sparse class rounds by up to one unit in seven.
            ratio = jiangsu / count(f"zhejiang-expressway-{name}", choice)
            assert ratio == pytest.approx(factor, rel=0.09), (name, choice)
