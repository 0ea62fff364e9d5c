"""Whether a receiver knows the network header of what another profile's stations send."""

from __future__ import annotations

from functools import cache

from rsu.messages import MESSAGE_SETS
from rsu.messages.base import Rule
from rsu.network import NETWORKS, NetworkError, Source
from rsu.network.base import untouched
from rsu.profile import Profile

_CONTENT = bytes(range(32))
"""Stands for a message: no header says anything of its content but the length."""


def header_known(sender: Profile, receiver: Profile, rule: Rule) -> bool:
    """Whether a receiver takes in a packet that the sender's network layer made for a message of ``rule``.

    The packet is made and read by the two real layers. The receiver has its own layer and the native ones of its
    further ``decoders``; the application identifier, or the port where the header has no identifier, must be one of
    the sets it reads over that layer. What stands inside the security envelope is left to later stages.
    """
    receiver_sets = (receiver.value("message_set"), *receiver.effective("decoders"))
    layers = [(receiver.value("network"), name) for name in receiver_sets]
    layers += [(MESSAGE_SETS[name].native.network, name) for name in receiver_sets[1:]]
    network = sender.value("network")
    return any(
        _taken_in(network, layer, message_set, rule.application_id, rule.btp_port, rule.geo_broadcast)
        for layer, message_set in dict.fromkeys(layers)
    )


@cache
def _taken_in(
    sender: str, receiver: str, message_set: str, application_id: int, btp_port: int, geo_broadcast: bool
) -> bool:
    rule = Rule("", 1.0, application_id, None, 0, 1.0, "", btp_port=btp_port, geo_broadcast=geo_broadcast)
    try:
        packet = NETWORKS[sender].pack(_CONTENT, rule, Source(), untouched)
        received = NETWORKS[receiver].unpack(packet, untouched)
    except NetworkError:
        return False
    rules = MESSAGE_SETS[message_set].messages.values()
    if received.application_id is not None:
        return any(received.application_id == one.application_id for one in rules)
    return any(received.btp_port == one.btp_port for one in rules)
