"""The axioms of a quasimetric hold whatever was learned, and learning finds the shortest way."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.worldmodel.distances.test_critic import PLACES, SETTINGS, ring_walks
from worldmodel.distances.critics import train_distance
from worldmodel.distances.quasimetric import Quasimetric, covered


@pytest.fixture
def distance() -> Quasimetric:
    torch.manual_seed(0)
    return Quasimetric(6, 32, 1000.0).requires_grad_(False)


def test_what_intervals_cover_agrees_with_a_count_on_a_fine_grid() -> None:
    rng = np.random.default_rng(0)
    start, end = rng.uniform(-1, 1, (2, 50, 8))
    grid = np.linspace(-1, 1, 4001)
    inside = ((grid >= start[..., None]) & (grid < np.maximum(start, end)[..., None])).any(axis=1)
    found = covered(torch.from_numpy(start), torch.from_numpy(end)).numpy()
    assert np.abs(found - inside.mean(axis=1) * 2).max() < 5e-3


def test_from_a_latent_to_itself_it_is_no_step(distance: Quasimetric) -> None:
    z = 3 * torch.randn(200, 6)
    assert distance.steps(z, z).abs().max() == 0


def test_it_is_never_negative_and_tells_the_two_directions_apart(distance: Quasimetric) -> None:
    one, other = 3 * torch.randn(2, 500, 6)
    assert distance.steps(one, other).min() >= 0
    assert (distance.steps(one, other) - distance.steps(other, one)).abs().max() > 0.1


@pytest.mark.parametrize("longest", [1000.0, 5.0])
def test_no_detour_is_shorter(distance: Quasimetric, longest: float) -> None:
    distance.longest = longest  # 5: most distances are cut off
    a, b, c = 3 * torch.randn(3, 5000, 6)
    direct, detour = distance.steps(a, c), distance.steps(a, b) + distance.steps(b, c)
    assert (direct <= detour * (1 + 1e-5) + 1e-4).all()
    assert direct.max() <= 2 * longest


def test_steps_broadcast_as_planners_ask(distance: Quasimetric) -> None:
    z, goal = torch.randn(5, 7, 6), torch.randn(6)
    steps = distance.steps(z, goal)
    assert steps.shape == (5, 7)
    assert torch.allclose(steps[2, 3], distance.steps(z[2, 3], goal), atol=1e-4)


def test_a_random_walk_teaches_the_shortest_way_on_a_ring() -> None:
    data, places = ring_walks()
    settings = replace(SETTINGS, kind="quasimetric", updates=300, batch=128, learning_rate=5e-3)
    distance = train_distance(data, settings, torch.device("cpu"))
    latents = data.still[[int(np.argmax(places == place)) for place in range(PLACES)]]
    gap = (torch.arange(PLACES)[:, None] - torch.arange(PLACES)[None]).abs()
    truth = torch.minimum(gap, PLACES - gap).float()
    steps = distance.steps(latents[:, None], latents[None])
    assert torch.corrcoef(torch.stack([steps.flatten(), truth.flatten()]))[0, 1] > 0.95
    assert ((steps - truth).abs() / truth.clamp(min=1)).median() < 0.35
