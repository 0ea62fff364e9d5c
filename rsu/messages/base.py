"""What every message set offers: quantities (SI <-> wire), generation rules, the MessageSet Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.codec import Decoded, Policy

if TYPE_CHECKING:
    from rsu.messages.cn.bsm import BsmColumns


@dataclass(frozen=True)
class Quantity:
    """One wire integer and its SI meaning: ``SI = offset + step * wire``.

    ``lowest``/``highest`` bound the wire values that carry a number (not the reserved codes); ``unavailable``
    is the code of *not known* (None where the set has none). ``saturates``: values beyond the bounds are sent
    as the bound, because the set says so. ``wraps``: wire values are taken modulo this count (angles).
    ``source`` names standard and type.
    """

    name: str
    unit: str
    step: float
    lowest: int
    highest: int
    source: str
    unavailable: int | None = None
    offset: float = 0.0
    saturates: bool = False
    wraps: int | None = None

    def to_wire(self, value: ArrayLike) -> NDArray[np.int64]:
        """Nearest wire integers of SI values, same shape; NaN becomes the unavailable code.

        Raises ValueError for a value out of range (unless the quantity saturates) and for NaN where the set
        has no code for it.
        """
        si = np.asarray(value, dtype=np.float64)
        scaled = np.rint((si - self.offset) * (1.0 / self.step))
        missing = np.isnan(scaled)
        any_missing = bool(missing.any())
        if any_missing:
            if self.unavailable is None:
                raise ValueError(f"{self.name}: NaN, but the message set has no code for unavailable")
            scaled = np.where(missing, self.lowest, scaled)
        if self.wraps is not None:
            if not np.isfinite(scaled).all():
                raise ValueError(f"{self.name}: infinite angle")
            scaled = np.mod(scaled, self.wraps)
        if self.saturates:
            scaled = np.clip(scaled, self.lowest, self.highest)
        elif scaled.size and (scaled.min() < self.lowest or scaled.max() > self.highest):
            self._refuse(si, scaled)
        if any_missing and self.unavailable is not None:
            scaled = np.where(missing, self.unavailable, scaled)
        return np.asarray(scaled).astype(np.int64)

    def from_wire(self, wire: ArrayLike) -> NDArray[np.float64]:
        """SI values of wire integers, same shape; the unavailable code and any reserved code become NaN."""
        codes = np.asarray(wire)
        si = codes * self.step + self.offset
        outside = (codes < self.lowest) | (codes > self.highest)
        return np.where(outside, np.nan, si) if outside.any() else si

    def _refuse(self, si: NDArray[np.float64], scaled: NDArray[np.float64]) -> None:
        bad = float(np.ravel(si)[np.argmax(np.ravel((scaled < self.lowest) | (scaled > self.highest)))])
        low, high = self.offset + self.step * self.lowest, self.offset + self.step * self.highest
        raise ValueError(f"{self.name}: {bad:g} {self.unit} is outside {low:g}..{high:g} {self.unit}")


@dataclass(frozen=True)
class Rule:
    """How one message is generated and sent; every figure with its source in ``source``."""

    name: str
    """Name of the rule: the message, or the message and its kind (``BSM-EVENT``)."""
    period_ms: float
    application_id: int
    """AID, PSID or ITS-AID of the network header."""
    layer2_id: int | None
    """Destination layer-2 identifier; None where the set names none."""
    priority: int
    """DSM priority 0..255, larger is more urgent."""
    budget_ms: float
    """Packet delay budget."""
    source: str
    note: str = ""
    message: str = ""
    """Message that travels; empty = the rule's own name."""
    service: str = ""
    """Service class the message belongs to, whatever the set calls it: one of SERVICE_CLASSES, or empty."""
    btp_port: int = 0
    """Destination port of BTP-B, where the network layer is GeoNetworking."""
    geo_broadcast: bool = False
    """Whether GeoNetworking sends it to an area (GBC) instead of to all neighbours (SHB)."""

    def __post_init__(self) -> None:
        if not self.message:
            object.__setattr__(self, "message", self.name)

    @property
    def pppp(self) -> int:
        """ProSe per-packet priority, 1 most urgent .. 8: 8 - floor(priority / 32), inferred."""
        return 8 - self.priority // 32


SERVICE_CLASSES = ("BSM", "MAP", "SPAT", "RSI", "RSM")
"""Classes of use, named after the Chinese messages: vehicles' own state, road geometry, signals, events and signs,
perceived road users. A CAM serves class BSM, a DENM class RSI."""


class MessageSet(Protocol):
    """One message set; registered by name in :data:`rsu.messages.MESSAGE_SETS`."""

    name: str
    messages: dict[str, Rule]

    def encode(self, message: str, value: dict[str, Any]) -> bytes:
        """Octets of one message (BSM, MAP, RSM, SPAT, RSI); EncodeError names what is wrong."""

    def decode(self, data: bytes, policy: Policy = "lenient") -> Decoded:
        """Decode any octets; never raises for their content."""

    def describe(self, decoded: Decoded) -> dict[str, Any]:
        """JSON-friendly form of a decoding result."""

    def encode_bsm(self, columns: BsmColumns) -> list[bytes]:
        """Octets of one BSM per row."""

    def decode_bsm(self, messages: list[bytes], policy: Policy = "lenient") -> BsmColumns:
        """One row per input; rows that are no BSM carry a status other than 0."""
