"""Table of verification times."""

from __future__ import annotations

import pytest

from rsu.security.verification_times import VERIFICATION_TIMES
from sim.scenario.schema.messages import VerificationQueue


def test_measured_rows_hold_the_figures_of_the_measurement() -> None:
    """Printed: 73 and 383 us for ECDSA, 350 us for SM2; 63 and 320 us by openssl speed; 33.5 ms in pure Python."""
    software = VERIFICATION_TIMES["software"]
    assert [software.of(suite) / 1000 for suite in ("ecdsa-p256", "ecdsa-brainpool-p256r1", "sm2")] == [73, 383, 350]
    openssl = VERIFICATION_TIMES["software-openssl"]
    assert [openssl.of(suite) / 1000 for suite in ("ecdsa-p256", "sm2")] == [63, 320]
    assert VERIFICATION_TIMES["software-python"].of("sm2") == 33_500_000
    assert all(VERIFICATION_TIMES[name].basis == "measured" for name in VERIFICATION_TIMES if "software" in name)


@pytest.mark.parametrize(("name", "rate_hz"), [("accelerator-2000", 2000), ("accelerator-400", 400)])
def test_accelerators_are_assumptions_with_their_rate_in_the_name(name: str, rate_hz: int) -> None:
    """By hand: the time of a service is one over the rate, for every suite, and the row says that it is assumed."""
    row = VERIFICATION_TIMES[name]
    assert row.basis == "assumption" and row.source.startswith("assumption")
    assert {rate_hz * time_ns for time_ns in row.verify_ns.values()} == {1_000_000_000}


def test_a_suite_without_a_figure_is_an_error() -> None:
    """Property: nothing stands in for a figure that nobody measured."""
    with pytest.raises(ValueError, match="no verification time for suite 'ecdsa-p256'; this row has sm2"):
        VERIFICATION_TIMES["software-python"].of("ecdsa-p256")


@pytest.mark.parametrize("name", VERIFICATION_TIMES)
def test_every_row_can_be_chosen_in_a_scenario(name: str) -> None:
    """Property: the scenario key takes the names of the table, all of them."""
    assert VerificationQueue(times=name).times == name  # type: ignore[arg-type]
