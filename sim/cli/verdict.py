"""``corridor verdict``: which applications a result serves."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sim.cli.options import add_json, add_verb, print_json, remark

EXAMPLES = """
corridor verdict results/layouts
corridor verdict results/layouts --application C53-RLVW --application C53-HLW --check
corridor verdict results/layouts --requirements csae157 --jurisdiction QP -v --figure verdicts.png
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "say which applications a campaign's runs serve: met, not met, undecided, no data",
                      EXAMPLES)
    parser.add_argument("result", type=Path, metavar="RESULT",
                        help="folder of a campaign, or of one run (which decides nothing)")
    parser.add_argument("--application", action="append", default=[], metavar="ID",
                        help="only this row (C53-RLVW), the rows of one document (C53), or a pattern; may be repeated")
    parser.add_argument("--requirements", action="append", default=[], metavar="FILE",
                        help="rows of this file (or shipped name) instead of all shipped ones; may be repeated")
    parser.add_argument("--jurisdiction", metavar="ID", help="only there (default: the whole corridor and each)")
    parser.add_argument("--set", dest="changes", type=threshold, action="append", default=[], metavar="KEY=VALUE",
                        help="threshold where a document names none, e.g. prr_ratio=0.95; may be repeated")
    parser.add_argument("--check", action="store_true", help="exit code 3 unless everything chosen is met")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the matrix (png, svg, pdf)")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="language of the figure (default: en)")
    parser.add_argument("-v", "--verbose", action="store_true", help="every check with value, interval and limit")
    add_json(parser)
    parser.set_defaults(act=act)


def threshold(text: str) -> tuple[str, float | int | str]:
    """``KEY=VALUE``; the value a number where it is one."""
    from rsu.document import resolve

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} must be KEY=VALUE")
    found = resolve(value)
    return name, found if isinstance(found, (int, float)) and not isinstance(found, bool) else value


def act(args: argparse.Namespace) -> int:
    """Judge, print the matrix or JSON, draw the figure."""
    from sim.cli import CRITERION_FAILED
    from sim.requirements.loader import read_requirements
    from sim.requirements.report import document, text
    from sim.requirements.verdict import verdicts

    rows = read_requirements(args.requirements, dict(args.changes)).chosen(args.application)
    report = verdicts(args.result, rows, args.jurisdiction)
    if args.json:
        print_json(document(report))
    else:
        print(text(report, args.verbose), end="")
    if args.figure is not None:
        from sim.plots.style import font_remark
        from sim.plots.verdict import draw_verdicts

        if line := font_remark(args.language):
            remark(line)
        draw_verdicts(report, args.figure, args.language)
        remark(f"figure in {args.figure}")
    if args.check and not report.passed:
        remark(f"check failed: {sum(report.counts().values()) - report.counts()['met']} verdicts are not 'met'")
        return CRITERION_FAILED
    return 0
