"""The LTE sidelink grid: transport block sizes, PRBs, subchannels, noise, power split, in-band emission."""

from __future__ import annotations

from functools import cache

import numpy as np

from sim.link.tables import FOLDER, read_csv

PRB_HZ = 180e3
PSCCH_PRB = 2
"""PRBs of the control channel, sent in the same subframe (TS 36.211 clause 9.4)."""
MAXIMUM_PRB = 110
NOISE_PER_PRB_DBM = float(10 * np.log10(1.380649e-23 * 290.0 * PRB_HZ * 1e3))
"""k T B of 180 kHz at 290 K: -121.42 dBm."""
EVM = {2: 0.175, 4: 0.125, 6: 0.08}
"""Error vector magnitude by bits per symbol (TS 36.101 table 6.5.2.1.1-1)."""
EMISSION_FLOOR_DBM = -57.0
"""Absolute floor of in-band emission per 180 kHz (TS 36.101 table 6.5.2.3.1-1)."""


def i_tbs(mcs: int) -> int:
    """Transport block size index of an MCS index (TS 36.213 table 8.6.1-1); ValueError outside 0 .. 28."""
    if not 0 <= mcs <= 28:
        raise ValueError(f"mcs: {mcs} is not in 0 .. 28")
    return mcs if mcs <= 10 else mcs - 1 if mcs <= 20 else mcs - 2


def bits_per_symbol(mcs: int) -> int:
    """2 (QPSK) to MCS 10, 4 (16QAM) to 20, 6 (64QAM, Release 15) above."""
    i_tbs(mcs)
    return 2 if mcs <= 10 else 4 if mcs <= 20 else 6


@cache
def _sizes() -> np.ndarray:
    """TS 36.213 table 7.1.7.2.1-1 in bits, [27, 110]."""
    rows = read_csv(FOLDER / "tbs_36213_7_1_7_2_1_1.csv")
    return np.stack([rows.number(f"i{index}") for index in range(27)]).astype(np.int64)


@cache
def _valid_prb() -> np.ndarray:
    """PRB counts 2^a 3^b 5^c up to 110."""
    return np.array([n for n in range(1, MAXIMUM_PRB + 1) if is_dft_valid(n)])


def is_dft_valid(prb: int) -> bool:
    """Whether a PRB count is 2^a 3^b 5^c (TS 36.211 clause 9.3.3)."""
    for factor in (2, 3, 5):
        while prb > 1 and prb % factor == 0:
            prb //= factor
    return prb == 1


def tbs_bits(index: int, n_prb: int) -> int:
    """Transport block size in bits for I_TBS 0 .. 26 and 1 .. 110 PRBs; ValueError outside."""
    if not (0 <= index <= 26 and 1 <= n_prb <= MAXIMUM_PRB):
        raise ValueError(
            f"transport block: I_TBS {index}, {n_prb} PRB are not in 0 .. 26, 1 .. {MAXIMUM_PRB}"
        )
    return int(_sizes()[index, n_prb - 1])


def minimum_prb(size_bytes: int, mcs: int) -> int:
    """Smallest PRB count whose transport block holds ``size_bytes`` octets; ValueError if none of 110 does.

    A count whose block is larger than that of a wider allocation (I_TBS 6 with 1 PRB, a code rate above 1) is
    passed over.
    """
    sizes = np.minimum.accumulate(_sizes()[i_tbs(mcs)][::-1])[::-1]
    enough = np.flatnonzero(sizes >= 8 * size_bytes)
    if not enough.size:
        largest = sizes[-1] // 8
        raise ValueError(
            f"size_bytes: {size_bytes} octets do not fit a block of MCS {mcs} ({largest} at most)"
        )
    return int(enough[0]) + 1


def prb_for(size_bytes: int, mcs: int) -> int:
    """Smallest DFT-valid PRB count for ``size_bytes`` (MAC transport block, headers included) at ``mcs``."""
    needed = minimum_prb(size_bytes, mcs)
    valid = _valid_prb()
    at_least = valid[valid >= needed]
    if not at_least.size:
        raise ValueError(
            f"size_bytes: {size_bytes} octets at MCS {mcs} need {needed} PRB, above the widest {valid[-1]}"
        )
    return int(at_least[0])


def subchannels_for(prb: int, subchannel_prb: int) -> int:
    """Contiguous subchannels of ``subchannel_prb`` that hold ``prb`` data PRBs and the PSCCH's adjacent 2."""
    return -(-(prb + PSCCH_PRB) // subchannel_prb)


def noise_dbm(n_prb: float, noise_figure_db: float) -> float:
    """Receiver noise in dBm over ``n_prb`` PRBs: thermal (290 K) plus noise figure."""
    return float(NOISE_PER_PRB_DBM + 10 * np.log10(n_prb) + noise_figure_db)


def power_split(data_prb: int, boost_db: float = 3.0) -> tuple[float, float]:
    """Shares of the transmit power in the data PRBs and in the 2 control PRBs; they add to 1.

    The control channel's power density is ``boost_db`` above the data channel's (TS 36.213 clause 14.1.1.5: 3
    dB, as the ratio 10^0.3). Per-PRB power of the data channel is the first share / ``data_prb``.
    """
    control = PSCCH_PRB * 10 ** (boost_db / 10)
    return data_prb / (data_prb + control), control / (data_prb + control)


def in_band_emission(
    first_prb: int, n_prb: int, channel_prb: int, prb_power_dbm: float = 10.0, modulation_bits: int = 2
) -> np.ndarray:
    """Power in every PRB of the channel as a ratio to the sender's power per PRB, float64 [channel_prb].

    1 inside ``first_prb`` .. ``first_prb + n_prb - 1``; elsewhere the general term, the image at the mirrored
    PRBs and the carrier leakage at the centre (TS 36.101 table 6.5.2.3.1-1, offsets W, X, Y, Z = 3, 6, 3, 3
    dB of TR 36.885). ``prb_power_dbm`` is the transmit power per PRB, to which the floor of -57 dBm refers.
    """
    if not (0 <= first_prb and n_prb >= 1 and first_prb + n_prb <= channel_prb):
        raise ValueError(
            f"in-band emission: PRBs {first_prb} + {n_prb} do not lie in a channel of {channel_prb}"
        )
    prb = np.arange(channel_prb)
    own = (prb >= first_prb) & (prb < first_prb + n_prb)
    away = np.maximum(first_prb - prb, prb - (first_prb + n_prb - 1))
    flat = -25.0 - 10 * np.log10(channel_prb / n_prb) - 6.0
    slope = 20 * np.log10(EVM[modulation_bits]) - 3.0 - 5.0 * (away - 1) / n_prb - 3.0
    general = np.maximum(np.maximum(flat, slope), EMISSION_FLOOR_DBM - prb_power_dbm)
    image = own[::-1] * 10 ** ((-25.0 - 3.0) / 10)
    centre = (np.abs(prb - (channel_prb - 1) / 2) < 1) * 10 ** ((-25.0 - 3.0) / 10)
    return np.where(own, 1.0, 10 ** (general / 10) + image + centre)


def subchannel_emission(
    first_prb: np.ndarray,
    n_prb: np.ndarray,
    channel_prb: int,
    prb_power_dbm: float = 10.0,
    modulation_bits: int = 2,
) -> np.ndarray:
    """Matrix [A, A] over A allocations: emission of i, relative to its PRB power, mean over the PRBs of v.

    ``first_prb`` and ``n_prb`` ([A] int) describe subchannels or whole allocations. The interference power in
    a victim's PRBs is (power per PRB of i) x (PRBs of v) x matrix[i, v]; 1 on the diagonal.
    """
    matrix = np.empty((len(first_prb), len(first_prb)))
    for i, (first, count) in enumerate(zip(first_prb, n_prb, strict=True)):
        level = in_band_emission(int(first), int(count), channel_prb, prb_power_dbm, modulation_bits)
        total = np.concatenate([[0.0], np.cumsum(level)])
        matrix[i] = (total[first_prb + n_prb] - total[first_prb]) / n_prb
    return matrix
