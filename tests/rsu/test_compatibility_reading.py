"""How stations of a profile read octets: own set, further decoders, policy, datum."""

from __future__ import annotations

import random
from dataclasses import fields, replace

import numpy as np
import pytest

from rsu.applications import READERS
from rsu.compatibility import Reading
from rsu.compatibility import reading as reading_module
from rsu.compatibility.reading import KEPT_READS, service_of
from rsu.geodesy import from_wgs84, to_wgs84
from rsu.messages import MESSAGE_SETS
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns
from tests.rsu.compatibility_cases import events, maps, profile_of, signals, typical, vehicles

YDT, OLD, NEW = "ydt3709-2020", "csae53-2017", "csae53-2020"


def test_its_own_set_comes_first_and_answers_where_it_can() -> None:
    """Property: the reading of the own set is taken, also where a further one would read more."""
    octets = signals(YDT, random.Random(1))[0]
    read = Reading(profile_of(YDT, decoders=(NEW,))).decode(octets)
    assert read.message_set is MESSAGE_SETS[YDT] and read.service == "SPAT" and read.status == "ok"
    assert read.value == MESSAGE_SETS[YDT].decode(octets).value


def test_further_sets_are_asked_in_their_order() -> None:
    """Property: a MAP of YD/T 3709 is refused by both sets of T/CSAE 53 and read by the one that knows it."""
    octets = maps(YDT, random.Random(1))[0]
    alone = Reading(profile_of(OLD)).decode(octets)
    assert (alone.usable, alone.status, alone.message_set.name) == (False, "error", OLD)
    read = Reading(profile_of(OLD, decoders=(NEW, YDT))).decode(octets)
    assert (read.usable, read.message_set.name) == (True, YDT)
    assert len(read.readers.lanes(read.value)) == len(READERS["cn"].lanes(read.value)) > 0


def test_the_policy_is_that_of_the_profile() -> None:
    """By hand: an octet too many passes a lenient decoder and no strict one."""
    octets = signals(YDT, random.Random(1))[0] + b"\0"
    vehicle = MESSAGE_SETS[YDT].encode_vehicles(vehicles(20))
    longer = [one + b"\0" for one in vehicle]
    for policy, status, refused in (("lenient", "ok", 0), ("strict", "error", STATUS_ERROR)):
        reading = Reading(profile_of(YDT, decode_policy=policy))
        assert reading.decode(octets).status == status
        assert set(reading.decode_vehicles(longer).status) == {refused}


@pytest.mark.parametrize("datum", ["WGS84", "GCJ-02", "CGCS2000"])
def test_positions_come_out_in_wgs84_whatever_the_datum(datum: str) -> None:
    """Property: vehicles and events written in a datum are read back to a step of the message (1e-7 degree)."""
    true = vehicles(30)
    lon, lat = from_wgs84(datum, true.longitude_deg, true.latitude_deg, 2025.0)
    written = MESSAGE_SETS[YDT].encode_vehicles(replace(true, longitude_deg=lon, latitude_deg=lat))
    reading = Reading(profile_of(YDT, datum=datum), 2025.0)
    read = reading.decode_vehicles(written)
    np.testing.assert_allclose(read.longitude_deg, true.longitude_deg, atol=1.01e-7)
    np.testing.assert_allclose(read.latitude_deg, true.latitude_deg, atol=1.01e-7)
    as_sent = reading.vehicles_as_sent(written)
    np.testing.assert_allclose(as_sent.longitude_deg, lon, atol=0.51e-7)
    octets = events(YDT, random.Random(2))[0]
    (event,) = reading.decode(octets).readers.events("RSI", reading.decode(octets).value)
    (raw,) = READERS["cn"].events("RSI", MESSAGE_SETS[YDT].decode(octets).value)
    expected = np.column_stack(to_wgs84(datum, raw.paths[0][:, 0], raw.paths[0][:, 1], 2025.0))
    np.testing.assert_allclose(event.paths[0], expected, atol=1e-12)


def with_history(columns: VehicleColumns) -> VehicleColumns:
    rows = [np.array([[-1e-4 * k, 2e-5 * k, 0.5 * k] for k in range(1, 1 + row % 4)]) for row in range(len(columns))]
    return replace(columns, path=PathHistory.from_rows(rows))


def test_mixed_vehicles_are_read_row_by_row() -> None:
    """Independent: a row is what the own set reads in it, else what the second one does, path histories included.

    Some messages of the second set are misread by the own one, which keeps them.
    """
    first, second = MESSAGE_SETS[YDT], MESSAGE_SETS["sae-j2735"]
    octets = [*first.encode_vehicles(with_history(vehicles(20, 1))), b"", b"\xff"]
    octets += second.encode_vehicles(with_history(vehicles(40, 2)))
    octets = [octets[row] for row in np.random.default_rng(1).permutation(len(octets))]
    read = Reading(profile_of(YDT, decoders=("sae-j2735",))).decode_vehicles(octets)
    mine, theirs = first.decode_vehicles(octets), second.decode_vehicles(octets)
    takes = np.where(mine.status == STATUS_OK, 0, np.where(theirs.status == STATUS_OK, 1, 2))
    assert (np.bincount(takes) >= (21, 10, 2)).all()
    for column in fields(VehicleColumns):
        if column.name not in ("path", "status"):
            for taken, source in ((0, mine), (1, theirs)):
                rows = takes == taken
                np.testing.assert_array_equal(getattr(read, column.name)[rows], getattr(source, column.name)[rows])
    np.testing.assert_array_equal(read.status, np.where(takes == 2, mine.status, STATUS_OK))
    assert read.path is not None and mine.path is not None and theirs.path is not None
    rows_of = (mine.path.rows(), theirs.path.rows())
    for row, history in enumerate(read.path.rows()):
        if takes[row] < 2:
            np.testing.assert_array_equal(history, rows_of[takes[row]][row])


def test_the_same_octets_are_decoded_once_and_memory_is_bounded() -> None:
    """Property: the latest payloads are kept, the others let go."""
    reading = Reading(profile_of(YDT))
    octets = signals(YDT, random.Random(1))[0]
    read = reading.decode(octets)
    for number in range(KEPT_READS - 1):
        reading.decode(number.to_bytes(4, "big"))
    assert reading.decode(octets) is read
    for number in range(KEPT_READS):
        reading.decode(number.to_bytes(5, "big"))
    assert reading.decode(octets) is not read
    assert len(reading._known) == KEPT_READS


def test_classes_of_messages_whatever_their_name() -> None:
    """By hand: DENM and IVIM serve the class RSI, a CAM the class BSM; a VIR none."""
    assert [service_of("etsi-its", name) for name in ("CAM", "DENM", "IVIM", "MAPEM", "SPATEM", "ETSI-CPM")] == [
        "BSM", "RSI", "RSI", "MAP", "SPAT", "RSM",
    ]
    assert service_of("csae157-2020", "VIR") == service_of(YDT, None) == ""


def test_a_set_nobody_knows_is_named() -> None:
    """By hand: the error says which set of which profile."""
    with pytest.raises(ValueError, match="profile ydt3709-2020: no message set 'csae53-1999'"):
        Reading(profile_of(YDT, decoders=("csae53-1999",)))


def test_remembered_refusals_change_nothing_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: statuses and columns of a batch are the same at first sight and later, in any mixture."""
    monkeypatch.setattr(reading_module, "_REFUSED", {})
    monkeypatch.setattr(reading_module, "KEPT_REFUSALS", 30)
    good = MESSAGE_SETS[YDT].encode_vehicles(vehicles(20))
    foreign = MESSAGE_SETS[OLD].encode_vehicles(vehicles(60, 2))
    skipped = [each.octets for each in typical("csae157-2020") if each.message in ("VIR", "RSC")]
    mixed = [*good[:10], *foreign[:20], *skipped, *good[10:]]
    reading, expected = Reading(profile_of(YDT)), MESSAGE_SETS[YDT].decode_vehicles(mixed)
    for _ in range(2):
        read = reading.vehicles_as_sent(mixed)
        np.testing.assert_array_equal(read.status, expected.status)
        right = expected.status == STATUS_OK
        for name in ("temporary_id", "longitude_deg", "heading_deg", "length_m"):
            np.testing.assert_array_equal(getattr(read, name)[right], getattr(expected, name)[right])
    assert set(np.asarray(expected.status).tolist()) == {STATUS_OK, STATUS_ERROR, STATUS_SKIPPED}
    reading.vehicles_as_sent(foreign)
    assert len(reading_module._REFUSED[YDT, "lenient"]) == 30
