"""Profiles side by side: the comparison sheet, conflicts between documents, figures about the standards themselves."""

from __future__ import annotations

from sim.profiles.conflicts import Conflict, Statement, conflicts
from sim.profiles.process import agreement, documents, place_counts
from sim.profiles.sheet import (
    STATES,
    Cell,
    Column,
    Row,
    Sheet,
    candidate_named,
    profile_named,
    sheet_of_candidate,
    sheet_of_profiles,
)

__all__ = [
    "STATES",
    "Cell",
    "Column",
    "Conflict",
    "Row",
    "Sheet",
    "Statement",
    "agreement",
    "candidate_named",
    "conflicts",
    "documents",
    "place_counts",
    "profile_named",
    "sheet_of_candidate",
    "sheet_of_profiles",
]
