"""``corridor fields``: every key of a scenario file with unit, default, meaning and source."""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, columns, print_json

EXAMPLES = """
corridor fields
corridor fields radio.mode4
corridor fields --of campaign
corridor fields --markdown > REFERENCE.md
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "list every key of a scenario file with unit, default and source", EXAMPLES)
    parser.add_argument("part", nargs="?", default="", metavar="PART", help="only keys whose path contains this")
    parser.add_argument("--of", choices=("scenario", "campaign"), default="scenario", help="kind of file")
    parser.add_argument("--markdown", action="store_true", help="print as the reference page")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print the table."""
    from rsu.document import did_you_mean
    from sim.scenario.fields import field_rows, reference_page, rows_of

    every = field_rows()
    if args.of == "campaign":
        from sim.campaign.schema import Campaign

        every = rows_of(Campaign)
    rows = [row for row in every if args.part in row.path]
    if not rows:
        known = {word for row in every for word in (row.path, row.path.rpartition(".")[2])}
        raise ValueError(f"no key contains {args.part!r}; {did_you_mean(args.part, known)}")
    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, "fields": [vars(row) for row in rows]})
    elif args.markdown:
        print(reference_page(rows, args.of, {"scenario": "corridor/1", "campaign": "campaign/1"}[args.of]), end="")
    else:
        header = ("key", "unit", "default", "meaning; bounds [source]")
        print(columns(((row.path, row.unit, row.default, row.remark()) for row in rows), header))
    return 0
