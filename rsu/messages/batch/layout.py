"""Bit layouts of patterns: which blocks, lists and open types follow each other when certain members are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch.block import COUNT, Block, Field, NoTemplate, Path
from rsu.messages.batch.node import Node
from rsu.messages.batch.sheet import PRESENT, VOID, Paths, closure, code_of, dotted, only_alternative

OPEN = "open"
FrameItem = Field | str
"""Part of a frame before the message: constant bits, or OPEN: what follows is an open type."""


@dataclass
class BlockPart:
    """A block; ``take`` says which columns of the pattern its fields are."""

    block: Block
    take: NDArray[np.intp] | slice


@dataclass
class ListPart:
    """The elements of a list; its length stands in the block before."""

    path: Path
    count: int
    """Column of the length."""


@dataclass
class OpenPart:
    """A length in octets and the parts inside, padded to octets."""

    parts: list[Part]
    checked: bool = True
    """Whether numbers inside must be in range for a receiver to take them for this type."""


Part = BlockPart | ListPart | OpenPart


@dataclass(eq=False)
class Layout:
    """Layout of one pattern of one type."""

    number: int
    paths: Paths
    parts: list[Part]
    bits: int
    """Total without lists and open types."""
    simple: bool
    """One block and nothing else."""
    fixed: list[tuple[int, int]] = field(default_factory=list)
    """Columns that hold one code in this pattern (what names the type inside an open type), and that code."""
    trusted_encoding: bool = False
    broken: bool = False
    flat: int = -1
    """Number in the coder's FlatTable."""

    @property
    def first(self) -> Block:
        """The block at the start."""
        part = self.parts[0]
        assert isinstance(part, BlockPart)
        return part.block

    @cached_property
    def stem(self) -> object:
        """What goes before and up to the first list; equal for layouts that are read alike until there."""
        first = self.parts[0]
        assert isinstance(first, BlockPart)
        if len(self.parts) < 2 or not isinstance(self.parts[1], ListPart):
            return self.number
        places = first.take if isinstance(first.take, slice) else range(0)
        return (tuple(first.block.fields), first.block.constant_bits, first.block.mask_bits, self.parts[1].path,
                self.parts[1].count, (places.start, places.stop) if isinstance(first.take, slice)
                else tuple(first.take.tolist()))

    def fields(self, parts: list[Part] | None = None) -> list[Field]:
        """Every variable field outside lists, in wire order."""
        found: list[Field] = []
        for part in self.parts if parts is None else parts:
            if isinstance(part, BlockPart):
                found += part.block.fields
            elif isinstance(part, OpenPart):
                found += self.fields(part.parts)
        return found


def lay_out(node: Node, paths: Paths, number: int, frame: tuple[FrameItem, ...] = ()) -> Layout:
    """Layout of the values of a type that have exactly the members ``paths``.

    Raises ValueError for a pattern that is no value of the type, NoTemplate for parts without fixed layout.
    """
    walker = _Walker(paths)
    parts = walker.framed(node, frame)
    left = set(range(len(paths))) - walker.used
    unused = [paths[index] for index in sorted(left) if paths[index][-1:] != (PRESENT,) and paths[index] != VOID]
    if unused:
        raise ValueError(f"{dotted(unused[0])}: no such member in this message")
    bits = sum(part.block.bits for part in parts if isinstance(part, BlockPart))
    return Layout(number, paths, parts, bits, len(parts) == 1, walker.fixed)


class _Walker:
    def __init__(self, paths: Paths) -> None:
        self.index = {path: number for number, path in enumerate(paths)}
        self.sent = closure(paths)
        self.used: set[int] = set()
        self.fixed: list[tuple[int, int]] = []
        self.parts: list[Part] = []
        self.fields: list[Field] = []

    def framed(self, node: Node, frame: tuple[FrameItem, ...]) -> list[Part]:
        self._inside(node, (), frame)
        return self.flush()

    def _inside(self, node: Node, path: Path, frame: tuple[FrameItem, ...]) -> None:
        for position, item in enumerate(frame):
            if isinstance(item, str):
                self._open(node, path, frame[position + 1 :], checked=False)
                return
            self.fields.append(item)
        self.walk(node, path)

    def flush(self) -> list[Part]:
        if self.fields or not self.parts:
            block = Block(self.fields)
            take = np.array([self.index[f.path] for f in block.fields], np.intp)
            self.used.update(take.tolist())
            straight = len(take) and np.array_equal(take, np.arange(take[0], take[0] + len(take)))
            self.parts.append(BlockPart(block, slice(int(take[0]), int(take[0]) + len(take)) if straight else take))
            self.fields = []
        return self.parts

    def walk(self, node: Node, path: Path) -> None:
        if node.kind == "sequence":
            self._sequence(node, path)
        elif node.kind == "choice":
            if node.extensible:
                self._constant(path, 1, 0)
            member = only_alternative(node, path, self.sent)
            self._constant(path, node.width, member.index)
            self.walk(member.node, (*path, member.name))
        elif node.kind == "open":
            member = only_alternative(node, path, self.sent)
            self._open(member.node, (*path, member.name), ())
        elif node.kind == "list":
            self._variable(node, (*path, COUNT), refused=True)
            self.flush()
            self.parts.append(ListPart(path, self.index[*path, COUNT]))
        elif node.kind == "leaf":
            self._variable(node, path, refused=node.base == "ENUMERATED")
        else:
            raise NoTemplate(f"{dotted(path)}: no fixed layout")

    def _sequence(self, node: Node, path: Path) -> None:
        if node.extensible:
            self._constant(path, 1, 0)
        for member in node.members:
            if member.optional:
                self._constant(path, 1, int((*path, member.name) in self.sent))
        selectors = {member.node.selector: member for member in node.members
                     if member.node.kind == "open" and (*path, member.name) in self.sent}
        for member in node.members:
            inside = (*path, member.name)
            if member.optional and inside not in self.sent:
                continue
            self.walk(member.node, inside)
            if member.name in selectors:
                self._select(node, path, member.name, selectors[member.name].name)

    def _select(self, node: Node, path: Path, selector: str, opened: str) -> None:
        """Turn the selector just laid out into a constant: this pattern holds for one code of it only."""
        chosen = only_alternative(node.by_name[opened].node, (*path, opened), self.sent)
        variable = self.fields.pop()
        code = code_of(node.by_name[selector].node, chosen.code)
        assert code is not None
        self.used.add(self.index[*path, selector])
        self.fixed.append((self.index[*path, selector], code))
        self.fields.append(Field(variable.path, variable.width, constant=code - variable.lower))

    def _open(self, node: Node, path: Path, frame: tuple[FrameItem, ...], checked: bool = True) -> None:
        self.flush()
        outer, self.parts = self.parts, []
        self._inside(node, path, frame)
        inner, self.parts = self.flush(), outer
        self.parts.append(OpenPart(inner, checked))

    def _constant(self, path: Path, width: int, value: int) -> None:
        if width:
            self.fields.append(Field(path, width, constant=value))

    def _variable(self, node: Node, path: Path, refused: bool) -> None:
        if path not in self.index:
            raise ValueError(f"{dotted(path)}: missing")
        if node.extensible:
            self._constant(path, 1, 0)
        self.fields.append(Field(path, node.width, node.lowest, node.count, None, refused, node.extensible))
