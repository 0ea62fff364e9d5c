"""``corridor check``: is a scenario usable, and what does it amount to?"""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_scenario, add_verb, print_json

EXAMPLES = """
corridor check demo-zone
corridor check expressway --set layout=expressway-regional
corridor check tripoint --resolved > tripoint-resolved.yaml
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "check a scenario and print what it amounts to", EXAMPLES)
    add_scenario(parser)
    parser.add_argument("--resolved", action="store_true", help="print the scenario with all defaults written out")
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
    if args.resolved:
        print(loaded.resolved_yaml(), end="")
        return 0
    from sim.scenario.facts import facts_of, facts_text

    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, "ok": True, "facts": facts_of(loaded)})
    else:
        print(facts_text(loaded))
    return 0
