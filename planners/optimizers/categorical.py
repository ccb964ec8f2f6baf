"""CEM over actions that take one of a few values each: fitted to the elites is how often each value is chosen."""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Score
from planners.optimizers.cem import CEMSettings, check_fitting, elites_of
from planners.optimizers.sampling import best_of, better, require_generators, singly
from planners.settings import setting


@dataclass(frozen=True)
class CategoricalSettings(CEMSettings):
    """How discrete the actions are."""

    levels: int = setting(
        5, "values that each action may take, evenly within its range", 2, 1000, only=("optimizer", "categorical")
    )


@dataclass(frozen=True)
class CategoricalCEM(CategoricalSettings):
    """Categorical cross-entropy method; each number of an action is drawn by itself."""

    def __post_init__(self) -> None:
        check_fitting(self)

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The best candidate (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        require_generators(start, generators)
        ladder = torch.linspace(0, 1, self.levels, device=start.device, dtype=start.dtype)
        step = (high - low).clamp(min=1e-12) / (self.levels - 1)
        nearest = ((torch.clamp(start, low, high) - low) / step).round().long()  # (B, H, A)
        chances = start.new_full((*start.shape, self.levels), 1 / self.levels)
        best = None
        for iteration in range(self.iterations):
            chosen = self._draw(chances, generators)
            if iteration == 0:
                chosen[:, 0] = nearest
            actions = torch.clamp(low + (high - low) * ladder[chosen], low, high)
            scores = score(actions)
            best = better(best, best_of(actions, scores))
            elites = elites_of(chosen, scores, self.elites)
            often = singly(self._often, elites).to(chances)
            chances = self.momentum * chances + (1 - self.momentum) * often
        assert best is not None
        return best

    def _draw(self, chances: Tensor, generators: Generators) -> Tensor:
        """Levels (B, N, H, A) with these chances (B, H, A, L)."""
        shape = (self.samples, *chances.shape[1:-1], 1)
        drawn = [torch.rand(shape, generator=one, device=one.device) for one in generators]
        summed = singly(lambda each: each.cumsum(dim=-1), chances)[:, None, ..., :-1]
        return (torch.stack(drawn).to(chances) > summed).sum(dim=-1)

    def _often(self, elites: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(elites, self.levels).float().mean(dim=1)
