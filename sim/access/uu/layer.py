"""Uu: every frame goes up to a V2X server and from there down to the receivers around its sender."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sim.access.bystanders import within
from sim.access.uu.books import LOST_ON_AIR, NEVER_SENT, Books, Ended
from sim.access.uu.packets import Packets, split_ns
from sim.access.uu.parts import OPERATORS, Downlink, Uplink, internet_distribution, peering_distribution
from sim.access.uu.path import Line, parts_down, parts_up
from sim.access.uu.provenance import provenance
from sim.access.uu.serving import Serving, shared_copies
from sim.access.uu.split import DelaySplit
from sim.clock import MS, NEVER
from sim.frames import Flow, Frames, Kind, Outcome, Receptions
from sim.world.stations import Stations

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema.radio import Radio

PS_PER_NS = 1000
LONGEST_PACKET_BYTES = 9000
"""Longest packet of the radio's upper layer (TS 38.323 clause 4.3.1)."""


class UuPath:
    """The access layer of stations with a mobile subscription: uplink, transport, core, server, back down.

    A frame starts when it is ready; it ends with the last of its links. Links exist to every station within
    ``report_distance_m`` of the sender at the start (the area served); each has its own time of arrival
    (``Receptions.received_ns``). Losses on either radio are ``PROPAGATION``; what an overloaded cell or queue never
    passes on is ``NEVER_SENT``, and the frame counts as unsent if that was its own uplink.
    """

    def __init__(
        self,
        radio: Radio,
        flows: list[Flow],
        stations: Stations,
        seed: int,
        ring_length_m: float | None = None,
        report_distance_m: float = 500.0,
        scene: Scene | None = None,
    ) -> None:
        self.settings = settings = radio.uu
        peering_distribution(settings), internet_distribution(settings)
        self.ring_m = ring_length_m or stations.ring_m
        self.report_distance_m = report_distance_m
        self.limit_ps = round(settings.discard_after_ms * MS) * PS_PER_NS
        self.uplink, self.downlink = Uplink(settings, seed), Downlink(settings, seed)
        buffer_ps = round(settings.buffer_ms * MS) * PS_PER_NS
        self.up = Line(parts_up(settings, seed), buffer_ps, self.limit_ps)
        self.down = Line([*parts_down(settings, seed), self.downlink], buffer_ps, self.limit_ps)
        self.books, self.split = Books(), DelaySplit()
        self.serving = Serving(settings)
        self._waiting: list[Frames] = []
        self._now_ns = 0
        self._slots = np.empty(0, np.int64)
        self._split_of_last = self._no_split = (split_ns(Packets.none().spent_ps), np.empty(0, np.int64))
        self._counts = dict.fromkeys(
            ("uu_uplink_lost", "uu_uplink_overload", "uu_discarded", "uu_copies", "uu_crossed_operators",
             "uu_downlink_lost", "uu_downlink_overload", "uu_receiver_left"), 0)

    # ---- the Protocol

    def submit(self, frames: Frames) -> None:
        """Queue frames; ValueError if one was ready before the time already advanced to."""
        if not len(frames):
            return
        first = int(frames.ready_ns.min())
        if first < self._now_ns:
            raise ValueError(f"frames: ready_ns {first} lies before {self._now_ns}, to which the layer has advanced")
        self._waiting.append(frames)

    def next_due_ns(self) -> int:
        """When the next packet enters a part of the path or a frame ends; ``NEVER`` if idle."""
        times = [int(frames.ready_ns.min()) for frames in self._waiting]
        times += [-(-line.first_ps() // PS_PER_NS) for line in (self.up, self.down)]
        end_ps = self.books.first_end_ps()
        if end_ps is not None:
            times.append(end_ps // PS_PER_NS)
        return min(times, default=NEVER)

    def stations_changed(self, stations: Stations) -> None:
        """A new tick: the loads of cells that hold for it are those of the last second."""
        self._slots = np.flatnonzero(stations.active)
        self.serving.update(stations)
        for radio in (self.uplink, self.downlink):
            radio.loads.tick(stations.tick_start_ns)

    def advance(self, now_ns: int, stations: Stations) -> Receptions:
        """Let frames start and packets enter parts up to ``now_ns``; frames that ended by then."""
        self._now_ns = max(self._now_ns, now_ns)
        now_ps = now_ns * PS_PER_NS
        parts = []
        ready = self._ready(now_ns)
        if len(ready):
            gone = self._begin(ready, stations)
            if gone is not None:
                parts.append(gone)
        arrived, dropped = self.up.advance(now_ps)
        self._discard(dropped, self.books.end_frames)
        self._copy(arrived)
        copies, dropped = self.down.advance(now_ps)
        self._discard(dropped, self.books.end_copies)
        if len(copies):
            self.books.end_copies(
                copies.owner, int(Outcome.DELIVERED), copies.time_ps, copies.spent_ps, copies.error_ratio,
                copies.overload_ratio,
            )
        self._split_of_last = self._no_split
        ended = self.books.ended((now_ns + 1) * PS_PER_NS)
        if ended is not None:
            parts.append(self._receptions(ended, stations))
        return Receptions.joined(parts)

    def largest_frame_bytes(self, sender: Kind) -> int:
        """The radio segments; its longest packet has 9000 octets."""
        return LONGEST_PACKET_BYTES

    def counts(self) -> dict[str, int]:
        """Frames lost or held up on the uplink, copies, crossings between operators, links lost and why."""
        return dict(self._counts)

    def busy_ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """(active slots, 0): a scheduled carrier is not sensed; its load is :meth:`cell_loads`."""
        return self._slots, np.zeros(len(self._slots))

    def provenance(self) -> dict[str, str]:
        """Parts, tables and settings in use."""
        return provenance(self.settings, self.report_distance_m)

    # ---- beyond the Protocol

    def cell_loads(self) -> dict[str, np.ndarray]:
        """Columns ``cell``, ``operator``, ``uplink_pps``, ``downlink_pps``: load of every cell that had one in the last
        second, in packets of the radio table's size per second."""
        loads = [radio.loads.load_pps for radio in (self.uplink, self.downlink)]
        table = np.zeros((2, max(map(len, loads))))
        for row, load in zip(table, loads, strict=True):
            row[:len(load)] = load
        used = np.flatnonzero(table.any(axis=0))
        return {
            "cell": used // OPERATORS, "operator": used % OPERATORS, "uplink_pps": table[0, used],
            "downlink_pps": table[1, used],
        }

    def last_split(self) -> np.ndarray:
        """(links, parts) ns, the delay of every link of the batch that ``advance`` returned last, by part
        (:data:`sim.access.uu.packets.PARTS`); for links that arrived the row's sum is arrival minus start."""
        split, copy = self._split_of_last
        return split[copy]

    # ---- inside

    def _ready(self, now_ns: int) -> Frames:
        if not self._waiting:
            return Frames.concatenate([])
        frames = Frames.concatenate(self._waiting)
        due = frames.ready_ns <= now_ns
        self._waiting = [] if due.all() else [frames.take(np.flatnonzero(~due))]
        return frames.take(np.flatnonzero(due))

    def _begin(self, frames: Frames, stations: Stations) -> Receptions | None:
        """Start frames; those whose station has left end here, unsent."""
        present = stations.active[frames.sender] & (stations.station_id[frames.sender] == frames.sender_id)
        gone = frames.take(np.flatnonzero(~present))
        frames = frames.take(np.flatnonzero(present))
        if len(frames):
            packets = self._enter(frames, stations)
            lost, blocked = self.uplink.send(packets)
            late = ~lost & ~blocked & (packets.time_ps > packets.start_ps + self.limit_ps)
            self._end_on_uplink(packets, lost, blocked, late)
            self.up.offer(packets.take(np.flatnonzero(~(lost | blocked | late))))
        return _unsent(gone) if len(gone) else None

    def _enter(self, frames: Frames, stations: Stations) -> Packets:
        """Enter frames, copies and links into the books; the frames as packets."""
        row, receiver, distance = within(
            stations, frames.sender, frames.ready_ns, self.report_distance_m, self.ring_m
        )
        if len(self.serving.cell) < stations.size:
            self.serving.update(stations)
        cell, operator = self.serving.cell[frames.sender], self.serving.operator[frames.sender]
        of_row, place = row, np.arange(len(row))
        to_cell, to_operator = self.serving.cell[receiver], self.serving.operator[receiver]
        unicast = self.settings.downlink == "unicast"
        if not unicast:
            of_row, to_cell, to_operator, place = shared_copies(row, cell, to_cell, to_operator, len(frames))
        count, links = np.bincount(of_row, minlength=len(frames)), np.bincount(row, minlength=len(frames))
        before = np.cumsum(count) - count
        books = self.books
        ids = books.frames.append(
            frame=frames.frame, sender=frames.sender, sender_id=frames.sender_id, sequence=frames.sequence,
            size_bytes=frames.size_bytes, cell=cell, operator=operator, start_ps=frames.ready_ns * PS_PER_NS,
            first_copy=books.copies.next_id + before, copies=count, left=count + 1, sent=np.ones(len(frames), bool),
            tick=np.full(len(frames), self.serving.tick), links=links,
        )
        books.copies.append(
            owner=ids[of_row], to_cell=to_cell, to_operator=to_operator,
            receiver_id=stations.station_id[receiver] if unicast else np.full(len(of_row), -1),
        )
        books.links.append(receiver, place - before[row], distance)
        return Packets.starting(
            ids, frames.sender_id, frames.sequence, frames.size_bytes, frames.ready_ns * PS_PER_NS, cell, operator
        )

    def _end_on_uplink(self, p: Packets, lost: np.ndarray, blocked: np.ndarray, late: np.ndarray) -> None:
        self._counts["uu_uplink_lost"] += int(lost.sum())
        self._counts["uu_uplink_overload"] += int(blocked.sum())
        self._counts["uu_discarded"] += int(late.sum())
        ends = np.where(late, p.start_ps + self.limit_ps, np.where(blocked, p.start_ps, p.time_ps))
        for which, outcome, sent in ((lost, LOST_ON_AIR, True), (blocked, NEVER_SENT, False), (late, NEVER_SENT, True)):
            rows = np.flatnonzero(which)
            self.books.end_frames(p.owner[rows], outcome, ends[rows], p.spent_ps[rows], sent)

    def _copy(self, frames: Packets) -> None:
        """Frames leave the server: one packet per copy."""
        if not len(frames):
            return
        each, ids = self.books.copies_of(frames.owner)
        self.books.leave_server(frames.owner, frames.time_ps)
        copies = frames.take(each)
        rows = self.books.copies.rows(ids)
        copies.owner = ids
        for name in ("to_cell", "to_operator", "receiver_id"):
            setattr(copies, name, self.books.copies[name][rows])
        self._counts["uu_copies"] += len(ids)
        self._counts["uu_crossed_operators"] += int((copies.operator != copies.to_operator).sum())
        self.down.offer(copies)

    def _discard(self, dropped: Packets, end: Callable[..., None]) -> None:
        if len(dropped):
            self._counts["uu_discarded"] += len(dropped)
            end(dropped.owner, NEVER_SENT, dropped.time_ps, dropped.spent_ps)

    def _receptions(self, ended: Ended, stations: Stations) -> Receptions:
        frames, copies = ended.frames, ended.copies
        row, copy, receiver, distance_m = ended.row, ended.copy, ended.receiver.astype(np.int64), ended.distance_m
        left = self.serving.since_tick[receiver] > frames["tick"][row]
        if left.any():
            self._counts["uu_receiver_left"] += int(left.sum())
            row, copy, receiver, distance_m = row[~left], copy[~left], receiver[~left], distance_m[~left]
        outcome = self._outcome(ended, copy, row, stations.station_id, receiver)
        split = split_ns(copies["spent_ps"])
        self.split.add(split, np.bincount(copy[outcome == Outcome.DELIVERED], minlength=len(split)))
        self._split_of_last = split, copy
        nothing = np.full(len(row), np.nan, np.float32)
        return Receptions(
            frames["frame"], frames["sender"], frames["start_ps"] // PS_PER_NS, frames["end_ps"] // PS_PER_NS,
            frames["sent"], row, receiver, distance_m, outcome, outcome.copy(), nothing,
            nothing.copy(), {"uu_cell": frames["cell"], "uu_copies": frames["copies"]}, np.zeros(len(frames["frame"])),
            (copies["end_ps"] // PS_PER_NS)[copy],
        )

    def _outcome(
        self, ended: Ended, copy: np.ndarray, row: np.ndarray, station_id: np.ndarray, receiver: np.ndarray
    ) -> np.ndarray:
        """Outcome of links: that of their copy, and the downlink's own losses."""
        outcome: np.ndarray = ended.copies["outcome"][copy]
        errors, overload = ended.copies["error_ratio"], ended.copies["overload_ratio"]
        risky = np.flatnonzero((errors + overload > 0)[copy])
        if not len(risky):
            return outcome
        copy, row, frames = copy[risky], row[risky], ended.frames
        receiver_id = station_id[receiver[risky]]
        uniform = self.downlink.loss_draw(frames["sender_id"][row], frames["sequence"][row], receiver_id)
        lost = uniform < errors[copy]
        blocked = ~lost & (uniform < errors[copy] + overload[copy])
        outcome[risky[lost]], outcome[risky[blocked]] = LOST_ON_AIR, NEVER_SENT
        self._counts["uu_downlink_lost"] += int(lost.sum())
        self._counts["uu_downlink_overload"] += int(blocked.sum())
        return outcome


def _unsent(frames: Frames) -> Receptions:
    """Frames of stations that have left: nobody is counted as their receiver."""
    i, f = np.empty(0, np.int64), np.empty(0, np.float32)
    o = np.empty(0, np.int8)
    minus = np.full(len(frames), -1)
    return Receptions(
        frames.frame, frames.sender, frames.ready_ns, frames.ready_ns.copy(), np.zeros(len(frames), bool), i, i, f, o,
        o, f, f, {"uu_cell": minus, "uu_copies": np.zeros(len(frames), np.int64)}, np.zeros(len(frames)), i,
    )
