"""Pair gains where sight is never lost and antennas are omnidirectional: WINNER+ B1 with correlated shadowing, fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.channel.ends import Ends
from sim.channel.free_space import DB_PER_NEPER, MINIMUM_DISTANCE_M, free_space_constant_db
from sim.channel.shadowing import ShadowField
from sim.channel.winner_b1 import effective_height_m

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel

_NEPER = 1.0 / DB_PER_NEPER


def b1_gain(
    tx: Ends, rx: Ends, product: np.ndarray, field: ShadowField, carrier_hz: float, config: Channel, ring_m: float
) -> np.ndarray:
    """Power ratio received / transmitted of all pairs, float32 [len(tx), len(rx)]: :func:`sim.channel.winner_b1` and
    lognormal shadowing, antenna gains included.

    ``product`` holds the unscaled inner products of the feature rows. Works on the squared distance with one logarithm
    and one exponential per pair; equal to the separate laws within float32 rounding (1e-4 dB). ValueError for an
    antenna not above the environment height.
    """
    squared, level = _squared_distance(tx, rx, ring_m)
    height = (
        effective_height_m(tx.height_m, config.environment_height_m, "transmit").astype(np.float32),
        effective_height_m(rx.height_m, config.environment_height_m, "receive").astype(np.float32),
    )
    np.maximum(squared, np.float32(MINIMUM_DISTANCE_M**2), out=level)
    np.log(level, out=level)
    gain = level * np.float32(-2.0)
    frequency_db = np.log10(carrier_hz / 1e9)
    far_db = 7.56 + 2.7 * frequency_db
    lift = [np.float32(1.73) * np.log(np.maximum(h, np.float32(1e-6))) for h in height]
    _add(gain, lift[0] - np.float32(far_db * _NEPER), lift[1])
    edge = _product(height, np.float32(4.0 * carrier_hz / 3e8))
    near = (squared < edge * edge).ravel().nonzero()[0]
    if len(near):
        gain.ravel()[near] = level.ravel()[near] * np.float32(-1.135) - np.float32((27 + 20 * frequency_db) * _NEPER)
    np.subtract(np.float32(-free_space_constant_db(carrier_hz) * _NEPER), level, out=level)
    np.minimum(gain, level, out=gain)
    if config.shadowing_sigma_db:
        gain += _shadowing(squared, product, field, config.shadowing_sigma_db, level)
    _add(gain, tx.gain_dbi * np.float32(_NEPER), rx.gain_dbi * np.float32(_NEPER))
    return np.exp(gain, out=gain)


def _squared_distance(tx: Ends, rx: Ends, ring_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance of all pairs, and an array of the same shape to work in."""
    x, other_x = _exact(tx.x_m, rx.x_m)
    y, other_y = _exact(tx.y_m, rx.y_m)
    dx = other_x[None, :] - x[:, None]
    step = np.empty_like(dx)
    if ring_m:
        np.multiply(dx, np.float32(1 / ring_m), out=step)
        np.rint(step, out=step)
        step *= np.float32(ring_m)
        dx -= step
    dx *= dx
    for one, other in ((y, other_y), (tx.height_m.astype(np.float32), rx.height_m.astype(np.float32))):
        if _agree(one, other) and len(one) and len(other) and one[0] == other[0]:
            continue
        np.subtract(other[None, :], one[:, None], out=step)
        step *= step
        dx += step
    return dx, step


def _exact(one_m: np.ndarray, other_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates to 1/1024 m from a common origin, float32: exact up to 16 km, so the origin changes no difference."""
    grid = np.rint(one_m * 1024), np.rint(other_m * 1024)
    origin = grid[0][0] if len(one_m) else 0.0
    return ((grid[0] - origin) / 1024).astype(np.float32), ((grid[1] - origin) / 1024).astype(np.float32)


def _agree(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether each array holds one value throughout."""
    return bool((one == one[:1]).all() and (other == other[:1]).all())


def _shadowing(
    squared: np.ndarray, product: np.ndarray, field: ShadowField, sigma_db: float, room: np.ndarray
) -> np.ndarray:
    """Natural logarithm of the gain by shadowing; ``room`` is overwritten."""
    factor = np.float32(-sigma_db * _NEPER)
    far = np.float32(1.0 / np.sqrt(np.float32(field.terms))) * factor
    value = np.multiply(product, far, out=room)
    # Beyond nine decorrelation distances the variance no longer depends on the distance in float32.
    least = squared.min(axis=0) < np.float32((9 * field.decorrelation_m) ** 2)
    columns = np.flatnonzero(least)
    if len(columns):
        some = slice(int(columns[0]), int(columns[-1]) + 1)
        scale = field.scale(np.sqrt(squared[:, some]))
        scale *= factor
        np.multiply(product[:, some], scale, out=value[:, some])
    return value


def _product(height: tuple[np.ndarray, np.ndarray], factor: np.float32) -> np.ndarray:
    """Outer product times ``factor``; a single number where all agree."""
    one, other = height
    if len(one) and len(other) and _agree(one, other):
        return np.asarray(one[0] * other[0] * factor)
    return one[:, None] * other[None, :] * factor


def _add(gain: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Add a term per row, then one per column; plain numbers where all agree, with the same rounding."""
    alike = len(rows) and len(columns) and _agree(rows, columns)
    gain += rows[0] if alike else rows[:, None]
    gain += columns[0] if alike else columns[None, :]
