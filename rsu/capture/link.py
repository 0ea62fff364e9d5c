"""Network-layer packets as link-layer frames of a capture file, and back.

| network | link type written | frame |
|---|---|---|
| GeoNetworking | 1 Ethernet | 14-octet header, ethertype 0x8947 (EN 302 636-4-1) |
| WSMP | 1 Ethernet | the same, ethertype 0x88DC (IEEE 1609.3) |
| DSMP | 252 exported PDU | tag 12 names the dissector ``cnv2x``; DSMP has no known ethertype and no link type |

The radio's own layers (PC5, PDCP) are not in a frame.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

LINK_ETHERNET = 1
LINK_80211 = 105
LINK_RADIOTAP = 127
LINK_USER0 = 147
LINK_EXPORTED_PDU = 252
"""Numbers of the registry of link types shared by pcap and pcapng."""

DSMP_DISSECTOR = "cnv2x"
"""Name the dissector in ``wireshark/cn_v2x.lua`` registers."""

ETHERTYPES = {0x8947: "geonetworking", 0x88DC: "wsmp"}
DISSECTORS = {DSMP_DISSECTOR: "dsmp", "gnw": "geonetworking", "wsmp": "wsmp"}

_BROADCAST = b"\xff" * 6
_VLAN_ETHERTYPES = (0x8100, 0x88A8)
_MOST_VLAN_TAGS = 2
_SNAP = bytes.fromhex("aaaa03000000")
_TAG_END, _TAG_DISSECTOR_NAME = 0, 12
_MOST_TAGS = 64


class FrameError(ValueError):
    """Octets that are no frame with a packet of a known network, or a packet that goes into no frame."""


@dataclass(frozen=True)
class Link:
    """How packets of one network are put into frames."""

    link_type: int
    wrap: Callable[[int | str, bytes], bytes]
    """(station, packet) -> frame."""


def station_address(station: int | str) -> bytes:
    """Six octets, a locally administered unicast address: 02 and the number, or 06 and a digest of the name.

    FrameError: a number outside 0..2^40 - 1.
    """
    if isinstance(station, str):
        return b"\x06" + hashlib.sha256(station.encode(errors="replace")).digest()[:5]
    if not 0 <= station < 1 << 40:
        raise FrameError(f"station: {station} is outside 0..2^40 - 1")
    return b"\x02" + int(station).to_bytes(5, "big")


def _ethernet(ethertype: int) -> Callable[[int | str, bytes], bytes]:
    return lambda station, packet: _BROADCAST + station_address(station) + struct.pack(">H", ethertype) + packet


def _exported(station: int | str, packet: bytes) -> bytes:
    name = DSMP_DISSECTOR.encode()
    name += bytes(-len(name) % 4)
    return struct.pack(">HH", _TAG_DISSECTOR_NAME, len(name)) + name + struct.pack(">HH", _TAG_END, 0) + packet


LINKS: dict[str, Link] = {
    "geonetworking": Link(LINK_ETHERNET, _ethernet(0x8947)),
    "wsmp": Link(LINK_ETHERNET, _ethernet(0x88DC)),
    "dsmp": Link(LINK_EXPORTED_PDU, _exported),
}
"""Network name -> its frames."""


def link_of(network: str) -> Link:
    """The link of a network; FrameError names the known ones."""
    try:
        return LINKS[network]
    except KeyError:
        raise FrameError(f"network: {network!r} is none of {', '.join(LINKS)}") from None


def make_frame(network: str, station: int | str, packet: bytes) -> tuple[int, bytes]:
    """(link type, frame) of one packet sent by ``station``; FrameError: unknown network, station number too large."""
    link = link_of(network)
    return link.link_type, link.wrap(station, packet)


def open_frame(link_type: int, octets: bytes) -> tuple[str, bytes]:
    """(network name, packet) of any frame, or one FrameError.

    Link types: 1 Ethernet (up to two 802.1Q tags), 105 802.11 data frames (LLC/SNAP, or the bare ethertype of
    newer 5.9 GHz stations), 127 radiotap, 252 exported PDU, 147 a bare GeoNetworking packet. Trailing octets
    a radio or a cable adds (padding, an unannounced check sequence) stay in the packet.
    """
    opener = _OPENERS.get(link_type)
    if opener is None:
        raise FrameError(f"link type {link_type} is none of {', '.join(map(str, _OPENERS))}")
    return opener(bytes(octets))


def _open_ethernet(octets: bytes) -> tuple[str, bytes]:
    start = 12
    for _ in range(_MOST_VLAN_TAGS + 1):
        ethertype = _number(octets, start, "Ethernet header")
        if ethertype not in _VLAN_ETHERTYPES:
            return _network(ethertype), octets[start + 2 :]
        start += 4
    raise FrameError(f"more than {_MOST_VLAN_TAGS} VLAN tags")


def _open_80211(octets: bytes, padded: bool = False) -> tuple[str, bytes]:
    """A data frame: frame control, header, then LLC/SNAP or a bare ethertype."""
    control = _number(octets, 0, "802.11 header")
    first, flags = control >> 8, control & 0xFF
    if first & 0x0F != 0x08 or first & 0x40:
        raise FrameError(f"802.11 frame control {control:#06x} is no data frame with content")
    if flags & 0x44:
        raise FrameError("802.11 frame is a fragment or encrypted")
    four_addresses, quality = flags & 0x03 == 0x03, bool(first & 0x80)
    length = 24 + 6 * four_addresses + 2 * quality + 4 * (quality and bool(flags & 0x80))
    content = octets[length + (-length % 4 if padded else 0) :]
    if content[:6] == _SNAP:
        content = content[6:]
    return _network(_number(content, 0, "802.11 content")), content[2:]


def _open_radiotap(octets: bytes) -> tuple[str, bytes]:
    """Radiotap header, then the 802.11 frame; its flags say whether a check sequence or padding is there."""
    if len(octets) < 8:
        raise FrameError("frame ends inside its radiotap header")
    version, length = struct.unpack_from("<BxH", octets)
    if version or not 8 <= length <= len(octets):
        raise FrameError(f"radiotap version {version}, length {length} in {len(octets)} octets")
    flags = _radiotap_flags(octets[:length])
    end = len(octets) - (4 if flags & 0x10 else 0)
    return _open_80211(octets[length : max(end, length)], padded=bool(flags & 0x20))


def _radiotap_flags(header: bytes) -> int:
    """Content of the flags field, 0 if it is absent; time stamp (8 octets, aligned) may stand before it."""
    position, present = 4, 0
    (word,) = struct.unpack_from("<I", header, position)
    present = word
    while word & 0x8000_0000:
        position += 4
        if position + 4 > len(header):
            raise FrameError("frame ends inside its radiotap header")
        (word,) = struct.unpack_from("<I", header, position)
    position += 4
    if not present & 0x02:
        return 0
    if present & 0x01:
        position += -position % 8 + 8
    if position >= len(header):
        raise FrameError("frame ends inside its radiotap header")
    return header[position]


def _open_exported(octets: bytes) -> tuple[str, bytes]:
    """Tags up to the end tag; the first one that names a dissector says which network."""
    network, position = "", 0
    for _ in range(_MOST_TAGS):
        tag = _number(octets, position, "exported PDU")
        length = _number(octets, position + 2, "exported PDU")
        position += 4
        value = octets[position : position + length]
        if len(value) < length:
            raise FrameError("frame ends inside a tag of its exported PDU")
        position += length
        if tag == _TAG_END:
            if not network:
                raise FrameError("exported PDU names no dissector")
            return network, octets[position:]
        if tag == _TAG_DISSECTOR_NAME and not network:
            name = value.rstrip(b"\0").decode(errors="replace")
            if name not in DISSECTORS:
                raise FrameError(f"exported PDU for {name[:40]!r}, not for one of {', '.join(DISSECTORS)}")
            network = DISSECTORS[name]
    raise FrameError(f"exported PDU has more than {_MOST_TAGS} tags")


def _open_user0(octets: bytes) -> tuple[str, bytes]:
    return "geonetworking", octets


def _number(octets: bytes, start: int, what: str) -> int:
    """Two octets, big endian."""
    if start + 2 > len(octets):
        raise FrameError(f"frame ends inside its {what}")
    return int.from_bytes(octets[start : start + 2], "big")


def _network(ethertype: int) -> str:
    try:
        return ETHERTYPES[ethertype]
    except KeyError:
        raise FrameError(f"ethertype {ethertype:#06x} is no V2X network") from None


_OPENERS: dict[int, Callable[[bytes], tuple[str, bytes]]] = {
    LINK_ETHERNET: _open_ethernet,
    LINK_80211: _open_80211,
    LINK_RADIOTAP: _open_radiotap,
    LINK_USER0: _open_user0,
    LINK_EXPORTED_PDU: _open_exported,
}
