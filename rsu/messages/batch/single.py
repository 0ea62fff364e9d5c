"""One message at a time from flat numbers: Python code generated per pattern of members.

For a pattern, and the patterns its list elements may have, a packer and an unpacker are written from the layout: long
blocks through bitstruct's C extension (it comes with asn1tools; integer arithmetic where it is missing), the rest as
integer arithmetic. Both are compared with the general codec on arbitrary numbers before they are handed out. For
lists whose elements come in the same order again and again there is quicker code, see :mod:`fused`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rsu.codec import Decoded, EncodeError, Policy
from rsu.messages.batch import generate
from rsu.messages.batch.block import COUNT, NoTemplate
from rsu.messages.batch.engine import Engine
from rsu.messages.batch.fused import Fused, Order, arbitrary, order_code
from rsu.messages.batch.generate import Element, Generated, Shape
from rsu.messages.batch.sheet import Sheet

_PROBES = 3
OFTEN = 8
"""Times an order of list elements must have come before code is written for it, which takes some 5 ms."""
MOST_ORDERS = 256
"""Orders with code of their own; the oldest goes first."""
MOST_PER_LENGTH = 4
"""Orders tried on octets of one length."""
_MOST_SEEN = 4096


_Unpackers = dict[Policy, Callable[[bytes, int], tuple[Any, ...] | None]]


class Single:
    """Packer and unpacker of messages of one shape.

    ``fields`` names the codes of :meth:`encode` in order, ``lists`` its lists. Codes are those of
    :class:`rsu.messages.batch.Sheet`, without lengths and without what names the type inside an open type; 64-bit codes
    are unsigned. Raises NoTemplate on construction for a shape without fixed layout.
    """

    encode: Callable[..., bytes]
    """encode(codes, *lists) -> octets; EncodeError names what is out of range."""

    def __init__(self, engine: Engine, shape: Shape) -> None:
        self.engine, self.shape = engine, shape
        compiled = Generated(engine.coder, shape, engine.only)
        self.compiled = compiled
        self.fields, self.lists = compiled.names, compiled.lists
        self.encode = self._any_order = compiled.packer(self._refuse)
        policies: tuple[Policy, ...] = ("lenient", "strict")
        self._unpackers = {policy: compiled.unpacker(policy == "strict") for policy in policies}
        self._checking = True
        self._check()
        self._checking = False
        self._seen: dict[tuple[Order, ...], int] = {}
        self._packers: dict[tuple[Order, ...], Callable[..., bytes]] = {}
        self._by_length: dict[int, list[_Unpackers]] = {}
        self._by_order: dict[tuple[Order, ...], tuple[int, _Unpackers]] = {}
        self._order: Callable[..., tuple[Order, ...]] | None = None
        if self.lists and generate.bitstruct is not None:
            self.encode, self._order = self._dispatcher()

    def decode(self, data: bytes, policy: Policy = "lenient") -> tuple[Any, ...] | None:
        """(codes, *lists) as :meth:`encode` takes them; None if this is no message of the shape, or not a sound one."""
        fused = self._by_length.get(len(data))
        if fused is not None:
            number = int.from_bytes(data, "big")
            for unpackers in fused:
                found = unpackers[policy](data, number)
                if found is not None:
                    return found
        found = self._unpackers[policy](data)
        if found is not None and self._order is not None:
            self._meet(self._order(*found[1:]))
        return found

    def _dispatcher(self) -> tuple[Callable[..., bytes], Callable[..., tuple[Order, ...]]]:
        """encode(codes, *lists) that knows the orders with code of their own, and order(*lists)."""
        names = [f"l{index}" for index in range(len(self.lists))]
        scope: dict[str, Any] = {"find": self._packers.get, "met": self._encode_met, "slow": self._any_order}
        order, listed = order_code(self.compiled, names, scope), ", ".join(names)
        code = ["def encode(codes, *lists):", "    try:", f"        {listed}, = lists", f"        order = {order}",
                "        pack = find(order)", "    except Exception: return slow(codes, *lists)",
                f"    return met(order, codes, lists) if pack is None else pack(codes, {listed})",
                f"def order({listed}): return {order}"]
        exec(compile("\n".join(code), "<dispatcher>", "exec"), scope)
        return scope["encode"], scope["order"]

    def _encode_met(self, order: tuple[Order, ...], codes: Sequence[int], lists: Sequence[Sequence[Element]]) -> bytes:
        octets = self._any_order(codes, *lists)
        self._meet(order)
        return octets

    def _meet(self, order: tuple[Order, ...]) -> None:
        """Count an order of list elements; write code for it when it comes often, take it up where it was put aside."""
        if order in self._by_order:
            self._prefer(*self._by_order[order])
            return
        times = self._seen.get(order, 0) + 1
        if times == 1 and len(self._seen) >= _MOST_SEEN:
            self._seen = dict.fromkeys(self._packers, OFTEN)
        self._seen[order] = times
        if times != OFTEN or order in self._packers:
            return
        if len(self._packers) >= MOST_ORDERS:
            oldest = next(iter(self._packers))
            del self._packers[oldest], self._seen[oldest]
            length, unpackers = self._by_order.pop(oldest, (0, {}))
            self._by_length[length] = [one for one in self._by_length.get(length, []) if one is not unpackers]
        try:
            self._fuse(order)
        except (NoTemplate, EncodeError, ValueError):
            self._packers[order] = self._any_order

    def _fuse(self, order: tuple[Order, ...]) -> None:
        fused = Fused(self.compiled, order)
        pack = fused.packer(self._any_order)
        unpackers: _Unpackers = {policy: fused.unpacker(policy == "strict") for policy in self._unpackers}
        generator = np.random.default_rng(fused.octets)
        for _ in range(_PROBES):
            wanted = arbitrary(self.compiled, order, generator)
            octets = self.engine.encode_general(self.sheet(*wanted))[0]
            number = int.from_bytes(octets, "big")
            if len(octets) != fused.octets or pack(*wanted) != octets or any(
                    unpack(octets, number) != wanted for unpack in unpackers.values()):
                raise NoTemplate("code for an order differs from the general codec")
        self._packers[order], self._by_order[order] = pack, (fused.octets, unpackers)
        self._prefer(fused.octets, unpackers)

    def _prefer(self, length: int, unpackers: _Unpackers) -> None:
        """Try these first on octets of a length."""
        others = [one for one in self._by_length.get(length, []) if one is not unpackers]
        self._by_length[length] = [unpackers, *others[: MOST_PER_LENGTH - 1]]

    def sheet(self, codes: Sequence[int], *lists: Sequence[Element]) -> Sheet:
        """The same message as a sheet of one row."""
        return self.compiled.sheet([(0, codes, lists)])

    def _refuse(self, codes: Sequence[int], lists: Sequence[Sequence[Element]], error: Exception) -> bytes:
        """Octets from the general codec, or its word on what is wrong."""
        if self._checking:
            raise NoTemplate(f"generated code refuses what is in range: {error}")
        if len(codes) != len(self.fields) or len(lists) != len(self.lists):
            raise EncodeError(f"{self.engine.message}: {len(codes)} codes and {len(lists)} lists, expected "
                              f"{len(self.fields)} and {len(self.lists)}") from None
        try:
            sheet = self.sheet(codes, *lists)
        except (OverflowError, ValueError, IndexError, TypeError) as problem:
            raise EncodeError(f"{self.engine.message}: {problem}") from None
        return self.engine.encode(sheet)[0]

    def _check(self) -> None:
        generator = np.random.default_rng(len(self.fields))
        for _ in range(_PROBES):
            codes, lists = self.compiled.arbitrary(generator, self.engine.only)
            octets = self.engine.encode_general(self.sheet(codes, *lists))[0]
            wanted = (codes, *lists)
            read = [unpack(octets) for unpack in self._unpackers.values()]
            if self.encode(codes, *lists) != octets or any(one != wanted for one in read):
                raise NoTemplate("generated code differs from the general codec")


class Singles:
    """Decoder of messages of any of several shapes; others go through the general codec."""

    def __init__(self, engine: Engine, shapes: Sequence[Shape]) -> None:
        self.engine = engine
        self.singles = [Single(engine, shape) for shape in shapes]

    def decode(self, data: bytes, policy: Policy = "lenient") -> tuple[Single, tuple[Any, ...]] | Decoded:
        """(shape's coder, (codes, *lists)), or the general codec's result for anything else."""
        for position, single in enumerate(self.singles):
            found = single.decode(data, policy)
            if found is not None:
                if position:
                    self.singles.insert(0, self.singles.pop(position))
                return single, found
        return self.engine.codec.decode(data, policy)


def shapes_of(sheet: Sheet) -> list[Shape]:
    """Shapes that cover a sheet: its patterns, each with all element patterns found in the sheet's lists."""
    elements = {path: shapes_of(inside) for path, inside in sheet.lists.items()}
    return [Shape(paths, {path: shapes for path, shapes in elements.items() if (*path, COUNT) in paths})
            for paths in sheet.kinds]


__all__ = ["Shape", "Single", "Singles", "shapes_of"]
