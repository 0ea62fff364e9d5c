"""Links of a batch as receivers take them."""

from __future__ import annotations

import numpy as np

from sim.arrived import Arrived
from sim.ledger import Ledger
from sim.receivers.base import Delivery


def delivery_of(
    arrived: Arrived, ledger: Ledger, links: np.ndarray, wrong: np.ndarray | None = None, *, foreign: bool = False
) -> Delivery | None:
    """Links of one message as receivers take them; None for frames without octets. ``wrong`` is a frame column."""
    receptions = arrived.receptions
    row = receptions.row[links]
    heard = np.zeros(len(arrived.message), bool)
    heard[row] = True
    frames = np.flatnonzero(heard)
    place = np.cumsum(heard) - 1
    payloads = ledger.payloads(receptions.frame[frames])
    if payloads[0] is None:
        return None
    return Delivery(
        [octets or b"" for octets in payloads], receptions.sender[frames], arrived.generated_ns[frames], place[row],
        receptions.receiver[links], arrived.applied_ns(links), receptions.frame[frames], receptions.start_ns[frames],
        receptions.end_ns[frames], None if wrong is None else wrong[frames], foreign,
    )
