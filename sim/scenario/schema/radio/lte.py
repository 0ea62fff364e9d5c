"""LTE-V2X PC5 Mode 4: pools and sensing-based scheduling."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key

Channel = Literal["whole", "lower", "upper"]


class Pool(Section):
    """A transmit pool: contiguous subchannels that one or more station types send in."""

    name: str = key(..., "name of the pool")
    channel: Channel | None = key(
        None, "only for stations that send on this channel of radio.mode4.channel_plans; none = any it lies in"
    )
    senders: list[Literal["vehicle", "rsu"]] = key(..., "station types that send here", min_length=1)
    start_prb: int = key(0, "first physical resource block", ge=0, le=215)
    subchannels: int = key(
        5, "number of subchannels", ge=1, le=27, source="IMT-2020 C-V2X 2020 event configuration"
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


class Tuning(Section):
    """Channels of a device: ``whole`` is radio.bandwidth_mhz, ``lower`` and ``upper`` are its halves."""

    send: Channel = key("whole", "channel it sends on", source="State Radio Office letter 113/2024")
    listen: list[Channel] = key(
        lambda: ["whole"], "channels it can decode; on others it hears power only", min_length=1,
        source="assumption: receivers are not in the letter",
    )


class ChannelPlan(Section):
    """What the devices of some jurisdictions send on and listen to (20 MHz: lower 5905-5915, upper 5915-5925 MHz)."""

    jurisdictions: list[str] = key(list, "ids of corridor.jurisdictions; empty = all that no other plan names")
    vehicle: Tuning = key(Tuning, "on-board and portable units, by their home jurisdiction")
    rsu: Tuning = key(Tuning, "roadside units, by the jurisdiction of their site")


class CrLevel(Section):
    """Limits of the channel occupancy ratio up to a channel busy ratio."""

    cbr_up_to: float = key(..., "channel busy ratio up to which the limits hold", gt=0, le=1)
    limits: list[float] = key(..., "limit of priority 1 to 8 (PPPP); 1 = none", min_length=8, max_length=8)


def _levels(rows: list[tuple[float, list[float]]]) -> list[CrLevel]:
    return [CrLevel(cbr_up_to=bound, limits=limits) for bound, limits in rows]


CR_TABLES: dict[str, list[CrLevel]] = {
    "opencv2x": _levels([(0.65, [1.0] * 8), (0.675, [1.6e-3] * 8), (1.0, [1.5e-3] * 8)]),
    "ts103574": _levels([
        (0.3, [1.0] * 8),
        (0.65, [1.0, 1.0, 0.03, 0.03, 0.03, 0.02, 0.02, 0.02]),
        (0.8, [0.02, 0.02, 0.006, 0.006, 0.006, 0.004, 0.004, 0.004]),
        (1.0, [0.02, 0.02, 0.003, 0.003, 0.003, 0.002, 0.002, 0.002]),
    ]),
}
"""Limits by name, both unverified. ``opencv2x``: the first three of ten levels as reported, the third kept to the end.
``ts103574``: ETSI TS 103 574 from memory."""


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
    rsrp_thresholds_dbm: list[list[float]] | None = key(
        None,
        "thresholds by priority, 8 rows (received SCI) of 8 (own block), instead of the one number; none = one number",
        unit="dBm",
        source="TS 36.213 14.1.1.6 step 3 (sl-ThresPSSCH-RSRP-List)",
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
        False,
        "second transmission within 15 subframes, combined by the receiver; counted as load",
        source="TS 36.213 14.1.1.7, TS 36.321 5.14.1.1; off: one transmission (published curves)",
    )
    cbr_threshold_dbm: float = key(
        -94.0, "a subchannel is busy above this", unit="dBm", ge=-112, le=14, source="ETSI TS 103 574 clause 5.2"
    )
    cr_action: Literal["off", "drop", "reduce"] = key(
        "off",
        "where the occupancy ratio would pass its limit: nothing, drop the block, or fewer subchannels at a higher "
        "allowed MCS first",
        source="TS 36.213 14.1.1.4B leaves the means to the device",
    )
    cr_limits: Literal["opencv2x", "ts103574"] | list[CrLevel] = key(
        "ts103574", "limits of the occupancy ratio: a named table or levels of one's own",
        source="unverified: ETSI TS 103 574 from memory; OpenCV2X as reported in part",
    )
    power_control: bool = key(
        False,
        "the radiated power that a congestion control asks for acts too (bsm.congestion_control j2945-1)",
        source="SAE J2945/1 through code bases; off: on LTE-V2X the J3161/1 profile keeps the rate control alone",
    )
    channel_plans: list[ChannelPlan] = key(
        list,
        "channels by jurisdiction and type of device; empty = everybody sends on and hears the whole bandwidth",
        source="MIIT radio doc. 203/2018 (20 MHz); State Radio Office letter 113/2024 (10 + 10 MHz allowed)",
    )
    aclr_db: float = key(
        30.0, "power in the adjacent channel below that in the own (ACLR)", unit="dB", ge=0, le=80,
        source="TS 36.101 clause 6.6.2.3, from memory",
    )
    acs_db: float = key(
        33.0, "selectivity of the receiver against the adjacent channel (ACS)", unit="dB", ge=0, le=80,
        source="TS 36.101 clause 7.5 (33 dB up to 10 MHz), from memory",
    )

    def cr_levels(self) -> list[CrLevel]:
        """The limits in force, by channel busy ratio."""
        return CR_TABLES[self.cr_limits] if isinstance(self.cr_limits, str) else list(self.cr_limits)
