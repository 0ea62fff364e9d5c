"""Persons of decoded PSM values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsu.applications.day2.intentions import sampled_instant
from rsu.applications.objects import ObjectColumns
from rsu.messages.cn.quantities import QUANTITIES
from rsu.services.cn.wire import RADIUS_95_PER_SIGMA, heading_from_wire, position_from_wire, speed_from_wire
from rsu.services.day2.described import CROSSINGS, PERSON_KINDS
from rsu.services.day2.psm import WIRE_CROSSINGS, WIRE_KINDS


@dataclass(frozen=True, eq=False)
class PersonColumns:
    """Persons as columns of equal length."""

    ids: tuple[bytes, ...]
    kinds: tuple[str, ...]
    """Names of :data:`rsu.services.day2.described.PERSON_KINDS`."""
    crossings: tuple[str, ...]
    """Names of :data:`rsu.services.day2.described.CROSSINGS`, empty = not said."""
    radius_m: np.ndarray
    """Around the person or group."""
    objects: ObjectColumns
    """participant_id -1, vehicle_class 0, length and width twice the radius."""

    def __len__(self) -> int:
        return len(self.ids)


def read_psms(values: Sequence[dict[str, Any]], near_utc_ns: int) -> PersonColumns:
    """One row per decoded PersonalSafetyMessage; accuracy from the larger axis, NaN where unavailable."""
    places = np.array([position_from_wire(value["pos"]) for value in values], np.float64).reshape(-1, 2)
    axes = [max(value["posAccuracy"]["semiMajor"], value["posAccuracy"]["semiMinor"]) for value in values]
    radius_m = np.array([value["overallRadius"] / 10 for value in values], np.float64)
    objects = ObjectColumns(
        lon=places[:, 0],
        lat=places[:, 1],
        speed_mps=np.array([speed_from_wire(value["speed"]) for value in values], np.float64),
        heading_deg=np.array([heading_from_wire(value["heading"]) for value in values], np.float64),
        accuracy_m=RADIUS_95_PER_SIGMA * QUANTITIES["SemiMajorAxisAccuracy"].from_wire(np.array(axes, np.int64)),
        participant_id=np.full(len(values), -1, np.int64),
        sampled_utc_ns=np.array([sampled_instant(v["secMark"], near_utc_ns) for v in values], np.int64),
        length_m=2 * radius_m,
        width_m=2 * radius_m,
        vehicle_class=np.zeros(len(values), np.int64),
    )
    data = [value["non-motorData"] for value in values]
    return PersonColumns(
        tuple(bytes(value["id"]) for value in values),
        tuple(_name(item["basicType"], WIRE_KINDS, PERSON_KINDS, "unknown") for item in data),
        tuple(_name(item.get("personalReq", {}).get("crossing"), WIRE_CROSSINGS, CROSSINGS, "") for item in data),
        radius_m, objects,
    )


def _name(found: str | None, names: tuple[str, ...], neutral: tuple[str, ...], otherwise: str) -> str:
    return neutral[names.index(found)] if found in names else otherwise
