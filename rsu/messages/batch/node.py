"""Types of a compiled schema as a tree: what stands on the wire, in order, and which of it has a fixed layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rsu.codec import Schema
from rsu.messages.batch.block import NoTemplate


@dataclass(frozen=True)
class OpenType:
    """A member carried as octets whose type another member of the same SEQUENCE names.

    ``types`` maps codes of ``selector`` to type names of the schema.
    """

    selector: str
    types: Mapping[Any, str]


Opens = Mapping[tuple[str, str], OpenType]
"""Open types of a schema: (name of the SEQUENCE type, member) -> what it may hold."""


@dataclass
class Node:
    """One type. Which of the fields mean something follows from ``kind``."""

    kind: str
    """sequence, choice, list, open, leaf or opaque (no fixed layout)."""
    name: str = ""
    """Type name where the schema has one."""
    extensible: bool = False
    members: list[Member] = field(default_factory=list)
    """Of a SEQUENCE, in order; the alternatives of a CHOICE, in order."""
    additions: frozenset[str] = frozenset()
    lowest: int = 0
    """Smallest number, or smallest list length."""
    count: int = 0
    """How many codes, or lengths."""
    width: int = 0
    """Bits of the number, of the index of an alternative, or of the list length."""
    base: str = ""
    """Built-in type of a leaf."""
    names: list[str] = field(default_factory=list)
    """Of an enumeration, by wire code."""
    element: Node | None = None
    selector: str = ""
    """Of an open type: the member that names its type."""

    def member(self, name: str) -> Member | None:
        """Member or alternative of that name."""
        return self.by_name.get(name)

    def __post_init__(self) -> None:
        self.by_name: dict[str, Member] = {}
        self.code_of: dict[str, int] = {}


@dataclass
class Member:
    """A member of a SEQUENCE, an alternative of a CHOICE, or a type that an open type may hold."""

    name: str
    node: Node
    optional: bool = False
    index: int = 0
    """Number of the alternative on the wire."""
    code: Any = None
    """Of a type inside an open type: value of the selector, in the codec's form."""


def build(schema: Schema, definition: dict[str, Any], opens: Opens | None = None) -> Node:
    """The tree of a type; parts without a fixed layout become opaque nodes."""
    return _Builder(schema, opens or {}).node(definition, ())


class _Builder:
    def __init__(self, schema: Schema, opens: Opens) -> None:
        self.schema, self.opens = schema, opens

    def node(self, definition: dict[str, Any], parents: tuple[str, ...]) -> Node:
        name = definition["type"] if definition["type"] in self.schema.types else ""
        if name and name in parents:
            return Node("opaque", name)
        resolved = self.schema.resolve(definition)
        last = name
        while last and self.schema.types[last]["type"] in self.schema.types:
            last = self.schema.types[last]["type"]
        try:
            node = self._built(resolved, last or name, (*parents, name) if name else parents)
        except NoTemplate:
            node = Node("opaque")
        node.name = name
        node.by_name = {member.name: member for member in node.members}
        node.code_of = {text: code for code, text in enumerate(node.names)}
        return node

    def _built(self, definition: dict[str, Any], name: str, parents: tuple[str, ...]) -> Node:
        kind = definition["type"]
        if kind == "SEQUENCE":
            return self._sequence(definition, name, parents)
        if kind == "CHOICE":
            return self._choice(definition, parents)
        if kind == "SEQUENCE OF":
            lowest, count, extensible = _bounds(definition["size"])
            if lowest + count > 65536:
                raise NoTemplate("long list")
            return Node("list", extensible=extensible, lowest=lowest, count=count, width=(count - 1).bit_length(),
                        element=self.node(definition["element"], parents))
        return _leaf(definition)

    def _sequence(self, definition: dict[str, Any], name: str, parents: tuple[str, ...]) -> Node:
        root, additions, extensible = _split(definition["members"])
        if any("default" in member for member in root):
            raise NoTemplate("DEFAULT")
        members = []
        for member in root:
            opened = self.opens.get((name, member["name"]))
            node = self._open(opened, parents) if opened else self.node(member, parents)
            members.append(Member(member["name"], node, bool(member.get("optional"))))
        names = frozenset(name for member in additions for name in _names(member))
        return Node("sequence", extensible=extensible, members=members, additions=names)

    def _choice(self, definition: dict[str, Any], parents: tuple[str, ...]) -> Node:
        root, additions, extensible = _split(definition["members"])
        members = [Member(m["name"], self.node(m, parents), index=index) for index, m in enumerate(root)]
        names = frozenset(name for member in additions for name in _names(member))
        return Node("choice", extensible=extensible, members=members, additions=names, count=len(root),
                    width=(len(root) - 1).bit_length())

    def _open(self, opened: OpenType, parents: tuple[str, ...]) -> Node:
        members = [Member(name, self.node({"type": name}, parents), code=code) for code, name in opened.types.items()]
        node = Node("open", members=members, selector=opened.selector)
        node.by_name = {member.name: member for member in members}
        return node


def _leaf(definition: dict[str, Any]) -> Node:
    kind = definition["type"]
    if kind == "INTEGER":
        ranges = definition.get("restricted-to")
        if ranges is None:
            raise NoTemplate("unbounded INTEGER")
        lowest, count, extensible = _bounds(ranges)
        width = (count - 1).bit_length()
        if width > 64 or (width == 64 and lowest):
            raise NoTemplate("INTEGER wider than 64 bits")
        return Node("leaf", base=kind, lowest=lowest, count=count, width=width, extensible=extensible)
    if kind == "BOOLEAN":
        return Node("leaf", base=kind, count=2, width=1)
    if kind == "NULL":
        return Node("leaf", base=kind, count=1)
    if kind == "ENUMERATED":
        values = definition["values"]
        root = values[: values.index(None)] if None in values else values
        names = [name for name, _ in sorted(root, key=lambda item: item[1])]
        return Node("leaf", base=kind, count=len(names), width=(len(names) - 1).bit_length(), names=names,
                    extensible=None in values)
    if kind in ("BIT STRING", "OCTET STRING") and definition.get("size"):
        lowest, count, extensible = _bounds(definition["size"])
        bits = lowest * (8 if kind == "OCTET STRING" else 1)
        if count == 1 and 0 < bits <= 64:
            return Node("leaf", base=kind, count=1 << bits, width=bits, extensible=extensible)
    raise NoTemplate(kind)


def _bounds(ranges: list[Any]) -> tuple[int, int, bool]:
    """(lowest, count, extensible) of a constraint of one range."""
    extensible = None in ranges
    root = ranges[: ranges.index(None)] if extensible else ranges
    if len(root) != 1:
        raise NoTemplate(f"constraint {ranges}")
    bounds = root[0] if isinstance(root[0], tuple) else (root[0], root[0])
    if not all(isinstance(bound, int) for bound in bounds):
        raise NoTemplate(f"constraint {ranges}")
    return bounds[0], bounds[1] - bounds[0] + 1, extensible


def _split(members: list[Any]) -> tuple[list[dict[str, Any]], list[Any], bool]:
    if None not in members:
        return members, [], False
    mark = members.index(None)
    after = [member for member in members[mark + 1 :] if member is not None]
    return members[:mark], after, True


def _names(member: Any) -> list[str]:
    """Names of an addition or an addition group."""
    return [one["name"] for one in member] if isinstance(member, list) else [member["name"]]
