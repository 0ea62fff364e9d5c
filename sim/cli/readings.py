"""What octets and packets say, as the JSON documents ``corridor decode`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsu.capture import Packet
    from rsu.codec import Decoded, Policy
    from rsu.stack import Unwrapped

AUTO = "auto"


class Unreadable(ValueError):
    """Octets or a packet that no message set, envelope or network in question can read; one line."""


def read_message(octets: bytes, message_set: str, policy: Policy) -> dict[str, Any]:
    """The document of one message in one set, or in all sets that fit (``auto``); Unreadable if it is none."""
    if message_set == AUTO:
        return _detected(octets)
    decoded = _decode(message_set, octets, policy)
    if decoded.status == "error":
        raise Unreadable(f"does not decode: {decoded.error}")
    return _document(message_set, decoded)


def read_packet(packet: Packet, message_set: str | None, policy: Policy) -> dict[str, Any]:
    """The document of one packet; Unreadable if its network is known and its content is not.

    A frame with nothing of a known network is a ``skipped`` result.
    """
    from rsu.capture import FrameError, open_frame

    about: dict[str, Any] = {"time_ns": packet.time_ns, "interface": packet.interface}
    comment = {"comment": "\n".join(packet.comments)} if packet.comments else {}
    try:
        network, octets = open_frame(packet.link_type, packet.octets)
    except FrameError as error:
        reason = {"status": "skipped", "message": None, "error": str(error), "value": None}
        return {**about, "network": None, **comment, **reason}
    try:
        unwrapped, reading = _unwrapped_reading(network, octets, message_set, policy)
    except Unreadable as error:
        cut = packet.original_bytes - len(packet.octets)
        raise Unreadable(f"{network}: {error}" + (f" (the capture lacks its last {cut} octets)" * (cut > 0))) from None
    about |= {"network": network, "application_id": unwrapped.application_id}
    about |= {} if unwrapped.btp_port is None else {"btp_port": unwrapped.btp_port}
    return {**about, "signer": unwrapped.signer, **comment, **reading}


def _unwrapped_reading(
    network: str, octets: bytes, message_set: str | None, policy: Policy
) -> tuple[Unwrapped, dict[str, Any]]:
    """What the first envelope that leads to a message holds; else what the first that opens at all holds."""
    first: tuple[Unwrapped, dict[str, Any]] | None = None
    problems: list[Unreadable] = []
    for unwrapped in _unwrapped(network, octets, problems):
        try:
            reading = _in_packet(unwrapped.message, network, message_set, policy)
        except Unreadable as error:
            problems.insert(0, error)
            continue
        if reading["status"] == "ok":
            return unwrapped, reading
        first = first or (unwrapped, reading)
    if first is None:
        raise problems[0]
    return first


def _unwrapped(network: str, octets: bytes, problems: list[Unreadable]) -> Iterator[Unwrapped]:
    """The packet through every envelope, native ones of the network first, security off last."""
    from rsu.messages import MESSAGE_SETS
    from rsu.security import ENVELOPES
    from rsu.stack import StackError, stack_for

    native = [one.native.envelope for one in MESSAGE_SETS.values() if one.native.network == network]
    for envelope in (*dict.fromkeys([*native, *ENVELOPES]), None):
        try:
            yield stack_for(network, envelope).unwrap(octets)
        except StackError as error:
            problems.append(Unreadable(str(error)))


@lru_cache(maxsize=512)
def _in_packet(octets: bytes, network: str, message_set: str | None, policy: Policy) -> dict[str, Any]:
    """A message from a packet: by name, or by the sets of its network, else any set that fits, else leniently.

    Roadside messages repeat and every station hears the same ones, so the last documents are kept; nobody changes them.
    """
    from rsu.messages import MESSAGE_SETS

    if message_set not in (None, AUTO):
        return read_message(octets, str(message_set), policy)
    native = [name for name, one in MESSAGE_SETS.items() if one.native.network == network]
    others = [name for name in MESSAGE_SETS if name not in native]
    for names in (native, others):
        if names and (found := _fitting(octets, names)):
            return found
    decoded = {name: _decode(name, octets, policy) for name in native}
    for status in ("ok", "skipped"):
        for name, one in decoded.items():
            if one.status == status:
                return {"message_sets": [], **_document(name, one)}
    reasons = "; ".join(f"{name}: {one.error}" for name, one in decoded.items())
    raise Unreadable(f"does not decode: {reasons or 'no message set speaks here'}")


def _detected(octets: bytes) -> dict[str, Any]:
    from rsu.messages import MESSAGE_SETS

    if found := _fitting(octets, list(MESSAGE_SETS)):
        return found
    decoded = {name: one.decode(octets, "lenient") for name, one in MESSAGE_SETS.items()}
    lenient = [name for name, one in decoded.items() if one.status == "ok"]
    skipping = [name for name, one in decoded.items() if one.status == "skipped"]
    hints = f"; {', '.join(lenient)} can read part of them" * bool(lenient)
    hints += f"; a kind unknown to {', '.join(skipping)}" * bool(skipping)
    raise Unreadable(f"no message set decodes these octets and re-encodes them identically{hints}")


def _fitting(octets: bytes, names: Sequence[str]) -> dict[str, Any] | None:
    """The reading of the first set that fits, with the names of all and the readings that differ from it."""
    from rsu.messages.detect import detect

    detection = detect(octets, names)
    documents = [_document(name, detection.readings[name]) for name in detection.message_sets]
    if not documents:
        return None
    first = documents[0]
    others = [one for one in documents if (one["message"], one["value"]) != (first["message"], first["value"])]
    return {"message_sets": list(detection.message_sets), **first, **({"others": others} if others else {})}


def _document(message_set: str, decoded: Decoded) -> dict[str, Any]:
    from rsu.messages import MESSAGE_SETS

    described = MESSAGE_SETS[message_set].describe(decoded)
    if not described.get("error"):
        described.pop("error", None)
    return {"message_set": message_set, **described}


def _decode(message_set: str, octets: bytes, policy: Policy) -> Decoded:
    from rsu.messages import MESSAGE_SETS

    return MESSAGE_SETS[message_set].decode(octets, policy)
