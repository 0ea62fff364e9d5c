"""E1: path loss, shadowing statistics, loss behind vehicles, share of links with sight."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.validate.closed_form.base import Row, near, relative

if TYPE_CHECKING:
    from sim.channel.propagation import Propagation

NAME = "E1"
DISTANCES_M = np.array([100.0, 200.0, 300.0, 500.0])
PRINTED_B1_DB = {
    1.0: (100.06, 112.10, 119.14, 128.02),
    0.5: (89.64, 101.68, 108.73, 117.60),
    0.0: (87.84, 95.59, 102.63, 111.51),
}
"""WINNER+ B1 LOS, 5.9 GHz, antennas at 1.5 m, by environment height."""
PRINTED_SIGHT = {
    "tr37885-highway": {100.0: 0.840, 300.0: 0.608, 500.0: 0.515},
    "tr37885-urban": {100.0: 0.336, 300.0: 0.034, 500.0: 0.004},
}
SPREAD_M = 200_000.0
SIGMA_DB = 3.0


def run(quick: bool) -> list[Row]:
    """All rows; ``quick`` draws fewer links."""
    return [*_losses(), *_shadowing(4 if quick else 12), *_sight(10_000 if quick else 80_000)]


def _losses() -> list[Row]:
    from sim.channel.propagation import Propagation
    from sim.scenario.schema.radio import Channel, Radio

    rows = []
    for height_m, printed in PRINTED_B1_DB.items():
        radio = Radio(carrier_hz=5.9e9, channel=Channel(environment_height_m=height_m))
        found = Propagation(radio, 1).path_loss_db(DISTANCES_M, 1.5, 1.5)
        for distance_m, expected, ours in zip(DISTANCES_M, printed, found, strict=True):
            name = f"WINNER+ B1, environment {height_m:g} m, {distance_m:g} m, dB"
            # Printed with two decimals.
            rows.append(near(NAME, name, expected, float(ours), 0.01 + 1e-9, "dB", 2))
    return rows


def _links(count: int, seed: int, distance_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ends of links of one length at places far from one another."""
    draws = np.random.default_rng(seed)
    x, y = draws.random(count) * SPREAD_M, draws.random(count) * SPREAD_M
    angle = draws.random(count) * 2 * math.pi
    return x, y, x + distance_m * np.cos(angle), y + distance_m * np.sin(angle)


def _shadowing(fields: int) -> list[Row]:
    from sim.channel.propagation import Propagation
    from sim.scenario.schema.radio import Channel, Radio

    radio = Radio(carrier_hz=5.9e9, channel=Channel(shadowing_sigma_db=SIGMA_DB, decorrelation_m=25.0))
    count, moved = 4000, (5.0, 12.5, 25.0, 50.0)
    values: list[np.ndarray] = []
    products: dict[float, list[float]] = {step: [] for step in moved}
    for seed in range(fields):
        propagation = Propagation(radio, seed)
        ends = _links(count, seed, 300.0)
        first = _shadow_db(propagation, ends, 0.0)
        values.append(first)
        for step in moved:
            products[step].append(float(np.mean(first * _shadow_db(propagation, ends, step))) / SIGMA_DB**2)
    remark = f"{fields} fields of {count} links; one end moves"
    rows = [relative(NAME, "sigma of shadowing, dB", SIGMA_DB, float(np.std(np.concatenate(values))), 2.0, 3, remark)]
    for step in moved:
        name = f"autocorrelation after {step:g} m of 25 m"
        rows.append(near(NAME, name, math.exp(-step / 25.0), float(np.mean(products[step])), 0.03))
    return rows


def _shadow_db(propagation: Propagation, ends: tuple[np.ndarray, ...], shift_m: float) -> np.ndarray:
    """Shadowing of links whose far end has moved along x."""
    ax, ay, bx, by = ends
    count = len(ax)
    distance = np.full(count, 300.0, np.float32)
    features = propagation.features(np.concatenate([ax, bx + shift_m]), np.concatenate([ay, by]))
    latent = propagation.pairs(features, np.arange(count), count + np.arange(count), distance)
    loss = propagation.loss_db(distance, latent, 1.5, 1.5) - propagation.path_loss_db(distance, 1.5, 1.5)
    return np.asarray(loss, np.float64)


def _sight(count: int) -> list[Row]:
    rows = []
    for model, printed in PRINTED_SIGHT.items():
        for distance_m, expected in printed.items():
            seen, _ = _blocked(model, distance_m, count, 1.5, 0.5)
            rows.append(near(NAME, f"share with sight, {model}, {distance_m:g} m", expected, seen, 0.01))
    for name, height_m, expected in (("both antennas below", 1.5, 9.04), ("one antenna above", 5.0, 5.20)):
        _, mean_db = _blocked("tr37885-highway", 100.0, 32 * count, height_m, 1.0)  # one link in six is blocked
        rows.append(near(NAME, f"mean loss behind trucks at 100 m, {name}, dB", expected, mean_db, 0.15, "dB", 2))
    return rows


def _blocked(model: str, distance_m: float, count: int, height_m: float, trucks: float) -> tuple[float, float]:
    """(share with sight, mean blockage in dB of the others) of so many links by the states of a run.

    Blocked links are told apart by shadowing that only they have.
    """
    from sim.channel.propagation import Propagation
    from sim.scenario.schema.radio import Channel, Radio

    found = []
    for sigma_db in (0.0, 1.0):
        settings = {"v2v": model, "line_of_sight": "tr37885", "shadowing_sigma_db": 0.0, "blocker_truck_ratio": trucks}
        behind = {name: sigma_db for name in Channel.model_fields if name.startswith("shadowing_sigma_nlos")}
        channel = Channel.model_validate(settings | behind)
        extra = []
        for seed in range(4):
            propagation = Propagation(Radio(carrier_hz=5.9e9, channel=channel), seed)
            ax, ay, bx, by = _links(count // 4, 100 + seed, distance_m)
            features = propagation.features(np.concatenate([ax, bx]), np.concatenate([ay, by]))
            index = np.arange(count // 4)
            distance = np.full(len(index), distance_m, np.float32)
            latent = propagation.pairs(features, index, len(index) + index, distance)
            loss = propagation.loss_db(distance, latent, height_m, 1.5)
            extra.append(loss - propagation.path_loss_db(distance, height_m, 1.5))
        found.append(np.concatenate(extra).astype(np.float64))
    blocked = (np.abs(found[1]) > 1e-6) | (np.abs(found[0]) > 1e-6)
    return float(1.0 - blocked.mean()), float(found[0][blocked].mean()) if blocked.any() else 0.0
