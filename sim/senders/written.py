"""What a profile has written: positions in its datum on the air and in that of its platform's feed, and event codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rsu.compatibility.codes import EventCodes
from rsu.geodesy import epoch_year
from rsu.profile import Profile
from rsu.services.day2.described import Intention
from rsu.services.described import DetectedObjects, EventDescription, UnitDescription
from rsu.services.geometry import NodeGeometry
from sim.senders import in_datum
from sim.world.build import World


class Written:
    """What stations of one profile describe, in the datum and with the event codes they write; where these are WGS 84
    and the national ones, the same objects."""

    def __init__(self, profile: Profile, world: World) -> None:
        self.datum = str(profile.effective("datum"))
        self.feed_datum = str(profile.effective("feed_datum"))
        self.epoch_year = epoch_year(world.utc0_ns)
        self._codes = EventCodes(profile.effective("event_codes"))

    def node(self, geometry: NodeGeometry) -> NodeGeometry:
        """A node of a MAP."""
        return in_datum.node_in(geometry, self.datum, self.epoch_year)

    def event(self, description: EventDescription) -> EventDescription:
        """An event as the platform hands it over, with the code of the place; signs keep theirs."""
        code = self._codes.sent_for(description.code)
        if description.kind == "event" and code != description.code:
            description = replace(description, code=code)
        return in_datum.event_in(description, self.feed_datum, self.epoch_year)

    def unit(self, description: UnitDescription) -> UnitDescription:
        """A unit's own position."""
        return in_datum.unit_in(description, self.datum, self.epoch_year)

    def detected(self, objects: DetectedObjects) -> DetectedObjects:
        """What a sensor saw."""
        return in_datum.detected_in(objects, self.datum, self.epoch_year)

    def intention(self, intention: Intention) -> Intention:
        """What a vehicle intends."""
        return in_datum.intention_in(intention, self.datum, self.epoch_year)

    def point(self, lonlat: tuple[float, float]) -> tuple[float, float]:
        """One (lon, lat)."""
        lon, lat = self.points(np.array([lonlat[0]]), np.array([lonlat[1]]))
        return float(lon[0]), float(lat[0])

    def points(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Many, degrees."""
        if self.datum == "WGS84":
            return lon, lat
        return in_datum.lonlat_in(lon, lat, self.datum, self.epoch_year)
