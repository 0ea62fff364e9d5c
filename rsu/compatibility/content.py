"""What becomes of a payload between two profiles: the receiver's real decoders, compared with what was meant."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from rsu.applications import READERS
from rsu.applications.events import RoadEvent
from rsu.applications.objects import separation
from rsu.compatibility.codes import EventCodes
from rsu.compatibility.meaning import Meaning, places, same_meaning, same_vehicles
from rsu.compatibility.reading import Read, Reading
from rsu.geodesy import to_wgs84
from rsu.messages.vehicle import STATUS_ERROR, STATUS_OK, VehicleColumns
from rsu.profile import Profile

LARGEST_SHIFT_M = 1.5
"""A datum is another one where positions move by more than this: the distance within which an object still counts as a
true vehicle. The 0.7 m between CGCS2000 and WGS 84 pass."""
CELL_DEG = 0.01
"""Side of the cells in which one shift between two datums stands for all."""
KEPT_VERDICTS = 2048
_NEAR_UTC_NS = 1_782_864_000_000_000_000
"""Clock that settles what times in messages leave open; both readings get the same."""


class Verdict(IntEnum):
    """What a payload is to a receiver."""

    RIGHT = 0
    ERROR = 1
    """The decoder refuses it."""
    SKIP = 2
    """A kind of message the decoder lets pass unread."""
    SILENT = 3
    """Read without complaint, but not as it was meant."""
    DATUM = 4
    """Read as it was written, but taken to be elsewhere on earth."""
    CODE = 5
    """An event code that means nothing to the receiver."""


_VERDICTS: dict[object, OrderedDict[tuple[bytes, str], tuple[Verdict, ...]]] = {}
"""What a pair of profiles is told apart by -> verdicts of payloads and classes."""


class Content:
    """Payloads of stations of ``sender`` at stations of ``receiver``.

    Either may be given as :class:`Reading`. Pairs that read and write alike share their verdicts.
    """

    def __init__(self, sender: Profile | Reading, receiver: Profile | Reading) -> None:
        self.sender = sender if isinstance(sender, Reading) else Reading(sender)
        self.receiver = receiver if isinstance(receiver, Reading) else Reading(receiver)
        self._feed_datum: str = self.sender.profile.effective("feed_datum")
        self._told = EventCodes(self.sender.profile.effective("event_codes"))
        self._understood = EventCodes(self.receiver.profile.effective("event_codes"))
        datums = {self.sender.datum, self._feed_datum, self.receiver.datum}
        same_codes = self._told.table == self._understood.table
        self.trivial: bool = self.sender.own is self.receiver.own and len(datums) == 1 and same_codes
        """Whether every payload is RIGHT without looking: same set, datums and codes.

        Policies do not matter: what a set encodes, it decodes under either."""
        self._shifts: dict[tuple[float, float, str], float] = {}
        codes = (tuple(self._told.table.items()), tuple(self._understood.table.items()))
        self._known = _VERDICTS.setdefault((self.sender.key, self._feed_datum, self.receiver.key, codes), OrderedDict())

    def vehicles(self, messages: Sequence[bytes], meant: VehicleColumns | None = None) -> np.ndarray:
        """:class:`Verdict` of messages of vehicles about themselves, int8, one per message.

        ``meant``: what the sender's own decoder reads in them (:meth:`Reading.vehicles_as_sent`), where the caller has
        it already.
        """
        verdict = np.zeros(len(messages), np.int8)
        if self.trivial or not len(messages):
            return verdict
        meant = self.sender.vehicles_as_sent(messages) if meant is None else meant
        same_decoder = self.sender.own is self.receiver.own and self.sender.policy == self.receiver.policy
        read = meant if same_decoder else self.receiver.vehicles_as_sent(messages)
        assert meant.status is not None and read.status is not None
        same = (meant.status == STATUS_OK) & same_vehicles(meant, read)
        verdict[~same] = Verdict.SILENT
        if self.sender.datum != self.receiver.datum:
            placed = np.flatnonzero(same)
            verdict[placed[self._elsewhere(meant.longitude_deg[placed], meant.latitude_deg[placed])]] = Verdict.DATUM
        verdict[read.status != STATUS_OK] = Verdict.SKIP
        verdict[read.status == STATUS_ERROR] = Verdict.ERROR
        return verdict

    def message(self, octets: bytes, service: str = "") -> Verdict:
        """Verdict of one payload; ``service`` is the class it was sent for, empty where it has none."""
        return self.verdicts(octets, service)[0]

    def verdicts(self, octets: bytes, service: str = "") -> tuple[Verdict, ...]:
        """Everything that is wrong with a payload, ``(RIGHT,)`` if nothing is.

        What a receiver cannot act on comes before what it acts on wrongly. Of several events in a payload each counts.
        """
        if self.trivial:
            return (Verdict.RIGHT,)
        key = octets, service
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._judged(octets, service)
            if len(self._known) > KEPT_VERDICTS:
                self._known.popitem(last=False)
        return known

    def _judged(self, octets: bytes, service: str) -> tuple[Verdict, ...]:
        if service == "BSM":
            return (Verdict(int(self.vehicles([octets])[0])),)
        read = self.receiver.decode(octets)
        if not read.usable:
            return (Verdict.SKIP if read.status == "skipped" else Verdict.ERROR,)
        meant = read if read.message_set is self.sender.own else self.sender.decode(octets)
        if not meant.usable or read.service != meant.service:
            return (Verdict.SILENT,)
        if not read.service and read.message != meant.message:
            return (Verdict.SILENT,)
        said = _meaning(meant)
        if meant is not read and not same_meaning(said, _meaning(read)):
            return (Verdict.SILENT,)
        datum = self._feed_datum if read.service == "RSI" else self.sender.datum
        wrong: list[Verdict] = []
        if read.service == "RSI" and isinstance(said, list):
            events = [one for one in said if isinstance(one, RoadEvent) and one.kind == "event"]
            wrong += self._codes([event.code for event in events])
        if datum != self.receiver.datum and self._displaced(places(said), datum):
            wrong.append(Verdict.DATUM)
        return tuple(wrong) or (Verdict.RIGHT,)

    def _codes(self, codes: list[int]) -> list[Verdict]:
        """CODE where the receiver knows no meaning of one of the codes, SILENT where it knows another."""
        pairs = [(self._told.meaning(code), self._understood.meaning(code)) for code in codes]
        if any(taken is None for _, taken in pairs):
            return [Verdict.CODE]
        return [Verdict.SILENT] if any(told != taken for told, taken in pairs) else []

    def _elsewhere(self, lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
        """Whether each position of vehicles is too far off, by the shift in the middle of its cell."""
        known = np.isfinite(lon_deg) & np.isfinite(lat_deg)
        lon, lat = (np.floor(np.where(known, degrees, 0.0) / CELL_DEG) for degrees in (lon_deg, lat_deg))
        cells, of_cell = np.unique(lon * 1e6 + lat, return_inverse=True)
        first = np.zeros(len(cells), np.int64)
        first[of_cell] = np.arange(len(of_cell))
        datum = self.sender.datum
        off = [self._cell_shift_m(float(lon[k]), float(lat[k]), datum) > LARGEST_SHIFT_M for k in first.tolist()]
        return np.array(off, bool)[of_cell] & known

    def _displaced(self, lonlat: np.ndarray, written_in: str) -> bool:
        """Whether any position is too far off, by the shift in the middle of its cell.

        Within a cell it changes by a few metres at most where it is hundreds, and by micrometres where it is below one.
        """
        cells = set(map(tuple, np.floor(lonlat[np.isfinite(lonlat).all(axis=1)] / CELL_DEG).tolist()))
        return any(self._cell_shift_m(lon, lat, written_in) > LARGEST_SHIFT_M for lon, lat in cells)

    def _cell_shift_m(self, lon: float, lat: float, written_in: str) -> float:
        key = (lon, lat, written_in)
        if key not in self._shifts:
            if len(self._shifts) >= KEPT_VERDICTS:
                self._shifts.clear()
            middle = np.array([[lon + 0.5, lat + 0.5]]) * CELL_DEG
            self._shifts[key] = float(self._shift_m(middle, written_in)[0])
        return self._shifts[key]

    def _shift_m(self, lonlat: np.ndarray, written_in: str) -> np.ndarray:
        """How far from where positions are the receiver takes them to be, metres; 0 for positions not told."""
        taken_in, year = self.receiver.datum, self.receiver.epoch_year
        if written_in == taken_in or not len(lonlat):
            return np.zeros(len(lonlat))
        true = to_wgs84(written_in, lonlat[:, 0], lonlat[:, 1], year)
        taken = to_wgs84(taken_in, lonlat[:, 0], lonlat[:, 1], year)
        return np.nan_to_num(separation(*true, *taken))


def _meaning(read: Read) -> Meaning:
    """What a reader of the set makes of a value, positions as they stand in the message."""
    assert read.value is not None and read.message is not None
    readers = READERS[read.message_set.family]
    if read.service == "MAP":
        return readers.lanes(read.value)
    if read.service == "SPAT":
        return readers.signals(read.value, _NEAR_UTC_NS)
    if read.service == "RSI":
        return readers.events(read.message, read.value)
    if read.service == "RSM":
        return readers.objects(read.message, read.value, _NEAR_UTC_NS)
    return read.value
