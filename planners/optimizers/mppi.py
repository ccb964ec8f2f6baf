"""Model predictive path integral control: the mean moves to the average of the candidates, weighted by their scores.

Williams et al. 2017, arXiv 1707.02342; the temperature is in units of the candidates' own spread, so that no energy
needs another one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Score
from planners.optimizers.sampling import SamplingSettings, check_sampling, noise, require_generators, singly
from planners.settings import setting


@dataclass(frozen=True)
class MPPISettings(SamplingSettings):
    """How MPPI weighs candidates."""

    temperature: float = setting(
        0.2,
        "how far a worse candidate counts, in standard deviations of the scores",
        1e-3,
        1e3,
        only=("optimizer", "mppi"),
    )


@dataclass(frozen=True)
class MPPI(MPPISettings):
    """MPPI, several iterations of it at each control step; the noise shrinks from one to the next."""

    def __post_init__(self) -> None:
        check_sampling(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The mean (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        mean = torch.clamp(start, low, high)
        drawn = noise(mean, (self.iterations, self.samples), self.persistence, generators)
        for iteration in range(self.iterations):
            spread = self.noise * (high - low) / 2 * 0.8**iteration
            actions = torch.clamp(mean[:, None] + spread * drawn[:, iteration], low, high)
            actions[:, 0] = mean
            mean = singly(self._averaged, actions, score(actions))
        mean = torch.clamp(mean, low, high)  # rounding
        return mean, score(mean[:, None])[:, 0]

    def _averaged(self, actions: Tensor, scores: Tensor) -> Tensor:
        """Actions (B, N, H, A) weighted by scores (B, N) -> (B, H, A); NaN and infinity weigh nothing."""
        known = scores.isfinite()
        least = scores.where(known, torch.inf).amin(dim=1, keepdim=True)
        above = (scores - least).where(known, 0.0)
        count = known.sum(dim=1, keepdim=True).clamp(min=1)
        mean = above.sum(dim=1, keepdim=True) / count
        spread = ((above - mean).square().where(known, 0.0).sum(dim=1, keepdim=True) / count).sqrt().clamp(min=1e-12)
        weights = torch.exp(-above / (self.temperature * spread)) * known
        total = weights.sum(dim=1, keepdim=True).clamp(min=1e-12)
        return ((weights / total)[..., None, None] * actions).sum(dim=1)
