"""Experiments with a known answer: real layers and real channel code against closed forms."""

from __future__ import annotations

from sim.validate.closed_form.base import Experiment, Row

EXPERIMENTS: dict[str, Experiment] = {}

__all__ = ["EXPERIMENTS", "Experiment", "Row"]
