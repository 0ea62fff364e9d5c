"""Positioning errors: the law of the process, outages, and draws that no other station can change."""

from __future__ import annotations

import numpy as np
import pytest

from sim.clock import MS, SECOND
from sim.scenario.schema.traffic import Clock, Gnss, OutageZone
from sim.world.gnss import PositionErrors, clock_offsets_ns, hashed_normal

TICK_NS = 100 * MS


def run(
    settings: Gnss, ids: np.ndarray, ticks: int, seed: int = 1, every: int = 1, chainage=None, tick_ns=TICK_NS
):
    """(4, samples, stations) errors at the end of every ``every``-th tick."""
    errors = PositionErrors(settings, seed, len(ids))
    slots, samples = np.arange(len(ids)), []
    for tick in range(1, ticks + 1):
        place = np.zeros(len(ids)) if chainage is None else chainage(tick)
        errors.advance((tick - 1) * tick_ns, tick * tick_ns, slots, ids, place)
        if tick % every == 0:
            samples.append(errors.errors(slots, tick * tick_ns))
    return np.stack(samples, axis=1), errors


def test_stationary_law_from_the_first_step() -> None:
    """Distribution: sigma of all four errors within 2 % over 40,000 stations, at once and 50 correlation
    times later.
    """
    settings = Gnss(sigma_m=1.5, correlation_time_s=0.2, speed_sigma_mps=0.2, heading_sigma_deg=2.0)
    samples, errors = run(settings, np.arange(40_000), 100, every=100)
    first, _ = run(settings, np.arange(40_000), 1)
    for block in (first[:, 0], samples[:, -1]):
        assert block.std(axis=1) == pytest.approx([1.5, 1.5, 0.2, 2.0], rel=0.02)
        assert np.abs(block.mean(axis=1) / block.std(axis=1)).max() < 4 / 200
        correlation = np.corrcoef(block)
        assert np.abs(correlation - np.eye(4)).max() < 4 / 200, "axes are independent"
    assert (errors.sigma_m == 1.5).all() and errors.available.all()


@pytest.mark.parametrize("tick_ns", [100 * MS, 500 * MS])
def test_autocorrelation_is_exponential(tick_ns: int) -> None:
    """Distribution: autocorrelation exp(-dt / tau) within 0.03 over 2,000 stations x 300 steps, any tick."""
    tau_s = 4.0
    samples, _ = run(Gnss(sigma_m=1.0, correlation_time_s=tau_s), np.arange(2000), 300, tick_ns=tick_ns)
    for lag in (1, 5, 20, 80):
        before, after = samples[:, :-lag], samples[:, lag:]
        measured = (before * after).mean(axis=(1, 2)) / samples.var(axis=(1, 2))
        assert measured == pytest.approx(np.full(4, np.exp(-lag * tick_ns / SECOND / tau_s)), abs=0.03)


def test_normals_are_normal() -> None:
    """Distribution: Kolmogorov-Smirnov distance of 200,000 hashed normals below the 0.1 % point 1.95 /
    sqrt(n).
    """
    from math import erf

    draws = np.sort(hashed_normal(np.uint64(99), np.arange(200_000)))
    law = np.array([0.5 * (1 + erf(x / 2**0.5)) for x in draws[::20]])
    assert np.abs(law - np.arange(0, 200_000, 20) / 200_000).max() < 1.95 / np.sqrt(200_000)


def test_other_stations_and_slots_change_nothing() -> None:
    """Property: the error of a station is the same alone, among others, and in another slot; seeds differ."""
    settings = Gnss()
    alone, _ = run(settings, np.array([10_000_007]), 50)
    among, _ = run(settings, np.array([3, 10_000_001, 10_000_007, 10_000_009]), 50)
    assert np.array_equal(alone[:, :, 0], among[:, :, 2])
    assert not np.array_equal(among[:, :, 1], among[:, :, 2])
    other, _ = run(settings, np.array([10_000_007]), 50, seed=2)
    assert not np.isclose(alone, other).any()


def test_new_station_in_an_old_slot_starts_anew() -> None:
    """Property: a slot that changes its station does not inherit the error, and both tick ends belong to the
    new one.
    """
    errors = PositionErrors(Gnss(sigma_m=1.0, correlation_time_s=3600.0), 1, 1000)
    slots, still = np.arange(1000), np.zeros(1000)
    errors.advance(0, TICK_NS, slots, np.arange(1000), still)
    before = errors.errors(slots, TICK_NS)[0]
    errors.advance(TICK_NS, 2 * TICK_NS, slots, np.arange(1000) + 5000, still)
    for time_ns in (TICK_NS, 2 * TICK_NS):
        assert abs(np.corrcoef(before, errors.errors(slots, time_ns)[0])[0, 1]) < 0.13
    errors.grow(1500)
    assert np.array_equal(errors.errors(slots, TICK_NS)[0], errors.errors(np.arange(1500), TICK_NS)[0, :1000])


def test_interpolation_inside_the_tick() -> None:
    """By hand: half way through the tick the error is the mean of both ends."""
    errors = PositionErrors(Gnss(correlation_time_s=0.5), 1, 3)
    slots = np.arange(3)
    for tick in range(2):
        errors.advance(tick * TICK_NS, (tick + 1) * TICK_NS, slots, slots, np.zeros(3))
    ends = errors.errors(slots, TICK_NS), errors.errors(slots, 2 * TICK_NS)
    assert errors.errors(slots, TICK_NS * 3 // 2) == pytest.approx((ends[0] + ends[1]) / 2)
    assert not np.allclose(*ends)


def test_outage_grows_as_told_and_ends() -> None:
    """Distribution: sigma^2 + 2 sigma^2 t / tau inside (4 % at 20,000 stations); by hand: 10 s, tau 10 s:
    sigma sqrt 3.
    """
    settings = Gnss(sigma_m=1.0, correlation_time_s=10.0, outages=[OutageZone(from_m=900.0, to_m=500.0)])
    ids = np.arange(20_000)

    def chainage(tick: int) -> np.ndarray:
        return np.where(ids % 2 == 0, 600.0 if 10 < tick <= 110 else 100.0, 100.0)

    inside, errors = run(settings, ids, 110, every=110, chainage=chainage)
    blind, seeing = inside[:2, 0, ::2], inside[:2, 0, 1::2]
    assert blind.std() == pytest.approx(3**0.5, rel=0.04) and seeing.std() == pytest.approx(1.0, rel=0.02)
    assert errors.sigma_m[0] == pytest.approx(3**0.5, rel=0.01) and errors.sigma_m[1] == 1.0
    assert not errors.available[::2].any() and errors.available[1::2].all()
    errors.advance(110 * TICK_NS, 111 * TICK_NS, ids, ids, np.full(len(ids), 100.0))
    after = errors.errors(ids, 111 * TICK_NS)[:2]
    assert (
        errors.available.all()
        and (errors.sigma_m == 1.0).all()
        and after.std() == pytest.approx(1.0, rel=0.02)
    )


def test_exact_mode_is_exact() -> None:
    """Property: zeros, a fix everywhere (outages included), and a sigma of zero to tell."""
    settings = Gnss(model="exact", outages=[OutageZone(from_m=0.0, to_m=1e4)])
    samples, errors = run(settings, np.arange(10), 5)
    slots = np.arange(10)
    truth = np.linspace(1, 9, 10)
    believed = errors.believed(slots, 5 * TICK_NS, truth, -truth, truth, truth)
    assert not samples.any() and believed.available.all() and not believed.sigma_m.any()
    assert np.array_equal(believed.x_m, truth) and np.array_equal(believed.heading_deg, truth)


def test_believed_adds_the_errors() -> None:
    """Property: believed minus true is the error; a standing vehicle never believes a negative speed."""
    settings = Gnss(speed_sigma_mps=1.0)
    _, errors = run(settings, np.arange(500), 3)
    slots, zero = np.arange(500), np.zeros(500)
    believed = errors.believed(slots, 3 * TICK_NS, zero, zero, zero, zero)
    error = errors.errors(slots, 3 * TICK_NS)
    assert np.array_equal(believed.x_m, error[0]) and np.array_equal(believed.y_m, error[1])
    assert np.array_equal(believed.speed_mps, np.maximum(error[2], 0))
    assert ((believed.heading_deg - error[3] + 180) % 360 - 180) == pytest.approx(zero, abs=1e-9)


def test_clock_offsets() -> None:
    """Distribution: sigma within 2 % over 40,000 stations; zero sigma: zeros; a function of the id."""
    ids = np.arange(40_000) + 10_000_000
    offsets = clock_offsets_ns(Clock(offset_sigma_ms=2.0), 1, ids)
    assert offsets.dtype == np.int64 and offsets.std() == pytest.approx(2e6, rel=0.02)
    assert abs(offsets.mean()) < 4 * 2e6 / 200
    assert np.array_equal(offsets[100:200], clock_offsets_ns(Clock(offset_sigma_ms=2.0), 1, ids[100:200]))
    assert not clock_offsets_ns(Clock(), 1, ids).any()
