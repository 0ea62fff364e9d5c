"""What the security domains of a candidate let pass, as tables over (home, issuer, place of signing)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from rsu.messages import MESSAGE_SETS
from rsu.profile import EVERYWHERE, Candidate, Profile, speaking
from sim.clock import NEVER, ns_from_s
from sim.frames import Outcome

FIRST = int(Outcome.SEC_ROOT)
"""Codes of this stage are masks of eight bits, counted from here."""


def code(outcome: Outcome) -> int:
    """Bit of a security outcome in a code; the lowest bit set is the first check that failed."""
    return 1 << (int(outcome) - FIRST)


USED, WARNED = 1, 2
"""Notes beside codes: an unknown root was let pass; a certificate region was warned of."""


@dataclass(frozen=True)
class Domain:
    """What a profile says about certificates, as sender and as receiver."""

    place: str
    root: str
    suite: str
    """``none``: nothing is signed."""
    suites: Collection[str]
    region: frozenset[str] | None
    """Places where certificates of its stations hold; None = everywhere."""
    region_check: str
    uses_unknown: bool
    application_ids: np.ndarray | None
    expired_ratio: float
    revoked_ratio: float

    @classmethod
    def of(cls, place: str, profile: Profile) -> Domain:
        """Read a profile; what it leaves unset is the default of the key."""
        unsecured = profile.value("security.envelope") == "unsecured"
        suite = "none" if unsecured else profile.effective("security.suite")
        region = profile.effective("security.cert_region")
        permissions = profile.effective("security.permissions")
        return cls(
            place, profile.effective("security.root"), suite,
            frozenset((suite,) if unsecured else profile.effective("security.suites")),
            None if region == "everywhere" else frozenset(region),
            profile.effective("security.region_check"),
            profile.effective("security.unknown_root") == "use",
            None if permissions == "all" else np.array(sorted(permissions), np.int64),
            float(profile.effective("security.expired_ratio")), float(profile.effective("security.revoked_ratio")),
        )


@dataclass(frozen=True)
class Pending:
    """A trust list on its way: stations of ``home`` come to trust ``issuer`` one after another."""

    home: int
    issuer: int
    from_ns: int
    tau_ns: float
    used: bool
    """Until then they use the messages all the same."""

    def due_ns(self, uniform: np.ndarray) -> np.ndarray:
        """When each station has the list, from its own uniform draw in [0, 1): the share 1 - exp(-t / tau) by t."""
        lag_ns = np.minimum(-np.log1p(-uniform) * self.tau_ns, float(NEVER - self.from_ns))
        return self.from_ns + lag_ns.astype(np.int64)


class Rules:
    """Tables over jurisdiction indices; the last row and column stand for index -1, nobody's road or no home."""

    def __init__(self, candidate: Candidate, jurisdictions: tuple[str, ...], message_set: str | None = None) -> None:
        self.count = len(jurisdictions) + 1
        profiles = {place: candidate.profile(place) for place in jurisdictions} | {EVERYWHERE: candidate.common}
        self.domains = [Domain.of(place, _speaking(profile, message_set)) for place, profile in profiles.items()]
        places = (*jurisdictions, None)
        self.codes = np.zeros((self.count, self.count, self.count), np.uint8)
        """What fails for (home, issuer, place of signing) whatever the message; a pending list counts as trusted."""
        self.notes = np.zeros_like(self.codes)
        self.trusted = np.zeros((self.count, self.count), bool)
        """(home, issuer): the receiver has, or will have, the issuer's list, and its revocations with it."""
        self.pending: list[Pending] = []
        for home, receiver in enumerate(self.domains):
            for issuer, sender in enumerate(self.domains):
                if sender.suite != "none" and receiver.suite != "none":
                    self._root(candidate, home, issuer)
                    self._region(home, issuer, places)
                if sender.suite not in receiver.suites:
                    self.codes[home, issuer] |= code(Outcome.SEC_ALG)
        self.signed = np.array([one.suite != "none" for one in self.domains])

    def _root(self, candidate: Candidate, home: int, issuer: int) -> None:
        receiver, sender = self.domains[home], self.domains[issuer]
        state = candidate.trust.state(receiver.place, sender.place, receiver.root, sender.root)
        if state.kind == "none":
            if receiver.uses_unknown:
                self.notes[home, issuer] |= USED
            else:
                self.codes[home, issuer] |= code(Outcome.SEC_ROOT)
            return
        self.trusted[home, issuer] = True
        if state.kind == "pending":
            self.pending.append(
                Pending(home, issuer, ns_from_s(state.from_s), state.tau_s * 1e9, receiver.uses_unknown)
            )

    def _region(self, home: int, issuer: int, places: tuple[str | None, ...]) -> None:
        receiver, sender = self.domains[home], self.domains[issuer]
        if receiver.region_check == "off" or sender.region is None:
            return
        for signed, place in enumerate(places):
            if place not in sender.region:
                if receiver.region_check == "enforce":
                    self.codes[home, issuer, signed] |= code(Outcome.SEC_REGION)
                else:
                    self.notes[home, issuer, signed] |= WARNED

    @property
    def anything(self) -> bool:
        """Whether any rule can refuse a message or is to be counted."""
        return bool(
            self.codes.any() or self.notes.any() or self.pending
            or any(
                one.application_ids is not None or one.expired_ratio > 0 or one.revoked_ratio > 0
                for one in self.domains if one.suite != "none"
            )
        )


def _speaking(profile: Profile, message_set: str | None) -> Profile:
    return profile if message_set is None else speaking(profile, MESSAGE_SETS[message_set])
