"""What every learned temporal distance is: a network that tells control steps, what it learns from, and its learner."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LatentEpisodes:
    """Frozen latents of all recordings, end to end; goals are encoded as a still picture, as a user's goal is."""

    moving: Tensor  # (K, D) float32: latent of the context that ends here
    still: Tensor  # (K, D) float32: latent of this frame standing still
    last: Tensor  # (K,) int64: index of the last row of the same recording
    actions: Tensor  # (K, A) float32: taken here; zero in the last row of a recording


class LearnedDistance(nn.Module, ABC):
    """Control steps from a latent to a goal latent; planners call it for every latent that they imagine.

    Args:
        latent: D.
        width: hidden units.
        longest: steps; what is farther away need not be told apart.
        precision: of the wide matrix products.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, latent: int, width: int, longest: float, precision: torch.dtype) -> None:
        super().__init__()
        self.latent, self.width, self.longest, self.precision = latent, width, longest, precision
        self.register_buffer("center", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))

    @torch.no_grad()
    def fit_scale(self, latents: Tensor) -> None:
        """Standardises the inputs with the statistics of latents (K, D)."""
        self.center.copy_(latents.mean(dim=0))
        self.scale.copy_(latents.std(dim=0).clamp(min=1e-3))

    def standardised(self, z: Tensor) -> Tensor:
        """Latents (..., D) as the network takes them."""
        return (z - self.center) / self.scale

    @abstractmethod
    def steps(self, z: Tensor, target: Tensor) -> Tensor:
        """Expected control steps from z to target, both (..., D) and broadcast -> (...); from 0 to 2 `longest`."""


class Learner(nn.Module, ABC):
    """Everything that is trained for a distance; `distance` is what is kept of it."""

    distance: LearnedDistance

    def begin(self, data: LatentEpisodes) -> None:
        """Takes statistics of the latents, before the first update."""
        self.distance.fit_scale(data.moving)

    @abstractmethod
    def loss(self, data: LatentEpisodes, rng: np.random.Generator) -> Tensor:
        """The loss of a batch that `rng` draws from the recordings."""

    def after_update(self) -> None:
        """Called after each update."""

    def finish(self, data: LatentEpisodes, rng: np.random.Generator) -> None:
        """Called after the last update."""
