"""The profile's decode policy acts on what receivers make of octets with something behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rsu.profile import Entry
from sim.engine import Engine
from sim.frames import Outcome
from sim.scenario import load


@pytest.mark.parametrize(("policy", "applied"), [("lenient", True), ("strict", False)])
def test_trailing_octets_are_a_question_of_policy(policy: str, applied: bool) -> None:
    """By hand: every message gets a zero octet behind it; lenient receivers apply it, strict ones do not decode it."""
    loaded = load("01-one-vehicle-one-rsu", ["duration_s=1"])
    entry = {"decode_policy": Entry(policy, "assumption", "test", "test")}
    profiles = {
        place: replace(profile, entries={**profile.entries, **entry})
        for place, profile in loaded.candidate.profiles.items()
    }
    engine = Engine(replace(loaded, candidate=replace(loaded.candidate, profiles=profiles)))
    add, outcomes = engine.ledger.add, set()

    def longer(count, payload, **columns):  # type: ignore[no-untyped-def]
        return add(count, [octets + b"\0" for octets in payload], **columns)

    engine.ledger.add = longer  # type: ignore[method-assign]
    report = engine.pipeline._report
    engine.pipeline._report = (  # type: ignore[method-assign]
        lambda arrived: outcomes.update(arrived.outcome.tolist()) or report(arrived)
    )
    engine.run()
    assert (Outcome.DELIVERED in outcomes) is applied
    assert (Outcome.DEC_ERROR in outcomes) is not applied
