"""Everything a scenario must satisfy beyond single keys; each check yields (key path, rule broken)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from rsu.document import KeyPath, did_you_mean
from rsu.profile import Candidate
from rsu.siting import NAMED_RULES
from sim.scenario import radio_checks, standards_checks
from sim.scenario.found import Found, not_a_class, repeated, sha256_of, twice, unique
from sim.scenario.schema import Scenario
from sim.scenario.schema.layout import SitingRule
from sim.scenario.schema.messages import SECOND_PHASE_TAU_S
from sim.traffic import TRAFFIC, Traffic
from sim.traffic.trajectory_checks import recording_problems
from sim.world.corridor import CorridorGeometry, WorldProblems
from sim.world.network import node_problems
from sim.world.signals import signal_problems
from sim.world.sites import standing_units

SHARE_TOLERANCE = 1e-6
SAME_MAST_M = 0.1
MESSAGE_CLASSES = ("SPAT", "MAP", "RSI", "RSM", "BSM")
LIMITED = (*MESSAGE_CLASSES, *SECOND_PHASE_TAU_S)


def problems_of(
    config: Scenario, candidate: Candidate | None, data_file: Path | None, views: Sequence[Candidate] = ()
) -> list[Found]:
    """Everything wrong with a scenario that fits the schema, in the order of the file's sections."""
    found: list[Found] = []
    geometry: CorridorGeometry | None = None
    try:
        geometry = CorridorGeometry(config.corridor)
        found += node_problems(geometry)
    except WorldProblems as error:
        found += error.problems
    found += signal_problems(config.corridor)
    checks: list[Iterable[Found]] = [
        head(config),
        corridor(config),
        traffic(config, data_file),
        layout(config),
        periods(config),
        events(config),
        pedestrians(config),
        radio_checks.problems(config),
        measure(config),
    ]
    if geometry is not None:
        checks += [places(config, geometry), placed_ids(config, geometry)]
        checks.append(recording_problems(config, geometry, data_file))
    checks.append(standards_checks.problems(config, candidate, views))
    if candidate is not None:
        checks.append(limits(config, candidate))
    for check in checks:
        found += check
    if geometry is not None and not found:
        found += [*masts(config, geometry), *out_of_service(config, geometry)]
    return list(dict.fromkeys(found))


def head(config: Scenario) -> Iterator[Found]:
    """The start is a time with its zone."""
    try:
        start = datetime.fromisoformat(config.start)
        good = start.tzinfo is not None and 2000 <= start.year < 2100
    except ValueError:
        good = False
    if not good:
        rule = "must be an ISO 8601 time with its zone in the years 2000 to 2099, e.g. 2026-06-01T08:00:00+08:00"
        yield ("start",), rule
    tick_s = config.traffic.tick_s
    for name in ("duration_s", "traffic_warmup_s", "radio_warmup_s"):
        value = getattr(config, name)
        if value is not None and abs(value / tick_s - round(value / tick_s)) > 1e-6:
            yield (name,), f"must be a multiple of traffic.tick_s ({tick_s:g} s)"


def corridor(config: Scenario) -> Iterator[Found]:
    """Directions, and what a ring needs."""
    if (
        len(set(config.corridor.directions)) != len(config.corridor.directions)
        or not config.corridor.directions
    ):
        yield ("corridor", "directions"), "must name up, down or both, once each"
    if (
        config.corridor.topology == "ring"
        and config.traffic.density_veh_km is None
        and not config.traffic.stations
    ):
        yield ("traffic", "density_veh_km"), "is required on a ring"


def traffic(config: Scenario, data_file: Path | None) -> Iterator[Found]:
    """Shares, models and what each of them needs."""
    flows = config.traffic
    jurisdictions = [one.id for one in config.corridor.jurisdictions]
    yield from _shares_sum_to_one(("traffic", "classes"), [one.share for one in flows.classes])
    yield from unique(("traffic", "classes"), "name", [one.name for one in flows.classes])
    if flows.homes:
        yield from _shares_sum_to_one(("traffic", "homes"), [one.share for one in flows.homes])
        yield from unique(("traffic", "homes"), "jurisdiction", [one.jurisdiction for one in flows.homes])
    for index, home in enumerate(flows.homes):
        yield from _known(
            ("traffic", "homes", index, "jurisdiction"), home.jurisdiction, jurisdictions, "jurisdiction"
        )
    yield from unique(("traffic", "flows"), "direction", [one.direction for one in flows.flows])
    if abs(flows.tick_s * 1000 - round(flows.tick_s * 1000)) > 1e-9:
        yield ("traffic", "tick_s"), "must be a whole number of milliseconds"
    if flows.model == "trajectories" and flows.file is None:
        yield ("traffic", "file"), "is required by model trajectories"
    if flows.file is not None and data_file is None:
        yield ("traffic", "file"), "no such file beside the scenario or among the shipped ones"
    if (
        flows.model == "static"
        and flows.stations is None
        and flows.file is None
        and flows.density_veh_km is None
    ):
        yield ("traffic", "model"), "static needs stations, file or density_veh_km"
    if flows.file_sha256 and data_file is not None and sha256_of(data_file) != flows.file_sha256:
        yield ("traffic", "file"), "is not the file the scenario was stored with (file_sha256 differs)"
    if ":" in flows.model:
        if rule := not_a_class(flows.model, Traffic):
            yield ("traffic", "model"), rule
    elif flows.model not in TRAFFIC:
        yield ("traffic", "model"), f"no such traffic model; {did_you_mean(flows.model, TRAFFIC)}"
    if flows.file is not None and flows.model in ("idm", "constant-speed"):
        yield ("traffic", "file"), f"model {flows.model} reads no file"
    for index, flow in enumerate(flows.flows):
        if flow.direction not in config.corridor.directions:
            yield ("traffic", "flows", index, "direction"), "the corridor has no such direction"
    if flows.stations is not None and flows.model != "static":
        yield ("traffic", "stations"), "is for model static only"
    for index, outage in enumerate(config.gnss.outages):
        if outage.to_m <= outage.from_m:
            yield ("gnss", "outages", index, "to_m"), f"must lie beyond from_m ({outage.from_m:g})"


def layout(config: Scenario) -> Iterator[Found]:
    """Units placed by hand, and the rules' jurisdictions."""
    plan = config.layout
    jurisdictions = [one.id for one in config.corridor.jurisdictions]
    nodes = [node.id for node in config.corridor.nodes]
    for index, rule in enumerate(plan.rules):
        if rule.jurisdiction is not None:
            path: KeyPath = ("layout", "rules", index, "jurisdiction")
            yield from _known(path, rule.jurisdiction, jurisdictions, "jurisdiction")
        yield from siting_rule(rule, ("layout", "rules", index))
    yield from unique(("layout", "sites"), "id", [site.id for site in plan.sites])
    for index, site in enumerate(plan.sites):
        here: KeyPath = ("layout", "sites", index)
        by_position = site.lon is not None and site.lat is not None
        if (site.lon is None) != (site.lat is None) or by_position == (site.at_m is not None):
            yield here, "give at_m, or both lon and lat"
        if site.jurisdiction is not None:
            yield from _known((*here, "jurisdiction"), site.jurisdiction, jurisdictions, "jurisdiction")
        if site.node is not None:
            yield from _known((*here, "node"), site.node, nodes, "node")
        for name in twice(site.services or []):
            yield (*here, "services"), f"{name} is named twice"
    for key in ("junction_services", "mid_block_services"):
        for name in twice(getattr(plan, key)):
            yield ("layout", key), f"{name} is named twice"
    if config.corridor.topology == "ring" and plan.rules:
        yield ("layout", "rules"), "a ring takes units placed by hand (sites) only"


def siting_rule(rule: SitingRule, here: KeyPath) -> Iterator[Found]:
    """Keys of one rule that belong together or exclude each other."""
    if rule.spacing is not None and rule.named is None:
        yield (*here, "spacing"), "chooses within a published range: it needs named"
    if rule.spacing is not None and rule.spacing_m is not None:
        yield (*here, "spacing"), "give spacing or spacing_m, not both"
    everywhere = rule.road_class is None and rule.from_m is None and rule.to_m is None
    if rule.named is not None and NAMED_RULES[rule.named].road_class is None and everywhere:
        yield (*here, "named"), "is for tunnels, which the corridor does not know: give from_m and to_m"
    if rule.from_m is not None and rule.to_m is not None and rule.to_m <= rule.from_m:
        yield (*here, "to_m"), f"must lie beyond from_m ({rule.from_m:g})"
    for number, chainage_m in enumerate(rule.always_at_m):
        if chainage_m < 0:
            yield (*here, "always_at_m", number), "must be at least 0"
    yield from repeated((*here, "always_at_m"), rule.always_at_m)


def periods(config: Scenario) -> Iterator[Found]:
    """Periods of roadside messages are multiples of 100 ms (T/CSAE 159-2020 as reported)."""
    for name in ("map_period_ms", "spat_period_ms", "rsm_period_ms"):
        value = getattr(config.roadside, name)
        if value is not None and value % 100:
            yield ("roadside", name), "must be a multiple of 100 ms"


def events(config: Scenario) -> Iterator[Found]:
    """Order of ends, times, and ids that a receiver can tell apart."""
    yield from unique(("events",), "id", [(event.kind, event.id) for event in config.events])
    for index, event in enumerate(config.events):
        if event.to_m <= event.from_m:
            yield ("events", index, "to_m"), f"must lie beyond from_m ({event.from_m:g})"
        if event.end_s is not None and event.end_s <= event.start_s:
            yield ("events", index, "end_s"), f"must be later than start_s ({event.start_s:g})"
        if event.direction not in config.corridor.directions:
            yield ("events", index, "direction"), "the corridor has no such direction"
        if not event.description.isascii():
            yield ("events", index, "description"), "must be ASCII text"


def pedestrians(config: Scenario) -> Iterator[Found]:
    """Names that tell persons apart; a ring has nobody beside it."""
    yield from unique(("pedestrians",), "id", [one.id for one in config.pedestrians])
    if config.corridor.topology == "ring" and config.pedestrians:
        yield ("pedestrians",), "a ring takes none"


def places(config: Scenario, geometry: CorridorGeometry) -> Iterator[Found]:
    """Chainages lie on the road; units given by position lie near it."""
    length = geometry.length_m
    limit = config.corridor.max_offset_m
    for path, chainage in _chainages(config):
        if chainage > length + 0.5:
            yield path, f"lies beyond the end of the road at {length:.1f} m"
    for index, site in enumerate(config.layout.sites):
        if site.lon is None or site.lat is None:
            continue
        x, y = geometry.from_lonlat(site.lon, site.lat)
        chainage_m, _ = geometry.project(x, y)
        near_x, near_y = geometry.xy_at(chainage_m)
        offset = float(np.hypot(x - near_x, y - near_y))
        if offset > limit:
            yield (
                ("layout", "sites", index, "lon"),
                f"stands {offset:.0f} m off the road; max_offset_m is {limit:g}",
            )


def placed_ids(config: Scenario, geometry: CorridorGeometry) -> Iterator[Found]:
    """No unit placed by hand takes the id of one that a rule places."""
    by_rule = config.layout.model_copy(update={"sites": []})
    taken = {unit.id for unit in standing_units(by_rule, geometry)}
    for index, site in enumerate(config.layout.sites):
        if site.id in taken:
            yield ("layout", "sites", index, "id"), "is the id of a unit that a rule places"


def masts(config: Scenario, geometry: CorridorGeometry) -> Iterator[Found]:
    """No unit placed by hand stands where another one stands: they would share one radio path to everybody."""
    units = standing_units(config.layout, geometry)
    first_site = len(units) - len(config.layout.sites)
    x_m, y_m = (np.array([getattr(unit, name) for unit in units]) for name in ("x_m", "y_m"))
    for index in range(first_site, len(units)):
        near = np.hypot(x_m[:index] - x_m[index], y_m[:index] - y_m[index]) < SAME_MAST_M
        for other in np.flatnonzero(near)[:1]:
            yield ("layout", "sites", index - first_site), f"stands where unit {units[other].id} stands"


def out_of_service(config: Scenario, geometry: CorridorGeometry) -> Iterator[Found]:
    """Units that are down do stand in the layout."""
    if not config.layout.down:
        return
    known = {unit.id for unit in standing_units(config.layout, geometry)}
    for index, name in enumerate(config.layout.down):
        if name not in known:
            yield ("layout", "down", index), f"no such unit; {did_you_mean(name, known) if known else 'there is none'}"
    yield from repeated(("layout", "down"), config.layout.down)


def _chainages(config: Scenario) -> Iterator[tuple[KeyPath, float]]:
    for index, site in enumerate(config.layout.sites):
        if site.at_m is not None:
            yield ("layout", "sites", index, "at_m"), site.at_m
    for index, rule in enumerate(config.layout.rules):
        for key in ("from_m", "to_m"):
            if (edge_m := getattr(rule, key)) is not None:
                yield ("layout", "rules", index, key), edge_m
        for number, chainage_m in enumerate(rule.always_at_m):
            yield ("layout", "rules", index, "always_at_m", number), chainage_m
    for index, event in enumerate(config.events):
        yield ("events", index, "to_m"), event.to_m
    for index, outage in enumerate(config.gnss.outages):
        yield ("gnss", "outages", index, "to_m"), outage.to_m
    for index, chainage in enumerate(config.traffic.stations or []):
        yield ("traffic", "stations", index), chainage
    for index, person in enumerate(config.pedestrians):
        along_m = person.walk_m if person.way == "along" else 0.0
        yield ("pedestrians", index, "at_m"), person.at_m + along_m


def measure(config: Scenario) -> Iterator[Found]:
    """Distances, the counted part of the road and the freshness limits."""
    if config.measure.bin_m > config.measure.max_distance_m:
        yield ("measure", "bin_m"), f"must be at most max_distance_m ({config.measure.max_distance_m:g})"
    low, high = config.measure.inner_from_m, config.measure.inner_to_m
    if low is not None and high is not None and high <= low:
        yield ("measure", "inner_to_m"), f"must lie beyond inner_from_m ({low:g})"
    for name, limit in config.measure.tau_s.items():
        if name not in LIMITED:
            yield ("measure", "tau_s", name), f"unknown class; {did_you_mean(name, LIMITED)}"
        if not limit > 0:
            yield ("measure", "tau_s", name), "must be above 0"
    missing = [name for name in MESSAGE_CLASSES if name not in config.measure.tau_s]
    if missing:
        yield ("measure", "tau_s"), f"names no limit for {', '.join(missing)}"


def limits(config: Scenario, candidate: Candidate) -> Iterator[Found]:
    """EIRP = conducted power + antenna gain stays within every profile's limit."""
    link, plan = config.radio.link, config.layout
    units = {site.jurisdiction for site in plan.sites} | {rule.jurisdiction for rule in plan.rules}
    for jurisdiction in config.corridor.jurisdictions:
        if not candidate.holds_in(jurisdiction.id):
            continue
        profile = candidate.profile(jurisdiction.id)
        obu = _over(link.tx_power_dbm + link.antenna_gain_dbi, profile.get("eirp_limit_obu_dbm"))
        if obu:
            yield ("radio", "link", "tx_power_dbm"), f"EIRP of on-board units {obu} of profile {profile.name}"
        rsu = _over(plan.tx_power_dbm + plan.antenna_gain_dbi, profile.get("eirp_limit_rsu_dbm"))
        if rsu and units & {jurisdiction.id, None}:
            yield ("layout", "tx_power_dbm"), f"EIRP of roadside units {rsu} of profile {profile.name}"


def _over(eirp_dbm: float, limit_dbm: float | None) -> str:
    if limit_dbm is None or eirp_dbm <= limit_dbm + 1e-9:
        return ""
    return f"is {eirp_dbm:g} dBm (power + antenna gain), over the limit of {limit_dbm:g} dBm"


def _shares_sum_to_one(path: KeyPath, shares: list[float]) -> Iterator[Found]:
    total = sum(shares)
    if abs(total - 1) > SHARE_TOLERANCE:
        yield path, f"shares sum to {total:.6g}; they must sum to 1"


def _known(path: KeyPath, word: str, known: list[str], what: str) -> Iterator[Found]:
    if word not in known:
        yield path, f"no such {what}; {did_you_mean(word, known) if known else 'there is none'}"
