"""Access layer, link level and propagation: every parameter stands in the file."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key


class Pool(Section):
    """A transmit pool: contiguous subchannels that one or more station types send in."""

    name: str = key(..., "name of the pool")
    senders: list[Literal["vehicle", "rsu"]] = key(..., "station types that send here", min_length=1)
    start_prb: int = key(0, "first physical resource block", ge=0, le=99)
    subchannels: int = key(
        5, "number of subchannels", ge=1, le=20, source="IMT-2020 C-V2X 2020 event configuration"
    )
    subchannel_prb: int = key(
        10, "PRBs per subchannel", ge=4, le=100, source="IMT-2020 C-V2X 2020 event configuration"
    )


def split_pools() -> list[Pool]:
    """Vehicles from RB 0, RSUs from RB 50: the split of the 2020 event (20 MHz)."""
    return [
        Pool(name="vehicle", senders=["vehicle"], start_prb=0),
        Pool(name="rsu", senders=["rsu"], start_prb=50),
    ]


class Mode4(Section):
    """LTE-V2X PC5 Mode 4 (3GPP TS 36.213 clause 14.1.1, TS 36.321 clause 5.14)."""

    t1_ms: int = key(
        4,
        "start of the selection window after the trigger",
        unit="ms",
        ge=1,
        le=4,
        source="TS 36.213 14.1.1.6: T1 <= 4",
    )
    t2_max_ms: int = key(
        100,
        "end of the selection window at most",
        unit="ms",
        ge=20,
        le=100,
        source="TS 36.213 14.1.1.6: 20 <= T2 <= 100",
    )
    processing_budget_ms: int = key(
        5, "T2 = packet delay budget - this", unit="ms", ge=0, le=50, source="definitions section 2"
    )
    keep_probability: float = key(
        0.4,
        "probResourceKeep",
        ge=0,
        le=0.8,
        source="C2C-CC study configurations 0.4-0.5; standard allows 0 .. 0.8",
    )
    rsrp_threshold_dbm: float = key(
        -110.0,
        "sensing threshold on PSSCH-RSRP before raises",
        unit="dBm",
        ge=-128,
        le=0,
        source="WiLabV2Xsim default",
    )
    threshold_step_db: float = key(
        3.0, "raise of the threshold", unit="dB", gt=0, le=10, source="TS 36.213 14.1.1.6 step 4"
    )
    candidate_ratio: float = key(
        0.2,
        "share of candidates that must remain and that is kept",
        gt=0,
        le=1,
        source="TS 36.213 14.1.1.6 steps 4 and 8",
    )
    sensing_window_ms: int = key(
        1000, "sensing window", unit="ms", ge=100, le=1000, source="TS 36.213 14.1.1.6"
    )
    reselect_after: int | None = key(
        None,
        "reselect after this many missed opportunities (sl-ReselectAfter); none = never",
        ge=1,
        le=9,
        source="TS 36.331; off by default",
    )
    mcs: list[int] = key(
        lambda: [7, 11],
        "allowed MCS; the smallest whose transport block fits the pool is used",
        min_length=1,
        source="access layers section 4.2: MCS 7, 11 where it does not fit; 8-10 avoided in fading",
    )
    data_prb: int | None = key(
        None,
        "fixed number of data PRBs, whatever the size (published curves); none = by TS 36.213 table",
        ge=1,
        le=100,
    )
    packet_subchannels: int | None = key(
        None, "fixed number of subchannels per packet; none = by size", ge=1, le=20
    )
    grant_sizing: Literal["largest", "per_packet", "adapt_mcs"] = key(
        "largest", "what a grant is sized for", source="definitions section 2"
    )
    pscch_boost_db: float = key(
        3.0, "PSCCH power density over PSSCH", unit="dB", ge=0, le=6, source="TS 36.213 14.1.1, from memory"
    )
    power_in_data_prb: bool = key(
        False, "count the whole power in the data PRBs (published curves), no PSCCH share"
    )
    sensitivity_dbm: float | None = key(
        None,
        "a packet received below this is lost (SEN); none = the PER table decides alone",
        unit="dBm",
        ge=-130,
        le=-50,
    )
    sci: Literal["table", "ideal"] = key(
        "table", "control channel: its BLER table, or always decoded", source="bler_ltev2x_pscch_awgn"
    )
    sci_loses_packet: bool = key(True, "a lost SCI loses the packet; off in the published curves")
    in_band_emission: bool = key(
        True, "leakage between PRBs of one subframe", source="TS 36.101; {W,X,Y,Z} = {3,6,3,3}"
    )
    blind_retransmission: bool = key(
        False, "second transmission within 15 subframes, combined", source="not modelled yet: must be off"
    )


class Link(Section):
    """Error rate of a packet."""

    pssch_table: str = key("wilab-highway-los", "name of the PER table of the data channel")
    pscch_table: str = key("pscch-awgn", "name of the BLER table of the control channel")
    noise_figure_db: float = key(9.0, "receiver noise figure", unit="dB", ge=0, le=20, source="TR 36.885")
    tx_power_dbm: float = key(
        23.0,
        "conducted power of on-board units",
        unit="dBm",
        ge=-20,
        le=40,
        source="TR 36.885; IMT-2020 event configuration",
    )
    antenna_gain_dbi: float = key(
        3.0, "antenna gain of on-board units", unit="dBi", ge=-10, le=20, source="TR 36.885"
    )


class Channel(Section):
    """Propagation: path loss, shadowing, sight."""

    v2v: Literal["winner-b1", "tr37885-highway", "tr37885-urban"] = key(
        "winner-b1", "path loss between vehicles", source="TR 36.885"
    )
    v2i: Literal["winner-b1", "tr37885-highway", "tr37885-urban", "two-ray"] = key(
        "winner-b1", "path loss between roadside unit and vehicle", source="access layers section 2.5"
    )
    environment_height_m: float = key(
        1.0, "environment height of WINNER+ B1", unit="m", ge=0, le=1.4, source="TR 36.885 (h - 1)"
    )
    line_of_sight: Literal["always", "tr37885"] = key(
        "always", "sight between stations: always, or the LOS/NLOSv states of TR 37.885"
    )
    shadowing_sigma_db: float = key(
        3.0, "standard deviation of shadowing with sight", unit="dB", ge=0, le=15, source="TR 36.885"
    )
    shadowing_sigma_nlos_db: float = key(
        3.0, "standard deviation of shadowing behind a vehicle (NLOSv)", unit="dB", ge=0, le=15, source="TR 37.885"
    )
    blocker_truck_ratio: float = key(
        0.2, "share of trucks among blocking vehicles (line_of_sight: tr37885)", ge=0, le=1, source="assumption"
    )
    decorrelation_m: float = key(
        25.0, "decorrelation distance", unit="m", gt=0, le=500, source="TR 36.885 highway (10 m urban)"
    )
    reach_margin_db: float = key(
        10.0,
        "stations below noise by more than this (with 2 sigma of shadowing) are left out",
        unit="dB",
        ge=0,
        le=60,
        source="project choice, tested by doubling the reach",
    )


class Radio(Section):
    """One access layer on one carrier."""

    access: str = key("lte-v2x-mode4", "access layer: a registered name or module:Class")
    carrier_hz: float = key(
        5.915e9,
        "centre frequency",
        unit="Hz",
        gt=1e9,
        lt=1e10,
        source="5905-5925 MHz, MIIT radio doc. 203/2018",
    )
    bandwidth_mhz: Literal[10, 20] = key(
        20, "channel bandwidth", unit="MHz", source="MIIT radio doc. 203/2018; letter 113/2024"
    )
    pools: list[Pool] = key(split_pools, "transmit pools", min_length=1)
    mode4: Mode4 = key(Mode4, "LTE-V2X Mode 4")
    link: Link = key(Link, "link level")
    channel: Channel = key(Channel, "propagation")
