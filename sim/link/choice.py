"""Choice of an error curve by MCS and packet size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.link import lte_grid, nr_grid
from sim.link.tables import FLOOR_PER, FOLDER, PerTable, read_csv, step_table

IMPLEMENTATION_FACTOR = 0.37
"""Share of the Shannon rate a real modem reaches (Wu et al., Sensors 22(23) 9330, 2022)."""


@dataclass(frozen=True)
class TableFile:
    """Where a table lies and how it is read."""

    file: str
    channel: str | None = None
    """Value of column ``channel``; none = the file has no such column."""
    sinr: str = "sinr_db"
    rate: str = "per"
    interpolation: str = "log10"
    above_per: float = FLOOR_PER
    includes_fading: bool = False
    left_out: tuple[tuple[int, int], ...] = ()
    """(mcs, size_bytes) of rows that are not used."""
    system: str = "lte"
    """Whose transport block sizes tell the PRBs of a packet without a curve: ``lte`` or ``nr``."""


class LinkTable:
    """All curves of one table; :meth:`select` picks one."""

    def __init__(self, name: str, spec: TableFile) -> None:
        rows = read_csv(FOLDER / spec.file)
        if spec.channel is not None:
            rows = rows.where(channel=spec.channel)
        self.name, self.source = name, rows.source
        self._spec = spec
        self._curves: dict[tuple[int, int], PerTable] = {}
        self._chosen: dict[tuple[int, int], PerTable] = {}
        has_mcs = "mcs" in rows.columns
        kinds = (
            sorted(set(zip(rows.columns["mcs"], rows.columns["size_bytes"], strict=True)))
            if has_mcs
            else [None]
        )
        for kind in kinds:
            one = rows if kind is None else rows.where(mcs=kind[0], size_bytes=kind[1])
            key = (-1, 0) if kind is None else (int(kind[0]), int(kind[1]))
            if key in spec.left_out:
                continue
            label = name if kind is None else f"{name}: MCS {key[0]}, {key[1]} B"
            self._curves[key] = PerTable(
                one.number(spec.sinr),
                one.number(spec.rate),
                spec.interpolation,
                spec.above_per,
                label,
                spec.includes_fading,
            )

    @property
    def available(self) -> list[tuple[int, int]]:
        """(mcs, size_bytes) of every curve, sorted; (-1, 0) for a control channel's only curve."""
        return sorted(self._curves)

    def select(self, mcs: int, size_bytes: int) -> PerTable:
        """The curve of this MCS nearest in size (the larger of two equally near); cached.

        A table without MCS (control channel) has one curve for all. An MCS without a curve gets the threshold
        2^(T / 0.37) - 1 with T the bits per second and hertz of the packet in its PRBs; ``origin`` says so.
        """
        key = (mcs, size_bytes)
        if key not in self._chosen:
            self._chosen[key] = self._choose(mcs, size_bytes)
        return self._chosen[key]

    def _choose(self, mcs: int, size_bytes: int) -> PerTable:
        if (-1, 0) in self._curves:
            return self._curves[-1, 0]
        sizes = [size for m, size in self._curves if m == mcs]
        if sizes:
            return self._curves[mcs, min(sizes, key=lambda size: (abs(size - size_bytes), -size))]
        grid = {"lte": lte_grid, "nr": nr_grid}[self._spec.system]
        threshold = threshold_db(size_bytes, grid.prb_for(size_bytes, mcs))
        return step_table(
            threshold, f"{self.name}: no curve for MCS {mcs}; threshold {threshold:.2f} dB by capacity"
        )


def threshold_db(size_bytes: int, prb: int) -> float:
    """SINR in dB above which ``size_bytes`` in one subframe of ``prb`` PRBs count as received.

    Also of a faster NR slot: its PRBs are wider as it is shorter.
    """
    bits_per_second_and_hz = 8 * size_bytes / (1e-3 * prb * lte_grid.PRB_HZ)
    return float(10 * np.log10(2 ** (bits_per_second_and_hz / IMPLEMENTATION_FACTOR) - 1))
