"""Runs that speak each message set: what lies on the air is as long as message, envelope and headers together."""

from __future__ import annotations

import numpy as np
import pytest

import sim
from rsu.messages import MESSAGE_SETS
from rsu.stack import stack_for
from sim.engine import Engine
from sim.frames import Kind
from sim.results import Result
from sim.scenario import load

QUICK = ("duration_s=3", "radio_warmup_s=1")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """One short run per set of the same road, traffic and radio, without rate control."""
    folder = tmp_path_factory.mktemp("sets")
    return {
        name: sim.run(
            load("03-one-border", [*QUICK, f"standards.message_set={name}", "bsm.congestion_control=none"]),
            out=folder / name, plots=False,
        )
        for name in MESSAGE_SETS
    }


def test_results_say_who_speaks_and_what_is_octets(results: dict[str, Result]) -> None:
    """Property: set, network layer and envelope stand in summary.json with what is real octets and what is sizes."""
    for name, result in results.items():
        native = MESSAGE_SETS[name].native
        said = result.summary["provenance"]
        assert result.summary["message_set"] == name
        assert said["message set"].startswith(f"{name}: real octets")
        assert said["network layer"].startswith(f"{native.network}: exact sizes")
        assert said["security envelope"].startswith(f"{native.envelope}: exact sizes")


def test_every_class_is_served_by_every_set(results: dict[str, Result]) -> None:
    """Property: on this short road SPAT+MAP, RSI and RSM are useful somewhere with each set."""
    for name, result in results.items():
        for service in ("SPAT+MAP", "RSI", "RSM"):
            useful = result.select(metric="C_useful", message=service)["value"]
            assert useful.size and useful.max() > 0.5, (name, service)


def test_mean_frame_is_message_plus_envelope_plus_headers() -> None:
    """By hand: octets + overhead of the stack + 10 of L2, frame by frame, with the certificate the ledger notes."""
    for name in ("csae53-2020", "etsi-its", "sae-j2735"):
        engine = Engine(load("03-one-border", [*QUICK, f"standards.message_set={name}"]))
        native, add, checked = MESSAGE_SETS[name].native, engine.ledger.add, [0]
        stack = stack_for(native.network, native.envelope)
        rules = {flow.flow.index: flow.rule for flow in engine.flows.values()}

        def seen(count, payload, engine=engine, add=add, checked=checked, stack=stack, rules=rules, **columns):  # type: ignore[no-untyped-def]
            kind = Kind(int(engine.world.stations.kind[np.atleast_1d(columns["sender"])[0]]))
            certificate_bytes = engine.envelopes[kind].certificate_bytes
            full = np.broadcast_to(columns["certificate"], (count,))
            size = np.broadcast_to(columns["size_bytes"], (count,))
            for octets, whole, on_air in zip(payload, full.tolist(), size.tolist(), strict=True):
                overhead = stack.overhead_bytes(len(octets), rules[columns["flow"]], whole, certificate_bytes)
                assert on_air == len(octets) + int(overhead) + 10
                checked[0] += 1
            return add(count, payload, **columns)

        engine.ledger.add = seen  # type: ignore[method-assign]
        engine.run()
        assert checked[0] > 300


def test_air_of_vehicles_follows_sizes_and_rates(results: dict[str, Result]) -> None:
    """Independent: printed sizes. A BSM with digest is 145 octets + 10 of L2 (Chinese facts), with a certificate 304 +
    10; one in five has it at 10 Hz (450 ms): 187 on average without path history, more with it. CAMs are fewer."""
    sent = {name: _vehicle_row(result, name, "frames_sent") for name, result in results.items()}
    mean = {name: _vehicle_row(result, name, "air_bytes") / sent[name] for name, result in results.items()}
    assert 155 + 0.2 * 159 < mean["csae53-2020"] < 155 + 0.2 * 159 + 90
    assert mean["csae53-2020"] == mean["ydt3709-2020"] == mean["csae157-2020"]
    assert sent["etsi-its"] < 0.5 * sent["csae53-2020"]
    assert sent["sae-j2735"] == sent["csae53-2020"]
    time = {name: _vehicle_row(result, name, "carrier_time") for name, result in results.items()}
    assert time["etsi-its"] < time["sae-j2735"] and time["etsi-its"] < time["csae53-2020"]


def _vehicle_row(result: Result, name: str, metric: str) -> float:
    message = MESSAGE_SETS[name].awareness
    return result.value(metric=metric, message=message, station_class="vehicle")
