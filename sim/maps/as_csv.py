"""A coverage map as a table: one row per class, cell and direction."""

from __future__ import annotations

from sim.maps.cells import CoverageMap
from sim.maps.ground import Ground
from sim.tables import csv_text

COLUMNS = (
    "class", "direction", "jurisdiction", "chainage_m", "lon", "lat", "from_lon", "from_lat", "to_lon", "to_lat",
    "width_m", "C_raw", "C_useful", "n_seeds", "lower", "upper", "datum",
)
"""Positions in degrees, in the middle of the carriageway: of the cell's centre, then of its two ends."""


def coverage_csv(chosen: CoverageMap, ground: Ground) -> str:
    """The table as CSV text; ``lower`` and ``upper`` belong to the map's measure."""
    rows = []
    for cell in chosen.cells:
        from_m, to_m = ground.ends_m(cell.chainage_m)
        lon, lat = ground.middle([cell.chainage_m, from_m, to_m], cell.direction)
        places = [value for pair in zip(lon.tolist(), lat.tolist(), strict=True) for value in pair]
        rows.append((
            cell.class_, cell.direction, cell.jurisdiction, cell.chainage_m, *places, ground.width_m(cell.chainage_m),
            cell.C_raw, cell.C_useful, cell.n_seeds, cell.lower, cell.upper, ground.datum,
        ))
    return csv_text(COLUMNS, rows)
