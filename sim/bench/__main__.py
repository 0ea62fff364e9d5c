"""Command line of the benchmark: ``python -m sim.bench``.

Every case is a scenario run by the same engine as ``corridor run``: traffic, real encoding and decoding, radio,
receivers and KPIs. Each runs in a process of its own, so that its peak memory is its own. Figures depend on the
machine; compare ratios within one output. Nothing here is asserted in a test.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from typing import Any

from sim.bench.cases import CASES, Case
from sim.bench.measure import measure
from sim.bench.report import judged, table

SCHEMA_VERSION = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table, or one JSON document with ``--json``; exit code 1 if a case failed or is not sane."""
    names = [case.name for case in CASES]
    groups = sorted({case.group for case in CASES if case.group})
    parser = argparse.ArgumentParser(
        prog="python -m sim.bench", description="CPU seconds per simulated second of whole runs.",
        epilog="examples:\n  python -m sim.bench --case ideal --profile\n  python -m sim.bench --json > bench.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--case", action="append", choices=names + groups,
                        help="run only this case, or group of cases (may be given again)")
    parser.add_argument("--rounds", type=int, default=3, help="how often a group is gone through (default 3)")
    parser.add_argument("--no-extreme", action="store_true", help="leave out the cases that only have to stay sane")
    parser.add_argument("--profile", action="store_true", help="functions by own time (makes every figure larger)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    chosen = [case for case in CASES if args.case is None or {case.name, case.group} & set(args.case)]
    results: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for case in in_turns([case for case in chosen if not (args.no_extreme and case.extreme)], args.rounds):
        print(f"{case.name} …", file=sys.stderr, flush=True)
        try:
            results[case.name] = cheaper(results.get(case.name), apart(case, args.profile))
        except Exception as error:
            failed[case.name] = f"{type(error).__name__}: {error}"
    for case in chosen:
        if case.name in results:
            results[case.name]["targets"] = judged(case, results[case.name], results)
    if args.json:
        document = {"schema_version": SCHEMA_VERSION, "host": host(), "cases": list(results.values()), "failed": failed}
        print(json.dumps(document, indent=1))
    else:
        print(table(list(results.values()), host()))
        for name, line in failed.items():
            print(f"{name}: failed: {line}")
    return 1 if failed or not all(result["sanity"]["sane"] for result in results.values()) else 0


def in_turns(cases: Sequence[Case], rounds: int) -> list[Case]:
    """The cases in order; those of a group ``rounds`` times, one after another and all again."""
    order: list[Case] = []
    for group, members in groupby(cases, key=lambda case: case.group):
        order += list(members) * (max(1, rounds) if group else 1)
    return order


def cheaper(before: dict[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """The round that took less CPU, with what every round took."""
    every = [*([] if before is None else before["rounds_cpu_s"]), now["cpu_s"]]
    best = now if before is None or now["cpu_s"] < before["cpu_s"] else before
    return best | {"rounds_cpu_s": every}


def apart(case: Case, profile: bool = False) -> dict[str, Any]:
    """One case in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, case, profile).result()


def host() -> dict[str, Any]:
    """Machine and versions the figures belong to."""
    from sim.results import host_facts

    return host_facts()


if __name__ == "__main__":
    raise SystemExit(main())
