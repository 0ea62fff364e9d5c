"""What becomes of a packet that is sent several times, at receivers that add up what they hear: a pure function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.frames import Outcome

Rates = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(SNR, SINR) of every row -> error rates against noise alone, and against noise and interference."""


def judge_copies(
    snr: np.ndarray, sinr: np.ndarray, decoded: np.ndarray, deaf: np.ndarray, weak: np.ndarray, rates: Rates,
    number: np.ndarray, control_loses: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """(outcome int8, index of the copy that decoded a delivered packet), one row per packet and receiver.

    Matrices [L, copies] in order of time: linear ratios; control ``decoded``; receiver ``deaf`` (sending itself, or not
    there); received below the sensitivity (``weak``). Copies that are heard, and whose control is decoded if
    ``control_loses``, add their ratios (chase combining); the packet's one uniform ``number`` is compared with the
    error rate of the sum after each of them. A loss is named by its best copy, in the order half duplex, sensitivity,
    control lost, propagation, collision: half duplex only where no copy could be heard, and so on.
    """
    heard = ~deaf & ~weak
    counted = heard & decoded if control_loses else heard
    outcome = np.full(len(snr), np.int8(Outcome.CONTROL_LOST))
    outcome[~heard.any(axis=1)] = Outcome.SENSITIVITY
    outcome[deaf.all(axis=1)] = Outcome.HALF_DUPLEX
    by_copy = np.full(len(snr), snr.shape[1] - 1, np.int64)
    sum_snr, sum_sinr = np.zeros(len(snr), np.float32), np.zeros(len(snr), np.float32)
    delivered = np.zeros(len(snr), bool)
    alone = np.ones(len(snr), np.float32)
    for copy in range(snr.shape[1]):
        rows = (counted[:, copy] & ~delivered).nonzero()[0]
        sum_snr[rows] += snr[rows, copy]
        sum_sinr[rows] += sinr[rows, copy]
        noise, everything = rates(sum_snr, sum_sinr)
        alone = np.where(counted[:, copy], noise, alone)
        got = rows[(number[rows] >= noise[rows]) & (number[rows] >= everything[rows])]
        delivered[got] = True
        by_copy[got] = copy
    tried = counted.any(axis=1)
    outcome[tried] = np.where(number < alone, Outcome.PROPAGATION, Outcome.COLLISION)[tried]
    outcome[delivered] = Outcome.DELIVERED
    return outcome, by_copy
