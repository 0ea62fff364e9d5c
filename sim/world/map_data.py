"""The geometry of a run as data for maps and strips: ``corridor.json`` of a result folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.world.build import World

LINE_STEP_M = 50.0


def map_data(world: World) -> dict[str, Any]:
    """Line (lon, lat, chainage), jurisdictions, borders, nodes, units and events; positions in the corridor's datum."""
    corridor = world.corridor
    chainage = np.linspace(0.0, corridor.length_m, max(2, int(np.ceil(corridor.length_m / LINE_STEP_M)) + 1))
    lon, lat = corridor.lonlat_at(chainage)
    line = [
        [round(float(a), 7), round(float(b), 7), round(float(c), 2)]
        for a, b, c in zip(lon, lat, chainage, strict=True)
    ]
    spans: dict[int, list[list[float]]] = {}
    for span in corridor.spans:
        spans.setdefault(span.owner, []).append([round(span.from_m, 2), round(span.to_m, 2)])
    return {
        "datum": corridor.config.datum,
        "length_m": round(corridor.length_m, 2),
        "topology": corridor.config.topology,
        "line": line,
        "jurisdictions": [
            {"id": j.id, "name": j.name, "name_zh": j.name_zh, "spans": spans.get(k, [])}
            for k, j in enumerate(corridor.config.jurisdictions)
        ],
        "borders": [
            {"chainage_m": round(b.chainage_m, 2), "from": b.from_id, "to": b.to_id} for b in corridor.borders
        ],
        "nodes": [
            {"id": node.id, "chainage_m": round(float(at), 2), **_position(world, *corridor.xy_at(at))}
            for node, at in zip(corridor.config.nodes, corridor.node_chainage_m, strict=True)
        ],
        "rsus": [
            {"id": unit.id, "chainage_m": round(unit.chainage_m, 2), "services": list(unit.services), "rule": unit.rule,
             "sensor": unit.sensor, **_position(world, unit.x_m, unit.y_m)}
            for unit in world.units
        ],
        "events": [
            {"id": e.id, "kind": e.kind, "direction": e.direction, "from_m": e.from_m, "to_m": e.to_m,
             "description": e.description}
            for e in world.config.events
        ],
    }


def _position(world: World, x_m: Any, y_m: Any) -> dict[str, float]:
    from rsu.geodesy import from_wgs84

    lon, lat = world.corridor.plane.to_lonlat(np.atleast_1d(x_m), np.atleast_1d(y_m))
    lon, lat = from_wgs84(world.corridor.config.datum, lon, lat)
    return {"lon": round(float(lon[0]), 7), "lat": round(float(lat[0]), 7)}
