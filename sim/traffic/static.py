"""Standing vehicles: drawn, listed by chainage, or read from a file."""
from sim.traffic.base import TrafficBase
class StaticTraffic(TrafficBase):
    pass
