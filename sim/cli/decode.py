"""``corridor decode``: octets of messages to values."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from sim.cli.options import add_verb

A_BSM = "02a0000000000000000000000907b4e016639527ffffffffe87d07083f7e87e8401ffff81005a0f001427fff0000"
EXAMPLES = f"""
corridor decode --message-set csae53-2020 {A_BSM}
echo {A_BSM} | corridor decode --message-set csae53-2020
corridor decode --message-set csae53-2020 --strict {A_BSM}
"""
BAD_MESSAGE = 2
_SEPARATORS = re.compile(r"[\s:]+")


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "decode messages given as hexadecimal octets to JSON", EXAMPLES)
    parser.add_argument("--message-set", required=True, metavar="NAME", help="message set (corridor list message-sets)")
    parser.add_argument("hex", nargs="*", metavar="HEX", help="one message each; none = stdin, one per line")
    parser.add_argument("--strict", action="store_true", help="refuse trailing octets and other encodings")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print one JSON document per message, each on its line; a bad one is an error line, and the next follows."""
    from rsu.messages import MESSAGE_SETS

    if args.message_set not in MESSAGE_SETS:
        from rsu.document import did_you_mean

        raise ValueError(f"--message-set: {args.message_set}: {did_you_mean(args.message_set, MESSAGE_SETS)}")
    message_set: Any = MESSAGE_SETS[args.message_set]
    total = bad = 0
    for where, text in messages(args.hex):
        total += 1
        try:
            decoded = message_set.decode(octets(where, text), "strict" if args.strict else "lenient")
            if decoded.status == "error":
                raise ValueError(f"{where}: does not decode: {decoded.error}")
        except ValueError as error:
            bad += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        print(json.dumps(message_set.describe(decoded), ensure_ascii=False))
    if not total:
        raise ValueError("no message on stdin")
    return BAD_MESSAGE if bad else 0


def messages(given: list[str]) -> Iterator[tuple[str, str]]:
    """(where, hexadecimal text) of each message: the arguments, else the lines of stdin."""
    if given:
        yield from ((f"message {number}", text) for number, text in enumerate(given, 1))
        return
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    for number, line in enumerate(sys.stdin, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"line {number}", line


def octets(where: str, text: str) -> bytes:
    """Octets of hexadecimal digits; blanks, colons and a leading 0x are allowed."""
    digits = _SEPARATORS.sub("", text).removeprefix("0x")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ValueError(f"{where}: not hexadecimal octets: {text.strip()[:40]!r}") from None
