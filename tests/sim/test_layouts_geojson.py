"""Layouts as GeoJSON and as lists: there and back, in both datums, and every refusal."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from rsu.geodesy import wgs84_to_gcj02
from sim.layouts.files import layout_geojson, layout_yaml
from sim.layouts.geojson import MOST_UNITS, read_geojson
from sim.scenario import ScenarioError, load
from sim.scenario.loader import LoadedScenario
from sim.world.corridor import CorridorGeometry
from sim.world.sites import RoadsideUnit, build_units, standing_units


def corridor_of(loaded: LoadedScenario) -> CorridorGeometry:
    return CorridorGeometry(loaded.config.corridor)


def units_of(loaded: LoadedScenario) -> list[RoadsideUnit]:
    return build_units(loaded.config.layout, corridor_of(loaded))


def same(one: RoadsideUnit, two: RoadsideUnit, tolerance_m: float) -> None:
    """Whether two units are the same but for the rule that placed them."""
    apart_m = float(np.hypot(one.x_m - two.x_m, one.y_m - two.y_m))
    assert apart_m <= tolerance_m, one.id
    left_out = ("x_m", "y_m", "chainage_m", "rule", "antenna_pattern")
    for name, value in vars(one).items():
        if name not in left_out:
            assert getattr(two, name) == value, (one.id, name)
    assert two.antenna_pattern == pytest.approx(one.antenna_pattern, abs=1e-3)
    assert abs(one.chainage_m - two.chainage_m) < 0.05


WRITERS: dict[str, Callable[[LoadedScenario], str]] = {
    "wgs84.geojson": lambda loaded: layout_geojson(loaded.config.layout, corridor_of(loaded)),
    "gcj02.geojson": lambda loaded: layout_geojson(loaded.config.layout, corridor_of(loaded), "GCJ-02"),
    "list.yaml": lambda loaded: layout_yaml(loaded.config.layout, corridor_of(loaded)),
}
CASES = {
    "rules": ("demo-zone", []),
    "both sides, sizes": ("demo-zone", [
        "layout=deqing-urban-200", "layout.rules.0.side=both", "corridor.nodes.2.size=large",
    ]),
    "by hand, off the road": ("tripoint", []),
    "down, settings": ("demo-zone", [
        "layout.down=[ZJ-01864, JS-05119]", "layout.tx_power_dbm=20", "layout.sensor.range_m=90",
        "layout.antenna.kind=sector", "layout.backhaul_delay_ms=33", "layout.mid_block_sensor=true",
    ]),
    "road in GCJ-02": ("demo-zone", ["corridor.datum=GCJ-02"]),
}


@pytest.mark.parametrize("file", sorted(WRITERS))
@pytest.mark.parametrize("case", sorted(CASES))
def test_there_and_back(case: str, file: str, tmp_path: Path) -> None:
    """Property: positions to 1 cm, ids, station ids, node, services, masts, antennas, who is down, and settings."""
    scenario, overrides = CASES[case]
    loaded = load(scenario, overrides)
    path = tmp_path / file
    path.write_text(WRITERS[file](loaded), encoding="utf-8")
    kept = [text for text in overrides if text.startswith("corridor")]
    again = load(scenario, [*kept, f"layout={path}"])
    for one, two in zip(units_of(loaded), units_of(again), strict=True):
        same(one, two, 0.01)
    left, right = (one.config.layout.model_dump(exclude={"rules", "sites", "note"}) for one in (loaded, again))
    assert left == right


def test_a_run_with_the_layout_read_back_gives_the_same_tables(tmp_path: Path) -> None:
    """Property: byte-identical tables, whether units come from rules or from the GeoJSON written of them."""
    small = ["duration_s=1", "radio_warmup_s=1", "traffic_warmup_s=5"]
    loaded = load("03-one-border", small)
    path = tmp_path / "wgs84.geojson"
    path.write_text(WRITERS[path.name](loaded), encoding="utf-8")
    first = sim.run(loaded, tmp_path / "first", plots=False)
    second = sim.run(load("03-one-border", [*small, f"layout={path}"]), tmp_path / "second", plots=False)
    tables = [file.name for file in sorted(first.folder.glob("*.csv"))]
    assert "metrics.csv" in tables and len(first.select(metric="prr")["value"])
    for name in tables:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_a_list_of_chainages_gives_exactly_the_same_units(tmp_path: Path) -> None:
    """Property: not one digit of a position, chainage or antenna changes."""
    for name in ("demo-zone", "tripoint"):
        loaded = load(name)
        path = tmp_path / "list.yaml"
        path.write_text(WRITERS[path.name](loaded), encoding="utf-8")
        units = [{**vars(unit), "rule": ""} for unit in units_of(load(name, [f"layout={path}"]))]
        assert units == [{**vars(unit), "rule": ""} for unit in units_of(loaded)]


def test_a_second_library_reads_what_we_write() -> None:
    """Independent: shapely makes points of the features; their distances to the road's line agree with ours."""
    shapely = pytest.importorskip("shapely")
    loaded = load("demo-zone", ["layout=guangzhou-300"])
    corridor, data = corridor_of(loaded), json.loads(WRITERS["wgs84.geojson"](loaded))
    points = [shapely.from_geojson(json.dumps(one["geometry"])) for one in data["features"]]
    units = standing_units(loaded.config.layout, corridor)
    assert len(points) == len(units) and {point.geom_type for point in points} == {"Point"}
    x_m, y_m = corridor.plane.to_plane([point.x for point in points], [point.y for point in points])
    road = shapely.LineString(np.stack(corridor.xy_at(np.arange(0, corridor.length_m, 5.0)), axis=1))
    lateral_m = [road.distance(shapely.Point(x, y)) for x, y in zip(x_m, y_m, strict=True)]
    # 2 lanes of 3.5 m, half a median of 2 m, and the offset of 3 m.
    assert lateral_m == pytest.approx([11.0] * len(units), abs=0.05)


def test_the_geojson_library_finds_nothing_wrong() -> None:
    """Independent: the checks of the package geojson pass, for WGS 84 in both layouts of rules and lists."""
    geojson = pytest.importorskip("geojson")
    for name in ("demo-zone", "tripoint"):
        collection = geojson.loads(WRITERS["wgs84.geojson"](load(name)))
        assert collection.is_valid, collection.errors()
        assert all(one.is_valid for one in collection["features"])


def test_gcj02_is_the_other_datum_and_says_so() -> None:
    """Printed: 471 to 482 m between the two datums on the zone's corridors; the file names its datum."""
    pyproj = pytest.importorskip("pyproj")
    loaded = load("demo-zone")
    plain, shifted = (json.loads(WRITERS[name](loaded)) for name in ("wgs84.geojson", "gcj02.geojson"))
    assert (plain["datum"], shifted["datum"]) == ("WGS84", "GCJ-02")
    here, there = (np.array([one["geometry"]["coordinates"] for one in data["features"]]) for data in (plain, shifted))
    _, _, apart_m = pyproj.Geod(ellps="WGS84").inv(*here.T, *there.T)
    assert 470 < apart_m.min() and apart_m.max() < 483


def feature(lon: Any = 120.87, lat: Any = 31.005, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature", "properties": {"id": "X"} | properties,
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
    }


def collection(*features: Any, **members: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)} | members


def errors_of(tmp_path: Path, content: Any) -> list[str]:
    """What loading 03-one-border with this layout complains about, without the folder."""
    path = tmp_path / "units.geojson"
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load("03-one-border", [f"layout={path}"])
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


@pytest.mark.parametrize(("content", "expected"), [
    ("{", "units.geojson:1:2: not valid JSON: Expecting property name enclosed in double quotes"),
    ("[]", "units.geojson: must be a GeoJSON FeatureCollection"),
    ('{"type": 1, "type": 2}', "units.geojson: not valid JSON: key 'type' stands twice in one object"),
    ('{"type": NaN}', "units.geojson: not valid JSON: NaN is no JSON number"),
    ('{"name": "\\ud800"}', "units.geojson: not valid JSON: half a surrogate pair in a text"),
    ("[" * 200_000, "units.geojson: nested too deeply"),
    ({"type": "Feature"}, "units.geojson: type: Feature: must be a GeoJSON FeatureCollection"),
    (collection(7), "units.geojson: feature 0: type: must be a Feature"),
    (collection(feature(), feature(id=None)), "feature 1: properties.id: is required: text or a whole number"),
    (collection({**feature(), "geometry": None}), "feature 0: geometry.type: must be a Point"),
    (collection({**feature(), "geometry": {"type": "LineString"}}), "geometry.type: LineString: must be a Point"),
    (collection(feature(lon="east")), 'geometry.coordinates: ["east", 31.005]: must be [longitude, latitude] in'),
    (collection(feature(lon=True)), "geometry.coordinates: [true, 31.005]: must be [longitude, latitude] in degrees"),
    (collection(feature(lon=31.0, lat=120.9)), "[31.0, 120.9]: longitude must be within -180..180 and latitude"),
    (collection(feature(lon=31.0, lat=120.9)), "longitude comes first"),
    (collection(feature(datum="BD-09")), "feature 0: properties.datum: BD-09: must be one of WGS84, CGCS2000, GCJ-02"),
    (collection(feature(), datum="BD-09"), "units.geojson: datum: BD-09: must be one of WGS84, CGCS2000, GCJ-02"),
    (collection(feature(), datum=4326), "units.geojson: datum: 4326: must be one of"),
    (collection(feature(), crs={"properties": {"name": "EPSG:32651"}}), "units.geojson: crs: EPSG:32651: must be WGS"),
    (collection(feature(mast_hight_m=5)), "properties.mast_hight_m: 5: unknown property; did you mean 'mast_height_m'"),
    (collection(feature(mast_height_m="high")), "feature 0: layout.sites.0.mast_height_m: high: must be a number"),
    (collection(feature(services="MAP, SPOT")), "feature 0: layout.sites.0.services.1: SPOT: must be one of"),
    (collection(feature(sensor="yes")), "feature 0: layout.sites.0.sensor: yes: must be true or false"),
    (collection(feature(node="S9")), "feature 0: layout.sites.0.node: S9: no such node; known: S1"),
    (collection(feature(jurisdiction="C")), "feature 0: layout.sites.0.jurisdiction: C: no such jurisdiction"),
    (collection(feature(), feature(lon=120.9, id="Y")), "feature 1: layout.sites.1.lon: 120.9: stands 28"),
    (collection(feature(), feature(lon=120.871)), "feature 1: layout.sites.1.id: X: is used twice"),
    (collection(feature(), feature(id="Y")), "feature 1: layout.sites.1: stands where unit X stands"),
    (collection(feature(), layout={"tx_power": 3}), "units.geojson: layout.tx_power: unknown key; did you mean 'tx_po"),
    (collection(feature(), layout={"sites": []}), "units.geojson: layout: must be a mapping of layout keys without"),
    (collection(*[7] * (MOST_UNITS + 1)), f"features: has {MOST_UNITS + 1} features; at most {MOST_UNITS}"),
])
def test_refusals_name_file_feature_and_field(content: Any, expected: str, tmp_path: Path) -> None:
    """By hand: one line for each thing wrong."""
    (line,) = errors_of(tmp_path, content)
    assert line.startswith("units.geojson") and expected in line, line


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """By hand: three features, three lines."""
    lines = errors_of(tmp_path, collection(feature(id=None), feature(lon=None), feature(lon=200)))
    assert [line.split(": ")[1] for line in lines] == ["feature 0", "feature 1", "feature 2"]


def test_too_large_missing_and_not_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: the size is bounded before anything is parsed; octets that are no UTF-8; no such file."""
    monkeypatch.setattr("sim.layouts.geojson.MOST_BYTES", 100)
    assert errors_of(tmp_path, " " * 101) == ["units.geojson: larger than 100 bytes"]
    path = tmp_path / "units.geojson"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ScenarioError, match="units.geojson: not UTF-8 text"):
        load("03-one-border", [f"layout={path}"])
    with pytest.raises(ScenarioError, match="no such layout; known: border, demo-zone"):
        load("03-one-border", [f"layout={tmp_path}/gone.geojson"])


def test_what_other_programs_write_is_read(tmp_path: Path) -> None:
    """By hand: numbers as ids, ids of features, third coordinates, nulls, text lists, crs, further columns, tabs."""
    first = feature(lon=120.8699, id=None, fid=3, node=None, services="MAP SPAT", street="north") | {"id": 17}
    second = feature(lon=120.8701, id=4, sensor=None)
    second["geometry"]["coordinates"].append(12.5)
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    path = tmp_path / "units.geojson"
    path.write_text(json.dumps(collection(first, second, crs=crs, name="mine"), indent="\t"), encoding="utf-8")
    loaded = load("03-one-border", [f"layout={path}"])
    assert loaded.config.layout.name == "mine"
    units = units_of(loaded)
    assert [unit.id for unit in units] == ["17", "4"]
    assert units[0].services == ("MAP", "SPAT") and units[1].services == ("MAP", "SPAT", "RSI")
    assert [unit.chainage_m for unit in units] == pytest.approx([554, 554], abs=2)
    assert [unit.side for unit in units] == ["left", "right"]


def test_attribute_tables_hold_text(tmp_path: Path) -> None:
    """By hand: numbers, yes and no, lists and JSON as text, empty text for nothing; what cannot be read is refused."""
    table = {"mast_height_m": "6.5", "sensor": 1, "services": '[ "MAP", "RSI" ]', "node": "", "side": "wherever",
             "antenna": '{"kind": "sector", "azimuth_deg": 90}'}
    path = tmp_path / "units.geojson"
    path.write_text(json.dumps(collection(feature(id="a", **table), feature(lat=31.006, id="b", sensor="False"))),
                    encoding="utf-8")
    loaded = load("03-one-border", [f"layout={path}"])
    one, two = units_of(loaded)
    assert (one.mast_height_m, one.sensor, one.services, one.node) == (6.5, True, ("MAP", "RSI"), None)
    assert one.antenna_pattern != two.antenna_pattern and not two.sensor
    assert errors_of(tmp_path, collection(feature(id="a", mast_height_m="tall", sensor="maybe"))) == [
        "units.geojson: feature 0: layout.sites.0.mast_height_m: tall: must be a number",
        "units.geojson: feature 0: layout.sites.0.sensor: maybe: must be true or false",
    ]


def test_a_datum_of_a_feature_goes_before_that_of_the_file(tmp_path: Path) -> None:
    """By hand: the same place given in GCJ-02 (file) and in WGS 84 (feature) is the same place to 1 mm."""
    lon, lat = (float(one) for one in wgs84_to_gcj02(120.8701, 31.005))
    path = tmp_path / "units.geojson"
    given = collection(feature(lon, lat), feature(120.8702, 31.005, id="Y", datum="WGS84"), datum="GCJ-02")
    path.write_text(json.dumps(given), encoding="utf-8")
    data = read_geojson(path).data
    assert data["name"] == "units"
    assert (data["sites"][0]["lon"], data["sites"][0]["lat"]) == pytest.approx((120.8701, 31.005), abs=1e-8)
    assert (data["sites"][1]["lon"], data["sites"][1]["lat"]) == (120.8702, 31.005)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-300, 300) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "features", "properties", "geometry", "coordinates", "id", "datum", "layout", "crs", "services"]
    ), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES, st.sampled_from(["whole", "feature", "properties", "geometry", "coordinates", "layout", "crs"]))
def test_no_json_whatsoever_gets_past_the_errors(value: Any, place: str) -> None:
    """Property: any value anywhere either reads as sites or ends in lines that begin with the file's name."""
    one = feature()
    if place in ("properties", "geometry"):
        one[place] = value
    elif place == "coordinates":
        one["geometry"]["coordinates"] = value
    content = {"whole": value, "feature": collection(value)}.get(place, collection(one))
    if place in ("layout", "crs"):
        content[place] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "u.geojson"
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            load("03-one-border", [f"layout={path}"])
        except ScenarioError as error:
            assert all(line.startswith((str(path), "--set layout=")) for line in str(error).splitlines())
