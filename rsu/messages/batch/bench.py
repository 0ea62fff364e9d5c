"""``python -m rsu.messages.batch.bench``: microseconds per message, batch and single, beside the general codec.

CPU time, best of several repetitions. With ``--check N``: N random messages of every type over 1000 random patterns,
octet by octet against asn1tools, in place of the measurement.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from rsu.messages.batch.catalogue import ENGINES
from rsu.messages.batch.check import check
from rsu.messages.batch.engine import Engine
from rsu.messages.batch.sheet import RowReader, Sheet
from rsu.messages.batch.single import Single, shapes_of
from rsu.messages.vehicle import PathHistory, VehicleColumns

SIZES = (1, 100, 1000)
CRUMBS = (0, 5, 15)
_REPETITIONS = 7
_FEWEST_TURNS = 40
"""At least so many turns in all: what runs once per repetition is disturbed more easily."""


def microseconds(work: Callable[[], object], messages: int, turns: int = 0) -> float:
    """CPU time per message, best of several."""
    best = np.inf
    turns = turns or max(1, 500 // messages)
    for _ in range(max(_REPETITIONS, _FEWEST_TURNS // turns)):
        start = time.process_time()
        for _ in range(turns):
            work()
        best = min(best, time.process_time() - start)
    return float(best / turns / messages * 1e6)


def vehicles(rows: int, crumbs: int) -> VehicleColumns:
    """Vehicles on the move, all with ``crumbs`` points of path history some ten metres apart."""
    draw = np.random.default_rng(1)
    steps = np.arange(1.0, crumbs + 1)
    trail = np.column_stack([-1e-4 * steps, -2e-5 * steps, steps])
    return VehicleColumns(
        temporary_id=draw.integers(0, 1 << 32, rows).astype(np.uint64), msg_count=draw.integers(0, 128, rows),
        sec_mark_ms=draw.integers(0, 60_000, rows), longitude_deg=draw.uniform(120, 121, rows),
        latitude_deg=draw.uniform(31, 32, rows), speed_mps=draw.uniform(0, 40, rows),
        heading_deg=draw.uniform(0, 360, rows), width_m=np.full(rows, 1.8), length_m=np.full(rows, 4.8),
        vehicle_class=np.full(rows, 10), accel_long_mps2=draw.uniform(-3, 3, rows), brake_pedal=np.ones(rows, np.int64),
        generated_utc_ns=draw.integers(10**18, 2 * 10**18, rows), low_frequency=np.full(rows, int(crumbs > 0)),
        path=PathHistory.from_rows([trail] * rows) if crumbs else None,
    )


def measured(name: str, engine: Engine, sheet: Sheet) -> list[float]:
    """(encode, decode) of a batch, one at a time, and through the general codec."""
    octets = engine.encode(sheet)
    engine.decode(engine.encode(sheet))
    rows = len(sheet)
    figures = [microseconds(lambda: engine.encode(sheet), rows), microseconds(lambda: engine.decode(octets), rows)]
    first = sheet.take(np.zeros(1, np.intp))
    if rows == 1:
        figures += _measured_single(engine, first, octets[0])
    reader = RowReader(engine.node, first)
    value = reader.value(0)
    figures += [microseconds(lambda: engine.codec.encode(engine.message, value), 1, 40),
                microseconds(lambda: engine.codec.decode(octets[0]), 1, 40)]
    return figures


def _measured_single(engine: Engine, one: Sheet, octets: bytes) -> list[float]:
    single = Single(engine, shapes_of(one)[0])
    found = single.decode(octets)
    assert found is not None and single.encode(*found) == octets
    return [microseconds(lambda: single.encode(*found), 1), microseconds(lambda: single.decode(octets), 1)]


def vehicle_batch(set_name: str) -> Any:
    """(message set, function from columns to the sheet of its awareness message), None for a set without."""
    from rsu.messages import MESSAGE_SETS
    from rsu.messages.cn import bsm_batch as chinese
    from rsu.messages.etsi.cam_batch import CamBatch
    from rsu.messages.sae import bsm_batch as american

    chosen = MESSAGE_SETS[set_name]
    if set_name == "etsi-its":
        return chosen, CamBatch(chosen.codec).to_sheet
    return chosen, american.to_sheet if set_name == "sae-j2735" else chinese.to_sheet


def run() -> None:
    """Print the table."""
    print("us per message, CPU, best of several")
    print(f"{'message':30}{'rows':>6}{'from codes':>18}{'one at a time':>18}{'from SI columns':>18}{'asn1tools':>18}")
    for name in ("csae53-2020/BSM", "etsi-its/CAM", "sae-j2735/BSM"):
        message_set, to_sheet = vehicle_batch(name.split("/")[0])
        engine = ENGINES[name]()
        for crumbs in CRUMBS:
            for rows in SIZES:
                columns = vehicles(rows, crumbs)
                figures = measured(name, engine, to_sheet(columns))
                octets = message_set.encode_vehicles(columns)
                message_set.decode_vehicles(octets)
                outer = [microseconds(partial(message_set.encode_vehicles, columns), rows),
                         microseconds(partial(message_set.decode_vehicles, octets), rows)]
                single = figures[2:4] if rows == 1 else []
                _line(f"{name}, {crumbs} points", rows, figures[:2], single, outer, figures[-2:])
    engine = ENGINES["csae157-2020/PSM"]()
    for rows in SIZES:
        sheet = engine.sheet([_person(row) for row in range(rows)])
        figures = measured("PSM", engine, sheet)
        _line("csae157-2020/PSM", rows, figures[:2], figures[2:4] if rows == 1 else [], [], figures[-2:])


def _person(number: int) -> dict[str, Any]:
    return {
        "msgCnt": number % 128, "id": number.to_bytes(8, "big"), "secMark": number, "speed": 60,
        "heading": 100 + number,
        "pos": {"lat": 310_000_000 + number, "long": 1_200_000_000 + number}, "overallRadius": 5,
        "posAccuracy": {"semiMajor": 20, "semiMinor": 20, "orientation": 0},
        "non-motorData": {"basicType": "aPEDESTRIAN"},
    }


def _line(name: str, rows: int, *pairs: list[float]) -> None:
    cells = ["".join(f"{figure:9.2f}" for figure in pair) or " " * 18 for pair in pairs]
    print(f"{name:30}{rows:6}{''.join(cells)}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m rsu.messages.batch.bench", description=__doc__)
    parser.add_argument("--check", type=int, metavar="N", help="compare N random messages of every type")
    parser.add_argument("--patterns", type=int, default=1000, help="random patterns of members per type")
    parser.add_argument("--message", action="append", choices=list(ENGINES), help="check this one only (repeatable)")
    arguments = parser.parse_args()
    if arguments.check is None:
        run()
        return
    for name in arguments.message or ENGINES:
        start = time.process_time()
        tally = check(ENGINES[name](), arguments.check, arguments.patterns)
        print(f"{name}: {tally.messages} messages, {tally.patterns} patterns, {tally.octets} octets, {tally.damaged} "
              f"damaged: equal; {time.process_time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()

