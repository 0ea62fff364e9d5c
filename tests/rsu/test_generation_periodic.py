"""Routine and event BSMs: timelines by hand (GB/T 45315-2025 7.2, 7.3, annex B, C.3)."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.generation.periodic import ROADSIDE_CAM, PeriodicFigures, PeriodicGeneration

MS = 1_000_000
ROW = np.array([0])
NOWHERE = np.zeros(1)


def ask(generation: PeriodicGeneration, time_ms: float, event: int = 0) -> tuple[bool, bool, bool, bool]:
    due = generation.due(ROW, int(time_ms * MS), NOWHERE, NOWHERE, NOWHERE, NOWHERE, np.array([event]))
    return bool(due.send[0]), bool(due.low_frequency[0]), bool(due.event[0]), bool(due.full_certificate_required[0])


def test_routine_and_path_history() -> None:
    """By hand: asked every 10 ms from 30 ms on: 30, 130, 230, ...; a path history in the first and every fifth."""
    generation = PeriodicGeneration(1)
    answers = {t: ask(generation, t) for t in range(30, 1200, 10)}
    assert [t for t, answer in answers.items() if answer[0]] == list(range(30, 1200, 100))
    assert [t for t, answer in answers.items() if answer[1]] == [30, 530, 1030]
    assert not any(answer[2] or answer[3] for answer in answers.values())


def test_event_timeline() -> None:
    """By hand: event A from 230 to 600, B from 460 to 700, asked every 10 ms.

    A is sent at once and cancels the routine BSM of 300; 330, 430; B at once at 460 restarts the grid: 560, 660; B
    has ended before 760, the routine BSM one period after the last event BSM. Path histories at 0, 560, 1060.
    """
    generation = PeriodicGeneration(1)
    answers = {}
    for t in range(0, 1100, 10):
        flags = (1 if 230 <= t < 600 else 0) | (4 if 460 <= t < 700 else 0)
        answers[t] = ask(generation, t, flags)
    routine = [t for t, (send, _, event, _) in answers.items() if send and not event]
    events = [t for t, (send, _, event, _) in answers.items() if send and event]
    assert routine == [0, 100, 200, 760, 860, 960, 1060]
    assert events == [230, 330, 430, 460, 560, 660]
    assert [t for t, answer in answers.items() if answer[1]] == [0, 560, 1060]
    assert all(event == certificate for _, _, event, certificate in answers.values())


def test_event_overrides_a_long_period() -> None:
    """By hand: thinned to 600 ms, an event from 250 to 480 still sends at 250, 350, 450; routine follows at 1050."""
    generation = PeriodicGeneration(1)
    generation.plan(ROW, np.array([600 * MS]))
    answers = {t: ask(generation, t, int(250 <= t < 480)) for t in range(0, 1800, 10)}
    assert [t for t, answer in answers.items() if answer[0]] == [0, 250, 350, 450, 1050, 1650]


def test_an_event_that_comes_back_is_a_new_one() -> None:
    """By hand: flag up at 110, down at 120, up again at 130: two event BSMs, at 110 and 130."""
    generation = PeriodicGeneration(1)
    answers = {t: ask(generation, t, int(t in (110, 130))) for t in range(0, 240, 10)}
    assert [t for t, answer in answers.items() if answer[0]] == [0, 100, 110, 130, 230]


def test_booleans_are_events() -> None:
    """By hand: a boolean array works as one flag."""
    generation = PeriodicGeneration(2)
    rows, nowhere = np.arange(2), np.zeros(2)
    due = generation.due(rows, 0, nowhere, nowhere, nowhere, nowhere, np.array([True, False]))
    assert due.send.tolist() == [True, True] and due.event.tolist() == [True, False]


def test_period_changes_count_from_the_last_message() -> None:
    """By hand: sent at 0, period 300 ms set at 50: next at 300; back to 100 ms at 350: next at 400."""
    generation = PeriodicGeneration(1)
    sent = []
    for t in range(0, 700, 10):
        if t == 50:
            generation.plan(ROW, np.array([300 * MS]))
        if t == 350:
            generation.plan(ROW, np.array([100 * MS]))
        if ask(generation, t)[0]:
            sent.append(t)
    assert sent == [0, 300, 400, 500, 600]


@pytest.mark.parametrize(
    ("early_ms", "sent"),
    [(250, [0, 250, 550]), (275, [0, 275, 575]), (280, [0, 300, 600]), (90, [0, 300, 600]), (100, [0, 100, 400])],
)
def test_early_messages(early_ms: int, sent: list[int]) -> None:
    """By hand, period 300 ms: early at 250 and 275 (25 ms before the plan) replans; at 280 the plan is too near, at 90
    the last message.

    A request that was refused is not kept.
    """
    generation = PeriodicGeneration(1)
    seen = []
    generation.plan(ROW, np.array([300 * MS]))
    for t in range(0, 605, 5):
        if t == early_ms:
            generation.plan(ROW, np.array([300 * MS]), np.array([True]))
        if ask(generation, t)[0]:
            seen.append(t)
    assert seen == sent


def test_next_instant_off_the_grid() -> None:
    """By hand: a period of 148 ms, asked at the instants the rule names: 0, 148, 296."""
    generation = PeriodicGeneration(1)
    generation.plan(ROW, np.array([148 * MS]))
    time_ns, sent = np.array([0]), []
    for _ in range(3):
        due = generation.due(ROW, time_ns, NOWHERE, NOWHERE, NOWHERE, NOWHERE)
        assert due.send[0]
        sent.append(int(time_ns[0]) // MS)
        time_ns = generation.next_ns(ROW, time_ns)
    assert sent == [0, 148, 296]


def test_roadside_cam() -> None:
    """By hand: 1 s apart, no low-frequency container, no events."""
    generation = PeriodicGeneration(1, ROADSIDE_CAM)
    answers = {t: ask(generation, t, 1) for t in range(0, 3001, 100)}
    assert [t for t, answer in answers.items() if answer[0]] == [0, 1000, 2000, 3000]
    assert not any(answer[1] or answer[2] or answer[3] for answer in answers.values())


def test_refuses_a_period_of_nothing() -> None:
    """By hand: the error names field and value."""
    with pytest.raises(ValueError, match="period_ns: 0"):
        PeriodicGeneration(1).plan(ROW, np.array([0]))
    with pytest.raises(ValueError, match="period_ms: -5"):
        PeriodicGeneration(1, PeriodicFigures(period_ms=-5))
