"""The words under tables and figures: every setting named is a key that exists, and every radio says its own."""

from __future__ import annotations

import pytest

from sim.access import ACCESS
from sim.metrics.radio_settings import SETTINGS, radio_words, radios, run_words, setting_words
from sim.scenario.loader import load_mapping
from sim.scenario.schema.radio import Radio

SCENARIO = {
    "schema": "corridor/1", "name": "words", "duration_s": 1,
    "corridor": {"datum": "WGS84", "length_m": 500, "jurisdictions": [{"id": "A", "spans": [{}]}]},
}


@pytest.mark.parametrize("access", SETTINGS)
def test_every_named_setting_is_a_key(access: str) -> None:
    """Property: a renamed key cannot silently vanish from the figures."""
    section, keys = SETTINGS[access]
    known = type(getattr(Radio(), section)).model_fields
    assert access in ACCESS
    assert [key for key in keys if key not in known] == []


def test_words_of_a_run_with_two_radios() -> None:
    """By hand: the environment height, thresholds and both layers are said."""
    loaded = load_mapping({
        **SCENARIO, "radio": {"carrier_hz": 5.91e9, "bandwidth_mhz": 10, "pools": [
            {"name": "all", "senders": ["vehicle", "rsu"], "subchannels": 5}], "mode4": {"rsrp_threshold_dbm": -126}},
        "second_radio": {"radio": {"access": "ieee80211p", "carrier_hz": 5.92e9, "bandwidth_mhz": 10,
                                    "dot11p": {"carrier_sense_dbm": -82}}},
        "bsm": {"jitter_ms": 5},
    })
    resolved = loaded.config.model_dump(mode="json", by_alias=True)
    first, second = radios(resolved)
    assert "lte-v2x-mode4" in radio_words(first) and "environment height 1 m" in radio_words(first)
    assert "rsrp_threshold_dbm -126" in setting_words(first)
    assert "carrier_sense_dbm -82" in setting_words(second)
    assert run_words(resolved).endswith("generation phase random, jitter ms 5, rate control auto")
