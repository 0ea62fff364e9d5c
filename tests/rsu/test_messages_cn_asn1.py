"""The ASN.1 modules of the Chinese sets against the table of type facts."""

from __future__ import annotations

import pytest

from rsu.messages import MESSAGE_SETS
from tests.rsu.cn_facts import PROFILES, as_facts, expected, types_of

CASES = [(profile, name) for profile in PROFILES for name in sorted(types_of(profile))]


@pytest.mark.parametrize(("profile", "count"), [("csae53-2020", 162), ("ydt3709-2020", 162), ("csae157-2020", 336)])
def test_the_modules_hold_exactly_the_types_of_the_facts(profile: str, count: int) -> None:
    """Independent: no type missing, none extra."""
    assert set(MESSAGE_SETS[profile].codec.schema.types) == set(types_of(profile))
    assert len(types_of(profile)) == count


@pytest.mark.parametrize(("profile", "name"), CASES)
def test_type_equals_the_facts(profile: str, name: str) -> None:
    """Independent: order, optionality, ranges, sizes, extension markers, additions and names as in the facts."""
    types = types_of(profile)
    assert as_facts(MESSAGE_SETS[profile].codec.schema.types[name], types) == expected(types[name])


@pytest.mark.parametrize("profile", PROFILES)
def test_compiled_integers_have_the_width_and_bounds_of_the_facts(profile: str) -> None:
    """Independent: both bounds take ceil(log2(count)) bits and their neighbours are refused."""
    spec = MESSAGE_SETS[profile].codec.schema.specification
    entries = [e for e in types_of(profile).values() if e["kind"] == "INTEGER" and "range_extensible" not in e]
    assert len(entries) > 50
    for entry in entries:
        name, (low, high) = entry["name"], entry["range"]
        width = (high - low).bit_length()
        octets = (width + 7) // 8
        assert spec.encode(name, low, check_constraints=True) == bytes(octets), name
        top = ((high - low) << (-width % 8)).to_bytes(octets, "big")
        assert spec.encode(name, high, check_constraints=True) == top, name
        for outside in (low - 1, high + 1):
            with pytest.raises(Exception, match="Expected an integer between"):
                spec.encode(name, outside, check_constraints=True)


def test_sets_differ_where_the_facts_say_and_nowhere_else() -> None:
    """Printed: the eleven types of the table of differences, seven of them between the two Day I sets."""
    def differing(a: str, b: str) -> set[str]:
        first, second = (MESSAGE_SETS[name].codec.schema.types for name in (a, b))
        both = set(first) & set(second)
        types = types_of(b)
        return {name for name in both if as_facts(first[name], types) != as_facts(second[name], types)}

    tables = {
        "DHour", "DTimeOffset", "ConnectsToList", "Link", "NodeList", "PathPointList", "FullPositionVector",
    }
    frame = {"LaneAttributes-Vehicle", "Node", "MessageFrame", "RTSData"}
    assert differing("csae53-2020", "ydt3709-2020") == tables
    assert differing("ydt3709-2020", "csae157-2020") == frame
    assert differing("csae53-2020", "csae157-2020") == tables | frame
