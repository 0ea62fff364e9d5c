"""Numbers as people read them."""

from __future__ import annotations

import math


def percent(value: float) -> str:
    """A share in percent with one digit; never rounded up to 100 or down to 0."""
    if math.isnan(value):
        return "no data"
    if 0 < value < 0.0005:
        return "below 0.1 %"
    if 0.9995 <= value < 1:
        return "above 99.9 %"
    return f"{100 * value:.1f} %"


def milliseconds(value: float, digits: int = 0) -> str:
    """A time with its unit."""
    return "no data" if math.isnan(value) else f"{value:.{digits}f} ms"
