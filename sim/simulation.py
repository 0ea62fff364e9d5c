"""One run: scenario in, result folder out."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rsu.profile import Candidate
from sim import __version__, backhaul
from sim.capture import Capture, check_path
from sim.engine import Engine
from sim.metrics import collect, histograms
from sim.metrics.key_figures import key_figures
from sim.results import METRIC_COLUMNS, Result, ResultFolder, read
from sim.scenario.fields import field_rows
from sim.scenario.loader import LoadedScenario
from sim.scenario.standards_checks import in_force
from sim.senders.speakers import Speaker
from sim.trace import TraceWriter
from sim.world.map_data import map_data

Report = Callable[[float, str], None]


def run(
    loaded: LoadedScenario, out: str | Path | None = None, *, force: bool = False, trace: str | Path | None = None,
    progress: Report | None = None, plots: bool = True, traffic_save: str | Path | None = None,
    traffic_load: str | Path | None = None, pcap: str | Path | None = None, pcap_at: Sequence[str] = (),
) -> Result:
    """Simulate one scenario and write its result folder (definitions section 8).

    ``out`` defaults to ``results/<name>-<run id>``, so that repeating a run is harmless. ``trace`` names the packet log
    (``.csv``, ``.csv.gz`` or ``.parquet``); ``progress(fraction, text)`` is called once per traffic tick.
    ``pcap`` (``.pcapng``) captures what the stations ``pcap_at`` (names of roadside units, ``vehicle-N``; none = all
    units) hear and send. ``traffic_save`` stores the vehicles' movements, ``traffic_load`` replays those of the same
    traffic and seed.
    Everything, figures and packet log included, is written under a hidden name beside and moved into place at the end:
    an interrupted run leaves nothing.
    Raises :class:`sim.results.ResultError` before simulating when the folder cannot be used, ValueError for a
    recording of another traffic.
    """
    if pcap is not None:
        check_path(pcap)
        if loaded.config.bsm.synthetic:
            raise ValueError(f"--pcap {pcap}: bsm.synthetic sends no octets")
    run_id = loaded.run_id()
    folder = Path(out) if out is not None else Path("results") / f"{loaded.name}-{run_id}"
    with ExitStack() as stack:
        target = stack.enter_context(ResultFolder(folder, run_id, force=force))
        writer = stack.enter_context(TraceWriter(target.place(trace))) if trace is not None else None
        target.write_scenario(loaded.resolved_yaml())
        if loaded.data_file is not None:
            shutil.copyfile(loaded.data_file, target.work / loaded.data_file.name)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        engine = Engine(loaded, writer, traffic_save=traffic_save, traffic_load=traffic_load)
        stack.enter_context(engine.world)
        capture = None
        if pcap is not None:
            capture = stack.enter_context(Capture(
                target.place(pcap), pcap_at, engine.world, engine.speakers, engine.ledger
            ))
            engine.pipeline.taps.append(capture.hear)
        target.log(f"{loaded.name}: seed {loaded.config.seed}, run {run_id}, version {__version__}")
        for remark in loaded.remarks:
            target.log(f"remark: {remark}")
        for warning in engine.warnings():
            target.log(f"warning: {warning}")
        loop_s = time.process_time()
        engine.run(progress)
        now_s = time.process_time()
        counters = engine.finish()
        rows, tables = collect(engine.kpis)
        target.write_metrics(rows)
        for name, table in tables.items():
            target.write_table(name, table.columns, table.rows)
        target.write_table("histograms", *histograms.collected(engine.kpis))
        if engine.view_kpis:
            target.write_table("views", ("view", *METRIC_COLUMNS), view_rows(engine))
        target.write_json("corridor", map_data(engine.world))
        timing = {
            "build_cpu_s": round(loop_s - cpu_s, 3), "loop_cpu_s": round(now_s - loop_s, 3),
            "loop_wall_s": round(time.perf_counter() - wall_s, 3), "simulated_s": (engine.to_ns + 1) / 1e9,
        }
        for stage, value in {**timing, **engine.stopwatch.cpu_s}.items():
            target.log(f"{stage}: {value:.3f}")
        summary = _summary(loaded, engine, counters, timing, trace)
        summary["key_figures"] = key_figures(rows, bin_m=loaded.config.measure.bin_m)
        if plots:
            from sim.plots import draw

            try:
                draw(target.so_far(summary), formats=("png",))
            except OSError:
                raise
            except Exception as error:  # a figure that cannot be drawn must not cost the run
                summary["warnings"] = [*summary["warnings"], f"plots: {type(error).__name__}: {error}"]
        if writer is not None:
            writer.close()
        if capture is not None:
            capture.close()
            summary["pcap"] = {"file": str(pcap), "packets": capture.packet_count}
            summary["warnings"] = [*summary["warnings"], *capture.warnings()]
        path = target.finish(summary)
    return read(path)


def _summary(
    loaded: LoadedScenario, engine: Engine, counters: dict[str, int], timing: dict[str, Any], trace: str | Path | None
) -> dict[str, Any]:
    """What ``summary.json`` says of a run beside times and host."""
    config, candidate = loaded.config, loaded.candidate
    illustrative = _illustrative(loaded)
    illustrative += [f"scenario: {row.path}" for row in field_rows() if "assumption" in row.source]
    return {
        "name": loaded.name,
        "title": config.title,
        "title_zh": config.title_zh,
        "version": __version__,
        "seed": config.seed,
        "duration_s": config.duration_s,
        "candidate": candidate.name,
        "views": [view.name for view in loaded.views],
        "speakers": [_said(speaker, engine) for speaker in engine.speakers.speakers],
        "message_set": engine.message_set.name,
        "stack": spoken_stack(loaded, engine),
        "rsus": len(engine.world.units),
        "vehicles": {"total": len(engine.vehicles_seen), "equipped": len(engine.equipped_seen)},
        "traffic": engine.world.traffic.counts(),
        "frames": engine.pipeline.frames_ended,
        "links": engine.pipeline.links,
        "measured_frames_not_ended": engine.ledger.measured_under_way,
        "counters": counters,
        "warnings": engine.warnings(),
        "remarks": list(loaded.remarks),
        "cbr_definition": engine.access.provenance().get("cbr", ""),
        "provenance": provenance(loaded, engine),
        "illustrative": illustrative,
        "trace": str(trace) if trace is not None else None,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        **timing,
    }


def _illustrative(loaded: LoadedScenario) -> list[str]:
    """What of the candidate, and of the views, rests on memory or assumption, one line each."""
    lines = _illustrative_items(loaded, loaded.candidate)
    for view in loaded.views:
        lines += [f"view {view.name}: {line}" for line in _illustrative_items(loaded, view) if line not in lines]
    return lines


def _illustrative_items(loaded: LoadedScenario, candidate: Candidate) -> list[str]:
    """Items of one candidate; with another message set than its own, keys of the profiles as they then are."""
    if loaded.config.standards.message_set is None:
        return candidate.illustrative_items()
    profiles = in_force(loaded.config, candidate).values()
    keys = {f"profile {profile.name}: {key}" for profile in profiles for key in profile.illustrative_keys()}
    return [*candidate.outside_allocation(), *sorted(keys), *candidate.illustrative_rows()]


def _said(speaker: Speaker, engine: Engine) -> dict[str, Any]:
    """Who speaks what."""
    names = [one.id for one in engine.config.corridor.jurisdictions]
    return {
        "jurisdictions": [names[place] for place in speaker.places], "profile": speaker.profile.name,
        "message_set": speaker.message_set.name, "network": str(speaker.profile.value("network")),
        "envelope": str(speaker.profile.value("security.envelope")),
    }


def view_rows(engine: Engine) -> Iterator[tuple[Any, ...]]:
    """Rows of ``views.csv``: those of ``metrics.csv`` that depend on what receivers accept, view by view."""
    for name, kpis in engine.view_kpis.items():
        for row in collect(kpis)[0]:
            yield (name, *row)


def spoken_stack(loaded: LoadedScenario, engine: Engine) -> dict[str, str]:
    """Which network layer and envelope a run speaks, and what of a packet are octets, what sizes only."""
    bsm, messages = loaded.config.bsm, "real octets"
    if bsm.fixed_size_bytes is not None:
        messages = (
            f"{'real octets of roadside messages only' if bsm.synthetic else messages}, "
            f"packets of vehicles set to {bsm.fixed_size_bytes} bytes"
        )
    return {
        "messages": messages,
        "network": str(engine.profile.value("network")),
        "envelope": str(engine.profile.value("security.envelope")),
        "headers": "exact sizes",
    }


def provenance(loaded: LoadedScenario, engine: Engine) -> dict[str, str]:
    """Every model and table in use with its source."""
    config = loaded.config
    profile, message_set = engine.profile, engine.message_set
    policy = engine.pipeline.listeners.groups[0].reading.policy
    layout, link = config.layout, config.radio.link
    return {
        "traffic": f"{config.traffic.model} ({type(engine.world.traffic).__module__})",
        "message set": f"{message_set.name}: {spoken_stack(loaded, engine)['messages']}; {message_set.status}; "
        f"{message_set.source}",
        "network layer": f"{profile.value('network')}: exact sizes, real octets in captures; "
        f"{profile.entry('network').source}",
        "security envelope": f"{profile.value('security.envelope')}: exact sizes, octets with placeholders for "
        f"certificate and signature in captures, nothing is signed; {profile.entry('security.envelope').source}",
        "decoding": f"{policy}; {profile.entry('decode_policy').source}"
        if "decode_policy" in profile.entries else policy,
        "generation": f"{message_set.awareness}: {message_set.generation}, rate control "
        f"{engine.controls[0].name if engine.controls[0] else 'none'}; "
        + message_set.messages[message_set.awareness].source,
        "positioning": f"{config.gnss.model}, sigma {config.gnss.sigma_m} m",
        "EIRP": f"roadside units {layout.tx_power_dbm + layout.antenna_gain_dbi:g} dBm, "
        f"on-board units {link.tx_power_dbm + link.antenna_gain_dbi:g} dBm (conducted power + antenna gain)",
        "backhaul": backhaul.described(config),
        **_further_speakers(engine),
        **engine.access.provenance(),
    }


def _further_speakers(engine: Engine) -> dict[str, str]:
    """Message sets, network layers and envelopes of the speakers after the first, where they are other ones."""
    found = {}
    for speaker in engine.speakers.speakers[1:]:
        where, message_set = ", ".join(_said(speaker, engine)["jurisdictions"]), speaker.message_set
        if message_set is not engine.message_set:
            found[f"message set in {where}"] = f"{message_set.name}: {message_set.status}; {message_set.source}"
        for key, words in (("network", "network layer"), ("security.envelope", "security envelope")):
            entry = speaker.profile.entry(key)
            if entry.value != engine.profile.value(key):
                found[f"{words} in {where}"] = f"{entry.value}; {entry.source}"
    return found
