"""A layout as GeoJSON (RFC 7946): one Point per roadside unit, in and out."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rsu.document import Document, DocumentError, KeyPath, Problem, did_you_mean, nearest, shown
from rsu.geodesy import DATUMS, from_wgs84, to_wgs84
from sim.world.corridor import CorridorGeometry
from sim.world.sites import RoadsideUnit

MOST_BYTES = 16_000_000
MOST_UNITS = 5_000
TAKEN = ("jurisdiction", "node", "mast_height_m", "services", "sensor", "antenna")
"""Properties that become keys of a site; ``id`` besides."""
TOLD = ("side", "chainage_m", "rule", "station_id", "in_service", "datum")
"""Properties we write for whoever looks at the map; on reading they are passed over (but for ``datum``)."""
_LONGITUDE_LATITUDE = ("CRS84", "EPSG::4326", "EPSG:4326")


class GeoJsonLayout(Document):
    """A layout read from GeoJSON; places are numbers of features, counted from 0."""

    def where(self, path: KeyPath, *, of_key: bool = False) -> str:
        """``file: feature N`` for a site, else the file."""
        if len(path) > 1 and path[0] == "sites" and isinstance(path[1], int):
            return f"{self.name}: feature {path[1]}"
        return self.name


def read_geojson(path: Path, datum: str = "WGS84", name: str | None = None) -> GeoJsonLayout:
    """The layout in a GeoJSON file, as the data of a layout file with sites in the corridor's ``datum``.

    A FeatureCollection of Points, longitude before latitude, WGS 84 unless ``datum`` (of the collection or of a
    feature's properties) says ``GCJ-02``. Properties: ``id`` (required, or the feature's id) and those of ``TAKEN``;
    null is as good as absent; unknown ones are passed over unless they look like a misspelt one. A member
    ``layout`` of the collection may hold further keys of a layout file. Raises
    :class:`rsu.document.DocumentError` with everything wrong; each line names file, feature and field.
    """
    name = name or str(path)
    data = _parsed(path, name)
    problems: list[Problem] = []
    features = _features(data, name)
    common = _datum(data.get("datum"), name, "datum", problems) or "WGS84"
    _refuse_other_crs(data.get("crs"), name, problems)
    rest = data.get("layout", {})
    if not isinstance(rest, dict) or {"sites", "rules", "schema"} & set(rest):
        problems.append(Problem(name, "layout", "", "must be a mapping of layout keys without sites, rules and schema"))
        rest = {}
    sites = [_site(feature, number, name, common, datum, problems) for number, feature in enumerate(features)]
    if problems:
        raise DocumentError(problems)
    title = data.get("name")
    head = {"schema": "layout/1", "name": title if isinstance(title, str) else path.stem}
    return GeoJsonLayout({**head, **rest, "sites": sites}, name)


def write_geojson(
    units: Sequence[RoadsideUnit], corridor: CorridorGeometry, *, name: str = "", datum: str = "WGS84",
    settings: Mapping[str, Any] | None = None, down: Iterable[str] = (), antennas: Mapping[str, Any] | None = None,
) -> str:
    """Units as a FeatureCollection, one feature a line, positions in ``datum`` (WGS 84 or GCJ-02), full precision.

    ``settings`` are keys of the layout that hold for all units; they are written as the member ``layout``.
    ``antennas`` are those of single units. Reading the text back gives the same units.
    """
    lon_deg, lat_deg = positions(units, corridor, datum)
    out_of_service = set(down)
    lines = []
    for unit, lon, lat in zip(units, lon_deg.tolist(), lat_deg.tolist(), strict=True):
        owner = corridor.jurisdiction_ids[unit.jurisdiction] if unit.jurisdiction >= 0 else None
        node = corridor.config.nodes[unit.node].id if unit.node is not None else None
        properties: dict[str, Any] = {
            "id": unit.id, "jurisdiction": owner, "node": node, "side": unit.side,
            "mast_height_m": unit.mast_height_m, "services": list(unit.services), "sensor": unit.sensor,
            "chainage_m": round(unit.chainage_m, 3), "rule": unit.rule, "station_id": unit.station_id,
            "in_service": unit.id not in out_of_service,
        }
        if antennas and unit.id in antennas:
            properties["antenna"] = antennas[unit.id]
        geometry = {"type": "Point", "coordinates": [lon, lat]}
        lines.append(_dumped({"type": "Feature", "properties": properties, "geometry": geometry}))
    head: dict[str, Any] = {"type": "FeatureCollection", "name": name, "datum": datum}
    if settings:
        head["layout"] = dict(settings)
    opening = _dumped(head)[:-1]
    return opening + ', "features": [\n' + ",\n".join(lines) + "\n]}\n"


def positions(
    units: Sequence[RoadsideUnit], corridor: CorridorGeometry, datum: str = "WGS84"
) -> tuple[np.ndarray, np.ndarray]:
    """(lon_deg, lat_deg) of ``units`` in ``datum``."""
    x_m, y_m = (np.array([getattr(unit, axis) for unit in units], float) for axis in ("x_m", "y_m"))
    return from_wgs84(datum, *corridor.plane.to_lonlat(x_m, y_m))


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _parsed(path: Path, name: str) -> dict[str, Any]:
    """The file's JSON object; DocumentError if it is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _stop(name, f"cannot be read: {error.strerror or error}") from None
    if len(raw) > MOST_BYTES:
        raise _stop(name, f"larger than {MOST_BYTES} bytes")
    try:
        data = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_finite)
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise _stop(name, "not UTF-8 text") from None
    except UnicodeEncodeError:
        raise _stop(name, "not valid JSON: half a surrogate pair in a text") from None
    except json.JSONDecodeError as error:
        raise _stop(f"{name}:{error.lineno}:{error.colno}", f"not valid JSON: {error.msg}") from None
    except RecursionError:
        raise _stop(name, "nested too deeply") from None
    except ValueError as error:
        raise _stop(name, f"not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise _stop(name, "must be a GeoJSON FeatureCollection")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in names if names.count(key) > 1)!r} stands twice in one object")
    return found


def _finite(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _stop(where: str, rule: str) -> DocumentError:
    return DocumentError([Problem(where, "", "", rule)])


def _features(data: dict[str, Any], name: str) -> list[Any]:
    features = data.get("features")
    if data.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise DocumentError([Problem(name, "type", shown(data.get("type")), "must be a GeoJSON FeatureCollection")])
    if len(features) > MOST_UNITS:
        raise DocumentError([Problem(name, "features", "", f"has {len(features)} features; at most {MOST_UNITS}")])
    return features


def _datum(given: Any, where: str, field: str, problems: list[Problem]) -> str | None:
    """The datum named, or ``None`` where none is."""
    if given is None:
        return None
    if isinstance(given, str) and given.replace(" ", "") in DATUMS:
        return given.replace(" ", "")
    rule = f"must be one of {', '.join(DATUMS)} (without one: WGS84)"
    problems.append(Problem(where, field, shown(given) or json.dumps(given)[:60], rule))
    return None


def _refuse_other_crs(crs: Any, name: str, problems: list[Problem]) -> None:
    """RFC 7946 has no ``crs``; older files do, and then it must say longitude and latitude in WGS 84."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    said = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    if not said.endswith(_LONGITUDE_LATITUDE):
        rule = "must be WGS 84 longitude and latitude (urn:ogc:def:crs:OGC:1.3:CRS84)"
        problems.append(Problem(name, "crs", shown(said), rule))


def _site(
    feature: Any, number: int, name: str, common: str, datum: str, problems: list[Problem]
) -> dict[str, Any]:
    """One feature as the mapping of a site."""
    where = f"{name}: feature {number}"
    feature = feature if isinstance(feature, dict) else {}
    if feature.get("type") != "Feature":
        problems.append(Problem(where, "type", shown(feature.get("type")), "must be a Feature"))
        return {}
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        if properties is not None:
            problems.append(Problem(where, "properties", shown(properties), "must be a mapping"))
        properties = {}
    site: dict[str, Any] = {"id": _id(feature, properties, where, problems)}
    own = _datum(properties.get("datum"), where, "properties.datum", problems) or common
    point = _point(feature.get("geometry"), where, problems)
    if point is not None:
        site["lon"], site["lat"] = _moved(point, own, datum)
    for key, value in properties.items():
        if key in TAKEN and value not in (None, ""):
            site[key] = _of_table(key, value)
        elif key not in (*TAKEN, *TOLD, "id") and (near := nearest(key, TAKEN)):
            rule = f"unknown property; {did_you_mean(key, [near])}"
            problems.append(Problem(where, f"properties.{key}", shown(value), rule))
    return site


def _moved(point: tuple[float, float], given: str, wanted: str) -> tuple[float, float]:
    """``point`` (lon, lat) from one datum to another; untouched where both are the same."""
    if given == wanted:
        return point
    lon, lat = from_wgs84(wanted, *to_wgs84(given, *point))
    return float(lon), float(lat)


def _id(feature: dict[str, Any], properties: dict[str, Any], where: str, problems: list[Problem]) -> str:
    given = properties.get("id")
    if given is None:
        given = feature.get("id")
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    if isinstance(given, str):
        return given
    problems.append(Problem(where, "properties.id", shown(given), "is required: text or a whole number"))
    return ""


def _point(geometry: Any, where: str, problems: list[Problem]) -> tuple[float, float] | None:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind != "Point":
        problems.append(Problem(where, "geometry.type", shown(kind), "must be a Point"))
        return None
    given = geometry.get("coordinates")
    numbers = given if isinstance(given, list) and 2 <= len(given) <= 3 else []
    good = bool(numbers) and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    field = "geometry.coordinates"
    if not good:
        problems.append(Problem(where, field, json.dumps(given)[:60], "must be [longitude, latitude] in degrees"))
        return None
    lon, lat = float(numbers[0]), float(numbers[1])
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 84):
        hint = "; longitude comes first" if abs(lat) > 84 and abs(lon) <= 84 else ""
        rule = f"longitude must be within -180..180 and latitude within -84..84{hint}"
        problems.append(Problem(where, field, json.dumps(numbers)[:60], rule))
        return None
    return lon, lat


def _of_table(key: str, value: Any) -> Any:
    """A property as a layout file would say it: attribute tables of map programs hold much of it as text.

    Lists part at commas and blanks, numbers and JSON may be text, yes and no 0 and 1. What cannot be read so stays
    as it is, for the layout's own check.
    """
    if key == "services" and isinstance(value, str):
        return re.sub(r'[\[\],;"]', " ", value).split()
    if key == "sensor":
        told = str(value).strip().lower()
        return {"true": True, "1": True, "false": False, "0": False}.get(told, value)
    if key == "mast_height_m" and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if key == "antenna" and isinstance(value, str):
        try:
            return json.loads(value, object_pairs_hook=_once, parse_constant=_finite)
        except (ValueError, RecursionError):
            return value
    return value
