"""Interquartile mean, bootstrap and profile, held against what can be worked out by hand."""

import numpy as np
import pytest

from housecat.bench.aggregates import THRESHOLDS, Aggregate, interquartile_mean, resampled


def run(won: int, of: int = 20) -> list[bool]:
    return [True] * won + [False] * (of - won)


def test_the_middle_half_counts_and_outliers_do_not():
    scores = np.array([0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
    assert interquartile_mean(scores) == pytest.approx(np.mean([0.6, 0.7, 0.8, 0.9]))
    assert interquartile_mean(np.array([0.3])) == pytest.approx(0.3)
    together = Aggregate.of({"a": [run(0), run(10), run(12), run(14)], "b": [run(16), run(18), run(19), run(20)]})
    assert together.iqm == pytest.approx(np.mean([0.6, 0.7, 0.8, 0.9]))
    assert together.low < together.iqm < together.high


def test_an_interval_shrinks_with_runs_and_with_pairs_and_is_no_point_where_all_succeed():
    def width(runs: int, pairs: int) -> float:
        found = Aggregate.of({"a": [run(round(0.6 * pairs), pairs)] * runs})
        return found.high - found.low

    assert width(1, 10) > 1.5 * width(1, 100) > 1.5 * width(8, 100)
    sure = Aggregate.of({"a": [run(20)]})
    assert sure.iqm == sure.high == 1 and sure.low < 0.95


def test_the_bootstrap_draws_runs_within_their_world():
    drawn = resampled({"hard": [run(0, 1000)] * 2, "easy": [run(1000, 1000)] * 3}, np.random.default_rng(0), 200)
    assert drawn.shape == (200, 5)
    assert (drawn[:, :2] < 0.05).all() and (drawn[:, 2:] > 0.95).all()
    mixed = resampled({"a": [run(0, 1000), run(1000, 1000)]}, np.random.default_rng(0), 2000)
    assert np.mean(mixed.mean(axis=1) < 0.05) == pytest.approx(0.25, abs=0.05)


def test_its_interval_covers_the_truth_about_as_often_as_it_says():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(100):
        runs = {name: [list(rng.random(40) < 0.7) for _ in range(3)] for name in "abcd"}
        found = Aggregate.of(runs)
        hits += found.low <= 0.7 <= found.high
    assert hits >= 88


def test_a_profile_is_the_share_of_runs_worlds_alike_that_solve_at_least_so_much():
    profile = dict(zip(THRESHOLDS, Aggregate.of({"a": [run(10)] * 3, "b": [run(20)]}).profile, strict=True))
    assert (profile[0.0], profile[0.5], profile[0.55], profile[1.0]) == (1.0, 1.0, 0.5, 0.5)
    assert list(profile.values()) == sorted(profile.values(), reverse=True)


def test_no_run_is_no_aggregate():
    for runs in ({}, {"a": []}):
        with pytest.raises(ValueError, match="needs a run in every world"):
            Aggregate.of(runs)
