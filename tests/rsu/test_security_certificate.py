"""Placeholder certificates: exact lengths, and structure read by two general codecs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asn1tools
import pytest

from rsu.security import ENVELOPES, SecurityError

SIGNED = {name: envelope for name, envelope in ENVELOPES.items() if name != "unsecured"}
MODULE = Path(__file__).parents[1] / "reference" / "signed_envelope.asn"
SHORTEST = {"ydt3957-2021": 134, "ts103097": 132, "ieee1609.2": 65}


@pytest.fixture(scope="module")
def general() -> Any:
    return asn1tools.compile_files(str(MODULE), "oer")


@pytest.mark.parametrize("name", SIGNED)
def test_every_length_from_the_shortest_on_is_met(name: str) -> None:
    """Property: lengths 0 to 1200; below the shortest certificate, the shortest one."""
    envelope = SIGNED[name]
    for wanted in [*range(1200), 5000, 60_000]:
        assert len(envelope.certificate(wanted, 7)) == max(wanted, SHORTEST[name])


def test_compositions_have_the_measured_lengths(general: Any) -> None:
    """Printed: 146 computed, 165 and 210 measured for Chinese certificates of the given content, 148 for a ticket
    with CAM and DENM; the content comes out of a general codec."""
    chinese = SIGNED["ydt3957-2021"]
    small = general.decode("Certificate", chinese.certificate(146))
    assert [one["aid"] for one in small["signed"]["permissions"]] == [111] and small["signed"]["id"][0] == "linkage"
    vehicle = general.decode("Certificate", chinese.certificate(165))["signed"]
    assert (len(vehicle["permissions"]), vehicle["id"][0]) == (5, "linkage")
    assert vehicle["region"] == ("identified", [("country", 156)]) and "assurance" not in vehicle
    roadside = general.decode("Certificate", chinese.certificate(210))["signed"]
    assert (len(roadside["permissions"]), roadside["id"][0], len(roadside["id"][1])) == (10, "binary", 32)
    ticket = general.decode("Certificate", SIGNED["ts103097"].certificate(148))["signed"]
    assert ticket["permissions"] == [
        {"aid": 36, "ssp": ("bitmap", bytes.fromhex("01fffc"))},
        {"aid": 37, "ssp": ("bitmap", bytes.fromhex("01ffffff"))},
    ]
    assert ticket["id"] == ("none", None) and "region" not in ticket


@pytest.mark.parametrize("name", SIGNED)
def test_a_general_codec_reads_and_rewrites_them(name: str, general: Any) -> None:
    """Independent: asn1tools (OER) decodes each length and encodes the same octets."""
    for wanted in [
        *range(SHORTEST[name], SHORTEST[name] + 140),
        255,
        256,
        257,
        300,
        391,
        392,
        393,
        520,
        521,
        522,
        5000,
    ]:
        octets = SIGNED[name].certificate(wanted, wanted)
        value = general.decode("Certificate", octets)
        assert general.encode("Certificate", value) == octets
        assert ("signature" in value) == (value["type"] == "explicit")
        algorithm = "sm2" if name == "ydt3957-2021" else "p256"
        if value["type"] == "explicit":
            assert (value["signature"][0], value["signed"]["key"][1][0]) == (algorithm, algorithm)


def test_pycrate_reads_and_rewrites_them() -> None:
    """Independent: pycrate's compiled IEEE 1609.2 module decodes certificates and encodes the same octets."""
    module = pytest.importorskip("pycrate_asn1dir.ITS_IEEE1609_2", reason="pycrate is not installed")
    kind = module.Ieee1609Dot2.Certificate
    for name in ("ts103097", "ieee1609.2"):
        for wanted in [*range(SHORTEST[name], 270), 391, 521, 700]:
            octets = SIGNED[name].certificate(wanted, wanted)
            kind.from_coer(octets)
            assert kind.to_coer() == octets


def test_stations_differ_and_repeat() -> None:
    """Property: the same station gets the same octets, another one others."""
    for envelope in SIGNED.values():
        assert envelope.certificate(200, 1) == envelope.certificate(200, 1) != envelope.certificate(200, 2)


@pytest.mark.parametrize("size", [-1, 60_001])
def test_impossible_lengths_are_refused(size: int) -> None:
    """By hand: one below and one above."""
    with pytest.raises(SecurityError, match=f"size_bytes: {size}"):
        SIGNED["ts103097"].certificate(size)


POINTS = [
    ("x-only", bytes(32)),
    ("fill", 0),
    ("compressed-y-0", bytes(32)),
    ("compressed-y-1", bytes(32)),
    ("uncompressedP256", {"x": bytes(32), "y": bytes(32)}),
]
CORNER = {"latitude": 1, "longitude": 2}
REGIONS = [
    None,
    ("circularRegion", {"center": CORNER, "radius": 500}),
    ("rectangularRegion", [{"northWest": CORNER, "southEast": CORNER}] * 3),
    ("polygonalRegion", [CORNER] * 4),
    ("identifiedRegion", [("countryOnly", 156), ("countryAndRegions", {"countryOnly": 276, "regions": [1, 2, 3]})]),
    (
        "identifiedRegion",
        [
            (
                "countryAndSubregions",
                {
                    "country": 840,
                    "regionAndSubregions": [{"region": 6, "subregions": [1, 2]}, {"region": 7, "subregions": [9]}],
                },
            )
        ],
    ),
]
IDENTITIES = [
    ("none", 0),
    ("name", "roadside"),
    ("binaryId", b"12345"),
    ("linkageData", {"iCert": 5, "linkage-value": bytes(9)}),
    (
        "linkageData",
        {"iCert": 5, "linkage-value": bytes(9), "group-linkage-value": {"jValue": bytes(4), "value": bytes(9)}},
    ),
]


def test_certificates_of_others_are_read_to_their_end() -> None:
    """Independent: certificates of every form, encoded by pycrate, open inside an envelope."""
    module = pytest.importorskip("pycrate_asn1dir.ITS_IEEE1609_2", reason="pycrate is not installed")
    kind = module.Ieee1609Dot2.Certificate
    envelope = SIGNED["ts103097"]
    for number in range(60):
        point, region, identity = POINTS[number % 5], REGIONS[number % 6], IDENTITIES[number // 2 % 5]
        implicit = number % 7 == 0
        content = {
            "id": identity,
            "cracaId": bytes(3),
            "crlSeries": 1,
            "validityPeriod": {"start": 5, "duration": ("years", 3)},
            "appPermissions": [{"psid": 36, "ssp": ("opaque", bytes(number))}, {"psid": 540_802}],
            "verifyKeyIndicator": ("reconstructionValue", point)
            if implicit
            else ("verificationKey", ("ecdsaBrainpoolP256r1" if number % 2 else "ecdsaNistP256", point)),
        }
        if region is not None:
            content["region"] = region
        if number % 3 == 0:
            content["assuranceLevel"] = b"\x01"
            content["encryptionKey"] = {"supportedSymmAlg": "aes128Ccm", "publicKey": ("eciesNistP256", point)}
        value = {
            "version": 3,
            "type": "implicit" if implicit else "explicit",
            "toBeSigned": content,
            "issuer": ("self", "sha256") if number % 4 else ("sha256AndDigest", bytes(8)),
        }
        if not implicit:
            value["signature"] = ("ecdsaNistP256Signature", {"rSig": point, "sSig": bytes(32)})
        kind.set_val(value)
        certificate = kind.to_coer()
        octets = envelope.wrap(b"data", 36, 1_767_225_600 * 10**9, certificate)
        opened = envelope.unwrap(octets)
        assert (opened.payload, opened.signer) == (b"data", "certificate")
        for cut in (1, 2, 30, 66, 67, 100):
            with pytest.raises(SecurityError):
                envelope.unwrap(octets[:-cut])
