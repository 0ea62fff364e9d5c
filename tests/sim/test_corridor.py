"""The corridor geometry against published figures and by hand."""

import numpy as np
import pytest

from rsu.geodesy import wgs84_to_gcj02
from sim.scenario.schema.corridor import Corridor, Jurisdiction, Point, RoadSection, SignalNode, Span
from sim.world.corridor import CorridorGeometry, WorldProblems, corridor_problems

# Schematic arterial through three jurisdictions: latitude, longitude, name, chainage in km as computed elsewhere
# (geodesic lengths, two decimals).
ARTERIAL = [
    (30.95600, 120.88000, "start", 0.00), (30.97200, 120.87400, "J1", 1.86), (30.98500, 120.87100, "J2", 3.33),
    (30.99834, 120.87001, "ZJ/JS", 4.82), (31.01200, 120.86900, "W1", 6.33), (31.02400, 120.86800, "W2", 7.67),
    (31.04300, 120.86800, "W3", 9.77), (31.06100, 120.86800, "W4", 11.77), (31.06285, 120.89107, "JS/SH", 13.98),
    (31.06600, 120.91600, "Q1", 16.39), (31.07500, 120.94500, "Q2", 19.33), (31.08500, 120.97500, "end", 22.40),
]  # fmt: skip
OWNERS = [
    Jurisdiction(id="ZJ", spans=[Span(to_point="ZJ/JS")]),
    Jurisdiction(id="JS", spans=[Span(from_point="ZJ/JS", to_point="JS/SH")]),
    Jurisdiction(id="SH", spans=[Span(from_point="JS/SH")]),
]


def arterial(**changes):
    points = [Point(lat=lat, lon=lon, name=name) for lat, lon, name, _ in ARTERIAL]
    values = {"datum": "WGS84", "points": points, "jurisdictions": OWNERS}
    return Corridor(**{**values, **changes})


def straight(**changes):
    return Corridor(
        **{"datum": "WGS84", "length_m": 1000.0, "jurisdictions": [Jurisdiction(id="A")], **changes}
    )


def messages(config):
    return {".".join(map(str, path)): message for path, message in corridor_problems(config)}


def test_chainage_of_the_arterial():
    """Independent: chainages computed from the same points by geodesics, to two decimals of a km."""
    geometry = CorridorGeometry(arterial())
    for _, _, name, km in ARTERIAL:
        assert geometry.point_chainage_m[name] / 1000 == pytest.approx(km, abs=0.0051)


def test_borders_and_shares_of_length():
    """Independent: borders at 4.82 and 13.98 km; 21.5, 40.9 and 37.6 % of the length."""
    geometry = CorridorGeometry(arterial())
    assert [(b.from_id, b.to_id) for b in geometry.borders] == [("ZJ", "JS"), ("JS", "SH")]
    assert [b.chainage_m / 1000 for b in geometry.borders] == pytest.approx([4.82, 13.98], abs=0.0051)
    place = geometry.place_at(np.linspace(0, geometry.length_m, 20_001))
    assert np.bincount(place) / 20_001 == pytest.approx([0.215, 0.409, 0.376], abs=0.001)


def test_every_place_projects_back():
    """Property: xy_at then project gives chainage and lateral again, corners included (rounding: chord to arc)."""
    geometry = CorridorGeometry(arterial())
    chainage = np.linspace(0, geometry.length_m, 4001)
    lateral = np.random.default_rng(5).uniform(-25, 25, 4001)
    back_chainage, back_lateral = geometry.project(*geometry.xy_at(chainage, lateral))
    assert np.max(np.abs(back_chainage - chainage)) < 0.5
    assert np.max(np.abs(back_lateral - lateral)) < 0.01


def test_line_is_smooth_and_follows_its_heading():
    """Property: walking 1 m moves 1 m along the heading; no heading jump above 3 deg per metre."""
    geometry = CorridorGeometry(arterial())
    s = np.arange(0.0, geometry.line.length_m, 1.0)
    x, y = geometry.line.at(s)
    heading = geometry.line.heading_at(s)
    assert np.max(np.abs(np.hypot(np.diff(x), np.diff(y)) - 1)) < 0.002
    middle = np.radians(heading[:-1] + ((np.diff(heading) + 180) % 360 - 180) / 2)
    assert np.max(np.abs(np.diff(x) * np.cos(middle) - np.diff(y) * np.sin(middle))) < 0.02
    assert np.max(np.abs((np.diff(heading) + 180) % 360 - 180)) < 3


def test_corners_stay_close_to_their_points():
    """By hand: a 90 deg corner with 30 m radius passes the vertex at 30 (sqrt 2 - 1) = 12.4 m, others at 5 m."""
    geometry = CorridorGeometry(arterial())
    for lat, lon, _, _ in ARTERIAL:
        _, lateral = geometry.project(*geometry.from_lonlat(lon, lat))
        assert abs(float(lateral)) < 12.5


def test_straight_road_runs_east_with_left_to_the_north():
    """By hand."""
    geometry = CorridorGeometry(straight())
    assert np.allclose(geometry.xy_at([0, 400], [0, 3.0]), [[0, 400], [0, 3]])
    assert float(geometry.heading_at(10.0)) == 90
    assert geometry.ring_length_m is None
    lon, lat = geometry.lonlat_at(0.0)
    assert (float(lon), float(lat)) == pytest.approx((120.88, 31.04), abs=1e-9)


def test_ring_is_unrolled():
    """By hand: chainage 1010 of a 1 km ring is chainage 10; the last owner meets the first one at 0."""
    config = straight(
        topology="ring",
        jurisdictions=[
            Jurisdiction(id="A", spans=[Span(to_m=500)]),
            Jurisdiction(id="B", spans=[Span(from_m=500)]),
        ],
    )
    geometry = CorridorGeometry(config)
    assert geometry.ring_length_m == 1000
    assert np.allclose(geometry.xy_at(1010.0), (10, 0))
    assert [(b.chainage_m, b.from_id, b.to_id) for b in geometry.borders] == [(0, "B", "A"), (500, "A", "B")]
    assert geometry.place_at([499.9, 500.0, 1001.0]).tolist() == [0, 1, 0]


def test_gcj02_file_gives_the_same_road():
    """Independent: the same corridor written in GCJ-02 comes out within 1 m."""
    points = []
    for lat, lon, name, _ in ARTERIAL:
        shifted_lon, shifted_lat = wgs84_to_gcj02(lon, lat)
        points.append(Point(lat=float(shifted_lat), lon=float(shifted_lon), name=name))
    shifted, plain = CorridorGeometry(arterial(datum="GCJ-02", points=points)), CorridorGeometry(arterial())
    assert shifted.length_m == pytest.approx(plain.length_m, abs=1)
    assert np.allclose(shifted.lonlat_at(0.0), (120.88414, 30.95365), atol=2e-5)


def test_sections_override_and_gaps_belong_to_nobody():
    """By hand."""
    config = straight(
        sections=[
            RoadSection(lanes=2),
            RoadSection(span=Span(from_m=200, to_m=400), lanes=3, road_class="expressway"),
        ],
        jurisdictions=[
            Jurisdiction(id="A", spans=[Span(to_m=300)]),
            Jurisdiction(id="B", spans=[Span(from_m=600)]),
            Jurisdiction(id="C"),
        ],
    )
    geometry = CorridorGeometry(config)
    assert geometry.lanes_at([100, 200, 399, 400]).tolist() == [2, 3, 3, 2]
    assert [geometry.road_class_at(c) for c in (100, 300, 500)] == ["arterial", "expressway", "arterial"]
    assert geometry.place_at([100, 300, 500, 600, 1000]).tolist() == [0, -1, -1, 1, 1]
    assert geometry.borders == []


def test_all_problems_come_together():
    """Property: each mistake is named at its place, all in one go."""
    config = straight(
        jurisdictions=[
            Jurisdiction(id="A", spans=[Span(to_m=600)]),
            Jurisdiction(id="B", spans=[Span(from_m=500)]),
            Jurisdiction(id="B", spans=[Span(from_point="nowhere")]),
        ],
        sections=[RoadSection(), RoadSection(span=Span(from_m=900, to_m=2000))],
        nodes=[
            SignalNode(id="N1", at_m=700),
            SignalNode(id="N2", at_m=300),
            SignalNode(id="N2", at_m=800, at_point="x"),
        ],
    )
    found = messages(config)
    assert "overlaps A to 600.0 m" in found["corridor.jurisdictions.1.spans.0"]
    assert "used twice" in found["corridor.jurisdictions.2.id"]
    assert "no point is named 'nowhere'" in found["corridor.jurisdictions.2.spans.0.from_point"]
    assert "beyond the end of the road" in found["corridor.sections.1.span.to_m"]
    assert "must lie after the node before" in found["corridor.nodes.1"]
    assert "used twice" in found["corridor.nodes.2.id"]
    assert "exactly one of at_point and at_m" in found["corridor.nodes.2"]
    with pytest.raises(WorldProblems) as caught:
        CorridorGeometry(config)
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) == len(found)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"length_m": None}, "at least two points"),
        ({"points": [Point(lon=120, lat=31), Point(lon=120.01, lat=31)]}, "not both"),
        (
            {"points": [Point(lon=120, lat=31), Point(lon=120, lat=31)], "length_m": None},
            "0.00 m from the point before",
        ),
        (
            {
                "points": [Point(lon=120, lat=31), Point(lon=120.01, lat=31), Point(lon=120, lat=31.0001)],
                "length_m": None,
            },
            "turns by",
        ),
        ({"topology": "ring", "nodes": [SignalNode(id="N", at_m=500)]}, "a ring has no signalised nodes"),
        ({"sections": [RoadSection(span=Span(from_m=10))]}, "no section covers 0.0 to 10.0 m"),
        (
            {"jurisdictions": [Jurisdiction(id="A", spans=[Span(from_m=300, to_m=300)])]},
            "must end after it begins",
        ),
    ],
)
def test_single_problems(changes, words):
    """Property: one clear line per mistake."""
    found = messages(straight(**changes))
    assert any(words in message and "\n" not in message for message in found.values()), found
