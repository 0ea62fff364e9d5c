"""J2735 messages: public messages with their printed content, an independent codec, vehicle columns, hostile octets."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rsu.codec import EncodeError, load_schema
from rsu.messages.dsrc import ASN1 as DSRC
from rsu.messages.sae import bsm_wire
from rsu.messages.sae.framing import ASN1, MESSAGES, PART_II
from rsu.messages.sae.message_set import SaeMessageSet
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, STATUS_SKIPPED, PathHistory, VehicleColumns
from tests.rsu.dsrc_values import LONGEST_BYTES, SchemaValues, to_pycrate

SET = SaeMessageSet("sae-j2735", "", "", "")
REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "j2735_messages.json").read_text())
PUBLIC = REFERENCE["messages"]
BY_NAME = {row["name"]: bytes.fromhex(row["hex"]) for row in PUBLIC}


def value_of(name: str) -> dict[str, Any]:
    decoded = SET.decode(BY_NAME[name], "strict")
    assert decoded.status == "ok" and decoded.value is not None, decoded.error
    return decoded.value


@pytest.mark.parametrize("row", PUBLIC, ids=lambda row: f"{row['message']}-{row['name']}")
def test_public_messages_decode_and_encode_to_themselves(row: dict[str, str]) -> None:
    """Printed: 15 public messages, read strictly, told as JSON and back, the same octets again."""
    data = bytes.fromhex(row["hex"])
    decoded = SET.decode(data, "strict")
    assert (decoded.status, decoded.message) == ("ok", row["message"]), decoded.error
    told = json.loads(json.dumps(SET.describe(decoded)))
    message, value = SET.undescribe(told)
    assert value == decoded.value
    assert SET.encode(message, value) == data


def test_printed_core_data() -> None:
    """Printed: the values the public test program sets for this message (V2X-Hub, EncodeBasicSafetyMessage_PartII)."""
    value = value_of("alerts-and-regional")
    core = value["coreData"]
    assert core["id"] == bytes((1, 12, 12, 10))
    assert {name: core[name] for name in ("msgCnt", "secMark", "lat", "long", "elev", "speed", "heading", "angle")} == {
        "msgCnt": 1, "secMark": 1023, "lat": 38_954_961, "long": -77_149_303, "elev": 72, "speed": 100, "heading": 12,
        "angle": 10,
    }
    assert core["accuracy"] == {"semiMajor": 200, "semiMinor": 200, "orientation": 100}
    assert core["accelSet"] == {"long": 300, "lat": 100, "vert": 100, "yaw": 0}
    assert core["size"] == {"width": 300, "length": 500}
    assert core["transmission"] == "neutral"
    assert core["brakes"] == {
        "wheelBrakes": (b"\x08", 5), "traction": "off", "abs": "off", "scs": "off", "brakeBoost": "off",
        "auxBrakes": "off",
    }
    alerts = value["partII"][0]["partII-Value"]["vehicleAlerts"]
    assert (alerts["sirenUse"], alerts["lightsUse"], alerts["responseType"]) == ("inUse", "inUse", "emergency")
    assert value["regional"][0]["regionId"] == 128


def test_printed_path_history() -> None:
    """Printed: the same message as JSON beside it (j2735-ffm-java, messages_jer.txt line 1)."""
    value = value_of("path-history-15")
    assert (value["coreData"]["long"], value["coreData"]["heading"]) == (-1_048_434_120, 15_290)
    extension = value["partII"][0]["partII-Value"]
    crumbs = extension["pathHistory"]["crumbData"]
    assert [crumb["latOffset"] for crumb in crumbs] == [
        130, 327, 1032, 1236, 2118, 1605, 1827, 1942, 1655, 1488, 1403, 23, 131_071, 131_071, 128,
    ]
    assert [crumb["timeOffset"] for crumb in crumbs][-3:] == [58_030, 61_070, 61_650]
    assert extension["pathPrediction"] == {"radiusOfCurve": 32_767, "confidence": 0}


def test_printed_personal_safety_message() -> None:
    """Printed: the same message as JSON beside it, every optional member present (messages_jer.txt line 7)."""
    value = value_of("every-member")
    assert value["basicType"] == "aPEDESTRIAN" and value["id"] == b"OCTE"
    assert value["position"] == {"lat": -283_524_444, "long": -929_410_239, "elevation": 45_115}
    assert (value["speed"], value["heading"], value["accelSet"]["yaw"]) == (2351, 26_230, 17_248)
    initial = value["pathHistory"]["initialPosition"]
    assert (initial["long"], initial["speed"]["speed"], initial["posConfidence"]["pos"]) == (874_152_033, 6379, "a50m")
    assert value["pathHistory"]["crumbData"][0]["heading"] == 194
    assert value["propulsion"] == ("animal", "animalMounted")
    assert value["useState"] == (b"\x08\x00", 9) and value["sizing"] == (b"\x20", 5)
    told = [value[name] for name in ("clusterSize", "clusterRadius", "attachment", "attachmentRadius", "animalType")]
    assert told == ["small", 37, "cart", 102, "serviceUse"]


def test_printed_traveller_information() -> None:
    """Printed: the XML of the same message in the same test (V2X-Hub, EncodeTravelerInformation)."""
    value = value_of("circle-text")
    frame = value["dataFrames"][0]
    assert (value["msgCnt"], value["timeStamp"], value["packetID"].hex()) == (1, 115_549, "000000000023667bac")
    form, sign = frame["msgId"]
    assert form == "roadSignID" and sign["mutcdCode"] == "warning" and sign["viewAngle"] == (b"\xff\xff", 16)
    assert sign["position"] == {"lat": 389_549_775, "long": -771_491_835, "elevation": 390}
    assert frame["frameType"] == "advisory"
    assert (frame["startTime"], frame["durationTime"], frame["priority"]) == (115_549, 1, 7)
    region = frame["regions"][0]
    assert (region["directionality"], region["closedPath"]) == ("both", True)
    kind, geometry = region["description"]
    assert kind == "geometry" and (geometry["circle"]["radius"], geometry["circle"]["units"]) == (74, "meter")
    assert frame["content"] == (
        "advisory", [{"item": ("itis", 7186)}, {"item": ("text", "curve")}, {"item": ("itis", 13_569)}]
    )
    assert frame["url"] == "987654321"


def test_printed_traveller_information_of_a_newer_edition() -> None:
    """Printed: the same message as JSON beside it (messages_jer.txt line 8): all forms of regions and nodes, with an
    extension addition of 2024 that a lenient receiver drops and a strict one refuses."""
    data = bytes.fromhex(REFERENCE["newer_edition"][0]["hex"])
    assert SET.decode(data, "strict").status == "error"
    value = SET.decode(data).value
    assert value is not None
    frames = value["dataFrames"]
    assert [(frame["frameType"], frame["content"][0], len(frame["regions"])) for frame in frames] == [
        ("advisory", "genericSign", 9), ("roadSignage", "advisory", 9), ("unknown", "workZone", 1),
        ("commercialSignage", "speedLimit", 1), ("commercialSignage", "exitService", 1),
    ]
    assert frames[0]["msgId"] == ("furtherInfoID", b"OC") and frames[1]["msgId"][1]["crc"] == b"OC"
    assert (frames[0]["startYear"], frames[0]["durationTime"], frames[0]["doNotUse2"], frames[0]["doNotUse4"]) == (
        3831, 10_219, 22, 2,
    )
    assert [item["item"] for item in frames[2]["content"][1]] == [
        ("itis", 56_342), ("text", "IA5St"), ("text", "IA5St"), ("itis", 35_833),
    ]
    shape, points, circle, projection, _, degrees, metres, large, small = (
        region["description"] for region in frames[0]["regions"]
    )
    form, inner = shape[1]["area"]
    assert form == "shapePointSet" and inner["anchor"]["lat"] == -867_624_355
    sixth = inner["nodeList"][1][5]
    assert sixth["delta"] == ("node-XY6", {"x": 13_150, "y": 28_495})
    assert sixth["attributes"]["data"] == [
        ("laneCrownPointLeft", -124), ("laneAngle", 96), ("pathEndPointAngle", -53),
    ]
    form, inner = points[1]["area"]
    assert form == "regionPointSet"
    assert inner["nodeList"][2] == {"xOffset": -19_472, "yOffset": 15_221, "zOffset": 19_281}
    assert circle[1]["area"][1]["radius"] == 2404 and circle[1]["extent"] == "forever"
    assert (projection[1]["extent"], projection[1]["laneWidth"]) == ("useFor1000meters", 30_815)
    system, (form, nodes) = degrees[1]["offset"]
    assert (system, form, degrees[1]["scale"]) == ("ll", "nodes", 3)
    assert [node["delta"][1]["lon"] for node in nodes] == [
        -1000, -300, 28_086, 31_072, -1_812_985, 3_792_025, -484_650_272,
    ]
    assert nodes[5]["attributes"]["data"][2] == ("speedLimits", [{"type": "vehicleMaxSpeed", "speed": 7823}])
    assert metres[1]["offset"][1][1][3]["delta"] == ("node-XY4", {"x": 3000, "y": 3100})
    assert large[1]["offset"][1][1]["offsetYaxis"] == ("large", -25_650)
    assert small[1]["offset"][1][1]["offsetXaxis"] == ("small", -500)


def test_printed_sensor_data() -> None:
    """Printed: the values the public test program sets (V2X-Hub, EncodeSDSM)."""
    value = value_of("one-object")
    assert (value["msgCnt"], value["sDSMTimeStamp"], value["refPos"]["long"]) == (10, {"year": 2023}, -77_121_212)
    assert value["refPosXYConf"] == {"semiMajor": 12, "semiMinor": 52, "orientation": 10}
    common = value["objects"][0]["detObjCommon"]
    assert common["pos"] == {"offsetX": 1, "offsetY": 1} and common["objTypeCfd"] == 1
    assert common["posConfidence"] == {"pos": "a500m", "elevation": "elev-500-00"}


def test_printed_sizes() -> None:
    """Printed: sizes measured with other codecs for the same public messages."""
    sizes = {name: len(BY_NAME[name]) for name in ("core-only", "path-history-15", "recorded-188", "circle-text")}
    assert sizes == {"core-only": 40, "path-history-15": 177, "recorded-188": 188, "circle-text": 85}
    core = value_of("core-only")
    assert len(SET.codec.schema.specification.encode("BasicSafetyMessage", core)) == 37


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Our text compiled by another compiler: shares our reading of the facts, not our codec."""
    process = pytest.importorskip("pycrate_asn1c.asnproc", reason="pycrate is the independent codec")
    files = [*sorted(DSRC.glob("*.asn")), *sorted(ASN1.glob("*.asn"))]
    process.compile_text([path.read_text(encoding="utf-8") for path in files])
    target = tmp_path_factory.mktemp("oracle") / "sae_oracle.py"
    process.generate_modules(process.PycrateGenerator, str(target))
    process.GLOBAL.clear()
    spec = importlib.util.spec_from_file_location("sae_oracle", target)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_value(message: str, draw: random.Random, optional: float) -> dict[str, Any]:
    """A random value of one message, the parts of a BSM opened."""
    make = SchemaValues(SET.codec.schema, draw, optional)
    value = make.of(MESSAGES[message][1])
    for part in value.get("partII", ()):
        part["partII-Id"] = draw.choice((*PART_II, 7))
        if part["partII-Id"] in PART_II:
            part["partII-Value"] = make.of(PART_II[part["partII-Id"]])
    return value


def other_octets(module: ModuleType, message: str, value: dict[str, Any]) -> bytes:
    """The message as the other codec writes it, parts and frame closed one after the other."""
    schema = SET.codec.schema

    def octets(type_name: str, inner: Any) -> bytes:
        kind = next(getattr(part, name) for part, name in _places(module, type_name))
        kind.set_val(to_pycrate(schema, {"type": type_name}, inner, False))
        return kind.to_uper()

    if value.get("partII"):
        parts = [
            part if isinstance(part["partII-Value"], bytes)
            else {**part, "partII-Value": octets(PART_II[part["partII-Id"]], part["partII-Value"])}
            for part in value["partII"]
        ]
        value = {**value, "partII": parts}
    number, type_name = MESSAGES[message]
    return octets("MessageFrame", {"messageId": number, "value": octets(type_name, value)})


def _places(module: ModuleType, type_name: str) -> list[tuple[Any, str]]:
    spelled = type_name.replace("-", "_")
    parts = [getattr(module, name) for name in dir(module) if name.startswith(("Sae", "Dsrc"))]
    return [(part, spelled) for part in parts if hasattr(part, spelled)]


@pytest.mark.parametrize("message", MESSAGES)
def test_octets_equal_those_of_another_codec(message: str, oracle: ModuleType) -> None:
    """Independent codec over the same text: 40 random values of each message, both directions."""
    draw = random.Random(7)
    for index in range(40):
        value = random_value(message, draw, (0.1, 0.4, 0.8)[index % 3])
        data = SET.encode(message, value)
        assert data == other_octets(oracle, message, value)
        if len(data) <= LONGEST_BYTES:
            decoded = SET.decode(data, "strict")
            assert (decoded.status, decoded.message, decoded.value) == ("ok", message, value), decoded.error
            assert SET.undescribe(json.loads(json.dumps(SET.describe(decoded)))) == (message, value)


def test_empty_part_is_one_octet() -> None:
    """By hand: X.691 11.2 asks at least one octet of an open type; an empty extension is the octet 00."""
    value = {**value_of("core-only"), "partII": [{"partII-Id": 0, "partII-Value": {}}]}
    data = SET.encode("BSM", value)
    assert data.hex().startswith("001428")
    assert SET.decode(data, "strict").value == value


def test_unknown_kinds_and_parts() -> None:
    """By hand: an unknown message number is skipped; parts outside the profile stay octets and survive."""
    assert SET.decode(bytes.fromhex("001e0100")).status == "skipped"
    core = value_of("core-only")
    outside = {"partII-Id": 2, "partII-Value": bytes.fromhex("10ff")}
    data = SET.encode("BSM", {**core, "partII": [outside, {"partII-Id": 9, "partII-Value": b"\x55"}]})
    decoded = SET.decode(data, "strict")
    assert decoded.value is not None and decoded.value["partII"][0] == outside
    with pytest.raises(EncodeError, match="id 9 has no type"):
        SET.encode("BSM", {**core, "partII": [{"partII-Id": 9, "partII-Value": {"events": 1}}]})
    with pytest.raises(EncodeError, match="pathHistorie: no such member"):
        SET.encode("BSM", {**core, "partII": [{"partII-Id": 0, "partII-Value": {"pathHistorie": 1}}]})


@pytest.mark.parametrize(
    ("number", "octets"), [(0, ""), (0, "ff"), (0, "2020400030"), (0, "7fff"), (1, ""), (1, "ff"), (1, "7fff")]
)
def test_damaged_parts_are_no_success(number: int, octets: str) -> None:
    """By hand: a part whose type this profile has in full, cut off or of ones, is an error under either policy, alone
    and in a batch."""
    damaged = {"partII-Id": number, "partII-Value": bytes.fromhex(octets)}
    data = SET.encode("BSM", {**value_of("core-only"), "partII": [damaged]})
    assert {SET.decode(data, policy).status for policy in ("lenient", "strict")} == {"error"}
    assert SET.decode_vehicles([data] * 20).status.tolist() == [STATUS_ERROR] * 20


def test_longitude_differs_by_one_count_from_etsi() -> None:
    """Printed: the printed longitudes hold with SAE's bound; ETSI's would put the same octets one count west."""
    from rsu.messages.dsrc import ASN1_ETSI

    sae, etsi = load_schema(DSRC, ASN1), load_schema(DSRC, ASN1_ETSI)
    octets = sae.specification.encode("Position3D", {"lat": 0, "long": -771_491_835})
    assert etsi.specification.decode("Position3D", octets)["long"] == -771_491_836


def columns(count: int, seed: int) -> VehicleColumns:
    draw = np.random.default_rng(seed)
    histories: list[Any] = [
        np.column_stack([draw.uniform(-0.013, 0.013, (k, 2)), draw.uniform(0.01, 600, k)])
        for k in draw.integers(0, 24, count)
    ]
    either = lambda high: np.where(draw.random(count) < 0.5, -1, draw.integers(0, high + 1, count))  # noqa: E731
    return VehicleColumns(
        temporary_id=draw.integers(0, 2**32, count).astype(np.uint64), msg_count=draw.integers(0, 128, count),
        sec_mark_ms=draw.integers(0, 60_000, count), longitude_deg=draw.uniform(-180, 180, count),
        latitude_deg=draw.uniform(-90, 90, count),
        speed_mps=np.where(draw.random(count) < 0.1, np.nan, draw.uniform(0, 60, count)),
        heading_deg=draw.uniform(0, 360, count), width_m=draw.uniform(0, 10, count),
        length_m=draw.uniform(0, 40, count), vehicle_class=draw.integers(0, 256, count),
        semi_major_m=draw.uniform(0, 12, count), accel_long_mps2=draw.uniform(-20, 20, count),
        yaw_rate_degps=draw.uniform(-300, 300, count),
        radius_of_curvature_m=np.where(draw.random(count) < 0.5, np.inf, draw.uniform(-3000, 3000, count)),
        event_flags=draw.integers(0, 8192, count) * draw.integers(0, 2, count), lights=either(511),
        emergency_response=either(6), siren=either(3), lightbar=either(7), traction=draw.integers(0, 4, count),
        wheel_brakes=draw.integers(0, 32, count), path=PathHistory.from_rows(histories),
    )


def test_columns_survive_within_the_wire_resolution() -> None:
    """Property: 200 random vehicles; every sent column within half a step, the rest at its default."""
    sent = columns(200, seed=3)
    got = SET.decode_vehicles(SET.encode_vehicles(sent), "strict")
    assert (got.status == STATUS_OK).all() and sent.path is not None and got.path is not None
    for name, half in (("longitude_deg", 5.1e-8), ("latitude_deg", 5.1e-8), ("speed_mps", 0.0101), ("width_m", 0.0051),
                       ("length_m", 0.0051), ("accel_long_mps2", 0.0051), ("yaw_rate_degps", 0.0051),
                       ("semi_major_m", 0.0251)):
        np.testing.assert_allclose(getattr(got, name), getattr(sent, name), atol=half, err_msg=name)
    turned = np.abs((got.heading_deg - sent.heading_deg + 180) % 360 - 180)
    assert turned.max() <= 0.0063
    for name in ("temporary_id", "msg_count", "sec_mark_ms", "event_flags", "lights", "emergency_response", "traction",
                 "wheel_brakes"):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name), err_msg=name)
    given = (sent.emergency_response >= 0) | (sent.siren >= 0) | (sent.lightbar >= 0)
    np.testing.assert_array_equal(got.siren, np.where(given & (sent.siren < 0), 0, sent.siren))
    np.testing.assert_array_equal(got.path.counts, sent.path.counts)
    np.testing.assert_allclose(got.path.d_lon_deg, sent.path.d_lon_deg, atol=5.1e-8)
    np.testing.assert_allclose(got.path.age_s, sent.path.age_s, atol=0.0051)
    np.testing.assert_allclose(got.radius_of_curvature_m, sent.radius_of_curvature_m, atol=0.051)
    assert not got.vehicle_class.any()


def test_identifier_is_the_low_32_bits() -> None:
    """By hand: 0x1122334455667788 travels as 55667788."""
    one = columns(1, seed=1)
    one.temporary_id[0] = 0x1122334455667788
    value = SET.decode(SET.encode_vehicles(one)[0]).value
    assert value is not None and value["coreData"]["id"].hex() == "55667788"


def test_sizes_of_sent_vehicles() -> None:
    """Printed: 137 octets above the core for a path history of 15 and a path prediction, as in the public message."""
    base = columns(1, seed=2)
    plain = {
        name: getattr(base, name)
        for name in ("temporary_id", "msg_count", "sec_mark_ms", "longitude_deg", "latitude_deg", "speed_mps",
                     "heading_deg", "width_m", "length_m", "vehicle_class")
    }
    crumbs = PathHistory.from_rows([[(1e-5 * k, 1e-5, 1.0 * k) for k in range(1, 16)]])
    assert len(SET.encode_vehicles(VehicleColumns(**plain, path=crumbs))[0]) == 177
    assert len(SET.encode_vehicles(VehicleColumns(**plain))[0]) == 46


@pytest.mark.parametrize(("column", "value", "said"), [
    ("msg_count", 128, "msg_count"), ("lights", 512, "lights"), ("latitude_deg", 91.0, "Latitude"),
    ("speed_mps", 200.0, "Speed"), ("siren", 4, "siren"),
])
def test_columns_out_of_range_are_refused(column: str, value: float, said: str) -> None:
    """By hand: one line that names the column or its quantity."""
    one = columns(1, seed=4)
    getattr(one, column)[0] = value
    with pytest.raises(EncodeError, match=said):
        SET.encode_vehicles(one)


def test_more_crumbs_than_the_type_holds_are_refused() -> None:
    """By hand: 24 crumbs, and a crumb 0.02 degree away."""
    one = columns(1, seed=5)
    one.path = PathHistory.from_rows([[(0.0, 0.0, 1.0)] * 24])
    with pytest.raises(EncodeError, match="24 crumbs, at most 23"):
        SET.encode_vehicles(one)
    with pytest.raises(EncodeError, match="OffsetLL-B18"):
        bsm_wire.crumbs_to_wire(PathHistory.from_rows([[(0.02, 0.0, 1.0)]]))


def test_rows_that_are_no_bsm() -> None:
    """By hand: another message, an unknown kind and damage are told apart."""
    rows = [BY_NAME["core-only"], BY_NAME["one-group"], bytes.fromhex("001e0100"), BY_NAME["core-only"][:20], b""]
    got = SET.decode_vehicles(rows)
    assert got.status.tolist() == [STATUS_OK, STATUS_SKIPPED, STATUS_SKIPPED, STATUS_ERROR, STATUS_ERROR]


def test_hostile_octets_give_a_result() -> None:
    """Property: 2,000 random, cut and flipped inputs under both policies; always one of three results, described."""
    draw = random.Random(11)
    for _ in range(2000):
        data = bytearray(draw.choice(list(BY_NAME.values())))
        if draw.random() < 0.2:
            number = draw.choice((18, 19, 20, 31, 32, 41))
            data = bytearray(bytes((0, number)) + draw.randbytes(draw.randint(0, 60)))
        for _ in range(draw.randint(0, 4)):
            if data:
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        data = data[: draw.randint(0, len(data))] if draw.random() < 0.3 else data
        decoded = SET.decode(bytes(data), draw.choice(("lenient", "strict")))
        assert decoded.status in ("ok", "skipped", "error")
        json.dumps(SET.describe(decoded))
        assert len(SET.decode_vehicles([bytes(data)])) == 1


def test_rules_name_messages_of_the_codec() -> None:
    """Property: every message has a rule, every rule a message; PSIDs as public dissectors name them."""
    assert {rule.message for rule in SET.messages.values()} == set(SET.codec.messages)
    assert [SET.messages[name].application_id for name in ("BSM", "SPAT", "MAP", "TIM")] == [0x20, 0x82, 0x82, 0x83]
    assert [SET.messages[name].period_ms for name in ("BSM", "SPAT", "MAP", "TIM")] == [100.0, 100.0, 1000.0, 1000.0]
