"""Reads candidate files, and sees to it that what differs is said to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rsu.document import Document, KeyPath, Problem, did_you_mean
from rsu.profile.candidate import CANDIDATE_SCHEMA, SITES, WITHOUT, Candidate
from rsu.profile.keys import EVERYWHERE, KEYS
from rsu.profile.loading import ProfileError, Source, mapping_of, open_document, referred
from rsu.profile.profile import Profile, plain_value
from rsu.profile.rows import RowReader
from rsu.profile.trust import Relays, Trust

_HEAD = {
    "schema", "name", "title", "title_zh", "note", "hazards", "harmonised", "sites", "profiles", "differences", "trust",
    "relays", "gateway",
}


def load_candidate(source: Source, folders: Sequence[Path] = ()) -> Candidate:
    """Read a candidate and its profiles; ``folders`` are searched for both (see :func:`load_profile`).

    Raises :class:`ProfileError` with every problem of the candidate and of the profiles it names.
    """
    document = open_document(source, folders, "candidate")
    data, problems = mapping_of(document, CANDIDATE_SCHEMA, _HEAD)
    base = _base(document, data.get("profiles"), folders, problems)
    common = _common(document, data, base, folders, problems)
    first_name = str(data.get("name")).partition(WITHOUT)[0]
    named = [place for place in _mapping(data.get("profiles")) if isinstance(place, str)]
    reader = RowReader(document, first_name, named, problems)
    hazards = reader.read_hazards(data.get("hazards"))
    sites = reader.choice(data, (), "sites", SITES) if "sites" in data else SITES[0]
    differences = reader.differences(data.get("differences"))
    trust, relays = reader.trust(data.get("trust")), reader.relays(data.get("relays"))
    gateway = reader.gateway(data.get("gateway"), len({*named, *(one.place for one in differences)}))
    if problems or common is None:
        raise ProfileError(list(dict.fromkeys(problems)))
    candidate = Candidate.built(
        data["name"], base, differences, title=data.get("title") or "", note=data.get("note") or "",
        hazards=hazards, title_zh=data.get("title_zh") or "", common=common, sites=sites, trust=Trust(trust),
        relays=Relays(relays), gateway=gateway,
    )
    problems = [*_divided(document, candidate), *_no_siting(document, candidate), *_no_region(document, candidate)]
    if problems:
        raise ProfileError(problems)
    return candidate


def _mapping(content: Any) -> Mapping[Any, Any]:
    return content if isinstance(content, Mapping) else {}


def _base(
    document: Document, named: Any, folders: Sequence[Path], problems: list[Problem]
) -> dict[str, Profile]:
    """Place -> profile; what is wrong goes to ``problems``."""
    if not isinstance(named, Mapping) or not named:
        problems.append(
            document.problem(("profiles",), "must map jurisdictions ('*' = all others) to profiles")
        )
        return {}
    profiles: dict[str, Profile] = {}
    for place, wanted in named.items():
        path: KeyPath = ("profiles", place)
        if not isinstance(place, str) or not place.strip() or not place.isprintable():
            problems.append(document.problem(path, "must be the id of a jurisdiction or '*'", of_key=True))
            continue
        try:
            profiles[place] = referred(document, path, wanted, folders)
        except ProfileError as error:
            problems += error.problems
    return profiles


def _common(
    document: Document, data: Mapping[str, Any], base: Mapping[str, Profile], folders: Sequence[Path],
    problems: list[Problem],
) -> Profile | None:
    """The profile everybody falls back to: the one named, that of ``*``, or the only one."""
    if data.get("harmonised") is not None:
        try:
            return referred(document, ("harmonised",), data["harmonised"], folders)
        except ProfileError as error:
            problems += error.problems
            return None
    if EVERYWHERE in base:
        return base[EVERYWHERE]
    found = list(base.values())
    if found and all(one == found[0] for one in found):
        return found[0]
    if found and not problems:
        rule = "is required: the profile that all places fall back to ('*' is missing, and the profiles differ)"
        problems.append(document.problem(("harmonised",), rule))
    return None


def _divided(document: Document, candidate: Candidate) -> list[Problem]:
    """Keys in which places still differ once all listed hazards are harmonised."""
    problems = []
    for key, values in candidate.without(candidate.exercised).divided():
        if not any(key in profile.entries for profile in candidate.profiles.values()):
            continue  # follows from another key, which is named
        shared = candidate.common.spoken_value(key)
        apart = [place for place, value in values.items() if value != shared] or list(values)
        told = ", ".join(f"{place} {_shown(value)}" for place, value in values.items())
        rule = f"{key} differs between places ({told}): list hazard {KEYS[key].hazard}, or make it the same"
        problems.append(document.problem(("profiles", apart[0]), rule))
    return problems


def _no_siting(document: Document, candidate: Candidate) -> list[Problem]:
    """Units that stand by the profiles need a rule to fall back to."""
    if candidate.sites == SITES[0] or "H13" not in candidate.hazards or candidate.common.get("siting") is not None:
        return []
    rule = f"the common profile {candidate.common.name} has no siting, which sites: profiles falls back to"
    return [document.problem(("sites",), rule)]


def _no_region(document: Document, candidate: Candidate) -> list[Problem]:
    """Certificates hold in places that the candidate knows."""
    problems = []
    for place, profile in candidate.profiles.items():
        region = profile.effective("security.cert_region")
        for other in [] if isinstance(region, str) else region:
            if not candidate.holds_in(other):
                path: KeyPath = ("profiles", place) if place in candidate.base else ("differences", place)
                rule = f"security.cert_region: {other}: no profile holds there; {did_you_mean(other, candidate.places)}"
                problems.append(document.problem(path, rule))
    return problems


def _shown(value: Any) -> str:
    return "unset" if value is None else str(plain_value(value))
