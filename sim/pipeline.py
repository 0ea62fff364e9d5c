"""From receptions to applied messages: the stages after the radio, then KPIs and trace.

The stages in their order: tuned, received, header, verified, decoded, interpreted, timely, applied. With one profile
everywhere *tuned*, *header* and *verified* let everything pass (everyone shares channel plan, network layer and
security domain); *decoded* is the real decoder on the real octets, *interpreted* and *applied* are the receivers of
:mod:`sim.receivers`, *timely* compares age with the freshness limit of the class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sim.clock import ns_from_ms, ns_from_s
from sim.frames import Flow, Kind, Outcome, Receptions
from sim.ledger import Ledger
from sim.metrics import Batch, Kpi
from sim.receivers.base import Delivery, Receiver
from sim.scenario.schema import Scenario
from sim.scenario.schema.messages import SECOND_PHASE_TAU_S
from sim.trace import TraceWriter
from sim.world.stations import Stations


class Pipeline:
    """Takes what an access layer reports, judges it, and hands it to KPIs and trace; keeps nothing."""

    def __init__(
        self, config: Scenario, flows: Sequence[Flow], ledger: Ledger, stations: Stations,
        receivers: Mapping[str, Receiver], kpis: Mapping[str, Kpi], trace: TraceWriter | None,
        clock_offset_ns: Callable[[], np.ndarray],
    ) -> None:
        self.clock_offset_ns = clock_offset_ns
        self.clocks_differ = config.clock.offset_sigma_ms > 0
        self.ledger, self.stations, self.receivers = ledger, stations, dict(receivers)
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
        self._pedestrians = stations.pedestrians.stop > stations.pedestrians.start
        self.frames_ended, self.links = 0, 0
        self.taps: list[Callable[[Receptions, np.ndarray], None]] = []
        """Told of each batch and the links on which the radio delivered, while the frames are still known."""

    def deliver(self, receptions: Receptions) -> None:
        """One batch of ended frames with all their links."""
        ended = receptions.frame
        if not len(ended):
            return
        if self._pedestrians:
            receptions = self._judged(receptions)
        self.frames_ended += len(ended)
        self.links += len(receptions.row)
        ledger = self.ledger
        message = self._message_of_flow[ledger.column("flow", ended)]
        after_ns = receptions.end_ns + self.verify_ns + self.decode_ns + self.apply_ns
        extra_ns = None
        if receptions.received_ns is not None:
            extra_ns = receptions.received_ns - receptions.end_ns[receptions.row]
        outcome = receptions.outcome.copy()
        delivered = outcome == Outcome.DELIVERED
        for tap in self.taps:
            tap(receptions, np.flatnonzero(delivered))
        for index, name in enumerate(self.messages):
            receiver = self.receivers.get(name)
            if receiver is not None:
                self._judge(receiver, receptions, message == index, delivered, after_ns, extra_ns, outcome)
        seen_ns = (after_ns - ledger.column("generated_ns", ended))[receptions.row]
        if extra_ns is not None:
            seen_ns += extra_ns
        if self.clocks_differ:
            seen_ns = seen_ns + self._clock_error_ns(receptions)
        late = (outcome == Outcome.DELIVERED) & (np.abs(seen_ns) > self._limit_ns[message][receptions.row])
        outcome[late] = Outcome.STALE
        self._report(receptions, message, outcome, after_ns, extra_ns)
        ledger.close(ended)

    def _judged(self, receptions: Receptions) -> Receptions:
        """Without the links to pedestrians: what they receive is not judged."""
        keep = self.stations.kind[receptions.receiver] != Kind.PEDESTRIAN
        return receptions.keep_links(keep)

    def _clock_error_ns(self, receptions: Receptions) -> np.ndarray:
        """Per link, the receiver's clock minus the sender's."""
        offset_ns = self.clock_offset_ns()
        return offset_ns[receptions.receiver] - offset_ns[receptions.sender][receptions.row]

    def _judge(
        self, receiver: Receiver, receptions: Receptions, of_message: np.ndarray, delivered: np.ndarray,
        after_ns: np.ndarray, extra_ns: np.ndarray | None, outcome: np.ndarray,
    ) -> None:
        links = np.flatnonzero(delivered & of_message[receptions.row])
        if not len(links):
            return
        row = receptions.row[links]
        heard = np.zeros(len(of_message), bool)
        heard[row] = True
        frames = np.flatnonzero(heard)
        place = np.cumsum(heard) - 1
        payloads = self.ledger.payloads(receptions.frame[frames])
        if payloads[0] is None:
            return
        generated_ns = self.ledger.column("generated_ns", receptions.frame[frames])
        applied_ns = after_ns[row] if extra_ns is None else after_ns[row] + extra_ns[links]
        delivery = Delivery(
            [octets or b"" for octets in payloads], receptions.sender[frames], generated_ns, place[row],
            receptions.receiver[links], applied_ns, receptions.frame[frames], receptions.start_ns[frames],
            receptions.end_ns[frames],
        )
        outcome[links] = receiver.judge(delivery)

    def _report(
        self, receptions: Receptions, message: np.ndarray, outcome: np.ndarray, after_ns: np.ndarray,
        extra_ns: np.ndarray | None,
    ) -> None:
        measured = self.ledger.column("measured", receptions.frame)
        if not measured.any():
            return
        keep = measured[receptions.row]
        batch = self._batch(receptions, message, outcome, after_ns, extra_ns, measured, keep)
        for kpi in self.kpis.values():
            kpi.observe(batch)
        if self.trace is not None:
            resource = {name: values[measured] for name, values in receptions.resource.items()}
            self.trace.write(batch, self.stations, receptions.power_dbm[keep], receptions.sinr_db[keep], resource)

    def _batch(
        self, receptions: Receptions, message: np.ndarray, outcome: np.ndarray, after_ns: np.ndarray,
        extra_ns: np.ndarray | None, measured: np.ndarray, keep: np.ndarray,
    ) -> Batch:
        stations, ledger = self.stations, self.ledger
        frames = receptions.frame[measured]
        column = {name: ledger.column(name, frames) for name in (
            "flow", "sender_place", "sender_home", "generated_ns", "ready_ns", "size_bytes", "sense_ns", "encode_ns",
            "sign_ns", "backhaul_ns")}
        start_ns, end_ns = receptions.start_ns[measured], receptions.end_ns[measured]
        stages = {
            "encode": column["encode_ns"], "sign": column["sign_ns"], "backhaul": column["backhaul_ns"],
            "access": start_ns - column["ready_ns"], "air": end_ns - start_ns,
            "verify": np.full(len(frames), self.verify_ns), "decode": np.full(len(frames), self.decode_ns),
            "apply": np.full(len(frames), self.apply_ns),
        }
        renumbered = np.cumsum(measured) - 1
        row, receiver = renumbered[receptions.row[keep]], receptions.receiver[keep]
        sender = receptions.sender[measured]
        applied_ns = after_ns[measured][row]
        if extra_ns is not None:
            extra_ns = extra_ns[keep]
            applied_ns += extra_ns
        return Batch(
            messages=self.messages, frame=frames, flow=column["flow"], message=message[measured], sender=sender,
            sender_kind=stations.kind[sender], sender_place=column["sender_place"], sender_home=column["sender_home"],
            generated_ns=column["generated_ns"], ready_ns=column["ready_ns"], start_ns=start_ns, end_ns=end_ns,
            sent=receptions.sent[measured], size_bytes=column["size_bytes"], sense_ns=column["sense_ns"],
            stage_ns=stages, row=row, receiver=receiver, receiver_kind=stations.kind[receiver],
            receiver_home=stations.home[receiver], receiver_place=stations.place[receiver],
            receiver_chainage_m=stations.chainage_m[receiver], direction=stations.direction[receiver],
            distance_m=receptions.distance_m[keep], outcome=outcome[keep], radio_outcome=receptions.outcome[keep],
            applied_ns=applied_ns,
            clock_error_ns=self._clock_error_ns(receptions)[keep] if self.clocks_differ else None,
            carrier_ratio=receptions.carrier()[measured], air_extra_ns=extra_ns,
        )
