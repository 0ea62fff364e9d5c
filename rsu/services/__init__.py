"""What a roadside unit sends: builders from neutral SI descriptions to message values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rsu.services.map import build_maps
from rsu.services.rsi import build_rsis
from rsu.services.rsm import build_rsms
from rsu.services.spat import build_spat

SERVICES: dict[str, Callable[..., Any]] = {
    "MAP": build_maps,
    "SPAT": build_spat,
    "RSI": build_rsis,
    "RSM": build_rsms,
}
"""Service of a layout -> its builder (list of values, one value, list of values,
:class:`rsu.services.rsm.RsmBatch`).
"""
