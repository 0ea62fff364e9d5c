"""Capture files: own writer and reader against each other, against tshark and editcap, and on damaged octets."""

from __future__ import annotations

import gc
import io
import os
import shutil
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsu.capture import MAX_PACKET_BYTES, CaptureError, CaptureWriter, Packet, read_capture
from rsu.capture.pcapng import MAX_INTERFACES
from rsu.capture.reader import MAX_BLOCK_BYTES

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
ROW = st.tuples(st.integers(0, 2), st.integers(0, 2**63 - 1), st.binary(max_size=90), TEXT)
NAMES = ("vehicle 7", "RSU Ω", "")
LINK_TYPES = (1, 252, 147)


def capture(rows: list[tuple[int, int, bytes, str]]) -> bytes:
    file = io.BytesIO()
    with CaptureWriter(file, "test") as writer:
        for name, link_type in zip(NAMES, LINK_TYPES, strict=True):
            writer.add_interface(name, link_type, "somewhere")
        for row in rows:
            writer.packet(*row)
    return file.getvalue()


def read(octets: bytes) -> list[Packet]:
    return list(read_capture(io.BytesIO(octets)))


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(f"{order}II", kind, 12 + len(body)) + body + struct.pack(f"{order}I", 12 + len(body))


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link_type: int = 1, snap: int = 0, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(f"{order}HHI", link_type, 0, snap) + options)


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(order: str, number: int, ticks: int, octets: bytes, options: bytes = b"") -> bytes:
    head = struct.pack(f"{order}5I", number, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), len(octets))
    return block(order, 6, head + octets + bytes(-len(octets) % 4) + options)


@given(st.lists(ROW, max_size=6))
@settings(max_examples=80, deadline=None)
def test_capture_reads_what_it_wrote(rows: list[tuple[int, int, bytes, str]]) -> None:
    """Property: every packet comes back with its interface, link type, time, octets and comment."""
    expected = [
        Packet(NAMES[number], LINK_TYPES[number], time_ns, octets, (comment,) if comment else (), len(octets))
        for number, time_ns, octets, comment in rows
    ]
    assert read(capture(rows)) == expected


@pytest.mark.parametrize("order", ["<", ">"])
def test_capture_reads_blocks_written_down(order: str) -> None:
    """By hand: both byte orders, resolutions 10^-6, 10^-3, 2^-10 and an offset, simple and unknown blocks, two
    sections."""
    first = section(order) + interface(order, 1, 6, option(order, 2, b"a") + option(order, 0, b""))
    first += interface(order, 252, 0, option(order, 9, b"\x03") + option(order, 14, struct.pack(f"{order}q", -2)))
    first += interface(order, 147, 0, option(order, 9, b"\x8a"))
    first += block(order, 0x0BAD, b"whatever!") + enhanced(order, 0, 1_700_000_000_123_456, b"xyz")
    comments = option(order, 1, b"one") + option(order, 99, b"?") + option(order, 1, b"two")
    first += enhanced(order, 1, 5001, b"", comments)
    first += enhanced(order, 2, 1536, b"q")
    first += block(order, 3, struct.pack(f"{order}I", 9) + b"abcdef")
    first += block(order, 2, struct.pack(f"{order}HHIIII", 0, 7, 0, 12, 2, 40) + b"ok")
    other = "<" if order == ">" else ">"
    second = section(other) + interface(other, 105) + enhanced(other, 0, 1, b"end")
    assert read(first + second) == [
        Packet("a", 1, 1_700_000_000_123_456_000, b"xyz", (), 3),
        Packet("", 252, 3_001_000_000, b"", ("one", "two"), 0),
        Packet("", 147, 1_500_000_000, b"q", (), 1),
        Packet("a", 1, None, b"abcdef", (), 9),
        Packet("a", 1, 12_000, b"ok", (), 40),
        Packet("", 105, 1000, b"end", (), 3),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "tick_ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_capture_reads_classic_files(order: str, magic: int, tick_ns: int) -> None:
    """By hand: classic pcap in both byte orders and both resolutions."""
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 127)
    body = struct.pack(f"{order}4I", 17, 999_999, 3, 5) + b"abc" + struct.pack(f"{order}4I", 18, 0, 0, 0)
    assert read(head + body) == [
        Packet("", 127, 17_000_000_000 + 999_999 * tick_ns, b"abc", (), 5),
        Packet("", 127, 18_000_000_000, b"", (), 0),
    ]


@pytest.mark.parametrize(
    ("octets", "offset", "rule"),
    [
        (b"", 0, "file ends"),
        (b"PK\3\4", 0, "neither"),
        (section("<")[:-1], 27, "file ends"),
        (section("<") + struct.pack("<II", 6, MAX_BLOCK_BYTES + 4), 32, "block length"),
        (section("<") + struct.pack("<II", 6, 13), 32, "block length"),
        (section("<") + struct.pack("<II", 6, 0), 32, "block length"),
        (section("<") + block("<", 9, b"")[:-4] + b"\1\0\0\0", 36, "closing length"),
        (section("<") + enhanced("<", 0, 0, b""), 36, "interface 0"),
        (section("<") + interface("<", options=option("<", 2, b"n")[:4]), 44, "option of 1"),
        (section("<") + interface("<", options=option("<", 2, b"n" * 1025)), 44, "interface name"),
        (section("<") + interface("<", options=option("<", 9, b"")), 44, "time resolution"),
        (section("<") + interface("<", options=option("<", 9, b"\0")) + enhanced("<", 0, 1 << 60, b""), 68, "time"),
        (section("<") + interface("<") * (MAX_INTERFACES + 1), 28 + 20 * MAX_INTERFACES, "interfaces"),
        (struct.pack("<IHHiIII4I", 0xA1B23C4D, 2, 4, 0, 0, 0, 1, 0, 0, 262_145, 0), 32, "packet of"),
    ],
)
def test_capture_names_offset_and_rule(octets: bytes, offset: int, rule: str) -> None:
    """By hand: each kind of damage is one CaptureError at the octet where it stands."""
    with pytest.raises(CaptureError, match=rule) as caught:
        read(octets)
    assert caught.value.offset == offset


SAMPLE = capture([(1, 10**18, b"packet", "rssi=-83.1 dBm"), (0, 1, b"", ""), (2, 2**62, bytes(40), "x" * 30)])
CLASSIC = struct.pack(">IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + struct.pack(">4I", 1, 2, 3, 3) + b"abc"


@given(
    st.sampled_from([SAMPLE, CLASSIC]),
    st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(SAMPLE)),
    st.binary(max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_capture_damaged_files(octets: bytes, changes: list[tuple[int, int]], length: int, tail: bytes) -> None:
    """Property: changed, cut and lengthened files give packets or one CaptureError inside the file."""
    damaged = bytearray(octets)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    damaged = damaged[:length] + tail
    try:
        read(bytes(damaged))
    except CaptureError as error:
        assert 0 <= error.offset <= len(damaged) and error.rule


@given(st.binary(max_size=200), st.sampled_from([b"", section("<"), section(">") + interface(">"), CLASSIC[:24]]))
@settings(max_examples=200, deadline=None)
def test_capture_any_octets(octets: bytes, start: bytes) -> None:
    """Property: any octets, also behind a good start, give packets or CaptureError."""
    try:
        read(start + octets)
    except CaptureError as error:
        assert 0 <= error.offset <= len(start + octets)


def test_capture_memory_does_not_grow_with_the_file() -> None:
    """Property: 40 MB of packets are read with a few blocks in memory."""

    class Endless(io.RawIOBase):
        """One head, then the same block a number of times."""

        def __init__(self) -> None:
            self.buffer, self.left = section("<") + interface("<"), 400

        def readable(self) -> bool:
            return True

        def read(self, count: int = -1) -> bytes:
            if not self.buffer and self.left:
                self.buffer, self.left = enhanced("<", 0, 1, bytes(100_000)), self.left - 1
            part, self.buffer = self.buffer[:count], self.buffer[count:]
            return part

    tracemalloc.start()
    try:
        assert sum(len(packet.octets) for packet in read_capture(Endless())) == 40_000_000  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_capture_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Property: nothing under the name until closed; nothing left after an exception or a forgotten writer."""
    path = tmp_path / "heard.pcapng"
    with CaptureWriter(path) as writer:
        writer.packet(writer.add_interface("a", 1), 5, b"x")
        assert not path.exists()
    assert [packet.time_ns for packet in read_capture(path)] == [5]
    before = path.read_bytes()
    with pytest.raises(KeyError), CaptureWriter(path) as writer:
        writer.add_interface("b", 1)
        raise KeyError
    forgotten = CaptureWriter(path)
    forgotten.add_interface("c", 1)
    del forgotten
    gc.collect()
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["heard.pcapng"]


def test_capture_errors_name_the_file(tmp_path: Path) -> None:
    """Property: a folder that is missing, a name that is taken, a full disk: the OSError names the file asked for."""
    missing, taken, full = tmp_path / "no" / "a.pcapng", tmp_path / "b.pcapng", tmp_path / "c.pcapng"
    taken.mkdir()
    (taken / "inside").touch()
    with pytest.raises(FileNotFoundError) as caught:
        CaptureWriter(missing)
    assert caught.value.filename == str(missing)
    with pytest.raises(OSError) as blamed, CaptureWriter(taken):
        pass
    assert blamed.value.filename == str(taken)
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / f".c.pcapng.partial-{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(OSError, match="space") as spent, CaptureWriter(full) as writer:
        number = writer.add_interface("a", 1)
        for _ in range(100):
            writer.packet(number, 0, bytes(10_000))
    assert spent.value.filename == str(full)
    assert [entry.name for entry in tmp_path.iterdir()] == ["b.pcapng"]


def test_capture_writer_refuses() -> None:
    """By hand: bad arguments are one line that names field and rule, and leave the file readable."""
    file = io.BytesIO()
    writer = CaptureWriter(file)
    number = writer.add_interface("a", 1)
    for arguments, field in [
        ((1, 0, b""), "interface"),
        ((-1, 0, b""), "interface"),
        ((number, -1, b""), "time_ns"),
        ((number, 1 << 63, b""), "time_ns"),
        ((number, 0, bytes(MAX_PACKET_BYTES + 1)), "octets"),
        ((number, 0, b"", "x" * 65_536), "text"),
    ]:
        with pytest.raises(ValueError, match=field):
            writer.packet(*arguments)
    with pytest.raises(ValueError, match="link_type"):
        writer.add_interface("b", 65_536)
    with pytest.raises(ValueError, match="name"):
        writer.add_interface("b" * 1025, 1)
    writer.packet(number, 0, bytes(MAX_PACKET_BYTES), "x" * 65_535)
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.packet(number, 0, b"")
    (packet,) = read(file.getvalue())
    assert (len(packet.octets), len(packet.comments[0])) == (MAX_PACKET_BYTES, 65_535)


LOCAL = bytes.fromhex("ffffffffffff02000000000188b5") + b"local"
ROWS = [
    (0, 1_782_864_017_123_456_789, LOCAL, "rssi=-83.1 dBm sinr=7.2 dB"),
    (1, 1_782_864_017_123_456_790, bytes(60), "sender=vehicle 7 message=CAM"),
    (0, 1_782_864_018_000_000_001, bytes(14), ""),
]


def written(tmp_path: Path) -> Path:
    path = tmp_path / "in.pcapng"
    with CaptureWriter(path) as writer:
        writer.add_interface("vehicle 7", 1, "front antenna")
        writer.add_interface("RSU 2", 147)
        for row in ROWS:
            writer.packet(*row)
    return path


def tool(name: str, *arguments: str) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_capture_in_tshark(tmp_path: Path) -> None:
    """Independent: tshark shows the names, comments, nanoseconds and lengths that were put in."""
    columns = ["interface_name", "time_epoch", "len", "cap_len", "comment", "interface_description"]
    fields = [part for column in columns for part in ("-e", f"frame.{column}")]
    out = tool("tshark", "-r", str(written(tmp_path)), "-T", "fields", "-E", "separator=|", *fields)
    names, descriptions = ("vehicle 7", "RSU 2"), ("front antenna", "")
    assert out.splitlines() == [
        "|".join(
            [
                names[number],
                f"{time_ns // 10**9}.{time_ns % 10**9:09d}",
                str(len(octets)),
                str(len(octets)),
                comment,
                descriptions[number],
            ]
        )
        for number, time_ns, octets, comment in ROWS
    ]


@pytest.mark.parametrize("program", ["tshark", "editcap"])
def test_capture_rewritten_by_others(tmp_path: Path, program: str) -> None:
    """Independent: a file read and written again by tshark or editcap gives the same packets here."""
    path, again = written(tmp_path), tmp_path / "out.pcapng"
    tool(program, *(["-r", str(path), "-w", str(again)] if program == "tshark" else [str(path), str(again)]))
    assert list(read_capture(again)) == list(read_capture(path))


@pytest.mark.parametrize(("form", "tick_ns"), [("nsecpcap", 1), ("pcap", 1000)])
def test_capture_classic_files_of_others(tmp_path: Path, form: str, tick_ns: int) -> None:
    """Independent: classic files written by editcap give the times and octets, in their resolution."""
    path, again = tmp_path / "one.pcapng", tmp_path / "out.pcap"
    with CaptureWriter(path) as writer:
        writer.add_interface("a", 1)
        for number, time_ns, octets, _ in ROWS:
            if number == 0:
                writer.packet(0, time_ns, octets)
    tool("editcap", "-F", form, str(path), str(again))
    assert [(packet.time_ns, packet.octets) for packet in read_capture(again)] == [
        (time_ns // tick_ns * tick_ns, octets) for number, time_ns, octets, _ in ROWS if number == 0
    ]
