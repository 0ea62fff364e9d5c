"""A coverage map as GeoJSON (RFC 7946): a polygon per cell and direction, and layers of units, borders and nodes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sim.maps.bands import BANDS, band_of
from sim.maps.cells import Cell, CoverageMap
from sim.maps.ground import Ground

DECIMALS = 8
"""Of degrees: about 1 mm."""
GCJ_NOTE = "coordinates are GCJ-02 (shifted by some 500 m), not WGS 84 as RFC 7946 has it"


def cells_geojson(chosen: CoverageMap, ground: Ground, class_: str) -> str:
    """The cells of one class as polygons, true to the width of their carriageway."""
    features = [_cell(chosen, ground, cell) for cell in chosen.of_class(class_)]
    return _text(ground, features, {"class": class_, "measure": chosen.measure, **_about(chosen)})


def units_geojson(chosen: CoverageMap, ground: Ground) -> str:
    """Roadside units as points."""
    names = ground.corridor.jurisdiction_ids
    features = []
    for unit in ground.units:
        features.append(_feature(_point(ground, unit.x_m, unit.y_m), {
            "id": unit.id, "chainage_m": round(unit.chainage_m, 2),
            "jurisdiction": names[unit.jurisdiction] if unit.jurisdiction >= 0 else "",
            "services": ", ".join(unit.services), "sensor": unit.sensor, "mast_height_m": unit.mast_height_m,
            "tx_power_dbm": unit.tx_power_dbm, "antenna_gain_dbi": unit.antenna_gain_dbi, "rule": unit.rule,
        }))
    return _text(ground, features, _about(chosen))


def borders_geojson(chosen: CoverageMap, ground: Ground, half_length_m: float = 100.0) -> str:
    """Borders as lines across the road; what lies off the road is not known."""
    features = []
    for border in ground.corridor.borders:
        x, y = ground.corridor.xy_at(np.full(2, border.chainage_m), np.array([half_length_m, -half_length_m]))
        line = {"type": "LineString", "coordinates": _pairs(ground, x, y)}
        properties = {"from": border.from_id, "to": border.to_id, "chainage_m": round(border.chainage_m, 2)}
        features.append(_feature(line, properties))
    return _text(ground, features, _about(chosen))


def nodes_geojson(chosen: CoverageMap, ground: Ground) -> str:
    """Signalised nodes as points on the centre line."""
    features = []
    for node, chainage_m in zip(ground.corridor.config.nodes, ground.corridor.node_chainage_m, strict=True):
        x, y = ground.corridor.xy_at(chainage_m)
        features.append(_feature(_point(ground, x, y), {"id": node.id, "chainage_m": round(chainage_m, 2)}))
    return _text(ground, features, _about(chosen))


LAYERS = {"units": units_geojson, "borders": borders_geojson, "nodes": nodes_geojson}
"""What stands beside the cells, a file each."""


def _cell(chosen: CoverageMap, ground: Ground, cell: Cell) -> dict[str, Any]:
    ring = _pairs(ground, *ground.cell_xy(cell.chainage_m, cell.direction))
    from_m, to_m = ground.ends_m(cell.chainage_m)
    band = BANDS[int(band_of(np.array(chosen.share(cell))))]
    properties = {
        "class": cell.class_, "direction": cell.direction, "jurisdiction": cell.jurisdiction,
        "chainage_m": cell.chainage_m, "from_m": from_m, "to_m": to_m, "width_m": ground.width_m(cell.chainage_m),
        "C_raw_ratio": _rounded(cell.C_raw), "C_useful_ratio": _rounded(cell.C_useful), "n_seeds_count": cell.n_seeds,
        "lower_ratio": _rounded(cell.lower), "upper_ratio": _rounded(cell.upper),
        "band": BANDS.index(band), "band_label": band.label, "fill": band.colour, "stroke": band.colour,
    }
    return _feature({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, properties)


def _about(chosen: CoverageMap) -> dict[str, Any]:
    summary = chosen.result.summary
    about: dict[str, Any] = {
        "scenario": summary.get("name", ""), "candidate": summary.get("candidate", ""),
        "illustrative": bool(summary.get("illustrative")),
    }
    about["seeds"] = list(chosen.seeds)
    return about | ({"variant": chosen.labels} if chosen.labels else {})


def _feature(geometry: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": dict(properties)}


def _point(ground: Ground, x_m: Any, y_m: Any) -> dict[str, Any]:
    return {"type": "Point", "coordinates": _pairs(ground, np.atleast_1d(x_m), np.atleast_1d(y_m))[0]}


def _pairs(ground: Ground, x_m: np.ndarray, y_m: np.ndarray) -> list[list[float]]:
    lon, lat = ground.lonlat(x_m, y_m)
    return [[round(a, DECIMALS), round(b, DECIMALS)] for a, b in zip(lon.tolist(), lat.tolist(), strict=True)]


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(format(value, ".10g"))


def _text(ground: Ground, features: Iterable[dict[str, Any]], about: Mapping[str, Any]) -> str:
    """One feature per line; the datum stands in a foreign member and, for GCJ-02, in every feature as well."""
    shifted = ground.datum == "GCJ-02"
    listed = list(features)
    for feature in listed:
        feature["properties"]["datum"] = ground.datum
    head: dict[str, Any] = {"type": "FeatureCollection", "datum": ground.datum}
    head |= {"remark": GCJ_NOTE} if shifted else {}
    head |= {} if ground.placed else {"place": "made up: the road is given by its length alone"}
    head |= about
    begin = json.dumps(head, ensure_ascii=False, allow_nan=False)[:-1]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in listed)
    return f'{begin}, "features": [\n{lines}\n]}}\n'
