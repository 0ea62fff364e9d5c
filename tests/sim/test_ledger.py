"""The ledger of frames under way."""

import numpy as np
import pytest

from sim.ledger import COLUMNS, Ledger


def enter(ledger: Ledger, count: int, size: int) -> np.ndarray:
    values = {name: 0 for name in COLUMNS} | {"size_bytes": size, "measured": True}
    return ledger.add(count, [bytes([size])] * count, **values)


def test_keeps_columns_and_payloads_while_it_grows() -> None:
    """Property: what was entered is read back, whatever the growth in between."""
    ledger = Ledger(capacity=4)
    frames = [enter(ledger, 3, size) for size in range(1, 30)]
    for size, numbers in enumerate(frames, start=1):
        assert (ledger.column("size_bytes", numbers) == size).all()
        assert ledger.payloads(numbers) == [bytes([size])] * 3
    assert np.array_equal(np.concatenate(frames), np.arange(87))
    assert ledger.under_way == 87


def test_memory_follows_frames_under_way() -> None:
    """Property: closing in step with entering keeps the table at its size."""
    ledger = Ledger(capacity=8)
    for size in range(200):
        ledger.close(enter(ledger, 4, size))
    assert ledger._capacity == 8
    assert ledger.under_way == 0 and ledger.next_frame == 800


def test_ending_twice_is_an_error() -> None:
    """Property: every frame ends exactly once."""
    ledger = Ledger()
    frames = enter(ledger, 2, 1)
    ledger.close(frames)
    with pytest.raises(RuntimeError, match="not under way"):
        ledger.close(frames[:1])


def test_every_column_must_be_given() -> None:
    """Property: a forgotten column is named."""
    with pytest.raises(ValueError, match="backhaul_ns"):
        Ledger().add(1, [b""], **{name: 0 for name in COLUMNS if name != "backhaul_ns"})
