"""A second access layer in the same run: dual-stack units and mixed fleets."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key
from sim.scenario.schema.radio import Radio

Fitted = Literal["first", "second", "both"]


class Fitting(Section):
    """Which radios the equipped vehicles of one home jurisdiction carry; the shares add to 1."""

    jurisdiction: str | None = key(None, "home jurisdiction; none = every one not listed")
    first: float = key(0.0, "share with `radio` only", ge=0, le=1)
    second: float = key(0.0, "share with `second_radio` only", ge=0, le=1)
    both: float = key(0.0, "share with both", ge=0, le=1)


class SecondRadio(Section):
    """The second radio, who carries it, and whether it shares the channel of the first."""

    radio: Radio = key(Radio, "the second access layer with its own carrier")
    vehicles: list[Fitting] = key(
        lambda: [Fitting(both=1.0)], "radios of equipped vehicles, by home", min_length=1, source="assumption"
    )
    units: dict[str, Fitted] = key(
        lambda: {"*": "both"}, "radios of roadside units by place of the site; * = all others", source="assumption"
    )
    pedestrians: Fitted = key("first", "radios of pedestrians", source="assumption")
    probes: Fitted = key("both", "radios of the passive probes that measure coverage")
    same_channel: bool = key(
        False, "both radios on one channel: each is interference and energy to the other; off = separate channels"
    )
