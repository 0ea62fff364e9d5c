"""What stands before a message on the wire, as constant bits and open types."""

from __future__ import annotations

from rsu.codec import Schema
from rsu.messages.batch.block import Field
from rsu.messages.batch.layout import OPEN, FrameItem
from rsu.messages.batch.node import build


def alternative(schema: Schema, type_name: str, name: str) -> tuple[FrameItem, ...]:
    """Bits that choose a root alternative of a CHOICE, or an alternative behind its extension marker.

    The latter is a bit, a small number (one bit and six) and an open type (ITU-T X.691 clauses 23.8 and 11.6).
    """
    members = schema.resolve({"type": type_name})["members"]
    names = [member["name"] for member in members if member]
    mark = members.index(None) if None in members else len(members)
    position = names.index(name)
    extensible = (Field((), 1, constant=int(position >= mark)),) if mark < len(members) else ()
    if position < mark:
        return (*extensible, Field((), (mark - 1).bit_length(), constant=position))
    return (*extensible, Field((), 7, constant=position - mark), OPEN)


def numbered(schema: Schema, type_name: str, selector: str, code: int) -> tuple[FrameItem, ...]:
    """Bits of a SEQUENCE of a number and an open type, which that number names."""
    node = build(schema, {"type": type_name})
    if any(member.optional for member in node.members) or [m.name for m in node.members][0] != selector:
        raise ValueError(f"{type_name}: not a number and a value")
    number = node.by_name[selector].node
    marks = (Field((), 1, constant=0),) * (int(node.extensible) + int(number.extensible))
    return (*marks, Field((), number.width, constant=code - number.lowest), OPEN)
