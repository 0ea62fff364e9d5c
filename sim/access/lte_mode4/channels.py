"""Channels of a band by device and jurisdiction: where stations send, what they can decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.frames import Kind

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Radio
    from sim.world.stations import Stations

CHANNELS = ("whole", "lower", "upper")
"""The bandwidth and its halves; PRBs of the halves are taken as those of the whole (0.5 MHz of guard neglected)."""
WHOLE = 0
_DEVICES = ("vehicle", "rsu")


class Plans:
    """Channel plans of ``radio.mode4.channel_plans``; without any, everybody uses the whole bandwidth.

    A *class* is (plan, type of device). ValueError for two plans for one jurisdiction.
    """

    def __init__(self, radio: Radio) -> None:
        self.prb_count = 5 * radio.bandwidth_mhz
        self.trivial = not radio.mode4.channel_plans
        self._by_name: dict[str, int] = {}
        self._rest = 0
        plans = list(radio.mode4.channel_plans)
        tunings = [getattr(plan, device) for plan in plans for device in _DEVICES]
        for number, plan in enumerate(plans, start=1):
            if not plan.jurisdictions:
                if self._rest:
                    raise ValueError("radio.mode4.channel_plans: two plans name no jurisdictions, one can be the rest")
                self._rest = number
            for name in plan.jurisdictions:
                if name in self._by_name:
                    raise ValueError(f"radio.mode4.channel_plans: jurisdiction {name!r} has two plans")
                self._by_name[name] = number
        self.send = np.array([WHOLE, WHOLE, *(CHANNELS.index(t.send) for t in tunings)], np.int64)
        """Channel that each class sends on."""
        listen = [[True, False, False]] * 2 + [[name in t.listen for name in CHANNELS] for t in tunings]
        self.used = np.array([self._rest == 0] * 2 + [True] * len(tunings))
        """Whether a class can occur: nobody is without a plan where one plan is that of the rest."""
        self.listen = np.array(listen, bool)
        """Whether each class can decode each channel, [classes, channels]."""

    def described(self) -> str:
        """What the stations of each plan send on and listen to, in one line."""
        if self.trivial:
            return f"one of {self.prb_count} PRB for all"
        parts = []
        for number in range(2, len(self.send), 2):
            names = [name for name, plan in self._by_name.items() if plan == number // 2]
            each = [
                f"{device} sends {CHANNELS[self.send[c]]}, hears "
                + "+".join(name for name, yes in zip(CHANNELS, self.listen[c], strict=True) if yes)
                for device, c in zip(_DEVICES, (number, number + 1), strict=True)
            ]
            parts.append(f"{', '.join(names) or 'others'}: {'; '.join(each)}")
        return " | ".join(parts)

    def prb_range(self, channel: int) -> tuple[int, int]:
        """First PRB of a channel and the one behind its last."""
        half = self.prb_count // 2
        return ((0, self.prb_count), (0, half), (half, self.prb_count))[channel]

    def differ(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Whether two classes (arrays of them) send on or listen to other channels."""
        return (self.send[one] != self.send[other]) | (self.listen[one] != self.listen[other]).any(axis=-1)

    def class_of(self, stations: Stations, slots: np.ndarray) -> np.ndarray:
        """Class of each slot: roadside units and probes by place, others by home, or by ``stations.tuning`` if set.

        ValueError for a plan of a jurisdiction that the stations know nothing of.
        """
        kind = stations.kind[slots]
        rsu = kind == Kind.RSU
        if self.trivial:
            return rsu.astype(np.int64)
        names = stations.jurisdictions
        unknown = [name for name in self._by_name if name not in names]
        if unknown:
            raise ValueError(f"radio.mode4.channel_plans: no jurisdiction {unknown[0]!r} among {list(names)}")
        of_name = np.array([*(self._by_name.get(name, self._rest) for name in names), self._rest], np.int64)
        on_board = stations.home if stations.tuning is None else stations.tuning
        where = np.where(rsu | (kind == Kind.PROBE), stations.place[slots], on_board[slots])
        return 2 * of_name[where] + rsu
