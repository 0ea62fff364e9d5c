"""Parameters of the four access categories, and backoff draws keyed by station and count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.access.dot11p import CATEGORIES
from sim.clock import stream_key
from sim.frames import Flow

if TYPE_CHECKING:
    from sim.scenario.schema.radio.dot11p import Dot11p

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
AWARENESS = ("BSM", "CAM", "VAM", "PSM")
"""Messages that a newer one makes useless."""


class Edca:
    """AIFS and contention windows in ns and slots, by category index 0 (VO) .. 3 (BK)."""

    def __init__(self, settings: Dot11p, seed: int) -> None:
        self.slot_ns = round(settings.slot_us * 1000)
        sifs_ns = round(settings.sifs_us * 1000)
        self.aifs_ns = [sifs_ns + settings.aifsn[name] * self.slot_ns for name in CATEGORIES]
        self.window = [settings.contention_window[name] for name in CATEGORIES]
        self.sifs_ns = sifs_ns
        self._key = int(stream_key(seed, "dot11p", "backoff"))
        self._jitter_key = int(stream_key(seed, "dot11p", "gate"))
        self.jitter_ns = round(settings.dcc_jitter_us * 1000)
        self._drawn: dict[int, int] = {}
        self.draws = 0

    def backoff(self, station_id: int, category: int) -> int:
        """The station's next backoff in slots, uniform in 0 .. CW."""
        key = station_id * 4 + category
        count = self._drawn.get(key, 0)
        self._drawn[key] = count + 1
        self.draws += 1
        return (_hashed(self._key, key, count) >> 32) * (self.window[category] + 1) >> 32


    def gate_delay_ns(self, station_id: int, sequence: int) -> int:
        """How late the gate opens after a frame, uniform in 0 .. the configured jitter."""
        return (_hashed(self._jitter_key, station_id, sequence) >> 32) * self.jitter_ns >> 32


def category_of(flow: Flow, settings: Dot11p) -> int:
    """Category index of a flow: as configured, else by message, else by priority (two levels each)."""
    name = settings.access_category
    if name != "auto":
        return CATEGORIES.index(name)
    if flow.message in settings.message_category:
        return CATEGORIES.index(settings.message_category[flow.message])
    return min(3, max(0, (flow.priority - 1) // 2))


def replaces(flow: Flow, settings: Dot11p) -> bool:
    """Whether a newer frame of this flow takes the place of a queued one of the same stream."""
    if settings.replace_queued == "awareness":
        return flow.service == "BSM" or flow.message in AWARENESS
    return settings.replace_queued == "all"


def _hashed(key: int, *counters: int) -> int:
    """:func:`sim.clock.hashed_bits` of single integers, without an array."""
    bits = key
    for counter in counters:
        x = ((bits + _GOLDEN) ^ (counter * _GOLDEN)) & _MASK
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _MASK
        bits = x ^ (x >> 31)
    return bits

