"""The cross-entropy method: sample actions around a mean, keep the best, fit mean and spread to them, repeat.

Rubinstein 1999; noise that persists over the horizon as in iCEM (Pinneri et al. 2020, arXiv 2008.06389).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Score
from planners.optimizers.sampling import SamplingSettings, check_sampling, noise, require_generators, singly
from planners.settings import setting

_FITTING = ("optimizer", "cem", "icem", "cem_gradient", "categorical")


@dataclass(frozen=True)
class CEMSettings(SamplingSettings):
    """How CEM searches."""

    elites: int = setting(
        8,
        "best candidates, to which the next iteration is fitted; less than planner.samples",
        1,
        1e5,
        only=_FITTING,
    )
    momentum: float = setting(0.1, "share of the old distribution that is kept at a refit", 0, 0.999, only=_FITTING)
    floor: float = setting(
        0.05,
        "least spread, as a share of half the action range",
        0,
        10,
        only=("optimizer", "cem", "icem", "cem_gradient"),
    )


@dataclass(frozen=True)
class CEM(CEMSettings):
    """Cross-entropy method with bounds, persistent noise and one random generator for each environment.

    Sample 0 of every iteration is the mean itself. What is returned is the mean fitted last, not the best sample: it
    is smoother, and a sample is often best only because the world model errs in its favour.
    """

    def __post_init__(self) -> None:
        check_fitting(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The mean fitted last (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        half = (high - low) / 2
        mean = torch.clamp(start, low, high)
        spread = (self.noise * half).expand_as(mean)
        drawn = noise(mean, (self.iterations, self.samples), self.persistence, generators)
        for iteration in range(self.iterations):
            actions = torch.clamp(mean[:, None] + spread[:, None] * drawn[:, iteration], low, high)
            actions[:, 0] = mean
            mean, spread = refitted(self, elites_of(actions, score(actions), self.elites), mean, spread)
            spread = torch.maximum(spread, self.floor * half)
        return mean, score(mean[:, None])[:, 0]


def check_fitting(settings: CEMSettings) -> None:
    """Raises ValueError where an optimiser with these settings cannot search."""
    check_sampling(settings)
    if not 1 <= settings.elites < settings.samples:
        found = f"{settings.elites} of {settings.samples}"
        raise ValueError(f"elites must be at least 1 and less than samples; got {found}")
    if settings.floor < 0 or not 0 <= settings.momentum < 1:
        found = f"{settings.floor} and {settings.momentum}"
        raise ValueError(f"floor must be 0 or more and momentum in [0, 1); got {found}")


def elites_of(actions: Tensor, scores: Tensor, count: int) -> Tensor:
    """The `count` best (B, count, H, A), the best first, of actions (B, N, H, A) with scores (B, N)."""
    best = scores.topk(count, dim=1, largest=False).indices
    return actions.gather(1, best[..., None, None].expand(-1, -1, *actions.shape[2:]))


def refitted(settings: CEMSettings, elites: Tensor, mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread (B, H, A), moved towards those of the elites (B, E, H, A)."""
    keep = settings.momentum
    mean = keep * mean + (1 - keep) * singly(lambda each: each.mean(dim=1), elites)
    return mean, keep * spread + (1 - keep) * singly(lambda each: each.std(dim=1, correction=0), elites)
