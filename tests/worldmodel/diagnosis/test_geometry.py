"""Numbers about clouds of points whose shape is known."""

import pytest
import torch

from worldmodel.diagnosis.geometry import straightness, variation


def test_a_straight_line_is_straight_a_random_walk_is_not_and_a_zigzag_turns_back() -> None:
    line = torch.arange(6.0)[None, :, None] * torch.tensor([1.0, 2.0, -1.0])
    steps = torch.randn(400, 20, 16, generator=torch.Generator().manual_seed(0))
    zigzag = torch.tensor([0.0, 1.0, 0.0, 1.0])[None, :, None]
    assert straightness(line) == pytest.approx(1)
    assert straightness(steps.cumsum(dim=1)) == pytest.approx(0, abs=0.02)
    assert straightness(zigzag) == pytest.approx(-1)


def test_the_ends_of_a_rest_do_not_count_as_turns() -> None:
    resting = torch.tensor([0.0, 1.0, 2.0, 2.0, 2.0, 2.0])[None, :, None]
    assert straightness(resting) == pytest.approx(1)


def test_variation_is_nothing_for_a_constant_and_all_for_a_centred_cloud() -> None:
    cloud = torch.randn(5000, 8, generator=torch.Generator().manual_seed(0))
    assert variation(torch.ones(10, 4)) == pytest.approx(0, abs=1e-6)
    assert variation(cloud) == pytest.approx(1, abs=0.01)
    assert variation(cloud + 100) == pytest.approx(0.01, rel=0.05)
