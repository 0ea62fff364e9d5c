"""Small profiles and candidates as plain data, for the tests of :mod:`rsu.profile`."""

from __future__ import annotations

from typing import Any


def entry(value: Any, basis: str = "sourced", source: str = "a document") -> dict[str, Any]:
    """One key with its provenance."""
    return {"value": value, "basis": basis, "source": source}


def unknown(source: str = "a document that was not read") -> dict[str, Any]:
    """A key that is fixed, while its number was not had."""
    return {"unknown": True, "basis": "sourced", "source": source}


def profile(name: str = "p", keys: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    """A profile."""
    return {"schema": "profile/1", "name": name, "keys": keys or {}, **rest}


def spoken(name: str = "national", **keys: Any) -> dict[str, Any]:
    """A profile that fixes everything a run needs."""
    security = {
        "envelope": entry("ydt3957-2021"), "certificate_bytes_obu": entry(165), "certificate_bytes_rsu": entry(210)
    }
    common = {"network": entry("dsmp"), "message_set": entry("csae53-2020"), "security": security}
    return profile(name, {**common, **keys})


def difference(key: str, value: Any, hazard: str, basis: str = "assumption") -> dict[str, Any]:
    """One row of ``differences``."""
    return {"key": key, "value": value, "basis": basis, "source": "a what-if", "hazard": hazard}


def row(hazard: str | None, **rest: Any) -> dict[str, Any]:
    """One row of ``trust`` or ``relays``."""
    marked = {} if hazard is None else {"hazard": hazard}
    return {**rest, **marked, "basis": "assumption", "source": "a what-if"}


def candidate(name: str = "c", **rest: Any) -> dict[str, Any]:
    """Three places under one national profile, unless ``rest`` says otherwise."""
    return {"schema": "candidate/1", "name": name, "profiles": {"*": spoken()}, **rest}


def divided(**rest: Any) -> dict[str, Any]:
    """SH, JS and ZJ with an own root, another layout of messages, a half carrier, wide siting and no relays."""
    return candidate(
        "divided",
        hazards=["H13", "H4", "H14", "H7", "H1"],
        sites="profiles",
        harmonised=spoken("national", siting=entry({"arterial_spacing_m": 400})),
        profiles={
            "SH": spoken("shanghai", siting=entry({"arterial_spacing_m": 300})),
            "JS": spoken("suzhou", siting=entry({"arterial_spacing_m": 250}), antenna_height_rsu_m=entry(5.5)),
            "ZJ": spoken("jiaxing", siting=entry({"arterial_spacing_m": 750})),
        },
        differences={
            "SH": [difference("security.root", "shanghai", "H4")],
            "JS": [difference("channel.send_obu", "lower", "H7")],
            "ZJ": [difference("message_set", "csae53-2017", "H1"), difference("siting", {"at_nodes": True}, "H13")],
        },
        relays=[row("H14", **{"from": ["SH"], "to": ["JS", "ZJ"], "state": "none"})],
        **rest,
    )
