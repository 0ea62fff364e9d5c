"""When stations generate messages: rules of vehicles, rate controls, objects of a CPM, repetition by the roadside."""

from __future__ import annotations

from collections.abc import Callable

from rsu.generation.base import VehicleGeneration
from rsu.generation.cam import CamGeneration, VamGeneration
from rsu.generation.congestion import CbrSpeedControl, CongestionControl, NoControl
from rsu.generation.density import DensityControl, J2945Control, J3161Control
from rsu.generation.periodic import PeriodicGeneration

VEHICLE_GENERATIONS: dict[str, Callable[[int], VehicleGeneration]] = {
    "periodic": PeriodicGeneration,
    "cam": CamGeneration,
    "vam": VamGeneration,
}
"""Generation rule of a vehicle message -> its class, called with the number of rows."""

CONGESTION_CONTROLS: dict[str, Callable[[int], CongestionControl]] = {
    "none": NoControl,
    "gbt45315-cbr": CbrSpeedControl,
    "gbt45315-density": DensityControl,
    "j2945-1": J2945Control,
    "j3161-1": J3161Control,
}
"""Rate control of routine BSMs -> its class, called with the number of rows."""
