"""C157-SSM: what a roadside unit's sensors detect (T/CSAE 157-2020, SensorSharingMsg)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rsu.services.cn.rsm import PARTICIPANT_TYPES, SOURCES, participants_to_wire
from rsu.services.cn.wire import offset_to_wire, position_to_wire
from rsu.services.counter import MessageCounter
from rsu.services.day2.wire import check_names
from rsu.services.described import DetectedObjects, ObjectsBatch, UnitDescription
from rsu.services.geometry import metric_offsets
from rsu.services.instants import millisecond_of_minute

Encode = Callable[[dict[str, Any]], bytes]
MESSAGE = "C157-SSM"
OBJECTS_PER_MESSAGE = 64
"""The set allows 512; decoders bound their effort (:mod:`rsu.bounded`) at about 75 objects."""
MOST_AREAS, FEWEST_CORNERS, MOST_CORNERS = 8, 4, 32
DETECTED_TYPES = {"pedestrian": "pedestrian", "unknown": "unknown"}
"""Participant type -> DetectedPTCType, where the one says the other; left out otherwise."""


def build_ssm(
    unit: UnitDescription,
    objects: DetectedObjects,
    *,
    counter: MessageCounter,
    generated_utc_ns: int,
    detected_areas: Sequence[np.ndarray] = (),
    junction: tuple[float, float] | None = None,
    max_messages: int | None = None,
    encode: Encode | None = None,
    max_bytes: int | None = None,
) -> ObjectsBatch:
    """SensorSharingMsg values of one cycle, objects in order of distance from ``junction``.

    ``junction`` is (lon, lat), the sensor's own place by default. ``detected_areas``: polygons of (lon, lat), shape
    (n, 2) with 4 to 32 corners, at most 8, in which the sensor sees; repeated in every message. Each message holds up
    to 64 objects and, when ``encode`` and ``max_bytes`` are given, encodes within the limit. With no object there is
    one message without participants. With ``max_messages`` the farthest objects are left out and counted. secMark is
    the instant of generation, each object's own that of the sample.

    ValueError: ptcId outside 1..65535 or doubled, unknown type or source, a polygon of another size, one object longer
    than the limit.
    """
    _check(objects, max_messages)
    reference = position_to_wire(unit.lon, unit.lat, unit.height_m)
    lon, lat = junction if junction is not None else (unit.lon, unit.lat)
    distance_m = np.hypot(*metric_offsets(np.column_stack([objects.lon, objects.lat]), lon, lat).T)
    order = np.lexsort((objects.participant_id, distance_m))
    head: dict[str, Any] = {
        "msgCnt": 0, "id": unit.unit_id, "equipmentType": "rsu", "secMark": millisecond_of_minute(generated_utc_ns),
        "sensorPos": reference,
    }
    if detected_areas:
        head["detectedRegion"] = _areas(detected_areas, reference)
    items = [_detected(ptc, objects) for ptc in participants_to_wire(objects, reference, order)]
    counts = _split(head, items, max_messages, encode, max_bytes)
    starts = [0, *np.cumsum(counts).tolist()]
    values, rows = [], []
    for first, last in zip(starts, starts[1:], strict=False):
        content = {"participants": items[first:last]} if last > first else {}
        values.append({**head, "msgCnt": counter.next(), **content})
        rows.append(order[first:last])
    return ObjectsBatch(MESSAGE, values, rows, len(items) - starts[-1])


def _check(objects: DetectedObjects, max_messages: int | None) -> None:
    if max_messages is not None and max_messages < 1:
        raise ValueError(f"C157-SSM max_messages {max_messages}: must be at least 1")
    check_names("C157-SSM participant type", (objects.participant_type,), PARTICIPANT_TYPES)
    check_names("C157-SSM source", (objects.source,), SOURCES)
    numbers = objects.participant_id
    if len(numbers) and (numbers.min() < 1 or numbers.max() > 65_535 or len(np.unique(numbers)) < len(numbers)):
        raise ValueError(f"C157-SSM ptcId {sorted(numbers.tolist())[:20]}: must differ and lie in 1..65535")


def _areas(areas: Sequence[np.ndarray], reference: dict[str, int]) -> list[list[dict[str, Any]]]:
    polygons = [np.asarray(area, np.float64).reshape(-1, 2) for area in areas]
    if len(polygons) > MOST_AREAS:
        raise ValueError(f"C157-SSM: {len(polygons)} detected areas, at most {MOST_AREAS}")
    for polygon in polygons:
        if not FEWEST_CORNERS <= len(polygon) <= MOST_CORNERS:
            raise ValueError(f"C157-SSM: area of {len(polygon)} corners, must be {FEWEST_CORNERS} to {MOST_CORNERS}")
    return [[offset_to_wire(lon, lat, reference) for lon, lat in polygon] for polygon in polygons]


def _detected(participant: dict[str, Any], objects: DetectedObjects) -> dict[str, Any]:
    kind = DETECTED_TYPES.get(objects.participant_type)
    return {"ptc": participant, "detectedPTCType": kind} if kind else {"ptc": participant}


def _split(head: dict[str, Any], items: list[dict[str, Any]], max_messages: int | None, encode: Encode | None,
           max_bytes: int | None) -> list[int]:
    """How many objects each message holds; a single 0 without objects."""
    counts: list[int] = []
    done = 0
    while done < len(items) and (max_messages is None or len(counts) < max_messages):
        left = items[done : done + OBJECTS_PER_MESSAGE]
        count = len(left)
        if encode is not None and max_bytes is not None:
            count = _most_within(head, left, encode, max_bytes)
        counts.append(count)
        done += count
    return counts or [0]


def _most_within(head: dict[str, Any], items: list[dict[str, Any]], encode: Encode, max_bytes: int) -> int:
    """Largest number of leading items that encode within the limit.

    Items are about equally long, so interpolating between a number that fits and one that does not takes few tries.
    """
    def size_of(count: int) -> int:
        return len(encode({**head, "participants": items[:count]} if count else head))

    high = min(len(items), max_bytes // _FEWEST_BYTES_PER_OBJECT + 1)
    size_high = size_of(high)
    if size_high <= max_bytes:
        return high
    low, size_low = 0, size_of(0)
    while high - low > 1:
        share = (max_bytes - size_low) / max(size_high - size_low, 1)
        guess = min(max(low + int((high - low) * share), low + 1), high - 1)
        size = size_of(guess)
        if size <= max_bytes:
            low, size_low = guess, size
        else:
            high, size_high = guess, size
    if low == 0:
        raise ValueError(f"C157-SSM: one object alone is longer than {max_bytes} bytes")
    return low


_FEWEST_BYTES_PER_OBJECT = 16
"""Mandatory members of ParticipantData take more than 128 bits."""
