"""The bench: corridor, traffic, radio, clock, metrics, results (``import sim; sim.run(sim.load("demo-zone"))``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# One run uses one core: many small matrix products lose far more to waiting threads than they gain (measured: radio
# 1.1 against 3.3 CPU seconds per simulated second on two busy cores). Has no effect once NumPy is loaded.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

__version__ = "0.1.0"
SCENARIO_SCHEMA = "corridor/1"

if TYPE_CHECKING:
    from sim.scenario import load
    from sim.simulation import run

__all__ = ["SCENARIO_SCHEMA", "__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    """Load ``run`` and ``load`` on first use, so that ``corridor --help`` stays light."""
    if name == "run":
        from sim.simulation import run

        return run
    if name == "load":
        from sim.scenario import load

        return load
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
