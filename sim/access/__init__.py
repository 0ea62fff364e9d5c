"""Access layers by name; a scenario may also name ``module:Class``."""

from __future__ import annotations

import importlib
from typing import Any

ACCESS: dict[str, str] = {
    "lte-v2x-mode4": "sim.access.lte_mode4:LteMode4",
    "ideal": "sim.access.ideal:Ideal",
}


def access_class(name: str) -> type[Any]:
    """The class registered under ``name`` or found at ``module:Class``; ValueError if there is none."""
    path = ACCESS.get(name, name)
    module, _, attribute = path.partition(":")
    try:
        if attribute:
            return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as problem:
        raise ValueError(f"radio.access: {name!r} cannot be loaded: {problem}") from problem
    raise ValueError(f"radio.access: {name!r} is neither module:Class nor one of {', '.join(ACCESS)}")
