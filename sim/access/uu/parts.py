"""The parts of the path: each takes packets in order of time and lets time pass for them."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sim.access.uu import INTERNET_TABLES, PEERING_TABLES
from sim.access.uu.packets import Packets
from sim.access.uu.queues import Fifo
from sim.access.uu.radio import CellLoads, RadioTable
from sim.access.uu.tables import FOLDER, Distribution, LatencyFile
from sim.clock import hashed_uniform, stream_key
from sim.scenario.schema.radio.uu import Uu

PS_PER_MS = 10**9
PS_PER_US = 10**6
OPERATORS = 64
"""Room for operator numbers in the number of a queue."""
LEVELS = {"gnb": 0, "m1": 1, "m2": 2, "core": 4, "central": 4, "cloud": 4}
"""Where a server stands in the transport tree: base station 0, M1 1, M2 2, M3 3, user plane 4."""
TOP = 4


class Part(Protocol):
    """One part; packets must come in order of time over successive calls."""

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> np.ndarray | None:
        """Add its delay to ``packets``; a mask of those it takes, none = all. Nothing starts after ``latest_ps``."""


class Draws:
    """Uniform numbers of a part, keyed by sender, sequence number and, for copies, where they go."""

    def __init__(self, seed: int, name: str) -> None:
        self.key = stream_key(seed, "uu", name)

    def per_frame(self, p: Packets) -> np.ndarray:
        """One per frame."""
        return hashed_uniform(self.key, p.sender_id, p.sequence)

    def per_operator(self, p: Packets) -> np.ndarray:
        """One per frame and operator that it goes to."""
        return hashed_uniform(self.key, p.sender_id, p.sequence, p.to_operator + 1)

    def per_copy(self, p: Packets) -> np.ndarray:
        """One per copy."""
        return hashed_uniform(self.key, p.sender_id, p.sequence, p.to_operator + 1, p.to_cell + 1, p.receiver_id + 1)


def topology_group(settings: Uu) -> tuple[int, ...]:
    """Cells under a node of each level; one user plane has them all."""
    m1 = settings.gnb_per_m1
    m2 = m1 * settings.m1_per_m2
    return (1, m1, m2, m2 * settings.m2_per_m3, 2**40)


class Link:
    """A transport link between a node of level ``level`` and the one above: fibre, one node's processing, a queue.

    ``way`` "up" carries frames to the server, "climb" copies of an edge server to cells under another node, "down"
    copies to their cell. Up and down are different queues.
    """

    def __init__(self, settings: Uu, seed: int, level: int, way: str, server_level: int) -> None:
        gbps = (settings.gnb_m1_gbps, settings.m1_m2_gbps, settings.m2_m3_gbps, settings.m2_m3_gbps)[level]
        length_km = (settings.gnb_m1_km, settings.m1_m2_km, settings.m2_core_km, 0.0)[level]
        self.level, self.way, self.server_level = level, way, server_level
        self.group = topology_group(settings)[level]
        self.ps_per_byte = byte_ps(gbps, settings)
        self.exponential = settings.link_service == "exponential"
        node_us = 0.0 if way == "climb" and level + 1 == TOP else settings.node_us
        self.fixed_ps = round((length_km * settings.fibre_us_per_km + node_us) * PS_PER_US)
        self.draws = Draws(seed, f"link {level} {way}")
        self.queue = Fifo()

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> np.ndarray | None:
        """Packets that do not use this link pass untouched."""
        node = (packets.to_cell if self.way == "down" else packets.cell) // self.group
        rows = self.used_by(packets)
        if not len(rows):
            return None
        p = packets if len(rows) == len(packets) else packets.take(rows)
        service = p.size_bytes * self.ps_per_byte
        if self.exponential:
            service = service * -np.log1p(-self.draws.per_copy(p))
        work = np.maximum(service, 1).astype(np.int64)
        operator = p.to_operator if self.way == "down" else p.operator
        gone, taken = self.queue.serve(
            node[rows] * OPERATORS + operator, p.time_ps, work, latest_ps[rows], tie_of(p)
        )
        delay = np.zeros(len(packets), np.int64)
        delay[rows] = gone - p.time_ps + self.fixed_ps
        packets.spend("transport", delay)
        if taken.all():
            return None
        mask = np.ones(len(packets), bool)
        mask[rows] = taken
        return mask

    def used_by(self, packets: Packets) -> np.ndarray:
        """Rows of the packets whose way it lies on."""
        if self.way == "up" or (self.way == "down" and self.level < self.server_level):
            return np.arange(len(packets))
        apart = packets.cell // self.group != packets.to_cell // self.group
        return np.flatnonzero(apart & (packets.operator == packets.to_operator))


class ServerNode:
    """Processing of the transport node at which an edge server stands."""

    def __init__(self, settings: Uu) -> None:
        self.delay_ps = round(settings.node_us * PS_PER_US)

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> None:
        """A constant."""
        packets.spend("transport", self.delay_ps)


class Core:
    """User plane before (or after) the server: a queue with equal service times, then further store-and-forward hops.

    The central user plane lies ``core_km`` further, with a switch every 70 km at most (two transmissions each).
    """

    SWITCH_EVERY_KM = 70.0

    def __init__(self, settings: Uu, down: bool) -> None:
        self.down = down
        self.group = topology_group(settings)[LEVELS[settings.server]]
        self.ps_per_byte = byte_ps(settings.core_gbps, settings)
        self.further_transmissions, self.fixed_ps = 1, 0
        if settings.server in ("central", "cloud"):
            switches = max(int(np.ceil(settings.core_km / self.SWITCH_EVERY_KM)) - 1, 0)
            self.further_transmissions += 2 * switches + 2
            self.fixed_ps = round(settings.core_km * settings.fibre_us_per_km * PS_PER_US)
        self.queue = Fifo()

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> np.ndarray | None:
        """M/D/1 where arrivals are random and sizes equal."""
        p = packets
        work = np.maximum(p.size_bytes * self.ps_per_byte, 1).astype(np.int64)
        cell, operator = (p.to_cell, p.to_operator) if self.down else (p.cell, p.operator)
        gone, taken = self.queue.serve(cell // self.group * OPERATORS + operator, p.time_ps, work, latest_ps, tie_of(p))
        p.spend("core", gone - p.time_ps + work * self.further_transmissions + self.fixed_ps)
        return None if taken.all() else taken


class Internet:
    """Between the central user plane and a server in the Internet: half a measured round trip each way."""

    def __init__(self, settings: Uu, seed: int, down: bool) -> None:
        self.table = internet_distribution(settings)
        self.down, self.draws = down, Draws(seed, f"internet {'down' if down else 'up'}")

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> None:
        """One draw per frame up, one per frame and operator down."""
        uniform = self.draws.per_operator(packets) if self.down else self.draws.per_frame(packets)
        packets.spend("internet", as_ps(self.table.at(uniform) / 2))


class Server:
    """The V2X server: U(0, 1 slot), or a queue with equal work per packet."""

    def __init__(self, settings: Uu, seed: int) -> None:
        self.group = topology_group(settings)[LEVELS[settings.server]]
        self.slot_ms, self.service_ms = settings.slot_ms, settings.server_service_ms
        self.draws = Draws(seed, "server")
        self.queue = Fifo()

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> np.ndarray | None:
        """One server per node and operator."""
        p = packets
        if self.service_ms is None:
            p.spend("server", as_ps(self.draws.per_frame(p) * self.slot_ms))
            return None
        work = np.full(len(p), round(self.service_ms * PS_PER_MS))
        queue = p.cell // self.group * OPERATORS + p.operator
        gone, taken = self.queue.serve(queue, p.time_ps, work, latest_ps, tie_of(p))
        p.spend("server", gone - p.time_ps)
        return None if taken.all() else taken


class Peering:
    """Crossing to another operator: half a round trip over the peering point; nothing within one operator."""

    def __init__(self, settings: Uu, seed: int) -> None:
        self.table = peering_distribution(settings)
        self.draws = Draws(seed, "peering")

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> None:
        """One draw per frame and pair of operators."""
        delay = as_ps(self.table.at(self.draws.per_operator(packets)) / 2)
        packets.spend("peering", np.where(packets.operator != packets.to_operator, delay, 0))


class Uplink:
    """From the sender to its base station; LTE adds a uniform delay."""

    def __init__(self, settings: Uu, seed: int) -> None:
        self.table = RadioTable(settings, "UL")
        self.loads = CellLoads(settings, self.table)
        self.delay, self.loss, self.lte = (Draws(seed, f"uplink {name}") for name in ("delay", "loss", "LTE"))
        self.added_ms = (
            (settings.lte_added_min_ms, settings.lte_added_max_ms) if settings.technology == "lte" else None
        )

    def send(self, packets: Packets) -> tuple[np.ndarray, np.ndarray]:
        """Add the delay; (lost by block errors, never sent because the cell is overloaded)."""
        cell = packets.cell * OPERATORS + packets.operator
        self.loads.offer(cell, packets.size_bytes)
        rows = self.table.choose(self.loads.of(cell))
        packets.spend("uplink", as_ps(self.table.latency_ms(rows, self.delay.per_frame(packets))))
        if self.added_ms is not None:
            low, high = self.added_ms
            packets.spend("uplink", as_ps(low + (high - low) * self.lte.per_frame(packets)))
        return self.table.lost(rows, self.loss.per_frame(packets))


class Downlink:
    """From the base station to the receivers of a copy; which of them lose it is drawn per receiver."""

    def __init__(self, settings: Uu, seed: int) -> None:
        self.table = RadioTable(settings, "DL")
        self.loads = CellLoads(settings, self.table)
        self.delay, self.loss = Draws(seed, "downlink delay"), Draws(seed, "downlink loss")

    def serve(self, packets: Packets, latest_ps: np.ndarray) -> None:
        """Add the delay; say with which probabilities receivers lose the copy."""
        cell = packets.to_cell * OPERATORS + packets.to_operator
        self.loads.offer(cell, packets.size_bytes)
        rows = self.table.choose(self.loads.of(cell))
        packets.spend("downlink", as_ps(self.table.latency_ms(rows, self.delay.per_copy(packets))))
        loss = 1 - rows.delivered_ratio
        packets.error_ratio = np.minimum(loss, self.table.target_ratio)
        packets.overload_ratio = loss - packets.error_ratio

    def loss_draw(self, sender_id: np.ndarray, sequence: np.ndarray, receiver_id: np.ndarray) -> np.ndarray:
        """The uniform number of a frame at a receiver."""
        return hashed_uniform(self.loss.key, sender_id, sequence, receiver_id)


def byte_ps(gbps: float, settings: Uu) -> float:
    """Time per octet on a link of which this service has a share, part of that taken by others."""
    return 8000.0 / (gbps * settings.capacity_share * (1 - settings.background_ratio))


def tie_of(packets: Packets) -> np.ndarray:
    """Order of packets that arrive in the same picosecond."""
    return packets.sender_id * 4096 + packets.to_cell


def as_ps(delay_ms: np.ndarray) -> np.ndarray:
    """Whole picoseconds."""
    return np.rint(np.asarray(delay_ms) * PS_PER_MS).astype(np.int64)


def internet_distribution(settings: Uu) -> Distribution:
    """Round trips of ``internet_of``; ValueError names what is unknown."""
    return _named(INTERNET_TABLES, "internet_table", settings.internet_table, "internet_of", settings.internet_of)


def peering_distribution(settings: Uu) -> Distribution:
    """Round trips of ``peering``; ValueError names what is unknown."""
    return _named(PEERING_TABLES, "peering_table", settings.peering_table, "peering", settings.peering)


def _named(tables: dict[str, str], key: str, table: str, column_key: str, column: str) -> Distribution:
    if table not in tables:
        raise ValueError(f"radio.uu.{key}: {table!r} is not one of {', '.join(tables)}")
    file = LatencyFile(FOLDER / tables[table])
    if column not in file.names():
        raise ValueError(f"radio.uu.{column_key}: {column!r} is not one of {', '.join(file.names())}")
    return file.find(name=column)
