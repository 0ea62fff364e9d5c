"""``corridor messages``: every set with rules, sizes and sources."""

from __future__ import annotations

import json

from rsu.messages import MESSAGE_SETS
from tests.sim.cli_cases import outcome


def test_messages_json_lists_every_set(capsys) -> None:
    """Independent: the table of sets, their codecs and rules."""
    code, text, errors = outcome(capsys, "messages", "--json")
    assert (code, errors) == (0, "")
    document = json.loads(text)
    assert document["schema_version"] == 1
    assert [one["name"] for one in document["message_sets"]] == list(MESSAGE_SETS)
    for one in document["message_sets"]:
        message_set = MESSAGE_SETS[one["name"]]
        assert one["messages"] == list(message_set.codec.messages)
        assert [rule["name"] for rule in one["rules"]] == list(message_set.messages)
        assert all(rule["source"] and rule["period_ms"] > 0 for rule in one["rules"])
        assert {size["message"] for size in one["typical_sizes"]} == set(one["messages"])
        assert one["title"] and one["status"] and one["source"] and one["native"]["source"]
    legacy = next(one for one in document["message_sets"] if one["name"] == "csae53-2017")
    assert legacy["status"].startswith("unverified")


def test_messages_json_lists_the_sets_that_candidates_need(capsys) -> None:
    """By hand: the sets of China in both editions and phases, of Europe and of the United States."""
    assert {"csae53-2017", "csae53-2020", "ydt3709-2020", "csae157-2020", "etsi-its", "sae-j2735"} <= {
        one["name"] for one in json.loads(outcome(capsys, "messages", "--json")[1])["message_sets"]
    }


def test_messages_text_fits_a_hundred_columns(capsys) -> None:
    """Property: no line is longer, every set, message and rule is named."""
    code, text, _ = outcome(capsys, "messages")
    assert code == 0
    assert max(map(len, text.splitlines())) <= 100
    for name, one in MESSAGE_SETS.items():
        assert name in text and one.native.envelope in text
        assert all(rule in text for rule in one.messages)


def test_messages_one_set_alone_and_a_misspelt_one(capsys) -> None:
    """By hand: one set; the nearest name."""
    _, text, _ = outcome(capsys, "messages", "--message-set", "etsi-its", "--json")
    assert [one["name"] for one in json.loads(text)["message_sets"]] == ["etsi-its"]
    code, text, errors = outcome(capsys, "messages", "--message-set", "etsi")
    assert (code, text) == (2, "") and "did you mean 'etsi-its'?" in errors
