"""Requirements of applications as data, and verdicts on results: met, not met, undecided, no data."""

from __future__ import annotations
