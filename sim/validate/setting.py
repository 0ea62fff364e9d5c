"""A published Mode 4 setting and the exact radio it stands for.

Source of every number: Gonzalez-Martin et al., IEEE TVT 68(2) 2019 (DOI 10.1109/TVT.2018.2888704), and the
released code of its authors (msepulcre/C-V2X). Nothing here is fitted to a curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sim.clock import MS
from sim.frames import Flow, Kind

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

CARRIER_HZ = 5.91e9
ANTENNA_HEIGHT_M = 1.5
ENVIRONMENT_HEIGHT_M = 0.0
MIN_DISTANCE_M = 3.0
SHADOWING_SIGMA_DB = 3.0
SENSITIVITY_DBM = -90.5
"""Psen: a packet received with less total power is lost, and is not sensed either."""
NOISE_FIGURE_DB = 9.0
MEASURED_RANGE_M = 500.0
"""The published simulation counts receivers up to here, so its last bin is half a bin."""
PROCESSING_BUDGET_MS = 5
MIN_RING_M = 2000.0
MIN_VEHICLES = 400
"""A longer ring costs little where vehicles are few, and gives narrower intervals."""


@dataclass(frozen=True)
class SubchannelLayout:
    """What ``S`` of a file name means on the air; one packet of 190 B fills one subchannel."""

    bandwidth_mhz: Literal[10, 20]
    subchannel_prb: int
    data_prb: int
    mcs: int
    """MCS under which table ``r1-160284`` holds the code rate."""


SUBCHANNEL_LAYOUTS: dict[int, SubchannelLayout] = {
    2: SubchannelLayout(10, 25, 12, 7),
    4: SubchannelLayout(10, 12, 10, 9),
    8: SubchannelLayout(20, 12, 10, 9),
}
"""S -> layout: QPSK r=0.7 in 10 PRB, for S=2 r=0.5 in 12 PRB; S=8 is S=4 on twice the bandwidth."""

PSSCH_TABLE = "r1-160284"
SUPPORTED_BYTES = (190,)
SUPPORTED_RATES_HZ = (10.0, 20.0, 50.0)


@dataclass(frozen=True, order=True)
class Setting:
    """What the name of a curve file states."""

    vehicles_per_m: float
    packets_per_s: float
    tx_power_dbm: float
    subchannels: int
    size_bytes: int

    @property
    def name(self) -> str:
        """The setting as in file names."""
        return (
            f"b{self.vehicles_per_m:g}_l{self.packets_per_s:g}_p{self.tx_power_dbm:g}"
            f"_S{self.subchannels}_B{self.size_bytes}"
        )

    @property
    def layout(self) -> SubchannelLayout:
        """Subchannels and coding of this setting."""
        return SUBCHANNEL_LAYOUTS[self.subchannels]

    @property
    def period_ns(self) -> int:
        """Time between two packets of one vehicle."""
        return round(1000.0 / self.packets_per_s) * MS

    @property
    def rsrp_threshold_dbm(self) -> float:
        """PSSCH-RSRP per resource element that equals a total of -90.5 dBm in the data PRBs.

        RSRP is the power of one resource element of 15 kHz: total - 10 log10(12 x data PRBs), TS 36.214
        clause 5.1.29.
        """
        return SENSITIVITY_DBM - 10.0 * math.log10(12 * self.layout.data_prb)

    @property
    def sensing_range_m(self) -> float:
        """Distance beyond which less than 1 % of packets exceed the sensing power, shadowing included."""
        quantile = 2.3263478740408408
        budget_db = self.tx_power_dbm - SENSITIVITY_DBM + quantile * SHADOWING_SIGMA_DB
        distance_m = np.arange(MIN_DISTANCE_M, 20_000.0)
        return float(distance_m[np.searchsorted(path_loss_db(distance_m), budget_db)])

    @property
    def vehicle_count(self) -> int:
        """Vehicles on the ring."""
        length_m = max(MIN_RING_M, 2.0 * (self.sensing_range_m + MEASURED_RANGE_M))
        return max(MIN_VEHICLES, math.ceil(length_m * self.vehicles_per_m))

    @property
    def ring_m(self) -> float:
        """Length of the wrap-around road: at least 2 (sensing range + measured range), exactly n / beta."""
        return self.vehicle_count / self.vehicles_per_m

    def flow(self) -> Flow:
        """The one flow; its budget makes T2 one packet period, as in the model's N = 1000 S / lambda."""
        return Flow(0, "BSM", Kind.VEHICLE, self.period_ns, self.period_ns + PROCESSING_BUDGET_MS * MS, 5)

    def radio(self, decorrelation_m: float) -> Radio:
        """The radio section of a scenario with this setting and a decorrelation distance of shadowing."""
        from sim.scenario.schema.radio import Channel, Link, Mode4, Pool, Radio

        layout = self.layout
        mode4 = Mode4(
            t1_ms=1,
            t2_max_ms=max(20, min(100, self.period_ns // MS)),
            processing_budget_ms=PROCESSING_BUDGET_MS,
            keep_probability=0.0,
            rsrp_threshold_dbm=self.rsrp_threshold_dbm,
            mcs=[layout.mcs],
            data_prb=layout.data_prb,
            packet_subchannels=1,
            power_in_data_prb=True,
            sensitivity_dbm=SENSITIVITY_DBM,
            sci="table",
            sci_loses_packet=True,
            in_band_emission=False,
        )
        link = Link(
            pssch_table=PSSCH_TABLE,
            noise_figure_db=NOISE_FIGURE_DB,
            tx_power_dbm=self.tx_power_dbm,
            antenna_gain_dbi=0.0,
        )
        channel = Channel(
            v2v="winner-b1",
            environment_height_m=ENVIRONMENT_HEIGHT_M,
            line_of_sight="always",
            shadowing_sigma_db=SHADOWING_SIGMA_DB,
            decorrelation_m=decorrelation_m,
        )
        pool = Pool(
            name="all",
            senders=["vehicle"],
            subchannels=self.subchannels,
            subchannel_prb=layout.subchannel_prb,
        )
        return Radio(
            carrier_hz=CARRIER_HZ,
            bandwidth_mhz=layout.bandwidth_mhz,
            pools=[pool],
            mode4=mode4,
            link=link,
            channel=channel,
        )


def path_loss_db(distance_m: np.ndarray) -> np.ndarray:
    """WINNER+ B1 LOS at 5.91 GHz, heights 1.5 m over environment height 0, at least 3 m and never below free
    space.

    Written apart from the simulator's own propagation, so that CBR class and ring length do not depend on it.
    """
    frequency_ghz = CARRIER_HZ / 1e9
    height_m = ANTENNA_HEIGHT_M - ENVIRONMENT_HEIGHT_M
    log_distance = np.log10(np.maximum(distance_m, MIN_DISTANCE_M))
    breakpoint_m = 4.0 * height_m**2 * CARRIER_HZ / 3e8
    near_db = 22.7 * log_distance + 27.0 + 20.0 * math.log10(frequency_ghz)
    far_db = 40.0 * log_distance + 7.56 - 34.6 * math.log10(height_m) + 2.7 * math.log10(frequency_ghz)
    free_space_db = 20.0 * log_distance + 46.4 + 20.0 * math.log10(frequency_ghz / 5.0)
    b1_db = np.where(log_distance < math.log10(breakpoint_m), near_db, far_db)
    return np.maximum(b1_db, free_space_db)
