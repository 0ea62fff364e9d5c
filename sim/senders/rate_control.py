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
from sim.world.stations import Stations

Busy = Callable[[], tuple[np.ndarray, np.ndarray]]
"""(slots, CBR) of active stations over the last 100 ms."""


class RateControl:
    """One of :data:`rsu.generation.CONGESTION_CONTROLS` over all vehicle slots.

    Its period acts always. A radiated power (EIRP) that it asks for acts with ``stations``, from the traffic tick after
    the decision on: conducted power = EIRP - antenna gain, at most what the station had before; event messages go at
    the control's highest power. On LTE-V2X the profile of SAE keeps the rate control alone, so this is an option.
    """

    def __init__(self, name: str, rows: int, seed: int, busy: Busy, stations: Stations | None = None) -> None:
        self._stations = stations
        self._rated_dbm = np.full(rows, np.nan)
        """Conducted power each station was furnished with; NaN until it is first controlled."""
        self.control = CONGESTION_CONTROLS[name](rows)
        self.name = name
        self._busy = busy
        self._neighbourhood = Neighbourhood()
        self._counts = {"neighbours_count", "packet_error_ratio"} & set(self.control.needs_channel)
        self._keys = {what: stream_key(seed, "rate control", what) for what in ("early", "assumed")}
        self._rows = rows

    def grow(self, rows: int) -> None:
        """More station slots."""
        extra = rows - self._rows
        if extra > 0:
            self._rated_dbm = np.concatenate([self._rated_dbm, np.full(extra, np.nan)])
        self._rows = max(rows, self._rows)
        self.control.grow(rows)

    def forget(self, slots: np.ndarray) -> None:
        """Other stations stand in these slots."""
        self.control.forget(slots)
        self._rated_dbm[slots] = np.nan
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
        decision = self.control.decide(slots, states.time_ns, Channel(cbr, count, errors), _motion(states), draws)
        self._radiate(slots, decision.power_dbm)
        return decision

    def sent(self, states: VehicleStates, event: np.ndarray) -> None:
        """These stations sent messages with this content."""
        draws = hashed_uniform(self._keys["assumed"], states.slots, states.time_ns)
        self.control.sent(states.slots, _motion(states), draws, event)
        figures = getattr(self.control, "power", None)
        if figures is not None and event.any():
            urgent = states.slots[event]
            self._radiate(urgent, np.full(len(urgent), figures.highest_dbm))

    def _radiate(self, slots: np.ndarray, eirp_dbm: np.ndarray) -> None:
        """Set the conducted power of stations where a radiated one is asked for."""
        asked = ~np.isnan(eirp_dbm)
        if self._stations is None or not asked.any():
            return
        slots, eirp_dbm = slots[asked], eirp_dbm[asked]
        stations, rated = self._stations, self._rated_dbm[slots]
        rated = np.where(np.isnan(rated), stations.tx_power_dbm[slots], rated)
        self._rated_dbm[slots] = rated
        stations.tx_power_dbm[slots] = np.minimum(rated, eirp_dbm - stations.antenna_gain_dbi[slots])


def _motion(states: VehicleStates) -> Motion:
    return Motion(
        states.believed_x_m, states.believed_y_m, states.believed_heading_deg, states.believed_speed_mps, states.time_ns
    )
