"""``corridor decode``: octets of messages, and packets of captures, to values."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sim.cli.octets import FORMATS, Given, read_inputs
from sim.cli.options import add_verb, print_line
from sim.cli.readings import AUTO, Unreadable, read_message, read_packet

A_BSM = "02a0000000000000000000000907b4e016639527ffffffffe87d07083f7e87e8401ffff81005a0f001427fff0000"
EXAMPLES = f"""
corridor decode --message-set csae53-2020 {A_BSM}
echo {A_BSM} | corridor decode --message-set auto
corridor decode capture.pcapng
"""
NOTES = """\
INPUT is hexadecimal digits; else the name of a file (./NAME always is); else base64; - or nothing is
stdin with one message per line. A file is a capture (pcapng or pcap) if it begins like one, text with one
message per line if it is printable, else one binary message; --format settles what is doubtful.

One JSON document per message, on its line: message_set, status (ok, or skipped for a message kind the set
does not know), message, value. With auto: message_sets lists every set that decodes the octets and
re-encodes them identically, value is the reading of the first, others the readings that differ from it.
Packets of captures also have time_ns (since 1970), interface, network, application_id, btp_port, signer
(no signature is checked) and comment; without --message-set the sets of the packet's network are tried;
message_sets is empty where none fits exactly and value is what a lenient receiver reads.
'corridor encode' takes these documents back. Bad input is a line on stderr, and exit code 2.
"""
BAD_MESSAGE = 2


def add(verbs: Any, name: str) -> None:
    """Arguments of the verb."""
    parser = add_verb(verbs, name, "decode messages and captures to JSON", EXAMPLES)
    parser.epilog = f"{NOTES}\n{parser.epilog}"
    parser.add_argument("--message-set", metavar="NAME", help="message set (corridor messages), or auto")
    parser.add_argument("input", nargs="*", metavar="INPUT", help="a message, a file or a capture; none = stdin")
    parser.add_argument("--strict", action="store_true", help="refuse trailing octets and other encodings")
    parser.add_argument("--format", choices=FORMATS, default="auto", help="what text and files hold (default auto)")
    parser.set_defaults(act=act)


def act(args: argparse.Namespace) -> int:
    """Print one JSON document per message, each on its line; a bad one is an error line, and the next follows."""
    check_message_set(args.message_set, (AUTO,))
    bad = False
    # Captures may hold millions of packets: nothing is gathered.
    for given in read_inputs(args.input, args.format):
        problem = given.problem
        try:
            if not problem:
                print_line(_document(given, args.message_set, "strict" if args.strict else "lenient"))
        except Unreadable as error:
            problem = str(error)
        if problem:
            bad = True
            form = f" (read as {given.form})" if given.form else ""
            print(f"error: {given.where}{form}: {problem}" if given.where else f"error: {problem}", file=sys.stderr)
    return BAD_MESSAGE if bad else 0


def _document(given: Given, message_set: str | None, policy: Any) -> dict[str, Any]:
    if given.packet is not None:
        return read_packet(given.packet, message_set, policy)
    if message_set is None:
        raise ValueError("--message-set: needed where there is no capture: a name, or auto to try them all")
    return read_message(given.octets, message_set, policy)


def check_message_set(name: str | None, also: tuple[str, ...] = ()) -> None:
    """ValueError with the nearest name unless a set of this name exists, or none is given."""
    from rsu.messages import MESSAGE_SETS

    known = (*MESSAGE_SETS, *also)
    if name is not None and name not in known:
        from rsu.document import did_you_mean

        raise ValueError(f"--message-set: {name}: {did_you_mean(name, known)}")
