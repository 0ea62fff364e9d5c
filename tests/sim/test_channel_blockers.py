"""Vehicles in the way of links: by hand, against a walk along the line, and the same from both ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.access.neighbours import RSU, Neighbours
from sim.channel.blockers import Bodies
from sim.channel.ends import Ends
from sim.channel.propagation import Propagation
from sim.channel.scene import Scene
from sim.clock import stream
from sim.frames import Kind
from sim.scenario.schema.radio import Channel, Radio
from sim.traffic.fleet import Fleet
from sim.world.stations import Stations

CAR, TRUCK = (4.6, 1.8, 1.6), (12.0, 2.5, 3.5)


def ends(x_m, y_m, height_m=1.5, slot=None, kind=Kind.VEHICLE) -> Ends:
    """Stations with antennas of 3 dBi."""
    n = len(x_m)
    slots = np.arange(n) if slot is None else np.asarray(slot)
    height = np.broadcast_to(np.asarray(height_m, np.float32), n)
    return Ends(
        slots, np.full(n, kind, np.int8), np.asarray(x_m, float), np.asarray(y_m, float), height,
        np.full(n, 3.0, np.float32),
    )


def scene(*vehicles, least_height_m: float = 0.0, ring_length_m: float | None = None) -> Scene:
    """Vehicles given as (x, y, heading, (length, width, height)) with slots 100, 101 ..."""
    made = Scene(least_height_m=least_height_m, ring_length_m=ring_length_m)
    columns = np.array([[x, y, heading, *size] for x, y, heading, size in vehicles], float).T
    made.place(Bodies(*columns, 100 + np.arange(len(vehicles))))
    return made


def count(made: Scene, tx: Ends, rx: Ends) -> int:
    """Vehicles in the way of the only link of two stations."""
    found = made.between(tx, rx).blocker_count
    assert found is not None
    return int(found[0, 0])


A, B = ends([0.0], [0.0], slot=[0]), ends([200.0], [0.0], slot=[1])


def test_a_truck_between_blocks_and_one_beside_or_behind_does_not():
    """By hand: in the lane it blocks; in the next lane, behind either end it does not."""
    assert count(scene((100.0, 0.0, 90.0, TRUCK)), A, B) == 1
    assert count(scene((100.0, 3.75, 90.0, TRUCK)), A, B) == 0
    assert count(scene((100.0, 1.24, 90.0, TRUCK)), A, B) == 1
    assert count(scene((100.0, 1.26, 90.0, TRUCK)), A, B) == 0
    assert count(scene((-20.0, 0.0, 90.0, TRUCK), (220.0, 0.0, 90.0, TRUCK)), A, B) == 0
    assert count(scene((100.0, 5.9, 0.0, TRUCK)), A, B) == 1
    assert count(scene((60.0, 0.0, 90.0, TRUCK), (140.0, 0.0, 270.0, TRUCK)), A, B) == 2


def test_the_height_of_the_line_decides():
    """By hand: a car of 1.6 m blocks antennas of 1.5 m, not those of 1.7 m; from a mast of 5.5 m to 1.5 m the line is
    at 3.5 m halfway, so a truck of 3.5 m with its front past the middle blocks, one 20 m before it does not.
    """
    car = scene((100.0, 0.0, 90.0, CAR))
    assert count(car, A, B) == 1
    assert count(car, ends([0.0], [0.0], 1.7), ends([200.0], [0.0], 1.7, [1])) == 0
    assert count(scene((100.0, 0.0, 90.0, CAR), least_height_m=2.0), A, B) == 0
    mast = ends([0.0], [0.0], 5.5, [0], Kind.RSU)
    assert count(scene((101.0, 0.0, 90.0, TRUCK)), mast, B) == 1
    assert count(scene((80.0, 0.0, 90.0, TRUCK)), mast, B) == 0
    assert count(scene((180.0, 0.0, 90.0, CAR)), mast, B) == 0
    assert count(scene((199.0, 0.0, 0.0, CAR)), mast, B) == 1


def test_own_bodies_are_transparent():
    """By hand: the antenna of a truck at 3 m stands inside its own box of 3.5 m; another truck there would block."""
    made = scene((0.0, 0.0, 90.0, TRUCK), (200.0, 0.0, 90.0, TRUCK))
    own = ends([0.0], [0.0], 3.0, [100]), ends([200.0], [0.0], 3.0, [101])
    assert count(made, *own) == 0
    assert count(made, ends([0.0], [0.0], 3.0, [7]), own[1]) == 1


def walk(made: Bodies, one: np.ndarray, other: np.ndarray, skip: set[int], points: int = 2000) -> int:
    """Blocking vehicles by points along the line: independent of wedges and slabs."""
    part = np.linspace(0, 1, points + 1)[:, None]
    x, y, z = (one[i] + part * (other[i] - one[i]) for i in range(3))
    turn = np.radians(made.heading_deg)
    ahead = (x - made.x_m) * np.sin(turn) + (y - made.y_m) * np.cos(turn)
    right = (x - made.x_m) * np.cos(turn) - (y - made.y_m) * np.sin(turn)
    inside = (np.abs(ahead) < made.length_m / 2) & (np.abs(right) < made.width_m / 2) & (z < made.height_m)
    return sum(bool(hit) for hit, slot in zip(inside.any(axis=0), made.slot, strict=True) if slot not in skip)


@pytest.mark.parametrize("seed", range(2))
def test_against_a_walk_along_the_line(seed):
    """Independent: on a bent road with mixed heights; where a clipped corner lies between points, with more points."""
    draws = stream(seed, "test", "walk")
    n = 60
    along, lane = np.sort(draws.random(n) * 900.0), draws.integers(0, 6, n) * 3.75
    bend = np.clip(along - 450.0, 0, None)
    x, y = along - 0.1 * bend, lane + 0.4 * bend
    kind = draws.integers(0, 2, n)
    size = np.array([CAR, TRUCK])[kind]
    heading = np.where(along < 450.0, 90.0, 66.0) + 180.0 * draws.integers(0, 2, n)
    bodies = Bodies(x, y, heading, *size.T, np.arange(n))
    made = Scene(least_height_m=0.0)
    made.place(bodies)
    height = np.where(kind == 1, 3.0, 1.5)
    height[::7] = 5.5
    stations = ends(x, y, height)
    found = made.between(stations.take(slice(0, 30)), stations).blocker_count
    assert found is not None
    at = np.stack([x, y, height], axis=1)
    links = [(i, j) for i in range(0, 30, 2) for j in range(1, n, 5)]
    expected = [walk(bodies, at[i], at[j], {i, j}) for i, j in links]
    for (i, j), number in zip(links, expected, strict=True):
        assert found[i, j] == number or found[i, j] == walk(bodies, at[i], at[j], {i, j}, 100_000)
    assert max(expected) > 2


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ring=st.booleans(), least=st.sampled_from([0.0, 2.0]))
def test_the_same_from_both_ends(seed, ring, least):
    """Property: number and height are equal to the bit for (a, b) and (b, a), alone or in a block."""
    draws = stream(seed, "test", "both ends")
    n = 40
    x, y = draws.random(n) * 1000.0, draws.integers(0, 4, n) * 3.75
    size = np.array([CAR, TRUCK])[draws.integers(0, 2, n)]
    made = Scene(least_height_m=least, ring_length_m=1000.0 if ring else None)
    made.place(Bodies(x, y, draws.choice([90.0, 270.0, 0.0, 33.0], n), *size.T, np.arange(n)))
    stations = ends(x, y, draws.choice([1.5, 3.0, 5.5], n))
    whole = made.between(stations, stations)
    turned = made.between(stations.take(np.arange(n)[::-1]), stations)
    for name in ("blocker_count", "blocker_height_m"):
        values = getattr(whole, name)
        assert np.array_equal(values, values.T)
        assert np.array_equal(getattr(turned, name)[::-1], values)
    one = made.between(stations.take(slice(3, 4)), stations.take(slice(20, 25)))
    assert whole.blocker_count is not None and one.blocker_count is not None
    assert np.array_equal(one.blocker_count, whole.blocker_count[3:4, 20:25])


def test_no_seam_on_a_ring():
    """Property: turned by any way round the ring, the same vehicles block the same links."""
    draws = stream(8, "test", "ring")
    n = 50
    x, y = draws.random(n) * 800.0, draws.integers(0, 4, n) * 3.75
    size = np.array([CAR, TRUCK])[draws.integers(0, 2, n)]
    found = []
    for shift_m in (0.0, 128.0, 512.0):
        made = Scene(ring_length_m=800.0)
        place = (x + shift_m) % 800.0
        made.place(Bodies(place, y, np.full(n, 90.0), *size.T, np.arange(n)))
        found.append(made.between(ends(place, y), ends(place, y)).blocker_count)
    assert np.mean(found[0] != found[1]) < 0.002 and np.mean(found[0] != found[2]) < 0.002
    assert found[0].max() > 2


def test_a_fleet_becomes_bodies_halfway_through_the_tick():
    """By hand: a truck that drives from 90 to 93.3 m stands at 91.65 m; cars are left out from 2 m; empty slots too."""
    fleet = Fleet(8)
    slots = fleet.add(np.array([1, 2]))
    fleet.x_prev_m[slots], fleet.x_m[slots] = [90.0, 50.0], [93.3, 52.0]
    fleet.heading_deg[slots] = 90.0
    fleet.length_m[slots], fleet.width_m[slots], fleet.height_m[slots] = [12.0, 4.6], [2.5, 1.8], [3.5, 1.6]
    made = Scene(least_height_m=2.0)
    made.update(fleet, 30)
    bodies = made.blockers.bodies
    assert len(bodies) == 1
    assert bodies.x_m[0] == pytest.approx(91.65)
    assert bodies.slot[0] == 30 + slots[0]
    made = Scene(vehicles=False)
    made.update(fleet, 30)
    assert len(made.blockers) == 0


def gain_db(channel: Channel, made: Scene | None, tx: Ends, rx: Ends, seed: int = 1) -> float:
    """Gain of the only link of two stations."""
    propagation = Propagation(Radio(channel=channel), seed, scene=made)
    left = propagation.features(tx.x_m, tx.y_m)
    right = propagation.features(rx.x_m, rx.y_m)
    fields = tuple(one[0] @ other[1].T for one, other in zip(left.rows, right.rows, strict=True))
    return float(10 * np.log10(propagation.block_gain(tx, rx, fields, False))[0, 0])


def test_an_unequipped_truck_drives_past_standing_stations():
    """By hand: two standing units lose 6.9 dB in the tick in which a truck without a station is between them."""
    made = Scene()
    settings = Channel(line_of_sight="geometric", blockage="per-blocker", shadowing_sigma_nlosv_db=3.0)
    near = Neighbours(Propagation(Radio(channel=settings), 1, scene=made), -95.0, 1.0, 0.0)
    stations = Stations(2, 0, 0)
    stations.active[:] = True
    stations.station_id[:], stations.antenna_height_m[:] = [0, 1], 3.0
    stations.x0_m[:] = stations.x1_m[:] = [0.0, 200.0]
    gains = []
    for tick, x_m in enumerate((-50.0, 100.0, 250.0)):
        stations.tick_start_ns, stations.tick_end_ns = tick * 100_000_000, (tick + 1) * 100_000_000
        made.place(Bodies(*np.array([[x_m], [0.0], [90.0], [12.0], [2.5], [3.5]]), np.array([-1])))
        near.update(stations)
        columns, gain = near.run(0, RSU)
        gains.append(10 * np.log10(float(gain[columns == 1][0])))
    assert gains[0] == gains[2]
    assert gains[0] - gains[1] == pytest.approx(6.9, abs=1e-3)


def test_loss_per_blocker():
    """Printed: 6.9 dB for each vehicle in the way (ETSI TR 103 257); unequipped ones count."""
    made = scene((60.0, 0.0, 90.0, TRUCK), (140.0, 0.0, 90.0, TRUCK))
    plain = Channel(line_of_sight="geometric", blockage="per-blocker", shadowing_sigma_db=0, shadowing_sigma_nlosv_db=0)
    seen, behind = gain_db(plain, scene((0.0, 50.0, 90.0, TRUCK)), A, B), gain_db(plain, made, A, B)
    assert seen - behind == pytest.approx(2 * 6.9, abs=1e-3)
    assert seen == pytest.approx(gain_db(Channel(shadowing_sigma_db=0), None, A, B), abs=1e-3)


def test_blockage_by_the_highest_vehicle():
    """Printed: mean loss behind a truck 9.04 dB, 5.20 dB from a mast above it (100 m), over 300 seeds."""
    channel = Channel(line_of_sight="geometric", shadowing_sigma_db=0, shadowing_sigma_nlosv_db=0)
    made = scene((50.0, 0.0, 90.0, TRUCK), (30.0, 0.0, 90.0, (4.6, 1.8, 2.1)))
    clear = scene((0.0, 50.0, 90.0, TRUCK))
    far = ends([100.0], [0.0], 1.5, [1])
    for height_m, mean_db in ((1.5, 9.04), (4.0, 5.20)):
        near = ends([0.0], [0.0], height_m, [0])
        seen_db = gain_db(channel, clear, near, far)
        loss = [seen_db - gain_db(channel, made, near, far, seed) for seed in range(300)]
        assert np.mean(loss) == pytest.approx(mean_db, abs=0.7)
        assert min(loss) > -1e-3
