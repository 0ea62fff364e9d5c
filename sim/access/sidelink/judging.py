"""What becomes of a packet at a receiver, from measured ratios and one uniform number: a pure function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sim.clock import hashed_bits
from sim.frames import Outcome
from sim.link.tables import FLOOR_PER, PerTable

_UNIFORM = 2.0**-53
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
"""Constants of SplitMix64, as in :mod:`sim.clock`."""


def uniform(key: np.uint64, station_id: np.ndarray, sequence: np.ndarray, receiver_id: np.ndarray) -> np.ndarray:
    """Uniform numbers in [0, 1) keyed by sender, sequence number and receiver; equal for all copies of a packet."""
    return uniform_from(hashed_bits(key, station_id, sequence), receiver_id)


def uniform_from(bits: np.ndarray, receiver_id: np.ndarray) -> np.ndarray:
    """As :func:`uniform`, from the hashed bits of (key, sender, sequence number) of every row."""
    return (hashed_bits_on(bits, receiver_id) >> np.uint64(11)) * _UNIFORM


def hashed_bits_on(bits: np.ndarray, counter: np.ndarray) -> np.ndarray:
    """The bits that :func:`sim.clock.hashed_bits` gives with one more counter; ``bits`` must be uint64 arrays."""
    mixed = counter.astype(np.uint64)
    mixed *= _GOLDEN
    mixed ^= bits + _GOLDEN
    shifted = mixed >> np.uint64(30)
    mixed ^= shifted
    mixed *= _MIX_1
    np.right_shift(mixed, np.uint64(27), out=shifted)
    mixed ^= shifted
    mixed *= _MIX_2
    np.right_shift(mixed, np.uint64(31), out=shifted)
    mixed ^= shifted
    return mixed


def error_rates(
    tables: Sequence[PerTable], sending: np.ndarray, snr: np.ndarray, sinr: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Error rates, float32, against noise alone and against noise and interference (power ratios).

    ``tables`` holds the curve of every transmission, ``sending`` [L] the transmission of every row.
    """
    distinct = list({id(table): table for table in tables}.values())
    if len(distinct) == 1:
        return distinct[0].per_linear(snr), distinct[0].per_linear(sinr)
    number = {id(table): i for i, table in enumerate(distinct)}
    which = np.array([number[id(table)] for table in tables], np.int64)[sending]
    alone, disturbed = np.empty(len(snr), np.float32), np.empty(len(snr), np.float32)
    for i, table in enumerate(distinct):
        rows = np.flatnonzero(which == i)
        alone[rows], disturbed[rows] = table.per_linear(snr[rows]), table.per_linear(sinr[rows])
    return alone, disturbed


def judge(
    rates: tuple[np.ndarray, np.ndarray], decoded: np.ndarray, deaf: np.ndarray, weak: np.ndarray | None,
    control_loses: bool, draw: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """(outcome, data_outcome), int8 [L] of :class:`sim.frames.Outcome`.

    ``rates`` are the error rates against noise and against noise and interference (:func:`error_rates`), ``draw(rows)``
    gives the uniform numbers of some rows: one number per packet and receiver is compared with both. Causes in
    this order: half duplex (``deaf``), sensitivity (``weak``), control lost (not ``decoded``, if ``control_loses``),
    propagation, collision; ``data_outcome`` leaves the control step out.
    """
    with_noise, with_all = rates
    data = np.zeros(len(with_all), np.int8)
    np.multiply(with_all >= 1, np.int8(Outcome.COLLISION), out=data)
    data[with_noise >= 1] = Outcome.PROPAGATION
    # A rate of the floor counts as 0 and needs no draw.
    open_ = ((with_all > FLOOR_PER) & (with_noise < 1) & ((with_all < 1) | (with_noise > FLOOR_PER))).nonzero()[0]
    if len(open_):
        noise = with_noise.take(open_)
        number = draw(open_)
        data[open_] = np.where(
            number < noise, np.int8(Outcome.PROPAGATION),
            (number < with_all.take(open_)) * np.int8(Outcome.COLLISION),
        )
    if weak is not None:
        data[weak] = Outcome.SENSITIVITY
    data[deaf] = Outcome.HALF_DUPLEX
    outcome = data.copy()
    if control_loses:
        gone = ~(decoded | deaf)
        if weak is not None:
            gone &= ~weak
        outcome[gone] = Outcome.CONTROL_LOST
    return outcome, data
