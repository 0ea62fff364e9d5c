"""Results as a table with the target beside each figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.bench.cases import LARGE_OVER_SMALL, MOST_MEMORY_MB, Case
from sim.bench.stages import MOST_RATIO


def judged(case: Case, result: dict[str, Any], results: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What is asked of a case: name, figure, target, factor (figure over target), met."""
    asked: list[tuple[str, float, float]] = []
    if case.demo and case.target_s is not None:
        asked.append(("CPU s of the whole command", result["cpu_s"], case.target_s))
    elif case.target_s is not None:
        asked.append(("CPU s per simulated s", result["cpu_s_per_sim_s"], case.target_s))
    small = results.get(case.like)
    if small is not None:
        ratio = per_vehicle_ms(result) / per_vehicle_ms(small)
        asked.append((f"CPU per vehicle over that of {case.like}", ratio, LARGE_OVER_SMALL))
    if case.over in results:
        ratio = result["cpu_s_per_sim_s"] / results[case.over]["cpu_s_per_sim_s"]
        asked.append((f"CPU over that of {case.over}", ratio, MOST_RATIO))
    if not case.demo:
        asked.append(("peak memory MB", result["peak_memory_mb"], MOST_MEMORY_MB))
    return [
        {"what": what, "figure": round(figure, 4), "target": target, "factor": round(figure / target, 3),
         "met": figure <= target}
        for what, figure, target in asked
    ]


def per_vehicle_ms(result: Mapping[str, Any]) -> float:
    """CPU milliseconds per vehicle and simulated second."""
    return 1e3 * result["cpu_s_per_sim_s"] / max(result["vehicles"], 1)


def table(results: Sequence[Mapping[str, Any]], host: Mapping[str, Any]) -> str:
    """Lines for a terminal: a row per case, where its time went, its targets, its profile."""
    lines = [", ".join(f"{name} {value}" for name, value in host.items() if value), ""]
    titles = (("vehicles", 9), ("CPU s/sim s", 13), ("ms/veh", 9), ("links/sim s", 13), ("ns/link", 9), ("MB", 7))
    lines.append(f"{'case':22}" + "".join(f"{title:>{width}}" for title, width in titles))
    for r in results:
        lines += _lines(r)
    return "\n".join(lines)


def _lines(r: Mapping[str, Any]) -> list[str]:
    per_link = f"{r['kpi_ns_per_link']:9.0f}" if r["kpi_ns_per_link"] is not None else f"{'-':>9}"
    if "cpu_s_per_sim_s" in r:
        cost = f"{r['cpu_s_per_sim_s']:13.3f}{per_vehicle_ms(r):9.3f}{r['links_per_sim_s']:13,}"
        stages = r["stages_cpu_s_per_sim_s"]
    else:
        cost = f"{r['cpu_s']:11.1f} s{'-':>9}{r['links_reported']:13,}"
        stages = r["stages_cpu_s"]
    lines = [f"{r['case']:22}{r['vehicles']:9}{cost}{per_link}{r['peak_memory_mb']:7.0f}"]
    lines.append("    " + ", ".join(f"{name} {value:.3f}" for name, value in stages.items()))
    for one in r.get("targets", ()):
        verdict = "met" if one["met"] else f"not met, {one['factor']:.2f} times"
        lines.append(f"    {one['what']}: {one['figure']:g}, asked at most {one['target']:g}: {verdict}")
    s = r["sanity"]
    names = [name for name in ("cbr_most", "prr_least", "prr_most") if s[name] is not None]
    known = [f"{name.replace('_', ' ')} {s[name]}" for name in names]
    lines.append(f"    {', '.join(known) or 'nothing received'}: {'sane' if s['sane'] else 'NOT SANE'}")
    lines += [
        f"    {one['share']:6.1%} {one['own_s']:8.3f} s {one['calls']:9} calls  {one['function']}"
        for one in r.get("profile", ())
    ]
    return lines
