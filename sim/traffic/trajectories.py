"""Recorded."""
from sim.traffic.base import TrafficBase
class TrajectoryTraffic(TrafficBase):
    pass
