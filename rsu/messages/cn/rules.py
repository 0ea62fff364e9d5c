"""How each message is generated and sent, as data.

Priority is 0..255 with the larger value more urgent: the event BSM (208) outranks the routine BSM (112).
"""

from __future__ import annotations

from rsu.messages.base import Rule

_VEHICLE = "GB/T 45315-2025 7.2 and 7.3"
_ROADSIDE = "T/CSAE 159-2020 5.3 to 5.5 as publicly reported; AID also in the AID document of the 2020 event"
_EQUAL_TO_PERIOD = "packet delay budget equals the period"


def _rule(name: str, message: str, period_ms: float, application_id: int, layer2_id: int, priority: int,
          budget_ms: float, source: str, note: str = "") -> Rule:
    return Rule(name, period_ms, application_id, layer2_id, priority, budget_ms, source, note, message, message)

_ROWS = (
    _rule("BSM", "BSM", 100.0, 111, 0x000001, 112, 100.0, _VEHICLE, "first one within 100 ms of readiness"),
    _rule("BSM-EVENT", "BSM", 100.0, 112, 0x000002, 208, 50.0, _VEHICLE,
          "at once, then every 100 ms while the trigger lasts; always with the full certificate"),
    _rule("BSM-EMERGENCY", "BSM", 100.0, 113, 0x000003, 112, 100.0, _VEHICLE, "emergency vehicle on duty, routine"),
    _rule("BSM-EMERGENCY-EVENT", "BSM", 100.0, 114, 0x000004, 208, 50.0, _VEHICLE, "emergency vehicle on duty, event"),
    _rule("MAP", "MAP", 1000.0, 3618, 0x000006, 16, 1000.0, _ROADSIDE, "at most 1 s apart; " + _EQUAL_TO_PERIOD),
    _rule("SPAT", "SPAT", 500.0, 3619, 0x000007, 176, 500.0, _ROADSIDE, "at most 500 ms apart; " + _EQUAL_TO_PERIOD),
    _rule("RSI", "RSI", 1000.0, 3620, 0x000008, 48, 1000.0, _ROADSIDE, "static content; " + _EQUAL_TO_PERIOD),
    _rule("RSI-SEMI-STATIC", "RSI", 500.0, 3621, 0x000009, 80, 500.0, _ROADSIDE, _EQUAL_TO_PERIOD),
    _rule("RSI-DYNAMIC", "RSI", 100.0, 3622, 0x00000A, 112, 100.0, _ROADSIDE, _EQUAL_TO_PERIOD),
    _rule("RSM", "RSM", 100.0, 3623, 0x00000B, 208, 100.0, _ROADSIDE, _EQUAL_TO_PERIOD),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _ROWS}
"""Rules by name; a kind such as ``BSM-EVENT`` travels as its ``message``."""

_SECOND_PHASE = (
    "period and application delay: second-phase application table of T/CSAE 157-2020; AID: one vendor configuration"
)
_PRIVATE = "AID private, priority assumed that of {}, no layer-2 identifier known (all unverified)"


def _day_two(message: str, period_ms: float, application_id: int, like: str, budget_ms: float, service: str = "",
             note: str = "") -> Rule:
    remark = "; ".join(filter(None, (note, _PRIVATE.format(like))))
    return Rule(message, period_ms, application_id, None, RULES[like].priority, budget_ms, _SECOND_PHASE, remark,
                message, service)

_DAY_TWO_ROWS = (
    _day_two("PAM", 500.0, 18, "MAP", 100.0, note="station guidance at 2 Hz"),
    _day_two("C157-CPM", 100.0, 19, "BSM", 50.0, note="platooning (CLPMM)"),
    _day_two("PSM", 100.0, 20, "BSM", 100.0, note="vulnerable road users"),
    _day_two("RSC", 100.0, 21, "RSM", 50.0, note="while a manoeuvre is coordinated"),
    _day_two("RTCM", 1000.0, 22, "MAP", 500.0, note="differential data at 1 Hz"),
    _day_two("C157-SSM", 100.0, 23, "RSM", 100.0, "RSM", "sensor sharing"),
    _day_two("VIR", 100.0, 24, "BSM", 50.0, note="while a request is open"),
    _day_two("VPM", 1000.0, 25, "RSI", 100.0, note="tolling: 1 Hz from a roadside unit, 10 Hz from a vehicle"),
    _day_two("TEST", 100.0, 26, "MAP", 100.0, note="no rule known; 10 Hz in the vendor configuration"),
)

DAY_TWO_RULES: dict[str, Rule] = {rule.name: rule for rule in _DAY_TWO_ROWS}
"""Rules of the extension messages. ``budget_ms`` is the delay allowed from application to application."""

PATH_HISTORY_MAX_POINTS = 15
"""At most this many points, over 200 to 400 m, chord error below 1 m (GB/T 45315-2025 7.3)."""
