"""``corridor check``: is a scenario usable, and what does it amount to?"""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_scenario, add_verb, print_json

EXAMPLES = """
corridor check demo-zone --facts
corridor check expressway --set layout=expressway-regional
corridor check tripoint > tripoint-resolved.yaml
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "validate a scenario and print it with all defaults written out", EXAMPLES)
    add_scenario(parser)
    parser.add_argument("--facts", action="store_true", help="print what it amounts to instead: lengths, units, radio")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Load; print facts, or all problems at once."""
    from sim.scenario import ScenarioError, load

    try:
        loaded = load(args.scenario, args.overrides, args.seed)
    except ScenarioError as error:
        if args.json:
            problems = [vars(problem) for problem in error.problems]
            print_json({"schema_version": SCHEMA_VERSION, "ok": False, "problems": problems})
        raise
    from sim.scenario.facts import facts_of, facts_text

    if not args.facts and not args.json:
        print(loaded.resolved_yaml(), end="")
    elif args.json:
        print_json({"schema_version": SCHEMA_VERSION, "ok": True, "facts": facts_of(loaded)})
    else:
        print(facts_text(loaded))
    return 0
