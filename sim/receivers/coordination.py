"""VIR at roadside units and RSC at vehicles: read from the octets, told to the requests and answers of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from rsu.applications.day2.coordination import read_rsc
from rsu.applications.day2.intentions import read_vir
from rsu.compatibility import Reading
from rsu.services.day2.described import Coordination, Intention
from sim.frames import Outcome
from sim.ledger import Ledger
from sim.metrics.round_trips import Transit
from sim.receivers.base import Decoded, Delivery


class Parties(Protocol):
    """Who asks and who answers (:class:`sim.senders.coordination.Coordination`)."""

    utc0_ns: int

    def names(self, unit: int, intention: Intention) -> bool:
        """Whether a VIR is for the unit in slot ``unit``."""

    def asked(self, unit: int, intention: Intention, transit: Transit) -> bool:
        """The unit in slot ``unit`` applied a VIR; whether it is for it."""

    def identifiers(self, slots: np.ndarray) -> list[bytes]:
        """Temporary ids of the vehicles in these slots, empty for other stations."""

    def told(self, vehicle: int, unit: int, transit: Transit) -> None:
        """The vehicle in slot ``vehicle`` applied an RSC of ``unit`` that carries its id."""


class AllParties:
    """Several :class:`Parties`, one for each speaker; a unit and a vehicle belong to one of them."""

    def __init__(self, parties: Sequence[Parties], *, act: bool = True) -> None:
        """``parties``: at least one; all know the same temporary ids. Without ``act`` nobody plans or notes anything:
        what views make of a run must not change it."""
        self.utc0_ns, self._parties, self._act = parties[0].utc0_ns, tuple(parties), act

    def names(self, unit: int, intention: Intention) -> bool:
        """Whether a VIR is for the unit."""
        return any(one.names(unit, intention) for one in self._parties)

    def asked(self, unit: int, intention: Intention, transit: Transit) -> bool:
        """Whether a VIR was for the unit."""
        if not self._act:
            return self.names(unit, intention)
        return any([one.asked(unit, intention, transit) for one in self._parties])

    def identifiers(self, slots: np.ndarray) -> list[bytes]:
        """Temporary ids, as everybody knows them."""
        return self._parties[0].identifiers(slots)

    def told(self, vehicle: int, unit: int, transit: Transit) -> None:
        """Everybody hears of it; who has no open request of the vehicle takes no notice."""
        for one in self._parties if self._act else ():
            one.told(vehicle, unit, transit)


class Stages:
    """Stages of deliveries: what the ledger says of the frame, what the radio took, what the receiver takes."""

    def __init__(self, ledger: Ledger, verify_ns: int, decode_ns: int, apply_ns: int) -> None:
        self.ledger, self._after_ns = ledger, (verify_ns, decode_ns, apply_ns)

    def of(self, delivery: Delivery, frame: int, link: int) -> Transit:
        """Of one frame at the receiver of one of its links; ValueError where stages do not add up."""
        assert delivery.frame is not None and delivery.start_ns is not None
        number = delivery.frame[frame : frame + 1]
        names = ("encode_ns", "sign_ns", "ready_ns")
        encode, sign, ready = (int(self.ledger.column(name, number)[0]) for name in names)
        start, applied = int(delivery.start_ns[frame]), int(delivery.applied_ns[link])
        stages = (encode, sign, start - ready, applied - sum(self._after_ns) - start, *self._after_ns)
        return Transit(int(delivery.generated_ns[frame]), applied, stages)


class VirReceiver:
    """Applied = decoded, at a unit that the request names. Everybody else has no use for it."""

    def __init__(self, reading: Reading, parties: Parties, stages: Stages) -> None:
        self.parties, self._stages = parties, stages
        self._read: Callable[[bytes], Intention | None] = _reader(reading, "VIR", read_vir, parties.utc0_ns)

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other, in order of arrival."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        for frame, octets, rows in _by_arrival(delivery):
            intention = self._read(octets)
            if intention is None:
                outcome[rows] = Outcome.DEC_ERROR
                continue
            for row in rows.tolist():
                transit = self._stages.of(delivery, frame, row)
                if self.parties.asked(int(delivery.receiver[row]), intention, transit):
                    outcome[row] = Outcome.DELIVERED
        return outcome


class RscReceiver:
    """Applied = decoded, and carries the receiver's temporary id."""

    def __init__(self, reading: Reading, parties: Parties, stages: Stages) -> None:
        self.parties, self._stages = parties, stages
        self._read: Callable[[bytes], Coordination | None] = _reader(reading, "RSC", read_rsc, parties.utc0_ns)

    def judge(self, delivery: Delivery) -> np.ndarray:
        """One frame after the other, in order of arrival."""
        outcome = np.full(len(delivery.row), Outcome.NOT_APPLICABLE, np.int8)
        for frame, octets, rows in _by_arrival(delivery):
            coordination = self._read(octets)
            if coordination is None:
                outcome[rows] = Outcome.DEC_ERROR
                continue
            receivers = delivery.receiver[rows]
            for row, identifier in zip(rows.tolist(), self.parties.identifiers(receivers), strict=True):
                if identifier and coordination.advice_for(identifier) is not None:
                    outcome[row] = Outcome.DELIVERED
                    unit, transit = int(delivery.sender[frame]), self._stages.of(delivery, frame, row)
                    self.parties.told(int(delivery.receiver[row]), unit, transit)
        return outcome


def _by_arrival(delivery: Delivery) -> list[tuple[int, bytes, np.ndarray]]:
    assert delivery.end_ns is not None
    ends = delivery.end_ns.tolist()
    return sorted(delivery.by_frame(), key=lambda item: (ends[item[0]], item[0]))


def _reader(reading: Reading, message: str, read: Callable, utc0_ns: int) -> Callable:
    """Content of octets, None where they are no such message."""

    def content(octets: bytes) -> object:
        decoded = reading.decode(octets)
        if decoded.message != message or decoded.value is None:
            return None
        return read(decoded.value, utc0_ns)

    return Decoded(content, limit=512)
