"""``corridor messages``: every message set with its messages, rules, sizes and sources."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sim.cli.decode import check_message_set
from sim.cli.options import SCHEMA_VERSION, add_json, add_verb, columns, print_json

if TYPE_CHECKING:
    from rsu.messages.base import MessageSet

EXAMPLES = """
corridor messages
corridor messages --message-set csae53-2020
corridor messages --json
"""
NOTES = """\
Sizes are octets of stated typical messages (one situation for all sets), encoded now: the message, and the
packet with network header and envelope, once with the signer's digest and once with its certificate.
'mandatory members only' marks the smallest message of a kind. Sizes found elsewhere stand beside them with
their source; '--json' has everything.
"""
WIDTH = 100


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "list message sets with messages, rules, sizes and sources", EXAMPLES)
    parser.epilog = f"{NOTES}\n{parser.epilog}"
    parser.add_argument("--message-set", metavar="NAME", help="this set alone")
    add_json(parser)
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print all sets, or one.

    JSON: ``{"schema_version", "message_sets": [set]}``. A set has ``name``, ``family``, ``title``, ``status`` (how it
    was verified), ``source``, ``awareness`` and ``generation`` (what vehicles send and when), ``native`` (``network``,
    ``envelope``, certificate period and lengths, congestion control, source), ``messages`` (names of the codec),
    ``rules`` (one object per generation rule: period_ms, application_id, priority, pppp, service, source ...),
    ``typical_sizes`` (message, content, message_bytes, digest_bytes, certificate_bytes) and ``reference_sizes``
    (message, content, message_bytes, source).
    """
    from rsu.messages import MESSAGE_SETS

    check_message_set(args.message_set)
    names = [args.message_set] if args.message_set else list(MESSAGE_SETS)
    if args.json:
        documents = [message_set_document(MESSAGE_SETS[name]) for name in names]
        print_json({"schema_version": SCHEMA_VERSION, "message_sets": documents})
        return 0
    for number, name in enumerate(names):
        print(("\n" if number else "") + message_set_text(message_set_document(MESSAGE_SETS[name])))
    return 0


def message_set_document(message_set: MessageSet) -> dict[str, Any]:
    """Everything about one set; compiles it and encodes its typical messages."""
    from rsu.messages.reference_sizes import REFERENCE_SIZES
    from rsu.messages.typical import typical_sizes

    facts = ("name", "family", "title", "status", "source", "awareness", "generation")
    return {
        **{fact: getattr(message_set, fact) for fact in facts},
        "native": asdict(message_set.native),
        "messages": list(message_set.codec.messages),
        "rules": [{**asdict(rule), "pppp": rule.pppp} for rule in message_set.messages.values()],
        "typical_sizes": [asdict(size) for size in typical_sizes(message_set)],
        "reference_sizes": [asdict(size) for size in REFERENCE_SIZES.get(message_set.name, ())],
    }


def message_set_text(document: dict[str, Any]) -> str:
    """The same for a person, lines of at most 100 columns."""
    native = document["native"]
    about = (
        ("status", document["status"]),
        ("source", document["source"]),
        ("native", f"{native['network']}, {native['envelope']}, congestion control {native['congestion_control']}"),
        ("vehicles", f"send {document['awareness']}, generation {document['generation']}"),
    )
    parts = [f"{document['name']}  {document['title']}"]
    parts += [_wrapped(f"  {name:<9} {text}", 12) for name, text in about]
    parts += ["", _table(_rules(document["rules"]), ("rule", "message", "class", "period_ms", "aid", "priority"))]
    sources = list(dict.fromkeys(part for rule in document["rules"] for part in rule["source"].split("; ")))
    parts += [_wrapped(f"  rules after: {'; '.join(sources)}", 15)]
    parts += ["", _table(
        [[s["message"], s["content"], *(str(s[f"{what}_bytes"]) for what in ("message", "digest", "certificate"))]
         for s in document["typical_sizes"]],
        ("message", "typical content", "octets", "packet", "with certificate"),
    )]
    if document["reference_sizes"]:
        rows = [[s["message"], s["content"], str(s["message_bytes"]), s["source"]] for s in document["reference_sizes"]]
        parts += ["", _table(rows, ("message", "content elsewhere", "octets", "source"))]
    return "\n".join(parts)


def _rules(rules: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [rule["name"], rule["message"], rule["service"] or "-", f"{rule['period_ms']:g}", str(rule["application_id"]),
         str(rule["priority"])]
        for rule in rules
    ]


def _table(rows: list[list[str]], header: Sequence[str]) -> str:
    """Columns, indented; a last column that does not fit goes on below itself."""
    start = 2 + sum(max(len(row[n]) for row in (header, *rows)) + 2 for n in range(len(header) - 1))
    lines = columns(rows, header).splitlines()
    return "\n".join(_wrapped("  " + line, start) for line in lines)


def _wrapped(line: str, indent: int) -> str:
    head, body = line[:indent], line[indent:]
    if len(line) <= WIDTH:
        return line
    parts = textwrap.wrap(body, max(20, WIDTH - indent), break_on_hyphens=False)
    return head + ("\n" + " " * indent).join(parts)
