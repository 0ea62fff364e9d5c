"""Batch coding against the general codec on random messages: octets, values, and damaged input."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsu.codec import Policy
from rsu.messages.batch.block import COUNT
from rsu.messages.batch.draw import Values
from rsu.messages.batch.engine import Batch, Engine
from rsu.messages.batch.sheet import RowReader

_CHUNK = 5000


@dataclass
class Tally:
    """What was compared."""

    messages: int = 0
    patterns: int = 0
    octets: int = 0
    damaged: int = 0
    trusted_layouts: int = 0


class Mismatch(AssertionError):
    """Batch and general codec differ; the text says where."""


def check(engine: Engine, messages: int, patterns: int, seed: int = 1, damage_share: float = 0.1) -> Tally:
    """Compare ``messages`` random messages over ``patterns`` random patterns of members; raises Mismatch.

    Every message is encoded both ways (octet by octet) and decoded both ways (value by value, both policies); a share
    of them is cut, flipped or extended and decoded both ways again.
    """
    values, tally = Values(seed), Tally(patterns=patterns)
    for start in range(0, messages, _CHUNK):
        chunk = [drawn(engine, values, number % patterns) for number in range(start, min(start + _CHUNK, messages))]
        octets = [engine.codec.encode(engine.message, value) for value in chunk]
        sheet = engine.sheet(chunk)
        if sheet.values:
            raise Mismatch(f"row {min(sheet.values)}: columns do not hold the value")
        for row, (ours, theirs) in enumerate(zip(engine.encode(sheet), octets, strict=True)):
            if ours != theirs:
                raise Mismatch(f"message {start + row}: {ours.hex()} instead of {theirs.hex()}")
        policies: tuple[Policy, ...] = ("lenient", "strict")
        for policy in policies:
            batch = engine.decode(octets, policy)
            reader = RowReader(engine.node, batch.sheet)
            for row, value in enumerate(chunk):
                if batch.status[row] or reader.value(row) != value:
                    raise Mismatch(f"message {start + row}, {policy}: read otherwise than by the general codec")
        hurt = list(damaged(octets, seed + start, damage_share))
        for policy in policies:
            compare(engine.decode(hurt, policy), engine.decode_general(hurt, policy))
        tally.messages += len(chunk)
        tally.octets += sum(map(len, octets))
        tally.damaged += len(hurt)
    tally.trusted_layouts = sum(layout.trusted_encoding for layout in engine.coder.layouts.values())
    return tally


def drawn(engine: Engine, values: Values, pattern: int) -> Any:
    """A random value of a pattern, with what the codec insists on."""
    value = values.patterned(engine.node, pattern)
    for path, codes in engine.only.items():
        branch = value
        for name in path[:-1]:
            branch = branch[name]
        branch[path[-1]] = values.random.choice(codes)
    return value


def damaged(octets: list[bytes], seed: int, share: float) -> Iterator[bytes]:
    """A share of the messages, cut, with flipped bits, with octets behind, or replaced by random ones."""
    draw = random.Random(seed)
    for message in octets[: max(int(len(octets) * share), 1)]:
        data = bytearray(message)
        way = draw.randrange(4)
        if way == 0:
            data = data[: draw.randrange(len(data))]
        elif way == 1:
            for _ in range(draw.randint(1, 3)):
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        elif way == 2:
            data += draw.randbytes(draw.randint(1, 20))
        else:
            data = bytearray(draw.randbytes(draw.randint(0, 90)))
        yield bytes(data)


def compare(ours: Batch, theirs: Batch) -> None:
    """Mismatch unless two batches say the same: status, refusals, numbers and whole values of every row."""
    if not np.array_equal(ours.status, theirs.status):
        raise Mismatch(f"status: {ours.status.tolist()} instead of {theirs.status.tolist()}")
    if ours.refused != theirs.refused or ours.sheet.values != theirs.sheet.values:
        raise Mismatch("refusals or values beside the columns differ")
    for row in range(len(ours.status)):
        if numbers(ours, row) != numbers(theirs, row):
            raise Mismatch(f"row {row}: {numbers(ours, row)} instead of {numbers(theirs, row)}")


def numbers(batch: Batch, row: int) -> Any:
    """All codes of one row, its lists included."""
    return _numbers(batch.sheet, row)


def _numbers(sheet: Any, row: int) -> Any:
    paths = sheet.kinds[int(sheet.kind[row])] if len(sheet) else ()
    codes = dict(zip(paths, sheet.matrix[: len(paths), row].tolist(), strict=True))
    found: dict[Any, Any] = dict(codes)
    for path in sheet.lists:
        count = codes.get((*path, COUNT), 0)
        end = int(np.cumsum(sheet.counts(path))[row])
        found[path, "elements"] = [_numbers(sheet.lists[path], one) for one in range(end - count, end)]
    return {name: value for name, value in found.items() if value != []}
