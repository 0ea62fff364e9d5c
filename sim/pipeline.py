"""From receptions to applied messages: the stages after the radio, then KPIs and trace.

The stages in their order: tuned, received, header, verified, decoded, interpreted, timely, applied. With one profile
everywhere *tuned*, *header* and *verified* let everything pass (everyone shares channel plan, network layer and
security domain); *decoded* is the real decoder on the real octets, *interpreted* and *applied* are the receivers of
:mod:`sim.receivers`, *timely* compares age with the freshness limit of the class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.clock import ns_from_ms, ns_from_s
from sim.frames import Flow, Kind, Outcome, Receptions
from sim.ledger import Ledger
from sim.metrics import Batch, Kpi
from sim.receivers.base import Delivery, FrameReceiver, Receiver
from sim.scenario.schema import Scenario
from sim.scenario.schema.messages import SECOND_PHASE_TAU_S
from sim.trace import TraceWriter
from sim.world.stations import Stations


@dataclass
class _Arrived:
    """A batch on its way through the stages; frame columns but ``extra_ns`` and ``outcome``, one entry per link."""

    receptions: Receptions
    flow: np.ndarray
    message: np.ndarray
    generated_ns: np.ndarray
    after_ns: np.ndarray
    """When an application has the frame, if its link adds nothing."""
    extra_ns: np.ndarray | None
    """What each link adds; none = nothing."""
    outcome: np.ndarray

    def own_outcome(self) -> np.ndarray:
        """``outcome``, from now on apart from what the radio said."""
        if self.outcome is self.receptions.outcome:
            self.outcome = self.outcome.copy()
        return self.outcome

    def overrule(self, verdict: np.ndarray) -> None:
        """Where a link delivered a frame whose ``verdict`` is another outcome, that is its outcome."""
        refused = verdict != Outcome.DELIVERED
        if not refused.any():
            return
        row = self.receptions.row
        links = np.flatnonzero((self.outcome == Outcome.DELIVERED) & refused[row])
        self.own_outcome()[links] = verdict[row[links]]

    def of_frames(self, frames: np.ndarray) -> _Arrived:
        """Some of the frames and all their links; ``frames`` is a mask."""
        keep = frames[self.receptions.row]
        return _Arrived(
            self.receptions.keep_frames(frames), self.flow[frames], self.message[frames], self.generated_ns[frames],
            self.after_ns[frames], None if self.extra_ns is None else self.extra_ns[keep], self.outcome[keep],
        )


class Pipeline:
    """Takes what an access layer reports, judges it, and hands it to KPIs and trace; keeps nothing."""

    def __init__(
        self, config: Scenario, flows: Sequence[Flow], ledger: Ledger, stations: Stations,
        receivers: Mapping[str, Receiver | FrameReceiver], kpis: Mapping[str, Kpi], trace: TraceWriter | None,
        clock_offset_ns: Callable[[], np.ndarray],
    ) -> None:
        self.clock_offset_ns = clock_offset_ns
        self.clocks_differ = config.clock.offset_sigma_ms > 0
        self.ledger, self.stations = ledger, stations
        self.kpis, self.trace = kpis, trace
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
        self.receivers: dict[str, Receiver] = {}
        self.frame_receivers: dict[str, FrameReceiver] = {}
        self.listen(receivers)
        self._pedestrians = stations.pedestrians.stop > stations.pedestrians.start
        self.frames_ended, self.links = 0, 0
        self.taps: list[Callable[[Receptions, np.ndarray], None]] = []
        """Told of each batch and the links on which the radio delivered, while the frames are still known."""

    def listen(self, receivers: Mapping[str, Receiver | FrameReceiver]) -> None:
        """Add receivers by message."""
        for message, receiver in receivers.items():
            if isinstance(receiver, FrameReceiver):
                self.frame_receivers[message] = receiver
            else:
                self.receivers[message] = receiver
        self._by_link = np.array([message in self.receivers for message in self.messages], bool)

    def deliver(self, receptions: Receptions) -> None:
        """One batch of ended frames with all their links."""
        ended = receptions.frame
        if not len(ended):
            return
        if self._pedestrians:
            receptions = self._judged(receptions)
        self.frames_ended += len(ended)
        self.links += len(receptions.row)
        if self.taps:
            delivered = np.flatnonzero(receptions.outcome == Outcome.DELIVERED)
            for tap in self.taps:
                tap(receptions, delivered)
        arrived = self._arrived(receptions)
        self._judge_frames(arrived)
        self._judge_links(arrived)
        self._refuse_stale(arrived)
        self._report(arrived)
        self.ledger.close(ended)

    def _judged(self, receptions: Receptions) -> Receptions:
        """Without the links to pedestrians: what they receive is not judged."""
        return receptions.keep_links(self.stations.kind[receptions.receiver] != Kind.PEDESTRIAN)

    def _arrived(self, receptions: Receptions) -> _Arrived:
        flow = self.ledger.column("flow", receptions.frame)
        extra_ns = None
        if receptions.received_ns is not None:
            extra_ns = receptions.received_ns - receptions.end_ns[receptions.row]
        after_ns = receptions.end_ns + (self.verify_ns + self.decode_ns + self.apply_ns)
        generated_ns = self.ledger.column("generated_ns", receptions.frame)
        return _Arrived(
            receptions, flow, self._message_of_flow[flow], generated_ns, after_ns, extra_ns, receptions.outcome,
        )

    def _clock_error_ns(self, receptions: Receptions) -> np.ndarray:
        """Per link, the receiver's clock minus the sender's."""
        offset_ns = self.clock_offset_ns()
        return offset_ns[receptions.receiver] - offset_ns[receptions.sender][receptions.row]

    def _judge_frames(self, arrived: _Arrived) -> None:
        """Messages whose receivers all come to the same verdict: one verdict per frame."""
        verdict = np.zeros(len(arrived.message), np.int8)
        for index, name in enumerate(self.messages):
            receiver = self.frame_receivers.get(name)
            frames = np.flatnonzero((arrived.message == index) & arrived.receptions.sent)
            if receiver is None or not len(frames):
                continue
            payloads = self.ledger.payloads(arrived.receptions.frame[frames])
            if payloads[0] is not None:
                octets = [one or b"" for one in payloads]
                verdict[frames] = receiver.judge_frames(octets, arrived.generated_ns[frames])
        arrived.overrule(verdict)

    def _judge_links(self, arrived: _Arrived) -> None:
        """Messages whose receivers judge by where they are and what they know already."""
        receptions, message = arrived.receptions, arrived.message
        chosen = self._by_link[message]
        if not chosen.any():
            return
        delivered = arrived.outcome == Outcome.DELIVERED
        delivered &= chosen[receptions.row]
        links = np.flatnonzero(delivered)
        of_link = message[receptions.row[links]]
        for index, name in enumerate(self.messages):
            receiver = self.receivers.get(name)
            if receiver is not None and self._by_link[index]:
                here = links[of_link == index]
                if len(here):
                    self._judge(receiver, arrived, here)

    def _judge(self, receiver: Receiver, arrived: _Arrived, links: np.ndarray) -> None:
        receptions = arrived.receptions
        row = receptions.row[links]
        heard = np.zeros(len(arrived.message), bool)
        heard[row] = True
        frames = np.flatnonzero(heard)
        place = np.cumsum(heard) - 1
        payloads = self.ledger.payloads(receptions.frame[frames])
        if payloads[0] is None:
            return
        applied_ns = arrived.after_ns[row]
        if arrived.extra_ns is not None:
            applied_ns += arrived.extra_ns[links]
        delivery = Delivery(
            [octets or b"" for octets in payloads], receptions.sender[frames], arrived.generated_ns[frames], place[row],
            receptions.receiver[links], applied_ns, receptions.frame[frames], receptions.start_ns[frames],
            receptions.end_ns[frames],
        )
        arrived.own_outcome()[links] = receiver.judge(delivery)

    def _refuse_stale(self, arrived: _Arrived) -> None:
        """What is older than its class allows, by the receiver's own clock, is not applied."""
        receptions = arrived.receptions
        seen_ns, limit_ns = arrived.after_ns - arrived.generated_ns, self._limit_ns[arrived.message]
        if arrived.extra_ns is None and not self.clocks_differ:
            verdict = np.where(np.abs(seen_ns) > limit_ns, np.int8(Outcome.STALE), np.int8(Outcome.DELIVERED))
            arrived.overrule(verdict)
            return
        seen_ns, limit_ns = seen_ns[receptions.row], limit_ns[receptions.row]
        if arrived.extra_ns is not None:
            seen_ns += arrived.extra_ns
        if self.clocks_differ:
            seen_ns += self._clock_error_ns(receptions)
        late = np.abs(seen_ns) > limit_ns
        late &= arrived.outcome == Outcome.DELIVERED
        if late.any():
            arrived.own_outcome()[late] = Outcome.STALE

    def _report(self, arrived: _Arrived) -> None:
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

    def _batch(self, arrived: _Arrived) -> Batch:
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
            carrier_ratio=receptions.carrier_ratio, air_extra_ns=arrived.extra_ns,
        )
