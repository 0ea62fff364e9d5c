"""Choosing a part by name: a row of a visible table, or a dotted path ``module:Class`` of somebody else's."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any


def resolve(name: str, table: Mapping[str, Any], key: str) -> Any:
    """The entry of ``table`` called ``name``, or the object ``module:attribute`` names.

    ValueError names the key, the value and the nearest known names.
    """
    if name in table:
        return table[name]
    if ":" not in name:
        near = difflib.get_close_matches(name, table, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(table)}"
        raise ValueError(f"{key}: {name!r}: no such name; {hint}")
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{key}: {name!r}: cannot be imported ({error})") from error
