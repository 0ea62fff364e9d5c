"""How a relayed message reaches a roadside unit: a constant, or parts of the cellular path, with its radio or by fibre.

A relayed SPAT goes from the signal controller of its node over the V2X server to the relaying unit, as a SimPy process
that stands before each part in its turn, so that queues see it at its true time.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import simpy

from sim.access.uu import provenance
from sim.access.uu.packets import Packets
from sim.access.uu.parts import Downlink, Link, Part, Uplink
from sim.access.uu.path import parts_down, parts_up
from sim.access.uu.serving import operator_numbers
from sim.clock import MS, ns_from_ms, stream
from sim.scenario.schema import Scenario
from sim.world.build import World
from sim.world.sites import RoadsideUnit

PS_PER_NS = 1000
SOURCES_PER_RELAY = 64
"""Room for the nodes of one relayed message in the count that keys its draws."""

Process = Generator[simpy.Event, Any, bool]


class Backhaul:
    """``fibre``: transport, core, server and peering; ``uu``: with the radio on both ends as well.

    The radio's rows are those of ``radio.uu.density_veh_km_lane``; what a unit relays loads links and servers of the
    backhaul, not the cells of vehicles. Draws are keyed by unit and message, so another unit changes none.
    """

    def __init__(self, world: World) -> None:
        config = world.config
        self.world = world
        self.kind = config.layout.backhaul
        self.settings = settings = config.radio.uu.model_copy(update={"load": "fixed"})
        seed = int(stream(world.seed, "backhaul").integers(2**31))
        self.buffer_ps = round(settings.buffer_ms * MS) * PS_PER_NS
        self.limit_ps = round(settings.discard_after_ms * MS) * PS_PER_NS
        self.parts: tuple[list[Part], list[Part]] = parts_up(settings, seed), parts_down(settings, seed)
        self.uplink = Uplink(settings, seed) if self.kind == "uu" else None
        self.downlink = Downlink(settings, seed) if self.kind == "uu" else None
        self.operator_of = operator_numbers(settings.operators)
        self.relayed_count, self.lost_count = 0, 0
        self._sequence = np.zeros(len(world.units), np.int64)

    def relay(self, env: simpy.Environment, unit: RoadsideUnit, nodes: Sequence[int], size_bytes: int) -> Process:
        """Carry what the nodes' controllers say now to a unit; ends when the last has arrived: has all of it?"""
        count = int(self._sequence[unit.index])
        self._sequence[unit.index] += 1
        packets = [
            self._packet(env, unit, node, count * SOURCES_PER_RELAY + k, size_bytes) for k, node in enumerate(nodes)
        ]
        ways = [env.process(self._carry(env, packet, unit)) for packet in packets]
        yield simpy.AllOf(env, ways)
        arrived = all(way.value for way in ways)
        self.relayed_count += 1
        self.lost_count += not arrived
        return arrived

    def counts(self) -> dict[str, int]:
        """Messages relayed and those of them that never arrived."""
        return {"backhaul relayed": self.relayed_count, "backhaul lost": self.lost_count}

    def _carry(self, env: simpy.Environment, packet: Packets, unit: RoadsideUnit) -> Process:
        """One packet through all parts; false where it is lost."""
        if self.uplink is not None and any(bool(which[0]) for which in self.uplink.send(packet)):
            return False
        for part in self.parts[0]:
            yield from self._until(env, packet)
            if not self._passes(part, packet):
                return False
        to_cell, to_operator = self._place(unit.chainage_m, unit.jurisdiction)
        packet.to_cell, packet.to_operator = np.array([to_cell]), np.array([to_operator])
        packet.receiver_id = np.array([unit.station_id])
        for part in [*self.parts[1], *([self.downlink] if self.downlink is not None else [])]:
            if isinstance(part, Link) and not len(part.used_by(packet)):
                continue
            yield from self._until(env, packet)
            if not self._passes(part, packet):
                return False
        yield from self._until(env, packet)
        if self.downlink is None:
            return True
        uniform = self.downlink.loss_draw(packet.sender_id, packet.sequence, packet.receiver_id)
        return bool(uniform[0] >= packet.error_ratio[0] + packet.overload_ratio[0])

    def _passes(self, part: Part, packet: Packets) -> bool:
        taken = part.serve(packet, packet.time_ps + self.buffer_ps)
        in_time = bool(packet.time_ps[0] <= packet.start_ps[0] + self.limit_ps)
        return in_time and (taken is None or bool(taken[0]))

    @staticmethod
    def _until(env: simpy.Environment, packet: Packets) -> Generator[simpy.Event, Any, None]:
        wait_ns = -(-int(packet.time_ps[0]) // PS_PER_NS) - int(env.now)
        if wait_ns > 0:
            yield env.timeout(wait_ns)

    def _packet(
        self, env: simpy.Environment, unit: RoadsideUnit, node: int, sequence: int, size_bytes: int
    ) -> Packets:
        chainage_m = float(self.world.corridor.node_chainage_m[node])
        cell, operator = self._place(chainage_m, int(self.world.corridor.place_at(chainage_m)))
        columns = (0, unit.station_id, sequence, size_bytes, int(env.now) * PS_PER_NS, cell, operator)
        return Packets.starting(*(np.array([value], np.int64) for value in columns))

    def _place(self, chainage_m: float, jurisdiction: int) -> tuple[int, int]:
        """(cell, operator); with ``operator_of: one`` there is one operator."""
        one = self.settings.operator_of == "one"
        operator = 0 if one else int(self.operator_of[max(jurisdiction, 0)])
        return max(int(chainage_m // self.settings.cell_length_m), 0), operator


def described(config: Scenario) -> str:
    """The backhaul of a scenario in one line with its sources."""
    layout, settings = config.layout, config.radio.uu
    if layout.backhaul == "constant":
        field = type(layout).model_fields["backhaul_delay_ms"]
        extra = field.json_schema_extra
        source = extra.get("source", "") if isinstance(extra, dict) else ""
        return f"constant {layout.backhaul_delay_ms:g} ms; {source}"
    parts = provenance.wired(settings)
    if layout.backhaul == "uu":
        parts = provenance.radio(settings.model_copy(update={"load": "fixed"})) | parts
    return f"{layout.backhaul}: " + "; ".join(f"{name.removeprefix('uu_')} {text}" for name, text in parts.items())


def constant_ns(config: Scenario) -> int:
    """Delay of a relayed message where the backhaul is a constant."""
    return ns_from_ms(config.layout.backhaul_delay_ms)
