"""What propagation writes into the record of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.channel.scene import Scene
    from sim.scenario.schema.radio import Channel


def recorded(channel: Channel, terms: int, scene: Scene | None) -> dict[str, str]:
    """Models in use by name: every setting that a result depends on."""
    c = channel
    return {
        "path_loss_v2v": f"{c.v2v}, environment height {c.environment_height_m} m",
        "path_loss_v2i": f"{c.v2i}, environment height {c.environment_height_m} m",
        "shadowing": f"sigma {c.shadowing_sigma_db} dB, decorrelation {c.decorrelation_m} m, "
        f"sum of {terms} sinusoids of both positions",
        "sight": _sight(c),
        "buildings": _buildings(c, scene),
        "geometry": "received power: middle of the traffic tick, once per tick and pair",
        "fading": "none: averaged in the error tables",
    }


def _sight(c: Channel) -> str:
    if c.line_of_sight == "always":
        return "always"
    blocked = f"NLOSv sigma {c.shadowing_sigma_nlosv_db} dB, decorrelation {_distance(c.decorrelation_nlosv_m, c)}"
    if c.line_of_sight == "geometric":
        each = f"{c.blocker_loss_db} dB for each" if c.blockage == "per-blocker" else "blockage TR 37.885, normal in dB"
        return f"geometric: vehicles from {c.blocker_least_height_m} m height in the way, {each}; {blocked}"
    states = "" if c.line_of_sight == "tr37885" else f"; NLOS {_nlos(c)}"
    area = f"law {c.sight_area}, truck share {c.blocker_truck_ratio}, blockage normal in dB"
    return f"{c.line_of_sight}: {area}, states last {_distance(c.state_decorrelation_m, c)}; {blocked}{states}"


def _buildings(c: Channel, scene: Scene | None) -> str:
    if scene is None or scene.buildings is None:
        return "none"
    law = f"{c.wall_loss_db} dB per wall, {c.inside_loss_per_metre_db} dB/m inside"
    if c.building_law == "nlos":
        law = f"path loss {c.nlos}"
    return f"{len(scene.buildings)} outlines, {law}; {_nlos(c)}"


def _nlos(c: Channel) -> str:
    street = f" with streets at {c.street_axis_deg} deg" if c.nlos == "winner-b1-manhattan" else ""
    decorrelation = _distance(c.decorrelation_nlos_m, c)
    return f"{c.nlos}{street}, sigma {c.shadowing_sigma_nlos_db} dB, decorrelation {decorrelation}"


def _distance(own_m: float | None, c: Channel) -> str:
    return f"{own_m if own_m is not None else c.decorrelation_m} m"
