"""When acting on a signal is a mistake: read from units of another profile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rsu.applications.lane_match import LaneMatch
from sim.clock import SECOND
from sim.frames import Outcome
from sim.receivers.base import Delivery
from sim.receivers.signals import SpatReceiver

NODE, KEY = 0, (3101, 1)
MATCHED, TRUE = np.array([1, 2, 2]), np.array([1, 1, -1])
"""Three vehicles: on the lane they believe in; beside it; with a map that lacks their lane."""
RIGHT, LOST, WRONG = Outcome.DELIVERED, Outcome.NOT_INTERPRETED, Outcome.APPLIED_WRONG


def advice(road_map: Any, signals: Any, match: LaneMatch, *, true_lane: Any = None, **ages: Any) -> Any:
    """Acts on any lane it is matched to; applied rightly where that is the true one."""
    acts = match.lane >= 0
    return SimpleNamespace(applied=acts if true_lane is None else acts & (match.lane == true_lane))


def receiver(told: list[int]) -> SpatReceiver:
    """Of three vehicles on one approach that have just heard its map; ``told``: nodes that the sender tells of."""
    count = len(MATCHED)
    match = LaneMatch(MATCHED, np.full(count, 50.0), np.zeros(count))
    maps = SimpleNamespace(
        world=SimpleNamespace(utc0_ns=0), approaches=SimpleNamespace(approach=np.zeros(count, np.int64)),
        heard_ns=np.full((1, count), SECOND), nodes_of_key={KEY: [NODE]}, meant=lambda key, sender: told,
        match=lambda node: (np.arange(count), match, TRUE), map_of=lambda node: None, only_supplier=lambda *of: None,
    )
    made = SpatReceiver.__new__(SpatReceiver)
    fresh = SimpleNamespace(duplicate=lambda node, slots, *of: np.zeros(len(slots), bool))
    made.__dict__ |= {
        "maps": maps, "coverage": None, "newest": fresh, "map_tau_ns": 5 * SECOND, "spat_tau_s": 1.0,
        "_applies": advice, "_decode": lambda octets: SimpleNamespace(
            value={}, readers=SimpleNamespace(signals=lambda value, near_ns: {(*KEY, 1): "green"})),
    }
    return made


@pytest.mark.parametrize(
    ("foreign", "wrong", "told", "expected"),
    [
        (False, None, [NODE], [RIGHT, LOST, LOST]),
        (True, [False], [NODE], [RIGHT, LOST, WRONG]),
        (True, [True], [NODE], [WRONG, WRONG, WRONG]),
        (False, None, [], [WRONG, WRONG, WRONG]),
    ],
)
def test_when_acting_is_a_mistake(
    foreign: bool, wrong: list[bool] | None, told: list[int], expected: list[int]
) -> None:
    """By hand: a lane matched amiss is lost alike whoever sends; a map without the true lane, a signal read wrong and
    a signal of another node with this identifier mislead."""
    delivery = Delivery(
        [b"spat"], np.array([9]), np.array([SECOND]), np.zeros(3, np.int64), np.arange(3), np.full(3, SECOND),
        wrong=None if wrong is None else np.array(wrong), foreign=foreign,
    )
    assert receiver(told).judge(delivery).tolist() == expected
