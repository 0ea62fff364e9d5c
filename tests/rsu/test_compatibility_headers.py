"""Network headers between profiles, packed and unpacked by the real layers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rsu.compatibility import header_known
from rsu.messages import MESSAGE_SETS
from rsu.messages.base import Rule
from tests.rsu.compatibility_cases import profile_of

YDT, DAY_TWO, ETSI, SAE = "ydt3709-2020", "csae157-2020", "etsi-its", "sae-j2735"


@pytest.mark.parametrize(("sender", "receiver", "known"), [
    (YDT, YDT, True), ("csae53-2020", YDT, True), (YDT, "csae53-2017", True), (YDT, DAY_TWO, True),
    (YDT, ETSI, False), (YDT, SAE, False), (ETSI, YDT, False), (ETSI, SAE, False), (SAE, YDT, False),
    (SAE, ETSI, False), (ETSI, ETSI, True), (SAE, SAE, True),
])
def test_one_network_layer_reads_its_own_headers_only(sender: str, receiver: str, known: bool) -> None:
    """By hand: DSMP begins with protocol type 4, WSMP with version 3, GeoNetworking with version 1 in four bits."""
    for rule in MESSAGE_SETS[sender].messages.values():
        assert header_known(profile_of(sender), profile_of(receiver), rule) == known, rule.name


def test_identifiers_of_the_second_phase_are_unknown_to_the_first() -> None:
    """By hand: AIDs 18 to 26 are in no rule of the first phase."""
    known = {rule.name for rule in MESSAGE_SETS[DAY_TWO].messages.values()
             if header_known(profile_of(DAY_TWO), profile_of(YDT), rule)}
    assert known == set(MESSAGE_SETS[YDT].messages)


def test_an_identifier_of_nobody_is_unknown() -> None:
    """By hand: AID 16000 on DSMP, port 7777 on BTP."""
    for name, change in ((YDT, {"application_id": 16_000}), (ETSI, {"btp_port": 7777})):
        rule: Rule = replace(next(iter(MESSAGE_SETS[name].messages.values())), **change)
        assert not header_known(profile_of(name), profile_of(name), rule)


def test_ports_tell_geonetworking_messages_apart_not_identifiers() -> None:
    """By hand: the header of a single-hop packet carries the port 2001 of the CAM and no ITS-AID."""
    cam = MESSAGE_SETS[ETSI].messages["CAM"]
    assert header_known(profile_of(ETSI), profile_of(ETSI), replace(cam, application_id=16_000))


def test_an_identifier_that_a_header_cannot_carry_is_known_to_nobody() -> None:
    """By hand: the highest AID is 16511."""
    rule = replace(MESSAGE_SETS[YDT].messages["BSM"], application_id=20_000)
    assert not header_known(profile_of(YDT), profile_of(YDT), rule)


def test_a_dual_decoder_brings_its_network_layer_along() -> None:
    """Property: with the set of the other family as second decoder its headers are known, the first still are."""
    dual = profile_of(YDT, decoders=(ETSI,))
    for name in (YDT, ETSI):
        for rule in MESSAGE_SETS[name].messages.values():
            assert header_known(profile_of(name), dual, rule), rule.name
    assert not header_known(profile_of(SAE), dual, MESSAGE_SETS[SAE].messages["BSM"])
    second = MESSAGE_SETS[DAY_TWO].messages["VIR"]
    assert header_known(profile_of(DAY_TWO), profile_of(YDT, decoders=(DAY_TWO,)), second)


def test_the_profiles_layer_counts_and_not_the_sets() -> None:
    """Property: a set over another network layer is unknown to stations that keep the native one."""
    over_wsmp = profile_of(YDT, network="wsmp")
    rule = MESSAGE_SETS[YDT].messages["BSM"]
    assert not header_known(over_wsmp, profile_of(YDT), rule)
    assert header_known(over_wsmp, over_wsmp, rule)
