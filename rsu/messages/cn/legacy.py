"""The legacy set T/CSAE 53-2017 (unverified): values as its messages hold them, to and from those of 2020.

The services and readers of the Chinese family speak the values of 2020; what the older messages cannot say is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rsu.codec import EncodeError

Value = dict[str, Any]

CLASS_BOUNDS_M = (500.0, 200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
_CLASS_NAMES = (
    "a500m", "a200m", "a100m", "a50m", "a20m", "a10m", "a5m", "a2m", "a1m", "a50cm", "a20cm", "a10cm", "a5cm", "a2cm",
    "a1cm",
)
"""Classes of PositionConfidence from the widest, code 1, to the narrowest."""
RADIUS_95_M_PER_STEP = 2.4477 * 0.05
"""Radius holding 95 % of a circular normal error, per step of a semi-axis (its sigma)."""
SEMI_AXIS_UNAVAILABLE = 255


def legacy_bsm(value: Value) -> Value:
    """BSM of 2017 from one of 2020: accuracy from posConfidence, else from posAccuracy; no emergency part, no time
    confidence."""
    dropped = ("timeConfidence", "posAccuracy", "posConfidence", "emergencyExt")
    legacy = {name: inner for name, inner in value.items() if name not in dropped}
    legacy["accuracy"] = value.get("posConfidence") or {"pos": _class_of(value.get("posAccuracy"))}
    return legacy


def modern_bsm(value: Value) -> Value:
    """BSM in the members of 2020; the number plate is dropped."""
    modern = {name: inner for name, inner in value.items() if name not in ("plateNo", "accuracy")}
    return {**modern, "posConfidence": value["accuracy"]}


def _class_of(accuracy: Value | None) -> str:
    """PositionConfidence that holds 95 % of a circular error with the semi-major axis as sigma."""
    if accuracy is None or accuracy["semiMajor"] == SEMI_AXIS_UNAVAILABLE:
        return "unavailable"
    radius_m = RADIUS_95_M_PER_STEP * accuracy["semiMajor"]
    holding = [name for name, bound_m in zip(_CLASS_NAMES, CLASS_BOUNDS_M, strict=True) if radius_m <= bound_m]
    return holding[-1] if holding else "unavailable"


def _legacy_rsm(value: Value) -> list[Value]:
    participants = [_renamed(item, {"posConfidence": "accuracy"}) for item in value["participants"]]
    return [{**value, "participants": participants}]


def _modern_rsm(value: Value) -> Value:
    participants = [
        _renamed({k: v for k, v in item.items() if k != "plateNo"}, {"accuracy": "posConfidence"})
        for item in value["participants"]
    ]
    return {**value, "participants": participants}


def _renamed(value: Value, names: dict[str, str]) -> Value:
    return {names.get(name, name): inner for name, inner in value.items()}


def _legacy_map(value: Value) -> list[Value]:
    """Lanes without their width; a link needs one, 0 stands for none."""
    nodes = [dict(node) for node in value["nodes"]]
    for node in nodes:
        if "inLinks" in node:
            node["inLinks"] = [
                {
                    "linkWidth": 0,
                    **link,
                    "lanes": [{k: v for k, v in lane.items() if k != "laneWidth"} for lane in link["lanes"]],
                }
                for link in node["inLinks"]
            ]
    return [{**value, "nodes": nodes}]


def _modern_map(value: Value) -> Value:
    nodes = [dict(node) for node in value["nodes"]]
    for node in nodes:
        if "inLinks" in node:
            node["inLinks"] = [
                {name: inner for name, inner in link.items() if name != "linkWidth" or inner}
                for link in node["inLinks"]
            ]
    return {**value, "nodes": nodes}


def _legacy_spat(value: Value) -> list[Value]:
    """The minute moves to timeStamp; the millisecond moves to the intersections that have none."""
    legacy = {k: v for k, v in value.items() if k not in ("moy", "timeStamp")}
    if "moy" in value:
        legacy["timeStamp"] = value["moy"]
    legacy["intersections"] = []
    for state in value["intersections"]:
        state = {k: v for k, v in state.items() if k != "timeConfidence"}
        if "timeStamp" in value:
            state.setdefault("timeStamp", value["timeStamp"])
        legacy["intersections"].append({**state, "phases": [_legacy_phase(phase) for phase in state["phases"]]})
    return [legacy]


def _legacy_phase(phase: Value) -> Value:
    states = []
    for state in phase["phaseStates"]:
        if "timing" in state:
            kind, timing = state["timing"]
            if kind != "counting":
                raise EncodeError(f"SPAT: timing {kind!r}: T/CSAE 53-2017 has only times that count down")
            state = {**state, "timing": timing}
        states.append(state)
    return {**phase, "phaseStates": states}


def _modern_spat(value: Value) -> Value:
    modern = _renamed(value, {"timeStamp": "moy"})
    stamps = {state.get("timeStamp") for state in value["intersections"]} - {None}
    if len(stamps) == 1:
        modern["timeStamp"] = stamps.pop()
    modern["intersections"] = [
        {
            **state,
            "phases": [
                {
                    **phase,
                    "phaseStates": [
                        {**s, "timing": ("counting", s["timing"])} if "timing" in s else s
                        for s in phase["phaseStates"]
                    ],
                }
                for phase in state["phases"]
            ],
        }
        for state in value["intersections"]
    ]
    return modern


_MOST_RADIUS = 1024


def _legacy_rsi(value: Value) -> list[Value]:
    """One message per event, sign and path; one without a path or with a single point is left out.

    alertType is the code of a sign, 0 for an event; the event's code then leads the text as ``E<code>``, which is ours.
    """
    legacy = []
    for item in [*value.get("rtes", ()), *value.get("rtss", ())]:
        text = _text(item)
        if "eventType" in item:
            text = f"E{item['eventType']} {text}".strip()
        for path in item.get("referencePaths", ()):
            if len(path["activePath"]) < 2:
                continue
            alert: Value = {
                "msgCnt": value["msgCnt"], "id": value["id"], "rsiId": item.get("rteId", item.get("rtsId")),
                "alertType": item.get("signType", 0), "refPos": value["refPos"], "alertPath": path["activePath"],
                "alertRadius": min(path["pathRadius"], _MOST_RADIUS),
            }
            alert |= {"timeStamp": value["moy"]} if "moy" in value else {}
            alert |= {"priority": item["priority"]} if "priority" in item else {}
            alert |= {"description": text[:256]} if text else {}
            legacy.append(alert)
    return legacy


def _text(item: Value) -> str:
    kind, text = item.get("description", ("textString", ""))
    return text if kind == "textString" else ""


def _modern_rsi(value: Value) -> Value:
    text = value.get("description", "")
    item: Value = {
        "referencePaths": [{"activePath": value["alertPath"], "pathRadius": value["alertRadius"]}],
    }
    item |= {"priority": value["priority"]} if "priority" in value else {}
    lead, _, rest = text.partition(" ")
    is_event = value["alertType"] == 0 and lead[:1] == "E" and lead[1:].isdecimal() and int(lead[1:]) <= 65_535
    if is_event:
        text = rest
    item |= {"description": ("textString", text)} if text else {}
    modern = {name: value[name] for name in ("msgCnt", "id", "refPos")}
    modern |= {"moy": value["timeStamp"]} if "timeStamp" in value else {}
    if is_event:
        event = {"rteId": value["rsiId"], "eventType": int(lead[1:]), "eventSource": "unknown", **item}
        return {**modern, "rtes": [event]}
    return {**modern, "rtss": [{"rtsId": value["rsiId"], "signType": value["alertType"], **item}]}


_LEGACY: dict[str, Callable[[Value], list[Value]]] = {
    "BSM": lambda value: [legacy_bsm(value)],
    "MAP": _legacy_map, "RSM": _legacy_rsm, "SPAT": _legacy_spat, "RSI": _legacy_rsi,
}
_MODERN: dict[str, Callable[[Value], Value]] = {
    "BSM": modern_bsm, "MAP": _modern_map, "RSM": _modern_rsm, "SPAT": _modern_spat, "RSI": _modern_rsi,
}


def legacy_values(message: str, value: Value) -> list[Value]:
    """Values of 2017 that say what one value of 2020 says (several for RSI, none if nothing fits).

    Raises EncodeError for what the older set cannot express at all (UTC timing of a phase).
    """
    return _LEGACY[message](value)


def modern_value(message: str, value: Value) -> Value:
    """A decoded value of 2017 in the members of 2020."""
    return _MODERN[message](value)
