"""What tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rsu.bounded import at_most

LARGE_RANDOM_VALUES = {
    "test_describe", "test_messages_cn_2017", "test_messages_cn_random", "test_messages_dsrc_bits",
    "test_messages_etsi_bits",
}
"""Tests of bits, not of bounds: random values fill lists that no real message fills."""


@pytest.fixture(autouse=True)
def large_random_values(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lift the limit of elements where random values of any size are decoded."""
    if request.module.__name__.rpartition(".")[2] in LARGE_RANDOM_VALUES:
        with at_most(1_000_000):
            yield
    else:
        yield
