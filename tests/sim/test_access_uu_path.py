"""The wired parts of the cellular path: constants by hand, queues by closed forms, conservation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.access.uu.packets import PARTS, Packets, split_ns
from sim.access.uu.path import Line, parts_down, parts_up
from sim.scenario.schema.radio import Uu

US = 10**6
MS_PS = 10**9
QUIET = {"link_service": "fixed", "capacity_share": 1.0, "server_service_ms": 1e-6}
"""Queues and server take less than 1 us."""


def packets(count: int = 1, to_cell: int = 0, to_operator: int = 0, cell: int = 0) -> Packets:
    """Packets of 300 bytes a millisecond apart."""
    number, zero = np.arange(count), np.zeros(count, np.int64)
    made = Packets.starting(number, zero + 5, number, zero + 300, number * MS_PS, zero + cell, zero)
    made.to_cell, made.to_operator = zero + to_cell, zero + to_operator
    return made


def both_ways(settings: Uu, travelling: Packets, limit_ms: float = 1000.0) -> tuple[Packets, list[Packets]]:
    """What arrives after the line up and the line down, and what was dropped on each."""
    dropped = []
    for parts in (parts_up(settings, 1), parts_down(settings, 1)):
        line = Line(parts, round(limit_ms * MS_PS), round(limit_ms * MS_PS))
        line.offer(travelling)
        travelling, lost = line.advance(2**61)
        dropped.append(lost)
    return travelling, dropped


def spent_us(settings: dict[str, Any], **to: int) -> dict[str, float]:
    """Time per part of one packet, us."""
    arrived, dropped = both_ways(Uu.model_validate({**QUIET, **settings}), packets(**to))
    assert len(arrived) == 1 and not len(dropped[0]) and not len(dropped[1])
    return dict(zip(PARTS, (arrived.spent_ps[0] / US).tolist(), strict=True))


@pytest.mark.parametrize(
    ("server", "transport_us", "core_us"),
    [("gnb", 400, 0), ("m1", 2 * 415, 0), ("m2", 2 * 675, 0), ("core", 2 * 1175, 0), ("central", 2 * 1175, 2000)],
)
def test_constants_of_each_place_of_the_server(server: str, transport_us: float, core_us: float) -> None:
    """By hand: 200 us per node (1, 2, 3, 4 nodes), 5 us/km over 0, 3, 15, 75 km, each way; 200 km to the centre."""
    spent = spent_us({"server": server})
    assert spent["transport"] == pytest.approx(transport_us, abs=3)
    assert spent["core"] == pytest.approx(core_us, abs=3)
    assert spent["peering"] == spent["internet"] == spent["uplink"] == spent["downlink"] == 0


@pytest.mark.parametrize(
    ("server", "to_cell", "transport_us"),
    [
        ("gnb", 1, 200 + 200 + 215 + 215),
        ("m1", 5, 2 * 415),
        ("m1", 6, 415 + 200 + 260 + 260 + 215),
        ("core", 144, 2 * 1175),
    ],
)
def test_an_edge_server_reaches_cells_of_another_node_over_the_next_common_one(
    server: str, to_cell: int, transport_us: float
) -> None:
    """By hand: 6 base stations per M1, 24 M1 per M2; up to the common node and down, each node 200 us."""
    assert spent_us({"server": server}, to_cell=to_cell)["transport"] == pytest.approx(transport_us, abs=3)


def test_another_operator_is_reached_over_the_peering_point_alone() -> None:
    """By hand: its edge server next to the receiver, so nothing climbs; only pairs of operators cross."""
    apart = spent_us({"server": "m1"}, to_cell=6, to_operator=1)
    assert apart["transport"] == pytest.approx(2 * 415, abs=3)
    assert 0 < apart["peering"] <= 1500
    assert spent_us({"server": "m1", "peering": "remote"}, to_operator=1)["peering"] != apart["peering"]


def test_cloud_server_is_behind_the_internet_both_ways() -> None:
    """Independent: mean of two one-way delays = mean of the published round trips (trapezoids between quantiles)."""
    settings = Uu.model_validate({**QUIET, "server": "cloud", "internet_of": "Sweden"})
    arrived, _ = both_ways(settings, packets(20_000))
    ms = arrived.spent_ps[:, PARTS.index("internet")] / MS_PS
    percentile = [0, 1, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95, 98, 99, 99.9, 100]
    rtt = [0.032, 0.090, 0.579, 0.971, 1.577, 1.902, 2.357, 3.527, 6.769, 8.792, 9.918, 10.680, 11.515, 13.652, 20.363,
           23.871, 29.759, 37.634, 38.425]
    assert ms.mean() == pytest.approx(np.trapezoid(rtt, np.array(percentile) / 100), rel=0.02)
    assert ms.std() < 0.8 * 6.7


def test_server_takes_up_to_a_slot_or_has_a_queue() -> None:
    """Distribution and by hand: uniform up to 0.5 ms; 2 ms of work for packets 1 ms apart wait 1 ms more each."""
    arrived, _ = both_ways(Uu.model_validate({**QUIET, "server_service_ms": None}), packets(5000))
    ms = arrived.spent_ps[:, PARTS.index("server")] / MS_PS
    assert ms.max() <= 0.5 and np.quantile(ms, [0.25, 0.5, 0.75]) == pytest.approx([0.125, 0.25, 0.375], abs=0.02)
    arrived, _ = both_ways(Uu.model_validate({**QUIET, "server_service_ms": 2.0}), packets(10))
    assert arrived.spent_ps[:, PARTS.index("server")] / MS_PS == pytest.approx(2 + np.arange(10), abs=0.001)


@pytest.mark.parametrize("load", [0.4, 0.8])
def test_transport_links_wait_as_m_m_1(load: float) -> None:
    """Printed: 1 / (mu - lambda) per link; two links one after the other (Burke), background traffic takes its part."""
    count, background = 100_000, 0.3
    rate_pps = 2000.0
    share = rate_pps * 2400 / load / 10e9 / (1 - background)
    settings = Uu.model_validate({
        "server": "m1", "capacity_share": share, "background_ratio": background, "server_service_ms": 1e-6,
    })
    travelling = packets(count)
    gaps = np.random.default_rng(1).exponential(1 / rate_pps, count)
    travelling.start_ps = (np.cumsum(gaps) * 1e12).astype(np.int64)
    travelling.time_ps = travelling.start_ps.copy()
    arrived, dropped = both_ways(settings, travelling)
    assert len(arrived) == count and not len(dropped[0])
    waited_s = arrived.spent_ps[:, PARTS.index("transport")] / 1e12 - 2 * 415e-6
    assert waited_s.mean() == pytest.approx(2 / (rate_pps / load - rate_pps), rel=0.06)


def test_core_waits_as_m_d_1() -> None:
    """Printed: wait rho / (2 mu (1 - rho)), one service and one more transmission, both ways."""
    count, rate_pps, load = 60_000, 2000.0, 0.7
    service_s = load / rate_pps
    gbps = 2400 / service_s / 1e9
    settings = Uu.model_validate({**QUIET, "server": "gnb", "core_gbps": gbps, "capacity_share": 1.0})
    travelling = packets(count)
    gaps = np.random.default_rng(1).exponential(1 / rate_pps, count)
    travelling.start_ps = (np.cumsum(gaps) * 1e12).astype(np.int64)
    travelling.time_ps = travelling.start_ps.copy()
    line = Line(parts_up(settings, 1), 10**13, 10**13)
    line.offer(travelling)
    arrived, _ = line.advance(2**61)
    core_s = arrived.spent_ps[:, PARTS.index("core")] / 1e12
    assert core_s.mean() == pytest.approx(service_s * (2 + load / (2 * (1 - load))), rel=0.03)


@pytest.mark.parametrize("server", ["gnb", "m1", "core", "cloud"])
@pytest.mark.parametrize("share", [0.01, 2e-6])
def test_each_packet_leaves_once(server: str, share: float) -> None:
    """Property: what arrives and what is dropped is what was sent, idle and overloaded; nothing outlives its limit."""
    settings = Uu.model_validate({"server": server, "capacity_share": share})
    arrived, dropped = both_ways(settings, packets(3000), limit_ms=200.0)
    owners = np.concatenate([arrived.owner, dropped[0].owner, dropped[1].owner])
    assert sorted(owners.tolist()) == list(range(3000))
    assert np.all(arrived.time_ps - arrived.start_ps == arrived.spent_ps.sum(axis=1))
    assert np.all(arrived.time_ps - arrived.start_ps <= 200 * MS_PS)
    for lost in dropped:
        assert np.all(lost.time_ps - lost.start_ps <= 200 * MS_PS)
    overloaded = share < 0.001 and server != "gnb"
    assert (len(arrived) < 3000) == overloaded


def test_parts_in_whole_nanoseconds_add_up_exactly() -> None:
    """Property: rounding never loses or makes a nanosecond."""
    spent = np.random.default_rng(1).integers(0, 10**9, (500, len(PARTS)))
    split = split_ns(spent)
    np.testing.assert_array_equal(split.sum(axis=1), spent.sum(axis=1) // 1000)
    assert np.all(np.abs(split - spent / 1000) <= 1)
