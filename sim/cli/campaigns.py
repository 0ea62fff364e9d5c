"""What the verbs about campaigns share: the plan from arguments, the executor, what is printed at the end."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import SCHEMA_VERSION, columns

if TYPE_CHECKING:
    from rsu.document import KeyPath
    from sim.campaign.engine import MakeExecutor
    from sim.campaign.plan import Plan
    from sim.campaign.store import CampaignResult

_LONGEST_NAME = 64
_UNTIL = re.compile(r"\s*(?P<metric>\S+)(?P<where>(?:\s+\w+=\S+)*)\s*\+-\s*(?P<half>\S+)\s*")


def plan_from(args: argparse.Namespace) -> Plan:
    """The plan that ``corridor sweep`` was asked for: a campaign file, or scenarios with ``--vary``."""
    from sim.campaign.plan import campaign_of, read_campaign
    from sim.scenario.shipped import shipped_files

    first = args.source[0]
    path = Path(first)
    if not path.is_file():
        path = shipped_files("campaigns").get(first, path)
    if path.is_file() and _is_campaign_file(path):
        if len(args.source) > 1 or args.vary:
            raise ValueError(f"{first}: is a campaign file, which names its scenarios and axes itself")
        return read_campaign(path, changes(args), _given(args))
    vary = dict(_axis(text) for text in args.vary)
    if len(vary) < len(args.vary):
        raise ValueError("--vary: an axis stands more than once; list its values in one")
    data: dict[str, Any] = {"name": _name(args.source, vary), "scenarios": list(args.source), "vary": vary}
    return campaign_of({**data, **changes(args)}, name="corridor sweep", given=_given(args))


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """What options say in place of the campaign file."""
    found: dict[str, Any] = {}
    for key in ("seeds", "seed"):
        if getattr(args, key, None) is not None:
            found[key] = getattr(args, key)
    if getattr(args, "plots", False):
        found["plots"] = True
    if args.overrides:
        found["set"] = dict(_set(text) for text in args.overrides)
    if getattr(args, "until", None) is not None:
        found["until"] = until_of(args.until, args.max_seeds)
    elif getattr(args, "max_seeds", None) is not None:
        raise ValueError("--max-seeds: needs --until")
    return found


def _name(sources: Sequence[str], axes: Iterable[str]) -> str:
    """Name of a campaign after its scenarios and axes; a digest stands for letters that a name has not."""
    wanted = "-and-".join(Path(one).stem for one in sources) + "".join(f"-by-{axis}" for axis in axes)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).lstrip("._-")
    if name == wanted and len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 9] or 'sweep'}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"


def _given(args: argparse.Namespace) -> dict[KeyPath, str]:
    """Key of the campaign -> the argument that said it, for error lines."""
    given: dict[KeyPath, str] = {(key,): f"--{key}" for key in ("seeds", "seed", "until")
                                 if getattr(args, key, None) is not None}
    given |= {("vary", text.partition("=")[0].strip()): f"--vary {text}" for text in args.vary}
    return given | {("set", text.partition("=")[0].strip()): f"--set {text}" for text in args.overrides}


def until_of(text: str, max_seeds: int | None) -> dict[str, Any]:
    """``prr link=V2V message=BSM distance_m=112.5 +- 0.01`` as the keys of ``until``."""
    from rsu.document import parse_document

    match = _UNTIL.fullmatch(text)
    if match is None:
        raise ValueError(f"--until {text!r}: must be 'METRIC [column=value ...] +- HALF_WIDTH'")
    found: dict[str, Any] = {"metric": match["metric"], "half_width": parse_document(match["half"], "--until").data}
    for part in match["where"].split():
        name, _, value = part.partition("=")
        numeric = name in ("distance_m", "quantile")
        found[name] = parse_document(value, "--until").data if numeric else value
    return found if max_seeds is None else {**found, "max_seeds": max_seeds}


def executor_of(args: argparse.Namespace) -> MakeExecutor | None:
    """Who computes the runs; none = this machine's worker processes."""
    if not args.dask:
        return None
    if args.jobs:
        raise ValueError("--jobs: is the number of worker processes here; with --dask the cluster has its own")
    from sim.campaign.executors import EXECUTORS
    from sim.plugin import resolve

    dask = resolve(EXECUTORS["dask"], {}, "executor")
    return lambda folder: dask(folder, args.dask)


def _is_campaign_file(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(65536)
    return re.search(r"^schema:\s*[\"']?campaign/", head, re.MULTILINE) is not None or '"campaign/' in head[:200]


def _axis(text: str) -> tuple[str, list[Any]]:
    """``axis=a,b,c``; values are read as YAML."""
    from rsu.document import parse_document

    axis, equals, values = text.partition("=")
    if not equals or not axis.strip():
        raise ValueError(f"--vary {text}: must be AXIS=VALUE,VALUE,...")
    listed = values if values.lstrip().startswith("[") else f"[{values}]"
    return axis.strip(), parse_document(listed, f"--vary {text}").data or []


def _set(text: str) -> tuple[str, Any]:
    from rsu.document import parse_document

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"--set {text}: must be key.path=value")
    return key.strip(), parse_document(value, f"--set {text}").data


_MAIN = (r"prr\.V2V\..*@300", r"latency\.V2V\..*\.p99", r"C_useful\.I2V\..*", r"cbr_mean\.vehicle")
"""Key figures shown at the end, as patterns; at most :data:`_MOST_COLUMNS` of them."""
_MOST_COLUMNS = 6


def document(result: CampaignResult) -> dict[str, Any]:
    """The campaign as one JSON document: states, variants and their key figures."""
    from sim.campaign.figures import variant_figures

    states = result.states()
    return {
        "schema_version": SCHEMA_VERSION, "name": result.name, "folder": str(result.folder.out), "axes": result.axes,
        "runs": states, "failed": result.failed(),
        "variants": [
            {"labels": variant.labels, "seeds": len(figures.seeds), "key_figures": figures.plain()}
            for variant, figures in variant_figures(result)
        ],
    }


def summary_lines(result: CampaignResult, keys: Sequence[str] = ()) -> Iterator[str]:
    """What was done, then the main figures of every variant with their intervals."""
    from sim.campaign.figures import variant_figures

    states = result.states()
    varying = result.varying or ["scenario"]
    yield f"{result.name}: " + ", ".join(f"{count} {state}" for state, count in states.items() if count)
    found = list(variant_figures(result))
    known = list(dict.fromkeys(key for _, figures in found for key in figures.values))
    chosen = list(keys) or [key for pattern in _MAIN for key in known if re.fullmatch(pattern, key)]
    chosen = (chosen or known)[:_MOST_COLUMNS]
    rows = [
        [*(variant.labels[axis] for axis in varying), str(len(figures.seeds)), *(figures.text(key) for key in chosen)]
        for variant, figures in found
    ]
    yield columns(rows, [*varying, "seeds", *chosen])
    where = "; every figure in means.csv, paired differences in differences.csv"
    yield f"mean (95 % interval over seeds){where if (result.folder.out / 'means.csv').is_file() else ''}"
    for run_id, told in result.failed().items():
        yield f"failed: run {run_id} after {told['attempts']} attempts: {told['error']}"
