"""ETSI messages in GeoNetworking packets written here by hand, read by tshark's own dissectors."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsu.messages import MESSAGE_SETS
from rsu.messages.etsi.cam_value import cam_values
from rsu.messages.etsi.framing import header
from rsu.messages.etsi.reference_point import at_front
from rsu.messages.vehicle import PathHistory, VehicleColumns

TSHARK = shutil.which("tshark")
pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

SET = MESSAGE_SETS["etsi-its"]
PORTS = {name: SET.messages[name].btp_port for name in ("CAM", "DENM", "IVIM")}


def packet(port: int, message: bytes) -> bytes:
    """Ethernet, GeoNetworking single hop (EN 302 636-4-1 v1.4.1), BTP-B, message."""
    basic = struct.pack(">BBBB", 0x11, 0, 0x05, 1)
    common = struct.pack(">BBBBHBB", 0x20, 0x50, 2, 0, len(message) + 4, 1, 0)
    position = struct.pack(">HHIIiiHH", 0x1400, 0, 0x01020304, 5, 310_000_000, 1_210_000_000, 0x8000, 0) + bytes(4)
    return b"\xff" * 6 + bytes(6) + b"\x89\x47" + basic + common + position + struct.pack(">HH", port, 0) + message


def dissect(folder: Path, messages: list[tuple[str, bytes]], *fields: str) -> list[list[str]]:
    """One row of fields per message; a malformed packet or another protocol fails the test."""
    path = folder / "messages.pcap"
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1))
        for name, message in messages:
            frame = packet(PORTS[name], message)
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    asked = [part for field in ("_ws.malformed", "frame.protocols", *fields) for part in ("-e", field)]
    command = [str(TSHARK), "-r", str(path), "-T", "fields", *asked]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    assert len(rows) == len(messages)
    for (name, _), row in zip(messages, rows, strict=True):
        assert row[0] == "" and row[1].endswith(":its"), (name, row[:2])
    return [row[2:] for row in rows]


def random_columns(count: int) -> VehicleColumns:
    draw = np.random.default_rng(5)
    histories = [
        np.cumsum(np.column_stack([draw.uniform(-3e-4, 3e-4, (k, 2)), draw.uniform(0.1, 3, k)]), axis=0)
        for k in draw.integers(0, 40, count)
    ]
    slow = draw.integers(0, 2, count)
    return VehicleColumns(
        temporary_id=draw.integers(0, 2**63, count, dtype=np.uint64), msg_count=np.zeros(count, np.int64),
        sec_mark_ms=np.zeros(count, np.int64), longitude_deg=draw.uniform(-180, 180, count),
        latitude_deg=draw.uniform(-90, 90, count), speed_mps=draw.uniform(0, 70, count),
        heading_deg=draw.uniform(0, 360, count), width_m=draw.uniform(0.5, 3, count),
        length_m=draw.uniform(1, 25, count), vehicle_class=draw.integers(0, 100, count),
        semi_major_m=draw.uniform(0, 10, count), semi_minor_m=draw.uniform(0, 10, count),
        orientation_deg=draw.uniform(0, 360, count), accel_long_mps2=draw.uniform(-9, 9, count),
        accel_lat_mps2=draw.uniform(-9, 9, count), yaw_rate_degps=draw.uniform(-50, 50, count),
        radius_of_curvature_m=draw.uniform(20, 900, count), brake_pedal=draw.integers(0, 3, count), low_frequency=slow,
        generated_utc_ns=draw.integers(1_500_000_000, 1_900_000_000, count) * 1_000_000_000,
        path=PathHistory.from_rows([h if s else None for h, s in zip(histories, slow, strict=True)]),
    )


def test_cam_fields(tmp_path: Path) -> None:
    """Independent: 150 random CAMs, every field of place, motion and history as put in."""
    columns = random_columns(150)
    values = cam_values(at_front(columns))
    messages = [("CAM", octets) for octets in SET.encode_vehicles(columns)]
    fields = ("its.stationID", "cam.generationDeltaTime", "its.latitude", "its.longitude", "its.speedValue",
              "its.headingValue", "its.curvatureValue", "its.yawRateValue", "its.semiMajorConfidence",
              "its.lateralAccelerationValue", "its.pathDeltaTime", "its.deltaLatitude")
    for value, row in zip(values, dissect(tmp_path, messages, *fields), strict=True):
        parameters = value["cam"]["camParameters"]
        place = parameters["basicContainer"]["referencePosition"]
        high = parameters["highFrequencyContainer"][1]
        history = parameters.get("lowFrequencyContainer", (None, {"pathHistory": []}))[1]["pathHistory"]
        assert [int(cell) for cell in row[:10]] == [
            value["header"]["stationID"], value["cam"]["generationDeltaTime"], place["latitude"], place["longitude"],
            high["speed"]["speedValue"], high["heading"]["headingValue"], high["curvature"]["curvatureValue"],
            high["yawRate"]["yawRateValue"], place["positionConfidenceEllipse"]["semiMajorConfidence"],
            high["lateralAcceleration"]["lateralAccelerationValue"],
        ]
        assert row[10] == ",".join(str(point["pathDeltaTime"]) for point in history)
        assert row[11] == ",".join(str(point["pathPosition"]["deltaLatitude"]) for point in history)


def place_value(draw: random.Random) -> dict[str, Any]:
    return {
        "latitude": draw.randint(-900_000_000, 900_000_000), "longitude": draw.randint(-1_800_000_000, 1_800_000_000),
        "positionConfidenceEllipse": {"semiMajorConfidence": draw.randint(0, 4095),
                                      "semiMinorConfidence": draw.randint(0, 4095),
                                      "semiMajorOrientation": draw.randint(0, 3601)},
        "altitude": {"altitudeValue": draw.randint(-100_000, 800_001), "altitudeConfidence": "alt-001-00"},
    }


def delta_value(draw: random.Random) -> dict[str, int]:
    return {"deltaLatitude": draw.randint(-131_071, 131_072), "deltaLongitude": draw.randint(-131_071, 131_072),
            "deltaAltitude": draw.randint(-12_700, 12_800)}


def test_denm_fields(tmp_path: Path) -> None:
    """Independent: 100 random DENMs with one to three containers, the default validity among them."""
    draw = random.Random(6)
    values = []
    for _ in range(100):
        value: dict[str, Any] = {"management": {
            "actionID": {"originatingStationID": draw.getrandbits(32), "sequenceNumber": draw.getrandbits(16)},
            "detectionTime": draw.randrange(2**42), "referenceTime": draw.randrange(2**42),
            "eventPosition": place_value(draw), "relevanceDistance": "lessThan500m",
            "validityDuration": draw.choice((600, draw.randint(0, 86_400))), "stationType": 15,
        }}
        if draw.random() < 0.7:
            value["situation"] = {"informationQuality": 3, "eventType": {
                "causeCode": draw.randint(0, 255), "subCauseCode": draw.randint(0, 255)}}
        if draw.random() < 0.7:
            value["location"] = {"traces": [
                [{"pathPosition": delta_value(draw)} for _ in range(draw.randint(0, 40))]
                for _ in range(draw.randint(1, 3))
            ]}
        values.append({"header": header("DENM", draw.getrandbits(32)), "denm": value})
    messages = [("DENM", SET.encode("DENM", value)) for value in values]
    fields = ("its.stationID", "its.originatingStationID", "its.sequenceNumber", "denm.referenceTime",
              "its.latitude", "its.causeCode", "its.subCauseCode", "denm.validityDuration", "its.deltaLongitude")
    for value, row in zip(values, dissect(tmp_path, messages, *fields), strict=True):
        management, situation = value["denm"]["management"], value["denm"].get("situation")
        action = management["actionID"]
        assert [int(cell) for cell in row[:5]] == [
            value["header"]["stationID"], action["originatingStationID"], action["sequenceNumber"],
            management["referenceTime"], management["eventPosition"]["latitude"],
        ]
        assert row[5:7] == ([str(situation["eventType"][k]) for k in ("causeCode", "subCauseCode")] if situation
                            else ["", ""])
        assert row[7] in (str(management["validityDuration"]), "" if management["validityDuration"] == 600 else "x")
        points = [point for trace in value["denm"].get("location", {}).get("traces", []) for point in trace]
        assert row[8] == ",".join(str(point["pathPosition"]["deltaLongitude"]) for point in points)


def test_ivim_fields(tmp_path: Path) -> None:
    """Independent: 100 random IVIMs with a zone, a sign and a text."""
    draw = random.Random(7)
    values = []
    for _ in range(100):
        line = [{k: v for k, v in delta_value(draw).items() if k != "deltaAltitude"}
                for _ in range(draw.randint(1, 32))]
        code = {"pictogramCode": {
            "countryCode": b"CN", "serviceCategoryCode": ("trafficSignPictogram", "regulatory"),
            "pictogramCategoryCode": {"nature": draw.randint(1, 9), "serialNumber": draw.randint(0, 99)}}}
        values.append({"header": header("IVIM", draw.getrandbits(32)), "ivi": {
            "mandatory": {
                "serviceProviderId": {"countryCode": (b"\x12\x40", 10), "providerIdentifier": draw.randrange(16_384)},
                "iviIdentificationNumber": draw.randint(1, 32_767), "iviStatus": 0},
            "optional": [
                ("glc", {"referencePosition": place_value(draw), "parts": [
                    {"zoneId": 1, "zone": ("segment", {"line": ("deltaPositions", line)})}]}),
                ("giv", [{"relevanceZoneIds": [1], "direction": 0, "iviType": 1,
                          "roadSignCodes": [{"code": ("iso14823", code)}],
                          "extraText": [{"language": (b"\x12\x40", 10), "textContent": "40 km/h"}]}]),
            ]}})
    messages = [("IVIM", SET.encode("IVIM", value)) for value in values]
    fields = ("its.stationID", "ivi.iviIdentificationNumber", "its.latitude", "ivi.nature", "ivi.serialNumber",
              "its.deltaLatitude", "ivi.deltaLatitude", "ivi.textContent")
    for value, row in zip(values, dissect(tmp_path, messages, *fields), strict=True):
        location, general = (container[1] for container in value["ivi"]["optional"])
        category = general[0]["roadSignCodes"][0]["code"][1]["pictogramCode"]["pictogramCategoryCode"]
        assert [int(cell) for cell in row[:5]] == [
            value["header"]["stationID"], value["ivi"]["mandatory"]["iviIdentificationNumber"],
            location["referencePosition"]["latitude"], category["nature"], category["serialNumber"],
        ]
        line = location["parts"][0]["zone"][1]["line"][1]
        assert (row[5] or row[6]) == ",".join(str(point["deltaLatitude"]) for point in line)
        assert row[7] == "40 km/h"
