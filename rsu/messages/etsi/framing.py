"""Framing of ETSI messages: the first two octets of the ItsPduHeader say version and kind, the rest is one PDU.

A value is the whole PDU, header included, because its stationID belongs to the content. The containers of a CPM are
open types: they are encoded one by one and go into the message as octets (ETSI TS 103 324 v2.1.1); users give and get
``cpmContainers`` as a list of (container name, value).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsu.codec import Codec, DecodeError, EncodeError, Schema, load_schema
from rsu.messages.dsrc import ASN1 as DSRC
from rsu.messages.dsrc import ASN1_ETSI as DSRC_ETSI

PROTOCOL_VERSION = 2
"""Sent; a receiver also takes 1 for the release-1 messages, which have the same layout and are seen on the air."""

_ASN1 = Path(__file__).parent / "asn1"
_CDD = _ASN1 / "cdd"


@dataclass(frozen=True)
class Pdu:
    """One kind of message: its number, versions, types and the folders that hold them."""

    message_id: int
    type_name: str
    folders: tuple[Path, ...]
    versions: tuple[int, ...] = (1, 2)
    message_id_member: str = "messageID"
    station_id_member: str = "stationID"


PDUS: dict[str, Pdu] = {
    "DENM": Pdu(1, "DENM", (_CDD, _ASN1 / "denm")),
    "CAM": Pdu(2, "CAM", (_CDD, _ASN1 / "cam")),
    "SPATEM": Pdu(4, "SPATEM", (DSRC, DSRC_ETSI)),
    "MAPEM": Pdu(5, "MAPEM", (DSRC, DSRC_ETSI)),
    "IVIM": Pdu(6, "IVIM", (_CDD, _ASN1 / "ivim")),
    "ETSI-CPM": Pdu(14, "OpenedCpm", (_ASN1 / "cpm",), (2,), "messageId", "stationId"),
}
"""Messages by name; numbers of ETSI TS 102 894-2 (ItsPduHeader)."""

CPM_CONTAINERS: dict[int, tuple[str, str]] = {
    1: ("originatingVehicleContainer", "OriginatingVehicleContainer"),
    2: ("originatingRsuContainer", "OriginatingRsuContainer"),
    3: ("sensorInformationContainer", "SensorInformationContainer"),
    4: ("perceptionRegionContainer", "PerceptionRegionContainer"),
    5: ("perceivedObjectContainer", "PerceivedObjectContainer"),
}
"""containerId -> (name of the container, its type), ETSI TS 103 324 v2.1.1."""

_BY_NUMBER = {pdu.message_id: name for name, pdu in PDUS.items()}
_CONTAINER_ID = {name: (number, kind) for number, (name, kind) in CPM_CONTAINERS.items()}


def header(message: str, station_id: int) -> dict[str, int]:
    """ItsPduHeader of a message in the spelling of its release."""
    pdu = PDUS[message]
    return {
        "protocolVersion": PROTOCOL_VERSION, pdu.message_id_member: pdu.message_id, pdu.station_id_member: station_id,
    }


class EtsiCodec(Codec):
    """CAM, DENM, SPATEM, MAPEM, IVIM and CPM; each kind is compiled on its first use."""

    messages = tuple(PDUS)

    def definition(self, message: str) -> tuple[Schema, dict[str, Any]]:
        """Schema and type of the PDU, header included."""
        if message not in PDUS:
            raise EncodeError(f"message: {message!r} is not one of {', '.join(self.messages)}")
        pdu = PDUS[message]
        return load_schema(*pdu.folders), {"type": pdu.type_name}

    def _pack(self, message: str, value: Any, check: bool) -> bytes:
        _check_header(message, value)
        specification = self.definition(message)[0].specification
        if message == "ETSI-CPM":
            return _pack_cpm(specification, value, check)
        return bytes(specification.encode(PDUS[message].type_name, value, check_constraints=check))

    def _unpack(self, data: bytes) -> tuple[str | None, Any]:
        if len(data) < 2:
            raise DecodeError(f"{len(data)} octets are no ItsPduHeader")
        version, number = data[0], data[1]
        message = _BY_NUMBER.get(number)
        if message is None or version not in PDUS[message].versions:
            return None, None
        specification = self.definition(message)[0].specification
        if message == "ETSI-CPM":
            return message, _unpack_cpm(specification, data)
        return message, specification.decode(PDUS[message].type_name, data)


def _check_header(message: str, value: Any) -> None:
    pdu = PDUS[message]
    head = value["header"]
    number, version = head[pdu.message_id_member], head["protocolVersion"]
    if number != pdu.message_id:
        raise EncodeError(f"{message}.header.{pdu.message_id_member}: {number} is not {pdu.message_id}")
    if version not in pdu.versions:
        raise EncodeError(f"{message}.header.protocolVersion: {version} is none of {pdu.versions}")


def _pack_cpm(specification: Any, value: dict[str, Any], check: bool) -> bytes:
    wrapped = [_wrap(specification, name, inner, check) for name, inner in value["payload"]["cpmContainers"]]
    closed = {**value, "payload": {**value["payload"], "cpmContainers": wrapped}}
    return bytes(specification.encode("CollectivePerceptionMessage", closed, check_constraints=check))


def _wrap(specification: Any, name: str, inner: Any, check: bool) -> dict[str, Any]:
    if name == "other":
        return dict(inner)
    if name not in _CONTAINER_ID:
        raise EncodeError(f"ETSI-CPM.payload.cpmContainers: no container {name!r}")
    number, kind = _CONTAINER_ID[name]
    octets = bytes(specification.encode(kind, inner, check_constraints=check))
    return {"containerId": number, "containerData": octets}


def _unpack_cpm(specification: Any, data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = specification.decode("CollectivePerceptionMessage", data)
    payload = value["payload"]
    payload["cpmContainers"] = [_unwrap(specification, container) for container in payload["cpmContainers"]]
    return value


def _unwrap(specification: Any, container: dict[str, Any]) -> tuple[str, Any]:
    number = container["containerId"]
    if number not in CPM_CONTAINERS:
        return "other", container
    name, kind = CPM_CONTAINERS[number]
    return name, specification.decode(kind, container["containerData"])
