"""Coverage maps of runs and campaigns, per cell and direction: a table, layers for a GIS, a picture on the ground."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.maps.as_csv import coverage_csv
from sim.maps.as_geojson import LAYERS, cells_geojson
from sim.maps.as_png import LEAST_WIDTH_PX, coverage_raster
from sim.maps.cells import CoverageMap, read_maps
from sim.maps.ground import Ground
from sim.maps.legend import legend_png
from sim.maps.qgis_style import cells_qml
from sim.results import ResultError
from sim.whole import written_whole

__all__ = ["FORMATS", "MapFile", "CoverageMap", "Ground", "map_files", "read_maps", "write_maps"]


@dataclass(frozen=True)
class MapFile:
    """One file of a map, ready to be written."""

    name: str
    content: bytes


def _csv(chosen: CoverageMap, ground: Ground, tail: str, language: str) -> Iterator[MapFile]:
    yield MapFile(f"coverage{tail}.csv", coverage_csv(chosen, ground).encode())


def _geojson(chosen: CoverageMap, ground: Ground, tail: str, language: str) -> Iterator[MapFile]:
    for class_ in chosen.classes:
        stem = f"cells-{_slug(class_)}{tail}"
        yield MapFile(f"{stem}.geojson", cells_geojson(chosen, ground, class_).encode())
        yield MapFile(f"{stem}.qml", cells_qml().encode())
    for name, layer in LAYERS.items():
        yield MapFile(f"{name}{tail}.geojson", layer(chosen, ground).encode())


def _png(chosen: CoverageMap, ground: Ground, tail: str, language: str) -> Iterator[MapFile]:
    for class_ in chosen.classes:
        raster = coverage_raster(chosen, ground, class_)
        stem = f"raster-{_slug(class_)}{tail}"
        yield MapFile(f"{stem}.png", raster.png())
        yield MapFile(f"{stem}.pgw", raster.world_file().encode())
        yield MapFile(f"{stem}.png.aux.xml", raster.aux_xml().encode())
        least_width_m = LEAST_WIDTH_PX * raster.pixel_m
        legend = legend_png(chosen, class_, ground.datum, raster.pixel_m, least_width_m, language)
        yield MapFile(f"legend-{_slug(class_)}{tail}.png", legend)


FORMATS: Mapping[str, Callable[[CoverageMap, Ground, str, str], Iterator[MapFile]]] = {
    "csv": _csv, "geojson": _geojson, "png": _png,
}
"""Format of the command line -> the files it makes of one map."""


def map_files(
    maps: Sequence[CoverageMap], datum: str = "wgs84", formats: Sequence[str] = tuple(FORMATS), language: str = "en"
) -> list[MapFile]:
    """All files of these maps, nothing written yet; names carry the variant and, for GCJ-02, the datum.

    ``language`` is that of legends: en, zh.
    Raises ValueError for an unknown datum or format, :class:`sim.results.ResultError` for a result without place.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"--format {unknown[0]}: is not one of {', '.join(FORMATS)}")
    files: list[MapFile] = []
    for chosen, tail in zip(maps, _tails(maps), strict=True):
        ground = Ground(chosen.result, datum)
        tail += "-gcj02" if ground.datum == "GCJ-02" else ""
        for name in formats:
            files += FORMATS[name](chosen, ground, tail, language)
    return files


def write_maps(files: Sequence[MapFile], out: str | Path) -> list[Path]:
    """Write files into a folder, each whole or not at all; returns their paths."""
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"--out {out}: exists and is not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        with written_whole(folder / file.name) as partial:
            partial.write_bytes(file.content)
    return [folder / file.name for file in files]


def _tails(maps: Sequence[CoverageMap]) -> list[str]:
    """Ends of file names, one per map and no two alike."""
    tails = ["".join(f"-{_slug(label)}" for label in chosen.labels.values()) for chosen in maps]
    if len(set(tails)) < len(tails):
        return [f"{tail}-{number}" for number, tail in enumerate(tails, 1)]
    return tails


def _slug(text: str) -> str:
    """Words for a file name: letters, digits and dots, joined by hyphens; anything else is a hyphen."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.").lower() or "x"
