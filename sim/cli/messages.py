"""``corridor messages``: every message set with its messages, rules, sizes and sources."""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.decode import check_message_set
from sim.cli.options import add_json, add_verb

EXAMPLES = """
corridor messages
corridor messages --message-set csae53-2020
corridor messages --json
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "list message sets with messages, rules, sizes and sources", EXAMPLES)
    parser.add_argument("--message-set", metavar="NAME", help="this set alone")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print all sets, or one."""
    check_message_set(args.message_set)
    return 0
