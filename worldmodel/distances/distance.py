"""What every learned temporal distance is: a network that tells control steps, what it learns from, and its learner."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from worldmodel.networks.components import principal

FLOOR = 0.1  # of the mean variance, added to that of every direction: what hardly varies is not blown up


@dataclass(frozen=True)
class LatentEpisodes:
    """Frozen latents of all recordings, end to end; goals are encoded as a still picture, as a user's goal is."""

    moving: Tensor  # (K, D) float32: latent of the context that ends here
    still: Tensor  # (K, D) float32: latent of this frame standing still
    last: Tensor  # (K,) int64, on the CPU, where rows are drawn: index of the last row of the same recording
    actions: Tensor  # (K, A) float32: taken here; zero in the last row of a recording

    def to(self, device: torch.device) -> "LatentEpisodes":
        """The same with latents and actions on this device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("moving", "still", "actions")})

    def here(self, *rows: NDArray[np.int64]) -> Tensor:
        """Rows that were drawn on the CPU, (n,) each, put where the latents are in one copy -> (how many, n)."""
        return torch.from_numpy(np.stack(rows)).to(self.moving.device)


class LearnedDistance(nn.Module, ABC):
    """Control steps from a latent to a goal latent; planners call it for every latent that they imagine.

    Args:
        latent: D.
        width: hidden units.
        longest: steps; what is farther away need not be told apart.
        precision: of the wide matrix products.
    """

    center: Tensor
    whitening: Tensor

    def __init__(self, latent: int, width: int, longest: float, precision: torch.dtype) -> None:
        super().__init__()
        self.latent, self.width, self.longest, self.precision = latent, width, longest, precision
        self.register_buffer("center", torch.zeros(latent))
        self.register_buffer("whitening", torch.eye(latent))

    @torch.no_grad()
    def fit_whitening(self, latents: Tensor) -> None:
        """Takes the principal components of latents (K, D).

        A latent says most things several times over. What tells two postures apart that look much alike may be a small
        part of it, and a network that is given each dimension in its own units takes them for near each other.
        """
        self.center.copy_(latents.mean(dim=0))
        directions, variances = principal(latents, self.latent)
        spread = variances.clamp(min=0) + FLOOR * variances.mean().clamp(min=1e-6)
        # Fewer latents than dimensions leave directions in which none was seen to vary: these stay 0.
        self.whitening.zero_()[:, : directions.shape[1]] = directions / spread.sqrt()

    def whitened(self, z: Tensor) -> Tensor:
        """Latents (..., D) as the network takes them: uncorrelated, and varying alike in all but tiny directions."""
        return (z - self.center) @ self.whitening

    @abstractmethod
    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        """Expected control steps from z to target, both (..., D) and broadcast -> (...); from 0 to 2 `longest`."""


class Learner(nn.Module, ABC):
    """Everything that is trained for a distance; `distance` is what is kept of it."""

    distance: LearnedDistance

    def begin(self, data: LatentEpisodes) -> None:
        """Takes statistics of the latents, before the first update."""
        self.distance.fit_whitening(data.moving)

    @abstractmethod
    def loss(self, data: LatentEpisodes, rng: np.random.Generator) -> Tensor:
        """The loss of a batch that `rng` draws from the recordings."""

    def after_update(self) -> None:
        """Called after each update."""

    def finish(self, data: LatentEpisodes, rng: np.random.Generator) -> None:
        """Called after the last update."""
