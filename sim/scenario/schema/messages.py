"""Candidate, message flows and processing times."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import WithJsonSchema

from sim.scenario.schema.base import Section, key

CandidateName = Annotated[str, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})]
"""After loading always a name; in a file also the content itself (``candidate/1``)."""


class Standards(Section):
    """Which profile holds where."""

    candidate: CandidateName = key("harmonised-day1", "candidate: a shipped name, a file, or its content")
    message_set: str | None = key(None, "message set everywhere, in place of the profiles' own")
    views: list[CandidateName] = key(
        list, "further candidates judged on the same radio run; they may differ only in what receivers accept"
    )


class Bsm(Section):
    """The message equipped vehicles send of themselves (BSM, CAM)."""

    enabled: bool = key(True, "vehicles send BSM or CAM")
    period_ms: float | None = key(None, "period; none = the profile's value", unit="ms", ge=20, le=10_000)
    phase: Literal["random", "aligned"] = key("random", "generation phase per vehicle")
    jitter_ms: float = key(
        0.0, "each message is ready up to this much later, uniform (counts as encoding time)", unit="ms", ge=0, le=100,
    )
    fixed_size_bytes: int | None = key(
        None,
        "size of every packet at the access layer instead of the real one (published curves)",
        unit="byte",
        ge=10,
        le=3000,
    )
    synthetic: bool = key(False, "no real bytes, for radio validation only; needs fixed_size_bytes")
    path_history: bool = key(
        True, "path history in the slow part of the message (BSM: every 500 ms)", source="GB/T 45315-2025 7.3"
    )
    events: bool = key(
        True, "event BSM at once while a vehicle brakes hard, where the set has them", source="GB/T 45315-2025 annex B"
    )
    congestion_control: Literal["auto", "none", "gbt45315-cbr", "gbt45315-density", "j2945-1", "j3161-1"] = key(
        "auto", "rate control of periodic messages; auto = what belongs to the message set",
        source="GB/T 45315-2025 annex C; SAE J2945/1 and J3161/1 through code bases",
    )


class Roadside(Section):
    """Periods of roadside messages; none = the profile's value."""

    map_period_ms: float | None = key(None, "MAP period", unit="ms", ge=100, le=10_000)
    spat_period_ms: float | None = key(None, "SPAT period", unit="ms", ge=100, le=10_000)
    rsm_period_ms: float | None = key(None, "RSM period", unit="ms", ge=100, le=10_000)
    max_message_bytes: int = key(
        1400,
        "longest data a network layer takes (DsmMaxLength)",
        unit="byte",
        ge=200,
        le=8000,
        source="YD/T 3708-2020",
    )
    rsm_max_messages: int = key(
        4,
        "most RSM (and C157-SSM) per cycle and unit; objects beyond are left out and counted",
        ge=1,
        le=64,
        source="assumption",
    )
    rtcm_bytes: int = key(
        380,
        "octets of corrections per second of a unit with service RTCM",
        unit="byte",
        ge=8,
        le=16_000,
        source="assumption (one station message and MSM4 of two constellations, 10 satellites, two signals each)",
    )


class VerificationQueue(Section):
    """How receivers verify."""

    queue: Literal["none", "fifo"] = key(
        "none", "none: every message takes processing.verify_ms; fifo: messages wait for one server per receiver"
    )
    times: Literal["software", "software-openssl", "software-python", "accelerator-2000", "accelerator-400"] = key(
        "accelerator-2000", "service times of the queue, by suite (rsu/security/verification_times.py)",
        source="assumption (software rows are measured)",
    )
    capacity: int = key(
        64, "messages that may wait at a receiver; more are dropped", ge=0, le=10_000, source="assumption"
    )


class Security(Section):
    """Envelope on the air."""

    enabled: bool = key(True, "sign messages (sizes and cadence; real signatures are never made in a run)")
    certificate_period_ms: float | None = key(
        None, "full certificate at least this often; none = the profile's value", unit="ms", ge=0, le=60_000
    )
    certificates: Literal["heard", "known"] = key(
        "heard",
        "heard: a digest-signed message counts once the receiver has heard the sender's full certificate; known: "
        "everybody knows all certificates in advance",
        source="GB/T 45315-2025 chapter 7 (when the full one goes along)",
    )
    verification: VerificationQueue = key(VerificationQueue, "verification at receivers")


class Processing(Section):
    """Time each stage of a message takes at a station."""

    encode_ms: float = key(
        0.1, "encoding", unit="ms", ge=0, le=1000, source="assumption (asn1tools in Python: 0.05 ms)"
    )
    sign_ms: float = key(
        1.0, "signing", unit="ms", ge=0, le=1000, source="assumption (SM2 in software 0.4 ms)"
    )
    verify_ms: float = key(2.0, "verifying", unit="ms", ge=0, le=1000, source="assumption")
    decode_ms: float = key(0.1, "decoding", unit="ms", ge=0, le=1000, source="assumption")
    apply_ms: float = key(1.0, "handing to the application", unit="ms", ge=0, le=1000, source="assumption")
    l2_overhead_bytes: int | None = key(
        None,
        "PDCP, RLC and MAC headers; none = 10, and 0 for ieee80211p, whose header_bytes hold them",
        unit="byte",
        ge=0,
        le=100,
        source="assumption",
    )


class Plausibility(Section):
    """What receivers believe of vehicles that tell of themselves; jumps between messages are not looked at."""

    max_speed_mps: float = key(70.0, "highest speed that is believed", unit="m/s", gt=0, le=200, source="assumption")
    max_distance_m: float = key(
        3000.0, "a sender farther away than this is not believed", unit="m", gt=0, le=100_000, source="assumption"
    )


SECOND_PHASE_TAU_S = {"RTCM": 1.5, "PSM": 0.3}
"""Freshness limits that a scenario may leave out."""


class Measure(Section):
    """What to measure and how finely."""

    bin_m: float = key(25.0, "distance bin", unit="m", gt=0, le=500, source="definitions section 4")
    max_distance_m: float = key(
        1000.0, "last distance counted", unit="m", gt=0, le=10_000, source="project choice"
    )
    inner_from_m: float | None = key(
        None, "receivers counted from this chainage on (open road edges); none = all", unit="m", ge=0
    )
    inner_to_m: float | None = key(None, "receivers counted up to this chainage; none = all", unit="m", ge=0)
    gap_range_m: float = key(
        300.0,
        "gaps, update delay and age are followed for pairs this close",
        unit="m",
        gt=0,
        le=3000,
        source="C53-FCW range",
    )
    probes: bool = key(True, "passive coverage probes")
    probe_spacing_m: float = key(
        25.0,
        "one probe per this length and direction",
        unit="m",
        gt=0,
        le=1000,
        source="definitions section 6",
    )
    tau_s: dict[str, float] = key(
        lambda: {"SPAT": 1.0, "MAP": 5.0, "RSI": 3.0, "RSM": 0.5, "BSM": 0.3, **SECOND_PHASE_TAU_S},
        "freshness limit per class",
        unit="s",
        source="definitions section 6, assumption",
    )
    approach_m: float = key(
        150.0,
        "SPAT+MAP zone upstream of each stop line",
        unit="m",
        gt=0,
        le=2000,
        source="definitions section 6",
    )
    event_upstream_m: float = key(
        300.0, "RSI zone upstream of the event", unit="m", ge=0, le=5000, source="definitions section 6"
    )
    batches: int = key(
        10, "batch means for intervals of one run", ge=2, le=1000, source="definitions section 8"
    )
