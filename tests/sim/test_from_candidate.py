"""What a candidate changes in a scenario: sites, channel plans, access layers; and what it leaves alone."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from rsu.profile import Candidate, Entry, Profile
from sim.scenario import load
from sim.scenario.checks import problems_of
from sim.scenario.from_candidate import apply_candidate, channel_plans, paths_of, siting_rules
from sim.scenario.schema import Scenario
from sim.scenario.shipped import shipped_scenarios
from sim.world.corridor import CorridorGeometry
from sim.world.sites import build_units

SPLIT = {
    "channel.send_obu": "lower", "channel.send_rsu": "upper",
    "channel.listen_obu": ["lower", "upper"], "channel.listen_rsu": ["lower", "upper"],
}


def profile(name: str, **keys: Any) -> Profile:
    """A profile with these keys, dots written as two underscores."""
    entries = {key.replace("__", "."): Entry(value, "assumption", "test", name) for key, value in keys.items()}
    return Profile(name, entries=entries)


def split(name: str, **keys: Any) -> Profile:
    return profile(name, **{key.replace(".", "__"): value for key, value in SPLIT.items()}, **keys)


def candidate(sites: str = "scenario", places: dict[str, Profile] | None = None, **more: Profile) -> Candidate:
    return Candidate("test", {**(places or {}), **more}, sites=sites)


def applied(config: Scenario, one: Candidate, *set_by_user: tuple[str, ...]) -> tuple[Scenario, list[str]]:
    """The result, which passes every check and reads back to the same."""
    found, remarks = apply_candidate(config, one, set_by_user=set_by_user)
    assert problems_of(found, None, None) == []
    again, _ = apply_candidate(found, one, set_by_user=paths_of(found.model_dump(mode="json", by_alias=True)))
    assert again == found
    return found, remarks


def test_harmonised_candidates_change_no_shipped_scenario() -> None:
    """Property: the candidate every shipped scenario names leaves it equal, key by key."""
    for name in shipped_scenarios():
        loaded = load(name)
        assert loaded.candidate.name.startswith("harmonised"), name
        data = loaded.config.model_dump(mode="json", by_alias=True)
        found, _ = apply_candidate(loaded.config, loaded.candidate, set_by_user=paths_of(data))
        assert found == loaded.config
        assert found.model_dump(mode="json", by_alias=True) == data


# ---- sites


def test_units_stand_by_the_rule_of_each_place() -> None:
    """By hand: a motorway of length L without junctions and units at most S apart takes ceil(L / S) of them; masts as
    each profile says, else the layout's."""
    config = load("expressway").config
    heights = {"SH": None, "JS": 5.5, "ZJ": 12.0}
    spacing_m = {"SH": 800, "JS": 250, "ZJ": 1500}
    one = candidate("profiles", {
        place: profile(place, siting={"expressway_spacing_m": spacing_m[place]},
                       **({} if heights[place] is None else {"antenna_height_rsu_m": heights[place]}))
        for place in heights
    })
    found, remarks = applied(config, one)
    assert remarks == []
    geometry = CorridorGeometry(config.corridor)
    units = build_units(found.layout, geometry)
    ids = [one.id for one in config.corridor.jurisdictions]
    counts = Counter(ids[unit.jurisdiction] for unit in units)
    length_m = {place: lengths(geometry)[i] for i, place in enumerate(ids)}
    assert counts == {place: math.ceil(length_m[place] / spacing_m[place]) for place in ids}
    for unit in units:
        assert unit.mast_height_m == (heights[ids[unit.jurisdiction]] or config.layout.mast_height_m)
    assert found.layout.name == "siting of test"
    rest = {"rules", "sites", "name", "note", "down"}
    assert found.layout.model_dump(exclude=rest) == config.layout.model_dump(exclude=rest)


def lengths(geometry: CorridorGeometry) -> list[float]:
    """Metres of road of each jurisdiction, counted in steps of a metre."""
    along = np.arange(0.5, geometry.length_m, 1.0)
    return [float((geometry.place_at(along) == i).sum()) for i in range(len(geometry.jurisdiction_ids))]


def test_a_published_rule_by_name_and_nodes() -> None:
    """By hand: units at nodes everywhere, the named rule on its class of road, spacings before it."""
    one = profile("x", siting={"at_nodes": False, "rural_spacing_m": 500, "rule": "jiangsu-expressway"},
                  antenna_height_rsu_m=7)
    nodes, rural, named = (rule.resolved() for rule in siting_rules("A", one))
    assert (nodes.at_nodes, nodes.spacing_m, nodes.road_class) == (False, None, None)
    assert (rural.at_nodes, rural.spacing_m, rural.road_class) == (False, 500.0, "rural")
    assert (named.spacing_m, named.road_class, named.at_nodes) == (250, "expressway", False)
    assert {rule.mast_height_m for rule in (nodes, rural, named)} == {7.0}
    assert {rule.jurisdiction for rule in (nodes, rural, named)} == {"A"}
    usual = [rule.resolved() for rule in siting_rules("A", profile("y", siting={"rule": "jiangsu-expressway"}))]
    assert [rule.at_nodes for rule in usual] == [True, True]
    assert usual[1].mast_height_m == 5.5


def test_units_by_hand_give_way_except_where_no_rule_reaches() -> None:
    """By hand: of the units at the tri-junction only Zhejiang's stays, which owns no road there."""
    config = load("tripoint").config
    rule = {"at_nodes": True, "arterial_spacing_m": 400}
    found, remarks = applied(config, candidate("profiles", {p: profile(p, siting=rule) for p in ("SH", "JS", "ZJ")}))
    assert [site.id for site in found.layout.sites] == ["ZJ-A"]
    assert remarks == ["candidate test: units placed by hand give way to rules: SH-A, SH-X1, JS-A, JS-B"]
    units = build_units(found.layout, CorridorGeometry(config.corridor))
    assert sum(unit.node is not None for unit in units) == 1
    assert "ZJ-A" in [unit.id for unit in units]


def test_a_place_that_leaves_siting_open_keeps_its_units() -> None:
    """By hand: only Shanghai's units are placed anew; those of the others stay, by name and chainage."""
    config = load("tripoint").config
    places = {"SH": profile("sh", siting={"at_nodes": True}), "JS": profile("js"), "ZJ": profile("zj")}
    found, remarks = applied(config, candidate("profiles", places))
    assert [site.id for site in found.layout.sites] == ["JS-A", "JS-B", "ZJ-A"]
    assert "JS, ZJ: the profile leaves siting open" in remarks[0]
    units = build_units(found.layout, CorridorGeometry(config.corridor))
    assert Counter(unit.jurisdiction for unit in units) == {0: 1, 1: 2, 2: 1}


def test_sites_of_the_scenario_stay_unless_asked_for() -> None:
    """Property: siting keys alone move nothing; a ring keeps its units with a remark."""
    rule = profile("x", siting={"at_nodes": True, "expressway_spacing_m": 250}, antenna_height_rsu_m=9)
    config = load("expressway").config
    assert applied(config, candidate(places={"*": rule}))[0] == config
    ring = load("highway-study").config
    found, remarks = applied(ring, candidate("profiles", {"*": rule}))
    assert found == ring
    assert "a ring keeps the units" in remarks[0]


# ---- channel plans


def test_channel_keys_become_one_plan_per_place() -> None:
    """By hand: one place splits the band, the others use all of it; every place has its plan, in corridor order."""
    config = load("expressway").config
    found, remarks = applied(config, candidate(SH=profile("sh"), JS=split("js"), ZJ=profile("zj")))
    plans = found.radio.mode4.channel_plans
    assert remarks == []
    assert [plan.jurisdictions for plan in plans] == [["SH"], ["JS"], ["ZJ"]]
    assert [(plan.vehicle.send, plan.rsu.send) for plan in plans] == [
        ("whole", "whole"), ("lower", "upper"), ("whole", "whole")]
    assert [plan.vehicle.listen for plan in plans] == [["whole"], ["lower", "upper"], ["whole"]]
    rest = found.model_copy(update={"radio": config.radio})
    assert rest == config


def test_whole_everywhere_is_no_plan() -> None:
    """Property: keys written out with their defaults are the same as keys left open."""
    said = profile("x", channel__send_obu="whole", channel__send_rsu="whole", channel__listen_obu=["whole"])
    assert channel_plans({"A": said, "B": profile("y")}) == []


def test_plans_of_the_scenario_stand() -> None:
    """By hand: other plans of the file stay with a remark; a radio without plans says so."""
    one = candidate(places={"*": split("x")})
    own = "radio.mode4.channel_plans=[{vehicle: {send: lower, listen: [lower]}, rsu: {send: upper, listen: [lower]}}]"
    config = load("expressway", [own]).config
    found, remarks = applied(config, one)
    assert found == config
    assert remarks == ["candidate test: radio.mode4.channel_plans of the scenario stand"]
    other = load("expressway", ["radio.access=nr-v2x-mode2"]).config
    found, remarks = applied(other, one)
    assert found == other
    assert "channel plans are those of lte-v2x-mode4; nr-v2x-mode2" in remarks[0]


def test_halves_of_a_narrow_carrier_are_refused_by_the_usual_check() -> None:
    """By hand: 10 MHz cannot be split."""
    pools = "radio.pools=[{name: all, senders: [vehicle, rsu]}]"
    config = load("expressway", ["radio.bandwidth_mhz=10", "radio.carrier_hz=5.92e9", pools]).config
    found, _ = apply_candidate(config, candidate(places={"*": split("x")}), set_by_user=())
    assert any("halves of 10 MHz are no LTE carriers" in rule for _, rule in problems_of(found, None, None))


# ---- access layers

ITS_G5 = {"access": "ieee80211p", "bandwidth_mhz": 10, "band": "5895-5905"}
LTE = {"access": "lte-v2x-mode4", "bandwidth_mhz": 20, "band": "5905-5925"}


def test_one_other_access_layer_everywhere() -> None:
    """By hand: access layer, bandwidth and the middle of the band are the profile's, all else the scenario's."""
    config = load("expressway").config
    found, remarks = applied(config, candidate(places={"*": profile("x", **ITS_G5)}))
    assert remarks == []
    assert (found.radio.access, found.radio.bandwidth_mhz, found.radio.carrier_hz) == ("ieee80211p", 10, 5.9e9)
    keys = {"access", "bandwidth_mhz", "carrier_hz"}
    assert found.radio.model_dump(exclude=keys) == config.radio.model_dump(exclude=keys)
    assert found.second_radio is None
    kept, _ = apply_candidate(config, candidate(places={"*": profile("x", **ITS_G5)}),
                              set_by_user=[("radio", "carrier_hz")])
    assert kept.radio.carrier_hz == config.radio.carrier_hz


def test_the_files_own_access_layer_wins() -> None:
    """By hand: what the file sets stays, and a remark says so."""
    config = load("expressway").config
    found, remarks = applied(config, candidate(places={"*": profile("x", **ITS_G5)}), ("radio", "access"))
    assert found == config
    assert remarks == ["candidate test has ieee80211p; radio.access lte-v2x-mode4 of the scenario stands"]


def test_two_access_layers_are_two_radios() -> None:
    """By hand: vehicles by home, units by place; the second radio in its own band, with the scenario's propagation."""
    config = load("expressway").config
    one = candidate(SH=profile("sh", **LTE), JS=profile("js", **ITS_G5), ZJ=profile("zj", **LTE))
    found, remarks = applied(config, one)
    assert remarks == []
    second = found.second_radio
    assert second is not None
    assert found.radio == config.radio
    assert (second.radio.access, second.radio.bandwidth_mhz, second.radio.carrier_hz) == ("ieee80211p", 10, 5.9e9)
    assert second.radio.channel == config.radio.channel
    assert second.units == {"SH": "first", "JS": "second", "ZJ": "first"}
    assert {fit.jurisdiction: (fit.first, fit.second, fit.both) for fit in second.vehicles} == {
        "SH": (1, 0, 0), "JS": (0, 1, 0), "ZJ": (1, 0, 0)}
    assert (second.probes, second.same_channel) == ("both", False)
    found, _ = applied(config, candidate(SH=profile("sh", **LTE), JS=profile("js", **ITS_G5), ZJ=split("zj", **LTE)))
    assert [plan.jurisdictions for plan in found.radio.mode4.channel_plans] == [["SH"], ["JS"], ["ZJ"]]
    assert found.second_radio is not None
    assert found.second_radio.radio.mode4.channel_plans == []


def test_a_second_radio_of_the_scenario_stands() -> None:
    """By hand: two radios of the file cover the candidate's two without a word; a third layer leaves a remark."""
    config = load("08-two-radios").config
    a_b = {"A": profile("a", **LTE), "B": profile("b", **ITS_G5)}
    assert applied(config, candidate(places=a_b)) == (config, [])
    found, remarks = applied(config, candidate(places={"*": profile("x", access="nr-v2x-mode2")}))
    assert found == config
    assert "has nr-v2x-mode2; ieee80211p and lte-v2x-mode4 of the scenario stand" in remarks[0]


def test_three_access_layers_are_refused() -> None:
    """By hand: the message names each place and its layer."""
    layers = {"SH": "lte-v2x-mode4", "JS": "ieee80211p", "ZJ": "nr-v2x-mode2"}
    one = candidate(places={place: profile(place, access=access) for place, access in layers.items()})
    with pytest.raises(ValueError, match="3 access layers .SH lte-v2x-mode4, JS ieee80211p, ZJ nr-v2x-mode2."):
        apply_candidate(load("expressway").config, one, set_by_user=())


def test_bandwidths_that_differ_are_remarked() -> None:
    """By hand: one carrier for all stations of an access layer; places that agree, or say nothing, are no matter."""
    config = load("expressway").config
    narrow = candidate(SH=profile("sh", **LTE), JS=profile("js", **{**LTE, "bandwidth_mhz": 10}), ZJ=profile("zj"))
    found, remarks = applied(config, narrow)
    assert found == config
    assert remarks == ["candidate test: lte-v2x-mode4 has one bandwidth, not SH 20 MHz, JS 10 MHz; halves are told by "
                       "channel keys"]
    assert applied(config, candidate(SH=profile("sh", **LTE), JS=profile("js"), ZJ=profile("zj", **LTE)))[1] == []


def test_paths_of_what_is_set() -> None:
    """By hand: leaves of mappings, lists as one value; nothing for what is empty or null."""
    data = {"radio": {"access": "uu", "mode4": {"channel_plans": [], "mcs": [7]}}, "seed": 1, "layout": None}
    assert paths_of(data) == {("radio", "access"), ("radio", "mode4", "mcs"), ("seed",)}
