"""``corridor list``: what can be named in a scenario or on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, columns, print_json

KINDS = (
    "scenarios",
    "layouts",
    "candidates",
    "campaigns",
    "requirements",
    "profiles",
    "siting-rules",
    "access",
    "message-sets",
    "path-loss",
    "tables",
    "kpis",
    "figures",
)
EXAMPLES = """
corridor list
corridor list scenarios
corridor list tables --json
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "list scenarios, radios, message sets, KPIs, figures and tables", EXAMPLES)
    parser.add_argument("kind", nargs="?", choices=KINDS, metavar="KIND", help="one of " + ", ".join(KINDS))
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print one kind, or all of them."""
    from sim.cli.catalogue import CATALOGUE

    wanted = [args.kind] if args.kind else list(KINDS)
    found = {kind: CATALOGUE[kind]() for kind in wanted}
    if args.json:
        document = {kind: [vars(item) for item in items] for kind, items in found.items()}
        print_json({"schema_version": SCHEMA_VERSION, **document})
        return 0
    for number, (kind, items) in enumerate(found.items()):
        print(("\n" if number else "") + kind)
        rows = [("  " + item.name, item.text()) for item in items]
        print(columns(rows, ("  name", "what [source]")) if rows else "  none")
    return 0
