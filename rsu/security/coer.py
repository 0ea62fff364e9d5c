"""The pieces of canonical OER (ITU-T X.696) that envelopes and certificates are made of."""

from __future__ import annotations

from rsu.security.base import SecurityError

LONGEST_BYTES = 65_535
"""Longest string this module writes or reads."""

MOST_EXTENSION_OCTETS = 8
"""Longest presence bitmap read: 64 additions, far above the handful that is defined; bounds time."""


def length_octets(length: int) -> bytes:
    """Length determinant: one octet to 127, then a count of octets and the number."""
    if length < 128:
        return bytes([length])
    return bytes([0x81, length]) if length < 256 else b"\x82" + length.to_bytes(2, "big")


def string(content: bytes) -> bytes:
    """Octet string (or open type) with its length; SecurityError beyond 65535 octets."""
    if len(content) > LONGEST_BYTES:
        raise SecurityError(f"{len(content)} octets are more than {LONGEST_BYTES}")
    return length_octets(len(content)) + content


def natural(number: int) -> bytes:
    """Unsigned integer without upper bound: count of octets, then as few octets as hold it."""
    octets = max(1, (number.bit_length() + 7) // 8)
    return bytes([octets]) + number.to_bytes(octets, "big")


class Reader:
    """Reads octets from front to back; every method raises SecurityError where they end or break canonical form."""

    def __init__(self, octets: bytes) -> None:
        self._octets = bytes(octets)
        self._position = 0

    @property
    def left(self) -> int:
        """Octets not read yet."""
        return len(self._octets) - self._position

    def take(self, count: int, what: str) -> bytes:
        """The next ``count`` octets."""
        if count > self.left:
            raise SecurityError(f"octets end inside {what}")
        start = self._position
        self._position += count
        return self._octets[start : start + count]

    def octet(self, what: str) -> int:
        """The next octet as a number."""
        return self.take(1, what)[0]

    def expect(self, value: int, what: str) -> None:
        """Read one octet that must have this value."""
        found = self.octet(what)
        if found != value:
            raise SecurityError(f"{what} is {found:#04x}, expected {value:#04x}")

    def length(self, what: str) -> int:
        """A length determinant in its shortest form."""
        first = self.octet(what)
        if first < 0x80:
            return first
        count = first & 0x7F
        if not 1 <= count <= 2:
            raise SecurityError(f"length of {what} has {count} octets")
        length = int.from_bytes(self.take(count, what), "big")
        if length < (128 if count == 1 else 256):
            raise SecurityError(f"length of {what} is not in its shortest form")
        return length

    def string(self, what: str) -> bytes:
        """An octet string with its length."""
        return self.take(self.length(what), what)

    def natural(self, what: str) -> int:
        """An unsigned integer of at most eight octets in its shortest form."""
        octets = self.string(what)
        if not 1 <= len(octets) <= 8 or (len(octets) > 1 and octets[0] == 0):
            raise SecurityError(f"{what} is no shortest-form integer of at most 8 octets")
        return int.from_bytes(octets, "big")

    def skip_extensions(self, what: str) -> None:
        """Read the presence bitmap of extension additions and skip each addition present."""
        bitmap = self.string(what)
        if not 2 <= len(bitmap) <= 1 + MOST_EXTENSION_OCTETS or bitmap[0] > 7:
            raise SecurityError(f"{what} has no presence bitmap of 1 to {MOST_EXTENSION_OCTETS} octets")
        for _ in range(int.from_bytes(bitmap[1:], "big").bit_count()):
            self.string(what)

    def end(self, what: str) -> None:
        """Nothing may be left."""
        if self.left:
            raise SecurityError(f"{self.left} octets behind {what}")
