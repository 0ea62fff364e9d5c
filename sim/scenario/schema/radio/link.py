"""Link level: error tables, noise, power of on-board units."""

from __future__ import annotations

from sim.scenario.schema.base import Section, key


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
