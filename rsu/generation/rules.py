"""How often roadside and event messages repeat, as data with sources; instants of a DENM."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rsu.generation.base import MS

Mark = Literal["sourced", "practice", "assumption"]
"""``sourced``: in the standard named (as reported where the text was not opened); ``practice``: another region's rule
used where the standard has no number; ``assumption``: ours."""


@dataclass(frozen=True)
class Repetition:
    """Repetition of one message of one family of sets.

    ``period_ms`` is the default (None: the message goes out once per call of the application);
    ``shortest_ms``/``longest_ms`` are what the source allows (None: it says nothing).
    """

    family: str
    message: str
    period_ms: float | None
    shortest_ms: float | None
    longest_ms: float | None
    mark: Mark
    source: str
    note: str = ""


_CSAE159 = "T/CSAE 159-2020 5.3 to 5.5, as publicly reported; periods are multiples of 100 ms"
_TS103301 = "ETSI TS 103 301 v2.1.1"
_CTI4501 = "CTI 4501 v01.01"
_CSAE157 = "second-phase application table of T/CSAE 157-2020, as publicly reported"

_ROWS = (
    Repetition("cn", "MAP", 1000.0, 100.0, 1000.0, "sourced", _CSAE159),
    Repetition("cn", "SPAT", 500.0, 100.0, 500.0, "sourced", _CSAE159, "one vendor sends it at 2 Hz"),
    Repetition("cn", "RSI", 1000.0, None, None, "sourced", _CSAE159, "static content"),
    Repetition("cn", "RSI-SEMI-STATIC", 500.0, None, None, "sourced", _CSAE159),
    Repetition("cn", "RSI-DYNAMIC", 100.0, None, None, "sourced", _CSAE159),
    Repetition("cn", "RSM", 100.0, None, None, "sourced", _CSAE159),
    Repetition("cn", "RTCM", 1000.0, 100.0, 1000.0, "sourced", f"{_CSAE157}: at least 1 Hz; {_CTI4501}: up to 10 Hz"),
    Repetition("cn", "C157-SSM", 100.0, None, None, "sourced", _CSAE157, "sensor sharing"),
    Repetition("cn", "PSM", 100.0, None, None, "sourced", _CSAE157),
    Repetition("cn", "VIR", 100.0, None, None, "sourced", _CSAE157, "while a request is open"),
    Repetition("cn", "RSC", 100.0, None, None, "sourced", _CSAE157, "while a manoeuvre is coordinated"),
    Repetition("cn", "PAM", 500.0, None, None, "sourced", _CSAE157, "a vendor sends at 10 Hz"),
    Repetition("cn", "VPM", 1000.0, 100.0, 1000.0, "sourced", _CSAE157,
               "1 Hz from a roadside unit, 10 Hz from a vehicle"),
    Repetition("cn", "C157-CPM", 100.0, None, None, "sourced", _CSAE157, "platooning (CLPMM)"),
    Repetition("etsi", "SPATEM", 100.0, None, None, "practice", f"{_TS103301} gives no rate; {_CTI4501}: 10 Hz",
               "triggered by the application, latency at most 100 ms, not repeated by the service"),
    Repetition("etsi", "MAPEM", 1000.0, None, None, "practice", f"{_TS103301} gives no rate; {_CTI4501}: 1 Hz",
               "continuous, together with SPATEM; too large for the MTU: fragments by layerID"),
    Repetition("etsi", "IVIM", 1000.0, None, None, "assumption", f"{_TS103301}: an interval of the application"),
    Repetition("etsi", "RTCMEM", 1000.0, 100.0, 1000.0, "practice",
               f"{_TS103301} gives no rate; {_CTI4501}: 1 to 10 Hz"),
    Repetition("etsi", "SREM", None, None, None, "sourced", _TS103301, "may be repeated"),
    Repetition("etsi", "SSEM", None, None, None, "sourced", _TS103301, "may be repeated"),
    Repetition("etsi", "DENM", None, None, None, "sourced", "EN 302 637-3 v1.3.1",
               "repeated only if the application gives interval and duration"),
    Repetition("etsi", "CAM-ROADSIDE", 1000.0, 1000.0, None, "sourced", "EN 302 637-2 v1.4.1",
               "at least 1 s apart; that it is exactly 1 s is an assumption"),
    Repetition("sae", "SPAT", 100.0, None, None, "sourced", _CTI4501,
               "10 per second, +-1 over 10 s; latency at most 300 ms"),
    Repetition("sae", "MAP", 1000.0, None, None, "sourced", _CTI4501),
    Repetition("sae", "RTCM", 1000.0, 100.0, 1000.0, "sourced", _CTI4501),
    Repetition("sae", "TIM", 1000.0, None, None, "assumption", "no figure found"),
    Repetition("sae", "PSM", 100.0, None, None, "assumption", "SAE J2945/9 was not found"),
)

REPETITIONS: dict[tuple[str, str], Repetition] = {(row.family, row.message): row for row in _ROWS}
"""(family of sets, message) -> repetition."""

ROADSIDE_STEP_MS = 100
"""Periods of Chinese roadside messages are multiples of this (T/CSAE 159-2020, reported)."""

DENM_VALIDITY_S = 600
"""validityDuration of a DENM that carries none (EN 302 637-3 v1.3.1)."""

DENM_KEEP_ALIVE_INTERVALS = 2
DENM_KEEP_ALIVE_RANDOM_MS = 150
"""Keep-alive forwarding waits 2 x transmissionInterval and a random 0 to 150 ms (EN 302 637-3 v1.3.1)."""


MOST_INSTANTS_COUNT = 100_000
"""Repetitions of one DENM computed at once (assumption; bounds memory)."""


def checked_roadside_period_ms(period_ms: float) -> float:
    """The period of a Chinese roadside message; ValueError unless it is a positive multiple of 100 ms."""
    if not period_ms > 0 or period_ms % ROADSIDE_STEP_MS:
        raise ValueError(f"period_ms: {period_ms:g} is no positive multiple of {ROADSIDE_STEP_MS} ms (T/CSAE 159-2020)")
    return period_ms


@dataclass(frozen=True)
class DenmRepetition:
    """What the application asks for one version of a DENM; neither figure is carried in the message."""

    interval_ms: float | None = None
    duration_ms: float | None = None
    validity_s: float = DENM_VALIDITY_S

    def instants_ns(self, start_ns: int, ended_ns: int | None = None) -> np.ndarray:
        """Instants at which this version is sent: at ``start_ns``, then repeated if asked for.

        Repetition runs while less than the duration and less than the validity has passed (that the end itself is
        outside is an assumption) and stops before ``ended_ns``, when an update or a termination takes over.
        ValueError: only one of interval and duration, a figure that is not above 0 and finite, or more instants than
        ``MOST_INSTANTS_COUNT``.
        """
        if (self.interval_ms is None) != (self.duration_ms is None):
            raise ValueError("repetition: interval_ms and duration_ms come together (EN 302 637-3)")
        for name, value in (("interval_ms", self.interval_ms), ("duration_ms", self.duration_ms),
                            ("validity_s", self.validity_s)):
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name}: {value:g} must be above 0 and finite")
        if self.interval_ms is None or self.duration_ms is None:
            instants_ns = np.array([start_ns], np.int64)
        else:
            span_ms = min(self.duration_ms, self.validity_s * 1000.0)
            if span_ms > MOST_INSTANTS_COUNT * self.interval_ms:
                raise ValueError(f"interval_ms: {self.interval_ms:g} over {span_ms:g} ms is more than "
                                 f"{MOST_INSTANTS_COUNT} repetitions")
            span_ns, interval_ns = max(round(span_ms * MS), 1), max(round(self.interval_ms * MS), 1)
            instants_ns = start_ns + np.arange(0, span_ns, interval_ns, dtype=np.int64)
        return instants_ns if ended_ns is None else instants_ns[instants_ns < ended_ns]


def termination_instants_ns(ended_ns: int, repetition: DenmRepetition | None = None) -> np.ndarray:
    """Instants of the termination: at least one, more if the application asks (EN 302 637-3 v1.3.1)."""
    return (repetition or DenmRepetition()).instants_ns(ended_ns)
