"""Two that fit nothing: random shooting, the floor of all optimisers, and predictive sampling.

Predictive sampling keeps the best of the mean and noisy copies of it (Howell et al. 2022, arXiv 2212.00541).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Score
from planners.optimizers.sampling import SamplingSettings, best_of, better, check_sampling, noise, require_generators


@dataclass(frozen=True)
class RandomShooting(SamplingSettings):
    """The best of action sequences drawn evenly within the bounds, and of the start."""

    def __post_init__(self) -> None:
        check_sampling(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The best candidate (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        shape, best = (self.samples, *start.shape[1:]), None
        for iteration in range(self.iterations):
            drawn = [torch.rand(shape, generator=one, device=one.device) for one in generators]
            actions = torch.clamp(low + (high - low) * torch.stack(drawn).to(start), low, high)
            if iteration == 0:
                actions[:, 0] = torch.clamp(start, low, high)
            best = better(best, best_of(actions, score(actions)))
        assert best is not None
        return best


@dataclass(frozen=True)
class PredictiveSampling(SamplingSettings):
    """The best of the plan so far and of copies with noise, which becomes the plan so far."""

    def __post_init__(self) -> None:
        check_sampling(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The best candidate (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        plan = torch.clamp(start, low, high)
        drawn = noise(plan, (self.iterations, self.samples), self.persistence, generators)
        energy = plan.new_zeros(len(plan))
        for iteration in range(self.iterations):
            spread = self.noise * (high - low) / 2 * 0.8**iteration
            actions = torch.clamp(plan[:, None] + spread * drawn[:, iteration], low, high)
            actions[:, 0] = plan
            plan, energy = best_of(actions, score(actions))
        return plan, energy
