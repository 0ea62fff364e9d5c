"""The dozen lines a planner reads first, from a result folder alone."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sim.metrics.base import CLASSES
from sim.metrics.radio_settings import radio_words, radios, run_words, setting_words
from sim.metrics.summary_usable import usable_lines
from sim.metrics.wording import milliseconds, percent
from sim.results import Result
from sim.tables import Table

_PRR_AT_M = (100, 300)


def summary_table(result: Result) -> str:
    """A dozen lines on one run for a planner: what was run, and the main figures with their counts."""
    return "\n".join(lines(result)) + "\n"


def lines(result: Result) -> Iterator[str]:
    """What was run, and the main figures with their counts; a figure without data says so or is left out."""
    for head, text in (
        *_what(result),
        *_coverage(result),
        *_reception(result),
        *usable_lines(result),
        *_latency(result),
        *_coordination(result),
        *_gaps(result),
        *_load(result),
        *_holes(result),
    ):
        yield f"{head:<14}{text}".rstrip()


def bin_width_m(result: Result) -> float:
    """Distance bin of the run."""
    return float((result.scenario.get("measure") or {}).get("bin_m", 25.0))


def prr_near(table: Table, distance_m: float, bin_m: float) -> tuple[float, int]:
    """(PRR, n) pooled over the bins whose middle lies within one bin of ``distance_m``; NaN without data."""
    near = np.abs(table["distance_m"] - distance_m) < bin_m
    n = table["n"][near].sum()
    return (float((table["value"] * table["n"])[near].sum() / n), int(n)) if n else (math.nan, 0)


def _what(result: Result) -> Iterator[tuple[str, str]]:
    summary, scenario = result.summary, result.scenario
    name = summary.get("name") or scenario.get("name") or result.folder.name
    title = summary.get("title") or scenario.get("title") or ""
    yield "Run", f"{name}{': ' + title if title else ''}"
    duration_s = summary.get("duration_s", scenario.get("duration_s"))
    seed = summary.get("seed", scenario.get("seed"))
    facts = [
        f"{duration_s:g} s measured" if duration_s is not None else "",
        f"seed {seed}" if seed is not None else "",
    ]
    yield "", ", ".join([f for f in facts if f] + [f"run id {summary['run_id']}"])
    candidate = summary.get("candidate") or (scenario.get("standards") or {}).get("candidate")
    if candidate:
        speakers = summary.get("speakers") or []
        said = [f"{', '.join(one['jurisdictions'])} {one['profile']} ({one['message_set']})" for one in speakers]
        yield "Standards", str(candidate) + (f": {'; '.join(said)}" if len(said) > 1 else "")
    if messages := messages_line(result):
        yield "Messages", messages
    stations = []
    if (rsus := summary.get("rsus")) is not None:
        stations.append(f"{rsus} roadside units")
    vehicles = summary.get("vehicles")
    if isinstance(vehicles, dict):
        stations.append(
            f"{vehicles.get('total', 0):,} vehicles seen, {vehicles.get('equipped', 0):,} of them equipped"
        )
    elif vehicles is not None:
        stations.append(f"{vehicles:,} vehicles")
    if stations:
        yield "Stations", ", ".join(stations)
    if radio := radio_line(result):
        yield "Radio", radio
        yield "Settings", settings_line(result)
    if illustrative := summary.get("illustrative"):
        count = len(illustrative) if isinstance(illustrative, (list, tuple)) else 0
        yield (
            "Illustrative",
            f"figures rest on {f'{count} assumptions' if count else 'assumptions'} (see summary.json)",
        )


def messages_line(result: Result) -> str:
    """Message set, network layer and envelope of a run, and what of them are octets and what sizes; empty if unsaid."""
    stack = result.summary.get("stack")
    if not isinstance(stack, dict):
        return ""
    return (
        f"{result.summary.get('message_set', '')} ({stack.get('messages', '')}), "
        f"{stack.get('network', '')} and {stack.get('envelope', '')} ({stack.get('headers', '')})"
    )


def radio_line(result: Result) -> str:
    """Access layer, propagation, noise and error table of every radio of a run, in one line."""
    return "; ".join(radio_words(radio) for radio in radios(result.scenario))


def settings_line(result: Result) -> str:
    """The access layer's settings and those of the run that move radio results, in one line."""
    parts = [setting_words(radio) for radio in radios(result.scenario)]
    return "; ".join(part for part in (*parts, run_words(result.scenario)) if part)


def _coverage(result: Result) -> Iterator[tuple[str, str]]:
    head = "Coverage"
    for name in CLASSES:
        rows = result.select(message=name, direction="", station_class="probe", chainage_m=None)
        useful = rows.select(metric="C_useful", jurisdiction="")
        if not useful.row_count:
            continue
        raw = rows.select(metric="C_raw", jurisdiction="")
        places = rows.select(metric="C_useful").take(rows.select(metric="C_useful")["jurisdiction"] != "")
        by_place = ", ".join(f"{r['jurisdiction']} {percent(r['value'])}" for r in places.rows())
        yield (
            head,
            (
                f"{name:<9} useful {percent(float(useful['value'][0]))}, received "
                f"{percent(float(raw['value'][0]))} of {int(useful['n'][0])} cells"
                + (f" (useful: {by_place})" if by_place else "")
            ),
        )
        head = ""


def _reception(result: Result) -> Iterator[tuple[str, str]]:
    head = "Reception"
    table, bin_m = result.select(metric="prr", jurisdiction=""), bin_width_m(result)
    for link, messages in _by_link(table):
        texts = []
        for at_m in _PRR_AT_M:
            parts = [(m, *prr_near(table.select(link=link, message=m), at_m, bin_m)) for m in messages]
            counted = len(messages) == 1
            known = [
                f"{m} {percent(value)}" + (f" (n {n:,})" if counted else "") for m, value, n in parts if n
            ]
            if known:
                texts.append(f"at {at_m} m " + ", ".join(known))
        if texts:
            yield head, f"{link} " + "; ".join(texts)
            head = ""


def _by_link(table: Table) -> list[tuple[str, list[str]]]:
    """Messages of each link kind, in the order they first appear."""
    found: dict[str, list[str]] = {}
    for link, message in zip(table["link"].tolist(), table["message"].tolist(), strict=True):
        if message not in found.setdefault(link, []):
            found[link].append(message)
    return list(found.items())


def _latency(result: Result) -> Iterator[tuple[str, str]]:
    head = "Latency p95"
    for link, messages in _by_link(result.select(metric="latency", quantile=0.95, jurisdiction=None)):
        texts = []
        for message in messages:
            group = {"link": link, "message": message, "jurisdiction": None}
            p95 = result.value(metric="latency", quantile=0.95, **group)
            delivered = result.value(metric="latency_delivered", **group)
            texts.append(f"{message} {milliseconds(p95, 1)} ({delivered:,.0f} applied)")
        yield head, f"{link} " + ", ".join(texts)
        head = ""


def _coordination(result: Result) -> Iterator[tuple[str, str]]:
    decided = result.select(metric="round_trip_answered")
    if not decided.row_count:
        return
    answered, n = float(decided["value"][0]), int(decided["n"][0])
    text = f"VIR to RSC: {n:,} requests, answered {percent(answered)}, "
    text += f"timed out {percent(result.value(metric='round_trip_timeout'))}"
    if answered:
        median, p95 = (result.value(metric="round_trip", quantile=share) for share in (0.5, 0.95))
        text += f"; round trip median {milliseconds(median, 1)}, p95 {milliseconds(p95, 1)}"
    yield "Coordination", text


def _gaps(result: Result) -> Iterator[tuple[str, str]]:
    of_all = {"link": "V2V", "jurisdiction": None, "station_class": None}
    p95 = result.value(metric="gap", quantile=0.95, **of_all)
    if not math.isnan(p95):
        row = result.select(metric="gap_over_2.5T", **of_all)
        delay = result.value(metric="update_delay", quantile=0.95, **of_all)
        yield (
            "Gaps",
            (
                f"V2V {row['message'][0]} within {row['distance_m'][0]:.0f} m: p95 {milliseconds(p95)}, "
                f"longer than 2.5 periods {percent(float(row['value'][0]))} of {int(row['n'][0]):,}; "
                f"update delay p95 {milliseconds(delay)}"
            ),
        )


def _load(result: Result) -> Iterator[tuple[str, str]]:
    texts = []
    for row in result.select(metric="cbr_mean", jurisdiction="").rows():
        p95 = result.value(metric="cbr", quantile=0.95, jurisdiction="", station_class=row["station_class"])
        word = {"rsu": "roadside units", "vehicle": "vehicles"}.get(
            row["station_class"], row["station_class"]
        )
        texts.append(f"at {word} mean {percent(row['value'])}, p95 {percent(p95)}")
    if texts:
        yield "Channel busy", "; ".join(texts)


def _holes(result: Result) -> Iterator[tuple[str, str]]:
    if not result.has("holes"):
        return
    cells, holes = result.table("coverage"), result.table("holes").select(metric="C_useful")
    head = "Longest hole"
    for place in dict.fromkeys(cells["jurisdiction"].tolist()):
        here = holes.select(jurisdiction=place)
        if not here.row_count:
            yield head, f"{place or 'elsewhere'}: none below 95 %"
        else:
            hole = next(here.take(np.argsort(-here["length_m"], kind="stable")[:1]).rows())
            text = f"{hole['length_m']:.0f} m of {hole['class']} {hole['direction']}, "
            text += f"chainage {hole['from_m']:.0f} to {hole['to_m']:.0f} m, "
            text += f"useful {percent(hole['share'])} of the time"
            yield head, f"{place or 'elsewhere'}: {text}"
        head = ""
