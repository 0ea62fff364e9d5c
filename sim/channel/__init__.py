"""Propagation: path loss by name, correlated shadowing, sight. Pure functions of positions and seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.channel.free_space import free_space
from sim.channel.three_slope import ecc_rural
from sim.channel.tr37885 import highway_los, nlos, urban_los
from sim.channel.two_ray import two_ray
from sim.channel.winner_b1 import winner_b1, winner_b1_nlos

PathLoss = Callable[..., np.ndarray]
"""``(distance_m, tx_height_m, rx_height_m, carrier_hz, config) -> loss_db``, any broadcastable shapes."""

PATH_LOSS: dict[str, PathLoss] = {
    "winner-b1": winner_b1,
    "winner-b1-nlos": winner_b1_nlos,
    "tr37885-highway": highway_los,
    "tr37885-urban": urban_los,
    "tr37885-nlos": nlos,
    "two-ray": two_ray,
    "free-space": free_space,
    "ecc-rural": ecc_rural,
}
