"""EDCA outside the context of a BSS (IEEE 802.11-2020 clause 10.23.2), event by event on a clock of nanoseconds."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.access.dot11p.edca import Edca, category_of, replaces
from sim.access.dot11p.medium import HISTORY_NS, Air, Medium
from sim.access.dot11p.queues import Contender, Dropped, Gate, Look, Opening, Policy, Waiting
from sim.clock import NEVER
from sim.frames import Flow, Frames
from sim.link.dot11p_rates import Waveform, bd_repetitions
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.access.dot11p.dcc import Control
    from sim.scenario.schema.radio.dot11p import Dot11p

_FIRE, _GATE, _RELEASE, _GROUP, _FOREIGN = range(5)
_MANY = 24
"""From so many countdowns near a frame on, who senses it is looked up for all at once."""
_LONG_AGO = -(2**62)


class Contention:
    """Queues, backoff and transmissions of all stations.

    Only stations with something to send look at the medium: at arrivals, at the end of what they found busy, and when a
    frame starts near a running countdown. ``started`` collects (transmission, frame or none, category) in order of
    start.
    """

    def __init__(
        self, settings: Dot11p, waveform: Waveform, flows: list[Flow], medium: Medium, seed: int,
        control: Control | None,
    ) -> None:
        self.settings, self.waveform, self.medium, self.control = settings, waveform, medium, control
        self.edca = Edca(settings, seed)
        medium.keep_ns = max(self.edca.aifs_ns)
        self.unseen_ns = max(1, round(settings.vulnerable_us * 1000))
        self.idle_aifs = settings.idle_access == "aifs"
        self.category = [category_of(flow, settings) for flow in flows]
        self.dropped = Dropped()
        self.policy = Policy(
            [flow.budget_ns for flow in flows], [replaces(flow, settings) for flow in flows], settings.queue_length,
            self.dropped,
        )
        self.started: list[tuple[Air, Waiting | None, int]] = []
        self.contenders: dict[int, Contender] = {}
        self.counting: list[dict[int, Contender]] = [{}]
        self.gates: dict[int, Gate] = {}
        self.events: list[tuple[int, int, int, int, Any, int]] = []
        self.blocked: dict[int, list[tuple[Contender, int]]] = {}
        """Contenders and their versions by the time the medium may be idle for them."""
        self._now_ns = _LONG_AGO
        self.arrivals: list[Waiting] = []
        self._next_arrival = 0
        self._order = 0
        self._own_end: dict[int, int] = {}
        self._after: dict[int, int] = {}
        """End of the last transmission by contender key, where its backoff has not been looked at yet."""
        self._airtime: dict[int, int] = {}
        self._id: list[int] = []
        self._power_mw: list[float] = []
        self._sensed_gain: list[float] = []
        self._repeats = settings.bd_repetitions and settings.standard == "802.11bd"
        self.busy_ratio = np.empty(0)
        self.sent_at_once = self.sent_after_wait = self.internal_collisions = 0

    # ---- input

    def submit(self, frames: Frames) -> None:
        """Queue frames by the time they are ready."""
        columns = (
            frames.ready_ns, frames.frame, frames.sender, frames.sender_id, frames.sequence, frames.flow,
            frames.stream, frames.size_bytes,
        )
        rest = self.arrivals[self._next_arrival:]
        rest += map(Waiting._make, zip(*(column.tolist() for column in columns), strict=True))
        rest.sort()
        self.arrivals, self._next_arrival = rest, 0

    def foreign(self, air: Air) -> None:
        """Another radio's transmission, to begin in time."""
        self._push(air.start_ns, 0, _FOREIGN, air, 0)

    def new_tick(self, stations: Stations, busy_ratio: np.ndarray) -> None:
        """Read identities and powers, sort running countdowns into the new cells."""
        self._id = np.where(stations.active, stations.station_id, -1).tolist()
        power_mw = 10 ** (stations.tx_power_dbm / 10)
        self._power_mw, self._sensed_gain = power_mw.tolist(), (self.medium.sense_mw / power_mw).tolist()
        self.busy_ratio = busy_ratio
        self.counting = [{} for _ in self.medium.around]
        for key, contender in self.contenders.items():
            if contender.fire_ns >= 0:
                self.counting[self.medium.cell_of[contender.slot]][key] = contender
        if len(self._after) > 4 * len(self._id):
            self._after.clear()

    def forget(self, changed: np.ndarray, now_ns: int) -> None:
        """Slots that hold other stations now: their queues end unsent."""
        for slot in changed.tolist():
            self._own_end.pop(slot, None)
            gate = self.gates.pop(slot, None)
            queues = list(gate.queues) if gate else []
            for key in range(4 * slot, 4 * slot + 4):
                self._after.pop(key, None)
                contender = self.contenders.pop(key, None)
                if contender is not None:
                    contender.version += 1
                    queues.append(contender.queue)
            for frame in (frame for queue in queues for frame in queue):
                self.dropped.add(frame, now_ns, False)
                self.dropped.left += 1

    # ---- the clock

    def next_ns(self) -> int:
        """Time of the next event or arrival; ``NEVER`` if there is none."""
        first = self.events[0][0] if self.events else NEVER
        if self._next_arrival < len(self.arrivals):
            first = min(first, self.arrivals[self._next_arrival].ready_ns)
        return first

    def run(self, until_ns: int) -> None:
        """Everything before ``until_ns``; arrivals come first at equal times."""
        events, arrivals = self.events, self.arrivals
        place, count = self._next_arrival, len(arrivals)
        while True:
            event_ns = events[0][0] if events else NEVER
            if place < count and arrivals[place].ready_ns <= event_ns:
                frame = arrivals[place]
                if frame.ready_ns >= until_ns:
                    break
                place += 1
                self._arrive(frame)
                continue
            if event_ns >= until_ns:
                break
            now_ns, _, _, kind, what, version = heapq.heappop(events)
            self._now_ns = now_ns
            if kind >= _RELEASE:
                (self._release_blocked, self._fire_next, self._begin_foreign)[kind - _RELEASE](what)
            elif what.version == version:
                (self._fire, self._open)[kind](what, now_ns)
        self._next_arrival = place

    def _push(self, time_ns: int, rank: int, kind: int, what: Any, version: int) -> None:
        self._order += 1
        heapq.heappush(self.events, (time_ns, rank, self._order, kind, what, version))

    def _arrive(self, frame: Waiting) -> None:
        now_ns, slot = frame.ready_ns, frame.slot
        if self._id[slot] != frame.station_id:
            self.dropped.add(frame, now_ns, False)
            self.dropped.left += 1
        elif self.control is not None:
            gate = self._gate(slot)
            if self.policy.take(gate.queues[self.category[frame.flow]], frame, now_ns):
                self._push(now_ns + self.policy.budget_ns[frame.flow] + 1, 4, _GATE, Look(slot), 0)
            self._release(slot, now_ns)
        else:
            self._enqueue(frame, now_ns)

    def _enqueue(self, frame: Waiting, now_ns: int) -> None:
        """A frame enters its category's queue; alone there it looks at the medium at once."""
        slot, category = frame.slot, self.category[frame.flow]
        key = 4 * slot + category
        contender = self.contenders.get(key)
        if contender is not None:
            self.policy.take(contender.queue, frame, now_ns)
            return
        aifs_ns = self.edca.aifs_ns[category]
        busy_ns, last_ns = self.medium.state(slot, now_ns, now_ns - aifs_ns, now_ns - self.unseen_ns)
        own_ns = self._own_end.get(slot, _LONG_AGO)
        if own_ns > now_ns:
            busy_ns = max(busy_ns, own_ns)
        else:
            last_ns = max(last_ns, own_ns)
        after_ns = self._after.pop(key, None)
        if after_ns is not None and now_ns - after_ns < HISTORY_NS and self._still_backing_off(frame, after_ns, now_ns):
            return
        if not busy_ns and last_ns <= now_ns - aifs_ns and not self.idle_aifs:
            self.sent_at_once += 1
            self._transmit(slot, category, frame, now_ns)
            return
        contender = self._contend(slot, category, deque((frame,)))
        if busy_ns:
            self._wait_busy(contender, busy_ns)
            return
        unseen_ns, _ = self.medium.state(slot, now_ns, now_ns, now_ns)
        if unseen_ns:
            self._wait_busy(contender, unseen_ns)
        else:
            self._count_down(contender, now_ns if self.idle_aifs else max(last_ns, now_ns - aifs_ns))

    def _still_backing_off(self, frame: Waiting, sent_ns: int, now_ns: int) -> bool:
        """Replay the backoff after an own transmission; contend with what is left of it, if anything is."""
        category, slot = self.category[frame.flow], frame.slot
        backoff = self.edca.backoff(frame.station_id, category)
        aifs_ns, slot_ns = self.edca.aifs_ns[category], self.edca.slot_ns
        idle_ns = sent_ns
        for start_ns, end_ns in self.medium.intervals(slot, sent_ns, now_ns):
            free_ns = start_ns - idle_ns - aifs_ns
            if free_ns >= backoff * slot_ns:
                return False
            backoff -= max(0, free_ns) // slot_ns
            idle_ns = max(idle_ns, end_ns)
        if idle_ns + aifs_ns + backoff * slot_ns <= now_ns:
            return False
        contender = self._contend(slot, category, deque((frame,)))
        contender.backoff, contender.drawn = backoff, True
        if idle_ns > now_ns:
            self._block(contender, idle_ns)
        else:
            self._count_down(contender, idle_ns)
        return True

    # ---- contention

    def _contend(self, slot: int, category: int, queue: deque[Waiting]) -> Contender:
        contender = Contender(slot, category, queue)
        self.contenders[contender.key] = contender
        return contender

    def _wait_busy(self, contender: Contender, until_ns: int) -> None:
        """Draw a backoff if this attempt has none yet, and look again when the medium gets idle."""
        if not contender.drawn:
            contender.backoff = self.edca.backoff(self._id[contender.slot], contender.category)
            contender.drawn = True
        self._block(contender, until_ns)

    def _block(self, contender: Contender, until_ns: int) -> None:
        """Look again at that time; all that wait for one instant share an event."""
        waiting = self.blocked.get(until_ns)
        if waiting is None:
            waiting = self.blocked[until_ns] = []
            self._push(until_ns, 0, _RELEASE, until_ns, 0)
        waiting.append((contender, contender.version))

    def _release_blocked(self, now_ns: int) -> None:
        """What made the medium busy for these has ended; those it is idle for now count down together."""
        blocked = self.blocked.pop(now_ns)
        if len(blocked) <= 2:
            for contender, version in blocked:
                if contender.version == version and self._recheck(contender, now_ns, None):
                    self._count_down(contender, now_ns)
            return
        alive: dict[int, bool] = {}
        ready = [c for c, version in blocked if c.version == version and self._recheck(c, now_ns, alive)]
        for contender in ready:
            self._set_fire(contender, now_ns)
        if len(ready) == 1:
            self._push(ready[0].fire_ns, ready[0].category, _FIRE, ready[0], ready[0].version)
        elif ready:
            group = sorted((c.fire_ns, c.category, c.key, c.version, c) for c in ready)
            group.reverse()
            self._push(group[-1][0], group[-1][1], _GROUP, group, 0)

    def _fire_next(self, group: list[tuple[int, int, int, int, Contender]]) -> None:
        """The next (last in the list) of several countdowns that began together; frozen ones are passed over."""
        while group:
            time_ns, category, _, version, contender = group[-1]
            if contender.version != version:
                group.pop()
            elif time_ns > self._now_ns:
                self._push(time_ns, category, _GROUP, group, 0)
                return
            else:
                group.pop()
                self._fire(contender, time_ns)

    def _set_fire(self, contender: Contender, idle_ns: int) -> None:
        contender.idle_ns = idle_ns
        contender.fire_ns = idle_ns + self.edca.aifs_ns[contender.category] + contender.backoff * self.edca.slot_ns
        self.counting[self.medium.cell_of[contender.slot]][contender.key] = contender

    def _count_down(self, contender: Contender, idle_ns: int) -> None:
        """The medium is idle since then: AIFS and the remaining slots run."""
        self._set_fire(contender, idle_ns)
        self._push(contender.fire_ns, contender.category, _FIRE, contender, contender.version)

    def _freeze(self, contender: Contender, now_ns: int, until_ns: int) -> None:
        """The medium gets busy: whole idle slots count, the rest waits."""
        idle_ns = now_ns - contender.idle_ns - self.edca.aifs_ns[contender.category]
        if idle_ns > 0:
            contender.backoff -= min(contender.backoff, idle_ns // self.edca.slot_ns)
        self._stop(contender)
        self._wait_busy(contender, until_ns)

    def _stop(self, contender: Contender) -> None:
        contender.fire_ns = -1
        contender.version += 1
        self.counting[self.medium.cell_of[contender.slot]].pop(contender.key, None)

    def _recheck(self, contender: Contender, now_ns: int, alive: dict[int, bool] | None) -> bool:
        """What made the medium busy has ended: whether it is idle now (else wait on, or leave without a frame).

        ``alive`` remembers whether any frame is on the air around a cell (None: not worth it).
        """
        self.policy.expire(contender.queue, now_ns)
        if not contender.queue:
            self._leave(contender, now_ns)
            return False
        busy_ns = self._own_end.get(contender.slot, _LONG_AGO)
        cell = self.medium.cell_of[contender.slot]
        if alive is not None and cell not in alive:
            alive[cell] = self.medium.on_air(cell, now_ns)
        if alive is None or alive[cell]:
            busy_ns = max(busy_ns, self.medium.state(contender.slot, now_ns, now_ns, now_ns)[0])
        if busy_ns > now_ns:
            self._block(contender, busy_ns)
            return False
        return True

    def _fire(self, contender: Contender, now_ns: int) -> None:
        """The countdown is over."""
        self._stop(contender)
        self.policy.expire(contender.queue, now_ns)
        if not contender.queue:
            self._leave(contender, now_ns)
            return
        frame = contender.queue.popleft()
        self.sent_after_wait += 1
        if not contender.queue:
            del self.contenders[contender.key]
        self._transmit(contender.slot, contender.category, frame, now_ns)
        if contender.queue:
            contender.drawn = False
            self._wait_busy(contender, self._own_end[contender.slot])
            self._after.pop(contender.key, None)

    def _leave(self, contender: Contender, now_ns: int) -> None:
        """Nothing left to send."""
        del self.contenders[contender.key]
        contender.version += 1
        if self.control is not None:
            self._gate(contender.slot).handed = False
            self._release(contender.slot, now_ns)

    # ---- transmission

    def _transmit(self, slot: int, category: int, frame: Waiting, now_ns: int) -> None:
        airtime_ns = self._airtime.get(frame.size_bytes)
        if airtime_ns is None:
            airtime_ns = self._airtime[frame.size_bytes] = self.waveform.airtime_ns(frame.size_bytes)
        copies = 1
        if self._repeats:
            copies += bd_repetitions(float(self.busy_ratio[slot]))
            airtime_ns = copies * airtime_ns + (copies - 1) * self.edca.sifs_ns
        end_ns = now_ns + airtime_ns
        air = Air(slot, self.medium.view, now_ns, end_ns, self._power_mw[slot], self._sensed_gain[slot])
        air.copies = copies
        self._own_end[slot] = end_ns
        self._after[4 * slot + category] = end_ns
        self.started.append((air, frame, category))
        self.medium.add(air)
        self._notify(air, now_ns)
        if self.control is not None:
            gate = self._gate(slot)
            gate.handed, gate.sent_ns, gate.airtime_ns = False, now_ns, airtime_ns
            gate.delay_ns = self.edca.gate_delay_ns(frame.station_id, frame.sequence)
            gate.open_ns = now_ns + self.control.off_ns(slot, airtime_ns) + gate.delay_ns
            if gate.waits():
                gate.version += 1
                self._push(gate.open_ns, 4, _GATE, Opening(slot, gate), gate.version)

    def _begin_foreign(self, air: Air) -> None:
        """Energy of another radio appears."""
        air.view = self.medium.view
        air.column = air.view.column[air.slot]
        if air.column < 0:
            return
        self._own_end[air.slot] = max(self._own_end.get(air.slot, _LONG_AGO), air.end_ns)
        self.medium.energy_matters = True
        self.started.append((air, None, -1))
        self.medium.add(air)
        self._notify(air, air.start_ns)

    def _notify(self, air: Air, now_ns: int) -> None:
        """Countdowns that sense the frame freeze; those about to end do not notice it any more."""
        counting, medium, unseen_ns = self.counting, self.medium, self.unseen_ns
        near: list[Contender] = []
        for cell in medium.around[air.cell]:
            if counting[cell]:
                near += counting[cell].values()
        sensed = medium.sensed_by_all(air) if len(near) > _MANY else None
        for contender in near:
            if contender.slot == air.slot:
                if contender.fire_ns == now_ns:
                    self.internal_collisions += 1
                    contender.drawn = False
                self._freeze(contender, now_ns, air.end_ns)
            elif contender.fire_ns - now_ns >= unseen_ns and (
                medium.senses(air, contender.slot) if sensed is None else sensed[contender.slot]
            ):
                until_ns = air.end_ns
                if medium.energy_matters:
                    until_ns = medium.state(contender.slot, now_ns, now_ns, now_ns)[0] or until_ns
                self._freeze(contender, now_ns, until_ns)

    # ---- congestion control

    def _gate(self, slot: int) -> Gate:
        gate = self.gates.get(slot)
        if gate is None:
            gate = self.gates[slot] = Gate()
        return gate

    def _release(self, slot: int, now_ns: int) -> None:
        """Hand the most urgent frame to EDCA if the gate is open and none is on its way."""
        gate = self.gates[slot]
        for queue in gate.queues:
            self.policy.expire(queue, now_ns)
        if gate.handed or not gate.waits():
            return
        if now_ns < gate.open_ns:
            gate.version += 1
            self._push(gate.open_ns, 4, _GATE, Opening(slot, gate), gate.version)
            return
        gate.handed = True
        self._enqueue(next(queue for queue in gate.queues if queue).popleft(), now_ns)

    def _open(self, opening: Opening | Look, now_ns: int) -> None:
        if opening.slot in self.gates:
            self._release(opening.slot, now_ns)

    def rates_changed(self, now_ns: int) -> None:
        """Congestion control has new off times: gates that hold frames open earlier or later."""
        assert self.control is not None
        for slot, gate in self.gates.items():
            if gate.airtime_ns:
                gate.open_ns = gate.sent_ns + self.control.off_ns(slot, gate.airtime_ns) + gate.delay_ns
            if gate.waits():
                gate.version += 1
                self._push(max(now_ns, gate.open_ns), 4, _GATE, Opening(slot, gate), gate.version)

    def counts(self) -> dict[str, int]:
        """What happened so far."""
        d = self.dropped
        return {
            "sent_at_once": self.sent_at_once, "sent_after_wait": self.sent_after_wait,
            "backoffs_drawn": self.edca.draws, "internal_collisions": self.internal_collisions,
            "dropped_replaced": d.replaced, "dropped_late": d.expired, "dropped_queue_full": d.overflowed,
            "dropped_station_left": d.left,
        }
