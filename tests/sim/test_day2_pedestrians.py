"""Pedestrians: their walk, their PSM, and who judges what they hear."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.applications.day2.persons import read_psms
from sim.explain import station_name
from sim.frames import Kind
from sim.metrics import collect
from sim.scenario.errors import ScenarioError
from sim.scenario.loader import load_mapping
from sim.scenario.schema.corridor import Corridor, Jurisdiction, Span
from sim.scenario.schema.day2 import Pedestrian
from sim.world.corridor import CorridorGeometry
from sim.world.pedestrians import Pedestrians
from tests.sim.day2_factory import Air, fly, junction

SECOND = 1_000_000_000
WALKERS = [
    {"id": "p", "at_m": 480, "offset_m": 8, "walk_m": 16, "speed_mps": 1.5},
    {"id": "q", "at_m": 450, "offset_m": -9, "way": "along", "walk_m": 60, "speed_mps": 1.0},
]


def straight() -> CorridorGeometry:
    """A straight kilometre."""
    return CorridorGeometry(Corridor(
        datum="WGS84", length_m=1000, jurisdictions=[Jurisdiction(id="A", region_id=1, spans=[Span()])]
    ))


def test_a_walk_by_hand() -> None:
    """By hand: 10 m across at 2 m/s starting 5 m right of the middle, 20 m along at 1 m/s, and one who stands."""
    road = straight()
    people = Pedestrians([
        Pedestrian(id="across", at_m=100, offset_m=5, walk_m=10, speed_mps=2),
        Pedestrian(id="along", at_m=300, offset_m=-7, way="along", walk_m=20, speed_mps=1),
        Pedestrian(id="stands", at_m=500, offset_m=4, walk_m=0),
    ], road)
    up_deg = float(road.heading_at(0.0))
    for time_s, left_m, turn_deg, chainage_m, way_deg in (
        (0.0, -5.0, -90.0, 300.0, 0.0), (1.0, -3.0, -90.0, 301.0, 0.0), (4.0, 3.0, -90.0, 304.0, 0.0),
        (6.0, 3.0, 90.0, 306.0, 0.0), (9.5, -4.0, 90.0, 309.5, 0.0), (11.0, -3.0, -90.0, 311.0, 0.0),
        (25.0, -5.0 + 10.0, 90.0, 315.0, 180.0), (39.0, -5.0 + 2.0, 90.0, 301.0, 180.0),
    ):
        walk = people.at(round(time_s * SECOND))
        chainage, lateral = road.project(walk.x_m, walk.y_m)
        assert lateral == pytest.approx([left_m, 7.0, -4.0], abs=1e-6)
        assert chainage == pytest.approx([100.0, chainage_m, 500.0], abs=1e-6)
        assert walk.chainage_m == pytest.approx(chainage, abs=1e-6)
        assert walk.heading_deg[:2] == pytest.approx([(up_deg + turn_deg) % 360, (up_deg + way_deg) % 360])
        assert walk.speed_mps.tolist() == [2.0, 1.0, 0.0]


def test_identity_depends_on_the_name_alone() -> None:
    """Property: further persons change no id, and all lie between probes and vehicles."""
    names = [f"p{k}" for k in range(50)]
    everybody = Pedestrians([Pedestrian(id=name, at_m=10) for name in names], straight()).station_id
    some = Pedestrians([Pedestrian(id=name, at_m=10) for name in names[::7]], straight()).station_id
    assert some.tolist() == everybody[::7].tolist()
    assert len(set(everybody.tolist())) == 50
    assert everybody.min() >= 2_000_000 and everybody.max() < 10_000_000


def test_explanations_name_pedestrians() -> None:
    """By hand: the first number of each kind."""
    names = [station_name(str(number)).split(" (")[0] for number in (999_999, 1_000_000, 2_000_000, 10_000_000)]
    assert names == ["unit 999999", "probe 0", "pedestrian 0", "vehicle 0"]


@pytest.fixture(scope="module")
def walk() -> Air:
    """Two pedestrians, exact positions."""
    return fly(junction(pedestrians=WALKERS, duration_s=2))


def errors_m(air: Air) -> np.ndarray:
    """Distance of each PSM's position from the true place at its generation instant."""
    world, found = air.engine.world, []
    for slot, time_ns, value in air.of("PSM"):
        person = read_psms([value], world.utc0_ns + time_ns)
        assert person.objects.sampled_utc_ns[0] == (world.utc0_ns + time_ns) // 1_000_000 * 1_000_000
        place = slot - world.stations.pedestrians.start
        true = world.pedestrians.at(time_ns)
        x, y = world.corridor.plane.to_plane(person.objects.lon, person.objects.lat)
        found.append(np.hypot(x[0] - true.x_m[place], y[0] - true.y_m[place]))
    return np.array(found)


def test_psm_tells_the_true_place_at_the_exact_instant(walk: Air) -> None:
    """Independent: positions in the octets against the walk, within the wire step of 1e-7 degree."""
    assert len(errors_m(walk)) == 2 * 20
    assert errors_m(walk).max() < 0.02


def test_psm_goes_out_ten_times_a_second_at_a_phase_of_its_own(walk: Air) -> None:
    """By hand: equal steps of 100 ms, rolling counts, and two phases."""
    for slot in {slot for slot, _, _ in walk.of("PSM")}:
        times = [time_ns for s, time_ns, _ in walk.of("PSM") if s == slot]
        counts = [value["msgCnt"] for s, _, value in walk.of("PSM") if s == slot]
        assert set(np.diff(times)) == {100_000_000}
        assert set(np.diff(counts) % 128) == {1}
    assert len({time_ns % 100_000_000 for _, time_ns, _ in walk.of("PSM")}) == 2


def test_psm_carries_the_positioning_error_of_the_scenario() -> None:
    """Distribution: with 1.5 m per axis and 1 s of correlation the root mean square error is near 1.5 sqrt(2) m; the
    accuracy told is that sigma."""
    people = [{"id": f"p{k}", "at_m": 400 + 2 * k, "offset_m": 9, "walk_m": 0} for k in range(40)]
    air = fly(junction(
        pedestrians=people, gnss={"model": "gauss-markov", "sigma_m": 1.5, "correlation_time_s": 1.0}, duration_s=2,
        bsm={"enabled": False}, layout={"sites": []},
    ))
    errors = errors_m(air)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(1.5 * np.sqrt(2), rel=0.15)
    assert {value["posAccuracy"]["semiMajor"] for _, _, value in air.of("PSM")} == {30}


def test_reception_and_latency_stand_under_links_of_their_own(walk: Air) -> None:
    """By hand: every PSM reaches the car and the unit over a radio without losses, and is applied."""
    rows, _ = collect(walk.engine.kpis)
    for link, stations in (("P2V", 1), ("P2I", 1)):
        prr = [row for row in rows if row.metric == "prr" and (row.link, row.message) == (link, "PSM")]
        counted = [row for row in prr if not row.jurisdiction]
        assert sum(row.n for row in counted if row.n) == 40 * stations and all(row.value == 1.0 for row in counted)
        applied = [row for row in rows if (row.metric, row.link, row.message) == ("latency_delivered", link, "PSM")]
        assert [row.value for row in applied] == [40]
    sent = [row for row in rows if row.metric == "frames_sent" and row.message == "PSM"]
    assert [(row.station_class, row.value) for row in sent] == [("pedestrian", 40)]


def test_what_pedestrians_receive_is_not_judged(walk: Air) -> None:
    """Property: no batch of a KPI holds a link to a pedestrian, though the radio reaches them."""
    seen: list[np.ndarray] = []
    air = fly(junction(pedestrians=WALKERS, duration_s=0.5))
    deliver, kinds = air.engine.pipeline._judged, air.engine.world.stations.kind
    from sim.frames import Receptions

    whole = Receptions.empty()
    assert len(deliver(whole).row) == 0
    rows, _ = collect(air.engine.kpis)
    assert not [row for row in rows if row.link not in ("", "V2V", "V2I", "I2V", "P2V", "P2I")]
    receivers = np.arange(air.engine.world.stations.size)
    one = np.zeros(1, np.int64)
    links = np.zeros(len(receivers), np.int64)
    batch = Receptions(
        one, one, one, one, np.ones(1, bool), links, receivers, links.astype(float), links.astype(np.int8),
        links.astype(np.int8), links.astype(float), links.astype(float),
    )
    seen.append(kinds[deliver(batch).receiver])
    assert Kind.PEDESTRIAN in kinds and Kind.PEDESTRIAN not in seen[0]
    assert len(seen[0]) == len(receivers) - len(WALKERS)


def test_pedestrians_change_no_draw_of_vehicles() -> None:
    """Property: BSM octets are the same with and without pedestrians, positioning errors included."""
    errors = {"model": "gauss-markov"}
    with_them = fly(junction(pedestrians=WALKERS, gnss=errors))
    without = fly(junction(gnss=errors))
    assert [row[3] for row in with_them.sent if row[0] == "BSM"] == [row[3] for row in without.sent if row[0] == "BSM"]


@pytest.mark.parametrize(("change", "said"), [
    ({"pedestrians": [WALKERS[0], WALKERS[0]]}, "pedestrians.1.id: p: is used twice"),
    ({"pedestrians": [{**WALKERS[0], "at_m": 2000}]}, "pedestrians.0.at_m: 2000: lies beyond the end"),
    ({"pedestrians": [{**WALKERS[1], "at_m": 990}]}, "pedestrians.0.at_m: 990: lies beyond the end"),
    ({"pedestrians": [{**WALKERS[0], "speed_mps": -1}]}, "pedestrians.0.speed_mps: -1: must be at least 0"),
    ({"coordination": {"planning_ms": 0}}, "coordination.planning_ms: 0: must be at least 1"),
])
def test_mistakes_are_named(change: dict, said: str) -> None:
    """By hand: one clear line."""
    with pytest.raises(ScenarioError) as caught:
        load_mapping(junction(**change))
    assert said in str(caught.value)
