"""The flows of a run: what the access layer and the tables must know of each message stream."""

from __future__ import annotations

from dataclasses import dataclass

from rsu.messages.base import Rule
from rsu.profile import Profile
from sim.clock import ns_from_ms
from sim.frames import Flow, Kind
from sim.scenario.schema import Scenario

RSI_PERIOD_CLASSES = {"static": "RSI", "semi-static": "RSI-SEMI-STATIC", "dynamic": "RSI-DYNAMIC"}
"""Period class of a roadside event -> rule of the message set."""


@dataclass(frozen=True)
class MessageFlow:
    """One flow with the rule it follows."""

    flow: Flow
    rule: Rule


def build_flows(config: Scenario, profile: Profile, rules: dict[str, Rule]) -> dict[str, MessageFlow]:
    """Flows by rule name (``BSM``, ``MAP``, ``SPAT``, ``RSI`` with its two faster forms, ``RSM``).

    A period comes from the scenario, else from the profile, else from the rule. The packet delay budget of a roadside
    message equals its period (T/CSAE 159-2020 as reported); that of a BSM is its rule's, at most its period.
    """
    periods_ms = {
        "BSM": config.bsm.period_ms or profile.get("rates.bsm_period_ms"),
        "MAP": config.roadside.map_period_ms or profile.get("rates.map_period_ms"),
        "SPAT": config.roadside.spat_period_ms or profile.get("rates.spat_period_ms"),
        "RSI": profile.get("rates.rsi_static_period_ms"),
        "RSI-SEMI-STATIC": profile.get("rates.rsi_semi_static_period_ms"),
        "RSI-DYNAMIC": profile.get("rates.rsi_dynamic_period_ms"),
        "RSM": config.roadside.rsm_period_ms or profile.get("rates.rsm_period_ms"),
    }
    flows = {}
    for index, (name, period_ms) in enumerate(periods_ms.items()):
        rule = rules[name]
        period_ms = period_ms or rule.period_ms
        budget_ms = min(rule.budget_ms, period_ms) if name == "BSM" else period_ms
        sender = Kind.VEHICLE if name == "BSM" else Kind.RSU
        flow = Flow(
            index, name.split("-")[0], sender, ns_from_ms(period_ms), ns_from_ms(budget_ms), rule.pppp
        )
        flows[name] = MessageFlow(flow, rule)
    return flows
