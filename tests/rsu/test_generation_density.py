"""Rate control by density and tracking error: GB/T 45315-2025 C.3 and SAE J2945/1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rsu.generation.congestion import Channel, Motion
from rsu.generation.density import GBT45315, DensityControl, J2945Control, period_ms
from rsu.generation.density import J2945_1 as J2945_FIGURES
from rsu.generation.periodic import PeriodicGeneration
from rsu.generation.tracking import TrackingError, early_probability

MS = 1_000_000
ROW = np.array([0])


def motion(x_m: float = 0.0, y_m: float = 0.0, sampled_ms: float = 0.0, speed_mps: float = 20.0,
           heading_deg: float = 90.0) -> Motion:
    return Motion(np.array([x_m]), np.array([y_m]), np.array([heading_deg]), np.array([speed_mps]),
                  np.array([int(sampled_ms * MS)]))


def channel(neighbours: float = math.nan, error_ratio: float = math.nan, cbr_ratio: float = math.nan) -> Channel:
    return Channel(np.array([cbr_ratio]), np.array([neighbours]), np.array([error_ratio]))


@pytest.mark.parametrize(
    ("count", "chinese_ms", "american_ms"),
    [(0, 100, 100), (25, 100, 100), (37, 100, 148), (38, 200, 152), (50, 200, 200), (62, 200, 248), (75, 300, 300),
     (100, 400, 400), (149, 600, 596), (150, 600, 600), (151, 600, 600), (1000, 600, 600)],
)
def test_period(count: float, chinese_ms: float, american_ms: float) -> None:
    """By hand: 100 ms to 25 vehicles, 100 x count / 25 (rounded to 100 ms in the Chinese rule), 600 ms from 150 on."""
    assert period_ms(np.array([count]), GBT45315).tolist() == [chinese_ms]
    assert period_ms(np.array([count]), J2945_FIGURES).tolist() == [pytest.approx(american_ms, abs=1e-9)]


def test_smoothing() -> None:
    """By hand: 100 vehicles from 0 give 100 (1 - 0.95^k): 5, 9.75, 14.26, 18.55, 22.62, then 26.49, so 105.96 ms."""
    control = J2945Control(1)
    periods = [control.decide(ROW, k * 100 * MS, channel(100.0), motion(), np.ones(1)).period_ns[0] for k in range(6)]
    assert periods[:5] == [100 * MS] * 5
    smoothed = 100.0 * (1.0 - 0.95**6)
    assert periods[5] == pytest.approx(smoothed / 25.0 * 100 * MS, abs=1.0)
    before = control.decide(ROW, 600 * MS, channel(), motion(), np.ones(1)).period_ns[0]
    assert before == periods[5], "an unknown count leaves the smoothed one"


@pytest.mark.parametrize(
    ("error_m", "probability"),
    [(0.0, 0.0), (0.1999, 0.0), (0.2, 0.0), (0.25, 0.1709709), (0.3, 0.5276334), (0.4, 0.9502129),
     (0.4999999, 0.9988291), (0.5, 1.0), (50.0, 1.0)],
)
def test_early_probability(error_m: float, probability: float) -> None:
    """By hand: 1 - exp(-0.1875), 1 - exp(-0.75), 1 - exp(-3), 1 - exp(-6.75), and the two flat parts."""
    assert early_probability(np.array([error_m]), GBT45315.tracking)[0] == pytest.approx(probability, abs=1e-6)


def after_a_message(time_ms: float, own: Motion) -> float:
    """Tracking error at ``time_ms``; the last BSM said x 0, y 0, east at 20 m/s, sampled at 0."""
    tracking = TrackingError(1)
    tracking.sent(ROW, motion(), np.ones(1))
    return float(tracking.error_m(ROW, int(time_ms * MS), own)[0])


@pytest.mark.parametrize(
    ("time_ms", "own", "error_m"),
    [
        (100, motion(2.0, 0.3, 100), 0.3),
        (100, motion(1.2, 0.0, 60), 0.8),
        (100, motion(1.0, 0.0, 50), 0.0),
        (49, motion(0.98, 0.0, 49), 0.98),
        (50, motion(1.0, 0.0, 50), 0.0),
        (1000, motion(17.0, 4.0, 850), 4.0),
        (1000, motion(17.0, 4.0, 849), 0.0),
        (3000, motion(60.0, 1.0, 3000), 1.0),
        (3001, motion(60.0, 1.0, 3001), 0.0),
        (100, motion(math.nan, 0.0, 100), 0.0),
    ],
)
def test_tracking_error(time_ms: float, own: Motion, error_m: float) -> None:
    """By hand: both sides go straight on at 20 m/s; positions younger than 50 ms stay where they are; own positions
    older than 150 ms and messages older than 3000 ms say nothing.

    Second row: own sample of 60 ms is 40 ms old, so it stays at 1.2 m while the others think 2.0 m.
    """
    assert after_a_message(time_ms, own) == pytest.approx(error_m, abs=1e-9)


def test_no_message_no_error() -> None:
    """By hand: before any BSM nobody is wrong."""
    assert TrackingError(1).error_m(ROW, 10 * MS, motion(500.0)).tolist() == [0.0]


def test_three_losses_in_a_row() -> None:
    """By hand: draws of 0 lose while the error ratio is above 0; the fourth message is taken as received, then three
    more are lost. The error at 100 ms after each message of a standing car at x = message number says which arrived."""
    tracking = TrackingError(1)
    believed = []
    for number in range(1, 10):
        tracking.observe(ROW, np.array([0.2]))
        said = motion(float(number), 0.0, number * 100, speed_mps=0.0)
        tracking.sent(ROW, said, np.zeros(1))
        here = motion(0.0, 0.0, number * 100, speed_mps=0.0)
        believed.append(round(float(tracking.error_m(ROW, number * 100 * MS, here)[0])))
    assert believed == [0, 0, 0, 4, 4, 4, 4, 8, 8]


def test_error_ratio_is_capped_and_unknown_is_none() -> None:
    """By hand: a ratio of 1 counts as 0.3, so a draw of 0.3 is a reception; NaN loses nothing."""
    for ratio, draw, arrives in ((1.0, 0.3, True), (1.0, 0.2999, False), (math.nan, 0.0, True), (0.1, 0.0999, False)):
        tracking = TrackingError(1)
        tracking.observe(ROW, np.array([ratio]))
        tracking.sent(ROW, motion(5.0, 0.0, 0, 0.0), np.array([draw]))
        error_m = tracking.error_m(ROW, 0, motion(0.0, 0.0, 0, 0.0))[0]
        assert error_m == pytest.approx(5.0 if arrives else 0.0)


def test_share_of_assumed_losses() -> None:
    """Distribution: with ratio p and the fourth of a run always received, losses are (p + p2 + p3)/(1 + p + p2 + p3);
    p = 0.3 gives 0.2943; 40,000 trials are within 4 standard errors (0.0091)."""
    rows = np.arange(400)
    tracking = TrackingError(len(rows))
    tracking.observe(rows, np.full(len(rows), 0.3))
    rng = np.random.default_rng(3)
    lost = 0
    zero = np.zeros(len(rows))
    for number in range(1, 101):
        stamp = np.full(len(rows), number * 100 * MS)
        said = Motion(zero + number, zero, zero, zero, stamp)
        tracking.sent(rows, said, rng.random(len(rows)))
        error_m = tracking.error_m(rows, number * 100 * MS, Motion(zero, zero, zero, zero, stamp))
        lost += int((error_m != number).sum())
    assert lost / 40_000 == pytest.approx(0.417 / 1.417, abs=0.0091)


def test_early_decision_follows_the_draw() -> None:
    """By hand: an error of 0.3 m has p = 0.5276, so a draw of 0.52 sends and 0.53 does not."""
    for draw, early in ((0.52, True), (0.53, False)):
        control = DensityControl(1)
        control.sent(ROW, motion(), np.ones(1), np.zeros(1, bool))
        decision = control.decide(ROW, 100 * MS, channel(10.0), motion(2.0, 0.3, 100), np.array([draw]))
        assert decision.early.tolist() == [early] and math.isnan(decision.power_dbm[0])


def test_power_steps() -> None:
    """By hand: from 15 dBm, free channel: half the way to 20 each time: 17.5, 18.75, 19.375; then a busy percentage
    of 1.0 smooths to 0.5 (still 20: 19.6875), 0.75 (wanted 11.6667: 15.677083), 0.875 (10: 12.838542)."""
    control = J2945Control(1)
    busy = (0.0, 0.0, 0.0, 1.0, 1.0, 1.0, math.nan)
    power = [
        float(control.decide(ROW, k * 100 * MS, channel(1.0, 0.0, cbr), motion(), np.ones(1)).power_dbm[0])
        for k, cbr in enumerate(busy)
    ]
    assert power == pytest.approx([17.5, 18.75, 19.375, 19.6875, 15.6770833, 12.8385417, 12.8385417])


@pytest.mark.parametrize(("cbr", "dbm"), [(0.0, 20), (0.5, 20), (0.65, 15), (0.8, 10), (0.95, 10), (0.56, 18)])
def test_wanted_power(cbr: float, dbm: float) -> None:
    """By hand: 20 dBm to 50 %, 10 dBm from 80 %, a straight line between (1 dB per 3 %)."""
    assert J2945Control(1).power.wanted_dbm(np.array([cbr]))[0] == pytest.approx(dbm)


def test_early_messages_go_at_full_power() -> None:
    """By hand: an error of 1 m sends early at 20 dBm on a full channel; the controlled power falls meanwhile."""
    control = J2945Control(1)
    control.sent(ROW, motion(), np.ones(1), np.zeros(1, bool))
    early = control.decide(ROW, 100 * MS, channel(1.0, 0.0, 1.0), motion(2.0, 1.0, 100), np.array([0.999]))
    calm = control.decide(ROW, 200 * MS, channel(1.0, 0.0, 1.0), motion(4.0, 0.0, 200), np.array([0.999]))
    assert (early.early[0], early.power_dbm[0]) == (True, 20.0)
    assert (calm.early[0], calm.power_dbm[0]) == (False, 11.25)


def run_straight(control: DensityControl, neighbours: np.ndarray, seconds: int) -> list[list[int]]:
    """Instants in ms of straight-driving cars asked every 100 ms, through control and generation together."""
    rows = np.arange(len(neighbours))
    generation = PeriodicGeneration(len(rows))
    sent: list[list[int]] = [[] for _ in rows]
    zero = np.zeros(len(rows))
    for tick in range(seconds * 10):
        now_ns = tick * 100 * MS
        here = Motion(zero + 2.5 * tick, zero, zero + 90.0, zero + 25.0, np.full(len(rows), now_ns))
        known = Channel(zero * math.nan, neighbours, zero)
        decision = control.decide(rows, now_ns, known, here, zero)
        generation.plan(rows, decision.period_ns, decision.early)
        send = generation.due(rows, now_ns, here.x_m, here.y_m, here.heading_deg, here.speed_mps).send
        control.sent(rows[send], here.at(send), zero[send], np.zeros(int(send.sum()), bool))
        for row in rows[send]:
            sent[row].append(tick * 100)
    return sent


def test_rates_of_whole_chain() -> None:
    """By hand: after settling, 25, 50, 100, 150 and 400 neighbours give 100, 200, 400, 600 and 600 ms, straight
    driving brings no early message, and one car's rate is unmoved by the others."""
    neighbours = np.array([25.0, 50.0, 100.0, 150.0, 400.0])
    sent = run_straight(DensityControl(5), neighbours, 40)
    for instants, expected_ms in zip(sent, (100, 200, 400, 600, 600), strict=True):
        settled = [t for t in instants if t >= 20_000]
        assert set(np.diff(settled).tolist()) == {expected_ms}
    assert run_straight(DensityControl(1), neighbours[2:3], 40)[0] == sent[2]
