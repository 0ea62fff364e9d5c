"""Frames of captures: layouts written down by hand, tshark's view, and any octets."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.capture import LINKS, CaptureWriter, FrameError, make_frame, open_frame, read_capture, station_address
from rsu.messages.base import Rule
from rsu.network import Source
from rsu.stack import stack_for

GN = bytes.fromhex("1100500120500000000000000000")
SNAP = bytes.fromhex("aaaa03000000")
QOS = bytes.fromhex("8800 0000 ffffffffffff 020000000007 ffffffffffff 0000 0000".replace(" ", ""))


@given(st.sampled_from(sorted(LINKS)), st.one_of(st.integers(0, 2**40 - 1), st.text(max_size=20)), st.binary())
@settings(max_examples=100, deadline=None)
def test_capture_frame_opens_again(network: str, station: int | str, packet: bytes) -> None:
    """Property: every packet comes out of its frame under its network's name."""
    assert open_frame(*make_frame(network, station, packet)) == (network, packet)


@pytest.mark.parametrize(
    ("network", "link_type", "frame"),
    [
        ("geonetworking", 1, "ffffffffffff 020000000102 8947 aabb"),
        ("wsmp", 1, "ffffffffffff 020000000102 88dc aabb"),
        ("dsmp", 252, "000c 0008 636e763278000000 0000 0000 aabb"),
    ],
)
def test_capture_frame_by_hand(network: str, link_type: int, frame: str) -> None:
    """By hand: the octets of each frame of station 0x102."""
    assert make_frame(network, 0x102, b"\xaa\xbb") == (link_type, bytes.fromhex(frame))


def test_capture_station_addresses() -> None:
    """By hand: locally administered, not multicast, numbers and names apart, a name always the same."""
    addresses = [station_address(station) for station in (0, 1, 2**40 - 1, "", "rsu-1", "rsu-2")]
    assert len(set(addresses)) == 6 and all(len(address) == 6 and address[0] & 3 == 2 for address in addresses)
    assert station_address(1) == bytes.fromhex("020000000001")
    assert station_address("rsu-1") == station_address("rsu-1")
    for number in (-1, 2**40):
        with pytest.raises(FrameError, match="station"):
            station_address(number)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, bytes(12) + b"\x81\x00\x00\x05\x89\x47" + GN),
        (1, bytes(12) + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x89\x47" + GN),
        (105, QOS + SNAP + b"\x89\x47" + GN),
        (105, QOS + b"\x89\x47" + GN),
        (105, b"\x08\x00" + QOS[2:24] + SNAP + b"\x89\x47" + GN),
        (105, b"\x08\x03" + QOS[2:24] + bytes(6) + SNAP + b"\x89\x47" + GN),
        (105, b"\x88\x80" + QOS[2:] + bytes(4) + SNAP + b"\x89\x47" + GN),
        (127, bytes.fromhex("00000f002c00000000000000000000") + QOS + SNAP + b"\x89\x47" + GN),
        (127, bytes.fromhex("0000090002000000") + b"\x10" + QOS + SNAP + b"\x89\x47" + GN + b"FCS!"),
        (127, bytes.fromhex("0000090002000000") + b"\x30" + QOS + b"\0\0" + SNAP + b"\x89\x47" + GN + b"FCS!"),
        (127, bytes.fromhex("0000190003000080 00000000 00000000".replace(" ", ""))
         + bytes(8) + b"\x10" + QOS + SNAP + b"\x89\x47" + GN + b"FCS!"),
        (147, GN),
        (252, bytes.fromhex("00140004 0a000001 000c0003 676e77 00000000".replace(" ", "")) + GN),
    ],
)  # fmt: skip
def test_capture_frames_of_others(link_type: int, frame: bytes) -> None:
    """By hand: VLAN tags, 802.11 header forms, radiotap flags, other tags before the dissector's name."""
    assert open_frame(link_type, frame) == ("geonetworking", GN)


@pytest.mark.parametrize(
    ("link_type", "frame", "rule"),
    [
        (0, GN, "link type 0"),
        (1, bytes(13), "ends inside its Ethernet"),
        (1, bytes(12) + b"\x08\x00" + GN, "0x0800"),
        (1, bytes(12) + b"\x81\x00\0\0" * 4, "VLAN"),
        (105, b"\x80\x00" + QOS[2:], "no data frame"),
        (105, b"\xc8\x00" + QOS[2:], "no data frame"),
        (105, b"\x88\x40" + QOS[2:] + SNAP + b"\x89\x47" + GN, "encrypted"),
        (105, QOS, "ends inside its 802.11 content"),
        (127, b"\0" * 7, "radiotap"),
        (127, b"\1" + bytes(20), "radiotap"),
        (127, bytes.fromhex("0000080002000000"), "radiotap"),
        (127, bytes.fromhex("00000800000000f0"), "radiotap"),
        (252, b"", "exported PDU"),
        (252, bytes(4), "names no dissector"),
        (252, bytes.fromhex("000c000367697000"), "'gip'"),
        (252, bytes.fromhex("000c0009676e7700"), "inside a tag"),
        (252, bytes.fromhex("00140000") * 65, "64 tags"),
    ],
)
def test_capture_frames_refused(link_type: int, frame: bytes, rule: str) -> None:
    """By hand: what is no frame of a known network is one FrameError that says why."""
    with pytest.raises(FrameError, match=rule):
        open_frame(link_type, frame)


@given(
    st.sampled_from([1, 105, 127, 147, 252, 0, 65535]),
    st.sampled_from([b"", QOS, QOS + SNAP, bytes.fromhex("0000190003000080"), bytes(12), b"\0\x0c\0\x03gnw"]),
    st.binary(max_size=60),
)
@settings(max_examples=300, deadline=None)
def test_capture_any_octets_as_frame(link_type: int, start: bytes, octets: bytes) -> None:
    """Property: any octets give a network and a packet no longer than the frame, or FrameError."""
    try:
        network, packet = open_frame(link_type, start + octets)
    except FrameError:
        return
    assert network in LINKS and (start + octets).find(packet) >= 0


def test_capture_unknown_network() -> None:
    """By hand: the error lists the networks there are."""
    with pytest.raises(FrameError, match="'ip' is none of geonetworking, wsmp, dsmp"):
        make_frame("ip", 1, b"")


def test_capture_frames_in_tshark(tmp_path: Path) -> None:
    """Independent: tshark finds the network layer and the sender's address; it opens DSMP frames without our script."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    path = tmp_path / "frames.pcapng"
    packets = {
        "geonetworking": bytes.fromhex("110050012050000000040100" + "00" * 28 + "07d10000"),
        "wsmp": bytes.fromhex("0300200401020304"),
        "dsmp": bytes.fromhex("04006f0001aa"),
    }
    with CaptureWriter(path) as writer:
        for name, packet in packets.items():
            link_type, frame = make_frame(name, 7, packet)
            writer.packet(writer.add_interface(name, link_type), 0, frame)
    fields = ["-T", "fields", "-e", "frame.protocols", "-e", "eth.src", "-e", "exported_pdu.prot_name"]
    done = subprocess.run([program, "-r", str(path), *fields], capture_output=True, text=True, check=True)
    gn, wsmp, dsmp = (line.split("\t") for line in done.stdout.splitlines())
    assert gn[0].startswith("eth:ethertype:gnw") and wsmp[0].startswith("eth:ethertype:wsmp")
    assert gn[1] == wsmp[1] == "02:00:00:00:00:07"
    assert dsmp == ["exported_pdu", "", "cnv2x"]


@pytest.mark.parametrize(
    ("network", "envelope", "columns", "expected"),
    [
        ("geonetworking", None, ["btpb.dstport", "geonw.src_pos.speed"], ["9999", "1389"]),
        ("geonetworking", "ts103097", ["btpb.dstport", "ieee1609dot2.protocolVersion"], ["9999", "3"]),
        ("wsmp", None, ["wsmp.psid", "eth.src"], ["0x00000020", "02:00:00:00:00:07"]),
        ("wsmp", "ieee1609.2", ["wsmp.psid", "ieee1609dot2.protocolVersion"], ["0x00000020", "3"]),
    ],
)
def test_capture_stack_in_tshark(
    tmp_path: Path, network: str, envelope: str | None, columns: list[str], expected: list[str]
) -> None:
    """Independent: packets of the project's stacks, in these frames, are read by tshark without complaint."""
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    path, packets, stack = tmp_path / "frames.pcapng", [], stack_for(network, envelope)
    rule = Rule("X", 100.0, 36 if network == "geonetworking" else 0x20, None, 0, 100.0, "test", btp_port=9999)
    for certificate_bytes in (None,) if envelope is None else (None, 150):
        packets.append(stack.wrap(bytes(40), rule, Source(7, speed_mps=13.89), certificate_bytes))
    with CaptureWriter(path) as writer:
        writer.add_interface("heard", LINKS[network].link_type)
        for packet in packets:
            writer.packet(0, 0, make_frame(network, 7, packet)[1])
    fields = [part for column in columns for part in ("-e", column)]
    done = subprocess.run(
        [program, "-r", str(path), "-T", "fields", "-e", "_ws.malformed", *fields],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [[one.split(",")[0] for one in line.split("\t")] for line in done.stdout.splitlines()]
    assert rows == [["", *expected]] * len(packets)
    assert [open_frame(packet.link_type, packet.octets) for packet in read_capture(path)] == [
        (network, packet) for packet in packets
    ]
