"""A report as text for people and as JSON for programs."""

from __future__ import annotations

from typing import Any

from rsu.fuzz.run import Report, Worst

_MOST_HEX = 160


def as_json(report: Report) -> dict[str, Any]:
    """Everything, inputs in full hexadecimal."""
    return {
        "seed": report.seed, "message_sets": list(report.message_sets), "inputs": report.inputs,
        "elapsed_s": round(report.elapsed_s, 1), "interrupted": report.interrupted,
        "tried": [
            {"target": target, "generator": generator, "outcome": outcome, "inputs": count}
            for (target, generator, outcome), count in sorted(report.counts.items())
        ],
        "worst_time_ms": {target: _worst(one) for target, one in sorted(report.time_ms.items())},
        "worst_memory_bytes": {target: _worst(one) for target, one in sorted(report.memory_bytes.items())},
        "faults": [
            {"target": one.target, "generator": one.generator, "problem": one.problem, "input": _hex(one.octets)}
            for one in report.faults.values()
        ],
    }


def as_text(report: Report) -> str:
    """What was tried (packets, captures, frames: all generators together), worst inputs cut, faults in full."""
    state = ", interrupted" if report.interrupted else ""
    lines = [f"seed {report.seed}, {report.inputs} inputs in {report.elapsed_s:.1f} s{state}", ""]
    lines += _tried(report)
    for title, unit, scale, worst in (
        ("slowest input", "ms", 1.0, report.time_ms), ("most memory, sampled", "kB", 1e-3, report.memory_bytes),
    ):
        lines += ["", f"{title} of each target:"]
        for target, one in sorted(worst.items()):
            size = f", {len(one.octets)} octets" if one.octets else ""
            lines.append(f"  {target}: {one.figure * scale:.2f} {unit} ({one.where}{size}) {_cut(_hex(one.octets))}")
    lines += ["", f"faults: {len(report.faults)}"]
    for fault in report.faults.values():
        lines += [f"  {fault.target}, {fault.generator}: {fault.problem}", f"    {_hex(fault.octets)}"]
    return "\n".join(lines)


def _tried(report: Report) -> list[str]:
    outcomes = ("ok", "skipped", "error", "FAULT")
    told: dict[tuple[str, str], dict[str, int]] = {}
    for (target, generator, outcome), count in sorted(report.counts.items()):
        row = told.setdefault((target, generator if target in report.message_sets else "all"), {})
        row[outcome] = row.get(outcome, 0) + count
    width = max((len(target) for target, _ in told), default=6)
    lines = [f"{'target':<{width}}  {'generator':<10}" + "".join(f"{outcome:>10}" for outcome in outcomes)]
    for (target, generator), row in told.items():
        lines.append(f"{target:<{width}}  {generator:<10}" + "".join(f"{row.get(one, 0):>10}" for one in outcomes))
    return lines


def _worst(one: Worst) -> dict[str, Any]:
    return {"figure": round(one.figure, 3), "where": one.where, "input": _hex(one.octets)}


def _hex(octets: bytes) -> str:
    """Hexadecimal digits; a batch is already a list of them."""
    text = octets.decode("ascii", "replace") if octets.isascii() else ""
    return text if "," in text and not set(text) - set("0123456789abcdef,") else octets.hex()


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_HEX else f"{text[:_MOST_HEX]}... (in full with --json)"
