"""The cross-entropy method: sample actions around a mean, keep the best, fit mean and spread to them, repeat.

Rubinstein 1999; noise that persists over the horizon as in iCEM (Pinneri et al. 2020, arXiv 2008.06389).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from planners.interface import Generators, Score
from planners.settings import setting


@dataclass(frozen=True)
class CEMSettings:
    """How CEM searches."""

    samples: int = setting(64, "candidate action sequences in an iteration", 2, 1e5)
    elites: int = setting(8, "best candidates, to which the next iteration is fitted; below planner.samples", 1, 1e5)
    iterations: int = setting(3, "iterations of CEM at every control step", 1, 1000)
    momentum: float = setting(0.1, "share of the old distribution that is kept at a refit", 0, 0.999)
    noise: float = setting(0.7, "spread of the first candidates, as a share of half the action range", 0.001, 10)
    floor: float = setting(0.05, "least spread, as a share of half the action range", 0, 10)
    persistence: float = setting(0.7, "correlation of a candidate's noise from one control step to the next", 0, 0.999)


@dataclass(frozen=True)
class CEM(CEMSettings):
    """Cross-entropy method with bounds, persistent noise and one random generator for each environment.

    Sample 0 of every iteration is the mean itself. What is returned is the mean fitted last, not the best sample: it
    is smoother, and a sample is often best only because the world model errs in its favour.
    """

    def __post_init__(self) -> None:
        if not 1 <= self.elites < self.samples:
            raise ValueError(f"elites must be at least 1 and less than samples; got {self.elites} of {self.samples}")
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1; got {self.iterations}")
        if self.noise <= 0 or self.floor < 0:
            raise ValueError(f"noise must be above 0 and floor 0 or more; got noise {self.noise}, floor {self.floor}")
        if not (0 <= self.momentum < 1 and 0 <= self.persistence < 1):
            raise ValueError(f"momentum and persistence must be in [0, 1); got {self.momentum} and {self.persistence}")

    @torch.no_grad()
    def __call__(
        self, score: Score, start: Tensor, low: Tensor, high: Tensor, generators: Generators
    ) -> tuple[Tensor, Tensor]:
        """The mean fitted last (B, H, A) and its score (B,); see `planners.interface.Optimizer`."""
        if len(generators) != len(start):
            raise ValueError(f"{len(start)} environments need as many random generators; got {len(generators)}")
        half = (high - low) / 2
        mean = torch.clamp(start, low, high)
        spread = (self.noise * half).expand_as(mean)
        noise = self._draw(mean, generators)
        for iteration in range(self.iterations):
            actions = torch.clamp(mean[:, None] + spread[:, None] * noise[:, iteration], low, high)
            actions[:, 0] = mean
            mean, spread = self._fit(actions, score(actions), mean, spread)
            spread = torch.maximum(spread, self.floor * half)
        return mean, score(mean[:, None])[:, 0]

    def _draw(self, like: Tensor, generators: Generators) -> Tensor:
        """Standard normal noise of all iterations, correlated along the horizon: (B, iterations, N, H, A)."""
        horizon, action = like.shape[1:]
        mix = persistent(horizon, self.persistence)
        shape = (self.iterations, self.samples, action, horizon)
        drawn = [torch.randn(shape, generator=one, device=one.device) @ mix.to(one.device) for one in generators]
        return torch.stack(drawn).transpose(-1, -2).contiguous().to(like)

    def _fit(self, actions: Tensor, scores: Tensor, mean: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Moves mean and spread (B, H, A) towards those of the best actions; on the CPU one environment at a time."""
        best = scores.topk(self.elites, dim=1, largest=False).indices
        chosen = actions.gather(1, best[..., None, None].expand(-1, -1, *actions.shape[2:]))
        each = chosen.split(1) if chosen.device.type == "cpu" else [chosen]  # the last bits of a sum: see `energies`
        keep = self.momentum
        mean = keep * mean + (1 - keep) * torch.cat([elites.mean(dim=1) for elites in each])
        spread = keep * spread + (1 - keep) * torch.cat([elites.std(dim=1, correction=0) for elites in each])
        return mean, spread


def persistent(horizon: int, persistence: float) -> Tensor:
    """The matrix (H, H) that turns white noise (..., H) into a first-order autoregressive process: `noise @ matrix`.

    The variance stays 1; the values of neighbouring steps correlate by `persistence`.
    """
    step = torch.arange(horizon)
    lag = step[None, :] - step[:, None]
    fresh = torch.full((horizon, 1), (1 - persistence**2) ** 0.5)
    fresh[0] = 1
    return torch.where(lag >= 0, persistence ** lag.clamp(min=0), 0.0) * fresh
