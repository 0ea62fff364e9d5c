"""The parts in their order: a line to the server and a line from it, each part behind a waiting room by time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.access.uu.packets import Packets
from sim.access.uu.parts import LEVELS, TOP, Core, Internet, Link, Part, Peering, Server, ServerNode
from sim.clock import NEVER
from sim.scenario.schema.radio.uu import Uu


def parts_up(settings: Uu, seed: int) -> list[Part]:
    """From the base station (or a unit's fibre) to the server, the server included."""
    level = LEVELS[settings.server]
    parts: list[Part] = [Link(settings, seed, at, "up", level) for at in range(level)]
    if level < TOP:
        parts.append(ServerNode(settings))
    parts.append(Core(settings, down=False))
    if settings.server == "cloud":
        parts.append(Internet(settings, seed, down=False))
    return [*parts, Server(settings, seed)]


def parts_down(settings: Uu, seed: int) -> list[Part]:
    """From the server to the base station (or a unit's fibre) of each copy."""
    level = LEVELS[settings.server]
    parts: list[Part] = [Peering(settings, seed)]
    if settings.server == "cloud":
        parts.append(Internet(settings, seed, down=True))
    parts.append(Core(settings, down=True))
    if level < TOP:
        parts.append(ServerNode(settings))
    parts += [Link(settings, seed, at, "climb", level) for at in range(level, TOP)]
    return [*parts, *(Link(settings, seed, at, "down", level) for at in reversed(range(TOP)))]


class Line:
    """Parts one after the other. Packets enter a part in order of time, whoever asks how often.

    A packet that a queue refuses, because more than ``buffer_ps`` of work waits there, or that would be older than
    ``limit_ps`` is dropped where it is.
    """

    def __init__(self, parts: Sequence[Part], buffer_ps: int, limit_ps: int) -> None:
        self.parts, self.buffer_ps, self.limit_ps = list(parts), buffer_ps, limit_ps
        self.rooms: list[list[Packets]] = [[] for _ in parts]

    def offer(self, packets: Packets) -> None:
        """Packets that stand before the first part at their time."""
        if len(packets):
            self.rooms[0].append(packets)

    def first_ps(self) -> int:
        """Earliest time at which a packet enters a part; ``NEVER`` in ns if there is none."""
        times = [int(p.time_ps.min()) for room in self.rooms for p in room]
        return min(times, default=NEVER * 1000)

    def advance(self, now_ps: int) -> tuple[Packets, Packets]:
        """(packets that have left the last part, dropped ones) of everything that enters a part up to ``now_ps``.

        Times may lie after ``now_ps``.
        """
        dropped: list[Packets] = []
        out = Packets.none()
        for k, part in enumerate(self.parts):
            here = self._due(k, now_ps)
            if here is None:
                continue
            taken = part.serve(here, here.time_ps + self.buffer_ps)
            oldest = here.start_ps + self.limit_ps
            late = here.time_ps > oldest
            if taken is not None:
                late |= ~taken
            if late.any():
                gone = here.take(np.flatnonzero(late))
                gone.time_ps = np.minimum(gone.time_ps, oldest[late])
                dropped.append(gone)
                here = here.take(np.flatnonzero(~late))
            if k + 1 < len(self.parts):
                self.rooms[k + 1].append(here)
            else:
                out = here
        return out, Packets.concatenate(dropped) if dropped else Packets.none()

    def _due(self, k: int, now_ps: int) -> Packets | None:
        if not self.rooms[k]:
            return None
        waiting = Packets.concatenate(self.rooms[k])
        due = waiting.time_ps <= now_ps
        if due.all():
            self.rooms[k] = []
            return waiting
        self.rooms[k] = [waiting.take(np.flatnonzero(~due))]
        return waiting.take(np.flatnonzero(due)) if due.any() else None
