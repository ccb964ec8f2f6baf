"""Gradients of the score by the actions, through energies and predictor: projected Adam from several starts.

Kingma and Ba 2015, arXiv 1412.6980. Its moments are kept for each number by itself, so that no batch changes a result.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Optimizer, Score
from planners.optimizers.sampling import best_of, better, noise, require_generators
from planners.settings import setting

_DESCENDING = ("optimizer", "gradient", "cem_gradient")


@dataclass(frozen=True)
class GradientSettings:
    """How gradients are followed."""

    starts: int = setting(16, "action sequences that descend side by side", 1, 1e5, only=_DESCENDING)
    descents: int = setting(12, "steps that each of them takes", 1, 10_000, only=_DESCENDING)
    rate: float = setting(0.1, "length of a step, as a share of half the action range", 1e-4, 1, only=_DESCENDING)


@dataclass(frozen=True)
class Gradient(GradientSettings):
    """Adam on candidates around the start, clamped to the bounds after each step; the best of all that was seen."""

    noise: float = 0.7
    persistence: float = 0.7

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The best candidate (B, H, A) and its score (B,); see `planners.interface.Optimizer`.

        Raises ValueError: the score cannot be differentiated.
        """
        require_generators(start, generators)
        half = (high - low) / 2
        drawn = noise(start.detach(), (self.starts,), self.persistence, generators)
        actions = torch.clamp(start.detach()[:, None] + self.noise * half * drawn, low, high)
        actions[:, 0] = torch.clamp(start.detach(), low, high)
        first, second, best = torch.zeros_like(actions), torch.zeros_like(actions), None
        for step in range(1, self.descents + 1):
            cost, slope = _slope(score, actions)
            best = better(best, best_of(actions, cost))
            first = 0.9 * first + 0.1 * slope
            second = 0.99 * second + 0.01 * slope.square()
            way = (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-12)
            actions = torch.clamp(actions - self.rate * half * way, low, high)
        with torch.no_grad():
            return better(best, best_of(actions, score(actions)))


def _slope(score: Score, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (B, N) and their gradients by the actions (B, N, H, A); 0 where they are no numbers."""
    with torch.enable_grad():
        actions = actions.detach().requires_grad_()
        cost = score(actions)
        if not cost.requires_grad:
            raise ValueError("the score cannot be differentiated: choose an optimiser that draws candidates")
        (slope,) = torch.autograd.grad(cost.where(cost.isfinite(), 0.0).sum(), actions)
    return cost.detach(), slope.nan_to_num(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Then:
    """One optimiser after another, which begins where the first one ended."""

    first: Optimizer
    second: Optimizer

    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """What the second one finds; see `planners.interface.Optimizer`."""
        found, _ = self.first(score, start, low, high, generators)
        return self.second(score, found, low, high, generators)
