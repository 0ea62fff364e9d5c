"""Propagation: settings that cannot work."""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.found import Found
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio.channel import Building


def channel(config: Scenario) -> Iterator[Found]:
    """Laws apply to the antennas there are, obstacles are whole, no setting goes unheard."""
    from sim.channel.outlines import NO_PLACE, ONE_SCENE, one_scene

    second = config.second_radio
    if second is not None and second.radio is not config.radio and not one_scene(config):
        yield ("second_radio", "radio", "channel"), ONE_SCENE
    if config.radio.access in NO_PLACE:
        return
    settings = config.radio.channel
    here = ("radio", "channel")
    yield from environment(config)
    if settings.blockage == "per-blocker" and settings.line_of_sight != "geometric":
        yield (*here, "blockage"), "per-blocker needs line_of_sight: geometric"
    nlos_m, nlosv_m = settings.decorrelation_nlos_m, settings.decorrelation_nlosv_m
    walled = bool(settings.buildings or settings.buildings_file)
    if nlosv_m is not None and settings.line_of_sight == "always":
        yield (*here, "decorrelation_nlosv_m"), "needs a line_of_sight other than always"
    if nlos_m is not None and not walled and settings.line_of_sight != "tr37885-extended":
        yield (*here, "decorrelation_nlos_m"), "needs buildings or line_of_sight: tr37885-extended"
    if settings.building_law == "nlos" and not walled:
        yield (*here, "building_law"), "nlos needs buildings"
    for index, building in enumerate(settings.buildings):
        yield from outline((*here, "buildings", index), building)


def environment(config: Scenario) -> Iterator[Found]:
    """WINNER+ B1 needs every antenna above the environment height."""
    from sim.world.pedestrians import DEVICE_HEIGHT_M

    settings = config.radio.channel
    if "winner-b1" not in (settings.v2v, settings.v2i) and settings.nlos != "winner-b1-manhattan":
        return
    height_m = settings.environment_height_m
    rule = f"must be above radio.channel.environment_height_m ({height_m:g} m) for WINNER+ B1"
    antennas: list[tuple[tuple[str | int, ...], float]] = [
        (("traffic", "classes", index, "antenna_height_m"), kind.antenna_height_m)
        for index, kind in enumerate(config.traffic.classes) if kind.share > 0
    ]
    if config.layout.rules or config.layout.sites:
        antennas.append((("layout", "mast_height_m"), config.layout.mast_height_m))
    antennas += [
        (("layout", "sites", index, "mast_height_m"), site.mast_height_m)
        for index, site in enumerate(config.layout.sites) if site.mast_height_m is not None
    ]
    for path, antenna_m in antennas:
        if antenna_m <= height_m:
            yield path, rule
    if config.pedestrians and DEVICE_HEIGHT_M <= height_m:
        rule = f"must be below the devices of pedestrians ({DEVICE_HEIGHT_M:g} m) for WINNER+ B1"
        yield ("radio", "channel", "environment_height_m"), rule


def outline(place: tuple[str | int, ...], building: Building) -> Iterator[Found]:
    """Corners are given once, lie on Earth and enclose something."""
    if (building.lonlat is None) == (building.metres is None):
        yield place, "needs either lonlat or metres"
        return
    name = "lonlat" if building.lonlat is not None else "metres"
    corners = building.lonlat if building.lonlat is not None else building.metres or []
    least = 2 if building.thin else 3
    if len({tuple(corner) for corner in corners}) < least:
        what = "a thin wall" if building.thin else "an area"
        yield (*place, name), f"{what} needs at least {least} corners that differ"
    if name == "lonlat":
        for index, (lon, lat) in enumerate(corners):
            if not (-180 <= lon <= 180 and -84 <= lat <= 84):
                yield (*place, name, index), "must be a longitude (-180 .. 180) and a latitude (-84 .. 84)"
