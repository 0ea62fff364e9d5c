"""Benchmark of whole runs: CPU seconds per simulated second, memory, targets; ``python -m sim.bench``."""

from __future__ import annotations

from sim.bench.cases import CASES, Case, scenario
from sim.bench.measure import measure

__all__ = ["CASES", "Case", "measure", "scenario"]
