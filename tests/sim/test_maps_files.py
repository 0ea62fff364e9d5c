"""Coverage maps read back by other means: GeoJSON by shapely, areas by pyproj, pictures by rasterio and by hand."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import sim
from rsu.geodesy import wgs84_to_gcj02
from sim.maps import FORMATS, CoverageMap, Ground, map_files, read_maps, write_maps
from sim.maps.as_png import LEAST_PIXEL_M, LONGEST_SIDE_PX, coverage_raster
from sim.maps.bands import BANDS, band_of, rgb
from sim.maps.cells import Cell
from sim.metrics import CLASSES
from sim.results import Result, ResultError, read
from sim.tables import csv_text
from sim.world.build import build_probes
from sim.world.corridor import CorridorGeometry
from sim.world.network import RoadNetwork

CELL_M = 25.0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A straight road of two kilometres with a border, one second of it."""
    folder = tmp_path_factory.mktemp("maps") / "run"
    return sim.run(sim.load("03-one-border", ["duration_s=1"]), folder, plots=False)


@pytest.fixture(scope="module")
def files(run: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Everything the run's map writes, by name."""
    paths = write_maps(map_files(read_maps(run.folder)), tmp_path_factory.mktemp("out"))
    return {path.name: path for path in paths}


def result_with(run: Result, folder: Path, rows: list[tuple[Any, ...]], **corridor: Any) -> Result:
    """A result folder with other coverage, and with other keys of the corridor."""
    import yaml

    folder.mkdir(parents=True)
    scenario = json.loads(json.dumps(run.scenario))
    scenario["corridor"] |= corridor
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario), encoding="utf-8")
    for name in ("metrics.csv", "summary.json"):
        (folder / name).write_bytes((run.folder / name).read_bytes())
    header = ("class", "jurisdiction", "direction", "chainage_m", "zone_s", "C_raw", "C_useful")
    (folder / "coverage.csv").write_text(csv_text(header, rows), encoding="utf-8")
    return read(folder)


def winding(run: Result, folder: Path) -> Result:
    """A road that turns by 90 degrees and back, three lanes in its middle part, covered differently in every cell."""
    points = [(120.90, 31.00), (120.90, 31.009), (120.912, 31.009), (120.912, 31.018)]
    sections = [
        {"span": {}, "lanes": 2, "speed_limit_mps": 14.0},
        {"span": {"from_m": 700.0, "to_m": 1510.0}, "lanes": 3, "speed_limit_mps": 14.0},
    ]
    sections = [{**run.scenario["corridor"]["sections"][0], **one} for one in sections]
    owner = {**run.scenario["corridor"]["jurisdictions"][0], "spans": [{}]}
    changed = {
        "points": [{"lon": lon, "lat": lat} for lon, lat in points], "length_m": None, "sections": sections,
        "jurisdictions": [owner], "nodes": [],
    }
    rows = [
        ("RSI", "A", direction, at, 1.0, 1.0, k % 101 / 100)
        for direction in ("up", "down") for k, at in enumerate(np.arange(CELL_M / 2, 3100.0, CELL_M))
    ]
    return result_with(run, folder, rows, **changed)


def test_geojson_is_read_by_shapely(files: dict[str, Path]) -> None:
    """Independent: shapely takes every feature; polygons are valid, wound counter-clockwise, and apart from each other;
    RFC 7946: no crs member, longitude first; a line per border, a point per node and unit."""
    shapely = pytest.importorskip("shapely")
    from shapely.geometry import shape

    document = json.loads(files["cells-rsi.geojson"].read_text(encoding="utf-8"))
    assert "crs" not in document and document["datum"] == "WGS84"
    found = [shape(feature["geometry"]) for feature in document["features"]]
    assert len(found) == 18 and all(one.is_valid and one.exterior.is_ccw for one in found)
    for k, one in enumerate(found):
        for other in found[k + 1 :]:
            assert shapely.intersection(one, other).area < 1e-3 * one.area
    lon, lat = found[0].exterior.coords[0]
    assert 120 < lon < 122 and 30 < lat < 32
    kinds = {"units": ("Point", 6), "borders": ("LineString", 1), "nodes": ("Point", 1)}
    for name, (kind, count) in kinds.items():
        layer = json.loads(files[f"{name}.geojson"].read_text(encoding="utf-8"))
        assert [shape(f["geometry"]).geom_type for f in layer["features"]] == [kind] * count


def test_geojson_is_valid_for_the_geojson_library(files: dict[str, Path]) -> None:
    """Independent: the library `geojson` finds no fault in any of the files."""
    geojson = pytest.importorskip("geojson")
    for name, path in files.items():
        if name.endswith(".geojson"):
            assert geojson.loads(path.read_text(encoding="utf-8")).is_valid, name


def test_areas_by_pyproj(files: dict[str, Path]) -> None:
    """Independent: on a straight road of two lanes of 3.5 m a cell covers 25 m x 7 m = 175 m2 on the ellipsoid
    (pyproj), within 0.2 % (coordinates are written to 1 mm)."""
    geod = pytest.importorskip("pyproj").Geod(ellps="WGS84")
    document = json.loads(files["cells-spat-map.geojson"].read_text(encoding="utf-8"))
    for feature in document["features"]:
        ring = np.array(feature["geometry"]["coordinates"][0])
        area_m2, around_m = geod.polygon_area_perimeter(*ring.T)
        assert feature["properties"]["width_m"] == 7.0
        assert area_m2 == pytest.approx(175.0, rel=0.002) and around_m == pytest.approx(64.0, rel=0.002)


def test_a_bend_keeps_its_area(run: Result, tmp_path: Path) -> None:
    """Independent (pyproj) and by hand: over a whole road the areas of both carriageways together are length x width of
    each section: what an outer carriageway gains in a bend the inner one loses. Lengths are of the rounded line."""
    geod = pytest.importorskip("pyproj").Geod(ellps="WGS84")
    ground = Ground(winding(run, tmp_path / "winding"))
    line = ground.corridor.line
    total = 0.0
    ends = np.arange(CELL_M / 2, ground.corridor.length_m, CELL_M)
    for direction in ("up", "down"):
        for at in ends:
            lon, lat = ground.lonlat(*ground.cell_xy(float(at), direction))
            area_m2, _ = geod.polygon_area_perimeter(lon, lat)
            assert area_m2 > 0
            total += area_m2
    low, high, end = (float(s) for s in line.s_of_mark(np.array([700.0, 1510.0, ends[-1] + CELL_M / 2])))
    expected = 2 * (7.0 * (low + min(end, line.length_m) - high) + 10.5 * (high - low))
    assert total == pytest.approx(expected, rel=1e-3)


def test_probes_stand_in_their_cells(run: Result, tmp_path: Path) -> None:
    """Independent of the map's own geometry: every probe of the simulator (lane centre next to the verge, from the road
    network) lies in the polygon of its cell and direction, also in bends and where lanes change."""
    shapely = pytest.importorskip("shapely")
    result = winding(run, tmp_path / "winding")
    ground = Ground(result)
    loaded = sim.load("03-one-border", ["duration_s=1"])
    corridor = CorridorGeometry(ground.corridor.config)
    probes = build_probes(loaded.config, corridor, RoadNetwork(corridor))
    inside = 0
    for k, at in enumerate(probes.grid.chainage_m):
        direction = "up" if probes.grid.direction[k] > 0 else "down"
        outline = shapely.Polygon(np.stack(ground.cell_xy(float(at), direction), axis=1))
        inside += bool(outline.contains(shapely.Point(probes.x_m[k], probes.y_m[k])))
    assert len(probes) > 200 and inside == len(probes)


def expected_colour(share: float) -> tuple[int, int, int]:
    """By hand: the bands as the legend tells them."""
    words = ["never", "below 50 %", "50 % to 80 %", "80 % to 95 %", "95 % and more"]
    k = 0 if share == 0 else 1 if share < 0.5 else 2 if share < 0.8 else 3 if share < 0.95 else 4
    assert BANDS[k].label == words[k]
    return rgb(BANDS[k].colour)


@pytest.mark.parametrize("datum", ["wgs84", "gcj02"])
def test_the_picture_lies_where_the_table_says(run: Result, tmp_path: Path, datum: str) -> None:
    """By hand: column = (lon - C) / A and row = (lat - F) / E with the six numbers of the world file give, for the
    centre of every cell in the table, a pixel of the colour of that cell's band; off the road it is transparent."""
    image_module = pytest.importorskip("PIL.Image")
    result = winding(run, tmp_path / "winding")
    paths = write_maps(map_files(read_maps(result.folder), datum, ["csv", "png"]), tmp_path / "out")
    tail = "-gcj02" if datum == "gcj02" else ""
    by_name = {path.name: path for path in paths}
    image = image_module.open(by_name[f"raster-rsi{tail}.png"]).convert("RGBA")
    numbers = [float(line) for line in by_name[f"raster-rsi{tail}.pgw"].read_text().split()]
    a, d, b, e, c, f = numbers
    assert (d, b) == (0.0, 0.0) and a > 0 > e
    with by_name[f"coverage{tail}.csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    for row in rows:
        at = round((float(row["lon"]) - c) / a), round((float(row["lat"]) - f) / e)
        assert image.getpixel(at) == (*expected_colour(float(row["C_useful"])), 255), row["chainage_m"]
    assert image.getpixel((0, 0))[3] == 0
    opaque = (np.asarray(image)[:, :, 3] > 0).mean()
    assert 0.0 < opaque < 0.1


def test_the_picture_is_read_by_gdal(files: dict[str, Path]) -> None:
    """Independent: GDAL (rasterio) finds place and system without being told: EPSG:4326, the affine transform of the
    world file, and under a cell of the table the pixel of its band."""
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(files["raster-rsi.png"]) as raster:
        assert raster.crs.to_epsg() == 4326
        numbers = [float(line) for line in files["raster-rsi.pgw"].read_text().split()]
        assert raster.transform.a == pytest.approx(numbers[0]) and raster.transform.e == pytest.approx(numbers[3])
        # GDAL counts from the corner of a pixel, a world file from its centre
        assert raster.transform.c == pytest.approx(numbers[4] - numbers[0] / 2, abs=1e-11)
        assert raster.transform.f == pytest.approx(numbers[5] - numbers[3] / 2, abs=1e-11)
        pixels = raster.read(1)
        with files["coverage.csv"].open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["class"] == "RSI"]
        for row in rows:
            at = raster.index(float(row["lon"]), float(row["lat"]))
            assert raster.colormap(1)[int(pixels[at])][:3] == expected_colour(float(row["C_useful"]))
        assert raster.colormap(1)[0][3] == 0


def test_gcj02_moves_everything_by_its_shift(files: dict[str, Path], run: Result, tmp_path: Path) -> None:
    """Independent (pyproj distances) and printed: at the demonstration zone GCJ-02 lies 471 to 482 m from WGS 84; the
    table, the polygons and their remark say so."""
    geod = pytest.importorskip("pyproj").Geod(ellps="WGS84")
    paths = write_maps(map_files(read_maps(run.folder, ["RSI"]), "gcj02", ["csv", "geojson"]), tmp_path)
    assert {path.name for path in paths} == {
        "coverage-gcj02.csv", "cells-rsi-gcj02.geojson", "cells-rsi-gcj02.qml", "units-gcj02.geojson",
        "borders-gcj02.geojson", "nodes-gcj02.geojson",
    }
    shifted = json.loads((tmp_path / "cells-rsi-gcj02.geojson").read_text(encoding="utf-8"))
    plain = json.loads(files["cells-rsi.geojson"].read_text(encoding="utf-8"))
    assert shifted["datum"] == "GCJ-02" and "GCJ-02" in shifted["remark"]
    assert all(feature["properties"]["datum"] == "GCJ-02" for feature in shifted["features"])
    for one, two in zip(plain["features"], shifted["features"], strict=True):
        here, there = (np.array(f["geometry"]["coordinates"][0]) for f in (one, two))
        assert np.allclose(np.stack(wgs84_to_gcj02(*here.T)), there.T, atol=2e-8)
        _, _, away_m = geod.inv(*here.T, *there.T)
        assert 471 <= away_m.min() and away_m.max() <= 482
    with (tmp_path / "coverage-gcj02.csv").open(encoding="utf-8") as file:
        assert {row["datum"] for row in csv.DictReader(file)} == {"GCJ-02"}


def test_style_and_system_files_are_xml(files: dict[str, Path]) -> None:
    """By hand: the style holds one rule per band whose symbol has the band's colour; filters name the property that the
    cells carry; the auxiliary file names the datum."""
    tree = ElementTree.fromstring(files["cells-rsi.qml"].read_text(encoding="utf-8"))
    rules = tree.findall("renderer-v2/rules/rule")
    assert [rule.get("filter") for rule in rules] == [f'"band" = {k}' for k in range(len(BANDS))]
    for rule, band in zip(rules, BANDS, strict=True):
        symbol = tree.find(f"renderer-v2/symbols/symbol[@name='{rule.get('symbol')}']/layer/prop[@k='color']")
        assert symbol is not None and symbol.get("v") == ",".join(map(str, rgb(band.colour))) + ",255"
    aux = ElementTree.fromstring(files["raster-rsi.png.aux.xml"].read_text(encoding="utf-8"))
    assert (aux.findtext("SRS") or "").startswith('GEOGCS["WGS 84"')
    document = json.loads(files["cells-rsi.geojson"].read_text(encoding="utf-8"))
    for feature in document["features"]:
        properties = feature["properties"]
        assert properties["fill"] == BANDS[properties["band"]].colour
        assert properties["band"] == int(band_of(np.array(properties["C_useful_ratio"])))


def test_bands_at_their_limits() -> None:
    """By hand: a limit belongs to the band above it; 0 alone is never."""
    shares = [0.0, 1e-9, 0.4999, 0.5, 0.7999, 0.8, 0.9499, 0.95, 1.0]
    assert band_of(np.array(shares)).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_the_table_by_hand(files: dict[str, Path], run: Result) -> None:
    """By hand: the cell of a table row is the row of coverage.csv it came from, its ends are 12.5 m up and down the
    road (a degree of latitude is 110.87 km at 31 N), and the carriageway's middle lies to the right."""
    with files["coverage.csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = run.table("coverage")
    assert len(rows) == table.row_count
    both = {(r["class"], r["direction"], float(r["chainage_m"])): r for r in rows}
    for row in table.rows():
        mine = both[row["class"], row["direction"], row["chainage_m"]]
        assert float(mine["C_useful"]) == row["C_useful"] and mine["jurisdiction"] == row["jurisdiction"]
        length_m = (float(mine["to_lat"]) - float(mine["from_lat"])) * 110_870
        assert length_m == pytest.approx(25.0, abs=0.05)
        assert mine["n_seeds"] == "1" and mine["lower"] == ""
    up, down = (next(r for r in rows if r["direction"] == one) for one in ("up", "down"))
    assert float(up["lon"]) > float(down["lon"])


def test_same_result_same_bytes(files: dict[str, Path], run: Result) -> None:
    """Property: two maps of one result are equal byte by byte, legends included."""
    again = {file.name: file.content for file in map_files(read_maps(run.folder))}
    assert set(again) == set(files)
    assert all(files[name].read_bytes() == content for name, content in again.items())
    assert set(FORMATS) == {"csv", "geojson", "png"}


def test_a_picture_is_bounded(run: Result, tmp_path: Path) -> None:
    """Property: a road of 200 km makes a picture of at most 4,096 pixels a side, a short one has pixels of 1.5 m."""
    rows = [("RSI", "A", "up", at, 1.0, 1.0, 0.5) for at in np.arange(12.5, 200_000, 2000.0)]
    owner = {**run.scenario["corridor"]["jurisdictions"][0], "spans": [{}]}
    section = {**run.scenario["corridor"]["sections"][0], "span": {}}
    points = [{"lon": 120.0 + k * 0.5, "lat": 31.0 + (k % 2) * 0.3} for k in range(5)]
    far = {"points": points, "sections": [section], "jurisdictions": [owner], "nodes": []}
    chosen = read_maps(result_with(run, tmp_path / "far", rows, **far).folder)[0]
    raster = coverage_raster(chosen, Ground(chosen.result), "RSI")
    assert max(raster.pixels.shape) <= LONGEST_SIDE_PX and max(raster.pixels.shape) > 0.9 * LONGEST_SIDE_PX
    near = read_maps(run.folder)[0]
    assert coverage_raster(near, Ground(near.result), "RSI").pixel_m == LEAST_PIXEL_M


def test_bad_input_is_one_line(run: Result, tmp_path: Path) -> None:
    """By hand: what is wrong is said in one line, and nothing is written."""
    for call, text in (
        (lambda: read_maps(run.folder, ["BSM"]), "--class BSM: is not one of SPAT\\+MAP, RSI, RSM"),
        (lambda: read_maps(run.folder, measure="best"), "--measure best"),
        (lambda: read_maps(run.folder, where={"layout": "x"}), "single run"),
        (lambda: read_maps(tmp_path / "nowhere"), "no such folder"),
        (lambda: map_files(read_maps(run.folder), "tokyo"), "--datum tokyo"),
        (lambda: map_files(read_maps(run.folder), "wgs84", ["tiff"]), "--format tiff"),
        (lambda: map_files(read_maps(run.folder), language="fr"), "--language fr"),
    ):
        with pytest.raises(ValueError, match=text) as caught:
            call()
        assert "\n" not in str(caught.value)
    empty = result_with(run, tmp_path / "empty", [])
    with pytest.raises(ResultError, match="nothing to map"):
        read_maps(empty.folder)
    (empty.folder / "scenario.yaml").write_text("corridor: {topology: spiral}\n", encoding="utf-8")
    broken = CoverageMap([Cell("RSI", "up", "A", 12.5, 1.0, 1.0, 1, math.nan, math.nan)], "useful", read(empty.folder))
    with pytest.raises(ResultError, match="cannot be rebuilt"):
        map_files([broken])
    (empty.folder / "scenario.yaml").write_text("corridor: {topology: [\n", encoding="utf-8")
    with pytest.raises(ResultError, match="scenario.yaml: cannot be read"):
        map_files([CoverageMap(broken.cells, "useful", read(empty.folder))])
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    with pytest.raises(ResultError, match="is not a folder"):
        write_maps(map_files(read_maps(run.folder), formats=["csv"]), taken)
    assert taken.read_text(encoding="utf-8") == "mine"


def test_a_broken_table_is_told_by_line(run: Result, tmp_path: Path) -> None:
    """By hand: a share that is missing, above 1 or no number, a direction that is none, a missing column: file, line
    and column are named, and nothing is coloured; nor is a cell beyond the end of the road."""
    good = ("RSI", "A", "up", 12.5, 1.0, 1.0, 0.5)
    broken = {
        "missing": (*good[:6], None), "above": (*good[:6], 1.5), "word": (*good[:6], "half"),
        "sideways": ("RSI", "A", "left", *good[3:]), "before": (*good[:3], -3.0, *good[4:]),
    }
    for name, row in broken.items():
        folder = result_with(run, tmp_path / name, [good, row]).folder
        with pytest.raises(ResultError, match=r"coverage\.csv:[23]: (C_useful|direction|chainage_m) ") as caught:
            read_maps(folder)
        assert "\n" not in str(caught.value)
    beyond = result_with(run, tmp_path / "beyond", [(*good[:3], 99_000.0, *good[4:])])
    with pytest.raises(ResultError, match="99000 m lies beyond the end of the road"):
        map_files(read_maps(beyond.folder))
    path = folder / "coverage.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("C_raw", "raw"), encoding="utf-8")
    with pytest.raises(ResultError, match="has no column 'C_raw'"):
        read_maps(folder)
    path.unlink()
    with pytest.raises(ResultError, match="is missing: the run had no probes"):
        read_maps(folder)


def test_legend_names_model_and_assumptions(files: dict[str, Path]) -> None:
    """Property: a legend per class, a picture of some size with every band's colour in it."""
    image_module = pytest.importorskip("PIL.Image")
    legends = [name for name in files if name.startswith("legend-")]
    assert len(legends) == len(CLASSES)
    for name in legends:
        pixels = np.asarray(image_module.open(io.BytesIO(files[name].read_bytes())).convert("RGB")).reshape(-1, 3)
        colours = set(np.unique(pixels.astype(int) @ [65536, 256, 1]).tolist())
        assert all(int(band.colour[1:], 16) in colours for band in BANDS)


def test_names_of_files_are_plain(files: dict[str, Path]) -> None:
    """Property: names hold letters, digits, dots and hyphens; a style lies beside its layer under the same stem."""
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in files)
    styles = {name.removesuffix(".qml") for name in files if name.endswith(".qml")}
    assert styles == {Path(name).stem for name in files if re.fullmatch("cells-.*geojson", name)} and len(styles) == 3
