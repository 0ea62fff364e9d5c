"""Stages *header* to *applied* where stations differ: lookups per (speaker, group of receivers), real decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rsu.compatibility import Content, Verdict
from sim.arrived import Arrived
from sim.deliveries import delivery_of
from sim.frames import Kind, Outcome, bit
from sim.ledger import Ledger
from sim.listeners import Listeners
from sim.receivers.awareness import AwarenessReceiver
from sim.receivers.hearing import Hearing
from sim.stages.verification import Secured

_OUTCOME_OF = {
    Verdict.RIGHT: Outcome.DELIVERED, Verdict.ERROR: Outcome.DEC_ERROR, Verdict.SKIP: Outcome.DEC_SKIP,
    Verdict.SILENT: Outcome.DEC_SILENT, Verdict.DATUM: Outcome.SEM_DATUM, Verdict.CODE: Outcome.SEM_CODE,
}
_OUTCOMES = np.array([_OUTCOME_OF[verdict] for verdict in Verdict], np.int8)
_UNREADABLE = (Outcome.DEC_ERROR, Outcome.DEC_SKIP, Outcome.SEM_CODE)
"""What no application can act on."""


@dataclass(frozen=True, eq=False)
class _Spoken:
    """Frames of a batch by speaker and message."""

    voice: np.ndarray
    """Per frame: index of its speaker."""
    kind: np.ndarray
    """Per frame: one number for speaker and message."""
    kinds: list[int]
    """Those that anybody heard, ascending."""
    heard: np.ndarray
    """Per frame, bool."""

    def of(self, kind: int) -> np.ndarray:
        """Frames of a kind that anybody heard: the same ones for every group, so that they are read once."""
        return np.flatnonzero(self.heard & (self.kind == kind))


class Foreign:
    """Judges batches for the listeners of one candidate.

    Order: header, verified, decoded, interpreted, applied. A link's mask holds every one of the first four that failed
    or would have failed. Not asked: certificates behind a header that the receiver does not know, and what an
    application would have made of a refused message, because it depends on what it knows from earlier ones.
    """

    def __init__(
        self, listeners: Listeners, ledger: Ledger, messages: Sequence[str], service: Mapping[str, str]
    ) -> None:
        self.listeners, self.ledger = listeners, ledger
        self._messages, self._service = tuple(messages), dict(service)
        self._secured = not listeners.verification.trivial
        self._headers_differ = not listeners.header_known.all()
        flows = listeners.speakers.flows
        self._application_id = np.array([flow.rule.application_id for flow in flows], np.int64)

    def admit(self, arrived: Arrived) -> None:
        """Stages *header* and *verified* of a batch, where there is one group of receivers; else nothing."""
        if self.listeners.simple and self._secured:
            delivered = np.flatnonzero(arrived.outcome == Outcome.DELIVERED)
            self._verify(arrived, 0, delivered)

    def judge(self, arrived: Arrived) -> None:
        """All stages of a batch, group by group; probes stand for every group."""
        delivered = np.flatnonzero(arrived.outcome == Outcome.DELIVERED)
        if not len(delivered):
            return
        spoken = self._spoken(arrived, delivered)
        receiver = arrived.receptions.receiver.take(delivered)
        slots = np.arange(self.listeners.stations.size)
        group_of, probe = self.listeners.group_of(slots), self.listeners.stations.kind == Kind.PROBE
        arrived.own_mask()
        for group in range(len(self.listeners.groups)):
            links = delivered.compress(((group_of == group) | probe).take(receiver))
            if len(links):
                if group:
                    again = links.compress(probe.take(arrived.receptions.receiver.take(links)))
                    arrived.own_outcome()[again] = Outcome.DELIVERED
                    arrived.own_mask()[again] = 0
                self._judge_group(arrived, group, links, spoken)

    def _spoken(self, arrived: Arrived, delivered: np.ndarray) -> _Spoken:
        """What the frames are that reached anybody."""
        heard = np.zeros(len(arrived.message), bool)
        heard[arrived.receptions.row.take(delivered)] = True
        voice = self.ledger.column("voice", arrived.receptions.frame).astype(np.int64)
        kind = voice * len(self._messages) + arrived.message
        return _Spoken(voice, kind, np.unique(kind[heard]).tolist(), heard)

    def _judge_group(self, arrived: Arrived, group: int, links: np.ndarray, spoken: _Spoken) -> None:
        row = arrived.receptions.row
        passed = links
        if self._headers_differ:
            known = self.listeners.header_known[group, spoken.voice, arrived.flow].take(row.take(links))
            if not known.all():
                self._refuse(arrived, links[~known], np.full(int((~known).sum()), Outcome.NET_UNKNOWN, np.int8))
                passed = links[known]
        if self._secured:
            self._verify(arrived, group, passed)
        of_link = spoken.kind.take(row.take(links))
        for kind in spoken.kinds:
            here = links.compress(of_link == kind) if len(spoken.kinds) > 1 else links
            if len(here):
                self._read(arrived, group, kind, here, spoken)

    def _refuse(self, arrived: Arrived, links: np.ndarray, outcome: np.ndarray) -> None:
        if len(links):
            arrived.own_outcome()[links] = outcome
            arrived.own_mask()[links] |= np.left_shift(np.int32(1), outcome.astype(np.int32))

    def _verify(self, arrived: Arrived, group: int, links: np.ndarray) -> None:
        """Certificates, trust and queues; probes apart, which stand for any station."""
        if not len(links):
            return
        probe = (self.listeners.stations.kind == Kind.PROBE).take(arrived.receptions.receiver.take(links))
        if not probe.any():
            self._verify_part(arrived, group, links, False)
            return
        for part, passive in ((links[~probe], False), (links[probe], True)):
            if len(part):
                self._verify_part(arrived, group, part, passive)

    def _verify_part(self, arrived: Arrived, group: int, links: np.ndarray, passive: bool) -> None:
        receptions, ledger = arrived.receptions, self.ledger
        frames = receptions.frame
        secured = Secured(
            receptions.sender, ledger.column("sender_home", frames), ledger.column("sender_place", frames),
            self._application_id.take(arrived.flow), ledger.column("certificate", frames), arrived.generated_ns,
            receptions.row.take(links), receptions.receiver.take(links), receptions.arrived_ns(links),
        )
        home = self.listeners.home_of(np.arange(self.listeners.stations.size), group).take(secured.receiver)
        verified = self.listeners.verification.judge(secured, home, passive=passive)
        refused = np.flatnonzero(verified.outcome)
        if len(refused):
            refused_links = links.take(refused)
            arrived.own_outcome()[refused_links] = verified.outcome.take(refused)
            arrived.own_mask()[refused_links] |= verified.mask.take(refused)
        if verified.wait_ns is not None:
            if arrived.wait_ns is None:
                arrived.wait_ns = np.zeros(len(receptions.row), np.int64)
            arrived.wait_ns[links] = verified.wait_ns

    def _read(self, arrived: Arrived, group: int, kind: int, links: np.ndarray, spoken: _Spoken) -> None:
        """What a group reads in one kind of message of one speaker, and what it does with it."""
        voice = kind // len(self._messages)
        content, hearing = self.listeners.content(group, voice), self.listeners.hearing(group, voice)
        wrong = None if content is None else self._verdicts(arrived, content, kind, links, spoken)
        passed = links.compress(arrived.outcome.take(links) == Outcome.DELIVERED)
        if not len(passed):
            return
        if wrong is not None:
            unreadable = np.isin(wrong, _UNREADABLE)
            if unreadable.any():
                row = arrived.receptions.row.take(passed)
                refused = unreadable.take(row)
                arrived.own_outcome()[passed[refused]] = wrong.take(row[refused])
                passed = passed[~refused]
        if len(passed):
            elsewhere = content is not None and content.sender.datum != content.receiver.datum
            self._apply(arrived, hearing, kind, passed, wrong, spoken, elsewhere=elsewhere)

    def _verdicts(
        self, arrived: Arrived, content: Content, kind: int, links: np.ndarray, spoken: _Spoken
    ) -> np.ndarray | None:
        """Per frame what its content is to the group (outcome, ``DELIVERED`` = as meant); put into the links' masks.
        None for messages without octets."""
        row = arrived.receptions.row.take(links)
        service = self._service[self._messages[kind % len(self._messages)]]
        if service == "BSM":
            frames = spoken.of(kind)
        else:
            heard = np.zeros(len(arrived.message), bool)
            heard[row] = True
            frames = np.flatnonzero(heard)
        octets = self._octets(arrived, frames)
        if octets is None:
            return None
        verdict = np.zeros(len(arrived.message), np.int8)
        marks = np.zeros(len(arrived.message), np.int32)
        if service == "BSM":
            verdict[frames] = _OUTCOMES[content.vehicles(octets)]
            marks[frames] = np.left_shift(1, verdict[frames].astype(np.int32))
        else:
            for frame, one in zip(frames.tolist(), octets, strict=True):
                found = content.verdicts(one, service)
                verdict[frame] = _OUTCOMES[found[0]]
                for each in found:
                    marks[frame] |= bit(_OUTCOME_OF[each])
        marks[verdict == Outcome.DELIVERED] = 0
        if marks.any():
            arrived.own_mask()[links] |= marks.take(row)
        return verdict

    def _octets(self, arrived: Arrived, frames: np.ndarray) -> list[bytes] | None:
        payloads = self.ledger.payloads(arrived.receptions.frame[frames])
        return None if payloads[0] is None else [one or b"" for one in payloads]

    def _apply(
        self, arrived: Arrived, hearing: Hearing, kind: int, links: np.ndarray, wrong: np.ndarray | None,
        spoken: _Spoken, *, elsewhere: bool,
    ) -> None:
        """Applications act on what they read; acting on something else than was meant is a mistake.

        ``elsewhere``: maps of these senders stand in another datum, so that a signal finds no lane.
        """
        outcome = self._outcome(arrived, hearing, kind, links, wrong, spoken)
        if outcome is None:
            return
        if wrong is not None and wrong.any():
            outcome = self._mistakes(arrived, links, outcome, wrong.take(arrived.receptions.row.take(links)))
        if elsewhere and self._service[self._messages[kind % len(self._messages)]] == "SPAT":
            lost = outcome == Outcome.NOT_INTERPRETED
            arrived.own_mask()[links[lost]] |= np.int32(bit(Outcome.SEM_DATUM))
            outcome = np.where(lost, np.int8(Outcome.SEM_DATUM), outcome)
        mistaken = links[outcome == Outcome.APPLIED_WRONG]
        if len(mistaken):
            mask = arrived.own_mask()
            unnamed = mistaken[(mask[mistaken] & _CONTENT_BITS) == 0]
            mask[unnamed] |= np.int32(bit(Outcome.SEM_DATUM if elsewhere else Outcome.SEM_ID))
        arrived.own_outcome()[links] = outcome

    def _mistakes(
        self, arrived: Arrived, links: np.ndarray, outcome: np.ndarray, wrong: np.ndarray
    ) -> np.ndarray:
        """Outcomes where the content may be wrong: acted on is a mistake, of no use names what was wrong."""
        outcome, bad = outcome.copy(), wrong != Outcome.DELIVERED
        acted = (outcome == Outcome.DELIVERED) | (outcome == Outcome.DUPLICATE)
        outcome[bad & acted] = Outcome.APPLIED_WRONG
        idle = bad & ~acted & (outcome != Outcome.APPLIED_WRONG)
        if arrived.relevant is not None:
            idle &= arrived.relevant[links]
        outcome[idle] = wrong[idle]
        return outcome

    def _outcome(
        self, arrived: Arrived, hearing: Hearing, kind: int, links: np.ndarray, wrong: np.ndarray | None,
        spoken: _Spoken,
    ) -> np.ndarray | None:
        name = self._messages[kind % len(self._messages)]
        if name in hearing.receivers:
            bad = None if wrong is None else wrong != Outcome.DELIVERED
            delivery = delivery_of(arrived, self.ledger, links, bad, foreign=wrong is not None)
            return None if delivery is None else hearing.receivers[name].judge(delivery)
        if name in hearing.frame_receivers:
            frames = spoken.of(kind)
            octets = self._octets(arrived, frames)
            if octets is None:
                return None
            receiver, row = hearing.frame_receivers[name], arrived.receptions.row.take(links)
            verdict = np.zeros(len(arrived.message), np.int8)
            verdict[frames] = receiver.judge_frames(octets, arrived.generated_ns[frames])
            outcome = verdict.take(row)
            if wrong is not None and wrong.any() and isinstance(receiver, AwarenessReceiver):
                doubted = np.flatnonzero(((wrong != Outcome.DELIVERED) & (verdict == Outcome.DELIVERED)).take(row))
                if len(doubted):
                    place = np.searchsorted(frames, row[doubted])
                    near = receiver.near(octets, place, arrived.receptions.receiver[links[doubted]])
                    outcome[doubted[~near]] = Outcome.NOT_INTERPRETED
            return outcome
        return None


_CONTENT_BITS = np.int32(
    bit(Outcome.DEC_SILENT) | bit(Outcome.SEM_DATUM) | bit(Outcome.SEM_ID) | bit(Outcome.SEM_CODE)
)
