"""Relayed SPAT over fibre or radio: delays by hand, queues, losses, the latency table's stage, settings refused."""

from __future__ import annotations

import csv
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

import sim
from sim.backhaul import Backhaul
from sim.clock import MS
from sim.scenario import ScenarioError
from sim.world.build import FIRST_VEHICLE_ID, World

EXAMPLE = "05-uu-edge"
CALM = [
    "radio.uu.link_service=fixed", "radio.uu.capacity_share=1.0", "radio.uu.server_service_ms=0.000001",
    "radio.uu.operator_of=one",
]


def backhaul(*overrides: str, kind: str = "fibre") -> tuple[Backhaul, World]:
    """The backhaul of the example with some keys set."""
    world = World(sim.load(EXAMPLE, [f"layout.backhaul={kind}", *overrides]))
    return Backhaul(world), world


def relayed_ms(path: Backhaul, world: World, count: int, gap_ms: float = 50.0, units: int = 1) -> np.ndarray:
    """(messages, units) time until the node's message stands at the first units that relay, ms; NaN for lost ones."""
    env = simpy.Environment()
    chosen = [unit for unit in world.units if unit.node is None][:units]
    found = np.full((count, units), np.nan)

    def one(place: int, k: int) -> Generator[Any, Any, None]:
        yield env.timeout(round(k * gap_ms * MS))
        begin = env.now
        arrived = yield from path.relay(env, chosen[place], [0], 300)
        if arrived:
            found[k, place] = (env.now - begin) / MS

    for place in range(units):
        for k in range(count):
            env.process(one(place, k))
    env.run()
    return found


def test_fibre_takes_its_constants() -> None:
    """By hand: 0.4 ms with the server at the access node, 0.83 at M1 (3 km), 2.35 + 2 ms at the centre, each within
    3 us of queues."""
    for server, expected_ms in (("gnb", 0.4), ("m1", 0.83), ("central", 4.35)):
        path, world = backhaul(*CALM, f"radio.uu.server={server}")
        assert relayed_ms(path, world, 5) == pytest.approx(expected_ms, abs=0.003)
    assert path.counts() == {"backhaul relayed": 5, "backhaul lost": 0}


def test_radio_adds_an_uplink_and_a_downlink() -> None:
    """Printed: medians of 0.75 ms each at 20 veh/km/lane, least 0.497; LTE adds 20 ms on average."""
    path, world = backhaul(*CALM, kind="uu")
    delay = relayed_ms(path, world, 800) - 0.83
    assert np.median(delay) == pytest.approx(1.5, abs=0.04)
    assert 0.99 < delay.min() and delay.max() < 2.5
    path, world = backhaul(*CALM, "radio.uu.technology=lte", kind="uu")
    assert relayed_ms(path, world, 400).mean() == pytest.approx(0.83 + 1.5 + 20, abs=0.5)


def test_radio_losses_lose_the_message() -> None:
    """Independent: 10 % block errors both ways leave 81 % (published delivered shares 0.9007 x 0.8999)."""
    path, world = backhaul(*CALM, "radio.uu.mcs_table=2", kind="uu")
    delay = relayed_ms(path, world, 1500)
    assert np.mean(~np.isnan(delay)) == pytest.approx(0.9007 * 0.8999, abs=0.035)
    assert path.counts()["backhaul lost"] == np.isnan(delay).sum()


def test_messages_that_meet_wait_for_one_another() -> None:
    """By hand: three messages of 300 bytes at once on links of 240 kb/s, 10 ms each, up and down, and four
    transmissions of the core at 144 Mb/s; half a second later the same again."""
    path, world = backhaul(*CALM[:1], *CALM[2:], "radio.uu.capacity_share=0.000024")
    together = relayed_ms(path, world, 4, gap_ms=500, units=3)
    for row in together:
        assert np.sort(row) == pytest.approx(0.83 + 0.0667 + np.array([20, 30, 40]), abs=0.003)


def test_another_operator_costs_the_peering_point() -> None:
    """Printed: about 6.3 ms median one way between operators that meet remotely, nothing within one."""
    medians = []
    for operators in ("[X, X]", "[X, Y]"):
        path, world = backhaul(
            *CALM[:3], "radio.uu.operator_of=place", "radio.uu.peering=remote", f"radio.uu.operators={operators}",
        )
        unit = next(unit for unit in world.units if unit.node is None)
        object.__setattr__(unit, "jurisdiction", 1)
        medians.append(float(np.median(relayed_ms(path, world, 1500))))
    assert medians[0] == pytest.approx(0.83, abs=0.003)
    assert medians[1] - medians[0] == pytest.approx(6.3, rel=0.15)


def test_another_unit_changes_no_draw() -> None:
    """Property: one unit alone and among others, on idle links, to the microsecond."""
    alone = relayed_ms(*backhaul(*CALM, kind="uu"), 50)
    among = relayed_ms(*backhaul(*CALM, kind="uu"), 50, units=3)
    np.testing.assert_allclose(alone[:, 0], among[:, 0], atol=0.001)
    assert not np.allclose(among[:, 0], among[:, 1], atol=0.01)


@pytest.mark.parametrize("kind", ["constant", "fibre", "uu"])
def test_the_latency_table_tells_the_time_the_path_took(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Independent: every relayed SPAT in the packet log was ready as much later as the path took, and the stage
    ``backhaul`` of the latency table has just these values over applied rows."""
    drawn: dict[tuple[int, int], int] = {}
    relay = Backhaul.relay

    def spied(self: Backhaul, env: simpy.Environment, unit: Any, nodes: Any, size: int) -> Generator[Any, Any, bool]:
        begin = int(env.now)
        arrived = yield from relay(self, env, unit, nodes, size)
        drawn[unit.station_id, begin] = int(env.now) - begin
        return arrived

    monkeypatch.setattr(Backhaul, "relay", spied)
    loaded = sim.load(EXAMPLE, [
        f"layout.backhaul={kind}", "duration_s=2", "traffic_warmup_s=5", "radio_warmup_s=1",
    ])
    result = sim.run(loaded, tmp_path / "run", plots=False, trace=tmp_path / "trace.csv")
    stays = {unit.station_id: unit.node is None for unit in World(loaded).units}
    processing = loaded.config.processing
    signing_ns = round((processing.encode_ms + processing.sign_ms) * MS)
    applied, frames = [], {}
    with (tmp_path / "trace.csv").open(newline="", encoding="utf-8") as log:
        for row in csv.DictReader(log):
            if row["message"] != "SPAT":
                continue
            sender, made = int(row["sender"]), int(row["generated_ns"])
            took = int(row["ready_ns"]) - made - signing_ns
            frames[sender, made] = took
            if row["outcome"] == "delivered" and int(row["receiver"]) >= FIRST_VEHICLE_ID:
                applied.append(took / MS)
    relays = {key: took for key, took in frames.items() if stays[key[0]]}
    assert len(relays) > 10 and all(took == 0 for key, took in frames.items() if not stays[key[0]])
    if kind == "constant":
        assert set(relays.values()) == {20 * MS} and not drawn
    else:
        assert {key: drawn[key] for key in relays} == relays and len(set(relays.values())) > 5
    rows = [r for r in result.table("metrics").rows() if r["message"] == "SPAT" and r["link"] == "I2V"]
    stage = {r["metric"]: float(r["value"]) for r in rows if r["metric"].startswith("stage_backhaul_")}
    assert stage["stage_backhaul_mean"] == pytest.approx(np.mean(applied), rel=1e-6)
    assert stage["stage_backhaul_max"] == pytest.approx(np.max(applied), rel=1e-6)
    assert kind in result.summary["provenance"]["backhaul"]


@pytest.mark.parametrize(
    ("overrides", "place", "rule"),
    [
        (["radio.uu.operators=[X]"], "radio.uu.operators", "names 1 operators; the corridor has 2 jurisdictions"),
        (["radio.uu.radio_table=gsm"], "radio.uu.radio_table", "no such table"),
        (["radio.uu.mcs_table=4"], "radio.uu.mcs_table", "has no rows for it"),
        (["radio.uu.internet_of=Germani"], "radio.uu.internet_of", "did you mean 'Germany'"),
        (["radio.uu.peering_table=x"], "radio.uu.peering_table", "no such table"),
        (["radio.uu.lte_added_max_ms=10"], "radio.uu.lte_added_max_ms", "at least lte_added_min_ms"),
        (["radio.uu.technology=lte", "radio.uu.discard_after_ms=20"], "radio.uu.discard_after_ms", "lte_added_max_ms"),
        (["radio.uu.capacity_share=0"], "radio.uu.capacity_share", "above 0"),
        (["layout.backhaul=pigeon"], "layout.backhaul", "fibre"),
    ],
)
def test_settings_that_cannot_work_are_refused(overrides: list[str], place: str, rule: str) -> None:
    """By hand: one finding with path and rule; where the path is not in use, its tables do not matter."""
    with pytest.raises(ScenarioError) as error:
        sim.load(EXAMPLE, overrides)
    text = str(error.value)
    assert place in text and rule in text
    if "table" in place:
        sim.load(EXAMPLE, [*overrides, "radio.access=ideal", "layout.backhaul=constant"])
