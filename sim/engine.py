"""The SimPy processes of one run: channel, traffic, signals and services, in one order at equal times."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from rsu.compatibility import Reading
from rsu.generation.cam import CAM
from rsu.geodesy import epoch_year
from rsu.profile import Candidate
from sim.access.base import AccessLayer
from sim.access.build import build_access
from sim.channel.outlines import build_scene
from sim.clock import ns_from_ms
from sim.frames import Kind, Receptions
from sim.ledger import Ledger
from sim.link.fairness import table_warnings
from sim.listeners import Listeners, Surroundings
from sim.metrics import KPIS, Context, Kpi, Tick, build
from sim.metrics.base import Border, EventPath
from sim.metrics.channel import Channel
from sim.metrics.coverage import Coverage
from sim.metrics.roadside_gaps import roadside_messages
from sim.pipeline import Pipeline
from sim.receivers.base import Here
from sim.receivers.hearing import Hearing
from sim.receivers.relevance import Relevance
from sim.receivers.zones import Zones
from sim.scenario.loader import LoadedScenario
from sim.second_phase import SecondPhase, asked_for, silent
from sim.senders.rate_control import RateControl
from sim.senders.speakers import Speaker, Speakers
from sim.senders.units import AllUnits, border_places
from sim.senders.vehicles import VehicleSender
from sim.stopwatch import Stopwatch
from sim.timeline import timeline_of
from sim.trace import TraceWriter
from sim.world.approaches import Approaches
from sim.world.build import World
from sim.world.described import margin_m

TRAFFIC_ONLY_COST = 0.1
"""Cost of a simulated second without radio over one with it (measured on demo-zone), for the progress bar only."""

STATIONS_AT_ONCE = 2500
LINKS_AT_ONCE = 400_000
"""With more stations, or more receptions in the tick before, the receptions of a tick are handled in pieces, to bound
memory; results are the same."""

_OF_THE_RUN = ("latency", "channel", "round_trips", "roadside_gaps", "position", "generation")
VIEW_KPIS = tuple(name for name in KPIS if name not in _OF_THE_RUN)
"""What is measured of a view: whatever depends on what receivers accept."""

Report = Callable[[float, str], None]


class Engine:
    """Builds everything a run needs and moves it through time.

    Order at a tick boundary: the channel finishes the old tick and its receptions are judged, then traffic moves, then
    vehicles generate the messages of the new tick. Units generate theirs at their own instants in between.
    """

    def __init__(
        self, loaded: LoadedScenario, trace: TraceWriter | None = None, *, traffic_save: str | Path | None = None,
        traffic_load: str | Path | None = None,
    ) -> None:
        config = self.config = loaded.config
        self.world = World(loaded, traffic_save=traffic_save, traffic_load=traffic_load)
        world = self.world
        times = timeline_of(config)
        self.tick_ns, self.radio_from_ns, self.from_ns = times.tick_ns, times.radio_from_ns, times.from_ns
        self.to_ns, self.end_ns = times.to_ns, times.end_ns
        self.speakers = Speakers(config, loaded.candidate, asked_for(config, world.units))
        first = self.speakers[0]
        self.profile, self.message_set, self.flows = first.profile, first.message_set, dict(first.flows)
        """Of the first speaker, which is everybody where one profile holds everywhere."""
        flows = list(self.speakers.links)
        self._awareness_flows = [flow.index for flow in flows if flow.service == "BSM"]
        self.ledger = Ledger()
        ring_m = world.corridor.ring_length_m
        self.scene = build_scene(config, world.corridor.from_lonlat, ring_m)
        self.access: AccessLayer = build_access(config, flows, world.stations, ring_m, self.scene)
        self.env = simpy.Environment()
        self.stopwatch = Stopwatch()
        self.envelopes = dict(first.envelopes)
        self.controls = [self._rate_control(speaker) for speaker in self.speakers.speakers]
        homes = self.speakers.of_place if len(self.speakers) > 1 else None
        self.vehicles = [
            VehicleSender(world, speaker, self.ledger, control, homes)
            for speaker, control in zip(self.speakers.speakers, self.controls, strict=True)
        ]
        self.roadside = AllUnits(
            self.env, world, self.speakers, loaded.candidate, self.ledger, self.access,
            begin_ns=self.radio_from_ns, measured=(self.from_ns, self.to_ns),
        )
        self.here = Here(world)
        self.approaches = Approaches(world, config.measure.approach_m, margin_m(world, "SPAT"))
        self.zones = Zones(world, self.here, self.approaches, self.roadside.sensing)
        context = self._context(flows)
        self.kpis = build(context)
        self.second_phases = [
            SecondPhase(self.env, roadside, vehicles, self.ledger, self.kpis, self._follow_radio, homes)
            for roadside, vehicles in zip(self.roadside.own, self.vehicles, strict=True)
        ]
        readings = [Reading(speaker.profile, epoch_year(world.utc0_ns)) for speaker in self.speakers.speakers]
        self._relevance = Relevance(
            world, flows, self.roadside, self.zones, self.approaches, self.here, self.ledger, readings
        )
        self.pipeline = self._pipeline(loaded.candidate, self.kpis, trace)
        self.view_kpis = {view.name: build(context, VIEW_KPIS) for view in loaded.views}
        """Figures of every view: further candidates whose receivers judge the same radio run."""
        self.pipelines = [
            self.pipeline, *(self._pipeline(view, self.view_kpis[view.name]) for view in loaded.views),
        ]
        self._radio_ns = self.radio_from_ns
        self._links = 0
        if any(self.controls):
            self.pipeline.taps.append(self._hear_vehicles)
        self._marks: list[dict[str, int]] = []
        self.vehicles_seen: set[int] = set()
        self.equipped_seen: set[int] = set()

    def run(self, report: Report | None = None) -> None:
        """Move through warm-ups, measured time and drain; ``report(fraction, text)`` tells how far it is."""
        self.report = report or (lambda fraction, text: None)
        self.world.start(0)
        self.world.signals.run(self.env)
        self.env.process(self._traffic())
        self.roadside.start()
        steps_ns = [phase.step_ns(self.pipeline) for phase in self.second_phases]
        for phase in self.second_phases:
            phase.start()
        wanted_ns = [step_ns for step_ns in steps_ns if step_ns is not None]
        if wanted_ns:
            self.env.process(self._radio_steps(-(-self.tick_ns // min(wanted_ns))))
        self.env.run(until=self.end_ns + 1)

    def _follow_radio(self, now_ns: int) -> None:
        """Advance the radio channel to now, in as few pieces as memory allows, judged piece by piece."""
        begin_ns, self._radio_ns = self._radio_ns, now_ns
        if now_ns <= begin_ns:
            return
        pieces = 1 + max(int(self.world.stations.active.sum()) // STATIONS_AT_ONCE, self._links // LINKS_AT_ONCE)
        links_before = self.pipeline.links
        for piece in range(1, pieces + 1):
            with self.stopwatch.of("radio"):
                until_ns = begin_ns + piece * (now_ns - begin_ns) // pieces
                receptions = self.access.advance(until_ns, self.world.stations)
            with self.stopwatch.of("receivers and KPIs"):
                for pipeline in self.pipelines:
                    pipeline.deliver(receptions)
                self.ledger.close(receptions.frame)
        self._links = (self.pipeline.links - links_before) * self.tick_ns // (now_ns - begin_ns)

    def _radio_steps(self, count: int) -> Generator[simpy.Event, Any, None]:
        """Follow the radio ``count`` times per tick; the last time belongs to the traffic tick."""
        yield self.env.timeout(self.radio_from_ns)
        while True:
            begin_ns = int(self.env.now)
            for step in range(1, count):
                yield self.env.timeout(begin_ns + step * self.tick_ns // count - int(self.env.now))
                self._follow_radio(int(self.env.now))
            yield self.env.timeout(begin_ns + self.tick_ns - int(self.env.now))

    def _traffic(self) -> Generator[simpy.Event, Any, None]:
        """The traffic tick, and with it everything that follows from positions."""
        while True:
            now_ns = int(self.env.now)
            if now_ns > self.radio_from_ns:
                self._follow_radio(now_ns)
            with self.stopwatch.of("traffic"):
                self.world.step(now_ns, now_ns + self.tick_ns)
            self._count_vehicles(now_ns)
            for vehicles in self.vehicles:
                vehicles.stations_changed()
                vehicles.record_paths(now_ns)
            if now_ns >= self.radio_from_ns:
                self._radio_tick(now_ns)
            self.report(*self._progress(now_ns))
            yield self.env.timeout(self.tick_ns)

    def _radio_tick(self, now_ns: int) -> None:
        end_ns = now_ns + self.tick_ns
        stations = self.world.stations
        if now_ns == self.radio_from_ns:
            stations.changed = self.world.vehicle_slots()
        with self.stopwatch.of("radio"):
            if self.scene is not None:
                self.scene.update(self.world.fleet, stations.first_vehicle)
            self.access.stations_changed(stations)
        for part in (self.here, self.approaches, self.zones):
            part.update()
        for phase in self.second_phases:
            phase.tick(now_ns)
        for pipeline in self.pipelines:
            pipeline.listeners.begin_tick()
        if now_ns < self.to_ns:
            with self.stopwatch.of("vehicle messages"):
                self._send(now_ns, end_ns)
        if now_ns in (self.from_ns, self.to_ns):
            self._marks.append(self._counters())
        if self.from_ns <= now_ns < self.to_ns:
            with self.stopwatch.of("radio"):
                busy = self.access.busy_ratio()
            with self.stopwatch.of("receivers and KPIs"):
                self._observe(now_ns, busy)

    def _send(self, now_ns: int, end_ns: int) -> None:
        """Hand everything that vehicles and pedestrians generate in this tick to the radio."""
        for vehicles in self.vehicles:
            for frames in vehicles.frames(now_ns, end_ns, self.from_ns, self.to_ns):
                self.access.submit(frames)
        for phase in self.second_phases:
            for frames in phase.frames(now_ns, end_ns, (self.from_ns, self.to_ns)):
                self.access.submit(frames)

    def _hear_vehicles(self, receptions: Receptions, links: np.ndarray) -> None:
        """Let every rate control know who heard whom."""
        row = receptions.row[links]
        own = np.isin(self.ledger.column("flow", receptions.frame[row]), self._awareness_flows)
        links = links[own & (self.world.stations.kind[receptions.receiver[links]] == Kind.VEHICLE)]
        frames = receptions.frame[receptions.row[links]]
        sender = self.world.stations.station_id[self.ledger.column("sender", frames)]
        for control in self.controls:
            if control is not None:
                control.heard(receptions, links, sender, self.ledger.column("sequence", frames) & 127)

    def _observe(self, now_ns: int, busy: tuple[np.ndarray, np.ndarray]) -> None:
        stations, zones = self.world.stations, self.zones
        probes = stations.probes
        vehicles = slice(stations.first_vehicle, stations.size)
        tick = Tick(
            now_ns, self.tick_ns, stations, zones.classes(probes, now_ns),
            zones.classes(vehicles, now_ns) & stations.active[vehicles], busy, self._position_error_m(now_ns),
        )
        for kpis in (self.kpis, *self.view_kpis.values()):
            for kpi in kpis.values():
                kpi.tick(tick)

    def _position_error_m(self, now_ns: int) -> tuple[np.ndarray, np.ndarray] | None:
        """(slots of equipped vehicles, error of the place each believes to be at); None without an error model."""
        if self.world.gnss.exact:
            return None
        slots = self.world.vehicle_slots()
        east_m, north_m = self.world.gnss.errors(slots, now_ns)[:2]
        return slots, np.hypot(east_m, north_m)

    def _pipeline(self, candidate: Candidate, kpis: Mapping[str, Kpi], trace: TraceWriter | None = None) -> Pipeline:
        """The stages after the radio as the receivers of a candidate have them."""
        coverage = kpis.get("coverage")
        world = self.world
        nodes = {unit.index: self.roadside.nodes_of(unit) for unit in world.units}
        around = Surroundings(world, self.here, self.approaches, self.zones, lambda slot: nodes[slot])
        listeners = Listeners(
            self.config, candidate, self.speakers, around, coverage if isinstance(coverage, Coverage) else None,
            partial(self._listen_second, act=kpis is self.kpis),
        )
        return Pipeline(
            self.config, self.speakers.links, self.ledger, world.stations, listeners, kpis, trace,
            clock_offset_ns=lambda: world.clock_offset_ns, relevance=self._relevance,
        )

    def _listen_second(self, hearing: Hearing, *, act: bool) -> None:
        """Add the receivers of the second phase that this message set has; ``act``: not those of a view."""
        for phase in self.second_phases:
            if phase.speaker.message_set is hearing.reading.own:
                hearing.listen(phase.receivers(hearing.reading, self.second_phases, act=act))

    def _units_of(self, speaker: Speaker) -> list[int]:
        return [unit.index for unit in self.roadside.own[speaker.index].units]

    def _rate_control(self, speaker: Speaker) -> RateControl | None:
        """What the scenario asks for, else what belongs to the message set; only periodic messages are controlled."""
        name: str = self.config.bsm.congestion_control
        if name == "auto":
            name = speaker.message_set.native.congestion_control
        if name == "none" or speaker.message_set.generation != "periodic":
            return None
        stations = self.world.stations
        powered = stations if self.config.radio.mode4.power_control else None
        return RateControl(name, stations.size, self.config.seed, self.access.busy_ratio, powered)

    def _context(self, flows: list[Any]) -> Context:
        config = self.config
        names = tuple(j.id for j in config.corridor.jurisdictions)
        period_ns: dict[str, int] = {}
        for flow in flows:
            period_ns.setdefault(flow.message, flow.period_ns)
        for speaker in self.speakers.speakers:
            if speaker.message_set.generation == "cam":
                period_ns[speaker.message_set.awareness] = ns_from_ms(CAM.longest_interval_ms)
        shares = {home.jurisdiction: home.share for home in config.traffic.homes}
        return Context(
            tuple(period_ns), names, self.from_ns, self.to_ns, config.measure, period_ns, self.message_set.awareness,
            self.world.probes.grid, _home_shares(names, shares), roadside_messages(flows, self.roadside.sends()),
            units=tuple(unit.id for unit in self.world.units),
            unit_operators=tuple(names[u.jurisdiction] if u.jurisdiction >= 0 else "" for u in self.world.units),
            services={flow.message: flow.service for flow in flows if flow.service},
            borders=tuple(Border(*border) for border in border_places(self.world)), events=self._event_paths(),
            told=self._events_told(),
        )

    def _event_paths(self) -> tuple[EventPath, ...]:
        senders = self.roadside.own[0]
        return tuple(
            EventPath(event.id, event.from_m, event.to_m, 1 if event.direction == "up" else -1, senders.place_of(event))
            for event in self.config.events
        )

    def _events_told(self) -> dict[int, tuple[int, ...]]:
        """Slot of each unit -> numbers of the events that it announces while they last."""
        number = {id(event): k for k, event in enumerate(self.config.events)}
        return {
            unit.index: tuple(sorted(number[id(event)] for told in senders.events_of(unit).values() for event in told))
            for senders in self.roadside for unit in senders.units
        }

    def _count_vehicles(self, now_ns: int) -> None:
        fleet = self.world.fleet
        if now_ns < self.from_ns or now_ns >= self.to_ns:
            return
        slots = fleet.slots() if now_ns == self.from_ns else fleet.entered[fleet.active[fleet.entered]]
        self.vehicles_seen.update(fleet.number[slots].tolist())
        self.equipped_seen.update(fleet.number[slots[fleet.equipped[slots]]].tolist())

    def _progress(self, now_ns: int) -> tuple[float, str]:
        """(share of the work done, what is going on); a tick without radio is a small part of one with it."""
        radio_ns = max(now_ns - self.radio_from_ns, 0)
        whole = TRAFFIC_ONLY_COST * self.radio_from_ns + self.end_ns - self.radio_from_ns
        share = (TRAFFIC_ONLY_COST * min(now_ns, self.radio_from_ns) + radio_ns) / whole
        if now_ns < self.radio_from_ns:
            return share, "traffic warm-up"
        return share, "radio warm-up" if now_ns < self.from_ns else "measuring"

    def warnings(self) -> list[str]:
        """What a user should know before trusting this run, one line each."""
        second = [
            line for speaker in self.speakers.speakers
            for line in silent(self.config, [self.world.units[u] for u in self._units_of(speaker)], speaker.message_set)
        ]
        return (
            self.world.traffic.warnings() + self.roadside.warnings() + second + self._control_warnings()
            + self._population_warnings() + table_warnings(self.config)
        )

    def _population_warnings(self) -> list[str]:
        """Whom there is nothing to measure of."""
        found = [] if self.world.units else ["no roadside units: V2I, I2V and coverage are not measured"]
        if self._marks and len(self.equipped_seen) < 2:
            number = len(self.equipped_seen) or "no"
            found.append(f"{number} equipped vehicle in the measured time: there is no V2V link")
        return found

    def _control_warnings(self) -> list[str]:
        wanted = self.config.bsm.congestion_control
        if wanted in ("auto", "none"):
            return []
        names = [
            speaker.message_set.awareness
            for speaker, control in zip(self.speakers.speakers, self.controls, strict=True) if control is None
        ]
        return [
            f"bsm.congestion_control {wanted} does not act: {name} is sent by triggers, it changes periods only"
            for name in dict.fromkeys(names)
        ]

    def finish(self) -> dict[str, int]:
        """Counts of the measured time, of senders, receivers and access layer; handed to the channel KPI as well."""
        begin, end = self._marks
        counters = {name: value - begin.get(name, 0) for name, value in end.items()}
        counters["objects left out of RSM"] = self.roadside.left_out_objects
        counters |= self.roadside.backhaul.counts() if self.roadside.backhaul is not None else {}
        for phase in self.second_phases:
            for name, value in phase.counters().items():
                counters[name] = counters.get(name, 0) + value
            phase.finish(int(self.env.now))
        channel = self.kpis.get("channel")
        if isinstance(channel, Channel):
            channel.count(counters)
        return counters

    def _counters(self) -> dict[str, int]:
        """Counts since the beginning."""
        listeners = self.pipeline.listeners
        services = [flow.service for flow in self.speakers.links]
        verified = {} if listeners.verification.trivial else listeners.verification.counts()
        return listeners.applied.counts(services) | self.access.counts() | verified


def _home_shares(names: tuple[str, ...], shares: Mapping[str, float]) -> Any:
    return np.array([shares.get(name, 0.0) for name in names]) if shares else None

