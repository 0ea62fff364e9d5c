"""The NR sidelink grid: numerologies, PRBs, resource elements of a slot, block sizes, subchannels, emission."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, floor, log2

import numpy as np

from sim.link import lte_grid

SLOT_NS = (1_000_000, 500_000, 250_000)
"""Duration of a slot of 14 symbols by numerology (TS 38.211 table 4.3.2-1)."""
PRB_HZ = (180e3, 360e3, 720e3)
"""Bandwidth of a PRB of 12 subcarriers by numerology."""
CARRIER_PRB = {10: (52, 24, 11), 20: (106, 51, 24), 30: (160, 78, 38), 40: (216, 106, 51)}
"""PRBs of a carrier by bandwidth in MHz and numerology (TS 38.101-1 table 5.3.2-1)."""
SUBCHANNEL_PRB = (10, 12, 15, 20, 25, 50, 75, 100)
"""Allowed subchannel sizes (TS 38.331 sl-SubchannelSize)."""
PSCCH_PRB = (10, 12, 15, 20, 25)
"""Allowed widths of the control channel (TS 38.331 sl-FreqResourcePSCCH)."""
DEFAULT_DMRS = (24, 18, 12)
"""Reference-signal elements per PRB at 15, 30, 60 kHz: faster slots need fewer (advice of the WiLabV2Xsim authors)."""
PSFCH_SYMBOLS = 3
"""Symbols that a slot with feedback channel loses: its copy for gain control, itself and one more guard."""
DATA_SYMBOLS = 12
"""Symbols 1 to 12 of 14: the first repeats the second for gain control, the last is the guard."""
SCI2_BITS = 48
"""Payload of the second-stage SCI; 24 bits of CRC come on top."""
LAST_MCS = 28
_MODULATION_AND_RATE = (
    (2, 120), (2, 157), (2, 193), (2, 251), (2, 308), (2, 379), (2, 449), (2, 526), (2, 602), (2, 679),
    (4, 340), (4, 378), (4, 434), (4, 490), (4, 553), (4, 616), (4, 658),
    (6, 438), (6, 466), (6, 517), (6, 567), (6, 616), (6, 666), (6, 719), (6, 772), (6, 822), (6, 873), (6, 910),
    (6, 948),
)
"""Bits per symbol and code rate x 1024 by MCS index (TS 38.214 table 5.1.3.1-1)."""
_SMALL_BLOCKS = np.array([
    *range(24, 193, 8), *range(208, 385, 16), *range(408, 577, 24), *range(608, 769, 32), *range(808, 929, 40),
    984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416, 1480, 1544, 1608, 1672, 1736, 1800, 1864,
    1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536, 2600, 2664, 2728, 2792, 2856, 2976, 3104, 3240, 3368, 3496,
    3624, 3752, 3824,
])
"""Transport block sizes up to 3824 bits (TS 38.214 table 5.1.3.2-1)."""


@dataclass(frozen=True)
class SlotFormat:
    """What of a slot's resource elements is not data; ValueError for a value the standard does not have."""

    dmrs_elements: int = 24
    """Reference-signal elements per PRB of the data channel: 12, 15, 18, 21 or 24."""
    pscch_symbols: int = 3
    pscch_prb: int = 10
    sci2_beta: float = 1.125
    """Offset that sets how many symbols the second-stage SCI takes (TS 38.212 clause 8.4.4)."""
    sci2_qpsk: bool = False
    """Count its symbols by QPSK whatever the data's modulation, as the standard sends it; the published tables count
    by the data's modulation."""
    psfch_symbols: float = 0.0
    """Symbols per slot that the feedback channel takes."""

    def __post_init__(self) -> None:
        if self.dmrs_elements not in (12, 15, 18, 21, 24):
            raise ValueError(f"dmrs_elements: {self.dmrs_elements} is not one of 12, 15, 18, 21, 24 per PRB")
        if self.pscch_symbols not in (2, 3):
            raise ValueError(f"pscch_symbols: {self.pscch_symbols} is neither 2 nor 3")
        if self.pscch_prb not in PSCCH_PRB:
            raise ValueError(f"pscch_prb: {self.pscch_prb} is not one of {', '.join(map(str, PSCCH_PRB))}")


def carrier_prb(bandwidth_mhz: int, numerology: int) -> int:
    """PRBs of a carrier; ValueError for a bandwidth or numerology that sidelink does not have here."""
    if bandwidth_mhz not in CARRIER_PRB:
        raise ValueError(f"bandwidth_mhz: {bandwidth_mhz} is not one of {', '.join(map(str, CARRIER_PRB))}")
    if not 0 <= numerology <= 2:
        raise ValueError(f"numerology: {numerology} is not in 0 .. 2")
    return CARRIER_PRB[bandwidth_mhz][numerology]


def bits_per_symbol(mcs: int) -> int:
    """2 (QPSK), 4 (16QAM) or 6 (64QAM); ValueError outside 0 .. 28."""
    return _modulation_and_rate(mcs)[0]


def code_rate(mcs: int) -> float:
    """Target code rate of an MCS index; ValueError outside 0 .. 28."""
    return _modulation_and_rate(mcs)[1] / 1024


def _modulation_and_rate(mcs: int) -> tuple[int, int]:
    if not 0 <= mcs <= LAST_MCS:
        raise ValueError(f"mcs: {mcs} is not in 0 .. {LAST_MCS}")
    return _MODULATION_AND_RATE[mcs]


def data_elements(n_prb: int, mcs: int, slot: SlotFormat) -> float:
    """Resource elements for data on ``n_prb`` PRBs of one slot (TS 38.214 clause 8.1.3.2); may be negative."""
    modulation, rate = _modulation_and_rate(mcs)
    per_prb = 12 * (DATA_SYMBOLS - slot.psfch_symbols) - slot.dmrs_elements
    sci2 = ceil((SCI2_BITS + 24) * slot.sci2_beta / ((2 if slot.sci2_qpsk else modulation) * rate / 1024))
    return per_prb * n_prb - 12 * slot.pscch_prb * slot.pscch_symbols - sci2


def tbs_bits(n_prb: int, mcs: int, slot: SlotFormat = SlotFormat()) -> int:
    """Transport block size in bits of ``n_prb`` PRBs (TS 38.214 clause 5.1.3.2, one layer); 0 if no data fits."""
    modulation, _ = _modulation_and_rate(mcs)
    information = data_elements(n_prb, mcs, slot) * code_rate(mcs) * modulation
    if information <= 0:
        return 0
    return _quantised(information, code_rate(mcs))


def _quantised(information: float, rate: float) -> int:
    if information <= 3824:
        step = max(3, floor(log2(information)) - 6)
        wanted = max(24, (1 << step) * floor(information / (1 << step)))
        return int(_SMALL_BLOCKS[np.searchsorted(_SMALL_BLOCKS, wanted)])
    step = floor(log2(information - 24)) - 5
    wanted = max(3840, (1 << step) * floor((information - 24) / (1 << step) + 0.5))
    if rate <= 0.25:
        parts = ceil((wanted + 24) / 3816)
    else:
        parts = ceil((wanted + 24) / 8424) if wanted > 8424 else 1
    return 8 * parts * ceil((wanted + 24) / (8 * parts)) - 24


@cache
def subchannels_for(
    size_bytes: int, mcs: int, subchannel_prb: int, slot: SlotFormat = SlotFormat(), limit: int = 27
) -> int:
    """Contiguous subchannels whose transport block holds ``size_bytes`` octets; ``limit`` + 1 if so many do not."""
    for count in range(1, limit + 1):
        if tbs_bits(count * subchannel_prb, mcs, slot) >= 8 * size_bytes:
            return count
    return limit + 1


@cache
def prb_for(size_bytes: int, mcs: int, slot: SlotFormat = SlotFormat()) -> int:
    """Fewest PRBs whose transport block holds ``size_bytes``; ValueError if 275 do not."""
    for count in range(1, 276):
        if tbs_bits(count, mcs, slot) >= 8 * size_bytes:
            return count
    raise ValueError(f"size_bytes: {size_bytes} octets do not fit 275 PRB at MCS {mcs}")


def noise_dbm(n_prb: float, numerology: int, noise_figure_db: float) -> float:
    """Receiver noise in dBm over ``n_prb`` PRBs of a numerology: k T B at 290 K plus noise figure."""
    return lte_grid.noise_dbm(n_prb * PRB_HZ[numerology] / lte_grid.PRB_HZ, noise_figure_db)


def in_band_emission(
    first_prb: int, n_prb: int, channel_prb: int, modulation_bits: int, numerology: int, prb_power_dbm: float = 10.0
) -> np.ndarray:
    """Power in every PRB of the channel as a ratio to the sender's power per PRB, float64 [channel_prb].

    The mask of TS 38.101-1 clause 6.4.2.3 (after TR 37.885 with the offsets W, X, Y, Z all 0 dB): a general term, the
    image at the mirrored PRBs, carrier leakage at the centre, and a floor of -57 dBm per 180 kHz. ``prb_power_dbm`` is
    the transmit power per PRB that the floor refers to. ValueError for PRBs outside the channel.
    """
    if not (0 <= first_prb and n_prb >= 1 and first_prb + n_prb <= channel_prb):
        raise ValueError(f"in-band emission: PRBs {first_prb} + {n_prb} do not lie in a channel of {channel_prb}")
    prb = np.arange(channel_prb)
    own = (prb >= first_prb) & (prb < first_prb + n_prb)
    away = np.maximum(first_prb - prb, prb - (first_prb + n_prb - 1))
    flat = -25.0 - 10 * np.log10(channel_prb / n_prb)
    slope = 20 * np.log10(lte_grid.EVM[modulation_bits]) - 3.0 - 5.0 * (away - 1) / n_prb
    floor_db = lte_grid.EMISSION_FLOOR_DBM + 10 * np.log10(PRB_HZ[numerology] / 180e3) - prb_power_dbm
    general = np.maximum(np.maximum(flat, slope), floor_db)
    image = own[::-1] * 10 ** (-25.0 / 10)
    centre = (np.abs(prb - (channel_prb - 1) / 2) < 1) * 10 ** (-25.0 / 10)
    return np.where(own, 1.0, 10 ** (general / 10) + image + centre)
