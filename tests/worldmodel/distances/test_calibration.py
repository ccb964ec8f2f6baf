"""Predicted against true steps: what is known to be off must be found to be off by that much."""

import numpy as np
import pytest

from worldmodel.distances.calibration import calibrate


def test_the_truth_is_unbiased_and_in_order() -> None:
    true = np.linspace(0, 40, 200)
    found = calibrate(true, true, (0, 10, 20, 40.1))
    assert found.rank == pytest.approx(1)
    assert [one.count for one in found.bins] == [50, 50, 100]
    assert max(abs(one.bias) + one.spread for one in found.bins) == 0


def test_a_distance_that_is_short_far_away_is_found_in_the_far_bin_only() -> None:
    true = np.linspace(0, 40, 400)
    near, far = calibrate(np.minimum(true, 20), true, (0, 20, 40.1)).bins
    assert near.bias == 0
    assert far.bias == pytest.approx(-10, abs=0.2)


def test_the_rank_asks_for_order_only_and_turns_with_it() -> None:
    true = np.arange(50.0)
    assert calibrate(true**3, true, (0, 50)).rank == pytest.approx(1)
    assert calibrate(-true, true, (0, 50)).rank == pytest.approx(-1)
    assert np.isnan(calibrate(np.ones(50), true, (0, 50)).rank)


def test_steps_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        calibrate(np.ones(3), np.ones(4), (0, 1))
