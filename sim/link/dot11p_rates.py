"""IEEE 802.11p and 802.11bd in 10 MHz: data rates, airtime, noise, choice of an error curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.link import load_table
from sim.link.choice import IMPLEMENTATION_FACTOR, LinkTable
from sim.link.tables import PerTable, step_table

if TYPE_CHECKING:
    from sim.scenario.schema.radio.dot11p import Dot11p

BANDWIDTH_MHZ = 10
NOISE_DBM = float(10 * np.log10(1.380649e-23 * 290.0 * BANDWIDTH_MHZ * 1e6 * 1e3))
"""k T B of 10 MHz at 290 K: -103.98 dBm; the noise figure comes on top."""
SYMBOL_NS = 8_000
PREAMBLE_NS = 40_000
"""32 us of preamble and the SIGNAL symbol (IEEE 802.11-2020 clause 17.3.2, 10 MHz)."""
SERVICE_AND_TAIL_BITS = 16 + 6
RATES: dict[float, int] = {3.0: 24, 4.5: 36, 6.0: 48, 9.0: 72, 12.0: 96, 18.0: 144, 24.0: 192, 27.0: 216}
"""Data bits per symbol by Mbit/s; the place in this table is the MCS index of the error tables."""
LONGEST_PSDU_BYTES = 4095
"""12 bits of the LENGTH field of SIGNAL (IEEE 802.11-2020 clause 17.3.4.4)."""
BD_PREAMBLE_NS = 80_000
BD_SUBCARRIERS = 52
BD_MCS: tuple[tuple[int, float], ...] = (
    (1, 1 / 2), (2, 1 / 2), (2, 3 / 4), (4, 1 / 2), (4, 3 / 4), (6, 2 / 3), (6, 3 / 4), (6, 5 / 6), (8, 3 / 4),
    (8, 5 / 6),
)
"""(bits per subcarrier, code rate) by MCS, as the VHT table of IEEE 802.11-2020 (from memory)."""
BD_MIDAMBLE_SYMBOLS = (8, 8, 8, 8, 8, 4, 4, 4, 4, 4)
"""Symbols between midambles by MCS (Anwar et al. 2019)."""
BD_REPETITION_CBR = (0.03, 0.05, 0.09)
"""Below these channel busy ratios three, two, one repetitions (thresholds of WiLabV2Xsim)."""


def airtime_ns(psdu_bytes: int, rate_mbps: float, rounding: str = "symbols") -> int:
    """Duration of an 802.11p frame of so many octets (headers included), IEEE 802.11-2020 clause 17.4.3.

    ``none`` counts 40 us and the octets at the data rate, without service and tail bits and padding (Sepulcre 2021).
    """
    if rounding == "none":
        return PREAMBLE_NS + round(8_000 * psdu_bytes / rate_mbps)
    return PREAMBLE_NS + SYMBOL_NS * -(-(SERVICE_AND_TAIL_BITS + 8 * psdu_bytes) // RATES[rate_mbps])


def airtime_bd_ns(psdu_bytes: int, mcs: int) -> int:
    """Duration of an 802.11bd frame in mixed format with its midambles (Anwar et al. 2019)."""
    bits, rate = BD_MCS[mcs]
    symbols = math.ceil(round(8 * psdu_bytes / (BD_SUBCARRIERS * bits * rate), 9))
    return BD_PREAMBLE_NS + SYMBOL_NS * (symbols + (symbols - 1) // BD_MIDAMBLE_SYMBOLS[mcs])


def bd_repetitions(busy_ratio: float) -> int:
    """Blind repetitions of an 802.11bd frame at a channel busy ratio: 3, 2, 1 or 0."""
    return 3 - sum(busy_ratio >= limit for limit in BD_REPETITION_CBR)


def longest_bytes(settings: Dot11p) -> int:
    """Octets a frame can hold beside the headers."""
    return LONGEST_PSDU_BYTES - settings.header_bytes


@dataclass(frozen=True)
class Waveform:
    """Rate, airtime and error curves of the configured physical layer."""

    settings: Dot11p
    table: LinkTable

    @staticmethod
    def of(settings: Dot11p) -> Waveform:
        """As the scenario says; ValueError for an unknown rate or table."""
        if settings.standard == "802.11p" and settings.data_rate_mbps not in RATES:
            rates = ", ".join(f"{rate:g}" for rate in RATES)
            raise ValueError(f"radio.dot11p.data_rate_mbps: {settings.data_rate_mbps:g} is not one of {rates}")
        return Waveform(settings, load_table(settings.per_table))

    @property
    def mcs(self) -> int:
        """MCS index in the error tables."""
        if self.settings.standard == "802.11bd":
            return self.settings.bd_mcs
        return list(RATES).index(self.settings.data_rate_mbps)

    @property
    def rate_mbps(self) -> float:
        """Data rate in Mbit/s."""
        if self.settings.standard == "802.11p":
            return self.settings.data_rate_mbps
        bits, code = BD_MCS[self.settings.bd_mcs]
        return BD_SUBCARRIERS * bits * code * 1e3 / SYMBOL_NS

    def airtime_ns(self, size_bytes: int) -> int:
        """Duration of one copy of a frame of so many octets, headers added here."""
        psdu = size_bytes + self.settings.header_bytes
        if self.settings.standard == "802.11bd":
            return airtime_bd_ns(psdu, self.settings.bd_mcs)
        return airtime_ns(psdu, self.settings.data_rate_mbps, self.settings.airtime_rounding)

    def curve(self, size_bytes: int) -> PerTable:
        """Error rate by SINR of a frame of so many octets: the table's nearest in size, else the capacity threshold.

        Curves over Eb/N0 are moved by 10 log10(bandwidth / rate).
        """
        available = self.table.available
        if available == [(-1, 0)]:
            curve = self.table.select(-1, size_bytes)
            shift = 10 * math.log10(BANDWIDTH_MHZ / self.rate_mbps)
            return PerTable(
                curve.sinr_db - shift, curve.rates, curve.interpolation, curve.above_per,
                f"{curve.origin}: Eb/N0 at {self.rate_mbps:g} Mbit/s", curve.includes_fading,
            )
        if any(mcs == self.mcs for mcs, _ in available):
            return self.table.select(self.mcs, size_bytes)
        bits_per_second_and_hz = 8e3 * size_bytes / (self.airtime_ns(size_bytes) * BANDWIDTH_MHZ)
        threshold = float(10 * np.log10(2 ** (bits_per_second_and_hz / IMPLEMENTATION_FACTOR) - 1))
        origin = f"{self.table.name}: no curve for MCS {self.mcs}; threshold {threshold:.2f} dB by capacity"
        return step_table(threshold, origin)
