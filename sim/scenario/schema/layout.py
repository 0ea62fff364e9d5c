"""Where roadside units stand and what each of them does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rsu.document import did_you_mean
from rsu.siting import NAMED_RULES, Rule
from sim.scenario.schema.base import Section, key

Service = Literal["MAP", "SPAT", "RSI", "RSM", "C157-SSM", "RTCM", "RSC"]
"""The last three exist in the second application phase only (T/CSAE 157-2020); elsewhere they stay silent."""


def _published(name: str | None) -> str | None:
    """``name`` if it is a row of ``NAMED_RULES``."""
    if name is not None and name not in NAMED_RULES:
        raise PydanticCustomError("siting_rule", f"no such siting rule; {did_you_mean(name, NAMED_RULES)}")
    return name


class SitingRule(Section):
    """A spacing rule; it applies where jurisdiction, road class and span fit, the last fitting rule wins.

    Keys left out are those of the named rule, if there is one; :meth:`resolved` puts them in.
    """

    named: Annotated[str | None, AfterValidator(_published)] = key(
        None, "a published rule (corridor list siting-rules); own keys of the rule win"
    )
    jurisdiction: str | None = key(None, "only in this jurisdiction")
    road_class: Literal["arterial", "expressway", "rural", "any"] | None = key(
        None, "only on this road class; default: that of the named rule, else any"
    )
    from_m: float | None = key(None, "only from this chainage on", unit="m", ge=0)
    to_m: float | None = key(None, "only up to this chainage", unit="m", ge=0)
    at_nodes: bool | None = key(
        None, "units at each signalised node; default: as the named rule, else true"
    )
    units_at_node: dict[Literal["small", "medium", "large"], Literal[1, 2, 4]] | None = key(
        None,
        "units at a node by its size (corridor.nodes[].size): 1, 2 (one a side) or 4 (the corners); default: as the "
        "named rule, else 1",
    )
    spacing: Literal["low", "default", "high"] | None = key(
        None, "which spacing of the named rule: low and high are the ends of its published range"
    )
    spacing_m: float | None = key(
        None,
        "road distance between neighbouring units between nodes; default: that of the named rule, else nodes only",
        unit="m",
        gt=10,
        le=20_000,
    )
    side: Literal["right", "left", "alternating", "both"] | None = key(
        None, "side of the road, seen in direction up; default: that of the named rule, else right"
    )
    skip_between_nodes_m: float | None = key(
        None,
        "no unit between two nodes at most this far apart; default: as the named rule, else 0",
        unit="m",
        ge=0,
        le=20_000,
    )
    always_at_m: list[float] = key(
        list, "chainages that get a unit in any case: ramps, service areas, tunnel portals", unit="m"
    )
    mast_height_m: float | None = key(
        None, "antenna height; default: that of the named rule, else the layout's", unit="m", gt=0, le=40
    )
    name: str = key("", "name of the rule and its source; default: that of the named rule")

    def resolved(self) -> Rule:
        """The rule with what its named rule fixes put in, and the usual values where neither says anything."""
        published = NAMED_RULES[self.named] if self.named is not None else None
        base = published.rule(choice=self.spacing or "default") if published is not None else Rule()
        road_class = base.road_class if self.road_class is None else self.road_class

        def own(name: str) -> Any:
            value = getattr(self, name)
            return getattr(base, name) if value is None else value

        return Rule(
            self.jurisdiction, None if road_class == "any" else road_class, own("at_nodes"), own("spacing_m"),
            own("side"), self.name or base.name, self.from_m, self.to_m, own("mast_height_m"),
            tuple(self.always_at_m), own("skip_between_nodes_m"), own("units_at_node"),
        )


class Antenna(Section):
    """Antenna of a roadside unit; its gain in the main direction is ``antenna_gain_dbi``, which EIRP counts."""

    kind: Literal["omni", "sector"] = key("omni", "the same in all directions, or one sector")
    azimuth_deg: float = key(0.0, "main direction, clockwise from the reference", unit="deg", ge=0, lt=360)
    azimuth_reference: Literal["road", "north"] = key("road", "azimuth 0 is the road in direction up, or north")
    downtilt_deg: float = key(
        0.0, "main direction below the horizon", unit="deg", ge=-90, le=90, source="assumption"
    )
    beamwidth_deg: float = key(
        70.0, "horizontal 3 dB width", unit="deg", gt=0, le=360, source="3GPP TR 36.814 table A.2.1.1-2"
    )
    vertical_beamwidth_deg: float = key(
        10.0, "vertical 3 dB width", unit="deg", gt=0, le=180, source="3GPP TR 36.814 table A.2.1.1-2"
    )
    front_to_back_db: float = key(
        25.0, "largest loss against the main direction", unit="dB", ge=0, le=60, source="3GPP TR 36.814 table A.2.1.1-2"
    )
    side_lobe_db: float = key(
        20.0, "largest vertical loss", unit="dB", ge=0, le=60, source="3GPP TR 36.814 table A.2.1.1-2"
    )


class Site(Section):
    """One unit placed by hand, by chainage or by position."""

    id: str = key(..., "short name", min_length=1, max_length=24)
    at_m: float | None = key(None, "chainage", unit="m", ge=0)
    lon: float | None = key(None, "longitude, corridor datum", unit="deg", ge=-180, le=180)
    lat: float | None = key(None, "latitude, corridor datum", unit="deg", ge=-84, le=84)
    side: Literal["right", "left"] = key("right", "side of the road, seen in direction up")
    jurisdiction: str | None = key(None, "who operates it; default: who owns the road there")
    node: str | None = key(None, "signalised node it serves")
    mast_height_m: float | None = key(None, "antenna height, if not the layout's", unit="m", gt=0, le=40)
    antenna: Antenna | None = key(None, "antenna, if not the layout's")
    services: list[Service] | None = key(None, "services, if not the layout's")
    sensor: bool | None = key(None, "has a roadside sensor, if not the layout's")


class Sensor(Section):
    """The roadside sensor that feeds RSM and C157-SSM."""

    range_m: float = key(150.0, "reach", unit="m", gt=0, le=1000, source="definitions section 6, assumption")
    field_of_view_deg: float = key(
        360.0, "horizontal field of view", unit="deg", gt=0, le=360, source="assumption"
    )
    axis_deg: float = key(
        0.0, "centre of the field, clockwise from north", unit="deg", ge=0, lt=360, source="assumption"
    )
    height_m: float = key(5.0, "height above the road", unit="m", gt=0, le=40, source="assumption")
    occlusion: bool = key(True, "taller vehicles in between hide what is behind them")
    detection_ratio: float = key(
        0.95,
        "probability of a detection per object and frame",
        ge=0,
        le=1,
        source="assumption (GZ-SEN asks for 90 % by type)",
    )
    persistence_s: float = key(
        0.5, "correlation time of missed detections", unit="s", ge=0, le=60, source="assumption"
    )
    position_sigma_m: float = key(
        0.5,
        "position error per axis",
        unit="m",
        ge=0,
        le=20,
        source="assumption (GZ-SEN: mean error at most 1.5 m)",
    )
    speed_sigma_mps: float = key(0.5, "speed error", unit="m/s", ge=0, le=10, source="assumption")
    false_alarms_per_h: float = key(
        1.0,
        "objects reported that do not exist",
        unit="1/h",
        ge=0,
        le=3600,
        source="SEN-EMG: below 1 per hour (R2)",
    )
    delay_s: float = key(
        0.1,
        "sample to application",
        unit="s",
        ge=0,
        le=2,
        source="assumption (SEN-EXT asks for 70 ms, measured systems need 157-250)",
    )
    cycle_s: float = key(
        0.1, "sensing cycle", unit="s", gt=0, le=2, source="GZ-SEN: output interval at most 100 ms (R2)"
    )


class Layout(Section):
    """Where roadside units stand: rules, or a list, or both."""

    schema_: Literal["layout/1"] = Field("layout/1", alias="schema", description="schema of a layout file")
    name: str = key("", "name of the layout")
    note: str = key("", "one line for tables: what it is, and its source")
    rules: list[SitingRule] = key(list, "spacing rules")
    sites: list[Site] = key(list, "units placed by hand")
    down: list[str] = key(list, "ids of units that stand but are out of service: they send and hear nothing")
    offset_m: float = key(
        3.0, "distance from the outer lane edge to the mast", unit="m", ge=0, le=100, source="assumption"
    )
    mast_height_m: float = key(
        5.5,
        "antenna height above the road",
        unit="m",
        gt=0,
        le=40,
        source="Jiangsu smart-motorway guide: 5-6 m",
    )
    antenna_gain_dbi: float = key(
        6.0, "antenna gain", unit="dBi", ge=-10, le=20, source="Changzhou field test, 23 dBm + 6 dBi"
    )
    antenna: Antenna = key(Antenna, "antenna pattern")
    tx_power_dbm: float = key(
        23.0,
        "conducted power",
        unit="dBm",
        ge=-20,
        le=40,
        source="Changzhou field test; IMT-2020 event configuration",
    )
    junction_services: list[Service] = key(
        lambda: ["MAP", "SPAT", "RSI", "RSM"], "services at a node", source="definitions section 2"
    )
    mid_block_services: list[Service] = key(
        lambda: ["MAP", "SPAT", "RSI"], "services between nodes", source="definitions section 2"
    )
    junction_sensor: bool = key(True, "a sensor at each node", source="assumption")
    mid_block_sensor: bool = key(False, "a sensor at each unit between nodes", source="assumption")
    relay_range_m: float = key(
        1000.0,
        "mid-block units relay MAP and SPAT of the next downstream node within this distance",
        unit="m",
        ge=0,
        le=10_000,
        source="assumption",
    )
    backhaul: Literal["constant", "fibre", "uu"] = key(
        "constant",
        "how relayed SPAT reaches a unit: after backhaul_delay_ms, or over the server of radio.uu by fibre or radio",
        source="parts of Coll-Perales et al., IEEE TVT 2022, DOI 10.1109/TVT.2022.3224614",
    )
    backhaul_delay_ms: float = key(
        20.0,
        "delay of relayed SPAT (backhaul: constant)",
        unit="ms",
        ge=0,
        le=5000,
        source="assumption (measured RSU-MEC round trip over 5G 11-15 ms)",
    )
    sensor: Sensor = key(Sensor, "the sensor model")


class RoadsideEvent(Section):
    """An event or a sign that RSI announces."""

    id: int = key(..., "rteId or rtsId at its unit", ge=0, le=255)
    kind: Literal["event", "sign"] = key("event", "traffic event (RTE) or sign (RTS)")
    code: int = key(..., "EventType of GB/T 29100-2012 or SignType of GB 5768.2", ge=0, le=65535)
    direction: Literal["up", "down"] = key("up", "carriageway")
    from_m: float = key(..., "first chainage of the path", unit="m", ge=0)
    to_m: float = key(..., "last chainage of the path", unit="m", ge=0)
    radius_m: float = key(10.0, "half width of the path", unit="m", gt=0, le=500, source="assumption")
    period_class: Literal["static", "semi-static", "dynamic"] = key(
        "dynamic", "sets the period: 1 s, 500 ms, 100 ms"
    )
    priority_level: int = key(4, "RSIPriority level, 0 lowest", ge=0, le=7, source="assumption")
    description: str = key("", "text (ASCII)", max_length=512)
    announce_within_m: float = key(
        1500.0,
        "units this far upstream of the path announce it",
        unit="m",
        ge=0,
        le=20_000,
        source="assumption",
    )
    start_s: float = key(0.0, "when it begins, after t = 0", unit="s", ge=0)
    end_s: float | None = key(None, "when it ends", unit="s", ge=0)
