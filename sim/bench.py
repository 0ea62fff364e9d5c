"""Benchmark: CPU seconds per simulated second of whole runs, ``python -m sim.bench``.

Every case is a scenario built here and run by the same engine as ``corridor run``: traffic, real encoding and decoding,
radio, receivers and KPIs. Each case runs in a process of its own, so that its peak memory is its own. Figures depend
on the machine; compare ratios within one output. Nothing here is asserted in a test.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

SCHEMA_VERSION = 1
REPORT_M = 500.0


@dataclass(frozen=True)
class Case:
    """One benchmark case."""

    name: str
    access: str
    vehicles: int
    measured_s: float
    demo: bool = False


CASES = (
    Case("lte-v2x-mode4", "lte-v2x-mode4", 1000, 5.0),
    Case("lte-v2x-mode4-2000", "lte-v2x-mode4", 2000, 3.0),
    Case("lte-v2x-mode4-4000", "lte-v2x-mode4", 4000, 2.0),
    Case("lte-v2x-mode4-10000", "lte-v2x-mode4", 10_000, 2.0),
    Case("ideal", "ideal", 1000, 5.0),
    Case("demo-zone", "lte-v2x-mode4", 0, 10.0, demo=True),
)


def scenario(case: Case) -> dict[str, Any]:
    """The highway of a case: 100 vehicles per km, 10 Hz, all equipped, 10 MHz, 4 subchannels, 190 bytes on the air.

    Open road, three lanes per direction, IDM traffic, real BSM octets (the size on the air is fixed at 190 bytes, as in
    the published studies), WINNER+ B1 with environment height 1 m, reach by received power, no roadside units.
    """
    length_m = case.vehicles * 10.0
    return {
        "schema": "corridor/1",
        "name": case.name,
        "duration_s": case.measured_s,
        "traffic_warmup_s": 0,
        "radio_warmup_s": 2,
        "corridor": {
            "datum": "WGS84", "length_m": length_m, "jurisdictions": [{"id": "A", "spans": [{}]}],
            "sections": [{"road_class": "expressway", "lanes": 3, "speed_limit_mps": 33.3}],
        },
        "traffic": {"density_veh_km": 100, "equipped_ratio": 1.0},
        "bsm": {"fixed_size_bytes": 190},
        "radio": {
            "access": case.access, "bandwidth_mhz": 10,
            "pools": [{"name": "shared", "senders": ["vehicle", "rsu"], "subchannels": 4, "subchannel_prb": 12}],
            "mode4": {"mcs": [11]},
        },
        "measure": {"probes": False, "max_distance_m": REPORT_M},
    }


def measure(case: Case) -> dict[str, Any]:
    """Run one case; CPU is counted over the measured part of the run only (warm-ups, imports and set-up apart)."""
    from sim.engine import Engine
    from sim.scenario import load
    from sim.scenario.loader import load_mapping

    loaded = load("demo-zone", [f"duration_s={case.measured_s}"]) if case.demo else load_mapping(scenario(case))
    engine = Engine(loaded)
    marks: dict[str, tuple[float, int, int, dict[str, float]]] = {}

    def mark(fraction: float, text: str) -> None:
        now_ns = engine.world.stations.tick_start_ns
        name = {engine.from_ns: "from", engine.to_ns: "to"}.get(now_ns)
        if name is not None:
            marks[name] = (
                time.process_time(), engine.pipeline.frames_ended, engine.pipeline.links, dict(engine.stopwatch.cpu_s)
            )

    engine.run(mark)
    begin, end = marks["from"], marks["to"]
    simulated_s = (engine.to_ns - engine.from_ns) / 1e9
    stages = {k: round((v - begin[3].get(k, 0.0)) / simulated_s, 4) for k, v in end[3].items()}
    cpu_s = end[0] - begin[0]
    vehicles = len(engine.world.vehicle_slots())
    return {
        "case": case.name,
        "access": case.access,
        "vehicles": vehicles,
        "simulated_s": simulated_s,
        "cpu_s_per_sim_s": round(cpu_s / simulated_s, 4),
        "cpu_ms_per_vehicle_sim_s": round(1e3 * cpu_s / simulated_s / max(vehicles, 1), 4),
        "frames": end[1] - begin[1],
        "links_reported": end[2] - begin[2],
        "links_per_sim_s": round((end[2] - begin[2]) / simulated_s),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "stages_cpu_s_per_sim_s": stages,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; prints a table, or one JSON document with ``--json``."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.bench", description=__doc__.splitlines()[0],
        epilog="examples:\n  python -m sim.bench --case lte-v2x-mode4\n  python -m sim.bench --json > bench.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [case.name for case in CASES]
    parser.add_argument("--case", action="append", choices=names, help="run only this case (may be given again)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    chosen = [case for case in CASES if args.case is None or case.name in args.case]
    results = []
    for case in chosen:
        print(f"{case.name} …", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results.append(pool.submit(measure, case).result())
    if args.json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, "host": host(), "cases": results}, indent=1))
    else:
        print_table(results)
    return 0


def host() -> dict[str, Any]:
    """Machine and versions the figures belong to."""
    from sim.results import host_facts

    return host_facts()


def print_table(results: list[dict[str, Any]]) -> None:
    """One line per case, and where its time went."""
    print(f"{'case':24}{'vehicles':>9}{'CPU s/sim s':>13}{'ms/veh':>9}{'links/sim s':>13}{'peak MB':>9}")
    for r in results:
        print(f"{r['case']:24}{r['vehicles']:9}{r['cpu_s_per_sim_s']:13.3f}{r['cpu_ms_per_vehicle_sim_s']:9.3f}"
              f"{r['links_per_sim_s']:13,}{r['peak_memory_mb']:9.0f}")
        print("    " + ", ".join(f"{name} {value:.3f}" for name, value in r["stages_cpu_s_per_sim_s"].items()))


if __name__ == "__main__":
    raise SystemExit(main())
