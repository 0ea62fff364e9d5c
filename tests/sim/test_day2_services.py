"""Sensor sharing, corrections and whole runs of the second phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sim
from rsu.applications.day2.sensors import read_rtcm, read_ssm
from rsu.messages import MESSAGE_SETS
from sim.metrics import collect
from sim.scenario.loader import load_mapping
from sim.senders.day2 import placeholder_corrections
from sim.senders.sensing import Sensing
from tests.sim.day2_factory import Air, fly, junction

EVERYTHING = ["MAP", "SPAT", "RSI", "RSM", "C157-SSM", "RTCM", "RSC"]
MESSAGES = ("BSM", "MAP", "SPAT", "RSI", "RSM", "C157-SSM", "RTCM", "RSC", "VIR", "PSM")


def all_services(**more: Any) -> dict[str, Any]:
    """Two units with every service, one of them with a sensor at the node, an event, a pedestrian, a few cars."""
    sites = [
        {"id": "U", "at_m": 500, "node": "S1", "services": EVERYTHING, "sensor": True},
        {"id": "W", "at_m": 250, "services": ["RTCM", "RSI", "C157-SSM"]},
    ]
    given: dict[str, Any] = {
        "traffic": {"stations": [380, 400, 420, 455, 470]}, "layout": {"sites": sites}, "duration_s": 2,
        "events": [{"id": 1, "code": 501, "from_m": 600, "to_m": 700}],
        "pedestrians": [{"id": "p", "at_m": 480}],
    }
    return junction(**{**given, **more})


@pytest.fixture(scope="module")
def air() -> Air:
    """Everything, over a radio without losses."""
    return fly(all_services())


def test_every_message_of_the_run_decodes_strictly(air: Air) -> None:
    """Independent: asn1tools re-encodes every message of every kind to the very octets that were sent."""
    for message in MESSAGES:
        assert air.of(message), message
    assert {row[0] for row in air.sent} == set(MESSAGES)


def test_sensor_sharing_tells_what_the_sensor_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent: objects read back from the octets equal the sample that was newest then, all of it."""
    samples: list[tuple[int, Any]] = []
    newest = Sensing.newest

    def noted(self: Sensing, now_ns: int) -> Any:
        found = newest(self, now_ns)
        samples.append((now_ns, found))
        return found

    monkeypatch.setattr(Sensing, "newest", noted)
    air = fly(all_services())
    world, sample_at = air.engine.world, dict(samples)
    told = 0
    for slot, time_ns, value in air.of("C157-SSM"):
        assert slot == 0, "only the unit with a sensor shares"
        sample = sample_at[time_ns]
        objects = read_ssm(value, world.utc0_ns + time_ns)
        order = np.argsort(objects.participant_id)
        true = np.argsort(sample.track)
        assert objects.participant_id[order].tolist() == sample.track[true].tolist()
        x, y = world.corridor.plane.to_plane(objects.lon[order], objects.lat[order])
        assert np.hypot(x - sample.x_m[true], y - sample.y_m[true]).max(initial=0) < 0.02
        assert np.abs(objects.speed_mps[order] - sample.speed_mps[true]).max(initial=0) <= 0.011
        assert (objects.sampled_utc_ns == (world.utc0_ns + sample.sampled_ns) // 1_000_000 * 1_000_000).all()
        told += len(objects)
    assert told > 50
    times = [time_ns for _, time_ns, _ in air.of("C157-SSM")]
    assert set(np.diff(times)) == {100_000_000} and times[0] < 300_000_000


def test_sensor_sharing_counts_as_rsm_where_it_arrives() -> None:
    """By hand: with C157-SSM alone the coverage class RSM is useful; objects beyond the limit are counted."""
    sites = [{"id": "U", "at_m": 500, "node": "S1", "services": ["C157-SSM"], "sensor": True}]
    exact = {"sensor": {"detection_ratio": 1.0, "occlusion": False, "false_alarms_per_h": 0}}
    air = fly(all_services(
        layout={"sites": sites, **exact}, measure={"probes": True}, events=[], pedestrians=[], radio_warmup_s=1,
    ))
    rows, _ = collect(air.engine.kpis)
    useful = [r for r in rows if r.metric == "vehicle_coverage" and r.message == "RSM" and not r.jurisdiction]
    assert useful and useful[0].value == pytest.approx(1.0)
    applied = [r for r in rows if (r.metric, r.link, r.message) == ("latency_delivered", "I2V", "C157-SSM")]
    assert [r.value for r in applied] == [5 * 20]
    counts = [r for r in rows if r.metric == "access_objects left out of C157-SSM"]
    assert [r.value for r in counts] == [0]


def test_corrections_go_out_once_a_second_from_each_unit(air: Air) -> None:
    """By hand: two units, two seconds, 380 octets each time, whose frames are well formed as far as they claim."""
    times: dict[int, set[int]] = {}
    total: dict[tuple[int, int], int] = {}
    for slot, time_ns, value in air.of("RTCM"):
        times.setdefault(slot, set()).add(time_ns)
        for correction in read_rtcm(value):
            octets = correction.payload
            assert octets[0] == 0xD3 and (octets[1] << 8 | octets[2]) == len(octets) - 6
            assert octets[3] << 4 | octets[4] >> 4 == correction.number
            total[slot, time_ns] = total.get((slot, time_ns), 0) + len(octets)
    assert sorted(times) == [0, 1] and set(total.values()) == {380}
    for found in times.values():
        measured = [t for t in sorted(found) if t < air.engine.to_ns]
        assert len(measured) == 2 and measured[1] - measured[0] == 1_000_000_000


@pytest.mark.parametrize(("total_bytes", "message_bytes"), [(8, 1400), (380, 1400), (1030, 1400), (5000, 500)])
def test_placeholders_have_the_wanted_length(total_bytes: int, message_bytes: int) -> None:
    """Property: together exactly as long as asked, each short enough for its message and for RTCM 3."""
    corrections = placeholder_corrections(total_bytes, message_bytes, np.random.default_rng(1))
    lengths = [len(one.payload) for one in corrections]
    assert sum(lengths) == total_bytes and min(lengths) >= 8
    assert max(lengths) <= min(1029, message_bytes - 16)


def test_corrections_are_applied_while_fresh(air: Air) -> None:
    """By hand: every vehicle applies every RTCM; with a limit below the latency nobody does."""
    rows, _ = collect(air.engine.kpis)
    applied = [r.value for r in rows if (r.metric, r.link, r.message) == ("latency_delivered", "I2V", "RTCM")]
    assert applied == [2 * 2 * 5]
    tau_s = {"SPAT": 1.0, "MAP": 5.0, "RSI": 3.0, "RSM": 0.5, "BSM": 0.3, "RTCM": 0.004}
    rows, _ = collect(fly(all_services(measure={"tau_s": tau_s})).engine.kpis)
    assert [r.value for r in rows if (r.metric, r.link, r.message) == ("latency_delivered", "I2V", "RTCM")] == [0]


def test_equal_runs_give_equal_octets() -> None:
    """Property: same seed, same octets in the same order; another seed gives others."""
    radio = {"access": "lte-v2x-mode4"}
    first, second, third = (fly(all_services(radio=radio, duration_s=0.6), seed=seed) for seed in (1, 1, 2))
    assert first.sent == second.sent and first.sent != third.sent
    assert [r for r in collect(first.engine.kpis)[0]] == [r for r in collect(second.engine.kpis)[0]]


def test_services_of_the_second_phase_change_no_earlier_draw(air: Air) -> None:
    """Property: octets of the first-phase messages stay as they are without any of the new services."""
    sites = [
        {"id": "U", "at_m": 500, "node": "S1", "services": EVERYTHING[:4], "sensor": True},
        {"id": "W", "at_m": 250, "services": ["RSI"]},
    ]
    plain = fly(all_services(layout={"sites": sites}, pedestrians=[]))
    assert {row[0] for row in plain.sent} == {"BSM", "MAP", "SPAT", "RSI", "RSM"}
    for message in ("BSM", "MAP", "SPAT", "RSI", "RSM"):
        # Boundary ties aside, each station's messages come in the same order.
        assert sorted(r for r in air.sent if r[0] == message) == sorted(
            (name, slot + (slot >= 2), time_ns, octets) for name, slot, time_ns, octets in plain.sent if name == message
        )


@pytest.mark.parametrize("name", sorted(set(MESSAGE_SETS) - {"csae157-2020"}))
def test_another_set_leaves_the_services_silent_with_a_warning(name: str, tmp_path: Path) -> None:
    """By hand: the same scenario under every other set runs, says so, and sends nothing of them."""
    loaded = load_mapping(all_services(duration_s=0.3), [f"standards.message_set={name}"])
    result = sim.run(loaded, tmp_path / "run", plots=False)
    said = [line for line in result.summary["warnings"] if "stay silent" in line]
    assert said == [f"C157-SSM, RTCM, RSC, PSM of pedestrians: not with message set {name}, these services stay silent"]
    sent = result.table("metrics").select(metric="frames_sent")["message"].tolist()
    assert "BSM" in sent or "CAM" in sent
    assert not set(sent) & {"C157-SSM", "RTCM", "RSC", "VIR", "PSM"}
    assert not (result.folder / "round_trips.csv").exists()


def test_a_unit_away_from_nodes_coordinates_nobody() -> None:
    """By hand: RSC between nodes is named in a warning and makes no flow."""
    sites = [{"id": "M", "at_m": 300, "services": ["RSC"]}]
    air = fly(junction(layout={"sites": sites}, duration_s=0.3))
    assert "VIR" not in air.engine.flows
    assert "RSC at M: serves no node, so it coordinates nobody" in air.engine.warnings()


def test_the_summary_has_a_line_of_its_own(tmp_path: Path) -> None:
    """By hand: five requests, all answered."""
    from sim.metrics.summary import summary_table

    result = sim.run(load_mapping(all_services(duration_s=0.5)), tmp_path / "run", plots=False)
    line = next(line for line in summary_table(result).splitlines() if line.startswith("Coordination"))
    assert "5 requests, answered 100.0 %, timed out 0.0 %" in line
    assert result.table("round_trips").row_count == 5
