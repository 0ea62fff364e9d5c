"""From receptions to applied messages: the stages after the radio, then KPIs and trace.

The stages in their order: tuned, received, header, verified, decoded, interpreted, timely, applied. The radio says the
first two. *header*, *verified* and what payloads mean to a foreign receiver come from :mod:`sim.foreign`; where
everybody has one profile the receivers of :mod:`sim.receivers` say *decoded*, *interpreted* and *applied* alone.
*timely* compares age with the freshness limit of the class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sim.arrived import Arrived
from sim.clock import ns_from_ms, ns_from_s
from sim.deliveries import delivery_of
from sim.foreign import Foreign
from sim.frames import Flow, Kind, Outcome, Receptions, bit
from sim.ledger import Ledger
from sim.listeners import Listeners
from sim.metrics import Batch, Kpi
from sim.receivers.base import Receiver
from sim.receivers.hearing import Hearing
from sim.receivers.relevance import Relevance
from sim.scenario.schema import Scenario
from sim.scenario.schema.messages import SECOND_PHASE_TAU_S
from sim.trace import TraceWriter
from sim.world.stations import Stations


class Pipeline:
    """Takes what an access layer reports, judges it, and hands it to KPIs and trace; keeps nothing of its own."""

    def __init__(
        self, config: Scenario, flows: Sequence[Flow], ledger: Ledger, stations: Stations,
        listeners: Listeners, kpis: Mapping[str, Kpi], trace: TraceWriter | None,
        clock_offset_ns: Callable[[], np.ndarray], relevance: Relevance | None = None,
    ) -> None:
        self.clock_offset_ns = clock_offset_ns
        self.clocks_differ = config.clock.offset_sigma_ms > 0
        self.ledger, self.stations, self.listeners = ledger, stations, listeners
        self.kpis, self.trace, self._relevance = kpis, trace, relevance
        self.messages = tuple(dict.fromkeys(flow.message for flow in flows))
        self._message_of_flow = np.array([self.messages.index(flow.message) for flow in flows], np.int64)
        processing = config.processing
        self.verify_ns = ns_from_ms(processing.verify_ms) if config.security.enabled else 0
        self.decode_ns, self.apply_ns = ns_from_ms(processing.decode_ms), ns_from_ms(processing.apply_ms)
        tau_s = {**SECOND_PHASE_TAU_S, **config.measure.tau_s}
        service = {flow.message: flow.service for flow in flows}
        self._limit_ns = np.array(
            [ns_from_s(tau_s.get(service[name] or name, 1.0)) for name in self.messages], np.int64
        )
        self._pedestrians = stations.pedestrians.stop > stations.pedestrians.start
        self.frames_ended, self.links = 0, 0
        self.taps: list[Callable[[Receptions, np.ndarray], None]] = []
        """Told of each batch and the links on which the radio delivered, while the frames are still known."""
        self.foreign = Foreign(listeners, ledger, self.messages, service)

    def deliver(self, receptions: Receptions) -> None:
        """One batch of ended frames with all their links."""
        if not len(receptions.frame):
            return
        if self._pedestrians:
            receptions = self._judged(receptions)
        self.frames_ended += len(receptions.frame)
        self.links += len(receptions.row)
        if self.taps:
            delivered = np.flatnonzero(receptions.outcome == Outcome.DELIVERED)
            for tap in self.taps:
                tap(receptions, delivered)
        arrived = self._arrived(receptions)
        self.foreign.admit(arrived)
        if self.listeners.simple:
            hearing = self.listeners.hearing(0, 0)
            self._judge_frames(arrived, hearing)
            self._judge_links(arrived, hearing)
        else:
            self.foreign.judge(arrived)
        self._refuse_stale(arrived)
        arrived.finish_mask()
        self._report(arrived)

    def _judged(self, receptions: Receptions) -> Receptions:
        """Without the links to pedestrians: what they receive is not judged."""
        return receptions.keep_links(self.stations.kind[receptions.receiver] != Kind.PEDESTRIAN)

    def _arrived(self, receptions: Receptions) -> Arrived:
        flow = self.ledger.column("flow", receptions.frame)
        extra_ns = None
        if receptions.received_ns is not None:
            extra_ns = receptions.received_ns - receptions.end_ns[receptions.row]
        after_ns = receptions.end_ns + (self.verify_ns + self.decode_ns + self.apply_ns)
        generated_ns = self.ledger.column("generated_ns", receptions.frame)
        relevant = subject = None
        if self._relevance is not None:
            subjects = self._relevance.subjects(receptions.frame, receptions.sender, flow)
            relevant = self._relevance.links(subjects, flow, receptions.row, receptions.receiver)
            subject = self._relevance.first_event(subjects, flow)
        return Arrived(
            receptions, flow, self._message_of_flow[flow], generated_ns, after_ns, extra_ns, receptions.outcome,
            relevant=relevant, subject=subject,
        )

    def _clock_error_ns(self, receptions: Receptions) -> np.ndarray:
        """Per link, the receiver's clock minus the sender's."""
        offset_ns = self.clock_offset_ns()
        return offset_ns[receptions.receiver] - offset_ns[receptions.sender][receptions.row]

    def _judge_frames(self, arrived: Arrived, hearing: Hearing) -> None:
        """Messages whose receivers all come to the same verdict: one verdict per frame."""
        verdict = np.zeros(len(arrived.message), np.int8)
        for index, name in enumerate(self.messages):
            receiver = hearing.frame_receivers.get(name)
            frames = np.flatnonzero((arrived.message == index) & arrived.receptions.sent)
            if receiver is None or not len(frames):
                continue
            payloads = self.ledger.payloads(arrived.receptions.frame[frames])
            if payloads[0] is not None:
                octets = [one or b"" for one in payloads]
                verdict[frames] = receiver.judge_frames(octets, arrived.generated_ns[frames])
        arrived.overrule(verdict)

    def _judge_links(self, arrived: Arrived, hearing: Hearing) -> None:
        """Messages whose receivers judge by where they are and what they know already."""
        receptions, message = arrived.receptions, arrived.message
        chosen = np.array([name in hearing.receivers for name in self.messages], bool)[message]
        if not chosen.any():
            return
        delivered = arrived.outcome == Outcome.DELIVERED
        delivered &= chosen[receptions.row]
        links = np.flatnonzero(delivered)
        of_link = message[receptions.row[links]]
        for index, name in enumerate(self.messages):
            receiver = hearing.receivers.get(name)
            if receiver is not None:
                here = links[of_link == index]
                if len(here):
                    self._judge(receiver, arrived, here)

    def _judge(self, receiver: Receiver, arrived: Arrived, links: np.ndarray) -> None:
        delivery = delivery_of(arrived, self.ledger, links)
        if delivery is not None:
            outcome = receiver.judge(delivery)
            arrived.own_outcome()[links] = outcome
            mistaken = links[outcome == Outcome.APPLIED_WRONG]
            if len(mistaken):
                arrived.own_mask()[mistaken] |= np.int32(bit(Outcome.SEM_ID))

    def _refuse_stale(self, arrived: Arrived) -> None:
        """What is older than its class allows, by the receiver's own clock, is not applied."""
        receptions = arrived.receptions
        seen_ns, limit_ns = arrived.after_ns - arrived.generated_ns, self._limit_ns[arrived.message]
        if arrived.extra_ns is None and arrived.wait_ns is None and not self.clocks_differ:
            verdict = np.where(np.abs(seen_ns) > limit_ns, np.int8(Outcome.STALE), np.int8(Outcome.DELIVERED))
            arrived.overrule(verdict)
            return
        links = np.flatnonzero(arrived.outcome == Outcome.DELIVERED)
        row = receptions.row.take(links)
        seen_ns, limit_ns = seen_ns.take(row), limit_ns.take(row)
        for more_ns in (arrived.extra_ns, arrived.wait_ns):
            if more_ns is not None:
                seen_ns += more_ns.take(links)
        if self.clocks_differ:
            seen_ns += self._clock_error_ns(receptions)[links]
        late = links.compress(np.abs(seen_ns) > limit_ns)
        if len(late):
            arrived.own_outcome()[late] = Outcome.STALE

    def _report(self, arrived: Arrived) -> None:
        receptions = arrived.receptions
        measured = self.ledger.column("measured", receptions.frame)
        if not measured.any():
            return
        if not measured.all():
            arrived = arrived.of_frames(measured)
            receptions = arrived.receptions
        batch = self._batch(arrived)
        for kpi in self.kpis.values():
            kpi.observe(batch)
        if self.trace is not None:
            self.trace.write(batch, self.stations, receptions.power_dbm, receptions.sinr_db, receptions.resource)

    def _batch(self, arrived: Arrived) -> Batch:
        receptions, ledger = arrived.receptions, self.ledger
        frames = receptions.frame
        column = {name: ledger.column(name, frames) for name in (
            "sender_place", "sender_home", "ready_ns", "size_bytes", "sense_ns", "encode_ns", "sign_ns", "backhaul_ns")}
        start_ns, end_ns = receptions.start_ns, receptions.end_ns
        stages = {
            "encode": column["encode_ns"], "sign": column["sign_ns"], "backhaul": column["backhaul_ns"],
            "access": start_ns - column["ready_ns"], "air": end_ns - start_ns,
            "verify": np.full(len(frames), self.verify_ns), "decode": np.full(len(frames), self.decode_ns),
            "apply": np.full(len(frames), self.apply_ns),
        }
        return Batch(
            messages=self.messages, frame=frames, flow=arrived.flow, message=arrived.message,
            sender=receptions.sender, sender_kind=self.stations.kind[receptions.sender],
            sender_place=column["sender_place"], sender_home=column["sender_home"],
            generated_ns=arrived.generated_ns, ready_ns=column["ready_ns"], start_ns=start_ns, end_ns=end_ns,
            sent=receptions.sent, size_bytes=column["size_bytes"], sense_ns=column["sense_ns"], stage_ns=stages,
            after_ns=arrived.after_ns, row=receptions.row, receiver=receptions.receiver, stations=self.stations,
            distance_m=receptions.distance_m, outcome=arrived.outcome, radio_outcome=receptions.outcome,
            clock_error_ns=self._clock_error_ns(receptions) if self.clocks_differ else None,
            carrier_ratio=receptions.carrier_ratio, air_extra_ns=arrived.extra_ns, verify_wait_ns=arrived.wait_ns,
            mask=arrived.mask, relevant=arrived.relevant, subject=arrived.subject,
        )
