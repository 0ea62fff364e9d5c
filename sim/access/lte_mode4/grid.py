"""The LTE sidelink grid of one carrier: pools, sizes in PRBs, and how power of one allocation falls on another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.access.lte_mode4.channels import CHANNELS, WHOLE, Plans
from sim.frames import Flow, Kind
from sim.link import lte_grid

if TYPE_CHECKING:
    from sim.access.lte_mode4.sendings import Sendings
    from sim.scenario.schema.radio import Radio
    from sim.world.stations import Stations

_LARGEST_BYTES = 8192
_UNFIT = 10**6
_DEVICES = ("vehicle", "rsu")
_BITS = np.array([lte_grid.bits_per_symbol(mcs) for mcs in range(29)], np.int64)


@dataclass(frozen=True)
class Shape:
    """Where one transmission lies: PRBs of the control channel (first two) and of the data behind them."""

    pool: int
    first_subchannel: int
    subchannels: int
    data_prb: int
    bits: int
    """Bits per symbol of the data: the error vector, and with it the leakage, depends on the modulation."""


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

    A pool here is a configured pool on one channel of the plans (:mod:`channels`); pools may share or overlap PRBs, a
    class of stations sends in exactly one. ValueError for a pool outside the carrier, or a class with several pools.
    """

    def __init__(self, radio: Radio, flows: list[Flow]) -> None:
        self.plans = Plans(radio)
        self.prb_count = self.plans.prb_count
        self._mode = radio.mode4
        self._configured = list(radio.pools)
        for pool in self._configured:
            end = pool.start_prb + pool.subchannels * pool.subchannel_prb
            if end > self.prb_count:
                raise ValueError(f"radio.pools: pool {pool.name!r} ends at PRB {end}, the carrier has {self.prb_count}")
        self._members: list[tuple[int, int]] = []
        if self.plans.trivial:
            self._members = [(index, WHOLE) for index in range(len(self._configured))]
        self.pool_of_class = np.array([self._pool_of_class(c) for c in range(len(self.plans.send))], np.int64)
        """Pool that each class of the plans sends in, -1 for none."""
        self.pool_of_kind = np.full(len(Kind), self.pool_of_class[0], np.int64)
        """Pool of each kind of station where no plan says otherwise; portable units share that of on-board units."""
        self.pool_of_kind[Kind.PROBE], self.pool_of_kind[Kind.RSU] = -1, self.pool_of_class[1]
        for flow in flows:
            device = int(flow.sender == Kind.RSU)
            if self.pool_of_class[device::2].max() < 0:
                raise ValueError(f"radio.pools: no pool for flow {flow.message!r} of {_DEVICES[device]!r}")
        pools = [self._configured[index] for index, _ in self._members]
        self.channel = np.array([channel for _, channel in self._members], np.int64)
        self.start_prb = np.array([p.start_prb for p in pools], np.int64)
        self.subchannels = np.array([p.subchannels for p in pools], np.int64)
        self.width_prb = np.array([p.subchannel_prb for p in pools], np.int64)
        self.names = [p.name for p in pools]
        self.row_start = np.concatenate([[0], np.cumsum(self.subchannels)])
        """First row of each pool in the list of all subchannels of all pools."""
        self.least_data_prb = self.prb_count
        """Fewest data PRBs of any allocation that was used."""
        self._shapes: dict[tuple[int, int, int, int, int], int] = {}
        self._numbers: dict[int, int] = {}
        """The same by one packed number, for :meth:`shapes_of`."""
        self._emission: list[np.ndarray] = []
        self._list: list[Shape] = []
        self._need = np.zeros((len(_BITS), _LARGEST_BYTES), np.int64)
        self._sized: dict[tuple[int, int], tuple[int, int]] = {}

    def _pool_of_class(self, number: int) -> int:
        device, channel = _DEVICES[number % 2], int(self.plans.send[number])
        if not self.plans.used[number]:
            return -1
        first, end = self.plans.prb_range(channel)
        own = [
            i for i, pool in enumerate(self._configured)
            if device in pool.senders and pool.channel in (None, CHANNELS[channel])
            and pool.start_prb >= first and pool.start_prb + pool.subchannels * pool.subchannel_prb <= end
        ]
        if len(own) > 1:
            where = "" if self.plans.trivial else f" on channel {CHANNELS[channel]!r}"
            raise ValueError(f"radio.pools: station type {device!r} sends in {len(own)} pools{where}, one is possible")
        if not own:
            return -1
        if (own[0], channel) not in self._members:
            self._members.append((own[0], channel))
        return self._members.index((own[0], channel))

    def pool_of(self, stations: Stations, slots: np.ndarray) -> np.ndarray:
        """Pool that the stations in these slots send in, -1 for empty slots; ValueError if a station has none."""
        pool = self.pool_of_class[self.plans.class_of(stations, slots)]
        without = ((pool < 0) & stations.active[slots]).nonzero()[0]
        if len(without):
            device = _DEVICES[int(stations.kind[slots[without[0]]] == Kind.RSU)]
            raise ValueError(f"radio.pools: no pool for {device!r} on the channel it sends on")
        return pool

    def pools_of_device(self, device: int) -> list[int]:
        """Pools that vehicles (0) or roadside units (1) send in under some plan."""
        return sorted({int(pool) for pool in self.pool_of_class[device::2] if pool >= 0})

    def data_prb(self, size_bytes: np.ndarray, mcs: np.ndarray) -> np.ndarray:
        """Data PRBs that frames of these sizes need at these MCS; above the carrier's count where they do not fit."""
        if self._mode.data_prb is not None:
            return np.full(len(size_bytes), self._mode.data_prb, np.int64)
        place = np.minimum(size_bytes, _LARGEST_BYTES - 1)
        need = self._need[mcs, place]
        if np.count_nonzero(need) < len(need):
            for index, size in {(int(m), int(b)) for m, b in zip(mcs[need == 0], place[need == 0], strict=True)}:
                self._need[index, size] = self._prb(size, index)
            need = self._need[mcs, place]
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
            return np.full(len(pool), _UNFIT, np.int64)
        return subchannels * self.width_prb[pool] - lte_grid.PSCCH_PRB

    def shape_id(self, pool: int, first: int, subchannels: int, data_prb: int, bits: int = 2) -> int:
        """Number of an allocation; the same allocation keeps its number."""
        key = (pool, first, subchannels, data_prb, bits)
        if key not in self._shapes:
            self._shapes[key] = len(self._list)
            self.least_data_prb = min(self.least_data_prb, data_prb)
            self._list.append(Shape(*key))
            self._emission.append(self._emit(self._list[-1]))
        return self._shapes[key]

    def shapes_of(self, sent: Sendings, data_prb: np.ndarray) -> np.ndarray:
        """Numbers of the allocations of transmissions."""
        place = (sent.pool << 16 | sent.first << 8 | sent.subchannels) << 16
        keys = (place | data_prb << 4 | _BITS[sent.mcs]).tolist()
        known = self._numbers
        try:
            return np.array([known[key] for key in keys], np.int64)
        except KeyError:
            columns = (sent.pool, sent.first, sent.subchannels, data_prb, _BITS[sent.mcs])
            for key, *shape in zip(keys, *(column.tolist() for column in columns), strict=True):
                known[key] = self.shape_id(*shape)
            return np.array([known[key] for key in keys], np.int64)

    def narrower(self, size_bytes: int, pool: int, subchannels: int) -> list[tuple[int, int]]:
        """Allowed (MCS, subchannels) that carry a block in fewer subchannels, the lowest MCS first."""
        if self._mode.packet_subchannels is not None or self._mode.data_prb is not None:
            return []
        width = int(self.width_prb[pool])
        each = [(mcs, lte_grid.subchannels_for(self._prb(size_bytes, mcs), width)) for mcs in sorted(self._mode.mcs)]
        return [(mcs, count) for mcs, count in each if count < subchannels]

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

    def footprint(self, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """PRBs (1 or 0) of data and control of allocations, and of all subchannels of all pools, [rows, PRB] each."""
        prb = np.arange(self.prb_count)
        first = np.array([self.prb_range(*self._key(s))[0] for s in shapes], np.int64)[:, None]
        behind = first + lte_grid.PSCCH_PRB + np.array([self._list[s].data_prb for s in shapes], np.int64)[:, None]
        control = (prb >= first) & (prb < first + lte_grid.PSCCH_PRB)
        edges = [self.prb_range(p, i, 1) for p in range(len(self.names)) for i in range(int(self.subchannels[p]))]
        start, end = np.array(edges, np.int64).reshape(-1, 2).T[:, :, None]
        return (prb >= first + lte_grid.PSCCH_PRB) & (prb < behind), control, (prb >= start) & (prb < end)

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
        rows = (total[last] - total[control], total[control] - total[first], total[starts + widths] - total[starts])
        if not self.plans.trivial:
            pool = np.array([self._list[s].pool for s in shapes], np.int64)
            of_subchannel = np.repeat(np.arange(len(self.names)), self.subchannels)
            counts = (last - control, control - first, widths)
            rows = tuple(
                part + self._unselected(total, self.channel[of], prb)
                for part, of, prb in zip(rows, (pool, pool, of_subchannel), counts, strict=True)
            )
        data, control_rows, subchannel = (part.astype(np.float32) for part in rows)
        return Coupling(data, control_rows, subchannel)

    def _unselected(self, total: np.ndarray, channel: np.ndarray, prb: np.ndarray) -> np.ndarray:
        """Power from outside a victim's channel that its receiver lets through, on ``prb`` PRBs: [victims, n]."""
        bounds = np.array([self.plans.prb_range(c) for c in range(len(CHANNELS))])
        start, end = bounds[channel].T
        outside = total[-1] - (total[end] - total[start])
        return outside * (10 ** (-self._mode.acs_db / 10) * prb / (end - start))[:, None]

    def _key(self, number: int) -> tuple[int, int, int]:
        shape = self._list[number]
        return shape.pool, shape.first_subchannel, shape.subchannels

    def _emit(self, shape: Shape) -> np.ndarray:
        """Transmit power per PRB of the carrier, as a share of the total, float64 [prb_count].

        In-band emission within the sender's channel; beside it the power that ACLR leaves, spread evenly.
        """
        first, _ = self.prb_range(shape.pool, shape.first_subchannel, shape.subchannels)
        data, control = self.power_share(shape.data_prb)
        used = lte_grid.PSCCH_PRB + shape.data_prb
        start, end = self.plans.prb_range(int(self.channel[shape.pool]))
        level = np.zeros(self.prb_count)
        if self._mode.in_band_emission:
            used = min(used, end - first)
            own = lte_grid.in_band_emission(first - start, used, end - start, modulation_bits=shape.bits)
            level[start:end] = (data + control) / used * own
        if end - start < self.prb_count:
            beside = np.ones(self.prb_count, bool)
            beside[start:end] = False
            level[beside] = (data + control) * 10 ** (-self._mode.aclr_db / 10) / (end - start)
        level[first:first + lte_grid.PSCCH_PRB] = control / lte_grid.PSCCH_PRB
        level[first + lte_grid.PSCCH_PRB:first + used] = data / shape.data_prb
        return level

    def _prb(self, size_bytes: int, mcs: int) -> int:
        try:
            return lte_grid.prb_for(size_bytes, mcs)
        except ValueError:
            return _UNFIT

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
