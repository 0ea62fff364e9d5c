"""Decoded messages as JSON-friendly dicts, and back.

Octet strings become hexadecimal text, bit strings the list of names of their set bits (``bit14`` where the
set gives no name) or, where their length varies, a row of binary digits, a CHOICE a dict with its one
alternative; numbers and enumerations stay as they are. What an unknown nested extension left behind becomes None.
"""

from __future__ import annotations

from typing import Any

from rsu.codec import Codec, Decoded, DecodeError, Schema, all_members


def describe(decoded: Decoded, codec: Codec) -> dict[str, Any]:
    """``status``, ``message``, ``error`` and the JSON-friendly ``value`` of a decoding result."""
    value = None
    if decoded.status == "ok" and decoded.message is not None:
        value = to_plain(*codec.definition(decoded.message), decoded.value)
    return {"status": decoded.status, "message": decoded.message, "error": decoded.error, "value": value}


def undescribe(described: dict[str, Any], codec: Codec) -> tuple[str, dict[str, Any]]:
    """(message, value in asn1tools form) of what :func:`describe` gave; DecodeError names what is wrong."""
    message = described.get("message")
    if message not in codec.messages:
        raise DecodeError(f"message: {message!r} is not one of {', '.join(codec.messages)}")
    return message, from_plain(*codec.definition(message), described.get("value"), message)


def to_plain(schema: Schema, definition: dict[str, Any], value: Any) -> Any:
    """JSON-friendly form of one value of a type."""
    definition = schema.resolve(definition)
    kind = definition["type"]
    if value is None:
        return None
    if kind == "SEQUENCE":
        members = {member["name"]: member for member in all_members(definition)}
        return {name: to_plain(schema, members[name], inner) for name, inner in value.items()}
    if kind == "SEQUENCE OF":
        return [to_plain(schema, definition["element"], element) for element in value]
    if kind == "CHOICE":
        member = _member(definition, value[0])
        return None if member is None else {value[0]: to_plain(schema, member, value[1])}
    if kind == "OCTET STRING":
        return bytes(value).hex()
    return _flags(definition, value) if kind == "BIT STRING" else value


def from_plain(schema: Schema, definition: dict[str, Any], plain: Any, path: str) -> Any:
    """Inverse of :func:`to_plain`; DecodeError names the member at ``path`` that has another form."""
    definition = schema.resolve(definition)
    kind = definition["type"]
    if kind == "SEQUENCE":
        members = {member["name"]: member for member in all_members(definition)}
        unknown = set(_expect(plain, dict, path)) - set(members)
        if unknown:
            raise DecodeError(f"{path}.{min(unknown)}: no such member in this message set")
        return {n: from_plain(schema, members[n], inner, f"{path}.{n}") for n, inner in plain.items()}
    if kind == "SEQUENCE OF":
        element = definition["element"]
        plains = enumerate(_expect(plain, list, path))
        return [from_plain(schema, element, inner, f"{path}[{index}]") for index, inner in plains]
    if kind == "CHOICE":
        if len(_expect(plain, dict, path)) != 1:
            raise DecodeError(f"{path}: {len(plain)} alternatives, expected one")
        ((name, inner),) = plain.items()
        member = _member(definition, name)
        if member is None:
            raise DecodeError(f"{path}: no alternative {name!r}")
        return name, from_plain(schema, member, inner, f"{path}.{name}")
    if kind == "OCTET STRING":
        try:
            return bytes.fromhex(_expect(plain, str, path))
        except ValueError as error:
            raise DecodeError(f"{path}: {plain!r} is not hexadecimal") from error
    return _bits(definition, plain, path) if kind == "BIT STRING" else plain


def _member(definition: dict[str, Any], name: str | None) -> dict[str, Any] | None:
    return next((member for member in all_members(definition) if member["name"] == name), None)


def _names(definition: dict[str, Any]) -> dict[int, str]:
    return {int(bit): name for name, bit in definition.get("named-bits", [])}


def _flags(definition: dict[str, Any], value: tuple[bytes, int]) -> list[str] | str:
    octets, length = value
    if length != definition["size"][0]:
        return "".join(str(octets[bit // 8] >> (7 - bit % 8) & 1) for bit in range(length))
    names = _names(definition)
    set_bits = (bit for bit in range(length) if octets[bit // 8] >> (7 - bit % 8) & 1)
    return [names.get(bit, f"bit{bit}") for bit in set_bits]


def _bits(definition: dict[str, Any], plain: Any, path: str) -> tuple[bytes, int]:
    if isinstance(plain, str):
        return _digits(plain, path)
    length = definition["size"][0]
    if not isinstance(length, int):
        raise DecodeError(f"{path}: {plain!r} is no row of binary digits")
    bits = {name: bit for bit, name in _names(definition).items()}
    bits |= {f"bit{bit}": bit for bit in range(length)}
    number = 0
    for name in _expect(plain, list, path):
        if name not in bits:
            raise DecodeError(f"{path}: no flag {name!r}")
        number |= 1 << (length - 1 - bits[name])
    return (number << (-length % 8)).to_bytes((length + 7) // 8, "big"), length


def _digits(plain: str, path: str) -> tuple[bytes, int]:
    if set(plain) - {"0", "1"}:
        raise DecodeError(f"{path}: {plain!r} is no row of binary digits")
    padded = plain + "0" * (-len(plain) % 8)
    return bytes(int(padded[i : i + 8], 2) for i in range(0, len(padded), 8)), len(plain)


def _expect(plain: Any, wanted: type, path: str) -> Any:
    if not isinstance(plain, wanted):
        raise DecodeError(f"{path}: {plain!r} is not a {wanted.__name__}")
    return plain
