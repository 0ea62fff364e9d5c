"""Every message of vehicles that runs send, packed and unpacked by batch and one by one, against the general codec."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from rsu.messages import MESSAGE_SETS
from rsu.messages.batch.catalogue import ENGINES
from rsu.messages.batch.sheet import RowReader, Sheet
from rsu.messages.batch.single import Single, shapes_of
from rsu.messages.vehicle import PathHistory, VehicleColumns
from sim.engine import Engine
from sim.scenario import load
from sim.scenario.shipped import shipped_scenarios

AWARENESS = {name.split("/")[0]: name for name in ENGINES if not name.endswith("/PSM")}
POLICIES = ("lenient", "strict")
BUSY = ("duration_s=1", "radio_warmup_s=0", "traffic.flow_veh_h=700")


def sent_columns(scenario: str, overrides: list[str], monkeypatch: pytest.MonkeyPatch) -> list[VehicleColumns]:
    """Columns of all awareness messages of a run."""
    engine = Engine(load(scenario, overrides))
    sent: list[VehicleColumns] = []
    encode = engine.message_set.encode_vehicles

    def recorded(columns: VehicleColumns) -> list[bytes]:
        sent.append(columns)
        return encode(columns)

    with monkeypatch.context() as patch:
        patch.setattr(engine.message_set, "encode_vehicles", recorded)
        engine.run()
    return sent


def joined(parts: list[VehicleColumns]) -> VehicleColumns:
    """All rows in one."""
    values = {
        one.name: np.concatenate([getattr(part, one.name) for part in parts])
        for one in fields(VehicleColumns) if one.name != "path" and getattr(parts[0], one.name) is not None
    }
    paths = [part.path for part in parts]
    values["path"] = PathHistory(*(np.concatenate([getattr(path, one.name) for path in paths])
                                   for one in fields(PathHistory)))
    return VehicleColumns(**values)


def assert_same(ours: VehicleColumns, theirs: VehicleColumns) -> None:
    for one in fields(VehicleColumns):
        if one.name != "path":
            np.testing.assert_array_equal(getattr(ours, one.name), getattr(theirs, one.name), err_msg=one.name)
    for one in fields(PathHistory):
        np.testing.assert_array_equal(getattr(ours.path, one.name), getattr(theirs.path, one.name), err_msg=one.name)


def patterns(sheet: Sheet) -> list[object]:
    """What each message has: its members, and those of the elements of its lists in their order."""
    inside = {}
    for path, elements in sheet.lists.items():
        ends, held = np.cumsum(sheet.counts(path)), patterns(elements)
        inside[path] = [tuple(held[end - count : end]) for end, count in zip(ends, sheet.counts(path), strict=True)]
    return [(sheet.kinds[kind], *(held[row] for held in inside.values()))
            for row, kind in enumerate(sheet.kind.tolist())]


def compare_all(name: str, parts: list[VehicleColumns]) -> tuple[int, int]:
    """(messages, patterns); AssertionError where a batch, in whatever sizes, or a single message is coded otherwise."""
    message_set = MESSAGE_SETS[name]
    whole = joined(parts)
    general = message_set.encode_vehicles_general(whole)
    assert [octets for part in parts for octets in message_set.encode_vehicles(part)] == general
    assert message_set.encode_vehicles(whole) == general
    for policy in POLICIES:
        assert_same(message_set.decode_vehicles(general, policy), message_set.decode_vehicles_general(general, policy))
    engine = ENGINES[AWARENESS[name]]()
    sheet = engine.decode_general(general).sheet
    compare_singles(engine, sheet, general)
    return len(general), len(set(patterns(sheet)))


def compare_singles(engine: Any, sheet: Sheet, octets: list[bytes]) -> None:
    """The same messages by the code for their shapes, one at a time; ``sheet`` is what the general codec read."""
    singles = [Single(engine, shape) for shape in shapes_of(sheet)]
    reader = RowReader(engine.node, sheet)
    for row, data in enumerate(octets):
        single = singles[int(sheet.kind[row])]
        codes, *lists = single.decode(data)
        assert single.decode(data, "strict") == (codes, *lists)
        assert RowReader(engine.node, single.sheet(codes, *lists)).value(0) == reader.value(row)
        assert single.encode(codes, *lists) == data


@pytest.mark.parametrize("name", ("csae53-2020", "etsi-its", "sae-j2735"))
def test_messages_of_a_short_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent: a second of a border, octets and columns against asn1tools."""
    parts = sent_columns("03-one-border", [*BUSY, f"standards.message_set={name}"], monkeypatch)
    messages, met = compare_all(name, parts)
    print(name, messages, met)
    assert messages > 100 and met > 2


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted(shipped_scenarios()))
@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_messages_of_every_shipped_scenario(scenario: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent: ten seconds of every shipped scenario with every set, octets and columns against asn1tools."""
    parts = sent_columns(scenario, ["duration_s=10", f"standards.message_set={name}"], monkeypatch)
    messages, met = compare_all(name, parts)
    print(scenario, name, messages, met)
    assert messages > 10 and met >= 1
