"""What a run of every message set puts on the air, proven from the decoded octets alone against the true world."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.applications.base import Readers
from rsu.applications.lane_match import match_lanes
from rsu.applications.road_map import RoadMap
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import SERVICE_CLASSES, MessageSet
from sim.engine import Engine
from sim.scenario import load
from sim.world.signals import Switch

TENTH_NS = 100_000_000


@dataclass
class Air:
    """Everything sent in one run, and the truth it is held against."""

    engine: Engine
    octets: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    samples: list[tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, int]]]] = field(default_factory=list)
    """(lon, lat, heading, true (approach, lane)) of vehicles near a stop line, tick by tick."""
    vehicles: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    @property
    def message_set(self) -> MessageSet:
        return self.engine.message_set

    @property
    def readers(self) -> Readers:
        return READERS[self.message_set.family]

    def messages(self, service: str) -> list[str]:
        """Messages of a service class that were sent."""
        names = dict.fromkeys(f.flow.message for f in self.engine.flows.values() if f.flow.service == service)
        return [name for name in names if name in self.octets]

    def values(self, service: str) -> list[tuple[int, str, dict]]:
        """(generation time, message, decoded value) of everything sent for one service class."""
        found = []
        for message in self.messages(service):
            for time_ns, octets in self.octets[message]:
                decoded = self.message_set.decode(octets, "strict")
                assert decoded.status == "ok" and decoded.message == message, decoded.error
                found.append((time_ns, message, decoded.value))
        return found


@pytest.fixture(scope="module", params=list(MESSAGE_SETS))
def air(request: pytest.FixtureRequest) -> Air:
    """A short run over one signalised node with exact positions."""
    plan = ", ".join(f"{{approaches: [{name}], green_s: 3}}" for name in ("up", "down", "arm_right", "arm_left"))
    engine = Engine(load("03-one-border", [
        "gnss.model=exact", "duration_s=5", "traffic.flow_veh_h=900", f"corridor.nodes.0.phases=[{plan}]",
        f"standards.message_set={request.param}",
    ]))
    air = Air(engine)
    world, names = engine.world, {flow.flow.index: flow.flow.message for flow in engine.flows.values()}
    add = engine.ledger.add

    def recorded(count, payload, **columns):  # type: ignore[no-untyped-def]
        frames = add(count, payload, **columns)
        times = np.broadcast_to(columns["generated_ns"], (count,))
        air.octets.setdefault(names[columns["flow"]], []).extend(zip(times.tolist(), payload, strict=True))
        return frames

    engine.ledger.add = recorded  # type: ignore[method-assign]
    world.signals.listeners.append(air.switches.append)
    observe = engine._observe

    def sampled(now_ns: int, *rest: object) -> None:
        observe(now_ns, *rest)
        fleet = world.fleet
        slots, lanes = [], []
        for slot in fleet.slots():
            for approach in world.network.approaches:
                to_stop = approach.stop_s_m - fleet.s_m[slot]
                if fleet.road[slot] == approach.road and 0 <= to_stop <= 300.0:
                    road = world.network.roads[approach.road]
                    lane = round(fleet.lateral_m[slot] / world.network.lane_width_m + (road.lanes - 1) / 2)
                    slots.append(slot)
                    lanes.append((approach.index, int(np.clip(lane, 0, approach.lanes - 1))))
        lon, lat = world.lonlat(fleet.x_m[slots], fleet.y_m[slots])
        air.samples.append((lon, lat, fleet.heading_deg[slots], lanes))
        active = fleet.slots()
        air.vehicles[now_ns + engine.tick_ns] = world.lonlat(fleet.x_m[active], fleet.y_m[active])

    engine._observe = sampled  # type: ignore[method-assign]
    engine.run()
    return air


def road_map(air: Air) -> RoadMap:
    return RoadMap.of_lanes(lane for _, _, value in air.values("MAP") for lane in air.readers.lanes(value))


def stop_lines(air: Air) -> dict[tuple[int, int], tuple[float, float]]:
    """(approach, lane) -> where vehicles stop, on the plane."""
    network = air.engine.world.network
    return {
        (approach.index, lane): tuple(
            float(part) for part in network.roads[approach.road].lane_xy(lane, approach.stop_s_m)
        )
        for approach in network.approaches for lane in range(approach.lanes)
    }


def true_places(air: Air, lanes: RoadMap) -> dict[tuple[int, int], int]:
    """(approach, lane) -> index of the lane of the map that ends nearest to its stop line, at most 1 m away."""
    plane, found = air.engine.world.corridor.plane, {}
    for place, (stop_x, stop_y) in stop_lines(air).items():
        ends = np.array([lane.points[-1] for lane in lanes.lanes])
        x, y = plane.to_plane(ends[:, 0], ends[:, 1])
        away_m = np.hypot(x - stop_x, y - stop_y)
        assert away_m.min() < 1.0, place
        found[place] = int(np.argmin(away_m))
    return found


def test_every_octet_string_decodes_strictly(air: Air) -> None:
    """Independent: the general codec re-encodes every message to the very octets that were sent."""
    for service in SERVICE_CLASSES:
        sent = air.values(service)
        assert len(sent) >= 5, service
    codec = air.message_set.codec
    for message, packets in air.octets.items():
        for _, octets in packets:
            assert codec.encode(message, codec.decode(octets).value) == octets


def test_vehicles_match_their_true_lane(air: Air) -> None:
    """Property: at least 99.9 % of samples within 300 m of a stop line, from MAP octets and exact positions."""
    lanes = road_map(air)
    places = true_places(air, lanes)
    hits = total = 0
    for lon, lat, heading, keys in air.samples:
        match = match_lanes(lanes, np.round(lon, 7), np.round(lat, 7), heading)
        true = np.array([places[key] for key in keys])
        hits += int((match.lane == true).sum())
        total += len(true)
    assert total > 500
    assert hits / total >= 0.999


def test_stop_lines_lie_where_traffic_stops(air: Air) -> None:
    """Independent: the last point of each lane against the stop line that vehicles obey, within 1 m."""
    found = true_places(air, road_map(air))
    assert len(set(found.values())) == len(stop_lines(air)) > 4


def test_every_phase_of_the_map_stands_in_spat_true_to_the_controller(air: Air) -> None:
    """Independent: light and switching instants in SPAT octets against the switches the controllers published."""
    world, wanted = air.engine.world, road_map(air).phase_ids
    node = (world.network.node_regions[0], world.network.node_ids[0])
    by_phase: dict[int, list[Switch]] = {}
    for switch in air.switches:
        by_phase.setdefault(switch.phase_id, []).append(switch)
    checked = changes = 0
    for time_ns, _, value in air.values("SPAT"):
        signals = air.readers.signals(value, world.utc0_ns + time_ns)
        assert {key[2] for key in signals if key[:2] == node} >= wanted
        for phase in wanted:
            signal = signals[(*node, phase)]
            now = [s for s in by_phase[phase] if s.time_ns <= time_ns][-1]
            assert signal.light == now.light.name.lower()
            checked += 1
            later = [s for s in by_phase[phase] if s.time_ns > time_ns]
            if later:
                told_ns = signal.next_change_utc_ns - world.utc0_ns
                assert abs(told_ns - later[0].time_ns) <= TENTH_NS
                changes += 1
    assert checked > 40 and changes > 5


def test_vehicle_positions_are_true(air: Air) -> None:
    """Independent: every decoded BSM or CAM lies on a true vehicle's path (1 cm wire step, 0.1 s of driving apart)."""
    octets = air.octets[air.message_set.awareness]
    columns = air.message_set.decode_vehicles([data for _, data in octets])
    assert (columns.status == 0).all()
    plane = air.engine.world.corridor.plane
    checked = 0
    for (time_ns, _), lon, lat, speed in zip(
        octets, columns.longitude_deg, columns.latitude_deg, columns.speed_mps, strict=True
    ):
        after = -(-time_ns // air.engine.tick_ns) * air.engine.tick_ns
        if after not in air.vehicles:
            continue
        x, y = plane.to_plane(np.array([lon]), np.array([lat]))
        true_x, true_y = plane.to_plane(*air.vehicles[after])
        ahead_m = (after - time_ns) * 1e-9 * (speed + 0.5)
        assert np.hypot(true_x - x, true_y - y).min() <= ahead_m + 0.05
        checked += 1
    assert checked > 200


def test_rsm_tells_of_true_vehicles(air: Air) -> None:
    """Distribution: objects lie near a true vehicle: 0.5 m sensor error per axis, 0.2 s of sensing age."""
    world, errors = air.engine.world, []
    plane = world.corridor.plane
    for time_ns, message, value in air.values("RSM"):
        after = -(-time_ns // air.engine.tick_ns) * air.engine.tick_ns
        if after not in air.vehicles:
            continue
        objects = air.readers.objects(message, value, world.utc0_ns + time_ns)
        x, y = plane.to_plane(*objects.moved_to(world.utc0_ns + after))
        true_x, true_y = plane.to_plane(*air.vehicles[after])
        errors += [float(np.hypot(true_x - a, true_y - b).min()) for a, b in zip(x, y, strict=True)]
    assert len(errors) > 50
    assert np.quantile(errors, 0.95) < 2.0


def test_one_unit_is_one_station(air: Air) -> None:
    """Property: an ETSI unit names the same station in its SPATEM, MAPEM, DENM, IVIM and CPM."""
    if air.message_set.family != "etsi":
        pytest.skip("only ETSI messages name their station in a header")
    stations = {}
    for service in ("MAP", "SPAT", "RSI", "RSM"):
        heads = [value["header"] for _, _, value in air.values(service)]
        stations[service] = {head["stationId" if "stationId" in head else "stationID"] for head in heads}
    assert stations["MAP"] == stations["SPAT"]
    assert stations["RSM"] <= stations["RSI"] | stations["MAP"] and len(stations["RSM"]) == 1


def test_counters_roll_and_times_advance(air: Air) -> None:
    """Property: secMark (BSM) or generationDeltaTime (CAM) is the millisecond of the generation instant."""
    octets = air.octets[air.message_set.awareness]
    columns = air.message_set.decode_vehicles([data for _, data in octets])
    times = np.array([time_ns for time_ns, _ in octets]) + air.engine.world.utc0_ns
    if air.message_set.awareness == "BSM":
        assert np.array_equal(columns.sec_mark_ms, times // 1_000_000 % 60_000)
    else:
        since_2004_ms = (times - 1_072_915_200_000_000_000) // 1_000_000 + 5_000
        sent = [air.message_set.decode(data).value["cam"]["generationDeltaTime"] for _, data in octets]
        assert sent == (since_2004_ms % 65_536).tolist()


def test_events_and_signs_are_told_where_they_are(air: Air) -> None:
    """Independent: every event of the scenario is told, its own path on the carriageway it lies on, within 2 m."""
    world = air.engine.world
    told: dict[tuple[str, int], list[np.ndarray]] = {}
    for _, message, value in air.values("RSI"):
        for event in air.readers.events(message, value):
            told.setdefault((event.kind, event.id), []).extend(event.paths)
    assert set(told) == {(event.kind, event.id) for event in world.config.events}
    for event in world.config.events:
        road = world.network.roads[world.network.main[event.direction]]
        for path in told[event.kind, event.id]:
            assert len(path) >= 2
            x, y = world.corridor.plane.to_plane(path[:, 0], path[:, 1])
            for px, py in zip(x, y, strict=True):
                chainage_m, _ = world.corridor.project(float(px), float(py))
                s_m = np.atleast_1d(road.s_at_chainage(np.array([chainage_m])))
                middle_x, middle_y = road.lane_xy(np.array([(road.lanes - 1) / 2]), s_m)
                assert np.hypot(middle_x[0] - px, middle_y[0] - py) < 2.0
