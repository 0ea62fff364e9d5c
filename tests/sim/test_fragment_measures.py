"""Indices, losses, attribution and tables of a study, on runs whose figures are made by hand."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest

from sim.campaign.estimate import estimate_campaign, estimate_run
from sim.campaign.store import CampaignResult
from sim.fragment import Findings, Study, findings
from sim.fragment.attribution import Attribution
from sim.fragment.blackouts import Group, pooled
from sim.fragment.decisions import Decision, Weights, decisions, read_weights, scored
from sim.fragment.document import document, write_document
from sim.fragment.losses import OVERALL, Subject, judged, overall, value_of, weight_of, wrong
from sim.fragment.observe import Key, Observed, counters, fragmentation, read_rows, wanted_by
from sim.fragment.phrases import PHRASES
from sim.fragment.stages import ended, waterfall
from sim.fragment.tables import TABLES, rows_of, write_tables
from sim.fragment.words import summary_lines, verdict
from sim.tables import METRIC_COLUMNS, ResultError
from tests.sim.fragment_factory import X0, P, hand_made

MEAN = sum(X0) / 3
BSM = Subject("V2V", "BSM")
ALL = frozenset(P)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the study stands."""
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def found(place: Path) -> Findings:
    """The study, read."""
    return findings(*hand_made(place))


def rows(found: Findings, table: str, **where: Any) -> list[dict[str, Any]]:
    """Rows of a table with these values."""
    named = [dict(zip(TABLES[table][0], row, strict=True)) for row in rows_of(found)[table]]
    return [row for row in named if all(row[key] == value for key, value in where.items())]


def test_one_radio_run_serves_what_only_receivers_differ_in(found: Findings) -> None:
    """By hand: three hazards make eight subsets; H4 changes only what receivers accept, so four radio runs serve them,
    beside that of the harmonised candidate; with three seeds fifteen runs."""
    assert found.study.hazards == ("H1", "H4", "H11") and len(found.subsets) == 8
    assert len(found.study.plan.variants) == 5 and len(found.study.plan.runs) == 15
    views = {name for name, one in found.study.places.items() if one.view}
    assert views == {name for name, gone in found.study.removed.items() if "H4" in gone}
    own = found.study.places["three - H4 - H11"]
    assert (own.variant, own.view) == ("three - H11", "three - H4 - H11")


def test_index_by_hand(found: Findings) -> None:
    """By hand: 1 - .6 x .7 x .5 of the vehicles' messages are lost under every seed, so FI is .79 and its interval has
    no width though x itself moves by .2; roadside RSI is halved; SPAT+MAP has no use in the harmonised case."""
    (row,) = rows(found, "fragmentation", link="V2V", sender="")
    assert row["fi"] == pytest.approx(0.79) and row["fi_upper"] - row["fi_lower"] == pytest.approx(0, abs=1e-12)
    assert row["x_harm"] == pytest.approx(MEAN) and row["x_frag"] == pytest.approx(0.21 * MEAN)
    assert row["x_harm_upper"] - row["x_harm_lower"] == pytest.approx(2 * 4.302653 * 0.1 / math.sqrt(3), rel=1e-6)
    (rsi,) = rows(found, "fragmentation", link="I2V", **{"class": "RSI"}, measure="C_useful", sender="")
    assert rsi["fi"] == pytest.approx(0.5) and rsi["defines_fi"] and rsi["n_seeds"] == 3
    (supply,) = rows(found, "fragmentation", link="I2V", measure="UIR", sender="")
    assert supply["fi"] == 0 and not supply["defines_fi"]
    (none,) = rows(found, "fragmentation", **{"class": "SPAT+MAP"}, sender="")
    assert math.isnan(none["fi"]) and none["state"].startswith("not defined") and none["x_harm"] == 0
    assert [one.name for one in found.classes] == ["V2V BSM", "I2V RSI"]


def test_index_of_pairs(found: Findings) -> None:
    """By hand: within one home nothing is lost, across homes .79 of it; a place is a sender, a home a receiver."""
    index = {(row["sender"], row["receiver"]): row["fi"] for row in rows(found, "fragmentation", link="V2V")}
    assert index == pytest.approx({("", ""): 0.79, ("A", "A"): 0, ("A", "B"): 0.79, ("B", "A"): 0.79, ("B", "B"): 0})
    cells = rows(found, "matrices", candidate="three", link="V2V")
    assert [(row["sender"], row["receiver"]) for row in cells] == [("A", "A"), ("A", "B"), ("B", "A"), ("B", "B")]
    assert [row["dominant_loss"] for row in cells] == ["sensitivity", "sec_root", "sec_root", "sensitivity"]
    assert cells[0]["dominant_share"] == pytest.approx(1 - MEAN) and cells[1]["mean"] == pytest.approx(0.21 * MEAN)
    covered = rows(found, "matrices", candidate="three", measure="C_useful")
    assert [row["mean"] for row in covered] == pytest.approx([0.4] * 4)


def test_an_index_may_be_negative_or_undefined() -> None:
    """By hand: more useful than harmonised gives an index below 0; seeds with a harmonised 0 do not take part."""
    told = fragmentation(np.array([0.6, 0.6]), np.array([0.5, 0.5]))
    assert told.mean == pytest.approx(-0.2)
    told = fragmentation(np.array([0.1, 0.2, 0.3]), np.array([0.0, 0.4, math.nan]))
    assert told.mean == 0.5 and told.n == 1 and math.isnan(told.lower)
    told = fragmentation(np.array([0.1]), np.array([0.0]))
    assert math.isnan(told.mean) and told.n == 0


def test_attribution_by_hand(found: Findings) -> None:
    """By hand: the three hazards of the unit case, scaled by what is usable without them; RSI is H11's alone; overall
    is their mean, class by class."""
    told = {row["hazard"]: row for row in rows(found, "attribution", link="V2V")}
    assert list(told) == ["H1", "H4", "H11"]
    expected = {
        "shapley": (0.185, 0.26, 0.345), "alone": (0.3, 0.4, 0.5), "only_fixed": (0.09, 0.14, 0.21),
        "blame": (0.18, 0.40, 0.21),
    }
    for view, values in expected.items():
        assert [row[view] for row in told.values()] == pytest.approx([MEAN * value for value in values]), view
    assert told["H1"]["total"] == pytest.approx(0.79 * MEAN)
    assert told["H1"]["shapley_share"] == pytest.approx(0.185 / 0.79)
    rsi = {row["hazard"]: row["shapley"] for row in rows(found, "attribution", **{"class": "RSI"})}
    assert rsi == pytest.approx({"H1": 0, "H4": 0, "H11": 0.4})
    both = {row["hazard"]: row["shapley"] for row in rows(found, "attribution", **{"class": "overall"})}
    assert both["H11"] == pytest.approx((0.345 * MEAN + 0.4) / 2)
    (loss,) = {row["loss_fragmented"] for row in rows(found, "attribution", **{"class": "overall"})}
    assert loss == pytest.approx(1 - (0.21 * MEAN + 0.4) / 2)


def test_intervals_of_shares_are_over_seeds(found: Findings) -> None:
    """By hand: Shapley of H4 is .26 x0, so its half width is .26 t s / sqrt(3) with s = .1 and t(2) = 4.3027."""
    (row,) = rows(found, "attribution", link="V2V", hazard="H4")
    half = 0.26 * 4.302653 * 0.1 / math.sqrt(3)
    assert row["shapley_upper"] - row["shapley"] == pytest.approx(half, rel=1e-6) and row["n_seeds"] == 3


def test_road_map_and_verdict(found: Findings) -> None:
    """By hand: overall, the datum is worth most: BSM gain .21 x0, RSI .4, of a loss of .79 x0 and .4."""
    steps = rows(found, "roadmap", **{"class": "overall"})
    assert [row["hazard"] for row in steps] == ["", "H11", "H4", "H1"]
    assert steps[1]["recovered"] == pytest.approx((0.21 * MEAN + 0.4) / 2)
    assert steps[-1]["loss"] == pytest.approx(1 - (MEAN + 0.8) / 2)
    assert [row["wrong"] for row in steps] == [3, 3, 3, 0]
    assert sum(row["recovered"] for row in steps[1:]) == pytest.approx((0.79 * MEAN + 0.4) / 2)
    share = (0.21 * MEAN + 0.4) / (0.79 * MEAN + 0.4)
    text = verdict(found)
    assert text.startswith("harmonise H11 next (") and f"{100 * share:.0f} %" in text and "illustrative" in text
    chinese = verdict(found, "zh")
    assert chinese.startswith("下一步先统一 H11（坐标基准") and f"即 {100 * share:.0f} %" in chinese
    assert not re.search("[A-Za-z]{3}", chinese.replace("H11", "")), "no English words"
    assert found.sensitivity is not None and set(found.sensitivity.first) == {"H11"}


def test_weights_of_classes(found: Findings, tmp_path: Path) -> None:
    """By hand: with all weight on vehicles' messages the overall loss is theirs, and H4's share .26 x0; no weight at
    all is refused."""
    heavy = findings(*hand_made(tmp_path, weights={"I2V RSI": 0.0}))
    (row,) = rows(heavy, "attribution", **{"class": "overall"}, hazard="H4")
    assert row["shapley"] == pytest.approx(0.26 * MEAN)
    classes = judged(found.harmonised, width=3)
    assert overall(found.harmonised, classes, {}, width=3) == pytest.approx([(x + 0.8) / 2 for x in X0])
    with pytest.raises(ValueError, match="all classes have weight 0; there are V2V BSM, I2V RSI"):
        overall(found.harmonised, classes, {one.name: 0.0 for one in classes}, width=3)


def test_wrong_applications_stand_apart(found: Findings) -> None:
    """By hand: three per hour with the old root, by cause; no index and no loss knows them."""
    assert [(row["class"], row["cause"], row["mean"], row["change"]) for row in rows(found, "wrong")] == [
        ("", "", 0.0, 0.0), ("BSM", "dec_silent", 0.0, 0.0), ("", "", 3.0, 3.0), ("BSM", "dec_silent", 3.0, 3.0),
    ]
    told = {one.hazard: one for one in decisions(found)}
    assert told["H1"].wrong.mean == -3 and told["H4"].wrong.mean == 0 and told["H4"].gain_share > 0


def test_waterfall_ends_in_the_usable_share(found: Findings) -> None:
    """By hand: x0, then times .6 after verification, .7 after decoding, .5 after interpretation."""
    (row,) = rows(found, "waterfall", candidate="three", link="V2V")
    left = {"reach": 1, "received": MEAN, "header": MEAN, "verified": 0.6 * MEAN, "decoded": 0.42 * MEAN,
            "interpreted": 0.21 * MEAN, "timely": 0.21 * MEAN, "applied": 0.21 * MEAN}
    assert {name: row[name] for name in left} == pytest.approx(left) and row["prr"] == pytest.approx(MEAN)
    seen = found.observed["three"]
    steps = waterfall(ended(seen, BSM, width=3), width=3)
    assert steps["applied"] == pytest.approx(value_of(seen, BSM, width=3))


def test_decisions_by_hand() -> None:
    """By hand: scores are weighted means of scaled criteria; where one item is best in one criterion only, halving its
    weight turns the order, and the band says so."""
    nothing = fragmentation(np.array([]), np.array([]))
    made = [
        Decision(name, nothing, 0, 0, nothing, nothing, None, {"gain": gain, "wrong": 0, "latency": 0, "ease": ease})
        for name, gain, ease in (("H1", 1.0, 0.0), ("H4", 0.2, 1.0))
    ]
    best, second = scored(made, Weights({"gain": 3, "wrong": 1, "latency": 1, "ease": 2}, {}))
    assert best.hazard == "H1" and best.score == pytest.approx(3 / 7) and second.score == pytest.approx(2.6 / 7)
    assert best.band == pytest.approx((1.5 / 5.5, 6 / 10)) and best.ranks == (1, 2) and second.ranks == (1, 2)


def test_decision_rows_say_why_a_cost_is_not_there(found: Findings) -> None:
    """Property: every item has a legal level with its basis; empty costs and times have their reason."""
    for row in rows(found, "decisions"):
        assert row["legal_level"] in ("project", "joint", "national") and row["legal_basis"] == "assumption"
        assert row["one_off_cny"] is None and "no public price" in row["one_off_reason"]
        assert row["months"] is None and row["months_reason"]
        assert row["score_low"] <= row["score"] <= row["score_high"]
        assert row["rank_best"] <= row["rank"] <= row["rank_worst"]


def test_files_of_weights(tmp_path: Path) -> None:
    """By hand: the shipped file is read; what is wrong with another is named with its line."""
    assert set(read_weights().weights) == {"gain", "wrong", "latency", "ease"}
    path = tmp_path / "w.yaml"
    text = "schema: decision-weights/1\nweights: {gain: -1, wrong: 0, latency: 0, ease: 1}\nease: {project: 1}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"w.yaml:2:17: weights.gain: -1: must be a number of 0 or more\n.*w.yaml:3"):
        read_weights(path)


def test_tables_and_document_are_deterministic(found: Findings, place: Path, tmp_path: Path) -> None:
    """Property: read again, the same runs give the same bytes; every table is there; JSON has no NaN."""
    again = findings(found.study, found.campaign)
    for one, folder in ((found, place), (again, tmp_path)):
        write_tables(one, folder)
        write_document(one, folder)
    for name in (*(f"{table}.csv" for table in TABLES), "study.json"):
        assert (place / name).read_bytes() == (tmp_path / name).read_bytes(), name
    told = json.loads((place / "study.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(document(found), allow_nan=False)) and told["schema_version"] == 1
    assert set(TABLES) < set(told) and told["attributed"] == "three" and told["hazards"] == ["H1", "H4", "H11"]
    with (place / "fragmentation.csv").open(encoding="utf-8", newline="") as file:
        assert {row["illustrative"] for row in csv.DictReader(file)} == {"1"}


def test_traceability(found: Findings) -> None:
    """Property: hashes of candidates and profiles, every seed, every assumption of the candidates."""
    kinds = {row["kind"] for row in rows(found, "traceability")}
    assert {"program", "scenario", "seed", "candidate", "profile", "illustrative", "attribution"} <= kinds
    told = [row["item"] for row in rows(found, "traceability", kind="illustrative", candidate="three")]
    assert any("security.root" in line and "assumption" in line for line in told)
    hashes = {row["candidate"]: row["value"] for row in rows(found, "traceability", kind="candidate")}
    assert len(set(hashes.values())) == 2
    assert len(rows(found, "traceability", kind="seed")) == 3


def test_words(found: Findings) -> None:
    """Property: the page names candidates, indices, hazards, the road map and the verdict, and says illustrative."""
    text = "\n".join(summary_lines(found))
    for word in ("0.790 ± 0.000", "three", "illustrative", "H11", "harmonise H11 next", "loss left", "wrong", "3 seed"):
        assert word in text, word
    first = decisions(found)[0].hazard
    assert (f"the matrix puts {first} first" in text) == (first != "H11"), "told where the two orders differ"
    chinese = "\n".join(summary_lines(found, "zh"))
    assert "坐标基准不同" in chinese
    for word in ("loss", "interval", "weights", "wrong", "harmonise"):
        assert word not in chinese, word


def test_every_phrase_fills_in_the_same_in_both_languages() -> None:
    """Property: both languages of a sentence name the same values."""
    for key, (english, chinese) in PHRASES.items():
        names = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, chinese)]
        assert names[0] == names[1], key


def test_what_comes_second_is_told_where_seeds_do_not_exclude_it() -> None:
    """By hand: of a loss of 3 and 5 the better item leaves 1 and 2, the other 2 and 3 (1 more in both seeds: certain),
    or 0 and 5 (-1 and 3 more: not)."""
    ab, a, b, none = (frozenset(one) for one in ("AB", "A", "B", ""))
    losses = {ab: np.array([3.0, 5.0]), b: np.array([1.0, 2.0]), none: np.zeros(2)}
    certain = Attribution(OVERALL, ("A", "B"), {**losses, a: np.array([2.0, 3.0])}, ("A", "B")).runner_up()
    assert certain is not None and certain[0] == "B" and tuple(certain[1][:3]) == (1.0, 1.0, 1.0)
    open_ = Attribution(OVERALL, ("A", "B"), {**losses, a: np.array([0.0, 5.0])}, ("A", "B")).runner_up()
    assert open_ is not None and open_[1].mean == 1.0 and open_[1].lower < 0


def test_a_run_that_is_missing_is_left_out_of_its_pairs(place: Path, tmp_path: Path) -> None:
    """By hand: without one run of the fragmented candidate two seeds remain, for it and for all that is paired."""
    study, campaign = hand_made(tmp_path)
    run = next(one for one in campaign.runs if one.variant == study.variant("three").index and one.replication == 1)
    (campaign.folder.run_path(run.run_id) / "summary.json").unlink()
    left = findings(study, campaign)
    (row,) = rows(left, "fragmentation", link="V2V", sender="")
    assert row["n_seeds"] == 2 and row["fi"] == pytest.approx(0.79) and left.failed_runs() == 1
    (share,) = rows(left, "attribution", link="V2V", hazard="H4")
    assert share["n_seeds"] == 2 and share["shapley"] == pytest.approx(0.26 * 0.8)
    assert "1 runs are missing" in "\n".join(summary_lines(left))


def test_a_candidate_whose_runs_all_failed_costs_the_others_nothing(tmp_path: Path) -> None:
    """By hand: without a run of the fragmented candidate its cells are empty, nothing is attributed, the page says how
    many runs are missing; without a run of what it is compared with there is nothing to tell."""
    left = findings(*without_runs(tmp_path / "a", "three"))
    told = document(left)
    assert told["candidates"][1]["seeds"] == 0 and told["runs"]["missing"] == 2 and not left.attributions
    assert {row["fi"] for row in told["fragmentation"]} == {None} and "2 runs" in "\n".join(summary_lines(left))
    with pytest.raises(ValueError, match="no finished run of harm"):
        findings(*without_runs(tmp_path / "b", "harm"))


def test_expected_time_goes_by_what_finished_runs_took(tmp_path: Path) -> None:
    """By hand: the runs of one candidate took twice what was guessed, so those of the others are expected to."""
    study, campaign = hand_made(tmp_path, seeds=2)
    harm, others = study.variant("harm"), [one for one in study.plan.variants if one is not study.variant("harm")]
    guesses = {one.index: estimate_run(one.loaded).cpu_s for one in study.plan.variants if one.loaded is not None}
    for run in study.plan.runs:
        path = campaign.folder.run_path(run.run_id) / "summary.json"
        if run.variant == harm.index:
            path.write_text(json.dumps({**json.loads(path.read_text()), "cpu_s": 2 * guesses[harm.index]}))
        else:
            path.unlink()
    cpu_s, _, basis = estimate_campaign(study.plan, campaign.folder, 1)
    assert cpu_s == pytest.approx(2 * 2 * sum(guesses[one.index] for one in others)) and "in proportion" in basis
    assert estimate_run(others[0].loaded).cpu_s == pytest.approx(1.2 * guesses[harm.index]), "one view more"


def without_runs(folder: Path, name: str) -> tuple[Study, CampaignResult]:
    """The study, two seeds, and its campaign without a finished run of one candidate."""
    folder.mkdir()
    study, campaign = hand_made(folder, seeds=2)
    for run in campaign.runs:
        if run.variant == study.variant(name).index:
            (campaign.folder.run_path(run.run_id) / "summary.json").unlink()
    return study, campaign


def test_rows_that_cannot_be_read(tmp_path: Path) -> None:
    """By hand: a missing file, other columns, an unknown view and a broken row are told in one line each."""
    with pytest.raises(ResultError, match="metrics.csv: cannot be read"):
        list(read_rows(tmp_path, "", wanted_by(True)))
    (tmp_path / "metrics.csv").write_text("a,b\n")
    with pytest.raises(ResultError, match="has other columns"):
        list(read_rows(tmp_path, "", wanted_by(True)))
    head = ",".join(("view", *METRIC_COLUMNS))
    (tmp_path / "views.csv").write_text(f"{head}\nother,war,,,,,,,,,,1,,,\n")
    with pytest.raises(ResultError, match="has no view 'S6 - H4'"):
        list(read_rows(tmp_path, "S6 - H4", wanted_by(True)))
    (tmp_path / "views.csv").write_text(f"{head}\nv,war,,,,,,,,,,many,,,\n")
    with pytest.raises(ResultError, match="views.csv:2: is no row"):
        list(read_rows(tmp_path, "v", wanted_by(True)))


def test_figures_without_data() -> None:
    """By hand: a class nobody has is NaN; a candidate without wrong applications has none, not an unknown number."""
    seen = Observed("x", [0, 2])
    seen.put(Key("uir_class", "ratio", "V2V", "BSM"), 0, 3, 0.5, 10)
    assert np.isnan(value_of(seen, OVERALL, width=3)).all()
    assert judged(Observed("y", []), width=3) == []
    assert wrong(seen, width=3).tolist()[::2] == [0.0, 0.0] and math.isnan(wrong(seen, width=3)[1])
    seen.put(Key("war", "1/(veh h)", "", "BSM", "", "", "dec_silent"), 2, 3, 6.0, 1)
    assert wrong(seen, "BSM", "dec_silent", width=3).tolist()[::2] == [0.0, 6.0], "a cause that one seed alone has"


def test_blackout_pools_the_crossings_of_all_seeds() -> None:
    """By hand: 40 crossings of one home, 20 from each seed, at 1 to 40 m, two of them clipped; of the other home four,
    too few for a quantile. All homes together are told too."""
    ends = {20: "run"}
    rows = {s: [crossing(20 * s + k, "A", ends.get(k, "fresh")) for k in range(1, 21)] for s in (0, 1)}
    rows[1] += [crossing(500, "B", "fresh")] * 4
    found = pooled(rows)
    own = found[Group("RSI", 1100.0, "B", "up", "A")]
    assert own == (40, 2, 2 / 40, (20.0, 38.0), (2.0, 3.8), ("median", "p95")), "21 and 39 if clipped ones never ended"
    assert math.isnan(found[Group("RSI", 1100.0, "B", "up", "B")].distance_m[0])
    rows[0] += [crossing(0.5, "A", "fresh")] * 20 + [crossing(900, "A", "run")] * 2
    assert pooled(rows)[Group("RSI", 1100.0, "B", "up", "A")].at_least == ("p95",), "11 in any case; 39 or no end"
    rows = {0: [crossing(k, "A", "fresh") for k in range(1, 40)] + [crossing(90, "A", "run")]}
    assert pooled(rows)[Group("RSI", 1100.0, "B", "up", "A")].at_least == (), "the clipped one is the longest anyway"
    rows = {0: [crossing(k, "A", "fresh") for k in range(1, 39)] + [crossing(90, "A", "run")] * 2}
    assert pooled(rows)[Group("RSI", 1100.0, "B", "up", "A")].at_least == (), "38 of 40 are told beside it"
    both = found[Group("RSI", 1100.0, "B", "up", "")]
    assert both.crossings == 44 and both.distance_m == (22.0, 500.0)


def crossing(distance_m: float, home: str, end: str) -> dict[str, Any]:
    """A row of the table ``crossings``."""
    return {"class": "RSI", "border_m": 1100.0, "entered": "B", "direction": "up", "home": home,
            "distance_m": float(distance_m), "duration_s": distance_m / 10, "end": end}


def test_what_vehicles_tell_units_is_shown_but_not_weighed(found: Findings) -> None:
    """By hand: V2I has weight 0 unless one is given."""
    assert [weight_of(Subject(link, "BSM")) for link in ("V2V", "V2I")] == [1, 0]
    assert weight_of(Subject("V2I", "BSM"), {"V2I BSM": 2}) == 2


def test_verified_signatures_are_told_with_their_rate() -> None:
    """By hand: counters of a summary, and signatures per second of radio, whatever time traffic took before; a run
    without the stage tells none."""
    summary = {"counters": {"verifications": 90}, "simulated_s": 300.0}
    told = {key.metric: value for key, value, _ in counters(summary, 30.0)}
    assert told == {"verifications": 90, "verifications_hz": 3}
    assert not list(counters({"counters": {"duplicates MAP": 1}}, 30.0))
