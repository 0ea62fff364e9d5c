"""Cases of the stages after the radio: one road of three places, from one profile to three that differ."""

from __future__ import annotations

from typing import Any

PLACES = ("A", "B", "C")
PLAIN = "stages-known"
"""Name of the case that the others are compared with: one profile, every certificate known."""
MOST_RATIO = 1.3
"""What the others may cost, over what that one costs."""


def road(vehicles: int, spacing_m: float = 400.0) -> dict[str, Any]:
    """Three places of equal length, 100 vehicles per km, units every ``spacing_m``, two signals, three works."""
    length_m = vehicles * 10.0
    third_m = round(length_m / 3)
    spans = [(0, third_m), (third_m, 2 * third_m), (2 * third_m, length_m)]
    return {
        "corridor": {
            "jurisdictions": [
                {"id": place, "region_id": number + 1, "spans": [{"from_m": from_m, "to_m": to_m}]}
                for number, (place, (from_m, to_m)) in enumerate(zip(PLACES, spans, strict=True))
            ],
            "nodes": [{"id": f"N{at}", "at_m": length_m * at / 10} for at in (2, 8)],
        },
        "traffic": {"homes": [{"jurisdiction": place, "share": share} for place, share in zip(
            PLACES, (0.4, 0.3, 0.3), strict=True)]},
        "layout": {"name": "stages", "rules": [
            {"at_nodes": True, "spacing_m": spacing_m, "side": "right", "name": "benchmark"},
        ]},
        "events": [
            {"id": number + 1, "code": 501, "direction": "up", "from_m": from_m + third_m * 0.3,
             "to_m": from_m + third_m * 0.4, "description": "works"}
            for number, (from_m, _) in enumerate(spans)
        ],
        "measure": {"probes": True},
    }


def differing(name: str, **of_place: dict[str, Any]) -> dict[str, Any]:
    """A candidate of three places under one profile but for ``of_place``: place -> key -> value."""
    hazards = sorted({_HAZARD[key] for keys in of_place.values() for key in keys})
    return {
        "schema": "candidate/1", "name": name, "hazards": hazards,
        "harmonised": "cn-lte-v2x-day1",
        "profiles": dict.fromkeys(PLACES, "cn-lte-v2x-day1"),
        "differences": {
            place: [
                {"key": key, "value": value, "hazard": _HAZARD[key], "basis": "assumption", "source": "benchmark"}
                for key, value in keys.items()
            ]
            for place, keys in of_place.items()
        },
    }


_HAZARD = {"security.root": "H4", "message_set": "H1", "datum": "H11"}
_ROOTS = {place: {"security.root": f"root-{place}"} for place in PLACES}
_QUEUE = {"verification": {"queue": "fifo", "times": "accelerator-2000"}}

SETTINGS: dict[str, dict[str, Any]] = {
    PLAIN: {"security": {"certificates": "known"}},
    "stages-heard": {"security": {"certificates": "heard"}},
    "stages-roots": {
        "security": {"certificates": "heard"}, "standards": {"candidate": differing("roots", **_ROOTS)},
    },
    "stages-mixed": {
        "security": {"certificates": "heard", **_QUEUE},
        "standards": {"candidate": differing(
            "mixed", A=_ROOTS["A"], B={"datum": "GCJ-02"}, C={"message_set": "csae53-2017"},
        )},
    },
}
"""What each case sets beside :func:`road`: everybody knows all certificates; certificates have to be heard; three homes
with roots of their own and no trust; a root of its own, another datum and an older message set, with a queue."""
