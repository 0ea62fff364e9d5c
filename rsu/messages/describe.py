"""Decoded messages as JSON-friendly dicts, and back.

| type | form |
|---|---|
| SEQUENCE | dict by member name; members not sent are left out |
| SEQUENCE OF | list |
| CHOICE | dict with its one alternative |
| OCTET STRING | hexadecimal text; an open type a codec can read (``Codec.open_members``) in the form of its type |
| BIT STRING of its one size | list of the names of set bits, ``bit14`` where the set gives no name |
| BIT STRING of any other length | text of binary digits |
| numbers, booleans, texts, enumerations | themselves |

What an unknown nested extension left behind becomes None, which cannot be read back. For everything else
``undescribe(describe(x))`` is ``x``.
"""

from __future__ import annotations

from typing import Any

from rsu.codec import Codec, Decoded, DecodeError, Schema, all_members

Definition = dict[str, Any]

_TEXTS = {"UTF8String", "IA5String", "NumericString", "PrintableString", "VisibleString"}
_NUMERIC = frozenset("0123456789 ")
_FORMS: dict[str, tuple[type, str]] = {
    "INTEGER": (int, "a whole number"), "BOOLEAN": (bool, "true or false"), "NULL": (type(None), "null"),
}
_WORDS: dict[type, str] = {dict: "an object", list: "a list", str: "text"}


def describe(decoded: Decoded, codec: Codec) -> dict[str, Any]:
    """``status``, ``message``, ``error`` and the JSON-friendly ``value`` of a decoding result."""
    value = None
    if decoded.usable and decoded.message is not None:
        schema, definition = codec.definition(decoded.message)
        value = to_plain(schema, definition, decoded.value, codec)
    return {"status": decoded.status, "message": decoded.message, "error": decoded.error, "value": value}


def undescribe(described: dict[str, Any], codec: Codec) -> tuple[str, dict[str, Any]]:
    """(message, value in asn1tools form) of what :func:`describe` gave.

    Only ``message`` and ``value`` are looked at. DecodeError names path, value and rule of the first thing that is
    unknown, missing or of another form; ranges and lengths are the encoder's to check.
    """
    message = described.get("message")
    if message not in codec.messages:
        raise DecodeError(f"message: {_shown(message)} is not one of {', '.join(codec.messages)}")
    schema, definition = codec.definition(message)
    value: dict[str, Any] = from_plain(schema, definition, described.get("value"), message, codec)
    return message, value


def to_plain(schema: Schema, definition: Definition, value: Any, codec: Codec | None = None) -> Any:
    """JSON-friendly form of one value of a type; ``codec`` knows the types of open members."""
    definition = schema.resolve(definition)
    kind = definition["type"]
    if value is None:
        return None
    if kind == "SEQUENCE":
        members = {member["name"]: member for member in all_members(definition)}
        plain = {}
        for name, inner in value.items():
            opened = None if isinstance(inner, bytes) else _open_type(codec, name, value)
            plain[name] = to_plain(schema, opened or members[name], inner, codec)
        return plain
    if kind == "SEQUENCE OF":
        return [to_plain(schema, definition["element"], element, codec) for element in value]
    if kind == "CHOICE":
        member = _member(definition, value[0])
        return None if member is None else {value[0]: to_plain(schema, member, value[1], codec)}
    if kind == "OCTET STRING":
        return bytes(value).hex()
    return _flags(definition, value) if kind == "BIT STRING" else value


def from_plain(schema: Schema, definition: Definition, plain: Any, path: str, codec: Codec | None = None) -> Any:
    """Inverse of :func:`to_plain`; DecodeError names the member at ``path``, its value and the rule."""
    definition = schema.resolve(definition)
    kind = definition["type"]
    if kind == "SEQUENCE":
        return _sequence(schema, definition, _expect(plain, dict, path), path, codec)
    if kind == "SEQUENCE OF":
        element = definition["element"]
        plains = enumerate(_expect(plain, list, path))
        return [from_plain(schema, element, inner, f"{path}[{index}]", codec) for index, inner in plains]
    if kind == "CHOICE":
        names = [member["name"] for member in all_members(definition)]
        if len(_expect(plain, dict, path)) != 1:
            raise DecodeError(f"{path}: {len(plain)} alternatives, must be one of {', '.join(names)}")
        ((name, inner),) = plain.items()
        member = _member(definition, name)
        if member is None:
            raise DecodeError(f"{path}: no alternative {_shown(name)}{_near(name, names)}")
        return name, from_plain(schema, member, inner, f"{path}.{name}", codec)
    if kind == "OCTET STRING":
        try:
            return bytes.fromhex(_expect(plain, str, path))
        except ValueError as error:
            raise DecodeError(f"{path}: {_shown(plain)} must be hexadecimal octets") from error
    return _bits(definition, plain, path) if kind == "BIT STRING" else _simple(definition, plain, path)


def root_members(definition: Definition) -> list[Definition]:
    """Members of a SEQUENCE that stand outside its extension additions."""
    members, in_root = [], True
    for member in definition["members"]:
        if member is None:
            in_root = not in_root
        elif in_root and not isinstance(member, list):
            members.append(member)
    return members


def _sequence(schema: Schema, definition: Definition, plain: dict[str, Any], path: str, codec: Codec | None) -> Any:
    members = {member["name"]: member for member in all_members(definition)}
    for name in plain:
        if name not in members:
            raise DecodeError(f"{path}.{name}: no such member in this message set{_near(name, members)}")
    for member in root_members(definition):
        if member["name"] not in plain and not member.get("optional") and "default" not in member:
            raise DecodeError(f"{path}.{member['name']}: is missing and must be there")
    value = {}
    for name, inner in plain.items():
        opened = None if isinstance(inner, str) else _open_type(codec, name, plain)
        value[name] = from_plain(schema, opened or members[name], inner, f"{path}.{name}", codec)
    return value


def _open_type(codec: Codec | None, name: str, siblings: dict[str, Any]) -> Definition | None:
    """Type of an open member, which another member of the same SEQUENCE tells; None where it stays octets."""
    selector, types = ({} if codec is None else codec.open_members).get(name, ("", {}))
    number = siblings.get(selector)
    type_name = types.get(number) if isinstance(number, int) else None
    return None if type_name is None else {"type": type_name}


def _simple(definition: Definition, plain: Any, path: str) -> Any:
    """A number, boolean, text or enumeration, after a look at its form."""
    kind = definition["type"]
    if kind in _FORMS:
        wanted, word = _FORMS[kind]
        if not isinstance(plain, wanted) or (wanted is int and isinstance(plain, bool)):
            raise DecodeError(f"{path}: {_shown(plain)} must be {word}")
    elif kind == "ENUMERATED":
        names = [entry[0] for entry in definition["values"] if entry is not None]
        if plain not in names:
            near = _near(plain, names) or f"; one of {', '.join(names)}"
            raise DecodeError(f"{path}: {_shown(plain)} is no value of the enumeration{near}")
    elif kind in _TEXTS:
        _check_text(kind, _expect(plain, str, path), path)
    return plain


def _check_text(kind: str, text: str, path: str) -> None:
    if kind == "UTF8String":
        bad = next((letter for letter in text if 0xD800 <= ord(letter) < 0xE000), None)
    elif kind == "NumericString":
        bad = next((letter for letter in text if letter not in _NUMERIC), None)
    else:
        bad = next((letter for letter in text if ord(letter) > 127), None)
    if bad is not None:
        raise DecodeError(f"{path}: {_shown(text)} holds {ascii(bad)}, which a {kind} cannot")


def _member(definition: Definition, name: Any) -> Definition | None:
    return next((member for member in all_members(definition) if member["name"] == name), None)


def _names(definition: Definition) -> dict[int, str]:
    return {int(bit): name for name, bit in definition.get("named-bits", [])}


def _only_length(definition: Definition) -> int | None:
    """The one size of a BIT STRING (of its root, where it is extensible), None where it varies."""
    size = (definition.get("size") or [None])[0]
    return size if isinstance(size, int) else None


def _flags(definition: Definition, value: tuple[bytes, int]) -> list[str] | str:
    octets, length = value
    set_bits = [octets[bit // 8] >> (7 - bit % 8) & 1 for bit in range(length)]
    if length != _only_length(definition):
        return "".join(map(str, set_bits))
    names = _names(definition)
    return [names.get(bit, f"bit{bit}") for bit, is_set in enumerate(set_bits) if is_set]


def _bits(definition: Definition, plain: Any, path: str) -> tuple[bytes, int]:
    if isinstance(plain, str):
        return _digits(plain, path)
    length = _only_length(definition)
    if length is None:
        raise DecodeError(f"{path}: {_shown(plain)} must be text of binary digits")
    bits = {name: bit for bit, name in _names(definition).items() if bit < length}
    bits |= {f"bit{bit}": bit for bit in range(length)}
    number = 0
    for name in _expect(plain, list, path):
        if not isinstance(name, str) or name not in bits:
            raise DecodeError(f"{path}: no flag {_shown(name)}{_near(name, bits)}")
        number |= 1 << (length - 1 - bits[name])
    return (number << (-length % 8)).to_bytes((length + 7) // 8, "big"), length


def _digits(plain: str, path: str) -> tuple[bytes, int]:
    if set(plain) - {"0", "1"}:
        raise DecodeError(f"{path}: {_shown(plain)} must be text of binary digits, or a list of flags")
    padded = plain + "0" * (-len(plain) % 8)
    return bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8)), len(plain)


def _expect(plain: Any, wanted: type, path: str) -> Any:
    if not isinstance(plain, wanted):
        raise DecodeError(f"{path}: {_shown(plain)} must be {_WORDS[wanted]}")
    return plain


def _shown(plain: Any) -> str:
    """A value as error lines show it: one line, short."""
    text = ascii(plain) if not isinstance(plain, str) else repr(plain)
    return text if len(text) <= 60 else text[:57] + "..."


def _near(name: Any, known: Any) -> str:
    """``; did you mean ...?`` where something known is near, else nothing."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1) if isinstance(name, str) and len(name) < 80 else []
    return f"; did you mean {near[0]!r}?" if near else ""
