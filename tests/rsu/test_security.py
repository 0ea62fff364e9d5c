"""Envelope sizes and certificate cadence against printed figures."""

from __future__ import annotations

import numpy as np
import pytest

from rsu.network import Dsmp
from rsu.security import (
    CERTIFICATE_PERIOD_NS,
    RSU_CERTIFICATE_BYTES,
    CertificateCadence,
    envelope_bytes,
    unsecured_envelope_bytes,
)

MS = 1_000_000


def test_digest_envelopes_as_printed() -> None:
    """Printed: 93 / 94 / 95 octets below 128, to 255 and above; one more for identifiers from 256 up."""
    payload = [1, 127, 128, 255, 256, 1400]
    assert envelope_bytes(payload, 111).tolist() == [93, 93, 94, 94, 95, 95]
    assert envelope_bytes(payload, 3617).tolist() == [94, 94, 95, 95, 96, 96]
    assert envelope_bytes(10, [255, 256]).tolist() == [93, 94]


def test_certificate_envelopes_as_printed() -> None:
    """Printed: 252 for a BSM with 165 octets of certificate; 298 and 300 for roadside messages with 210."""
    assert envelope_bytes(47, 111, "certificate") == 252
    assert envelope_bytes([100, 869], 3618, "certificate", RSU_CERTIFICATE_BYTES).tolist() == [298, 300]


def test_unsecured_envelope_as_printed() -> None:
    """Printed: 3 octets below 128, 4 to 255, 5 above."""
    assert unsecured_envelope_bytes([0, 127, 128, 255, 256]).tolist() == [3, 3, 4, 4, 5]


@pytest.mark.parametrize(
    ("payload", "aid", "signer", "certificate", "total"),
    [
        (47, 111, "digest", 0, 145),
        (47, 111, "certificate", 165, 304),
        (869, 3618, "digest", 0, 971),
        (869, 3618, "certificate", 210, 1175),
    ],
)
def test_totals_at_the_top_of_the_access_layer(
    payload: int, aid: int, signer: str, certificate: int, total: int
) -> None:
    """Printed: BSM 145 and 304, MAP 971 and 1175 octets with the DSMP header; the packet is really built."""
    secured = payload + int(envelope_bytes(payload, aid, signer, certificate))
    assert len(Dsmp().wrap(aid, bytes(secured))) == total


def test_arguments_broadcast() -> None:
    """Property: a mixed array equals its single calls."""
    full = np.array([True, False, True])
    payload, aid, certificate = (
        np.array([47, 300, 130]),
        np.array([111, 3623, 112]),
        np.array([165, 210, 155]),
    )
    mixed = envelope_bytes(payload, aid, full, certificate)
    single = [
        int(envelope_bytes(p, a, "certificate" if f else "digest", c))
        for p, a, f, c in zip(payload, aid, full, certificate, strict=True)
    ]
    assert mixed.tolist() == single


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1, 111), "payload_bytes"),
        ((70_000, 111), "payload_bytes"),
        ((1, -1), "aid"),
        ((1, 111, "both"), "signer"),
        ((1, 111, "certificate", -5), "certificate_bytes"),
    ],
)
def test_impossible_sizes_are_refused(arguments: tuple, words: str) -> None:
    """By hand: one wrong argument each."""
    with pytest.raises(ValueError, match=words):
        envelope_bytes(*arguments)


def test_one_message_alone_is_judged_as_in_a_batch() -> None:
    """Property: message by message, one station's certificates go along exactly as the batch rule says."""
    alone, batch = CertificateCadence(), CertificateCadence()
    rng = np.random.default_rng(5)
    now_ns = 0
    seen = set()
    for _ in range(300):
        now_ns += int(rng.integers(0, 300_000_000))
        station, event = int(rng.integers(0, 4)), bool(rng.random() < 0.1)
        wanted = bool(batch.full([station], now_ns, event)[0])
        assert alone.full_of(station, now_ns, event) == wanted
        seen.add(wanted)
    assert seen == {True, False}


def test_every_fifth_message_at_ten_hertz() -> None:
    """Printed: with 450 ms and a message every 100 ms the full certificate goes along every fifth time."""
    cadence = CertificateCadence()
    assert [bool(cadence.full(0, k * 100 * MS)[0]) for k in range(11)] == [k % 5 == 0 for k in range(11)]


def test_exactly_450_ms_is_due() -> None:
    """By hand: at least 450 ms, so the bound belongs to the full certificate."""
    cadence = CertificateCadence(1)
    cadence.full(0, 0)
    assert not cadence.full(0, CERTIFICATE_PERIOD_NS - 1)[0]
    assert cadence.full(0, CERTIFICATE_PERIOD_NS)[0]


def test_event_messages_and_pseudonym_changes_carry_it() -> None:
    """By hand: an event message carries it and restarts the 450 ms; a renewed row is a first message."""
    cadence = CertificateCadence(3)
    assert cadence.full([0, 1, 2], 0).all()
    assert cadence.full([0, 1], 100 * MS, [True, False]).tolist() == [True, False]
    assert cadence.full([0, 1], 500 * MS).tolist() == [False, True]
    cadence.renew([2])
    assert cadence.full([0, 1, 2], 540 * MS).tolist() == [False, False, True]
    assert cadence.full([0], 550 * MS).tolist() == [True]


def test_rows_beyond_the_table_are_new_stations() -> None:
    """Property: a row never seen sends its first message; earlier rows keep their state."""
    cadence = CertificateCadence(1)
    cadence.full([0], 0)
    assert cadence.full([0, 5000], 100 * MS).tolist() == [False, True]
    cadence.renew([9000])
    assert cadence.full([5000, 9000], 200 * MS).tolist() == [False, True]
