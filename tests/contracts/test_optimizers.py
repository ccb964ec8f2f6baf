"""What every optimiser keeps, whatever its method."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from planners.optimizers.budget import Budgeted
from planners.optimizers.categorical import CategoricalCEM
from planners.optimizers.cem import CEM
from planners.optimizers.cma_es import CMAES
from planners.optimizers.gradient import Gradient, Then
from planners.optimizers.icem import ICEM
from planners.optimizers.knots import Knots
from planners.optimizers.mppi import MPPI
from planners.optimizers.shooting import PredictiveSampling, RandomShooting

H = 4
_SEARCH = CEM(samples=128, elites=16, iterations=12, persistence=0.3)
OPTIMIZERS = {
    "cem with persistent noise": CEM(samples=128, elites=16, iterations=10, persistence=0.3),
    "cem with momentum": CEM(samples=96, elites=12, iterations=20, momentum=0.4, persistence=0.0),
    "icem": ICEM(samples=192, elites=20, iterations=16, persistence=0.3),
    "mppi": MPPI(samples=256, iterations=6, persistence=0.3),
    "predictive sampling": PredictiveSampling(samples=192, iterations=14, persistence=0.0),
    "cma-es": CMAES(samples=24, iterations=50),
    "gradient": Gradient(starts=4, descents=40),
    "cem, then gradient": Then(CEM(samples=32, elites=4, iterations=2), Gradient(starts=2, descents=30, noise=0.05)),
    "categorical cem": CategoricalCEM(samples=256, elites=24, iterations=24, momentum=0.4, levels=15),
    "random shooting": RandomShooting(samples=4000, iterations=3),
    "cem over as many knots as control steps": Knots(_SEARCH, H, "linear"),
    "cem over chunks of one step": Knots(_SEARCH, H, "chunks"),
    "cem within a budget that it does not spend": Budgeted(_SEARCH, calls=10**6, milliseconds=1e6),
}
LOW, HIGH = torch.tensor([-1.0, -0.5]), torch.tensor([1.0, 2.0])

pytestmark = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


class Bowl:
    """A quadratic score with its optimum at `best` (B, H, A); remembers what it was asked."""

    def __init__(self, best: Tensor) -> None:
        self.best = best
        self.seen: list[Tensor] = []

    def __call__(self, actions: Tensor) -> Tensor:
        self.seen.append(actions.clone())
        return sum((actions[:, :, h, a] - self.best[:, None, h, a]) ** 2 for h in range(H) for a in range(2))


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def random_plans(count: int, seed: int, stretch: float = 1.0) -> Tensor:
    drawn = torch.rand(count, H, 2, generator=generators(seed)[0])
    return (LOW + HIGH) / 2 + stretch * (drawn - 0.5) * (HIGH - LOW)


def near(optimizer, tolerance: float) -> float:
    """What counts as found: by luck alone, in eight dimensions, an optimum is come near, and no more."""
    return 6 * tolerance if isinstance(optimizer, RandomShooting) else tolerance


def exact(optimizer) -> bool:
    """Whether chance decides on the way and not on where it ends: one best level, or the same way down."""
    return isinstance(optimizer, Gradient | CategoricalCEM)


def test_the_optimum_of_a_quadratic_is_found(optimizer):
    best = random_plans(5, seed=1, stretch=0.9)
    actions, score = optimizer(Bowl(best), torch.zeros(5, H, 2), LOW, HIGH, generators(*range(5)))
    assert (actions - best).abs().max() < near(optimizer, 0.25)
    assert score.max() < near(optimizer, 0.1) * (10 if isinstance(optimizer, RandomShooting) else 1)


def test_an_optimum_outside_the_bounds_is_approached_up_to_the_bounds(optimizer):
    actions, _ = optimizer(Bowl(torch.full((1, H, 2), 9.0)), torch.zeros(1, H, 2), LOW, HIGH, generators(0))
    torch.testing.assert_close(actions, HIGH.expand(1, H, 2), atol=near(optimizer, 0.3), rtol=0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), stretch=st.floats(0, 5), center=st.floats(-3, 3))
def test_the_score_never_sees_an_action_outside_the_bounds(optimizer, seed, stretch, center):
    bowl = Bowl(random_plans(2, seed, stretch))
    actions, _ = optimizer(bowl, random_plans(2, seed + 1, stretch) + center, LOW, HIGH, generators(seed, seed + 1))
    for seen in [*bowl.seen, actions[:, None]]:
        assert (seen >= LOW).all()
        assert (seen <= HIGH).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), batch=st.integers(2, 6), data=st.data())
def test_an_environment_gets_the_same_actions_alone_as_in_any_batch(optimizer, seed, batch, data):
    row = data.draw(st.integers(0, batch - 1))
    best, start = random_plans(batch, seed, 1.5), random_plans(batch, seed + 1)
    together, scores = optimizer(Bowl(best), start, LOW, HIGH, generators(*range(batch)))
    alone, score = optimizer(Bowl(best[row, None]), start[row, None], LOW, HIGH, generators(row))
    assert torch.equal(alone[0], together[row])
    assert torch.equal(score[0], scores[row])


def test_an_environment_does_not_use_up_the_random_numbers_of_another(optimizer):
    best, start = random_plans(2, seed=1), torch.zeros(2, H, 2)
    first, _ = optimizer(Bowl(best), start, LOW, HIGH, generators(3, 4))
    second, _ = optimizer(Bowl(best), start, LOW, HIGH, generators(3, 5))
    assert torch.equal(first[0], second[0])
    if not exact(optimizer):
        assert not torch.equal(first[1], second[1])


def test_the_next_search_draws_new_random_numbers(optimizer):
    own = generators(0)
    best, start = random_plans(1, seed=1), torch.zeros(1, H, 2)
    first, _ = optimizer(Bowl(best), start, LOW, HIGH, own)
    asked = Bowl(best)
    second, _ = optimizer(asked, start, LOW, HIGH, own)
    again = Bowl(best)
    optimizer(again, start, LOW, HIGH, generators(0))
    assert not torch.equal(asked.seen[0], again.seen[0])
    assert exact(optimizer) or not torch.equal(first, second)


def test_the_start_is_left_unchanged_even_where_it_is_out_of_bounds(optimizer):
    start = torch.full((2, H, 2), 7.0)
    optimizer(Bowl(random_plans(2, seed=0)), start, LOW, HIGH, generators(0, 1))
    assert (start == 7.0).all()


def test_the_score_returned_belongs_to_the_actions_returned(optimizer):
    bowl = Bowl(random_plans(3, seed=2))
    actions, score = optimizer(bowl, torch.zeros(3, H, 2), LOW, HIGH, generators(0, 1, 2))
    assert torch.equal(score, bowl(actions[:, None])[:, 0])


def test_a_good_start_is_made_use_of(optimizer):
    best = random_plans(8, seed=3, stretch=0.9)
    seeds = generators(*range(8)), generators(*range(8))
    _, warm = optimizer(Bowl(best), best, LOW, HIGH, seeds[0])
    _, cold = optimizer(Bowl(best), random_plans(8, seed=4), LOW, HIGH, seeds[1])
    assert warm.mean() < cold.mean()


def test_a_candidate_whose_score_is_not_a_number_is_not_followed(optimizer):
    best = random_plans(1, seed=5, stretch=0.5)

    def broken(actions: Tensor) -> Tensor:
        return torch.where(actions[..., 0, 0] > best[:, None, 0, 0] + 0.3, torch.nan, Bowl(best)(actions))

    actions, score = optimizer(broken, torch.zeros(1, H, 2) - 0.5, LOW, HIGH, generators(0))
    assert score.isfinite().all()
    assert (actions - best).abs().max() < near(optimizer, 0.4)


def test_nothing_that_could_be_differentiated_is_kept(optimizer):
    best = random_plans(1, seed=6).requires_grad_()
    actions, score = optimizer(Bowl(best), torch.zeros(1, H, 2), LOW, HIGH, generators(0))
    assert not actions.requires_grad
    assert not score.requires_grad


def test_a_generator_for_each_environment_is_demanded(optimizer):
    with pytest.raises(ValueError, match="3 environments"):
        optimizer(Bowl(random_plans(3, seed=0)), torch.zeros(3, H, 2), LOW, HIGH, generators(0, 1))
