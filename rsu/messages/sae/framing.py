"""Framing of J2735: MessageFrame carries a message number and the message as an open type (encoded in two steps).

The second part of a BSM holds open types of its own; their values are given and returned as inner values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsu.codec import Codec, EncodeError, Schema, load_schema
from rsu.messages.dsrc import ASN1 as DSRC

ASN1 = Path(__file__).parent / "asn1"

MESSAGES: dict[str, tuple[int, str]] = {
    "MAP": (18, "MapData"),
    "SPAT": (19, "SPAT"),
    "BSM": (20, "BasicSafetyMessage"),
    "TIM": (31, "TravelerInformation"),
    "PSM": (32, "PersonalSafetyMessage"),
    "SDSM": (41, "SensorDataSharingMessage"),
}
"""Message name -> (DSRCmsgID, type)."""

PART_II: dict[int, str] = {
    0: "VehicleSafetyExtensions", 1: "SpecialVehicleExtensions", 2: "SupplementalVehicleExtensions",
}
"""partII-Id of a BSM -> type of its value; values of other numbers stay octets."""

REDUCED_PARTS = frozenset({2})
"""partII-Ids whose type has members outside this profile: a value that does not decode may hold one of those, and stays
octets. Any other is damaged."""


class FrameCodec(Codec):
    """Encoder and decoder of J2735 messages; an unknown message number is a skipped message."""

    open_members = {"partII-Value": ("partII-Id", PART_II)}

    def __init__(self, directories: tuple[Path, ...] = (DSRC, ASN1)) -> None:
        self.directories = directories
        self.messages = tuple(MESSAGES)
        self._names = {number: (name, type_name) for name, (number, type_name) in MESSAGES.items()}
        self._definitions: dict[str, dict[str, Any]] = {}

    @property
    def schema(self) -> Schema:
        """Parsed and compiled types; the first use compiles."""
        return load_schema(*self.directories)

    def definition(self, message: str) -> tuple[Schema, dict[str, Any]]:
        """Schema and type of a message; a BSM's partII-Value is one of its known types or octets."""
        if message not in MESSAGES:
            raise EncodeError(f"message: {message!r} is not one of {', '.join(self.messages)}")
        return self.schema, {"type": MESSAGES[message][1]}

    def _pack(self, message: str, value: Any, check: bool) -> bytes:
        number, type_name = MESSAGES[message]
        encode = self.schema.specification.encode
        if message == "BSM" and isinstance(value, dict) and value.get("partII"):
            value = {**value, "partII": [self._pack_part(part, check) for part in value["partII"]]}
        inner = encode(type_name, value, check_constraints=check)
        return bytes(encode("MessageFrame", {"messageId": number, "value": inner}, check_constraints=check))

    def _pack_part(self, part: dict[str, Any], check: bool) -> dict[str, Any]:
        number, value = part["partII-Id"], part["partII-Value"]
        if isinstance(value, (bytes, bytearray)):
            return part
        if number not in PART_II:
            raise EncodeError(f"BSM.partII: id {number} has no type in this profile, give octets")
        type_name = PART_II[number]
        if check and (misfit := self.schema.misfit(value, {"type": type_name}, f"BSM.{type_name}")):
            raise EncodeError(misfit)
        # A SEQUENCE without any member set is still one octet as an open type.
        octets = self.schema.specification.encode(type_name, value, check_constraints=check) or b"\0"
        return {"partII-Id": number, "partII-Value": octets}

    def _unpack(self, data: bytes) -> tuple[str | None, Any]:
        decode = self.schema.specification.decode
        frame = decode("MessageFrame", data)
        if frame["messageId"] not in self._names:
            return None, None
        name, type_name = self._names[frame["messageId"]]
        value = decode(type_name, frame["value"])
        if name == "BSM" and value.get("partII"):
            value["partII"] = [self._unpack_part(part) for part in value["partII"]]
        return name, value

    def _unpack_part(self, part: dict[str, Any]) -> dict[str, Any]:
        type_name = PART_II.get(part["partII-Id"])
        if type_name is None:
            return part
        try:
            value = self.schema.specification.decode(type_name, part["partII-Value"])
        except Exception:
            if part["partII-Id"] in REDUCED_PARTS:
                return part
            raise
        return {"partII-Id": part["partII-Id"], "partII-Value": value}
