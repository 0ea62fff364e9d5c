"""``corridor map``: coverage maps of a run or a campaign."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, columns, print_json, remark

FORMATS = ("csv", "geojson", "png")
EXAMPLES = """
corridor map results/demo
corridor map results/demo --class RSI --format geojson --out maps
corridor map results/campaign --where layout=junctions --datum gcj02 --json
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "map the coverage of a run or a campaign, per cell and direction", EXAMPLES)
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder of a run or of a campaign")
    parser.add_argument(
        "--class", dest="classes", action="extend", nargs="+", default=[], metavar="CLASS",
        help="message classes: SPAT+MAP, RSI, RSM (default: all that have cells)",
    )
    parser.add_argument(
        "--measure", choices=("useful", "raw"), default="useful",
        help="what is coloured: applied (useful, default) or received (raw)",
    )
    parser.add_argument(
        "--datum", choices=("wgs84", "gcj02"), default="wgs84",
        help="of the coordinates; gcj02 is what Chinese web maps show",
    )
    parser.add_argument(
        "--format", type=formats, default=list(FORMATS), metavar="LIST", help="csv, geojson, png (default: all)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: RESULT/maps)")
    parser.add_argument(
        "--where", action="extend", nargs="+", default=[], metavar="AXIS=LABEL",
        help="variants of a campaign to map (default: all, a set of files each)",
    )
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of legends (default: en)")
    add_json(parser)
    parser.set_defaults(act=act)


def formats(text: str) -> list[str]:
    """A list of formats, separated by commas."""
    wanted = [word.strip() for word in text.split(",")]
    for word in wanted:
        if word not in FORMATS:
            raise argparse.ArgumentTypeError(f"{word!r} must be one of {', '.join(FORMATS)}")
    return list(dict.fromkeys(wanted))


def act(args: argparse.Namespace) -> int:
    """Write the files; print what was mapped and the path of each file."""
    from sim.maps import map_files, read_maps, write_maps

    maps = read_maps(args.result, args.classes, args.measure, chosen_axes(args.where))
    if "png" in args.format:
        from sim.plots.style import font_remark

        if line := font_remark(args.language):
            remark(line)
    files = write_maps(map_files(maps, args.datum, args.format, args.language), args.out or args.result / "maps")
    paths = [str(path) for path in files]
    rows = [row for one in maps for row in described(one)]
    if args.json:
        print_json({
            "schema_version": SCHEMA_VERSION, "datum": args.datum, "measure": args.measure, "maps": rows,
            "files": paths,
        })
        return 0
    table = [
        (row["variant"] or "-", row["class"], str(row["cells"]), f"{row['C_raw']:.3f}", f"{row['C_useful']:.3f}",
         str(row["n_seeds"]))
        for row in rows
    ]
    print(columns(table, ("variant", "class", "cells", "C_raw", "C_useful", "seeds")))
    for path in paths:
        print(path)
    if any(not one.result.scenario.get("corridor", {}).get("points") for one in maps):
        remark("the road is given by its length alone: where it lies on the map is made up")
    return 0


def chosen_axes(texts: list[str]) -> dict[str, str]:
    """``AXIS=LABEL`` as a mapping; ValueError for anything else."""
    chosen = {}
    for text in texts:
        axis, equals, label = text.partition("=")
        if not equals or not axis or not label:
            raise ValueError(f"--where {text}: must be AXIS=LABEL")
        chosen[axis] = label
    return chosen


def described(one: Any) -> list[dict[str, Any]]:
    """One row per class of a map: how many cells, and the mean shares over them."""
    rows = []
    for class_ in one.classes:
        cells = one.of_class(class_)
        rows.append({
            "variant": ", ".join(f"{axis}={label}" for axis, label in one.labels.items()), "class": class_,
            "cells": len(cells), "C_raw": sum(cell.C_raw for cell in cells) / len(cells),
            "C_useful": sum(cell.C_useful for cell in cells) / len(cells),
            "n_seeds": max(cell.n_seeds for cell in cells),
        })
    return rows
