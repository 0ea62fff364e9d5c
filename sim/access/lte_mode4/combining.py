"""Blocks sent twice: their links wait for the second transmission, then the copies are added up at each receiver."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sim.access.lte_mode4.sendings import Sendings
from sim.access.sidelink.reception import Measured

SLACK_M = 2.0
"""Stations move up to 1 m apart in 15 ms; second transmissions are measured so much further than first ones."""


@dataclass
class Links:
    """Measured links of transmissions, by frame, copy and receiver's slot."""

    frame: np.ndarray
    copy: np.ndarray
    receiver: np.ndarray
    receiver_id: np.ndarray
    tuned: np.ndarray
    distance_m: np.ndarray
    power_mw: np.ndarray
    snr: np.ndarray
    sinr: np.ndarray
    decoded: np.ndarray
    deaf: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray) -> Links:
        """A selection of rows."""
        return Links(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass
class Pairs:
    """Both copies at the receivers of the first ones: matrices [L, 2]; a copy that was not there counts as deaf."""

    row: np.ndarray
    """Row of the frame."""
    receiver: np.ndarray
    receiver_id: np.ndarray
    tuned: np.ndarray
    distance_m: np.ndarray
    power_mw: np.ndarray
    snr: np.ndarray
    sinr: np.ndarray
    decoded: np.ndarray
    deaf: np.ndarray


class Waiting:
    """Links and first transmissions of blocks whose second transmission is still to come."""

    def __init__(self) -> None:
        self._sent: list[Sendings] = []
        self._links: list[Links] = []
        self._repeated: list[np.ndarray] = []

    def add(self, s: Sendings, links: Links) -> None:
        """Transmissions and their links; second ones find their first by the frame's number."""
        self._sent.append(s.take((s.copy == 0).nonzero()[0]))
        self._repeated.append(s.frame[s.copy == 1])
        self._links.append(links)

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots: nobody asks what the old ones received."""
        self._links = [part.take((~np.isin(part.receiver, slots)).nonzero()[0]) for part in self._links]

    def over(self, now: int) -> tuple[Sendings, Pairs, np.ndarray] | None:
        """First transmissions of blocks that have ended before subframe ``now``, both copies at their receivers, and
        whether each was repeated; none if there is nothing."""
        if not self._sent:
            return None
        s, links = Sendings.joined(self._sent), Links(
            *(np.concatenate([getattr(part, f.name) for part in self._links]) for f in fields(Links)))
        repeated = np.concatenate(self._repeated)
        done = s.subframe + s.gap < now
        if not done.any():
            self._sent, self._links, self._repeated = [s], [links], [repeated]
            return None
        rest = (~done).nonzero()[0]
        self._sent, self._links, self._repeated = [], [], []
        if len(rest):
            open_frames = s.frame[rest]
            stays = np.isin(links.frame, open_frames)
            self._sent, self._links = [s.take(rest)], [links.take(stays.nonzero()[0])]
            self._repeated = [repeated[np.isin(repeated, open_frames)]]
            links = links.take((~stays).nonzero()[0])
        ended = s.take(done.nonzero()[0])
        return ended, _paired(ended, links), np.isin(ended.frame, repeated)


def links_of(
    s: Sendings, measured: Measured, slots: np.ndarray, station_id: np.ndarray, tuned: np.ndarray
) -> Links:
    """Measured links by frame; ``slots`` and ``station_id`` by column."""
    of = measured.sending
    return Links(
        s.frame[of], s.copy[of], slots[measured.column], station_id[measured.column], tuned, measured.distance_m,
        measured.power_mw, measured.snr, measured.sinr, measured.decoded, measured.deaf,
    )


def _paired(s: Sendings, links: Links) -> Pairs:
    """Side by side: one row per frame and receiver of its first transmission."""
    order = np.argsort(s.frame, kind="stable")
    row = order[np.searchsorted(s.frame[order], links.frame)]
    key = row * (int(links.receiver.max(initial=0)) + 1) + links.receiver
    one, two = (links.copy == 0).nonzero()[0], (links.copy == 1).nonzero()[0]
    one = one[np.argsort(key[one], kind="stable")]
    keys = key[one]
    place = np.minimum(np.searchsorted(keys, key[two]), max(0, len(one) - 1))
    met = (keys[place] == key[two]).nonzero()[0] if len(one) else np.empty(0, np.int64)
    place, two = place[met], two[met]

    def both(values: np.ndarray, absent: float | bool) -> np.ndarray:
        matrix = np.full((len(one), 2), absent, values.dtype)
        matrix[:, 0] = values[one]
        matrix[place, 1] = values[two]
        return matrix

    return Pairs(
        row[one], links.receiver[one], links.receiver_id[one], links.tuned[one], links.distance_m[one],
        both(links.power_mw, 0), both(links.snr, 0), both(links.sinr, 0), both(links.decoded, False),
        both(links.deaf, True),
    )
