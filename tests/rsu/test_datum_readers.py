"""Readers and vehicle columns in another datum: positions come out in WGS 84, everything else untouched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.applications.events import RoadEvent
from rsu.applications.in_datum import DatumReaders, readers_in, vehicles_in
from rsu.applications.objects import ObjectColumns, separation
from rsu.applications.road_map import RoadLane
from rsu.applications.signals import PhaseKey, PhaseSignal
from rsu.geodesy import from_wgs84
from rsu.messages import MESSAGE_SETS
from rsu.messages.vehicle import PathHistory, VehicleColumns
from tests.rsu.service_cases import UTC_NS

EPOCH = 2026.5
LINE = np.array([[120.8972, 31.0198], [120.8980, 31.0205], [120.8991, 31.0210]])
SHIFTED = ("CGCS2000", "GCJ-02")


def written(points: np.ndarray, datum: str) -> np.ndarray:
    """(n, 2) WGS 84 points as a sender of ``datum`` writes them."""
    return np.column_stack(from_wgs84(datum, points[:, 0], points[:, 1], EPOCH))


def apart_m(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.max(separation(a[:, 0], a[:, 1], b[:, 0], b[:, 1])))


class Told:
    """Readers that give what they were made of; values are ignored."""

    def __init__(self, datum: str) -> None:
        self.line = written(LINE, datum)

    def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
        lanes = [self.line[:2], self.line, np.empty((0, 2))]
        return [
            RoadLane((310, 257, 310, 500, k), 3.5, points, frozenset({"left"}), (k,), 16.7)
            for k, points in enumerate(lanes, 1)
        ]

    def signals(self, value: dict[str, Any], near_utc_ns: int) -> dict[PhaseKey, PhaseSignal]:
        return {(310, 257, 1): PhaseSignal((), near_utc_ns)}

    def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
        here = (float(self.line[0, 0]), float(self.line[0, 1]))
        return [
            RoadEvent(b"RSU00001", 1, "event", 501, here, (self.line, self.line[1:]), (8.0, 5.0), 3, message),
            RoadEvent(b"RSU00001", 2, "sign", 13, None, (), (), 0, ""),
            RoadEvent(b"RSU00001", 3, "event", 904, None, (self.line[:1],), (2.0,), 0, ""),
        ]

    def objects(self, message: str, value: dict[str, Any], near_utc_ns: int) -> ObjectColumns:
        count = len(self.line)
        some = np.arange(count, dtype=float)
        return ObjectColumns(
            self.line[:, 0], self.line[:, 1], some, some, some, np.arange(count), np.full(count, near_utc_ns), some,
            some, np.zeros(count, np.int64),
        )


def test_wgs84_needs_no_wrapper() -> None:
    """Property: the very same readers and columns, so that runs without a datum hazard cannot change."""
    for readers in READERS.values():
        assert readers_in(readers, "WGS84", EPOCH) is readers
    columns = vehicles(LINE)
    assert vehicles_in(columns, "WGS84", EPOCH) is columns


@pytest.mark.parametrize("name", ["BD-09", "gcj-02", ""])
def test_unknown_datums_are_refused(name) -> None:
    """Property."""
    with pytest.raises(ValueError, match="is not one of WGS84"):
        readers_in(READERS["cn"], name, EPOCH)
    with pytest.raises(ValueError, match="is not one of WGS84"):
        vehicles_in(vehicles(LINE), name, EPOCH)


@pytest.mark.parametrize("datum", SHIFTED)
def test_lanes_come_back(datum) -> None:
    """Property: points within 1 mm of where the sender's lanes are, empty lanes too; the rest stays."""
    told, lanes = Told(datum).lanes({}), readers_in(Told(datum), datum, EPOCH).lanes({})
    assert [len(lane.points) for lane in lanes] == [2, 3, 0]
    assert apart_m(lanes[1].points, LINE) < 1e-3 and apart_m(lanes[0].points, LINE[:2]) < 1e-3
    assert apart_m(told[1].points, LINE) > 0.7
    for before, after in zip(told, lanes, strict=True):
        same = ("key", "width_m", "maneuvers", "phase_ids", "speed_limit_mps")
        assert [getattr(before, name) for name in same] == [getattr(after, name) for name in same]


@pytest.mark.parametrize("datum", SHIFTED)
def test_events_come_back(datum) -> None:
    """Property: position and every path; events without a position or without paths as they are; radii stay."""
    first, bare, short = readers_in(Told(datum), datum, EPOCH).events("RSI", {})
    assert first.position is not None and apart_m(np.array([first.position]), LINE[:1]) < 1e-3
    assert apart_m(first.paths[0], LINE) < 1e-3 and apart_m(first.paths[1], LINE[1:]) < 1e-3
    assert (first.radii_m, first.code, first.text) == ((8.0, 5.0), 501, "RSI")
    assert bare.position is None and bare.paths == ()
    assert short.position is None and apart_m(short.paths[0], LINE[:1]) < 1e-3


@pytest.mark.parametrize("datum", SHIFTED)
def test_objects_come_back_and_signals_pass(datum) -> None:
    """Property: positions within 1 mm, the other columns the same arrays; signals have no position."""
    plain, there = Told(datum), readers_in(Told(datum), datum, EPOCH)
    objects = there.objects("RSM", {}, 17)
    assert apart_m(np.column_stack([objects.lon, objects.lat]), LINE) < 1e-3
    assert objects.sampled_utc_ns.tolist() == [17, 17, 17] and objects.speed_mps.tolist() == [0.0, 1.0, 2.0]
    assert there.signals({}, 17) == plain.signals({}, 17)


def test_nothing_told_stays_nothing() -> None:
    """Property: empty lists convert to empty lists."""

    class Silent(Told):
        def lanes(self, value: dict[str, Any]) -> list[RoadLane]:
            return []

        def events(self, message: str, value: dict[str, Any]) -> list[RoadEvent]:
            return []

    readers = DatumReaders(Silent("WGS84"), "GCJ-02", EPOCH)
    assert readers.lanes({}) == [] and readers.events("RSI", {}) == []


def vehicles(points: np.ndarray) -> VehicleColumns:
    count = len(points)
    whole, part = np.arange(count), np.full(count, 10.0)
    return VehicleColumns(
        temporary_id=whole.astype(np.uint64), msg_count=whole, sec_mark_ms=whole, longitude_deg=points[:, 0],
        latitude_deg=points[:, 1], speed_mps=part, heading_deg=part, width_m=part / 5, length_m=part / 2,
        vehicle_class=whole, generated_utc_ns=UTC_NS + whole,
        path=PathHistory(np.ones(count, np.int64), part * 1e-5, part * 1e-5, part),
    )


@pytest.mark.parametrize("datum", SHIFTED)
@pytest.mark.parametrize("name", ["csae53-2020", "etsi-its"])
def test_vehicles_come_back_from_real_octets(datum, name) -> None:
    """Property: content in ``datum`` through a real codec: within the 1 cm of the wire with the conversion, 0.72 m or
    472 m off without; paths stay."""
    message_set = MESSAGE_SETS[name]
    octets = message_set.encode_vehicles(vehicles(written(LINE, datum)))
    columns = message_set.decode_vehicles(octets, "strict")
    there = vehicles_in(columns, datum, EPOCH)
    assert apart_m(np.column_stack([there.longitude_deg, there.latitude_deg]), LINE) < 0.011
    raw_m = apart_m(np.column_stack([columns.longitude_deg, columns.latitude_deg]), LINE)
    assert (0.7 < raw_m < 0.8) if datum == "CGCS2000" else (470 < raw_m < 483)
    assert there.path is columns.path and there.speed_mps is columns.speed_mps
