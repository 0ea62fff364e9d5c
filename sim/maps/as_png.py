"""A coverage map as a picture on the ground: PNG, world file and coordinate system, for any GIS."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np

from sim.maps.bands import BANDS, band_of, rgb
from sim.maps.cells import CoverageMap
from sim.maps.ground import Ground

LONGEST_SIDE_PX = 4096
LEAST_PIXEL_M = 1.5
LEAST_WIDTH_PX = 4.0
"""A carriageway is drawn at least this wide, away from the centre line, so that it can be seen."""
MARGIN_PX = 8
METRES_PER_DEGREE = 111_320.0
"""Of latitude, about; only chooses the size of a pixel."""

WGS84_WKT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],'
    'AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],'
    'UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],'
    'AUTHORITY["EPSG","4326"]]'
)
GCJ02_WKT = (
    'GEOGCS["GCJ-02",DATUM["GCJ_02_shifted_from_WGS_84",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AXIS["Latitude",NORTH],AXIS["Longitude",EAST]]'
)
"""GCJ-02 has no entry at EPSG: a system of its own, which a GIS shows unshifted."""


@dataclass(frozen=True)
class Raster:
    """Pixels by row from the north and column from the west: 0 = nothing, k + 1 = band k."""

    pixels: np.ndarray
    lon_step_deg: float
    lat_step_deg: float
    west_lon: float
    """Centre of the pixel in the north-west corner."""
    north_lat: float
    pixel_m: float
    """Side of a pixel on the ground."""
    datum: str

    def png(self) -> bytes:
        """A picture with a palette; what is not road is transparent."""
        from PIL import Image

        image = Image.fromarray(self.pixels, mode="P")
        palette = [0, 0, 0] + [value for band in BANDS for value in rgb(band.colour)]
        image.putpalette(palette)
        out = io.BytesIO()
        image.save(out, format="PNG", transparency=bytes([0] + [255] * len(BANDS)), compress_level=6)
        return out.getvalue()

    def world_file(self) -> str:
        """Six lines: step east, two rotations, step south, then the centre of the north-west pixel."""
        numbers = (self.lon_step_deg, 0.0, 0.0, -self.lat_step_deg, self.west_lon, self.north_lat)
        return "".join(f"{number:.12f}\n" for number in numbers)

    def wkt(self) -> str:
        """Coordinate system: longitude and latitude in degrees."""
        return GCJ02_WKT if self.datum == "GCJ-02" else WGS84_WKT

    def aux_xml(self) -> str:
        """The coordinate system where GDAL, and with it QGIS, looks for it (``.png.aux.xml``)."""
        from xml.sax.saxutils import escape

        srs = escape(self.wkt(), {'"': "&quot;"})
        return f'<PAMDataset>\n  <SRS dataAxisToSRSAxisMapping="2,1">{srs}</SRS>\n</PAMDataset>\n'


def coverage_raster(chosen: CoverageMap, ground: Ground, class_: str) -> Raster:
    """Cells of one class as pixels of equal degrees (EPSG:4326): square on the ground at the map's latitude.

    A pixel belongs to the cell its centre lies in. The pixel is 1.5 m, or so large that no side of the picture has
    more than 4,096.
    """
    cells = chosen.of_class(class_)
    middles = [ground.middle(np.array(ground.ends_m(cell.chainage_m)), cell.direction) for cell in cells]
    lon, lat = (np.concatenate(column) for column in zip(*middles, strict=True))
    per_lon_m = METRES_PER_DEGREE * math.cos(math.radians(float(lat.mean())))
    wide_m, high_m = float(np.ptp(lon)) * per_lon_m, float(np.ptp(lat)) * METRES_PER_DEGREE
    usable_px = LONGEST_SIDE_PX - 2 * (MARGIN_PX + math.ceil(LEAST_WIDTH_PX)) - 2
    pixel_m = max(LEAST_PIXEL_M, max(wide_m, high_m) / usable_px)
    outlines = _outlines(chosen, ground, class_, LEAST_WIDTH_PX * pixel_m)
    while True:
        lon_step, lat_step = pixel_m / per_lon_m, pixel_m / METRES_PER_DEGREE
        box = _box(outlines)
        columns = math.ceil((box[1] - box[0]) / lon_step) + 2 * MARGIN_PX
        rows = math.ceil((box[3] - box[2]) / lat_step) + 2 * MARGIN_PX
        if max(columns, rows) <= LONGEST_SIDE_PX:
            break
        pixel_m *= 1.02
    west, north = box[0] - (MARGIN_PX - 0.5) * lon_step, box[3] + (MARGIN_PX - 0.5) * lat_step
    west, north, lon_step, lat_step = (float(f"{number:.12f}") for number in (west, north, lon_step, lat_step))
    pixels = np.zeros((rows, columns), np.uint8)
    bands = band_of(np.array([chosen.share(cell) for cell in cells]))
    for (x, y), band in zip(outlines, bands.tolist(), strict=True):
        _fill(pixels, (x - west) / lon_step, (north - y) / lat_step, band + 1)
    return Raster(pixels, lon_step, lat_step, west, north, pixel_m, ground.datum)


def _outlines(
    chosen: CoverageMap, ground: Ground, class_: str, least_width_m: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        ground.lonlat(*ground.cell_xy(cell.chainage_m, cell.direction, least_width_m))
        for cell in chosen.of_class(class_)
    ]


def _box(outlines: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float, float, float]:
    """(west, east, south, north) of everything."""
    lon, lat = (np.concatenate(column) for column in zip(*outlines, strict=True))
    return float(lon.min()), float(lon.max()), float(lat.min()), float(lat.max())


def _fill(pixels: np.ndarray, column: np.ndarray, row: np.ndarray, value: int) -> None:
    """Give ``value`` to pixels whose centre lies inside an outline in pixel coordinates (even-odd rule)."""
    left, right = max(math.ceil(column.min()), 0), min(math.floor(column.max()), pixels.shape[1] - 1)
    top, bottom = max(math.ceil(row.min()), 0), min(math.floor(row.max()), pixels.shape[0] - 1)
    if left > right or top > bottom:
        return
    at_column, at_row = np.meshgrid(np.arange(left, right + 1.0), np.arange(top, bottom + 1.0))
    inside = np.zeros(at_column.shape, bool)
    for a, b in zip(range(len(column)), np.roll(np.arange(len(column)), -1).tolist(), strict=True):
        if row[a] == row[b]:
            continue
        crosses = (row[a] > at_row) != (row[b] > at_row)
        inside ^= crosses & (at_column < column[a] + (at_row - row[a]) * (column[b] - column[a]) / (row[b] - row[a]))
    pixels[top : bottom + 1, left : right + 1][inside] = value
