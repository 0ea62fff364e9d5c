"""How stations of one profile read octets: their own message set first, then the further sets they have."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from rsu.applications import READERS
from rsu.applications.base import Readers
from rsu.applications.in_datum import readers_in, vehicles_in
from rsu.codec import Policy, Status
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import MessageSet
from rsu.messages.vehicle import STATUS_OK, PathHistory, VehicleColumns
from rsu.profile import Profile

EPOCH_YEAR = 2025.0
"""Epoch of WGS 84 positions where nobody says otherwise (assumption); matters to CGCS2000 alone."""
KEPT_REFUSALS = 16_384
KEPT_READS = 512
"""Readings of different octets that are kept, the most recently used ones."""
KEPT_BATCHES = 8
"""Whole batches of messages of vehicles, whose columns are kept."""


@dataclass(frozen=True)
class Read:
    """What a receiver reads in some octets, whether or not they meant it.

    ``value`` is in the members of ``message_set``; ``readers`` turn it into neutral forms with positions in WGS 84.
    """

    message: str | None
    value: dict[str, Any] | None
    status: Status
    readers: Readers
    message_set: MessageSet
    """The set that read it; the receiver's own where none could."""

    @property
    def service(self) -> str:
        """Service class of the message (:data:`rsu.messages.base.SERVICE_CLASSES`), empty for all others."""
        return service_of(self.message_set.name, self.message)

    @property
    def usable(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


class Reading:
    """Decoders of one profile: keys ``message_set``, ``decoders``, ``decode_policy`` and ``datum``.

    A further set is asked only where the ones before had no value (error, or a kind of message they skip): a message
    that the own set misreads without noticing stays misread. ``epoch_year`` is the epoch of the WGS 84 positions.
    ValueError for a set that does not exist.
    """

    def __init__(self, profile: Profile, epoch_year: float = EPOCH_YEAR) -> None:
        self.profile, self.epoch_year = profile, epoch_year
        names = (profile.value("message_set"), *profile.effective("decoders"))
        unknown = [name for name in names if name not in MESSAGE_SETS]
        if unknown:
            raise ValueError(f"profile {profile.name}: no message set {unknown[0]!r}")
        self.sets: tuple[MessageSet, ...] = tuple(MESSAGE_SETS[name] for name in dict.fromkeys(names))
        self.policy: Policy = profile.get("decode_policy", "lenient")
        self.datum: str = profile.effective("datum")
        self._readers = {
            one.name: readers_in(READERS[one.family], self.datum, self.epoch_year) for one in self.sets
        }
        self.key = (tuple(one.name for one in self.sets), self.policy, self.datum, epoch_year)
        """Equal for readings that read alike."""
        self._known = _READS.setdefault(self.key, OrderedDict())
        self._batches = _BATCHES.setdefault(self.key[:2], OrderedDict())

    @property
    def own(self) -> MessageSet:
        """The set its stations speak."""
        return self.sets[0]

    def decode(self, octets: bytes) -> Read:
        """Read any octets; never raises for their content.

        The same octets give the same object for a while, at every reading with the same key.
        """
        known = self._known.get(octets)
        if known is not None:
            self._known.move_to_end(octets)
            return known
        read = self._known[octets] = self._decoded(octets)
        if len(self._known) > KEPT_READS:
            self._known.popitem(last=False)
        return read

    def decode_vehicles(self, messages: Sequence[bytes]) -> VehicleColumns:
        """One row per message, positions in WGS 84 as these stations take them; rows that no set reads as a vehicle's
        message of itself carry the status of the own set."""
        return self.placed(self.vehicles_as_sent(messages))

    def vehicles_as_sent(self, messages: Sequence[bytes]) -> VehicleColumns:
        """The same with positions as they stand in the messages.

        Equal batches give the same object for a while, at every reading with the same sets and policy.
        """
        batch = tuple(messages)
        columns = self._batches.get(batch)
        if columns is None:
            columns = self._batches[batch] = self._columns(list(batch))
            if len(self._batches) > KEPT_BATCHES:
                self._batches.popitem(last=False)
        return columns

    def _columns(self, octets: list[bytes]) -> VehicleColumns:
        columns = _vehicles(self.own, self.policy, octets)
        for further in self.sets[1:]:
            assert columns.status is not None
            open_rows = np.flatnonzero(columns.status != STATUS_OK)
            if not len(open_rows):
                break
            again = _vehicles(further, self.policy, [octets[row] for row in open_rows])
            columns = _filled(columns, open_rows, again)
        return columns

    def placed(self, columns: VehicleColumns) -> VehicleColumns:
        """Columns as they stand in messages with positions in WGS 84."""
        return vehicles_in(columns, self.datum, self.epoch_year)

    def _decoded(self, octets: bytes) -> Read:
        own: Read | None = None
        for one in self.sets:
            decoded = one.decode(octets, self.policy)
            read = Read(decoded.message, decoded.value, decoded.status, self._readers[one.name], one)
            if read.usable:
                return read
            own = own or read
        assert own is not None
        return own


@cache
def service_of(message_set: str, message: str | None) -> str:
    """Service class of a message of a set, empty for messages outside the classes."""
    rules = MESSAGE_SETS[message_set].messages.values()
    return next((rule.service for rule in rules if rule.message == message and rule.service), "")


_READS: dict[tuple[tuple[str, ...], Policy, str, float], OrderedDict[bytes, Read]] = {}
"""Key of readings -> what they read; several candidates judged in one run look at the same payloads."""
_BATCHES: dict[tuple[tuple[str, ...], Policy], OrderedDict[tuple[bytes, ...], VehicleColumns]] = {}
_REFUSED: dict[tuple[str, Policy], dict[bytes, int]] = {}
"""(set, policy) -> status of messages of vehicles that it does not read."""


def _vehicles(message_set: MessageSet, policy: Policy, octets: list[bytes]) -> VehicleColumns:
    """``decode_vehicles`` of the set, with refusals remembered: each takes 50 us, and again for every group of
    receivers and every candidate that looks at the message."""
    refused = _REFUSED.setdefault((message_set.name, policy), {})
    remembered = {row: refused[one] for row, one in enumerate(octets) if one in refused} if refused else {}
    if remembered:
        octets = [b"" if row in remembered else one for row, one in enumerate(octets)]
    columns = message_set.decode_vehicles(octets, policy)
    assert columns.status is not None
    if remembered:
        columns.status[list(remembered)] = list(remembered.values())
    rows = np.flatnonzero(columns.status != STATUS_OK)
    for row, status in zip(rows.tolist(), columns.status[rows].tolist(), strict=True):
        if row not in remembered:
            refused[octets[row]] = status
    for one in list(islice(refused, max(0, len(refused) - KEPT_REFUSALS))):
        del refused[one]
    return columns


def _filled(columns: VehicleColumns, rows: np.ndarray, again: VehicleColumns) -> VehicleColumns:
    """Columns in which ``rows`` are replaced where ``again`` has read them."""
    assert again.status is not None and columns.path is not None and again.path is not None
    good = np.flatnonzero(again.status == STATUS_OK)
    if not len(good):
        return columns
    values: dict[str, Any] = {}
    for column in fields(VehicleColumns):
        if column.name != "path":
            values[column.name] = getattr(columns, column.name).copy()
            values[column.name][rows[good]] = getattr(again, column.name)[good]
    histories, further = columns.path.rows(), again.path.rows()
    for row in good:
        histories[rows[row]] = further[row]
    return VehicleColumns(**values, path=PathHistory.from_rows(list(histories)))
