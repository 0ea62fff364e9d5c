"""What every message set does alike: octets, values and descriptions through its codec."""

from __future__ import annotations

from typing import Any

from rsu.codec import Codec, Decoded, Policy
from rsu.messages import describe


class CodedSet:
    """Base of the message sets; a set provides ``codec`` and the messages of vehicles."""

    codec: Codec

    def encode(self, message: str, value: dict[str, Any]) -> bytes:
        """Octets of one message from its value in asn1tools form; raises EncodeError."""
        return self.codec.encode(message, value)

    def decode(self, data: bytes, policy: Policy = "lenient") -> Decoded:
        """Decode any octets; never raises for their content."""
        return self.codec.decode(data, policy)

    def describe(self, decoded: Decoded) -> dict[str, Any]:
        """JSON-friendly form of a decoding result, see :mod:`rsu.messages.describe`."""
        return describe.describe(decoded, self.codec)

    def undescribe(self, described: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """(message, value) that :meth:`encode` takes, from what :meth:`describe` gave."""
        return describe.undescribe(described, self.codec)
