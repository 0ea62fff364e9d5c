"""What stands behind the results of the cellular path and of a roadside backhaul."""

from __future__ import annotations

from sim.access.uu import INTERNET_TABLES, PEERING_TABLES, RADIO_TABLES
from sim.access.uu.tables import FOLDER, LatencyFile
from sim.scenario.schema.radio.uu import Uu


def _source(file: str) -> str:
    return LatencyFile(FOLDER / file).source


def wired(uu: Uu) -> dict[str, str]:
    """Transport, core, server and, where they can be met, Internet and peering."""
    share = f"share {uu.capacity_share:g} of each link" + (
        f", {uu.background_ratio:g} of it taken by others" if uu.background_ratio else ""
    )
    queue = "exponential" if uu.link_service == "exponential" else "fixed"
    told = {
        "uu_server": f"at {uu.server}, " + (
            f"queue with {uu.server_service_ms:g} ms per packet" if uu.server_service_ms else f"U(0, {uu.slot_ms:g} ms)"
        ),
        "uu_transport": f"fibre {uu.fibre_us_per_km:g} us/km, {uu.node_us:g} us per node, queues with {queue} service, "
        f"{share}; Coll-Perales et al., IEEE TVT 2022",
        "uu_core": f"queue with fixed service at {uu.core_gbps:g} Gb/s"
        + (f", {uu.core_km:g} km to the central user plane" if uu.server in ("central", "cloud") else ""),
        "uu_operators": f"by {uu.operator_of}" + (f": {', '.join(uu.operators)}" if uu.operators else ""),
        "uu_discard": f"buffers of {uu.buffer_ms:g} ms, packets older than {uu.discard_after_ms:g} ms",
    }
    if uu.operator_of != "one":
        told["uu_peering"] = f"{uu.peering}, half of the round trip; {_source(PEERING_TABLES[uu.peering_table])}"
    if uu.server == "cloud":
        told["uu_internet"] = f"{uu.internet_of}, half of the round trip; {_source(INTERNET_TABLES[uu.internet_table])}"
    return told


def radio(uu: Uu) -> dict[str, str]:
    """The radio table and how its rows are chosen."""
    row = "row by the load of each cell in the last second" if uu.load == "measured" else (
        f"row of {uu.density_veh_km_lane:g} veh/km/lane at 10 Hz"
    )
    added = ""
    if uu.technology == "lte":
        added = f"; LTE adds U({uu.lte_added_min_ms:g}, {uu.lte_added_max_ms:g}) ms on the uplink (unverified)"
    return {
        "uu_radio": f"{uu.radio_table}, MCS table {uu.mcs_table}, {row}, {uu.rows}, "
        f"cells of {uu.cell_length_m:g} m{added}; " + _source(RADIO_TABLES[uu.radio_table].file)
    }


def provenance(uu: Uu, report_distance_m: float) -> dict[str, str]:
    """All of the access layer."""
    name = "5G NR" if uu.technology == "nr" else "LTE"
    return {
        "access": f"Uu ({name}) over a V2X server, {uu.downlink} downlink to stations within {report_distance_m:g} m",
        **radio(uu), **wired(uu), "cbr": "none: a scheduled carrier is not sensed (0)",
    }
