"""Probability that one packet of a unit reaches a probe when nobody else sends: one file, one row per access layer.

Each takes grid, tables, noise and rules from the access layer itself, so that a scenario's settings count here as they
count in a run. Left out, here and everywhere in the model: interference, collisions, busy receivers, full queues.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any, Protocol

import numpy as np

from sim.access.dot11p.layer import Dot11p
from sim.access.ideal import Ideal
from sim.access.lte_mode4.layer import LteMode4
from sim.access.nr_mode2.layer import NrMode2
from sim.frames import Kind
from sim.link.dot11p_rates import bd_repetitions
from sim.link.tables import PerTable
from sim.scenario.schema.radio import Radio
from sim.world.stations import Stations


class Link(Protocol):
    """One access layer without interference."""

    radio: Radio | None
    """Whose propagation counts; none = losses do not matter."""

    def success(
        self, unit: int, power_mw: np.ndarray, size_bytes: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """Probability, float64 [n], that one packet of a unit (slot) arrives with these received powers in mW.

        Powers are those of the whole transmission at the receiver's antenna port; ``share`` of the packets have each
        of the ascending sizes ``size_bytes``. ValueError for a packet that fits no grant.
        """

    def tuned(self, unit: int, probes: np.ndarray, stations: Stations) -> np.ndarray | bool:
        """Whether probes (slots) can decode the channel that a unit sends on."""


class IdealLink:
    """Every packet arrives."""

    radio = None

    def __init__(self, layer: Ideal, stations: Stations) -> None:
        self.layer = layer

    def success(
        self, unit: int, power_mw: np.ndarray, size_bytes: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """One."""
        return np.ones(len(power_mw))

    def tuned(self, unit: int, probes: np.ndarray, stations: Stations) -> bool:
        """Always."""
        return True


class _SidelinkLink:
    """What Mode 4 and Mode 2 share: a control and a data part, sent once or several times."""

    def __init__(self, layer: LteMode4 | NrMode2, copies: int, control_loses: bool, sensitivity_dbm: float | None,
                 data_table: Any) -> None:
        self.radio: Radio | None = layer.radio
        self.layer = layer
        self.copies, self.control_loses = copies, control_loses
        self.least_mw = 0.0 if sensitivity_dbm is None else 10 ** (sensitivity_dbm / 10)
        self.data_table = data_table

    def success(
        self, unit: int, power_mw: np.ndarray, size_bytes: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """See :class:`Link`."""
        total = np.zeros(len(power_mw))
        for size, part in zip(size_bytes.tolist(), share.tolist(), strict=True):
            curve, prb = self._curve(unit, size, int(size_bytes[-1]))
            total += part * self._one(power_mw, curve, prb)
        return total

    def _curve(self, unit: int, size: int, largest: int) -> tuple[PerTable, int]:
        raise NotImplementedError

    def _one(self, power_mw: np.ndarray, curve: PerTable, prb: int) -> np.ndarray:
        reception = self.layer.reception
        noise_mw = reception.settings.noise_prb_mw
        data = power_mw * float(reception.data_share[prb])
        snr = data / (prb * noise_mw)
        heard = self._control(power_mw * float(reception.control_share[prb])) if self.control_loses else np.ones(1)
        heard = np.where(data < self.least_mw, 0.0, heard)
        success = np.zeros(len(power_mw))
        for copies in range(1, self.copies + 1):
            times = comb(self.copies, copies) * heard ** copies * (1 - heard) ** (self.copies - copies)
            success += times * (1.0 - curve.per_linear(copies * snr).astype(np.float64))
        return success

    def _control(self, power_mw: np.ndarray) -> np.ndarray:
        """Probability that the control channel, received with so much power, is decoded."""
        settings = self.layer.reception.settings
        if settings.control_table is None:
            return np.ones(len(power_mw))
        ratio = power_mw / (settings.control_prb * settings.noise_prb_mw)
        return 1.0 - settings.control_table.per_linear(ratio).astype(np.float64)


class Mode4Link(_SidelinkLink):
    """LTE-V2X Mode 4."""

    def __init__(self, layer: LteMode4, stations: Stations) -> None:
        mode = layer.mode
        super().__init__(
            layer, 2 if mode.blind_retransmission else 1, mode.sci_loses_packet, mode.sensitivity_dbm,
            layer.reporter.table,
        )
        self.grid, self.sizing = layer.grid, mode.grant_sizing
        units = np.flatnonzero(stations.kind == Kind.RSU)
        self._pool = layer.grid.pool_of(stations, units)

    def tuned(self, unit: int, probes: np.ndarray, stations: Stations) -> np.ndarray | bool:
        """By the channel plans."""
        plans = self.grid.plans
        if plans.trivial:
            return True
        sends = plans.send[plans.class_of(stations, np.array([unit]))[0]]
        heard: np.ndarray = plans.listen[plans.class_of(stations, probes), sends]
        return heard

    def _curve(self, unit: int, size: int, largest: int) -> tuple[PerTable, int]:
        pool = int(self._pool[unit])
        mcs = self.grid.sized(largest if self.sizing == "largest" else size, pool)[0]
        prb = int(self.grid.data_prb(np.array([size]), np.array([mcs]))[0])
        return self.data_table.select(mcs, size), prb


class Mode2Link(_SidelinkLink):
    """NR-V2X Mode 2."""

    def __init__(self, layer: NrMode2, stations: Stations) -> None:
        mode = layer.mode
        super().__init__(layer, 1 + mode.repetitions, mode.sci_loses_packet, mode.sensitivity_dbm, layer.data_table)
        self.grid, self.sizing = layer.grid, mode.grant_sizing

    def tuned(self, unit: int, probes: np.ndarray, stations: Stations) -> bool:
        """Always: one carrier for all."""
        return True

    def _curve(self, unit: int, size: int, largest: int) -> tuple[PerTable, int]:
        pool = int(self.grid.pool_of_kind[Kind.RSU])
        mcs, subchannels = self.grid.sized(largest if self.sizing == "largest" else size, pool)
        return self.data_table.select(mcs, size), subchannels * int(self.grid.width_prb[pool])


class Dot11pLink:
    """IEEE 802.11p and 802.11bd."""

    def __init__(self, layer: Dot11p, stations: Stations) -> None:
        self.radio: Radio | None = layer.radio
        self.judge, settings = layer.judge, layer.settings
        noise_mw = 10 ** (layer.noise_dbm / 10)
        self.noise_mw = noise_mw
        self.least_mw = float(layer.judge.least_mw)
        if settings.preamble_sinr_db is not None:
            self.least_mw = max(self.least_mw, noise_mw * 10 ** (settings.preamble_sinr_db / 10))
        repeats = settings.bd_repetitions and settings.standard == "802.11bd"
        self.copies = 1 + bd_repetitions(0.0) if repeats else 1

    def success(
        self, unit: int, power_mw: np.ndarray, size_bytes: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """See :class:`Link`."""
        lost = sum(
            part * self.judge.curve(size).per_linear(self.copies * power_mw / self.noise_mw).astype(np.float64)
            for size, part in zip(size_bytes.tolist(), share.tolist(), strict=True)
        )
        arrived: np.ndarray = np.where(power_mw >= self.least_mw, 1.0 - lost, 0.0)
        return arrived

    def tuned(self, unit: int, probes: np.ndarray, stations: Stations) -> bool:
        """Always: one channel for all."""
        return True


LINKS: dict[type[Any], Callable[[Any, Stations], Any]] = {
    Ideal: IdealLink,
    LteMode4: Mode4Link,
    NrMode2: Mode2Link,
    Dot11p: Dot11pLink,
}
"""Access layer -> its link without interference. Two radios are combined by :mod:`sim.layouts.place.model`."""


def link_of(layer: Any, name: str, stations: Stations) -> Link:
    """The link of an access layer (or of what it is derived from); ValueError for one without a row."""
    made = next((LINKS[kind] for kind in type(layer).__mro__ if kind in LINKS), None)
    if made is None:
        known = "ideal, lte-v2x-mode4, nr-v2x-mode2, ieee80211p"
        raise ValueError(
            f"radio.access: {name!r}: what a pole reaches by it is not modelled for placing units; modelled: {known}"
        )
    link: Link = made(layer, stations)
    return link
