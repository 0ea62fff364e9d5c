"""The three closed forms against the tables printed with them."""

from __future__ import annotations

import numpy as np
import pytest

from sim.requirements.closed_forms import effective_loss_ratio, long_gap_ratio, warning_distance_m

PRINTED_GAPS = {
    0.99: (1.0e-4, 1.0e-6, 1.0e-10),
    0.95: (2.5e-3, 1.3e-4, 3.1e-7),
    0.90: (1.0e-2, 1.0e-3, 1.0e-5),
    0.80: (4.0e-2, 8.0e-3, 3.2e-4),
    0.50: (2.5e-1, 1.3e-1, 3.1e-2),
}
"""Reception -> share of gaps beyond 200, 300 and 500 ms at 10 Hz, two digits."""
PRINTED_DISTANCES = {40: (33.2, 1.1), 60: (61.4, 1.7), 80: (97.3, 2.2), 120: (192.2, 3.3)}
"""Speed in km/h -> distance at 0.1 s of latency, and what another 100 ms cost."""


@pytest.mark.parametrize(("prr", "printed"), PRINTED_GAPS.items())
def test_gap_table(prr: float, printed: tuple[float, ...]) -> None:
    """Printed: two significant digits (0.125 is printed as 0.13)."""
    for periods, expected in zip((2, 3, 5), printed, strict=True):
        assert long_gap_ratio(prr, periods) == pytest.approx(expected, rel=0.04)


def test_gap_between_lattice_points() -> None:
    """By hand: beyond 2.5 periods means beyond 2, since gaps are whole periods; any gap is beyond 0."""
    assert long_gap_ratio(0.9, 2.5) == long_gap_ratio(0.9, 2)
    assert long_gap_ratio(0.9, 0.5) == 1.0


def test_gap_ratio_of_drawn_losses() -> None:
    """Independent: 400,000 drawn receptions, gaps counted one by one."""
    received = np.flatnonzero(np.random.default_rng(5).random(400_000) < 0.7)
    gaps = np.diff(received)
    assert np.mean(gaps > 2.5) == pytest.approx(long_gap_ratio(0.7, 2.5), abs=0.003)


@pytest.mark.parametrize(("copies", "expected"), [(1, 0.1), (2, 0.01), (3, 0.001)])
def test_copies(copies: int, expected: float) -> None:
    """Printed: 10 % become 1 % with two and 0.1 % with three independent copies."""
    assert effective_loss_ratio(0.1, copies) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("speed_kmh", "printed"), PRINTED_DISTANCES.items())
def test_warning_distances(speed_kmh: float, printed: tuple[float, float]) -> None:
    """Printed: metres with one digit, reaction 1.5 s, deceleration 4 m/s2."""
    needed_m = warning_distance_m(speed_kmh / 3.6, 0.1)
    assert needed_m == pytest.approx(printed[0], abs=0.051)
    assert warning_distance_m(speed_kmh / 3.6, 0.2) - needed_m == pytest.approx(printed[1], abs=0.051)


def test_outside_is_refused() -> None:
    """By hand: shares beyond 0..1, negative times and no braking."""
    for wrong in (lambda: long_gap_ratio(1.1, 2), lambda: long_gap_ratio(0.5, -1), lambda: effective_loss_ratio(-1, 2),
                  lambda: effective_loss_ratio(0.1, 0), lambda: warning_distance_m(-1, 0.1),
                  lambda: warning_distance_m(10, 0.1, deceleration_mps2=0)):
        with pytest.raises(ValueError):
            wrong()
