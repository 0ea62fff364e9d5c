"""Layouts side by side: coverage, gaps, latency, load, cost, failures, and how far the order can be trusted."""

from __future__ import annotations

from sim.layouts.compare.answer import Answer, compare
from sim.layouts.compare.question import FAILURES, Question, comparison_plan, default_models, failure_plan

__all__ = ["FAILURES", "Answer", "Question", "compare", "comparison_plan", "default_models", "failure_plan"]
