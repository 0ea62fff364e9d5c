"""NR-V2X PC5 Mode 2 (3GPP TS 38.214 clause 8.1.4, TS 38.321 clause 5.22.1)."""

from __future__ import annotations

from sim.scenario.schema.base import Section, key


class Mode2(Section):
    """NR-V2X PC5 Mode 2."""

    numerology: int = key(0, "subcarrier spacing 15 kHz x 2^this", ge=0, le=2, source="TS 38.211 table 4.2-1")
