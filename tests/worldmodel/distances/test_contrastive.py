"""Contrastive distance: the curve that makes steps of it rises, and near places come out nearer than far ones."""

from dataclasses import replace

import numpy as np
import torch

from tests.worldmodel.distances.test_critic import PLACES, SETTINGS, ring_walks, shifted_rows
from worldmodel.distances.contrastive import KNOTS, Contrastive, ContrastiveLearner, fit_curve, on_curve
from worldmodel.distances.critics import train_distance


def test_the_curve_rises_and_finds_the_quick_ones_among_pairs_that_look_equally_far() -> None:
    generator = torch.Generator().manual_seed(0)
    raw = 4 * torch.rand(20_000, generator=generator)
    counted = raw**2 * (1 + torch.rand(20_000, generator=generator))  # the quickest take raw ** 2
    knots, heights = fit_curve(raw, counted, share=0.01)
    assert (knots.diff() > 0).all()
    assert (heights.diff() > 0).all()
    inside = torch.linspace(1, 3.5, 20)
    assert (on_curve(inside, knots, heights) / inside**2 - 1).abs().max() < 0.12


def test_the_curve_rises_also_where_recorded_pairs_disagree_or_are_all_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    for raw in (torch.rand(500, generator=generator), torch.ones(500)):
        knots, heights = fit_curve(raw, torch.rand(500, generator=generator), share=0.2)
        assert (knots.diff() > 0).all()
        assert (heights.diff() > 0).all()


def test_beyond_the_last_knot_it_goes_on_rising() -> None:
    knots, heights = torch.linspace(1, 3, KNOTS), torch.linspace(0, 20, KNOTS)
    asked = torch.tensor([0.0, 1.0, 2.0, 3.0, 5.0])
    assert torch.allclose(on_curve(asked, knots, heights), torch.tensor([0.0, 0.0, 10.0, 20.0, 40.0]), atol=1e-4)


def test_steps_rise_with_the_distance_of_the_embeddings_and_stay_in_bounds() -> None:
    torch.manual_seed(0)
    distance = Contrastive(4, 32, 30.0).requires_grad_(False)
    distance.counted.copy_(torch.linspace(0, 90, KNOTS))
    z, goal = 3 * torch.randn(200, 4), torch.randn(4)
    steps, raw = distance.steps(z, goal), distance.unlikeness(z, goal)
    assert (steps[raw.argsort()].diff() >= 0).all()
    assert steps.min() >= 0
    assert steps.max() <= 60


def test_a_random_walk_teaches_what_is_near_on_a_ring() -> None:
    data, places = ring_walks()
    settings = replace(SETTINGS, kind="contrastive", updates=250, batch=256)
    distance = train_distance(data, settings, torch.device("cpu"))
    latents = data.still[[int(np.argmax(places == place)) for place in range(PLACES)]]
    gap = (torch.arange(PLACES)[:, None] - torch.arange(PLACES)[None]).abs()
    truth = torch.minimum(gap, PLACES - gap).float()
    steps = distance.steps(latents[:, None], latents[None])
    means = torch.stack([steps[truth == away].mean() for away in range(8)])
    assert (means.diff() > 0).all()
    assert steps.diagonal().max() < 2.0


def test_bf16_tells_apart_what_a_large_direction_hides() -> None:
    torch.manual_seed(0)
    mixing = torch.linalg.qr(torch.randn(64, 64)).Q
    latents = torch.cat([100 * torch.randn(2000, 1), torch.randn(2000, 63)], dim=1) @ mixing
    exact, rough = (Contrastive(64, 64, 30.0, one).requires_grad_(False) for one in (torch.float32, torch.bfloat16))
    exact.fit_whitening(latents)
    rough.load_state_dict(exact.state_dict())
    one, other = (distance.unlikeness(latents[:500], latents[500]) for distance in (exact, rough))
    assert 0 < (one - other).square().mean().sqrt() < 0.03 * one.std()


class Noting(Contrastive):
    """Notes the latents that it was shown."""

    def __init__(self) -> None:
        super().__init__(2, 8, 40.0)
        self.shown: list[torch.Tensor] = []

    def whitened(self, z: torch.Tensor) -> torch.Tensor:
        self.shown.append(z)
        return super().whitened(z)


def test_a_place_is_told_from_pictures_that_come_later_in_its_own_recording() -> None:
    data = shifted_rows(episodes=30, length=4, apart=7.0)
    learner = ContrastiveLearner(2, replace(SETTINGS, near_goals=5))
    learner.distance = Noting()
    learner.loss(data, np.random.default_rng(0))
    place, goal = learner.distance.shown
    assert (place[:, 1] == 0).all() and (goal[:, 1] == 7).all(), "from where it is, in motion, to a picture at rest"
    assert torch.equal(place[:, 0] // 4, goal[:, 0] // 4)
    assert (goal[:, 0] >= place[:, 0]).all() and (goal[:, 0] > place[:, 0]).any()
