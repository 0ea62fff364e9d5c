"""When vehicles of a run send: triggers of CAM, hard braking, rate control; from the frames of the run alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsu.messages import MESSAGE_SETS
from sim.clock import MS, SECOND
from sim.engine import Engine
from sim.frames import Kind
from sim.scenario.loader import load_mapping

ROAD = {
    "datum": "WGS84", "length_m": 2000, "jurisdictions": [{"id": "A", "spans": [{}]}],
    "sections": [{"road_class": "expressway", "lanes": 3, "speed_limit_mps": 33.3}],
}


def scenario(traffic: dict[str, Any], message_set: str, **bsm: Any) -> dict[str, Any]:
    return {
        "schema": "corridor/1", "name": "when", "duration_s": 4, "traffic_warmup_s": 0, "radio_warmup_s": 8,
        "corridor": ROAD, "traffic": {"equipped_ratio": 1, **traffic}, "bsm": bsm,
        "gnss": {"model": "exact"},
        "standards": {"message_set": message_set}, "radio": {"access": "ideal"}, "measure": {"probes": False},
    }


def sent(engine: Engine) -> dict[int, list[tuple[int, int, bytes]]]:
    """Slot of a vehicle -> (instant, flow, octets) of each of its messages, of the whole run."""
    add, taken = engine.ledger.add, []

    def note(count: int, octets: Any, **columns: Any) -> Any:
        for k in range(count):
            one = {name: int(np.broadcast_to(columns[name], count)[k]) for name in ("sender", "generated_ns", "flow")}
            if engine.world.stations.kind[one["sender"]] == Kind.VEHICLE:
                taken.append((one["sender"], one["generated_ns"], one["flow"], octets[k]))
        return add(count, octets, **columns)

    engine.ledger.add = note  # type: ignore[method-assign]
    engine.run()
    made: dict[int, list[tuple[int, int, bytes]]] = {}
    for sender, *message in sorted(taken):
        made.setdefault(sender, []).append(tuple(message))
    return made


HARD_BRAKING = 7
"""Number of the bit eventHardBraking, in both families."""


def flags(value: object) -> bytes:
    """Octets of the field ``events`` of a BSM, zero without one."""
    if isinstance(value, dict):
        if "events" in value:
            return bytes(value["events"][0])
        parts = [flags(one) for one in value.values()]
    else:
        parts = [flags(one) for one in value] if isinstance(value, (list, tuple)) else []
    return next((part for part in parts if any(part)), b"\0\0")


def gaps_ms(made: dict[int, list[tuple[int, int, bytes]]], from_ns: int = 0) -> list[float]:
    """Times between successive messages of each vehicle, those that begin from an instant on."""
    return [
        (b[0] - a[0]) / MS for one in made.values() for a, b in zip(one, one[1:], strict=False) if a[0] >= from_ns
    ]


@pytest.mark.parametrize(("speed_mps", "gap_ms"), [(33.0, 200), (16.7, 300), (3.0, 1000)])
def test_cams_follow_four_metres_or_a_second(speed_mps: float, gap_ms: int) -> None:
    """By hand: more than 4 m at an even speed takes 4 / v, checked every 100 ms: 0.24 s at 16.7 m/s becomes 0.3 s."""
    traffic = {"model": "constant-speed", "speed_mps": speed_mps, "density_veh_km": 5}
    made = sent(Engine(load_mapping(scenario(traffic, "etsi-its"))))
    assert len(made) >= 5 and set(gaps_ms(made, SECOND)) == {gap_ms}


def test_braking_hard_makes_events_at_once(tmp_path: Path) -> None:
    """By hand: 20 m/s, from t = 9 s on 6 m/s2 for 2 s; event BSM every 100 ms meanwhile, no others."""
    rows, x = [], 100.0
    for step in range(150):
        time_s = step / 10
        braked_s = min(max(time_s - 9.0, 0.0), 2.0)
        speed = 20.0 - 6.0 * braked_s
        rows.append(f"{time_s:.1f},a,{x:.4f},0.0,{speed:.3f},90.0")
        x += speed * 0.1
    (tmp_path / "moves.csv").write_text("time,id,x,y,speed,heading\n" + "\n".join(rows) + "\n")
    for message_set, events in (("csae53-2020", True), ("sae-j2735", True), ("csae53-2020", False)):
        content = scenario({"model": "trajectories", "file": str(tmp_path / "moves.csv")}, message_set, events=events)
        engine = Engine(load_mapping(content))
        made = sent(engine)
        (one,) = made.values()
        urgent = [(time_ns, octets) for time_ns, flow, octets in one if flow != one[0][1]]
        if not events:
            assert not urgent
            continue
        times = np.array([time_ns for time_ns, _ in urgent]) / SECOND
        assert 9.0 <= times[0] <= 9.25 and 10.8 <= times[-1] <= 11.25
        assert np.allclose(np.diff(times), 0.1)
        for _, octets in urgent:
            assert flags(MESSAGE_SETS[message_set].decode(octets).value)[0] & 1 << 7 - HARD_BRAKING
        quiet = [octets for _, flow, octets in one if flow == one[0][1]]
        assert quiet and not any(flags(MESSAGE_SETS[message_set].decode(octets).value)[0] & 1 for octets in quiet)



STANDING = {"model": "static", "stations": [900.0 + 3.0 * k for k in range(30)] * 2}
"""Sixty vehicles within 100 m of each other."""


@pytest.mark.parametrize(("message_set", "control", "least_ms", "most_ms"), [
    ("csae53-2020", "none", 100, 100),
    ("csae53-2020", "gbt45315-density", 200, 200),
    ("sae-j2735", "auto", 229, 241),
    ("sae-j2735", "none", 100, 100),
])
def test_periods_stretch_with_the_vehicles_around(
    message_set: str, control: str, least_ms: float, most_ms: float
) -> None:
    """By hand: 59 others near, B = 25: 100 ms x 59 / 25 = 236 ms; GB/T 45315 rounds to 200 ms; none leaves 100 ms."""
    made = sent(Engine(load_mapping(scenario(STANDING, message_set, congestion_control=control))))
    gaps = np.array(gaps_ms(made, 9 * SECOND))
    assert len(made) == 60 and least_ms <= gaps.min() and gaps.max() <= most_ms


def test_a_busy_channel_stretches_periods() -> None:
    """Property: Mode 4 on a crowded road; CBR control sends less than none, and none sends 10 a second."""
    crowd = [200.0 + 4.0 * k for k in range(45)] * 3
    count = {}
    for control in ("none", "gbt45315-cbr"):
        content = scenario({"model": "static", "stations": crowd}, "csae53-2020", congestion_control=control)
        content |= {"radio": {"access": "lte-v2x-mode4"}, "duration_s": 1, "radio_warmup_s": 2}
        made = sent(Engine(load_mapping(content)))
        late = [b for one in made.values() for b, _, _ in one if 2 * SECOND <= b < 3 * SECOND]
        count[control] = len(late) / len(made)
    assert count["none"] == pytest.approx(10, abs=0.01)
    assert count["gbt45315-cbr"] < 0.95 * count["none"]
