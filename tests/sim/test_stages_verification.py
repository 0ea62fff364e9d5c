"""The stage *verified* against a plain reading of the profiles, and its closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rsu.profile import Candidate, Profile, TrustState
from sim.frames import Kind, Outcome, bit
from sim.stages import Secured, Verified
from sim.world.stations import Stations
from tests.sim.stages_factory import OWN_ROOTS, PLACES, candidate, links, stations, verification

CHECKS = (
    Outcome.SEC_ROOT, Outcome.SEC_REGION, Outcome.SEC_PERM, Outcome.SEC_TIME, Outcome.SEC_REVOKED, Outcome.SEC_ALG,
)


def random_values(rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Security keys of three places, drawn from what the keys allow; ratios are 0 or 1."""
    def one() -> dict[str, Any]:
        return {
            "security.root": str(rng.choice(["a", "b"])),
            "security.suite": str(rng.choice(["sm2", "ecdsa-p256"])),
            "security.suites": ("sm2", "ecdsa-p256") if rng.random() < 0.5 else ("sm2",),
            "security.cert_region": "everywhere" if rng.random() < 0.4 else tuple(rng.permutation(PLACES)[:2].tolist()),
            "security.region_check": str(rng.choice(["off", "warn", "enforce"])),
            "security.unknown_root": str(rng.choice(["drop", "drop", "use"])),
            "security.permissions": "all" if rng.random() < 0.5 else (111, 112),
            "security.expired_ratio": float(rng.random() < 0.2), "security.revoked_ratio": float(rng.random() < 0.3),
        }

    return {place: one() for place in PLACES}


def plain_mask(chosen: Candidate, kind: int, issuer: str, signed: str, application_id: int, home: str) -> int:
    """All checks that fail, one message read against the two profiles."""
    sender: Profile = chosen.profile(issuer)
    receiver: Profile = chosen.profile(home)
    state = chosen.trust.state(
        home, issuer, receiver.effective("security.root"), sender.effective("security.root")
    )
    region, permitted = sender.effective("security.cert_region"), sender.effective("security.permissions")
    on_board = kind == Kind.VEHICLE
    failed = {
        Outcome.SEC_ROOT: state.kind == "none" and receiver.effective("security.unknown_root") == "drop",
        Outcome.SEC_REGION: (
            receiver.effective("security.region_check") == "enforce" and region != "everywhere" and signed not in region
        ),
        Outcome.SEC_PERM: permitted != "all" and application_id not in permitted,
        Outcome.SEC_TIME: on_board and sender.effective("security.expired_ratio") == 1,
        Outcome.SEC_REVOKED: (
            on_board and sender.effective("security.revoked_ratio") == 1 and state.kind == "full"
        ),
        Outcome.SEC_ALG: sender.effective("security.suite") not in receiver.effective("security.suites"),
    }
    return sum(bit(outcome) for outcome, is_failed in failed.items() if is_failed)


@pytest.mark.parametrize("seed", range(25))
def test_equal_to_a_plain_reading_of_the_profiles(seed: int) -> None:
    """Independent: outcome and mask of random profiles, trust rows and messages, one link at a time in plain Python."""
    rng = np.random.default_rng(seed)
    rows = [("SH", "JS", TrustState(str(rng.choice(["full", "none"])))), ("ZJ", "SH", TrustState("full"))]
    chosen = candidate(random_values(rng), rows if seed % 3 else ())
    there = stations([0, 1, 2] * 3, units=[0, 1, 2])
    frames = 40
    sender = rng.integers(0, there.size, frames)
    receivers = [rng.integers(0, there.size, 6) for _ in range(frames)]
    signed, application_id = rng.integers(0, 3, frames), rng.integers(110, 114, frames)
    secured, home = links(there, sender, receivers, signed=signed, application_id=application_id)
    verified = verification(chosen, there).judge(secured, home)
    assert verified.outcome.dtype == np.int8 and verified.mask.dtype == np.int32
    for link, frame in enumerate(secured.row.tolist()):
        slot = int(sender[frame])
        mask = plain_mask(
            chosen, int(there.kind[slot]), PLACES[there.home[slot]], PLACES[signed[frame]], int(application_id[frame]),
            PLACES[home[link]],
        )
        assert verified.mask[link] == mask
        failed = [outcome for outcome in CHECKS if mask & bit(outcome)]
        assert verified.outcome[link] == (failed[0] if failed else Outcome.DELIVERED)


def everyone(there: Stations, senders: np.ndarray, receivers: np.ndarray, at_ns: int = 0) -> tuple[Secured, np.ndarray]:
    """Every sender heard once by every receiver."""
    return links(there, senders, [receivers] * len(senders), at_ns=at_ns)


def delivered_ratio(verified: Verified) -> float:
    """Share of links that passed."""
    return float((verified.outcome == Outcome.DELIVERED).mean())


FLEET = [0] * 5 + [1] * 3 + [2] * 2
"""Ten vehicles: SH 0.5, JS 0.3, ZJ 0.2."""
BILATERAL = (("SH", "JS", TrustState("full")), ("JS", "SH", TrustState("full")))
FULL = tuple((home, issuer, TrustState("full")) for home in PLACES for issuer in PLACES if home != issuer)


@pytest.mark.parametrize(
    ("per_mille", "trust", "expected"),
    [
        ((376, 409, 215), (), 0.354), ((441, 313, 246), (), 0.364), ((376, 409, 215), BILATERAL, 0.671),
        ((376, 409, 215), FULL, 1.0),
    ],
)
def test_units_by_share_of_the_corridor(per_mille: tuple[int, ...], trust: Any, expected: float) -> None:
    """Printed: sum of fleet share times corridor share: C1 0.354, C2 0.364, one bilateral trust 0.671, all 1."""
    units = np.repeat([0, 1, 2], per_mille).tolist()
    there = stations(FLEET, units)
    stage = verification(candidate(OWN_ROOTS, trust), there)
    verified = stage.judge(*everyone(there, np.arange(1000), np.arange(1000, 1010)))
    assert delivered_ratio(verified) == pytest.approx(expected, abs=0.0005)


@pytest.mark.parametrize(("trust", "expected"), [((), 0.38), (BILATERAL, 0.68), (FULL, 1.0)])
def test_vehicles_among_each_other(trust: Any, expected: float) -> None:
    """Printed: well mixed, the sum of squared fleet shares is 0.38; 0.68 with one bilateral trust, 1 with all."""
    there = stations(FLEET * 2)
    stage = verification(candidate(OWN_ROOTS, trust), there)
    assert delivered_ratio(stage.judge(*everyone(there, np.arange(10), np.arange(10, 20)))) == pytest.approx(expected)


def test_a_trust_list_on_its_way() -> None:
    """Independent: UIR_0 + (UIR_1 - UIR_0)(1 - exp(-t / tau)), 0.38 to 0.68; 20 000 receivers, 4 standard errors."""
    from_s, tau_s, count = 10.0, 30.0, 20_000
    pending = TrustState("pending", from_s, tau_s)
    there = stations(FLEET + FLEET * (count // 10))
    stage = verification(candidate(OWN_ROOTS, [("SH", "JS", pending), ("JS", "SH", pending)]), there)
    before = np.zeros(10 * count, bool)
    for t_s in (0.0, 9.9, 11.0, 25.0, 40.0, 100.0, 1000.0):
        verified = stage.judge(*everyone(there, np.arange(10), np.arange(10, 10 + count), round(t_s * 1e9)))
        passed = verified.outcome == Outcome.DELIVERED
        have = 1 - np.exp(-max(0.0, t_s - from_s) / tau_s)
        error = np.sqrt(have * (1 - have) / count)
        assert delivered_ratio(verified) == pytest.approx(0.38 + 0.3 * have, abs=4 * error + 1e-12)
        assert not (before & ~passed).any()
        before = passed


def test_a_list_for_everybody_at_once() -> None:
    """By hand: with no lag the list holds from its instant on, and what arrives a nanosecond before is refused."""
    there = stations([0, 1])
    stage = verification(candidate(OWN_ROOTS, [("JS", "SH", TrustState("pending", 2.0, 0.0))]), there)
    secured, home = links(there, [0, 0], [[1], [1]], at_ns=np.array([2_000_000_000 - 1, 2_000_000_000]))
    assert stage.judge(secured, home).outcome.tolist() == [Outcome.SEC_ROOT, Outcome.DELIVERED]


def test_revocations_come_with_the_list() -> None:
    """By hand: who has no list of the issuer lacks its root only; who has it knows that the certificate is revoked."""
    values = {"SH": {"security.root": "SH", "security.revoked_ratio": 1.0}}
    there = stations([0, 1, 2])
    stage = verification(candidate(values, [("JS", "SH", TrustState("pending", 2.0, 0.0))]), there)
    secured, home = links(there, [0, 0], [[0, 1, 2]] * 2, at_ns=np.array([1, 3]) * 10**9)
    root, revoked = bit(Outcome.SEC_ROOT), bit(Outcome.SEC_REVOKED)
    assert stage.judge(secured, home).mask.tolist() == [revoked, root, root, revoked, revoked, root]


def test_probes_draw_their_lists_like_vehicles() -> None:
    """Property: the answer of a pending list hangs on station and issuer, not on being passive or on the batch."""
    there = stations([0] + [1] * 500)
    stage = verification(candidate(OWN_ROOTS, [("JS", "SH", TrustState("pending", 0.0, 5.0))]), there)
    secured, home = everyone(there, np.arange(1), np.arange(1, 501), 4_000_000_000)
    active, passive = stage.judge(secured, home), stage.judge(secured, home, passive=True)
    np.testing.assert_array_equal(active.outcome, passive.outcome)
    assert 0 < (active.outcome == Outcome.DELIVERED).sum() < 500


def test_visitors_in_an_enforced_region_are_refused() -> None:
    """By hand: certificates of each place hold there only; 0 of the visitors' messages pass, all of the others'."""
    regions = {place: {"security.cert_region": (place,), "security.region_check": "enforce"} for place in PLACES}
    there = stations(FLEET * 2)
    for place in range(3):
        secured, home = links(there, np.arange(10), [np.arange(10, 20)] * 10, signed=np.full(10, place))
        verified = verification(candidate(regions), there).judge(secured, home)
        native = np.repeat(np.array(FLEET) == place, 10)
        assert (verified.outcome[native] == Outcome.DELIVERED).all()
        assert (verified.outcome[~native] == Outcome.SEC_REGION).all()


@pytest.mark.parametrize(("check", "warnings"), [("off", 0), ("warn", 100)])
def test_regions_that_are_not_enforced(check: str, warnings: int) -> None:
    """By hand: 100 messages outside their region pass; a warning is counted for each where the receiver warns."""
    values = {"JS": {"security.cert_region": ("JS",)}, "SH": {"security.region_check": check}}
    there = stations([1] * 10 + [0] * 10)
    secured, home = links(there, np.arange(10), [np.arange(10, 20)] * 10, signed=np.zeros(10, np.int64))
    stage = verification(candidate(values), there)
    assert delivered_ratio(stage.judge(secured, home)) == 1
    assert stage.counts()["region_warnings"] == warnings


def test_suites_are_all_or_nothing() -> None:
    """By hand: P-256 in one place only passes among its own vehicles, and everywhere with receivers that know both."""
    there = stations([0, 1, 2] * 2)
    one = {"JS": {"security.suite": "ecdsa-p256"}}
    secured, home = everyone(there, np.arange(3), np.arange(3, 6))
    verified = verification(candidate(one), there).judge(secured, home)
    alg, good = Outcome.SEC_ALG, Outcome.DELIVERED
    assert verified.outcome.reshape(3, 3).tolist() == [[good, alg, good], [alg, good, alg], [good, alg, good]]
    both = {place: {"security.suites": ("sm2", "ecdsa-p256")} for place in PLACES}
    both["JS"] |= one["JS"]
    assert delivered_ratio(verification(candidate(both), there).judge(secured, home)) == 1


def test_receivers_that_use_messages_of_unknown_roots() -> None:
    """By hand: the other end of the policy, everything passes, and 6 of 9 links are counted."""
    values = {place: {**OWN_ROOTS[place], "security.unknown_root": "use"} for place in PLACES}
    there = stations([0, 1, 2] * 2)
    stage = verification(candidate(values), there)
    verified = stage.judge(*everyone(there, np.arange(3), np.arange(3, 6)))
    assert delivered_ratio(verified) == 1 and not verified.mask.any()
    assert stage.counts()["unknown_root_used"] == 6


@pytest.mark.parametrize(("key", "outcome"), [("expired", Outcome.SEC_TIME), ("revoked", Outcome.SEC_REVOKED)])
def test_shares_of_invalid_certificates(key: str, outcome: Outcome) -> None:
    """Distribution: 10 % of on-board units, always the same ones; units are spared; a larger share holds them."""
    there = stations([0] * 20_000, units=[0, 1])
    bad: list[np.ndarray] = []
    for ratio in (0.1, 0.3):
        stage = verification(candidate({"SH": {f"security.{key}_ratio": ratio}}), there)
        secured, home = links(there, np.arange(there.size), [[1]] * there.size)
        verified = stage.judge(secured, home)
        np.testing.assert_array_equal(verified.outcome, stage.judge(secured, home).outcome)
        assert set(verified.outcome.tolist()) == {Outcome.DELIVERED, outcome}
        bad.append(verified.outcome == outcome)
        assert not bad[-1][:2].any()
        assert bad[-1].mean() == pytest.approx(ratio, abs=4 * np.sqrt(ratio * (1 - ratio) / there.size))
    assert not (bad[0] & ~bad[1]).any()


@pytest.mark.parametrize("seed", range(8))
def test_adding_trust_never_lowers(seed: int) -> None:
    """Property: with more trust rows every link that passed still passes, with certificates to hear and revocations."""
    rng = np.random.default_rng(seed)
    values = {
        place: {"security.root": place, "security.revoked_ratio": 0.2, "security.expired_ratio": 0.1}
        for place in PLACES
    }
    there = stations(rng.integers(0, 3, 60).tolist())
    stages = [verification(candidate(values, rows), there, certificates="heard") for rows in ((), BILATERAL, FULL)]
    for at_ns in range(5):
        secured, home = links(
            there, rng.integers(0, 60, 40), [rng.integers(0, 60, 20) for _ in range(40)], full=rng.random(40) < 0.5,
            at_ns=at_ns * 10**8 + np.arange(40),
        )
        passed = [stage.judge(secured, home).outcome == Outcome.DELIVERED for stage in stages]
        assert not (passed[0] & ~passed[1]).any() and not (passed[1] & ~passed[2]).any()
        assert passed[0].sum() < passed[2].sum()


def test_renamed_places_swap_their_figures() -> None:
    """Property: with the jurisdictions in another order, and every index with them, each link ends the same."""
    rng = np.random.default_rng(3)
    chosen = candidate(random_values(rng), [("SH", "JS", TrustState("pending", 0.0, 5.0))])
    homes = rng.integers(0, 3, 90)
    sender, receivers = rng.integers(0, 90, 60), [rng.integers(0, 90, 20) for _ in range(60)]
    signed, order = rng.integers(0, 3, 60), np.array([2, 0, 1])
    masks = []
    for index, places in ((np.arange(3), PLACES), (order, ("JS", "ZJ", "SH"))):
        there = stations(index[homes].tolist())
        secured, home = links(there, sender, receivers, signed=index[signed], at_ns=4_000_000_000)
        masks.append(verification(chosen, there, places=places).judge(secured, home).mask)
    np.testing.assert_array_equal(*masks)
    pending = (homes[np.concatenate(receivers)] == 0) & (np.repeat(homes[sender], 20) == 1)
    assert 0 < (masks[0][pending] & bit(Outcome.SEC_ROOT)).astype(bool).mean() < 1


def test_batches_may_be_cut_anywhere() -> None:
    """Property: history (certificates, queues) of one call and of many small ones agree link by link."""
    rng = np.random.default_rng(5)
    there = stations(rng.integers(0, 3, 80).tolist())
    chosen = candidate(OWN_ROOTS, [*BILATERAL, ("ZJ", "SH", TrustState("pending", 0.1, 0.2))])
    frames = 600
    sender, full = rng.integers(0, 80, frames), rng.random(frames) < 0.3
    receivers = [rng.permutation(80)[:50] for _ in range(frames)]
    at_ns = np.sort(rng.integers(0, 500_000_000, frames))
    whole = verification(chosen, there, certificates="heard", queue="fifo", times="accelerator-400", capacity=8)
    cut = verification(chosen, there, certificates="heard", queue="fifo", times="accelerator-400", capacity=8)
    at_once = whole.judge(*links(there, sender, receivers, full=full, at_ns=at_ns))
    parts = [
        cut.judge(*links(there, sender[part], receivers[part], full=full[part], at_ns=at_ns[part]))
        for part in (slice(at, at + 37) for at in range(0, frames, 37))
    ]
    np.testing.assert_array_equal(at_once.mask, np.concatenate([part.mask for part in parts]))
    np.testing.assert_array_equal(at_once.wait_ns, np.concatenate([part.wait_ns for part in parts]))
    assert whole.counts() == cut.counts()
    seen = {Outcome(one) for one in np.unique(at_once.outcome).tolist()}
    assert seen == {Outcome.DELIVERED, Outcome.SEC_ROOT, Outcome.SEC_CERT_WAIT, Outcome.SEC_QUEUE}


def test_latency_is_the_constant_plus_the_wait() -> None:
    """By hand: three messages at once, 2.5 ms each, room for one: 2.5 and 5 ms, the third is dropped; 2 ms constant."""
    there = stations([0] * 4)
    stage = verification(candidate(), there, queue="fifo", times="accelerator-400", capacity=1)
    verified = stage.judge(*links(there, [0, 1, 2], [[3]] * 3))
    assert verified.wait_ns is not None
    assert (verified.wait_ns + 2_000_000 * (verified.outcome == 0)).tolist() == [2_500_000, 5_000_000, 0]
    assert verified.outcome.tolist() == [Outcome.DELIVERED, Outcome.DELIVERED, Outcome.SEC_QUEUE]
    assert stage.counts()["queue_drops"] == 1 and stage.counts()["verifications"] == 2
    passive = stage.judge(*links(there, [0, 1, 2], [[3]] * 3), passive=True)
    assert passive.wait_ns is not None and passive.wait_ns.tolist() == [500_000] * 3


def test_certificates_of_dropped_messages_are_not_verified() -> None:
    """By hand: nobody may wait, so of two first certificates at once one is verified, with its message."""
    there = stations([0] * 3)
    stage = verification(candidate(), there, certificates="heard", queue="fifo", times="accelerator-400", capacity=0)
    stage.judge(*links(there, [0, 1], [[2]] * 2, full=True))
    assert {name: count for name, count in stage.counts().items() if count} == {
        "verifications": 2, "chain_verifications": 1, "certificates_learned": 2, "queue_drops": 1,
    }


def test_refused_messages_cost_no_verification() -> None:
    """By hand: of two messages at once the one under a foreign root does not make the other wait."""
    there = stations([0, 1, 1])
    stage = verification(candidate(OWN_ROOTS), there, queue="fifo", times="accelerator-400")
    verified = stage.judge(*links(there, [0, 1], [[2]] * 2))
    assert verified.wait_ns is not None and verified.wait_ns.tolist() == [0, 500_000]


@pytest.mark.parametrize(
    ("values", "options", "trivial"),
    [
        ({}, {}, True), ({}, {"certificates": "heard"}, False), ({}, {"queue": "fifo"}, False), (OWN_ROOTS, {}, False),
        (OWN_ROOTS, {"enabled": False, "certificates": "heard", "queue": "fifo"}, True),
        ({place: {"security.envelope": "unsecured"} for place in PLACES}, {}, False),
        ({"SH": {"security.expired_ratio": 0.1}}, {}, False), ({"JS": {"security.permissions": (111,)}}, {}, False),
        ({"SH": {"security.cert_region": ("SH",)}}, {}, True),
    ],
)
def test_when_the_stage_may_be_skipped(values: Any, options: Any, trivial: bool) -> None:
    """By hand: trivial means that all pass and nothing is remembered; then judging says so too."""
    there = stations([0, 1, 2])
    stage = verification(candidate(values), there, **options)
    assert stage.trivial is trivial
    if trivial:
        verified = stage.judge(*everyone(there, np.arange(3), np.arange(3)))
        assert not verified.outcome.any() and not verified.mask.any() and verified.wait_ns is None


def test_unsecured_everywhere_is_trivial_even_if_certificates_are_to_be_heard() -> None:
    """By hand: without signatures there is no certificate to wait for, and no verification to queue for."""
    there = stations([0, 1])
    unsecured = {"security.envelope": "unsecured"}
    stage = verification(
        candidate({place: unsecured for place in PLACES}, common=unsecured), there, certificates="heard", queue="fifo"
    )
    assert stage.trivial


def test_signed_and_unsigned_do_not_mix() -> None:
    """By hand: who signs refuses what is unsigned, who does not cannot open what is signed; both say SEC_ALG."""
    there = stations([0, 1] * 2)
    values = {"JS": {"security.envelope": "unsecured", "security.root": "JS"}}
    stage = verification(candidate(values), there, certificates="heard")
    secured, home = links(there, [0, 1], [[2, 3]] * 2, full=True)
    verified = stage.judge(secured, home)
    alg, good = Outcome.SEC_ALG, Outcome.DELIVERED
    assert verified.outcome.tolist() == [good, alg, alg, good]
    assert set(verified.mask.tolist()) == {0, bit(alg)}
    assert stage.counts()["verifications"] == 2


def test_stations_of_no_place_follow_the_common_profile() -> None:
    """By hand: home and issuer -1 mean the profile that everybody falls back to, under its root."""
    there = stations([-1, -1, 0])
    stage = verification(candidate({"SH": {"security.root": "SH"}}), there)
    secured, home = everyone(there, np.arange(2), np.array([1, 2]))
    assert stage.judge(secured, home).outcome.tolist() == [0, Outcome.SEC_ROOT] * 2


def test_a_suite_without_a_service_time_is_named() -> None:
    """By hand: the error says which key and row lack which suite."""
    with pytest.raises(ValueError, match=r"security\.verification\.times: software-python: .*'ecdsa-p256'"):
        verification(
            candidate({"JS": {"security.suite": "ecdsa-p256"}}), stations([0]), queue="fifo", times="software-python"
        )
