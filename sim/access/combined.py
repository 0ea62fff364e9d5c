"""Two access layers in one run: each frame goes out on the radios its sender carries, and ends once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.access.base import AccessLayer
from sim.access.fitting import BOTH, FIRST, SECOND, Fittings
from sim.frames import Frames, Kind, Outcome, Receptions
from sim.world.stations import Stations

_LINKS = ("receiver", "distance_m", "outcome", "data_outcome", "power_dbm", "sinr_db")
_FRAMES = ("frame", "sender", "start_ns", "end_ns", "sent")
_NOT_TUNED = np.int8(Outcome.NOT_TUNED)


@dataclass
class _Part:
    """What one radio reported of some frames: frame columns, carrier share, link columns and times of arrival."""

    frames: dict[str, np.ndarray]
    carrier: np.ndarray
    row: np.ndarray
    links: dict[str, np.ndarray]
    received_ns: np.ndarray

    @staticmethod
    def of(receptions: Receptions) -> _Part:
        received = receptions.received_ns
        return _Part(
            {name: getattr(receptions, name) for name in _FRAMES}, receptions.carrier(), receptions.row,
            {name: getattr(receptions, name) for name in _LINKS},
            receptions.end_ns[receptions.row] if received is None else received,
        )

    def take(self, rows: np.ndarray) -> _Part:
        """The frames of these rows with their links, in the order of ``rows``."""
        place = np.full(len(self.carrier), -1)
        place[rows] = np.arange(len(rows))
        links = np.flatnonzero(place[self.row] >= 0)
        links = links[np.argsort(place[self.row[links]], kind="stable")]
        return _Part(
            {name: column[rows] for name, column in self.frames.items()}, self.carrier[rows],
            place[self.row[links]], {name: column[links] for name, column in self.links.items()},
            self.received_ns[links],
        )

    def with_links(self, keep: np.ndarray) -> _Part:
        """Without some links."""
        links = {name: column[keep] for name, column in self.links.items()}
        return _Part(self.frames, self.carrier, self.row[keep], links, self.received_ns[keep])

    @staticmethod
    def joined(one: _Part, other: _Part) -> _Part:
        """All rows of both."""
        row = np.concatenate([one.row, other.row + len(one.carrier)])
        return _Part(
            {name: np.concatenate([one.frames[name], other.frames[name]]) for name in _FRAMES},
            np.concatenate([one.carrier, other.carrier]), row,
            {name: np.concatenate([one.links[name], other.links[name]]) for name in _LINKS},
            np.concatenate([one.received_ns, other.received_ns]),
        )

    def receptions(self, radio: np.ndarray) -> Receptions:
        """As a batch; ``radio`` says over which radios each frame went."""
        return Receptions(
            **self.frames, row=self.row, **self.links, resource={"radio": radio}, carrier_ratio=self.carrier,
            received_ns=self.received_ns,
        )


class Combined:
    """The first and the second radio behind one :class:`sim.access.base.AccessLayer`.

    A station without a radio gets no frame over it: such links are ``NOT_TUNED`` unless the other radio carries them.
    A frame sent over both ends when both copies have ended; a receiver has it if one copy arrives, at the earlier of
    the two arrivals; otherwise the cause is that of the first radio where the receiver carries it. Both copies have the
    same octets. A station with two radios transmits on one and receives on the other undisturbed unless they share
    the channel.
    """

    def __init__(self, layers: tuple[AccessLayer, AccessLayer], fittings: Fittings, names: tuple[str, str]) -> None:
        self.layers, self.fittings, self.names = layers, fittings, names
        self._bits = np.empty(0, np.int8)
        self._held: list[_Part | None] = [None, None]
        self._two: set[int] = set()
        """Frames on their way over both radios."""

    def submit(self, frames: Frames) -> None:
        """Queue each frame with the radios of its sender; ValueError as the layers raise it."""
        bits = self._bits[frames.sender]
        self._two.update(frames.frame[bits == BOTH].tolist())
        for layer, bit in zip(self.layers, (FIRST, SECOND), strict=True):
            rows = np.flatnonzero(bits & bit)
            if len(rows):
                layer.submit(frames.take(rows))

    def next_due_ns(self) -> int:
        """The earlier of both."""
        return min(layer.next_due_ns() for layer in self.layers)

    def stations_changed(self, stations: Stations) -> None:
        """Begin a tick on both radios; links of copies still held to stations that left are forgotten."""
        self._bits = self.fittings.of(stations)
        for layer in self.layers:
            layer.stations_changed(stations)
        if len(stations.changed):
            for i, part in enumerate(self._held):
                if part is not None:
                    self._held[i] = part.with_links(~np.isin(part.links["receiver"], stations.changed))

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Advance both radios; copies of one frame are joined."""
        if not len(self._bits):
            self._bits = self.fittings.of(stations)
        parts = [self._tuned(layer.advance(now_ns, stations), bit) for layer, bit in
                 zip(self.layers, (FIRST, SECOND), strict=True)]
        return self._ended(parts)

    def _tuned(self, receptions: Receptions, bit: int) -> _Part:
        """The report of one radio with links to stations without it marked."""
        part = _Part.of(receptions)
        deaf = (self._bits[part.links["receiver"]] & bit) == 0
        for name in ("outcome", "data_outcome"):
            part.links[name] = np.where(deaf, _NOT_TUNED, part.links[name])
        return part

    def _ended(self, parts: list[_Part]) -> Receptions:
        """Frames of a single radio, and those whose second copy has ended by now."""
        single: list[_Part] = []
        radio: list[np.ndarray] = []
        for i, part in enumerate(parts):
            frame = part.frames["frame"]
            two = np.fromiter((number in self._two for number in frame.tolist()), bool, len(frame))
            if not two.any():
                single.append(part)
            else:
                single.append(part.take(np.flatnonzero(~two)))
                more, held = part.take(np.flatnonzero(two)), self._held[i]
                self._held[i] = more if held is None else _Part.joined(held, more)
            radio.append(np.full(len(single[-1].carrier), i + 1))
        done = _Part.joined(*single)
        first, second = self._held
        if first is not None and second is not None:
            both = self._both(first, second)
            if both is not None:
                radio.append(np.full(len(both.carrier), BOTH))
                done = _Part.joined(done, both)
        return done.receptions(np.concatenate(radio))

    def _both(self, first: _Part, second: _Part) -> _Part | None:
        """Frames that have ended on both radios, joined; they leave the parts held back."""
        a, b = first.frames["frame"], second.frames["frame"]
        known, at_a, at_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
        if not len(known):
            return None
        self._two.difference_update(known.tolist())
        self._held = [first.take(_others(a, at_a)), second.take(_others(b, at_b))]
        return _merged(first.take(at_a), second.take(at_b))

    def largest_frame_bytes(self, sender: Kind) -> int:
        """The smaller of both, since a sender may use both."""
        return min(layer.largest_frame_bytes(sender) for layer in self.layers)

    def counts(self) -> dict[str, int]:
        """Counts of both radios; those of the second are marked."""
        first, second = (layer.counts() for layer in self.layers)
        return first | {f"second_{name}": value for name, value in second.items()}

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(slots, CBR) of stations by the definition of the radio they carry; with both, the larger of the two."""
        ratio = np.full(len(self._bits), -1.0)
        for layer, bit in zip(self.layers, (FIRST, SECOND), strict=True):
            slots, busy = layer.busy_ratio()
            own = (self._bits[slots] & bit) != 0
            np.maximum.at(ratio, slots[own], busy[own])
        slots = np.flatnonzero(ratio >= 0)
        return slots, ratio[slots]

    def provenance(self) -> dict[str, str]:
        """Of the first radio, then of the second with its keys marked."""
        first, second = (layer.provenance() for layer in self.layers)
        cbr = {"cbr": f"{self.names[0]}: {first['cbr']}; {self.names[1]}: {second.get('cbr', 'none')}; the larger where"
               " a station carries both"} if "cbr" in first else {}
        return first | cbr | {f"second radio: {name}": text for name, text in second.items()}


def _others(values: np.ndarray, taken: np.ndarray) -> np.ndarray:
    keep = np.ones(len(values), bool)
    keep[taken] = False
    return np.flatnonzero(keep)


def _merged(first: _Part, second: _Part) -> _Part:
    """Two reports of the same frames in the same order: one row per frame and receiver."""
    frames = dict(first.frames)
    one, other = first.frames, second.frames
    sent_one, sent_other = one["sent"], other["sent"]
    only_other = sent_other & ~sent_one
    both = sent_one & sent_other
    start = np.where(both, np.minimum(one["start_ns"], other["start_ns"]), one["start_ns"])
    frames["start_ns"] = np.where(only_other, other["start_ns"], start)
    frames["end_ns"] = np.maximum(one["end_ns"], other["end_ns"])
    frames["sent"] = sent_one | sent_other
    links = _Part.joined(first, second)
    n = len(first.carrier)
    row, second_copy = links.row % n, links.row >= n
    outcome = links.links["outcome"]
    rank = np.where(outcome == Outcome.DELIVERED, 0, np.where(outcome == Outcome.NOT_TUNED, 2, 1))
    order = np.lexsort((second_copy, links.received_ns, np.where(rank == 1, second_copy, 0), rank,
                        links.links["receiver"], row))
    row, receiver = row[order], links.links["receiver"][order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (row[1:] != row[:-1]) | (receiver[1:] != receiver[:-1])
    keep = order[fresh]
    chosen = {name: column[keep] for name, column in links.links.items()}
    carrier = np.where(only_other, second.carrier, first.carrier)
    return _Part(frames, carrier, row[fresh], chosen, links.received_ns[keep])

