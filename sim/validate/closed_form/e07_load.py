"""E7: busy ratio of 802.11p against load; congestion control keeps its intervals and its fixed point."""

from __future__ import annotations

import numpy as np

from sim.access import access_class
from sim.access.bench import Traffic, move, place
from sim.clock import MS, hashed_uniform, stream_key
from sim.frames import Flow, Kind
from sim.scenario.schema.radio import Radio
from sim.validate.closed_form.base import Row, at_least, at_most, near, relative
from sim.validate.families.dot11p import Setting
from sim.validate.models.dot11p import airtime_s
from sim.validate.models.propagation import DOT11P_AIR
from sim.validate.road import replicate

NAME = "E7"
PUBLISHED_CBR = {
    Setting(0.06, 10.0, 23.0, 190, 18.0): 0.044,
    Setting(0.06, 10.0, 23.0, 500, 6.0): 0.231,
    Setting(0.12, 25.0, 23.0, 500, 18.0): 0.395,
    Setting(0.12, 25.0, 23.0, 190, 6.0): 0.443,
}
"""Mean CBR of the authors' simulation, by rising load."""
ALPHA, BETA, TARGET = 0.016, 0.0012, 0.68
SMALLEST_DELTA, LARGEST_DELTA = 0.0006, 0.03


def run(quick: bool) -> list[Row]:
    """All rows."""
    rows = _load(1.0 if quick else 4.0)
    rows += _reactive(8 if quick else 16)
    for stations in (100,) if quick else (100, 300):
        rows += _adaptive(stations, 19 if quick else 26)
    return rows


def _load(seconds: float) -> list[Row]:
    rows, per_load = [], []
    for setting, published in PUBLISHED_CBR.items():
        ours = replicate(setting.trial(520.0).lasting(1.0, seconds), 1).busy_ratio
        rows.append(relative(NAME, f"CBR, {setting.name}", published, ours, 15.0))
        airtime = airtime_s(setting.size_bytes, setting.rate_mbps)
        offered = (
            setting.vehicles_per_m * setting.packets_per_s * airtime * DOT11P_AIR.heard_sum_m(setting.tx_power_dbm)
        )
        per_load.append(ours / offered)
    for lighter, heavier, name in zip(per_load[:-1], per_load[1:], list(PUBLISHED_CBR)[1:], strict=True):
        remark = "CBR over offered load falls as the load grows: frames overlap, stations wait"
        rows.append(at_most(NAME, f"CBR over offered load, {name.name}", round(lighter, 4), heavier, remark=remark))
    return rows


def cluster(dcc: str, count: int, seconds: int) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, object]:
    """(busy ratio by tick, start times in ns by station, interval in force by tick and station, layer).

    So many stations within 150 m, each offering 150 to 450 B at 6 Mb/s every 20 ms. With equal sizes all off times are
    equal too, so stations that once collide are released together for ever.
    """
    base = Setting(0.1, 10.0, 23.0, 300, 6.0).radio()
    radio: Radio = base.model_copy(
        update={
            "dot11p": base.dot11p.model_copy(
                update={
                    "dcc": dcc,
                    "header_bytes": 0,
                    "airtime_rounding": "symbols",
                    "access_category": "be",
                    "cbr_own_transmissions": True,
                }
            ),
            "channel": base.channel.model_copy(update={"shadowing_sigma_db": 0.0}),
        }
    )
    flow = Flow(0, "CAM", Kind.VEHICLE, 20 * MS, 100 * MS, 5)
    stations = place(np.linspace(0.0, 150.0, count), np.zeros(count), power_dbm=23.0, gain_dbi=0.0)
    stations.changed = np.arange(count)
    layer = access_class(radio.access)(radio, [flow], stations, 3, report_distance_m=1.0)
    traffic = Traffic([flow], {0: 300}, 3)
    key = stream_key(3, "closed form", "size")
    busy, starts, senders, intervals = [], [], [], []
    for tick in range(10 * seconds):
        if tick:
            move(stations, np.zeros(count))
        layer.stations_changed(stations)
        frames = traffic.frames(stations)
        frames.size_bytes = 150 + (301 * hashed_uniform(key, frames.sender, frames.sequence)).astype(np.int64)
        layer.submit(frames)
        batch = layer.advance(stations.tick_end_ns, stations)
        starts.append(batch.start_ns[batch.sent])
        senders.append(batch.sender[batch.sent])
        busy.append(float(np.mean(layer.busy_ratio()[1])))
        if dcc == "reactive":
            intervals.append(layer.control.interval_ns[layer.control.state].copy())
    start, sender = np.concatenate(starts), np.concatenate(senders)
    by_station = [np.sort(start[sender == one]) for one in range(count)]
    return np.array(busy), by_station, np.array(intervals), layer


def _reactive(seconds: int) -> list[Row]:
    """No station sends more often than the interval of its state allows."""
    busy, starts, intervals, _ = cluster("reactive", 60, seconds)
    shortage, gaps = 0.0, 0
    for station, times in enumerate(starts):
        for first, second in zip(times[:-1], times[1:], strict=True):
            held = intervals[max(0, int(first // (100 * MS)) - 1) : int(second // (100 * MS)) + 1, station].min()
            shortage = max(shortage, float(held - (second - first)) / MS)
            gaps += 1
    shortest_ms = min(float(np.diff(times).min()) for times in starts) / MS
    remark = f"60 stations that each offer 50 packets a second for {seconds} s; {gaps} gaps against the state in force"
    return [
        at_most(
            NAME, "reactive DCC: largest shortfall of a gap below its interval, ms", 0.0, shortage, "ms", remark=remark
        ),
        at_least(NAME, "reactive DCC: shortest gap of all, ms", 100.0, shortest_ms, "ms"),
        at_most(NAME, "reactive DCC: CBR", 1.0, float(busy.max())),
    ]


def _adaptive(count: int, seconds: int) -> list[Row]:
    """CBR settles at 0.68 K b / (a + K b)."""
    busy, starts, _, layer = cluster("adaptive", count, seconds)
    expected = TARGET * count * BETA / (ALPHA + count * BETA)
    settled = float(busy[-20:].mean())
    delta = layer.control.delta[:count]  # type: ignore[attr-defined]
    remark = "150 to 450 B at 6 Mb/s offered every 20 ms by each station; last 2 s"
    return [
        near(NAME, f"adaptive DCC: CBR with {count} stations in range", expected, settled, 0.02, remark=remark),
        at_least(NAME, f"adaptive DCC: smallest delta, {count} stations", SMALLEST_DELTA, float(delta.min()), digits=4),
        at_most(NAME, f"adaptive DCC: largest delta, {count} stations", LARGEST_DELTA, float(delta.max()), digits=4),
    ]
