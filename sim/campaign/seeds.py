"""Seeds of replications: the same ones in every variant, never from the order of workers."""

from __future__ import annotations

import numpy as np


def replication_seed(campaign_seed: int, replication: int) -> int:
    """Seed of one replication, 53 bits, from ``SeedSequence((campaign_seed, replication))``."""
    state = np.random.SeedSequence((campaign_seed, replication)).generate_state(1, np.uint64)
    return int(state[0]) >> 11
