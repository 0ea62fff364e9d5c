"""Where roadside units should stand: fewest poles that reach a target, bounded by a model, verified by simulation."""

from __future__ import annotations
