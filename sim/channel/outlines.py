"""From a scenario to its scene: buildings listed by corners or read from GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.channel.buildings import Buildings, Outline, outline
from sim.channel.scene import Scene

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.scenario.schema.radio import Channel
    from sim.scenario.schema.radio.channel import Building

ToPlane = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(lon_deg, lat_deg) in the corridor's datum -> (x_m, y_m) on its plane."""
MOST_BUILDINGS = 50_000
ONE_SCENE = "vehicles and buildings in the way must be those of radio.channel"
NO_PLACE = ("ideal", "uu")
"""Access layers without propagation between stations."""


def build_scene(config: Scenario, to_plane: ToPlane, ring_length_m: float | None = None) -> Scene | None:
    """The scene that the radios of a scenario need; none where nothing can stand in the way.

    ``to_plane`` is :meth:`sim.world.corridor.CorridorGeometry.from_lonlat`. ValueError for outlines that are none, and
    where two radios name different obstacles (one scene serves both).
    """
    channels = _channels(config)
    if not one_scene(config):
        raise ValueError(f"second_radio.radio.channel: {ONE_SCENE}")
    return scene_of(channels[0], to_plane, ring_length_m) if channels else None


def one_scene(config: Scenario) -> bool:
    """Whether all radios of a scenario have the same vehicles and buildings in the way."""
    channels = _channels(config)
    return all(_in_the_way(channel) == _in_the_way(channels[0]) for channel in channels)


def _channels(config: Scenario) -> list[Channel]:
    """Channel sections of the radios that ask propagation."""
    radios = [config.radio] if config.second_radio is None else [config.radio, config.second_radio.radio]
    return [radio.channel for radio in radios if radio.access not in NO_PLACE]


def scene_of(channel: Channel, to_plane: ToPlane, ring_length_m: float | None = None) -> Scene | None:
    """The scene of one channel section; none where nothing can stand in the way."""
    geometric = channel.line_of_sight == "geometric"
    if channel.buildings_file is not None:
        raise ValueError(f"radio.channel.buildings_file: {channel.buildings_file} has not been read in")
    if not geometric and not channel.buildings:
        return None
    outlines = [outline_of(one, index, channel, to_plane) for index, one in enumerate(channel.buildings)]
    buildings = Buildings(outlines, ring_length_m) if outlines else None
    return Scene(
        buildings, vehicles=geometric, least_height_m=channel.blocker_least_height_m, ring_length_m=ring_length_m
    )


def outline_of(building: Building, index: int, channel: Channel, to_plane: ToPlane) -> Outline:
    """One listed building on the plane; ValueError naming it if its corners enclose nothing."""
    name = building.name or f"number {index}"
    if (building.lonlat is None) == (building.metres is None):
        raise ValueError(f"buildings: {name}: needs either lonlat or metres")
    if building.metres is not None:
        corners = np.array(building.metres, np.float64)
    else:
        x, y = to_plane(*np.array(building.lonlat, np.float64).T)
        corners = np.stack([x, y], axis=1)
    wall_db = channel.wall_loss_db if building.wall_loss_db is None else building.wall_loss_db
    return outline(name, corners, building.thin, building.height_m, wall_db, channel.inside_loss_per_metre_db)


def with_buildings(channel: Channel, folder: Path) -> Channel:
    """``channel`` with the content of its ``buildings_file`` among its buildings, so that it stands alone.

    ValueError with one line for a file that is missing or is no GeoJSON of outlines.
    """
    if channel.buildings_file is None:
        return channel
    read = read_geojson(folder / channel.buildings_file)
    return channel.model_copy(update={"buildings": [*channel.buildings, *read], "buildings_file": None})


def read_geojson(file: Path) -> list[Building]:
    """Buildings of a GeoJSON file (RFC 7946), longitude and latitude in the corridor's datum.

    Polygon and MultiPolygon are areas (outer ring only: a courtyard counts as built over), LineString and
    MultiLineString thin walls; other geometry is refused. The properties ``name``, ``height_m`` (or ``height``)
    and ``wall_loss_db`` are taken where they are numbers. ValueError with one line naming file and feature.
    """
    from pydantic import ValidationError

    from sim.scenario.schema.radio.channel import Building

    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"buildings_file: {file.name}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"buildings_file: {file.name}: is not JSON ({error})") from None
    buildings: list[Building] = []
    for number, feature in enumerate(_features(data, file.name)):
        try:
            buildings += [Building(**row) for row in _rows(feature)]
        except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise ValueError(f"buildings_file: {file.name}: feature {number}: {reason}") from None
        if len(buildings) > MOST_BUILDINGS:
            raise ValueError(f"buildings_file: {file.name}: more than {MOST_BUILDINGS} buildings")
    return buildings


def _features(data: Any, name: str) -> list[Any]:
    kind = data.get("type") if isinstance(data, dict) else None
    if kind == "FeatureCollection" and isinstance(data.get("features"), list):
        return list(data["features"])
    if kind == "Feature":
        return [data]
    raise ValueError(f"buildings_file: {name}: must be a GeoJSON FeatureCollection")


def _rows(feature: Any) -> Iterator[dict[str, Any]]:
    """Keys of :class:`Building`, one row per outline of a feature."""
    properties = feature.get("properties") or {}
    row: dict[str, Any] = {}
    for key, value in (
        ("height_m", properties.get("height_m", properties.get("height"))),
        ("wall_loss_db", properties.get("wall_loss_db")),
    ):
        if isinstance(value, int | float) and not isinstance(value, bool):
            row[key] = float(value)
    row["name"] = str(properties.get("name") or feature.get("id") or "")[:64]
    kind, corners = feature["geometry"]["type"], feature["geometry"]["coordinates"]
    outlines = {
        "Polygon": lambda: [corners[0]],
        "MultiPolygon": lambda: [part[0] for part in corners],
        "LineString": lambda: [corners],
        "MultiLineString": lambda: corners,
    }
    if kind not in outlines:
        raise ValueError(f"geometry {kind} is none of {', '.join(outlines)}")
    for line in outlines[kind]():
        lonlat = [[float(lon), float(lat)] for lon, lat, *_ in line]
        if len({tuple(corner) for corner in lonlat}) < (2 if "Line" in kind else 3):
            raise ValueError("has too few corners that differ")
        if not all(-180 <= lon <= 180 and -84 <= lat <= 84 for lon, lat in lonlat):
            raise ValueError("has a corner that is no longitude and latitude")
        yield row | {"thin": "Line" in kind, "lonlat": lonlat}


def _in_the_way(channel: Channel) -> tuple[Any, ...]:
    """What of a channel section decides about its scene."""
    return (
        channel.line_of_sight == "geometric", channel.blocker_least_height_m, channel.buildings, channel.wall_loss_db,
        channel.inside_loss_per_metre_db,
    )
