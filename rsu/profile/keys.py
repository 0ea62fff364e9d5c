"""Every key a profile may set: what it means, which values it takes, and the hazard that a difference in it is."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsu.document import did_you_mean

BASES = ("sourced", "computed", "memory", "assumption")
"""How a value is known: read in a source, computed from one, from memory, or assumed."""
EVERYWHERE = "*"
"""Stands for every jurisdiction a candidate does not name."""
DATUMS = ("WGS84", "CGCS2000", "GCJ-02")
SIGNATURES = ("sm2", "ecdsa-p256", "ecdsa-brainpool-p256r1")
"""Signature suites for which there are verification times."""
HALVES = ("whole", "lower", "upper")
"""Parts of a carrier: all of it, or one of its halves."""
BOUND = re.compile(
    r"\s*(?:(?P<sign><=|>=|<|>|=)\s*(?P<one>\d+(?:\.\d+)?)|(?P<low>\d+(?:\.\d+)?)\s*\.\.\s*(?P<high>\d+(?:\.\d+)?))\s*"
)
"""``<= 10``, ``>= 10``, ``< 10``, ``> 10``, ``= 1`` or ``0.2..0.3``."""


@dataclass(frozen=True)
class Key:
    """What a profile key means and which values it takes."""

    meaning: str
    unit: str
    fits: Callable[[Any], bool]
    rule: str
    hazard: str = ""
    """Hazard that a difference between places in this key is, unless a candidate says otherwise; empty = none."""
    default: Any = None
    """What holds where no profile sets it; None = the scenario or the message set decides."""
    names: Callable[[], Collection[str]] | None = None
    """Where the value is a name (or several) from a table: the names there are."""
    what: str = ""
    """What such a name is a name of."""

    def problem(self, value: Any) -> str:
        """The rule that ``value`` breaks, with the nearest name there is; empty if it fits."""
        if not self.fits(value):
            return self.rule
        if self.names is None:
            return ""
        known = self.names()
        wrong = [one for one in ([value] if isinstance(value, str) else value) if one not in known]
        return f"no such {self.what}: {wrong[0]}; {did_you_mean(wrong[0], known)}" if wrong else ""

    def normal(self, value: Any) -> Any:
        """The value as it is kept: lists as tuples, event codes as whole numbers. ``value`` must fit."""
        if isinstance(value, (list, tuple)):
            return tuple(value)
        if self.fits is _are_codes:
            return {int(theirs): int(ours) for theirs, ours in value.items()}
        return dict(value) if isinstance(value, Mapping) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _number(low: float, high: float, unit: str, meaning: str, hazard: str = "", default: Any = None) -> Key:
    def fits(value: Any) -> bool:
        return _is_number(value) and low <= value <= high

    return Key(meaning, unit, fits, f"must be a number from {low:g} to {high:g}", hazard, default)


def _integer(low: int, high: int, unit: str, meaning: str, hazard: str = "") -> Key:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return Key(meaning, unit, fits, f"must be a whole number from {low} to {high}", hazard)


def _word(meaning: str, choices: Sequence[str] = (), hazard: str = "", default: Any = None) -> Key:
    def fits(value: Any) -> bool:
        return _is_word(value) and (not choices or value in choices)

    rule = "must be one of " + ", ".join(choices) if choices else "must be a word"
    return Key(meaning, "", fits, rule, hazard, default)


def _name(meaning: str, module: str, table: str, what: str, hazard: str) -> Key:
    return Key(meaning, "", _is_word, f"must be the name of a {what}", hazard, None, _table(module, table), what)


def _table(module: str, table: str) -> Callable[[], Collection[str]]:
    def names() -> Collection[str]:
        return tuple(getattr(importlib.import_module(module), table))

    return names


def _words(
    meaning: str, hazard: str, *, choices: Sequence[str] = (), or_word: str = "", empty: bool = False,
    default: Any = None, names: Callable[[], Collection[str]] | None = None, what: str = "",
) -> Key:
    """A list of different words (of ``choices``), or the single word ``or_word``."""
    def fits(value: Any) -> bool:
        if or_word and value == or_word:
            return True
        return (
            isinstance(value, (list, tuple)) and (empty or bool(value)) and all(_is_word(one) for one in value)
            and len(set(value)) == len(value) and (not choices or set(value) <= set(choices))
        )

    one_of = f" ({', '.join(choices)})" if choices else ""
    or_else = f"{or_word} or " if or_word else ""
    rule = f"must be {or_else}a list of different words{one_of}"
    return Key(meaning, "", fits, rule, hazard, default, names, what)


def _is_region(value: Any) -> bool:
    return value == "absent" if isinstance(value, str) else _number_to(value, 65535)


def _number_to(value: Any, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= high


def _are_codes(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        (_number_to(theirs, 65535) or (isinstance(theirs, str) and re.fullmatch("[0-9]{1,5}", theirs) is not None
                                       and int(theirs) <= 65535))
        and _number_to(ours, 65535)
        for theirs, ours in value.items()
    )


def _are_permissions(value: Any) -> bool:
    if isinstance(value, str):
        return value == "all"
    return (
        isinstance(value, (list, tuple)) and bool(value) and all(_number_to(one, 2**32 - 1) for one in value)
        and len(set(value)) == len(value)
    )


def _is_bound(value: Any) -> bool:
    return isinstance(value, str) and read_bound(value) is not None


@dataclass(frozen=True)
class Bound:
    """A range of numbers; ``low_open`` / ``high_open``: the end itself does not belong to it."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False


def read_bound(text: str) -> Bound | None:
    """The range that a text such as ``<= 10`` or ``0.2..0.3`` means; None if it is none."""
    found = BOUND.fullmatch(text) if len(text) < 80 else None
    if found is None:
        return None
    if found["sign"] is None:
        low, high = float(found["low"]), float(found["high"])
        return Bound(low, high) if low <= high else None
    number, sign = float(found["one"]), found["sign"]
    if sign == "=":
        return Bound(number, number)
    if sign[0] == "<":
        return Bound(-math.inf, number, high_open=sign == "<")
    return Bound(number, math.inf, low_open=sign == ">")


SITING_KEYS = ("at_nodes", "arterial_spacing_m", "expressway_spacing_m", "rural_spacing_m", "rule")


def _is_siting(value: Any) -> bool:
    if not isinstance(value, Mapping) or not set(value) <= set(SITING_KEYS):
        return False
    spacings = [value[name] for name in SITING_KEYS if name.endswith("_m") and value.get(name) is not None]
    return (
        all(_is_number(one) and 10 < one <= 20_000 for one in spacings)
        and isinstance(value.get("at_nodes", True), bool)
        and (value.get("rule") is None or value["rule"] in _named_rules())
    )


def _named_rules() -> Collection[str]:
    from rsu.siting import NAMED_RULES

    return tuple(NAMED_RULES)


def _period(message: str) -> Key:
    return _number(20, 60_000, "ms", f"period of {message}", "H10")


def _bound(unit: str, meaning: str) -> Key:
    rule = "must be a comparison such as '<= 10', '>= 10', '= 1' or '0.2..0.3'"
    return Key(meaning, unit, _is_bound, rule)


_SETS = _table("rsu.messages", "MESSAGE_SETS")

KEYS: dict[str, Key] = {
    "access": _word("access layer", hazard="H8"),
    "band": _word("frequency band in MHz, low-high"),
    "bandwidth_mhz": _number(5, 100, "MHz", "channel bandwidth", "H7"),
    "eirp_limit_rsu_dbm": _number(-20, 60, "dBm", "highest EIRP of a roadside unit"),
    "eirp_limit_obu_dbm": _number(-20, 60, "dBm", "highest EIRP of an on-board unit"),
    "channel.send_obu": _word("part of the carrier on which on-board units send", HALVES, "H7", "whole"),
    "channel.send_rsu": _word("part of the carrier on which roadside units send", HALVES, "H7", "whole"),
    "channel.listen_obu": _words(
        "parts of the carrier to which on-board units listen", "H7", choices=HALVES, default=("whole",)
    ),
    "channel.listen_rsu": _words(
        "parts of the carrier to which roadside units listen", "H7", choices=HALVES, default=("whole",)
    ),
    "congestion_control": _word("document that limits the load on the channel; the scenario has the limits themselves"),
    "network": _name("network layer", "rsu.network", "NETWORKS", "network layer", "H9"),
    "message_set": _name("message set", "rsu.messages", "MESSAGE_SETS", "message set", "H1"),
    "decoders": _words(
        "further message sets a receiver tries, in this order, after its own", "H1", empty=True, default=(),
        names=_SETS, what="message set",
    ),
    "rates.bsm_period_ms": _period("BSM"),
    "rates.map_period_ms": _period("MAP"),
    "rates.spat_period_ms": _period("SPAT"),
    "rates.rsi_static_period_ms": _period("static RSI (signs)"),
    "rates.rsi_semi_static_period_ms": _period("semi-static RSI"),
    "rates.rsi_dynamic_period_ms": _period("dynamic RSI (events)"),
    "rates.rsm_period_ms": _period("RSM"),
    "security.envelope": _name(
        "security envelope on the air", "rsu.security", "ENVELOPES", "security envelope", "H6"
    ),
    "security.certificate_period_ms": _number(0, 60_000, "ms", "a full certificate at least this often", "H15"),
    "security.certificate_bytes_obu": _integer(0, 5000, "byte", "certificate of an on-board unit", "H15"),
    "security.certificate_bytes_rsu": _integer(0, 5000, "byte", "certificate of a roadside unit", "H15"),
    "security.root": _word("root above the certificates issued here", hazard="H4", default="national"),
    "security.suite": _word("signature suite; unset = that of the envelope", SIGNATURES, "H6"),
    "security.suites": _words("signature suites a receiver verifies; unset = its own", "H6", choices=SIGNATURES),
    "security.cert_region": _words(
        "places where certificates of its stations hold", "H5", or_word="everywhere", default="everywhere"
    ),
    "security.region_check": _word(
        "what a receiver does about a certificate that does not hold where the message was signed",
        ("off", "warn", "enforce"), "H5", "off",
    ),
    "security.unknown_root": _word(
        "what a receiver does with a message under a root that it does not trust", ("drop", "use"), "H4", "drop"
    ),
    "security.permissions": Key(
        "application ids in the certificates of its stations", "", _are_permissions,
        "must be all or a list of different application ids (whole numbers)", "H5", "all",
    ),
    "security.expired_ratio": _number(
        0, 1, "ratio", "share of its on-board units whose certificates are out of time", "H5", 0
    ),
    "security.revoked_ratio": _number(
        0, 1, "ratio", "share of its on-board units whose certificates are revoked", "H5", 0
    ),
    "datum": _word("datum of positions on the air, written and read", DATUMS, "H11", "WGS84"),
    "feed_datum": _word(
        "datum in which event positions reach its units, sent on unconverted; unset = datum", DATUMS, "H11"
    ),
    "map_datum": _word("datum of its road data", DATUMS),
    "region_id": Key(
        "RoadRegulatorID of its nodes (0 = test), or absent; unset = the scenario's", "", _is_region,
        "must be a whole number from 0 to 65535 or the word absent", "H12",
    ),
    "node_ids": _word(
        "corridor = node numbers unique along the road; own = numbered from 256 within the place",
        ("corridor", "own"), "H12", "corridor",
    ),
    "event_codes": Key(
        "event codes of its own: {national code: local code}", "", _are_codes,
        "must map event codes to event codes (whole numbers from 0 to 65535)", "H3", {},
    ),
    "siting": Key(
        "spacing of roadside units by road class",
        "",
        _is_siting,
        "must be a mapping of " + ", ".join(SITING_KEYS) + " with spacings above 10 up to 20000 m and a published rule",
        "H13",
    ),
    "antenna_height_rsu_m": _number(1, 40, "m", "height of a roadside unit's antenna above the road", "H13"),
    "decode_policy": _word(
        "what a receiver does with trailing bytes and encodings that are not canonical", ("lenient", "strict"), "H1"
    ),
    "platform.interface": _word("standard of the interface between traffic platform, data system and stations"),
    "platform.datum": _word("datum of positions exchanged between platforms, unless marked otherwise", DATUMS),
    "bounds.safety_rate_hz": _bound("Hz", "rate of safety applications"),
    "bounds.sign_rate_hz": _bound("Hz", "rate of sign and notice data"),
    "bounds.dynamic_lane_rate_hz": _bound("Hz", "rate of dynamic lane management"),
    "bounds.priority_vehicle_rate_hz": _bound("Hz", "rate of priority and emergency vehicle messages"),
    "bounds.perception_rate_hz": _bound("Hz", "rate of perception results"),
    "bounds.delay_safety_ms": _bound("ms", "application delay, safety"),
    "bounds.delay_information_ms": _bound("ms", "application delay, information"),
    "bounds.delay_perception_ms": _bound("ms", "delay of perception results"),
    "bounds.delay_cooperation_ms": _bound("ms", "application delay, cooperative manoeuvres"),
    "bounds.delay_special_ms": _bound("ms", "air interface delay in special cases such as collision sensing"),
    "bounds.delay_network_ms": _bound("ms", "delay by way of the network (V2N)"),
    "bounds.position_accuracy_m": _bound("m", "horizontal accuracy of positions"),
    "bounds.map_accuracy_m": _bound("m", "absolute accuracy of the map"),
    "bounds.map_relative_accuracy_m_per_100m": _bound("m/100 m", "relative accuracy of the map"),
    "bounds.rsu_range_m": _bound("m", "range of a roadside unit"),
    "bounds.application_range_m": _bound("m", "range of applications"),
    "bounds.mast_height_m": _bound("m", "mounting height of a roadside unit"),
    "bounds.spacing_expressway_km": _bound("km", "spacing of roadside units on motorways"),
    "bounds.spacing_urban_km": _bound("km", "spacing of roadside units in towns"),
    "bounds.spacing_rural_km": _bound("km", "spacing of roadside units on rural roads"),
    "bounds.size_periodic_bytes": _bound("byte", "size of periodic messages without security"),
    "bounds.size_event_bytes": _bound("byte", "size of event messages without security"),
    "bounds.speed_relative_kmh": _bound("km/h", "relative speed at which communication must work"),
    "bounds.speed_absolute_kmh": _bound("km/h", "absolute speed at which communication must work"),
}
"""Every key a profile may set; keys with a dot stand in a mapping of the word before it."""

GROUPS = tuple(dict.fromkeys(key.partition(".")[0] for key in KEYS if "." in key))

_SILENT = ("access", "band", "bandwidth_mhz", "eirp_limit_rsu_dbm", "eirp_limit_obu_dbm", "congestion_control",
           "map_datum", "siting", "antenna_height_rsu_m")
SPOKEN_KEYS: tuple[str, ...] = tuple(
    key for key in KEYS if key not in _SILENT and not key.startswith(("bounds.", "platform.", "channel."))
)
"""Keys that decide what is sent or how it is received."""
RADIO_KEYS = ("access", "bandwidth_mhz", "channel.send_obu", "channel.send_rsu", "channel.listen_obu",
              "channel.listen_rsu")
SITE_KEYS = ("siting", "antenna_height_rsu_m")
RECEIVER_KEYS = (
    "decoders", "decode_policy", "security.root", "security.suites", "security.cert_region", "security.region_check",
    "security.unknown_root", "security.permissions", "security.expired_ratio", "security.revoked_ratio",
)
"""Spoken keys that change nothing on the air: only what receivers accept."""
SUITES = {"ydt3957-2021": "sm2"}
"""Security envelope -> signature suite; ``ecdsa-p256`` for every other."""
