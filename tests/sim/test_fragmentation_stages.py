"""Every stage is named by its outcome in some run, every opportunity ends once, and masks tell what else failed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.frames import STAGE_OF, Outcome, Stage, bit
from sim.metrics.base import Batch
from tests.sim.fragmentation_factory import SERVICES, Figures, candidate, road, trust, watched

TEN_PLUS_TEN = {
    "channel.send_obu": ("lower", "H7"), "channel.send_rsu": ("upper", "H7"),
    "channel.listen_obu": (["lower", "upper"], "H7"), "channel.listen_rsu": (["lower", "upper"], "H7"),
}
"""Vehicles on the lower half of the band and units on the upper one; the other place uses the whole band."""
OTHER_ROOT = {"security.root": ("other", "H4")}
ECDSA = {"security.suite": ("ecdsa-p256", "H6"), "security.suites": (["ecdsa-p256"], "H6")}
DAY_TWO_UNITS = {"layout.sites": [
    {"id": "U1", "at_m": 200, "node": "N1", "services": ["MAP", "SPAT", "RSI", "C157-SSM"], "sensor": True},
    {"id": "U2", "at_m": 400, "node": "N2", "services": list(SERVICES), "sensor": True},
]}
TWO_RATES = {"events": [
    {"id": 1, "code": 501, "direction": "up", "from_m": 150, "to_m": 250, "period_class": "dynamic"},
    {"id": 2, "code": 406, "direction": "up", "from_m": 150, "to_m": 250, "period_class": "semi-static"},
]}
TAU_S = {"SPAT": 1, "MAP": 5, "RSI": 0.001, "RSM": 0.001, "BSM": 0.001}
SLOW_VERIFIER = {"queue": "fifo", "times": "accelerator-400", "capacity": 0}
Case = tuple[dict[str, Any], dict[str, Any], set[tuple[str, str]]]
ALL_FOREIGN = ["H1", "H4", "H6", "H7", "H8", "H9", "H10", "H15"]
"""What the European profile differs in."""

CASES: dict[str, Case] = {
    "checks of certificates": (
        candidate("certificates", {
            "A": {"security.cert_region": (["A"], "H5"), "security.permissions": ([111, 3618, 3619, 3623], "H5")},
            "B": {"security.region_check": ("enforce", "H5"), "security.expired_ratio": (0.3, "H4"),
                  "security.revoked_ratio": (0.5, "H4")},
        }),
        {},
        {("V2V", "SEC_REGION"), ("I2V", "SEC_PERM"), ("V2V", "SEC_TIME"), ("V2I", "SEC_TIME"), ("V2V", "SEC_REVOKED")},
    ),
    "roots, suites, queue": (
        candidate("roots", {"B": OTHER_ROOT | ECDSA}, trust=[trust(["A"], ["B"], "full")]),
        {"security.verification": SLOW_VERIFIER},
        {(link, end) for link in ("V2V", "V2I", "I2V") for end in ("SEC_ROOT", "SEC_ALG", "SEC_QUEUE")},
    ),
    "channels": (
        candidate("channels", {"B": TEN_PLUS_TEN}), {"radio": {}, "radio_warmup_s": 0},
        {(link, "NOT_TUNED") for link in ("V2V", "V2I", "I2V")} | {("V2V", "SEC_CERT_WAIT")},
    ),
    "headers": (
        candidate("headers", profiles={"A": "etsi-itsg5"}, hazards=ALL_FOREIGN), {},
        {(link, "NET_UNKNOWN") for link in ("V2V", "V2I", "I2V")},
    ),
    "older set": (
        candidate("older", {"A": {"message_set": ("csae53-2017", "H1")}}), {"traffic.density_veh_km": 30},
        {("V2V", "DEC_ERROR"), ("V2V", "DEC_SILENT"), ("I2V", "DEC_ERROR"), ("I2V", "NOT_INTERPRETED")},
    ),
    "datum": (
        candidate("datum", {"A": {"datum": ("GCJ-02", "H11")}}), {},
        {("I2V", "SEM_DATUM"), ("V2V", "APPLIED_WRONG"), ("V2I", "APPLIED_WRONG")},
    ),
    "event codes": (
        candidate("codes", {"A": {"event_codes": ({501: 9501, 406: 407}, "H3")}}), TWO_RATES,
        {("I2V", "SEM_CODE"), ("I2V", "APPLIED_WRONG")},
    ),
    "node names, late": (
        candidate("names", {p: {"region_id": ("absent", "H12"), "node_ids": ("own", "H12")} for p in "AB"}),
        {"measure.tau_s": TAU_S}, {("V2V", "STALE"), ("V2I", "STALE"), ("I2V", "STALE")},
    ),
    "second phase": (
        candidate("second", {"A": {"message_set": ("csae157-2020", "H2")}}), DAY_TWO_UNITS,
        {("I2V", "NET_UNKNOWN"), ("I2V", "DEC_ERROR")},
    ),
}
"""Candidate, changes of the road, and (link, outcome) that must be seen."""
MISTAKES = {"datum": "sem_datum", "event codes": "dec_silent", "node names, late": "sem_id"}
"""Case -> what its wrong applications are due to."""
AFTER_RADIO = [one for one in Outcome if one >= Outcome.NOT_TUNED and STAGE_OF[one] != Stage.RECEIVED]


def conserved(batches: list[Batch], seen: Figures) -> None:
    """Every link ends once; its mask holds its end where that is a failure, and nothing where it was applied."""
    links = 0
    for batch in batches:
        pair = batch.frame[batch.row] * np.int64(1 << 20) + batch.receiver
        assert len(np.unique(pair)) == len(pair)
        links += len(pair)
        applied = (batch.outcome == Outcome.DELIVERED) | (batch.outcome == Outcome.DUPLICATE)
        if batch.mask is None:
            continue
        own = np.left_shift(np.int32(1), batch.outcome.astype(np.int32))
        assert (batch.mask[~applied] & own[~applied] == own[~applied]).all()
        assert (batch.mask[applied] == 0).all()
    frames = np.concatenate([batch.frame for batch in batches])
    assert len(np.unique(frames)) == len(frames) and links > 1000
    total: dict[tuple[str, str], float] = {}
    for key, (value, _) in seen.items():
        if key.metric.startswith("end_class_"):
            total[key[1:3]] = total.get(key[1:3], 0.0) + value
    assert len(total) >= 6 and list(total.values()) == pytest.approx([1.0] * len(total), abs=1e-9)


def first_failures(batches: list[Batch]) -> None:
    """The end of an opportunity comes first in its mask, in the order of the stages and of the checks within one."""
    order = {outcome: place for place, outcome in enumerate(STAGE_OF)}
    for batch in batches:
        if batch.mask is None:
            continue
        wanted = np.ones(len(batch.row), bool) if batch.relevant is None else batch.relevant
        for end, mask in set(zip(batch.outcome[wanted].tolist(), batch.mask[wanted].tolist(), strict=True)):
            held = [one for one in Outcome if mask & bit(one)]
            if held and Outcome(end) != Outcome.APPLIED_WRONG:
                assert min(held, key=order.__getitem__) == Outcome(end), (Outcome(end).name, held)


@pytest.mark.parametrize("name", CASES)
def test_outcomes_by_case(name: str) -> None:
    """Property: what each candidate is made for happens, every opportunity ends once, and the first failing stage
    names its end."""
    content, changes, wanted = CASES[name]
    seen, batches = watched(road(content, changes))
    conserved(batches, seen)
    first_failures(batches)
    ends = {(link, end.upper()) for end, of in seen.ends().items() for link, _ in of}
    assert wanted <= ends, wanted - ends
    mistakes = {key.station_class: value for key, (value, _) in seen.items() if key[:3] == ("war", "", "")}
    cause = MISTAKES.get(name)
    assert (mistakes[""] > 0) == (cause is not None)
    assert cause is None or mistakes[cause] == mistakes[""]
    if name == "second phase":
        skipped, unknown = (seen.of(f"fail_class_{end}", "I2V", "RSM") for end in ("dec_skip", "net_unknown"))
        assert skipped == unknown > 0


def test_every_outcome_after_the_radio_has_a_case() -> None:
    """Property: the cases above name every outcome of the stages but the radio's own, except those that are no failure;
    DEC_SKIP, which is in masks only (a first-phase receiver knows no identifier of a second-phase message and refuses
    its header); and SEM_ID, which is a cause of wrong applications (where nobody acts on it, nothing was found out)."""
    named = {Outcome[end] for _, _, wanted in CASES.values() for _, end in wanted}
    rest = {Outcome.DUPLICATE, Outcome.NOT_APPLICABLE, Outcome.DEC_SKIP, Outcome.SEM_ID}
    assert named | rest == set(AFTER_RADIO) and not named & rest
