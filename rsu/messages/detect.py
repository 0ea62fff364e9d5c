"""Which message sets octets belong to: every set that decodes them and re-encodes them identically."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rsu.codec import Decoded
from rsu.messages import MESSAGE_SETS


@dataclass(frozen=True)
class Detection:
    """What each set in question makes of the same octets, under the strict policy, in table order."""

    readings: dict[str, Decoded]

    @property
    def message_sets(self) -> tuple[str, ...]:
        """Sets that decode the octets and re-encode them identically; several where their types agree so far."""
        return tuple(name for name, decoded in self.readings.items() if decoded.status == "ok")

    @property
    def skipping(self) -> tuple[str, ...]:
        """Sets whose frame the octets may have, with a message kind they do not know."""
        return tuple(name for name, decoded in self.readings.items() if decoded.status == "skipped")


def detect(data: bytes, message_sets: Iterable[str] = ()) -> Detection:
    """Try sets by name (none: all) on any octets; never raises for their content, KeyError for an unknown name."""
    names = tuple(message_sets) or tuple(MESSAGE_SETS)
    return Detection({name: MESSAGE_SETS[name].decode(data, "strict") for name in names})
