"""Correlated shadowing as a pure function of seed and both positions: a sum of sinusoids that factorises."""

from __future__ import annotations

import numpy as np

from sim.clock import stream

TERMS = 64
"""Waves per field; chosen by the distribution tests (sigma, autocorrelation, normality)."""
MAXIMUM_TERMS = 120
"""Above this a sum of quantised products no longer fits the 24 bits of a float32 exactly."""
_PHASE_STEPS = 4096
_BLOCK_ROWS = 64
_PAIR_ROWS = 512


def _circle() -> np.ndarray:
    """cos + i sin of the middle of every phase step, both rounded to multiples of 1/256, complex64."""
    angle = 2 * np.pi * (np.arange(_PHASE_STEPS) + 0.5) / _PHASE_STEPS
    return ((np.rint(np.cos(angle) * 256) + 1j * np.rint(np.sin(angle) * 256)) / 256).astype(np.complex64)


_CIRCLE = _circle()
_OFFSET_STEPS = float(2**38)
"""Whole turns added to every phase so that truncation rounds down; leaves 2^-14 of a step of precision."""


class ShadowField:
    """Standard normal S(a, b) = S(b, a), correlated by exp(-(D_a + D_b) / Dc) when the ends move D_a and D_b.

    S_ab is the sum over ``terms`` waves of cos(k.a + l.b + phi) + cos(k.b + l.a + phi), so it is the inner
    product of one feature vector per station and any set of pairs is a matrix product. Wave vectors k, l
    follow the 2-D spectrum of exp(-|D| / Dc): length by stratified quantiles of 1 - 1 / sqrt(1 + (k Dc)^2),
    direction by golden angles. The sum has variance 1 + exp(-2 d / Dc) at distance d between the ends, which
    :meth:`scale` divides out.

    Exactness: features are multiples of 1/256, so every partial sum is a multiple of 2^-16 below 2^8 and
    float32 holds it exactly; no summation order, block split or BLAS changes a bit, and S is symmetric to the
    bit. The rounding adds noise of about 0.002 standard deviations.
    """

    def __init__(
        self,
        seed: int,
        decorrelation_m: float,
        terms: int = TERMS,
        name: str = "shadowing",
        ring_length_m: float | None = None,
    ) -> None:
        if not 1 <= terms <= MAXIMUM_TERMS:
            raise ValueError(f"terms: {terms} is not in 1 .. {MAXIMUM_TERMS}")
        if not decorrelation_m > 0:
            raise ValueError(f"decorrelation_m: {decorrelation_m} must be above 0")
        if ring_length_m is not None and not ring_length_m > 0:
            raise ValueError(f"ring_length_m: {ring_length_m} must be above 0")
        self.decorrelation_m = decorrelation_m
        self.terms = terms
        self.ring_length_m = ring_length_m
        draws = stream(seed, "channel", name)
        waves = [_wave_numbers(draws, terms, decorrelation_m) for _ in range(2)]
        steps = np.concatenate(waves, axis=1) * (_PHASE_STEPS / (2 * np.pi))
        self._steps_x, self._steps_y = steps[0], steps[1]
        self._phase = np.concatenate([draws.random(terms), np.zeros(terms)]) * _PHASE_STEPS + _OFFSET_STEPS

    def features(self, x_m: np.ndarray, y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Feature rows (left, right), float32 [n, 4 terms], of positions in metres: value ~ left_a . right_b.

        With ``ring_length_m`` x is the place on a ring of that length and y the offset outwards: the plane is
        bent into a circle, so the field is continuous at the seam (distances become chords: D + O(D^3 /
        ring^2)).
        """
        x, y = np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)
        if self.ring_length_m is not None:
            radius = self.ring_length_m / (2 * np.pi)
            x, y = (radius + y) * np.cos(x / radius), (radius + y) * np.sin(x / radius)
        left, right = (np.empty((len(x), 2 * self.terms), np.complex64) for _ in range(2))
        for start in range(0, len(x), _BLOCK_ROWS):
            rows = slice(start, start + _BLOCK_ROWS)
            self._waves(x[rows], y[rows], left[rows], right[rows])
        return left.view(np.float32), right.view(np.float32)

    def _waves(self, x_m: np.ndarray, y_m: np.ndarray, left: np.ndarray, right: np.ndarray) -> None:
        """Feature rows of a few stations, small enough to stay in the processor's cache."""
        phase = x_m[:, None] * self._steps_x
        phase += y_m[:, None] * self._steps_y
        phase += self._phase
        step = phase.astype(np.int64)
        step &= _PHASE_STEPS - 1
        half = self.terms
        _CIRCLE.take(step, out=left, mode="clip")
        np.conjugate(left[:, half:], out=left[:, half:])
        right[:, :half], right[:, half:] = left[:, half:], left[:, :half]

    def scale(self, distance_m: np.ndarray) -> np.ndarray:
        """Factor that makes an inner product standard normal, float32, by the ends' distance in metres."""
        distance = np.asarray(distance_m, np.float32)
        close = np.atleast_1d(distance * np.float32(-2.0 / self.decorrelation_m))
        np.exp(close, out=close)
        close += np.float32(1)
        close *= np.float32(self.terms)
        np.sqrt(close, out=close)
        return np.divide(np.float32(1), close, out=close).reshape(distance.shape)

    def pairs(
        self, left: np.ndarray, right: np.ndarray, a: np.ndarray, b: np.ndarray, distance_m: np.ndarray
    ) -> np.ndarray:
        """Standard normal values, float32 [L], of pairs of rows (a, b) that lie ``distance_m`` [L] apart."""
        value = np.empty(len(a), np.float32)
        for start in range(0, len(a), _PAIR_ROWS):
            rows = slice(start, start + _PAIR_ROWS)
            np.einsum("ij,ij->i", left[a[rows]], right[b[rows]], out=value[rows])
        return value * self.scale(distance_m)

    def band(
        self,
        left: np.ndarray,
        right: np.ndarray,
        lo: np.ndarray,
        hi: np.ndarray,
        distance_m: np.ndarray | None = None,
    ) -> np.ndarray:
        """Values, float32 flat, of row i with columns lo[i] .. hi[i] - 1 for all i, one after the other.

        ``left`` holds the n rows, ``right`` the columns the bounds count in (for stations sorted along the
        road: the same stations). ``distance_m`` is flat in the same order; without it values stay unscaled.
        """
        ends = np.concatenate([[0], np.cumsum(hi - lo)])
        flat = np.empty(int(ends[-1]), np.float32)
        for start in range(0, len(left), _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, len(left))
            first, last = int(lo[start:stop].min()), int(hi[start:stop].max())
            product = left[start:stop] @ right[first:last].T
            for row in range(start, stop):
                flat[ends[row] : ends[row + 1]] = product[row - start, lo[row] - first : hi[row] - first]
        return flat if distance_m is None else flat * self.scale(distance_m)


def _wave_numbers(draws: np.random.Generator, terms: int, decorrelation_m: float) -> np.ndarray:
    """Wave vectors in rad/m, [2, terms], of the spectrum of exp(-|D| / decorrelation_m), in random order."""
    quantile = (np.arange(terms) + draws.random(terms)) / terms
    length = np.sqrt(1.0 / (1.0 - quantile) ** 2 - 1.0) / decorrelation_m
    golden = np.pi * (3.0 - np.sqrt(5.0))
    angle = golden * np.arange(terms) + 2 * np.pi * draws.random()
    order = draws.permutation(terms)
    return np.stack([length * np.cos(angle), length * np.sin(angle)])[:, order]
