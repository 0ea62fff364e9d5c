"""Whom a place trusts, which platforms talk to each other, and what a gateway does instead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from rsu.profile.keys import EVERYWHERE

TRUST_STATES = ("full", "none", "pending")
RELAY_STATES = ("none", "delay")


@dataclass(frozen=True)
class TrustState:
    """Whether stations of one home have the root of one issuer in their trust list."""

    kind: str
    """``full``; ``none``; or ``pending``: the list is given out from ``from_s`` on and has reached a share
    ``1 - exp(-(t - from_s) / tau_s)`` of the stations at time t (seconds of the run)."""
    from_s: float = 0.0
    tau_s: float = 0.0


FULL, NONE = TrustState("full"), TrustState("none")


@dataclass(frozen=True)
class TrustRow:
    """What one row of a candidate says: all of ``home`` about all of ``issuer``; no place about itself."""

    home: tuple[str, ...]
    issuer: tuple[str, ...]
    state: TrustState
    hazard: str
    basis: str
    source: str

    def plain(self) -> dict[str, Any]:
        """The row as plain data."""
        timing = {"from_s": self.state.from_s, "tau_s": self.state.tau_s} if self.state.kind == "pending" else {}
        head = {"home": list(self.home), "issuer": list(self.issuer), "state": self.state.kind, **timing}
        return {**head, **_provenance(self)}


@dataclass(frozen=True)
class Trust:
    """Rows of a candidate; the last one that names a pair of places decides."""

    rows: tuple[TrustRow, ...] = ()

    def state(self, home: str, issuer_place: str, home_root: str, issuer_root: str) -> TrustState:
        """Whether stations of ``home`` trust certificates issued in ``issuer_place``.

        A row decides; else equal roots (the profiles' ``security.root``) mean full trust and different ones none.
        """
        for row in reversed(self.rows):
            if names(row.home, row.issuer, home, issuer_place):
                return row.state
        return FULL if home_root == issuer_root else NONE

    def without(self, hazards: Collection[str]) -> Trust:
        """Rows of these hazards gone. Without H4b a list that was on its way has arrived, and its row stays so."""
        arrived = "H4b" in hazards and "H4" not in hazards
        rows = []
        for row in self.rows:
            if arrived and row.hazard == "H4b" and row.state.kind == "pending":
                rows.append(replace(row, state=FULL, hazard=""))
            elif row.hazard not in hazards:
                rows.append(row)
        return Trust(tuple(rows))

    @property
    def full(self) -> bool:
        """Whether no row withholds trust."""
        return all(row.state.kind == "full" for row in self.rows)


@dataclass(frozen=True)
class RelayRow:
    """What one row of a candidate says of the platform interfaces from all of ``sender`` to all of ``receiver``."""

    sender: tuple[str, ...]
    receiver: tuple[str, ...]
    state: str
    """``none``: there is none; ``delay``: there is one, which takes ``delay_ms``."""
    delay_ms: float
    hazard: str
    basis: str
    source: str

    def plain(self) -> dict[str, Any]:
        """The row as plain data."""
        delay = {"delay_ms": self.delay_ms} if self.state == "delay" else {}
        head = {"from": list(self.sender), "to": list(self.receiver), "state": self.state, **delay}
        return {**head, **_provenance(self)}


@dataclass(frozen=True)
class Relays:
    """Platform interfaces between places: there, and without delay of their own, unless a row says otherwise."""

    rows: tuple[RelayRow, ...] = ()

    def missing(self, from_place: str, to_place: str) -> bool:
        """Whether units of ``to_place`` know nothing of what the platform of ``from_place`` knows."""
        row = self._row(from_place, to_place)
        return row is not None and row.state == "none"

    def delay_ms(self, from_place: str, to_place: str) -> float:
        """How much later ``to_place`` learns what ``from_place`` knows; 0 where there is no interface either."""
        row = self._row(from_place, to_place)
        return row.delay_ms if row is not None and row.state == "delay" else 0.0

    def without(self, hazards: Collection[str]) -> Relays:
        """Rows of these hazards gone."""
        return Relays(tuple(row for row in self.rows if row.hazard not in hazards))

    @property
    def complete(self) -> bool:
        """Whether no row takes an interface away."""
        return all(row.state != "none" for row in self.rows)

    def _row(self, from_place: str, to_place: str) -> RelayRow | None:
        for row in reversed(self.rows):
            if names(row.sender, row.receiver, from_place, to_place):
                return row
        return None


@dataclass(frozen=True)
class Gateway:
    """Units near a border also send their messages in the neighbour's profile."""

    within_m: float
    """Road distance from the border up to which units do so."""
    delay_ms: float
    """How much later than their own."""
    basis: str
    source: str

    def plain(self) -> dict[str, Any]:
        """The gateway as plain data."""
        head = {"within_m": self.within_m, "delay_ms": self.delay_ms}
        return {**head, "basis": self.basis, "source": self.source}


def names(these: tuple[str, ...], those: tuple[str, ...], one: str, other: str) -> bool:
    """Whether a row with these two lists speaks of the pair; ``*`` is any place, and no place meets itself."""
    return one != other and (one in these or EVERYWHERE in these) and (other in those or EVERYWHERE in those)


def _provenance(row: TrustRow | RelayRow) -> dict[str, str]:
    hazard = {"hazard": row.hazard} if row.hazard else {}
    return {**hazard, "basis": row.basis, "source": row.source}
