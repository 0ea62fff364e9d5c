"""A proposal as tables, JSON and text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sim.layouts.files import layout_geojson, layout_yaml
from sim.layouts.place.propose import Proposal
from sim.layouts.place.verify import Round
from sim.results import json_text
from sim.tables import csv_text, finite_or_none
from sim.whole import written_whole

COLUMNS = (
    "target", "wanted", "source", "round", "units", "added", "at_m", "node", "share", "lower", "upper", "seeds",
    "bound",
)
MODEL_LABEL = "model without interference"
SCHEMA_VERSION = 1


def rows(proposal: Proposal) -> Iterator[tuple[Any, ...]]:
    """Rows of ``place.csv``: the model's greedy curve unit by unit, the chosen set, then what was simulated."""
    curve, poles, chosen = proposal.greedy, proposal.poles, proposal.chosen_shares()
    for k, target in enumerate(proposal.question.targets):
        for count, shares in enumerate(curve.shares):
            pole = poles[curve.order[count - 1]] if count else None
            yield (
                target.name, target.share, "model", None, count, pole.site.id if pole else "",
                pole.chainage_m if pole else None, (pole.node or "") if pole else "", float(shares[k]), None, None,
                len(proposal.seeds), float(curve.bound.shares[count, k]),
            )
        count = len(proposal.choice.units)
        yield (
            target.name, target.share, "model, chosen", None, count, "", None, "", float(chosen[k]), None, None,
            len(proposal.seeds), float(curve.bound.shares[count, k]),
        )
        for one in proposal.rounds:
            interval = one.intervals[k]
            yield (
                target.name, target.share, "simulated", one.number, len(one.units), "", None, "", interval.mean,
                interval.lower, interval.upper, interval.n, None,
            )


def document(proposal: Proposal) -> dict[str, Any]:
    """The proposal as plain data; ``schema_version`` says which keys there are."""
    question, choice = proposal.question, proposal.choice
    final = proposal.final
    model = proposal.problem.state(proposal.units).shares()
    return {
        "schema_version": SCHEMA_VERSION,
        "scenario": question.loaded.name,
        "radio": proposal.radio,
        "targets": [
            {
                "target": target.name, "wanted": target.share, "metric": target.metric, "message": target.message,
                "jurisdiction": target.jurisdiction, "direction": target.direction, "model": float(model[k]),
                "simulated": None if final is None else _interval(final, k),
            }
            for k, target in enumerate(question.targets)
        ],
        "seeds": [int(seed) for seed in proposal.seeds],
        "judged_by": "lower end of the 95 % interval" if question.judge == "lower" else "mean",
        "budget": question.budget,
        "poles": {
            "count": len(proposal.poles), "spacing_m": question.spacing_m,
            "nodes": sum(pole.node is not None for pole in proposal.poles),
        },
        "model": {
            "label": MODEL_LABEL,
            "units": len(choice.units),
            "met": choice.met,
            "least_units": choice.least_units,
            "proven": choice.proven,
            "best_objective": choice.best_objective,
        },
        "rounds": [
            {
                "round": one.number, "units": len(one.units), "layout": one.label, "holds": one.holds,
                "targets": [_interval(one, k) for k in range(len(question.targets))],
            }
            for one in proposal.rounds
        ],
        "verified": final is not None,
        "holds": proposal.holds,
        "stopped": proposal.stopped,
        "units": [
            {
                "id": proposal.poles[unit].site.id, "at_m": proposal.poles[unit].site.at_m,
                "side": proposal.poles[unit].site.side, "node": proposal.poles[unit].node,
            }
            for unit in sorted(proposal.units, key=lambda unit: (proposal.poles[unit].chainage_m, unit))
        ],
        "holes": [
            {
                "target": hole.target.name, "direction": hole.direction, "from_m": hole.from_m, "to_m": hole.to_m,
                "share": hole.share,
            }
            for hole in (final.holes if final is not None else ())
        ],
    }


def _interval(one: Round, k: int) -> dict[str, Any]:
    interval = one.intervals[k]
    return {
        "mean": interval.mean, "lower": finite_or_none(interval.lower), "upper": finite_or_none(interval.upper),
        "seeds": interval.n, "met": one.met[k],
    }


def units_text(count: int) -> str:
    """``1 unit``, ``2 units``."""
    return f"{count} unit" if count == 1 else f"{count} units"


def bound_text(proposal: Proposal) -> str:
    """How good the choice is known to be, in one line; holds for the model only."""
    choice = proposal.choice
    if choice.met:
        least, how = (len(choice.units), "proven") if choice.proven else (choice.least_units or 0, "bound")
        return f"no layout of these poles meets the targets with fewer than {units_text(least)} ({how})"
    best = f"{choice.best_objective:.1%} of the way to the targets"
    if choice.least_units is None:
        return f"no set of these poles meets the targets; all of them together get {best}"
    how = "proven" if choice.proven else "bound"
    return (
        f"no layout of {units_text(len(choice.units))} gets further than {best} ({how}); "
        f"{units_text(choice.least_units)} or more are needed"
    )


def text(proposal: Proposal) -> str:
    """What is printed: the proposal, the curve, the rounds, the verdict."""
    from sim.cli.options import columns

    question = proposal.question
    nodes = sum(pole.node is not None for pole in proposal.poles)
    lines = [
        f"{question.loaded.name}: {'; '.join(map(str, question.targets))}",
        f"{len(proposal.poles)} candidate poles: {nodes} at intersections, the others every {question.spacing_m:g} m",
        f"radio: {proposal.radio}",
        "",
        f"{MODEL_LABEL} ({len(proposal.seeds)} seeds): {units_text(len(proposal.choice.units))}; "
        f"{bound_text(proposal)}",
        columns(list(_curve(proposal)), _curve_header(proposal)),
        f"chosen: {units_text(len(proposal.choice.units))}: " + "; ".join(
            f"{target.name} {share:.4f}"
            for target, share in zip(question.targets, proposal.chosen_shares(), strict=True)
        ),
        "",
    ]
    if proposal.rounds:
        judge = "the lower end of the 95 % interval" if question.judge == "lower" else "the mean"
        header = ("round", "units", "target", "share", "95 % interval", "verdict")
        lines += [
            f"simulated ({question.seeds} seeds; {judge} is held against the target):",
            columns(list(_rounds(proposal)), header), "",
        ]
    lines += [*_verdict(proposal), "", "proposed units:"]
    lines.append(columns(
        [(unit["id"], f"{unit['at_m']:.0f}", unit["side"], unit["node"] or "") for unit in document(proposal)["units"]],
        ("id", "at_m", "side", "node"),
    ) if proposal.units else "none")
    return "\n".join(lines) + "\n"


def _curve_header(proposal: Proposal) -> tuple[str, ...]:
    names = [target.name for target in proposal.question.targets]
    return ("units", "added", "at_m", "node", *(cell for name in names for cell in (name, "any layout at most")))


def _curve(proposal: Proposal) -> Iterator[Sequence[str]]:
    curve = proposal.greedy
    for count, shares in enumerate(curve.shares):
        pole = proposal.poles[curve.order[count - 1]] if count else None
        bound = curve.bound.shares[count]
        cells = [cell for k in range(len(shares)) for cell in (f"{shares[k]:.4f}", f"{bound[k]:.4f}")]
        if pole is None:
            yield "0", "", "", "", *cells
        else:
            yield str(count), pole.site.id, f"{pole.chainage_m:.0f}", pole.node or "", *cells


def _rounds(proposal: Proposal) -> Iterator[Sequence[str]]:
    for one in proposal.rounds:
        for k, target in enumerate(proposal.question.targets):
            interval = one.intervals[k]
            known = math.isfinite(interval.lower)
            between = f"{interval.lower:.4f} .. {interval.upper:.4f}" if known else "one seed, no interval"
            verdict = "met" if one.met[k] else "undecided" if interval.mean >= target.share else "missed"
            yield str(one.number), str(len(one.units)), str(target), f"{interval.mean:.4f}", between, verdict


def _verdict(proposal: Proposal) -> list[str]:
    final = proposal.final
    if final is None:
        if proposal.question.verify:
            return [f"nothing was simulated: {proposal.stopped}"]
        word = "meet" if proposal.choice.met else "miss"
        return [f"by the model {units_text(len(proposal.units))} {word} the targets; not verified by simulation"]
    if final.holds:
        return [f"the targets hold in simulation with {units_text(len(final.units))}"]
    lines = [f"SHORTFALL: the targets do not hold in simulation; {proposal.stopped}"]
    for k, target in enumerate(proposal.question.targets):
        if not final.met[k]:
            mean, lower = final.intervals[k].mean, final.intervals[k].lower
            interval = f", lower end {lower:.4f}" if math.isfinite(lower) else ""
            lines.append(f"  {target}: {mean:.4f} with {units_text(len(final.units))}{interval}")
    worst = sorted(final.holes, key=lambda hole: (hole.share - 1) * (hole.to_m - hole.from_m))
    for hole in worst[:10]:
        lines.append(
            f"  hole: {hole.target.name} {hole.direction} {hole.from_m:.0f} .. {hole.to_m:.0f} m: {hole.share:.4f}"
        )
    if len(worst) > 10:
        lines.append(f"  and {len(worst) - 10} smaller holes (place.json)")
    return lines


def write(proposal: Proposal, *, layout: Path | None = None, geojson: Path | None = None) -> list[Path]:
    """Write the folder's tables (where there is a folder), and the layout where it is asked for; what was written."""
    texts: list[tuple[Path, str]] = []
    made = proposal.layout()
    if proposal.out is not None:
        texts += [
            (proposal.out / "place.csv", csv_text(COLUMNS, rows(proposal))),
            (proposal.out / "place.json", json_text(document(proposal))),
            (proposal.out / "layout.yaml", layout_yaml(made, proposal.corridor)),
        ]
    if layout is not None:
        texts.append((layout, layout_yaml(made, proposal.corridor)))
    if geojson is not None:
        texts.append((geojson, layout_geojson(made, proposal.corridor)))
    for path, content in texts:
        with written_whole(path) as partial:
            partial.write_text(content, encoding="utf-8")
    return [path for path, _ in texts]
