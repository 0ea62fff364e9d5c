"""Opportunities by class, pair of jurisdictions and failed stage: by hand, and against a plain reimplementation."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.frames import STAGE_OF, Kind, Outcome, Stage, bit
from sim.metrics import Batch, Context, Metric, Tick, opportunity_counts
from sim.metrics.masks import MaskCounts
from sim.metrics.opportunities import Opportunities
from tests.sim.metrics_factory import batch, context, stations

HOMES = ("SH", "JS")


def two_homes(**measure: Any) -> Context:
    """Two jurisdictions; SPAT serves its class, BSM its own."""
    return replace(context(**measure), services={"BSM": "BSM", "SPAT": "SPAT"})


def with_homes(
    made: Batch, frames: list[dict[str, Any]], links: list[dict[str, Any]], mask: list[int] | None = None,
    relevant: list[bool] | None = None,
) -> Batch:
    """Homes and places of senders (``home``, ``place``) and homes of receivers (``receiver_home``)."""
    made.sender_home = np.array([one.get("home", 0) for one in frames], np.int16)
    made.sender_place = np.array([one.get("place", 0) for one in frames], np.int16)
    for slot, one in zip(made.receiver.tolist(), links, strict=True):
        made.stations.home[slot] = one.get("receiver_home", 0)
    made.mask = None if mask is None else np.array(mask, np.int32)
    made.relevant = None if relevant is None else np.array(relevant, bool)
    return made


def told(kpi: Opportunities, metric: str, **where: Any) -> dict[str, tuple[Any, Any]]:
    """(value, n) by station class of the rows of a metric."""
    rows = [r for r in kpi.rows() if r.metric == metric and all(getattr(r, k) == v for k, v in where.items())]
    assert len({(r.link, r.message, r.jurisdiction, r.station_class, r.distance_m) for r in rows}) == len(rows)
    return {row.station_class: (row.value, row.n) for row in rows}


def test_pairs_of_homes_by_hand() -> None:
    """By hand: a vehicle of SH is heard by one of SH and by two of JS, one of which does not know the root; a third one
    of JS is 300 m away and no opportunity."""
    kpi = Opportunities(two_homes())
    links = [
        {"receiver_home": 0}, {"receiver_home": 1}, {"receiver_home": 1, "outcome": Outcome.SEC_ROOT},
        {"receiver_home": 1, "distance_m": 300.0},
    ]
    kpi.observe(with_homes(batch([{}], links), [{}], links))
    assert told(kpi, "uir_pair") == {"SH>SH": (1, 1), "SH>JS": (0.5, 2)}
    assert told(kpi, "uir_class") == {"": (pytest.approx(2 / 3), 3)}
    assert told(kpi, "prr_class") == {"": (1, 3)}
    assert told(kpi, "reach_class") == {"": (1, 3)}
    assert told(kpi, "end_class_sec_root") == told(kpi, "fail_class_sec_root") == {"": (pytest.approx(1 / 3), 3)}
    assert told(kpi, "end_pair_sec_root") == {"SH>JS": (0.5, 2)}
    assert told(kpi, "verified_ratio") == {"same home": (1, 1), "cross home": (0.5, 2)}
    assert told(kpi, "decoded_ratio") == {"same home": (1, 1), "cross home": (1, 2)}
    assert told(kpi, "uir_home", distance_m=312.5) == {"cross home": (1, 1)}
    assert told(kpi, "uir_home", distance_m=12.5) == {"same home": (1, 1), "cross home": (0.5, 2)}


def test_a_unit_stands_for_its_place() -> None:
    """By hand: a unit in JS with an operator of SH, received by a vehicle of SH; a vehicle of SH heard by that unit."""
    kpi = Opportunities(two_homes())
    frames = [{"sender_kind": Kind.RSU, "home": 0, "place": 1, "message": 1}, {"home": 0, "place": 1}]
    links = [
        {"row": 0, "receiver_home": 0},
        {"row": 1, "receiver_home": 0, "receiver_kind": Kind.RSU, "receiver_place": 1},
        {"row": 0, "receiver_kind": Kind.PROBE},
    ]
    kpi.observe(with_homes(batch(frames, links), frames, links))
    assert told(kpi, "uir_pair", link="I2V") == {"JS>SH": (1, 1)}
    assert told(kpi, "uir_pair", link="V2I") == {"SH>JS": (1, 1)}
    assert {row.link for row in kpi.rows()} == {"I2V", "V2I", ""}


def test_where_a_message_is_wanted() -> None:
    """By hand: of five vehicles that hear a unit, two stand where it is of use; without a word about that, those whose
    application had no use for it are left out, wherever the others stand."""
    frames = [{"sender_kind": Kind.RSU, "message": 1}]
    ends = [Outcome.DELIVERED, Outcome.NOT_APPLICABLE, Outcome.PROPAGATION, Outcome.PROPAGATION, Outcome.DUPLICATE]
    links = [{"outcome": one, "distance_m": 700.0} for one in ends]
    known, unknown = Opportunities(two_homes()), Opportunities(two_homes())
    known.observe(with_homes(batch(frames, links), frames, links, relevant=[True, True, False, False, False]))
    unknown.observe(with_homes(batch(frames, links), frames, links))
    assert told(known, "uir_class") == {"": (0.5, 2)}
    assert told(known, "end_class_not_applicable") == {"": (0.5, 2)}
    assert told(unknown, "uir_class") == {"": (0.5, 4)}


def test_masks_say_what_would_have_failed() -> None:
    """By hand: four foreign messages; one fails at the root and would not decode, one does not decode, one is applied
    with a wrong place, one is fine. The first failing stage names the end, the mask counts for every stage."""
    root, error, datum = Outcome.SEC_ROOT, Outcome.DEC_ERROR, Outcome.SEM_DATUM
    ends = [root, error, Outcome.APPLIED_WRONG, Outcome.DELIVERED]
    masks = [bit(root) | bit(error), bit(error), bit(datum), 0]
    links = [{"receiver_home": 1, "outcome": end} for end in ends]
    kpi = Opportunities(two_homes())
    kpi.observe(with_homes(batch([{}], links), [{}], links, masks))
    assert told(kpi, "end_class_dec_error") == {"": (0.25, 4)}
    assert told(kpi, "fail_class_dec_error") == {"": (0.5, 4)}
    assert told(kpi, "fail_class_sec_root") == told(kpi, "fail_class_sem_datum") == {"": (0.25, 4)}
    assert told(kpi, "fail_class_applied_wrong") == {}
    assert told(kpi, "decoded_ratio") == {"cross home": (0.5, 4)}
    assert told(kpi, "verified_ratio") == {"cross home": (0.75, 4)}
    columns, rows = kpi.tables()["outcomes"]
    found = {row[4]: dict(zip(columns[5:], row[5:], strict=True)) for row in rows}
    assert found["sec_root"] == {
        "count": 1, "failed_tuned": 0, "failed_received": 0, "failed_header": 0, "failed_verified": 1,
        "failed_decoded": 1, "failed_interpreted": 0, "failed_timely": 0,
    }
    assert found["applied_wrong"]["failed_interpreted"] == 1 and found["delivered"]["failed_decoded"] == 0


def test_wrong_applications_per_vehicle_hour() -> None:
    """By hand: 36 s of two vehicles are 0.02 h; of three wrong applications in vehicles the first has garbage and a
    wrong datum (garbage came first), the second an unknown place, the third no cause; one in a unit does not count."""
    kpi = Opportunities(two_homes())
    for k in range(36):
        kpi.tick(Tick(k * SECOND, SECOND, stations(2)))
    wrong = Outcome.APPLIED_WRONG
    links = [{"outcome": wrong, "distance_m": 500.0}] * 3 + [{"outcome": wrong, "receiver_kind": Kind.RSU}]
    masks = [bit(Outcome.DEC_SILENT) | bit(Outcome.SEM_DATUM), bit(Outcome.SEM_DATUM), 0, bit(Outcome.SEM_ID)]
    kpi.observe(with_homes(batch([{}], links), [{}], links, masks))
    found = told(kpi, "war", message="")
    assert found == {
        "": (pytest.approx(150), 3), "dec_silent": (pytest.approx(50), 1), "sem_datum": (pytest.approx(50), 1),
        "other": (pytest.approx(50), 1),
    }


def test_nothing_wrong_is_a_rate_of_zero() -> None:
    """By hand: a class that vehicles heard has a rate, also of 0."""
    kpi = Opportunities(two_homes())
    kpi.tick(Tick(0, SECOND, stations(1)))
    kpi.observe(with_homes(batch([{}], [{}]), [{}], [{}]))
    rows = [row for row in kpi.rows() if row.metric == "war"]
    assert [(row.message, row.value, row.n) for row in rows] == [("", 0, 0), ("BSM", 0, 0)]


def test_octets_by_jurisdiction_of_the_sender() -> None:
    """By hand: frames of 100 and 200 octets of vehicles of SH, 400 of a unit in JS."""
    kpi = Opportunities(two_homes())
    frames = [{"size_bytes": 100}, {"size_bytes": 200}, {"size_bytes": 400, "sender_kind": Kind.RSU, "place": 1}]
    kpi.observe(with_homes(batch(frames, []), frames, []))
    rows = [row for row in kpi.rows() if row.metric == "size_bytes"]
    assert [(r.jurisdiction, r.station_class, r.value, r.n) for r in rows] == [
        ("JS", "rsu", 400, 1), ("SH", "vehicle", 150, 2)
    ]


def test_one_jurisdiction_says_nothing() -> None:
    """Property: with a single jurisdiction there are neither rows nor tables."""
    kpi = Opportunities(replace(two_homes(), jurisdictions=("SH",)))
    kpi.observe(batch([{}], [{}]))
    kpi.tick(Tick(0, SECOND, stations(1)))
    assert list(kpi.rows()) == [] and kpi.tables() == {}


class Drawn:
    """Random frames and links, with a plain count of them one by one."""

    def __init__(self, seed: int, masked: bool, wanted: bool) -> None:
        rng = np.random.default_rng(seed)
        self.frames = [
            {
                "message": int(rng.integers(2)), "sender_kind": int(rng.choice([Kind.RSU, Kind.VEHICLE])),
                "home": int(rng.integers(2)), "place": int(rng.integers(-1, 2)),
                "access": int(rng.integers(1, 90)) * MS, "generated_ns": int(rng.integers(0, 10 * SECOND)),
            } for _ in range(20)
        ]
        self.links = [
            {
                "row": int(rng.integers(20)), "distance_m": float(rng.uniform(0, 1100)),
                "outcome": int(rng.choice([*Outcome])), "receiver_home": int(rng.integers(2)),
                "receiver_place": int(rng.integers(2)),
                "receiver_kind": int(rng.choice([Kind.RSU, Kind.VEHICLE, Kind.VEHICLE, Kind.PROBE])),
                "air_extra_ns": int(rng.integers(0, 5)) * MS,
            } for _ in range(400)
        ]
        failures = [o for o in Outcome if STAGE_OF[o] < Stage.APPLIED]
        self.mask = None
        if masked:
            drawn = [rng.choice(failures, 2) for _ in self.links]
            self.mask = [
                (bit(Outcome(a)) | bit(Outcome(b))) * (one["outcome"] != Outcome.DELIVERED)
                for one, (a, b) in zip(self.links, drawn, strict=True)
            ]
        self.relevant = [bool(rng.random() < 0.6) for _ in self.links] if wanted else None

    def batch(self) -> Batch:
        return with_homes(batch(self.frames, self.links), self.frames, self.links, self.mask, self.relevant)

    def plain(self, range_m: float) -> dict[str, Any]:
        """Ends by (link, message, sender, receiver, outcome), failures by stage, latency sums, ends by distance."""
        names = {Kind.RSU: "I", Kind.VEHICLE: "V"}
        ends: Counter = Counter()
        failed: Counter = Counter()
        near: Counter = Counter()
        took: dict[Any, list[float]] = defaultdict(list)
        for k, one in enumerate(self.links):
            frame = self.frames[one["row"]]
            kinds = frame["sender_kind"], one["receiver_kind"]
            if one["distance_m"] >= 1000 or kinds[1] == Kind.PROBE or kinds == (Kind.RSU, Kind.RSU):
                continue
            if not (self.relevant[k] if self.relevant else one["outcome"] != Outcome.NOT_APPLICABLE):
                continue
            sender = frame["place"] if kinds[0] == Kind.RSU else frame["home"]
            receiver = one["receiver_place"] if kinds[1] == Kind.RSU else one["receiver_home"]
            link = f"{names[kinds[0]]}2{names[kinds[1]]}"
            pair = [(*HOMES, "nobody")[sender], HOMES[receiver]]
            message = ("BSM", "SPAT")[frame["message"]]
            same = "same home" if pair[0] == pair[1] else "cross home"
            used = one["outcome"] in (Outcome.DELIVERED, Outcome.DUPLICATE)
            near[link, message, same, one["distance_m"] // 25 * 25 + 12.5] += np.array([1, used])
            if kinds[0] == Kind.VEHICLE and one["distance_m"] >= range_m:
                continue
            key = (link, message, *pair, Outcome(one["outcome"]).name.lower())
            ends[key] += 1
            mask = (self.mask[k] if self.mask else 0) | (bit(Outcome(one["outcome"])))
            for stage in list(Stage)[: Stage.APPLIED]:
                failed[*key, stage] += any(mask & bit(o) for o in Outcome if STAGE_OF[o] == stage)
            if one["outcome"] == Outcome.DELIVERED:
                took[link, message, same].append(frame["access"] / MS + 1 + one["air_extra_ns"] / MS)
        return {"ends": ends, "failed": failed, "near": near, "took": took}


@pytest.mark.parametrize(("masked", "wanted", "range_m"), [
    (False, False, 300), (True, False, 310), (False, True, 300), (True, True, 295),
])
def test_against_a_plain_reimplementation(
    masked: bool, wanted: bool, range_m: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Independent: every end, failed stage, bin and mean latency; ranges off the bins, batches counted together."""
    monkeypatch.setattr(opportunity_counts, "KEPT_LINKS", 900)
    kpi = Opportunities(two_homes(gap_range_m=range_m))
    ends, failed, near, took = Counter(), Counter(), Counter(), defaultdict(list)  # type: ignore[var-annotated]
    for seed in range(4):
        drawn = Drawn(seed, masked, wanted)
        kpi.observe(drawn.batch())
        plain = drawn.plain(range_m)
        ends += plain["ends"]
        failed += plain["failed"]
        for key, count in plain["near"].items():
            near[key] = near[key] + count
        for key, values in plain["took"].items():
            took[key] += values
    _, rows = kpi.tables()["outcomes"]
    assert {tuple(row[:5]): row[5] for row in rows} == dict(ends) and len(rows) > 100
    for row in rows:
        assert tuple(row[6:]) == tuple(failed[*row[:5], stage] for stage in list(Stage)[: Stage.APPLIED]), row
    by_distance = [row for row in kpi.rows() if row.metric == "uir_home"]
    assert len(by_distance) == len(near) > 100
    for row in by_distance:
        count, used = near[row.link, row.message, row.station_class, row.distance_m]
        assert (row.n, row.value) == (count, pytest.approx(used / count))
    means = [row for row in kpi.rows() if row.metric == "pair_latency_mean"]
    assert len(means) == len(took)
    for row in means:
        values = took[row.link, row.message, row.station_class]
        assert (row.n, row.value) == (len(values), pytest.approx(np.mean(values)))


@pytest.mark.parametrize("masked", [False, True])
def test_parts_merge_and_shares_add_up(masked: bool) -> None:
    """Property: two halves merged tell what the whole tells; the ends of a class, and of a pair, add up to 1."""
    drawn = [Drawn(seed, masked, True) for seed in range(6)]
    whole, one, other = (Opportunities(two_homes()) for _ in range(3))
    for k, part in enumerate(drawn):
        whole.observe(part.batch())
        (one if k < 3 else other).observe(part.batch())
    one.merge(other)
    assert list(one.rows()) == list(whole.rows()) and one.tables() == whole.tables()
    sums: dict[tuple, float] = defaultdict(float)
    rows: list[Metric] = list(whole.rows())
    for row in rows:
        if row.metric.startswith("end_"):
            sums[row.metric.split("_")[1], row.link, row.message, row.station_class] += row.value or 0.0
    assert len(sums) > 10 and all(total == pytest.approx(1) for total in sums.values())


def test_intervals_come_from_parts_of_the_time() -> None:
    """By hand: all of the first half applied, none of the second: the interval spans more than independent trials."""
    kpi = Opportunities(two_homes())
    frames = [{"generated_ns": second * SECOND} for second in range(10)]
    links = [
        {"row": k, "outcome": Outcome.DELIVERED if k < 5 else Outcome.SEC_ROOT} for k in range(10) for _ in range(100)
    ]
    kpi.observe(with_homes(batch(frames, links), frames, links))
    (row,) = [row for row in kpi.rows() if row.metric == "uir_class"]
    assert row.value == 0.5 and row.lower is not None and row.upper is not None
    # t(9) = 2.262 times the standard error of ten batch means of 0 or 1
    assert row.upper - 0.5 == pytest.approx(2.2622 * np.sqrt(10 * 0.25 / 9 / 10), rel=1e-3)


def test_counts_by_mask() -> None:
    """Independent: a counter over drawn masks, among them the highest bit in use."""
    rng = np.random.default_rng(1)
    masks = rng.choice([0, 1, 1 << 15, 1 << 16, 1 << 28, (1 << 28) | 5], 500)
    index = rng.integers(0, 3, 500), rng.integers(0, 4, 500)
    counts, other = MaskCounts((3, 4)), MaskCounts((3, 4))
    counts.add(tuple(one[:200] for one in index), masks[:200].astype(np.int32))
    other.add(tuple(one[200:] for one in index), masks[200:].astype(np.int32))
    counts.merge(other)
    found = {(m, a, b): int(n) for m, cells in counts.arrays() for (a, b), n in np.ndenumerate(cells) if n}
    assert found == Counter(zip(masks.tolist(), *(one.tolist() for one in index), strict=True))
