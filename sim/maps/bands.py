"""Classes of coverage and their colours, shared by raster, GeoJSON, style file and legend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Band(NamedTuple):
    """Shares from ``lower`` on (0 itself: the share 0 alone), up to the next band."""

    lower: float
    colour: str
    label: str
    label_zh: str


BANDS = (
    Band(0.0, "#D55E00", "never", "从不"),
    Band(0.0, "#E69F00", "below 50 %", "低于 50 %"),
    Band(0.5, "#F0E442", "50 % to 80 %", "50 % 至 80 %"),
    Band(0.8, "#56B4E9", "80 % to 95 %", "80 % 至 95 %"),
    Band(0.95, "#0072B2", "95 % and more", "95 % 及以上"),
)
"""Colours of Okabe and Ito, Color Universal Design (2008); limits are a project choice, 0.95 is that of holes."""


def band_of(share: np.ndarray) -> np.ndarray:
    """Index into :data:`BANDS` of shares 0 .. 1."""
    share = np.asarray(share, float)
    edges = np.array([band.lower for band in BANDS[2:]])
    return np.where(share <= 0.0, 0, 1 + np.searchsorted(edges, share, side="right"))


def rgb(colour: str) -> tuple[int, int, int]:
    """``#RRGGBB`` as numbers."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
