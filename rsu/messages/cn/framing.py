"""Framings of the Chinese sets: MessageFrame over several folders of modules, and its Day II extension."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsu.codec import MAX_INPUT_BYTES, ChoiceCodec, EncodeError, Schema, load_schema

DAY_ONE_MESSAGES = {
    "BSM": "bsmFrame", "MAP": "mapFrame", "RSM": "rsmFrame", "SPAT": "spatFrame", "RSI": "rsiFrame",
}
"""Message name -> alternative of MessageFrame (T/CSAE 53, YD/T 3709-2020)."""

DAY_TWO_MESSAGES: dict[str, tuple[int, str]] = {
    "TEST": (0, "TestMsg"),
    "RTCM": (10, "RTCMcorrections"),
    "RSC": (11, "RoadsideCoordination"),
    "C157-SSM": (12, "SensorSharingMsg"),
    "VIR": (13, "VehIntentionAndRequest"),
    "PAM": (14, "PAMData"),
    "PSM": (15, "PersonalSafetyMessage"),
    "C157-CPM": (16, "CLPMM"),
    "VPM": (17, "VehiclePaymentMessage"),
}
"""Message name -> (messageId, type) of the extension frame (T/CSAE 157-2020). SSM and CPM mean other things in other
sets, so they carry a prefix; C157-CPM is the platooning message CLPMM."""

EXTENSION = "msgFrameExt"


class ProfileCodec(ChoiceCodec):
    """MessageFrame of a Day I set whose types stand in several folders."""

    def __init__(self, directories: tuple[Path, ...], alternatives: dict[str, str]) -> None:
        super().__init__(directories[-1], alternatives)
        self.directories = directories

    @property
    def schema(self) -> Schema:
        """Parsed and compiled types; the first use compiles."""
        return load_schema(*self.directories)


class ExtendedCodec(ProfileCodec):
    """MessageFrame with Day II messages behind its extension marker, encoded in two steps.

    The inner message is an open type: encoded on its own, then carried as octets of ``MessageFrameExt``. A messageId
    the set does not know is reported as skipped. A message longer than a decoder reads is refused on encoding.
    """

    def __init__(self, directories: tuple[Path, ...], alternatives: dict[str, str],
                 extensions: dict[str, tuple[int, str]]) -> None:
        super().__init__(directories, alternatives)
        self.extensions = dict(extensions)
        self.messages = (*alternatives, *extensions)
        self._inner = {number: (message, kind) for message, (number, kind) in extensions.items()}

    def definition(self, message: str) -> tuple[Schema, dict[str, Any]]:
        """Schema and type of the value of one message, without its frames."""
        if message in self.extensions:
            return self.schema, {"type": self.extensions[message][1]}
        return super().definition(message)

    def _pack(self, message: str, value: Any, check: bool) -> bytes:
        if message not in self.extensions:
            octets = super()._pack(message, value, check)
        else:
            number, kind = self.extensions[message]
            specification = self.schema.specification
            inner = bytes(specification.encode(kind, value, check_constraints=check))
            outer = (EXTENSION, {"messageId": number, "value": inner})
            octets = bytes(specification.encode(self.frame, outer, check_constraints=check))
        if len(octets) > MAX_INPUT_BYTES:
            raise EncodeError(f"{message}: {len(octets)} octets are more than {MAX_INPUT_BYTES}")
        return octets

    def _unpack(self, data: bytes) -> tuple[str | None, Any]:
        specification = self.schema.specification
        alternative, value = specification.decode(self.frame, data)
        if alternative is None:
            return None, None
        if alternative != EXTENSION:
            return self._names[alternative], value
        if value["messageId"] not in self._inner:
            return None, None
        message, kind = self._inner[value["messageId"]]
        return message, specification.decode(kind, value["value"])
