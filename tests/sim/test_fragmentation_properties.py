"""What must hold whatever the figures: one profile under several names, more trust, swapped names, masked hazards,
views, and the second phase beside the first."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsu.profile import load_candidate
from sim.scenario.shipped import shipped_folder
from tests.sim.fragmentation_factory import (
    DAY_ONE,
    Figures,
    Key,
    candidate,
    figures,
    metric_lines,
    ran,
    ring,
    road,
    trust,
    watched,
)
from tests.sim.test_fragmentation_stages import ECDSA, TEN_PLUS_TEN

FOLDERS = [shipped_folder() / "profiles"]
REAL_RADIO = {"radio": {}, "radio_warmup_s": 0.3}


def named(name: str) -> dict[str, Any]:
    """The national profile under another name."""
    return {"schema": "profile/1", "name": name, "kind": "regional", "inherits": DAY_ONE}


def three_places(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The road with a third place beside it, whose unit is heard."""
    data = road(content, changes)
    data["corridor"]["jurisdictions"].append({"id": "C", "region_id": 3, "spans": []})
    data["layout"]["sites"].append(
        {"id": "U3", "lat": 31.0027, "lon": 120.8705, "jurisdiction": "C", "services": ["RSI"], "sensor": False}
    )
    return data


def test_three_names_of_one_profile_are_the_harmonised_run(tmp_path: Path) -> None:
    """Property: packet log and figures are the same bytes, so that every index is 0 exactly; and so is a view."""
    places = ("A", "B", "C")
    one = candidate("one", places=places)
    names = candidate("names", places=places, profiles={place: named(f"of {place}") for place in places})
    folders = [
        ran(three_places(content, {**REAL_RADIO, "standards.views": views}), out, trace=out / "trace.csv")
        for content, views, out in ((one, [names], tmp_path / "one"), (names, [], tmp_path / "names"))
    ]
    for file in ("trace.csv", "metrics.csv", "outcomes.csv", "histograms.csv"):
        first, second = [(folder / file).read_bytes() for folder in folders]
        assert first == second and first.count(b"\n") > 20, file
    seen, view = metric_lines(folders[0]), metric_lines(folders[0], "names")
    assert set(view) <= set(seen) and len(view) > 100
    usable, other = figures(folders[0]), figures(folders[0], "names")
    indices = [1 - other[key][0] / usable[key][0] for key in usable if key.metric == "uir_class"]
    assert set(indices) == {0.0} and len(indices) >= 6


@pytest.mark.slow
def test_the_first_of_the_family_is_the_harmonised_candidate(tmp_path: Path) -> None:
    """Property: S0 on the sites of the scenario gives the bytes of harmonised-day1."""
    from sim.scenario import load

    family = shipped_folder() / "candidates" / "S0.yaml"
    own_sites = tmp_path / "S0.yaml"
    text = family.read_text(encoding="utf-8")
    own_sites.write_text(text.replace("sites: profiles", "sites: scenario"), encoding="utf-8")
    assert "sites: profiles" in text
    short = ["duration_s=0.5", "traffic_warmup_s=2", "radio_warmup_s=0.5"]
    from sim.simulation import run

    folders = []
    for name in (str(own_sites), "harmonised-day1"):
        loaded = load("tripoint", [*short, f"standards.candidate={name}"])
        folders.append(run(loaded, tmp_path / loaded.candidate.name, plots=False).folder)
    for file in ("metrics.csv", "outcomes.csv", "histograms.csv"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), file


def usable(seen: Figures) -> dict[Key, float]:
    """Usable share by link and class."""
    return {key: value for key, (value, _) in seen.items() if key.metric == "uir_class"}


def at_least(more: Figures, less: Figures) -> int:
    """How many usable shares grew; none may have fallen."""
    one, other = usable(more), usable(less)
    assert one.keys() == other.keys() and all(one[key] >= other[key] for key in one)
    return sum(one[key] > other[key] for key in one)


def test_trust_and_the_right_decoder_never_take_away(tmp_path: Path) -> None:
    """Property: along none, one way, both ways of trust, and with a decoder of the version that is sent, no usable
    share falls and some grow. A further decoder may raise wrong applications: what was refused before is read now, 472
    m from where it is."""
    older = {"message_set": ("csae53-2017", "H1"), "security.root": ("other", "H4"), "datum": ("GCJ-02", "H11")}
    dual = {"decoders": (["csae53-2017"], "H1")}
    one_way, back = trust(["B"], ["A"], "full"), trust(["A"], ["B"], "full")

    def content(name: str, *rows: dict[str, Any], two: bool = False, datum: bool = True) -> dict[str, Any]:
        own = dict(older) if datum else {key: value for key, value in older.items() if key != "datum"}
        return candidate(name, {"A": own} | ({"B": dual} if two else {}), trust=list(rows))

    plain = [content("one way", one_way, datum=False), content("both ways", one_way, back, datum=False),
             content("decoder", one_way, back, two=True, datum=False)]
    folder = ran(road(content("nobody", datum=False), {"standards.views": plain}), tmp_path / "plain")
    steps = [figures(folder, name) for name in ("", "one way", "both ways", "decoder")]
    grown = [at_least(more, less) for less, more in zip(steps, steps[1:], strict=False)]
    assert grown[1] == 0 < grown[2], "without a decoder trust alone reads nothing that another version wrote"
    folder = ran(
        road(content("single", one_way), {"standards.views": [content("double", one_way, two=True)]}),
        tmp_path / "datum",
    )
    single, double = figures(folder), figures(folder, "double")
    assert single.of("war", "", "", "sem_datum") == 0 < double.of("war", "", "", "sem_datum")


def test_swapped_names_swap_the_figures() -> None:
    """Property: the road with its places called the other way round, and the difference at the other name, gives every
    figure of the places under the other name, exactly: no draw hangs on the name of a place."""
    difference = {"security.root": ("other", "H4"), "message_set": ("csae53-2017", "H1")}
    own, swapped = road(candidate("own", {"B": difference})), road(candidate("swapped", {"A": difference}))
    places = swapped["corridor"]["jurisdictions"]
    for place, name in zip(places, ("B", "A"), strict=True):
        place["id"] = name
    first, second = watched(own)[0], watched(swapped)[0]
    table = str.maketrans("AB", "BA")
    pairs = {key: value for key, value in first.items() if key.metric == "uir_pair"}
    other = {
        key._replace(station_class=key.station_class.translate(table)): value
        for key, value in second.items() if key.metric == "uir_pair"
    }
    assert pairs == other and len(pairs) > 16 and len({value for value, _ in pairs.values()}) > 2
    assert usable(first) == usable(second)


def test_what_is_not_tuned_to_hides_everything_behind_it() -> None:
    """Property: where one place does not tune to the other, no hazard behind the radio changes a figure (H3 to H6,
    H11); one that changes octets and so the radio (H1) leaves what passes between the places at nothing as well."""
    behind = {
        "security.root": ("other", "H4"), "security.region_check": ("enforce", "H5"), **ECDSA,
        "datum": ("GCJ-02", "H11"), "event_codes": ({501: 9501}, "H3"),
    }
    held = {"security.cert_region": (["A"], "H5")}
    masked = watched(road(candidate("tuned", {"B": TEN_PLUS_TEN}), REAL_RADIO))[0]
    more = watched(road(candidate("more", {"A": held, "B": {**TEN_PLUS_TEN, **behind}}), REAL_RADIO))[0]
    assert {k: v for k, v in masked.items() if k.metric in ("uir_class", "uir_pair")} == {
        k: v for k, v in more.items() if k.metric in ("uir_class", "uir_pair")
    }
    shadows = {key.metric for key in more if key.metric.startswith("fail_class_")}
    assert "fail_class_not_tuned" in shadows
    older = watched(road(candidate("older", {
        "A": held, "B": {**TEN_PLUS_TEN, **behind, "message_set": ("csae53-2017", "H1")},
    }), REAL_RADIO))[0]
    for seen in (masked, older):
        across = {value for key, (value, _) in seen.items() if key[0] == "uir_pair" and key[3] in ("A>B", "B>A")}
        assert across == {0.0}


def test_views_say_what_runs_of_their_own_say(tmp_path: Path) -> None:
    """Independent: every row of a view stands, byte for byte, in the figures of a run with that candidate; with two
    speakers, roots, a list on its way, a dual decoder (one view is without), revoked certificates and a gateway."""
    content = candidate(
        "rich",
        {"A": {"security.root": ("other", "H4"), "message_set": ("csae53-2017", "H1"), "feed_datum": ("GCJ-02", "H11")},
         "B": {"decoders": (["csae53-2017"], "H1"), "security.revoked_ratio": (0.3, "H4")}},
        trust=[trust(["B"], ["A"], "pending", "H4b", from_s=0.2, tau_s=0.5)],
        gateway={"within_m": 150, "delay_ms": 20, "basis": "assumption", "source": "made for a test"},
    )
    whole = load_candidate(content, FOLDERS)
    single = dict(content, name="single", differences={**content["differences"], "B": content["differences"]["B"][1:]})
    views = [whole.without({"H4"}).plain(), single]
    data = road(content, {"standards.views": views, "measure.probes": True, "measure.probe_spacing_m": 200})
    judged = ran(data, tmp_path / "judged")
    told = set()
    for number, view in enumerate(views):
        data["standards"] = {"candidate": view}
        own = metric_lines(ran(data, tmp_path / f"own-{number}"))
        lines = metric_lines(judged, view["name"])
        rest = iter(own)
        assert all(line in rest for line in lines) and len(lines) > 200
        for kind in ("uir_", "end_", "fail_", "war,", "C_useful", "verified_", "blackout_"):
            assert [line for line in lines if line.startswith(kind)] == [line for line in own if line.startswith(kind)]
        told.add(tuple(lines))
    assert len(told) == len(views)


def test_second_phase_beside_the_first() -> None:
    """Property: a place of the second phase coordinates its own vehicles with its own units; nobody else sends,
    answers or reads a request, while the messages that both phases have pass both ways."""
    content = candidate("beside", {"A": {"message_set": ("csae157-2020", "H2")}})
    signals = {"MAP", "SPAT"}
    seen = watched(road(content, {
        "layout.sites": [
            {"id": "U1", "at_m": 200, "node": "N1", "services": [*signals, "RSC"], "sensor": False},
            {"id": "U2", "at_m": 400, "node": "N2", "services": [*signals, "RSC"], "sensor": False},
        ],
        "duration_s": 2, "traffic.density_veh_km": 40, "traffic.speed_mps": 15, "security.certificates": "known",
    }))[0]
    pairs = {key: value for key, (value, _) in seen.items() if key.metric == "uir_pair"}
    for message, link in (("VIR", "V2I"), ("RSC", "I2V")):
        of = {key.station_class: value for key, value in pairs.items() if key[1:3] == (link, message)}
        assert of["A>A"] == 1.0 and set(of) <= {"A>A", "A>B"} and of.get("A>B", 0.0) == 0.0, message
    assert seen.of("uir_class", "I2V", "RSC") == 1.0, "an answer is meant for the vehicle that asked, and for no other"
    assert Key("uir_class", "V2V", "VIR") not in seen, "a request is meant for a unit"
    assert {pairs[Key("uir_pair", "V2V", "BSM", pair)] for pair in ("A>A", "A>B", "B>A", "B>B")} == {1.0}


@pytest.mark.slow
def test_the_same_difference_at_either_end_of_a_mirrored_road() -> None:
    """Distribution: on a ring of two halves the difference of one place gives, at the other, the same figures with the
    names exchanged, within three standard errors of the paired differences over eight seeds: homes and phases are
    drawn anew, so that it cannot be exact."""
    half = {"A": 0.5, "B": 0.5}
    difference = {"message_set": ("csae53-2017", "H1"), "security.root": ("other", "H4")}
    gaps: dict[str, list[float]] = {}
    for seed in range(1, 9):
        found = []
        for place, exchange in (("A", "AB"), ("B", "BA")):
            rows = [trust(["B"], ["A"], "full"), trust(["A"], ["B"], "full")]
            content = candidate(place, {place: difference}, trust=rows)
            data = ring(half, half, content, {"seed": seed, "traffic.tick_s": 0.5}, units=60)
            table = str.maketrans("AB", exchange)
            found.append({
                key.station_class.translate(table): value
                for key, (value, _) in watched(data)[0].items() if key[:3] == ("end_pair_dec_silent", "V2V", "BSM")
            })
        assert found[0] and found[0].keys() == found[1].keys() <= {"A>B", "B>A"}
        for pair in found[0]:
            gaps.setdefault(pair, []).append(found[0][pair] - found[1][pair])
    for pair, values in gaps.items():
        assert abs(np.mean(values)) < 3 * np.std(values, ddof=1) / math.sqrt(len(values)), (pair, values)
