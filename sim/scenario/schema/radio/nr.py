"""NR-V2X PC5 Mode 2 (3GPP TS 38.214 clause 8.1.4, TS 38.321 clause 5.22.1)."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key


class Mode2(Section):
    """NR-V2X PC5 Mode 2; pools are those of ``radio.pools``, in PRBs of the numerology."""

    numerology: int = key(0, "subcarrier spacing 15 kHz x 2^this", ge=0, le=2, source="TS 38.211 table 4.2-1")
    t1_slots: int = key(
        3, "start of the selection window after the trigger; T_proc1 (3, 5, 9 slots) at most", unit="slots", ge=1, le=9,
        source="TS 38.214 8.1.4: 0 <= T1 <= T_proc1",
    )
    t2_min_slots: list[int] = key(
        lambda: [20], "shortest end of the selection window, one or by priority 1 .. 8, times 2^numerology",
        unit="slots", min_length=1, max_length=8, source="TS 38.331 sl-SelectionWindowList: 1, 5, 10, 20",
    )
    t2_max_slots: int | None = key(
        None, "longest end of the selection window; none = the packet's delay budget, at most 100 ms", unit="slots",
        ge=1, le=4000, source="TS 38.214 8.1.4: left to the device; 100 ms as in Mode 4, so that both compare",
    )
    processing_budget_ms: int = key(
        5, "T2 = packet delay budget - this", unit="ms", ge=0, le=50, source="definitions section 2"
    )
    sensing_window_ms: Literal[100, 1100] = key(
        1100, "sensing window T0", unit="ms", source="TS 38.331 sl-SensingWindow"
    )
    keep_probability: float = key(
        0.4, "sl-ProbResourceKeep", ge=0, le=0.8, source="as for Mode 4; standard allows 0 .. 0.8"
    )
    rsrp_threshold_dbm: list[float] = key(
        lambda: [-110.0],
        "RSRP threshold before raises: one, or 64 in the order of sl-Thres-RSRP-List (priority heard + 8 x (own - 1))",
        unit="dBm", min_length=1, max_length=64, source="TS 38.331: -128 .. 0 dBm; default as for Mode 4",
    )
    threshold_step_db: float = key(
        3.0, "raise of the thresholds per pass", unit="dB", gt=0, le=10, source="TS 38.214 8.1.4 step 7"
    )
    candidate_ratio: list[float] = key(
        lambda: [0.2], "share X of candidates that must remain, one or by priority 1 .. 8", min_length=1, max_length=8,
        source="TS 38.331 sl-TxPercentageList: 0.2, 0.35, 0.5",
    )
    aperiodic: list[str] = key(
        list, "messages that reserve no period: each packet selects anew ('*' = all)", source="TS 38.321 5.22.1.1"
    )
    repetitions: int = key(
        0, "further copies of each packet, chosen together within 31 slots and combined", ge=0, le=2,
        source="TS 38.214 8.1.5: up to two further resources in one SCI",
    )
    reevaluation: bool = key(
        True, "check selected resources again T_proc1 before their first use", source="TS 38.321 5.22.1.1"
    )
    preemption: bool = key(
        False, "give an announced resource up to a more urgent reservation", source="TS 38.331 sl-PreemptionEnable"
    )
    preemption_priority: int | None = key(
        None, "only reservations more urgent than this priority pre-empt; none = any more urgent than one's own",
        ge=1, le=8, source="TS 38.331 sl-PreemptionEnable pl1 .. pl8",
    )
    reselect_after: int | None = key(
        None, "reselect after this many missed opportunities (sl-ReselectAfter); none = never", ge=1, le=9,
        source="TS 38.331; off by default",
    )
    mcs: list[int] = key(
        lambda: [7, 11], "allowed MCS of table 1; the smallest whose transport block fits the pool is used",
        min_length=1, source="access layers section 5: 190 B on 2 subchannels of 10 PRB at MCS 7",
    )
    packet_subchannels: int | None = key(
        None, "fixed number of subchannels per packet (published curves); none = by size", ge=1, le=27
    )
    grant_sizing: Literal["largest", "per_packet"] = key(
        "largest", "what a grant is sized for", source="definitions section 2"
    )
    dmrs_elements: int | None = key(
        None, "reference-signal elements per PRB: 12, 15, 18, 21 or 24; none = 24, 18, 12 by numerology", ge=12, le=24,
        source="access layers section 5: advice of the WiLabV2Xsim authors",
    )
    pscch_prb: int = key(10, "PRBs of the control channel", ge=10, le=25, source="TS 38.331 sl-FreqResourcePSCCH")
    pscch_symbols: int = key(3, "symbols of the control channel", ge=2, le=3, source="TS 38.331 sl-TimeResourcePSCCH")
    sci2_qpsk: bool = key(
        False, "count the second-stage SCI in QPSK as the standard sends it; off = by the data's modulation",
        source="off: convention of the published subchannel tables (WiLabV2Xsim)",
    )
    psfch_period: Literal[0, 1, 2, 4] = key(
        0, "every how many slots a feedback channel takes 3 symbols (capacity only)", unit="slots",
        source="TS 38.331 sl-PSFCH-Period; broadcast uses none",
    )
    pssch_table: str = key("nr-awgn", "name of the PER table of the data channel", source="Anwar et al., 300 B")
    pscch_table: str = key(
        "nr-pscch-ran1-15khz-los", "name of the BLER table of the control channel",
        source="RAN1 contribution as read by the MoReV2X authors",
    )
    sci: Literal["table", "ideal"] = key("table", "control channel: its BLER table, or always decoded")
    sci_loses_packet: bool = key(True, "a lost SCI loses the packet")
    sensitivity_dbm: float | None = key(
        None, "a transmission received below this is neither sensed nor received; none = the tables decide alone",
        unit="dBm", ge=-130, le=-50, source="reference sensitivity of 10 MHz is about -92.5 dBm (TS 38.101-1)",
    )
    in_band_emission: bool = key(
        True, "leakage between PRBs of one slot", source="TS 38.101-1; {W,X,Y,Z} = {0,0,0,0}"
    )
    cbr_threshold_dbm: float = key(
        -94.0, "S-RSSI above which a subchannel counts as busy", unit="dBm", ge=-112, le=-22,
        source="TS 38.331 sl-ThreshS-RSSI-CBR; -94 as for LTE (ETSI TS 103 574)",
    )
    cbr_window: Literal["100-slots", "100-ms"] = key(
        "100-ms", "measurement window of the CBR", source="TS 38.331 sl-TimeWindowSizeCBR"
    )
