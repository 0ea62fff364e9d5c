"""LTE-V2X Mode 4: pools, selection windows, packet sizes."""

from __future__ import annotations

from collections.abc import Iterator

from rsu.document import did_you_mean
from sim.link.lte_grid import PSCCH_PRB, subchannels_for, tbs_bits
from sim.link.lte_grid import i_tbs as tbs_index
from sim.link.nr_grid import carrier_prb as carrier_prb_of_nr
from sim.scenario.found import Found, repeated, unique
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio import Radio

WITHOUT_POOLS = ("ieee80211p", "uu")
"""Layers that have no pools of subchannels."""
BSM_PLAIN, BSM_SIGNED = 190, 450
"""Longest BSM on the air: 15 path points; with envelope, certificate, DSMP and L2 headers (by hand, rounded up)."""
LINK_PLAIN, LINK_SIGNED = 320, 600
"""Room for one link of a MAP, or one roadside event, on the air (by hand, rounded up)."""


def pools(config: Scenario) -> Iterator[Found]:
    """Pools fit the carrier, do not overlap, and every sender has exactly one."""
    radio = config.radio
    if radio.access in WITHOUT_POOLS:
        return
    is_nr = radio.access == "nr-v2x-mode2"
    carrier_prb = carrier_prb_of_nr(radio.bandwidth_mhz, radio.mode2.numerology) if is_nr else 5 * radio.bandwidth_mhz
    yield from unique(("radio", "pools"), "name", [pool.name for pool in radio.pools])
    taken: list[tuple[int, int, str, str | None]] = []
    for index, pool in enumerate(radio.pools):
        here = ("radio", "pools", index)
        first, last = pool.start_prb, pool.start_prb + pool.subchannels * pool.subchannel_prb - 1
        if last >= carrier_prb:
            carrier = f"a carrier of {radio.bandwidth_mhz} MHz has PRB 0 to {carrier_prb - 1}"
            yield here, f"pool {pool.name} takes PRB {first} to {last}; {carrier}"
        for other_first, other_last, name, channel in taken:
            if first <= other_last and other_first <= last and pool.channel == channel:
                yield here, f"pool {pool.name} overlaps pool {name}; to share, give one pool both senders"
        taken.append((first, last, pool.name, pool.channel))
    wanted = {"vehicle": config.bsm.enabled, "rsu": bool(config.layout.rules or config.layout.sites)}
    for sender, channel in sorted(channels_in_use(config)):
        start, end = channel_prb(radio, channel)
        own = [
            pool for pool in radio.pools
            if sender in pool.senders and pool.channel in (None, channel)
            and (not radio.mode4.channel_plans or start <= pool.start_prb
                 and pool.start_prb + pool.subchannels * pool.subchannel_prb <= end)
        ]
        where = f" on channel {channel}" if radio.mode4.channel_plans else ""
        if len(own) > 1:
            yield ("radio", "pools"), f"{sender} sends in {len(own)} pools{where}; one is allowed"
        if not own and wanted[sender]:
            yield ("radio", "pools"), f"no pool for {sender}{where}"


def channels_in_use(config: Scenario) -> set[tuple[str, str]]:
    """(sender, channel) pairs of all plans; the whole bandwidth where a jurisdiction has none."""
    plans = config.radio.mode4.channel_plans
    found: set[tuple[str, str]] = {("vehicle", plan.vehicle.send) for plan in plans}
    found |= {("rsu", plan.rsu.send) for plan in plans}
    named = {name for plan in plans for name in plan.jurisdictions}
    everybody = any(not plan.jurisdictions for plan in plans)
    if not everybody and {one.id for one in config.corridor.jurisdictions} - named:
        found |= {("vehicle", "whole"), ("rsu", "whole")}
    return found


def channel_prb(radio: Radio, channel: str) -> tuple[int, int]:
    """First PRB of a channel and the one behind its last."""
    count = 5 * radio.bandwidth_mhz
    return {"whole": (0, count), "lower": (0, count // 2), "upper": (count // 2, count)}[channel]


def channel_plans(config: Scenario) -> Iterator[Found]:
    """Plans name jurisdictions that exist, each once; halves are LTE carriers; everybody has a plan."""
    radio, here = config.radio, ("radio", "mode4", "channel_plans")
    if radio.access != "lte-v2x-mode4" or not radio.mode4.channel_plans:
        return
    known = [one.id for one in config.corridor.jurisdictions]
    named: list[str] = []
    for index, plan in enumerate(radio.mode4.channel_plans):
        for place, name in enumerate(plan.jurisdictions):
            if name not in known:
                yield (*here, index, "jurisdictions", place), f"no such jurisdiction; {did_you_mean(name, known)}"
            elif name in named:
                yield (*here, index, "jurisdictions", place), "has a plan already"
            named.append(name)
    rest = [plan for plan in radio.mode4.channel_plans if not plan.jurisdictions]
    if len(rest) > 1:
        yield here, f"{len(rest)} plans name no jurisdiction; one can be that of all others"
    halves = any(channel != "whole" for _, channel in channels_in_use(config))
    if halves and radio.bandwidth_mhz != 20:
        yield here, f"halves of {radio.bandwidth_mhz} MHz are no LTE carriers; needs radio.bandwidth_mhz 20"


def limits(config: Scenario) -> Iterator[Found]:
    """Thresholds by priority are 8 by 8; occupancy limits lie in 0 .. 1 and their levels rise."""
    settings = config.radio.mode4
    if config.radio.access != "lte-v2x-mode4":
        return
    table = settings.rsrp_thresholds_dbm
    if table is not None:
        if [len(row) for row in table] != [8] * 8:
            sizes = ", ".join(str(len(row)) for row in table)
            yield ("radio", "mode4", "rsrp_thresholds_dbm"), f"must have 8 rows of 8 numbers, has rows of {sizes}"
        elif any(not -128 <= value <= 0 for row in table for value in row):
            yield ("radio", "mode4", "rsrp_thresholds_dbm"), "thresholds must lie in -128 .. 0 dBm"
    if settings.cr_action == "off" or isinstance(settings.cr_limits, str):
        return
    bounds = [level.cbr_up_to for level in settings.cr_limits]
    if not bounds:
        yield ("radio", "mode4", "cr_limits"), "must have at least one level where cr_action is not off"
    if bounds != sorted(set(bounds)):
        yield ("radio", "mode4", "cr_limits"), "cbr_up_to must rise from level to level"
    for index, level in enumerate(settings.cr_limits):
        if any(not 0 <= limit <= 1 for limit in level.limits):
            yield ("radio", "mode4", "cr_limits", index, "limits"), "limits must lie in 0 .. 1"


def mode4(config: Scenario) -> Iterator[Found]:
    """MCS exist, fixed allocations and packets fit."""
    settings = config.radio.mode4
    if config.radio.access in WITHOUT_POOLS or config.radio.access == "nr-v2x-mode2":
        return
    yield from channel_plans(config)
    yield from limits(config)
    yield from repeated(("radio", "mode4", "mcs"), settings.mcs)
    mcs_fit = True
    for index, mcs in enumerate(settings.mcs):
        if not 0 <= mcs <= 28:
            mcs_fit = False
            yield ("radio", "mode4", "mcs", index), "must be from 0 to 28"
    for pool in config.radio.pools:
        if settings.packet_subchannels is not None and settings.packet_subchannels > pool.subchannels:
            rule = f"pool {pool.name} has only {pool.subchannels} subchannels"
            yield ("radio", "mode4", "packet_subchannels"), rule
        prb = pool.subchannels * pool.subchannel_prb - PSCCH_PRB
        if settings.data_prb is not None and settings.data_prb > prb:
            yield ("radio", "mode4", "data_prb"), f"pool {pool.name} has only {prb} PRBs for data"
    if mcs_fit:
        yield from fixed_packet(config)
        yield from pool_room(config)


def pool_room(config: Scenario) -> Iterator[Found]:
    """Every pool that is used holds the largest message that cannot be split: a BSM, one link of a MAP."""
    from sim.access.lte_mode4.grid import Grid

    if config.radio.access != "lte-v2x-mode4" or config.radio.mode4.data_prb or config.radio.mode4.packet_subchannels:
        return
    try:
        grid = Grid(config.radio, [])
    except ValueError:
        return
    signed = config.security.enabled
    bsm_bytes = 0 if config.bsm.fixed_size_bytes or not config.bsm.enabled else BSM_SIGNED if signed else BSM_PLAIN
    has_units = bool(config.layout.rules or config.layout.sites)
    unit_bytes = (LINK_SIGNED if signed else LINK_PLAIN) if has_units else 0
    names = [pool.name for pool in config.radio.pools]
    for device, needed, what in ((0, bsm_bytes, "a BSM"), (1, unit_bytes, "one link of a MAP")):
        for pool in grid.pools_of_device(device):
            room = grid.largest_bytes(pool)
            if room < needed:
                most = f"holds {room} bytes at MCS {max(config.radio.mode4.mcs)}"
                rule = f"{most}; {what} can take {needed} bytes on the air"
                yield ("radio", "pools", names.index(grid.names[pool]), "subchannels"), rule


def fixed_packet(config: Scenario) -> Iterator[Found]:
    """Packets of a fixed size, where asked for, fit the vehicles' pool at some allowed MCS."""
    size, settings = config.bsm.fixed_size_bytes, config.radio.mode4
    if config.bsm.synthetic and size is None:
        yield ("bsm", "synthetic"), "needs fixed_size_bytes"
    if size is None or settings.data_prb is not None or settings.packet_subchannels is not None:
        return
    for pool in config.radio.pools:
        if "vehicle" not in pool.senders:
            continue
        prb = pool.subchannels * pool.subchannel_prb - PSCCH_PRB
        if prb < 1 or subchannels_for(prb, pool.subchannel_prb) > pool.subchannels:
            continue
        room = max(tbs_bits(tbs_index(mcs), prb) for mcs in settings.mcs) // 8
        if size > room:
            mcs = ", ".join(str(one) for one in settings.mcs)
            rule = f"a BSM of {size} bytes does not fit pool {pool.name}: {room} bytes at MCS {mcs}"
            yield ("bsm", "fixed_size_bytes"), rule
