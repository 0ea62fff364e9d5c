"""Message sets: one folder per family, one row per set."""

from __future__ import annotations

from rsu.messages.base import MessageSet
from rsu.messages.cn.legacy_set import Cn2017MessageSet
from rsu.messages.cn.message_set import CnMessageSet
from rsu.messages.etsi.message_set import EtsiMessageSet
from rsu.messages.sae.message_set import SaeMessageSet

MESSAGE_SETS: dict[str, MessageSet] = {
    "csae53-2020": CnMessageSet(
        "csae53-2020", ("shared", "day1", "day1_frame", "csae53_2020"),
        "China, first application phase, T/CSAE 53-2020",
        "type by type equal to several public copies in two lineages; field records decode",
        "T/CSAE 53-2020 through public copies of its modules",
    ),
    "ydt3709-2020": CnMessageSet(
        "ydt3709-2020", ("shared", "day1", "day1_frame", "ydt3709_2020"),
        "China, first application phase, YD/T 3709-2020",
        "type by type equal to two public copies; no field record of its MAP or RSI",
        "YD/T 3709-2020 through public copies of its modules",
    ),
    "csae157-2020": CnMessageSet(
        "csae157-2020", ("shared", "day1", "ydt3709_2020", "csae157_2020"),
        "China, second application phase, T/CSAE 157-2020",
        "type by type equal to one public module family of mid 2020; one public wire message decodes",
        "T/CSAE 157-2020 through one public module family, on the tables of YD/T 3709-2020", day_two=True,
    ),
    "csae53-2017": Cn2017MessageSet(
        "csae53-2017", ("shared", "ydt3709_2020", "csae53_2017"),
        "China, legacy first application phase, T/CSAE 53-2017",
        "unverified: differences from 2020 as listed by public copies, the rest taken over; no wire record",
        "T/CSAE 53-2017 through a list of differences and a public transcription",
    ),
    "etsi-its": EtsiMessageSet(
        "etsi-its", "Europe, ETSI ITS release 1, and the CPM of release 2",
        "all but the CPM equal to independently compiled modules in both directions, the CPM to its own text",
        "EN 302 637-2 v1.4.1, EN 302 637-3 v1.3.1, TS 103 301, TS 103 324 v2.1.1, TS 102 894-2",
    ),
    "sae-j2735": SaeMessageSet(
        "sae-j2735", "United States, SAE J2735",
        "public messages decode and re-encode to themselves; the standard was not read; a reduced profile",
        "SAE J2735 and J3224 through public descriptions and messages; SPAT and MAP as ETSI TS 103 301 publishes them",
    ),
}
"""Name in a profile -> message set; nothing is compiled before first use."""
