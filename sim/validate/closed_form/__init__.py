"""Experiments with a known answer: real layers and real channel code against closed forms."""

from __future__ import annotations

from sim.validate.closed_form import (
    e01_path_loss,
    e02_noise_limited,
    e03_half_duplex,
    e06_scaling,
    e07_load,
    e08_sps,
    e10_latency,
    e12_coverage,
)
from sim.validate.closed_form.base import Experiment, Row

EXPERIMENTS: dict[str, Experiment] = {
    "E1": Experiment("path loss, shadowing, sight", e01_path_loss.run),
    "E2": Experiment("noise-limited links", e02_noise_limited.run),
    "E3": Experiment("half duplex", e03_half_duplex.run),
    "E6": Experiment("scaling of subchannels, density, rate", e06_scaling.run),
    "E7": Experiment("load response of 802.11p, congestion control", e07_load.run),
    "E8": Experiment("statistics of semi-persistent scheduling", e08_sps.run),
    "E10": Experiment("latency", e10_latency.run),
    "E12": Experiment("range of a roadside unit", e12_coverage.run),
}

__all__ = ["EXPERIMENTS", "Experiment", "Row"]
