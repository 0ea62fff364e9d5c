"""``corridor layout``: where the roadside units of a scenario stand, and what they cost."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_scenario, add_verb, columns, print_json, remark

EXAMPLES = """
corridor layout demo-zone
corridor layout expressway --layout regional --json
corridor layout demo-zone --layout intersections --geojson units.geojson --yaml units.yaml
"""
DATUMS = {"wgs84": "WGS84", "gcj02": "GCJ-02"}


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "print the roadside units of a scenario and their cost", EXAMPLES)
    add_scenario(parser)
    parser.add_argument("--layout", metavar="LAYOUT", help="a layout file (YAML, GeoJSON) or a shipped name")
    parser.add_argument("--geojson", type=Path, metavar="FILE", help="write the units as GeoJSON points")
    parser.add_argument("--yaml", type=Path, metavar="FILE", help="write the units as a layout file that lists them")
    parser.add_argument("--datum", choices=list(DATUMS), default="wgs84", help="datum of GeoJSON and JSON positions")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print the units; write the files asked for."""
    from sim.layouts.described import describe
    from sim.layouts.files import layout_override
    from sim.scenario import load

    overrides = [layout_override(args.layout)] if args.layout is not None else []
    loaded = load(args.scenario, [*overrides, *args.overrides], args.seed)
    found = describe(loaded)
    _write(found, args)
    if args.json:
        from sim.layouts.described import document

        head = {"schema_version": SCHEMA_VERSION, "scenario": loaded.name}
        print_json(head | document(found, DATUMS[args.datum]))
    else:
        _print(found)
    for name in found.idle_rules():
        remark(f"note: {name} places no unit on this corridor")
    return 0


def _write(found: Any, args: argparse.Namespace) -> None:
    """Both files, each whole or not at all."""
    from sim.layouts.files import layout_geojson, layout_yaml
    from sim.whole import written_whole

    texts: list[tuple[Path, str]] = []
    if args.geojson is not None:
        texts.append((args.geojson, layout_geojson(found.layout, found.corridor, DATUMS[args.datum])))
    if args.yaml is not None:
        texts.append((args.yaml, layout_yaml(found.layout, found.corridor)))
    for path, text in texts:
        with written_whole(path) as partial:
            partial.write_text(text, encoding="utf-8")
        remark(f"wrote {path}")


def _print(found: Any) -> None:
    from sim.layouts.described import COST_HEADER, UNIT_HEADER, cost_rows, counts_text, unit_rows

    if found.units:
        print(columns(unit_rows(found), UNIT_HEADER))
        print()
    print(counts_text(found.counts(), found.units))
    if found.layout.note:
        print(found.layout.note)
    print()
    print(columns(cost_rows(found.cost), COST_HEADER))
    print(f"({found.cost.label})")
