"""``corridor sweep``: being built."""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.options import add_verb


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    add_verb(verbs, name, "being built", "").set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Not there yet."""
    raise ValueError("sweep: being built")
