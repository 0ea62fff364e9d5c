"""What a receiver does with decoded messages: SI values read back, and whether they serve it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rsu.applications.base import Readers
from rsu.applications.checks import bsm_plausible, rsi_applies, rsm_applies, spat_map_applies
from rsu.applications.cn.legacy import LegacyCnReaders
from rsu.applications.cn.readers import CnReaders
from rsu.applications.etsi.readers import EtsiReaders
from rsu.applications.sae.readers import SaeReaders

READERS: dict[str, Readers] = {
    "cn": CnReaders(),
    "cn-2017": LegacyCnReaders(),
    "etsi": EtsiReaders(),
    "sae": SaeReaders(),
}
"""Family of a message set -> how its values are read."""

APPLICATIONS: dict[str, Callable[..., Any]] = {
    "SPAT": spat_map_applies,
    "RSI": rsi_applies,
    "RSM": rsm_applies,
    "BSM": bsm_plausible,
}
"""Message class -> the check that decides whether it was applied (SPAT needs the MAP as well)."""
