"""CAM and VAM triggers, by hand on 100 ms checks and against a plain scalar state machine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from rsu.generation.cam import CAM, CamGeneration, KinematicGeneration, VamGeneration

STEP_NS = 100_000_000
RECORDED_STEPS_S = (0.1988, 0.2001, 0.2013, 0.1981, 0.2005, 0.3002, 0.3013, 0.2997)
"""Steps between CAMs of a public recording of a car at about 20 m/s (Boslx/scapy-etsi-its, CAM_Recording.pcapng)."""


def sent_checks(generation: KinematicGeneration, x_m: Sequence[float], speed_mps: Sequence[float] | None = None,
                heading_deg: Sequence[float] | None = None) -> tuple[list[int], list[int]]:
    """Numbers of the checks that sent, and of those with the low-frequency container, for one car."""
    speed_mps = speed_mps if speed_mps is not None else [10.0] * len(x_m)
    heading_deg = heading_deg if heading_deg is not None else [90.0] * len(x_m)
    sent, slow = [], []
    row = np.array([0])
    for check, (x, speed, heading) in enumerate(zip(x_m, speed_mps, heading_deg, strict=True)):
        due = generation.due(row, check * STEP_NS, np.array([x]), np.zeros(1), np.array([heading]), np.array([speed]))
        assert not due.full_certificate_required[0] and not due.event[0]
        if due.send[0]:
            sent.append(check)
        if due.low_frequency[0]:
            slow.append(check)
    return sent, slow


def test_twenty_metres_per_second_gives_two_tenths() -> None:
    """By hand: 20.1 m/s is 4.02 m in 0.2 s; the low-frequency container is in CAM 0 and then every 0.6 s (first at or
    after 0.5 s)."""
    sent, slow = sent_checks(CamGeneration(1), [2.01 * k for k in range(25)])
    assert sent == list(range(0, 25, 2))
    assert slow == [0, 6, 12, 18, 24]


def test_exactly_four_metres_is_not_more_than_four() -> None:
    """By hand: 20 m/s is exactly 4 m in 0.2 s, so the CAM comes at 0.3 s."""
    sent, _ = sent_checks(CamGeneration(1), [2.0 * k for k in range(13)])
    assert sent == [0, 3, 6, 9, 12]


def test_speed_near_twenty_gives_the_steps_of_a_recording() -> None:
    """Printed: a recorded car at about 20 m/s has steps of 0.2 and 0.3 s only, within 3 ms; so has the rule."""
    recorded = {round(step / 0.1) for step in RECORDED_STEPS_S}
    assert max(abs(step - round(step / 0.1) * 0.1) for step in RECORDED_STEPS_S) < 0.003
    speed = [20.0 + 0.4 * math.sin(k / 15) for k in range(600)]
    sent, _ = sent_checks(CamGeneration(1), np.cumsum(np.array(speed) * 0.1).tolist(), speed)
    assert set(np.diff(sent).tolist()) == recorded == {2, 3}


def test_t_gen_cam_is_remembered_for_three() -> None:
    """By hand: 13.4 m/s gives 4.02 m in 0.3 s. Then at 13.3 m/s (3.99 m) three CAMs follow by time at 0.3 s, T_GenCam
    is 1 s again, and the next come by 5.32 m in 0.4 s."""
    way = np.cumsum([0.0] + [1.34] * 3 + [1.33] * 24).tolist()
    generation = CamGeneration(1)
    sent, _ = sent_checks(generation, way)
    assert sent == [0, 3, 6, 9, 12, 16, 20, 24]
    assert generation.limit_ns(np.array([0])).tolist() == [400_000_000]


def test_constant_speed_below_the_bound_is_slower() -> None:
    """By hand: 13.3 m/s from the start is 3.99 m in 0.3 s, so every step is 0.4 s; 13.4 m/s gives 0.3 s."""
    assert sent_checks(CamGeneration(1), [1.33 * k for k in range(17)])[0] == [0, 4, 8, 12, 16]
    assert sent_checks(CamGeneration(1), [1.34 * k for k in range(13)])[0] == [0, 3, 6, 9, 12]


def test_a_standing_vehicle_sends_once_a_second() -> None:
    """By hand: nothing changes, T_GenCamMax is 1 s; every CAM has the low-frequency container."""
    sent, slow = sent_checks(CamGeneration(1), [5.0] * 41, [0.0] * 41)
    assert sent == slow == [0, 10, 20, 30, 40]


def test_a_sudden_stop() -> None:
    """By hand: CAM at 0.2 s; at 0.3 s the speed is 0, so a CAM and T_GenCam 0.1 s; three by time; then 1 s."""
    sent, _ = sent_checks(CamGeneration(1), [0.0, 2.01] + [4.02] * 26, [20.1] * 3 + [0.0] * 25)
    assert sent == [0, 2, 3, 4, 5, 6, 16, 26]


@pytest.mark.parametrize(("degrees_per_check", "checks"), [(1.5, 3), (1.0, 5), (-1.5, 3), (4.5, 1)])
def test_a_turning_car(degrees_per_check: float, checks: int) -> None:
    """By hand: 1.5 deg per check is 4.5 deg in three; 1.0 is exactly 4 deg in four, not more; through north."""
    heading = [(355.0 + degrees_per_check * k) % 360.0 for k in range(16)]
    sent, _ = sent_checks(CamGeneration(1), [0.1 * k for k in range(16)], [1.0] * 16, heading)
    assert sent == list(range(0, 16, checks))


def test_a_car_that_starts() -> None:
    """By hand: 2 m/s2 is 0.6 m/s in three checks; positions differ by less than 4 m all the time."""
    speed = [0.2 * k for k in range(13)]
    sent, _ = sent_checks(CamGeneration(1), [0.0] * 13, speed)
    assert sent == [0, 3, 6, 9, 12]


def test_unknown_motion_leaves_the_time() -> None:
    """By hand: NaN triggers nothing, so one CAM per second."""
    missing = [math.nan] * 21
    assert sent_checks(CamGeneration(1), missing, missing, missing)[0] == [0, 10, 20]


def test_access_layer_holds_back() -> None:
    """By hand: T_GenCam_Dcc 500 ms at 20.1 m/s gives 0.5 s; 50 and 5000 ms are clamped to 100 and 1000 ms."""
    row, way = np.array([0]), [5.0 * k for k in range(21)]
    for asked_ms, checks in ((500.0, 5), (50.0, 1), (5000.0, 10)):
        generation = CamGeneration(1)
        generation.limit_by_access(row, np.array([asked_ms]))
        assert sent_checks(generation, way)[0] == list(range(0, 21, checks))
    with pytest.raises(ValueError, match="interval_ms"):
        CamGeneration(1).limit_by_access(row, np.array([math.nan]))


def test_access_layer_holds_back_messages_by_time_too() -> None:
    """By hand: CAMs at 0 and 0.2 s leave T_GenCam at 0.2 s; the car stands and T_GenCam_Dcc is 500 ms: three CAMs by
    time at 0.5 s steps, then 1 s."""
    row, generation, still = np.array([0]), CamGeneration(1), np.zeros(1)
    sent = []
    for check in range(40):
        if check == 3:
            generation.limit_by_access(row, np.array([500.0]))
        x_m = np.array([min(2.01 * check, 4.02)])
        if generation.due(row, check * STEP_NS, x_m, still, still, still).send[0]:
            sent.append(check)
    assert sent == [0, 2, 7, 12, 17, 27, 37]


def test_a_late_check_remembers_no_more_than_a_second() -> None:
    """By hand: asked again after 3 s of driving, T_GenCam is T_GenCamMax."""
    row, generation, still = np.array([0]), CamGeneration(1), np.zeros(1)
    for second in (0, 3):
        assert generation.due(row, second * 10 * STEP_NS, 10.0 * second + still, still, still, still).send[0]
    assert generation.limit_ns(row).tolist() == [1_000_000_000]


def test_vam() -> None:
    """By hand: standing 5 s; walking 1.5 m/s needs 27 checks for 4.05 m; a cyclist at 4.5 m/s sends every 0.9 s and
    has the low-frequency container every 2.7 s (first at or after 2 s)."""
    assert sent_checks(VamGeneration(1), [0.0] * 101)[0] == [0, 50, 100]
    assert sent_checks(VamGeneration(1), [0.15 * k for k in range(60)])[0] == [0, 27, 54]
    sent, slow = sent_checks(VamGeneration(1), [0.45 * k for k in range(60)])
    assert sent == list(range(0, 60, 9)) and slow == [0, 27, 54]


def scalar_cam(x_m: np.ndarray, y_m: np.ndarray, heading_deg: np.ndarray, speed_mps: np.ndarray) -> list[int]:
    """The rule of EN 302 637-2 6.1.3 for one car, written as prose reads: milliseconds, one variable per quantity."""
    sent: list[int] = []
    t_gen_cam_ms, in_a_row = 1000, 0
    for check in range(len(x_m)):
        if not sent:
            sent.append(check)
            continue
        last = sent[-1]
        elapsed_ms = 100 * (check - last)
        turned = abs(heading_deg[check] - heading_deg[last])
        turned = min(turned, 360.0 - turned)
        dynamic = (turned > 4.0 or math.dist((x_m[check], y_m[check]), (x_m[last], y_m[last])) > 4.0
                   or abs(speed_mps[check] - speed_mps[last]) > 0.5)
        if elapsed_ms >= 100 and dynamic:
            sent.append(check)
            t_gen_cam_ms, in_a_row = min(elapsed_ms, 1000), 0
        elif elapsed_ms >= t_gen_cam_ms:
            sent.append(check)
            in_a_row += 1
            if in_a_row == 3:
                t_gen_cam_ms, in_a_row = 1000, 0
    return sent


def test_arrays_equal_a_scalar_state_machine() -> None:
    """Independent: 300 cars that turn, brake, stop and go for 40 s; every instant equals the scalar rule (no rate is
    such that a difference lands exactly on a bound, where rounding would decide)."""
    rng = np.random.default_rng(7)
    cars, checks = 300, 400
    acceleration = np.repeat(rng.choice([-3.07, -0.43, 0.0, 0.0, 0.43, 2.03], (checks // 20, cars)), 20, axis=0)
    yaw = np.repeat(rng.choice([0.0, 0.0, 0.0, 3.1, -8.3, 25.7, 45.7], (checks // 10, cars)), 10, axis=0)
    speed = np.zeros((checks, cars))
    speed[0] = rng.uniform(0, 33, cars)
    for k in range(1, checks):
        speed[k] = np.clip(speed[k - 1] + 0.1 * acceleration[k], 0.0, 39.3)
    heading = (rng.uniform(0, 360, cars) + np.cumsum(0.1 * yaw * (speed > 1), axis=0)) % 360.0
    x = np.cumsum(0.1 * speed * np.sin(np.radians(heading)), axis=0)
    y = np.cumsum(0.1 * speed * np.cos(np.radians(heading)), axis=0)
    generation, rows = CamGeneration(cars), np.arange(cars)
    send = np.array([generation.due(rows, k * STEP_NS, x[k], y[k], heading[k], speed[k]).send for k in range(checks)])
    lengths = set()
    for car in range(cars):
        instants = np.flatnonzero(send[:, car]).tolist()
        assert instants == scalar_cam(x[:, car], y[:, car], heading[:, car], speed[:, car])
        lengths |= set(np.diff(instants).tolist())
    assert lengths == set(range(1, 11)), "every interval from 100 to 1000 ms occurs, none beyond"
    assert CAM.remembered_count == 3
