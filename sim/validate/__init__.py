"""Published radio curves against this simulator: read a folder, simulate its settings, compare."""

from sim.validate.command import main

__all__ = ["main"]
