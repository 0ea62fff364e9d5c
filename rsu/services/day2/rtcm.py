"""RTCM: differential corrections, carried as octets (T/CSAE 157-2020, RTCMcorrections)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rsu.services.counter import MessageCounter
from rsu.services.day2.described import Correction

CORRECTIONS_PER_MESSAGE = 5
MOST_PAYLOAD_BYTES = 2047
_PREAMBLE = 0xD3
_HEADER_BYTES, _PARITY_BYTES = 3, 3


def split_rtcm_stream(octets: bytes) -> list[Correction]:
    """Corrections of a byte stream of RTCM 3 frames (preamble 0xD3, 10-bit length, body, 24-bit parity).

    Octets before a preamble and an unfinished frame at the end are left out; the parity is not checked. The message
    number is the first 12 bits of the body.
    """
    corrections = []
    place = octets.find(_PREAMBLE)
    while 0 <= place and place + _HEADER_BYTES + 2 <= len(octets):
        length = (octets[place + 1] & 0x03) << 8 | octets[place + 2]
        end = place + _HEADER_BYTES + length + _PARITY_BYTES
        if end > len(octets):
            break
        number = octets[place + 3] << 4 | octets[place + 4] >> 4 if length >= 2 else None
        corrections.append(Correction(octets[place:end], number))
        place = octets.find(_PREAMBLE, end)
    return corrections


def build_rtcm(
    corrections: Sequence[Correction], *, counter: MessageCounter, max_bytes: int | None = None
) -> list[dict[str, Any]]:
    """RTCMcorrections values that together carry all corrections in order; none for none.

    Each holds at most 5 and, with ``max_bytes``, encodes within the limit. ValueError: an empty payload, one of more
    than 2047 octets or longer than the limit, a number outside 0..32767.
    """
    groups: list[list[dict[str, Any]]] = []
    room = 0
    for correction in corrections:
        item, size = _item(correction), _most_bytes(correction)
        if max_bytes is not None and size + _FRAME_BYTES > max_bytes:
            raise ValueError(f"RTCM payload of {len(correction.payload)} octets: message limit is {max_bytes} bytes")
        full = max_bytes is not None and size > room
        if not groups or full or len(groups[-1]) == CORRECTIONS_PER_MESSAGE:
            groups.append([])
            room = (max_bytes or 0) - _FRAME_BYTES
        groups[-1].append(item)
        room -= size
    return [{"msgCnt": counter.next(), "corrections": group} for group in groups]


_FRAME_BYTES = 11
"""Bound on frames, counter and list length around the corrections."""


def _most_bytes(correction: Correction) -> int:
    """Bound on the octets one correction takes: 4 presence and marker bits, 6, 15 and 11 bits, payload."""
    return 5 + len(correction.payload)


def _item(correction: Correction) -> dict[str, Any]:
    if not 1 <= len(correction.payload) <= MOST_PAYLOAD_BYTES:
        raise ValueError(f"RTCM payload of {len(correction.payload)} octets: must have 1 to {MOST_PAYLOAD_BYTES}")
    item: dict[str, Any] = {"payload": bytes(correction.payload)}
    if correction.revision:
        item["rev"] = correction.revision
    if correction.number is not None:
        if not 0 <= correction.number <= 32_767:
            raise ValueError(f"RTCM number {correction.number}: must lie in 0..32767")
        item["rtcmID"] = correction.number
    return item
