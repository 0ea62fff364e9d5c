"""The Lua dissector in tshark: values put into messages come out of the independent program."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import rsu.capture
from rsu.capture import CaptureWriter, make_frame
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import Rule
from rsu.network import Source
from rsu.stack import stack_for

SCRIPT = Path(rsu.capture.__file__).parent / "wireshark" / "cn_v2x.lua"
FACTS = json.loads((Path(__file__).parents[1] / "reference" / "cn_message_set.json").read_text(encoding="utf-8"))
TYPES = {entry["name"]: entry for entry in FACTS["types"] if entry["phase"] == "I"}
DAY_TWO_TYPES = {
    entry["name"]: {**entry, **entry.get("variants", {}).get("csae157-2020", {})} for entry in FACTS["types"]
}
SET = MESSAGE_SETS["csae53-2020"]

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(tmp_path: Path, packets: list[bytes], *arguments: str, script: bool = True) -> str:
    path = tmp_path / "packets.pcapng"
    with CaptureWriter(path) as writer:
        writer.add_interface("station", 252)
        for packet in packets:
            writer.packet(0, 0, make_frame("dsmp", 1, packet)[1])
    load = ["-X", f"lua_script:{SCRIPT}"] if script else []
    done = subprocess.run(
        ["tshark", *load, "-r", str(path), *arguments], capture_output=True, check=True, text=True, timeout=60
    )
    assert "Lua" not in done.stderr
    return done.stdout


def fields(tmp_path: Path, packets: list[bytes], *names: str, also: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Per packet: field name -> text, several values joined by a comma."""
    full = [f"cnv2x.{name}" if not name.startswith("_") else name for name in names]
    wanted = [part for name in full for part in ("-e", name)]
    out = tshark(tmp_path, packets, "-T", "fields", *wanted, *also)
    rows = [dict(zip(names, line.split("\t"), strict=True)) for line in out.splitlines()]
    assert len(rows) == len(packets)
    return rows


def dsmp(payload: bytes, aid: int = 111, extensions: bytes | None = None) -> bytes:
    """A DSMP packet by hand (YD/T 3707-2020)."""
    number = bytes([aid]) if aid < 128 else (aid + 0x7F80).to_bytes(2, "big")
    start = b"\x04\x00" if extensions is None else b"\x04\x10" + extensions
    return start + number + len(payload).to_bytes(2, "big") + payload


def random_value(draw: random.Random, entry: dict[str, Any], types: dict[str, Any] = TYPES) -> Any:
    """A random value of a type: bounds and optional members each with their chance, short lists."""
    kind = entry["kind"]
    if kind == "INTEGER":
        low, high = entry["range"]
        return draw.choice((low, high, draw.randint(low, high), draw.randint(low, high), draw.randint(low, high)))
    if kind == "ENUMERATED":
        return draw.choice(entry["values"])[0]
    if kind == "SEQUENCE":
        kept = (f for f in entry["fields"] if not f.get("optional") or draw.random() < 0.5)
        return {f["name"]: random_value(draw, f.get("inline") or types[f["type"]], types) for f in kept}
    if kind == "CHOICE":
        chosen = draw.choice(entry["alternatives"])
        return chosen["name"], random_value(draw, chosen.get("inline") or types[chosen["type"]], types)
    low, high = entry.get("size") or (0, 9)
    size = min(high, low + draw.choice((0, 0, 1, 2, 5)))
    if kind == "SEQUENCE OF":
        inner = entry["of"] if isinstance(entry["of"], dict) else types[entry["of"]]
        return [random_value(draw, inner, types) for _ in range(size)]
    if kind == "BOOLEAN":
        return draw.random() < 0.5
    if kind == "OCTET STRING":
        return draw.randbytes(size)
    if kind == "IA5String":
        return "".join(chr(draw.randint(48, 122)) for _ in range(size))
    assert kind == "BIT STRING"
    return (draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size


def messages(seed: int, count: int, outer: str, types: dict[str, Any] = TYPES) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [random_value(draw, types[outer], types) for _ in range(count)]


def same(text: str, wire: int | None, step: float, unavailable: int) -> bool:
    """Whether a field shows this wire number in its unit, or nothing if it means unavailable or is absent."""
    if wire is None or wire == unavailable:
        return text == ""
    return text != "" and round(float(text) / step) == wire and abs(float(text) - wire * step) < 1e-3 * step


def check_position(row: dict[str, str], position: dict[str, int]) -> None:
    assert same(row["lat"], position["lat"], 1e-7, 900_000_001)
    assert same(row["lon"], position["long"], 1e-7, 1_800_000_001)
    assert same(row["elevation"], position.get("elevation"), 0.1, -4096)


POSITION = ("lat", "lon", "elevation")


def test_lua_bsm_fields_are_the_values_put_in(tmp_path: Path) -> None:
    """Independent: 400 random BSMs with every mix of optional members, path history included."""
    values = messages(1, 400, "BasicSafetyMessage")
    assert sum("pathHistory" in value.get("safetyExt", {}) for value in values) > 50
    packets = [dsmp(SET.encode("BSM", value)) for value in values]
    names = ("message", "msgcnt", "id", "secmark", *POSITION, "speed", "heading", "aid", "envelope")
    for value, row in zip(values, fields(tmp_path, packets, *names), strict=True):
        assert (row["message"], row["aid"], row["envelope"]) == ("BSM", "111", "none")
        assert int(row["msgcnt"]) == value["msgCnt"]
        assert row["id"] == value["id"].hex()
        assert row["secmark"] == (str(value["secMark"]) if value["secMark"] < 61_000 else "")
        check_position(row, value["pos"])
        assert same(row["speed"], value["speed"], 0.02, 8191)
        assert same(row["heading"], value["heading"], 0.0125, 28_800)


def test_lua_unavailable_codes_are_named(tmp_path: Path) -> None:
    """By hand: the codes for unavailable are shown as that word, and can be filtered."""
    value = messages(2, 1, "BasicSafetyMessage")[0]
    value |= {"pos": {"lat": 900_000_001, "long": 1_800_000_001, "elevation": -4096}, "speed": 8191, "heading": 28_800}
    packets = [dsmp(SET.encode("BSM", value | {"secMark": 65_535}))]
    text = tshark(tmp_path, packets, "-V")
    for name in ("Latitude", "Longitude", "Elevation", "Speed", "Heading", "Millisecond of the minute"):
        assert f"{name}: unavailable" in text
    assert fields(tmp_path, packets, "unavailable")[0]["unavailable"].split(",") == [
        "millisecond of the minute", "latitude", "longitude", "elevation", "speed", "heading"
    ]  # fmt: skip
    assert len(tshark(tmp_path, packets, "-Y", 'cnv2x.unavailable == "speed"').splitlines()) == 1
    assert tshark(tmp_path, packets, "-Y", "cnv2x.speed") == ""


@pytest.mark.parametrize(
    ("message_set", "layout"),
    [("csae53-2020", "csae53-2020"), ("ydt3709-2020", "ydt3709-2020"), ("csae157-2020", "ydt3709-2020")],
)
def test_lua_map(tmp_path: Path, message_set: str, layout: str) -> None:
    """Independent: message, first node and its position; the layout preference selects the family."""
    draw, values = random.Random(3), messages(3, 80, "MapData")
    for value in values:
        for node in value["nodes"]:
            node.pop("inLinks", None)
        value["nodes"] = value["nodes"] * draw.randint(1, 5)
    packets = [dsmp(MESSAGE_SETS[message_set].encode("MAP", value), 3618) for value in values]
    names = ("message", "msgcnt", "aid", "count", "region", "node", "name", "moy", *POSITION)
    rows = fields(tmp_path, packets, *names, also=("-o", f"cnv2x.map_layout:{layout}"))
    for value, row in zip(values, rows, strict=True):
        node = value["nodes"][0]
        assert (row["message"], row["aid"]) == ("MAP", "3618")
        assert (row["msgcnt"], row["count"]) == (str(value["msgCnt"]), str(len(value["nodes"])))
        assert row["node"] == str(node["id"]["id"]) and row["region"] == str(node["id"].get("region", ""))
        assert row["name"] == node.get("name", "")
        assert same(row["moy"], value.get("timeStamp"), 1, 527_040)
        check_position(row, node["refPos"])


def test_lua_spat(tmp_path: Path) -> None:
    """Independent: every intersection, phase, light and likely end, in order."""
    lights = {name: name.replace("-", " ") for name, _ in TYPES["LightState"]["values"]}
    values = messages(4, 80, "SPAT")
    packets = [dsmp(SET.encode("SPAT", value), 3619) for value in values]
    rows = fields(tmp_path, packets, "message", "msgcnt", "node", "phase", "light", "likely_end")
    for value, row in zip(values, rows, strict=True):
        junctions = value["intersections"]
        phases = [phase for junction in junctions for phase in junction["phases"]]
        states = [state for phase in phases for state in phase["phaseStates"]]
        ends = [dict(state["timing"][1]) for state in states if "timing" in state]
        marks = [end.get("likelyEndTime", end.get("likelyEndUTCTime")) for end in ends]
        assert (row["message"], row["msgcnt"]) == ("SPAT", str(value["msgCnt"]))
        assert row["node"].split(",") == [str(junction["intersectionId"]["id"]) for junction in junctions]
        assert row["phase"].split(",") == [str(phase["id"]) for phase in phases]
        assert row["light"].split(",") == [lights[state["light"]] for state in states]
        shown = [round(float(text) * 10) for text in row["likely_end"].split(",") if text]
        assert shown == [mark for mark in marks if mark != 36_001]


def test_lua_rsi(tmp_path: Path) -> None:
    """Independent: station, reference position and the first event or sign."""
    values = messages(5, 80, "RoadSideInformation")
    packets = [dsmp(SET.encode("RSI", value), 3620) for value in values]
    rows = fields(tmp_path, packets, "message", "msgcnt", "id", "moy", "event_type", "sign_type", "count", *POSITION)
    for value, row in zip(values, rows, strict=True):
        events, signs = value.get("rtes", []), value.get("rtss", [])
        assert (row["message"], row["msgcnt"], row["id"]) == ("RSI", str(value["msgCnt"]), value["id"].hex())
        assert same(row["moy"], value.get("moy"), 1, 527_040)
        check_position(row, value["refPos"])
        assert row["event_type"] == (str(events[0]["eventType"]) if events else "")
        assert row["sign_type"] == (str(signs[0]["signType"]) if signs and not events else "")
        assert row["count"] == (str(len(events or signs)) if events or signs else "")


def participant_positions(value: dict[str, Any]) -> list[tuple[int, int]]:
    """(lat, lon) in 1e-7 deg of the participants whose position is known."""
    reference, positions = value["refPos"], []
    for one in value["participants"]:
        kind, offset = one["pos"]["offsetLL"]
        if kind == "position-LatLon":
            if offset["lat"] != 900_000_001 and offset["lon"] != 1_800_000_001:
                positions.append((offset["lat"], offset["lon"]))
        elif reference["lat"] != 900_000_001 and reference["long"] != 1_800_000_001:
            positions.append((reference["lat"] + offset["lat"], reference["long"] + offset["lon"]))
    return positions


def numbers(text: str, step: float) -> list[int]:
    return [round(float(part) / step) for part in text.split(",") if part]


def test_lua_rsm(tmp_path: Path) -> None:
    """Independent: unit, reference position, and id, position, speed and heading of every participant."""
    values = messages(6, 120, "RoadsideSafetyMessage")
    packets = [dsmp(SET.encode("RSM", value), 3623) for value in values]
    names = ("message", "msgcnt", "id", *POSITION, "ptc.ptcid", "ptc.type", "ptc.id")
    more = ("ptc.lat", "ptc.lon", "ptc.speed", "ptc.heading", "truncated", "undecoded")
    for value, row in zip(values, fields(tmp_path, packets, *names, *more), strict=True):
        seen = value["participants"]
        assert (row["message"], row["msgcnt"], row["id"]) == ("RSM", str(value["msgCnt"]), value["id"].hex())
        check_position(row, value["refPos"])
        assert row["ptc.ptcid"].split(",") == [str(one["ptcId"]) for one in seen]
        assert row["ptc.type"].split(",") == [one["ptcType"] for one in seen]
        assert [part for part in row["ptc.id"].split(",") if part] == [one["id"].hex() for one in seen if "id" in one]
        assert numbers(row["ptc.speed"], 0.02) == [one["speed"] for one in seen if one["speed"] != 8191]
        assert numbers(row["ptc.heading"], 0.0125) == [one["heading"] for one in seen if one["heading"] != 28_800]
        shown = zip(numbers(row["ptc.lat"], 1e-7), numbers(row["ptc.lon"], 1e-7), strict=True)
        assert list(shown) == participant_positions(value)
        assert not row["truncated"] and not row["undecoded"]


def bits(*parts: tuple[int, int]) -> bytes:
    """(value, width) pairs written one behind the other, padded with zeros."""
    text = "".join(format(value, f"0{width}b") for value, width in parts)
    return int(text + "0" * (-len(text) % 8), 2).to_bytes((len(text) + 7) // 8, "big")


def extension_frame(message_id: int, content: bytes) -> bytes:
    """msgFrameExt by hand: 80, length, message id behind an extension bit, length, content."""
    def length(octets: bytes) -> bytes:
        count = len(octets)
        return (bytes([count]) if count < 128 else (0x8000 | count).to_bytes(2, "big")) + octets

    return b"\x80" + length(message_id.to_bytes(2, "big") + length(content))


ID, LAT, LON = 0x0102030405060708, 310_347_001, 1_208_312_002
PLACE = ((0, 1), (LAT + 900_000_000, 31), (LON + 1_799_999_999, 32))
DAY_TWO = {
    "TEST": (0, ((77, 7), (2, 11), (0xABCDEF, 24))),
    "RTCM": (10, ((0, 1), (77, 7), (0, 3), (0, 3), (1, 11), (0xABCD, 16))),
    "RSC": (11, ((0, 3), (77, 7), (ID, 64), (1234, 16), *PLACE)),
    "C157-SSM": (12, ((0, 5), (77, 7), (ID, 64), (1, 3), (1234, 16), *PLACE)),
    "VIR": (13, ((0, 1), (77, 7), (ID, 64), (1234, 16), *PLACE, (0, 5))),
    "PAM": (14, ((0b010, 3), (77, 7), (5, 20), (0, 6))),
    "PSM": (15, ((0b01000, 5), (77, 7), (ID, 64), (1234, 16), (39, 6), *PLACE, (0, 32), (65, 13), (7200, 15))),
    "C157-CPM": (16, ((0, 2), (77, 7), (ID, 64), (1234, 16), (0xFE, 136), (0, 6))),
    "VPM": (17, ((0, 1), (77, 7), (0, 200))),
}


def test_lua_second_phase_messages(tmp_path: Path) -> None:
    """By hand: each message behind the extension marker, bits written down from the table of types."""
    with_id, with_position = ("RSC", "C157-SSM", "VIR", "PSM", "C157-CPM"), ("RSC", "C157-SSM", "VIR", "PSM")
    long_test = extension_frame(0, bits((77, 7), (300, 11), (0, 2400)))
    packets = [dsmp(extension_frame(number, bits(*parts))) for number, parts in DAY_TWO.values()]
    packets += [dsmp(long_test), dsmp(extension_frame(99, b"\1"))]
    names = ("message", "message_id", "msgcnt", "id", "secmark", "lat", "lon", "speed", "heading", "platoon")
    rows = fields(tmp_path, packets, *names, "equipment", "moy", "truncated", "undecoded")
    for (name, (number, _)), row in zip(DAY_TWO.items(), rows, strict=False):
        assert (row["message"], row["message_id"], row["msgcnt"]) == (name, str(number), "77")
        assert (row["id"], row["secmark"]) == (("0102030405060708", "1234") if name in with_id else ("", ""))
        assert numbers(row["lat"], 1e-7) + numbers(row["lon"], 1e-7) == ([LAT, LON] if name in with_position else [])
        assert (row["speed"], row["heading"]) == (("1.3", "90") if name == "PSM" else ("", ""))
        assert row["platoon"] == ("0" * 32 + "fe" if name == "C157-CPM" else "")
        assert row["equipment"] == ("rsu" if name == "C157-SSM" else "")
        assert row["moy"] == ("5" if name == "PAM" else "")
        assert not row["truncated"] and not row["undecoded"]
    assert (rows[-2]["message"], rows[-2]["msgcnt"]) == ("TEST", "77")
    assert rows[-1]["message"] == "unknown message id 99" and rows[-1]["undecoded"]


NAMES = {"TEST": "TestMsg", "RTCM": "RTCMcorrections", "RSC": "RoadsideCoordination", "C157-SSM": "SensorSharingMsg",
         "VIR": "VehIntentionAndRequest", "PAM": "PAMData", "PSM": "PersonalSafetyMessage", "C157-CPM": "CLPMM",
         "VPM": "VehiclePaymentMessage"}  # fmt: skip
"""Name of the message set, which tshark shows too -> type."""


def test_lua_random_second_phase_messages(tmp_path: Path) -> None:
    """Independent: random messages of the second phase with every mix of optional members."""
    second = MESSAGE_SETS["csae157-2020"]
    values = [(name, value) for name, outer in NAMES.items() for value in messages(12, 30, outer, DAY_TWO_TYPES)]
    packets = [dsmp(second.encode(name, value), 26) for name, value in values]
    columns = ("message", "msgcnt", "id", "secmark", "moy", "platoon", *POSITION, "speed", "heading")
    for (name, value), row in zip(values, fields(tmp_path, packets, *columns, "truncated", "undecoded"), strict=True):
        position = value.get("refPos") or value.get("sensorPos") or value.get("pos")
        assert (row["message"], row["msgcnt"]) == (name, str(value["msgCnt"]))
        assert row["id"] == value.get("id", b"").hex() and row["platoon"] == value.get("pid", b"").hex()
        assert same(row["moy"], value.get("timeStamp"), 1, 527_040)
        second_mark = value.get("secMark", 65_535)
        assert row["secmark"] == (str(second_mark) if second_mark < 61_000 else "")
        check_position(row, position or {"lat": 900_000_001, "long": 1_800_000_001})
        assert same(row["speed"], value.get("speed"), 0.02, 8191)
        assert same(row["heading"], value.get("heading"), 0.0125, 28_800)
        assert not row["truncated"] and not row["undecoded"]


BSM = SET.encode("BSM", messages(7, 1, "BasicSafetyMessage")[0])
GENERATION_US = 710_000_000_123_456


def signed(payload: bytes, signer: bytes, aid: bytes = b"\x6f") -> bytes:
    """The secured message by hand (YD/T 3957-2021): fields one behind the other, a signature of 66 octets."""
    size = len(payload)
    longer = b"\x81" + bytes([size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    length = bytes([size]) if size < 128 else longer
    header = b"\x40" + bytes([len(aid)]) + aid + GENERATION_US.to_bytes(8, "big")
    return b"\x03\x81\x02\x40\x03\x80" + length + payload + header + signer + b"\x80\x80" + bytes(64)


DIGEST = b"\x80" + bytes.fromhex("a1a2a3a4a5a6a7a8")
CERTIFICATE = b"\x81\x01\x01" + bytes(165)


def test_lua_envelopes(tmp_path: Path) -> None:
    """By hand: unsecured and signed envelopes around the same BSM, with digest, certificate and long payload."""
    value = messages(8, 1, "BasicSafetyMessage")[0]
    bsm = SET.encode("BSM", value)
    test = extension_frame(0, bits((5, 7), (200, 11), (0, 1600)))
    packets = [
        dsmp(bsm),
        dsmp(b"\x03\x80" + bytes([len(bsm)]) + bsm),
        dsmp(signed(bsm, DIGEST)),
        dsmp(signed(bsm, CERTIFICATE)),
        dsmp(signed(test, DIGEST, (3620).to_bytes(2, "big")), 3620),
        dsmp(b"\x03\x80\x82" + (300).to_bytes(2, "big") + bytes(300), 3620),
    ]
    names = ("envelope", "signer", "digest", "signed_aid", "generation_time", "generation_utc", "certificates", "hash")
    rows = fields(tmp_path, packets, *names, "message", "id", "truncated", "undecoded", "signature")
    assert [row["envelope"] for row in rows] == ["none", "unsecured", "signed", "signed", "signed", "unsecured"]
    assert [row["signer"] for row in rows] == ["", "", "digest", "certificate", "digest", ""]
    assert [row["digest"].replace(":", "") for row in rows] == ["", "", "a1a2a3a4a5a6a7a8", "", "a1a2a3a4a5a6a7a8", ""]
    assert [row["signed_aid"] for row in rows] == ["", "", "111", "111", "3620", ""]
    assert [row["generation_time"] for row in rows[1:4]] == ["", str(GENERATION_US), str(GENERATION_US)]
    # date -u -d @$((1072915200 + 710000000 - 5))
    assert rows[2]["generation_utc"].startswith("Jul  1, 2026 14:13:15.123456")
    assert [row["certificates"] for row in rows[2:4]] == ["", "1"]
    assert [row["hash"] for row in rows[1:3]] == ["", "2"]
    assert [row["message"] for row in rows[:5]] == ["BSM", "BSM", "BSM", "BSM", "TEST"]
    assert {row["id"] for row in rows[:4]} == {value["id"].hex()}
    assert rows[2]["signature"].replace(":", "") == "8080" + "00" * 64
    assert not any(row["truncated"] or row["undecoded"] for row in rows)


@pytest.mark.parametrize("certificate_bytes", [None, 165, 210])
def test_lua_packets_of_the_stack(tmp_path: Path, certificate_bytes: int | None) -> None:
    """Independent: what the project's own stack sends is taken apart: identifier, time, signer, message."""
    stack, utc_ns = stack_for("dsmp", "ydt3957-2021"), 1_782_864_017_123_456_000
    values = messages(13, 40, "BasicSafetyMessage")
    aids = [111 if index % 2 else 3618 for index in range(len(values))]
    packets = []
    for aid, value in zip(aids, values, strict=True):
        rule = Rule("BSM", 100.0, aid, None, 112, 100.0, "test")
        packets.append(stack.wrap(SET.encode("BSM", value), rule, Source(7, utc_ns=utc_ns), certificate_bytes))
    columns = ("aid", "signed_aid", "envelope", "signer", "generation_utc", "message", "id", "truncated", "undecoded")
    for aid, value, row in zip(aids, values, fields(tmp_path, packets, *columns), strict=True):
        assert row["aid"] == row["signed_aid"] == str(aid)
        signer = "digest" if certificate_bytes is None else "certificate"
        assert (row["envelope"], row["signer"], row["message"]) == ("signed", signer, "BSM")
        assert row["id"] == value["id"].hex() and not row["truncated"] and not row["undecoded"]
        # date -u -d @1782864017
        assert row["generation_utc"].startswith("Jul  1, 2026 00:00:17.123456")


def test_lua_header_information(tmp_path: Path) -> None:
    """By hand: optional members before the signer are stepped over; those of unknown length end in a note."""
    start = b"\x03\x81\x02\x40\x03\x80" + bytes([len(BSM)]) + BSM
    time, end = GENERATION_US.to_bytes(8, "big"), DIGEST + b"\x80\x80" + bytes(64)
    packets = [
        dsmp(start + b"\x00\x01\x6f" + end),
        dsmp(start + b"\x60\x01\x6f" + time + bytes(8) + end),
        dsmp(start + b"\x50\x01\x6f" + time + bytes(10) + end),
        dsmp(start + b"\x48\x01\x6f" + time + bytes(3) + end),
        dsmp(start + b"\x78\x01\x6f" + time + bytes(21) + end),
        *(dsmp(start + bytes([0x40 | bit]) + b"\x01\x6f" + time + end) for bit in (0x80, 0x04, 0x02)),
    ]
    rows = fields(tmp_path, packets, "digest", "generation_time", "message", "undecoded", "truncated")
    assert [row["digest"].replace(":", "") for row in rows] == ["a1a2a3a4a5a6a7a8"] * 5 + [""] * 3
    assert [row["generation_time"] for row in rows] == [""] + [str(GENERATION_US)] * 7
    assert [bool(row["undecoded"]) for row in rows] == [False] * 5 + [True] * 3
    assert all(row["message"] == "BSM" and not row["truncated"] for row in rows)


def test_lua_message_that_starts_like_an_envelope(tmp_path: Path) -> None:
    """By hand: a BSM may start with 03 80 or 03 81; without fitting lengths it is taken for a message."""
    value = messages(14, 1, "BasicSafetyMessage")[0]
    for name in ("timeConfidence", "motionCfd", "safetyExt", "emergencyExt"):
        value.pop(name, None)
    value |= {
        "posAccuracy": {"semiMajor": 1, "semiMinor": 2, "orientation": 3},
        "posConfidence": {"pos": "a1m"},
        "angle": 0,
    }
    packets = [SET.encode("BSM", value | {"msgCnt": count, "id": bytes(8)}) for count in range(16)]
    assert {packet[:2] for packet in packets} == {b"\x03\x80", b"\x03\x81"}
    packets.append(SET.encode("BSM", value | {"msgCnt": 8, "id": bytes.fromhex("12001c03f8000000")}))
    assert packets[-1][:7].hex() == "0381024003807f" and len(packets[-1]) < 7 + 0x7F
    rows = fields(tmp_path, [dsmp(packet) for packet in packets], "envelope", "message", "msgcnt")
    assert all((row["envelope"], row["message"]) == ("none", "BSM") for row in rows)
    assert [row["msgcnt"] for row in rows] == [*map(str, range(16)), "8"]


def test_lua_later_additions(tmp_path: Path) -> None:
    """By hand: additions of a later edition inside repeated elements are stepped over; the next element is read."""
    body = ((0, 1), (1, 3), (42, 16), (0, 1), (2, 3), (0, 16), (0, 4), (0, 24), (0, 5), (50, 13), (80, 15), (0, 23))
    late_type = ((1, 1), (0, 7), *body[2:])
    additions = ((0, 1), (1, 6), (0b11, 2), (1, 8), (0xAA, 8), (2, 8), (0xBBCC, 16))
    late_class = ((1, 1), (0, 1), (9, 8), *additions)
    rsm = bits((2, 4), (0, 1), (9, 7), (ID, 64), *PLACE, (3, 4), (0b1000000, 7), *body, *additions,
               (0b1000001, 7), *body, *late_class, *additions, (0, 7), *late_type, (0, 7), *body)  # fmt: skip
    late_state = ((0b11, 2), (1, 1), (3, 7), (1, 1), (0, 7), (2, 8), (0xBEEF, 16), *additions)
    junction = ((0b1000, 4), (0, 1), (501, 16), (0, 16), (0, 4), (17, 8), (1, 4), *late_state, (0, 2), (0, 1), (3, 4))
    spat = bits((3, 4), (0, 4), (9, 7), (1, 5), *junction, *additions, *junction, *additions)
    names = ("message", "ptc.ptcid", "ptc.type", "ptc.speed", "node", "phase", "light", "undecoded", "truncated")
    first, second = fields(tmp_path, [dsmp(rsm), dsmp(spat)], *names)
    assert (first["message"], first["ptc.ptcid"]) == ("RSM", "42,42,42,42")
    assert first["ptc.type"] == "motor,motor,later addition,motor"
    assert first["ptc.speed"] == "1,1,1,1"
    assert (second["message"], second["node"], second["phase"]) == ("SPAT", "501,501", "17,17")
    assert second["light"] == "later addition,red,later addition,red"
    assert not any(row["undecoded"] or row["truncated"] for row in (first, second))


def test_lua_numbers_outside_their_range(tmp_path: Path) -> None:
    """By hand: the bits have room for more than the range; such a number is marked."""
    frames = [
        bits((0, 4), (0, 8), (1, 7), (ID, 64), (0, 16), (0, 1), (lat, 31), (0, 32), (0, 3), (0, 13), (heading, 15))
        for lat, heading in ((1_800_000_000, 28_799), (1_800_000_002, 0), (0, 28_801))
    ]
    rows = fields(tmp_path, [dsmp(frame) for frame in frames], "range", "lat", "heading")
    assert [bool(row["range"]) for row in rows] == [False, True, True]
    assert [row["lat"] for row in rows] == ["90", "90.0000002", "-90"]
    assert [row["heading"] for row in rows] == ["359.9875", "0", "360.0125"]


def test_lua_header(tmp_path: Path) -> None:
    """By hand: extension elements before the AID, two-octet AIDs, other protocols and versions refused in one note."""
    packets = [
        dsmp(BSM, 113, b"\x02\x01\x03abc\x09\x00"),
        dsmp(BSM, 128),
        dsmp(BSM, 16_511),
        b"\x05\x00" + BSM,
        b"\x04\x20" + BSM,
        b"\x04\x00\xc0\x00\x00\x00",
    ]
    rows = fields(tmp_path, packets, "extensions", "extension", "aid", "message", "undecoded", "type", "version")
    assert [row["aid"] for row in rows] == ["113", "128", "16511", "", "", ""]
    assert rows[0]["extensions"] == "2" and rows[0]["extension"].replace(":", "") == "0103616263,0900"
    assert [row["message"] for row in rows] == ["BSM"] * 3 + [""] * 3
    assert [bool(row["undecoded"]) for row in rows] == [False] * 3 + [True] * 3
    assert (rows[3]["type"], rows[4]["version"]) == ("5", "1")


def test_lua_info_column(tmp_path: Path) -> None:
    """By hand: one readable line names message, count, id, position, speed and heading."""
    value = messages(9, 1, "BasicSafetyMessage")[0]
    value |= {"msgCnt": 7, "id": bytes(range(8)), "pos": {"lat": LAT, "long": LON}, "speed": 700, "heading": 7200}
    out = tshark(tmp_path, [dsmp(SET.encode("BSM", value))], "-T", "fields", "-e", "_ws.col.Protocol", "-e",
                 "_ws.col.Info")  # fmt: skip
    line = "BSM msgCnt=7 id=0001020304050607 at 31.034700,120.831200 14.00 m/s heading 90.0 deg"
    assert out == f"CN-V2X\t{line}\n"


def test_lua_info_of_other_messages(tmp_path: Path) -> None:
    """By hand: the roadside messages' lines, signer and problems included."""
    rsm = messages(15, 1, "RoadsideSafetyMessage")[0]
    rsm |= {"msgCnt": 8, "id": bytes(8), "refPos": {"lat": LAT, "long": 1_800_000_001}}
    rsm["participants"] = rsm["participants"][:1] * 3
    node = {"id": {"region": 1, "id": 2}, "refPos": {"lat": LAT, "long": LON}}
    packets = [
        dsmp(SET.encode("RSM", rsm)),
        dsmp(signed(SET.encode("MAP", {"msgCnt": 1, "nodes": [node, node]}), CERTIFICATE)),
        dsmp(BSM[:3]),
    ]
    assert tshark(tmp_path, packets, "-T", "fields", "-e", "_ws.col.Info").splitlines() == [
        "RSM msgCnt=8 id=0000000000000000 participants=3",
        "[certificate] MAP msgCnt=1 nodes=2 node=2 at 31.034700,120.831200",
        f"BSM msgCnt={fields(tmp_path, [dsmp(BSM)], 'msgcnt')[0]['msgcnt']} [octets end too early]",
    ]


def test_lua_decode_as_ethertype(tmp_path: Path) -> None:
    """Independent: packets under an ethertype of the reader's choice."""
    path = tmp_path / "ether.pcapng"
    with CaptureWriter(path) as writer:
        writer.packet(writer.add_interface("a", 1), 0, bytes(12) + b"\x12\x34" + dsmp(BSM))
    arguments = ["-X", f"lua_script:{SCRIPT}", "-d", "ethertype==0x1234,cnv2x", "-T", "fields", "-e", "cnv2x.message"]
    done = subprocess.run(["tshark", "-r", str(path), *arguments], capture_output=True, check=True, text=True)
    assert done.stdout == "BSM\n"


def all_kinds() -> list[bytes]:
    """One packet of each kind."""
    outer = {"BSM": "BasicSafetyMessage", "MAP": "MapData", "RSM": "RoadsideSafetyMessage", "SPAT": "SPAT",
             "RSI": "RoadSideInformation"}  # fmt: skip
    inner = [SET.encode(name, messages(10, 1, of)[0]) for name, of in outer.items()]
    inner += [extension_frame(number, bits(*parts)) for number, parts in DAY_TWO.values()]
    unsecured = b"\x03\x80" + bytes([len(inner[0])]) + inner[0]
    enveloped = [signed(inner[0], DIGEST), signed(inner[2], CERTIFICATE), unsecured]
    return [dsmp(payload) for payload in inner + enveloped] + [dsmp(inner[0], 3617, b"\x01\x05\x04abcd")]


def check_damaged(tmp_path: Path, packets: list[bytes]) -> str:
    text = tshark(tmp_path, packets, "-V")
    assert "Lua" not in text and "Dissector bug" not in text
    assert text.count("Chinese C-V2X (DSMP)\n") == len(packets)
    return text


def test_lua_truncated_packets(tmp_path: Path) -> None:
    """Property: every kind cut at every octet raises no fault of the script, and is marked as cut short."""
    cut = [packet[:length] for packet in all_kinds() for length in range(min(len(packet), 150))]
    check_damaged(tmp_path, cut)
    assert all(row["truncated"] for row in fields(tmp_path, cut, "truncated"))


def test_lua_shortened_messages(tmp_path: Path) -> None:
    """Property: messages cut inside a packet whose length agrees raise no fault of the script."""
    kinds = [packet[5:] for packet in all_kinds()[:-1]]
    check_damaged(tmp_path, [dsmp(payload[:length]) for payload in kinds for length in range(min(len(payload), 120))])


def test_lua_random_octets(tmp_path: Path) -> None:
    """Property: random octets and flipped bits raise no fault of the script."""
    draw, packets = random.Random(11), []
    for packet in all_kinds() * 30:
        octets = bytearray(packet)
        for _ in range(draw.randint(1, 6)):
            octets[draw.randrange(len(octets))] ^= 1 << draw.randrange(8)
        packets.append(bytes(octets))
    packets += [dsmp(draw.randbytes(draw.randint(0, 90))) for _ in range(500)]
    packets += [draw.randbytes(draw.randint(0, 30)) for _ in range(200)]
    check_damaged(tmp_path, packets)


def test_lua_script_is_optional(tmp_path: Path) -> None:
    """Independent: without the script tshark opens the file and names the dissector that is missing."""
    out = tshark(tmp_path, [dsmp(BSM)], "-T", "fields", "-e", "frame.protocols", "-e", "exported_pdu.prot_name",
                 script=False)  # fmt: skip
    assert out == "exported_pdu\tcnv2x\n"


def test_lua_uses_no_lua_newer_or_older() -> None:
    """By hand: nothing that differs between Lua 5.2 (Wireshark 4.0 to 4.2) and 5.4 (from 4.4 on)."""
    text = SCRIPT.read_text(encoding="utf-8")
    for name in ("bit32", "bit.", "unpack(", "//", ">>", "<<", "loadstring", "setfenv", "require", "io.", "os."):
        assert name not in text.replace("table.unpack(", ""), name
