"""What a candidate changes in a scenario: sites by each place's rule, channel plans, access layers.

Candidates that ask for nothing of this leave a scenario as it is. What the scenario's own file sets stands, and a
remark says so; what the candidate puts in its place reads back to the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rsu.document import KeyPath
from sim.scenario.schema import Scenario
from sim.scenario.schema.corridor import Jurisdiction
from sim.scenario.schema.layout import Layout, Site, SitingRule
from sim.scenario.schema.radio import Radio
from sim.scenario.schema.radio.lte import ChannelPlan, Tuning
from sim.scenario.schema.second_radio import Fitting, SecondRadio

if TYPE_CHECKING:
    from rsu.profile import Candidate, Profile

PLANNED = "lte-v2x-mode4"
"""The access layer that has channel plans."""
BANDWIDTHS_MHZ = (10, 20, 30, 40)
_DEFAULT_TUNING = ("whole", ("whole",))


def apply_candidate(
    config: Scenario, candidate: Candidate, *, set_by_user: Collection[KeyPath]
) -> tuple[Scenario, list[str]]:
    """The scenario as ``candidate`` has it, and one line for each thing of the candidate that does not take effect.

    ``set_by_user``: key paths that the scenario file or an override sets (:func:`paths_of`); an access layer or channel
    plans set there stand. Sites follow the profiles only with ``candidate.sites == "profiles"``. The result still has
    to pass the checks of a scenario. ValueError for more than two access layers.
    """
    remarks: list[str] = []
    config = _with_sites(config, candidate, remarks)
    config = _with_access(config, candidate, set_by_user, remarks)
    return _with_plans(config, candidate, remarks), remarks


def paths_of(data: Any, here: KeyPath = ()) -> set[KeyPath]:
    """Key paths of all values in nested mappings; a list is one value, an empty one counts as not set."""
    if not isinstance(data, Mapping):
        return set() if data is None or data == [] else {here}
    return {path for key, value in data.items() for path in paths_of(value, (*here, key))}


def _profiles(config: Scenario, candidate: Candidate) -> dict[str, Profile]:
    """Effective profile by jurisdiction, in the order of the corridor; a check names those without one."""
    places = [one.id for one in config.corridor.jurisdictions]
    return {place: candidate.profile(place) for place in places if candidate.holds_in(place)}


# ---- sites


def _with_sites(config: Scenario, candidate: Candidate, remarks: list[str]) -> Scenario:
    if candidate.sites != "profiles":
        return config
    if config.corridor.topology == "ring":
        remarks.append(f"candidate {candidate.name}: a ring keeps the units of its layout, siting rules do not apply")
        return config
    profiles = _profiles(config, candidate)
    ruled = {place: profile for place, profile in profiles.items() if profile.get("siting") is not None}
    open_places = [place for place in profiles if place not in ruled]
    rules = [rule for rule in config.layout.rules if open_places and rule.jurisdiction not in ruled]
    for place, profile in ruled.items():
        rules += siting_rules(place, profile)
    kept, dropped = _sites_by_hand(config, ruled)
    if open_places:
        remarks.append(
            f"candidate {candidate.name}: {', '.join(open_places)}: the profile leaves siting open, the layout's units "
            "stay"
        )
    if dropped:
        remarks.append(f"candidate {candidate.name}: units placed by hand give way to rules: {', '.join(dropped)}")
    if config.layout.down:
        remarks.append(f"candidate {candidate.name}: all units are in service, layout.down does not apply")
    update = {
        "name": f"siting of {candidate.name}", "note": "; ".join(_said(place, ruled[place]) for place in ruled),
        "rules": rules, "sites": kept, "down": [],
    }
    return config.model_copy(update={"layout": _copied(config.layout, update)})


def _copied(layout: Layout, update: Mapping[str, Any]) -> Layout:
    return layout.model_copy(update=dict(update))


def siting_rules(place: str, profile: Profile) -> list[SitingRule]:
    """Siting rules of a place by the ``siting`` key of its profile; the last that fits a piece of road governs it.

    Units at nodes everywhere (unless ``at_nodes`` is false), spacings by class of road, then the published rule.
    """
    siting = profile.get("siting")
    height_m = profile.get("antenna_height_rsu_m")
    common: dict[str, Any] = {"jurisdiction": place}
    if height_m is not None:
        common["mast_height_m"] = float(height_m)
    name = f"{place}: {profile.name}"
    at_nodes = siting.get("at_nodes")
    rules = [SitingRule(**common, at_nodes=True if at_nodes is None else at_nodes, name=f"{name}, nodes")]
    for road_class in ("arterial", "expressway", "rural"):
        spacing_m = siting.get(f"{road_class}_spacing_m")
        if spacing_m is not None:
            rules.append(SitingRule.model_validate({
                **common, "road_class": road_class, "at_nodes": at_nodes, "spacing_m": float(spacing_m),
                "name": f"{name}, {road_class} {spacing_m:g} m",
            }))
    if siting.get("rule"):
        rules.append(SitingRule(**common, named=siting["rule"], at_nodes=at_nodes))
    return rules


def _said(place: str, profile: Profile) -> str:
    siting, entry = profile.get("siting"), profile.entry("siting")
    parts = [siting["rule"]] if siting.get("rule") else []
    parts += [
        f"{road_class} {siting[key]:g} m" for road_class in ("arterial", "expressway", "rural")
        if siting.get(key := f"{road_class}_spacing_m") is not None
    ]
    return f"{place} {', '.join(parts) or 'nodes only'} ({entry.basis})"


def _sites_by_hand(config: Scenario, ruled: Mapping[str, Profile]) -> tuple[list[Site], list[str]]:
    """Units that stay, and ids of those dropped: rules reach no jurisdiction without a road, and none left open."""
    roadless = {one.id for one in config.corridor.jurisdictions if not one.spans}
    owner = _owners(config) if len(ruled) < len(config.corridor.jurisdictions) else {}
    kept, dropped = [], []
    for site in config.layout.sites:
        place = site.jurisdiction or owner.get(site.id)
        if place in roadless or (place is not None and place not in ruled):
            kept.append(site)
        else:
            dropped.append(site.id)
    return kept, dropped


def _owners(config: Scenario) -> dict[str, str]:
    """Jurisdiction of every unit placed by hand; empty where the corridor or a unit is at fault (a check says so)."""
    from sim.world.corridor import CorridorGeometry, WorldProblems
    from sim.world.sites import standing_units

    jurisdictions: Sequence[Jurisdiction] = config.corridor.jurisdictions
    try:
        units = standing_units(_copied(config.layout, {"rules": []}), CorridorGeometry(config.corridor))
    except (WorldProblems, ValueError):
        return {}
    return {unit.id: jurisdictions[unit.jurisdiction].id for unit in units if unit.jurisdiction >= 0}


# ---- access layers


def _with_access(
    config: Scenario, candidate: Candidate, set_by_user: Collection[KeyPath], remarks: list[str]
) -> Scenario:
    own = config.radio.access
    profiles = _profiles(config, candidate)
    by_place = {place: str(profile.get("access", own)) for place, profile in profiles.items()}
    wanted = list(dict.fromkeys(by_place.values()))
    name = f"candidate {candidate.name}"
    remarks += _bandwidths(profiles, by_place, name)
    if len(wanted) > 2:
        each = ", ".join(f"{place} {access}" for place, access in by_place.items())
        raise ValueError(f"{name}: {len(wanted)} access layers ({each}); a run has at most two")
    if config.second_radio is not None:
        have = {own, config.second_radio.radio.access}
        if not set(wanted) <= have:
            stands = " and ".join(sorted(have))
            remarks.append(f"{name} has {' and '.join(wanted)}; {stands} of the scenario stand")
        return config
    if wanted in ([], [own]):
        return config
    if own not in wanted:
        if ("radio", "access") in set_by_user:
            remarks.append(f"{name} has {' and '.join(wanted)}; radio.access {own} of the scenario stands")
            return config
        first = next(place for place, access in by_place.items() if access == wanted[0])
        kept = {str(path[1]) for path in set_by_user if path[:1] == ("radio",) and len(path) > 1}
        config = config.model_copy(update={"radio": radio_of(config.radio, profiles[first], kept)})
        own = wanted[0]
    if len(wanted) == 1:
        return config
    other = next(access for access in wanted if access != own)
    at = next(place for place, access in by_place.items() if access == other)
    return config.model_copy(update={"second_radio": _second(config, by_place, profiles[at], own)})


def _bandwidths(profiles: Mapping[str, Profile], by_place: Mapping[str, str], name: str) -> list[str]:
    """Bandwidths that differ between places of one access layer: a run has one carrier for each."""
    found = []
    for access in dict.fromkeys(by_place.values()):
        each = {place: profiles[place].get("bandwidth_mhz") for place in by_place if by_place[place] == access}
        if len({width for width in each.values() if width is not None}) > 1:
            said = ", ".join(f"{place} {width:g} MHz" for place, width in each.items() if width is not None)
            found.append(f"{name}: {access} has one bandwidth, not {said}; halves are told by channel keys")
    return found


def radio_of(radio: Radio, profile: Profile, kept: Collection[str] = ()) -> Radio:
    """The radio with the access layer of ``profile``, its bandwidth and the middle of its band.

    The band counts where it is as wide as the channel; what is not in the profile, or one of ``kept``, stays.
    """
    update: dict[str, Any] = {"access": profile.value("access")}
    bandwidth_mhz = profile.get("bandwidth_mhz", radio.bandwidth_mhz)
    if "bandwidth_mhz" not in kept and bandwidth_mhz in BANDWIDTHS_MHZ:
        update["bandwidth_mhz"] = int(bandwidth_mhz)
    low_mhz, high_mhz = _band_mhz(profile.get("band"))
    if "carrier_hz" not in kept and high_mhz - low_mhz == update.get("bandwidth_mhz", radio.bandwidth_mhz):
        update["carrier_hz"] = (low_mhz + high_mhz) / 2 * 1e6
    return radio.model_copy(update=update)


def _band_mhz(band: object) -> tuple[float, float]:
    """Edges of ``5905-5925``; nothing where the text is another."""
    low, _, high = str(band).partition("-")
    try:
        return float(low), float(high)
    except ValueError:
        return 0.0, 0.0


def _second(config: Scenario, by_place: Mapping[str, str], profile: Profile, first: str) -> SecondRadio:
    """A second radio for the places whose access layer is another: vehicles by home, units by place, probes both."""
    fitted = {place: "first" if access == first else "second" for place, access in by_place.items()}
    return SecondRadio.model_validate({
        "radio": radio_of(config.radio, profile).model_dump(by_alias=True),
        "vehicles": [
            Fitting.model_validate({"jurisdiction": place, word: 1.0}).model_dump() for place, word in fitted.items()
        ],
        "units": fitted, "probes": "both",
    })


# ---- channel plans


def _with_plans(config: Scenario, candidate: Candidate, remarks: list[str]) -> Scenario:
    plans = channel_plans(_profiles(config, candidate))
    name = f"candidate {candidate.name}"
    second = config.second_radio
    radios = [config.radio] if second is None else [config.radio, second.radio]
    if plans and PLANNED not in [radio.access for radio in radios]:
        remarks.append(f"{name}: channel plans are those of {PLANNED}; {config.radio.access} has one channel")
    if not plans:
        return config
    config = config.model_copy(update={"radio": _planned(config.radio, plans, name, remarks)})
    if second is not None:
        radio = _planned(second.radio, plans, name, remarks)
        config = config.model_copy(update={"second_radio": second.model_copy(update={"radio": radio})})
    return config


def _planned(radio: Radio, plans: list[ChannelPlan], name: str, remarks: list[str]) -> Radio:
    own = list(radio.mode4.channel_plans)
    if radio.access != PLANNED or own == plans:
        return radio
    if own:
        remarks.append(f"{name}: radio.mode4.channel_plans of the scenario stand")
        return radio
    return radio.model_copy(update={"mode4": radio.mode4.model_copy(update={"channel_plans": plans})})


def channel_plans(profiles: Mapping[str, Profile]) -> list[ChannelPlan]:
    """One plan per place by the ``channel`` keys of its profile; none where everybody uses the whole bandwidth."""
    tunings = {
        place: [
            (profile.get(f"channel.send_{device}") or "whole",
             tuple(profile.get(f"channel.listen_{device}") or ("whole",)))
            for device in ("obu", "rsu")
        ]
        for place, profile in profiles.items()
    }
    if all(tuning == _DEFAULT_TUNING for pair in tunings.values() for tuning in pair):
        return []
    return [
        ChannelPlan(jurisdictions=[place], vehicle=_tuning(obu), rsu=_tuning(rsu))
        for place, (obu, rsu) in tunings.items()
    ]


def _tuning(tuning: tuple[str, tuple[str, ...]]) -> Tuning:
    send, listen = tuning
    return Tuning.model_validate({"send": send, "listen": list(listen)})
