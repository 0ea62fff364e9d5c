"""Border gateways: beside a unit near a border stands a second radio that says the same by the neighbour's profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rsu.profile import Gateway
from sim.world.corridor import CorridorGeometry
from sim.world.sites import RoadsideUnit, identified


def with_twins(
    units: Sequence[RoadsideUnit], corridor: CorridorGeometry, gateway: Gateway | None
) -> list[RoadsideUnit]:
    """All units, and after them the twins that a gateway adds.

    A unit is at a border if its foot point lies within ``gateway.within_m`` of it. It gets one twin for every other
    jurisdiction there: those on both sides, and those without a road of their own that have a unit there. A twin stands
    on the same mast, is tuned and signs as the other jurisdiction's units do, has no sensor of its own and repeats what
    its partner says.
    """
    if gateway is None:
        return list(units)
    twins: dict[tuple[int, int], RoadsideUnit] = {}
    ids = corridor.jurisdiction_ids
    for border in corridor.borders:
        near = [
            unit for unit in units
            if unit.jurisdiction >= 0 and abs(unit.chainage_m - border.chainage_m) <= gateway.within_m
        ]
        places = {ids.index(name) for name in (border.from_id, border.to_id) if name in ids}
        for place in sorted(places | {unit.jurisdiction for unit in near}):
            for unit in near:
                if place != unit.jurisdiction:
                    twins[unit.index, place] = replace(
                        unit, id=f"{unit.id}>{ids[place]}", jurisdiction=place, sensor=False, twin_of=unit.index,
                    )
    everybody = [*units, *(twins[key] for key in sorted(twins))]
    return identified([replace(unit, index=index) for index, unit in enumerate(everybody)])
