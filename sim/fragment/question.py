"""What a study asks: which candidate standards on which scenario, against which, and what is to be attributed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.fragment.losses import DEFAULT_WEIGHTS

FAMILY = ("S0", "S1", "S2", "S3", "S4", "S5", "S6", "R1", "R2", "R3", "R4", "R5", "G")
"""Candidates of the family for a working meeting; those that are shipped are the default."""
NONE = "none"
CHOSEN_HERE = ("standards", "standards.candidate", "standards.views")
"""Keys of a scenario that are the study's own."""


@dataclass(frozen=True)
class Question:
    """One study: paired runs of several candidates on one scenario."""

    scenario: str
    candidates: tuple[str, ...]
    """Files or shipped names."""
    against: str
    """What the others are compared with: the harmonised corridor."""
    attribute: str = NONE
    """Candidate whose loss is attributed to its hazards, or ``none``."""
    hazards: tuple[str, ...] = ()
    """Hazards that share the loss, the others stay at work; none = all that change anything."""
    seeds: int = 5
    seed: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Keys changed in every run."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weight of a class (``V2V BSM``, ``I2V RSI``) in the overall loss; where nothing is said that of
    :data:`sim.fragment.losses.DEFAULT_WEIGHTS`."""
    decision_weights: Path | None = None
    """File with the weights of the decision matrix; none = the one shipped."""

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("fragment: at least one candidate is needed")
        if self.seeds < 1:
            raise ValueError(f"--seeds {self.seeds}: must be at least 1")
        bad = next((name for name, weight in self.weights.items() if not weight >= 0), None)
        if bad is not None:
            raise ValueError(f"--weight {bad}={self.weights[bad]}: must be 0 or more")
        other = next((name for name in self.weights if name.split(" ")[0] not in DEFAULT_WEIGHTS), None)
        if other is not None:
            raise ValueError(f"--weight {other}: a class is a link and a name, as in 'V2V BSM' or 'I2V SPAT+MAP'")
        chosen = next((key for key in self.changes if key in CHOSEN_HERE), None)
        if chosen is not None:
            raise ValueError(f"--set {chosen}: the study chooses it; name candidates with --candidates")

    @property
    def name(self) -> str:
        """Short name; names the folder."""
        stem = re.sub(r"[^A-Za-z0-9._-]", "-", Path(self.scenario).stem)
        return f"fragment-{stem}"[:64]

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every candidate that is run, the one compared with first, each once."""
        last = () if self.attribute == NONE else (self.attribute,)
        return tuple(dict.fromkeys((self.against, *self.candidates, *last)))


def shipped_family() -> tuple[str, ...]:
    """Those of :data:`FAMILY` that come with the program."""
    from sim.scenario.shipped import shipped_files

    known = shipped_files("candidates")
    return tuple(name for name in FAMILY if name in known)


def last_of_family(candidates: tuple[str, ...]) -> str:
    """What is attributed where nobody chose: the ``S`` candidate with the highest number but ``S0``, else none."""
    numbered = [name for name in candidates if re.fullmatch(r"S[1-9]", name)]
    return max(numbered, default=NONE)
