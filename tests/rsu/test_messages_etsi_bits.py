"""ETSI messages bit for bit against an independent compiler's own modules, and against it compiling our CPM text."""

from __future__ import annotations

import importlib
import importlib.util
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rsu.bounded import TOO_BUSY
from rsu.messages import MESSAGE_SETS
from rsu.messages.etsi import framing
from rsu.messages.etsi.framing import CPM_CONTAINERS, PDUS
from tests.rsu.etsi_values import RandomValues, from_pycrate, to_pycrate

SET = MESSAGE_SETS["etsi-its"]
ASN1 = Path(framing.__file__).parent / "asn1"
LONGEST_PACKET_BYTES = 1398
"""itsGnMaxSduSize of EN 302 636-4-1."""
ORACLES = {
    "CAM": ("pycrate_asn1dir.ITS_CAM_2", "CAM_PDU_Descriptions"),
    "DENM": ("pycrate_asn1dir.ITS_DENM_3", "DENM_PDU_Descriptions"),
    "IVIM": ("pycrate_asn1dir.ITS_IS", "IVIM_PDU_Descriptions"),
}
@pytest.fixture(autouse=True)
def no_value_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """pycrate refuses an addition group whose mandatory member comes with an optional one: its check takes the
    mandatory one off its list at the first look and misses it at the second. Values here come from its own types."""
    runtime = pytest.importorskip("pycrate_asn1rt.asnobj", reason="pycrate is the independent codec")
    monkeypatch.setattr(runtime.ASN1Obj, "_SAFE_VAL", False)


def oracle(message: str) -> Any:
    module, part = ORACLES[message]
    pytest.importorskip("pycrate_asn1dir", reason="pycrate is the independent codec")
    return getattr(getattr(importlib.import_module(module), part), message)


def values(message: str, kind: Any, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Random values, half without extensions, of few to all optional members; the header says the message."""
    draw = random.Random(seed)
    for index in range(count):
        make = RandomValues(draw, optional=(0.1, 0.5, 0.9)[index % 3], extensions=0.0 if index % 2 else 0.15)
        value = make.of(kind)
        value["header"] |= {"protocolVersion": draw.choice(PDUS[message].versions),
                            PDUS[message].message_id_member: PDUS[message].message_id}
        yield value


def with_defaults(message: str, value: dict[str, Any]) -> dict[str, Any]:
    """What decoding adds: the one default of the release-1 messages."""
    if message == "DENM":
        value["denm"]["management"].setdefault("validityDuration", 600)
    return value


def compare(message: str, count: int, seed: int) -> int:
    kind = oracle(message)
    octets = 0
    for value in values(message, kind, seed, count):
        theirs = to_pycrate(kind, value)
        kind.set_val(theirs)
        expected = kind.to_uper()
        data = SET.encode(message, value)
        assert data == expected, value
        kind.from_uper(data)
        assert from_pycrate(kind, kind.get_val()) == with_defaults(message, value)
        assert read(message, expected) in (with_defaults(message, value), None)
        octets += len(data)
    return octets


def read(message: str, data: bytes) -> Any:
    """Value of octets under the strict policy; None where the receiver's bounds stop it, which they do only for
    messages longer than a network packet."""
    decoded = SET.decode(data, "strict")
    if decoded.status == "error" and re.search(f"octets are more than|{TOO_BUSY}", decoded.error):
        assert len(data) > LONGEST_PACKET_BYTES
        return None
    assert (decoded.status, decoded.message) == ("ok", message), decoded.error
    return decoded.value


@pytest.mark.parametrize("message", ORACLES)
def test_octets_equal_those_of_pycrates_own_modules(message: str) -> None:
    """Independent: 300 random values, over presence patterns and extensions, both directions."""
    assert compare(message, 300, seed=1) > 300 * 20


@pytest.mark.slow
@pytest.mark.parametrize("message", ORACLES)
def test_octets_equal_those_of_pycrates_own_modules_at_length(message: str) -> None:
    """Independent: 3,000 random values of each, both directions."""
    compare(message, 3_000, seed=2)


@pytest.fixture(scope="module")
def cpm_oracle(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Our CPM text compiled by another compiler: shares our reading of the standard, not our codec."""
    process = pytest.importorskip("pycrate_asn1c.asnproc", reason="pycrate is the independent codec")
    process.compile_text([path.read_text(encoding="utf-8") for path in sorted((ASN1 / "cpm").glob("*.asn"))])
    target = tmp_path_factory.mktemp("oracle") / "etsi_cpm_oracle.py"
    process.generate_modules(process.PycrateGenerator, str(target))
    process.GLOBAL.clear()
    spec = importlib.util.spec_from_file_location("etsi_cpm_oracle", target)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def closed_by(oracle_module: ModuleType, value: dict[str, Any]) -> bytes:
    """The CPM as the other codec writes it, containers first."""
    part = oracle_module.EtsiCpm
    types = {name: (number, getattr(part, kind)) for number, (name, kind) in CPM_CONTAINERS.items()}
    wrapped = []
    for name, inner in value["payload"]["cpmContainers"]:
        if name == "other":
            wrapped.append(inner)
            continue
        number, kind = types[name]
        kind.set_val(to_pycrate(kind, inner))
        wrapped.append({"containerId": number, "containerData": kind.to_uper()})
    pdu = part.CollectivePerceptionMessage
    pdu.set_val({**value, "payload": {**value["payload"], "cpmContainers": wrapped}})
    return pdu.to_uper()


def test_cpm_octets_equal_those_of_another_codec(cpm_oracle: ModuleType) -> None:
    """Independent codec over the same text: 300 random CPMs, containers opened and closed."""
    kinds = set()
    for value in values("ETSI-CPM", cpm_oracle.EtsiCpmOpened.OpenedCpm, 3, 300):
        for name, inner in value["payload"]["cpmContainers"]:
            kinds.add(name)
            if name == "other":
                inner["containerId"] = max(inner["containerId"], 6)
        data = SET.encode("ETSI-CPM", value)
        assert data == closed_by(cpm_oracle, value)
        assert read("ETSI-CPM", data) in (value, None)
    assert kinds == {name for name, _ in CPM_CONTAINERS.values()} | {"other"}
