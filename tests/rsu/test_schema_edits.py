"""What local edits of a schema do on the air, on small schemas of our own: only additions behind the marker are safe.

Vectors: a range made wider reads 833 as 416; an octet inserted into a root reads region 310, event 409 as 1793, 13825;
an absent new OPTIONAL reads latitude 31.0198 as 77.88. None of them gives the receiver a sign of it.
"""

from __future__ import annotations

import asn1tools
import pytest

HEAD, TAIL = "Edits DEFINITIONS AUTOMATIC TAGS ::= BEGIN ", " END"


def compiled(body: str) -> asn1tools.compiler.Specification:
    """UPER codec of one module with the types in ``body``."""
    return asn1tools.compile_string(HEAD + body + TAIL, "uper")


def test_a_wider_range_halves_a_speed_silently() -> None:
    """By hand: 833 in 14 bits is 00001101000001; its first 13 bits are 416. Printed vector: 833 read as 416."""
    wide, narrow = (compiled(f"Speed ::= SEQUENCE {{ speed INTEGER (0..{most}) }}") for most in (16383, 8191))
    octets = wide.encode("Speed", {"speed": 833})
    assert octets == int("00001101000001" + "00", 2).to_bytes(2, "big")
    assert narrow.decode("Speed", octets) == {"speed": 416}


ALERT = "Alert ::= SEQUENCE { cnt INTEGER (0..127), region INTEGER (0..65535), event INTEGER (0..65535) }"
ALERT_INSERTED = ALERT.replace("region", "src INTEGER (0..255), region", 1)
ALERT_MARKED = ALERT.replace(" }", ", ... }")
ALERT_ADDED = ALERT.replace(" }", ", ..., src INTEGER (0..255) }")


def test_an_octet_inserted_into_the_root_moves_everything_behind_it_silently() -> None:
    """By hand: 7 * 256 + 310 // 256 = 1793 and 310 % 256 * 256 + 409 // 256 = 13825 (printed vector)."""
    sent = {"cnt": 1, "src": 7, "region": 310, "event": 409}
    octets = compiled(ALERT_INSERTED).encode("Alert", sent)
    assert compiled(ALERT).decode("Alert", octets) == {"cnt": 1, "region": 1793, "event": 13825}


def test_the_other_way_round_the_octets_end_too_early() -> None:
    """Printed vector: the edited receiver runs out of data."""
    octets = compiled(ALERT).encode("Alert", {"cnt": 1, "region": 310, "event": 409})
    with pytest.raises(asn1tools.DecodeError, match="out of data"):
        compiled(ALERT_INSERTED).decode("Alert", octets)


REPORT = "Report ::= SEQUENCE { id INTEGER (0..4294967295), lat INTEGER (-900000000..900000001) }"
REPORT_OPTIONAL = REPORT.replace(" }", ", plate INTEGER (0..255) OPTIONAL }")


@pytest.mark.parametrize(("sent_id", "read_id", "latitude"), [(0xCAFE0001, 0x657F0000, 77.8840824),
                                                              (0xCAFE0002, 0x657F0001, -29.4901)])
def test_an_absent_optional_shifts_all_by_its_bit(sent_id: int, read_id: int, latitude: float) -> None:
    """By hand: the presence bit 0 moves every field down by one bit, and the last bit of the identity becomes the
    first of the latitude: (31.0198 + 90) / 2 - 90, and 2**30 steps more where the identity is odd: 77.88 (printed
    vector).
    """
    octets = compiled(REPORT_OPTIONAL).encode("Report", {"id": sent_id, "lat": 310_198_000})
    read = compiled(REPORT).decode("Report", octets)
    assert read["id"] == read_id
    assert read["lat"] * 1e-7 == pytest.approx(latitude, abs=1e-7)


def test_a_field_behind_the_marker_harms_nobody() -> None:
    """Printed rule: regional additions after extension markers only. Both directions read what they know."""
    said = {"cnt": 1, "region": 310, "event": 409}
    marked, added = compiled(ALERT_MARKED), compiled(ALERT_ADDED)
    assert marked.decode("Alert", added.encode("Alert", {**said, "src": 7})) == said
    assert added.decode("Alert", marked.encode("Alert", said)) == said
