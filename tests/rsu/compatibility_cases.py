"""Profiles, vehicles and roadside messages for the tests of compatibility."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import numpy as np

from rsu.geodesy import LocalPlane
from rsu.messages import MESSAGE_SETS
from rsu.messages.typical import TypicalMessage, typical_messages
from rsu.messages.vehicle import VehicleColumns
from rsu.profile import Entry, Profile
from rsu.services import SERVICES
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from tests.rsu.service_cases import LAT, LON, UTC_NS, junction

MOST_BYTES = 1300


@cache
def typical(message_set: str) -> list[TypicalMessage]:
    """Every message of a set in a stated situation."""
    return typical_messages(MESSAGE_SETS[message_set])


def profile_of(message_set: str, **keys: Any) -> Profile:
    """A profile that speaks a set over its native network; further keys as keywords."""
    values = {"message_set": message_set, "network": MESSAGE_SETS[message_set].native.network, **keys}
    return Profile(message_set, entries={k: Entry(v, "assumption", "test", message_set) for k, v in values.items()})


def vehicles(count: int, seed: int = 1) -> VehicleColumns:
    """Vehicles near the corridor: (lon, lat) uniform over 40 km by 16 km, 0 to 33 m/s, any heading."""
    draw = np.random.default_rng(seed)
    return VehicleColumns(
        draw.integers(0, 2**63, count).astype(np.uint64), draw.integers(0, 128, count),
        draw.integers(0, 60_000, count), draw.uniform(120.65, 121.05, count), draw.uniform(30.95, 31.10, count),
        draw.uniform(0.0, 33.0, count), draw.uniform(0.0, 359.9, count), np.full(count, 1.8), np.full(count, 4.5),
        np.full(count, 10), generated_utc_ns=np.full(count, UTC_NS),
    )


def maps(message_set: str, draw: random.Random) -> list[bytes]:
    """Messages that describe one random junction: 3 or 4 arms of 100 to 300 m, 1 to 4 lanes each."""
    one = MESSAGE_SETS[message_set]
    node = junction(
        draw.randrange(256, 60_000), draw.randrange(1, 5), draw.choice((0.0, 1 / 900, -1 / 600)),
        draw.uniform(100.0, 300.0), draw.choice((3, 4)), draw.uniform(-5000.0, 5000.0),
    )
    told = SERVICES[one.family].maps(
        [node], counter=MessageCounter(draw.randrange(128)), encode=one.encode, max_bytes=MOST_BYTES
    )
    return [one.encode(content.message, content.value) for content in told]


def signals(message_set: str, draw: random.Random) -> list[bytes]:
    """The signals of one junction with 2 to 6 phases."""
    one = MESSAGE_SETS[message_set]
    phases = tuple(
        PhaseForecast(n, ("green", "yellow", "red"), (draw.uniform(1, 30), draw.uniform(31, 34), draw.uniform(40, 90)))
        for n in range(1, draw.randrange(3, 8))
    )
    told = SERVICES[one.family].signals(
        [IntersectionForecast(draw.randrange(1, 60_000), draw.randrange(256, 60_000), phases)],
        counter=MessageCounter(draw.randrange(128)), generated_utc_ns=UTC_NS + draw.randrange(10**12),
    )
    return [one.encode(content.message, content.value) for content in told]


def events(message_set: str, draw: random.Random, kind: str = "event", code: int | None = None) -> list[bytes]:
    """One event or sign on a path of 2 to 8 points over 50 to 600 m."""
    one = MESSAGE_SETS[message_set]
    plane = LocalPlane(LON + draw.uniform(-0.05, 0.05), LAT + draw.uniform(-0.05, 0.05))
    along_m = np.linspace(0.0, draw.uniform(50.0, 600.0), draw.randrange(2, 9))
    bend_m = draw.uniform(500.0, 3000.0)
    path = np.column_stack(plane.to_lonlat(along_m, along_m**2 / bend_m))
    described = EventDescription(
        draw.randrange(256), kind, draw.choice((406, 501, 707)) if code is None else code, float(path[0, 0]),
        float(path[0, 1]), path, draw.choice((3.75, 7.5, 15.0)), priority_level=draw.randrange(8),
    )
    told = SERVICES[one.family].events(
        unit(draw), [described], counter=MessageCounter(draw.randrange(128)),
        generated_utc_ns=UTC_NS + draw.randrange(10**12), encode=one.encode, max_bytes=MOST_BYTES,
    )
    return [one.encode(content.message, content.value) for content in told]


def objects(message_set: str, draw: random.Random) -> list[bytes]:
    """One to eight perceived cars within 150 m of a unit."""
    one = MESSAGE_SETS[message_set]
    count = draw.randrange(1, 9)
    where = np.random.default_rng(draw.randrange(2**32))
    plane = LocalPlane(LON, LAT)
    lon, lat = plane.to_lonlat(where.uniform(-150, 150, count), where.uniform(-150, 150, count))
    cars = DetectedObjects(
        np.asarray(lon), np.asarray(lat), where.uniform(0, 33, count), where.uniform(0, 359.9, count),
        np.full(count, 4.5), np.full(count, 1.8), np.full(count, 1.5), np.arange(1, count + 1), np.full(count, 10),
        np.full(count, 0.5), UTC_NS - 50_000_000,
    )
    batch = SERVICES[one.family].objects(
        UnitDescription(bytes(8), LON, LAT), cars, counter=MessageCounter(draw.randrange(128)), generated_utc_ns=UTC_NS
    )
    return [one.encode(batch.message, value) for value in batch.values]


def unit(draw: random.Random) -> UnitDescription:
    """A roadside unit at the corridor."""
    return UnitDescription(draw.randbytes(8), LON, LAT)


ROADSIDE = {"MAP": maps, "SPAT": signals, "RSI": events, "RSM": objects}
