"""Random values of a type in asn1tools form, from the tree the batch engine sees."""

from __future__ import annotations

import random
from typing import Any

from rsu.messages.batch.node import Node


class Values:
    """Draws values; optional members with a probability that differs from value to value."""

    def __init__(self, seed: int, longest: int = 6) -> None:
        self.random = random.Random(seed)
        self.longest = longest

    def value(self, node: Node) -> Any:
        """One value."""
        return self._draw(node, self.random.choice((0.1, 0.3, 0.5, 0.9)))

    def patterned(self, node: Node, pattern: int) -> Any:
        """One value whose members and lengths depend on ``pattern`` only, its numbers on the state."""
        state = self.random
        self.random = random.Random(pattern)
        value = self.value(node)
        self.random = state
        return self._renumbered(node, value)

    def _draw(self, node: Node, chance: float) -> Any:
        if node.kind == "sequence":
            return self._sequence(node, chance)
        if node.kind == "choice":
            member = self.random.choice([member for member in node.members if drawable(member.node)])
            return member.name, self._draw(member.node, chance)
        if node.kind == "list":
            assert node.element is not None
            highest = min(node.lowest + node.count - 1, node.lowest + self.longest)
            return [self._draw(node.element, chance) for _ in range(self.random.randint(node.lowest, highest))]
        return self._leaf(node)

    def _sequence(self, node: Node, chance: float) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for member in node.members:
            if not drawable(member.node) or (member.optional and self.random.random() >= chance):
                continue
            if member.node.kind == "open":
                inner = self.random.choice([one for one in member.node.members if drawable(one.node)])
                value[member.node.selector] = inner.code
                value[member.name] = self._draw(inner.node, chance)
            else:
                value[member.name] = self._draw(member.node, chance)
        return value

    def _renumbered(self, node: Node, value: Any) -> Any:
        if node.kind == "sequence":
            opens = {member.node.selector for member in node.members if member.node.kind == "open"}
            return {
                name: inner if name in opens else self._renumbered(_inside(node, value, name), inner)
                for name, inner in value.items()
            }
        if node.kind == "choice":
            return value[0], self._renumbered(node.by_name[value[0]].node, value[1])
        if node.kind == "list":
            assert node.element is not None
            return [self._renumbered(node.element, inner) for inner in value]
        return self._leaf(node)

    def _leaf(self, node: Node) -> Any:
        draw = self.random
        if node.base == "INTEGER":
            highest = node.lowest + node.count - 1
            return draw.choice((node.lowest, highest, draw.randint(node.lowest, highest)))
        if node.base == "BOOLEAN":
            return draw.random() < 0.5
        if node.base == "NULL":
            return None
        if node.base == "ENUMERATED":
            return draw.choice(node.names)
        number = draw.getrandbits(node.width)
        if node.base == "BIT STRING":
            return (number << (-node.width % 8)).to_bytes((node.width + 7) // 8, "big"), node.width
        return number.to_bytes(node.width // 8, "big")


def _inside(node: Node, value: dict[str, Any], name: str) -> Node:
    inner = node.by_name[name].node
    if inner.kind != "open":
        return inner
    return next(member.node for member in inner.members if member.code == value[inner.selector])


def drawable(node: Node) -> bool:
    """Whether every mandatory part of a type has a fixed layout."""
    if node.kind == "opaque":
        return False
    if node.kind == "sequence":
        return all(member.optional or drawable(member.node) for member in node.members)
    if node.kind == "list":
        return node.element is not None and drawable(node.element)
    return node.kind not in ("choice", "open") or any(drawable(member.node) for member in node.members)
