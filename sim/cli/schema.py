"""``corridor schema``: the JSON schema of scenario files, for editors."""

from __future__ import annotations

import argparse
from typing import Any

from sim.cli.options import add_verb, print_json

EXAMPLES = """
corridor schema > scenario.schema.json
corridor schema --of layout
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "print the JSON schema of scenario files", EXAMPLES)
    parser.add_argument("--of", choices=("scenario", "layout"), default="scenario", help="kind of file")
    parser.add_argument("--json", action="store_true", help="as the other verbs have it; the schema is always JSON")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print it."""
    from pydantic import BaseModel

    from sim.scenario.schema import Scenario
    from sim.scenario.schema.layout import Layout

    models: dict[str, type[BaseModel]] = {"scenario": Scenario, "layout": Layout}
    model = models[args.of]
    schema = model.model_json_schema(by_alias=True)
    print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    return 0
