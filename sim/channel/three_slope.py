"""Three-slope law of CEPT work for rural roads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.channel.free_space import as_float, bounded_log

if TYPE_CHECKING:
    from sim.scenario.schema.radio import Channel

LOSS_AT_1_M_DB = 47.85
"""At 5.9 GHz; moved with 20 log10 of the carrier, as in free space."""
REFERENCE_HZ = 5.9e9
BREAKS_M = (128.0, 512.0)
EXPONENTS = (2.0, 2.8, 3.3)


def ecc_rural(
    distance_m: np.ndarray | float,
    tx_height_m: np.ndarray | float,
    rx_height_m: np.ndarray | float,
    carrier_hz: float,
    config: Channel | None = None,
) -> np.ndarray:
    """Loss in dB over a 3-D distance in metres, constant below 3 m.

    Exponents 2.0, 2.8, 3.3 with breaks at 128 and 512 m. ECC rural model (ECC Report 68) with the values of
    published C-V2X studies. Heights and config play no part.
    """
    level = bounded_log(as_float(distance_m))
    kind = level.dtype.type
    loss = level * kind(EXPONENTS[0])
    for i, corner_m in enumerate(BREAKS_M):
        steeper = kind(EXPONENTS[i + 1] - EXPONENTS[i])
        loss += steeper * np.maximum(level - kind(10 * np.log10(corner_m)), kind(0))
    return loss + kind(LOSS_AT_1_M_DB + 20 * np.log10(carrier_hz / REFERENCE_HZ))
