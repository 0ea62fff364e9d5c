"""Where inputs come from: valid messages of every kind of a set, and what is done to them (:data:`GENERATORS`)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from rsu.codec import MAX_INPUT_BYTES
from rsu.fuzz.values import Taste, Values
from rsu.messages.base import MessageSet
from rsu.messages.typical import typical_messages

VALUES_PER_MESSAGE = 6
_TRIES = 4


@dataclass
class Corpus:
    """Valid octets of one message set: typical messages, then random values of every message."""

    message_set: MessageSet
    octets: list[bytes] = field(default_factory=list)

    @staticmethod
    def of(message_set: MessageSet, seed: int) -> Corpus:
        """The corpus of a seed; typical messages never depend on it."""
        corpus = Corpus(message_set, [typical.octets for typical in typical_messages(message_set)])
        for message in message_set.codec.messages:
            for number in range(VALUES_PER_MESSAGE):
                draw = random.Random(f"{seed}/{message_set.name}/{message}/{number}")
                if octets := valid(message_set, message, draw, Taste(draw.random(), 0.3 * draw.random(), elements=300)):
                    corpus.octets.append(octets)
        return corpus

    def pick(self, draw: random.Random) -> bytes:
        """One of them."""
        return draw.choice(self.octets)


def valid(message_set: MessageSet, message: str, draw: random.Random, taste: Taste) -> bytes:
    """Octets of a random value, empty where a few values in a row cannot be encoded (what a table in the code asks)."""
    for _ in range(_TRIES):
        try:
            return message_set.encode(message, Values(message_set.codec, message, draw, taste).message_value())
        except ValueError:
            continue
    return b""


def _random(corpus: Corpus, draw: random.Random) -> bytes:
    """Random octets, often behind the first octets of a valid message."""
    head = corpus.pick(draw)[: draw.choice((0, 1, 2, 3, 6, 10))]
    return head + draw.randbytes(draw.choice((draw.randint(0, 40), draw.randint(0, 400), draw.randint(400, 2000))))


def _truncated(corpus: Corpus, draw: random.Random) -> bytes:
    octets = corpus.pick(draw)
    return octets[: draw.randrange(len(octets) + 1)]


def _flipped(corpus: Corpus, draw: random.Random) -> bytes:
    octets = bytearray(corpus.pick(draw))
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        octets[draw.randrange(len(octets))] ^= 1 << draw.randrange(8)
    return bytes(octets)


def _extended(corpus: Corpus, draw: random.Random) -> bytes:
    return corpus.pick(draw) + draw.randbytes(draw.choice((1, 2, 9, 300)))


def _spliced(corpus: Corpus, draw: random.Random) -> bytes:
    one, other = corpus.pick(draw), corpus.pick(draw)
    return one[: draw.randrange(len(one) + 1)] + other[draw.randrange(len(other) + 1) :]


def _inflated(corpus: Corpus, draw: random.Random) -> bytes:
    """Lengths, counts and presence maps that claim more: up to 32 bits in a row become large."""
    octets = corpus.pick(draw)
    number = int.from_bytes(b"\x01" + octets, "big")
    width = draw.choice((4, 7, 8, 16, 32))
    claim = draw.choice(((1 << width) - 1, 0xC4C4C4C4 >> (32 - width), 0xBFFFBFFF >> (32 - width), 0x7F << width >> 7))
    place = draw.randrange(max(1, 8 * len(octets) - width))
    shift = max(0, 8 * len(octets) - width - place)
    mask = ((1 << width) - 1) << shift
    changed = (number & ~mask | (claim << shift) & mask).to_bytes(len(octets) + 1, "big")[1:]
    return changed + draw.randbytes(draw.choice((0, 0, 64, 1000)))


def _repeated(corpus: Corpus, draw: random.Random) -> bytes:
    """A stretch of a message, or one octet, again and again behind the message's start."""
    octets = corpus.pick(draw)
    start = draw.randrange(len(octets))
    block = draw.choice((octets[start : start + draw.randint(1, 40)], bytes([draw.randrange(256)]), b"\0", b"\xff"))
    length = draw.choice((200, 1400, 2302, MAX_INPUT_BYTES))
    return (octets[:start] + block * (length // len(block) + 1))[:length]


def _dense(corpus: Corpus, draw: random.Random) -> bytes:
    """A valid message with as many elements as a decoder reads, or more: long lists, all or no optional members."""
    message = draw.choice(corpus.message_set.codec.messages)
    taste = Taste(draw.choice((0.0, 0.5, 1.0)), draw.choice((0.0, 0.0, 0.5, 1.0)), draw.choice((1.0, 1.0, 0.3)),
                  draw.randrange(400, 4000))
    octets = valid(corpus.message_set, message, draw, taste) or corpus.pick(draw)
    return octets[:MAX_INPUT_BYTES]


def _long(corpus: Corpus, draw: random.Random) -> bytes:
    """At and beyond the longest input, valid in front."""
    length = draw.choice((MAX_INPUT_BYTES - 1, MAX_INPUT_BYTES, MAX_INPUT_BYTES + 1, 1 << 16))
    octets = corpus.pick(draw)
    return (octets + draw.choice((b"\0", b"\xff", b"\x55", draw.randbytes(61))) * length)[:length]


def _unchanged(corpus: Corpus, draw: random.Random) -> bytes:
    return corpus.pick(draw)


def _fresh(corpus: Corpus, draw: random.Random) -> bytes:
    """A new random value, at times with a flipped bit."""
    message = draw.choice(corpus.message_set.codec.messages)
    octets = bytearray(valid(corpus.message_set, message, draw, Taste(draw.random(), draw.random(), elements=200))
                       or corpus.pick(draw))
    if draw.random() < 0.5:
        octets[draw.randrange(len(octets))] ^= 1 << draw.randrange(8)
    return bytes(octets)


GENERATORS: dict[str, Callable[[Corpus, random.Random], bytes]] = {
    "unchanged": _unchanged, "fresh": _fresh, "random": _random, "truncated": _truncated, "flipped": _flipped,
    "extended": _extended, "spliced": _spliced, "inflated": _inflated, "repeated": _repeated, "dense": _dense,
    "long": _long,
}
"""Name in a report -> octets from a corpus and a source of chance."""
