"""Traffic models: who is where. One table, name in the scenario -> class."""

from __future__ import annotations

from sim.traffic.base import Traffic
from sim.traffic.constant import ConstantSpeedTraffic
from sim.traffic.fleet import Fleet
from sim.traffic.idm import IdmTraffic
from sim.traffic.static import StaticTraffic
from sim.traffic.trajectories import TrajectoryTraffic

TRAFFIC: dict[str, type[Traffic]] = {
    "idm": IdmTraffic,  # car following, lane changes, signals, side arms
    "constant-speed": ConstantSpeedTraffic,  # nobody brakes; for closed forms and benchmarks
    "static": StaticTraffic,  # standing vehicles, drawn or listed
    "trajectories": TrajectoryTraffic,  # a recorded file, CSV or SUMO FCD
}

__all__ = ["TRAFFIC", "Fleet", "Traffic"]
