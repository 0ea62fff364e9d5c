"""Stages *header* to *applied* where stations differ: lookups per (speaker, group of receivers), real decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


class Foreign:
    """Judges batches for the listeners of one candidate.

    Order: header, verified, decoded, interpreted, applied. A link's mask holds every one of the first four that failed
    or would have failed; what an application would have made of a refused message is not asked, because it depends on
    what it knows from earlier ones.
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
        self.active = self._secured or self._headers_differ or not listeners.simple

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
        voice = self.ledger.column("voice", arrived.receptions.frame)
        receiver = arrived.receptions.receiver[delivered]
        group_of = self.listeners.group_of(receiver)
        probe = self.listeners.stations.kind[receiver] == Kind.PROBE
        arrived.own_mask()
        for group in range(len(self.listeners.groups)):
            links = delivered[(group_of == group) | probe]
            if len(links):
                self._judge_group(arrived, group, links, voice)

    def _judge_group(self, arrived: Arrived, group: int, links: np.ndarray, voice: np.ndarray) -> None:
        outcome = arrived.own_outcome()
        outcome[links] = Outcome.DELIVERED
        arrived.own_mask()[links] = 0
        row = arrived.receptions.row
        if self._headers_differ:
            known = self.listeners.header_known[group, voice, arrived.flow][row[links]]
            self._refuse(arrived, links[~known], np.full(int((~known).sum()), Outcome.NET_UNKNOWN, np.int8))
        if self._secured:
            self._verify(arrived, group, links[outcome[links] == Outcome.DELIVERED])
        of_link = voice[row[links]]
        for speaker in np.unique(of_link).tolist():
            self._read(arrived, group, speaker, links[of_link == speaker])

    def _refuse(self, arrived: Arrived, links: np.ndarray, outcome: np.ndarray) -> None:
        if len(links):
            arrived.own_outcome()[links] = outcome
            arrived.own_mask()[links] |= np.left_shift(np.int32(1), outcome.astype(np.int32))

    def _verify(self, arrived: Arrived, group: int, links: np.ndarray) -> None:
        """Certificates, trust and queues; probes apart, which stand for any station."""
        if not len(links):
            return
        probe = self.listeners.stations.kind[arrived.receptions.receiver[links]] == Kind.PROBE
        for part, passive in ((links[~probe], False), (links[probe], True)):
            if len(part):
                self._verify_part(arrived, group, part, passive)

    def _verify_part(self, arrived: Arrived, group: int, links: np.ndarray, passive: bool) -> None:
        receptions, ledger = arrived.receptions, self.ledger
        frames = receptions.frame
        secured = Secured(
            receptions.sender, ledger.column("sender_home", frames), ledger.column("sender_place", frames),
            self._application_id[arrived.flow], ledger.column("certificate", frames), arrived.generated_ns,
            receptions.row[links], receptions.receiver[links], receptions.arrived_ns(links),
        )
        home = self.listeners.home_of(secured.receiver, group)
        verified = self.listeners.verification.judge(secured, home, passive=passive)
        refused = np.flatnonzero(verified.outcome != Outcome.DELIVERED)
        if len(refused):
            arrived.own_outcome()[links[refused]] = verified.outcome[refused]
        marked = np.flatnonzero(verified.mask)
        if len(marked):
            arrived.own_mask()[links[marked]] |= verified.mask[marked]
        if verified.wait_ns is not None:
            if arrived.wait_ns is None:
                arrived.wait_ns = np.zeros(len(receptions.row), np.int64)
            arrived.wait_ns[links] = verified.wait_ns

    def _read(self, arrived: Arrived, group: int, voice: int, links: np.ndarray) -> None:
        """What a group reads in one speaker's messages, and what it does with them."""
        content, hearing = self.listeners.content(group, voice), self.listeners.hearing(group, voice)
        message = arrived.message[arrived.receptions.row[links]]
        for index in np.unique(message).tolist():
            here = links[message == index]
            name = self._messages[index]
            wrong = None if content is None else self._verdicts(arrived, content, name, here)
            passed = here[arrived.outcome[here] == Outcome.DELIVERED]
            if not len(passed):
                continue
            if wrong is not None:
                unreadable = np.isin(wrong, _UNREADABLE)[arrived.receptions.row[passed]]
                verdict = wrong[arrived.receptions.row[passed]]
                arrived.own_outcome()[passed[unreadable]] = verdict[unreadable]
                passed = passed[~unreadable]
            if len(passed):
                elsewhere = content is not None and content.sender.datum != content.receiver.datum
                self._apply(arrived, hearing, name, passed, wrong, elsewhere=elsewhere)

    def _verdicts(self, arrived: Arrived, content: Content, name: str, links: np.ndarray) -> np.ndarray | None:
        """Per frame what its content is to the group (outcome, ``DELIVERED`` = as meant); put into the links' masks.
        None for messages without octets."""
        row = arrived.receptions.row[links]
        heard = np.zeros(len(arrived.message), bool)
        heard[row] = True
        frames = np.flatnonzero(heard)
        payloads = self.ledger.payloads(arrived.receptions.frame[frames])
        if payloads[0] is None:
            return None
        octets = [one or b"" for one in payloads]
        service = self._service[name]
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
        arrived.own_mask()[links] |= marks[row]
        return verdict

    def _apply(
        self, arrived: Arrived, hearing: Hearing, name: str, links: np.ndarray, wrong: np.ndarray | None, *,
        elsewhere: bool,
    ) -> None:
        """Applications act on what they read; acting on something else than was meant is a mistake.

        ``elsewhere``: maps of these senders stand in another datum, so that a signal finds no lane.
        """
        outcome = self._outcome(arrived, hearing, name, links, wrong)
        if outcome is None:
            return
        if wrong is not None:
            outcome = self._mistakes(arrived, name, links, outcome, wrong[arrived.receptions.row[links]])
        if elsewhere and self._service[name] == "SPAT":
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
        self, arrived: Arrived, name: str, links: np.ndarray, outcome: np.ndarray, wrong: np.ndarray
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
        self, arrived: Arrived, hearing: Hearing, name: str, links: np.ndarray, wrong: np.ndarray | None
    ) -> np.ndarray | None:
        if name in hearing.receivers:
            bad = None if wrong is None else wrong != Outcome.DELIVERED
            delivery = delivery_of(arrived, self.ledger, links, bad, foreign=wrong is not None)
            return None if delivery is None else hearing.receivers[name].judge(delivery)
        if name in hearing.frame_receivers:
            row = arrived.receptions.row[links]
            frames, place = np.unique(row, return_inverse=True)
            payloads = self.ledger.payloads(arrived.receptions.frame[frames])
            if payloads[0] is None:
                return None
            octets = [one or b"" for one in payloads]
            receiver = hearing.frame_receivers[name]
            outcome = receiver.judge_frames(octets, arrived.generated_ns[frames])[place]
            if wrong is not None and isinstance(receiver, AwarenessReceiver):
                doubted = np.flatnonzero((wrong[row] != Outcome.DELIVERED) & (outcome == Outcome.DELIVERED))
                if len(doubted):
                    near = receiver.near(octets, place[doubted], arrived.receptions.receiver[links[doubted]])
                    outcome[doubted[~near]] = Outcome.NOT_INTERPRETED
            return outcome
        return None


_CONTENT_BITS = np.int32(
    bit(Outcome.DEC_SILENT) | bit(Outcome.SEM_DATUM) | bit(Outcome.SEM_ID) | bit(Outcome.SEM_CODE)
)
