"""What a loaded scenario amounts to: lengths, counts, EIRP; printed by ``corridor check``."""

from __future__ import annotations

from typing import Any

from rsu.profile import HAZARDS, Candidate
from sim.scenario.loader import LoadedScenario
from sim.scenario.schema import Scenario
from sim.scenario.standards_checks import in_force
from sim.timeline import traffic_warmup_s
from sim.world.corridor import CorridorGeometry
from sim.world.gateways import with_twins
from sim.world.sites import RoadsideUnit, build_units

WIDEST = 160
"""Characters up to which a list stands on one line of text."""


def facts_of(loaded: LoadedScenario) -> dict[str, Any]:
    """Plain facts by name, in the order they are printed."""
    config, candidate = loaded.config, loaded.candidate
    geometry = CorridorGeometry(config.corridor)
    units = build_units(config.layout, geometry)
    link, layout = config.radio.link, config.layout
    profiles = in_force(config, candidate)
    return {
        "scenario": f"{loaded.name}: {config.title}" if config.title else loaded.name,
        "run id": loaded.run_id(),
        "seed": config.seed,
        "time": f"{config.duration_s:g} s measured after {traffic_warmup_s(config):g} s of traffic "
        f"and {config.radio_warmup_s:g} s of radio",
        "road": f"{geometry.length_m / 1000:.2f} km, {config.corridor.datum}",
        "jurisdictions": jurisdictions(geometry),
        "borders": [f"{one.from_id}/{one.to_id} at {one.chainage_m:.0f} m" for one in geometry.borders],
        "signals": [
            f"{node.id} at {chainage:.0f} m"
            for node, chainage in zip(config.corridor.nodes, geometry.node_chainage_m, strict=True)
        ],
        "roadside units": unit_counts(geometry, units),
        "EIRP": f"roadside units {layout.tx_power_dbm + layout.antenna_gain_dbi:g} dBm, "
        f"on-board units {link.tx_power_dbm + link.antenna_gain_dbi:g} dBm",
        "radio": radios(config),
        "equipped": f"{config.traffic.equipped_ratio:.0%} of vehicles",
        "homes": homes(config),
        "candidate": f"{candidate.name}: {candidate.title}" if candidate.title else candidate.name,
        "hazards": [f"{one} {HAZARDS[one].title}" for one in candidate.exercised],
        "profiles": [
            f"{place}: {profile.name}, {profile.get('message_set')} over {profile.get('network')}, "
            f"{profile.effective('security.suite')} under root {profile.effective('security.root')}"
            for place, profile in profiles.items()
        ],
        "gateway": gateways(candidate, geometry, units),
        "views": [view.name for view in loaded.views],
        "remarks": list(loaded.remarks),
        "illustrative": candidate.illustrative_items(),
    }


def facts_text(loaded: LoadedScenario) -> str:
    """:func:`facts_of` as aligned lines."""
    facts = facts_of(loaded)
    width = max(len(key) for key in facts)
    lines = []
    for key, value in facts.items():
        text = "; ".join(str(item) for item in value) or "none" if isinstance(value, list) else str(value)
        if isinstance(value, list) and len(value) > 1 and len(text) > WIDEST:
            text = f"\n{'':<{width}}  ".join(str(item) for item in value)
        lines.append(f"{key:<{width}}  {text}")
    return "\n".join(lines)


def gateways(candidate: Candidate, corridor: CorridorGeometry, units: list[RoadsideUnit]) -> str:
    """Reach and delay of gateways, and how many radios they add at the borders."""
    gateway = candidate.gateway
    if gateway is None:
        return "none"
    added = len(with_twins(units, corridor, gateway)) - len(units)
    return f"within {gateway.within_m:g} m of a border, {gateway.delay_ms:g} ms later: {added} further radios"


def radios(config: Scenario) -> list[str]:
    """Access layer, bandwidth and carrier of each radio, and channel plans that are not the whole carrier."""
    found = [config.radio] if config.second_radio is None else [config.radio, config.second_radio.radio]
    lines = [f"{one.access}, {one.bandwidth_mhz:g} MHz around {one.carrier_hz / 1e6:g} MHz" for one in found]
    for radio in found:
        for plan in radio.mode4.channel_plans:
            said = [
                f"{device} send {tuning.send}, listen {' + '.join(tuning.listen)}"
                for device, tuning in (("vehicles", plan.vehicle), ("units", plan.rsu))
            ]
            lines.append(f"{', '.join(plan.jurisdictions) or 'the others'}: {'; '.join(said)}")
    return lines


def homes(config: Scenario) -> list[str]:
    """Share of equipped vehicles by home jurisdiction."""
    if config.traffic.homes:
        return [f"{one.jurisdiction} {one.share:.0%}" for one in config.traffic.homes]
    return ["equal shares of " + ", ".join(one.id for one in config.corridor.jurisdictions)]


def jurisdictions(geometry: CorridorGeometry) -> list[str]:
    """Each jurisdiction with the length of road it owns and its share."""
    found = []
    for index, name in enumerate(geometry.jurisdiction_ids):
        length_m = sum(span.to_m - span.from_m for span in geometry.spans if span.owner == index)
        share = length_m / geometry.length_m
        found.append(
            f"{name} {length_m / 1000:.2f} km ({share:.1%})" if length_m else f"{name} by radio only"
        )
    return found


def unit_counts(geometry: CorridorGeometry, units: list[RoadsideUnit]) -> str:
    """How many units there are, at signals and in each jurisdiction."""
    at_nodes = sum(unit.node is not None for unit in units)
    owners = {index: name for index, name in enumerate(geometry.jurisdiction_ids)} | {-1: "nobody"}
    counts = [(name, sum(unit.jurisdiction == index for unit in units)) for index, name in owners.items()]
    split = ", ".join(f"{name} {count}" for name, count in counts if count)
    return f"{len(units)}, {at_nodes} of them at signals" + (f" ({split})" if split else "")
