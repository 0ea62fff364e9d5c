"""Packets in a capture file, read by tshark: an independent dissector of GeoNetworking, BTP, WSMP and 1609.2."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from rsu.messages.base import Rule
from rsu.network import Source
from rsu.security import ENVELOPES
from rsu.stack import stack_for

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

CAR = Source(0x01020304, 113.5432100, -22.1234567, 13.89, 271.3, 1_767_225_600_123_456_000, sequence=9)
UNASSIGNED_PORT = 2050
"""Content behind it stays data, so that only headers and envelope are judged."""
OTHER_SIGNERS = (None, 132, 133, 148, 167, 199, 300, 600)


def rule(application_id: int, *, area: bool = False) -> Rule:
    return Rule("message", 100, application_id, None, 0, 100, "test", btp_port=UNASSIGNED_PORT, geo_broadcast=area)


def dissect(folder: Path, packets: list[bytes], ethertype: int, *fields: str) -> list[list[str]]:
    """One row of field values per packet; a malformed one fails the test."""
    path = folder / "packets.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 1))
        for packet in packets:
            frame = b"\xff" * 6 + bytes(6) + struct.pack(">H", ethertype) + packet
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    asked = [part for field in ("_ws.malformed", *fields) for part in ("-e", field)]
    command = [str(TSHARK), "-r", str(path), "-T", "fields", *asked]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    assert len(rows) == len(packets)
    assert not [number for number, row in enumerate(rows) if row[0]]
    return [row[1:] for row in rows]


@pytest.mark.parametrize("area", [False, True])
def test_plain_geonetworking(tmp_path: Path, area: bool) -> None:
    """Independent: sender, time, position, speed, heading, hops, area and port as put in."""
    packets = [stack_for("geonetworking").wrap(bytes(n), rule(36, area=area), CAR) for n in (1, 200, 1394)]
    fields = (
        "frame.protocols",
        "geonw.src_pos.addr.type",
        "geonw.src_pos.addr.mid",
        "geonw.src_pos.tst",
        "geonw.src_pos.lat",
        "geonw.src_pos.long",
        "geonw.src_pos.speed",
        "geonw.src_pos.hdg",
        "btpb.dstport",
        "geonw.gxc.latitude",
        "geonw.gxc.radius",
        "geonw.seq_num",
    )
    for row in dissect(tmp_path, packets, 0x8947, *fields):
        assert row[0] == "eth:ethertype:gnw:btpb:data"
        time_ms = ((8036 * 86_400 + 5) * 1000 + 123) % 2**32
        assert row[1:9] == ["5", "02:00:01:02:03:04", str(time_ms), "-221234567", "1135432100", "1389", "2713", "2050"]
        assert row[9:] == (["-221234567", "1000", "0x0009"] if area else ["", "", ""])


@pytest.mark.parametrize("name", ["ts103097", "ieee1609.2"])
def test_secured_geonetworking(tmp_path: Path, name: str) -> None:
    """Independent: through the envelope down to BTP, for digests and certificates of many lengths, CAM and DENM."""
    stack = stack_for("geonetworking", name)
    cases = [(i, n, size) for i in (36, 37, 639) for n in (1, 100, 300) for size in OTHER_SIGNERS]
    packets = [stack.wrap(bytes(n), rule(i, area=i == 37), CAR, size) for i, n, size in cases]
    fields = (
        "frame.protocols",
        "geonw.src_pos.lat",
        "geonw.src_pos.long",
        "btpb.dstport",
        "ieee1609dot2.psid",
        "ieee1609dot2.generationTime",
        "ieee1609dot2.signer",
    )
    for (application_id, _, size), row in zip(cases, dissect(tmp_path, packets, 0x8947, *fields), strict=True):
        assert row[0] == "eth:ethertype:gnw:ieee1609dot2:btpb:data"
        assert row[1:4] == ["-221234567", "1135432100", "2050"]
        assert row[4].split(",")[0] == str(application_id)
        assert row[5] == str((8036 * 86_400 + 5) * 10**6 + 123_456)
        assert row[6] == ("0" if size is None else "1")


def test_wsmp_with_its_psid(tmp_path: Path) -> None:
    """Independent: version, PSID of one to four octets, length of both forms, and the envelope inside
    where tshark knows the PSID."""
    stack = stack_for("wsmp", "ieee1609.2")
    plain = stack_for("wsmp", "unsecured").wrap(bytes.fromhex("00142500"), rule(32), CAR)
    assert dissect(tmp_path, [plain], 0x88DC, "frame.protocols") == [["eth:ethertype:wsmp:ieee1609dot2"]]
    cases = [(i, n, size) for i in (32, 130, 540_802, 270_549_119) for n in (20, 400) for size in (None, 80, 117, 148)]
    packets = [stack.wrap(bytes(n), rule(i), CAR, size) for i, n, size in cases]
    fields = (
        "wsmp.version_v3",
        "wsmp.psid",
        "wsmp.wave_ie_len",
        "ieee1609dot2.psid",
        "ieee1609dot2.signer",
        "frame.protocols",
    )
    for (psid, length, size), row in zip(cases, dissect(tmp_path, packets, 0x88DC, *fields), strict=True):
        data = length + int(ENVELOPES["ieee1609.2"].overhead_bytes(length, psid, size is not None, size or 0))
        assert row[:3] == ["3", f"{psid:#010x}", str(data)]
        if psid > 130:
            continue
        assert row[3].split(",")[0] == str(psid)
        assert row[4] == ("0" if size is None else "1")
        assert row[5].startswith("eth:ethertype:wsmp:ieee1609dot2")
    assert "psid-vehicle-to-vehicle-safety-and-awareness" in described(tmp_path)


def described(folder: Path) -> str:
    """tshark's words for the first packet of the last capture."""
    command = [str(TSHARK), "-r", str(folder / "packets.pcap"), "-c", "1", "-V"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
