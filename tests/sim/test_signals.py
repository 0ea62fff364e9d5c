"""Fixed-time signals."""

import numpy as np
import pytest
import simpy

from sim.clock import NEVER, SECOND
from sim.scenario.schema.corridor import Corridor, Jurisdiction, PhasePlan, SideArms, SignalNode
from sim.world.corridor import CorridorGeometry, WorldProblems
from sim.world.network import APPROACHES, RoadNetwork
from sim.world.signals import Light, SignalController, Signals, Switch, default_plan, signal_problems

ALL = list(APPROACHES)


def corridor(*nodes, **changes):
    return Corridor(
        **{
            "datum": "WGS84",
            "length_m": 3000.0,
            "jurisdictions": [Jurisdiction(id="A")],
            "nodes": list(nodes),
            **changes,
        }
    )


def plan(*stages, **times):
    return [PhasePlan(approaches=names, green_s=green, **times) for names, green in stages]


def test_default_plan_is_split_phasing_of_90_s():
    """By hand: 4 x 5 s lost, 70 s of green shared 4 : 4 : 3 : 3."""
    stages = default_plan(ALL)
    assert [s.approaches for s in stages] == [[name] for name in ALL]
    assert [s.green_s for s in stages] == [20, 20, 15, 15]
    assert sum(s.green_s + s.yellow_s + s.all_red_s for s in stages) == 90
    assert sum(s.green_s + s.yellow_s + s.all_red_s for s in default_plan(ALL[::2])) == 90


@pytest.mark.parametrize(
    "at_s, phase_id, light, end_s",
    [
        (0, 1, Light.GREEN, 20),
        (19.999, 1, Light.GREEN, 20),
        (20, 1, Light.YELLOW, 23),
        (23, 1, Light.RED, 90),
        (0, 2, Light.RED, 25),
        (25, 2, Light.GREEN, 45),
        (85, 4, Light.YELLOW, 88),
        (89, 4, Light.RED, 160),
        (95, 1, Light.GREEN, 110),
        (900, 1, Light.GREEN, 920),
    ],
)
def test_states_by_hand(at_s, phase_id, light, end_s):
    """By hand: the default plan written out."""
    controller = SignalController(0, SignalNode(id="N", at_m=1), ALL)
    assert controller.state_at(phase_id, round(at_s * SECOND)) == (light, end_s * SECOND)


def test_offset_shifts_the_cycle():
    """Property: before and after t = 0."""
    plain = SignalController(0, SignalNode(id="N", at_m=1), ALL)
    late = SignalController(0, SignalNode(id="N", at_m=1, offset_s=37.5), ALL)
    for at_s in (-50, 0, 37.4, 37.5, 61, 200):
        light, end_ns = plain.state_at(3, round(at_s * SECOND))
        assert late.state_at(3, round((at_s + 37.5) * SECOND)) == (light, end_ns + round(37.5 * SECOND))


def test_consecutive_greens_are_one():
    """By hand: up is green through two stages and the change between them; always green never ends."""
    node = SignalNode(
        id="N", at_m=1, phases=plan((["up"], 10), (["up", "down"], 20), (["arm_right"], 5), (["arm_left"], 5))
    )
    controller = SignalController(0, node, ALL)
    assert controller.state_at(1, 0) == (Light.GREEN, 35 * SECOND)
    assert controller.state_at(1, 36 * SECOND) == (Light.YELLOW, 38 * SECOND)
    assert controller.state_at(2, 12 * SECOND) == (Light.RED, 15 * SECOND)
    always = SignalController(0, SignalNode(id="N", at_m=1, phases=plan((["up"], 10))), ["up"])
    assert always.state_at(1, 5) == (Light.GREEN, NEVER)


def test_vectorised_equals_scalar_and_ends_are_exact():
    """Property: same answers; just before the end the light is the same, at the end it is another."""
    controller = SignalController(0, SignalNode(id="N", at_m=1, offset_s=11), ALL)
    times = np.random.default_rng(1).integers(-(10**11), 10**12, 300)
    for phase_id in (1, 2, 3, 4):
        lights, ends = controller.states_at(phase_id, times)
        for time, light, end in zip(times, lights, ends, strict=True):
            assert controller.state_at(phase_id, int(time)) == (light, end)
            assert time < end
            assert controller.state_at(phase_id, int(end) - 1)[0] == light
            assert controller.state_at(phase_id, int(end))[0] != light


def test_never_two_conflicting_lights():
    """Property: over a cycle at most one approach of the default plan is not red, and all-red occurs."""
    signals = Signals(RoadNetwork(CorridorGeometry(corridor(SignalNode(id="N", at_m=1500)))))
    moving = [np.count_nonzero(signals.lights_at(t * SECOND // 2)[0] != Light.RED) for t in range(180)]
    assert max(moving) == 1 and min(moving) == 0
    assert signals.longest_cycle_ns == 90 * SECOND


def test_process_publishes_every_switch_once():
    """Independent path: the SimPy process against a scan of state_at in 0.5 s steps."""
    signals = Signals(
        RoadNetwork(
            CorridorGeometry(
                corridor(SignalNode(id="N", at_m=700), SignalNode(id="M", at_m=2000, offset_s=13))
            )
        )
    )
    heard: list[Switch] = []
    signals.listeners.append(heard.append)
    env = simpy.Environment(initial_time=0)
    signals.run(env)
    env.run(until=200 * SECOND)
    expected = set()
    for controller in signals.controllers:
        for phase_id in controller.phase_ids:
            shown = None
            for half in range(400):
                light, end_ns = controller.state_at(phase_id, half * SECOND // 2)
                if light != shown:
                    expected.add(Switch(half * SECOND // 2, controller.node, phase_id, light, end_ns))
                shown = light
    assert set(heard) == expected and len(heard) == len(expected)


@pytest.mark.parametrize(
    "arms, stages, words",
    [
        (SideArms(), [["up", "arm_right"], ["down"], ["arm_left"]], "cross"),
        (SideArms(), [["up", "down"], ["arm_right"], ["arm_left"]], "main_left_ratio"),
        (SideArms(main_left_ratio=0), [["up", "down"], ["arm_right", "arm_left"]], "turn_left_ratio"),
        (SideArms(), [["up"], ["down"], ["arm_right"]], "arm_left never gets green"),
        (SideArms(), [["up"], ["down"], ["arm_right"], ["left"]], "is not one of"),
    ],
)
def test_impossible_plans_are_refused(arms, stages, words):
    """Property: conflicting, missing and unknown approaches are named."""
    config = corridor(
        SignalNode(id="N", at_m=1500, arms=arms, phases=plan(*((names, 20) for names in stages)))
    )
    assert any(words in message for _, message in signal_problems(config))
    with pytest.raises(WorldProblems, match=r"corridor.nodes\[0\].phases"):
        Signals(RoadNetwork(CorridorGeometry(config)))


def test_two_phase_plan_is_allowed_without_left_turns():
    """Property."""
    arms = SideArms(main_left_ratio=0, turn_left_ratio=0)
    config = corridor(
        SignalNode(
            id="N", at_m=1500, arms=arms, phases=plan((["up", "down"], 30), (["arm_right", "arm_left"], 20))
        )
    )
    assert signal_problems(config) == []
