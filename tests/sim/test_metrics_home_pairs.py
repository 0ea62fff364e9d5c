"""Gaps and ages of pairs of one home and of two: by hand, and against runs in which only such pairs hear each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.clock import MS
from sim.metrics import Tick
from sim.metrics.gaps import Gaps
from tests.sim.metrics_factory import batch, context, place, stations

TICK_NS = 100 * MS
Reception = tuple[int, int, int, int]


def hear(kpi: Gaps, heard: list[Reception], alike: bool = True) -> None:
    """Receptions (sender, receiver, when made in ns, how long it took in ns)."""
    frames = [{"generated_ns": made, "sender": a, "access": took - MS if alike else 0} for a, _, made, took in heard]
    extra = [0 if alike else took - MS for *_, took in heard]
    kpi.observe(batch(frames, [
        {"receiver": b, "row": k, "air_extra_ns": extra[k]} for k, (_, b, _, _) in enumerate(heard)
    ]))


def rows_of(kpi: Gaps, station_class: str) -> dict:
    names = ("gap", "gap_mean", "gap_max", "update_delay", "update_delay_mean", "update_delay_max", "aoi", "aoi_mean")
    return {
        (row.metric, row.quantile): (row.value, row.n) for row in kpi.rows()
        if row.station_class == station_class and row.metric in (*names, "gap_over_2.5T") and not row.jurisdiction
    }


def test_two_homes_by_hand() -> None:
    """By hand: vehicle 2 (JS) hears 0 (SH) every 100 ms, 10 ms after it is made; vehicle 1 (SH) hears it every 200 ms:
    gaps of 200 ms at home, of 100 ms across. Sampled at 300, 400 and 500 ms (watched for 0.3 s): 190, 90, 190 ms old
    at home; 90 ms each across; ages are 10 ms more."""
    world = stations(3)
    world.home[2] = 1
    kpi = Gaps(context())
    for k in range(6):
        world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
        kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
        hear(kpi, [(0, 2, k * TICK_NS, 10 * MS), *([(0, 1, k * TICK_NS, 10 * MS)] if k % 2 else [])])
    home, across = rows_of(kpi, "same home"), rows_of(kpi, "cross home")
    assert home["gap", 0.5] == (200, 2) and across["gap", 0.5] == (100, 5)
    assert home["update_delay_max", None] == (190, 3) and home["update_delay_mean", None][0] == pytest.approx(470 / 3)
    assert across["update_delay_mean", None] == (pytest.approx(90), 3)
    assert home["aoi", 0.99] == (200, 3) and across["aoi", 0.99] == (100, 3)
    # across, the age grows from 100 to 110 ms, falls to 10 and grows to 100 ms: (105 x 10 + 55 x 90) / 100
    assert across["aoi_mean", None] == (pytest.approx(60), 3)


class Traffic:
    """Eight vehicles of two homes that pass each other on a road of two places, with random losses and delays."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.start_m, self.speed_mps = rng.uniform(0, 700, 8), rng.uniform(-30, 30, 8)
        self.home = rng.permutation([0, 0, 0, 0, 1, 1, 1, 1])
        self.heard: list[list[Reception]] = [
            [
                (a, b, k * TICK_NS + int(rng.integers(0, 90)) * MS, int(rng.integers(2, 60)) * MS)
                for a in range(8) for b in range(8) if a != b and rng.random() < 0.6
            ] for k in range(60)
        ]

    def drive(self, kpi: Gaps, kinds: tuple[bool, ...] = (False, True), alike: bool = True) -> Gaps:
        """Runs; only pairs whose homes differ (True), do not (False), or both, hear each other."""
        world = stations(8)
        world.home[:] = self.home
        for k, heard in enumerate(self.heard):
            for slot in range(8):
                at_m = float(self.start_m[slot] + 0.1 * k * self.speed_mps[slot])
                place(world, slot, at_m, float(self.speed_mps[slot]))
                world.place[slot] = at_m > 350 and len(kpi.context.jurisdictions) > 1
            world.tick_start_ns, world.tick_end_ns = k * TICK_NS, (k + 1) * TICK_NS
            kpi.tick(Tick(k * TICK_NS, TICK_NS, world))
            hear(kpi, [one for one in heard if (self.home[one[0]] != self.home[one[1]]) in kinds], alike)
        return kpi


@pytest.mark.parametrize(("seed", "alike"), [(1, True), (2, False)])
def test_split_against_runs_of_such_pairs_alone(seed: int, alike: bool) -> None:
    """Property: rows of pairs of one home, or of two, are those of a run of one jurisdiction in which only such pairs
    hear each other, mean age and all; open ends of both kinds sum to the corridor's."""
    traffic = Traffic(seed)
    kpi = traffic.drive(Gaps(context()), alike=alike)
    for name, crossing in (("same home", False), ("cross home", True)):
        alone = traffic.drive(Gaps(replace(context(), jurisdictions=("SH",))), (crossing,), alike)
        expected, found = rows_of(alone, ""), rows_of(kpi, name)
        assert len(expected) > 12 and found.keys() == expected.keys()
        for key, (value, n) in expected.items():
            assert found[key] == (pytest.approx(value, rel=1e-12), n), (name, key)
    rows = [row for row in kpi.rows() if row.metric == "gap_open_ends" and not row.jurisdiction]
    ends = {row.station_class: row.value for row in rows}
    assert ends[""] == ends["same home"] + ends["cross home"] and len(rows) == 3
    told = {one.names.station_class for one in kpi.distributions()}
    assert told == {"", "same home", "cross home"}


def test_halves_merge() -> None:
    """Property: two accumulators merged have the gaps and ages of both kinds of pairs of both."""
    one, other = (Traffic(seed).drive(Gaps(context())) for seed in (3, 4))
    counts = [[rows_of(kpi, name)["aoi", 0.5][1] for name in ("same home", "cross home")] for kpi in (one, other)]
    areas = one.cross.age_ns2 + other.cross.age_ns2
    one.merge(other)
    assert [rows_of(one, name)["aoi", 0.5][1] for name in ("same home", "cross home")] == [
        a + b for a, b in zip(*counts, strict=True)
    ]
    assert one.cross.age_ns2 == areas > 0
