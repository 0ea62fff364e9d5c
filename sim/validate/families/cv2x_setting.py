"""A published Mode 4 setting and the exact radio it stands for.

Source of every number: Gonzalez-Martin et al., IEEE TVT 68(2) 2019 (DOI 10.1109/TVT.2018.2888704), and the
released code of its authors (msepulcre/C-V2X). Nothing here is fitted to a curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sim.clock import MS
from sim.validate.families.curve import MEASURED_RANGE_M
from sim.validate.models import cv2x_mode4
from sim.validate.models.propagation import CV2X_AIR, SIGMA_DB, ring
from sim.validate.road import Layout, Trial

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

ANTENNA_HEIGHT_M = 1.5
ENVIRONMENT_HEIGHT_M = 0.0
SENSITIVITY_DBM = CV2X_AIR.threshold_dbm
"""Psen: a packet received with less total power is lost, and is not sensed either."""
NOISE_FIGURE_DB = 9.0
PROCESSING_BUDGET_MS = 5
MIN_RING_M = 2000.0
MIN_VEHICLES = 400
"""A longer ring costs little where vehicles are few, and gives narrower intervals."""
SPEED_MPS = 30.0
DECORRELATION_M = 1.0
"""Of shadowing: so short that packets are shadowed independently, as in the published model. With 25 m a road of some
kilometres holds too few independent values to tell a sensitivity loss to 0.5 points."""


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
    def analytical_cbr(self) -> float:
        """CBR of the analytical model: it decides the tolerance class."""
        return cv2x_mode4.channel_busy_ratio(
            self.vehicles_per_m, self.packets_per_s, self.tx_power_dbm, self.subchannels
        )

    @property
    def rsrp_threshold_dbm(self) -> float:
        """PSSCH-RSRP per resource element that equals a total of -90.5 dBm in the data PRBs.

        RSRP is the power of one resource element of 15 kHz: total - 10 log10(12 x data PRBs), TS 36.214
        clause 5.1.29.
        """
        return SENSITIVITY_DBM - 10.0 * math.log10(12 * self.layout.data_prb)

    def unsupported(self) -> str:
        """Why this setting cannot be simulated; empty if it can."""
        period_ms = 1000.0 / self.packets_per_s if self.packets_per_s > 0 else math.inf
        if self.subchannels not in SUBCHANNEL_LAYOUTS:
            return f"S={self.subchannels} subchannels (known: {_listed(SUBCHANNEL_LAYOUTS)})"
        if self.size_bytes not in SUPPORTED_BYTES:
            return f"{self.size_bytes} B packets (link tables known for {_listed(SUPPORTED_BYTES)} B)"
        if period_ms not in (20.0, 50.0) and (period_ms % 100 or period_ms > 1000):
            return f"{self.packets_per_s:g} packets/s (periods of Mode 4: 20, 50, 100, 200 .. 1000 ms)"
        if not 0 < self.vehicles_per_m <= 1:
            return f"{self.vehicles_per_m:g} vehicles per metre (known: above 0, at most 1)"
        if not -20 <= self.tx_power_dbm <= 40:
            return f"{self.tx_power_dbm:g} dBm (known: -20 .. 40)"
        return ""

    def trial(self, report_m: float) -> Trial:
        """The run of this setting; receivers are counted up to ``report_m``."""
        count, length_m = ring(
            self.vehicles_per_m, CV2X_AIR.range_m(self.tx_power_dbm), MEASURED_RANGE_M, MIN_RING_M, MIN_VEHICLES
        )
        return Trial(
            name=self.name,
            access="lte-v2x-mode4",
            radio=self.radio(),
            layout=Layout(count, length_m, speed_mps=SPEED_MPS),
            packets_per_s=self.packets_per_s,
            size_bytes=self.size_bytes,
            power_dbm=self.tx_power_dbm,
            height_m=ANTENNA_HEIGHT_M,
            # T2 becomes one packet period, as in the model's N = 1000 S / lambda.
            budget_ns=self.period_ns + PROCESSING_BUDGET_MS * MS,
            warmup_s=3.0,
            measure_s=4.0,
            report_m=report_m,
        )

    def radio(self, decorrelation_m: float = DECORRELATION_M) -> Radio:
        """The radio section of a scenario with this setting."""
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
            shadowing_sigma_db=SIGMA_DB,
            decorrelation_m=decorrelation_m,
        )
        pool = Pool(name="all", senders=["vehicle"], subchannels=self.subchannels, subchannel_prb=layout.subchannel_prb)
        return Radio(
            carrier_hz=CV2X_AIR.carrier_hz,
            bandwidth_mhz=layout.bandwidth_mhz,
            pools=[pool],
            mode4=mode4,
            link=link,
            channel=channel,
        )


def _listed(values: object) -> str:
    return ", ".join(f"{value:g}" for value in values)  # type: ignore[attr-defined]
