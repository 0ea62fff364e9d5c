"""``corridor encode``: what ``corridor decode`` prints, back to octets."""

from __future__ import annotations

import argparse
import base64
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sim.cli.decode import A_BSM, BAD_MESSAGE, check_message_set
from sim.cli.documents import read_documents
from sim.cli.options import add_verb

EXAMPLES = f"""
corridor decode --message-set csae53-2020 {A_BSM} | corridor encode --message-set csae53-2020
corridor encode --message-set csae53-2020 messages.jsonl --format base64
corridor encode --message-set csae53-2020 bsm.json --format binary --out bsm.uper
"""
NOTES = """\
INPUT is a JSON document (begins with '{'), else the name of a file; - or nothing is stdin. Files and stdin
hold one document per line, or over several lines from a line '{' to a line '}'; # begins a comment line.

A document is what 'corridor decode' prints, or {"message": NAME, "value": {...}}: only message_set,
message and value are read, the rest of a decoded document is ignored. --message-set goes before the
document's own message_set. Octets are always canonical: input of decode that was read leniently
(trailing octets, padding bits, unknown extensions) comes back without what the set does not say.
Bad documents are lines on stderr and exit code 2; with --out, nothing is then written.
"""
FORMATS: dict[str, Callable[[bytes], bytes]] = {
    "hex": lambda octets: octets.hex().encode() + b"\n",
    "base64": lambda octets: base64.b64encode(octets) + b"\n",
    "binary": lambda octets: octets,
}
"""Name -> octets of a message as they are written."""
READ = ("message_set", "message", "value")
ALSO_DECODED = (
    "status", "error", "message_sets", "others", "time_ns", "interface", "network", "application_id", "btp_port",
    "signer", "comment",
)
"""Members of decoded documents that say nothing about the octets."""


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "encode JSON messages to octets", EXAMPLES)
    parser.epilog = f"{NOTES}\n{parser.epilog}"
    parser.add_argument("--message-set", metavar="NAME", help="message set; without it what each document says")
    parser.add_argument("input", nargs="*", metavar="INPUT", help="JSON, or a file of it; none = stdin")
    parser.add_argument("--format", choices=list(FORMATS), default="hex", help="what is written (default hex)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write here; needed for --format binary")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Write the octets of every document; all bad ones are error lines."""
    check_message_set(args.message_set)
    if args.format == "binary" and args.out is None:
        raise ValueError("--format binary: needs --out FILE, octets are nothing for a terminal")
    written = bad = 0
    with _target(args.out) as target:
        for where, document, problem in read_documents(args.input):
            try:
                if document is None:
                    raise ValueError(problem)
                octets = encoded(document, args.message_set)
                if args.format == "binary" and written:
                    raise ValueError("--format binary: a file holds one message, and this is one more")
            except ValueError as error:
                bad += 1
                print(f"error: {where}: {error}" if where else f"error: {error}", file=sys.stderr)
                continue
            written += 1
            target.write(FORMATS[args.format](octets))
        if bad and args.out is not None:
            target.spoil()
            print(f"error: {args.out}: not written", file=sys.stderr)
    return BAD_MESSAGE if bad else 0


def encoded(document: dict[str, Any], message_set: str | None = None) -> bytes:
    """Octets of one document; ValueError in one line that names member, value and rule."""
    from rsu.document import did_you_mean
    from rsu.messages import MESSAGE_SETS

    for member in document:
        if member not in READ and member not in ALSO_DECODED:
            raise ValueError(f"{member}: unknown member; {did_you_mean(member, READ)}")
    status = document.get("status", "ok")
    if status != "ok" and document.get("value") is None:
        raise ValueError(f"status: {status!r}: only a message that was read has octets")
    name: Any = message_set or document.get("message_set")
    if not isinstance(name, str) or name not in MESSAGE_SETS:
        hint = did_you_mean(name, MESSAGE_SETS) if isinstance(name, str) else "must be named, here or by --message-set"
        raise ValueError(f"message_set: {name!r}: {hint}" if name is not None else f"message_set: {hint}")
    for member in ("message", "value"):
        if member not in document:
            raise ValueError(f"{member}: is missing and must be there")
    return MESSAGE_SETS[name].encode(*MESSAGE_SETS[name].undescribe(document))


class _Target:
    """Where octets go: stdout as text, or a file that appears only when all of it is written."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file = file
        self.spoilt = False

    def write(self, octets: bytes) -> None:
        if self._file is None:
            sys.stdout.write(octets.decode("ascii"))
        else:
            self._file.write(octets)

    def spoil(self) -> None:
        """Nothing is to appear."""
        self.spoilt = True


@contextmanager
def _target(path: Path | None) -> Iterator[_Target]:
    if path is None:
        yield _Target(None)
        return
    if path.is_dir():
        raise ValueError(f"--out: {path} is a folder")
    if not path.parent.is_dir():
        raise ValueError(f"--out: {path.parent} is no folder")
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    with open(partial, "wb") as file:
        try:
            target = _Target(file)
            yield target
            file.flush()
            if not target.spoilt:
                os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
