"""The road driver and its counting, with a radio whose result is known in advance."""

from dataclasses import replace

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.frames import Frames, Outcome, Receptions
from sim.scenario.schema.radio import Radio
from sim.validate.road import FIRST_VEHICLE_ID, Layout, Trial, replicate
from sim.validate.statistics import Tally, bin_edges_m, half_width, pooled, sample, student_t_975
from sim.world.stations import Stations

CAUSES = {"sen": (Outcome.SENSITIVITY,), "col": (Outcome.COLLISION,), "late": (Outcome.NEVER_SENT,)}
TRIAL = Trial(
    "known", "ideal", Radio(), Layout(120, 2400.0), 10.0, 190, 20.0, warmup_s=1.0, measure_s=1.0, report_m=520.0
)
DISTANCE_M = np.arange(0.0, 501.0, 25.0)
EDGES_M = bin_edges_m(DISTANCE_M, True, 500.0)


class KnownRadio:
    """Sends every frame after 1 ms: delivered below 300 m, a lost SCI below 100 m, no row beyond 400 m.

    Every tenth frame of a sender never leaves its queue.
    """

    def __init__(self, trial: Trial, stations: Stations, seed: int) -> None:
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
        return {"access": "known"}

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        frames = Frames.concatenate(self.waiting)
        due = frames.ready_ns + 2 * MS <= now_ns
        self.waiting = [frames.take(~due)]
        frames = frames.take(due)
        start_ns = frames.ready_ns + MS
        x_m, y_m = stations.position(np.arange(stations.size), now_ns)
        gap_m = np.abs(x_m[None, :] - x_m[frames.sender][:, None])
        if stations.ring_m:
            gap_m = np.minimum(gap_m % stations.ring_m, stations.ring_m - gap_m % stations.ring_m)
        distance_m = np.hypot(gap_m, y_m[None, :] - y_m[frames.sender][:, None])
        sent = frames.sequence % 10 != 9
        reached = (distance_m <= 400.0) & sent[:, None]
        reached[np.arange(len(frames)), frames.sender] = False
        row, receiver = np.nonzero(reached)
        d = distance_m[row, receiver]
        data = np.where(d < 300.0, Outcome.DELIVERED, Outcome.COLLISION).astype(np.int8)
        full = np.where(d < 100.0, Outcome.CONTROL_LOST, data).astype(np.int8)
        level = np.zeros(len(d), np.float32)
        return Receptions(
            frames.frame, frames.sender, start_ns, start_ns + MS, sent, row, receiver, d, full, data, level, level
        )


def test_counts_of_a_known_radio() -> None:
    """By hand: 90 % of frames leave, all of those arrive below 300 m; absent rows are below sensitivity."""
    tally = replicate(TRIAL, 3, KnownRadio)
    shares = sample(tally, EDGES_M, CAUSES)
    np.testing.assert_allclose(shares.pdr[1:12], 0.9)
    assert 0.2 < shares.pdr[12] < 0.7
    np.testing.assert_allclose(shares.pdr[13:16], 0.0)
    np.testing.assert_allclose(shares.pdr[17:], 0.0)
    np.testing.assert_allclose(shares.causes["col"][13:16], 0.9)
    np.testing.assert_allclose(shares.causes["sen"][17:], 0.9)
    np.testing.assert_allclose(shares.causes["late"][1:], 0.1)
    np.testing.assert_allclose(shares.causes["sci"][:4], 0.9)
    np.testing.assert_allclose(shares.causes["sci"][5:], 0.0)
    np.testing.assert_allclose(shares.pdr_with_sci[:4], 0.0)
    assert tally.unsent_frames * 10 == tally.frames
    assert tally.busy_ratio == 0.5
    assert tally.provenance == {"access": "known"}


def test_every_vehicle_sends_at_its_rate_and_every_pair_counts() -> None:
    """By hand: 10 packets per vehicle in a measured second; 2 beta d - 1 others within d (own cell)."""
    tally = replicate(replace(TRIAL, report_m=2100.0), 4, KnownRadio)
    assert tally.frames == 10 * 120
    assert tally.present.sum() == 10 * 120 * 119
    within_500_m = tally.present[:200].sum() / tally.frames
    assert within_500_m == pytest.approx(2 * 500 * 0.05 - 1, rel=0.01)
    np.testing.assert_array_equal(tally.data.sum(axis=0), tally.present)
    np.testing.assert_array_equal(tally.full.sum(axis=0), tally.present)


def test_open_road_with_two_lanes_counts_inner_receivers() -> None:
    """By hand: 2 x 41 places 50 m apart; 21 of each lane lie 500 m or more from both ends.

    Of 82 senders with 10 packets each, 21 x 2 receivers count; the one at the sender's own place in the other lane is
    4 m away, in the fine bin from 2.5 to 5 m.
    """
    layout = Layout(41, 2050.0, ring=False, placement="even", lanes_m=(0.0, 4.0), edge_m=500.0)
    tally = replicate(replace(TRIAL, layout=layout, report_m=2100.0), 1, KnownRadio)
    assert tally.frames == 10 * 82
    assert tally.present[1] == 10 * 42
    assert tally.present.sum() == 10 * (82 * 42 - 42)


@pytest.mark.parametrize("placement", ["uniform", "even", "jittered"])
@pytest.mark.parametrize("speed_mps", [0.0, 33.0])
def test_frames_are_well_formed(placement: str, speed_mps: float) -> None:
    """Property: numbers grow, sequences count per vehicle, times are phase + k periods, 190 B; PDR stays known."""
    radios: list[KnownRadio] = []

    def factory(trial: Trial, stations: Stations, seed: int) -> KnownRadio:
        radios.append(KnownRadio(trial, stations, seed))
        return radios[0]

    layout = replace(TRIAL.layout, placement=placement, speed_mps=speed_mps)
    tally = replicate(replace(TRIAL, layout=layout).lasting(0.5, 0.5), 5, factory)
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
    assert np.nanmin(sample(tally, EDGES_M, CAUSES).pdr[1:11]) > 0.7


def test_speed_needs_a_ring() -> None:
    """By hand: moving vehicles would leave an open road."""
    with pytest.raises(ValueError, match="speed_mps needs a ring"):
        Layout(10, 1000.0, ring=False, speed_mps=1.0)


def test_equal_seeds_give_equal_counts() -> None:
    """Property: same seed, same counts; another seed, other places."""
    short = TRIAL.lasting(0.3, 0.3)
    one, same, other = (replicate(short, seed, KnownRadio) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one.data, same.data)
    assert np.any(one.present != other.present)


def test_bins_are_centred_and_the_last_is_half() -> None:
    """By hand: 0-12.5, 12.5-37.5, ..., 487.5-500 (model: -512.5); 0-5, 5-15 at a step of 10 m."""
    np.testing.assert_array_equal(EDGES_M[[0, 1, 19, 20]], [[0, 12.5], [12.5, 37.5], [462.5, 487.5], [487.5, 500]])
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
    two.present[12] = two.data[Outcome.COLLISION, 12] = two.full[Outcome.COLLISION, 12] = 1
    one.frames = two.frames = 1
    shares = sample(pooled([one, two]), EDGES_M, CAUSES)
    assert shares.pdr[:2].tolist() == [1.0, 0.0]
    assert shares.causes["col"][1] == 1.0
    assert np.isnan(shares.pdr[2:]).all()


def test_interrupt_reaches_the_caller() -> None:
    """Property: an exception from the per-tick check ends the replication at once."""

    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replicate(TRIAL, 1, KnownRadio, check)


def test_clock_of_the_trial() -> None:
    """By hand: a longer measured part counts proportionally more frames."""
    short, long = (replicate(TRIAL.lasting(0.2, seconds), 2, KnownRadio).frames for seconds in (0.5, 1.5))
    assert (short, long) == (5 * 120, 15 * 120)
    assert SECOND == 10 * TRIAL.period_ns
