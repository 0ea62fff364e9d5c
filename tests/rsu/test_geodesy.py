"""The local plane against PROJ, the GCJ-02 shift against figures computed elsewhere."""

import numpy as np
import pytest

from rsu.geodesy import LocalPlane, gcj02_to_wgs84, to_wgs84, wgs84_to_gcj02

ZONE_LON = np.linspace(120.6, 121.1, 41)
ZONE_LAT = np.linspace(30.85, 31.15, 31)

# The published formula applied to hand-placed corridor points by another implementation
# (PyPI eviltransform), rounded to 1e-5 degree: WGS 84 lon, lat, GCJ-02 lon, lat.
GCJ_POINTS = [
    (120.88000, 30.95600, 120.88414, 30.95365),
    (120.87100, 30.98500, 120.87515, 30.98267),
    (120.86800, 31.02400, 120.87216, 31.02170),
    (120.89107, 31.06285, 120.89521, 31.06055),
    (120.97500, 31.08500, 120.97928, 31.08282),
]


def ground_distance_m(lon_a, lat_a, lon_b, lat_b):
    """Small-distance metres between positions, on a sphere."""
    east = np.radians(lon_b - lon_a) * 6_371_000 * np.cos(np.radians(lat_a))
    return np.hypot(east, np.radians(lat_b - lat_a) * 6_371_000)


@pytest.mark.parametrize("lon0, lat0", [(120.88, 31.04), (120.7, 30.9)])
def test_plane_agrees_with_proj(lon0, lat0):
    """Independent: PROJ's transverse Mercator over the demonstration zone, to 1 cm."""
    pyproj = pytest.importorskip("pyproj")
    proj = pyproj.Proj(f"+proj=tmerc +lon_0={lon0} +lat_0={lat0} +k=1 +x_0=0 +y_0=0 +ellps=WGS84")
    lon, lat = (a.ravel() for a in np.meshgrid(ZONE_LON, ZONE_LAT))
    x, y = LocalPlane(lon0, lat0).to_plane(lon, lat)
    want_x, want_y = proj(lon, lat)
    assert np.max(np.hypot(x - want_x, y - want_y)) < 0.01


def test_plane_distances_agree_with_geodesics():
    """Independent: geodesic distances by PROJ; the plane is longer by x^2 / 2R^2 at most."""
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    plane = LocalPlane(120.88, 31.04)
    x, y = plane.to_plane([120.88, 120.97], [31.04, 31.08])
    _, _, want = geod.inv(120.88, 31.04, 120.97, 31.08)
    assert np.hypot(np.diff(x), np.diff(y))[0] == pytest.approx(want, rel=2e-6)


def test_centre_is_the_origin_and_axes_point_east_and_north():
    """Property."""
    plane = LocalPlane(120.88, 31.04)
    assert np.allclose(plane.to_plane(120.88, 31.04), (0, 0), atol=1e-6)
    assert plane.to_plane(120.89, 31.04)[0] > 900
    assert plane.to_plane(120.88, 31.05)[1] == pytest.approx(0.01 * 110_900, rel=2e-3)


def test_plane_round_trip():
    """Property: there and back within 1e-9 degree (0.1 mm), also across the date line."""
    for lon0, lat0 in ((120.88, 31.04), (179.95, -40.0), (0.0, 0.0)):
        plane = LocalPlane(lon0, lat0)
        lon, lat = (
            a.ravel()
            for a in np.meshgrid(lon0 + np.linspace(-0.6, 0.6, 13), lat0 + np.linspace(-0.6, 0.6, 13))
        )
        back_lon, back_lat = plane.to_lonlat(*plane.to_plane(lon, lat))
        assert np.max(np.abs((back_lon - lon + 180) % 360 - 180)) < 1e-9
        assert np.max(np.abs(back_lat - lat)) < 1e-9


@pytest.mark.parametrize("lon, lat, gcj_lon, gcj_lat", GCJ_POINTS)
def test_gcj02_agrees_with_another_implementation(lon, lat, gcj_lon, gcj_lat):
    """Independent: values to five decimals from another implementation of the published formula."""
    got_lon, got_lat = wgs84_to_gcj02(lon, lat)
    assert got_lon == pytest.approx(gcj_lon, abs=1.01e-5)
    assert got_lat == pytest.approx(gcj_lat, abs=1.01e-5)


def test_gcj02_shift_at_the_three_borders():
    """Independent: 258 m south and 395 m east at 31.0198 N 120.8972 E; 471 to 482 m on all corridors."""
    lon, lat = wgs84_to_gcj02(120.8972, 31.0198)
    assert np.radians(lat - 31.0198) * 6_371_000 == pytest.approx(-258, abs=3)
    assert np.radians(lon - 120.8972) * 6_371_000 * np.cos(np.radians(31.02)) == pytest.approx(395, abs=3)
    points = np.array([p[:2] for p in GCJ_POINTS] + [(121.03, 31.095), (120.825, 30.935)])
    shift = ground_distance_m(points[:, 0], points[:, 1], *wgs84_to_gcj02(points[:, 0], points[:, 1]))
    assert np.all((shift > 470) & (shift < 483))


def test_gcj02_round_trip():
    """Property: below 1 m asked for; below 1 mm reached."""
    lon, lat = np.meshgrid(ZONE_LON, ZONE_LAT)
    back = gcj02_to_wgs84(*wgs84_to_gcj02(lon, lat))
    assert np.max(ground_distance_m(lon, lat, *back)) < 1e-3


def test_gcj02_leaves_other_countries_alone():
    """Property."""
    assert wgs84_to_gcj02(13.4, 52.5) == (13.4, 52.5)


def test_unknown_datum_is_refused():
    """Property."""
    with pytest.raises(ValueError, match="datum"):
        to_wgs84("ED50", 0.0, 0.0)
    with pytest.raises(ValueError, match="lon0_deg"):
        LocalPlane(500, 0)
