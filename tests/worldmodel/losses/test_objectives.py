"""The loss terms equal their formulas and tell healthy latents from collapsed ones."""

import pytest
import torch
from torch import nn

from worldmodel.losses import objectives


def normal_rows(rows: int = 4096, latent: int = 8) -> torch.Tensor:
    return torch.randn(rows, latent, generator=torch.Generator().manual_seed(0))


def test_prediction_is_zero_only_for_equal_latents() -> None:
    z = normal_rows()
    assert objectives.prediction(z, z) == 0
    assert objectives.prediction(z + 0.5, z) == pytest.approx(0.25)


def test_variance_is_zero_when_every_dimension_spreads_by_one_and_near_one_when_collapsed() -> None:
    assert objectives.variance(2 * normal_rows()) == 0
    assert objectives.variance(torch.zeros(100, 8)) == pytest.approx(0.99)


def test_one_collapsed_dimension_is_not_averaged_away() -> None:
    z = 2 * normal_rows()
    z[:, 3] = 1.0
    assert objectives.variance(z) == pytest.approx(0.99 / 8)


def test_covariance_sees_a_copied_dimension_and_not_independent_ones() -> None:
    z = normal_rows(latent=2)
    copied = torch.stack([z[:, 0], z[:, 0]], dim=1)
    assert objectives.covariance(z) < 0.01
    assert objectives.covariance(copied) == pytest.approx(float(z[:, 0].var()) ** 2, rel=1e-3)


def test_sigreg_is_small_on_a_standard_normal_and_large_on_everything_else() -> None:
    def statistic(z: torch.Tensor) -> float:
        return float(objectives.sigreg(z, torch.Generator().manual_seed(1)))

    z = normal_rows()
    good = statistic(z)
    assert good < 2
    assert statistic(torch.zeros_like(z)) > 100 * good
    assert statistic(3 * z) > 100 * good
    assert statistic(z + 1) > 100 * good
    assert statistic(z[:, :1].expand(-1, 8)) > 20 * good


def test_sigreg_gradient_spreads_collapsed_latents() -> None:
    z = (0.1 * normal_rows(512)).requires_grad_()
    objectives.sigreg(z, torch.Generator().manual_seed(1)).backward()
    assert z.grad is not None
    assert (z.grad * z).sum() < 0, "a step against the gradient must make the latents larger"


def test_inverse_dynamics_is_zero_for_a_head_that_reads_the_action_off_the_latents() -> None:
    z = torch.randn(5, 7, 3)
    head = nn.Linear(6, 3, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.cat([-torch.eye(3), torch.eye(3)], dim=1))
    with torch.no_grad():
        assert objectives.inverse_dynamics(head, z, z.diff(dim=1)) < 1e-10
        assert objectives.inverse_dynamics(head, z, z.diff(dim=1) + 1).item() == pytest.approx(1.0, rel=1e-3)


def test_the_teacher_follows_by_the_share_that_momentum_leaves() -> None:
    teacher, student = nn.Linear(2, 2), nn.Linear(2, 2)
    expected = 0.9 * teacher.weight + 0.1 * student.weight
    objectives.follow(teacher, student, 0.9)
    assert torch.allclose(teacher.weight, expected)


def test_the_momentum_of_the_teacher_follows_its_formula() -> None:
    updates = 50
    for k in (0, 1, 25, 50):
        assert objectives.ramp(0.99, 1.0, k / updates) == pytest.approx(0.99 + k * (1.0 - 0.99) / updates)
        assert objectives.ramp(0.97, 0.97, k / updates) == 0.97


def test_smooth_l1_is_a_parabola_up_to_1_and_a_line_beyond() -> None:
    predicted = torch.tensor([[0.5, -0.5], [3.0, 1.0]])
    targets = torch.zeros(2, 2)
    assert objectives.smooth_l1(predicted, targets) == pytest.approx((0.125 + 0.125 + 2.5 + 0.5) / 4)


def test_normalised_rows_have_mean_0_and_variance_1_whatever_their_scale() -> None:
    rows = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    normal = objectives.normalised(1e-2 * rows + 3)
    assert torch.allclose(normal.mean(-1), torch.zeros(5), atol=1e-3)
    assert torch.allclose(normal.var(-1, unbiased=False), torch.ones(5), atol=0.15)
    assert torch.allclose(objectives.normalised(7 * rows), objectives.normalised(rows), atol=1e-3)
