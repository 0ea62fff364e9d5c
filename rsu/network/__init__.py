"""Network headers as real octets: one table, name in a profile -> layer with its default limits."""

from __future__ import annotations

from rsu.network.base import Addressed, Network, NetworkError, Received, Source
from rsu.network.dsmp import DSM_MAX_LENGTH_BYTES, DSMP_PROTOCOL_TYPE, Dsmp
from rsu.network.geonetworking import GN_MAX_SDU_BYTES, GeoNetworking
from rsu.network.identifier import (
    HIGHEST_AID,
    HIGHEST_PSID,
    decode_aid,
    decode_identifier,
    encode_aid,
    encode_identifier,
)
from rsu.network.wsmp import WSM_MAX_LENGTH_BYTES, Wsmp

NETWORKS: dict[str, Network] = {"dsmp": Dsmp(), "geonetworking": GeoNetworking(), "wsmp": Wsmp()}
"""Name in a profile -> network layer with its default limits."""

__all__ = [
    "DSMP_PROTOCOL_TYPE",
    "DSM_MAX_LENGTH_BYTES",
    "GN_MAX_SDU_BYTES",
    "HIGHEST_AID",
    "HIGHEST_PSID",
    "NETWORKS",
    "WSM_MAX_LENGTH_BYTES",
    "Addressed",
    "Dsmp",
    "GeoNetworking",
    "Network",
    "NetworkError",
    "Received",
    "Source",
    "Wsmp",
    "decode_aid",
    "decode_identifier",
    "encode_aid",
    "encode_identifier",
]
