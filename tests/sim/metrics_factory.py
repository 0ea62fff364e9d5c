"""Small worlds and batches for the tests of metrics, results and plots."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.clock import MS, SECOND
from sim.frames import Kind, Outcome
from sim.metrics import Batch, Context, ProbeGrid
from sim.scenario.schema.messages import Measure
from sim.world.stations import Stations

MESSAGES = ("BSM", "SPAT")


def context(**measure: Any) -> Context:
    """Two messages, two jurisdictions, ten seconds measured."""
    return Context(
        MESSAGES, ("SH", "JS"), 0, 10 * SECOND, Measure(**measure), {"BSM": 100 * MS, "SPAT": 100 * MS}
    )


def stations(vehicles: int, rsus: int = 0, probes: int = 0) -> Stations:
    """All active, standing at the origin, at home in jurisdiction 0."""
    out = Stations(rsus, probes, vehicles)
    out.active[:] = True
    out.home[:] = 0
    out.place[:] = 0
    out.station_id[:rsus] = np.arange(rsus)
    out.station_id[rsus : rsus + probes] = 1_000_000 + np.arange(probes)
    out.station_id[rsus + probes :] = 10_000_000 + np.arange(vehicles)
    out.tick_end_ns = 100 * MS
    return out


def place(world: Stations, slot: int, x_m: float, speed_mps: float = 0.0, y_m: float = 0.0) -> None:
    """Put a station somewhere for one tick of 100 ms."""
    world.x0_m[slot], world.y0_m[slot] = x_m, y_m
    world.x1_m[slot], world.y1_m[slot] = x_m + 0.1 * speed_mps, y_m


def probe_grid(count: int, directions: tuple[int, ...] = (1,), border_m: float = 1e9) -> ProbeGrid:
    """Cells of 25 m per direction; jurisdiction 1 begins at ``border_m``."""
    chainage_m = np.tile(np.arange(count) * 25.0 + 12.5, len(directions))
    return ProbeGrid(
        chainage_m, np.repeat(directions, count).astype(np.int8), (chainage_m >= border_m).astype(np.int16)
    )


def batch(frames: list[dict[str, Any]], links: list[dict[str, Any]]) -> Batch:
    """A batch from plain dictionaries; what is not said takes a quiet default.

    Frames: generated_ns, message, sender, sender_kind, sent, size_bytes, sense_ns and stages in ns by name
    (default: access 5 ms, air 1 ms), after_ns (default: exactly the sum of stages). Links: row, receiver (default: a
    vehicle of its own), receiver_kind, receiver_place, chainage_m, distance_m, outcome, radio_outcome, wait_ns,
    air_extra_ns.
    """

    def column(rows: list[dict[str, Any]], name: str, default: Any, dtype: Any = np.int64) -> np.ndarray:
        return np.array([r.get(name, default) for r in rows], dtype)

    stages: dict[str, np.ndarray] = {}
    for name in ("encode", "sign", "access", "air", "backhaul", "verify", "decode", "apply"):
        stages[name] = column(frames, name, {"access": 5 * MS, "air": MS}.get(name, 0))
    generated_ns = column(frames, "generated_ns", 0)
    ready_ns = generated_ns + stages["encode"] + stages["sign"]
    start_ns = ready_ns + stages["access"]
    row = column(links, "row", 0)
    outcome = column(links, "outcome", Outcome.DELIVERED, np.int8)
    radio = np.array([k.get("radio_outcome", k.get("outcome", Outcome.DELIVERED)) for k in links], np.int8)
    radio[(radio > Outcome.NOT_TUNED) & (radio != Outcome.RECEIVER_BUSY)] = Outcome.DELIVERED
    wait_ns, extra_ns = column(links, "wait_ns", 0), column(links, "air_extra_ns", 0)
    after_ns = column(frames, "after_ns", -1)
    after_ns = np.where(after_ns < 0, sum(stages.values()) + generated_ns, after_ns)
    receiver = np.array([one.get("receiver", 1000 + k) for k, one in enumerate(links)], np.int64)
    at = stations(int(receiver.max(initial=0)) + 1, rsus=1)
    for slot, one in zip(receiver.tolist(), links, strict=True):
        at.kind[slot] = one.get("receiver_kind", Kind.VEHICLE)
        at.place[slot] = one.get("receiver_place", 0)
        at.chainage_m[slot] = one.get("chainage_m", 0.0)
    zero = np.zeros(len(frames), np.int64)
    return Batch(
        messages=MESSAGES,
        frame=column(frames, "frame", 0) + np.arange(len(frames)),
        flow=zero,
        message=column(frames, "message", 0),
        sender=column(frames, "sender", 0),
        sender_kind=column(frames, "sender_kind", Kind.VEHICLE, np.int8),
        sender_place=zero,
        sender_home=zero,
        generated_ns=generated_ns,
        ready_ns=ready_ns,
        start_ns=start_ns,
        end_ns=start_ns + stages["air"],
        sent=column(frames, "sent", True, bool),
        size_bytes=column(frames, "size_bytes", 190),
        sense_ns=column(frames, "sense_ns", 0),
        stage_ns=stages,
        after_ns=after_ns,
        row=row,
        receiver=receiver,
        stations=at,
        distance_m=column(links, "distance_m", 10.0, float),
        outcome=outcome,
        radio_outcome=radio,
        verify_wait_ns=wait_ns if wait_ns.any() else None,
        air_extra_ns=extra_ns if extra_ns.any() else None,
    )
