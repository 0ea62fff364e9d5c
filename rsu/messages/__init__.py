"""Message sets: one folder per family, one row per set."""

from __future__ import annotations

from rsu.messages.base import MessageSet
from rsu.messages.cn.message_set import CnMessageSet

MESSAGE_SETS: dict[str, MessageSet] = {
    "csae53-2020": CnMessageSet(
        "csae53-2020", "csae53_2020", "China, first application phase, T/CSAE 53-2020",
        "type by type equal to several public copies in two lineages; field records decode",
        "T/CSAE 53-2020 through public copies of its modules",
    ),
}
"""Name in a profile -> message set; nothing is compiled before first use."""
