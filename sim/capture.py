"""What chosen stations hear and send, as a pcapng file: network-layer packets with radio facts in comments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from rsu.capture import CaptureWriter, link_of, make_frame
from rsu.document import did_you_mean
from rsu.network import Source
from sim.frames import Kind, Receptions
from sim.ledger import Ledger
from sim.senders.speakers import Speakers
from sim.world.build import FIRST_VEHICLE_ID, World
from sim.world.pedestrians import FIRST_PEDESTRIAN_ID

VEHICLE = "vehicle-"
"""Vehicles are named by their number: ``vehicle-12``."""
SUFFIX = ".pcapng"


class Capture:
    """One interface per station. A packet appears where the radio delivered it (``received``, at the end of its
    transmission) and at its sender (``sent``, at its start), whatever the applications made of it.

    Octets are those of the network layer: header, envelope with placeholders for certificate and signature, message.
    Nothing below it is invented; RSSI and SINR stand in the comment. Times carry the run's wall clock.
    """

    def __init__(
        self, path: str | Path, stations: Sequence[str], world: World, speakers: Speakers,
        ledger: Ledger,
    ) -> None:
        """``stations``: names of roadside units or ``vehicle-N``; none = every roadside unit.

        ValueError: a name that no station has, a path that is no .pcapng file or cannot be written.
        """
        check_path(path)
        self.world, self.ledger, self._speakers = world, ledger, speakers
        self._flow = {flow.flow.index: flow for flow in speakers.flows}
        self._network = speakers[0].envelopes[Kind.RSU].stack.network.name
        self._units = {unit.station_id: unit.id for unit in world.units}
        try:
            self._writer = CaptureWriter(path, "corridor-testbed")
        except OSError as error:
            raise ValueError(f"--pcap {path}: cannot be written: {error.strerror or error}") from None
        link_type = link_of(self._network).link_type
        names = list(dict.fromkeys(stations)) or list(self._units.values())
        self._names = {self._station_id(name): name for name in names}
        self._interface = {
            station: self._writer.add_interface(name, link_type, f"{self._network} of {name}")
            for station, name in self._names.items()
        }
        self.packet_count = 0
        self._silent = set(self._interface)

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def hear(self, receptions: Receptions, links: np.ndarray) -> None:
        """Write the packets of one batch; ``links`` are those on which the radio delivered."""
        stations = self.world.stations
        chosen = np.array(list(self._interface), np.int64)
        at = links[np.isin(stations.station_id[receptions.receiver[links]], chosen)]
        row, receiver = receptions.row[at], stations.station_id[receptions.receiver[at]]
        sent = np.flatnonzero(receptions.sent & np.isin(stations.station_id[receptions.sender], chosen))
        items = [
            (arrived_ns, frame, station, link) for arrived_ns, frame, station, link in zip(
                receptions.arrived_ns(at).tolist(), row.tolist(), receiver.tolist(), at.tolist(), strict=True
            )
        ]
        items += [
            (int(receptions.start_ns[frame]), int(frame), int(stations.station_id[receptions.sender[frame]]), -1)
            for frame in sent.tolist()
        ]
        frames: dict[int, tuple[bytes, str] | None] = {}
        for time_ns, frame, station, link in sorted(items):
            if frame not in frames:
                frames[frame] = self._frame(receptions, frame)
            content = frames[frame]
            if content is None:
                continue
            octets, about = content
            comment = f"sent {about}"
            if link >= 0:
                power_dbm, sinr_db = receptions.power_dbm[link], receptions.sinr_db[link]
                comment = f"received {about} rssi={power_dbm:.1f} dBm sinr={sinr_db:.1f} dB "
                comment += f"distance={receptions.distance_m[link]:.1f} m"
            self._writer.packet(self._interface[station], self.world.utc0_ns + time_ns, octets, comment)
            self.packet_count += 1
            self._silent.discard(station)

    def warnings(self) -> list[str]:
        """One line per station that neither sent nor heard a packet: a vehicle that never came, or is not equipped."""
        return [
            f"--pcap-at {name}: neither sent nor heard a packet" + (
                "; no such vehicle was under way, or it is not equipped" if name.startswith(VEHICLE) else ""
            )
            for station, name in self._names.items() if station in self._silent
        ]

    def _frame(self, receptions: Receptions, row: int) -> tuple[bytes, str] | None:
        """(frame of the capture file, what it is); None for frames without octets."""
        number = receptions.frame[row : row + 1]
        message = self.ledger.payloads(number)[0]
        if message is None:
            return None
        slot, stations = int(receptions.sender[row]), self.world.stations
        flow = self._flow[int(self.ledger.column("flow", number)[0])]
        kind = Kind(int(stations.kind[slot]))
        speaker = self._speakers[int(self.ledger.column("voice", number)[0])]
        envelope = speaker.envelopes[Kind.RSU if kind == Kind.RSU else Kind.VEHICLE]
        network = envelope.stack.network.name
        generated_ns = int(self.ledger.column("generated_ns", number)[0])
        source = self._source(slot, kind, generated_ns, int(self.ledger.column("sequence", number)[0]))
        packet = envelope.octets(message, flow.rule, source, bool(self.ledger.column("certificate", number)[0]))
        station = int(stations.station_id[slot])
        frame = make_frame(network, station, packet)[1]
        return frame, f"message={flow.flow.message} sender={self._name(station)}"

    def _source(self, slot: int, kind: Kind, generated_ns: int, sequence: int) -> Source:
        world, stations = self.world, self.world.stations
        at_ns = min(max(generated_ns, stations.tick_start_ns), stations.tick_end_ns)
        x, y = stations.position(np.array([slot]), at_ns)
        lon, lat = world.lonlat(x, y)
        speed = heading = 0.0
        if kind == Kind.VEHICLE:
            vehicle = slot - stations.first_vehicle
            speed, heading = float(world.fleet.speed_mps[vehicle]), float(world.fleet.heading_deg[vehicle])
        return Source(
            int(stations.station_id[slot]), float(lon[0]), float(lat[0]), speed, heading % 360.0,
            world.utc0_ns + generated_ns + int(world.clock_offset_ns[slot]), kind == Kind.RSU, sequence,
        )

    def _name(self, station_id: int) -> str:
        if FIRST_PEDESTRIAN_ID <= station_id < FIRST_VEHICLE_ID:
            people = self.world.pedestrians
            return f"pedestrian {people.names[people.station_id.tolist().index(station_id)]}"
        return self._units.get(station_id, f"{VEHICLE}{station_id - FIRST_VEHICLE_ID}")

    def _station_id(self, name: str) -> int:
        for station_id, unit in self._units.items():
            if unit == name:
                return station_id
        number = name.removeprefix(VEHICLE)
        if name.startswith(VEHICLE) and number.isdecimal() and len(number) < 10:
            return FIRST_VEHICLE_ID + int(number)
        hint = did_you_mean(name, self._units.values())
        raise ValueError(f"--pcap-at {name}: no such roadside unit, nor {VEHICLE}N; {hint}")


def check_path(path: str | Path) -> None:
    """A ValueError unless the name ends in .pcapng; for use before a run begins."""
    if not Path(path).name.endswith(SUFFIX):
        raise ValueError(f"--pcap {path}: the name must end in {SUFFIX}")
    if Path(path).is_dir():
        raise ValueError(f"--pcap {path}: is a folder")
