"""How each ETSI message is generated and sent, as data.

The standards leave the repetition of roadside messages to the deployment: those periods are assumptions with the
nearest citable practice, and equal to the Chinese ones where events are concerned, so that candidates compare like
with like.
Priorities 0..255 exist only in our radio model (PPPP = 8 - floor(priority / 32)): an assumption, same order as for the
Chinese messages.
"""

from __future__ import annotations

from rsu.messages.base import Rule

_AID = "ITS-AID of TS 102 965 and BTP port of TS 103 248 v2.4.1 as in public code"
_CAM = "EN 302 637-2 v1.4.1 6.1.3; " + _AID
_DENM = "EN 302 637-3 v1.3.1 (repetition is the application's choice); period assumed; " + _AID
_INFRASTRUCTURE = "TS 103 301 v2.1.1 gives no rate; " + _AID
_CPM = "TS 103 324 v2.1.1 6.1.2; " + _AID
_US = "rate of US practice, CTI 4501 v01.01; "


def _rule(name: str, message: str, service: str, period_ms: float, application_id: int, btp_port: int, priority: int,
          budget_ms: float, source: str, note: str = "", geo_broadcast: bool = False, inclusion: str = "") -> Rule:
    return Rule(name, period_ms, application_id, None, priority, budget_ms, source, note, message, service, btp_port,
                geo_broadcast, inclusion)


_ROWS = (
    _rule("CAM", "CAM", "BSM", 100.0, 36, 2001, 112, 100.0, _CAM,
          "checked every 100 ms, sent by motion: 4 m, 4 degree, 0.5 m/s, at the latest after 1 s"),
    _rule("CAM-RSU", "CAM", "", 1000.0, 36, 2001, 112, 1000.0, _CAM, "roadside unit: at least 1 s apart"),
    _rule("DENM", "DENM", "RSI", 1000.0, 37, 2002, 48, 1000.0, _DENM, "static content", True),
    _rule("DENM-SEMI-STATIC", "DENM", "RSI", 500.0, 37, 2002, 80, 500.0, _DENM, "", True),
    _rule("DENM-DYNAMIC", "DENM", "RSI", 100.0, 37, 2002, 208, 100.0, _DENM, "", True),
    _rule("SPATEM", "SPATEM", "SPAT", 100.0, 137, 2004, 176, 100.0, _US + _INFRASTRUCTURE,
          "10 messages per second; latency at most 100 ms"),
    _rule("MAPEM", "MAPEM", "MAP", 1000.0, 138, 2003, 16, 1000.0, _US + _INFRASTRUCTURE, "1 message per second"),
    _rule("IVIM", "IVIM", "RSI", 1000.0, 139, 2006, 48, 1000.0, _INFRASTRUCTURE + "; period assumed", "static content",
          True),
    _rule("IVIM-SEMI-STATIC", "IVIM", "RSI", 500.0, 139, 2006, 80, 500.0, _INFRASTRUCTURE + "; period assumed", "",
          True),
    _rule("IVIM-DYNAMIC", "IVIM", "RSI", 100.0, 139, 2006, 112, 100.0, _INFRASTRUCTURE + "; period assumed", "", True),
    _rule("ETSI-CPM", "ETSI-CPM", "RSM", 100.0, 639, 2009, 112, 100.0, _CPM,
          "T_GenCpmMin; a roadside unit may go to 50 ms; at the latest after 1 s", inclusion="etsi-cpm"),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _ROWS}
"""Rules by name; a kind such as ``DENM-DYNAMIC`` travels as its ``message``."""

PATH_HISTORY_MAX_POINTS = 40
"""Largest PathHistory (TS 102 894-2 v1.3.1)."""
