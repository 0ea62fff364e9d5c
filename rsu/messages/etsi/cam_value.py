"""Single CAM values in asn1tools form from wire tables, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rsu.messages.etsi.cam_wire import (
    CONSTANT,
    CONTROL,
    ENUMERATIONS,
    FLAGS,
    HISTORY,
    LIGHT_BAR_SIREN,
    LIGHTS,
    MEMBERS,
    ROLE,
    STATION_ID,
    Crumb,
    Path,
    Wire,
    crumbs_to_wire,
    from_wire,
    missing_code,
    to_wire,
)
from rsu.messages.etsi.framing import header
from rsu.messages.vehicle import ABSENT, STATUS_OK, PathHistory, VehicleColumns

NO_ALTITUDE = 12_800
_OPTIONAL = frozenset({CONTROL, ROLE, LIGHTS, LIGHT_BAR_SIREN})
_CHOICES = frozenset({"highFrequencyContainer", "lowFrequencyContainer", "specialVehicleContainer"})


def cam_value(columns: VehicleColumns, row: int) -> dict[str, Any]:
    """One CAM in asn1tools form, header included; EncodeError as :func:`rsu.messages.etsi.cam_wire.to_wire`."""
    return cam_values(columns)[row]


def cam_values(columns: VehicleColumns) -> list[dict[str, Any]]:
    """One CAM per row."""
    wire = to_wire(columns)
    crumbs = list(zip(*(steps.tolist() for steps in crumbs_to_wire(columns)), strict=True))
    assert columns.path is not None
    counts = columns.path.counts.tolist()
    ends = np.cumsum(columns.path.counts).tolist()
    return [
        value_of_row(wire, row, crumbs[end - count : end])
        for row, (count, end) in enumerate(zip(counts, ends, strict=True))
    ]


def value_of_row(wire: Wire, row: int, crumbs: Sequence[Crumb]) -> dict[str, Any]:
    """One CAM from row ``row`` of a wire table and its crumbs; crumbs go only into a low-frequency container."""
    tree: dict[str, Any] = {}
    for member, content in CONSTANT.items():
        _put(tree, member, dict(content) if isinstance(content, dict) else content)
    for member, column in wire.items():
        code = int(column[row])
        if code == ABSENT and member in _OPTIONAL:
            continue
        _put(tree, member, _wrap(member, code))
    if int(wire[ROLE][row]) != ABSENT:
        _put(tree, HISTORY, [_point(*crumb) for crumb in crumbs])
    tree["header"] = header("CAM", int(wire[STATION_ID][row]))
    parameters = tree["cam"]["camParameters"]
    for name in _CHOICES & set(parameters):
        ((alternative, content),) = parameters[name].items()
        parameters[name] = (alternative, content)
    return tree


def cam_columns(values: Sequence[dict[str, Any] | None], status: Sequence[int] | None = None) -> VehicleColumns:
    """One row per decoded CAM; None (with its status) where the input was none."""
    marks = np.array([STATUS_OK] * len(values) if status is None else status, np.int8)
    wire = {member: np.full(len(values), missing_code(member), np.int64) for member in MEMBERS}
    crumbs: list[Any] = []
    for row, value in enumerate(values):
        codes, path = codes_of_value(value) if value is not None else ({}, [])
        crumbs.append(path)
        for member, code in codes.items():
            wire[member][row] = code
    return from_wire(wire, PathHistory.from_rows(crumbs), marks)


def codes_of_value(value: dict[str, Any]) -> tuple[dict[Path, int], list[tuple[float, float, float]]]:
    """Wire integers of the members that one decoded CAM has, and its crumbs as (d_lon_deg, d_lat_deg, age_s)."""
    codes: dict[Path, int] = {}
    for member in MEMBERS:
        leaf = _get(value, member)
        if leaf is not None:
            codes[member] = _unwrap(member, leaf)
    return codes, _crumbs(_get(value, HISTORY) or [])


LONGEST_STEP = 65_535
"""Longest PathDeltaTime of the root, 10 ms; longer ones, and those that go back, count as not told."""


def _crumbs(history: list[dict[str, Any]]) -> list[tuple[float, float, float]]:
    """Offsets from the own position; NaN from a point on whose place or time is not told."""
    crumbs = []
    latitude = longitude = age = 0.0
    for point in history:
        position = point["pathPosition"]
        latitude += _known(position["deltaLatitude"])
        longitude += _known(position["deltaLongitude"])
        time = point.get("pathDeltaTime", 0)
        age += time if 1 <= time <= LONGEST_STEP else np.nan
        crumbs.append((longitude * 1e-7, latitude * 1e-7, age * 0.01))
    return crumbs


def _known(delta: int) -> float:
    return float(delta) if -131_071 <= delta <= 131_071 else np.nan


def _point(latitude: int, longitude: int, time: int) -> dict[str, Any]:
    position = {"deltaLatitude": latitude, "deltaLongitude": longitude, "deltaAltitude": NO_ALTITUDE}
    return {"pathPosition": position, "pathDeltaTime": time}


def _put(tree: dict[str, Any], member: Path, content: Any) -> None:
    for name in member[:-1]:
        tree = tree.setdefault(name, {})
    tree[member[-1]] = content


def _get(value: Any, member: Path) -> Any:
    """The member at a path, None where it or anything above it is absent or another alternative was taken."""
    for name in member:
        if isinstance(value, tuple):
            value = value[1] if value[0] == name else None
        elif isinstance(value, dict):
            value = value.get(name)
        if value is None:
            return None
    return value


def _wrap(member: Path, code: int) -> Any:
    if member in ENUMERATIONS:
        return ENUMERATIONS[member][code]
    if member in FLAGS:
        bits = FLAGS[member]
        return bytes([code << (8 - bits)]), bits
    return code


def _unwrap(member: Path, leaf: Any) -> int:
    if member in ENUMERATIONS:
        return ENUMERATIONS[member].index(leaf)
    if member in FLAGS:
        return int(leaf[0][0]) >> (8 - FLAGS[member])
    return int(leaf)

