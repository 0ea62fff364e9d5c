"""``corridor decode FILE.pcapng``: captures read back."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from rsu.capture import CaptureWriter, link_of, make_frame
from rsu.messages import MESSAGE_SETS
from rsu.messages.typical import typical_messages
from rsu.network import Source
from rsu.stack import stack_for
from sim.cli.decode import A_BSM
from tests.sim.cli_cases import decoded, outcome


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, str, bytes, str]]]:
    """A capture of typical messages in the stacks of their sets, and (set, message, octets, signer) of each."""
    file, written = tmp_path_factory.mktemp("capture") / "all.pcapng", []
    with CaptureWriter(file) as writer:
        for name, message_set in MESSAGE_SETS.items():
            native = message_set.native
            interface = writer.add_interface(f"unit-{name}", link_of(native.network).link_type)
            for number, typical in enumerate(typical_messages(message_set)):
                if len(typical.octets) > 1000:
                    continue
                signer = ("digest", "certificate", "none")[number % 3]
                stack = stack_for(native.network, None if signer == "none" else native.envelope)
                length = native.certificate_bytes_rsu if signer == "certificate" else None
                packet = stack.wrap(typical.octets, typical.rule, Source(7, 120.8, 31.0), length)
                _, frame = make_frame(native.network, 7, packet)
                writer.packet(interface, 1_782_864_017_000_000_000 + len(written), frame, f"rssi={-number} dBm")
                written.append((name, typical.message, typical.octets, signer))
    return file, written


def test_capture_every_message_in_every_stack_comes_back(capsys, capture) -> None:
    """Property: set, message, signer, network, stamp, station and comment of each packet, and its octets."""
    file, written = capture
    documents = decoded(capsys, str(file))
    assert len(documents) == len(written) > 30
    for number, (document, (name, message, octets, signer)) in enumerate(zip(documents, written, strict=True)):
        assert name in document["message_sets"]
        assert (document["status"], document["message"], document["signer"]) == ("ok", message, signer)
        assert document["network"] == MESSAGE_SETS[name].native.network
        assert document["time_ns"] == 1_782_864_017_000_000_000 + number
        assert document["interface"] == f"unit-{name}" and document["comment"].startswith("rssi=")
        assert (document["application_id"] is None) == (signer == "none" and name == "etsi-its")
        line = json.dumps(document)
        assert outcome(capsys, "encode", line) == (0, octets.hex() + "\n", "")


def test_capture_one_set_may_be_asked_for(capsys, capture) -> None:
    """Property: by name, without detection, every packet of that set reads the same."""
    file, written = capture
    _, text, _ = outcome(capsys, "decode", "--message-set", "etsi-its", str(file))
    documents = [json.loads(line) for line in text.splitlines()]
    read = [document for document in documents if document["status"] == "ok"]
    assert [one["message"] for one in read if one["network"] == "geonetworking"] == [
        message for name, message, _, _ in written if name == "etsi-its"
    ]
    assert all("message_sets" not in document for document in documents)
    assert not any(document["status"] == "ok" for document in documents if document["network"] != "geonetworking")


def test_capture_foreign_frames_are_skipped_and_damaged_packets_named(capsys, capture, tmp_path) -> None:
    """By hand: an IPv4 frame, a cut packet, octets after a whole message, a file that ends too soon."""
    bsm = MESSAGE_SETS["csae53-2020"].messages["BSM"]
    dsmp, file = stack_for("dsmp", "ydt3957-2021"), tmp_path / "odd.pcapng"
    packet = dsmp.wrap(bytes.fromhex(A_BSM), bsm, Source())
    padded = dsmp.wrap(bytes.fromhex(A_BSM) + b"\x00", bsm, Source())
    with CaptureWriter(file) as writer:
        writer.packet(writer.add_interface("wire", 1), 1, bytes(12) + b"\x08\x00" + bytes(30))
        v2x = writer.add_interface("air", 252)
        for octets in (packet[:40], padded, packet):
            writer.packet(v2x, 2, make_frame("dsmp", 1, octets)[1])
    code, text, errors = outcome(capsys, "decode", str(file))
    foreign, lenient, exact = (json.loads(line) for line in text.splitlines())
    assert (foreign["status"], foreign["network"], foreign["interface"]) == ("skipped", None, "wire")
    assert "0x0800" in foreign["error"]
    assert (lenient["message_sets"], lenient["message_set"]) == ([], "csae53-2020")
    assert lenient["value"] == exact["value"]
    assert code == 2 and len(errors.splitlines()) == 1
    assert errors.startswith(f"error: {file}, packet 2: dsmp: ")
    code, text, errors = outcome(capsys, "decode", "--strict", str(file))
    assert len(text.splitlines()) == 2 and len(errors.splitlines()) == 2
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    code, text, errors = outcome(capsys, "decode", str(file))
    assert code == 2 and len(text.splitlines()) == 2
    assert errors.splitlines()[-1].startswith(f"error: {file}: capture, octet ")


def test_capture_a_capture_without_packets_says_so(capsys, tmp_path) -> None:
    """By hand: a header alone."""
    file = tmp_path / "e.pcapng"
    CaptureWriter(file).close()
    assert outcome(capsys, "decode", str(file)) == (2, "", f"error: no packet in {file}\n")


def test_capture_of_the_classic_kind_is_read(capsys, tmp_path) -> None:
    """By hand: a pcap file with stamps in nanoseconds, one CAM in an Ethernet frame, no name of a station."""
    message_set = MESSAGE_SETS["etsi-its"]
    cam = typical_messages(message_set)[0]
    packet = stack_for("geonetworking", "ts103097").wrap(cam.octets, cam.rule, Source(3, 120.8, 31.0))
    _, frame = make_frame("geonetworking", 3, packet)
    head = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65_535, 1)
    file = tmp_path / "c.pcap"
    file.write_bytes(head + struct.pack("<IIII", 17, 5, len(frame), len(frame)) + frame)
    (document,) = decoded(capsys, str(file))
    assert (document["time_ns"], document["interface"]) == (17_000_000_005, "")
    assert (document["message"], document["message_sets"], document["btp_port"]) == ("CAM", ["etsi-its"], 2001)
    assert "comment" not in document
