"""Radio part of the cellular path: which row a load takes, losses, measured loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.access.uu.packets import PARTS, Packets
from sim.access.uu.parts import PS_PER_MS, Uplink
from sim.access.uu.radio import CellLoads, RadioTable
from sim.access.uu.tables import LatencyFile
from sim.clock import MS
from sim.scenario.schema.radio import Uu

RADIO = Path(__file__).resolve().parents[1] / "reference" / "uu" / "nr_uu_radio_latency_quantiles_ms.csv"
UNIFORM = (np.arange(20_000) + 0.5) / 20_000


def uu(**keys: Any) -> Uu:
    """Settings of the cellular path."""
    return Uu.model_validate(keys)


def load_pps(density: float, period_ms: float) -> float:
    """By hand: 3 lanes per direction, a site every 1.732 km."""
    return density * 6 * 1.732 / (period_ms / 1000)


def at_load(table: RadioTable, load: float) -> tuple[np.ndarray, float]:
    """(latencies at even probabilities, delivered share) of one load."""
    rows = table.choose(np.full(len(UNIFORM), load))
    return table.latency_ms(rows, UNIFORM), float(rows.delivered_ratio[0])


@pytest.mark.parametrize("link", ["UL", "DL"])
@pytest.mark.parametrize("mcs", [2, 3])
def test_a_setting_of_the_table_gives_its_row(link: str, mcs: int) -> None:
    """Independent: p50 and p95 of all 40 rows within 1 % and their delivered share within 0.1 points.

    The rows of 20 ms and 10 veh/km/lane are not in use, since 100 ms covers their load: they show that load is what
    counts.
    """
    table = RadioTable(uu(mcs_table=mcs), link)
    rows = [one for one in LatencyFile(RADIO).distributions if one.keys["link"] == link]
    rows = [one for one in rows if float(one.keys["mcs_table"]) == mcs]
    assert len(rows) == 10
    for one in rows:
        density, period_ms = (float(one.keys[name]) for name in ("density_veh_km_lane", "period_ms"))
        values, delivered = at_load(table, load_pps(density, period_ms))
        assert np.quantile(values, [0.5, 0.95]) == pytest.approx(one.at([0.5, 0.95]), rel=0.01)
        assert delivered == pytest.approx(one.delivered_ratio, abs=0.001)


def test_between_rows_quantiles_lie_on_straight_lines_or_jump() -> None:
    """By hand: DL, table 3, 30 veh/km/lane at 10 Hz lies half way between q50 = 0.750 and 0.753 ms."""
    middle, _ = at_load(RadioTable(uu(), "DL"), load_pps(30, 100))
    assert np.median(middle) == pytest.approx(0.7515, abs=0.0002)
    nearest = RadioTable(uu(rows="nearest"), "DL")
    for density, q999 in ((29, 1.137), (31, 1.287)):
        assert np.quantile(at_load(nearest, load_pps(density, 100))[0], 0.999) == pytest.approx(q999, rel=0.005)


def test_a_cell_delivers_no_more_than_its_capacity() -> None:
    """Independent: the published rows of 20 ms at 40, 60, 80 veh/km/lane deliver the same number per second; loads in
    between and beyond deliver that number too."""
    table = RadioTable(uu(), "DL")
    published = [load_pps(d, 20) * share for d, share in ((40, 0.7192), (60, 0.4814), (80, 0.3599))]
    assert max(published) / min(published) < 1.01
    for density in (30, 35, 50, 70, 100, 400):
        load = load_pps(density, 20)
        assert at_load(table, load)[1] * load == pytest.approx(published[0], rel=0.01)
    assert at_load(table, load_pps(25, 20))[1] == pytest.approx(1.0)
    assert at_load(table, 0.0)[1] == 1.0


def test_losses_split_into_block_errors_and_overload() -> None:
    """By hand: table 2 loses 10 % on the air; table 3 at 40 veh/km/lane and 50 Hz 0.01 %, the rest never leaves."""
    for mcs, density, period, errors, never in ((2, 20, 100, 0.1, 0.0001), (3, 40, 20, 1e-4, 0.2807)):
        table = RadioTable(uu(mcs_table=mcs), "DL")
        lost, blocked = table.lost(table.choose(np.full(len(UNIFORM), load_pps(density, period))), UNIFORM)
        assert not np.any(lost & blocked)
        assert lost.mean() == pytest.approx(errors, abs=2e-4)
        assert blocked.mean() == pytest.approx(never, abs=2e-4)


def test_load_of_a_cell_is_that_of_the_last_second() -> None:
    """By hand: 30 packets of 300 bytes per tick are 300 per second; 600 bytes and half the bandwidth count double."""
    loads = CellLoads(uu(), RadioTable(uu(), "UL"))
    wide = CellLoads(uu(bandwidth_mhz=10), RadioTable(uu(), "UL"))
    cell = np.repeat([2, 5], [30, 60])
    for tick in range(15):
        for each in (loads, wide):
            each.tick(tick * 100 * MS)
        expected = [0, 300, 600] if tick else [0, 0, 0]
        assert loads.of(np.array([0, 2, 5])) == pytest.approx(expected)
        loads.offer(cell[:45], np.full(45, 300))
        loads.offer(cell[45:], np.full(45, 300))
        wide.offer(cell, np.full(90, 600))
    assert wide.of(np.array([2, 5, 900])) == pytest.approx([1200, 2400, 0])
    for tick in range(15, 21):
        loads.tick(tick * 100 * MS)
    assert loads.of(np.array([2])) == pytest.approx([150])


def test_a_fixed_load_ignores_what_is_offered() -> None:
    """By hand: 20 veh/km/lane at 10 Hz are 2078 packets per second and cell."""
    loads = CellLoads(uu(load="fixed"), RadioTable(uu(), "UL"))
    loads.tick(0)
    loads.offer(np.zeros(50, np.int64), np.full(50, 300))
    loads.tick(100 * MS)
    assert loads.of(np.array([0, 7])) == pytest.approx([2078.4, 2078.4])


def test_lte_adds_its_delay_to_the_uplink() -> None:
    """Distribution: the added delay is uniform from 15 to 25 ms."""
    count = 4000
    zero = np.zeros(count, np.int64)
    spent = []
    for technology in ("nr", "lte"):
        packets = Packets.starting(zero, zero + 7, np.arange(count), zero + 300, zero, zero, zero)
        Uplink(uu(technology=technology), 1).send(packets)
        spent.append(packets.spent_ps[:, PARTS.index("uplink")] / PS_PER_MS)
    added = spent[1] - spent[0]
    assert 15 <= added.min() < 15.05 and 24.95 < added.max() <= 25
    assert np.quantile(added, [0.25, 0.5, 0.75]) == pytest.approx([17.5, 20, 22.5], abs=0.35)


@pytest.mark.parametrize(
    ("keys", "words"),
    [({"radio_table": "gsm"}, "radio.uu.radio_table: 'gsm'"), ({"mcs_table": 5}, "radio.uu.mcs_table: 5")],
)
def test_unknown_tables_are_named(keys: dict[str, Any], words: str) -> None:
    """By hand."""
    with pytest.raises(ValueError, match=words):
        RadioTable(uu(**keys), "UL")
