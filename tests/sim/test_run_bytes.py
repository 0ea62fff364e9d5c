"""What a run puts on the air, proven from the decoded octets alone against the true world."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from rsu.applications.cn.lanes import read_lanes
from rsu.applications.cn.objects import read_objects
from rsu.applications.cn.signals import read_signals
from rsu.applications.lane_match import match_lanes
from rsu.applications.road_map import RoadMap
from rsu.messages import MESSAGE_SETS
from sim.engine import Engine
from sim.scenario import load
from sim.world.described import lane_key
from sim.world.signals import Switch

SET = MESSAGE_SETS["csae53-2020"]
TENTH_NS = 100_000_000


@dataclass
class Air:
    """Everything sent in one run, and the truth it is held against."""

    engine: Engine
    octets: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    samples: list[tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, ...]]]] = field(default_factory=list)
    vehicles: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def values(self, message: str) -> list[tuple[int, dict]]:
        """(generation time, decoded value) of every message of one kind."""
        found = []
        for time_ns, octets in self.octets[message]:
            decoded = SET.decode(octets, "strict")
            assert decoded.status == "ok" and decoded.message == message, decoded.error
            found.append((time_ns, decoded.value))
        return found


@pytest.fixture(scope="module")
def air() -> Air:
    """A short run over one signalised node with exact positions."""
    plan = ", ".join(f"{{approaches: [{name}], green_s: 3}}" for name in ("up", "down", "arm_right", "arm_left"))
    engine = Engine(load("03-one-border", [
        "gnss.model=exact", "duration_s=8", "traffic.flow_veh_h=900", f"corridor.nodes.0.phases=[{plan}]",
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

    def sampled(now_ns: int) -> None:
        observe(now_ns)
        fleet = world.fleet
        slots, lanes = [], []
        for slot in fleet.slots():
            for approach in world.network.approaches:
                to_stop = approach.stop_s_m - fleet.s_m[slot]
                if fleet.road[slot] == approach.road and 0 <= to_stop <= 300.0:
                    road = world.network.roads[approach.road]
                    lane = round(fleet.lateral_m[slot] / world.network.lane_width_m + (road.lanes - 1) / 2)
                    slots.append(slot)
                    lanes.append(lane_key(world, approach, int(np.clip(lane, 0, approach.lanes - 1))))
        lon, lat = world.lonlat(fleet.x_m[slots], fleet.y_m[slots])
        air.samples.append((lon, lat, fleet.heading_deg[slots], lanes))
        active = fleet.slots()
        air.vehicles[now_ns + engine.tick_ns] = world.lonlat(fleet.x_m[active], fleet.y_m[active])

    engine._observe = sampled  # type: ignore[method-assign]
    engine.run()
    return air


def road_map(air: Air) -> RoadMap:
    return RoadMap.of_lanes(read_lanes([value for _, value in air.values("MAP")]))


def test_every_octet_string_decodes_strictly(air: Air) -> None:
    """Independent: the general codec re-encodes every message to the very octets that were sent."""
    for message in ("BSM", "MAP", "SPAT", "RSI", "RSM"):
        assert len(air.values(message)) > 10, message


def test_vehicles_match_their_true_lane(air: Air) -> None:
    """Property: at least 99.9 % of samples within 300 m of a stop line, from MAP octets and exact positions."""
    lanes = road_map(air)
    hits = total = 0
    for lon, lat, heading, keys in air.samples:
        match = match_lanes(lanes, np.round(lon, 7), np.round(lat, 7), heading)
        true = np.array([lanes.lane_index[key] for key in keys])
        hits += int((match.lane == true).sum())
        total += len(true)
    assert total > 1000
    assert hits / total >= 0.999


def test_stop_lines_lie_where_traffic_stops(air: Air) -> None:
    """Independent: the last point of each lane against the stop line that vehicles obey, within 1 m."""
    lanes, world = road_map(air), air.engine.world
    seen = 0
    for approach in world.network.approaches:
        road = world.network.roads[approach.road]
        for lane in range(approach.lanes):
            end = lanes.lanes[lanes.lane_index[lane_key(world, approach, lane)]].points[-1]
            x, y = world.corridor.plane.to_plane(end[:1], end[1:])
            stop_x, stop_y = road.lane_xy(lane, approach.stop_s_m)
            assert np.hypot(x[0] - stop_x, y[0] - stop_y) < 1.0
            seen += 1
    assert seen == sum(a.lanes for a in world.network.approaches)


def test_every_phase_of_the_map_stands_in_spat_true_to_the_controller(air: Air) -> None:
    """Independent: light and switching instants in SPAT octets against the switches the controllers published."""
    world, wanted = air.engine.world, road_map(air).phase_ids
    node = (world.network.node_regions[0], world.network.node_ids[0])
    by_phase: dict[int, list[Switch]] = {}
    for switch in air.switches:
        by_phase.setdefault(switch.phase_id, []).append(switch)
    checked = changes = 0
    for time_ns, value in air.values("SPAT"):
        signals = read_signals([value], world.utc0_ns + time_ns)
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
    assert checked > 50 and changes > 10


def test_bsm_positions_are_true(air: Air) -> None:
    """Independent: every decoded BSM lies on the path of a true vehicle (1 cm wire step, 0.1 s of driving apart)."""
    octets = air.octets["BSM"]
    columns = SET.decode_vehicles([data for _, data in octets])
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
    assert checked > 500


def test_rsm_tells_of_true_vehicles(air: Air) -> None:
    """Distribution: objects lie near a true vehicle: 0.5 m sensor error per axis, 0.2 s of sensing age."""
    world, errors = air.engine.world, []
    plane = world.corridor.plane
    for time_ns, value in air.values("RSM"):
        after = -(-time_ns // air.engine.tick_ns) * air.engine.tick_ns
        if after not in air.vehicles:
            continue
        objects = read_objects(value, world.utc0_ns + time_ns)
        x, y = plane.to_plane(*objects.moved_to(world.utc0_ns + after))
        true_x, true_y = plane.to_plane(*air.vehicles[after])
        errors += [float(np.hypot(true_x - a, true_y - b).min()) for a, b in zip(x, y, strict=True)]
    assert len(errors) > 200
    assert np.quantile(errors, 0.95) < 2.0


def test_counters_roll_and_times_advance(air: Air) -> None:
    """Property: secMark of BSM is the generation instant's millisecond in the UTC minute."""
    octets = air.octets["BSM"]
    columns = SET.decode_vehicles([data for _, data in octets])
    times = np.array([time_ns for time_ns, _ in octets]) + air.engine.world.utc0_ns
    assert np.array_equal(columns.sec_mark_ms, times // 1_000_000 % 60_000)
