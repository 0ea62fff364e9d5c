"""The radio behind the published ns-3 curves of Mode 2 (Brady, Cao and Roy), as far as their sources tell it.

Taken from the repository that holds the curves (CollinBrady1993/code-for-Modeling-of-NR-C-V2X-Mode-2-Throughput): the
simulation patch gives traffic, places, pool, selection and the channel (the highway of TR 37.885 with its LOS and NLOSv
states, not LOS alone); the authors' own model of the simulation (``pdrCalc.m``) gives the level below which nothing is
received or sensed.
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

CARRIER_HZ = 5.89e9
TX_POWER_DBM = 23.0
SIZE_BYTES = 1774
PERIOD_MS = 100
LANES_M = (0.0, 4.0)
STATIONS_PER_LANE = 200
"""Inferred: the files' sample counts are level to 490 m and then fall by two receivers a row, as they do on a lane of
200 of which those within 490 m of an end are not counted as senders."""
UNCOUNTED_EDGE_M = 490.0
ANTENNA_HEIGHT_M = 1.6
RECEPTION_THRESHOLD_W_PER_HZ = 4.5e-17
"""Power density of the control channel below which the authors' model loses a packet and senses nothing; they reckon
the density as all power on the 10 PRBs of the control channel (1.8 MHz)."""
CONTROL_HZ = 10 * 180e3


def reception_threshold_dbm() -> float:
    """The same as received power of the whole transmission: -70.9 dBm, a path loss of 93.9 dB, 202 m with sight."""
    return 10 * log10(RECEPTION_THRESHOLD_W_PER_HZ * CONTROL_HZ) + 30


def radio(t2_slots: int) -> Radio:
    """The radio section of a scenario with the published setting; ``t2_slots`` is in the name of each file.

    From defaults of what they changed: RSRP threshold -128 dBm (the example), no trucks among blocking vehicles (the
    ns-3 propagation class). Chosen without a statement: noise figure 9 dB (without influence: the threshold lies 25 dB
    above noise), independent shadowing from place to place.
    """
    from sim.scenario.schema.radio import Channel, Link, Mode2, Pool, Radio

    return Radio(
        access="nr-v2x-mode2",
        carrier_hz=CARRIER_HZ,
        bandwidth_mhz=40,
        pools=[Pool(name="all", senders=["vehicle"], subchannels=4, subchannel_prb=50)],
        mode2=Mode2(
            numerology=0, t1_slots=2, t2_min_slots=[1], t2_max_slots=t2_slots, processing_budget_ms=0,
            sensing_window_ms=100, keep_probability=0.0, rsrp_threshold_dbm=[-128.0], mcs=[14], packet_subchannels=1,
            reevaluation=False, in_band_emission=False, sensitivity_dbm=reception_threshold_dbm(),
        ),
        link=Link(noise_figure_db=9.0, tx_power_dbm=TX_POWER_DBM, antenna_gain_dbi=0.0),
        channel=Channel(
            v2v="tr37885-highway", line_of_sight="tr37885", blocker_truck_ratio=0.0, shadowing_sigma_db=3.0,
            shadowing_sigma_nlos_db=3.0, decorrelation_m=1.0,
        ),
    )
