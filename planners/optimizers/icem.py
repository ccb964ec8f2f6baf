"""iCEM: CEM that keeps some elites from one iteration to the next, draws fewer samples each time, and returns the best.

Pinneri et al. 2020, arXiv 2008.06389. Elites of the last control step come back as the start, which is a candidate.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Score
from planners.optimizers.cem import CEMSettings, check_fitting, elites_of, refitted
from planners.optimizers.sampling import best_of, better, noise, require_generators
from planners.settings import setting


@dataclass(frozen=True)
class ICEMSettings(CEMSettings):
    """How iCEM searches."""

    kept: float = setting(
        0.3, "share of the elites that is tried again in the next iteration", 0, 1, only=("optimizer", "icem")
    )
    decay: float = setting(
        1.25, "an iteration draws so many times fewer samples than the last", 1, 10, only=("optimizer", "icem")
    )


@dataclass(frozen=True)
class ICEM(ICEMSettings):
    """Improved cross-entropy method; never fewer samples than twice the elites."""

    def __post_init__(self) -> None:
        check_fitting(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The best candidate of all (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        half = (high - low) / 2
        mean = torch.clamp(start, low, high)
        spread = (self.noise * half).expand_as(mean)
        elites, best = mean[:, None][:, :0], None
        for iteration in range(self.iterations):
            count = min(self.samples, max(round(self.samples / self.decay**iteration), 2 * self.elites))
            drawn = noise(mean, (count,), self.persistence, generators)
            actions = torch.clamp(mean[:, None] + spread[:, None] * drawn, low, high)
            actions[:, 0] = mean
            actions = torch.cat([actions, elites[:, : round(self.kept * self.elites)]], dim=1)
            scores = score(actions)
            best = better(best, best_of(actions, scores))
            elites = elites_of(actions, scores, self.elites)
            mean, spread = refitted(self, elites, mean, spread)
            spread = torch.maximum(spread, self.floor * half)
        assert best is not None
        return best
