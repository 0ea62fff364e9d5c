"""IEEE 802.11p / ITS-G5: contention, medium, reception, congestion control."""

from __future__ import annotations

from typing import Literal

DCC: dict[str, str] = {
    "none": "",
    "reactive": "sim.access.dot11p.dcc:Reactive",
    "adaptive": "sim.access.dot11p.dcc:Adaptive",
}
"""Congestion control by name of ``radio.dot11p.dcc``."""
CATEGORIES: tuple[Literal["vo", "vi", "be", "bk"], ...] = ("vo", "vi", "be", "bk")
"""Access categories, most urgent first."""
