"""How long a campaign will take: from runs that are finished, else from the bench's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.campaign.executors.local_cpus import usable_cpus
from sim.campaign.plan import Plan, PlannedRun, Variant
from sim.campaign.store import CampaignFolder
from sim.results import valid_summary
from sim.scenario.loader import LoadedScenario
from sim.timeline import timeline_of
from sim.world.corridor import CorridorGeometry
from sim.world.sites import build_units

LINK_CPU_S = {"lte-v2x-mode4": 1.0e-6, "nr-v2x-mode2": 1.0e-6, "ieee80211p": 1.2e-6, "uu": 0.6e-6, "ideal": 0.4e-6}
"""CPU seconds per (transmission, station within reach), from ``sim.bench`` and ``demo-zone`` on one machine: order of
magnitude."""
TICK_CPU_S = 0.015
VEHICLE_CPU_S = 2e-5
"""CPU seconds per simulated second and vehicle for traffic alone."""
START_CPU_S = 0.5
VIEW_SHARE = 0.2
"""What a view adds to a run (two of ``tripoint`` took 8 and 31 % more)."""
REACH_M = 1000.0
MEAN_SPEED_SHARE = 0.8


@dataclass(frozen=True)
class Estimate:
    """CPU seconds of one run and where the number comes from."""

    cpu_s: float
    basis: str


def estimate_run(loaded: LoadedScenario) -> Estimate:
    """CPU of one run from flows, units and probes of its scenario; good to a factor of about two."""
    config = loaded.config
    geometry = CorridorGeometry(config.corridor)
    times, length_m = timeline_of(config), geometry.length_m
    radio_s = (times.end_ns - times.radio_from_ns) / 1e9
    speed_mps = MEAN_SPEED_SHARE * max(section.speed_limit_mps for section in geometry.sections)
    vehicles = 2 * config.traffic.flow_veh_h / 3600 / speed_mps * length_m
    units = len(build_units(config.layout, geometry))
    probes = 2 * length_m / config.measure.probe_spacing_m if config.measure.probes else 0
    equipped = vehicles * config.traffic.equipped_ratio
    near = min(1.0, 2 * REACH_M / length_m)
    frames_hz = 10 * equipped + 25 * units
    links_hz = frames_hz * near * (equipped + units) + 25 * units * near * probes
    access_s = LINK_CPU_S.get(config.radio.access, 1e-6) * links_hz * radio_s
    rest_s = TICK_CPU_S * radio_s * 10 + VEHICLE_CPU_S * vehicles * times.end_ns / 1e9
    cpu_s = (START_CPU_S + access_s + rest_s) * (1 + VIEW_SHARE * len(loaded.views))
    return Estimate(cpu_s, "the bench's figures, good to a factor of about two")


def estimate_campaign(
    plan: Plan, folder: CampaignFolder, jobs: int | None = None, runs: Sequence[PlannedRun] | None = None
) -> tuple[float, float, str]:
    """(CPU seconds, wall seconds, basis) of the runs that are not finished.

    Figures of finished runs win, and guesses for other variants are scaled by how finished runs compare with theirs.

    ``runs``: those of the plan that are asked for; default all.
    """
    finished: dict[int, list[float]] = {}
    left: list[int] = []
    for run in plan.runs if runs is None else runs:
        if folder.finished(run.run_id):
            cpu_s = (valid_summary(folder.run_path(run.run_id)) or {}).get("cpu_s")
            if isinstance(cpu_s, int | float):
                finished.setdefault(run.variant, []).append(float(cpu_s))
        else:
            left.append(run.variant)
    known = {variant: sum(values) / len(values) for variant, values in finished.items()}
    basis = "runs that are finished" if known else ""
    cost, other = dict(known), [variant for variant in dict.fromkeys(left) if variant not in known]
    if other:
        guessed = math.fsum(_of(plan.variants[variant]).cpu_s for variant in known)
        scale = math.fsum(known.values()) / guessed if known else 1.0
        for variant in other:
            guess = _of(plan.variants[variant])
            cost[variant] = scale * guess.cpu_s
            basis = "runs that are finished, and others in proportion" if known else guess.basis
    cpu_s = sum(cost[variant] for variant in left)
    workers = jobs or usable_cpus()
    return cpu_s, cpu_s / max(1, min(workers, len(left) or 1)), basis or "nothing is left to do"


def _of(variant: Variant) -> Estimate:
    assert variant.loaded is not None
    return estimate_run(variant.loaded)
