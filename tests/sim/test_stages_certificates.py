"""Certificates heard: against a plain set, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.frames import Outcome
from sim.stages.certificates import HeardCertificates
from tests.sim.stages_factory import OWN_ROOTS, candidate, links, stations, verification

MS = 1_000_000


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_a_plain_set(seed: int) -> None:
    """Independent: a Python set of (receiver, sender, issuer), with forgetting, growth and units of two issuers."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 80))
    heard, known = HeardCertificates(size), set[tuple[int, int, int]]()
    for _ in range(25):
        frames, count = int(rng.integers(1, 12)), int(rng.integers(1, 60))
        sender, issuer = rng.integers(0, size, frames), rng.choice([0, 0, 0, 1], frames)
        full, row = rng.random(frames) < 0.3, rng.integers(0, frames, count)
        receiver, arrived_ns = rng.integers(0, size, count), rng.permutation(count)
        certificate = heard.certificates(sender, issuer)
        unknown = heard.unknown(certificate, row, receiver)
        frame = row[unknown]
        first, waits = heard.learn(certificate[frame], receiver[unknown], full[frame], arrived_ns[unknown])
        wanted = {"first": set[int](), "waits": set[int]()}
        for link in np.argsort(arrived_ns).tolist():
            number = int(row[link])
            pair = int(receiver[link]), int(sender[number]), int(issuer[number])
            if pair not in known:
                wanted["first" if full[number] else "waits"].add(link)
                if full[number]:
                    known.add(pair)
        assert {"first": set(unknown[first].tolist()), "waits": set(unknown[waits].tolist())} == wanted
        if rng.random() < 0.3:
            gone = rng.choice(size, min(size, 3), replace=False)
            heard.forget(gone)
            known = {pair for pair in known if not set(pair[:2]) & set(gone.tolist())}
        if rng.random() < 0.2:
            size += int(rng.integers(1, 90))
            heard.grow(size)


def test_digests_wait_for_the_certificate() -> None:
    """By hand: digest, full, digest of one sender; of two receivers one misses the full one and waits on."""
    there = stations([0, 0, 0])
    stage = verification(candidate(), there, certificates="heard")
    secured, home = links(
        there, [0, 0, 0], [[1, 2], [1], [1, 2]], full=np.array([False, True, False]),
        at_ns=np.array([0, 100 * MS, 200 * MS]),
    )
    verified = stage.judge(secured, home)
    wait, good = Outcome.SEC_CERT_WAIT, Outcome.DELIVERED
    assert verified.outcome.tolist() == [wait, wait, good, good, wait]
    assert verified.wait_ns is None
    assert stage.counts() == {
        "verifications": 3, "chain_verifications": 1, "certificates_learned": 1, "certificate_waits": 3,
        "queue_drops": 0, "unknown_root_used": 0, "region_warnings": 0,
    }
    later, home = links(there, [0], [[1, 2]], full=False, at_ns=300 * MS)
    assert stage.judge(later, home).outcome.tolist() == [good, wait]
    stage.forget(np.array([1]))
    assert stage.judge(later, home).outcome.tolist() == [wait, wait]
    stage.forget(np.array([0]))
    assert stage.judge(later, home).outcome.tolist() == [wait, wait]


def test_order_of_links_in_a_batch_does_not_matter() -> None:
    """Property: what counts is when a link arrives, not where it stands in the batch."""
    there = stations([0, 0])
    secured, home = links(there, [0, 0], [[1], [1]], full=np.array([False, True]), at_ns=np.array([200, 100]) * MS)
    assert verification(candidate(), there, certificates="heard").judge(secured, home).outcome.tolist() == [0, 0]


def test_certificates_of_strangers_are_noted_too() -> None:
    """By hand: under a foreign root a digest lacks trust and certificate at first, later trust only."""
    there = stations([0, 1])
    stage = verification(candidate(OWN_ROOTS), there, certificates="heard")
    masks = []
    for full in (False, True, False):
        secured, home = links(there, [0], [[1]], full=full)
        masks.append(stage.judge(secured, home).mask.tolist())
    root, wait = 1 << Outcome.SEC_ROOT, 1 << Outcome.SEC_CERT_WAIT
    assert masks == [[root | wait], [root], [root]]


def test_probes_learn_nothing_and_lack_nothing() -> None:
    """By hand: a passive receiver takes a digest, and an active one in the same slot still waits afterwards."""
    there = stations([0, 0])
    stage = verification(candidate(), there, certificates="heard")
    for full in (True, False):
        secured, home = links(there, [0], [[1]], full=full)
        assert stage.judge(secured, home, passive=True).outcome.tolist() == [Outcome.DELIVERED]
    assert stage.judge(secured, home).outcome.tolist() == [Outcome.SEC_CERT_WAIT]
    assert stage.counts()["certificates_learned"] == 0


def test_first_certificate_costs_a_second_verification() -> None:
    """By hand: 500 us each; full, digest, full at one receiver take 1000, 500 and 500 us, 2 ms of it constant."""
    there = stations([0, 0])
    stage = verification(candidate(), there, certificates="heard", queue="fifo", times="accelerator-2000")
    secured, home = links(
        there, [0, 0, 0], [[1]] * 3, full=np.array([True, False, True]), at_ns=np.array([0, 1, 2]) * MS
    )
    verified = stage.judge(secured, home)
    assert verified.wait_ns is not None
    assert verified.wait_ns.tolist() == [-1_000_000, -1_500_000, -1_500_000]
    assert stage.counts()["chain_verifications"] == 1 and stage.counts()["verifications"] == 4


def test_vehicles_beyond_the_first_capacity() -> None:
    """Property: what was heard survives when the run makes room for more vehicles."""
    there = stations([0, 0])
    stage = verification(candidate(), there, certificates="heard", queue="fifo")
    secured, home = links(there, [0], [[1]], full=True)
    stage.judge(secured, home)
    there.grow(300)
    there.home[:] = 0
    secured, home = links(there, [0, 250], [[1], [1, 299]], full=False)
    assert stage.judge(secured, home).outcome.tolist() == [0, Outcome.SEC_CERT_WAIT, Outcome.SEC_CERT_WAIT]
