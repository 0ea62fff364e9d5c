"""The text of ``corridor --version``."""

from __future__ import annotations

import platform
from importlib import metadata

from sim import SCENARIO_SCHEMA, __version__

PACKAGES = ("simpy", "numpy", "asn1tools", "matplotlib", "PyYAML", "pydantic", "rich")


def version_text() -> str:
    """Our version, the scenario schema, Python and every package a run depends on."""
    lines = [
        f"corridor {__version__} (scenario schema {SCENARIO_SCHEMA})",
        f"python {platform.python_version()}",
    ]
    for package in PACKAGES:
        try:
            lines.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{package} missing")
    return "\n".join(lines)
