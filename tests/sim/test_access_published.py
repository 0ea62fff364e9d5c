"""One published Mode 4 curve by a short run, to guard the whole radio; ``corridor validate`` does the real work."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.access import bench
from sim.access.lte_mode4.layer import LteMode4
from sim.clock import MS
from sim.frames import Flow, Kind, Outcome
from sim.scenario.schema.radio import Radio

REFERENCE = Path(__file__).parents[1] / "reference" / "cv2x_mode4_veins_sim" / "b0.1_l10_p20_S4_B190.csv"
FLOW = Flow(0, "BSM", Kind.VEHICLE, 100 * MS, 105 * MS, 5)
RADIO = {
    "bandwidth_mhz": 10, "carrier_hz": 5.91e9,
    "pools": [{"name": "all", "senders": ["vehicle"], "subchannels": 4, "subchannel_prb": 12}],
    "mode4": {
        "keep_probability": 0.0, "mcs": [9], "data_prb": 10, "packet_subchannels": 1, "power_in_data_prb": True,
        "sensitivity_dbm": -90.5, "rsrp_threshold_dbm": -111.3, "in_band_emission": False,
    },
    "link": {"pssch_table": "r1-160284"},
    "channel": {"environment_height_m": 0.0},
}
"""The paper's setting: total power in 10 data PRBs, -90.5 dBm sensitivity, the same as RSRP per resource element."""


def test_published_curve_and_its_causes() -> None:
    """Printed: Gonzalez-Martin et al., IEEE TVT 68(2) 2019, published simulation; 3 points mean, 8 at most."""
    reference = np.genfromtxt(REFERENCE, delimiter=",", skip_header=3)
    n, ring = 250, 2500.0
    x = (np.arange(n) + np.random.default_rng(1).random(n)) * ring / n
    stations = bench.place(x, np.zeros(n), ring_m=ring, power_dbm=20.0, gain_dbi=0.0)
    layer = LteMode4(Radio.model_validate(RADIO), [FLOW], stations, 1, ring_length_m=ring, report_distance_m=500.0)
    counts = np.zeros((21, len(Outcome)))
    speed = np.where(np.arange(n) % 2, 30.0, -30.0)
    for tick, batch in enumerate(bench.run(layer, stations, bench.Traffic([FLOW], {0: 190}, 1), 65, speed)):
        if tick >= 25:
            place = ((batch.distance_m + 12.5) / 25).astype(int)
            np.add.at(counts, (place, batch.data_outcome), 1)
    share = counts / counts.sum(axis=1, keepdims=True)
    deviation = np.abs(share[:, Outcome.DELIVERED] - reference[:, 1])
    assert deviation.mean() < 0.03
    assert deviation.max() < 0.08
    for outcome, column, limit in (
        (Outcome.HALF_DUPLEX, 2, 0.005), (Outcome.SENSITIVITY, 3, 0.01), (Outcome.PROPAGATION, 4, 0.005),
        (Outcome.COLLISION, 5, 0.03),
    ):
        assert np.abs(share[:, outcome] - reference[:, column]).mean() < limit
