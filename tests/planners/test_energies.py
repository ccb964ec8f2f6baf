import pytest
import torch
from torch import Tensor

from planners.energies import ActionEffort, LatentDistance, TemporalDistance


class Line:
    """Latents are places on a line (D = 1), five control steps a unit; remembers how many it was asked about."""

    asked = 0

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        self.asked += z.shape[:-1].numel()
        return 5 * (z - target).abs().squeeze(-1)


LATENTS = torch.tensor([[[[0.0], [1.0], [2.0]], [[1.0], [1.0], [4.0]]]])  # B 1, N 2, H 3, D 1
TARGET = torch.tensor([[2.0]])
ACTIONS = torch.tensor([[[[1.0, 1.0]] * 3, [[0.0, 2.0], [0.0, 0.0], [0.0, 0.0]]]])


def test_the_latent_distance_is_the_mean_distance_over_the_path():
    torch.testing.assert_close(LatentDistance()(LATENTS, ACTIONS, TARGET), torch.tensor([[1.0, 4 / 3]]))


def test_the_latent_distance_falls_as_fast_near_the_target_as_far_from_it():
    off = torch.rand(1, 1, 1, 6)
    near, far = (LatentDistance()(off * scale, ACTIONS[:, :1, :1], torch.zeros(1, 6)) for scale in (1e-3, 1.0))
    torch.testing.assert_close(far, 1e3 * near)


def test_the_latent_distance_has_a_gradient_at_the_target():
    latents = torch.zeros(1, 1, 1, 6, requires_grad=True)
    LatentDistance()(latents, ACTIONS[:, :1, :1], torch.zeros(1, 6)).sum().backward()
    torch.testing.assert_close(latents.grad, torch.zeros(1, 1, 1, 6))


def test_the_latent_distance_compares_latents_of_any_shape():
    latents, target = torch.rand(2, 3, 4, 5, 6, 7), torch.rand(2, 5, 6, 7)
    expected = (latents - target[:, None, None]).square().mean(dim=(3, 4, 5)).sqrt().mean(dim=2)
    torch.testing.assert_close(LatentDistance()(latents, torch.zeros(2, 3, 4, 2), target), expected)


def test_the_temporal_distance_is_in_control_steps_whatever_the_horizon():
    energy = TemporalDistance(Line())
    torch.testing.assert_close(energy(LATENTS, ACTIONS, TARGET), torch.tensor([[5.0, 20 / 3]]))
    torch.testing.assert_close(energy(LATENTS[:, :, :2], ACTIONS[:, :, :2], TARGET), torch.tensor([[7.5, 5.0]]))


def test_path_weights_say_how_much_each_step_matters():
    torch.testing.assert_close(LatentDistance((0, 0, 1))(LATENTS, ACTIONS, TARGET), torch.tensor([[0.0, 2.0]]))
    torch.testing.assert_close(LatentDistance((2, 0, 2))(LATENTS, ACTIONS, TARGET), torch.tensor([[1.0, 1.5]]))


def test_steps_that_weigh_nothing_are_not_computed():
    distance = Line()
    TemporalDistance(distance, (0, 0, 1))(LATENTS, ACTIONS, TARGET)
    assert distance.asked == 2


@pytest.mark.parametrize("weights", [(0, 0, 0), (1, -1, 2)])
def test_path_weights_that_are_no_weights_are_refused(weights):
    with pytest.raises(ValueError, match="path weights"):
        LatentDistance(weights)


def test_path_weights_for_another_horizon_are_refused():
    with pytest.raises(ValueError, match="4 path weights for a horizon of 3"):
        LatentDistance((1, 1, 1, 1))(LATENTS, ACTIONS, TARGET)


def test_effort_is_the_mean_squared_action():
    torch.testing.assert_close(ActionEffort()(LATENTS, ACTIONS, TARGET), torch.tensor([[1.0, 4 / 6]]))
