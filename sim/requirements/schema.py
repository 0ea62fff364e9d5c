"""A file of requirements: ``requirements/1``, and the thresholds used where a document names none."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.scenario.schema.base import Section, key

Provenance = Literal["R1", "R2", "M", "P"]
"""How far a number can be trusted, see :data:`PROVENANCE`."""
PROVENANCE = {
    "R1": "read in the issuing body's own text, or in a page that reproduces its table",
    "R2": "read in a transcription or summary of the document, not in the document",
    "M": "from memory, unverified",
    "P": "a choice of this project",
}
Link = Literal["V2V", "V2I", "I2V", "P2V", "P2I"]
Operator = Literal["<=", ">=", "<", ">"]
Statistic = Literal["mean", "p50", "p95", "p99", "p100", "min", "share"]
Zone = Literal["pairs", "signalised_approach", "event", "sensor_field", "road", "border", "sites"]


class Source(Section):
    """Where a row was read."""

    doc: str = key(..., "document", min_length=1)
    clause: str = key("", "clause or table")
    provenance: Provenance = key(..., "how the row was read")
    note: str = key("", "what the reader must know of it")


class AppliesTo(Section):
    """Which traffic a row speaks of."""

    links: list[Link] = key(list, "kinds of link, sender to receiver; V vehicle, I roadside unit, P pedestrian")
    messages: list[str] = key(list, "classes of use (BSM, MAP, SPAT, RSI, RSM) or names of single messages")
    zone: Zone = key("road", "where the application needs them")


class Check(Section):
    """One number and what is compared with it."""

    metric: str = key(..., "what is measured; one of the table in sim/requirements/measures, or a name with a reason")
    stat: Statistic | None = key(None, "statistic; none = the metric's default")
    op: Operator | None = key(None, "the side that is right; none = the metric's")
    value: float | None = key(None, "limit; none = the default threshold of the metric")
    unit: str = key("", "unit of the limit; none = the metric's")
    value_provenance: Provenance | None = key(None, "where the limit comes from; none = the default's (P)")
    stat_provenance: Provenance = key("P", "where the statistic comes from")
    at_range_m: float | None = key(None, "distance that must be served", unit="m", gt=0)
    range_provenance: Provenance | None = key(None, "where the distance comes from; none = that of the row's source")
    links: list[Link] | None = key(None, "in place of the row's")
    messages: list[str] | None = key(None, "in place of the row's")
    not_measured: str = key("", "why this bench has no figure for it")
    note: str = key("", "what the reader must know of it")


class Application(Section):
    """One row of a document."""

    id: str = key(..., "short name", min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    name: str = key(..., "name in English", min_length=1)
    name_zh: str = key("", "name in Chinese")
    name_zh_basis: Literal["", "document", "common"] = key("", "read in the document, or common usage")
    kind: Literal["requirement", "practice", "measured"] = key(
        "requirement", "a demand, a habit of others, or a figure somebody measured"
    )
    source: Source | None = key(None, "where it was read, if not where the whole file was")
    applies_to: AppliesTo = key(AppliesTo, "traffic it speaks of")
    speed_kmh: list[float] = key(list, "speeds it is meant for, lowest and highest", unit="km/h", max_length=2)
    checks: list[Check] = key(list, "what is compared with what")
    note: str = key("", "what the reader must know of it")


class Defaults(Section):
    """Thresholds where a document names none, and the rules of a verdict."""

    latency_stat: Statistic = key("p99", "statistic of a 'maximum latency'; the maximum is shown beside")
    position_stat: Statistic = key("p95", "statistic of a position accuracy")
    prr_ratio: float = key(
        0.90, "least reception at the range, in the bin that contains it and in all nearer ones",
        source="project choice; agrees with the lowest reliability class of 3GPP TS 22.186 (R2) and SAE J2945/1 (M)",
        gt=0, le=1,
    )
    long_gap_ratio: float = key(
        0.05, "largest share of gaps beyond 2.5 periods", source="definitions section 5", ge=0, lt=1
    )
    pair_coverage_ratio: float = key(
        0.95, "least share of (pair, time) within the range that holds a fresh message", gt=0, le=1
    )
    cell_ratio: float = key(
        0.95, "a cell of a zone counts as covered from this share of time on",
        source="project choice: below it is a hole", gt=0, le=1,
    )
    positions_ratio: float = key(
        0.95, "least share of a zone's cells that are covered", source="planners' 95 % of locations, from memory (M)",
        gt=0, le=1,
    )
    rate_slack_ratio: float = key(
        0.02, "a rate counts as reached this much below its limit: a run holds a whole number of messages",
        ge=0, lt=1,
    )
    border_window_m: float = key(500.0, "a hole concerns a border this close", unit="m", gt=0)
    min_packets: int = key(100, "fewer trials or values than this, over all seeds, are no data", ge=1)
    min_seeds: int = key(5, "fewer seeds than this decide nothing", ge=2)
    max_seeds: int = key(10_000, "more seeds than this are not worth naming", ge=5)


class DefaultChanges(Section):
    """What a file changes in :class:`Defaults`; none = unchanged."""

    latency_stat: Statistic | None = None
    position_stat: Statistic | None = None
    prr_ratio: float | None = Field(None, gt=0, le=1)
    long_gap_ratio: float | None = Field(None, ge=0, lt=1)
    pair_coverage_ratio: float | None = Field(None, gt=0, le=1)
    cell_ratio: float | None = Field(None, gt=0, le=1)
    positions_ratio: float | None = Field(None, gt=0, le=1)
    rate_slack_ratio: float | None = Field(None, ge=0, lt=1)
    border_window_m: float | None = Field(None, gt=0)
    min_packets: int | None = Field(None, ge=1)
    min_seeds: int | None = Field(None, ge=2)
    max_seeds: int | None = Field(None, ge=5)


class RequirementFile(Section):
    """One file: rows of one origin."""

    schema_: Literal["requirements/1"] = Field(alias="schema", description="schema of this file")
    name: str = key(..., "short name", min_length=1, max_length=64)
    title: str = key("", "one line for tables")
    title_zh: str = key("", "the same in Chinese")
    source: Source = key(..., "where the rows were read, unless a row says otherwise")
    defaults: DefaultChanges = key(DefaultChanges, "thresholds of this file's rows in place of the bench's")
    applications: list[Application] = key(..., "rows", min_length=1)
