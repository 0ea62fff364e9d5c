"""E2: one sender, no interference: (1 - SEN)(1 - PRO) against distance for both radio families."""

from __future__ import annotations

from sim.scenario.schema.radio import Radio
from sim.validate.closed_form.alone import circles, received
from sim.validate.closed_form.base import Row, near
from sim.validate.families import cv2x_setting, dot11p

NAME = "E2"
DISTANCES_M = (100.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, 500.0)
CV2X = {
    (4, 20.0): (1.000, 1.000, 1.000, 0.994, 0.955, 0.825, 0.603, 0.364),
    (4, 23.0): (1.000, 1.000, 1.000, 1.000, 0.996, 0.972, 0.894, 0.741),
    (2, 20.0): (1.000, 1.000, 1.000, 0.995, 0.957, 0.830, 0.607, 0.368),
}
DOT11P = {
    (6.0, 23.0): (0.998, 0.966, 0.748, 0.365, 0.112, 0.024, 0.004, 0.001),
    (18.0, 23.0): (0.997, 0.830, 0.515, 0.214, 0.060, 0.012, 0.002, 0.000),
}
DOT11P_PAIRS = {(6.0, 15.0): (0.827, 0.257), (6.0, 30.0): (0.998, 0.997)}
"""At 150 and 200 m."""
TOLERANCE = 0.01


def run(quick: bool) -> list[Row]:
    """All rows; ``quick`` uses fewer packets."""
    rows = []
    for (subchannels, power_dbm), printed in CV2X.items():
        radio = roadside(cv2x_setting.Setting(0.1, 10.0, power_dbm, subchannels, 190).radio())
        rows += _rows(f"C-V2X S={subchannels}, {power_dbm:g} dBm", radio, power_dbm, DISTANCES_M, printed, quick)
    for (rate, power_dbm), printed in DOT11P.items():
        radio = dot11p.Setting(0.1, 10.0, power_dbm, 190, rate).radio()
        rows += _rows(f"802.11p {rate:g} Mb/s, {power_dbm:g} dBm", radio, power_dbm, DISTANCES_M, printed, quick)
    for (rate, power_dbm), pair in DOT11P_PAIRS.items():
        radio = dot11p.Setting(0.1, 10.0, power_dbm, 190, rate).radio()
        rows += _rows(f"802.11p {rate:g} Mb/s, {power_dbm:g} dBm", radio, power_dbm, (150.0, 200.0), pair, quick)
    return rows


def roadside(radio: Radio) -> Radio:
    """The same radio with its pool open to roadside units."""
    pools = [pool.model_copy(update={"senders": ["vehicle", "rsu"]}) for pool in radio.pools]
    return radio.model_copy(update={"pools": pools})


def _rows(
    label: str, radio: Radio, power_dbm: float, distances_m: tuple[float, ...], printed: tuple[float, ...], quick: bool
) -> list[Row]:
    each = 1000 if quick else 2000
    x_m, y_m = circles(distances_m, each)
    share = received(radio, 190, x_m, y_m, 20 if quick else 30, power_dbm=power_dbm, speed_mps=60.0)
    found = share.reshape(len(distances_m), each).mean(axis=1)
    remark = "a roadside sender, silent receivers on circles, everybody moves on together so that shadowing is new"
    return [
        near(NAME, f"{label}, {distance_m:g} m", expected, float(ours), TOLERANCE, remark=remark)
        for distance_m, expected, ours in zip(distances_m, printed, found, strict=True)
    ]
