"""Messages by class of use: a requirement on BSM speaks of CAM where a run is made of ETSI messages."""

from __future__ import annotations

from collections.abc import Iterable

from rsu.messages import MESSAGE_SETS
from rsu.messages.base import SERVICE_CLASSES

CLASSES = SERVICE_CLASSES


def _messages() -> dict[str, str]:
    found: dict[str, str] = {}
    for message_set in MESSAGE_SETS.values():
        for rule in message_set.messages.values():
            if rule.service or rule.message not in found:
                found[rule.message] = rule.service
    return found


MESSAGES = _messages()
"""Message of any set -> class it serves, empty where it serves none (definitions section 2)."""


def messages_of(wanted: str, present: Iterable[str]) -> list[str]:
    """The messages of a run that a requirement on ``wanted`` (a class, or one message) speaks of."""
    if wanted in CLASSES:
        return [name for name in present if MESSAGES.get(name, "") == wanted]
    return [name for name in present if name == wanted]
