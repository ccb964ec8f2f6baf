"""What every energy keeps, whatever it measures."""

import pytest
import torch
from torch import Tensor

from planners.energies import ActionChange, ActionEffort, Disagreement, LatentDistance, TemporalDistance

B, N, H, A, D = 3, 5, 4, 2, 6


class Learned:
    """A network's distance with random weights: matrix products, whose last bits may depend on the number of rows."""

    def __init__(self) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.first = torch.randn(2 * D, 64, generator=drawn)
        self.second = torch.randn(64, 1, generator=drawn)

    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        pair = torch.cat(torch.broadcast_tensors(z, target), dim=-1)
        return ((pair @ self.first).tanh() @ self.second).squeeze(-1).abs()


ENERGIES = {
    "latent distance": LatentDistance(),
    "latent distance at the end": LatentDistance(aggregate="final"),
    "absolute latent distance": LatentDistance("l1"),
    "angle to the target at its least": LatentDistance("cosine", "minimum"),
    "temporal distance": TemporalDistance(Learned()),
    "temporal distance at its least": TemporalDistance(Learned(), "minimum"),
    "effort": ActionEffort(),
    "smoothness": ActionChange(),
    "disagreement": Disagreement(lambda z, a: torch.stack([z, 2 * z, z + a.sum(dim=-1, keepdim=True)])),
    "sum": LatentDistance() + 0.1 * ActionEffort(),
    "sum of sums": 2.0 * (TemporalDistance(Learned()) + 0.5 * LatentDistance()) + ActionEffort() * 3,
}

pytestmark = pytest.mark.parametrize("energy", ENERGIES.values(), ids=ENERGIES.keys())


@pytest.fixture
def asked() -> tuple[Tensor, Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(1)
    sizes = (B, N, H, D), (B, N, H, A), (B, D)
    latents, actions, target = (torch.randn(size, generator=drawn) for size in sizes)
    return latents, actions, target


def test_there_is_one_finite_number_for_each_candidate(energy, asked):
    found = energy(*asked)
    assert found.shape == (B, N)
    assert found.dtype == torch.float32
    assert found.isfinite().all()


def test_the_energy_of_an_environment_is_the_same_to_the_last_bit_in_every_batch(energy, asked):
    together = energy(*asked)
    for row in range(B):
        assert torch.equal(energy(*(each[row, None] for each in asked))[0], together[row])


def test_a_candidate_is_judged_without_a_look_at_the_others(energy, asked):
    latents, actions, target = asked
    order = torch.tensor([4, 2, 0, 1, 3])
    found = energy(latents[:, order], actions[:, order], target)
    torch.testing.assert_close(found, energy(*asked)[:, order])


def test_what_it_is_asked_about_is_left_unchanged(energy, asked):
    before = [each.clone() for each in asked]
    energy(*asked)
    assert all(torch.equal(old, new) for old, new in zip(before, asked, strict=True))


def test_it_adds_and_scales_with_any_other(energy, asked):
    for other in ENERGIES.values():
        expected = 2.5 * energy(*asked) + 0.5 * other(*asked)
        torch.testing.assert_close((2.5 * energy + other * 0.5)(*asked), expected)
        torch.testing.assert_close((other * 0.5 + energy * 2.5)(*asked), expected)
