"""Border blackout: crossings told by hand, and the closed form of a blackout from the message's period alone."""

from __future__ import annotations

import numpy as np
import pytest

from sim.frames import Outcome
from sim.metrics.blackout import Blackout
from tests.sim.border_road import RSI, SPAT, Car, Heard, drive, road


def of_class(kpi: Blackout, name: str = "RSI") -> list:
    return [one for one in kpi.all_crossings() if one.class_ == name]


def every(period_s: float, from_s: float, to_s: float, vehicle: int, message: int = RSI, unit: int = 1) -> list[Heard]:
    return [(float(at), vehicle, message, unit) for at in np.arange(from_s, to_s, period_s)]


def test_first_heard_behind_the_border() -> None:
    """By hand: 20 m/s from 400 m, over the border (500 m) after 5 s; the first RSI of a unit behind it comes after 7 s,
    40 m and 2 s behind. What units of the jurisdiction left behind say does not count."""
    kpi = Blackout(road())
    drive(kpi, [Car(400, 20, home=1)], every(1, 0.05, 10, 0, unit=0) + every(1, 7.0, 12, 0), 12)
    (one,) = of_class(kpi)
    assert (one.border_m, one.entered, one.direction, one.home, one.end) == (500, "JS", "up", "JS", "fresh")
    assert one.time_s == pytest.approx(5.0)
    assert (one.distance_m, one.duration_s) == (pytest.approx(40), pytest.approx(2.0))


def test_heard_early_is_below_zero() -> None:
    """By hand: downwards from 560 m at 10 m/s, over the border after 6 s; the unit of SH behind it is heard every
    second from 4 s on: -20 m, -2 s."""
    kpi = Blackout(road())
    drive(kpi, [Car(560, -10)], every(1, 4.0, 12, 0, unit=0), 12)
    (one,) = of_class(kpi)
    assert (one.entered, one.direction) == ("SH", "down")
    assert (one.distance_m, one.duration_s) == (pytest.approx(-20), pytest.approx(-2.0))


def test_what_was_over_at_the_border_does_not_count() -> None:
    """By hand: heard once at 1 s, stale at 4 s (3 s limit), over the border at 5 s, heard again at 8 s: 3 s."""
    kpi = Blackout(road())
    drive(kpi, [Car(400, 20)], [(1.0, 0, RSI, 1), (8.0, 0, RSI, 1)], 12)
    assert of_class(kpi)[0].duration_s == pytest.approx(3.0)


def test_a_class_must_stay_fresh() -> None:
    """By hand: SPAT is fresh for 1 s. Heard at 5.5 s alone and at 7.0, 7.9, 8.8 s: only the second stretch lasts for
    2 s (7.0 to 9.8), so the blackout of a crossing at 5 s ends at 7 s."""
    kpi = Blackout(road())
    drive(kpi, [Car(400, 20)], [(at, 0, SPAT, 1) for at in (5.5, 7.0, 7.9, 8.8)], 12)
    (one,) = of_class(kpi, "SPAT+MAP")
    assert (one.duration_s, one.end) == (pytest.approx(2.0), "fresh")


def test_spat_is_told_near_the_border_only() -> None:
    """By hand: a zone that begins 501 m behind the border tells nothing of SPAT and MAP, but of RSI; none at all,
    nothing."""
    heard = every(0.5, 5.5, 12, 0, SPAT) + every(0.5, 5.5, 12, 0)
    near, far, nowhere = (Blackout(road()) for _ in range(3))
    for kpi, zone in ((near, lambda at: at >= 700), (far, lambda at: at > 1001), (nowhere, lambda at: False)):
        drive(kpi, [Car(400, 50)], heard, 14, zone=zone)
    assert [len(of_class(kpi, name)) for kpi in (near, far, nowhere) for name in ("RSI", "SPAT+MAP")] == [
        1, 1, 1, 0, 0, 0
    ]


def test_clipped_by_border_road_and_run() -> None:
    """By hand: three vehicles that hear nothing: one passes a second border 300 m on, one leaves the road 60 m behind
    the border, one is 100 m behind it when the run ends, and so is the first one 40 m behind the second border."""
    kpi = Blackout(road((500.0, 800.0)))
    cars = [Car(400, 40), Car(400, 20, last_s=8.05), Car(400, 20, first_s=1.0)]
    drive(kpi, cars, [], 11.1)
    found = sorted((one.end, round(one.distance_m), one.entered) for one in of_class(kpi))
    assert found == [("border", 300, "JS"), ("road", 60, "JS"), ("run", 40, "SH"), ("run", 100, "JS")]
    shares = {row.jurisdiction: row.value for row in kpi.rows() if row.metric == "blackout_censored"}
    assert shares == {"JS": 1.0, "SH": 1.0}


def test_quantiles_need_thirty_crossings() -> None:
    """By hand: vehicle k hears its first RSI 0.1 k s behind the border at 10 m/s, k = 1 .. 40: median 20 m, 95 % 38 m
    over all; of the twenty at home in JS there is a count and no value."""
    kpi = Blackout(road())
    cars = [Car(450, 10, home=k % 2) for k in range(1, 41)]
    heard = [one for k in range(40) for one in every(1, 5.0 + 0.1 * (k + 1), 12, k)]
    drive(kpi, cars, heard, 12)
    rows = {(r.metric, r.station_class, r.quantile): (r.value, r.n) for r in kpi.rows() if r.message == "RSI"}
    assert rows["blackout_m", "", 0.5] == (pytest.approx(20, abs=0.11), 40)
    assert rows["blackout_m", "", 0.95] == (pytest.approx(38, abs=0.11), 40)
    assert rows["blackout_s", "", 0.95] == (pytest.approx(3.8, abs=0.011), 40)
    assert rows["blackout_m", "home JS", 0.5] == (None, 20)
    assert rows["blackout_censored", "", None] == (0, 40)
    assert {row.chainage_m for row in kpi.rows()} == {500.0}


def test_wrong_applications_do_not_end_a_blackout() -> None:
    """By hand: what was applied wrongly leaves the vehicle in the dark."""
    kpi = Blackout(road())
    drive(kpi, [Car(400, 20)], every(1, 5.5, 12, 0), 12, outcome=Outcome.APPLIED_WRONG)
    assert of_class(kpi)[0].end == "run"


def test_blackout_of_the_period_alone() -> None:
    """Closed form: period T = 1 s, random phase, each message received with q = 0.95: the mean wait is
    T (1 / q - 1 / 2) = 0.553 s and 9.2 m at 60 km/h; 2,000 crossings, four standard errors."""
    rng, count, q = np.random.default_rng(5), 2000, 0.95
    cars = [Car(460, 60 / 3.6) for _ in range(count)]
    cross_s = 40 / (60 / 3.6)
    heard = []
    for k in range(count):
        at_s = cross_s + rng.random()
        while rng.random() > q:
            at_s += 1.0
        heard.append((at_s, k, RSI, 1))
    kpi = Blackout(road())
    drive(kpi, cars, heard, 8)
    found = np.array([(one.duration_s, one.distance_m) for one in of_class(kpi)])
    assert len(found) == count
    mean_s, error_s = found[:, 0].mean(), found[:, 0].std() / np.sqrt(count)
    assert abs(mean_s - (1 / q - 0.5)) < 4 * error_s < 0.04
    assert found[:, 1].mean() == pytest.approx(mean_s * 60 / 3.6, rel=1e-3)


def test_without_borders_nothing_is_told() -> None:
    """Property: no borders, no rows, no tables."""
    kpi = Blackout(road(()))
    drive(kpi, [Car(400, 20)], every(1, 1, 5, 0), 6)
    assert list(kpi.rows()) == [] and kpi.tables() == {} and list(kpi.distributions()) == []


def test_halves_merge() -> None:
    """Property: the crossings of two accumulators are those of both."""
    one, other = Blackout(road()), Blackout(road())
    for kpi, first_s in ((one, 6.0), (other, 7.0)):
        drive(kpi, [Car(400, 20)], every(1, first_s, 12, 0), 12)
    one.merge(other)
    assert sorted(c.duration_s for c in of_class(one)) == pytest.approx([1.0, 2.0])
