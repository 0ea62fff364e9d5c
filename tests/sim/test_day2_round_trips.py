"""VIR to RSC in whole runs: stages, time-outs, addressees."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.applications.day2.coordination import read_rsc
from rsu.applications.day2.intentions import read_vir
from sim.metrics import collect
from tests.sim.day2_factory import MS, STAGES_MS, Air, fly, junction, prepare

ONCE_NS = round(sum(STAGES_MS.values()) * MS)
"""One message without waiting for the radio: 5.2 ms."""


def applied_ns(generated_ns: int) -> int:
    """By the defaults: encoded and signed after 1.1 ms, on air from the next whole ms on for 1 ms, 3.1 ms to apply."""
    start_ns = -(-(generated_ns + 1_100_000) // MS) * MS
    return start_ns + 1_000_000 + 3_100_000


def metric(air: Air, name: str, **wanted: object) -> float:
    rows, _ = collect(air.engine.kpis)
    found = [r for r in rows if r.metric == name and all(getattr(r, key) == value for key, value in wanted.items())]
    assert len(found) == 1, (name, wanted, found)
    assert found[0].value is not None
    return found[0].value


@pytest.mark.parametrize("planning_ms", [1, 7, 20, 99, 100, 250.5])
def test_one_request_by_hand(planning_ms: float) -> None:
    """By hand: every instant of a request and its answer from the first VIR on, whatever the planning takes."""
    air = fly(junction(coordination={"planning_ms": planning_ms}))
    requests, answers = [t for m, _, t, _ in air.sent if m == "VIR"], [t for m, _, t, _ in air.sent if m == "RSC"]
    (trip,) = air.trips
    planned_ns = applied_ns(requests[0]) + round(planning_ms * MS)
    assert answers[0] == planned_ns
    end_ns = applied_ns(planned_ns)
    repeats = [requests[0] + k * 100 * MS for k in range(10) if requests[0] + k * 100 * MS < end_ns]
    assert requests == repeats
    again = [applied_ns(time_ns) for time_ns in requests if applied_ns(time_ns) > planned_ns]
    assert answers[1:] == [time_ns + round(planning_ms * MS) for time_ns in again]
    assert trip.outcome == "answered" and trip.first_ns == requests[0] and trip.sent_count == len(repeats)
    assert trip.request is not None and trip.answer is not None
    assert (trip.request.generated_ns, trip.request.applied_ns) == (requests[0], applied_ns(requests[0]))
    assert (trip.answer.generated_ns, trip.answer.applied_ns) == (planned_ns, end_ns)
    parts = trip.parts_ns()
    assert parts["waiting"] == 0 and parts["planning"] == round(planning_ms * MS)
    assert sum(parts.values()) == end_ns - requests[0]
    for transit in (trip.request, trip.answer):
        encode, sign, access, air_ns, verify, decode, apply = transit.stage_ns
        known = [round(STAGES_MS[name] * MS) for name in ("encode", "sign", "air", "verify", "decode", "apply")]
        assert [encode, sign, air_ns, verify, decode, apply] == known
        assert 0 <= access < MS and sum(transit.stage_ns) == ONCE_NS + access


def test_rows_and_table_say_the_same_as_the_request() -> None:
    """By hand: metrics.csv and round_trips.csv of one request."""
    air = fly(junction())
    (trip,) = air.trips
    total_ns = sum(trip.parts_ns().values())
    assert metric(air, "round_trip_mean") == pytest.approx(total_ns / 1e6, abs=1e-9)
    assert total_ns / 1e6 <= metric(air, "round_trip", quantile=0.5) <= total_ns / 1e6 + 0.01
    assert metric(air, "round_trip_stage_planning_mean") == 20.0
    assert metric(air, "round_trip_stage_verify_mean", message="VIR", link="V2I") == 2.0
    assert metric(air, "round_trip_stage_verify_mean", message="RSC", link="I2V") == 2.0
    assert metric(air, "round_trip_answered") == 1.0 and metric(air, "round_trip_timeout") == 0.0
    table = collect(air.engine.kpis)[1]["round_trips"]
    row = dict(zip(table.columns, table.rows[0], strict=True))
    stages = [row[f"{m}_{s}_ms"] for m in ("vir", "rsc") for s in (*STAGES_MS, "access")]
    assert row["waiting_ms"] + row["planning_ms"] + sum(stages) == pytest.approx(row["total_ms"], abs=1e-9)
    assert (row["outcome"], row["unit"], row["vir_sent"]) == ("answered", "U", 1)


def test_nobody_in_reach_ends_by_timeout() -> None:
    """By hand: 300 m away with a reach of 100 m, a VIR every 100 ms for 500 ms, and no answer."""
    air = fly(junction(
        traffic={"stations": [200]}, measure={"max_distance_m": 100},
        coordination={"distance_m": 400, "timeout_ms": 500},
    ))
    (trip,) = air.trips
    assert (trip.outcome, trip.sent_count, trip.answer) == ("timeout", 5, None)
    assert metric(air, "round_trip_timeout") == 1.0 and metric(air, "round_trip_answered") == 0.0
    assert not [m for m, *_ in air.sent if m == "RSC"]


def test_an_answer_after_the_timeout_comes_too_late() -> None:
    """By hand: planning takes longer than the vehicle waits."""
    air = fly(junction(coordination={"planning_ms": 300, "timeout_ms": 200}))
    (trip,) = air.trips
    assert (trip.outcome, trip.sent_count) == ("timeout", 2)
    assert len([m for m, *_ in air.sent if m == "RSC"]) == 1


def test_the_end_of_the_run_is_no_timeout() -> None:
    """By hand: a second to wait, half a second to run; such requests are in no share."""
    air = fly(junction(measure={"max_distance_m": 50}, duration_s=0.5))
    (trip,) = air.trips
    assert trip.outcome == "ended"
    assert metric(air, "round_trip_count_ended") == 1
    assert not [row for row in collect(air.engine.kpis)[0] if row.metric == "round_trip_timeout"]


def test_a_vehicle_that_passes_the_stop_line_has_left() -> None:
    """By hand: cars at 10 m/s that hear nobody and wait long enough to pass."""
    air = fly(junction(
        traffic={"model": "constant-speed", "stations": None, "density_veh_km": 20},
        corridor={"sections": [{"speed_limit_mps": 10, "lanes": 1}]},
        measure={"max_distance_m": 25}, coordination={"distance_m": 15, "timeout_ms": 60_000}, duration_s=4,
        layout={"sites": [{"id": "U", "at_m": 900, "node": "S1", "services": ["RSC"], "sensor": False}]},
    ))
    left = [trip for trip in air.trips if trip.outcome == "left"]
    assert left and all(1 <= trip.sent_count <= 40 for trip in left)
    assert {trip.outcome for trip in air.trips} <= {"left", "ended"}


def test_lost_answers_are_waited_for() -> None:
    """By hand: the first two RSC are lost; the third VIR is the answered one, so 200 ms of waiting."""
    air = prepare(junction())
    coordination = air.engine.second_phases[0].coordination
    assert coordination is not None
    told, lost = coordination.told, [None, None]
    coordination.told = lambda *content: lost.pop() if lost else told(*content)  # type: ignore[method-assign]
    air.engine.run()
    air.engine.finish()
    (trip,) = air.trips
    assert (trip.outcome, trip.sent_count) == ("answered", 3)
    assert trip.parts_ns()["waiting"] == 200 * MS
    assert len([m for m, *_ in air.sent if m == "RSC"]) == 3
    first_ns = min(t for m, _, t, _ in air.sent if m == "VIR")
    planned_ns = applied_ns(first_ns + 200 * MS) + 20 * MS
    assert sum(trip.parts_ns().values()) == applied_ns(planned_ns) - first_ns


def test_each_answer_is_for_one_vehicle_and_applied_by_it_alone() -> None:
    """Independent: ids in the octets of VIR and RSC, and the verdicts of all receivers."""
    air = prepare(junction(traffic={"stations": [350, 380, 420, 460]}))
    receiver = air.engine.pipeline.listeners.hearing(0, 0).receivers["RSC"]
    verdicts: list[tuple[bytes, int, int]] = []
    judge = receiver.judge

    def watched(delivery):  # type: ignore[no-untyped-def]
        outcome = judge(delivery)
        octets = [delivery.octets[row] for row in delivery.row]
        verdicts.extend(zip(octets, delivery.receiver.tolist(), outcome.tolist(), strict=True))
        return outcome

    receiver.judge = watched  # type: ignore[method-assign]
    air.engine.run()
    air.engine.finish()
    slot_of = {value["id"]: slot for slot, _, value in air.of("VIR")}
    assert len(slot_of) == 4
    answers = {octets: air.engine.message_set.decode(octets) for m, _, _, octets in air.sent if m == "RSC"}
    assert len(answers) == 4
    addressed = {
        octets: [slot_of[item["vehId"]] for item in decoded.value["coordinates"]]
        for octets, decoded in answers.items() if decoded.value is not None
    }
    assert sorted(addressed.values()) == [[slot] for slot in sorted(slot_of.values())]
    assert len(verdicts) == 16
    for octets, slot, outcome in verdicts:
        assert (outcome == 0) == (slot in addressed[octets])
    assert [trip.outcome for trip in air.trips] == ["answered"] * 4


def test_identifiers_are_those_of_the_vehicles_own_messages() -> None:
    """Independent: VIR and BSM of one vehicle carry the same temporary id."""
    air = fly(junction(traffic={"stations": [400, 450]}))
    own = {slot: value["id"] for slot, _, value in air.of("BSM")}
    asked = {slot: value["id"] for slot, _, value in air.of("VIR")}
    assert len(own) == 2 and asked == own


def test_a_share_of_the_vehicles_asks() -> None:
    """Distribution: 40 vehicles with share 0.5: between 10 and 30 ask (binomial, 3.2 sigma), and none with share 0."""
    stations = {"stations": [300 + 4.5 * k for k in range(40)]}
    quick = {"radio_warmup_s": 0, "duration_s": 0.3}
    asking = {slot for slot, _, _ in fly(junction(traffic=stations, **quick, coordination={"share": 0.5})).of("VIR")}
    assert 10 <= len(asking) <= 30
    silent = fly(junction(traffic=stations, **quick, coordination={"share": 0.0}))
    assert "VIR" not in silent.engine.flows and not silent.trips


def test_mode_4_round_trips_keep_their_budget() -> None:
    """Property: over the real radio all times are sums of their stages, and radio access takes less than the 50 ms of
    the rule; simultaneous answers of one unit do not replace each other."""
    air = fly(junction(
        traffic={"stations": [320 + 15 * k for k in range(10)]}, radio={"access": "lte-v2x-mode4"}, duration_s=1.5,
    ))
    answered = [trip for trip in air.trips if trip.outcome == "answered"]
    assert len(answered) >= 9
    for trip in answered:
        assert trip.request is not None and trip.answer is not None
        assert trip.parts_ns()["planning"] == 20 * MS
        assert trip.parts_ns()["waiting"] % (100 * MS) == 0
        for transit in (trip.request, trip.answer):
            assert transit.stage_ns[2] + transit.stage_ns[3] + transit.stage_ns[0] + transit.stage_ns[1] <= 50 * MS
    assert np.mean([trip.sent_count for trip in answered]) < 2


def test_requests_tell_the_true_vehicle_and_answers_confirm_it() -> None:
    """Independent: place, speed and plan read from the octets of VIR against the true vehicle and its lane; RSC carries
    the same plan and manoeuvre back."""
    air = prepare(junction(
        traffic={"model": "constant-speed", "stations": None, "density_veh_km": 15},
        corridor={"sections": [{"speed_limit_mps": 12, "lanes": 1}]}, coordination={"distance_m": 150}, duration_s=2,
    ))
    world = air.engine.world
    truth: dict[tuple[int, int], tuple[float, float, float]] = {}
    coordination = air.engine.second_phases[0].coordination
    assert coordination is not None
    frames = coordination._frames

    def noted(request, now_ns):  # type: ignore[no-untyped-def]
        x, y = world.stations.position(np.array([request.slot]), now_ns)
        speed = world.fleet.speed_mps[request.slot - world.stations.first_vehicle]
        truth[request.slot, now_ns] = float(x[0]), float(y[0]), float(speed)
        return frames(request, now_ns)

    coordination._frames = noted  # type: ignore[method-assign]
    air.engine.run()
    plane, told = world.corridor.plane, {}
    for slot, time_ns, value in air.of("VIR"):
        intention = read_vir(value, world.utc0_ns + time_ns)
        x, y, speed = truth[slot, time_ns]
        own_x, own_y = plane.to_plane(np.array([intention.vehicle.lon]), np.array([intention.vehicle.lat]))
        assert np.hypot(own_x[0] - x, own_y[0] - y) < 0.02
        assert intention.vehicle.speed_mps == pytest.approx(speed, abs=0.011)
        unit_id = air.engine.roadside.own[0].described(world.units[0]).unit_id
        assert [request.to_unit for request in intention.requests] == [unit_id]
        assert intention.behaviour == {"cross-straight"}
        if intention.plan is not None:
            way_x, way_y = plane.to_plane(intention.plan.lon, intention.plan.lat)
            far_m = np.hypot(way_x - own_x, way_y - own_y)
            assert far_m == pytest.approx(speed * np.arange(1, len(far_m) + 1), abs=0.05)
            chainage = world.corridor.project(way_x, way_y)[0]
            assert (np.abs(chainage - 500.0) >= 6.0).all(), "the plan ends at the stop line"
        told[intention.vehicle.vehicle_id] = intention
    answers = [read_rsc(value, world.utc0_ns + time_ns) for _, time_ns, value in air.of("RSC")]
    planned = 0
    for answer in answers:
        (advice,) = answer.vehicles
        intention = told[advice.vehicle_id]
        assert advice.behaviour == intention.behaviour and answer.lanes == ()
        if intention.plan is not None and advice.guidance is not None:
            planned += 1
            if len(intention.plan) == len(advice.guidance):
                away = plane.to_plane(advice.guidance.lon, advice.guidance.lat)
                same = plane.to_plane(intention.plan.lon, intention.plan.lat)
                assert np.hypot(away[0] - same[0], away[1] - same[1]).max() < 0.05
    assert len(told) >= 3 and planned >= 3


def test_a_second_speaker_takes_no_answers_away() -> None:
    """Property: what B's receivers do with unknown roots makes two speakers; a request of A's vehicle to A's unit ends
    at the same instants as with one."""
    corridor = {"jurisdictions": [{"id": "A", "region_id": 1, "spans": [{"to_m": 700}]},
                                  {"id": "B", "region_id": 2, "spans": [{"from_m": 700}]}]}
    traffic = {"homes": [{"jurisdiction": "A", "share": 1.0}]}
    difference = {"key": "security.unknown_root", "value": "use", "hazard": "H4", "basis": "assumption", "source": "x"}
    two = {"schema": "candidate/1", "name": "two", "hazards": ["H4"], "profiles": {"*": "cn-lte-v2x-day2"},
           "differences": {"B": [difference]}}
    one_air = fly(junction(corridor=corridor, traffic=traffic))
    two_air = fly(junction(corridor=corridor, traffic=traffic, standards={"candidate": two}))
    assert (len(one_air.engine.speakers), len(two_air.engine.speakers)) == (1, 2)
    (one,), (other,) = one_air.trips, two_air.trips
    assert one == other and other.outcome == "answered"


def test_a_view_does_not_answer_in_the_place_of_the_run() -> None:
    """Property: A's unit refuses whom it does not trust; a view in which it trusts everybody leaves it as it is."""
    corridor = {"jurisdictions": [{"id": "A", "region_id": 1, "spans": [{}]}, {"id": "B", "region_id": 2, "spans": []}]}
    sections = {"corridor": corridor, "traffic": {"homes": [{"jurisdiction": "B", "share": 1.0}]}}

    def candidate(name: str, state: str) -> dict[str, object]:
        row = {"home": ["A"], "issuer": ["B"], "state": state, "hazard": "H4", "basis": "assumption", "source": "test"}
        return {"schema": "candidate/1", "name": name, "hazards": ["H4"], "trust": [row],
                "profiles": {"*": "cn-lte-v2x-day2"}}

    refusing = {"candidate": candidate("refusing", "none")}
    alone = fly(junction(**sections, standards=refusing))
    seen = fly(junction(**sections, standards={**refusing, "views": [candidate("trusting", "full")]}))
    assert [trip.outcome for trip in alone.trips] == ["timeout"]
    assert seen.trips == alone.trips and seen.sent == alone.sent


def test_following_the_radio_in_steps_changes_nothing() -> None:
    """Property: with coordination on but nobody asking, every row of the results is that of a run without it."""
    cars = {"stations": [320 + 12 * k for k in range(12)]}
    radio, layout = {"access": "lte-v2x-mode4"}, {"sites": [
        {"id": "U", "at_m": 500, "node": "S1", "services": ["MAP", "SPAT", "RSM", "RSC"], "sensor": True},
    ]}
    nobody, off = (
        fly(junction(traffic=cars, radio=radio, layout=layout, coordination={"share": share, "planning_ms": 1}))
        for share in (1e-12, 0.0)
    )
    assert "VIR" in nobody.engine.flows and "VIR" not in off.engine.flows
    assert nobody.sent == off.sent and len(off.sent) > 100
    assert list(collect(nobody.engine.kpis)[0]) == list(collect(off.engine.kpis)[0])
