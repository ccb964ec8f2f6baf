"""Optimisers of other packages find a known optimum through our protocol; where those packages are installed."""

import pytest
import torch

from benchmarks.peers import PytorchMPPI, StableWorldmodelCEM

PACKAGES = {StableWorldmodelCEM: "stable_worldmodel", PytorchMPPI: "pytorch_mppi"}
LOW, HIGH = -torch.ones(2), torch.ones(2)
BEST = torch.tensor([[[0.5, -0.5]] * 3, [[-0.2, 2.0]] * 3])  # (B, H, A); the last one lies out of bounds

pytestmark = pytest.mark.outside


@pytest.fixture(params=PACKAGES, ids=lambda kind: kind.__name__)
def optimizer(request):
    pytest.importorskip(PACKAGES[request.param])
    return request.param(samples=256, iterations=12)


def score(actions: torch.Tensor) -> torch.Tensor:
    assert (actions >= LOW).all() and (actions <= HIGH).all()
    return (actions - BEST[: len(actions), None]).square().sum(dim=(2, 3))


def generators() -> list[torch.Generator]:
    return [torch.Generator().manual_seed(row) for row in range(2)]


def test_it_finds_the_optimum_within_the_bounds(optimizer):
    actions, energy = optimizer(score, torch.zeros(2, 3, 2), LOW, HIGH, generators())
    torch.testing.assert_close(actions, BEST.clamp(LOW, HIGH), atol=0.25, rtol=0)
    torch.testing.assert_close(energy, score(actions[:, None])[:, 0])


def test_an_environment_is_searched_as_if_it_were_alone(optimizer):
    start = torch.zeros(2, 3, 2)
    together, _ = optimizer(score, start, LOW, HIGH, generators())
    alone, _ = optimizer(score, start[:1], LOW, HIGH, generators()[:1])
    assert torch.equal(alone[0], together[0])
