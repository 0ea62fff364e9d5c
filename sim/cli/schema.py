"""``corridor schema``: the JSON schema of scenario, layout and campaign files, for editors."""

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
    parser = add_verb(verbs, name, "print the JSON schema of scenario, layout or campaign files", EXAMPLES)
    parser.add_argument("--of", choices=("scenario", "layout", "campaign"), default="scenario", help="kind of file")
    parser.add_argument("--json", action="store_true", help="as the other verbs have it; the schema is always JSON")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print it."""
    from pydantic import BaseModel

    from sim.campaign.schema import Campaign
    from sim.scenario.schema import Scenario
    from sim.scenario.schema.layout import Layout

    models: dict[str, type[BaseModel]] = {"scenario": Scenario, "layout": Layout, "campaign": Campaign}
    model = models[args.of]
    schema = model.model_json_schema(by_alias=True)
    print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    return 0
