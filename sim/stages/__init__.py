"""Stages between the radio and the receivers that decide by whom a message may be believed."""

from __future__ import annotations

from sim.stages.verification import Secured, Verification, Verified

__all__ = ["Secured", "Verification", "Verified"]
