"""The LTE sidelink grid of one carrier: pools, sizes in PRBs, and how power of one allocation falls on another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.frames import Flow, Kind
from sim.link import lte_grid

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio

_LARGEST_BYTES = 8192
_KIND_NAMES = {Kind.VEHICLE: "vehicle", Kind.RSU: "rsu", Kind.PEDESTRIAN: "vehicle"}
"""Kind of station -> senders of the pool it uses; portable units share that of the on-board units."""


@dataclass(frozen=True)
class Shape:
    """Where one transmission lies: PRBs of the control channel (first two) and of the data behind them."""

    pool: int
    first_subchannel: int
    subchannels: int
    data_prb: int


@dataclass(frozen=True)
class Coupling:
    """Power that n allocations put on each other's PRBs, float32, as shares of the interferer's received power.

    ``data`` [n, n]: on the data PRBs of the row by the column's transmission; ``control`` [n, n]: on the control PRBs;
    ``subchannel`` [all subchannels, n]; own shares lie on the diagonals.
    """

    data: np.ndarray
    control: np.ndarray
    subchannel: np.ndarray


class Grid:
    """Pools of one carrier and the allocations that occur in them.

    Pools may share or overlap PRBs; a station type sends in exactly one. ValueError for a pool outside the carrier,
    or a station type with several pools.
    """

    def __init__(self, radio: Radio, flows: list[Flow]) -> None:
        self.prb_count = 5 * radio.bandwidth_mhz
        mode = radio.mode4
        self._mode = mode
        self.start_prb = np.array([p.start_prb for p in radio.pools], np.int64)
        self.subchannels = np.array([p.subchannels for p in radio.pools], np.int64)
        self.width_prb = np.array([p.subchannel_prb for p in radio.pools], np.int64)
        self.names = [p.name for p in radio.pools]
        for pool, name in enumerate(self.names):
            end = int(self.start_prb[pool] + self.subchannels[pool] * self.width_prb[pool])
            if end > self.prb_count:
                raise ValueError(f"radio.pools: pool {name!r} ends at PRB {end}, the carrier has {self.prb_count}")
        self.pool_of_kind = np.full(len(Kind), -1, np.int64)
        for kind, word in _KIND_NAMES.items():
            own = [i for i, pool in enumerate(radio.pools) if word in pool.senders]
            if len(own) > 1:
                raise ValueError(f"radio.pools: station type {word!r} sends in {len(own)} pools, one is possible")
            if own:
                self.pool_of_kind[kind] = own[0]
        for flow in flows:
            if self.pool_of_kind[flow.sender] < 0:
                raise ValueError(f"radio.pools: no pool for flow {flow.message!r} of {_KIND_NAMES[flow.sender]!r}")
        self.row_start = np.concatenate([[0], np.cumsum(self.subchannels)])
        """First row of each pool in the list of all subchannels of all pools."""
        self._shapes: dict[tuple[int, int, int, int], int] = {}
        self._emission: list[np.ndarray] = []
        self._list: list[Shape] = []
        self._need: dict[int, np.ndarray] = {}
        self._sized: dict[tuple[int, int], tuple[int, int]] = {}

    def data_prb(self, size_bytes: np.ndarray, mcs: np.ndarray) -> np.ndarray:
        """Data PRBs that frames of these sizes need at these MCS; above the carrier's count where they do not fit."""
        if self._mode.data_prb is not None:
            return np.full(len(size_bytes), self._mode.data_prb, np.int64)
        need = np.empty(len(size_bytes), np.int64)
        for index in np.unique(mcs):
            rows = mcs == index
            table = self._need.setdefault(int(index), np.zeros(_LARGEST_BYTES, np.int64))
            sizes = size_bytes[rows]
            for size in np.unique(sizes[table[np.minimum(sizes, _LARGEST_BYTES - 1)] == 0]):
                table[min(int(size), _LARGEST_BYTES - 1)] = self._prb(int(size), int(index))
            need[rows] = table[np.minimum(sizes, _LARGEST_BYTES - 1)]
        return need

    def sized(self, size_bytes: int, pool: int) -> tuple[int, int]:
        """(MCS, subchannels) of a grant for ``size_bytes``: first allowed MCS that fits, else ValueError."""
        key = (size_bytes, pool)
        if key not in self._sized:
            self._sized[key] = self._choose(size_bytes, pool)
        return self._sized[key]

    def largest_bytes(self, pool: int) -> int:
        """Longest frame that fits the whole pool at some allowed MCS, 0 if none does."""
        low, high = 0, _LARGEST_BYTES
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self._choose(middle, pool)
                low = middle
            except ValueError:
                high = middle
        return low

    def capacity_prb(self, pool: np.ndarray, subchannels: np.ndarray) -> np.ndarray:
        """Data PRBs that a grant of so many subchannels can hold; without bound where the size is fixed by config."""
        if self._mode.packet_subchannels is not None or self._mode.data_prb is not None:
            return np.full(len(pool), 10**6, np.int64)
        return subchannels * self.width_prb[pool] - lte_grid.PSCCH_PRB

    def shape_id(self, pool: int, first: int, subchannels: int, data_prb: int) -> int:
        """Number of an allocation; the same allocation keeps its number."""
        key = (pool, first, subchannels, data_prb)
        if key not in self._shapes:
            self._shapes[key] = len(self._list)
            self._list.append(Shape(*key))
            self._emission.append(self._emit(self._list[-1]))
        return self._shapes[key]

    def shape(self, number: int) -> Shape:
        """The allocation of that number."""
        return self._list[number]

    def prb_range(self, pool: int, first: int, subchannels: int) -> tuple[int, int]:
        """First PRB and the one behind the last of some subchannels."""
        start = int(self.start_prb[pool] + first * self.width_prb[pool])
        return start, start + int(subchannels * self.width_prb[pool])

    def power_share(self, data_prb: int) -> tuple[float, float]:
        """Shares of the transmit power in the data PRBs and in the control PRBs.

        With ``power_in_data_prb`` the whole power counts as data power and the control channel comes on top with its
        power density (convention of the published curves, where both add to more than 1).
        """
        data, control = lte_grid.power_split(data_prb, self._mode.pscch_boost_db)
        return (1.0, control / data) if self._mode.power_in_data_prb else (data, control)

    def coupling(self, shapes: np.ndarray) -> Coupling:
        """Coupling of the allocations ``shapes`` (numbers)."""
        emitted = np.stack([self._emission[s] for s in shapes], axis=1)
        total = np.concatenate([np.zeros((1, emitted.shape[1])), np.cumsum(emitted, axis=0)])
        first = np.array([self.prb_range(*self._key(s))[0] for s in shapes], np.int64)
        count = np.array([self._list[s].data_prb for s in shapes], np.int64)
        control = first + lte_grid.PSCCH_PRB
        last = np.minimum(control + count, self.prb_count)
        edges = [
            int(self.start_prb[p] + i * self.width_prb[p])
            for p in range(len(self.names)) for i in range(int(self.subchannels[p]))
        ]
        starts = np.array(edges, np.int64)
        widths = np.repeat(self.width_prb, self.subchannels)
        return Coupling(
            (total[last] - total[control]).astype(np.float32),
            (total[control] - total[first]).astype(np.float32),
            (total[starts + widths] - total[starts]).astype(np.float32),
        )

    def _key(self, number: int) -> tuple[int, int, int]:
        shape = self._list[number]
        return shape.pool, shape.first_subchannel, shape.subchannels

    def _emit(self, shape: Shape) -> np.ndarray:
        """Transmit power per PRB of the carrier, as a share of the total, float64 [prb_count]."""
        first, _ = self.prb_range(shape.pool, shape.first_subchannel, shape.subchannels)
        data, control = self.power_share(shape.data_prb)
        used = lte_grid.PSCCH_PRB + shape.data_prb
        level = np.zeros(self.prb_count)
        if self._mode.in_band_emission:
            used = min(used, self.prb_count - first)
            level = (data + control) / used * lte_grid.in_band_emission(first, used, self.prb_count)
        level[first:first + lte_grid.PSCCH_PRB] = control / lte_grid.PSCCH_PRB
        level[first + lte_grid.PSCCH_PRB:first + used] = data / shape.data_prb
        return level

    def _prb(self, size_bytes: int, mcs: int) -> int:
        try:
            return lte_grid.prb_for(size_bytes, mcs)
        except ValueError:
            return 10**6

    def _choose(self, size_bytes: int, pool: int) -> tuple[int, int]:
        mode = self._mode
        available = int(self.subchannels[pool])
        for mcs in sorted(mode.mcs):
            prb = mode.data_prb if mode.data_prb is not None else self._prb(size_bytes, mcs)
            count = mode.packet_subchannels or lte_grid.subchannels_for(prb, int(self.width_prb[pool]))
            if count <= available and prb <= 110:
                return mcs, count
        raise ValueError(
            f"message of {size_bytes} bytes does not fit pool {self.names[pool]!r} "
            f"({available} x {self.width_prb[pool]} PRB) at any allowed MCS {list(mode.mcs)}"
        )
