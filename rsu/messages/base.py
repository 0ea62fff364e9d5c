"""What every message set offers: quantities (SI <-> wire), generation rules, the MessageSet Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rsu.codec import Codec, Decoded, Policy

if TYPE_CHECKING:
    from rsu.messages.vehicle import VehicleColumns


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
    inclusion: str = ""
    """Which perceived objects are told: ``etsi-cpm`` (:class:`rsu.generation.etsi_cpm.EtsiCpmGeneration`), or all."""

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


@dataclass(frozen=True)
class Native:
    """What goes with a message set where nobody says otherwise."""

    network: str
    """Network layer, a name of :data:`rsu.network.NETWORKS`."""
    envelope: str
    """Security envelope, a name of :data:`rsu.security.ENVELOPES`."""
    certificate_period_ms: float
    certificate_bytes_obu: int
    certificate_bytes_rsu: int
    source: str
    congestion_control: str = "none"
    """A name of :data:`rsu.generation.CONGESTION_CONTROLS`."""


class MessageSet(Protocol):
    """One message set; registered by name in :data:`rsu.messages.MESSAGE_SETS`."""

    name: str
    family: str
    """``cn``, ``etsi`` or ``sae``: chooses services (:mod:`rsu.services`) and readers (:mod:`rsu.applications`)."""
    title: str
    status: str
    """How well the modules are known, one line (``verified against ...``, ``unverified``)."""
    source: str
    """Standards, editions and where their facts come from."""
    messages: dict[str, Rule]
    """Generation rules by name; every message of the codec has at least one."""
    awareness: str
    """Message that every vehicle sends of itself (BSM, CAM)."""
    generation: str
    """How the awareness message is triggered: ``periodic`` or ``cam`` (:mod:`rsu.generation`)."""
    native: Native
    @property
    def codec(self) -> Codec:
        """The codec behind encode and decode."""


    def encode(self, message: str, value: dict[str, Any]) -> bytes:
        """Octets of one message from the inner value in asn1tools form; EncodeError names what is wrong."""

    def decode(self, data: bytes, policy: Policy = "lenient") -> Decoded:
        """Decode any octets; never raises for their content."""

    def describe(self, decoded: Decoded) -> dict[str, Any]:
        """JSON-friendly form of a decoding result."""

    def undescribe(self, described: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """(message, value) that :meth:`encode` takes, from what :meth:`describe` gave."""

    def encode_vehicles(self, columns: VehicleColumns) -> list[bytes]:
        """Octets of one awareness message per row."""

    def decode_vehicles(self, messages: list[bytes], policy: Policy = "lenient") -> VehicleColumns:
        """One row per input; rows that are no awareness message of the set carry a status other than 0."""
