"""One message at a time from flat numbers: Python code generated per pattern of members.

For a pattern, and the patterns its list elements may have, a packer and an unpacker are written from the layout: long
blocks through bitstruct's C extension (it comes with asn1tools; integer arithmetic where it is missing), the rest as
integer arithmetic. Both are compared with the general codec on arbitrary numbers before they are handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rsu.codec import Decoded, EncodeError, Policy
from rsu.messages.batch.block import COUNT, NoTemplate
from rsu.messages.batch.engine import Engine
from rsu.messages.batch.generate import Element, Generated, Shape
from rsu.messages.batch.sheet import Sheet

_PROBES = 3


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
        self.encode = compiled.packer(self._refuse)
        self._unpackers = {policy: compiled.unpacker(policy == "strict") for policy in ("lenient", "strict")}
        self._checking = True
        self._check()
        self._checking = False

    def decode(self, data: bytes, policy: Policy = "lenient") -> tuple[Any, ...] | None:
        """(codes, *lists) as :meth:`encode` takes them; None if this is no message of the shape, or not a sound one."""
        return self._unpackers[policy](data)

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
