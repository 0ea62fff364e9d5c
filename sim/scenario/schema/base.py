"""The base of every scenario section and the way a key states its unit and source."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of a scenario: frozen once loaded, an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


def key(default: Any, meaning: str, *, unit: str = "", source: str = "project choice", **bounds: Any) -> Any:
    """A scenario key with its meaning, unit and the source of its default.

    ``source`` says where the default comes from: a document and clause, or ``assumption``, or
    ``project choice`` where no outside authority exists. ``default=...`` marks a required key.
    """
    extra: dict[str, Any] = {"unit": unit, "source": source}
    if default is not ... and callable(default):
        return Field(default_factory=default, description=meaning, json_schema_extra=extra, **bounds)
    return Field(default, description=meaning, json_schema_extra=extra, **bounds)
