"""A campaign file, ``campaign/1``, and the plan in a result folder, ``sweep/1``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.scenario.schema.base import Section, key


class Until(Section):
    """Seeds continue until the interval of one figure is narrow enough in every variant."""

    metric: str = key(..., "metric of metrics.csv")
    link: str = key("", "its link")
    message: str = key("", "its message")
    jurisdiction: str = key("", "its jurisdiction")
    direction: str = key("", "its direction")
    station_class: str = key("", "its station class")
    distance_m: float | None = key(None, "its distance", unit="m", ge=0)
    quantile: float | None = key(None, "its quantile", ge=0, le=1)
    half_width: float = key(..., "largest half width of the 95 % interval over seeds, in the metric's unit", gt=0)
    max_seeds: int = key(100, "never more seeds than this", ge=2, le=10_000)


class Campaign(Section):
    """Scenarios x axes x seeds."""

    schema_: Literal["campaign/1"] = Field(alias="schema", description="schema of this file")
    name: str = key(
        ..., "short name; names the result folder", min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
    )
    title: str = key("", "one line for tables and plots")
    title_zh: str = key("", "the same in Chinese")
    scenarios: list[str] = key(..., "scenario files or shipped names", min_length=1, max_length=1000)
    set_: dict[str, Any] = Field(
        default_factory=dict, alias="set", description="keys changed in every run, dotted path to value",
        json_schema_extra={"unit": "", "source": "project choice"},
    )
    vary: dict[str, list[Any] | dict[str, dict[str, Any]]] = key(
        dict, "axes: `layout`, `candidate` or a key with its values; or any word with named sets of keys"
    )
    seeds: int = key(5, "replications: runs of every variant, the same seeds in each", ge=1, le=10_000)
    seed: int = key(1, "the seeds of the replications follow from it", ge=0, le=2**63 - 1)
    until: Until | None = key(None, "go on with more seeds until an interval is narrow enough")
    baseline: dict[str, Any] = key(dict, "value per axis that others are compared with; default the first of each")
    plots: bool = key(False, "draw the plots of every run")


RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]
SWEEP_SCHEMA = "sweep/1"


class SweptVariant(BaseModel):
    """One point of the product of axes."""

    labels: dict[str, str]
    source: str
    overrides: list[str]


class Sweep(BaseModel):
    """``sweep.json``: a plan as it was stored; what later versions may add is ignored."""

    model_config = ConfigDict(strict=True)

    schema_: Literal["sweep/1"] = Field(alias="schema")
    version: str
    name: str
    fan_out: bool
    axes: dict[str, list[str]]
    baseline: dict[str, str]
    variants: list[SweptVariant] = Field(min_length=1)
    runs: list[tuple[RunId, Count, Count, Count]]
    """Run id, variant, replication, seed."""

    @model_validator(mode="after")
    def fits_together(self) -> Self:
        """A ValueError where variants, axes and runs are not of one plan."""
        for number, variant in enumerate(self.variants):
            if variant.labels.keys() != self.axes.keys():
                raise ValueError(f"variant {number} has other axes than the campaign")
        if len({run[0] for run in self.runs}) < len(self.runs):
            raise ValueError("a run id stands more than once")
        strange = next((run for run in self.runs if run[1] >= len(self.variants)), None)
        if strange is not None:
            raise ValueError(f"run {strange[0]} is of variant {strange[1]}, there are {len(self.variants)}")
        return self
