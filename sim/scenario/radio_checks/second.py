"""Two radios in one run: shares, places, carriers."""

from __future__ import annotations

from collections.abc import Iterator

from rsu.document import did_you_mean
from sim.scenario.found import Found, twice
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio import Radio

WITHOUT_CARRIER = ("uu", "ideal")
"""Layers that share no sidelink spectrum."""
CO_CHANNEL = ("lte-v2x-mode4", "ieee80211p")
"""The pair that is modelled on one channel."""


def band_hz(radio: Radio) -> tuple[float, float]:
    """Lower and upper edge of a carrier; 802.11 channels are 10 MHz wide."""
    width_mhz = 10 if radio.access == "ieee80211p" else radio.bandwidth_mhz
    return radio.carrier_hz - width_mhz * 5e5, radio.carrier_hz + width_mhz * 5e5


def second_radio(config: Scenario) -> Iterator[Found]:
    """Shares add to 1, jurisdictions exist, carriers lie apart or are shared on purpose."""
    second = config.second_radio
    if second is None:
        return
    known = [jurisdiction.id for jurisdiction in config.corridor.jurisdictions]
    for index, fitting in enumerate(second.vehicles):
        here = ("second_radio", "vehicles", index)
        total = fitting.first + fitting.second + fitting.both
        if abs(total - 1) > 1e-6:
            yield here, f"first, second and both add to {total:g}, must add to 1"
        if fitting.jurisdiction is not None and fitting.jurisdiction not in known:
            yield (*here, "jurisdiction"), f"no such jurisdiction; {did_you_mean(fitting.jurisdiction, known)}"
    for name in twice([fitting.jurisdiction or "every other" for fitting in second.vehicles]):
        yield ("second_radio", "vehicles"), f"{name} stands twice"
    for name in second.units:
        if name != "*" and name not in known:
            yield ("second_radio", "units", name), f"no such jurisdiction; {did_you_mean(name, known)}"
    yield from _carriers(config.radio, second.radio, second.same_channel)


def _carriers(one: Radio, other: Radio, shared: bool) -> Iterator[Found]:
    here = ("second_radio", "same_channel")
    if shared and {one.access, other.access} != set(CO_CHANNEL):
        yield here, f"is modelled for {CO_CHANNEL[0]} with {CO_CHANNEL[1]}, not for {one.access} with {other.access}"
        return
    if one.access in WITHOUT_CARRIER or other.access in WITHOUT_CARRIER:
        return
    (low, high), (other_low, other_high) = band_hz(one), band_hz(other)
    overlap = low < other_high and other_low < high
    bands = f"{low / 1e6:g}-{high / 1e6:g} MHz and {other_low / 1e6:g}-{other_high / 1e6:g} MHz"
    if overlap and not shared:
        yield here, f"the carriers overlap ({bands}): move one, or set same_channel: true"
    if shared and not overlap:
        yield here, f"the carriers do not overlap ({bands})"
