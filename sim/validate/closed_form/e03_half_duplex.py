"""E3: who sends in lambda subframes of 1,000 misses lambda / 1000 of what others send at places chosen blindly."""

from __future__ import annotations

from dataclasses import replace

from sim.frames import Outcome
from sim.validate.closed_form.base import Row, near
from sim.validate.families.cv2x_setting import Setting
from sim.validate.families.nr_mode2 import Setting as NrSetting
from sim.validate.road import Layout, Trial, replicate

NAME = "E3"
POINTS = 0.25


def run(quick: bool) -> list[Row]:
    """LTE at three rates, once more with a second copy; NR at two numerologies."""
    seconds = 2.0 if quick else 6.0
    rows = []
    for rate_hz in (10.0, 20.0, 50.0):
        share = half_duplex_percent(lte_trial(rate_hz, seconds))
        remark = "all candidates kept and none excluded, so that subframes are chosen blindly; 40 vehicles/km"
        rows.append(
            near(NAME, f"LTE {rate_hz:g} Hz, % of packets", rate_hz / 10.0, share, POINTS, "points", remark=remark)
        )
    twice = half_duplex_percent(lte_trial(10.0, seconds, copies=True))
    # Both copies meet own ones: the square 0.04 %, plus pairs of copies with the same gap, 2 / 100 x 1 / 30.
    rows.append(near(NAME, "LTE 10 Hz with a second copy, % of packets", 0.07, twice, 0.1, "points"))
    for numerology in (0, 1):
        share = half_duplex_percent(nr_trial(numerology, seconds))
        name = f"NR {15 * 2**numerology} kHz, 10 Hz, % of packets"
        rows.append(near(NAME, name, 1.0 / 2**numerology, share, POINTS, "points"))
    return rows


def half_duplex_percent(trial: Trial) -> float:
    """Share of (packet, receiver) pairs up to 500 m lost to half duplex."""
    tally = replicate(trial, 3)
    bins = slice(0, 200)
    return 100.0 * float(tally.full[Outcome.HALF_DUPLEX, bins].sum()) / float(tally.present[bins].sum())


def lte_trial(rate_hz: float, seconds: float, copies: bool = False) -> Trial:
    """40 vehicles/km that choose blindly among all resources."""
    trial = Setting(0.04, rate_hz, 23.0, 4, 190).trial(520.0)
    mode = trial.radio.mode4.model_copy(
        update={
            "candidate_ratio": 1.0,
            "rsrp_threshold_dbm": 0.0,
            "blind_retransmission": copies,
        }
    )
    return replace(trial, radio=trial.radio.model_copy(update={"mode4": mode})).lasting(1.5, seconds)


def nr_trial(numerology: int, seconds: float) -> Trial:
    """The same under NR: whatever is heard excludes nothing."""
    base = NrSetting(20.0, 100).trial(520.0)
    mode = base.radio.mode2.model_copy(
        update={
            "numerology": numerology,
            "rsrp_threshold_dbm": [0.0],
            "mcs": [7],
            "packet_subchannels": 1,
            "t1_slots": 2,
            "t2_max_slots": 100 * 2**numerology,
        }
    )
    pool = base.radio.pools[0].model_copy(update={"subchannels": 4, "subchannel_prb": 25 if numerology else 50})
    radio = base.radio.model_copy(update={"mode2": mode, "pools": [pool]})
    return replace(base, radio=radio, layout=Layout(120, 3000.0), size_bytes=190, budget_ns=100_000_000).lasting(
        1.5, seconds
    )
