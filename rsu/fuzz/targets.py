"""What is asked of every input. A broken promise is a :class:`Fault`; any exception that gets here is one as well."""

from __future__ import annotations

import io
import json
import random
from dataclasses import fields

import numpy as np

from rsu.applications import READERS
from rsu.applications.base import Readers
from rsu.capture import CaptureError, CaptureWriter, FrameError, Packet, make_frame, open_frame, read_capture
from rsu.codec import Decoded, DecodeError
from rsu.messages.base import MessageSet
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns
from rsu.network import Source
from rsu.security import ENVELOPES
from rsu.stack import Stack, StackError, Unwrapped, stack_for

NEAR_UTC_NS = 1_782_864_017_100_000_000
_VEHICLE_STATUS = {"ok": STATUS_OK, "skipped": STATUS_SKIPPED, "error": STATUS_ERROR}


class Fault(Exception):
    """A promise an input broke."""


def expect(holds: bool, promise: str) -> None:
    """Fault with the promise unless it holds."""
    if not holds:
        raise Fault(promise)


def check_decoding(message_set: MessageSet, data: bytes, lenient: Decoded, strict: Decoded) -> None:
    """What two decodings of the same octets promise each other and the encoder, then descriptions and readers."""
    for decoded in (lenient, strict):
        expect(decoded.status in _VEHICLE_STATUS, "a status of the three")
        expect((decoded.message is None) == (decoded.value is None), "a value exactly where a message is named")
        expect(decoded.usable if decoded.status == "ok" else decoded.status == "skipped" or not decoded.usable,
               "a value where the status is ok, none where it is error")
        expect(bool(decoded.error) == (decoded.status != "ok"), "one line of error exactly where the status is not ok")
        expect("\n" not in decoded.error and len(decoded.error) <= 300, "an error of one short line")
    if strict.status == "ok":
        assert strict.message is not None and strict.value is not None
        expect(lenient.status == "ok", "what strict takes, lenient takes")
        expect(message_set.encode(strict.message, strict.value) == data, "what strict takes re-encodes to itself")
    if lenient.usable:
        check_description(message_set, data, lenient, strict.status == "ok")
        read(message_set, lenient)


def check_description(message_set: MessageSet, data: bytes, decoded: Decoded, canonical: bool) -> None:
    """A description is JSON; of canonical octets it comes back to them, of others it may be refused."""
    described = json.loads(json.dumps(message_set.describe(decoded)))
    try:
        message, value = message_set.undescribe(described)
    except DecodeError as error:
        if canonical:
            raise Fault(f"the description of a canonical message can be read back: {error}") from error
        return
    if canonical:
        expect(message_set.encode(message, value) == data, "a description comes back to the same octets")


def read(message_set: MessageSet, decoded: Decoded) -> None:
    """Everything a receiver would do with a message, where its family has readers."""
    readers: Readers | None = READERS.get(message_set.family)
    if readers is None or decoded.message is None or decoded.value is None:
        return
    services = {rule.service for rule in message_set.messages.values() if rule.message == decoded.message}
    if "MAP" in services:
        readers.lanes(decoded.value)
    if "SPAT" in services:
        for signal in readers.signals(decoded.value, NEAR_UTC_NS).values():
            signal.light_at(NEAR_UTC_NS)
    if "RSI" in services:
        readers.events(decoded.message, decoded.value)
    if "RSM" in services:
        readers.objects(decoded.message, decoded.value, NEAR_UTC_NS)


def check_vehicles(message_set: MessageSet, batch: list[bytes], decoded: dict[str, list[Decoded]]) -> None:
    """Batch decoding says of every input what the general decoder says, column by column."""
    for policy, ones in decoded.items():
        columns = message_set.decode_vehicles(batch, policy)  # type: ignore[arg-type]
        expect(len(columns) == len(batch) and columns.status is not None, "one row and status per input")
        assert columns.status is not None
        statuses = [
            STATUS_OK if one.usable and one.message == message_set.awareness
            else STATUS_ERROR if one.status == "error" else STATUS_SKIPPED
            for one in ones
        ]
        for row, (status, wanted) in enumerate(zip(columns.status.tolist(), statuses, strict=True)):
            if status != wanted:
                raise Fault(f"{policy}: batch decoding gives status {status}, not {wanted}, for {batch[row].hex()}")
        general = getattr(message_set, "decode_vehicles_general", None)
        if general is not None:
            _compare(columns, general(batch, policy), batch, policy)


def _compare(batch: VehicleColumns, general: VehicleColumns, inputs: list[bytes], policy: str) -> None:
    """The same in every row whose status is ok; the others say nothing."""
    rows = np.flatnonzero(batch.status == STATUS_OK).tolist()
    for one in fields(VehicleColumns):
        mine, theirs = getattr(batch, one.name), getattr(general, one.name)
        if isinstance(mine, PathHistory):
            mine, theirs = mine.rows(), theirs.rows()
        if mine is None or theirs is None:
            expect(mine is theirs, f"{policy}: both have {one.name} or none has")
            continue
        for row in rows:
            if not np.array_equal(mine[row], theirs[row], equal_nan=np.asarray(mine[row]).dtype.kind == "f"):
                raise Fault(f"{policy}: batch decoding gives another {one.name} for {inputs[row].hex()}")


def stacks_of(message_set: MessageSet) -> list[Stack]:
    """The set's own network with every envelope and without one."""
    return [stack_for(message_set.native.network, name) for name in (None, *ENVELOPES)]


def packet_of(stack: Stack, message_set: MessageSet, message: bytes, draw: random.Random) -> bytes:
    """A valid packet, or the bare message where the stack cannot carry it."""
    rule = draw.choice(list(message_set.messages.values()))
    try:
        return stack.wrap(message, rule, Source(draw.getrandbits(16), 120.8, 31.0),
                          draw.choice((None, None, 165, 210)) if stack.envelope is not None else None)
    except (StackError, ValueError):
        return message


def check_stack(stack: Stack, octets: bytes) -> str:
    """A packet or one StackError; the outcome."""
    try:
        unwrapped = stack.unwrap(octets)
    except StackError as error:
        expect(bool(str(error)), "a refusal that says why")
        return "error"
    expect(isinstance(unwrapped, Unwrapped) and len(unwrapped.message) <= len(octets), "no more than came in")
    return "ok"


def capture_of(message_set: MessageSet, packets: list[bytes]) -> bytes:
    """A capture file with these packets."""
    file = io.BytesIO()
    with CaptureWriter(file) as writer:
        frames = [make_frame(message_set.native.network, 7, packet) for packet in packets]
        interface = writer.add_interface("station", frames[0][0] if frames else 1)
        for number, (_, frame) in enumerate(frames):
            writer.packet(interface, NEAR_UTC_NS + number, frame, "rssi -80 dBm")
        return file.getvalue()


def check_capture(octets: bytes) -> str:
    """Packets and then the end or one CaptureError; every packet's frame opens or gives one FrameError."""
    outcome = "ok"
    try:
        for packet in read_capture(io.BytesIO(octets)):
            expect(isinstance(packet, Packet) and len(packet.octets) <= len(octets), "no more than came in")
            if check_frame(packet.link_type, packet.octets) == "error":
                outcome = "skipped"
    except CaptureError:
        return "error"
    return outcome


def check_frame(link_type: int, octets: bytes) -> str:
    """A packet of a network or one FrameError."""
    try:
        network, packet = open_frame(link_type, octets)
    except FrameError:
        return "error"
    expect(bool(network) and len(packet) <= len(octets), "no more than came in")
    return "ok"


