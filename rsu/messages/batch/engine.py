"""Many messages of one kind at once, octet for octet as the general codec makes them.

Every pattern of members gets a layout from the parsed schema. A layout is compared with the general codec on a live
message before it is trusted, in either direction; whatever has no layout goes through the general codec, so results
never depend on the path taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rsu.codec import Codec, Decoded, EncodeError, Policy
from rsu.messages.batch import block
from rsu.messages.batch import encode as encoding
from rsu.messages.batch.assemble import Assembler
from rsu.messages.batch.block import COUNT, NoTemplate, OutOfRange, Path, Rows, Words
from rsu.messages.batch.coder import Coder
from rsu.messages.batch.decode import padding_is_zero, read
from rsu.messages.batch.layout import FrameItem, Layout
from rsu.messages.batch.node import Node, Opens, build
from rsu.messages.batch.reading import Input, Piece
from rsu.messages.batch.sheet import RowReader, Sheet, SheetBuilder, merge

STATUS_OK, STATUS_SKIPPED, STATUS_ERROR = 0, 1, 2
LONGEST_BYTES = 1536
"""Longer input goes to the general codec."""
FEWEST = 8
"""Fewer messages at once go to the general codec, which is quicker for them."""
MESSAGES_PER_LESSON = 16
"""A batch learns from one in so many of its messages at most: learning takes some 10 ms, so that a batch of patterns
never met takes about 1 ms for each message."""
MOST_AT_ONCE = 8
"""Layouts in one message that a decoder learns from it: comparing takes its time, and only hostile ones have more."""


@dataclass
class Batch:
    """Decoded messages: one row of ``sheet`` and one ``status`` per input.

    Rows that are no message of this kind (STATUS_SKIPPED: another kind, STATUS_ERROR: none of the set) have no
    members. ``refused`` holds what the general codec said of them.
    """

    status: NDArray[np.int8]
    sheet: Sheet
    refused: dict[int, Decoded] = field(default_factory=dict)


class Engine:
    """Batch coder of one message of a codec; keeps the layouts it has met.

    ``frame`` is what stands before the message, ``opens`` the open types inside it, ``only`` columns that the codec
    accepts with certain codes only.
    """

    def __init__(self, codec: Codec, message: str, frame: tuple[FrameItem, ...] = (), opens: Opens | None = None,
                 only: Mapping[Path, tuple[int, ...]] | None = None) -> None:
        self.codec, self.message = codec, message
        schema, definition = codec.definition(message)
        self.node: Node = build(schema, definition, opens)
        self.coder = Coder(self.node, frame)
        self.only = dict(only or {})

    # Encoding

    def encode(self, sheet: Sheet) -> list[bytes]:
        """Octets of one message per row; raises EncodeError naming the member that is missing or out of range."""
        if sheet.values:
            return self._encode_mixed(sheet)
        if not len(sheet):
            return []
        try:
            plan = encoding.make_plan(self.coder, sheet)
            used = plan.layouts()
            if any(layout.broken for _, layout, _ in used) or not self._allowed(sheet):
                return self.encode_general(sheet)
            octets = encoding.pack(plan)
        except (NoTemplate, encoding.TooLong):
            return self.encode_general(sheet)
        except OutOfRange as error:
            if error.field.extensible:
                return self.encode_general(sheet)
            raise EncodeError(f"{self.message}.{error}") from None
        except ValueError as error:
            raise EncodeError(f"{self.message}.{error}") from None
        if all(layout.trusted_encoding for _, layout, _ in used) or self._verified(plan, sheet, octets):
            return octets
        return self.encode_general(sheet)

    def _encode_mixed(self, sheet: Sheet) -> list[bytes]:
        out = [b""] * len(sheet)
        rest = np.array([row for row in range(len(sheet)) if row not in sheet.values], np.intp)
        for row, octets in zip(rest.tolist(), self.encode(sheet.take(rest)), strict=True):
            out[row] = octets
        for row, value in sheet.values.items():
            out[row] = self.codec.encode(self.message, value)
        return out

    def encode_general(self, sheet: Sheet) -> list[bytes]:
        """The same as :meth:`encode` through the general codec, message by message (reference)."""
        reader = RowReader(self.node, sheet)
        return [self._encode_row(reader, row) for row in range(len(sheet))]

    def _encode_row(self, reader: RowReader, row: int) -> bytes:
        try:
            value = reader.value(row)
        except ValueError as error:
            raise EncodeError(f"{self.message}.{error}") from None
        return self.codec.encode(self.message, value)

    def _allowed(self, sheet: Sheet) -> bool:
        return all(bool(block.among(sheet.column(path, codes[0]), codes).all()) for path, codes in self.only.items())

    def _verified(self, plan: encoding.Plan, sheet: Sheet, octets: list[bytes]) -> bool:
        """Compare the first message of every layout not yet trusted, as it is and with other numbers in it.

        A layout in a wrong message is never used again.
        """
        reader = RowReader(self.node, sheet)
        owners = _owners(plan)
        fine = True
        for number, (inner, layout, rows) in enumerate(plan.layouts()):
            if layout.trusted_encoding or not len(inner.sheet):
                continue
            row = int(owners[number][0 if rows is None else int(rows[0])])
            if octets[row] == self._encode_row(reader, row) and self._probe(sheet.take(np.array([row]))):
                layout.trusted_encoding = True
            else:
                layout.broken = True
                fine = False
        return fine

    def _probe(self, one: Sheet) -> bool:
        """Whether a message with the same members but arbitrary numbers is coded as by the general codec."""
        self.scramble(self.coder, one, np.random.default_rng(len(one.kinds)))
        return encoding.pack(encoding.make_plan(self.coder, one)) == self.encode_general(one)

    def scramble(self, coder: Coder, sheet: Sheet, generator: np.random.Generator) -> None:
        """Put arbitrary numbers into all members of a sheet, lengths and what names other content excepted."""
        for row, number in enumerate(sheet.kind.tolist()):
            layout = coder.layout(sheet.kinds[number])
            index = {path: position for position, path in enumerate(layout.paths)}
            for one in layout.fields():
                if one.path[-1:] != (COUNT,) and not (coder is self.coder and one.path in self.only):
                    offset = int(generator.integers(0, (1 << one.width) - 1 if one.width == 64 else one.count - 1,
                                                    dtype=np.uint64, endpoint=True))
                    code = one.lower + offset
                    sheet.matrix[index[one.path], row] = code - (1 << 64) if code >= 1 << 63 else code
        for path, elements in sheet.lists.items():
            self.scramble(coder.child(path), elements, generator)

    # Decoding

    def decode(self, messages: Sequence[bytes], policy: Policy = "lenient", why: bool = True) -> Batch:
        """One row per input; equal to decoding each with the general codec.

        Without ``why``, ``refused`` leaves out messages that are refused for certain.
        """
        return _Decoding(self, messages, policy, why).run()

    def decode_general(self, messages: Sequence[bytes], policy: Policy = "lenient") -> Batch:
        """The same as :meth:`decode` through the general codec, message by message (reference)."""
        builder = SheetBuilder(self.node)
        status = np.zeros(len(messages), np.int8)
        refused = {}
        for row, data in enumerate(messages):
            decoded = self.codec.decode(data, policy)
            if decoded.usable and decoded.message == self.message:
                builder.add(decoded.value)
            else:
                builder.skip()
                status[row] = STATUS_ERROR if decoded.status == "error" else STATUS_SKIPPED
                refused[row] = decoded
        return Batch(status, builder.sheet(), refused)

    def sheet(self, values: Sequence[object]) -> Sheet:
        """Sheet of values in asn1tools form; what columns cannot hold stays beside them."""
        builder = SheetBuilder(self.node)
        for value in values:
            builder.add(value)
        return builder.sheet()

    def learn(self, sheet: Sheet) -> list[tuple[Coder, Layout]]:
        """Have the decoder try the layouts of a sheet; those that are new to it. NoTemplate where there is none."""
        found = self._layouts(self.coder, sheet)
        if any(layout.broken for _, layout in found):
            raise NoTemplate("a layout found wrong")
        if len(found) > MOST_AT_ONCE:
            raise NoTemplate("more layouts in one message than are learned at once")
        return [(coder, layout) for coder, layout in found if coder.offer(layout)]

    def _layouts(self, coder: Coder, sheet: Sheet) -> list[tuple[Coder, Layout]]:
        found = [(coder, coder.layout(paths)) for number, paths in enumerate(sheet.kinds) if number in sheet.kind]
        for path, elements in sheet.lists.items():
            if len(elements):
                found += self._layouts(coder.child(path), elements)
        return found


def _owners(plan: encoding.Plan) -> list[Rows]:
    """Message row of each row of every plan, once per layout, in the order of ``plan.layouts()``."""

    def walk(inner: encoding.Plan, owner: Rows) -> list[Rows]:
        found = [owner] * len(inner.groups)
        for elements in inner.lists.values():
            found += walk(elements.plan, np.repeat(owner, elements.counts))
        return found

    return walk(plan, np.arange(len(plan.sheet)))


class _Decoding:
    """One call of :meth:`Engine.decode`."""

    def __init__(self, engine: Engine, messages: Sequence[bytes], policy: Policy, why: bool = True) -> None:
        if set(map(type, messages)) - {bytes}:
            messages = [bytes(one) if isinstance(one, bytes | bytearray | memoryview) else b"" for one in messages]
        self.engine, self.messages, self.policy, self.why = engine, messages, policy, why
        self.strict = policy == "strict"
        self.status = np.zeros(len(messages), np.int8)
        self.refused: dict[int, Decoded] = {}
        self.pieces: list[tuple[Piece, Rows]] = []
        self.general: dict[int, object] = {}
        self.bits = np.fromiter(map(len, messages), np.int64, len(messages)) * 8

    def run(self) -> Batch:
        short = (self.bits > 0) & (self.bits <= LONGEST_BYTES * 8) & (len(self.messages) >= FEWEST)
        left = np.arange(len(self.messages)) if short.all() else np.flatnonzero(short)
        for row in np.flatnonzero(~short).tolist():
            self._general(row)
        if len(left):
            self._batch(left)
        return self._result()

    def _batch(self, left: Rows) -> None:
        # Messages of another set come together: where the first is refused, most are.
        foreign = not self.why and self.engine.codec.refuses(self.messages[int(left[0])])
        if foreign:
            left = left[~self._refused(left)]
            if not len(left):
                return
        chosen = self.messages if len(left) == len(self.messages) else [self.messages[row] for row in left.tolist()]
        words = block.from_octets(chosen, int(self.bits[left].max() + 63) // 64 + 2)
        place = np.arange(len(left))
        place = place[~self._read(words, place, left)]
        if not self.why and not foreign and len(place):
            place = place[~self._refused(left[place])]
        tries, lessons = 1, max(1, len(left) // MESSAGES_PER_LESSON)
        while len(place) and lessons > 0:
            known = len(self.general)
            learned = [self._learn(int(left[one])) for one in place[: min(tries, lessons)]]
            lessons -= len(self.general) - known
            place = place[len(learned) :]
            if any(learned) and len(place):
                before = len(place)
                place = place[~self._read(words, place, left)]
                # Many patterns: learn more of them before looking at all the rest again.
                tries = 1 if 2 * len(place) < before else min(2 * tries, 256)
        for one in left[place].tolist():
            self._general(one)

    def _refused(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows are refused for certain; their status says so."""
        refuses, messages = self.engine.codec.refuses, self.messages
        refused = np.array([refuses(messages[row]) for row in rows.tolist()])
        self.status[rows[refused]] = STATUS_ERROR
        return refused

    def _read(self, words: Words, place: Rows, left: Rows) -> NDArray[np.bool_]:
        """Read those messages that have a known layout; which ones those were."""
        rows = left[place]
        bits = self.bits[rows]
        source = Input(words, self.strict)
        reading = read(self.engine.coder, source, place, np.zeros(len(place), np.int64), bits, self.strict)
        good = reading.good
        if self.strict:
            good &= np.maximum((reading.end + 7) >> 3, 1) << 3 == bits
            good &= padding_is_zero(words, place, reading.end, bits - reading.end)
        for piece in reading.pieces:
            self._allow(piece, good)
        for piece in reading.pieces:
            kept = good[piece.rows]
            self.pieces.append((piece, np.where(kept, rows[piece.rows], -1)))
        return good

    def _allow(self, piece: Piece, good: NDArray[np.bool_]) -> None:
        for path, codes in self.engine.only.items():
            for number, layout in enumerate(piece.layouts):
                if path in layout.paths:
                    wrong = ~block.among(piece.matrix[layout.paths.index(path)], codes)
                    if piece.kind is not None:
                        wrong &= piece.kind == number
                    good[piece.rows[wrong]] = False

    def _general(self, row: int) -> bool:
        decoded = self.engine.codec.decode(self.messages[row], self.policy)
        if decoded.usable and decoded.message == self.engine.message:
            self.general[row] = decoded.value
            return True
        self.status[row] = STATUS_ERROR if decoded.status == "error" else STATUS_SKIPPED
        self.refused[row] = decoded
        return False

    def _learn(self, row: int) -> bool:
        """Decode one row with the general codec; whether that taught new layouts."""
        engine = self.engine
        if not self._general(row):
            return False
        sheet = engine.sheet([self.general[row]])
        if sheet.values:
            return False
        try:
            new = engine.learn(sheet)
        except (NoTemplate, ValueError):
            return False
        if new and not (self._agrees(self.messages[row], self.general[row]) and self._agrees_on_probe(sheet)):
            for coder, layout in new:
                coder.retract(layout)
            return False
        return bool(new)

    def _agrees(self, data: bytes, value: object) -> bool:
        """Whether the layouts read this one message as the general codec did."""
        trial = _Decoding(self.engine, [data], self.policy)
        words = block.from_octets([data], (len(data) + 7) // 8 + 2)
        only = np.zeros(1, np.int64)
        if not trial._read(words, only, only).all():
            return False
        try:
            return bool(RowReader(self.engine.node, trial._assembled()).value(0) == value)
        except ValueError:
            return False

    def _agrees_on_probe(self, sheet: Sheet) -> bool:
        """The same with arbitrary numbers in the members of this message."""
        engine = self.engine
        engine.scramble(engine.coder, sheet, np.random.default_rng(len(sheet.kinds)))
        try:
            value = RowReader(engine.node, sheet).value(0)
            return self._agrees(engine.codec.encode(engine.message, value), value)
        except ValueError:
            return False

    def _assembled(self) -> Sheet:
        assembler = Assembler(len(self.messages))
        for piece, rows in self.pieces:
            assembler.add(piece, rows)
        return assembler.sheet()

    def _result(self) -> Batch:
        sheet = self._assembled()
        if self.general:
            rows = np.array(list(self.general), np.int64)
            others = np.setdiff1d(np.arange(len(self.messages)), rows)
            general = self.engine.sheet(list(self.general.values()))
            sheet = merge([(sheet.take(others), others), (general, rows)], len(self.messages))
        return Batch(self.status, sheet, self.refused)
