"""NR-V2X Mode 2: numerology, pools, selection windows, packet sizes, tables."""

from __future__ import annotations

from collections.abc import Iterator

from rsu.document import did_you_mean
from sim.link import LINK_TABLES, nr_grid
from sim.scenario.found import Found, repeated
from sim.scenario.radio_checks.lte import BSM_PLAIN, BSM_SIGNED, LINK_PLAIN, LINK_SIGNED
from sim.scenario.radio_checks.names import not_of
from sim.scenario.schema import Scenario

ACCESS = "nr-v2x-mode2"
MOST_T1 = (3, 5, 9)
"""T_proc1 in slots by numerology (TS 38.214 table 8.1.4-2)."""
T2_MIN = (1, 5, 10, 20)
"""sl-SelectionWindowList of TS 38.331."""
_HERE = ("radio", "mode2")


def mode2(config: Scenario) -> Iterator[Found]:
    """Lists are as long as they must be, the slot format and the pools exist, windows and packets fit."""
    if config.radio.access != ACCESS:
        return
    yield from _lists(config)
    yield from _window(config)
    slot_faults = [*_slot(config), *_pools(config), *_mcs(config)]
    yield from slot_faults
    yield from _tables(config)
    if not slot_faults:
        yield from _room(config)


def _lists(config: Scenario) -> Iterator[Found]:
    mode = config.radio.mode2
    for key, values, whole in (
        ("t2_min_slots", mode.t2_min_slots, 8), ("candidate_ratio", mode.candidate_ratio, 8),
        ("rsrp_threshold_dbm", mode.rsrp_threshold_dbm, 64),
    ):
        if len(values) not in (1, whole):
            yield (*_HERE, key), f"has {len(values)} values; 1 or {whole} are needed"
    for i, slots in enumerate(mode.t2_min_slots):
        if slots not in T2_MIN:
            yield (*_HERE, "t2_min_slots", i), f"must be one of {', '.join(map(str, T2_MIN))}"
    for i, ratio in enumerate(mode.candidate_ratio):
        if not 0 < ratio <= 1:
            yield (*_HERE, "candidate_ratio", i), "must be above 0 and at most 1"
    for i, level in enumerate(mode.rsrp_threshold_dbm):
        if not -128 <= level <= 0:
            yield (*_HERE, "rsrp_threshold_dbm", i), "must be from -128 to 0"


def _window(config: Scenario) -> Iterator[Found]:
    mode = config.radio.mode2
    most = MOST_T1[mode.numerology]
    if mode.t1_slots > most:
        yield (*_HERE, "t1_slots"), f"must be at most {most} (T_proc1) at {15 << mode.numerology} kHz"
    if mode.t2_max_slots is not None and mode.t2_max_slots <= mode.t1_slots:
        yield (*_HERE, "t2_max_slots"), f"must be above t1_slots ({mode.t1_slots})"
    if not config.bsm.enabled:
        return
    budget_ms = min(config.bsm.period_ms or 100.0, 100.0)
    slot_ms = nr_grid.SLOT_NS[mode.numerology] / 1e6
    if mode.t2_max_slots is not None and mode.t2_max_slots * slot_ms > budget_ms:
        rule = f"{mode.t2_max_slots * slot_ms:g} ms lie beyond the packet delay budget of {budget_ms:g} ms"
        yield (*_HERE, "t2_max_slots"), rule
    left = (budget_ms - mode.processing_budget_ms) / slot_ms
    if left < mode.t1_slots + 1:
        rule = f"leaves T2 = {left:g} slots of a packet delay budget of {budget_ms:g} ms; T1 is {mode.t1_slots}"
        yield ("bsm", "period_ms"), rule


def _slot(config: Scenario) -> Iterator[Found]:
    mode = config.radio.mode2
    if mode.dmrs_elements not in (None, 12, 15, 18, 21, 24):
        yield (*_HERE, "dmrs_elements"), "must be one of 12, 15, 18, 21, 24"
    if mode.pscch_prb not in nr_grid.PSCCH_PRB:
        yield (*_HERE, "pscch_prb"), f"must be one of {', '.join(map(str, nr_grid.PSCCH_PRB))}"


def _pools(config: Scenario) -> Iterator[Found]:
    radio = config.radio
    mode = radio.mode2
    for index, pool in enumerate(radio.pools):
        here = ("radio", "pools", index)
        if pool.channel is not None:
            yield (*here, "channel"), "channel plans belong to LTE-V2X; Mode 2 uses the whole bandwidth"
        if pool.subchannel_prb not in nr_grid.SUBCHANNEL_PRB:
            yield (*here, "subchannel_prb"), f"NR has {', '.join(map(str, nr_grid.SUBCHANNEL_PRB))}"
        elif pool.subchannel_prb < mode.pscch_prb:
            rule = f"does not fit a subchannel of {pool.subchannel_prb} PRB (pool {pool.name})"
            yield (*_HERE, "pscch_prb"), rule
        if mode.packet_subchannels is not None and mode.packet_subchannels > pool.subchannels:
            yield (*_HERE, "packet_subchannels"), f"pool {pool.name} has only {pool.subchannels} subchannels"


def _mcs(config: Scenario) -> Iterator[Found]:
    mcs = config.radio.mode2.mcs
    yield from repeated((*_HERE, "mcs"), mcs)
    for index, one in enumerate(mcs):
        if not 0 <= one <= nr_grid.LAST_MCS:
            yield (*_HERE, "mcs", index), f"must be from 0 to {nr_grid.LAST_MCS}"


def _tables(config: Scenario) -> Iterator[Found]:
    mode = config.radio.mode2
    for key, name in (("pssch_table", mode.pssch_table), ("pscch_table", mode.pscch_table)):
        if name not in LINK_TABLES:
            yield (*_HERE, key), f"no such table; {did_you_mean(name, LINK_TABLES)}"
        elif rule := not_of(name, "NR", key):
            yield (*_HERE, key), rule


def _room(config: Scenario) -> Iterator[Found]:
    """Every pool that is used holds the largest message that cannot be split: a BSM, one link of a MAP."""
    from sim.access.nr_mode2.grid import Grid

    mode = config.radio.mode2
    if mode.packet_subchannels is not None:
        return
    try:
        grid = Grid(config.radio, [])
    except ValueError:
        return
    signed, fixed = config.security.enabled, config.bsm.fixed_size_bytes
    bsm_bytes = (fixed or (BSM_SIGNED if signed else BSM_PLAIN)) if config.bsm.enabled else 0
    has_units = bool(config.layout.rules or config.layout.sites)
    unit_bytes = (LINK_SIGNED if signed else LINK_PLAIN) if has_units else 0
    for index, pool in enumerate(config.radio.pools):
        room = grid.largest_bytes(index)
        for sender, needed, what in (("vehicle", bsm_bytes, "a BSM"), ("rsu", unit_bytes, "one link of a MAP")):
            if sender in pool.senders and room < needed:
                holds = f"holds {room} bytes at MCS {max(mode.mcs)}"
                if sender == "vehicle" and fixed:
                    yield ("bsm", "fixed_size_bytes"), f"a BSM of {fixed} bytes does not fit: pool {pool.name} {holds}"
                else:
                    rule = f"{holds}; {what} can take {needed} bytes on the air"
                    yield ("radio", "pools", index, "subchannels"), rule
