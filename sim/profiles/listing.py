"""Profiles and candidates that are shipped, as rows."""

from __future__ import annotations

from typing import Any

from rsu.profile import BASES
from sim.profiles.sheet import candidate_named, profile_named
from sim.scenario.shipped import shipped_files


def listed_profiles() -> list[dict[str, Any]]:
    """One row per shipped profile: what it sets itself, by basis, and what of all it rests on is unverified."""
    rows = []
    for name in shipped_files("profiles"):
        profile = profile_named(name)
        own = [entry for entry in profile.entries.values() if entry.set_in == profile.name]
        known = [entry.basis for entry in own if not entry.unknown]
        rows.append({
            "name": name, "kind": profile.kind, "inherits": profile.inherits, "title": profile.title,
            "title_zh": profile.title_zh, "own": len(own), "keys": len(profile.entries),
            "bases": {basis: known.count(basis) for basis in BASES if basis in known},
            "unknown": sum(entry.unknown for entry in profile.entries.values()),
            "illustrative": len(profile.illustrative_keys()),
        })
    return rows


def listed_candidates() -> list[dict[str, Any]]:
    """One row per shipped candidate: which profile holds where, hazards, number of unverified or assumed items."""
    rows = []
    for name in shipped_files("candidates"):
        candidate = candidate_named(name)
        rows.append({
            "name": name, "title": candidate.title, "title_zh": candidate.title_zh,
            "places": {place: profile.name for place, profile in candidate.base.items()},
            "hazards": list(candidate.hazards), "illustrative": len(candidate.illustrative_items()),
        })
    return rows
