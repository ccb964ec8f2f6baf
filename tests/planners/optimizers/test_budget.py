import time

import pytest
import torch
from torch import Tensor

from planners.optimizers.budget import Budgeted
from planners.optimizers.cem import CEM
from planners.optimizers.mppi import MPPI

LOW, HIGH = -torch.ones(2), torch.ones(2)
H = 5


class Counting:
    """A quadratic score that counts the predictor steps of one environment."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.steps, self.seconds, self.least = 0, seconds, torch.inf

    def __call__(self, actions: Tensor) -> Tensor:
        self.steps += actions.shape[1] * actions.shape[2]
        time.sleep(self.seconds)
        found = (actions - 0.4).square().sum(dim=(2, 3))
        self.least = min(self.least, float(found.min()))
        return found


def plan(optimizer, score) -> tuple[Tensor, Tensor]:
    return optimizer(score, torch.zeros(1, H, 2), LOW, HIGH, [torch.Generator().manual_seed(0)])


@pytest.mark.parametrize("calls", [5, 7, 64, 320, 333, 641, 10_000])
@pytest.mark.parametrize("optimizer", [CEM(), MPPI()], ids=["cem", "mppi"])
def test_calls_are_kept_to_the_call(optimizer, calls):
    score = Counting()
    actions, energy = plan(Budgeted(optimizer, calls), score)
    assert score.steps <= calls
    assert actions.shape == (1, H, 2)
    assert energy.shape == (1,)


def test_what_a_budget_cuts_short_is_the_best_plan_so_far():
    score = Counting()
    actions, energy = plan(Budgeted(CEM(samples=64), calls=64 * H), score)
    assert score.steps == 64 * H
    assert float(energy) == score.least == float(Counting()(actions[:, None]))


def test_a_budget_that_suffices_changes_nothing():
    expected, found = plan(CEM(), Counting()), plan(Budgeted(CEM(), 10**6, 1e6), Counting())
    assert torch.equal(expected[0], found[0])
    assert torch.equal(expected[1], found[1])


def test_more_calls_never_make_a_plan_worse():
    energies = [
        float(plan(Budgeted(CEM(samples=32, elites=4, iterations=8), n), Counting())[1]) for n in (160, 480, 960)
    ]
    assert energies == sorted(energies, reverse=True)


def test_no_question_is_asked_that_would_end_too_late():
    score, began = Counting(seconds=0.05), time.perf_counter()
    plan(Budgeted(CEM(iterations=1000), milliseconds=180), score)
    assert time.perf_counter() - began < 1.0  # undisturbed it takes a thousand times 0.05 s
    assert score.steps >= H * 64


def test_a_budget_below_one_plan_is_refused():
    with pytest.raises(ValueError, match="calls must be at least the horizon, 5 predictor steps; got 4"):
        plan(Budgeted(CEM(), calls=4), Counting())
