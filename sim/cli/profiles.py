"""``corridor profiles``: profiles and candidates, and the sheet that compares them place by place."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, columns, print_json, remark

if TYPE_CHECKING:
    from sim.profiles import Sheet

STATES = ("same", "differ", "unset", "unknown")
EXAMPLES = """
corridor profiles
corridor profiles shanghai suzhou jiaxing --only differ
corridor profiles --candidate S6
corridor profiles --candidate S1 --html sheet.html --language zh
corridor profiles cn-lte-v2x-day2 suzhou --csv sheet.csv
"""
NOTES = """\
Without names: the profiles and candidates that are shipped. With names of profiles, or with a candidate: every key
beside the national profile, each cell with its basis (S sourced, C computed, M memory, A assumption) and whether it is
the same, differs, is set by nobody, or is fixed by a document that could not be read. Conflicts between documents are
looked for.
"""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "list and compare what the standards of places fix", EXAMPLES)
    parser.epilog = f"{NOTES}\n{parser.epilog}"
    parser.add_argument("names", nargs="*", metavar="PROFILE", help="profiles to compare: shipped names or files")
    parser.add_argument("--candidate", metavar="NAME", help="compare the places of a candidate: shipped name or file")
    parser.add_argument("--against", metavar="PROFILE",
                        help="profile of the national column (default: the ancestor all share)")
    parser.add_argument("--only", action="append", choices=STATES, default=[], metavar="STATE",
                        help="only keys with such a cell: same, differ, unset or unknown; may be repeated")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the sheet as a table")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the sheet as one page with coloured cells")
    parser.add_argument("--language", "--lang", choices=("en", "zh"), default="en",
                        help="of sheet and page (default: en)")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print the list or the sheet."""
    if not args.names and args.candidate is None:
        if args.csv or args.html or args.only or args.against:
            raise ValueError("name profiles or a candidate to compare, e.g. --candidate S6")
        _list(args)
        return 0
    from sim.profiles.page import sheet_html
    from sim.profiles.tables import sheet_csv, sheet_json, sheet_lines

    sheet = _sheet(args)
    files: dict[Path, str] = {}
    if args.csv:
        files[args.csv] = sheet_csv(sheet, args.only)
    if args.html:
        files[args.html] = sheet_html(sheet, args.only, args.language)
    for file in files:
        _writable(file)
    for file, text in files.items():
        file.write_text(text, encoding="utf-8", newline="")
    if args.json:
        print_json(sheet_json(sheet, args.only))
    else:
        print("\n".join(sheet_lines(sheet, args.only, args.language)))
    for file in files:
        remark(f"wrote {file}")
    return 0


def _writable(file: Path) -> None:
    """Refuse a file that cannot be written before anything is: ValueError."""
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise ValueError(f"{file}: {'is a folder' if file.is_dir() else 'its folder does not exist'}")


def _sheet(args: argparse.Namespace) -> Sheet:
    from sim.profiles import candidate_named, profile_named, sheet_of_candidate, sheet_of_profiles
    from sim.scenario.shipped import shipped_files

    if args.candidate is not None:
        if args.names or args.against:
            raise ValueError("--candidate brings its own profiles; leave names and --against out")
        return sheet_of_candidate(candidate_named(args.candidate))
    for name in args.names:
        if name in shipped_files("candidates") and name not in shipped_files("profiles"):
            raise ValueError(f"{name} is a candidate, not a profile: say --candidate {name}")
    against = None if args.against is None else profile_named(args.against)
    profiles = [profile_named(name) for name in args.names]
    for number, profile in enumerate(profiles):
        if profile.name in [other.name for other in profiles[:number]]:
            raise ValueError(f"two of the profiles are called {profile.name}: columns need names of their own")
    return sheet_of_profiles(profiles, against)


def _list(args: argparse.Namespace) -> None:
    from sim.profiles.listing import listed_candidates, listed_profiles

    profiles, candidates = listed_profiles(), listed_candidates()
    if args.json:
        print_json({"schema_version": SCHEMA_VERSION, "profiles": profiles, "candidates": candidates})
        return
    from sim.profiles.words import word

    def heads(*names: str) -> list[str]:
        return [word(name, args.language) for name in names]

    def title(one: dict[str, Any]) -> str:
        return str(one["title_zh"] if args.language == "zh" and one["title_zh"] else one["title"])

    rows = [
        (one["name"], word(f"{one['kind']} kind", args.language), one["inherits"] or "-", str(one["own"]),
         str(one["illustrative"]), str(one["unknown"]), title(one))
        for one in profiles
    ]
    print(columns(rows, heads("profile", "kind", "inherits", "own keys", "illustrative keys", "unknown", "title")))
    print()
    lines = [
        (one["name"], ", ".join(one["hazards"]) or "-", str(one["illustrative"]), title(one)) for one in candidates
    ]
    print(columns(lines, heads("candidate", "hazards", "illustrative keys", "title")))
