"""Typical messages of a set, and what they weigh on the air: one stated situation told in every language.

A car without and with five path points; a junction of four links with four lanes each and four signal phases; one event
and one sign on a path of five points; four perceived cars; in the second Chinese phase also a lane change with its
coordination, corrections and a pedestrian. Vehicle messages come from vehicle columns, roadside ones from the services
of the set's family. A message no service builds is weighed with its mandatory members alone
(:mod:`rsu.messages.smallest`). The situation is ours: figures compare sets, they are no statistics of the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rsu.codec import EncodeError
from rsu.geodesy import LocalPlane
from rsu.messages.base import MessageSet, Rule
from rsu.messages.smallest import smallest_value
from rsu.messages.typical_day2 import day_two_values
from rsu.messages.vehicle import PathHistory, VehicleColumns
from rsu.services import SERVICES
from rsu.services.base import Content, RoadsideServices
from rsu.services.counter import MessageCounter
from rsu.services.described import (
    DetectedObjects,
    EventDescription,
    IntersectionForecast,
    PhaseForecast,
    UnitDescription,
)
from rsu.services.geometry import LaneGeometry, LinkGeometry, NodeGeometry
from rsu.stack import stack_for

LON, LAT = 120.83, 31.03
UTC_NS = 1_782_864_017_100_000_000
MOST_BYTES = 8000
ARM_M, ARM_RADIUS_M, LANE_M, STOP_LINE_M = 150.0, 2000.0, 3.5, 15.0
LINKS, LANES, OBJECTS, PATH_POINTS = 4, 4, 4, 5

_FROM_USERS = frozenset({"PSM", "C157-CPM"})
"""Messages without a service that road users send, with their kind of certificate."""
_UNIT = UnitDescription(bytes(range(1, 9)), LON, LAT, 6.0)
_PLANE = LocalPlane(LON, LAT)


@dataclass(frozen=True)
class TypicalMessage:
    """One message with the situation it tells."""

    message: str
    content: str
    octets: bytes
    rule: Rule
    """Generation rule that sends it."""
    from_vehicle: bool
    """Whether a road user sends it, with a pseudonym certificate."""


@dataclass(frozen=True)
class TypicalSize:
    """Octets of one typical message, alone and as a packet of the set's native network and envelope."""

    message: str
    content: str
    message_bytes: int
    digest_bytes: int
    """Network header, envelope whose signer is a digest, message."""
    certificate_bytes: int
    """The same with the sender's full certificate, of the length the set's native row states."""


def typical_sizes(message_set: MessageSet) -> list[TypicalSize]:
    """Sizes of :func:`typical_messages`, in octets of the network layer's packet (link and radio layers excluded)."""
    native = message_set.native
    stack = stack_for(native.network, native.envelope)
    sizes = []
    for typical in typical_messages(message_set):
        certificate = native.certificate_bytes_obu if typical.from_vehicle else native.certificate_bytes_rsu
        length = len(typical.octets)
        digest, full = stack.overhead_bytes(length, typical.rule, [False, True], certificate).tolist()
        sizes.append(TypicalSize(typical.message, typical.content, length, length + digest, length + full))
    return sizes


def typical_messages(message_set: MessageSet) -> list[TypicalMessage]:
    """Every typical message of a set; every message kind of its codec stands there at least once."""
    services = SERVICES.get(message_set.family)
    found = [*_awareness(message_set), *(_roadside(message_set, services) if services is not None else ())]
    found += _day_two(message_set)
    known = {typical.message for typical in found}
    return found + [_smallest(message_set, name) for name in message_set.codec.messages if name not in known]


def _awareness(message_set: MessageSet) -> list[TypicalMessage]:
    rule = message_set.messages[message_set.awareness]
    crumbs = np.array([(-2e-4 * n, 1e-6 * n * n, 1.0 * n) for n in range(1, PATH_POINTS + 1)])
    columns = VehicleColumns(
        np.array([1, 2], np.uint64), np.array([7, 8]), np.array([17_100, 17_100]),
        np.full(2, LON), np.full(2, LAT), np.full(2, 20.0), np.full(2, 90.0), np.full(2, 1.8), np.full(2, 4.8),
        np.full(2, 10), semi_major_m=np.full(2, 2.0), semi_minor_m=np.full(2, 2.0), orientation_deg=np.zeros(2),
        accel_long_mps2=np.full(2, 0.5), accel_lat_mps2=np.zeros(2), accel_vert_mps2=np.zeros(2),
        steering_angle_deg=np.zeros(2), path=PathHistory.from_rows([None, crumbs]), generated_utc_ns=np.full(2, UTC_NS),
        low_frequency=np.array([0, 1]),
    )
    contents = ("car, no path history", f"car, {PATH_POINTS} path points over 5 s")
    rows = zip(contents, message_set.encode_vehicles(columns), strict=True)
    return [TypicalMessage(rule.message, content, octets, rule, True) for content, octets in rows]


def _roadside(message_set: MessageSet, services: RoadsideServices) -> Iterator[TypicalMessage]:
    def typical(content: str, built: list[Content], rule: str = "") -> Iterator[TypicalMessage]:
        for number, (message, value) in enumerate(built, 1):
            part = f", part {number} of {len(built)}" * (len(built) > 1)
            sender = message_set.messages[rule] if rule else _rule_of(message_set, message)
            yield TypicalMessage(message, content + part, message_set.encode(message, value), sender, False)

    lights = ("green", "yellow", "red")
    phases = tuple(PhaseForecast(n, lights, (12.0 * n, 12.0 * n + 3, 90.0)) for n in range(1, LINKS + 1))
    signals = services.signals(
        [IntersectionForecast(310, 257, phases)], counter=MessageCounter(0), generated_utc_ns=UTC_NS
    )
    yield from typical(f"1 junction, {LINKS} phases x {len(lights)} states", signals)
    maps = services.maps([_junction()], counter=MessageCounter(0), encode=message_set.encode, max_bytes=MOST_BYTES)
    yield from typical(f"1 node, {LINKS} links x {LANES} lanes of {ARM_M:g} m, bent", maps)
    for kind, code, content in (("event", 501, "road works"), ("sign", 85, "1 sign")):
        told = services.events(
            _UNIT, [_event(kind, code)], counter=MessageCounter(0), generated_utc_ns=UTC_NS,
            encode=message_set.encode, max_bytes=MOST_BYTES,
        )
        where = f", path of {PATH_POINTS} points over 400 m"
        yield from typical(content + where, told, services.event_rule(kind, "static"))
    batch = services.objects(_UNIT, _cars(), counter=MessageCounter(0), generated_utc_ns=UTC_NS)
    yield from typical(f"{OBJECTS} cars", [Content(batch.message, value) for value in batch.values])


def _day_two(message_set: MessageSet) -> list[TypicalMessage]:
    """Messages of the second phase, in the set that has them (C157-SSM is its own name)."""
    if "C157-SSM" not in message_set.codec.messages:
        return []
    return [
        TypicalMessage(message, content, message_set.encode(message, value), _rule_of(message_set, message), from_user)
        for message, content, value, from_user in day_two_values(_UNIT, _cars(), UTC_NS, PATH_POINTS)
    ]


def _rule_of(message_set: MessageSet, message: str) -> Rule:
    return next(rule for rule in message_set.messages.values() if rule.message == message)


def _smallest(message_set: MessageSet, message: str) -> TypicalMessage:
    """The message with nothing optional in it; EncodeError if the set's codec asks for more."""
    value = smallest_value(*message_set.codec.definition(message))
    if message_set.family == "etsi":
        from rsu.messages.etsi.framing import header

        value["header"] = header(message, 1)
    try:
        octets = message_set.encode(message, value)
    except EncodeError as error:
        raise EncodeError(f"{message}: smallest value: {error}") from error
    rule, from_vehicle = _rule_of(message_set, message), message in _FROM_USERS
    return TypicalMessage(message, "mandatory members only", octets, rule, from_vehicle)


def _junction() -> NodeGeometry:
    """A junction whose arms are bent, so that lanes need more than two points."""
    links = []
    for arm in range(LINKS):
        to = (310, 900 + arm)
        lanes = tuple(
            LaneGeometry(
                lane, LANE_M, _arm(90.0 * arm, LANE_M * (lane - 0.5)),
                frozenset({"straight", "right"} if lane == LANES else {"straight"}), ((*to, 1, arm + 1),), 16.67,
            )
            for lane in range(1, LANES + 1)
        )
        middle = _arm(90.0 * arm, LANE_M * LANES / 2)
        links.append(
            LinkGeometry(f"arm{arm}", 310, 500 + arm, LANE_M * LANES, 16.67, middle, lanes, ((*to, arm + 1),))
        )
    return NodeGeometry(310, 257, "J257", LON, LAT, 4.0, tuple(links))


def _arm(bearing_deg: float, right_m: float) -> np.ndarray:
    """(n, 2) lon, lat of a circular line that reaches the stop line with this heading, a lane to its right."""
    back = np.linspace(ARM_M, 0.0, 61) / ARM_RADIUS_M
    radius_m = ARM_RADIUS_M + right_m
    forward_m, aside_m = -radius_m * np.sin(back) - STOP_LINE_M, right_m + radius_m * (1 - np.cos(back))
    heading = np.radians(bearing_deg)
    east_m = forward_m * np.sin(heading) + aside_m * np.cos(heading)
    north_m = forward_m * np.cos(heading) - aside_m * np.sin(heading)
    return np.column_stack(_PLANE.to_lonlat(east_m, north_m))


def _event(kind: str, code: int) -> EventDescription:
    along_m = np.linspace(0.0, 400.0, PATH_POINTS)
    path = np.column_stack(_PLANE.to_lonlat(along_m, along_m**2 / 2000.0))
    return EventDescription(1, kind, code, LON, LAT, path, 7.5)


def _cars() -> DetectedObjects:
    number = np.arange(OBJECTS)
    lon, lat = _PLANE.to_lonlat(20.0 * number + 10.0, 3.5 * number)
    return DetectedObjects(
        np.asarray(lon), np.asarray(lat), np.full(OBJECTS, 15.0), np.full(OBJECTS, 90.0), np.full(OBJECTS, 4.8),
        np.full(OBJECTS, 1.8), np.full(OBJECTS, 1.5), number + 1, np.full(OBJECTS, 10), np.full(OBJECTS, 0.5),
        UTC_NS - 50_000_000,
    )
