"""C-V2X Mode 4: published simulation and analytical model of Gonzalez-Martin et al., IEEE TVT 68(2) 2019."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from sim.frames import Outcome
from sim.validate.families.curve import (
    NUMBER,
    SIGNED,
    Curve,
    Limits,
    absent,
    compare,
    compare_header,
    edges_of,
    kind_of,
    panels,
    read_curve,
    record_of,
    rounded,
)
from sim.validate.families.cv2x_setting import Setting
from sim.validate.result import Case, Check, FileResult, Skipped
from sim.validate.sheet import CurveError, Sheet
from sim.validate.statistics import Tally

SIMULATED = "cv2x_mode4_veins_sim"
ANALYTICAL = "cv2x_mode4_analytical"
BUSY_CLASS = 0.75
"""Analytical CBR above which a published simulation counts as saturated."""
PDR_POINTS, PDR_SATURATED_POINTS = 3.0, 4.0
ANALYTICAL_POINTS, ANALYTICAL_CLASS = 2.5, 0.7
"""Analytical files are judged below this CBR: above it the model itself is 6.3 points off its authors' simulation."""
CAUSES_POINTS: dict[str, float] = {"hd": 0.5, "sen": 0.5, "pro": 0.5, "col": 3.0}
CAUSES = {
    "hd": (Outcome.HALF_DUPLEX,),
    "sen": (Outcome.SENSITIVITY,),
    "pro": (Outcome.PROPAGATION,),
    "col": (Outcome.COLLISION,),
}
_COLUMNS = {"hd": "p_hd", "sen": "p_sen", "pro": "p_pro", "col": "p_col", "sci": "p_sci_lost"}
_NAME = re.compile(rf"^b{NUMBER}_l{NUMBER}_p{SIGNED}_S(\d+)_B(\d+)\.csv$")

METHOD = (
    "WINNER+ B1 LOS, 5.91 GHz, heights 1.5 m, environment height 0 m, antenna gains 0 dBi; shadowing 3 dB, "
    "decorrelation "
    "1 m: independent from packet to packet",
    "all transmit power in the data PRBs; noise figure 9 dB; BLER r1-160284: S=4, 8: 10 PRB, MCS 9 (r=0.7); S=2: "
    "12 PRB, "
    "MCS 7 (r=0.5); S=8 on 20 MHz",
    "sensitivity -90.5 dBm, total in the data PRBs; sensing excludes from the same power on, as RSRP per "
    "resource element "
    "-111.29 dBm (10 PRB), -112.08 dBm (12 PRB)",
    "keep probability 0, T1 1 ms, T2 one packet period, no retransmission, in-band emission off, congestion "
    "control off",
    "ring of at least 2 x (range at which 1 % arrive + 500 m), 2 km, 400 vehicles; one vehicle at a uniform "
    "place in each "
    "1/beta metres, 30 m/s up or down; random phase",
    "PDR = 1 - HD - SEN - PRO - COL as the authors count, SCI losses apart; bins centred on the stated "
    "distances, the last "
    "one half for the published simulation (it counts to 500 m)",
    "CBR: the class is decided by the analytical model's; ours (subchannels above -94 dBm in 100 ms) is printed only",
)


def read(sheet: Sheet) -> Case | Skipped | None:
    """The case of a Mode 4 file; None if it is none; CurveError if it is broken."""
    name = _NAME.match(sheet.path.name)
    says_so = sheet.says("mode 4")
    if not name and not says_so:
        return None
    if not name:
        raise CurveError(
            f"{sheet.path}: the header says C-V2X Mode 4, but the file name is not b<veh per metre>_"
            "l<packets per s>_p<dBm>_S<subchannels>_B<bytes>.csv"
        )
    if not says_so:
        raise CurveError(f"{sheet.path}: no header comment line says 'C-V2X Mode 4'")
    setting = Setting(float(name[1]), float(name[2]), float(name[3]), int(name[4]), int(name[5]))
    compare_header(
        sheet,
        {
            "beta": (rf"beta\s*=\s*{NUMBER}", setting.vehicles_per_m),
            "lambda": (rf"lambda\s*=\s*{NUMBER}", setting.packets_per_s),
            "Pt": (rf"Pt\s*=\s*{SIGNED}", setting.tx_power_dbm),
            "S": (r"\bS\s*=\s*(\d+)", float(setting.subchannels)),
        },
    )
    reason = setting.unsupported()
    if reason:
        return Skipped(sheet.path, f"no model: {reason}")
    curve = read_curve(sheet, _COLUMNS)
    family = kind_of(sheet, ANALYTICAL, SIMULATED)
    edges = edges_of(curve, family == SIMULATED)
    furthest_m = max(520.0, float(edges.max()))
    return Case(
        sheet.path,
        family,
        setting.name,
        f"cv2x {setting.name}",
        partial(judge, sheet, family, setting, curve),
        partial(setting.trial, furthest_m),
        edges,
    )


def limits_of(family: str, analytical_cbr: float) -> Limits:
    """Tolerances by family and analytical CBR."""
    if family == SIMULATED:
        return Limits(PDR_SATURATED_POINTS if analytical_cbr > BUSY_CLASS else PDR_POINTS, CAUSES_POINTS)
    return Limits(ANALYTICAL_POINTS if analytical_cbr < ANALYTICAL_CLASS else None, {})


def judge(sheet: Sheet, family: str, setting: Setting, curve: Curve, tallies: list[Tally]) -> FileResult:
    """The verdict on one file."""
    cbr = setting.analytical_cbr
    found = compare(curve, tallies, edges_of(curve, family == SIMULATED), CAUSES, limits_of(family, cbr))
    checks = (
        *found.checks,
        Check("CBR model/ours", cbr, found.total.busy_ratio, abs(found.total.busy_ratio - cbr), None, "", digits=3),
    )
    with_sci = float(np.nanmean(found.ours.pdr_with_sci))
    record = {**record_of(curve, found, cbr), "pdr_mean_with_sci": rounded(with_sci)}
    facts = {
        "analytical CBR": f"{cbr:.4f}",
        "PDR with SCI losses": f"{with_sci * 100:.2f} %",
        "CBR definition": "model: share of resources excluded by sensing; ours: "
        + found.total.provenance.get("cbr", "-"),
    }
    expected = "published simulation" if family == SIMULATED else "analytical model"
    return FileResult(
        sheet.path,
        family,
        setting.name,
        checks,
        panels(curve, found, expected, (("col", "sen"), ("hd", "pro", "sci"))),
        (*absent(curve, _COLUMNS), *_notes(family, setting, cbr, checks)),
        {**facts, **found.total.provenance},
        record,
        len(tallies),
    )


def _notes(family: str, setting: Setting, cbr: float, checks: tuple[Check, ...]) -> list[str]:
    notes = []
    if family == ANALYTICAL and cbr >= ANALYTICAL_CLASS:
        notes.append(
            f"analytical CBR {cbr:.3f}: not judged; the model is too optimistic against its authors' own "
            f"simulation there"
        )
    half_duplex = next((check for check in checks if check.name == "HD"), None)
    share = setting.packets_per_s / 10.0 / setting.subchannels
    if family == ANALYTICAL and half_duplex is not None and 0.5 < half_duplex.deviation <= share:
        notes.append(
            "HD: the model takes lambda / 1000; sensing keeps neighbours off one another's resources, which "
            "lowers it by up "
            f"to 1/S of that, here {share:.2f} points"
        )
    return notes
