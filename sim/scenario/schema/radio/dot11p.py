"""IEEE 802.11p / ITS-G5: physical layer, carrier sense, EDCA, reception, channel busy ratio, congestion control."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key

Category = Literal["vo", "vi", "be", "bk"]


class Dot11p(Section):
    """IEEE 802.11p in 10 MHz: EDCA outside the context of a BSS, carrier sense, reception, DCC."""

    standard: Literal["802.11p", "802.11bd"] = key("802.11p", "physical layer", source="IEEE 802.11-2020 clause 17")
    data_rate_mbps: float = key(
        6.0, "data rate: 3, 4.5, 6, 9, 12, 18, 24 or 27", unit="Mbit/s", gt=0,
        source="IEEE 802.11-2020 table 17-4 (10 MHz); ETSI EN 302 663 default 6",
    )
    bd_mcs: int = key(
        2, "MCS of 802.11bd (standard: 802.11bd), 52 data subcarriers", ge=0, le=9,
        source="Anwar et al. 2019: QPSK r 3/4 in place of the 6 Mbit/s of 802.11p, illustrative",
    )
    bd_repetitions: bool = key(
        False, "802.11bd: one to three blind repetitions while the channel is nearly empty",
        source="IEEE 802.11bd; thresholds of WiLabV2Xsim",
    )
    header_bytes: int = key(
        30, "MAC header, LLC and check sum added to a frame's size", unit="bytes", ge=0, le=200,
        source="Sepulcre et al., IEEE TVT 2021: 30; MAC 26 + FCS 4",
    )
    airtime_rounding: Literal["symbols", "none"] = key(
        "symbols", "whole symbols of 8 us, or bits over rate (published curves)",
        source="IEEE 802.11-2020 clause 17.4.3",
    )
    per_table: str = key("11p-highway-los", "name of the PER table", source="WiLabV2Xsim PER curves")
    preamble_detection_dbm: float = key(
        -95.0, "weakest preamble a receiver locks on", unit="dBm", ge=-120, le=-40,
        source="assumption: 10 dB better than the -85 dBm of IEEE 802.11-2020 table 17-18, as products are",
    )
    preamble_sinr_db: float | None = key(
        None, "SINR a preamble needs on top (receiver and carrier sense); none = power alone decides", unit="dB",
        ge=-10, le=30, source="WiLabV2Xsim uses it with -100 dBm",
    )
    sensitivity_dbm: float | None = key(
        None, "a frame received below this is lost (SEN); none = preamble detection and PER table decide", unit="dBm",
        ge=-120, le=-40, source="IEEE 802.11-2020 table 17-18 has -85 at 3 Mbit/s",
    )
    carrier_sense_dbm: float = key(
        -95.0, "a preamble at least this strong makes the medium busy", unit="dBm", ge=-120, le=-40,
        source="assumption: as preamble_detection_dbm; IEEE 802.11-2020 17.3.10.6 asks for -85 at least",
    )
    energy_detection_dbm: float = key(
        -65.0, "total power at least this strong makes the medium busy", unit="dBm", ge=-120, le=-30,
        source="IEEE 802.11-2020 17.3.10.6: 20 dB above the weakest preamble",
    )
    vulnerable_us: float = key(
        4.0, "a frame younger than this does not stop another transmission (detection and turnaround)", unit="us",
        ge=0, le=50, source="assumption: a few us; aCCATime at 10 MHz is below 8 us",
    )
    idle_access: Literal["immediate", "aifs"] = key(
        "immediate", "a frame that finds the medium idle for AIFS goes out at once, or waits AIFS first",
        source="IEEE 802.11-2020 10.23.2.4; aifs: WiLabV2Xsim",
    )
    access_category: Literal["auto", "vo", "vi", "be", "bk"] = key(
        "auto", "category of all frames; auto = by message, then by priority", source="ETSI EN 302 663 annex C"
    )
    message_category: dict[str, Category] = key(
        lambda: {"DENM": "vi", "CAM": "be"}, "category by message (access_category: auto); others by priority: 1-2 vo, "
        "3-4 vi, 5-6 be, 7-8 bk", source="C2C-CC: CAM and DENM; priorities: project choice",
    )
    aifsn: dict[Category, int] = key(
        lambda: {"vo": 2, "vi": 3, "be": 6, "bk": 9}, "slots of AIFS after SIFS",
        source="IEEE 802.11-2020 table 9-156 (OCB)",
    )
    contention_window: dict[Category, int] = key(
        lambda: {"vo": 3, "vi": 7, "be": 15, "bk": 15}, "backoff is drawn from 0 to this and never doubled (broadcast)",
        source="IEEE 802.11-2020 table 9-156 (OCB), aCWmin 15",
    )
    slot_us: float = key(13.0, "slot", unit="us", gt=0, le=100, source="IEEE 802.11-2020 table 17-21, 10 MHz")
    sifs_us: float = key(32.0, "SIFS", unit="us", gt=0, le=200, source="IEEE 802.11-2020 table 17-21, 10 MHz")
    queue_length: int = key(
        8, "frames one category holds; a further one is dropped", ge=1, le=1000, source="assumption"
    )
    replace_queued: Literal["awareness", "all", "none"] = key(
        "awareness", "which queued frames a newer one of the same stream replaces", source="ETSI TS 102 636-4-2"
    )
    capture: Literal["none", "preamble-4us", "message-in-message"] = key(
        "none", "when a receiver leaves a frame for a stronger one: never, within 4 us, or at any time for +10 dB",
        source="Veins; WiLabV2Xsim; common chips",
    )
    sinr: Literal["minimum", "mean", "piecewise"] = key(
        "minimum", "SINR of a frame under changing interference", source="Veins: minimum; WiLabV2Xsim: mean"
    )
    short_interference: bool = key(
        False, "a frame is lost if interference above the signal lasts longer than its bound",
        source="WiLabV2Xsim: 0.7808 exp(-1.268 RIL) + 4.017 exp(-0.07585 RIL) us",
    )
    cbr_threshold_dbm: float = key(
        -85.0, "a station counts the channel busy from this power on", unit="dBm", ge=-120, le=-40,
        source="ETSI TS 102 687",
    )
    cbr_window_ms: int = key(
        100, "window of the channel busy ratio", unit="ms", ge=10, le=1000, source="ETSI TS 102 687"
    )
    cbr_own_transmissions: bool = key(True, "own transmissions count as busy", source="project choice")
    dcc: Literal["none", "reactive", "adaptive"] = key(
        "none", "congestion control at the access layer", source="ETSI TS 102 687 v1.2.1"
    )
    dcc_jitter_us: float = key(
        1000.0, "the gate of congestion control opens late by up to this: timers of stations are not locked to one "
        "another", unit="us", ge=0, le=100_000, source="assumption",
    )
    dcc_table: Literal["ton-0.5ms", "ton-1ms"] = key(
        "ton-1ms", "reactive table: for frames up to 0.5 ms or up to 1 ms", source="ETSI TS 102 687 v1.2.1 annex A"
    )
