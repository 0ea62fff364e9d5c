"""What harmonising is worth: candidate standards compared on one scenario, and their losses attributed to hazards."""

from sim.fragment.answer import Findings, findings, fragment
from sim.fragment.question import NONE, Question, last_of_family, shipped_family
from sim.fragment.variants import Study, study_of

__all__ = [
    "NONE", "Findings", "Question", "Study", "findings", "fragment", "last_of_family", "shipped_family", "study_of",
]
