"""What nodes are called on the air: region and number, as the profile of their place has it."""

from __future__ import annotations

from rsu.profile import Candidate
from sim.world.network import FIRST_NODE_ID, RoadNetwork

ABSENT = -1
"""Stands for a region that messages leave out; receivers read it as 0."""

NodeName = tuple[int, int]
"""(region, node id)."""


def node_names(network: RoadNetwork, candidate: Candidate | None) -> list[NodeName]:
    """Name of every node, in the order of the corridor's nodes.

    Region: that of the profile (``region_id``), else of the scenario. Number: that of the corridor, which is unique
    along it; with ``node_ids: own`` places number their own nodes from 256 up, so that two places can use one number.
    """
    corridor = network.corridor
    names: list[NodeName] = []
    counted: dict[int, int] = {}
    for node, chainage_m in enumerate(corridor.node_chainage_m):
        place = int(corridor.place_at(chainage_m))
        region, number = network.node_regions[node], network.node_ids[node]
        if candidate is not None and place >= 0:
            profile = candidate.profile(corridor.jurisdiction_ids[place])
            wanted = profile.get("region_id")
            if wanted is not None:
                region = ABSENT if wanted == "absent" else int(wanted)
            if profile.get("node_ids") == "own":
                number = FIRST_NODE_ID + counted.get(place, 0)
                counted[place] = counted.get(place, 0) + 1
        names.append((region, number))
    return names
