"""One or a few messages of on-board units or carried devices, entered as frames."""

from __future__ import annotations

import numpy as np

from sim.frames import Frames
from sim.ledger import EVERYBODY, Ledger
from sim.senders.envelope import Envelope
from sim.senders.flows import MessageFlow
from sim.world.stations import Stations


def enter(
    ledger: Ledger, stations: Stations, envelope: Envelope, flow: MessageFlow, slots: np.ndarray,
    generated_ns: np.ndarray, octets: list[bytes], sequence: np.ndarray, measured: tuple[int, int], voice: int,
    addressed: int = EVERYBODY,
) -> Frames:
    """Frames of one message each at ``slots`` (every one at most once), known to the ledger.

    ``measured`` is the measured time [from, to) in ns; ``voice`` the speaker, ``addressed`` the slot
    of the only station that the messages are meant for.
    """
    count = len(slots)
    length = np.fromiter(map(len, octets), np.int64, count)
    full = envelope.full_certificates(slots, generated_ns, flow.rule)
    size = envelope.frame_bytes(length, flow.rule, full)
    ready_ns = generated_ns + envelope.encode_ns + envelope.sign_ns
    frame = ledger.add(
        count, list(octets), flow=flow.flow.index, sender=slots, sender_place=stations.place[slots],
        sender_home=stations.home[slots], generated_ns=generated_ns, ready_ns=ready_ns, encode_ns=envelope.encode_ns,
        sign_ns=envelope.sign_ns, backhaul_ns=0, sense_ns=0, size_bytes=size,
        measured=(generated_ns >= measured[0]) & (generated_ns < measured[1]), sequence=sequence, certificate=full,
        voice=voice, addressed=addressed,
    )
    return Frames(
        frame, slots, stations.station_id[slots], sequence, np.full(count, flow.flow.index), np.zeros(count, np.int64),
        generated_ns, ready_ns, size,
    )
