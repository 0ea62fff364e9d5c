"""Roadside units of a run: siting rules and hand-placed sites, resolved on the corridor."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from rsu.document import did_you_mean
from rsu.siting import PlacedSite, RoadPiece, Side, place
from sim.channel.antenna import OMNI
from sim.scenario.schema.layout import Antenna, Layout, Site
from sim.world.corridor import CorridorGeometry

UNIT_IDS = 1_000_000
"""Station ids of units lie below this, those of probes and vehicles above."""


@dataclass(frozen=True)
class RoadsideUnit:
    """One unit as it stands; ``index`` is its slot."""

    index: int
    station_id: int
    """Lasting identity, from the unit's name alone, so that further units change no draw of this one."""
    id: str
    x_m: float
    y_m: float
    chainage_m: float
    """Foot point on the corridor."""
    jurisdiction: int
    """Index of the operator's jurisdiction, -1 where nobody owns the site."""
    node: int | None
    """Index of the signalised node it serves."""
    services: tuple[str, ...]
    sensor: bool
    mast_height_m: float
    antenna_gain_dbi: float
    tx_power_dbm: float
    rule: str
    antenna_pattern: tuple[float, ...] = OMNI
    """Numbers of :mod:`sim.channel.antenna`, azimuth from north."""
    side: Side = "right"
    """Side of the road, seen in direction up."""
    twin_of: int | None = None
    """Index of the unit whose messages this one repeats by its own jurisdiction's profile (:mod:`sim.world.gateways`);
    none = it speaks for itself."""


NODE_ONCE: tuple[str, ...] = ("RSM", "C157-SSM", "RSC")
"""Services that the first unit of a node runs and its further ones do not: one sensor and one planner a junction."""


def build_units(layout: Layout, corridor: CorridorGeometry) -> list[RoadsideUnit]:
    """Units in service, those of rules first, each sorted by chainage. ValueError for doubled or unknown ids.

    Units of ``layout.down`` are left out; those that stay keep id, station id, place and everything else, and
    ``index`` counts anew.
    """
    units = standing_units(layout, corridor)
    known = {unit.id for unit in units}
    for name in layout.down:
        if name not in known:
            raise ValueError(f"layout.down: {name}: no such unit; {did_you_mean(name, known)}")
    if not layout.down:
        return units
    down = set(layout.down)
    return [replace(unit, index=index) for index, unit in enumerate(one for one in units if one.id not in down)]


def units_down(layout: Layout, corridor: CorridorGeometry) -> list[RoadsideUnit]:
    """Units that stand but are out of service."""
    down = set(layout.down)
    return [unit for unit in standing_units(layout, corridor) if unit.id in down] if down else []


def standing_units(layout: Layout, corridor: CorridorGeometry) -> list[RoadsideUnit]:
    """All units, those out of service among them; as :func:`build_units` else."""
    units: list[RoadsideUnit] = []
    sizes = [node.size for node in corridor.config.nodes]
    rules = [rule.resolved() for rule in layout.rules]
    for site in place(_pieces(corridor), corridor.node_chainage_m, rules, sizes):
        units.append(_placed(layout, corridor, len(units), site))
    for listed in layout.sites:
        units.append(_listed(layout, corridor, len(units), listed))
    doubled = sorted(name for name, count in Counter(unit.id for unit in units).items() if count > 1)
    if doubled:
        raise ValueError(f"layout.sites: id {doubled[0]!r} stands more than once")
    own = {site.id: site.antenna for site in layout.sites if site.antenna is not None}
    return identified([
        replace(unit, antenna_pattern=_pattern(own.get(unit.id, layout.antenna), corridor, unit)) for unit in units
    ])


def _pattern(antenna: Antenna, corridor: CorridorGeometry, unit: RoadsideUnit) -> tuple[float, ...]:
    """The unit's antenna as numbers, its azimuth turned to north."""
    if antenna.kind == "omni":
        return OMNI
    azimuth_deg = antenna.azimuth_deg
    if antenna.azimuth_reference == "road":
        azimuth_deg += float(np.ravel(corridor.heading_at(np.array([unit.chainage_m])))[0])
    return (
        azimuth_deg % 360.0, antenna.downtilt_deg, antenna.beamwidth_deg, antenna.vertical_beamwidth_deg,
        antenna.front_to_back_db, antenna.side_lobe_db,
    )


def identified(units: list[RoadsideUnit]) -> list[RoadsideUnit]:
    """Station ids below ``UNIT_IDS`` from hashed names; of two that meet, the one later in the alphabet moves on."""
    taken: set[int] = set()
    ids: dict[str, int] = {}
    for name in sorted(unit.id for unit in units):
        number = zlib.crc32(name.encode()) % UNIT_IDS
        while number in taken:
            number = (number + 1) % UNIT_IDS
        taken.add(number)
        ids[name] = number
    return [replace(unit, station_id=ids[unit.id]) for unit in units]


def _placed(layout: Layout, corridor: CorridorGeometry, index: int, site: PlacedSite) -> RoadsideUnit:
    """A unit that a rule placed."""
    x_m, y_m = _beside_road(layout, corridor, site.chainage_m, site.side)
    owner = corridor.jurisdiction_ids.index(site.jurisdiction) if site.jurisdiction else -1
    unit = _unit(layout, index, site.id, x_m, y_m, site.chainage_m, owner, site.node, None, site.rule)
    mast_height_m = unit.mast_height_m if site.mast_height_m is None else site.mast_height_m
    unit = replace(unit, side=site.side, mast_height_m=mast_height_m)
    if site.first_at_node:
        return unit
    services = tuple(service for service in unit.services if service not in NODE_ONCE)
    return replace(unit, services=services, sensor=False)


def _listed(layout: Layout, corridor: CorridorGeometry, index: int, site: Site) -> RoadsideUnit:
    if site.at_m is not None:
        chainage_m, side = float(site.at_m), site.side
        x_m, y_m = _beside_road(layout, corridor, chainage_m, side)
    else:
        x, y = corridor.from_lonlat(np.array([site.lon]), np.array([site.lat]))
        x_m, y_m = float(x[0]), float(y[0])
        along_m, left_m = (float(np.ravel(one)[0]) for one in corridor.project(x, y))
        chainage_m, side = along_m, "left" if left_m > 0 else "right"
    node_ids = [node.id for node in corridor.config.nodes]
    node = node_ids.index(site.node) if site.node is not None else None
    owner = (
        corridor.jurisdiction_ids.index(site.jurisdiction)
        if site.jurisdiction is not None
        else int(corridor.place_at(np.array([chainage_m]))[0])
    )
    unit = _unit(layout, index, site.id, x_m, y_m, chainage_m, owner, node, site, "listed")
    return replace(unit, side=side)


def _unit(
    layout: Layout, index: int, name: str, x_m: float, y_m: float, chainage_m: float, owner: int,
    node: int | None, site: Site | None, rule: str,
) -> RoadsideUnit:
    at_node = node is not None
    services = layout.junction_services if at_node else layout.mid_block_services
    sensor = layout.junction_sensor if at_node else layout.mid_block_sensor
    mast_height_m = layout.mast_height_m
    if site is not None:
        services = site.services if site.services is not None else services
        sensor = site.sensor if site.sensor is not None else sensor
        mast_height_m = site.mast_height_m if site.mast_height_m is not None else mast_height_m
    return RoadsideUnit(
        index, -1, name, float(x_m), float(y_m), float(chainage_m), owner, node, tuple(services), sensor,
        mast_height_m, layout.antenna_gain_dbi, layout.tx_power_dbm, rule,
    )


def _beside_road(layout: Layout, corridor: CorridorGeometry, chainage_m: float, side: str) -> tuple[float, float]:
    """Plane position of a mast: beyond the outer lane by the layout's offset; right is right of direction up."""
    config = corridor.config
    half_m = config.median_m / 2 + float(corridor.lanes_at(np.array([chainage_m]))[0]) * config.lane_width_m
    lateral_m = half_m + layout.offset_m
    x, y = corridor.xy_at(np.array([chainage_m]), np.array([-lateral_m if side == "right" else lateral_m]))
    return float(x[0]), float(y[0])


def _pieces(corridor: CorridorGeometry) -> list[RoadPiece]:
    """The road cut wherever its class or its jurisdiction changes."""
    cuts = {0.0, corridor.length_m}
    cuts |= {edge for span in corridor.spans for edge in (span.from_m, span.to_m)}
    cuts |= {edge for section in corridor.sections for edge in (section.from_m, section.to_m)}
    edges = sorted(cut for cut in cuts if 0.0 <= cut <= corridor.length_m)
    pieces = []
    for low, high in zip(edges, edges[1:], strict=False):
        middle = (low + high) / 2
        owner = int(corridor.place_at(np.array([middle]))[0])
        name = corridor.jurisdiction_ids[owner] if owner >= 0 else None
        pieces.append(RoadPiece(low, high, corridor.road_class_at(middle), name))
    return pieces
