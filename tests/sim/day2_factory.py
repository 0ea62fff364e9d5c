"""Small scenarios with second-phase services, and runs of them with everything that was sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rsu.messages import MESSAGE_SETS
from sim.engine import Engine
from sim.metrics.round_trips import RoundTrip, RoundTrips
from sim.scenario.loader import load_mapping

SET = MESSAGE_SETS["csae157-2020"]
MS = 1_000_000
STAGES_MS = {"encode": 0.1, "sign": 1.0, "air": 1.0, "verify": 2.0, "decode": 0.1, "apply": 1.0}
"""Defaults of the scenario; air time of the radio without losses."""


def junction(**sections: Any) -> dict[str, Any]:
    """One signal at 500 m with a unit beside it, cars standing at the given chainages, a radio without losses."""
    data: dict[str, Any] = {
        "schema": "corridor/1", "name": "one-signal", "duration_s": 1, "traffic_warmup_s": 0, "radio_warmup_s": 0,
        "corridor": {
            "datum": "WGS84", "length_m": 1000, "jurisdictions": [{"id": "A", "region_id": 1, "spans": [{}]}],
            "nodes": [{"id": "S1", "at_m": 500}],
        },
        "traffic": {"model": "static", "stations": [400], "equipped_ratio": 1.0,
                    "classes": [{"name": "car", "share": 1.0}]},
        "standards": {"candidate": "harmonised-day2"},
        "layout": {"sites": [
            {"id": "U", "at_m": 500, "node": "S1", "services": ["RSC"], "sensor": False},
        ]},
        "radio": {"access": "ideal"},
        "gnss": {"model": "exact"},
        "security": {"certificates": "known"},
        "measure": {"probes": False},
    }
    for name, content in sections.items():
        data[name] = {**data[name], **content} if isinstance(content, dict) and name in data else content
    return data


@dataclass
class Air:
    """One run: every message in order of generation, and how requests ended."""

    engine: Engine
    sent: list[tuple[str, int, int, bytes]] = field(default_factory=list)
    """(message, slot of the sender, generation instant, octets)."""

    @property
    def trips(self) -> list[RoundTrip]:
        kpi = self.engine.kpis["round_trips"]
        assert isinstance(kpi, RoundTrips)
        return kpi.trips

    def of(self, message: str) -> list[tuple[int, int, dict[str, Any]]]:
        """(slot, generation instant, decoded value) of every message of one kind; each decodes strictly."""
        found = []
        for name, slot, time_ns, octets in self.sent:
            if name == message:
                decoded = SET.decode(octets, "strict")
                assert decoded.status == "ok" and decoded.message == message, decoded.error
                assert decoded.value is not None
                found.append((slot, time_ns, decoded.value))
        return found


def prepare(data: dict[str, Any], *overrides: str, seed: int | None = None) -> Air:
    """An engine that has not begun, whose messages are noted."""
    engine = Engine(load_mapping(data, overrides, seed))
    air = Air(engine)
    names = {flow.flow.index: flow.flow.message for flow in engine.flows.values()}
    add = engine.ledger.add

    def recorded(count, payload, **columns):  # type: ignore[no-untyped-def]
        import numpy as np

        frames = add(count, payload, **columns)
        slots = np.broadcast_to(columns["sender"], (count,)).tolist()
        times = np.broadcast_to(columns["generated_ns"], (count,)).tolist()
        message = names[int(np.broadcast_to(columns["flow"], (count,))[0])]
        air.sent += [(message, *row) for row in zip(slots, times, payload, strict=True)]
        return frames

    engine.ledger.add = recorded  # type: ignore[method-assign]
    return air


def fly(data: dict[str, Any], *overrides: str, seed: int | None = None) -> Air:
    """A whole run."""
    air = prepare(data, *overrides, seed=seed)
    air.engine.run()
    air.engine.finish()
    return air
