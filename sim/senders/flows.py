"""The flows of a run: what the access layer and the tables must know of each message stream."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rsu.messages.base import MessageSet, Rule
from rsu.profile import Profile
from sim.clock import ns_from_ms
from sim.frames import Flow, Kind
from sim.scenario.schema import Scenario

ROADSIDE_CLASSES = ("MAP", "SPAT", "RSI", "RSM")
"""Service classes of what roadside units send."""

DAY_TWO_SENDERS = {
    "C157-SSM": Kind.RSU, "RTCM": Kind.RSU, "RSC": Kind.RSU, "VIR": Kind.VEHICLE, "PSM": Kind.PEDESTRIAN,
}
"""Messages of the second application phase (T/CSAE 157-2020) that a run can send, and who sends them."""

_PROFILE_KEYS = {
    "RSI": "rates.rsi_static_period_ms", "RSI-SEMI-STATIC": "rates.rsi_semi_static_period_ms",
    "RSI-DYNAMIC": "rates.rsi_dynamic_period_ms",
}
"""Rule -> profile key, where one class has several rules."""
_CLASS_KEYS = {
    "BSM": "rates.bsm_period_ms", "MAP": "rates.map_period_ms", "SPAT": "rates.spat_period_ms",
    "RSM": "rates.rsm_period_ms",
}
"""Service class -> profile key."""


@dataclass(frozen=True)
class MessageFlow:
    """One flow with the rule it follows."""

    flow: Flow
    rule: Rule


def day_two_messages(config: Scenario, services: Collection[str], at_nodes: Collection[str]) -> list[str]:
    """Messages of the second phase that a scenario asks for, in the order of :data:`DAY_TWO_SENDERS`.

    ``services`` are those of any unit, ``at_nodes`` those of units that serve a node: only there RSC answers requests.
    """
    asked = {name for name in ("C157-SSM", "RTCM") if name in services}
    if "RSC" in at_nodes and config.coordination.share > 0:
        asked |= {"RSC", "VIR"}
    if config.pedestrians:
        asked.add("PSM")
    return [name for name in DAY_TWO_SENDERS if name in asked]


def speaks(message_set: MessageSet, name: str) -> bool:
    """Whether a set has the second-phase message of that name; SAE has a PSM too, but another one."""
    return message_set.family == "cn" and name in message_set.messages


def build_flows(
    config: Scenario, profile: Profile, message_set: MessageSet, day_two: Collection[str] = ()
) -> dict[str, MessageFlow]:
    """Flows by rule name: the vehicles' own message, then the roadside messages class by class, then ``day_two``.

    A period comes from the scenario, else from the profile, else from the rule. The packet delay budget of a roadside
    message equals its period (T/CSAE 159-2020 as reported); that of a vehicle's message is its rule's, at most its
    period. Messages of the second phase have the period of their rule and its delay as budget; those the set does not
    have are left out. They stand last: the index of a flow is a key of random draws.
    """
    rules = message_set.messages
    chosen = [rules[message_set.awareness]]
    for service in ROADSIDE_CLASSES:
        chosen += [rule for rule in rules.values() if rule.service == service and rule.name not in DAY_TWO_SENDERS]
    event = f"{message_set.awareness}-EVENT"
    if config.bsm.events and event in rules:
        chosen.append(rules[event])
    flows = {}
    for index, rule in enumerate(chosen):
        period_ms = _period_ms(config, profile, rule)
        own = rule.service == "BSM"
        if rule.name == event:
            period_ms = rule.period_ms
        budget_ms = min(rule.budget_ms, period_ms) if own else period_ms
        flow = Flow(
            index, rule.message, Kind.VEHICLE if own else Kind.RSU, ns_from_ms(period_ms), ns_from_ms(budget_ms),
            rule.pppp, rule.service,
        )
        flows[rule.name] = MessageFlow(flow, rule)
    for name in day_two:
        if speaks(message_set, name):
            flows[name] = MessageFlow(_day_two_flow(len(flows), rules[name]), rules[name])
    return flows


def _day_two_flow(index: int, rule: Rule) -> Flow:
    return Flow(
        index, rule.message, DAY_TWO_SENDERS[rule.name], ns_from_ms(rule.period_ms),
        ns_from_ms(min(rule.budget_ms, rule.period_ms)), rule.pppp, rule.service,
    )


def _period_ms(config: Scenario, profile: Profile, rule: Rule) -> float:
    wanted = {
        "BSM": config.bsm.period_ms, "MAP": config.roadside.map_period_ms, "SPAT": config.roadside.spat_period_ms,
        "RSM": config.roadside.rsm_period_ms,
    }.get(rule.service)
    key = _PROFILE_KEYS.get(rule.name, _CLASS_KEYS.get(rule.service, ""))
    return wanted or (profile.get(key) if key else None) or rule.period_ms
