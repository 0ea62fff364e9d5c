"""The scenario as a frozen, strict model: ``corridor/1``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler

from sim.scenario.schema.base import Section, key
from sim.scenario.schema.corridor import Corridor
from sim.scenario.schema.cost import Prices
from sim.scenario.schema.day2 import Coordination, Pedestrian
from sim.scenario.schema.layout import Layout, RoadsideEvent
from sim.scenario.schema.messages import Bsm, Measure, Plausibility, Processing, Roadside, Security, Standards
from sim.scenario.schema.radio import Radio
from sim.scenario.schema.second_radio import SecondRadio
from sim.scenario.schema.traffic import Clock, Crossing, Gnss, Traffic


class OrFileName:
    """Lets a file give a name in place of the content; the loader puts the content in before validation."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(core_schema), {"type": "string"}]}


class Scenario(Section):
    """Corridor + traffic + layout + candidate + radio + what to measure."""

    schema_: Literal["corridor/1"] = Field(alias="schema", description="schema of this file")
    name: str = key(
        ...,
        "short name; names the result folder",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    )
    title: str = key("", "one line for tables and plots")
    title_zh: str = key("", "the same in Chinese")
    seed: int = key(1, "seed of every random stream", ge=0, le=2**63 - 1)
    duration_s: float = key(30.0, "measured time", unit="s", gt=0, le=86_400)
    traffic_warmup_s: float | None = key(
        None,
        "traffic only, not measured; default 3 signal cycles, 0 without signals",
        unit="s",
        ge=0,
        le=3600,
        source="definitions section 1",
    )
    radio_warmup_s: float = key(
        5.0, "traffic and radio, not measured", unit="s", ge=0, le=600, source="definitions section 1"
    )
    start: str = key(
        "2026-06-01T08:00:00+08:00", "wall-clock time of t = 0 (ISO 8601)", source="project choice"
    )
    corridor: Corridor = key(..., "the road")
    traffic: Traffic = key(Traffic, "vehicles")
    crossing: Crossing = key(Crossing, "on-board units at borders")
    gnss: Gnss = key(Gnss, "positioning error")
    clock: Clock = key(Clock, "clock error")
    layout: Annotated[Layout, OrFileName()] = key(Layout, "roadside units, or the name of a layout file")
    cost: Prices = key(Prices, "what roadside units cost, for comparing layouts; changes no result of a run")
    events: list[RoadsideEvent] = key(list, "events and signs")
    pedestrians: list[Pedestrian] = key(list, "persons who send PSM, where the message set has it")
    coordination: Coordination = key(Coordination, "requests of vehicles (VIR) and answers of units (RSC)")
    standards: Standards = key(Standards, "candidate")
    radio: Radio = key(Radio, "radio and propagation")
    second_radio: SecondRadio | None = key(None, "another access layer beside `radio`; none = a single one")
    bsm: Bsm = key(Bsm, "vehicle messages")
    roadside: Roadside = key(Roadside, "roadside messages")
    security: Security = key(Security, "security envelope")
    processing: Processing = key(Processing, "processing times")
    plausibility: Plausibility = key(Plausibility, "what receivers believe")
    measure: Measure = key(Measure, "measurement")


__all__ = ["Scenario"]
