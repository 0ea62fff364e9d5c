"""E10: latency of an unloaded radio, medians of the cellular path, what crossing a peering point adds."""

from __future__ import annotations

import numpy as np

from sim.access import access_class
from sim.access.bench import place
from sim.clock import MS
from sim.frames import Flow, Frames, Kind
from sim.scenario.schema.radio import Dot11p, Radio
from sim.validate.closed_form.base import Row, near, relative
from sim.validate.families.cv2x_setting import Setting

NAME = "E10"
SAMPLES = 200_000


def run(quick: bool) -> list[Row]:
    """All rows."""
    rows = []
    for name, access, category, expected_us in (
        ("802.11p 300 B, 6 Mb/s, medium idle, immediate, us", "immediate", "be", 448.0),
        ("802.11p 300 B, 6 Mb/s, AIFS first, BE, us", "aifs", "be", 558.0),
        ("802.11p 300 B, 6 Mb/s, AIFS first, VO, us", "aifs", "vo", 506.0),
    ):
        radio = Radio(
            access="ieee80211p",
            carrier_hz=5.89e9,
            bandwidth_mhz=10,
            dot11p=Dot11p.model_validate(
                {
                    "idle_access": access,
                    "access_category": category,
                    "header_bytes": 0,
                    "data_rate_mbps": 6.0,
                }
            ),
        )
        ready_ns, _, end_ns = one_frame(radio, 300)
        rows.append(near(NAME, name, expected_us, (end_ns - ready_ns) / 1000.0, 1.0, "us", 1))
    base = Setting(0.1, 10.0, 20.0, 4, 190).radio()
    _, start_ns, end_ns = one_frame(base, 190)
    rows.append(near(NAME, "LTE-V2X time on air, ms", 1.0, (end_ns - start_ns) / MS, 0.0, "ms"))
    return [*rows, *_radio_medians(), *_peering()]


def one_frame(radio: Radio, size_bytes: int) -> tuple[int, int, int]:
    """(ready, start, end) in ns of a lone frame of one of two stations 50 m apart, 20 ms into an idle channel."""
    flow = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 100 * MS, 5)
    stations = place(np.array([0.0, 50.0]), np.zeros(2))
    stations.changed = np.arange(2)
    layer = access_class(radio.access)(radio, [flow], stations, 1, report_distance_m=500.0)
    layer.stations_changed(stations)
    ready = np.array([20 * MS])
    one = np.zeros(1, np.int64)
    layer.submit(Frames(one, one, stations.station_id[:1], one, one, one, ready, ready.copy(), np.array([size_bytes])))
    for tick in range(3):
        if tick:
            stations.tick_start_ns, stations.tick_end_ns = stations.tick_end_ns, stations.tick_end_ns + 100 * MS
            stations.changed = np.empty(0, np.int64)
            layer.stations_changed(stations)
        batch = layer.advance(stations.tick_end_ns, stations)
        if len(batch.frame):
            return int(ready[0]), int(batch.start_ns[0]), int(batch.end_ns[0])
    raise RuntimeError(f"{radio.access}: a lone frame did not leave within 300 ms")


def _radio_medians() -> list[Row]:
    from sim.access.uu.radio import RadioTable
    from sim.clock import stream
    from sim.scenario.schema.radio import Uu

    rows = []
    for link, density, median, tail in (
        ("UL", 20.0, 0.750, 0.976),
        ("DL", 20.0, 0.750, 0.976),
        ("DL", 80.0, 0.780, 1.070),
    ):
        table = RadioTable(Uu.model_validate({"mcs_table": 3}), link)
        chosen = table.choose(np.full(SAMPLES, density * table.packets_per_density))
        values = table.latency_ms(chosen, stream(1, "closed form", link).random(SAMPLES))
        for name, level, expected in (("p50", 0.5, median), ("p95", 0.95, tail)):
            ours = float(np.quantile(values, level))
            rows.append(
                relative(NAME, f"NR Uu {link}, {density:g} veh/km/lane, 10 Hz, {name}, ms", expected, ours, 3.0)
            )
    return rows


def _peering() -> list[Row]:
    from sim.access.uu.tables import FOLDER, added_by_peering_ms

    path = FOLDER / "peering_rtt.csv"
    return [
        relative(
            NAME, "local peering adds, one way, median, ms", 0.31, added_by_peering_ms(path, "local", SAMPLES, 1), 3.0
        ),
        relative(
            NAME, "remote peering adds, one way, median, ms", 6.3, added_by_peering_ms(path, "remote", SAMPLES, 1), 3.0
        ),
    ]
