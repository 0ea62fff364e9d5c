"""Both directions between SI values and the parts that SPAT, MapData and their neighbours share.

Source: ETSI TS 103 301 (module DSRC): units, ranges, *unavailable* codes. The plane in which node offsets are
metres east and north is ours: a transverse Mercator plane of the reference point; both directions use it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rsu.geodesy import LocalPlane
from rsu.messages.base import Quantity
from rsu.messages.dsrc.quantities import DEGREE, QUANTITIES

FEWEST_NODES, MOST_NODES = 2, 63
FARTHEST_M = 200_000.0
"""A reader believes no node farther than this from the reference."""
_NODE_TYPES = tuple((f"node-XY{index}", 1 << bits - 1) for index, bits in enumerate((10, 11, 12, 13, 14, 16), start=1))
"""Alternative -> limit of its offsets in cm: below it and not below minus it."""


def position_to_wire(lon: float, lat: float, height_m: float | None = None) -> dict[str, int]:
    """Position3D; ``height_m`` above the ellipsoid, saturated, None: left out. ValueError off the globe."""
    if not (-180 < lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"position lon {lon}, lat {lat}: lon must lie in (-180, 180], lat in [-90, 90]")
    value = {"lat": round(lat / DEGREE), "long": round(lon / DEGREE)}
    if height_m is not None:
        value["elevation"] = int(QUANTITIES["Elevation"].to_wire(height_m))
    return value


def position_from_wire(position: dict[str, int]) -> tuple[float, float]:
    """(lon, lat) in degrees of a Position3D; NaN where unavailable."""
    return from_wire("Longitude", position["long"]), from_wire("Latitude", position["lat"])


def from_wire(quantity: str, code: int, table: dict[str, Quantity] = QUANTITIES) -> float:
    """SI value of one wire integer, NaN where it is a reserved code."""
    one = table[quantity]
    return one.offset + one.step * code if one.lowest <= code <= one.highest else math.nan


def nodes_to_wire(points: np.ndarray, reference: dict[str, int]) -> list[dict[str, Any]]:
    """NodeSetXY through (n, 2) points of (lon, lat), the first one relative to ``reference`` (a Position3D).

    Every offset starts where a reader of the nodes before stands, so rounding does not add up: each point is within
    1 cm. An offset of 327 m or more is a node-LatLon. ValueError unless there are 2 to 63 points.
    """
    if not FEWEST_NODES <= len(points) <= MOST_NODES:
        raise ValueError(f"{len(points)} nodes, must be {FEWEST_NODES}..{MOST_NODES}")
    plane = LocalPlane(*position_from_wire(reference))
    xy = np.column_stack(plane.to_plane(points[:, 0], points[:, 1]))
    here = np.zeros(2)
    nodes: list[dict[str, Any]] = []
    for target, (lon, lat) in zip(xy, np.asarray(points).tolist(), strict=True):
        x_cm, y_cm = (int(value) for value in np.rint((target - here) * 100))
        low, high = min(x_cm, y_cm), max(x_cm, y_cm)
        kind = next((name for name, limit in _NODE_TYPES if -limit <= low and high < limit), None)
        if kind is None:
            place = {"lon": round(lon / DEGREE), "lat": round(lat / DEGREE)}
            nodes.append({"delta": ("node-LatLon", place)})
            here = _on_plane(plane, place)
        else:
            nodes.append({"delta": (kind, {"x": x_cm, "y": y_cm})})
            here = here + np.array([x_cm, y_cm]) / 100
    return nodes


def nodes_from_wire(nodes: Iterable[dict[str, Any]], reference: dict[str, int], zoom: int = 0) -> np.ndarray:
    """(n, 2) points of (lon, lat) of a NodeSetXY; the list ends before a node of a form nobody knows or
    farther than anybody drives.

    ``zoom``: offsets count two to this power centimetres. Empty where the reference is unavailable.
    """
    lon, lat = position_from_wire(reference)
    if not (math.isfinite(lon) and abs(lat) <= 84):
        return np.empty((0, 2))
    plane = LocalPlane(lon, lat)
    here = np.zeros(2)
    places = []
    for node in nodes:
        kind, value = node["delta"]
        if kind == "node-LatLon":
            here = _on_plane(plane, value)
        elif kind is not None and kind.startswith("node-XY"):
            here = here + np.array([value["x"], value["y"]]) * (2**zoom / 100)
        else:
            break
        if not np.hypot(*here) < FARTHEST_M:
            break
        places.append(here)
    xy = np.array(places, np.float64).reshape(-1, 2)
    return np.column_stack(plane.to_lonlat(xy[:, 0], xy[:, 1]))


def _on_plane(plane: LocalPlane, place: dict[str, int]) -> np.ndarray:
    x_m, y_m = plane.to_plane(place["lon"] * DEGREE, place["lat"] * DEGREE)
    return np.array([float(x_m), float(y_m)])


def bits_to_wire(names: Sequence[str], chosen: Iterable[str], size: int) -> tuple[bytes, int]:
    """A bit string of ``size`` bits with the bits of ``chosen`` set; ``names`` are bits 0, 1, …"""
    wanted = set(chosen)
    number = sum(1 << (size - 1 - index) for index, name in enumerate(names) if name in wanted)
    octets = (size + 7) // 8
    return (number << (octets * 8 - size)).to_bytes(octets, "big"), size


def bits_from_wire(names: Sequence[str], value: tuple[bytes, int]) -> frozenset[str]:
    """Names of the bits set in a decoded bit string."""
    octets, size = value
    return frozenset(
        name for index, name in enumerate(names) if index < size and octets[index // 8] >> (7 - index % 8) & 1
    )


def speed_limits_to_wire(speed_mps: float) -> list[dict[str, Any]]:
    """SpeedLimitList with the maximum for vehicles."""
    return [{"type": "vehicleMaxSpeed", "speed": int(QUANTITIES["Velocity"].to_wire(speed_mps))}]


def speed_limit_from_wire(limits: Iterable[dict[str, Any]]) -> float:
    """Maximum for vehicles in m/s, NaN where none is stated."""
    return next(
        (from_wire("Velocity", limit["speed"]) for limit in limits if limit["type"] == "vehicleMaxSpeed"), math.nan
    )


def name_to_wire(name: str) -> str:
    """DescriptiveName: ASCII, at most 63 characters."""
    return name.encode("ascii", "replace").decode()[:63]
