"""Reading a certificate of the 1609.2 family field by field, to know where it ends. **Nothing in it is verified.**

Read is what end entities carry, with every alternative of identity, region, key and signature. A certificate that may
issue or request others is refused: it has no place in front of a message. So are more than 32 countries, more than 32
regions with sub-regions in one of them, and more than 255 permissions.
"""

from __future__ import annotations

from rsu.security.base import SecurityError
from rsu.security.coer import Reader

_EXTENDED, _REGION, _ASSURANCE, _PERMISSIONS, _ISSUE, _REQUEST, _ENCRYPTION = 0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x01
_POINT_BYTES = {0x80: 32, 0x81: 0, 0x82: 32, 0x83: 32, 0x84: 64}
"""x alone, fill, compressed with y even or odd, uncompressed."""
_REGION_BYTES = {0x81: 16, 0x82: 8}
"""Octets per rectangle and per corner of a polygon."""
_MOST_COUNTRIES, _MOST_REGIONS = 32, 32


def read_certificate(reader: Reader) -> None:
    """Move behind one certificate; SecurityError where it is none."""
    signed = reader.octet("certificate")
    reader.expect(3, "certificate version")
    kind = reader.octet("certificate type")
    if (signed, kind) not in ((0x80, 0), (0x00, 1)):
        raise SecurityError(f"certificate type {kind} with presence {signed:#04x} is neither explicit nor implicit")
    _alternative(reader, "issuer", {0x80: 8, 0x81: 1})
    present = reader.octet("certificate content")
    if present & (_ISSUE | _REQUEST):
        raise SecurityError(f"certificate content {present:#04x} may issue or request certificates")
    _read_identity(reader)
    reader.take(3 + 2 + 4, "certificate validity")
    _alternative(reader, "certificate duration", dict.fromkeys(range(0x80, 0x87), 2))
    if present & _REGION:
        _read_region(reader)
    reader.take(1 if present & _ASSURANCE else 0, "assurance level")
    if present & _PERMISSIONS:
        _read_permissions(reader)
    if present & _ENCRYPTION:
        reader.octet("encryption algorithm")
        _read_key(reader, "encryption key")
    _read_verification(reader)
    if present & _EXTENDED:
        reader.skip_extensions("certificate extensions")
    if signed:
        read_signature(reader, "certificate signature")


def read_signature(reader: Reader, what: str) -> int:
    """Move behind one signature of any kind; its choice (0x80 NIST P-256, 0x84 SM2)."""
    choice = reader.octet(what)
    if choice in (0x80, 0x81):
        _read_point(reader, what)
        reader.take(32, what)
    else:
        _extension(reader, choice, what)
    return choice


def _alternative(reader: Reader, what: str, sizes: dict[int, int]) -> int:
    """Read a choice of fixed-size alternatives, or one behind the extension marker; the choice."""
    choice = reader.octet(what)
    if choice in sizes:
        reader.take(sizes[choice], what)
    else:
        _extension(reader, choice, what)
    return choice


def _extension(reader: Reader, choice: int, what: str) -> None:
    """Skip an alternative behind the extension marker: its length says how far."""
    if not 0x82 <= choice <= 0xBE:
        raise SecurityError(f"{what} starts with {choice:#04x}")
    reader.string(what)


def _read_identity(reader: Reader) -> None:
    choice = reader.octet("identity")
    if choice == 0x80:
        group = reader.octet("linkage id")
        reader.take(11 + (13 if group & 0x80 else 0), "linkage id")
    elif choice != 0x83:
        if choice == 0x81:
            reader.string("identity")
        else:
            _extension(reader, choice, "identity")


def _read_region(reader: Reader) -> None:
    choice = reader.octet("region")
    if choice == 0x80:
        reader.take(10, "region")
    elif choice in _REGION_BYTES:
        reader.take(_REGION_BYTES[choice] * reader.natural("region"), "region")
    elif choice == 0x83:
        for _ in range(_count(reader, "countries", _MOST_COUNTRIES)):
            _read_identified(reader)
    else:
        _extension(reader, choice, "region")


def _read_identified(reader: Reader) -> None:
    """A country, with regions, with sub-regions."""
    choice = _alternative(reader, "country", {0x80: 2, 0x81: 2, 0x82: 2})
    if choice == 0x81:
        reader.take(reader.natural("regions"), "regions")
    elif choice == 0x82:
        for _ in range(_count(reader, "regions", _MOST_REGIONS)):
            reader.octet("region of a country")
            reader.take(2 * reader.natural("sub-regions"), "sub-regions")


def _read_permissions(reader: Reader) -> None:
    for _ in range(_count(reader, "permissions")):
        specific = reader.octet("permission")
        reader.natural("permission")
        if specific & 0x80:
            reader.octet("service specific permissions")
            reader.string("service specific permissions")


def _read_key(reader: Reader, what: str) -> None:
    choice = reader.octet(what)
    if choice in (0x80, 0x81):
        _read_point(reader, what)
    else:
        _extension(reader, choice, what)


def _read_verification(reader: Reader) -> None:
    choice = reader.octet("key indicator")
    if choice == 0x80:
        _read_key(reader, "verification key")
    elif choice == 0x81:
        _read_point(reader, "reconstruction value")
    else:
        _extension(reader, choice, "key indicator")


def _read_point(reader: Reader, what: str) -> None:
    choice = reader.octet(what)
    if choice not in _POINT_BYTES:
        raise SecurityError(f"{what} has a curve point that starts with {choice:#04x}")
    reader.take(_POINT_BYTES[choice], what)


def _count(reader: Reader, what: str, most: int = 255) -> int:
    """Elements of a list; SecurityError beyond ``most``, which bounds the time a certificate can take."""
    count = reader.natural(what)
    if count > most:
        raise SecurityError(f"{count} {what} are more than {most}")
    return count
