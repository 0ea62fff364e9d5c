"""Link level: packet error tables by name, and the sidelink resource grids."""

from __future__ import annotations

from sim.link.choice import LinkTable, TableFile

_FADING = "per_fading_wilab_lte.csv"
_OTHER_ORIGIN = ((7, 190),)
"""Highway LOS, MCS 7, 190 B: of another origin than its neighbours (R1-160284) and 4 dB worse than them."""


def _nr(channel: str) -> TableFile:
    """A fading table of the NR data channel."""
    return TableFile(
        "bler_nr_pssch_fading.csv", channel, rate="bler", interpolation="linear", above_per=0.0, includes_fading=True,
        system="nr",
    )


def _nr_control(channel: str) -> TableFile:
    """A fading table of the NR control channel."""
    return TableFile(
        "bler_nr_pscch.csv", channel, rate="bler", interpolation="linear", above_per=0.0, includes_fading=True
    )


_CHANNELS = {
    "highway-los": "HighwayLOS", "highway-nlos": "HighwayNLOS", "crossing-nlos": "CrossingNLOS",
    "urban-los": "UrbanLOS", "urban-nlos": "UrbanNLOS",
}


def _dot11p(standard: str, channel: str) -> TableFile:
    """A fading table of IEEE 802.11p or 802.11bd."""
    return TableFile(f"per_fading_wilab_{standard}.csv", channel, includes_fading=True)


LINK_TABLES: dict[str, TableFile] = {
    "wilab-highway-los": TableFile(_FADING, "HighwayLOS", includes_fading=True, left_out=_OTHER_ORIGIN),
    "wilab-highway-nlos": TableFile(_FADING, "HighwayNLOS", includes_fading=True),
    "wilab-crossing-nlos": TableFile(_FADING, "CrossingNLOS", includes_fading=True),
    "wilab-urban-los": TableFile(_FADING, "UrbanLOS", includes_fading=True),
    "wilab-urban-nlos": TableFile(_FADING, "UrbanNLOS", includes_fading=True),
    **{f"11p-{name}": _dot11p("11p", channel) for name, channel in _CHANNELS.items()},
    "11bd-urban-nlos": _dot11p("11bd", "UrbanNLOS"),
    "11p-awgn": TableFile("per_awgn_11p_300B.csv"),
    "11bd-awgn": TableFile("per_awgn_11bd_300B.csv"),
    "11p-ebno": TableFile(
        "fer_11p_ebno.csv", sinr="ebno_db", rate="fer", interpolation="linear", above_per=1e-3, includes_fading=True
    ),
    "r1-160284": TableFile(
        "bler_pssch_r1160284.csv", rate="bler", interpolation="linear", above_per=1e-4, includes_fading=True
    ),
    "awgn": TableFile("per_awgn_lte_300B.csv"),
    "pscch-awgn": TableFile("bler_pscch_awgn.csv", sinr="snr_db", rate="bler"),
    "nr-awgn": TableFile("per_awgn_nr_300B.csv", system="nr"),
    **{f"nr-{channel}": _nr(channel) for channel in ("ran1-los", "ran1-nlosv", "cdl-los", "cdl-nlosv")},
    **{f"nr-pscch-{channel}": _nr_control(channel) for channel in (
        "ran1-15khz-los", "ran1-15khz-nlosv", "ran1-30khz-los", "ran1-30khz-nlosv", "cdl-los", "cdl-nlosv",
    )},
}


def load_table(name: str) -> LinkTable:
    """The named table; ValueError names the field and the known names."""
    if name not in LINK_TABLES:
        raise ValueError(f"radio.link table: {name!r} is not one of {', '.join(LINK_TABLES)}")
    return LinkTable(name, LINK_TABLES[name])
