"""Python code that packs and unpacks messages of one pattern of members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rsu.messages.batch.block import COUNT, Block, Field, NoTemplate, Path
from rsu.messages.batch.coder import Coder
from rsu.messages.batch.layout import BlockPart, Layout, ListPart, Part
from rsu.messages.batch.sheet import Paths, Sheet

try:
    import bitstruct.c as bitstruct
except ImportError:  # platforms without the C extension
    bitstruct = None

Element = tuple[Any, ...]
"""(pattern number, code, code, ..) of a plain element, (pattern number, codes, lists) of one with lists inside."""

_WIDEST_BITS = 256
"""Elements without lists inside up to this many bits are plain; as many zero bits stand behind a message read."""


class Shape:
    """Members of a message or element, and the patterns that the elements of its lists may have."""

    def __init__(self, paths: Paths, elements: Mapping[Path, Sequence[Shape]] | None = None) -> None:
        self.paths, self.elements = paths, {path: tuple(shapes) for path, shapes in (elements or {}).items()}


class Generated:
    """Generated code of one shape of one coder; elements are shapes of their own."""

    def __init__(self, coder: Coder, shape: Shape, only: Mapping[Path, tuple[int, ...]] | None = None) -> None:
        self.coder, self.shape = coder, shape
        self.only = dict(only or {})
        self.layout: Layout = coder.layout(shape.paths)
        if self.layout.broken:
            raise NoTemplate("layout found wrong")
        self.fields: list[Field] = [f for f in self.layout.fields() if f.path[-1:] != (COUNT,)]
        self.names: Paths = tuple(field.path for field in self.fields)
        self.lists: Paths = tuple(part.path for part in _lists(self.layout.parts))
        self.elements = [[Generated(coder.child(path), one) for one in shape.elements.get(path, ())]
                         for path in self.lists]
        self.plain = self.layout.simple and 0 < self.layout.bits <= _WIDEST_BITS and not self.layout.fixed
        self.bits = self.layout.bits
        self.globals: dict[str, Any] = {"from_bytes": int.from_bytes}

    # Packing

    def packer(self, refuse: Callable[..., bytes]) -> Callable[..., bytes]:
        """encode(codes, *lists)."""
        self.globals["refuse"] = refuse
        body = self._packing(whole=True)
        code = ["def encode(codes, *lists):", "    try:", *_indented(body, 2)]
        if self.layout.simple and self._whole_octets:
            code.append(f"        return {self._whole_octets}")
        else:
            code += ["        b = b or 8", "        return (n << (-b & 7)).to_bytes((b + 7) >> 3, 'big')"]
        code += ["    except Exception as error:", "        return refuse(codes, lists, error)"]
        return self._run(code, "encode")

    def element_packer(self) -> Callable[[Element], Any]:
        """f(element) -> number of its bits (plain) or (number, bits)."""
        if self.plain:
            names, block = self._variables(), self.layout.first
            code = ["def f(e):", f"    _, {', '.join(names)}, = e" if names else "    _, = e",
                    *_indented(self._checks(block, native=False), 1), f"    return {self._expression(block)}"]
        else:
            body = self._packing(whole=False)
            code = ["def f(e):", "    _, codes, lists = e", *_indented(body, 1), "    return n, b"]
        return self._run(code, "f")

    def _variables(self) -> list[str]:
        self._name = {id(field): f"v{index}" for index, field in enumerate(self.fields)}
        return [f"v{index}" for index in range(len(self.fields))]

    def _insisted(self) -> list[str]:
        """Tests for codes that the codec does not take."""
        return [f"v{index} not in {self.only[path]!r}" for index, path in enumerate(self.names) if path in self.only]

    def _packing(self, whole: bool) -> list[str]:
        self._whole = whole
        names = self._variables()
        body = [f"{', '.join(names)}, = codes"] if names else ["() == tuple(codes) or int('codes')"]
        body += [f"{', '.join(f'l{index}' for index in range(len(self.lists)))}, = lists"] if self.lists else [
            "lists and int('lists')"]
        self._counts = {(*path, COUNT): f"len(l{index})" for index, path in enumerate(self.lists)}
        self._list = 0
        self._whole_octets = ""
        self._depth = 0
        self._started = False
        body += [f"if {test}: raise ValueError('only')" for test in self._insisted()]
        return body + self._pack_parts(self.layout.parts)

    def _pack_parts(self, parts: list[Part]) -> list[str]:
        body: list[str] = []
        for part in parts:
            if isinstance(part, BlockPart):
                body += self._pack_block(part.block)
            elif isinstance(part, ListPart):
                body += self._pack_list()
            else:
                outer = f"{self._depth}"
                self._depth += 1
                body += [f"n{outer}, b{outer} = n, b", "n = b = 0", *self._pack_parts(part.parts),
                         "o = (b + 7) >> 3 or 1", "n <<= 8 * o - b",
                         "if o > 16383: raise ValueError('fragments')",
                         f"n |= ((n{outer} << 8 | o) if o < 128 else (n{outer} << 16 | 32768 | o)) << 8 * o",
                         f"b = b{outer} + (8 if o < 128 else 16) + 8 * o"]
        return body

    def _pack_block(self, block: Block) -> list[str]:
        native = bitstruct is not None and block.bits > 64
        body = self._checks(block, native)
        if native:
            name = f"p{len(self.globals)}"
            self.globals[name] = bitstruct.compile(_format(block)).pack
            call = f"{name}({', '.join(self._raw(field) for field in block.fields)})"
            self._whole_octets = call
            if self.layout.simple and self._whole:
                return body
            value = f"from_bytes({call}, 'big')" + (f" >> {-block.bits % 8}" if block.bits % 8 else "")
        else:
            value = self._expression(block)
        if not self._started:
            self._started = True
            return [*body, f"n = {value}", f"b = {block.bits}"]
        return [*body, f"n = n << {block.bits} | {value}", f"b += {block.bits}"] if block.bits else body

    def _pack_list(self) -> list[str]:
        index = self._list
        self._list += 1
        elements = self.elements[index]
        self.globals[f"e{index}"] = [element.element_packer() for element in elements]
        self.globals[f"w{index}"] = [element.bits for element in elements]
        loop = [f"for e in l{index}:", "    k = e[0]"]
        if all(element.plain for element in elements):
            return [*loop, f"    w = w{index}[k]", f"    n = n << w | e{index}[k](e)", "    b += w"]
        if not any(element.plain for element in elements):
            return [*loop, f"    m, w = e{index}[k](e)", "    n = n << w | m", "    b += w"]
        self.globals[f"s{index}"] = [element.plain for element in elements]
        return [*loop, f"    m, w = (e{index}[k](e), w{index}[k]) if s{index}[k] else e{index}[k](e)",
                "    n = n << w | m", "    b += w"]

    def _raw(self, field: Field) -> str:
        name = self._counts[field.path] if field.path[-1:] == (COUNT,) else self._name[id(field)]
        return f"{name} - {field.lower}" if field.lower > 0 else f"{name} + {-field.lower}" if field.lower else name

    def _checks(self, block: Block, native: bool) -> list[str]:
        """bitstruct refuses what does not fit the width; the rest is compared here."""
        tests = []
        for field in block.fields:
            highest = field.lower + field.count - 1
            name = self._counts[field.path] if field.path[-1:] == (COUNT,) else self._name[id(field)]
            if not native or not field.width:
                tests.append(f"{field.lower} <= {name} <= {highest}")
            elif field.count < 1 << field.width:
                tests.append(f"{name} <= {highest}")
        return [f"if not ({' and '.join(tests)}): raise ValueError('range')"] if tests else []

    def _expression(self, block: Block) -> str:
        fixed = block.constant_bits >> (block.words * 64 - block.bits)
        terms = []
        for field, offset in zip(block.fields, block.offsets, strict=True):
            shift = block.bits - offset - field.width
            name = self._counts[field.path] if field.path[-1:] == (COUNT,) else self._name[id(field)]
            terms.append(f"({name} << {shift})" if shift else name)
            fixed -= field.lower << shift
        return f"({' + '.join([*terms, str(fixed)])})"

    # Unpacking

    def unpacker(self, strict: bool) -> Callable[[bytes], tuple[Any, ...] | None]:
        """decode(octets) -> (codes, *lists) or None."""
        code = ["def decode(d):", "    z, p = len(d) * 8, 0", f"    t = z + {_WIDEST_BITS}",
                f"    n = from_bytes(d, 'big') << {_WIDEST_BITS}",
                *_indented(self._unpacking(strict, whole=True), 1), "    if p > z: return None"]
        if strict:
            code += ["    if ((p + 7) >> 3 or 1) * 8 != z: return None", "    if n & ((1 << t - p) - 1): return None"]
        code += [f"    return {self._result()}"]
        return self._run(code, "decode")

    def element_unpacker(self, strict: bool, number: int) -> Callable[..., Any]:
        """f(number, bits, place, end) -> (element, place behind it) or None."""
        body = self._unpacking(strict, whole=False)
        names = "".join(f"v{index}, " for index in range(len(self.fields)))
        lists = "".join(f"l{index}, " for index in range(len(self.lists)))
        element = f"({number}, {names})" if self.plain else f"({number}, ({names}), ({lists}))"
        code = ["def f(n, t, p, z):", *_indented(body, 1), f"    return {element}, p"]
        return self._run(code, "f")

    def _result(self) -> str:
        codes = "".join(f"v{index}, " for index in range(len(self.fields)))
        return f"(({codes}), {''.join(f'l{index}, ' for index in range(len(self.lists)))})"

    def _unpacking(self, strict: bool, whole: bool) -> list[str]:
        self._variables()
        self._counts = {(*path, COUNT): f"c{index}" for index, path in enumerate(self.lists)}
        self._list = self._depth = 0
        body = self._unpack_parts(self.layout.parts, strict, whole)
        return body + [f"if {test}: return None" for test in self._insisted()]

    def _unpack_parts(self, parts: list[Part], strict: bool, whole: bool) -> list[str]:
        body: list[str] = []
        for part in parts:
            if isinstance(part, BlockPart):
                body += self._unpack_block(part.block, strict, whole)
            elif isinstance(part, ListPart):
                body += self._unpack_list(strict)
            else:
                inner, self._depth = self._depth, self._depth + 1
                checked = strict or part.checked
                body += ["if p + 8 > z: return None", "o = n >> (t - p - 16) & 65535",
                         "if o < 32768:", "    o >>= 8", "    p += 8",
                         "elif o < 49152 and o - 32768 > 127:", "    o -= 32768", "    p += 16",
                         "else: return None",
                         f"q{inner}, o{inner}, z{inner} = p, o, z", "z = p + 8 * o",
                         f"if z > z{inner}: return None", *self._unpack_parts(part.parts, checked, False),
                         f"if ((p - q{inner} + 7) >> 3 or 1) != o{inner}: return None",
                         *(["if n >> (t - z) & ((1 << z - p) - 1): return None"] if checked else []),
                         f"p, z = z, z{inner}"]
            whole = False
        return body

    def _unpack_block(self, block: Block, strict: bool, whole: bool) -> list[str]:
        if not block.bits:
            return []
        body = [f"if p + {block.bits} > z: return None"]
        spare = block.words * 64 - block.bits
        constant, mask = block.constant_bits >> spare, block.mask_bits >> spare
        body += [f"w = n >> (t - p - {block.bits})"]
        if mask:
            body += [f"if w & {mask} != {constant}: return None"]
        names = [self._counts[f.path] if f.path[-1:] == (COUNT,) else self._name[id(f)] for f in block.fields]
        if bitstruct is not None and whole and len(names) > 3:
            name = f"u{len(self.globals)}"
            self.globals[name] = bitstruct.compile(_format(block)).unpack
            body += [f"{', '.join(names)}, = {name}(d)"]
        else:
            for field, offset, variable in zip(block.fields, block.offsets, names, strict=True):
                shift = block.bits - offset - field.width
                body += [f"{variable} = w >> {shift} & {(1 << field.width) - 1}"]
        tests = [f"{variable} >= {field.count}" for field, variable in zip(block.fields, names, strict=True)
                 if field.count < 1 << field.width and (strict or field.enumerated)]
        if tests:
            body += [f"if {' or '.join(tests)}: return None"]
        body += [f"{variable} += {field.lower}" for field, variable in zip(block.fields, names, strict=True)
                 if field.lower]
        return [*body, f"p += {block.bits}"]

    def _unpack_list(self, strict: bool) -> list[str]:
        index = self._list
        self._list += 1
        coder = self.coder.child(self.lists[index])
        prefixes = [coder.prefix_of(element.layout) for element in self.elements[index]]
        if prefixes and len(set(prefixes)) == len(prefixes) and all(one.plain for one in self.elements[index]):
            return self._unpack_plain_list(index, coder.prefix_bits, prefixes, strict)
        table: dict[int, list[Any]] = {}
        for number, element in enumerate(self.elements[index]):
            function = element.element_unpacker(strict, number)
            table.setdefault(coder.prefix_of(element.layout), []).append(function)
        suffix = f"{index}_{int(strict)}_{self._depth}"
        self.globals[f"t{suffix}"] = table.get
        body = [f"l{index} = []", f"for _ in range(c{index}):",
                f"    for g in t{suffix}(n >> (t - p - {coder.prefix_bits}) & {(1 << coder.prefix_bits) - 1}, ()):",
                "        f = g(n, t, p, z)", "        if f is not None:", f"            l{index}.append(f[0])",
                "            p = f[1]", "            break", "    else: return None"]
        return body

    def _unpack_plain_list(self, index: int, prefix_bits: int, prefixes: list[int], strict: bool) -> list[str]:
        """Elements of at most 64 bits that their first bits tell apart: one window each, ends checked once."""
        window = max(64, *(element.bits for element in self.elements[index]))
        loop = [f"w = n >> t - p - {window} & {(1 << window) - 1}", f"k = w >> {window - prefix_bits}"]
        for number, (prefix, element) in enumerate(zip(prefixes, self.elements[index], strict=True)):
            tests, codes = element.plain_codes(strict, window)
            loop += [f"{'el' if number else ''}if k == {prefix}:",
                     *([f"    if {' or '.join(tests)}: return None"] if tests else []),
                     f"    p += {element.bits}", f"    a(({number}, {codes}))"]
        return [f"l{index} = []", f"a = l{index}.append", "try:", f"    for _ in range(c{index}):", *_indented(loop, 2),
                "        else: return None", "except ValueError: return None", "if p > z: return None"]

    def plain_codes(self, strict: bool, window: int) -> tuple[list[str], str]:
        """(what must not be so, codes) of an element whose first ``window`` bits are w."""
        block = self.layout.first
        behind = (1 << window - self.coder.prefix_bits) - 1
        mask = (block.mask_bits << window >> block.words * 64) & behind
        constant = (block.constant_bits << window >> block.words * 64) & behind
        tests = [f"w & {mask} != {constant}"] if mask else []
        raw = {}
        for field, offset in zip(block.fields, block.offsets, strict=True):
            shift = window - offset - field.width
            raw[field.path] = f"(w >> {shift} & {(1 << field.width) - 1})"
            if field.count < 1 << field.width and (strict or field.enumerated):
                tests.append(f"{raw[field.path]} >= {field.count}")
        codes = [f"{raw[field.path]} + {field.lower}" if field.lower else raw[field.path] for field in self.fields]
        return tests, ", ".join(codes)

    # Both

    def _run(self, code: list[str], name: str) -> Callable[..., Any]:
        scope = dict(self.globals)
        exec(compile("\n".join(code), f"<{name} of {len(self.fields)} fields>", "exec"), scope)
        function: Callable[..., Any] = scope[name]
        return function

    def arbitrary(self, generator: np.random.Generator, only: Mapping[Path, tuple[int, ...]]) -> tuple[Any, ...]:
        """(codes, lists) of arbitrary content with every element pattern."""
        codes = []
        for one in self.fields:
            highest = (1 << 64) - 1 if one.width == 64 else one.count - 1
            code = one.lower + int(generator.integers(0, highest, dtype=np.uint64, endpoint=True))
            codes.append(only[one.path][0] if one.path in only else code)
        return tuple(codes), tuple(self._some(generator, path, shapes)
                                   for path, shapes in zip(self.lists, self.elements, strict=True))

    def _some(self, generator: np.random.Generator, path: Path, shapes: list[Generated]) -> list[Element]:
        node = self.coder.node
        for name in path:
            node = node.by_name[str(name)].node
        length = min(max(node.lowest, len(shapes)), node.lowest + node.count - 1) if shapes else 0
        elements: list[Element] = []
        for position in range(length):
            number = position % len(shapes)
            codes, lists = shapes[number].arbitrary(generator, {})
            elements.append((number, *codes) if shapes[number].plain else (number, codes, lists))
        return elements

    def sheet(self, rows: Sequence[Element], shapes: Sequence[Generated] | None = None) -> Sheet:
        """Sheet of messages or elements in this form, ``shapes`` by pattern number."""
        kinds = [self] if shapes is None else list(shapes)
        depth = max((len(kind.shape.paths) for kind in kinds), default=0)
        matrix = np.zeros((depth, len(rows)), np.int64)
        inside: dict[Path, tuple[list[Element], list[Generated]]] = {}
        for position, row in enumerate(rows):
            kind = kinds[row[0]]
            codes, lists = (row[1:], ()) if kind.plain and shapes is not None else (row[1], row[2])
            for path, elements, those in zip(kind.lists, lists, kind.elements, strict=True):
                matrix[kind.shape.paths.index((*path, COUNT)), position] = len(elements)
                held, known = inside.setdefault(path, ([], []))
                base = len(known)
                known += those
                held += [(one[0] + base, *one[1:]) for one in elements]
            for path, code in zip(kind.names, codes, strict=True):
                matrix[kind.shape.paths.index(path), position] = code - (1 << 64) if code >= 1 << 63 else code
            for column, code in kind.layout.fixed:
                matrix[column, position] = code
        found = {path: self.sheet(held, known) for path, (held, known) in inside.items()}
        number = np.array([row[0] for row in rows], np.intp)
        return Sheet([kind.shape.paths for kind in kinds], number, matrix, found)


def _format(block: Block) -> str:
    """bitstruct format of a block: constant bits as padding of zeros and ones."""
    total = block.words * 64
    places = dict(zip(block.offsets, block.fields, strict=True))
    text, offset = [], 0
    while offset < block.bits:
        field = places.get(offset)
        if field is not None and field.width:
            text.append(f"u{field.width}")
            offset += field.width
        else:
            text.append("P1" if block.constant_bits >> (total - 1 - offset) & 1 else "p1")
            offset += 1
    return "".join(text)


def _lists(parts: list[Part]) -> list[ListPart]:
    found: list[ListPart] = []
    for part in parts:
        if isinstance(part, ListPart):
            found.append(part)
        elif not isinstance(part, BlockPart):
            found += _lists(part.parts)
    return found


def _indented(lines: list[str], levels: int) -> list[str]:
    return ["    " * levels + line for line in lines]
