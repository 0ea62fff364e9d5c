"""What is known of one type: its layouts by pattern, bounded, and the coders of the elements of its lists."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from rsu.messages.batch.block import Path
from rsu.messages.batch.flat import FlatTable
from rsu.messages.batch.layout import FrameItem, Layout, lay_out
from rsu.messages.batch.node import Node
from rsu.messages.batch.sheet import Paths

MOST_LAYOUTS = 2048
"""Layouts kept per type; the one unused longest goes first."""
MOST_PER_PREFIX = 512
"""Layouts a decoder tries on messages that start alike."""
NONE, SEVERAL = -1, -2
"""Entries of ``flat_of_prefix`` for prefixes never met, and for those with several layouts or other than flat ones."""
_DENSE_BITS = 14


class Coder:
    """Layouts of one type by pattern; unknown patterns are laid out on first use.

    Of the prefixes that leave one flat layout only, ``flat_of_prefix`` has its number, ``bits_of_prefix`` its bits
    (0 for others) and ``common_bits`` the bits of all of them (0 if they differ).
    """

    def __init__(self, node: Node, frame: tuple[FrameItem, ...] = ()) -> None:
        self.node, self.frame = node, frame
        self.layouts: OrderedDict[Paths, Layout] = OrderedDict()
        self.children: dict[Path, Coder] = {}
        self.prefix_bits = min(_prefix(node, frame), 62)
        self.by_prefix: dict[int, list[Layout]] = {}
        self.flat = FlatTable(self.prefix_bits)
        dense = 1 << self.prefix_bits if 0 < self.prefix_bits <= _DENSE_BITS and not frame else 0
        self.flat_of_prefix = np.full(dense, NONE, np.intp)
        self.bits_of_prefix = np.zeros(dense, np.int64)
        self.common_bits = 0
        self._numbers = 0

    def layout(self, paths: Paths) -> Layout:
        """Layout of a pattern. ValueError if it is no value of the type, NoTemplate if it has no fixed layout."""
        found = self.layouts.get(paths)
        if found is not None:
            if len(self.layouts) > MOST_LAYOUTS // 2:
                self.layouts.move_to_end(paths)
            return found
        layout = lay_out(self.node, paths, self._numbers, self.frame)
        self._numbers += 1
        self.layouts[paths] = layout
        if len(self.layouts) > MOST_LAYOUTS:
            self._forget(self.layouts.popitem(last=False)[1])
        return layout

    def _forget(self, layout: Layout) -> None:
        self.retract(layout)
        self.flat.remove(layout)

    def child(self, path: Path) -> Coder:
        """Coder of the elements of the list at ``path``."""
        coder = self.children.get(path)
        if coder is None:
            node = self.node
            for name in path:
                node = node.by_name[str(name)].node
            assert node.element is not None
            coder = self.children[path] = Coder(node.element)
        return coder

    def flat_numbers(self, layouts: list[Layout]) -> NDArray[np.intp] | None:
        """Numbers of layouts in the flat table; None unless all are there."""
        for layout in layouts:
            if layout.flat < 0:
                self.flat.add(layout)
        numbers = [layout.flat for layout in layouts]
        return None if min(numbers, default=-1) < 0 else np.array(numbers, np.intp)

    def offer(self, layout: Layout) -> bool:
        """Have the decoder try a layout; False if it does already."""
        prefix = self.prefix_of(layout)
        bucket = self.by_prefix.setdefault(prefix, [])
        if layout in bucket:
            return False
        bucket.insert(0, layout)
        if len(bucket) > MOST_PER_PREFIX:
            bucket.pop()
        self._index(prefix)
        return True

    def retract(self, layout: Layout) -> None:
        """Have the decoder try a layout no more."""
        prefix = self.prefix_of(layout)
        bucket = self.by_prefix.get(prefix, [])
        if layout in bucket:
            bucket.remove(layout)
            if not bucket:
                del self.by_prefix[prefix]
            self._index(prefix)

    def prefix_of(self, layout: Layout) -> int:
        """The first ``prefix_bits`` bits of every value of a layout."""
        first = layout.first
        return first.constant_bits << 64 >> (first.words + 1) * 64 - self.prefix_bits

    def _index(self, prefix: int) -> None:
        if not len(self.flat_of_prefix):
            return
        bucket = self.by_prefix.get(prefix, [])
        number = NONE if not bucket else SEVERAL
        if len(bucket) == 1:
            self.flat.add(bucket[0])
            number = bucket[0].flat if bucket[0].flat >= 0 else SEVERAL
        self.flat_of_prefix[prefix] = number
        self.bits_of_prefix[prefix] = bucket[0].bits if number >= 0 else 0
        sizes = np.unique(self.bits_of_prefix[self.flat_of_prefix >= 0])
        self.common_bits = int(sizes[0]) if len(sizes) == 1 else 0


def _prefix(node: Node, frame: tuple[FrameItem, ...] = ()) -> int:
    """Bits at the start of every value of a type that only say what follows."""
    bits = 0
    for item in frame:
        if isinstance(item, str):
            return bits
        bits += item.width
    return bits + _shape_bits(node)


def _shape_bits(node: Node) -> int:
    if node.kind == "choice":
        return int(node.extensible) + node.width
    if node.kind != "sequence":
        return 0
    bits = int(node.extensible) + sum(member.optional for member in node.members)
    if node.members and not node.members[0].optional:
        bits += _shape_bits(node.members[0].node)
    return bits

