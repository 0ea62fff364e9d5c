"""What one jurisdiction fixes (profile), which profile holds where (candidate), and what may differ (hazards)."""

from __future__ import annotations

from rsu.profile.candidate import CANDIDATE_SCHEMA, Candidate, Difference
from rsu.profile.hazards import HAZARDS, Hazard
from rsu.profile.keys import (
    BASES,
    EVERYWHERE,
    GROUPS,
    KEYS,
    RADIO_KEYS,
    RECEIVER_KEYS,
    SITE_KEYS,
    SPOKEN_KEYS,
    Bound,
    Key,
    read_bound,
)
from rsu.profile.loading import ProfileError, load_profile
from rsu.profile.loading_candidate import load_candidate
from rsu.profile.profile import PROFILE_SCHEMA, UNKNOWN, Entry, Profile, speaking
from rsu.profile.trust import Gateway, RelayRow, Relays, Trust, TrustRow, TrustState

__all__ = [
    "BASES",
    "CANDIDATE_SCHEMA",
    "EVERYWHERE",
    "GROUPS",
    "HAZARDS",
    "KEYS",
    "PROFILE_SCHEMA",
    "RADIO_KEYS",
    "RECEIVER_KEYS",
    "SITE_KEYS",
    "SPOKEN_KEYS",
    "UNKNOWN",
    "Bound",
    "Candidate",
    "Difference",
    "Entry",
    "Gateway",
    "Hazard",
    "Key",
    "Profile",
    "ProfileError",
    "RelayRow",
    "Relays",
    "Trust",
    "TrustRow",
    "TrustState",
    "load_candidate",
    "load_profile",
    "read_bound",
    "speaking",
]
