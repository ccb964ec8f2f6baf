"""CMA-ES: as CEM, with a full covariance that learns which actions go together (Hansen 2016, arXiv 1604.00772).

The algorithm is that of the package `cmaes` (Nomura and Shibata 2024, arXiv 2402.01373); actions are scaled to [-1, 1].
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from cmaes import CMA
from torch import Tensor

from planners.interface import Generators, Score
from planners.optimizers.sampling import SamplingSettings, best_of, better, check_sampling, require_generators

_WORST = 1e30  # in place of what is no number, which the package refuses


@dataclass(frozen=True)
class CMAES(SamplingSettings):
    """Covariance matrix adaptation: `samples` is its population, `noise` its first step size."""

    def __post_init__(self) -> None:
        check_sampling(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The best candidate (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        middle, half = (high + low) / 2, (high - low) / 2
        begin = torch.clamp(start, low, high)
        unit = ((begin - middle) / half.clamp(min=1e-12)).clamp(-1, 1).flatten(1).double().cpu().numpy()
        strategies = [self._strategy(*each) for each in zip(unit, generators, strict=True)]
        best = None
        for iteration in range(self.iterations):
            asked = np.stack([[one.ask() for _ in range(self.samples)] for one in strategies])
            drawn = torch.from_numpy(asked[..., : unit.shape[1]]).to(start)
            actions = torch.clamp(middle + half * drawn.unflatten(-1, start.shape[1:]), low, high)
            if iteration == 0:
                actions[:, 0] = begin
                asked[:, 0, : unit.shape[1]] = unit
            scores = score(actions)
            best = better(best, best_of(actions, scores))
            values = scores.double().nan_to_num(nan=_WORST, posinf=_WORST, neginf=-_WORST).clamp(-_WORST, _WORST)
            for strategy, points, found in zip(strategies, asked, values.cpu().tolist(), strict=True):
                strategy.tell(list(zip(points, found, strict=True)))
        assert best is not None
        return best

    def _strategy(self, mean: np.ndarray, generator: torch.Generator) -> CMA:
        seed = int(torch.randint(2**31 - 1, (), generator=generator, device=generator.device))
        mean = np.pad(mean, (0, max(0, 2 - len(mean))))  # it takes two dimensions or more
        bounds = np.tile([-1.0 - 1e-9, 1.0 + 1e-9], (len(mean), 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return CMA(mean=mean, sigma=self.noise, bounds=bounds, seed=seed, population_size=self.samples)
