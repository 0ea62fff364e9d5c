"""The run of a published file written down as a scenario, for ``corridor run``."""

from __future__ import annotations

from typing import Any

import yaml

from sim.validate.road import Trial


def as_scenario(trial: Trial) -> str:
    """YAML of a scenario with the road, load and radio of ``trial``.

    Two things differ from the run of ``validate``: vehicles stand at random places instead of one in each
    1/beta metres, and a lost SCI loses the packet (the authors count it apart).
    """
    layout = trial.layout
    length_m = layout.length_m
    radio = trial.radio.model_dump(mode="json", exclude_defaults=True) | {"access": trial.access}
    document: dict[str, Any] = {
        "schema": "corridor/1",
        "name": f"validate-{trial.name}".replace("_", "-"),
        "title": f"published setting {trial.name}",
        "duration_s": trial.measure_s,
        "radio_warmup_s": trial.warmup_s,
        "traffic_warmup_s": 0.0,
        "corridor": {
            "datum": "WGS84",
            "topology": "ring" if layout.ring else "open",
            "length_m": length_m,
            "sections": [{"lanes": 1, "speed_limit_mps": 30.0}],
            "jurisdictions": [{"id": "A", "spans": [{}]}],
        },
        "traffic": {
            "model": "static",
            "density_veh_km": 1000.0 * trial.vehicle_count / length_m,
            "spacing": "uniform",
            "equipped_ratio": 1.0,
            "classes": [{"name": "car", "share": 1.0, "antenna_height_m": trial.height_m}],
        },
        "standards": {"candidate": "harmonised-day1"},
        "radio": radio,
        "bsm": {
            "period_ms": trial.period_ns / 1e6,
            "fixed_size_bytes": trial.size_bytes,
            "synthetic": True,
            "congestion_control": "none",
            "events": False,
        },
        "measure": {"probes": False, "max_distance_m": min(1000.0, trial.report_m)},
    }
    return (
        f"# The setting of {trial.name} as validate runs it; see validate's README for what is not the same.\n"
        + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    )
