"""BSM columns: mandatory content, size, and the batch path bit for bit against the general codec."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from rsu.codec import EncodeError
from rsu.messages import MESSAGE_SETS
from rsu.messages.batch import layout
from rsu.messages.batch.block import Block, Field
from rsu.messages.cn.message_set import CnMessageSet
from rsu.messages.vehicle import (
    EVENT_BITS,
    STATUS_ERROR,
    STATUS_OK,
    STATUS_SKIPPED,
    WHEEL_BRAKE_BITS,
    PathHistory,
    VehicleColumns,
)

SET = MESSAGE_SETS["csae53-2020"]


def fresh_set() -> CnMessageSet:
    """A set that has met no shape yet; the compiled schema is shared."""
    return CnMessageSet("csae53-2020", ("shared", "day1", "day1_frame", "csae53_2020"), "", "", "")


def some(generator: np.random.Generator, n: int, value: np.ndarray, absent: float) -> np.ndarray:
    return np.where(generator.random(n) < 0.5, value, absent)


def random_columns(seed: int, n: int, path: bool = True, optional: bool = True) -> VehicleColumns:
    """Random BSMs over all ranges, with 0..15 crumbs of mixed offset types and any optional member."""
    g = np.random.default_rng(seed)
    histories = None
    if path:
        counts = g.integers(0, 16, n)
        total = int(counts.sum())
        reach = g.choice([2048, 8192, 32_768, 131_072], total) * 1e-7
        lon, lat = g.uniform(-0.999, 0.999, (2, total)) * reach
        histories = PathHistory(counts, lon, lat, g.uniform(0, 700, total))
    columns = VehicleColumns(
        temporary_id=g.integers(0, 2**64, n, dtype=np.uint64),
        msg_count=g.integers(0, 128, n),
        sec_mark_ms=g.integers(0, 61_000, n),
        longitude_deg=g.uniform(-179.9, 180, n),
        latitude_deg=some(g, n, g.uniform(-90, 90, n), np.nan),
        speed_mps=some(g, n, g.uniform(0, 163.8, n), np.nan),
        heading_deg=some(g, n, g.uniform(0, 360, n), np.nan),
        width_m=g.uniform(0, 10.2, n),
        length_m=g.uniform(0, 40.9, n),
        vehicle_class=g.integers(0, 256, n),
        semi_major_m=some(g, n, g.uniform(0, 14, n), np.nan),
        semi_minor_m=g.uniform(0, 14, n),
        orientation_deg=g.uniform(0, 360, n),
        transmission=g.integers(0, 8, n),
        steering_angle_deg=g.uniform(-300, 300, n),
        accel_long_mps2=g.uniform(-21, 21, n),
        accel_lat_mps2=g.uniform(-21, 21, n),
        accel_vert_mps2=g.uniform(-26, 26, n),
        yaw_rate_degps=g.uniform(-327, 327, n),
        brake_pedal=g.integers(0, 3, n),
        wheel_brakes=g.integers(0, 32, n),
        traction=g.integers(0, 4, n),
        radius_of_curvature_m=some(g, n, g.uniform(-4000, 4000, n), np.inf),
        curvature_confidence_ratio=g.uniform(0, 1, n),
        path=histories,
    )
    if optional:
        columns = replace(
            columns,
            height_m=some(g, n, g.uniform(0, 6.3, n), np.nan),
            event_flags=some(g, n, g.integers(0, 8192, n), 0),
            position_confidence=g.integers(-1, 16, n),
            lights=some(g, n, g.integers(0, 512, n), -1),
            emergency_response=some(g, n, g.integers(0, 7, n), -1),
            siren=some(g, n, g.integers(0, 4, n), -1),
            lightbar=some(g, n, g.integers(0, 8, n), -1),
        )
    return columns


def assert_equal(left: VehicleColumns, right: VehicleColumns) -> None:
    for column in fields(VehicleColumns):
        a, b = getattr(left, column.name), getattr(right, column.name)
        if column.name == "path":
            for part in fields(PathHistory):
                np.testing.assert_array_equal(getattr(a, part.name), getattr(b, part.name), err_msg=part.name)
        else:
            np.testing.assert_array_equal(a, b, err_msg=column.name)


@pytest.mark.parametrize(("seed", "path", "optional"), [(1, False, False), (2, True, False), (3, True, True)])
def test_batches_equal_the_general_codec_bit_for_bit(seed: int, path: bool, optional: bool) -> None:
    """Independent: 600 random BSMs each, octets against asn1tools and columns against its decoder."""
    columns = random_columns(seed, 600, path, optional)
    ours, reference = fresh_set(), fresh_set()
    octets = ours.encode_vehicles(columns)
    assert octets == reference.encode_vehicles_general(columns)
    for policy in ("lenient", "strict"):
        decoded = ours.decode_vehicles(octets, policy)
        assert (decoded.status == STATUS_OK).all()
        assert_equal(decoded, reference.decode_vehicles_general(octets, policy))


def test_batches_do_not_depend_on_their_split() -> None:
    """Property: any split and order of rows gives the same octets."""
    columns = random_columns(4, 120)
    whole = SET.encode_vehicles(columns)
    for row in (0, 17, 119):
        one = VehicleColumns(
            **{
                f.name: PathHistory.from_rows([columns.path.rows()[row]])
                if f.name == "path"
                else getattr(columns, f.name)[row : row + 1]
                for f in fields(VehicleColumns)
            }
        )
        assert SET.encode_vehicles(one) == [whole[row]]
    assert_equal(SET.decode_vehicles(whole[::-1]), fresh_set().decode_vehicles_general(whole[::-1]))


def test_values_come_back_within_half_a_step() -> None:
    """Property: decoded SI values differ from those sent by at most half a wire step of the facts."""
    columns = random_columns(5, 400, optional=False)
    back = SET.decode_vehicles(SET.encode_vehicles(columns))
    for name, step in (
        ("longitude_deg", 1e-7),
        ("latitude_deg", 1e-7),
        ("speed_mps", 0.02),
        ("width_m", 0.01),
        ("length_m", 0.01),
        ("yaw_rate_degps", 0.01),
        ("curvature_confidence_ratio", 0.005),
    ):
        sent, got = getattr(columns, name), getattr(back, name)
        assert np.array_equal(np.isnan(sent), np.isnan(got))
        assert np.nanmax(np.abs(sent - got)) <= step * 0.5001, name
    turned = (back.heading_deg - columns.heading_deg + 180) % 360 - 180
    assert np.nanmax(np.abs(turned)) <= 0.0125 * 0.5001
    assert np.array_equal(back.temporary_id, columns.temporary_id)
    assert np.array_equal(back.path.counts, columns.path.counts)
    assert np.abs(back.path.d_lon_deg - columns.path.d_lon_deg).max() <= 0.5001e-7


def damage(octets: list[bytes], seed: int) -> list[bytes]:
    g = np.random.default_rng(seed)
    out = []
    for number, message in enumerate(octets):
        data = bytearray(message)
        if number % 5 == 0:
            data = data[: int(g.integers(0, len(data)))]
        elif number % 5 == 1:
            for _ in range(int(g.integers(1, 4))):
                data[int(g.integers(0, len(data)))] ^= 1 << int(g.integers(0, 8))
        elif number % 5 == 2:
            data += g.bytes(int(g.integers(1, 20)))
        elif number % 5 == 3:
            data = bytearray(g.bytes(int(g.integers(0, 90))))
        out.append(bytes(data))
    return out


@pytest.mark.parametrize("policy", ["lenient", "strict"])
def test_damaged_input_reads_as_the_general_codec_reads_it(policy: str) -> None:
    """Independent: 700 cut, flipped, extended and random inputs, column for column and status for status."""
    damaged = damage(SET.encode_vehicles(random_columns(6, 700)), 7) + [b"", bytes(9000), b"\x80\x01\x00"]
    ours = fresh_set().decode_vehicles(damaged, policy)
    reference = fresh_set().decode_vehicles_general(damaged, policy)
    assert_equal(ours, reference)
    assert set(ours.status.tolist()) == {STATUS_OK, STATUS_SKIPPED, STATUS_ERROR}


def test_messages_of_other_senders_are_read() -> None:
    """Independent: members we never send, 23 crumbs of all seven offset types, other kinds of message."""
    value = SET.decode(SET.encode_vehicles(plain())[0]).value
    offsets = [(f"position-LL{k}", {"lon": 5, "lat": -7}) for k in range(1, 7)]
    offsets.append(("position-LatLon", {"lon": value["pos"]["long"] + 9, "lat": value["pos"]["lat"] + 8}))
    crumbs = [{"llvOffset": {"offsetLL": offsets[k % 7]}, "timeOffset": k + 1} for k in range(23)]
    crumbs[3]["speed"] = 77
    crumbs[4]["llvOffset"]["offsetV"] = ("offset1", 3)
    value["pos"]["elevation"] = 40
    value["timeConfidence"] = "time-000-010"
    value["safetyExt"]["pathHistory"] = {"currGNSSstatus": (b"\x40", 8), "crumbData": crumbs}
    foreign = SET.encode("BSM", value)
    bare = SET.encode(
        "BSM", {k: v for k, v in value.items() if k not in ("safetyExt", "posAccuracy", "angle")}
    )
    other = SET.encode("RSI", {"msgCnt": 1, "id": b"RSU00001", "refPos": {"lat": 0, "long": 1}})
    only_crumbs = SET.encode("BSM", {**value, "safetyExt": {"pathHistory": {"crumbData": crumbs[:1]}}})
    messages = [foreign, bare, other, bare, foreign, foreign, only_crumbs, only_crumbs]
    decoded = fresh_set().decode_vehicles(messages)
    assert_equal(decoded, fresh_set().decode_vehicles_general(messages))
    assert decoded.status.tolist() == [STATUS_OK] * 2 + [STATUS_SKIPPED] + [STATUS_OK] * 5
    assert decoded.path.counts.tolist() == [23, 0, 0, 0, 23, 23, 1, 1]
    np.testing.assert_allclose(decoded.path.d_lon_deg[[0, 6]], [5e-7, 9e-7], rtol=1e-9)
    assert np.isnan(decoded.semi_major_m[[1, 3]]).all()


def test_a_wrong_layout_is_never_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: with a layout that swaps two fields, the batch still returns the general codec's octets."""

    class Swapped(Block):
        def __init__(self, given: list[Field]) -> None:
            names = {("accelSet", "long"): ("accelSet", "lat"), ("accelSet", "lat"): ("accelSet", "long")}
            super().__init__([replace(field, path=names.get(field.path, field.path)) for field in given])

    columns = random_columns(9, 40)
    expected = fresh_set().encode_vehicles_general(columns)
    monkeypatch.setattr(layout, "Block", Swapped)
    wrong = fresh_set()
    assert wrong.encode_vehicles(columns) == expected
    assert_equal(wrong.decode_vehicles(expected), fresh_set().decode_vehicles_general(expected))
    root = wrong._batch.engine.coder
    assert any(one.broken for one in root.layouts.values())
    assert not any(one.trusted_encoding for one in root.layouts.values())
    assert not root.by_prefix


def plain(n: int = 1, **changes: object) -> VehicleColumns:
    base = dict(
        temporary_id=np.arange(n, dtype=np.uint64),
        msg_count=np.zeros(n),
        sec_mark_ms=np.zeros(n),
        longitude_deg=np.full(n, 120.5),
        latitude_deg=np.full(n, 31.2),
        speed_mps=np.full(n, 20.0),
        heading_deg=np.full(n, 90.0),
        width_m=np.full(n, 1.8),
        length_m=np.full(n, 4.8),
        vehicle_class=np.full(n, 10),
    )
    return VehicleColumns(**{**base, **changes})


def test_mandatory_members_are_always_sent() -> None:
    """Printed: GB/T 45315-2025 chapter 7 list; elevation and initialPosition never, events only when set."""
    value = SET.decode(SET.encode_vehicles(plain())[0], "strict").value
    assert set(value) == {
        "msgCnt",
        "id",
        "secMark",
        "pos",
        "posAccuracy",
        "transmission",
        "speed",
        "heading",
        "angle",
        "accelSet",
        "brakes",
        "size",
        "vehicleClass",
        "safetyExt",
    }
    assert set(value["brakes"]) == {"brakePadel", "wheelBrakes", "traction"}
    assert set(value["safetyExt"]) == {"pathPrediction"}
    assert set(value["size"]) == {"width", "length"}
    assert set(value["pos"]) == {"lat", "long"}
    assert value["safetyExt"]["pathPrediction"]["radiusOfCurve"] == 32767
    assert value["brakes"]["wheelBrakes"] == (b"\x80", 5)


def test_flags_stand_at_their_named_bits() -> None:
    """By hand: hard braking is bit 7 of 13, left front is bit 1 of 5."""
    columns = plain(
        event_flags=np.array([EVENT_BITS["eventHardBraking"]]),
        wheel_brakes=np.array([WHEEL_BRAKE_BITS["leftFront"]]),
    )
    described = SET.describe(SET.decode(SET.encode_vehicles(columns)[0]))["value"]
    assert described["safetyExt"]["events"] == ["eventHardBraking"]
    assert described["brakes"]["wheelBrakes"] == ["leftFront"]


def test_sizes_by_hand() -> None:
    """By hand: 361 bits of mandatory content; height 7, posConfidence 5 more; k crumbs of 48 bits (LL1).

    Printed: a typical BSM has 47 octets, 83 with five path points.
    """
    assert len(SET.encode_vehicles(plain())[0]) == 46
    fuller = {"height_m": np.array([1.5]), "position_confidence": np.array([9])}
    assert len(SET.encode_vehicles(plain(**fuller))[0]) == (361 + 12 + 7) // 8 == 47
    row = np.column_stack([np.full(5, 1e-4), np.full(5, -1e-4), np.arange(1.0, 6.0)])
    with_path = plain(**fuller, path=PathHistory.from_rows([row]))
    assert len(SET.encode_vehicles(with_path)[0]) == (361 + 12 + 3 + 5 + 5 * 48 + 7) // 8


def test_smallest_sufficient_offset_type() -> None:
    """By hand: either coordinate beyond -2048..2047, -8192..8191, -32768..32767 units needs the next type."""
    units = [
        (2047, 0),
        (2048, 0),
        (0, -2048),
        (0, -2049),
        (8191, -8192),
        (8192, 0),
        (-32768, 1),
        (0, 32768),
        (-131072, 131071),
    ]
    rows = [[(lon * 1e-7, lat * 1e-7, 1.0) for lon, lat in units]]
    value = SET.decode(SET.encode_vehicles(plain(path=PathHistory.from_rows(rows)))[0]).value
    kinds = [
        point["llvOffset"]["offsetLL"][0][-1] for point in value["safetyExt"]["pathHistory"]["crumbData"]
    ]
    assert "".join(kinds) == "121223344"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speed_mps": np.array([170.0])}, "Speed: 170"),
        ({"msg_count": np.array([128])}, "msg_count: 128"),
        ({"brake_pedal": np.array([3])}, "brake_pedal: 3"),
        ({"width_m": np.array([np.nan])}, "VehicleWidth"),
        ({"event_flags": np.array([8192])}, "event_flags"),
        ({"sec_mark_ms": np.array([-1])}, "sec_mark_ms"),
        ({"path": PathHistory.from_rows([[(0.0, 0.0, 1.0)] * 16])}, "16 crumbs, at most 15"),
        ({"path": PathHistory.from_rows([[(0.02, 0.0, 1.0)]])}, "OffsetLL-B18"),
    ],
)
def test_content_out_of_range_is_refused(changes: dict[str, object], words: str) -> None:
    """By hand: one wrong column each, both on the batch path and on the general one."""
    for encode in (SET.encode_vehicles, SET.encode_vehicles_general):
        with pytest.raises(EncodeError, match=words):
            encode(plain(**changes))


def test_columns_of_wrong_shape_are_refused() -> None:
    """By hand: a column or a path history of another length."""
    with pytest.raises(ValueError, match="speed_mps: shape"):
        plain(speed_mps=np.zeros(2))
    with pytest.raises(ValueError, match="path: 2 histories for 1"):
        plain(path=PathHistory.from_rows([None, None]))


def test_no_rows_no_octets() -> None:
    """By hand: empty in, empty out."""
    assert SET.encode_vehicles(plain(0)) == []
    assert len(SET.decode_vehicles([])) == 0


def test_batches_leave_the_general_codec_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Property: once its shapes are known, a batch of 1000 BSMs asks the general codec nothing, either way."""
    columns = random_columns(10, 1000)
    ours = fresh_set()
    octets = ours.encode_vehicles(columns)
    for _ in range(6):
        decoded = ours.decode_vehicles(octets)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("general codec asked")

    for name in ("encode", "decode"):
        monkeypatch.setattr(ours.codec, name, refuse)
    assert ours.encode_vehicles(columns) == octets
    assert_equal(ours.decode_vehicles(octets), decoded)
