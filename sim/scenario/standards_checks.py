"""What a scenario asks of its candidates: profiles that hold everywhere and say all that the run's stages need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from rsu.document import KeyPath, did_you_mean
from rsu.messages import MESSAGE_SETS
from rsu.profile import RADIO_KEYS, RECEIVER_KEYS, SITE_KEYS, SPOKEN_KEYS, Candidate, Profile, speaking
from sim.access import ACCESS
from sim.scenario.found import Found
from sim.scenario.schema import Scenario

CANDIDATE: KeyPath = ("standards", "candidate")
NEEDED = {
    "message_set": "decoded",
    "network": "header",
    "security.envelope": "verified",
    "security.certificate_bytes_obu": "verified",
    "security.certificate_bytes_rsu": "verified",
}
"""Key that every place must fix -> stage that needs it."""
ONLY_RECEIVERS = "a view may differ only in what receivers accept"
SENDERS = tuple(key for key in (*SPOKEN_KEYS, *RADIO_KEYS, *SITE_KEYS) if key not in RECEIVER_KEYS)
"""Keys in which a view may not differ from the candidate that the radio run is made with."""


def problems(config: Scenario, candidate: Candidate | None, views: Sequence[Candidate]) -> Iterator[Found]:
    """Everything wrong with the candidates of a scenario; a message set that does not exist is reported elsewhere."""
    wanted = config.standards.message_set
    if wanted is not None and wanted not in MESSAGE_SETS:
        return
    if candidate is not None:
        yield from of_candidate(config, candidate, CANDIDATE)
    seen: set[str] = set()
    for index, view in enumerate(views):
        here: KeyPath = ("standards", "views", index)
        if view.name in seen:
            yield here, "a candidate of this name stands in the list already"
        seen.add(view.name)
        yield from of_candidate(config, view, here)
        if candidate is not None:
            yield from same_on_the_air(config, candidate, view, here)


def of_candidate(config: Scenario, candidate: Candidate, here: KeyPath) -> Iterator[Found]:
    """A profile holds everywhere and fixes what is needed; region ids tell the places apart."""
    first_with: dict[int | str, str] = {}
    for index, jurisdiction in enumerate(config.corridor.jurisdictions):
        place: KeyPath = ("corridor", "jurisdictions", index)
        if not candidate.holds_in(jurisdiction.id):
            yield (*place, "id"), f"candidate {candidate.name} names no profile for it and has no '*'"
            continue
        profile = candidate.profile(jurisdiction.id)
        own = profile.get("region_id")
        region = jurisdiction.region_id if own is None else own
        same = first_with.setdefault(region, jurisdiction.id)
        if same == jurisdiction.id or "H12" in candidate.hazards:
            continue
        if own is None:
            yield (*place, "region_id"), f"is also that of {same}; only a candidate with hazard H12 may share one"
        else:
            who = f"profile {_named(profile, 'region_id')}, in force in {jurisdiction.id}"
            yield here, f"region_id: {region} of {who}, is also that of {same}; list hazard H12 if that is meant"
    profiles = in_force(config, candidate)
    by_site = {"siting": "received"} if candidate.sites == "profiles" else {}
    told: list[Profile] = []
    for profile in profiles.values():
        if profile not in told:
            told.append(profile)
            where = ", ".join(place for place, other in profiles.items() if other == profile)
            yield from stages(profile, f"in force in {where}", here, NEEDED | by_site)
    common = _spoken(config, candidate.common)
    if common not in profiles.values():
        yield from stages(common, "to which all places fall back", here)


def in_force(config: Scenario, candidate: Candidate) -> dict[str, Profile]:
    """Place -> profile that holds there in this scenario, the scenario's message set put in."""
    found = {}
    for place in (one.id for one in config.corridor.jurisdictions):
        if candidate.holds_in(place):
            found[place] = _spoken(config, candidate.profile(place))
    return found


def _spoken(config: Scenario, profile: Profile) -> Profile:
    wanted = config.standards.message_set
    return profile if wanted is None else speaking(profile, MESSAGE_SETS[wanted])


def stages(
    profile: Profile, standing: str, here: KeyPath, needed: Mapping[str, str] = MappingProxyType(NEEDED)
) -> Iterator[Found]:
    """What the stages of a run need of a profile (key -> stage), and names that only the bench knows.

    ``standing``: the part it plays in the candidate.
    """
    for key, stage in needed.items():
        if profile.get(key) is None:
            state = "left open by" if key not in profile.entries else "not known in"
            yield here, f"{key}: {state} profile {_named(profile, key)}, {standing}; stage {stage} needs it"
    access = profile.get("access")
    if access is not None and access not in ACCESS and ":" not in access:
        hint = did_you_mean(access, ACCESS)
        yield here, f"access: {access}: no such access layer (profile {_named(profile, 'access')}); {hint}"


def same_on_the_air(config: Scenario, candidate: Candidate, view: Candidate, here: KeyPath) -> Iterator[Found]:
    """A view must not change what is sent: it is judged on the radio run of the candidate."""
    theirs, ours = in_force(config, view), in_force(config, candidate)
    for key in SENDERS:
        apart = [
            place for place in theirs
            if place in ours and theirs[place].effective(key) != ours[place].effective(key)
        ]
        if apart:
            yield here, f"differs from candidate {candidate.name} in {key} ({', '.join(apart)}): {ONLY_RECEIVERS}"
    for word in ("sites", "relays", "gateway"):
        if getattr(view, word) != getattr(candidate, word):
            yield here, f"differs from candidate {candidate.name} in {word}: {ONLY_RECEIVERS}"


def _named(profile: Profile, key: str) -> str:
    """The profile and where it comes from, as far as a file says it."""
    entry = profile.entries.get(key)
    where = entry.where if entry is not None else profile.where
    return f"{profile.name} ({where})" if where and where not in ("candidate", "profile") else profile.name
