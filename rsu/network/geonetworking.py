"""GeoNetworking with BTP-B (EN 302 636-4-1 v1.4.1, EN 302 636-5-1): single-hop and geo-broadcast packets.

Octets: basic header 4, common header 8, extended header 28 (SHB) or 44 (GBC, a circle), BTP-B 4, message. With
security on, the basic header says *secured* and everything behind it stands inside the envelope.

Constants that the standards leave to a station are our choices and stand as named constants below. Not verified
against the text: lifetimes, hop limit 10, traffic classes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.network.base import (
    Addressed,
    EnvelopeSizes,
    NetworkError,
    Opener,
    Received,
    Seal,
    Source,
    lengths,
    none_added,
    untouched,
)
from rsu.network.tai import tai_2004_ns

GN_MAX_SDU_BYTES = 1398
"""itsGnMaxSduSize: longest BTP header and message."""

BASIC_BYTES, COMMON_BYTES, SHB_BYTES, GBC_BYTES, BTP_BYTES = 4, 8, 28, 44, 4

STATION_TYPE_PASSENGER_CAR, STATION_TYPE_ROADSIDE = 5, 15
LIFETIME_SHB = 1 << 2 | 1
"""1 x 1 s."""
LIFETIME_GBC = 6 << 2 | 2
"""6 x 10 s."""
HOP_LIMIT_GBC = 10
TRAFFIC_CLASS_SHB, TRAFFIC_CLASS_GBC = 2, 1

_VERSION = 1
_NEXT_COMMON, _NEXT_SECURED = 1, 2
_BTP_A, _BTP_B = 1, 2
_TYPE_SHB, _TYPE_GBC = 0x50, 0x40
_FLAG_MOBILE = 0x80
_LOCALLY_ADMINISTERED = 0x0200
_AREA_TYPES = (0x30, 0x31, 0x32, 0x40, 0x41, 0x42)
"""Geo-anycast and geo-broadcast to a circle, a rectangle, an ellipse."""
_EXTENDED_BYTES = {0x50: SHB_BYTES, 0x51: 28, 0x20: 48} | dict.fromkeys(_AREA_TYPES, GBC_BYTES)
"""Header type and subtype -> octets of the extended header; the first are single-hop, multi-hop and unicast."""


@dataclass(frozen=True)
class GeoNetworking:
    """GeoNetworking and BTP-B over Ethernet type 0x8947; SHB, or GBC to a circle where the rule says so."""

    max_data_bytes: int = GN_MAX_SDU_BYTES
    name: str = "geonetworking"

    def overhead_bytes(self, aid: int) -> int:
        """Octets of the headers of a geo-broadcast packet: 60; a single-hop one has 44."""
        return BASIC_BYTES + COMMON_BYTES + GBC_BYTES + BTP_BYTES

    def added_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """44 octets (SHB) or 60 (GBC), and the envelope around all of them but the first four."""
        inside = COMMON_BYTES + (GBC_BYTES if to.geo_broadcast else SHB_BYTES) + BTP_BYTES
        return BASIC_BYTES + inside + (envelope or none_added)(lengths(message_bytes) + inside)

    def data_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """BTP header and message."""
        return lengths(message_bytes) + BTP_BYTES

    def pack(self, message: bytes, to: Addressed, source: Source, seal: Seal | None = None) -> bytes:
        """The packet; NetworkError: message too long, port, position, speed or area outside their fields."""
        if len(message) + BTP_BYTES > self.max_data_bytes:
            raise NetworkError(f"message: {len(message)} octets and 4 of BTP are more than {self.max_data_bytes}")
        if not 0 <= to.btp_port <= 0xFFFF:
            raise NetworkError(f"btp_port: {to.btp_port} is outside 0..65535")
        hops = HOP_LIMIT_GBC if to.geo_broadcast else 1
        kind, traffic_class = (_TYPE_GBC, TRAFFIC_CLASS_GBC) if to.geo_broadcast else (_TYPE_SHB, TRAFFIC_CLASS_SHB)
        flags = 0 if source.is_roadside else _FLAG_MOBILE
        data = struct.pack(">HH", to.btp_port, 0) + message
        common = struct.pack(">BBBBHBB", _BTP_B << 4, kind, traffic_class, flags, len(data), hops, 0)
        position = long_position_vector(source)
        extended = _area_header(source, position) if to.geo_broadcast else position + bytes(4)
        lifetime = LIFETIME_GBC if to.geo_broadcast else LIFETIME_SHB
        following = _NEXT_COMMON if seal is None else _NEXT_SECURED
        basic = bytes([_VERSION << 4 | following, 0, lifetime, hops])
        return basic + (seal or untouched)(common + extended + data)

    def unpack(self, octets: bytes, opener: Opener | None = None) -> Received:
        """Message and BTP port of any octets, or NetworkError (or the opener's error).

        Read: single-hop, multi-hop, unicast, geo-anycast and geo-broadcast packets with BTP. Refused: another
        version, other next headers, a secured packet without an opener, a length that does not match the octets
        present, more hops left than the packet started with, more data than ``max_data_bytes``.
        """
        if len(octets) < BASIC_BYTES:
            raise NetworkError(f"{len(octets)} octets are no packet")
        version, following, hops_left = octets[0] >> 4, octets[0] & 0x0F, octets[3]
        if version != _VERSION:
            raise NetworkError(f"version {version} is not {_VERSION}")
        if following not in (_NEXT_COMMON, _NEXT_SECURED):
            raise NetworkError(f"next header {following} behind the basic header is unknown")
        inside = bytes(octets[BASIC_BYTES:])
        if following == _NEXT_SECURED:
            if opener is None:
                raise NetworkError("secured packet, and no envelope to open it with")
            inside = opener(inside)
        return self._unpack_common(inside, hops_left)

    def _unpack_common(self, inside: bytes, hops_left: int) -> Received:
        if len(inside) < COMMON_BYTES:
            raise NetworkError("packet ends inside its common header")
        following, kind, _, _, length, hop_limit, _ = struct.unpack(">BBBBHBB", inside[:COMMON_BYTES])
        if following >> 4 not in (_BTP_A, _BTP_B):
            raise NetworkError(f"next header {following >> 4} behind the common header is not BTP")
        if hops_left > hop_limit:
            raise NetworkError(f"{hops_left} hops are left of at most {hop_limit}")
        extended_bytes = _EXTENDED_BYTES.get(kind)
        if extended_bytes is None:
            raise NetworkError(f"header type {kind:#04x} carries no data that is read")
        data = inside[COMMON_BYTES + extended_bytes :]
        if len(inside) < COMMON_BYTES + extended_bytes:
            raise NetworkError("packet ends inside its extended header")
        if length != len(data):
            raise NetworkError(f"length says {length} octets, {len(data)} are there")
        if not BTP_BYTES <= length <= self.max_data_bytes:
            raise NetworkError(f"length {length} is outside {BTP_BYTES}..{self.max_data_bytes}")
        return Received(data[BTP_BYTES:], None, int.from_bytes(data[:2], "big"))


def gn_address(source: Source) -> bytes:
    """8 octets: station type, and the station id as a locally administered link-layer address 02:00:xx:xx:xx:xx."""
    station_type = STATION_TYPE_ROADSIDE if source.is_roadside else STATION_TYPE_PASSENGER_CAR
    if not 0 <= source.station_id <= 0xFFFF_FFFF:
        raise NetworkError(f"station_id: {source.station_id} is outside 0..4294967295")
    return struct.pack(">HHI", station_type << 10, _LOCALLY_ADMINISTERED, source.station_id)


def long_position_vector(source: Source) -> bytes:
    """24 octets: address, timestamp (atomic ms since 2004 modulo 2^32), position, speed and heading.

    The accuracy indicator is 1: simulated positions are better than the 80 m it stands for.
    """
    timestamp = tai_2004_ns(source.utc_ns) // 1_000_000 % 2**32
    latitude = _scaled("lat_deg", source.lat_deg, 1e7, -900_000_000, 900_000_000)
    longitude = _scaled("lon_deg", source.lon_deg, 1e7, -1_800_000_000, 1_800_000_000)
    speed = _scaled("speed_mps", source.speed_mps, 100.0, -0x4000, 0x3FFF)
    heading = _scaled("heading_deg", source.heading_deg, 10.0, -36_000, 36_000) % 3600
    return gn_address(source) + struct.pack(">IiiHH", timestamp, latitude, longitude, 0x8000 | speed & 0x7FFF, heading)


def _area_header(source: Source, position: bytes) -> bytes:
    """Extended header of a geo-broadcast to a circle: distance b and angle are 0."""
    lat_deg = source.lat_deg if source.area_lat_deg is None else source.area_lat_deg
    lon_deg = source.lon_deg if source.area_lon_deg is None else source.area_lon_deg
    latitude = _scaled("area_lat_deg", lat_deg, 1e7, -900_000_000, 900_000_000)
    longitude = _scaled("area_lon_deg", lon_deg, 1e7, -1_800_000_000, 1_800_000_000)
    radius = _scaled("area_radius_m", source.area_radius_m, 1.0, 0, 0xFFFF)
    area = struct.pack(">iiHHHH", latitude, longitude, radius, 0, 0, 0)
    return struct.pack(">HH", source.sequence % 2**16, 0) + position + area


def _scaled(name: str, value: float, scale: float, lowest: int, highest: int) -> int:
    if not math.isfinite(value) or not lowest <= round(value * scale) <= highest:
        raise NetworkError(f"{name}: {value} is outside {lowest / scale:g}..{highest / scale:g}")
    return round(value * scale)
