"""The settings that decide a radio result, in words, from the resolved scenario: printed with tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SETTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "lte-v2x-mode4": ("mode4", (
        "mcs", "keep_probability", "t1_ms", "t2_max_ms", "rsrp_threshold_dbm", "sensitivity_dbm", "sci",
        "power_in_data_prb", "in_band_emission", "blind_retransmission", "cr_action", "channel_plans",
    )),
    "nr-v2x-mode2": ("mode2", (
        "numerology", "mcs", "keep_probability", "t1_slots", "t2_max_slots", "rsrp_threshold_dbm", "candidate_ratio",
        "repetitions", "reevaluation", "preemption", "psfch_period", "sensitivity_dbm", "sci", "in_band_emission",
    )),
    "ieee80211p": ("dot11p", (
        "standard", "data_rate_mbps", "preamble_detection_dbm", "carrier_sense_dbm", "energy_detection_dbm",
        "sensitivity_dbm", "access_category", "idle_access", "vulnerable_us", "capture", "sinr", "dcc",
    )),
    "uu": ("uu", ("technology", "server", "operator_of", "peering", "downlink", "load")),
}
"""Access layer -> section of the radio and its keys; a key the section does not have is passed over."""

_TABLES = {
    "lte-v2x-mode4": ("link", "pssch_table"), "nr-v2x-mode2": ("mode2", "pssch_table"),
    "ieee80211p": ("dot11p", "per_table"), "uu": ("uu", "radio_table"),
}
_WITHOUT_PROPAGATION = ("uu", "ideal")


def radios(scenario: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The radio sections of a resolved scenario: one, or two."""
    first, second = scenario.get("radio") or {}, scenario.get("second_radio") or {}
    return [radio for radio in (first, second.get("radio") or {}) if radio]


def radio_words(radio: Mapping[str, Any]) -> str:
    """Access layer, propagation, environment height, sight, noise and error table of one radio."""
    access = str(radio.get("access", ""))
    return ", ".join(part for part in (access, *_propagation(radio, access), *_error_table(radio, access)) if part)


def _propagation(radio: Mapping[str, Any], access: str) -> Iterator[str]:
    if access in _WITHOUT_PROPAGATION:
        return
    channel, link = radio.get("channel") or {}, radio.get("link") or {}
    models = {"V2V": channel.get("v2v"), "V2I": channel.get("v2i")}
    yield from (f"{name} {model}" for name, model in models.items() if model)
    if "winner-b1" in models.values() and "environment_height_m" in channel:
        yield f"environment height {channel['environment_height_m']:g} m"
    if "line_of_sight" in channel:
        yield f"line of sight {channel['line_of_sight']}"
    if "noise_figure_db" in link:
        yield f"noise figure {link['noise_figure_db']:g} dB"


def _error_table(radio: Mapping[str, Any], access: str) -> Iterator[str]:
    section, name = _TABLES.get(access, ("", ""))
    table = (radio.get(section) or {}).get(name)
    if table:
        yield f"table {table}"


def setting_words(radio: Mapping[str, Any]) -> str:
    """The settings of the access layer that move its results, ``key value`` each; empty for others."""
    name, keys = SETTINGS.get(str(radio.get("access", "")), ("", ()))
    section = radio.get(name) or {}
    return ", ".join(f"{key} {_word(section[key])}" for key in keys if key in section)


def run_words(scenario: Mapping[str, Any]) -> str:
    """Road, warm-up, phases, jitter and rate control of a run."""
    bsm, corridor = scenario.get("bsm") or {}, scenario.get("corridor") or {}
    parts = [f"{corridor.get('topology', 'open')} road"]
    if "radio_warmup_s" in scenario:
        parts.append(f"radio warm-up {scenario['radio_warmup_s']:g} s")
    parts += [f"{word} {_word(bsm[key])}" for key, word in _OF_MESSAGES.items() if key in bsm]
    return ", ".join(parts)


_OF_MESSAGES = {"phase": "generation phase", "jitter_ms": "jitter ms", "congestion_control": "rate control"}


def _word(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        if not value or isinstance(value[0], Mapping):
            return f"{len(value)} given" if value else "none"
        return "/".join(_word(one) for one in value[:4]) + ("/..." if len(value) > 4 else "")
    if isinstance(value, Mapping):
        return "/".join(f"{key}:{_word(one)}" for key, one in value.items())
    return str(value)
