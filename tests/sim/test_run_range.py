"""Range of one link in a whole run, against the closed form of the noise-limited link budget (no shadowing).

By hand, for 300 bytes at MCS 7 in 20 data PRBs, 23 dBm, 3 + 3 dBi, noise figure 9 dB: noise -99.41 dBm; PER 0.1 at
4.1 dB (350-byte highway-LOS curve); largest path loss 23 + 6 + 99.41 - 4.1 = 124.3 dB. WINNER+ B1 reaches that at
404 m between vehicles (1.5 m antennas, environment height 1 m) and at 992 m from a 5 m mast.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sim
from sim.scenario.loader import load_mapping


def scenario(places_m: list[float], senders: str) -> dict:
    """Standing cars on a straight road and one unit at 10 m; everybody's whole power counts in 20 data PRBs."""
    return {
        "schema": "corridor/1", "name": f"range-{senders}", "duration_s": 12,
        "traffic_warmup_s": 0, "radio_warmup_s": 1,
        "corridor": {
            "datum": "WGS84", "length_m": 1500, "median_m": 0, "directions": ["up"],
            "sections": [{"lanes": 1}], "jurisdictions": [{"id": "A", "spans": [{}]}],
        },
        "traffic": {
            "model": "static", "stations": places_m, "equipped_ratio": 1,
            "classes": [{"name": "car", "share": 1, "antenna_height_m": 1.5}],
        },
        "gnss": {"model": "exact"},
        "layout": {
            "sites": [{"id": "unit", "at_m": 10, "services": [], "sensor": False}], "mast_height_m": 5.0,
            "antenna_gain_dbi": 3, "offset_m": 0,
        },
        "bsm": {"fixed_size_bytes": 300, "path_history": False},
        "radio": {
            "mode4": {
                "mcs": [7], "data_prb": 20, "packet_subchannels": 3, "power_in_data_prb": True,
                "in_band_emission": False, "sci": "ideal",
            },
            "channel": {"shadowing_sigma_db": 0},
        },
        "measure": {"probes": False, "max_distance_m": 1500},
    }


def contour_m(folder: Path, data: dict, link: str) -> float:
    """Distance at which PRR falls through 0.9, linear between bins."""
    result = sim.run(load_mapping(data), folder, plots=False)
    prr = result.select(metric="prr", link=link, message="BSM", jurisdiction=None)
    far = np.argmax(prr["value"] < 0.9)
    x, y = prr["distance_m"][far - 1 : far + 1], prr["value"][far - 1 : far + 1]
    return float(np.interp(0.9, y[::-1], x[::-1]))


def test_vehicle_to_unit_at_992_m(tmp_path: Path) -> None:
    """By hand: within one bin of 25 m."""
    places = [10.0 + float(d) for d in np.arange(812.5, 1200, 25.0)]
    assert contour_m(tmp_path / "v2i", scenario(places, "v2i"), "V2I") == pytest.approx(992, abs=25)


def test_vehicle_to_vehicle_at_404_m(tmp_path: Path) -> None:
    """By hand: within one bin of 25 m."""
    places = [100.0, *(100.0 + float(d) for d in np.arange(312.5, 512, 25.0))]
    assert contour_m(tmp_path / "v2v", scenario(places, "v2v"), "V2V") == pytest.approx(404, abs=25)
