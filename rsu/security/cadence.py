"""Which messages carry the full certificate instead of its digest."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CERTIFICATE_PERIOD_NS = 450_000_000
"""A full certificate goes along once this much time has passed since the last one (GB/T 45315-2025)."""


class CertificateCadence:
    """Which messages of many stations carry the full certificate.

    A full certificate goes along in the first message of a station, in the first after a pseudonym change,
    whenever at least ``period_ns`` have passed since the last full one, and in every event message; a digest
    otherwise. Source: GB/T 45315-2025 chapter 7. Stations are rows 0, 1, …; the state grows as higher rows
    appear.
    """

    def __init__(self, stations: int = 0, period_ns: int = CERTIFICATE_PERIOD_NS) -> None:
        if period_ns < 0:
            raise ValueError(f"period_ns: {period_ns} is below 0")
        self.period_ns = period_ns
        self._last_ns = np.full(stations, _NEVER_NS, np.int64)

    def full(self, stations: ArrayLike, now_ns: ArrayLike, event: ArrayLike = False) -> NDArray[np.bool_]:
        """Whether each message carries the full certificate, and take note of those that do.

        ``stations`` are rows, each at most once per call; ``now_ns`` (the generation time) and ``event``
        broadcast.
        """
        rows = np.atleast_1d(np.asarray(stations, np.int64))
        now = np.broadcast_to(np.asarray(now_ns, np.int64), rows.shape)
        if rows.size:
            self._grow(int(rows.max()) + 1)
        last = self._last_ns[rows]
        carried = (last == _NEVER_NS) | (now - last >= self.period_ns) | np.asarray(event, bool)
        self._last_ns[rows[carried]] = now[carried]
        return carried

    def full_of(self, station: int, now_ns: int, event: bool = False) -> bool:
        """The same for one message of one station."""
        self._grow(station + 1)
        last_ns = int(self._last_ns[station])
        carried = event or last_ns == _NEVER_NS or now_ns - last_ns >= self.period_ns
        if carried:
            self._last_ns[station] = now_ns
        return carried

    def renew(self, stations: ArrayLike) -> None:
        """Forget the last full certificate: the pseudonym changed, or a new station took the row."""
        rows = np.atleast_1d(np.asarray(stations, np.int64))
        if rows.size:
            self._grow(int(rows.max()) + 1)
        self._last_ns[rows] = _NEVER_NS

    def _grow(self, stations: int) -> None:
        if stations > len(self._last_ns):
            wanted = max(stations, 2 * len(self._last_ns))
            more = np.full(wanted - len(self._last_ns), _NEVER_NS, np.int64)
            self._last_ns = np.concatenate([self._last_ns, more])


_NEVER_NS = np.iinfo(np.int64).min
