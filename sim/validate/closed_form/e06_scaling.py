"""E6: twice the subchannels for twice the density leave the delivery ratio as it is; so does half the rate."""

from __future__ import annotations

import numpy as np

from sim.validate.closed_form.base import Row, at_most
from sim.validate.families.cv2x_setting import Setting
from sim.validate.road import replicate
from sim.validate.statistics import bin_edges_m, pooled, sample
from sim.validate.study import replication_seed

NAME = "E6"
EDGES_M = bin_edges_m(np.arange(0.0, 501.0, 25.0), True, 500.0)
PAIRS = (
    (Setting(0.05, 10.0, 23.0, 4, 190), Setting(0.1, 10.0, 23.0, 8, 190), 1.5),
    (Setting(0.1, 10.0, 23.0, 4, 190), Setting(0.2, 10.0, 23.0, 8, 190), 1.5),
    (Setting(0.1, 20.0, 20.0, 4, 190), Setting(0.2, 10.0, 20.0, 4, 190), 1.7),
)


def run(quick: bool) -> list[Row]:
    """Mean |difference| over the distances, points; ``quick``: two short replications each."""
    rows = []
    for one, other, limit in PAIRS:
        found = np.nanmean(np.abs(ratio(one, quick) - ratio(other, quick))) * 100.0
        remark = f"{2 if quick else 4} replications each; mean |difference| over 0 .. 500 m"
        rows.append(at_most(NAME, f"{one.name} against {other.name}", limit, float(found), "points", remark=remark))
    return rows


def ratio(setting: Setting, quick: bool) -> np.ndarray:
    """Delivery ratio by distance, replications pooled."""
    trial = setting.trial(520.0).lasting(1.5 if quick else 3.0, 1.5 if quick else 4.0)
    tallies = [replicate(trial, replication_seed(number)) for number in range(2 if quick else 4)]
    return sample(pooled(tallies), EDGES_M, {}).pdr
