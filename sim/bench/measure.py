"""Runs one case in this process and says what it cost, and whether its results are sane."""

from __future__ import annotations

import cProfile
import pstats
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from sim.bench.cases import Case, scenario

TOP_FUNCTIONS = 15


def measure(case: Case, profile: bool = False) -> dict[str, Any]:
    """Figures of one case. A highway counts the CPU of its measured part only (warm-ups, imports and set-up apart); the
    demonstration counts the whole command, imports, warm-ups and figures included."""
    return _whole_command(case, profile) if case.demo else _highway(case, profile)


def _highway(case: Case, profile: bool) -> dict[str, Any]:
    from sim.engine import Engine
    from sim.metrics import collect
    from sim.scenario.loader import load_mapping

    begin_s = time.process_time()
    engine = Engine(load_mapping(scenario(case)))
    build_s = time.process_time() - begin_s
    marks: dict[str, tuple[float, int, int, dict[str, float]]] = {}
    profiler = cProfile.Profile() if profile else None

    def mark(fraction: float, text: str) -> None:
        name = {engine.from_ns: "from", engine.to_ns: "to"}.get(engine.world.stations.tick_start_ns)
        if name is None:
            return
        pipeline = engine.pipeline
        marks[name] = (
            time.process_time(), pipeline.frames_ended, pipeline.links, dict(engine.stopwatch.cpu_s)
        )
        if profiler is not None:
            profiler.enable() if name == "from" else profiler.disable()

    engine.run(mark)
    begin, end = marks["from"], marks["to"]
    simulated_s = (engine.to_ns - engine.from_ns) / 1e9
    stages_s = {name: value - begin[3].get(name, 0.0) for name, value in end[3].items()}
    stages_s["other"] = end[0] - begin[0] - sum(stages_s.values())
    links = end[2] - begin[2]
    rows, _ = collect(engine.kpis)
    return {
        **_head(case),
        "vehicles": len(engine.world.vehicle_slots()),
        "simulated_s": simulated_s,
        "build_cpu_s": round(build_s, 3),
        "cpu_s": round(end[0] - begin[0], 3),
        "cpu_s_per_sim_s": round((end[0] - begin[0]) / simulated_s, 4),
        "frames": end[1] - begin[1],
        "links_reported": links,
        "links_per_sim_s": round(links / simulated_s),
        "kpi_ns_per_link": round(stages_s.get("receivers and KPIs", 0.0) / links * 1e9, 1) if links else None,
        "stages_cpu_s_per_sim_s": {name: round(value / simulated_s, 4) for name, value in stages_s.items()},
        "sanity": sanity([(row.metric, row.value) for row in rows]),
        "peak_memory_mb": _peak_mb(),
        **_profiled(profiler),
    }


def _whole_command(case: Case, profile: bool) -> dict[str, Any]:
    profiler = cProfile.Profile() if profile else None
    if profiler is not None:
        profiler.enable()
    from sim.scenario import load
    from sim.simulation import run

    with tempfile.TemporaryDirectory() as folder:
        result = run(load("demo-zone", [f"duration_s={case.measured_s:g}"]), Path(folder) / "run")
        if profiler is not None:
            profiler.disable()
        log = (result.folder / "run.log").read_text(encoding="utf-8").splitlines()
        table = result.table()
        values = list(zip(table["metric"].tolist(), table["value"].tolist(), strict=True))
        summary = dict(result.summary)
    cpu_s = time.process_time()
    stages_s = {}
    for name in ("traffic", "radio", "vehicle messages", "receivers and KPIs"):
        stages_s[name] = next((float(line.split(": ")[1]) for line in log if line.startswith(f"{name}: ")), 0.0)
    stages_s["units and the rest of the run"] = float(summary["loop_cpu_s"]) - sum(stages_s.values())
    stages_s["start, tables and figures"] = cpu_s - float(summary["loop_cpu_s"])
    links = int(summary["links"])
    return {
        **_head(case),
        "vehicles": int(summary["vehicles"]["equipped"]),
        "simulated_s": float(summary["simulated_s"]),
        "cpu_s": round(cpu_s, 3),
        "frames": int(summary["frames"]),
        "links_reported": links,
        "kpi_ns_per_link": round(stages_s["receivers and KPIs"] / links * 1e9, 1) if links else None,
        "stages_cpu_s": {name: round(value, 3) for name, value in stages_s.items()},
        "sanity": sanity(values),
        "peak_memory_mb": _peak_mb(),
        **_profiled(profiler),
    }


def sanity(values: list[tuple[str, float | None]]) -> dict[str, Any]:
    """Bounds that no result may leave, from (metric, value): busy ratio and packet reception ratio in 0 .. 1."""
    busy = [value for metric, value in values if metric.startswith("cbr") and value is not None]
    received = [value for metric, value in values if metric == "prr" and value is not None]
    return {
        "cbr_most": round(max(busy), 4) if busy else None,
        "prr_least": round(min(received), 4) if received else None,
        "prr_most": round(max(received), 4) if received else None,
        "sane": all(0.0 <= value <= 1.0 for value in (*busy, *received)),
    }


def _head(case: Case) -> dict[str, Any]:
    return {"case": case.name, "access": case.access}


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _profiled(profiler: cProfile.Profile | None) -> dict[str, Any]:
    """Functions that took the most time of their own, with the share of what was profiled."""
    if profiler is None:
        return {}
    stats: Any = pstats.Stats(profiler)
    whole_s = stats.total_tt or 1.0
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:TOP_FUNCTIONS]
    return {
        "profile": [
            {
                "function": f"{_short(path)}:{line} {name}" if line else name, "calls": calls,
                "own_s": round(own_s, 4), "share": round(own_s / whole_s, 4), "with_callees_s": round(total_s, 4),
            }
            for (path, line, name), (_, calls, own_s, total_s, _) in rows
        ]
    }


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-3:])
