"""Candidates, stations and links for tests of the stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from rsu.profile import Candidate, Difference, Entry, Trust, TrustRow, TrustState, load_profile
from sim.frames import Kind
from sim.scenario.schema.messages import Processing, Security
from sim.stages import Secured, Verification
from sim.world.stations import Stations

PLACES = ("SH", "JS", "ZJ")
COMMON = load_profile("cn-lte-v2x-day1", [Path(__file__).parents[2] / "scenarios" / "profiles"])
OWN_ROOTS = {place: {"security.root": place} for place in PLACES}
"""Three roots of their own: nobody trusts another."""


def candidate(
    values: Mapping[str, Mapping[str, Any]] | None = None,
    trust: Sequence[tuple[str, str, TrustState]] = (),
    common: Mapping[str, Any] | None = None,
) -> Candidate:
    """Three places on the national profile; ``values``: place -> key -> value, ``trust``: (home, issuer, state)."""
    shared = COMMON.with_entries({key: entry(value) for key, value in (common or {}).items()})
    differences = [
        Difference(place, key, entry(value), "H4")
        for place, keys in (values or {}).items() for key, value in keys.items()
    ]
    rows = tuple(TrustRow((home,), (issuer,), state, "H4", "assumption", "test") for home, issuer, state in trust)
    base = dict.fromkeys(PLACES, shared)
    return Candidate.built("test", base, differences, common=shared, trust=Trust(rows))


def entry(value: Any) -> Entry:
    """A profile entry without provenance."""
    return Entry(value, "assumption", "test", "test")


def stations(homes: Sequence[int], units: Sequence[int] = ()) -> Stations:
    """Vehicles by home, behind units by place."""
    built = Stations(len(units), 0, len(homes))
    built.station_id[:] = [*range(len(units)), *(10_000_000 + number for number in range(len(homes)))]
    built.kind[len(units):] = Kind.VEHICLE
    built.home[:] = built.place[:] = [*units, *homes]
    built.active[:] = True
    return built


def verification(
    chosen: Candidate, there: Stations, *, seed: int = 1, certificates: str = "known", verify_ms: float = 2.0,
    enabled: bool = True, places: tuple[str, ...] = PLACES, **queue: Any,
) -> Verification:
    """The stage, with ``queue`` as the section ``security.verification``."""
    config: Any = SimpleNamespace(
        security=Security(enabled=enabled, certificates=certificates, verification=queue),
        processing=Processing(verify_ms=verify_ms), standards=SimpleNamespace(message_set=None),
    )
    return Verification(config, chosen, places, there, seed)


def links(
    there: Stations, sender: Sequence[int] | np.ndarray, receivers: Sequence[Sequence[int]] | np.ndarray, *,
    signed: Sequence[int] | np.ndarray | None = None, application_id: int | np.ndarray = 111,
    full: bool | np.ndarray = False, at_ns: int | np.ndarray = 0,
) -> tuple[Secured, np.ndarray]:
    """Each frame at its receivers, with the homes of the links; ``at_ns`` is the arrival, one per frame or for all."""
    slots = np.asarray(sender, np.int64)
    count = len(slots)
    row = np.repeat(np.arange(count), [len(one) for one in receivers])
    receiver = np.concatenate([np.asarray(one, np.int64) for one in receivers])
    arrived_ns = np.broadcast_to(np.asarray(at_ns, np.int64), count)
    place = there.place[slots] if signed is None else np.asarray(signed)
    secured = Secured(
        slots, there.home[slots], place, np.broadcast_to(np.asarray(application_id), count),
        np.broadcast_to(np.asarray(full), count), arrived_ns, row, receiver, arrived_ns[row],
    )
    return secured, there.home[receiver]
