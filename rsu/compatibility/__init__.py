"""Whether a station of one profile understands what a station of another sends: by real headers and real decoders."""

from __future__ import annotations

from rsu.compatibility.content import Content, Verdict
from rsu.compatibility.headers import header_known
from rsu.compatibility.reading import Read, Reading

__all__ = ["Content", "Read", "Reading", "Verdict", "header_known"]
