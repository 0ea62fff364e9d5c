"""Order of layouts, flips and the Pareto front, gaps and failures, on numbers made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sim.layouts.compare.failures import MEAN, WORST, failures, simulated_loss, worst_for
from sim.layouts.compare.gaps import gaps
from sim.layouts.compare.judge import flips, mean_front, pareto, ranking
from sim.layouts.compare.observe import Cell, Key, Observed

NAN = float("nan")


def seeds(mean: float, *spread: float) -> np.ndarray:
    return mean + np.array(spread or (-0.01, 0.0, 0.01))


def test_pairs_of_one_seed_decide_where_single_intervals_overlap() -> None:
    """By hand: B is 0.02 above A in each seed, while each varies by 0.2: paired, the order is decided."""
    a = np.array([0.5, 0.7, 0.6])
    found = ranking("x", {"A": a, "B": a + np.array([0.02, 0.021, 0.019])}, more_is_better=True)
    assert found.order == ("B", "A") and found.pairs[0].decided
    assert found.means["A"].upper > found.means["B"].lower
    assert found.undecided_with("A") == []


def test_equal_values_and_single_seeds_decide_nothing() -> None:
    """By hand: no difference at all, and one seed that says nothing of spread."""
    same = ranking("x", {"A": seeds(0.9), "B": seeds(0.9)}, more_is_better=True)
    assert same.order == ("A", "B") and same.undecided_with("B") == ["A"]
    one = ranking("x", {"A": np.array([0.5]), "B": np.array([0.9])}, more_is_better=True)
    assert one.order == ("B", "A") and not one.pairs[0].decided


def test_less_is_better_for_costs_and_a_layout_without_values_is_last() -> None:
    """By hand."""
    found = ranking("x", {"A": seeds(NAN), "B": seeds(3.0), "C": seeds(2.0)}, more_is_better=False)
    assert found.order == ("C", "B", "A")
    assert [(pair.first, pair.second) for pair in found.pairs] == [("C", "B")]


def test_an_order_flips_only_where_both_models_decide_it() -> None:
    """By hand: A before B under x, B before A under y; under z B is ahead by chance, which is no flip."""
    by_model = {
        "x": {"A": seeds(0.9), "B": seeds(0.8)},
        "y": {"A": seeds(0.5), "B": seeds(0.7)},
        "z": {"A": np.array([0.5, 0.7, 0.6]), "B": np.array([0.7, 0.5, 0.65])},
    }
    found = flips([ranking(name, values, more_is_better=True) for name, values in by_model.items()])
    assert [(one.model, one.against, one.first, one.second) for one in found] == [("y", "x", "B", "A")]
    assert str(found[0]).startswith("flips under y: B before A")


def test_the_pareto_front_knows_what_is_open() -> None:
    """By hand: cheap and little, dear and much are on the front; dearer than *much* with less is dominated; dearer
    than *little* with hardly less, seeds disagreeing, is undecided; equal coverage at a higher price is dominated."""
    costs = {"little": 1.0, "close": 1.5, "much": 3.0, "waste": 4.0, "same": 5.0, "unseen": 1.0}
    values = {
        "little": np.array([0.60, 0.61, 0.62]), "close": np.array([0.61, 0.59, 0.62]), "much": seeds(0.9),
        "waste": seeds(0.8), "same": seeds(0.9), "unseen": seeds(NAN),
    }
    assert pareto(costs, values) == {
        "little": "on the front", "close": "undecided", "much": "on the front", "waste": "dominated",
        "same": "dominated", "unseen": "dominated",
    }
    means = {name: float(np.mean(one)) for name, one in values.items()}
    assert mean_front(costs, means) == ["little", "much"]


def test_one_seed_leaves_the_front_open() -> None:
    """By hand: without an interval a dearer layout is undecided, never dominated; the cheapest has no rival."""
    values = {"A": np.array([0.9]), "B": np.array([0.5])}
    assert pareto({"A": 1.0, "B": 2.0}, values) == {"A": "on the front", "B": "undecided"}


def cells(shares: dict[tuple[str, str, float], list[float]]) -> dict[Cell, np.ndarray]:
    """Cells of class RSI in direction up, useful coverage as given, everything received."""
    return {
        Cell(class_, place, "up", at_m): np.array([[2.0] * len(useful), [1.0] * len(useful), useful])
        for (class_, place, at_m), useful in shares.items()
    }


def test_gaps_are_stretches_of_the_mean_over_seeds() -> None:
    """By hand: three cells below 95 % in the mean, cut by a border; a cell low in one seed only counts by its mean
    (0.955), and a cell of another class does not join."""
    road = cells({
        ("RSI", "A", 12.5): [0.91, 1.0], ("RSI", "A", 37.5): [0.5, 0.7], ("RSI", "A", 62.5): [0.0, 0.2],
        ("RSI", "B", 87.5): [0.9, 0.9], ("RSI", "B", 112.5): [1.0, 1.0], ("RSI", "B", 162.5): [0.1, 0.1],
        ("SPAT+MAP", "A", 87.5): [0.3, 0.3],
    })
    found = gaps(road, 25.0)
    assert [(g.measure, g.class_, g.jurisdiction, g.from_m, g.to_m, g.length_m) for g in found] == [
        ("C_useful", "RSI", "A", 25.0, 75.0, 50.0), ("C_useful", "RSI", "B", 75.0, 100.0, 25.0),
        ("C_useful", "RSI", "B", 150.0, 175.0, 25.0), ("C_useful", "SPAT+MAP", "A", 75.0, 100.0, 25.0),
    ]
    assert found[0].share.mean == pytest.approx(0.35)
    assert found[0].share.upper - found[0].share.mean == pytest.approx(12.7062 * 0.1 / 1, rel=1e-4)


def story(lost: dict[str, list[float]], useful: list[float], replications: list[int]) -> Observed:
    """One layout with class RSI on two cells of equal time."""
    one = Observed(0, "L", "x", "", replications, operators={unit: "A" for unit in lost})
    whole = Key("C_useful", "ratio", "I2V", "RSI", station_class="probe")
    one.values = {whole: np.array(useful), whole._replace(metric="C_raw"): np.ones(len(useful))}
    one.lost = {("RSI", unit): np.array([[0.0] * len(values), values]) for unit, values in lost.items()}
    one.cells = cells({("RSI", "A", 12.5): useful, ("RSI", "A", 37.5): useful})
    return one


def test_failures_tell_mean_and_worst_unit() -> None:
    """By hand: losses 0.1 / 0.3 and 0.2 / 0.4 over two seeds: mean 0.25, the worst unit loses 0.3."""
    intact = story({"u1": [0.1, 0.3], "u2": [0.2, 0.4]}, [0.9, 0.9], [0, 1])
    found = {(one.case, one.measure): one for one in failures(intact)}
    assert found[MEAN, "C_useful"].estimate.mean == pytest.approx(0.25)
    assert found[WORST, "C_useful"].unit == "u2" and found[WORST, "C_useful"].estimate.mean == pytest.approx(0.3)
    assert found[WORST, "C_useful"].simulated is None and found["u1", "C_raw"].estimate.mean == 0
    assert worst_for(intact, ("RSI",)) == "u2"


def test_simulated_losses_pair_by_replication() -> None:
    """By hand: the run without the unit has replication 1 only, with 0.5 left of 0.8."""
    intact = story({"u1": [0.1, 0.3]}, [0.9, 0.8], [0, 1])
    without = story({}, [0.5], [1])
    lost = simulated_loss(intact, without, "RSI", "C_useful")
    assert np.isnan(lost[0]) and lost[1] == pytest.approx(0.3)
    told = {one.case: one for one in failures(intact, {"u1": without}) if one.measure == "C_useful"}
    assert told[WORST].simulated is not None and told[WORST].simulated.n == 1


def test_failures_of_a_run_with_fewer_zone_cells_count_over_the_intact_zone() -> None:
    """By hand: without the unit one of two cells is no zone any more: its covered time is lost all the same."""
    intact = story({"u1": [0.5]}, [1.0], [0])
    without = story({}, [1.0], [0])
    del without.cells[Cell("RSI", "A", "up", 37.5)]
    assert simulated_loss(intact, without, "RSI", "C_useful")[0] == pytest.approx(0.5)
