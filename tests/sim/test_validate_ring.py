"""The ring runner and its counting, with a radio whose result is known in advance."""

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.frames import Frames, Outcome, Receptions
from sim.validate.ring import FIRST_VEHICLE_ID, Plan, replicate
from sim.validate.setting import Setting
from sim.validate.statistics import Tally, bin_edges_m, half_width, pooled, sample, student_t_975
from sim.world.stations import Stations

SETTING = Setting(0.05, 10.0, 20.0, 4, 190)
DISTANCE_M = np.arange(0.0, 501.0, 25.0)


class KnownRadio:
    """Sends every frame after 1 ms: delivered below 300 m, a lost SCI below 100 m, no row beyond 400 m.

    Every tenth frame of a sender never leaves its queue.
    """

    def __init__(self, setting: Setting, stations: Stations, seed: int, plan: Plan) -> None:
        self.waiting: list[Frames] = []
        self.log: list[Frames] = []

    def submit(self, frames: Frames) -> None:
        self.waiting.append(frames)
        self.log.append(frames)

    def next_due_ns(self) -> int:
        return 0

    def stations_changed(self, stations: Stations) -> None:
        pass

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(2), np.array([0.25, 0.75])

    def provenance(self) -> dict[str, str]:
        return {}

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        frames = Frames.concatenate(self.waiting)
        due = frames.ready_ns + 2 * MS <= now_ns
        self.waiting = [frames.take(~due)]
        frames = frames.take(due)
        start_ns = frames.ready_ns + MS
        x_m, _ = stations.position(np.arange(stations.size), now_ns)
        gap_m = np.abs(x_m[None, :] - x_m[frames.sender][:, None]) % stations.ring_m
        distance_m = np.minimum(gap_m, stations.ring_m - gap_m)
        sent = frames.sequence % 10 != 9
        reached = (distance_m <= 400.0) & sent[:, None]
        reached[np.arange(len(frames)), frames.sender] = False
        row, receiver = np.nonzero(reached)
        d = distance_m[row, receiver]
        data = np.where(d < 300.0, Outcome.DELIVERED, Outcome.COLLISION).astype(np.int8)
        full = np.where(d < 100.0, Outcome.CONTROL_LOST, data).astype(np.int8)
        level = np.zeros(len(d), np.float32)
        return Receptions(
            frames.frame,
            frames.sender,
            start_ns,
            start_ns + MS,
            sent,
            row,
            receiver,
            d,
            full,
            data,
            level,
            level,
        )


def test_counts_of_a_known_radio() -> None:
    """By hand: 90 % of frames leave, all of those arrive below 300 m; absent rows are below sensitivity."""
    tally = replicate(SETTING, 3, Plan(1.0, 1.0, speed_mps=0.0, ring_factor=0.3), KnownRadio)
    shares = sample(tally, bin_edges_m(DISTANCE_M, True, 500.0))
    near, edge, far, out = shares.pdr[1:12], shares.pdr[12], shares.pdr[13:16], shares.pdr[17:]
    np.testing.assert_allclose(near, 0.9)
    assert 0.2 < edge < 0.7
    np.testing.assert_allclose(far, 0.0)
    np.testing.assert_allclose(out, 0.0)
    np.testing.assert_allclose(shares.causes["col"][13:16], 0.9)
    np.testing.assert_allclose(shares.causes["sen"][17:], 0.9)
    np.testing.assert_allclose(shares.causes["sci"][:4], 0.9)
    np.testing.assert_allclose(shares.causes["sci"][5:], 0.0)
    np.testing.assert_allclose(shares.pdr_with_sci[:4], 0.0)
    assert tally.unsent_frames * 10 == tally.frames
    assert tally.busy_ratio == 0.5


def test_every_vehicle_sends_at_its_rate_and_every_pair_counts() -> None:
    """By hand: 10 packets per vehicle in a measured second; 2 beta d - 1 others within d (own cell)."""
    tally = replicate(SETTING, 4, Plan(1.0, 1.0, speed_mps=0.0, report_m=2100.0, ring_factor=0.5), KnownRadio)
    vehicles = SETTING.vehicle_count // 2
    assert tally.frames == 10 * vehicles
    assert tally.present.sum() == 10 * vehicles * (vehicles - 1)
    within_500_m = tally.present[:200].sum() / tally.frames
    assert within_500_m == pytest.approx(2 * 500 * SETTING.vehicles_per_m - 1, rel=0.01)
    total = tally.data.sum(axis=0)
    np.testing.assert_array_equal(total, tally.present)
    np.testing.assert_array_equal(tally.full.sum(axis=0), tally.present)


@pytest.mark.parametrize(
    "plan", [Plan(0.5, 0.5, "uniform", 0.0, ring_factor=0.3), Plan(0.5, 0.5, speed_mps=33.0, ring_factor=0.3)]
)
def test_frames_are_well_formed(plan: Plan) -> None:
    """Property: numbers grow, sequences count per vehicle, times are phase + k periods, 190 B."""
    radios: list[KnownRadio] = []

    def factory(setting: Setting, stations: Stations, seed: int, plan: Plan) -> KnownRadio:
        radios.append(KnownRadio(setting, stations, seed, plan))
        return radios[0]

    tally = replicate(SETTING, 5, plan, factory)
    frames = Frames.concatenate(radios[0].log)
    np.testing.assert_array_equal(frames.frame, np.arange(len(frames)))
    np.testing.assert_array_equal(frames.sender_id, FIRST_VEHICLE_ID + frames.sender)
    assert set(frames.size_bytes.tolist()) == {190}
    first_ns = frames.generated_ns - frames.sequence * 100 * MS
    for vehicle in range(0, 120, 17):
        own = frames.sender == vehicle
        np.testing.assert_array_equal(frames.sequence[own], np.arange(own.sum()))
        assert len(set(first_ns[own].tolist())) == 1
    assert 0 <= first_ns.min() < first_ns.max() < 100 * MS
    shares = sample(tally, bin_edges_m(DISTANCE_M, True, 500.0))
    assert np.nanmin(shares.pdr[1:11]) > 0.7


def test_equal_seeds_give_equal_counts() -> None:
    """Property: same seed, same counts; another seed, other places."""
    one, same, other = (replicate(SETTING, seed, Plan(0.3, 0.3, ring_factor=0.3), KnownRadio) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.data, same.data)
    assert np.any(one.present != other.present)


def test_bins_are_centred_and_the_last_is_half() -> None:
    """By hand: 0-12.5, 12.5-37.5, ..., 487.5-500 (model: -512.5); 0-5, 5-15 at a step of 10 m."""
    half = bin_edges_m(DISTANCE_M, True, 500.0)
    np.testing.assert_array_equal(half[[0, 1, 19, 20]], [[0, 12.5], [12.5, 37.5], [462.5, 487.5], [487.5, 500]])
    whole = bin_edges_m(DISTANCE_M, False, 500.0)
    np.testing.assert_array_equal(whole[-1], [487.5, 512.5])
    shorter = bin_edges_m(np.arange(0.0, 301.0, 10.0), True, 500.0)
    np.testing.assert_array_equal(shorter[[0, 1, -1]], [[0, 5], [5, 15], [295, 305]])


def test_half_width_against_printed_quantiles() -> None:
    """Printed: t(0.975) is 2.776 for 4, 2.042 for 30, 2.000 for 60 degrees; by hand for 1 .. 5."""
    assert student_t_975(4) == 2.776
    assert student_t_975(30) == 2.042
    assert student_t_975(60) == pytest.approx(2.000, abs=0.002)
    width = half_width(np.arange(1.0, 6.0)[:, None])
    assert width[0] == pytest.approx(2.776 * np.sqrt(2.5 / 5))
    assert np.isnan(half_width(np.ones((1, 2)))).all()


def test_half_width_covers_the_mean() -> None:
    """Distribution: of 2,000 samples of five values, 95 +- 1.5 % of the intervals hold the mean."""
    values = np.random.default_rng(1).normal(3.0, 2.0, (5, 2000))
    inside = np.abs(values.mean(axis=0) - 3.0) <= half_width(values)
    assert inside.mean() == pytest.approx(0.95, abs=0.015)


def test_pooling_adds_up() -> None:
    """By hand: two tallies of one packet each, one received at 1 m, one lost at 30 m."""
    one, two = Tally(), Tally()
    one.present[0] = one.data[Outcome.DELIVERED, 0] = one.full[Outcome.DELIVERED, 0] = 1
    two.present[12] = two.data[Outcome.HALF_DUPLEX, 12] = two.full[Outcome.HALF_DUPLEX, 12] = 1
    one.frames = two.frames = 1
    shares = sample(pooled([one, two]), bin_edges_m(DISTANCE_M, True, 500.0))
    assert shares.pdr[:2].tolist() == [1.0, 0.0]
    assert shares.causes["hd"][1] == 1.0
    assert np.isnan(shares.pdr[2:]).all()


def test_interrupt_reaches_the_caller() -> None:
    """Property: an exception from the per-tick check ends the replication at once."""

    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replicate(SETTING, 1, Plan(), KnownRadio, check)


def test_clock_of_the_plan() -> None:
    """By hand: a longer measured part counts proportionally more frames."""
    short, long = (
        replicate(SETTING, 2, Plan(0.2, seconds, ring_factor=0.25), KnownRadio).frames for seconds in (0.5, 1.5)
    )
    assert (short, long) == (5 * 100, 15 * 100)
    assert SECOND == 10 * SETTING.period_ns
