"""Random values of ETSI messages, drawn from the types of an independent compiler, and its spelling of a value."""

from __future__ import annotations

import random
from typing import Any

DEEPEST = 14


class RandomValues:
    """Values in asn1tools form of pycrate's compiled types: optional members, extensions, bounds each with a chance.

    ``extensions``: how often an addition, a value or a size beyond the root is drawn.
    """

    def __init__(self, draw: random.Random, optional: float = 0.5, extensions: float = 0.15) -> None:
        self.draw, self.optional, self.extensions = draw, optional, extensions

    def of(self, kind: Any, depth: int = 0) -> Any:
        """One value of a compiled type."""
        made = getattr(self, "_" + kind.TYPE.replace(" ", "_").lower())(kind, depth)
        return made

    def _integer(self, kind: Any, depth: int) -> int:
        bounds = kind._const_val
        assert bounds is not None, kind
        if bounds.ext is not None and self._beyond():
            return self.draw.choice((bounds.ub + 1, bounds.ub + self.draw.randint(1, 70_000)))
        root = self.draw.choice(bounds.root)
        low, high = getattr(root, "lb", root), getattr(root, "ub", root)
        return self.draw.choice((low, high, self.draw.randint(low, high), self.draw.randint(low, high)))

    def _boolean(self, kind: Any, depth: int) -> bool:
        return self.draw.random() < 0.5

    def _null(self, kind: Any, depth: int) -> None:
        return None

    def _enumerated(self, kind: Any, depth: int) -> str:
        if kind._ext and self._beyond():
            return self.draw.choice(kind._ext)
        return self.draw.choice(kind._root)

    def _bit_string(self, kind: Any, depth: int) -> tuple[bytes, int]:
        size = self._size(kind._const_sz, extend=False)
        return (self.draw.getrandbits(size) << (-size % 8)).to_bytes((size + 7) // 8, "big"), size

    def _octet_string(self, kind: Any, depth: int) -> bytes:
        return self.draw.randbytes(self._size(kind._const_sz))

    def _utf8string(self, kind: Any, depth: int) -> str:
        return "".join(self.draw.choice("aZ09 éß中") for _ in range(self._size(kind._const_sz)))

    def _ia5string(self, kind: Any, depth: int) -> str:
        return "".join(chr(self.draw.randrange(127)) for _ in range(self._size(kind._const_sz)))

    def _numericstring(self, kind: Any, depth: int) -> str:
        return "".join(self.draw.choice(" 0123456789") for _ in range(self._size(kind._const_sz)))

    def _sequence_of(self, kind: Any, depth: int) -> list[Any]:
        size = self._size(kind._const_sz) if depth < DEEPEST else (kind._const_sz.lb or 0)
        return [self.of(kind._cont, depth + 1) for _ in range(size)]

    def _choice(self, kind: Any, depth: int) -> tuple[str, Any]:
        names = kind._ext if kind._ext and self._beyond() else kind._root
        name = names[0] if depth >= DEEPEST else self.draw.choice(names)
        return name, self.of(kind._cont[name], depth + 1)

    def _sequence(self, kind: Any, depth: int) -> dict[str, Any]:
        value = {
            name: self.of(kind._cont[name], depth + 1) for name in kind._root
            if not (kind._cont[name]._opt or kind._cont[name]._def is not None) or self._chosen(depth)
        }
        for addition in kind._ext_nest or [] if kind._ext else []:
            group = [addition] if isinstance(addition, str) else addition
            if self._beyond() and depth < DEEPEST:
                value |= {
                    name: self.of(kind._cont[name], depth + 1) for name in group
                    if not kind._cont[name]._opt or self._chosen(depth)
                }
        return value

    def _chosen(self, depth: int) -> bool:
        return depth < DEEPEST and self.draw.random() < self.optional

    def _beyond(self) -> bool:
        return self.draw.random() < self.extensions

    def _size(self, bounds: Any, extend: bool = True) -> int:
        if bounds is None:
            return self.draw.choice((0, 1, 5, 130))
        if extend and bounds.ext is not None and self._beyond() and bounds.ub < 20:
            return bounds.ub + self.draw.randint(1, 3)
        short = min(bounds.ub, bounds.lb + self.draw.randint(0, 2))
        return self.draw.choice((bounds.lb, short, short, min(bounds.ub, 45) if self.draw.random() < 0.05 else short))


def to_pycrate(kind: Any, value: Any) -> Any:
    """The other codec writes bit strings as (number, length) and NULL as 0."""
    if kind.TYPE == "SEQUENCE":
        return {name: to_pycrate(kind._cont[name], inner) for name, inner in value.items()}
    if kind.TYPE == "SEQUENCE OF":
        return [to_pycrate(kind._cont, inner) for inner in value]
    if kind.TYPE == "CHOICE":
        return value[0], to_pycrate(kind._cont[value[0]], value[1])
    if kind.TYPE == "BIT STRING":
        octets, size = value
        return int.from_bytes(octets, "big") >> (-size % 8), size
    return 0 if kind.TYPE == "NULL" else value


def from_pycrate(kind: Any, value: Any) -> Any:
    """Inverse of :func:`to_pycrate`."""
    if kind.TYPE == "SEQUENCE":
        return {name: from_pycrate(kind._cont[name], inner) for name, inner in value.items()}
    if kind.TYPE == "SEQUENCE OF":
        return [from_pycrate(kind._cont, inner) for inner in value]
    if kind.TYPE == "CHOICE":
        return value[0], from_pycrate(kind._cont[value[0]], value[1])
    if kind.TYPE == "BIT STRING":
        number, size = value
        return (number << (-size % 8)).to_bytes((size + 7) // 8, "big"), size
    return None if kind.TYPE == "NULL" else value
