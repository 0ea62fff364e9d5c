"""Rate control by CBR and speed: GB/T 45315-2025 C.2, cell by cell, and its memory of ten messages."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rsu.generation.congestion import CbrSpeedControl, CbrTable, Channel, Motion, NoControl

MS = 1_000_000
ROW = np.array([0])
PRINTED_MS = {
    "0 .. 0.3": (100, 100, 100, 100),
    "0.3 .. 0.6": (100, 100, 100, 100),
    "0.6 .. 0.8": (1000, 500, 200, 100),
    "0.8 .. 1": (1000, 500, 400, 100),
}
INSIDE_RATIO = {"0 .. 0.3": 0.1, "0.3 .. 0.6": 0.45, "0.6 .. 0.8": 0.7, "0.8 .. 1": 0.95}
INSIDE_KMH = (2.0, 7.0, 18.0, 60.0)


def state(cbr_ratio: float, speed_mps: float) -> tuple[Channel, Motion]:
    one = np.ones(1)
    return Channel(cbr_ratio * one, math.nan * one, math.nan * one), Motion(
        0 * one, 0 * one, 0 * one, speed_mps * one, np.zeros(1, np.int64))


def decide(control: CbrSpeedControl | NoControl, cbr_ratio: float, speed_mps: float) -> int:
    decision = control.decide(ROW, 0, *state(cbr_ratio, speed_mps), np.zeros(1))
    assert not decision.early[0] and math.isnan(decision.power_dbm[0])
    return int(decision.period_ns[0]) // MS


def send(control: CbrSpeedControl, count: int, event: bool = False) -> None:
    for _ in range(count):
        control.sent(ROW, state(0.0, 0.0)[1], np.zeros(1), np.array([event]))


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("row", PRINTED_MS)
def test_table(row: str, column: int) -> None:
    """Printed: each cell of C.2, from a fresh control (the first change is free)."""
    assert decide(CbrSpeedControl(1), INSIDE_RATIO[row], INSIDE_KMH[column] / 3.6) == PRINTED_MS[row][column]


@pytest.mark.parametrize(
    ("cbr_ratio", "speed_kmh", "expected_ms"),
    [(0.6, 2, 100), (0.6001, 2, 1000), (0.8, 18, 200), (0.8001, 18, 400), (0.0, 0, 100), (1.0, 0, 1000),
     (0.7, 5, 1000), (0.7, 5.001, 500), (0.7, 10, 500), (0.7, 10.001, 200), (0.7, 25, 200), (0.7, 25.001, 100)],
)
def test_bounds_belong_below(cbr_ratio: float, speed_kmh: float, expected_ms: int) -> None:
    """By hand: the chosen reading; "> 25 km/h" is printed, the rest follows it."""
    looked_up = CbrTable().looked_up_ms(np.array([cbr_ratio]), np.array([speed_kmh / 3.6]))
    assert looked_up.tolist() == [expected_ms]


def test_ten_messages_before_the_next_change() -> None:
    """By hand: 1000 ms under load; the load goes, but the ninth message does not free the period, the tenth does."""
    control = CbrSpeedControl(1)
    assert decide(control, 0.9, 0.0) == 1000
    send(control, 9)
    assert decide(control, 0.1, 0.0) == 1000
    send(control, 3, event=True)
    assert decide(control, 0.1, 0.0) == 1000, "event messages are not made at the period"
    send(control, 1)
    assert decide(control, 0.1, 0.0) == 100
    assert decide(control, 0.9, 0.0) == 100
    send(control, 10)
    assert decide(control, 0.9, 0.0) == 1000


def test_unknown_channel_keeps_the_period() -> None:
    """By hand: NaN changes nothing, in either direction."""
    control = CbrSpeedControl(1)
    assert decide(control, math.nan, 0.0) == 100
    assert decide(control, 0.9, math.nan) == 100
    assert decide(control, 0.9, 0.0) == 1000
    send(control, 10)
    assert decide(control, math.nan, 30.0) == 1000


def test_no_control() -> None:
    """By hand: nothing moves it."""
    assert decide(NoControl(1), 1.0, 0.0) == 100
