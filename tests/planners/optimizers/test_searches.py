"""What tells one optimiser from another."""

import itertools

import pytest
import torch
from torch import Tensor

from planners.optimizers.categorical import CategoricalCEM
from planners.optimizers.cem import CEM
from planners.optimizers.cma_es import CMAES
from planners.optimizers.gradient import Gradient
from planners.optimizers.icem import ICEM
from planners.optimizers.mppi import MPPI
from planners.optimizers.registry import OPTIMIZERS, OptimizerSettings, make_optimizer
from planners.optimizers.shooting import PredictiveSampling, RandomShooting

LOW, HIGH = -torch.ones(1), torch.ones(1)


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def asked(optimizer, horizon: int = 6) -> list[Tensor]:
    """The candidates (N, H, A) of every question."""
    seen = []

    def score(actions: Tensor) -> Tensor:
        seen.append(actions[0].detach().clone())
        return (actions - 0.3).square().sum(dim=(2, 3))

    optimizer(score, torch.zeros(1, horizon, 1), LOW, HIGH, generators(1))
    return seen


def test_icem_draws_fewer_samples_each_time_and_tries_its_best_elites_again():
    seen = asked(ICEM(samples=64, elites=8, iterations=4, decay=2.0, kept=0.5))
    assert [len(candidates) for candidates in seen] == [64, 32 + 4, 16 + 4, 16 + 4]
    cost = (seen[0] - 0.3).square().sum(dim=(1, 2))
    assert torch.equal(seen[1][-4:], seen[0][cost.argsort()[:4]])


def test_mppi_moves_to_the_weighted_average_of_its_candidates():
    optimizer = MPPI(samples=32, iterations=2, temperature=0.5)
    first, second, last = asked(optimizer)
    for candidates, mean in ((first, second[0]), (second, last[0])):
        cost = (candidates - 0.3).square().sum(dim=(1, 2)).double()
        weights = torch.softmax(-cost / (0.5 * cost.std(correction=0)), dim=0)
        torch.testing.assert_close(
            mean.double(), (weights[:, None, None] * candidates.double()).sum(0), atol=1e-5, rtol=0
        )


def test_predictive_sampling_keeps_the_best_of_all():
    seen = asked(PredictiveSampling(samples=32, iterations=3))
    for before, after in itertools.pairwise(seen):
        assert torch.equal(after[0], before[(before - 0.3).square().sum(dim=(1, 2)).argmin()])


def test_random_shooting_asks_for_what_lies_evenly_within_the_bounds():
    candidates = torch.cat(asked(RandomShooting(samples=4000, iterations=2)))
    assert abs(float(candidates.mean())) < 0.02
    assert float(candidates.std()) == pytest.approx(1 / 3**0.5, abs=0.01)


def test_levels_are_all_that_a_categorical_search_asks_for():
    candidates = torch.cat(asked(CategoricalCEM(levels=3)))
    assert set(candidates.unique().tolist()) == {-1.0, 0.0, 1.0}


def test_a_covariance_learns_which_actions_go_together():
    """A narrow valley across all actions, which a diagonal spread cannot follow."""

    def valley(actions: Tensor) -> Tensor:
        summed = actions.sum(dim=(2, 3))
        return 300 * summed.square() + (actions[:, :, 0, 0] - 0.9).square() + 0.02 * actions.square().sum(dim=(2, 3))

    found = {}
    for name, optimizer in {
        "cma": CMAES(samples=16, iterations=60),
        "cem": CEM(samples=16, elites=4, iterations=60),
    }.items():
        _, scores = optimizer(valley, torch.zeros(8, 4, 1), LOW, HIGH, generators(8))
        found[name] = float(scores.mean())
    assert found["cma"] < found["cem"]


def test_gradients_come_to_the_optimum_that_chance_only_comes_near():
    best = torch.linspace(-0.8, 0.8, 12)[:, None]

    def bowl(actions: Tensor) -> Tensor:
        return (actions - best).square().sum(dim=(2, 3))

    found, _ = Gradient(starts=1, descents=200, rate=0.05)(bowl, torch.zeros(1, 12, 1), LOW, HIGH, generators(1))
    torch.testing.assert_close(found[0], best, atol=0.01, rtol=0)


def test_of_two_basins_the_deeper_one_is_found_from_several_starts():
    """The start lies in the shallow basin, from which a single descent does not come out."""

    def basins(actions: Tensor) -> Tensor:
        shallow, deep = (actions + 0.6).square(), (actions - 0.6).square() - 0.3
        return torch.minimum(shallow, deep).sum(dim=(2, 3))

    start = torch.full((4, 1, 1), -0.6)
    alone, _ = Gradient(starts=1, descents=30)(basins, start, LOW, HIGH, generators(4))
    many, _ = Gradient(starts=32, descents=30, noise=1.0)(basins, start, LOW, HIGH, generators(4))
    assert (alone < 0).all()
    assert (many > 0.5).all()


def test_a_score_without_gradients_is_refused_by_who_needs_them():
    with pytest.raises(ValueError, match="cannot be differentiated: choose an optimiser that draws candidates"):
        Gradient()(lambda a: a.detach().sum(dim=(2, 3)), torch.zeros(1, 2, 1), LOW, HIGH, generators(1))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_is_made_by_its_name_and_improves_on_its_start(name):
    def bowl(actions: Tensor) -> Tensor:
        return (actions - 0.5).square().sum(dim=(2, 3))

    start = torch.full((3, 6, 1), -0.5)
    _, scores = make_optimizer(name, OptimizerSettings())(bowl, start, LOW, HIGH, generators(3))
    assert (scores < bowl(start[:, None])[:, 0]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_takes_knots_and_a_budget(name):
    calls = 0

    def bowl(actions: Tensor) -> Tensor:
        nonlocal calls
        calls += actions.shape[1] * actions.shape[2]
        return (actions - 0.5).square().sum(dim=(2, 3))

    settings = OptimizerSettings(knots=2, calls=150, interpolation="linear")
    actions, _ = make_optimizer(name, settings)(bowl, torch.zeros(2, 6, 1), LOW, HIGH, generators(2))
    assert actions.shape == (2, 6, 1)
    assert calls <= 150
