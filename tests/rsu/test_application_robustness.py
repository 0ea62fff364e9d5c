"""Readers live with whatever a lenient decoder lets through."""

from __future__ import annotations

import numpy as np

from rsu.applications.cn.events import read_events
from rsu.applications.cn.lanes import read_lanes
from rsu.applications.cn.objects import read_bsms, read_objects
from rsu.applications.cn.signals import read_signals
from rsu.applications.events import EventZones
from rsu.applications.lane_match import match_lanes
from rsu.applications.road_map import RoadMap
from rsu.messages import MESSAGE_SETS
from rsu.services.cn.map import build_maps
from rsu.services.cn.rsi import build_rsis
from rsu.services.cn.rsm import build_rsms
from rsu.services.cn.spat import build_spat
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from tests.rsu.service_cases import LAT, LON, UTC_NS, junction

SET = MESSAGE_SETS["csae53-2020"]
HERE = np.array([LON]), np.array([LAT]), np.array([23.0])


def good_messages() -> list[bytes]:
    """One of each kind."""
    unit, path = UnitDescription(b"RSU00001", LON, LAT), np.array([[LON, LAT], [LON + 0.001, LAT + 0.001]])
    ones = np.ones(4)
    objects = DetectedObjects(
        LON * ones, LAT * ones, ones, ones, ones, ones, ones, np.arange(1, 5), ones, ones, UTC_NS
    )
    forecast = IntersectionForecast(310, 257, (PhaseForecast(1, ("red", "green"), (5.0, 30.0)),))
    event = EventDescription(1, "event", 410, LON, LAT, path, 8.0, 4, UTC_NS, None, "Fog")
    counter = MessageCounter(0)
    return [
        SET.encode("MAP", build_maps([junction(lanes=1, arms=2)], counter=counter)[0]),
        SET.encode("SPAT", build_spat([forecast], counter=counter, generated_utc_ns=UTC_NS)),
        SET.encode("RSI", build_rsis(unit, [event], counter=counter)[0]),
        SET.encode("RSM", build_rsms(unit, objects, counter=counter, generated_utc_ns=UTC_NS).values[0]),
    ]


def read(message: str, value: dict) -> None:
    """Everything a receiver would do with it."""
    if message == "MAP":
        match_lanes(RoadMap.of_lanes(read_lanes([value])), *HERE)
    elif message == "SPAT":
        for signal in read_signals([value], UTC_NS).values():
            assert isinstance(signal.light_at(UTC_NS), str) and isinstance(signal.light, str)
    elif message == "RSI":
        EventZones(read_events(value)).holds(*HERE)
    elif message == "RSM":
        read_objects(value, UTC_NS).moved_to(UTC_NS)
    else:
        read_bsms([value], UTC_NS)


def test_damaged_messages_never_break_a_reader() -> None:
    """Property: 3,000 messages with flipped bits, cut or extended; whatever still decodes can be read."""
    rng = np.random.default_rng(12)
    messages, readable, kinds = good_messages(), 0, set()
    for round_ in range(3000):
        octets = np.frombuffer(messages[round_ % 4], np.uint8).copy()
        flips = rng.integers(0, len(octets) * 8, rng.integers(1, 6))
        for bit in flips:
            octets[bit // 8] ^= 1 << (7 - bit % 8)
        decoded = SET.decode(octets.tobytes())
        if decoded.status == "ok":
            readable += 1
            kinds.add(decoded.message)
            read(decoded.message, decoded.value)
    assert readable > 500 and len(kinds) >= 4


def test_random_octets_never_break_a_reader() -> None:
    """Property: 3,000 random strings, the kind chosen by the first bits; what decodes can be read."""
    rng, readable = np.random.default_rng(13), 0
    for kind in range(5):
        for _ in range(600):
            octets = rng.integers(0, 256, 200, np.uint8)
            octets[0] = kind << 4 | octets[0] & 0x0F
            decoded = SET.decode(octets.tobytes())
            if decoded.status == "ok":
                readable += 1
                read(decoded.message, decoded.value)
    assert readable > 50
