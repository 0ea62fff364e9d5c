"""From a campaign to variants and runs: axes, seeds, ids, and everything that can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsu.document import write_document
from sim.campaign.plan import CampaignError, Plan, campaign_of, read_campaign
from sim.campaign.seeds import replication_seed
from sim.results import run_id
from sim.scenario import load

TINY = "01-one-vehicle-one-rsu"


def planned(**changes: Any) -> Plan:
    data: dict[str, Any] = {"name": "tiny", "scenarios": [TINY], "seeds": 2}
    return campaign_of({**data, **changes})


def lines(**changes: Any) -> list[str]:
    with pytest.raises(CampaignError) as caught:
        planned(**changes)
    return str(caught.value).splitlines()


def test_the_product_of_axes_by_replications() -> None:
    """By hand: 2 x 3 variants x 2 seeds; variants of one replication lie next to each other and share its seed."""
    plan = planned(vary={"traffic.equipped_ratio": [0.2, 0.4], "duration_s": [1, 2, 3]})
    assert plan.axes == {
        "scenario": [TINY], "traffic.equipped_ratio": ["0.2", "0.4"], "duration_s": ["1", "2", "3"],
    }
    assert len(plan.variants) == 6 and len(plan.runs) == 12
    assert [run.replication for run in plan.runs] == [0] * 6 + [1] * 6
    assert [run.variant for run in plan.runs] == [*range(6), *range(6)]
    assert len({run.seed for run in plan.runs}) == 2 and len({run.run_id for run in plan.runs}) == 12
    assert plan.variants[5].labels == {"scenario": TINY, "traffic.equipped_ratio": "0.4", "duration_s": "3"}
    assert plan.variants[5].loaded is not None and plan.variants[5].loaded.config.duration_s == 3


def test_a_run_is_the_one_that_corridor_run_would_do() -> None:
    """Independent: the id is the hash of the scenario loaded by itself under the replication's seed."""
    plan = planned(vary={"traffic.equipped_ratio": [0.4]}, set={"duration_s": 2})
    alone = load(TINY, ["duration_s=2", "traffic.equipped_ratio=0.4"], plan.runs[0].seed)
    assert plan.runs[0].run_id == alone.run_id() == run_id(alone.resolved(), alone.config.seed)
    assert plan.task(plan.runs[0]).loaded.resolved() == alone.resolved()


def test_seeds_follow_from_the_campaign_alone() -> None:
    """Independent: NumPy's SeedSequence of (campaign seed, replication); the same in every campaign of that seed."""
    state = np.random.SeedSequence((7, 3)).generate_state(1, np.uint64)
    assert replication_seed(7, 3) == int(state[0]) >> 11 < 2**53
    assert len({replication_seed(1, k) for k in range(10_000)}) == 10_000
    first = [run.seed for run in planned(vary={"duration_s": [1, 2]}).runs]
    assert first == [replication_seed(1, 0)] * 2 + [replication_seed(1, 1)] * 2


def test_more_seeds_keep_the_runs_there_are() -> None:
    """Property: a campaign that goes on has the same first runs."""
    short, long = planned(), planned(seeds=5)
    assert long.runs[:2] == short.runs
    assert short.extend(5) == long.runs[2:] and short.runs == long.runs and short.extend(5) == []


def test_an_axis_of_named_sets_of_keys() -> None:
    """By hand: a radio that needs two keys at once is one value."""
    plan = planned(vary={"radio": {
        "mode4": {"radio.access": "lte-v2x-mode4"},
        "its-g5": {"radio.access": "ieee80211p", "radio.bandwidth_mhz": 10},
    }})
    configs = [one.loaded.config for one in plan.variants if one.loaded is not None]
    assert [config.radio.access for config in configs] == ["lte-v2x-mode4", "ieee80211p"]
    assert plan.axes["radio"] == ["mode4", "its-g5"] and configs[1].radio.bandwidth_mhz == 10


def test_a_key_set_for_all_runs_holds_in_layouts_of_an_axis(tmp_path: Path) -> None:
    """By hand: the layout comes first, what is set below it after, whatever their order; a key on both is refused."""
    (tmp_path / "mine.yaml").write_text("schema: layout/1\ntx_power_dbm: 10\nsites: [{id: A, at_m: 100}]\n")
    vary: dict[str, Any] = {"layout.mast_height_m": [7], "layout": ["mine.yaml", "intersections"]}
    data = {"name": "x", "scenarios": ["03-one-border"], "vary": vary, "set": {"layout.tx_power_dbm": 5}, "seeds": 1}
    layouts = [one.loaded.config.layout for one in campaign_of(data, folder=tmp_path).variants if one.loaded]
    assert [(one.tx_power_dbm, one.mast_height_m) for one in layouts] == [(5, 7), (5, 7)]
    with pytest.raises(CampaignError, match=r"set\.layout: is varied"):
        campaign_of({**data, "set": {"layout": "intersections"}}, folder=tmp_path)


def test_files_are_found_beside_the_campaign(tmp_path: Path) -> None:
    """Property: names of scenario and layout files are relative to the campaign file; labels are their stems."""
    shipped = load(TINY)
    (tmp_path / "mine.yaml").write_text(shipped.resolved_yaml(), encoding="utf-8")
    (tmp_path / "none.yaml").write_text("schema: layout/1\nname: none\n", encoding="utf-8")
    file = tmp_path / "c.yaml"
    file.write_text(
        "schema: campaign/1\nname: c\nscenarios: [mine.yaml]\nseeds: 1\nvary: {layout: [none.yaml]}\n", encoding="utf-8"
    )
    plan = read_campaign(file, {"seeds": 3, "set": {"duration_s": 1}})
    assert plan.axes == {"scenario": ["mine"], "layout": ["none"]} and len(plan.runs) == 3
    loaded = plan.variants[0].loaded
    assert loaded is not None and not loaded.config.layout.sites and loaded.config.duration_s == 1
    assert str(tmp_path) not in str(loaded.resolved())


def test_the_baseline_is_the_first_value_unless_said() -> None:
    """By hand."""
    vary = {"duration_s": [1, 2]}
    assert planned(vary=vary).baseline["duration_s"] == "1"
    assert planned(vary=vary, baseline={"duration_s": 2}).baseline["duration_s"] == "2"
    assert "baseline.duration_s: 3: is not on its axis; known: 1, 2" in lines(vary=vary, baseline={"duration_s": 3})[0]
    assert "baseline.lenght" in lines(vary=vary, baseline={"lenght": 3})[0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"vary": {"layot": ["tripoint"]}}, "vary.layot: is no axis"),
        ({"vary": {"trafic.flow_veh_h": [1]}}, "did you mean 'traffic.flow_veh_h'?"),
        ({"vary": {"duration_s": []}}, "vary.duration_s: has no value: the product of the axes is empty"),
        ({"vary": {"radio": {}}}, "vary.radio: has no value"),
        ({"vary": {"scenario": ["tripoint"]}}, "list the files under 'scenarios'"),
        ({"vary": {"duration_s": [1, 1]}}, "vary.duration_s: '1' stands more than once"),
        ({"vary": {"duration_s": [1, 1.0]}}, "two values of an axis mean the same"),
        ({"scenarios": []}, "scenarios"),
        ({"seeds": 0}, "seeds: 0"),
        ({"colour": 1}, "colour: unknown key"),
        ({"scenarios": ["demo-zonne"]}, "did you mean 'demo-zone'?"),
        ({"vary": {"duration_s": ["long"]}}, "--set duration_s=\"long\": duration_s: long: must be a number"),
        ({"until": {"metric": "prr"}}, "until.half_width: is required"),
        ({"set": {"seed": 3}}, "set.seed: is that of the replication in every run"),
        ({"vary": {"seed": [3]}}, "vary.seed: is not an axis: 'seeds' says how many replications there are"),
        ({"vary": {"words": {"a": {"seed": 3}}}}, "vary.words.a.seed: is that of the replication"),
        ({"vary": {"duration_s": 3}}, "vary.duration_s: must be a list of values, or names with the keys each sets"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(changes: dict[str, Any], says: str) -> None:
    """By hand: each mistake, its line."""
    assert any(says in line for line in lines(**changes)), lines(**changes)


def test_all_mistakes_at_once() -> None:
    """Property: two bad axes and two bad values are told together, each once though many variants have them."""
    found = lines(vary={"layot": [1], "duration_s": []})
    assert len(found) == 2
    found = lines(vary={"duration_s": [0, -1], "traffic.equipped_ratio": [0.1, 0.2]})
    assert len(found) == 2 and len(set(found)) == 2


def test_every_kind_of_mistake_in_one_pass(tmp_path: Path) -> None:
    """By hand: keys, axes, baseline, scenarios and values are told together, each at its line of the campaign file."""
    file = tmp_path / "c.yaml"
    file.write_text(
        f"""schema: campaign/1
name: "bad name!"
scenarios: [nowhere.yaml, {TINY}]
sedes: 3
set: {{duration: 5}}
vary:
  candidat: [harmonised-day1]
  layout: [no-such-layout]
  duration_s: [1, -5]
  traffic.equipped_ratio: [0.5, 0.5]
  words:
    a: {{radio.acess: ideal}}
seeds: 0
baseline: {{layout: other, moon: 1}}
""",
        encoding="utf-8",
    )
    with pytest.raises(CampaignError) as caught:
        read_campaign(file)
    found = [line.removeprefix(f"{file}:").split(": ") for line in str(caught.value).splitlines()]
    places = {(int(parts[0].split(":")[0]), parts[1]) for parts in found}
    assert places == {
        (2, "name"), (3, "scenarios.0"), (4, "sedes"), (5, "duration"), (7, "vary.candidat"), (8, "layout"),
        (9, "duration_s"), (10, "vary.traffic.equipped_ratio"), (12, "radio.acess"), (13, "seeds"),
        (14, "baseline.layout"), (14, "baseline.moon"),
    }
    assert len(found) == len(places)


def test_options_are_named_where_they_are_wrong(tmp_path: Path) -> None:
    """By hand: a value that replaces the file's is not blamed on a line of the file."""
    file = tmp_path / "c.yaml"
    file.write_text(f"schema: campaign/1\nname: c\nscenarios: [{TINY}]\nseeds: 1\n", encoding="utf-8")
    given = {("seeds",): "--seeds", ("set", "duration_s"): "--set duration_s=-1"}
    with pytest.raises(CampaignError) as caught:
        read_campaign(file, {"seeds": 0, "set": {"duration_s": -1}}, given)
    assert str(caught.value).splitlines() == [
        "--seeds: seeds: 0: must be at least 1", "--set duration_s=-1: duration_s: -1: must be above 0",
    ]


def test_replayed_files_are_found_beside_the_campaign(tmp_path: Path) -> None:
    """By hand: recorded positions as values of an axis and among the keys of every run; labels are their stems."""
    for name in ("near", "far"):
        (tmp_path / f"{name}.csv").write_text("id,x,y,heading\na,10,2,0\n", encoding="utf-8")
    keys = {"traffic.model": "static"}
    file = tmp_path / "c.yaml"
    data = {"schema": "campaign/1", "name": "c", "scenarios": [TINY], "seeds": 1, "set": keys}
    file.write_text(write_document({**data, "vary": {"traffic.file": ["near.csv", "far.csv"]}}), encoding="utf-8")
    plan = read_campaign(file)
    assert plan.axes["traffic.file"] == ["near", "far"]
    files = [one.loaded and one.loaded.data_file for one in plan.variants]
    assert files == [tmp_path / "near.csv", tmp_path / "far.csv"]
    file.write_text(write_document({**data, "set": {**keys, "traffic.file": "far.csv"}}), encoding="utf-8")
    (only,) = read_campaign(file).variants
    assert only.loaded is not None and only.loaded.data_file == tmp_path / "far.csv"
    assert only.loaded.resolved()["traffic"]["file"] == "far.csv"


def test_a_product_out_of_bounds_is_refused() -> None:
    """By hand: 400 x 400 variants are more than 100,000."""
    many = [round(0.001 * k, 3) for k in range(1, 401)]
    assert "makes 160000 variants" in lines(vary={"traffic.equipped_ratio": many, "duration_s": many})[0]


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    """By hand: the place of a bad axis in a campaign file."""
    file = tmp_path / "c.yaml"
    file.write_text(f"schema: campaign/1\nname: c\nscenarios: [{TINY}]\nvary:\n  layot: [a]\n", encoding="utf-8")
    with pytest.raises(CampaignError, match=r"c\.yaml:5:3: vary\.layot: is no axis"):
        read_campaign(file)
    file.write_text("schema: corridor/1\n", encoding="utf-8")
    with pytest.raises(CampaignError, match="begins 'schema: campaign/1'"):
        read_campaign(file)
