"""What every network layer offers: who sends, to which service, sizes, octets out and octets in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Seal = Callable[[bytes], bytes]
"""Puts an envelope around octets."""
Opener = Callable[[bytes], bytes]
"""Octets inside an envelope; raises the error of its own layer."""
EnvelopeSizes = Callable[[NDArray[np.int64]], NDArray[np.int64]]
"""Octets an envelope adds to contents of these lengths, same shape."""


class NetworkError(ValueError):
    """Octets that are no packet of this network layer, or data it must refuse."""


class Addressed(Protocol):
    """Where a message goes; :class:`rsu.messages.base.Rule` is one."""

    @property
    def application_id(self) -> int:
        """AID, PSID or ITS-AID."""

    @property
    def btp_port(self) -> int:
        """Destination port of BTP-B; used by GeoNetworking alone."""

    @property
    def geo_broadcast(self) -> bool:
        """Whether GeoNetworking sends to an area instead of to all neighbours."""


@dataclass(frozen=True)
class Source:
    """Who sends, where and when; what a network header says about its sender.

    ``utc_ns`` counts from 1970-01-01 without leap seconds (Unix time); ``heading_deg`` is clockwise from north.
    ``sequence`` numbers the sender's packets to an area; only its lowest 16 bits travel. The area of a geo-broadcast
    is a circle around ``area_lon_deg``, ``area_lat_deg`` (None: around the sender).
    """

    station_id: int = 0
    lon_deg: float = 0.0
    lat_deg: float = 0.0
    speed_mps: float = 0.0
    heading_deg: float = 0.0
    utc_ns: int = 1_767_225_600_000_000_000
    is_roadside: bool = False
    sequence: int = 0
    area_lon_deg: float | None = None
    area_lat_deg: float | None = None
    area_radius_m: float = 1000.0


@dataclass(frozen=True)
class Received:
    """What a packet carries. ``application_id`` is None where the header names none (GeoNetworking), ``btp_port``
    where it has no ports (DSMP, WSMP)."""

    message: bytes
    application_id: int | None
    btp_port: int | None


class Network(Protocol):
    """One network layer; registered by name in :data:`rsu.network.NETWORKS`.

    The layer decides where the security envelope stands: DSMP and WSMP around it, GeoNetworking around all but its
    first four octets. ``seal``, ``opener`` and ``envelope`` are None where security is off.
    """

    @property
    def name(self) -> str:
        """Name in a profile."""

    @property
    def max_data_bytes(self) -> int:
        """Longest data behind the outermost header (DSMP, WSMP: envelope included; GeoNetworking: BTP and message)."""

    def overhead_bytes(self, aid: int) -> int:
        """Octets the headers add at most, whatever the length and the destination; exact for DSMP."""

    def added_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """Exact octets that headers and envelope add to messages of these lengths, same shape."""

    def data_bytes(
        self, message_bytes: ArrayLike, to: Addressed, envelope: EnvelopeSizes | None = None
    ) -> NDArray[np.int64]:
        """Octets that count against :attr:`max_data_bytes` for messages of these lengths, same shape."""

    def pack(self, message: bytes, to: Addressed, source: Source, seal: Seal | None = None) -> bytes:
        """The packet; NetworkError names what cannot be carried."""

    def unpack(self, octets: bytes, opener: Opener | None = None) -> Received:
        """What any octets carry, or NetworkError (or the opener's error)."""


def lengths(message_bytes: ArrayLike) -> NDArray[np.int64]:
    """Message lengths as integers; NetworkError for negative ones."""
    numbers = np.asarray(message_bytes, np.int64)
    if numbers.size and numbers.min() < 0:
        raise NetworkError(f"message_bytes: {numbers.min()} is below 0")
    return numbers


def none_added(content_bytes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The envelope of switched-off security: nothing."""
    return np.zeros_like(content_bytes)


def untouched(octets: bytes) -> bytes:
    """Seal and opener of switched-off security."""
    return octets
