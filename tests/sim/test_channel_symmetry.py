"""What every setting of the channel owes: the same both ways, whoever else is there, and no power beyond the reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.channel import PATH_LOSS
from sim.channel.blockers import Bodies
from sim.channel.ends import Ends
from sim.channel.outlines import scene_of
from sim.channel.propagation import Features, Propagation
from sim.clock import stream
from sim.frames import Kind
from sim.scenario.schema.radio import Channel, Radio

TOWN = [
    {"metres": [[300, 20], [340, 20], [340, 60], [300, 60]]},
    {"metres": [[500, -40], [500, 8]], "thin": True, "height_m": 4.0},
    {"metres": [[700, 2], [720, 2], [720, 10], [700, 10]], "wall_loss_db": 3.0},
]
LAWS = ["winner-b1", "tr37885-highway", "tr37885-urban", "two-ray", "free-space", "ecc-rural"]
OPTIONS: dict[str, dict] = {
    "sight": {},
    "two states": {"line_of_sight": "tr37885"},
    "urban states": {"line_of_sight": "tr37885", "sight_area": "urban", "decorrelation_nlosv_m": 13.0},
    "three states": {"line_of_sight": "tr37885-extended", "decorrelation_nlos_m": 13.0},
    "corner law": {"line_of_sight": "tr37885-extended", "nlos": "winner-b1-manhattan", "street_axis_deg": 70.0},
    "vehicles": {"line_of_sight": "geometric", "blocker_least_height_m": 0.0},
    "counted vehicles": {"line_of_sight": "geometric", "blockage": "per-blocker"},
    "walls": {"buildings": TOWN},
    "behind buildings": {"buildings": TOWN, "building_law": "nlos", "nlos": "winner-b1-nlos"},
    "everything": {
        "line_of_sight": "geometric", "blocker_least_height_m": 0.0, "buildings": TOWN, "building_law": "nlos",
        "decorrelation_nlos_m": 13.0, "decorrelation_nlosv_m": 18.0, "nlos": "winner-b1-manhattan",
    },
    "states and walls": {"line_of_sight": "tr37885-extended", "buildings": TOWN},
}


class Street:
    """Vehicles and units along a street of 900 m, some units with sector antennas, under one setting of the channel."""

    def __init__(self, seed: int, ring: bool = False, count: int = 24, **channel) -> None:
        draws = stream(seed, "test", "street")
        self.ring_m = 900.0 if ring else 0.0
        self.channel = Channel(**channel)
        scene = scene_of(self.channel, lambda lon, lat: (lon, lat), self.ring_m or None)
        self.propagation = Propagation(Radio(channel=self.channel), seed, self.ring_m or None, scene)
        x, y = draws.random(count) * 900.0, draws.integers(0, 4, count) * 3.75
        truck = draws.random(count) < 0.3
        kind = np.where(np.arange(count) % 5 == 0, Kind.RSU, Kind.VEHICLE).astype(np.int8)
        height = np.where(kind == Kind.RSU, 5.5, np.where(truck, 3.0, 1.5)).astype(np.float32)
        pattern = np.zeros((count, 6), np.float32)
        sector = (kind == Kind.RSU) & (draws.random(count) < 0.5)
        pattern[sector] = np.array([40.0, 4.0, 70.0, 10.0, 25.0, 20.0], np.float32)
        pattern[sector, 0] = draws.random(int(sector.sum())) * 360
        gain = draws.choice([0.0, 3.0, 6.0], count).astype(np.float32)
        self.ends = Ends(np.arange(count), kind, x, y, height, gain, pattern)
        if scene is not None and scene.vehicles:
            cars = np.flatnonzero(kind == Kind.VEHICLE)
            size = np.where(truck[cars, None], [12.0, 2.5, 3.5], [4.6, 1.8, 1.6])
            scene.place(Bodies(x[cars], y[cars], np.full(len(cars), 90.0), *size.T, cars))
        self.features = self.propagation.features(x, y)

    def gain(self, one: np.ndarray | slice, other: np.ndarray | slice, is_v2i: bool = True) -> np.ndarray:
        """Gains between two selections of stations."""
        left, right = self.features.take(one), self.features.take(other)
        fields = tuple(a[0] @ b[1].T for a, b in zip(left.rows, right.rows, strict=True))
        return self.propagation.block_gain(self.ends.take(one), self.ends.take(other), fields, is_v2i, self.ring_m)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), law=st.sampled_from(LAWS), option=st.sampled_from(sorted(OPTIONS)),
    ring=st.booleans(), is_v2i=st.booleans(),
)
def test_gain_is_the_same_both_ways(seed, law, option, ring, is_v2i):
    """Property: gain(a, b) and gain(b, a) have the same bits for every law, state and obstacle, with any antenna.

    The fast path of WINNER+ B1 with sight rounds by the origin of its block, so there within float32 rounding; the
    table of pairs enters one value both ways.
    """
    street = Street(seed, ring, v2v=law, v2i=law, **OPTIONS[option])
    whole = street.gain(slice(None), slice(None), is_v2i)
    assert whole.dtype == np.float32 and np.isfinite(whole).all() and (whole > 0).all()
    some = np.array([3, 0, 11])
    forth, back = street.gain(some, slice(5, 9), is_v2i), street.gain(slice(5, 9), some, is_v2i).T
    if option == "sight" and law == "winner-b1":
        assert forth == pytest.approx(back, rel=3e-5) and whole == pytest.approx(whole.T, rel=3e-5)
    else:
        assert np.array_equal(forth, back) and np.array_equal(whole, whole.T)


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_single_links_equal_the_block(option):
    """Property: a pair asked for alone has the bits it has among others, so stations added change nothing (the fast
    path of WINNER+ B1 with sight: within float32 rounding).
    """
    law = "winner-b1" if option == "sight" else "tr37885-highway"
    street = Street(5, v2v=law, v2i=law, **OPTIONS[option])
    if option == "sight":
        street.ends = Ends(*(getattr(street.ends, n) for n in ("slot", "kind", "x_m", "y_m", "height_m", "gain_dbi")))
    whole = street.gain(slice(None), slice(None))
    for i, j in ((0, 1), (7, 3), (23, 2), (4, 20)):
        alone = street.gain(slice(i, i + 1), slice(j, j + 1))[0, 0]
        assert alone == (pytest.approx(whole[i, j], rel=3e-5) if option == "sight" else whole[i, j])


@pytest.mark.parametrize("option", sorted(OPTIONS))
@pytest.mark.parametrize("law", LAWS)
def test_pair_by_pair_and_block_agree(law, option):
    """Independent: the loss of single links by ``loss_db``, states and obstacles included, is that of the table."""
    street = Street(7, v2v=law, v2i=law, **OPTIONS[option])
    ends, propagation = street.ends, street.propagation
    a, b = np.arange(0, 12), np.arange(12, 24)
    dx, dy = ends.x_m[b] - ends.x_m[a], ends.y_m[b] - ends.y_m[a]
    dz = ends.height_m[b].astype(float) - ends.height_m[a]
    distance = np.sqrt(dx**2 + dy**2 + dz**2)
    latent = propagation.pairs(street.features, a, b, distance)
    obstacles = None
    if propagation.scene is not None:
        obstacles = propagation.scene.between(ends.take(a), ends.take(b)).diagonal()
    loss = propagation.loss_db(
        distance, latent, ends.height_m[a], ends.height_m[b], True, obstacles, propagation.streets_m(dx, dy)
    )
    omni = Ends(ends.slot, ends.kind, ends.x_m, ends.y_m, ends.height_m, np.zeros(24, np.float32))
    street.ends = omni
    gain = np.diag(street.gain(a, b))
    assert -10 * np.log10(gain) == pytest.approx(loss, abs=2e-3)


@pytest.mark.parametrize("option", sorted(OPTIONS))
@pytest.mark.parametrize("law", LAWS)
def test_reach_bounds_every_model(law, option):
    """Property: without shadowing no link beyond the reach comes within the margin of the floor, so a doubled reach
    adds nothing; the reach itself is not idle: with sight, links just inside do.
    """
    quiet = {"shadowing_sigma_db": 0.0, "shadowing_sigma_nlosv_db": 0.0, "shadowing_sigma_nlos_db": 0.0}
    street = Street(3, v2v=law, v2i=law, **(OPTIONS[option] | quiet))
    power_dbm, floor_dbm = -4.0, -95.0
    heights = float(street.ends.height_m.max()), float(street.ends.height_m.max())
    strongest = float(street.ends.gain_dbi.max())
    reach_m = street.propagation.reach_m(power_dbm + strongest, strongest, floor_dbm, *heights, True)
    gain_db = 10 * np.log10(street.gain(slice(None), slice(None)))
    distance = np.hypot(
        street.ends.x_m[:, None] - street.ends.x_m[None, :], street.ends.y_m[:, None] - street.ends.y_m[None, :]
    )
    beyond = distance > reach_m
    assert np.all(power_dbm + gain_db[beyond] < floor_dbm - street.channel.reach_margin_db + 0.01)
    at = np.array([reach_m * 0.999])
    model = PATH_LOSS[law]
    inside = power_dbm + 2 * strongest - model(at, *heights, 5.915e9, street.channel)
    assert inside[0] > floor_dbm - street.channel.reach_margin_db


def test_reach_counts_the_largest_sigma():
    """By hand: 5 dB behind vehicles instead of 3 with sight raise the tolerable loss by 4 dB: 1.26 times the reach."""
    small = Propagation(Radio(channel=Channel(line_of_sight="tr37885")), 1)
    large = Propagation(Radio(channel=Channel(line_of_sight="tr37885", shadowing_sigma_nlosv_db=5.0)), 1)
    reach = [one.reach_m(26.0, 3.0, -95.0, 1.5, 1.5) for one in (small, large)]
    assert reach[1] / reach[0] == pytest.approx(10 ** (4 / 40), rel=1e-6)


def test_probes_stand_in_the_same_field():
    """Property: a probe at a vehicle's place has the vehicle's gain: one field of shadowing and states for all."""
    street = Street(11, v2v="free-space", v2i="free-space", line_of_sight="tr37885")
    before = street.gain(slice(0, 1), slice(5, 9))
    probes = Ends(
        street.ends.slot + 1000, np.full(24, Kind.PROBE, np.int8), street.ends.x_m, street.ends.y_m,
        street.ends.height_m, street.ends.gain_dbi, street.ends.pattern,
    )
    after = street.propagation.block_gain(
        street.ends.take(slice(0, 1)), probes.take(slice(5, 9)),
        tuple(a[:1] @ b[5:9].T for a, b in street.features.rows), True,
    )
    assert np.array_equal(before, after)


def test_latent_fields_are_independent():
    """Distribution: fields of one seed do not correlate (below 0.06 over 20,000 links)."""
    channel = Channel(
        line_of_sight="tr37885-extended", decorrelation_nlosv_m=13.0, decorrelation_nlos_m=10.0,
    )
    values: list[list[np.ndarray]] = []
    for seed in range(8):
        propagation = Propagation(Radio(channel=channel), seed)
        x, y = stream(seed, "test", "fields").random((2, 2500)) * [[20_000.0], [30.0]]
        features: Features = propagation.features(np.concatenate([x, x + 200.0]), np.concatenate([y, y]))
        rows = np.arange(2500)
        latent = propagation.pairs(features, rows, rows + 2500, np.full(2500, 200.0))
        parts = (latent.shadow, latent.sight, latent.blockage, latent.shadow_nlosv, latent.shadow_nlos)
        values.append([part for part in parts if part is not None])
    together = np.corrcoef([np.concatenate(column) for column in zip(*values, strict=True)])
    assert together.shape == (5, 5)
    assert np.abs(together - np.eye(5)).max() < 0.06


def test_the_record_names_every_setting():
    """By hand: what a result depends on stands in the record: laws, sigmas, states, blockers, buildings, geometry."""
    street = Street(1, **OPTIONS["everything"])
    record = street.propagation.provenance()
    for name, words in {
        "path_loss_v2v": ["winner-b1", "environment height 1.0 m"],
        "shadowing": ["sigma 3.0 dB", "decorrelation 25.0 m"],
        "sight": ["geometric", "from 0.0 m height", "TR 37.885", "normal in dB", "18.0 m"],
        "buildings": ["3 outlines", "winner-b1-manhattan", "sigma 4.0 dB", "13.0 m", "90.0 deg"],
        "geometry": ["middle of the traffic tick"],
    }.items():
        for word in words:
            assert word in record[name]
    states = Street(1, **OPTIONS["three states"]).propagation.provenance()["sight"]
    assert "tr37885-extended" in states and "truck share 0.2" in states and "tr37885-nlos" in states


def test_published_settings_can_be_written_down():
    """Printed: the propagation of the published NR Mode 2 simulation: 5.89 GHz, TR 37.885 highway law with sight,
    shadowing of 3 dB; 300 m cost 32.4 + 20 log10 300 + 20 log10 5.89 = 97.35 dB.
    """
    settings = Channel(v2v="tr37885-highway", v2i="tr37885-highway", line_of_sight="always", shadowing_sigma_db=3.0)
    propagation = Propagation(Radio(channel=settings, carrier_hz=5.89e9), 1)
    loss = propagation.loss_db(np.array([300.0]), np.zeros(1, np.float32), 1.5, 1.5)
    assert loss[0] == pytest.approx(97.345, abs=0.01)
