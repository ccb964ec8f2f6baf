import pytest
import torch
from torch import Tensor

from planners.energies import (
    ActionChange,
    ActionEffort,
    Disagreement,
    EnergySettings,
    LatentDistance,
    TemporalDistance,
    make_energy,
)


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


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("mean", [1.0, 4 / 3]), ("minimum", [0.0, 1.0]), ("final", [0, 2])]
)
def test_a_path_is_judged_by_its_mean_its_nearest_or_its_last_step(aggregate, expected):
    found = LatentDistance(aggregate=aggregate)(LATENTS, ACTIONS, TARGET)
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


def test_of_a_final_distance_nothing_else_is_computed():
    distance = Line()
    TemporalDistance(distance, "final")(LATENTS, ACTIONS, TARGET)
    assert distance.asked == 2


@pytest.mark.parametrize("make", [lambda: LatentDistance(aggregate="median"), lambda: LatentDistance("l3")])
def test_an_aggregate_or_a_norm_that_is_none_is_refused_with_those_there_are(make):
    with pytest.raises(ValueError, match="mean, minimum, final|l2, l1, cosine"):
        make()


def test_norms_are_what_their_names_say():
    z, target = torch.tensor([[[[3.0, 4.0]]]]), torch.tensor([[4.0, 3.0]])
    known = {"l2": 1.0, "l1": 1.0, "cosine": 1 - 24 / 25}
    for norm, expected in known.items():
        assert LatentDistance(norm)(z, ACTIONS[:, :1, :1], target).item() == pytest.approx(expected, abs=1e-6)


def test_effort_is_the_mean_squared_action():
    torch.testing.assert_close(ActionEffort()(LATENTS, ACTIONS, TARGET), torch.tensor([[1.0, 4 / 6]]))


def test_smoothness_is_the_mean_squared_change_of_actions_and_0_for_a_single_one():
    torch.testing.assert_close(ActionChange()(LATENTS, ACTIONS, TARGET), torch.tensor([[0.0, 1.0]]))
    assert torch.equal(ActionChange()(LATENTS[:, :, :1], ACTIONS[:, :, :1], TARGET), torch.zeros(1, 2))


def test_disagreement_is_how_far_apart_predictions_of_the_next_latents_are():
    def two(z: Tensor, actions: Tensor) -> Tensor:  # what comes next is known at 0, and less and less away from it
        return torch.stack([z, 3 * z])

    found = Disagreement(two)(LATENTS, ACTIONS, TARGET)
    torch.testing.assert_close(found, torch.tensor([[0.5, 1.0]]))
    assert torch.equal(Disagreement(two)(LATENTS[:, :, :1], ACTIONS[:, :, :1], TARGET), torch.zeros(1, 2))


def test_disagreement_without_an_ensemble_is_refused():
    with pytest.raises(ValueError, match=r"train with ensemble\.members"):
        make_energy(EnergySettings(disagreement=1.0), Line())


def test_an_energy_is_put_together_as_the_settings_ask():
    asked = EnergySettings(aggregate="final", norm="l1", closeness=2.0)
    expected = (TemporalDistance(Line(), "final") + 2.0 * LatentDistance("l1", "final"))(LATENTS, ACTIONS, TARGET)
    torch.testing.assert_close(make_energy(asked, Line())(LATENTS, ACTIONS, TARGET), expected)
    plain = make_energy(EnergySettings(closeness=2.0), None)(LATENTS, ACTIONS, TARGET)
    assert torch.equal(plain, LatentDistance()(LATENTS, ACTIONS, TARGET))
