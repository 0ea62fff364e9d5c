"""Layout files: which file a word means, and layouts written as YAML and GeoJSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsu.document import Document, read_document, write_document
from sim.layouts.geojson import read_geojson, write_geojson
from sim.scenario.schema.layout import Layout
from sim.world.corridor import CorridorGeometry
from sim.world.sites import RoadsideUnit, standing_units

GEOJSON = (".geojson",)
SUFFIXES = (".yaml", ".yml", *GEOJSON)
"""What a layout file may end in."""
_OF_UNITS = ("schema_", "name", "note", "rules", "sites", "down")
"""Keys that say where units stand, not what all of them are like."""


def read_layout(path: Path, datum: str = "WGS84") -> Document:
    """A layout file as a document with the data of ``layout/1``; DocumentError if it cannot be read.

    ``datum`` is the corridor's, into which the positions of a GeoJSON file are turned.
    """
    return read_geojson(path, datum) if path.suffix in GEOJSON else read_document(path)


def layout_override(word: str, folder: Path | None = None) -> str:
    """``layout=...`` for ``sim.load``: a file (relative to ``folder``, else to where we are), else a shipped name."""
    beside = (folder or Path.cwd()) / word
    return f"layout={beside.resolve()}" if beside.suffix in SUFFIXES and beside.is_file() else f"layout={word}"


def layout_settings(layout: Layout) -> dict[str, Any]:
    """Keys that hold for all units, where they differ from the defaults, as plain data."""
    given = layout.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {key: value for key, value in given.items() if key not in (*_OF_UNITS, "schema")}


def layout_geojson(layout: Layout, corridor: CorridorGeometry, datum: str = "WGS84") -> str:
    """The layout's units as GeoJSON text; read back it gives the same units."""
    settings = layout_settings(layout)
    if layout.down:
        settings["down"] = list(layout.down)
    if layout.note:
        settings["note"] = layout.note
    return write_geojson(
        standing_units(layout, corridor), corridor, name=layout.name, datum=datum, settings=settings,
        down=layout.down, antennas=_own_antennas(layout),
    )


def layout_yaml(layout: Layout, corridor: CorridorGeometry) -> str:
    """The layout as a file that lists every unit by chainage (or position, where it was given so)."""
    listed = {site.id: site for site in layout.sites}
    antennas = _own_antennas(layout)
    rows = []
    for unit in standing_units(layout, corridor):
        row: dict[str, Any] = {"id": unit.id}
        given = listed.get(unit.id)
        if given is not None and given.at_m is None:
            row |= {"lon": given.lon, "lat": given.lat}
        else:
            row |= {"at_m": unit.chainage_m, "side": unit.side}
        antenna = {"antenna": antennas[unit.id]} if unit.id in antennas else {}
        rows.append(row | _unit_keys(unit, corridor) | antenna)
    head: dict[str, Any] = {"schema": "layout/1", "name": layout.name}
    if layout.note:
        head["note"] = layout.note
    down = {"down": list(layout.down)} if layout.down else {}
    return write_document({**head, **layout_settings(layout), **down, "sites": rows})


def _unit_keys(unit: RoadsideUnit, corridor: CorridorGeometry) -> dict[str, Any]:
    """What a site says about a unit besides its place."""
    row: dict[str, Any] = {}
    if unit.jurisdiction >= 0:
        row["jurisdiction"] = corridor.jurisdiction_ids[unit.jurisdiction]
    if unit.node is not None:
        row["node"] = corridor.config.nodes[unit.node].id
    return row | {"mast_height_m": unit.mast_height_m, "services": list(unit.services), "sensor": unit.sensor}


def _own_antennas(layout: Layout) -> dict[str, Any]:
    """Antennas of single units by id, as plain data."""
    return {
        site.id: site.antenna.model_dump(mode="json", exclude_defaults=True)
        for site in layout.sites if site.antenna is not None
    }
