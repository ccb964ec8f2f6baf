import math

import numpy as np
import pytest

from housecat.evaluation.statistics import Rate, compare_paired, difference_paired, path_efficiency, percentile


@pytest.mark.parametrize(
    ("won", "n", "low", "high"),
    [
        (30, 30, 0.8865, 1.0),
        (0, 30, 0.0, 0.1135),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I: method 3
        (1, 29, 0.0061, 0.1718),  # the same table
    ],
)
def test_wilson_bounds_are_those_of_published_tables(won: int, n: int, low: float, high: float) -> None:
    rate = Rate.of([True] * won + [False] * (n - won))
    assert rate.value == won / n and rate.n == n
    assert rate.low == pytest.approx(low, abs=1e-4)
    assert rate.high == pytest.approx(high, abs=1e-4)


@pytest.mark.parametrize(
    ("both", "only_first", "only_second", "neither", "low", "high"),
    [(36, 12, 2, 0, -0.3404, -0.0569)],  # Newcombe 1998 (17, 2635), table II: method 10
)
def test_bounds_of_a_difference_on_the_same_pairs_are_those_of_a_published_table(
    both: int, only_first: int, only_second: int, neither: int, low: float, high: float
) -> None:
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    found = difference_paired(first, second)
    assert found == pytest.approx(((only_second - only_first) / len(first), low, high), abs=1e-4)
    assert difference_paired(second, first) == pytest.approx((-found[0], -high, -low), abs=1e-4)


def test_an_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    rng, truth, covered = np.random.default_rng(0), 0.5 * 0.6, 0
    for _ in range(400):
        first = rng.random(30) < 0.3
        second = first | (rng.random(30) < 0.3 / 0.7)
        _, lowest, highest = difference_paired(first.tolist(), second.tolist())
        covered += lowest <= truth <= highest
    assert 0.93 <= covered / 400 <= 1.0
    wide, narrow = (difference_paired([False] * 9 + [True] * 9, [True] * 18, level) for level in (0.99, 0.9))
    assert wide[1] < narrow[1] < 0.5 < narrow[2] < wide[2]
    same = difference_paired([True] * 9, [True] * 9)
    assert same[0] == 0 and same[1] < 0 < same[2]
    with pytest.raises(ValueError, match="at least one pair"):
        difference_paired([], [])


def test_a_perfect_score_still_has_an_interval_that_contains_it() -> None:
    for n in (1, 7, 50, 1000):
        perfect, none = Rate.of([True] * n), Rate.of([False] * n)
        assert perfect.low < perfect.value == perfect.high == 1.0
        assert none.low == none.value == 0.0 < none.high


def test_more_episodes_narrow_the_interval() -> None:
    few, many = Rate.of([True, False] * 10), Rate.of([True, False] * 100)
    assert many.high - many.low < (few.high - few.low) / 2.5


def test_one_training_has_wilsons_interval_and_several_never_a_narrower_one() -> None:
    plays = [True] * 23 + [False] * 7
    assert Rate.of_trainings([plays]) == Rate.of(plays)
    for won in ((30, 30, 30), (0, 0, 0), (20, 20, 20), (25, 28, 30)):
        parts = [[True] * one + [False] * (30 - one) for one in won]
        whole, pooled = Rate.of_trainings(parts), Rate.of([play for part in parts for play in part])
        assert whole.low <= pooled.low <= whole.value == pooled.value <= pooled.high <= whole.high


def test_three_trainings_that_solve_all_leave_some_doubt_and_three_that_differ_much_more() -> None:
    perfect = Rate.of_trainings([[True] * 30] * 3)
    assert 0.93 < perfect.low < 0.97 and perfect.high == 1.0
    apart = Rate.of_trainings([[True] * won + [False] * (30 - won) for won in (25, 16, 28)])
    assert apart.low < 0.5 and apart.high > 0.95, "83, 53 and 93 % are not 77 (67 to 84)"


def test_a_training_without_plays_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one episode of each"):
        Rate.of_trainings([[True], []])


@pytest.mark.parametrize("mean", [0.03, 0.3, 0.5, 0.75, 0.9, 0.97, 1.0])
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.25])
def test_nominal_95_percent_intervals_over_three_trainings_cover_the_mean_of_further_ones(
    mean: float, spread: float
) -> None:
    """`spread` is the standard deviation between trainings over the largest that there can be with this mean."""
    rng = np.random.default_rng(round(1000 * mean + 10 * spread))
    size, times = 3, 1500
    true = np.full((times, size), mean)
    if spread and mean < 1:
        strength = 1 / spread**2 - 1  # a beta distribution's variance is mean (1 - mean) / (strength + 1)
        true = rng.beta(mean * strength, (1 - mean) * strength, (times, size))
    won = rng.binomial(30, true)
    plays = {k: [True] * k + [False] * (30 - k) for k in range(31)}
    found = [Rate.of_trainings([plays[k] for k in row]) for row in won.tolist()]
    assert np.mean([rate.low <= mean <= rate.high for rate in found]) >= 0.9
    if spread == 0.25 and 0.2 < mean < 0.8:
        pooled = [Rate.of([True] * sum(row) + [False] * (90 - sum(row))) for row in won.tolist()]
        assert np.mean([rate.low <= mean <= rate.high for rate in pooled]) < 0.8, "what pooling would have said"


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one episode"):
        Rate.of([])


def test_mcnemar_counts_only_the_pairs_on_which_the_planners_differ() -> None:
    first = [True] * 8 + [False] * 1 + [True] * 20 + [False] * 5
    second = [False] * 8 + [True] * 1 + [True] * 20 + [False] * 5
    result = compare_paired(first, second)
    assert (result.only_first, result.only_second) == (8, 1)
    assert result.p == pytest.approx(2 * (1 + 9) / 2**9)  # binomial(9, 1/2): P(0) + P(1), both tails


def test_mcnemar_is_symmetric_and_finds_nothing_between_equals() -> None:
    first, second = [True, True, False, True, False], [True, False, False, False, True]
    assert compare_paired(first, second).p == compare_paired(second, first).p
    assert compare_paired(first, first).p == 1.0
    assert compare_paired([True, False], [False, True]).p == 1.0
    with pytest.raises(ValueError, match="same pairs"):
        compare_paired([True], [True, False])


def test_path_efficiency_punishes_detours_but_never_rewards_stopping_short() -> None:
    assert path_efficiency(True, 4.0, 8.0) == 0.5
    assert path_efficiency(True, 4.0, 3.8) == 1.0  # the goal has a radius: less than the whole way may be travelled
    assert path_efficiency(False, 4.0, 4.0) == 0.0


def test_percentiles_interpolate_between_values() -> None:
    values = [5.0, 1.0, 2.0, 4.0, 3.0]
    assert percentile(values, 50) == 3.0
    assert percentile(values, 95) == pytest.approx(4.8)
    assert math.isclose(percentile([7.0], 95), 7.0)
    with pytest.raises(ValueError, match="at least one value"):
        percentile([], 50)
