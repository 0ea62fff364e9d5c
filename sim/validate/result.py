"""What came out for one file or one experiment: judged quantities, curves to draw, what the run rested on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sim.validate.road import Trial
    from sim.validate.statistics import Tally


@dataclass(frozen=True)
class Check:
    """One quantity: what was expected, what came out, and the rule."""

    name: str
    expected: float | None
    ours: float | None
    deviation: float
    """In ``unit``; the tolerance applies to it. For curves the mean of |ours - expected| over the distances."""
    tolerance: float | None
    """None: printed, not judged."""
    unit: str
    half_width: float | None = None
    """95 % half-width of ``ours``; none without repeated runs."""
    digits: int = 2
    group: str = ""
    """Name under which it is averaged over a family; empty: its own."""

    @property
    def judged(self) -> bool:
        """Whether a tolerance applies."""
        return self.tolerance is not None

    @property
    def passed(self) -> bool:
        """Within tolerance, or not judged; a deviation that is no number never passes."""
        return self.tolerance is None or bool(self.deviation <= self.tolerance)


@dataclass(frozen=True)
class Line:
    """One curve of a picture; ``expected`` lines are dashed."""

    label: str
    x: np.ndarray
    y: np.ndarray
    expected: bool
    colour: str
    half_width: np.ndarray | None = None
    band: float | None = None
    """Tolerance drawn around the curve, in units of y."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    y_limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class FileResult:
    """The verdict on one file."""

    path: Path
    family: str
    setting: str
    checks: tuple[Check, ...]
    """The first is the principal one."""
    panels: tuple[Panel, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know: reasons of a miss, columns that were not understood."""
    facts: dict[str, str] = field(default_factory=dict)
    """Settings of the run and provenance of the layer."""
    record: dict[str, Any] = field(default_factory=dict)
    """Further values for the JSON document."""
    replications: int = 0

    @property
    def passed(self) -> bool:
        """Whether every judged quantity is within tolerance."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[str, ...]:
        """What was out of tolerance."""
        return tuple(f"{c.name} {c.deviation:.2f} > {c.tolerance:g} {c.unit}" for c in self.checks if not c.passed)


@dataclass(frozen=True)
class Skipped:
    """A file that holds nothing to compare, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Case:
    """One file read by its family, ready to be judged.

    Files with the same ``key`` share one simulation: ``trial`` makes it (none: nothing is simulated, ``judge`` gets an
    empty list), ``value`` is the mean whose interval decides how many replications are made.
    """

    path: Path
    family: str
    setting: str
    key: str
    judge: Callable[[list[Tally]], FileResult]
    trial: Callable[[], Trial] | None = None
    edges_m: np.ndarray | None = None
    """(bins, 2) distance bins that ``value`` is taken over."""
