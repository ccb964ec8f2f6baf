"""What is said of imagination is known of worlds that were made for it."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from worldmodel.diagnosis.imagination import futures, latent_errors, physical_errors


@dataclass
class Sum:
    """Imagines that actions add up in the first two dimensions of the latent, each with this weight."""

    weight: float
    device = torch.device("cpu")

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        moved = torch.cat([actions, torch.zeros(*actions.shape[:-1], z.shape[-1] - 2)], dim=-1)
        return z[..., None, :] + self.weight * moved.cumsum(dim=-2)


@pytest.fixture
def walk() -> tuple[Tensor, Tensor]:
    """Latents (B, T, D) whose first two dimensions add up the actions (B, T-1, 2)."""
    generator = torch.Generator().manual_seed(0)
    actions = torch.rand(12, 9, 2, generator=generator) * 2 - 1
    places = torch.cat([torch.zeros(12, 1, 2), actions.cumsum(dim=1)], dim=1)
    return torch.cat([places, torch.ones(12, 10, 1)], dim=-1), actions


def test_the_true_dynamics_err_only_when_the_actions_are_another_clips(walk: tuple[Tensor, Tensor]) -> None:
    latents, actions = walk
    found = futures(Sum(1.0), latents, actions, 4, torch.Generator().manual_seed(0))
    errors = {name: error.mean(dim=0) for name, error in latent_errors(found).items()}
    assert errors["imagined"] == pytest.approx([0] * 4, abs=1e-9)
    # Two independent walks are twice as far apart as one is from its start.
    assert (errors["shuffled"] / errors["copied"]).tolist() == pytest.approx([2] * 4, rel=0.5)


def test_a_model_that_is_deaf_to_actions_is_shown_by_shuffling(walk: tuple[Tensor, Tensor]) -> None:
    errors = latent_errors(futures(Sum(0.0), *walk, 4, torch.Generator().manual_seed(0)))
    assert torch.equal(errors["imagined"], errors["shuffled"])
    assert torch.equal(errors["imagined"], errors["copied"])


def test_no_clip_is_given_its_own_actions_when_they_are_shuffled(walk: tuple[Tensor, Tensor]) -> None:
    for seed in range(12):
        found = futures(Sum(1.0), *walk, 4, torch.Generator().manual_seed(seed))
        assert (found.shuffled != found.imagined).flatten(1).any(dim=1).all()


def test_physical_errors_are_in_the_unit_of_the_quantity(walk: tuple[Tensor, Tensor]) -> None:
    latents, actions = walk
    found = futures(Sum(0.5), latents, actions, 4, torch.Generator().manual_seed(0))
    metres = 3 * latents[..., :2]
    physical = physical_errors(found, lambda z: 3 * z[..., :2], metres, spread=0.0)
    assert physical.errors["read"].tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert physical.errors["copied"].tolist() == pytest.approx(physical.moved.tolist())
    assert (physical.errors["imagined"] / physical.moved).tolist() == pytest.approx([0.5] * 4, rel=1e-5)


def test_bodies_at_rest_are_not_counted(walk: tuple[Tensor, Tensor]) -> None:
    latents, actions = walk
    latents, actions = torch.cat([latents, latents[:, :1].expand(-1, 10, -1)]), actions.repeat(2, 1, 1)
    found = futures(Sum(1.0), latents, actions, 4, torch.Generator().manual_seed(0))
    places = latents[..., :2]
    physical = physical_errors(found, lambda z: z[..., :2], places, spread=1.0)
    assert physical.starts <= 12 * 6 < physical.of
    assert float(physical.errors["imagined"].max()) < 1e-5, "the resting half is imagined wrongly, and left out"
    assert physical_errors(found, lambda z: z[..., :2], places, spread=1000.0) is None
