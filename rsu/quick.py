"""UPER of ordinary messages by code written for their types; whatever is unusual is left to the general codec.

For each type that asn1tools has compiled, one function that packs a value and one that reads it back are written as
Python source: numbers, names and lists that fit their root constraints, no extensions, no defaults. Everything else
(values out of range or of another Python type, unknown or missing members, extensions, damaged octets) raises
:class:`Unusual`, and the general codec has the word: its result or its error. So results never depend on the path
taken; the first messages of each kind are packed and read both ways and must agree, or this path is not used for
that kind. Source of the encoding: ITU-T X.691, unaligned variant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CHECKED = 4
"""Messages of each kind that are packed and read both ways before the short way is trusted."""
MOST_NUMBER_BITS = 64


class Unusual(Exception):
    """Not for this path."""


class Refused(Exception):
    """Octets that no decoder of these types reads: a number without a meaning, or an end before the last member."""


class _Known(dict[int, Any]):
    """What numbers stand for, where others may not occur."""

    def __missing__(self, number: int) -> Any:
        raise Refused


Packer = Callable[[Any], tuple[int, int]]
"""(number, bits) of a value."""
Reader = Callable[[int, int], tuple[Any, int]]
"""(value, bits left) from a number of which ``left`` bits are still unread."""


class QuickFrame:
    """Both ways for one outermost type; ``encode`` and ``decode`` return None where the general codec must decide."""

    def __init__(self, compiled_type: Any) -> None:
        self._writer = _Writer()
        self._pack, self._read = self._writer.of(compiled_type)
        self._cost = self._writer.cost(compiled_type)
        self._packed: dict[Any, int] = {}
        self._unpacked: dict[Any, int] = {}
        self._refusals = 0

    def encode(self, value: Any, kind: str, general: Callable[[], bytes]) -> bytes | None:
        """Octets of a value, or None; ``kind`` names messages that are trusted together, ``general`` is the other
        way."""
        seen = self._packed.get(kind, 0)
        if seen < 0:
            return None
        try:
            number, bits = self._pack(value)
        except (Unusual, KeyError, IndexError, TypeError, ValueError, AttributeError):
            return None
        octets = (number << (-bits % 8)).to_bytes((bits + 7) // 8, "big")
        if seen < CHECKED:
            agrees = octets == general()
            self._packed[kind] = seen + 1 if agrees else -1
            return octets if agrees else None
        return octets

    def decode(self, data: bytes, most_reads: int, general: Callable[[], Any]) -> Any:
        """Value of octets, or None; octets after it are not looked at.

        What may need more than ``most_reads`` in the sense of :mod:`rsu.bounded` is left to the general codec.
        """
        self._writer.reads_left = most_reads - self._cost - (len(data) >> 6)
        try:
            value, _ = self._read(int.from_bytes(data, "big"), 8 * len(data))
        except (Unusual, Refused, KeyError, IndexError, TypeError, ValueError):
            return None
        kind = value[0] if isinstance(value, tuple) else None
        seen = self._unpacked.get(kind, 0)
        if seen < CHECKED:
            self._unpacked[kind] = seen + 1 if seen >= 0 and value == general() else -1
        return value if self._unpacked[kind] > 0 else None

    def refuses(self, data: bytes, most_reads: int, general: Callable[[], Any]) -> bool:
        """Whether the general codec is certain to refuse octets; False where only it can say.

        Members are read in its order, so that the first one without a meaning, or beyond the end, stops both.
        """
        self._writer.reads_left = most_reads - self._cost - (len(data) >> 6)
        try:
            self._read(int.from_bytes(data, "big"), 8 * len(data))
            return False
        except Refused:
            pass
        except ValueError as error:
            if str(error) != _BEYOND_END:
                return False
        except (Unusual, KeyError, IndexError, TypeError):
            return False
        if 0 <= self._refusals < CHECKED:
            self._refusals = self._refusals + 1 if _raises(general) else -1
        return self._refusals > 0


class _Writer:
    """Writes and compiles the two functions of each type once."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[Packer, Reader]] = {}
        self._kept: list[Any] = []
        self._costs: dict[int, int] = {}
        self.reads_left = 0
        """Of the message that is being read: counted at lists, by what their elements can cost at most."""

    def cost(self, one: Any) -> int:
        """The most reads that a value takes, elements of lists apart."""
        known = self._costs.get(id(one))
        if known is not None:
            return known
        kind = type(one).__name__
        cost = 3
        if kind == "Sequence":
            cost += len(one.optionals) + sum(self.cost(member) for member in one.root_members)
        elif kind == "Choice":
            cost += max(self.cost(member) for member in one.root_index_to_member.values())
        elif kind == "IA5String":
            cost += one.maximum or 0
        self._kept.append(one)
        self._costs[id(one)] = cost
        return cost

    def of(self, one: Any) -> tuple[Packer, Reader]:
        """Functions of a compiled type."""
        if id(one) not in self._done:
            self._kept.append(one)
            make = getattr(self, f"_{type(one).__name__.lower()}", None)
            self._done[id(one)] = make(one) if make is not None else (_refuse, _refuse_reading)
        return self._done[id(one)]

    def _sequence(self, one: Any) -> tuple[Packer, Reader]:
        if any(member.default is not None for member in one.root_members):
            return _refuse, _refuse_reading
        scope: dict[str, Any] = {"Unusual": Unusual, "Refused": Refused, "cut": _cut, "MISSING": object()}
        pack = ["def pack(d):", " if type(d) is not dict: raise Unusual", " a = n = 0; p = 0; seen = 0"]
        read = ["def read(x, left):", " d = {}"]
        flags = len(one.optionals) + (one.additions is not None)
        if flags:
            read += [f" left -= {flags}", f" p = x >> left & {(1 << flags) - 1}"]
        order = {id(member): len(one.optionals) - 1 - place for place, member in enumerate(one.optionals)}
        for place, member in enumerate(one.root_members):
            flag = order.get(id(member))
            indent = " " if flag is None else "  "
            if flag is None:
                pack.append(f" v = d[{member.name!r}]")
            else:
                pack += [f" v = d.get({member.name!r}, MISSING)", " if v is not MISSING:", f"  p |= {1 << flag}"]
                read.append(f" if p & {1 << flag}:")
            packing, reading = self._member(member, str(place), scope)
            pack += [indent + line for line in packing] + [f"{indent}seen += 1"]
            read += [indent + line for line in reading] + [f"{indent}d[{member.name!r}] = v"]
        pack += [" if seen != len(d): raise Unusual", f" return p << n | a, n + {flags}"]
        if one.additions is not None:
            # Only now: what is refused before its additions is refused.
            read += [f" if p & {1 << (flags - 1)}:", "  if cut(x, left): raise Refused", "  raise Unusual"]
        read.append(" return d, left")
        exec(compile("\n".join(pack + read), "<quick>", "exec"), scope)
        return scope["pack"], scope["read"]

    def _member(self, one: Any, name: str, scope: dict[str, Any]) -> tuple[list[str], list[str]]:
        """Lines that put ``v`` into ``a`` and ``n``, and lines that read ``v``: numbers and names in place."""
        kind = type(one).__name__
        if kind == "Integer" and _plain_number(one):
            bits, low = one.number_of_bits, one.minimum
            most, mask = one.maximum, (1 << one.number_of_bits) - 1
            pack = [f"if type(v) is not int or v < {low} or v > {most}: raise Unusual",
                    f"a = a << {bits} | v - {low}", f"n += {bits}"]
            return pack, [f"left -= {bits}", f"v = (x >> left & {mask}) + {low}"]
        if kind == "Enumerated":
            extensible = one.additions_index_to_data is not None
            bits = one.root_number_of_bits + extensible
            meaning = one.root_index_to_data
            scope[f"e{name}"], scope[f"i{name}"] = one.root_data_to_index, meaning if extensible else _Known(meaning)
            pack = [f"a = a << {bits} | e{name}[v]", f"n += {bits}"]
            return pack, [f"left -= {bits}", f"v = i{name}[x >> left & {(1 << bits) - 1}]"]
        scope[f"f{name}"], scope[f"r{name}"] = self.of(one)
        return ([f"v, k = f{name}(v)", "a = a << k | v", "n += k"], [f"v, left = r{name}(x, left)"])

    def _integer(self, one: Any) -> tuple[Packer, Reader]:
        if not _plain_number(one):
            return _refuse, _refuse_reading
        return self._alone(one)

    def _enumerated(self, one: Any) -> tuple[Packer, Reader]:
        return self._alone(one)

    def _alone(self, one: Any) -> tuple[Packer, Reader]:
        """A type that is packed in place elsewhere, as functions of its own."""
        scope: dict[str, Any] = {"Unusual": Unusual}
        packing, reading = self._member(one, "0", scope)
        lines = ["def pack(v):", " a = n = 0", *(f" {line}" for line in packing), " return a, n",
                 "def read(x, left):", *(f" {line}" for line in reading), " return v, left"]
        exec(compile("\n".join(lines), "<quick>", "exec"), scope)
        return scope["pack"], scope["read"]

    def _boolean(self, one: Any) -> tuple[Packer, Reader]:
        def pack(value: Any) -> tuple[int, int]:
            if value is not True and value is not False:
                raise Unusual
            return int(value), 1

        return pack, lambda x, left: (x >> (left - 1) & 1 == 1, left - 1)

    def _null(self, one: Any) -> tuple[Packer, Reader]:
        def pack(value: Any) -> tuple[int, int]:
            if value is not None:
                raise Unusual
            return 0, 0

        return pack, lambda x, left: (None, left)

    def _choice(self, one: Any) -> tuple[Packer, Reader]:
        extensible = one.additions_index_to_member is not None
        count = len(one.root_index_to_member)
        bits = extensible + (one.root_number_of_bits if count > 1 else 0)
        inner = {name: (index, *self.of(one.root_index_to_member[index]))
                 for name, index in one.root_name_to_index.items()}
        by_index = {index: (name, read) for name, (index, _, read) in inner.items()}
        if not extensible:
            by_index = _Known(by_index)

        def pack(value: Any) -> tuple[int, int]:
            if type(value) is not tuple or len(value) != 2:
                raise Unusual
            index, pack_inner, _ = inner[value[0]]
            number, length = pack_inner(value[1])
            return index << length | number, bits + length

        def read(x: int, left: int) -> tuple[Any, int]:
            left -= bits
            name, read_inner = by_index[x >> left & ((1 << bits) - 1)]
            value, left = read_inner(x, left)
            return (name, value), left

        return pack, read

    def _sequenceof(self, one: Any) -> tuple[Packer, Reader]:
        if one.number_of_bits is None:
            return _refuse, _refuse_reading
        least, most, bits = one.minimum, one.maximum, _length_bits(one)
        refused = 1 << (bits - 1) if one.has_extension_marker else 0
        pack_one, read_one = self.of(one.element_type)
        cost = self.cost(one.element_type)

        def pack(value: Any) -> tuple[int, int]:
            if type(value) is not list or not least <= len(value) <= most:
                raise Unusual
            number, length = len(value) - least, bits
            for element in value:
                inner, size = pack_one(element)
                number = number << size | inner
                length += size
            return number, length

        def read(x: int, left: int) -> tuple[Any, int]:
            left -= bits
            count = x >> left & ((1 << bits) - 1)
            if count & refused:
                raise Unusual
            values = []
            self.reads_left -= cost * (count + least)
            if self.reads_left < 0:
                raise Unusual
            for _ in range(count + least):
                value, left = read_one(x, left)
                values.append(value)
            return values, left

        return pack, read

    def _bitstring(self, one: Any) -> tuple[Packer, Reader]:
        width = one.minimum
        if one.number_of_bits is None or one.minimum != one.maximum:
            return _refuse, _refuse_reading
        octets, spare = (width + 7) // 8, -width % 8

        def pack(value: Any) -> tuple[int, int]:
            data, bits = value
            if type(value) is not tuple or type(data) is not bytes or bits != width or len(data) != octets:
                raise Unusual
            return int.from_bytes(data, "big") >> spare, width

        def read(x: int, left: int) -> tuple[Any, int]:
            left -= width
            return (((x >> left & ((1 << width) - 1)) << spare).to_bytes(octets, "big"), width), left

        def read_marked(x: int, left: int) -> tuple[Any, int]:
            left -= 1
            if x >> left & 1:
                raise Refused
            return read(x, left)

        return (_refuse, read_marked) if one.has_extension_marker else (pack, read)

    def _octetstring(self, one: Any) -> tuple[Packer, Reader]:
        return _text(one, 8, lambda value: value if type(value) is bytes else None, bytes)

    def _ia5string(self, one: Any) -> tuple[Packer, Reader]:
        if one.bits_per_character != 7:
            return _refuse, _refuse_reading
        return _text(one, 7, lambda value: value.encode("ascii") if type(value) is str else None, _ascii)


def _plain_number(one: Any) -> bool:
    bits = one.number_of_bits
    return bits is not None and bits <= MOST_NUMBER_BITS and not one.has_extension_marker


def _length_bits(one: Any) -> int:
    """Bits of the length of a list or string, with the bit that tells of an extended size."""
    return int(one.has_extension_marker) + (one.number_of_bits if one.minimum != one.maximum else 0)


def _text(
    one: Any, width: int, octets_of: Callable[[Any], bytes | None], value_of: Callable[[bytes], Any]
) -> tuple[Packer, Reader]:
    """Strings of characters of ``width`` bits, given as one octet each."""
    if one.number_of_bits is None:
        return _refuse, _refuse_reading
    least, most, bits = one.minimum, one.maximum, _length_bits(one)
    refused = 1 << (bits - 1) if one.has_extension_marker else 0

    def pack(value: Any) -> tuple[int, int]:
        octets = octets_of(value)
        if octets is None or not least <= len(octets) <= most:
            raise Unusual
        number = len(octets) - least
        if width == 8:
            return number << 8 * len(octets) | int.from_bytes(octets, "big"), bits + 8 * len(octets)
        for octet in octets:
            number = number << width | octet
        return number, bits + width * len(octets)

    def read(x: int, left: int) -> tuple[Any, int]:
        left -= bits
        count = x >> left & ((1 << bits) - 1)
        if count & refused:
            raise Unusual
        count += least
        left -= width * count
        number = x >> left & ((1 << width * count) - 1)
        if width == 8:
            return value_of(number.to_bytes(count, "big")), left
        places = range(width * (count - 1), -1, -width)
        return value_of(bytes(number >> place & ((1 << width) - 1) for place in places)), left

    return pack, read


def _cut(x: int, left: int) -> bool:
    """Whether the additions of a sequence certainly end too late: their number takes 7 bits and does not begin with two
    ones, each has a presence bit, and those present a length of at least 8 bits."""
    if left < 7 or x >> left - 2 & 3 == 3:
        return True
    if x >> left - 1 & 1:
        return False
    left -= 7
    count = (x >> left & 63) + 1
    left -= count
    return left < 0 or 8 * (x >> left & ((1 << count) - 1)).bit_count() > left


def _ascii(octets: bytes) -> str:
    return octets.decode("ascii")


def _beyond_end() -> str:
    try:
        return str(1 >> -1)
    except ValueError as error:
        return str(error)


_BEYOND_END = _beyond_end()
"""What reading bits behind the last one ends with."""


def _raises(general: Callable[[], Any]) -> bool:
    try:
        general()
    except Exception:
        return True
    return False


def _refuse(value: Any) -> tuple[int, int]:
    raise Unusual


def _refuse_reading(x: int, left: int) -> tuple[Any, int]:
    raise Unusual
