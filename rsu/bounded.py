"""asn1tools' UPER decoder with bounded effort: every read of a value is counted, sizes and nesting are limited.

asn1tools trusts the lengths it reads. A message of a few hundred octets can hold ten thousand one-bit members; a choice
can claim an addition shorter than its content, after which asn1tools reads the same bits again and again. Here every
read from the octets costs one of a message's :data:`MAX_READS`, and nothing moves backwards.

The decoder stands on private parts of asn1tools (``CompiledType._type``, the reading methods of ``per.Decoder``);
:func:`self_test` runs when the first modules are compiled and refuses a version in which they work otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

MAX_READS = 2800
"""Reads that one message may cost: presence bits, numbers, enumerations, choices, lengths, characters, strings, and one
for every 64 octets. The busiest messages of real size (a SPAT of 1400 octets) need about 2,600."""
MAX_NESTING = 8
"""Depth to which a type may hold itself (signs within signs of an IVIM)."""
MAX_NUMBER_BYTES = 8
"""Longest number without bounds; every bounded one is shorter."""
SELF_TEST_READS = 33
"""Reads of the message in :func:`self_test`, counted by hand from its bits."""

TOO_BUSY = "more elements than a decoder reads of one message"


class BoundsError(ValueError):
    """A message that costs more than a decoder spends on it."""


class Budget:
    """Reads left for one message; ``spent`` once it was not enough, whoever caught the error; ``skipped`` counts parts
    that the types do not know (additions, alternatives, enumerations behind an extension marker)."""

    __slots__ = ("left", "skipped", "spent")

    def __init__(self) -> None:
        self.left, self.spent, self.skipped = _LIMIT.get(), False, 0


_LIMIT: ContextVar[int] = ContextVar("limit", default=MAX_READS)
_BUDGET: ContextVar[Budget | None] = ContextVar("budget", default=None)
_DECODED: ContextVar[bool] = ContextVar("decoded", default=False)


@contextmanager
def at_most(reads: int) -> Iterator[None]:
    """Another limit than :data:`MAX_READS` for messages decoded inside: for octets that nobody else made."""
    outer = _LIMIT.set(reads)
    try:
        yield
    finally:
        _LIMIT.reset(outer)


def reads_allowed() -> int:
    """What a message that is decoded now may cost."""
    return _LIMIT.get()


@contextmanager
def one_message() -> Iterator[Budget]:
    """All decoding inside shares one budget, and values encoded inside are taken to be of the right Python types."""
    budget = Budget()
    outer_budget, outer_decoded = _BUDGET.set(budget), _DECODED.set(True)
    try:
        yield budget
    finally:
        _BUDGET.reset(outer_budget)
        _DECODED.reset(outer_decoded)


class BoundedSpecification:
    """Compiled modules: encoding by asn1tools, decoding by asn1tools' types from a decoder that counts."""

    def __init__(self, compiled: Any) -> None:
        self_test()
        self._compiled = compiled
        self._decoder = bounded_decoder()
        self._types = {name: one._type for name, one in compiled.types.items()}
        self._encoder = quick_encoder()
        _prepare(list(compiled_parts(self._types.values())))

    @property
    def types(self) -> Mapping[str, Any]:
        """asn1tools' compiled types by name."""
        types: Mapping[str, Any] = self._compiled.types
        return types

    def encode(self, name: str, value: Any, check_types: bool = True, check_constraints: bool = False) -> bytes:
        """Octets of a value; exceptions of asn1tools, and whatever a value of a wrong type raises."""
        if not _DECODED.get():
            octets: bytes = self._compiled.encode(name, value, check_types, check_constraints)
            return octets
        if check_constraints:
            self._compiled.types[name].check_constraints(value)
        encoder = self._encoder()
        self._types[name].encode(value, encoder)
        return bytes(encoder.as_bytearray())

    def decode(self, name: str, data: bytes) -> Any:
        """Value of octets. Exceptions of asn1tools; :class:`BoundsError` where it would cost too much."""
        budget = _BUDGET.get() or Budget()
        decoder = self._decoder(bytes(data), budget.left)
        try:
            return self._types[name].decode(decoder)
        finally:
            budget.left = decoder.left
            budget.skipped += decoder.skipped
            budget.spent = budget.spent or decoder.left < 0


def compiled_parts(types: Iterable[Any]) -> Iterator[Any]:
    """Every compiled type within some types, each once (members, additions, alternatives, elements)."""
    waiting, seen = list(types), set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        for table in ("root_index_to_member", "additions_index_to_member"):
            waiting += (getattr(one, table, None) or {}).values()
        for members in ("root_members", "additions"):
            waiting += getattr(one, members, None) or ()
        waiting += [inner for inner in (getattr(one, "element_type", None), getattr(one, "_inner", None)) if inner]


def reads_something(one: Any) -> bool:
    """Whether decoding a value of a compiled type reads at least once, so that a list of them is bounded."""
    kind = type(one).__name__
    if kind in ("Sequence", "AdditionGroup"):
        if one.additions is not None or one.optionals:
            return True
        return any(reads_something(member) for member in one.root_members)
    if kind == "Choice":
        alternatives = one.root_index_to_member.values()
        return len(alternatives) > 1 or one.additions_index_to_member is not None or all(
            reads_something(member) for member in alternatives
        )
    if kind == "SequenceOf":
        return one.minimum != one.maximum or one.has_extension_marker or (
            bool(one.minimum) and reads_something(one.element_type)
        )
    return kind not in ("Null", "NumericString", "IA5String", "VisibleString", "PrintableString") or (
        getattr(one, "minimum", 0) != getattr(one, "maximum", 0)
    )


def _prepare(parts: list[Any]) -> None:
    """Limit nesting, refuse lists whose elements take no bits, put shorter decoders in front of the busiest ones."""
    for one in parts:
        if type(one).__name__ == "Recursive":
            one.decode = _nested(one.decode)
        elif type(one).__name__ == "SequenceOf" and not reads_something(one.element_type):
            raise ValueError(f"a list of {one.element_type!r}: an element must take at least one bit")
        elif type(one).__name__ == "Integer" and one.number_of_bits is not None and not one.has_extension_marker:
            one.decode = _bounded_integer(one.number_of_bits, one.minimum)
    for one in parts:
        if type(one).__name__ == "Sequence" and one.additions is not None:
            one.decode_additions = _counted_additions(one, one.decode_additions)
        elif type(one).__name__ == "Choice" and one.additions_index_to_member is not None:
            one.decode_additions = _counted(one.decode_additions, (None, None))
        elif type(one).__name__ == "Enumerated" and one.additions_index_to_data is not None:
            one.decode = _counted(one.decode, None)
        if type(one).__name__ in ("Sequence", "AdditionGroup"):
            one.decode_root = _root(one)
            if type(one).__name__ == "Sequence" and all(member.default is None for member in one.root_members):
                one.encode = _sequence_encoder(one)


def _bounded_integer(number_of_bits: int, minimum: int) -> Callable[[Any], int]:
    def decode(decoder: Any) -> int:
        number: int = decoder.read_non_negative_binary_integer(number_of_bits)
        return number + minimum

    return decode


def _counted(decode: Callable[[Any], Any], unknown: Any) -> Callable[[Any], Any]:
    """A decoder that counts what it does not know (asn1tools then gives ``unknown``)."""

    def counted(decoder: Any) -> Any:
        value = decode(decoder)
        if value == unknown:
            decoder.skipped += 1
        return value

    return counted


def _counted_additions(sequence: Any, decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same for additions to a SEQUENCE, which asn1tools drops without a trace: the presence bits are read ahead."""

    def counted(decoder: Any) -> Any:
        at, left = decoder.number_of_bits, decoder.left
        length = decoder.read_normally_small_length()
        presence = decoder.read_non_negative_binary_integer(length)
        unknown = presence & ((1 << max(length - len(sequence.additions), 0)) - 1)
        decoder.skipped += unknown.bit_count()
        decoder.number_of_bits, decoder.left = at, left
        return decode(decoder)

    return counted


def _root(sequence: Any) -> Callable[[Any], dict[str, Any]]:
    """The same as asn1tools' ``decode_root``, with the order of members settled once."""
    from asn1tools.codecs import ErrorWithLocation

    optional_count = len(sequence.optionals)
    order = {id(member): index for index, member in enumerate(sequence.optionals)}
    plan = [(one.name, one, order.get(id(one), optional_count)) for one in sequence.root_members]

    def decode_root(decoder: Any) -> dict[str, Any]:
        present = decoder.read_flags(optional_count) + "1"
        values = {}
        for name, member, flag in plan:
            if present[flag] == "1":
                try:
                    values[name] = member.decode(decoder)
                except ErrorWithLocation as error:
                    error.add_location(member)
                    raise
            elif member.default is not None:
                values[name] = member.default
        return values

    return decode_root


def _sequence_encoder(sequence: Any) -> Callable[[Any, Any], None]:
    """The same as asn1tools' ``encode`` without additions and missing members; anything else goes there."""
    from asn1tools.codecs import ErrorWithLocation

    general = sequence.encode
    optional = [member.name for member in sequence.optionals]
    flags = len(optional) + (sequence.additions is not None)
    mandatory = {member.name for member in sequence.root_members} - set(optional)
    plan = [(member.name, member) for member in sequence.root_members]
    later = {
        member.name for addition in sequence.additions or () for member in getattr(addition, "root_members", [addition])
    } | {addition.name for addition in sequence.additions or ()}

    def encode(data: Any, encoder: Any) -> None:
        if not (mandatory <= data.keys() and later.isdisjoint(data)):
            general(data, encoder)
            return
        present = 0
        for name in optional:
            present = present << 1 | (name in data)
        if flags:
            encoder.append_non_negative_binary_integer(present, flags)
        for name, member in plan:
            if name in data:
                try:
                    member.encode(data[name], encoder)
                except ErrorWithLocation as error:
                    error.add_location(member)
                    raise

    return encode


def _nested(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def nested(decoder: Any) -> Any:
        if decoder.depth >= MAX_NESTING:
            raise BoundsError(f"a type holds itself more than {MAX_NESTING} times")
        decoder.depth += 1
        try:
            return decode(decoder)
        finally:
            decoder.depth -= 1

    return nested


@cache
def self_test() -> None:
    """RuntimeError if the installed asn1tools does not decode through the counting decoder as it is relied upon."""
    import asn1tools

    text = """M DEFINITIONS AUTOMATIC TAGS ::= BEGIN
        T ::= SEQUENCE { n INTEGER (0..9), l SEQUENCE (SIZE (0..255)) OF C, o OCTET STRING OPTIONAL, ..., x U OPTIONAL }
        C ::= CHOICE { b BIT STRING (SIZE (3)), s IA5String (SIZE (0..7)), ..., e E }
        E ::= ENUMERATED { p, q, ..., r }
        U ::= INTEGER
        END"""
    compiled = asn1tools.compile_string(text, "uper")
    inside = [("b", (b"\xa0", 3)), ("s", "ab"), ("e", "r"), ("e", "q")]
    value = {"n": 7, "l": inside, "o": b"abc", "x": -70_000}
    octets = compiled.encode("T", value)
    decoder = bounded_decoder()(octets, MAX_READS)
    if compiled.types["T"]._type.decode(decoder) != value or MAX_READS - decoder.left != SELF_TEST_READS:
        raise RuntimeError(f"asn1tools {asn1tools.__version__} does not decode as expected; 0.169.0 does")
    try:
        compiled.types["T"]._type.decode(bounded_decoder()(octets, SELF_TEST_READS - 1))
    except BoundsError:
        return
    raise RuntimeError(f"asn1tools {asn1tools.__version__} hides the end of a decoder's budget; 0.169.0 does not")


@cache
def quick_encoder() -> type:
    """An encoder that shifts short numbers only; additions within a message have asn1tools' own."""
    from asn1tools.codecs import uper

    class QuickEncoder(uper.Encoder):
        """Cuts what it has into pieces of a few words."""

        value: int
        number_of_bits: int
        __class__ = property(lambda self: uper.Encoder)

        def append_non_negative_binary_integer(self, value: int, number_of_bits: int) -> None:
            if self.number_of_bits > 240:
                self.chunks.append([self.value, self.number_of_bits])
                self.chunks_number_of_bits += self.number_of_bits
                self.number_of_bits = number_of_bits
                self.value = value
            else:
                self.number_of_bits += number_of_bits
                self.value = self.value << number_of_bits | value

    return QuickEncoder


@cache
def bounded_decoder() -> type:
    """The decoder class; RuntimeError if the installed asn1tools does not read through its methods."""
    from asn1tools.codecs import OutOfDataError, uper

    class BoundedDecoder(uper.Decoder):
        """Reads bits of octets; ``left`` counts down."""

        value: str
        number_of_bits: int

        def __init__(self, encoded: bytes, left: int) -> None:
            self.number_of_bits = self.total_number_of_bits = 8 * len(encoded)
            self.value = bin(int.from_bytes(b"\x01" + encoded, "big"))[3:]
            self.left = left - (len(encoded) >> 6)
            self.depth = 0
            self.skipped = 0

        def read_bit(self) -> int:
            remaining = self.number_of_bits
            self.left = left = self.left - 1
            if left < 0:
                self._refuse()
            if not remaining:
                raise OutOfDataError(self.total_number_of_bits)
            self.number_of_bits = remaining - 1
            return 1 if self.value[self.total_number_of_bits - remaining] == "1" else 0

        def read_flags(self, count: int) -> str:
            """Presence bits as digits."""
            remaining = self.number_of_bits
            self.left = left = self.left - count
            if left < 0:
                self._refuse()
            if count > remaining:
                raise OutOfDataError(self.total_number_of_bits)
            start = self.total_number_of_bits - remaining
            self.number_of_bits = remaining - count
            return self.value[start : start + count]

        def read_non_negative_binary_integer(self, number_of_bits: int) -> int:
            remaining = self.number_of_bits
            self.left = left = self.left - 1
            if left < 0:
                self._refuse()
            if number_of_bits > remaining:
                raise OutOfDataError(self.total_number_of_bits - remaining)
            if not number_of_bits:
                return 0
            start = self.total_number_of_bits - remaining
            self.number_of_bits = remaining - number_of_bits
            return int(self.value[start : start + number_of_bits], 2)

        def read_bits(self, number_of_bits: int) -> bytes:
            remaining = self.number_of_bits
            self.left = left = self.left - 1
            if left < 0:
                self._refuse()
            if number_of_bits > remaining:
                raise OutOfDataError(self.total_number_of_bits - remaining)
            if not number_of_bits:
                return b""
            start = self.total_number_of_bits - remaining
            self.number_of_bits = remaining - number_of_bits
            padding = -number_of_bits % 8
            number = int(self.value[start : start + number_of_bits], 2) << padding
            return number.to_bytes((number_of_bits + padding) // 8, "big")

        def read_unconstrained_whole_number(self) -> int:
            length = self.read_length_determinant()
            if not 1 <= length <= MAX_NUMBER_BYTES:
                raise BoundsError(f"a number of {length} octets, must be 1..{MAX_NUMBER_BYTES}")
            number = self.read_non_negative_binary_integer(8 * length)
            return number - (1 << 8 * length) if number >> (8 * length - 1) else number

        def read_normally_small_non_negative_whole_number(self) -> int:
            if not self.read_bit():
                return self.read_non_negative_binary_integer(6)
            length = self.read_length_determinant()
            if length > MAX_NUMBER_BYTES:
                raise BoundsError(f"an index of {length} octets, must be 0..{MAX_NUMBER_BYTES}")
            return self.read_non_negative_binary_integer(8 * length)

        def skip_bits(self, number_of_bits: int) -> None:
            if number_of_bits < 0:
                raise BoundsError("an addition is longer than the length before it says")
            super().skip_bits(number_of_bits)

        def _refuse(self) -> None:
            raise BoundsError(TOO_BUSY)

    return BoundedDecoder
