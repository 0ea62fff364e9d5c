"""The stage *verified*: certificates, trust, revocation, suites and the receiver's verification queue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsu.profile import Candidate
from rsu.security.verification_times import VERIFICATION_TIMES
from sim.clock import hashed_uniform, ns_from_ms, stream_key
from sim.frames import Kind, Outcome
from sim.scenario.schema import Scenario
from sim.stages.certificates import HeardCertificates
from sim.stages.queues import VerificationQueues
from sim.stages.rules import FIRST, USED, WARNED, Rules, code
from sim.world.stations import Stations

COUNTS = (
    "verifications", "chain_verifications", "certificates_learned", "certificate_waits", "queue_drops",
    "unknown_root_used", "region_warnings",
)
"""What :meth:`Verification.counts` counts: signatures verified (chain included), second verifications of certificates
heard for the first time, certificates learned, digest-signed messages without a certificate, messages dropped by full
queues, messages of unknown roots let pass, messages let pass outside their certificate's region with a warning."""

_OUTCOME = np.zeros(256, np.int8)
for _number in range(1, 256):
    _OUTCOME[_number] = FIRST + (_number & -_number).bit_length() - 1
_ROOT, _REVOKED, _WAIT, _QUEUE = (
    np.uint8(code(outcome))
    for outcome in (Outcome.SEC_ROOT, Outcome.SEC_REVOKED, Outcome.SEC_CERT_WAIT, Outcome.SEC_QUEUE)
)


@dataclass(frozen=True, eq=False)
class Secured:
    """Links that the radio delivered and whose header is known, of one batch."""

    sender: np.ndarray
    """Per frame: slot."""
    issuer_place: np.ndarray
    """Per frame: jurisdiction (index) of the sender's certificates; vehicle: its home, unit: its place, -1 none."""
    signed_place: np.ndarray
    """Per frame: jurisdiction (index) of the road where it was signed, -1 nobody's."""
    application_id: np.ndarray
    """Per frame: AID, PSID or ITS-AID."""
    full: np.ndarray
    """Per frame, bool: the full certificate goes along."""
    generated_ns: np.ndarray
    """Per frame."""
    row: np.ndarray
    """Per link: index of its frame."""
    receiver: np.ndarray
    """Per link: slot."""
    arrived_ns: np.ndarray
    """Per link."""


@dataclass(frozen=True, eq=False)
class Verified:
    """What became of each link of :class:`Secured`."""

    outcome: np.ndarray
    """int8: ``DELIVERED``, or the first check that failed (``SEC_ROOT`` .. ``SEC_QUEUE``, in that order)."""
    mask: np.ndarray
    """int32: :func:`sim.frames.bit` of every check that failed."""
    wait_ns: np.ndarray | None
    """int64: time in the queue and in service beyond the constant ``processing.verify_ms`` (below 0 where the
    service is shorter); 0 where refused. None = nothing beyond the constant."""


class Verification:
    """Judges links batch by batch; remembers certificates heard and queues.

    Security domains follow ``candidate`` (``security.*`` keys of its profiles and its trust rows); times, cadence and
    queue follow ``config.security``. Draws per station hang on ``seed``, station id and issuer only, so a candidate
    that adds trust, or raises a ratio, keeps the draws of the others.

    Raises ValueError where the table of service times has no figure for a suite in use.
    """

    def __init__(
        self, config: Scenario, candidate: Candidate, jurisdictions: tuple[str, ...], stations: Stations, seed: int
    ) -> None:
        security = config.security
        self._stations = stations
        self._rules = Rules(candidate, jurisdictions, config.standards.message_set)
        rules = self._rules
        used = security.enabled and bool(rules.signed.any())
        self._heard = HeardCertificates(stations.size) if used and security.certificates == "heard" else None
        self._queues: VerificationQueues | None = None
        if used and security.verification.queue == "fifo":
            self._queues = VerificationQueues(stations.size, security.verification.capacity)
            self._service_ns = _service_ns(security.verification.times, [one.suite for one in rules.domains])
        self._constant_ns = ns_from_ms(config.processing.verify_ms)
        self._keys = {what: stream_key(seed, "certificate", what) for what in ("expired", "revoked")}
        self._list_keys = [
            stream_key(seed, "certificate", "list", rules.domains[one.issuer].place) for one in rules.pending
        ]
        self._due_of = np.empty(0, np.int64)
        self._due_ns = np.empty((0, 0), np.int64)
        self._pending_pair = np.zeros((rules.count, rules.count), np.int64)
        self._pending_used = np.array([False, *(one.used for one in rules.pending)])
        for number, one in enumerate(rules.pending, 1):
            self._pending_pair[one.home, one.issuer] = number
        self._expired = np.array([one.expired_ratio for one in rules.domains])
        self._revoked = np.array([one.revoked_ratio for one in rules.domains])
        self._counts = dict.fromkeys(COUNTS, 0)
        anything = security.enabled and rules.anything
        self.trivial = not anything and self._heard is None and self._queues is None
        """Nothing can fail and nothing must be remembered or counted: the stage may be skipped."""

    def judge(self, secured: Secured, home: np.ndarray, *, passive: bool = False) -> Verified:
        """Outcome, mask and further time of every link.

        ``home``: jurisdiction (index) per link whose profile and trust list the receiver has. ``passive``: receivers
        that stand for any station there (probes): they know every certificate, no queue makes them wait, and nothing
        is counted.
        """
        links = len(secured.row)
        if self.trivial or not links:
            return Verified(np.zeros(links, np.int8), np.zeros(links, np.int32), None)
        issuer = np.asarray(secured.issuer_place, np.int64) % self._rules.count
        codes = self._frame_codes(secured, issuer)
        place = home * np.int64(len(issuer)) + secured.row
        failed = codes.reshape(-1).take(place)
        if self._rules.pending:
            self._await_lists(secured, issuer, place, failed, passive)
        if self._rules.notes.any() and not passive:
            self._count_notes(secured, issuer, place)
        first = None
        if self._heard is not None and not passive:
            first = self._certificates(secured, issuer, failed)
        wait_ns = self._wait_ns(secured, issuer, failed, first, passive)
        return Verified(_OUTCOME.take(failed), failed.astype(np.int32) << FIRST, wait_ns)

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots, as receivers and as senders."""
        self._grow()
        if self._heard is not None:
            self._heard.forget(slots)
        if self._queues is not None:
            self._queues.forget(slots)

    def counts(self) -> dict[str, int]:
        """How often each of :data:`COUNTS` happened, of the whole time, passive receivers left out."""
        return dict(self._counts)

    def _grow(self) -> None:
        if self._heard is not None:
            self._heard.grow(self._stations.size)
        if self._queues is not None:
            self._queues.grow(self._stations.size)

    def _frame_codes(self, secured: Secured, issuer: np.ndarray) -> np.ndarray:
        """What fails per (home, frame), certificates heard and queues apart."""
        rules = self._rules
        signed = np.asarray(secured.signed_place, np.int64) % rules.count
        codes = rules.codes.reshape(rules.count, -1).take(issuer * rules.count + signed, axis=1)
        for index, domain in enumerate(rules.domains):
            if domain.application_ids is not None and rules.signed[index]:
                refused = (issuer == index) & ~np.isin(secured.application_id, domain.application_ids)
                codes[:, refused] |= np.uint8(code(Outcome.SEC_PERM))
        if self._expired.any():
            codes[:, self._drawn("expired", self._expired, secured, issuer)] |= np.uint8(code(Outcome.SEC_TIME))
        if self._revoked.any():
            revoked = self._drawn("revoked", self._revoked, secured, issuer)
            codes |= np.where(revoked & rules.trusted[:, issuer], _REVOKED, np.uint8(0))
        return codes

    def _drawn(self, what: str, ratio: np.ndarray, secured: Secured, issuer: np.ndarray) -> np.ndarray:
        """Frames of on-board units whose own draw falls below the ratio of their issuer."""
        kind, identity = self._stations.kind[secured.sender], self._stations.station_id[secured.sender]
        chance = np.where((kind == Kind.VEHICLE) & self._rules.signed[issuer], ratio[issuer], 0.0)
        return np.asarray(hashed_uniform(self._keys[what], identity) < chance)

    def _await_lists(
        self, secured: Secured, issuer: np.ndarray, place: np.ndarray, failed: np.ndarray, passive: bool
    ) -> None:
        """Refuse where the receiver's trust list has not come yet; it knows no revocations of that issuer either."""
        if not np.array_equal(self._due_of, self._stations.station_id):
            self._due_of = self._stations.station_id.copy()
            due_ns = [one.due_ns(hashed_uniform(key, self._due_of))
                      for one, key in zip(self._rules.pending, self._list_keys, strict=True)]
            self._due_ns = np.stack([np.zeros(len(self._due_of), np.int64), *due_ns])
        if self._due_ns.max() <= secured.arrived_ns.min():
            return
        pair = self._pending_pair[:, issuer].reshape(-1)
        cells = (pair * len(self._due_of)).take(place)
        cells += secured.receiver
        early = np.flatnonzero(secured.arrived_ns < self._due_ns.reshape(-1).take(cells))
        failed[early] &= ~_REVOKED
        used = self._pending_used.take(pair.take(place[early]))
        failed[early[~used]] |= _ROOT
        if not passive:
            self._counts["unknown_root_used"] += int(np.count_nonzero(used))

    def _count_notes(self, secured: Secured, issuer: np.ndarray, place: np.ndarray) -> None:
        rules = self._rules
        signed = np.asarray(secured.signed_place, np.int64) % rules.count
        notes = rules.notes.reshape(rules.count, -1).take(issuer * rules.count + signed, axis=1)
        of_link = notes.reshape(-1).take(place)
        self._counts["unknown_root_used"] += int(np.count_nonzero(of_link & USED))
        self._counts["region_warnings"] += int(np.count_nonzero(of_link & WARNED))

    def _certificates(self, secured: Secured, issuer: np.ndarray, failed: np.ndarray) -> np.ndarray:
        """Digests without a certificate wait; returns the links whose receiver hears a certificate for the first time.

        A certificate is taken note of whether or not its root is trusted: the mask then says what trust alone
        would have given.
        """
        assert self._heard is not None
        self._grow()
        certificate = self._heard.certificates(secured.sender, issuer)
        links = self._heard.unknown(certificate, secured.row, secured.receiver)
        if not self._rules.signed.all():
            links = links[self._rules.signed[issuer[secured.row[links]]]]
        if not len(links):
            return links
        row = secured.row[links]
        first, waits = self._heard.learn(
            certificate[row], secured.receiver[links], secured.full[row], secured.arrived_ns[links]
        )
        failed[links[waits]] |= _WAIT
        learned = links[first]
        self._counts["certificates_learned"] += len(learned)
        self._counts["certificate_waits"] += int(np.count_nonzero(waits))
        return learned

    def _wait_ns(
        self, secured: Secured, issuer: np.ndarray, failed: np.ndarray, first: np.ndarray | None, passive: bool
    ) -> np.ndarray | None:
        """Queue and service beyond the constant time; marks in ``failed`` what a full queue drops."""
        chained = np.empty(0, np.int64) if first is None else first[failed[first] == 0]
        verified: np.ndarray | None = None
        if failed.any():
            verified = failed == 0
        if not self._rules.signed.all():
            signed = self._rules.signed[issuer].take(secured.row)
            verified = signed if verified is None else verified & signed
        if self._queues is None:
            if not passive:
                self._count_verified(len(failed) if verified is None else int(np.count_nonzero(verified)), len(chained))
            return None
        kind = (2 * issuer).astype(np.uint8).take(secured.row)
        kind[chained] += 1
        if passive:
            wait_ns = self._service_ns.take(kind) - self._constant_ns
            return wait_ns if verified is None else np.where(verified, wait_ns, 0)
        self._grow()
        if verified is None:
            links = None
            wait_ns, dropped = self._queues.serve(secured.receiver, secured.arrived_ns, kind, self._service_ns)
            wait_ns -= self._constant_ns
            admitted = len(wait_ns)
        else:
            links = np.flatnonzero(verified)
            spent_ns, dropped = self._queues.serve(
                secured.receiver[links], secured.arrived_ns[links], kind[links], self._service_ns
            )
            wait_ns = np.zeros(len(failed), np.int64)
            wait_ns[links] = spent_ns - self._constant_ns
            admitted = len(links)
        if dropped is not None:
            lost = np.flatnonzero(dropped) if links is None else links[dropped]
            failed[lost] |= _QUEUE
            wait_ns[lost] = 0
            admitted -= len(lost)
            chained = chained[failed[chained] == 0]
            self._counts["queue_drops"] += len(lost)
        self._count_verified(admitted, len(chained))
        return wait_ns

    def _count_verified(self, messages: int, chained: int) -> None:
        self._counts["verifications"] += messages + chained
        self._counts["chain_verifications"] += chained


def _service_ns(name: str, suites: list[str]) -> np.ndarray:
    """Per issuer two service times: of a message, and of one whose certificate has to be verified too."""
    times = VERIFICATION_TIMES[name]
    try:
        once_ns = [times.of(suite) if suite != "none" else 1 for suite in suites]
    except ValueError as error:
        raise ValueError(f"security.verification.times: {name}: {error}") from None
    return np.array([(time_ns, 2 * time_ns) for time_ns in once_ns], np.int64).reshape(-1)
