"""Small scenes for the 802.11p layer: stations on a line, frames at given microseconds, what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.access import bench
from sim.access.dot11p.layer import Dot11p
from sim.clock import MS
from sim.frames import Flow, Frames, Kind, Outcome
from sim.scenario.schema.radio import Radio

FLOWS = [
    Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5, "BSM"),
    Flow(1, "DENM", Kind.VEHICLE, 100 * MS, 100 * MS, 3),
    Flow(2, "ALARM", Kind.VEHICLE, 100 * MS, 100 * MS, 1),
    Flow(3, "MAPEM", Kind.RSU, 100 * MS, 100 * MS, 7),
]
BE, VI, VO, BK = range(4)
"""Flow of each category."""


def radio(
    sigma_db: float = 0.0, height_m: float = 0.5, gain_dbi: float = 0.0, noise_figure_db: float = 9.0,
    decorrelation_m: float = 25.0, **dot11p: Any,
) -> Radio:
    """802.11p without shadowing, no header, all thresholds at -85 dBm unless said otherwise."""
    keys: dict[str, Any] = {
        "header_bytes": 0, "preamble_detection_dbm": -85, "carrier_sense_dbm": -85, "vulnerable_us": 4, **dot11p
    }
    return Radio.model_validate({
        "access": "ieee80211p", "bandwidth_mhz": 10, "dot11p": keys,
        "link": {"antenna_gain_dbi": gain_dbi, "noise_figure_db": noise_figure_db},
        "channel": {
            "environment_height_m": height_m, "shadowing_sigma_db": sigma_db, "decorrelation_m": decorrelation_m
        },
    })


@dataclass
class Told:
    """What the layer reported."""

    start_us: dict[int, float]
    end_us: dict[int, float]
    sent: dict[int, bool]
    outcome: dict[tuple[int, int], Outcome]
    sinr_db: dict[tuple[int, int], float]
    layer: Dot11p


def frames_of(rows: list[tuple[int, float, int, int]], stations: Any) -> Frames:
    """(slot, ready in us, bytes, flow) as frames numbered in this order."""
    slot, ready_us, size, flow = (np.array(column) for column in zip(*rows, strict=True))
    ready = np.rint(ready_us * 1000).astype(np.int64)
    n = len(rows)
    return Frames(
        np.arange(n), slot, stations.station_id[slot], np.arange(n), flow, np.zeros(n, np.int64), ready, ready.copy(),
        size,
    )


def scene(x_m: list[float], config: Radio, kind: list[int] | None = None, seed: int = 1, report_m: float = 2000.0):
    """Layer and stations at rest on a line."""
    kinds = None if kind is None else np.array(kind, np.int8)
    stations = bench.place(np.array(x_m, float), np.zeros(len(x_m)), kinds, gain_dbi=config.link.antenna_gain_dbi)
    return Dot11p(config, FLOWS, stations, seed, report_distance_m=report_m), stations


def send(
    x_m: list[float], rows: list[tuple[int, float, int, int]], config: Radio, kind: list[int] | None = None,
    seed: int = 1, ticks: int = 2, step_ns: int = 100 * MS,
    foreign: list[tuple[int, float, float, float]] | None = None,
) -> Told:
    """Send frames (slot, ready in us, bytes, flow); ``foreign``: (slot, start us, end us, mW) of another radio."""
    layer, stations = scene(x_m, config, kind, seed)
    layer.stations_changed(stations)
    layer.submit(frames_of(rows, stations))
    for slot, start_us, end_us, power_mw in foreign or []:
        layer.foreign(
            np.array([slot]), np.array([round(start_us * 1000)]), np.array([round(end_us * 1000)]),
            np.array([power_mw]),
        )
    told = Told({}, {}, {}, {}, {}, layer)
    now = 0
    for tick in range(ticks):
        if tick:
            bench.move(stations, np.zeros(len(x_m)))
            layer.stations_changed(stations)
        while now < stations.tick_end_ns:
            now = min(now + step_ns, stations.tick_end_ns)
            _note(told, layer.advance(now, stations))
    return told


def _note(told: Told, batch: Any) -> None:
    for number, start, end, sent in zip(batch.frame, batch.start_ns, batch.end_ns, batch.sent, strict=True):
        told.start_us[int(number)], told.end_us[int(number)] = start / 1000, end / 1000
        told.sent[int(number)] = bool(sent)
    columns = (batch.frame[batch.row], batch.receiver, batch.outcome, batch.sinr_db)
    for number, receiver, outcome, sinr in zip(*columns, strict=True):
        told.outcome[int(number), int(receiver)] = Outcome(int(outcome))
        told.sinr_db[int(number), int(receiver)] = float(sinr)
