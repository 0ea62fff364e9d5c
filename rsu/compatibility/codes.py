"""What an event code means to stations of a profile: national codes, and local ones in their place."""

from __future__ import annotations

from collections.abc import Mapping

THREE_DIGITS = range(100, 1000)
"""Codes that mean something in the national list without anybody saying so (assumption: those of GB/T 29100-2012 that
were seen have three digits; the list itself was not had)."""


class EventCodes:
    """One profile's ``event_codes``: national code -> local code; codes it does not name stay national."""

    def __init__(self, table: Mapping[int, int]) -> None:
        self.table = {int(national): int(local) for national, local in table.items()}
        self._national = {local: national for national, local in self.table.items()}

    def meaning(self, code: int) -> int | None:
        """National code that a code on the air stands for; None for one that means nothing here."""
        if code in self._national:
            return self._national[code]
        return None if code in self.table or code not in THREE_DIGITS else code

    def sent_for(self, national: int) -> int:
        """The code on the air for a national one."""
        return self.table.get(national, national)
