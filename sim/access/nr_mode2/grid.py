"""The NR grid of one carrier: pools, sizes in subchannels, and how power of one allocation falls on another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.access.nr_mode2.sendings import Sendings
from sim.frames import Flow, Kind
from sim.link import nr_grid

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Mode2, Radio

_LARGEST_BYTES = 16_384
_KIND_NAMES = {Kind.VEHICLE: "vehicle", Kind.RSU: "rsu", Kind.PEDESTRIAN: "vehicle"}
"""Kind of station -> senders of the pool it uses; portable units share that of the on-board units."""


@dataclass(frozen=True)
class Shape:
    """Where one transmission lies: subchannels of a pool, and its bits per symbol (for its leakage)."""

    pool: int
    first_subchannel: int
    subchannels: int
    modulation_bits: int


@dataclass(frozen=True)
class Coupling:
    """Power that n allocations put on each other's PRBs, float32, as shares of the interferer's received power.

    ``data`` [n, n]: on the PRBs of the row by the column's transmission; ``control`` [n, n]: on its control PRBs;
    ``subchannel`` [all subchannels, n]; own shares lie on the diagonals.
    """

    data: np.ndarray
    control: np.ndarray
    subchannel: np.ndarray


class Grid:
    """Pools of one carrier and the allocations that occur in them.

    A transmission fills whole subchannels with one power density; its control channel lies in the first PRBs of the
    lowest one. A station type sends in exactly one pool. ValueError for a pool outside the carrier or with subchannels
    the standard does not have, or a station type with several pools.
    """

    def __init__(self, radio: Radio, flows: list[Flow]) -> None:
        mode = radio.mode2
        self.mode = mode
        self.numerology = mode.numerology
        self.prb_count = nr_grid.carrier_prb(radio.bandwidth_mhz, mode.numerology)
        self.prb_hz = nr_grid.PRB_HZ[mode.numerology]
        self.control_prb = mode.pscch_prb
        self.slot_format = slot_format(mode)
        self.start_prb = np.array([p.start_prb for p in radio.pools], np.int64)
        self.subchannels = np.array([p.subchannels for p in radio.pools], np.int64)
        self.width_prb = np.array([p.subchannel_prb for p in radio.pools], np.int64)
        self.names = [p.name for p in radio.pools]
        for pool, name in enumerate(self.names):
            self._check(pool, name)
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
        self._list: list[Shape] = []
        self._emission: list[np.ndarray] = []
        self._sized: dict[tuple[int, int], tuple[int, int]] = {}
        self._capacity: dict[tuple[int, int, int], int] = {}
        self._bits = np.array([nr_grid.bits_per_symbol(mcs) for mcs in range(nr_grid.LAST_MCS + 1)], np.int64)
        self._number = np.full((len(self.names), 32, 32, 8), -1, np.int64)
        """Number of every allocation by pool, first subchannel, subchannels and bits per symbol."""

    def _check(self, pool: int, name: str) -> None:
        width = int(self.width_prb[pool])
        end = int(self.start_prb[pool] + self.subchannels[pool] * width)
        if end > self.prb_count:
            raise ValueError(f"radio.pools: pool {name!r} ends at PRB {end}, the carrier has {self.prb_count}")
        if width not in nr_grid.SUBCHANNEL_PRB:
            allowed = ", ".join(map(str, nr_grid.SUBCHANNEL_PRB))
            raise ValueError(f"radio.pools: pool {name!r} has subchannels of {width} PRB, NR has {allowed}")
        if width < self.control_prb:
            raise ValueError(
                f"radio.mode2.pscch_prb: {self.control_prb} PRB do not fit a subchannel of {width} PRB (pool {name!r})"
            )

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

    def capacity_bytes(self, pool: int, subchannels: int, mcs: int) -> int:
        """Octets that a grant holds; without bound where the number of subchannels is fixed by the scenario."""
        key = (pool, subchannels, mcs)
        if key not in self._capacity:
            bits = nr_grid.tbs_bits(subchannels * int(self.width_prb[pool]), mcs, self.slot_format)
            self._capacity[key] = _LARGEST_BYTES if self.mode.packet_subchannels is not None else bits // 8
        return self._capacity[key]

    def _choose(self, size_bytes: int, pool: int) -> tuple[int, int]:
        available, width = int(self.subchannels[pool]), int(self.width_prb[pool])
        for mcs in sorted(self.mode.mcs):
            count = self.mode.packet_subchannels or nr_grid.subchannels_for(
                size_bytes, mcs, width, self.slot_format, available
            )
            if count <= available:
                return mcs, count
        raise ValueError(
            f"message of {size_bytes} bytes does not fit pool {self.names[pool]!r} ({available} x {width} PRB) at any "
            f"allowed MCS {list(self.mode.mcs)}"
        )

    def shape_id(self, pool: int, first: int, subchannels: int, modulation_bits: int) -> int:
        """Number of an allocation; the same allocation keeps its number."""
        key = (pool, first, subchannels, modulation_bits)
        if key not in self._shapes:
            self._shapes[key] = len(self._list)
            self._list.append(Shape(*key))
            self._emission.append(self._emit(self._list[-1]))
        return self._shapes[key]

    def shapes_of(self, s: Sendings) -> np.ndarray:
        """Numbers of the allocations of transmissions."""
        key = s.pool, s.first, s.subchannels, self._bits[s.mcs]
        number = self._number[key]
        for i in np.flatnonzero(number < 0).tolist():
            number[i] = self.shape_id(*(int(values[i]) for values in key))
            self._number[tuple(values[i] for values in key)] = number[i]
        return number

    def carrier_ratio(self, s: Sendings) -> np.ndarray:
        """Part of the carrier that transmissions fill."""
        return s.subchannels * self.width_prb[s.pool] / self.prb_count

    def prb_range(self, pool: int, first: int, subchannels: int) -> tuple[int, int]:
        """First PRB and the one behind the last of some subchannels."""
        start = int(self.start_prb[pool] + first * self.width_prb[pool])
        return start, start + int(subchannels * self.width_prb[pool])

    def power_share(self, data_prb: int) -> tuple[float, float]:
        """Shares of the transmit power in all PRBs and in the control PRBs: one power density (TS 38.213 16.2.4)."""
        return 1.0, self.control_prb / max(data_prb, self.control_prb)

    def coupling(self, shapes: np.ndarray) -> Coupling:
        """Coupling of the allocations ``shapes`` (numbers)."""
        emitted = np.stack([self._emission[s] for s in shapes], axis=1)
        total = np.concatenate([np.zeros((1, emitted.shape[1])), np.cumsum(emitted, axis=0)])
        ranges = [self._range(self._list[s]) for s in shapes]
        first, last = (np.array([r[i] for r in ranges], np.int64) for i in (0, 1))
        edges = [
            int(self.start_prb[p] + i * self.width_prb[p])
            for p in range(len(self.names)) for i in range(int(self.subchannels[p]))
        ]
        starts, widths = np.array(edges, np.int64), np.repeat(self.width_prb, self.subchannels)
        return Coupling(
            (total[last] - total[first]).astype(np.float32),
            (total[first + self.control_prb] - total[first]).astype(np.float32),
            (total[starts + widths] - total[starts]).astype(np.float32),
        )

    def footprint(self, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """PRBs (1 or 0) of data and control of allocations, and of all subchannels of all pools, [rows, PRB] each."""
        prb = np.arange(self.prb_count)
        first, end = np.array([self._range(self._list[s]) for s in shapes], np.int64).reshape(-1, 2).T[:, :, None]
        edges = [self.prb_range(p, i, 1) for p in range(len(self.names)) for i in range(int(self.subchannels[p]))]
        low, high = np.array(edges, np.int64).reshape(-1, 2).T[:, :, None]
        data = (prb >= first) & (prb < end)
        return data, data & (prb < first + self.control_prb), (prb >= low) & (prb < high)

    def _range(self, shape: Shape) -> tuple[int, int]:
        return self.prb_range(shape.pool, shape.first_subchannel, shape.subchannels)

    def _emit(self, shape: Shape) -> np.ndarray:
        """Transmit power per PRB of the carrier, as a share of the total, float64 [prb_count]."""
        first, end = self._range(shape)
        level = np.zeros(self.prb_count)
        if self.mode.in_band_emission:
            level = nr_grid.in_band_emission(
                first, end - first, self.prb_count, shape.modulation_bits, self.numerology
            ) / (end - first)
        level[first:end] = 1 / (end - first)
        return level


def slot_format(mode: Mode2) -> nr_grid.SlotFormat:
    """What of a slot is not data; the feedback channel's symbols are spread over the slots of its period.

    ValueError for a value the standard does not have.
    """
    dmrs = mode.dmrs_elements or nr_grid.DEFAULT_DMRS[mode.numerology]
    psfch = nr_grid.PSFCH_SYMBOLS / mode.psfch_period if mode.psfch_period else 0.0
    return nr_grid.SlotFormat(dmrs, mode.pscch_symbols, mode.pscch_prb, sci2_qpsk=mode.sci2_qpsk, psfch_symbols=psfch)
