"""SPAT and MapData as ETSI and SAE share them: the schema only, each family frames them its own way."""

from __future__ import annotations

from pathlib import Path

ASN1 = Path(__file__).parent / "asn1"
"""Folder of SPAT, MapData and everything they reach except Longitude, which each family bounds its own way; load it
with a folder that defines ``DsrcLongitude``."""
ASN1_ETSI = ASN1 / "etsi"
"""Folder of ETSI's Longitude, SPATEM and MAPEM; load with ``load_schema(ASN1, ASN1_ETSI)``."""
