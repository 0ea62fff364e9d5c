"""How each J2735 message is generated and sent, as data.

WSMP user priority is not known per message from a source; priorities follow the Chinese classes, so that candidates are
compared with the same urgency. PSID 0x20, 0x82 and 0x83 are named in public dissectors.
"""

from __future__ import annotations

from rsu.messages.base import Rule

_J2945 = "SAE J2945/1 as publicly reported (100 ms nominal interval)"
_CTI = "CTI 4501 v01.01 as publicly reported"
_ASSUMED = "assumption"
_LIKE = "priority as that of the Chinese {} (assumption)"


def _rule(name: str, message: str, service: str, period_ms: float, psid: int, priority: int, budget_ms: float,
          source: str, note: str) -> Rule:
    return Rule(name, period_ms, psid, None, priority, budget_ms, source, note, message, service)


_ROWS = (
    _rule("BSM", "BSM", "BSM", 100.0, 0x20, 112, 100.0, _J2945, _LIKE.format("BSM")),
    _rule("BSM-EVENT", "BSM", "BSM", 100.0, 0x20, 208, 50.0, _J2945,
          "at once, then every 100 ms while the event lasts, at full power; " + _LIKE.format("event BSM")),
    _rule("MAP", "MAP", "MAP", 1000.0, 0x82, 16, 1000.0, _CTI, _LIKE.format("MAP")),
    _rule("SPAT", "SPAT", "SPAT", 100.0, 0x82, 176, 100.0, _CTI + ": 10 per second", _LIKE.format("SPAT")),
    _rule("TIM", "TIM", "RSI", 1000.0, 0x83, 48, 1000.0, _ASSUMED, "no figure found; " + _LIKE.format("RSI")),
    _rule("PSM", "PSM", "", 100.0, 0x27, 112, 100.0, _ASSUMED,
          "SAE J2945/9 was not found; PSID as one public configuration has it"),
    _rule("SDSM", "SDSM", "RSM", 100.0, 0x90, 208, 100.0, _ASSUMED,
          "SAE J3224 was not found; PSID as one public configuration has it; " + _LIKE.format("RSM")),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _ROWS}
"""Rules by name; a kind such as ``BSM-EVENT`` travels as its ``message``."""
