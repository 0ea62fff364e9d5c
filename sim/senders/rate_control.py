"""Rate control of the vehicles' routine messages at work: what stations hear goes in, periods come out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rsu.generation import CONGESTION_CONTROLS
from rsu.generation.congestion import Channel, Decision, Motion
from rsu.generation.neighbourhood import Neighbourhood
from sim.clock import hashed_uniform, stream_key
from sim.frames import Receptions
from sim.senders.vehicle_state import VehicleStates

Busy = Callable[[], tuple[np.ndarray, np.ndarray]]
"""(slots, CBR) of active stations over the last 100 ms."""


class RateControl:
    """One of :data:`rsu.generation.CONGESTION_CONTROLS` over all vehicle slots.

    Only its period acts; a radiated power it may ask for does not (on LTE-V2X the profile of SAE keeps the rate control
    alone).
    """

    def __init__(self, name: str, rows: int, seed: int, busy: Busy) -> None:
        self.control = CONGESTION_CONTROLS[name](rows)
        self.name = name
        self._busy = busy
        self._neighbourhood = Neighbourhood()
        self._counts = {"neighbours_count", "packet_error_ratio"} & set(self.control.needs_channel)
        self._keys = {what: stream_key(seed, "rate control", what) for what in ("early", "assumed")}
        self._rows = rows

    def grow(self, rows: int) -> None:
        """More station slots."""
        self._rows = max(rows, self._rows)
        self.control.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots."""
        self.control.forget(slots)
        if self._counts:
            self._neighbourhood.forget(slots)

    def heard(self, receptions: Receptions, links: np.ndarray, sender: np.ndarray, count: np.ndarray) -> None:
        """Vehicle messages that vehicles received: rows of the link columns, the sender's identity, its msgCnt."""
        if not self._counts or not len(links):
            return
        near = receptions.distance_m[links] <= self._neighbourhood.figures.range_m
        links = links[near]
        time_ns = receptions.arrived_ns(links)
        self._neighbourhood.heard(
            receptions.receiver[links], sender[near], count[near], receptions.distance_m[links], time_ns
        )

    def decide(self, states: VehicleStates) -> Decision:
        """Periods for the rows of ``states`` at their instants."""
        slots, now_ns = states.slots, int(states.time_ns.max(initial=0))
        unknown = np.full(len(slots), np.nan)
        cbr = count = errors = unknown
        if "cbr_ratio" in self.control.needs_channel:
            busy_slots, busy = self._busy()
            table = np.full(self._rows, np.nan)
            table[busy_slots] = busy
            cbr = table[slots]
        if "neighbours_count" in self._counts:
            count = self._neighbourhood.neighbours_count(slots, now_ns)
        if "packet_error_ratio" in self._counts:
            errors = self._neighbourhood.packet_error_ratio(slots, now_ns)
        draws = hashed_uniform(self._keys["early"], slots, states.time_ns)
        return self.control.decide(slots, states.time_ns, Channel(cbr, count, errors), _motion(states), draws)

    def sent(self, states: VehicleStates, event: np.ndarray) -> None:
        """These stations sent messages with this content."""
        draws = hashed_uniform(self._keys["assumed"], states.slots, states.time_ns)
        self.control.sent(states.slots, _motion(states), draws, event)


def _motion(states: VehicleStates) -> Motion:
    return Motion(
        states.believed_x_m, states.believed_y_m, states.believed_heading_deg, states.believed_speed_mps, states.time_ns
    )
