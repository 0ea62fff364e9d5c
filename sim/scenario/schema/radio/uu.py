"""Uu: radio access network, transport, core, Internet, server, peering."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key

_PAPER = "Coll-Perales et al., IEEE TVT 2022, DOI 10.1109/TVT.2022.3224614"


class Uu(Section):
    """The cellular path from sender over a V2X server to receivers; its parts also make a roadside backhaul."""

    technology: Literal["nr", "lte"] = key("nr", "radio: 5G NR, or LTE as NR with an added uplink delay", source=_PAPER)
    radio_table: str = key("nr-20mhz-30khz", "name of the radio latency table", source=_PAPER)
    mcs_table: int = key(
        3, "block error target of the radio: 2 = 10 %, 3 = 0.01 %, without retransmission", ge=1, le=9, source=_PAPER
    )
    load: Literal["measured", "fixed"] = key(
        "measured",
        "row of the radio table: by what each cell was offered in the last second, or by density_veh_km_lane",
    )
    density_veh_km_lane: float = key(
        20.0,
        "load of cells where load is fixed, and of those of a roadside backhaul, as vehicles that send at 10 Hz",
        unit="veh/km/lane",
        ge=0,
        le=10_000,
        source="assumption",
    )
    rows: Literal["interpolated", "nearest"] = key(
        "interpolated", "radio table between its densities: straight lines per quantile, or the nearest row"
    )
    bandwidth_mhz: float = key(
        20.0,
        "bandwidth per direction; a load counts in proportion to the table's",
        unit="MHz",
        gt=0,
        le=400,
        source=_PAPER,
    )
    cell_length_m: float = key(1732.0, "road per cell", unit="m", ge=100, le=100_000, source=f"{_PAPER}: ISD 1.732 km")
    slot_ms: float = key(0.5, "slot of the radio, scale of the server's time", unit="ms", gt=0, le=10, source="30 kHz")
    lte_added_min_ms: float = key(
        15.0,
        "least uplink delay that LTE adds",
        unit="ms",
        ge=0,
        le=1000,
        source="scheduling request and 4 ms processing chain, from memory: unverified",
    )
    lte_added_max_ms: float = key(
        25.0,
        "greatest uplink delay that LTE adds (uniform in between)",
        unit="ms",
        ge=0,
        le=1000,
        source="scheduling request and 4 ms processing chain, from memory: unverified",
    )
    downlink: Literal["broadcast", "unicast"] = key(
        "broadcast", "one transmission per cell, or one per receiver", source=f"{_PAPER}: broadcast"
    )
    server: Literal["gnb", "m1", "m2", "core", "central", "cloud"] = key(
        "m1",
        "where the V2X server stands: at the base station, the aggregation nodes M1 or M2, the local user plane, the "
        "central user plane, or in the Internet",
        source=f"{_PAPER}: MEC@gNB, MEC@M1, MEC@CN, centralised",
    )
    server_service_ms: float | None = key(
        None,
        "work per packet of a server with a queue; none = U(0, 1 slot), no queue",
        unit="ms",
        gt=0,
        le=1000,
        source=f"{_PAPER}: at most one slot",
    )
    operator_of: Literal["one", "home", "place"] = key(
        "home",
        "who serves a station: one operator for all, that of its home jurisdiction, that of the jurisdiction it is in",
    )
    operators: list[str] = key(
        list, "operator of each jurisdiction, in their order; empty = one of its own each", source="assumption"
    )
    peering: Literal["local", "remote"] = key("local", "where operators meet", source="access layers section 7")
    peering_table: str = key(
        "giotsas-2021", "name of the peering latency table", source="Giotsas et al., IEEE/ACM ToN 29(1) 2021"
    )
    internet_table: str = key("coll-perales-2022", "name of the Internet latency table", source=_PAPER)
    internet_of: str = key("Germany", "column of the Internet latency table", source=f"{_PAPER}: largest sample (9552)")
    fibre_us_per_km: float = key(5.0, "propagation in fibre", unit="us/km", ge=0, le=100, source=_PAPER)
    node_us: float = key(
        200.0,
        "processing per transport node",
        unit="us",
        ge=0,
        le=100_000,
        source="Papagiannaki et al., IEEE JSAC 21(6) 2003",
    )
    gnb_m1_km: float = key(3.0, "fibre from base station to M1", unit="km", ge=0, le=5000, source=_PAPER)
    m1_m2_km: float = key(
        12.0, "fibre from M1 to M2", unit="km", ge=0, le=5000, source=f"{_PAPER}: 15 km from base station to M2"
    )
    m2_core_km: float = key(60.0, "fibre from M2 to the local user plane", unit="km", ge=0, le=5000, source=_PAPER)
    core_km: float = key(200.0, "fibre to the central user plane", unit="km", ge=0, le=20_000, source=_PAPER)
    gnb_m1_gbps: float = key(10.0, "link base station - M1", unit="Gb/s", gt=0, le=1e6, source=_PAPER)
    m1_m2_gbps: float = key(300.0, "link M1 - M2", unit="Gb/s", gt=0, le=1e6, source=_PAPER)
    m2_m3_gbps: float = key(6000.0, "links M2 - M3 and M3 - user plane", unit="Gb/s", gt=0, le=1e6, source=_PAPER)
    core_gbps: float = key(6000.0, "user plane and core links", unit="Gb/s", gt=0, le=1e6, source=_PAPER)
    capacity_share: float = key(
        0.01, "share of every link that this service gets (alpha)", gt=0, le=1, source=f"{_PAPER}: setting of its code"
    )
    background_ratio: float = key(
        0.0,
        "part of that share taken by traffic outside the run",
        ge=0,
        lt=1,
        source="assumption",
    )
    link_service: Literal["exponential", "fixed"] = key(
        "exponential", "service times on transport links: drawn (M/M/1) or by size", source=f"{_PAPER}: M/M/1"
    )
    gnb_per_m1: int = key(6, "base stations per M1", ge=1, le=10_000, source=_PAPER)
    m1_per_m2: int = key(24, "M1 per M2", ge=1, le=10_000, source=_PAPER)
    m2_per_m3: int = key(12, "M2 per M3", ge=1, le=10_000, source=_PAPER)
    buffer_ms: float = key(
        50.0,
        "a link, user plane or server with more than this much work waiting refuses a packet",
        unit="ms",
        ge=0.1,
        le=1000,
        source="assumption",
    )
    discard_after_ms: float = key(
        250.0,
        "a packet is dropped where it would be older than this",
        unit="ms",
        ge=10,
        le=1500,
        source="discardTimer of TS 38.331 has this value; its use for the whole path: assumption",
    )
