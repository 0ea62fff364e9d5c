"""Whole messages in one call of bitstruct: code for messages whose lists have certain elements in a certain order.

Once it is fixed which elements stand in all lists, the whole message is one block: lengths of lists and open types and
padding are constants too. Such code is written for orders that come again and again (the path histories of vehicles
on the move), and compared with the code for any order before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsu.messages.batch import generate
from rsu.messages.batch.block import Field, NoTemplate
from rsu.messages.batch.generate import Generated
from rsu.messages.batch.layout import BlockPart, ListPart, Part

LONGEST_OPEN_BYTES = 16_383

Order = Any
"""Elements of a list: how many of them where all are of the same plain pattern; else a tuple of their pattern numbers,
or of (pattern number, orders of the lists inside) where some have lists."""


@dataclass
class _Item:
    """Bits of a variable, or constant ones that every receiver compares (``checked``) or only a strict one."""

    width: int
    constant: int = 0
    checked: bool = True
    field: Field | None = None
    name: str = ""
    insisted: tuple[int, ...] | None = None


def order_code(shape: Generated, lists: Sequence[str], scope: dict[str, Any]) -> str:
    """Expression for the orders of ``lists`` (expressions, one per list of the shape); ``scope`` gets what it needs."""
    orders = ""
    for name, elements in zip(lists, shape.elements, strict=True):
        if all(element.plain for element in elements):
            orders += f"len({name}), " if len(elements) == 1 else f"tuple([e[0] for e in {name}]), "
            continue
        table = []
        for number, element in enumerate(elements):
            inner = order_code(element, [f"e[2][{index}]" for index in range(len(element.lists))], scope)
            table.append(eval(f"lambda e: ({number}, {inner})", scope))
        key = f"o{len(scope)}"
        scope[key] = table
        orders += f"tuple([{key}[e[0]](e) for e in {name}]), "
    return f"({orders})"


class Fused:
    """Packer and unpackers of the messages of one shape whose lists have one order; NoTemplate where there are none."""

    def __init__(self, shape: Generated, order: tuple[Order, ...]) -> None:
        if generate.bitstruct is None:
            raise NoTemplate("no C extension of bitstruct")
        self.shape, self._names = shape, 0
        self._assigned: list[str] = []
        self._zero: list[str] = []
        self._lists = [self._name() for _ in order]
        self.items, codes, lists = self._body(shape, order, "codes", self._lists, shape.only)
        self._result = f"({codes}, {''.join(f'{one}, ' for one in lists)})"
        self.items.append(_Item(-sum(item.width for item in self.items) % 8, checked=False))
        self._fields = [(item, item.field) for item in self.items if item.field is not None]
        self.octets = sum(item.width for item in self.items) // 8
        self._compiled = generate.bitstruct.compile(self._format())

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def _body(self, shape: Generated, order: tuple[Order, ...], codes: str, lists: list[str],
              only: Any = None) -> tuple[list[_Item], str, list[str]]:
        """(bits, expression of the codes, expressions of the lists) of a message or element."""
        names = [self._name() for _ in shape.fields]
        self._assigned.append(f"{', '.join(names)}, = {codes}" if names else f"() == tuple({codes}) or int('codes')")
        texts: list[str] = []
        variables = {id(field): _Item(field.width, 0, False, field, name, (only or {}).get(field.path))
                     for field, name in zip(shape.fields, names, strict=True)}
        items = self._parts(shape.layout.parts, variables, zip(lists, order, shape.elements, strict=True), texts)
        raw = [_code(variables[id(field)]) for field in shape.fields]
        return items, f"({''.join(f'{code}, ' for code in raw)})", texts

    def _parts(self, parts: list[Part], variables: dict[int, _Item], lists: Iterator[Any], texts: list[str],
               ) -> list[_Item]:
        items: list[_Item] = []
        for part in parts:
            if isinstance(part, BlockPart):
                items += _block(part, variables)
            elif isinstance(part, ListPart):
                name, order, elements = next(lists)
                length = items[-1].field
                count = (order if isinstance(order, int) else len(order)) - (length.lower if length else 0)
                if length is None or not 0 <= count < length.count:
                    raise NoTemplate("length of a list")
                items[-1] = _Item(length.width, count)
                inner, text = self._elements(name, order, elements)
                items += inner
                texts.append(text)
            else:
                items += _opened(self._parts(part.parts, variables, lists, texts), part.checked)
        return items

    def _elements(self, name: str, order: Order, elements: list[Generated]) -> tuple[list[_Item], str]:
        """(bits, expression) of a list whose variable is ``name``."""
        entries = [0] * order if isinstance(order, int) else list(order)
        items: list[_Item] = []
        targets, texts = "", ""
        line = len(self._assigned)
        self._assigned.append("")
        for entry in entries:
            number, orders = entry if isinstance(entry, tuple) else (entry, ())
            if not 0 <= number < len(elements):
                raise NoTemplate("number of a pattern")
            element = elements[number]
            if element.plain:
                names = [self._name() for _ in element.fields]
                variables = {id(field): _Item(field.width, 0, False, field, one)
                             for field, one in zip(element.fields, names, strict=True)}
                inner = self._parts(element.layout.parts, variables, iter(()), [])
                kind = self._name()
                if isinstance(order, int):
                    self._zero.append(kind)
                targets += f"({', '.join([kind, *names])},), "
                codes = "".join(f"{_code(variables[id(field)])}, " for field in element.fields)
                texts += f"({number}, {codes}), "
            else:
                held, inside, names = self._name(), self._name(), [self._name() for _ in element.lists]
                targets += f"(_, {held}, {inside}), "
                self._assigned.append(f"{', '.join(names)}, = {inside}" if names else f"{inside} and int('lists')")
                inner, codes, lists = self._body(element, orders, held, names)
                texts += f"({number}, {codes}, ({''.join(f'{one}, ' for one in lists)})), "
            items += inner
        self._assigned[line] = f"{targets}= {name}" if entries else "pass"
        return items, f"[{texts}]"

    def _format(self) -> str:
        """Format of bitstruct; runs of equal constant bits as one padding."""
        text, run, width = "", "", 0
        for item in self.items:
            pieces: list[tuple[str, int]] = [(f"u{item.width}", item.width)] if item.field else [
                ("P" if item.constant >> bit & 1 else "p", 1) for bit in reversed(range(item.width))]
            for letter, bits in pieces:
                if letter == run and letter in "pP":
                    width += bits
                    continue
                text += f"{run}{width}" if run in ("p", "P") else run
                run, width = (letter, bits) if bits else ("", 0)
        return text + (f"{run}{width}" if run in ("p", "P") else run)

    def _compared(self, strict: bool) -> tuple[int, int]:
        """(mask, value) of the bits that are the same in all messages."""
        mask = constant = 0
        for item in self.items:
            ones = (1 << item.width) - 1 if item.field is None and (strict or item.checked) else 0
            mask, constant = mask << item.width | ones, constant << item.width | item.constant & ones
        return mask, constant

    def packer(self, slow: Callable[..., bytes]) -> Callable[..., bytes]:
        """encode(codes, *lists) of messages of this order; what does not fit goes to ``slow``."""
        tests = []
        for item, field in self._fields:
            highest = field.lower + field.count - 1
            if not field.width:
                tests.append(f"{item.name} == {field.lower}")
            elif field.count < 1 << field.width:
                tests.append(f"{item.name} <= {highest}")
            if item.insisted is not None:
                tests.append(f"{item.name} in {item.insisted!r}")
        tests += [f"not ({' or '.join(self._zero)})"] if self._zero else []
        raw = [f"{item.name} - {field.lower}" if field.lower > 0 else f"{item.name} + {-field.lower}"
               if field.lower else item.name for item, field in self._fields if field.width]
        lists = "".join(f", {name}" for name in self._lists)
        code = [f"def encode(codes{lists}):", "    try:", *(f"        {line}" for line in self._assigned),
                *([f"        if {' and '.join(tests)}:", f"            return pack({', '.join(raw)})"] if tests
                  else [f"        return pack({', '.join(raw)})"]),
                "    except Exception: pass", f"    return slow(codes{lists})"]
        scope: dict[str, Any] = {"pack": self._compiled.pack, "slow": slow}
        exec(compile("\n".join(code), "<fused>", "exec"), scope)
        packer: Callable[..., bytes] = scope["encode"]
        return packer

    def unpacker(self, strict: bool) -> Callable[[bytes, int], tuple[Any, ...] | None]:
        """decode(octets, the same as a number) of as many octets as these messages have; None if it is none of them."""
        mask, constant = self._compared(strict)
        tests = [f"n & {mask} != {constant}"]
        names, after = [], []
        for item, field in self._fields:
            if not field.width:
                continue
            names.append(item.name)
            if field.count < 1 << field.width and (strict or item.checked or field.enumerated):
                after.append(f"{item.name} >= {field.count}")
            if item.insisted is not None:
                after.append(f"{_code(item)} not in {item.insisted!r}")
        code = ["def decode(d, n):", f"    if {tests[0]}: return None",
                f"    {', '.join(names)}, = unpack(d)" if names else "",
                *([f"    if {' or '.join(after)}: return None"] if after else []), f"    return {self._result}"]
        scope: dict[str, Any] = {"unpack": self._compiled.unpack}
        exec(compile("\n".join(code), "<fused>", "exec"), scope)
        unpacker: Callable[[bytes, int], tuple[Any, ...] | None] = scope["decode"]
        return unpacker


def _code(item: _Item) -> str:
    """Expression of a code from what was read."""
    field = item.field
    assert field is not None
    if not field.width:
        return str(field.lower)
    return f"{item.name} + {field.lower}" if field.lower else item.name


def _block(part: BlockPart, variables: dict[int, _Item]) -> list[_Item]:
    """The fields of a block in wire order; a length that stands for a list comes as a field without name."""
    block = part.block
    total = block.words * 64
    items: list[_Item] = []
    at = 0
    for field, offset in zip(block.fields, block.offsets, strict=True):
        items += _constant(block.constant_bits, total, at, offset)
        items.append(variables.get(id(field)) or _Item(field.width, field=field))
        at = offset + field.width
    return items + _constant(block.constant_bits, total, at, block.bits)


def _constant(bits: int, total: int, start: int, end: int) -> list[_Item]:
    return [_Item(end - start, bits >> (total - end) & ((1 << end - start) - 1))] if end > start else []


def _opened(inner: list[_Item], checked: bool) -> list[_Item]:
    """An open type around some bits."""
    bits = sum(item.width for item in inner)
    octets = (bits + 7) >> 3 or 1
    if octets > LONGEST_OPEN_BYTES:
        raise NoTemplate("fragments")
    if checked:
        for item in inner:
            item.checked = True
    length = _Item(8, octets) if octets < 128 else _Item(16, octets | 0x8000)
    return [length, *inner, _Item(8 * octets - bits, checked=checked)]


def arbitrary(shape: Generated, order: tuple[Order, ...], generator: np.random.Generator) -> tuple[Any, ...]:
    """(codes, *lists) of arbitrary content in one order."""
    codes = shape.arbitrary(generator, shape.only)[0]
    lists = []
    for entries, elements in zip(order, shape.elements, strict=True):
        listed: list[Any] = []
        for entry in [0] * entries if isinstance(entries, int) else entries:
            number, orders = entry if isinstance(entry, tuple) else (entry, ())
            inner, *inside = arbitrary(elements[number], orders, generator)
            listed.append((number, *inner) if elements[number].plain else (number, inner, tuple(inside)))
        lists.append(listed)
    return codes, *lists


__all__ = ["Fused", "Order", "arbitrary", "order_code"]
