"""Frozen encoders as world models use them: their patches pooled."""

from math import isqrt

import torch
from torch import Tensor, nn

from worldmodel.model import PatchEncoder
from worldmodel.networks.components import principal


class Pooled(nn.Module):
    """A frozen encoder's patches, fewer and narrower, so that a CPU can plan with them.

    Features are normalised token by token, as V-JEPA 2-AC does. Neighbouring patches are laid side by side, not
    averaged: where in them a thing is stays known. Their first principal components around the mean of each place are
    kept, in units of their common spread; the components are fitted once, so that nothing can collapse.

    Args:
        encoder: is frozen here.
        grid: patches along a side that are left.
        channels: C, features that each of them keeps.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, encoder: PatchEncoder, grid: int, channels: int) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False).eval()
        side = isqrt(encoder.patches)
        if side**2 != encoder.patches or side % grid:
            raise ValueError(
                f"dynamics.grid {grid} must divide the side of the encoder's square of patches, and it has "
                f"{encoder.patches} patches"
            )
        self.grid, self.block = grid, side // grid
        size = self.block**2 * encoder.width
        if channels > size:
            raise ValueError(f"dynamics.channels {channels} must be at most the {size} features of a pooled patch")
        self.register_buffer("mean", torch.zeros(grid**2, size))
        self.register_buffer("basis", torch.eye(size, channels))

    def train(self, mode: bool = True) -> "Pooled":
        """Never leaves evaluation mode: what is frozen drops nothing out."""
        return super().train(False)

    @torch.no_grad()
    def features(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3), each a picture by itself -> (B, T, P, features side by side)."""
        batch, times = frames.shape[:2]
        tokens = self.encoder.pictures(frames.flatten(0, 1)).float()
        tokens = nn.functional.layer_norm(tokens, tokens.shape[-1:])
        cut = tokens.view(batch, times, self.grid, self.block, self.grid, self.block, -1)
        return cut.permute(0, 1, 2, 4, 3, 5, 6).reshape(batch, times, self.grid**2, -1)

    @torch.no_grad()
    def fit(self, frames: Tensor) -> None:
        """Takes the principal components of frames uint8 (B, T, h, w, 3)."""
        features = self.features(frames).flatten(0, 1)
        self.mean.copy_(features.mean(dim=0))
        directions, variances = principal((features - self.mean).flatten(0, 1), self.basis.shape[1])
        self.basis.copy_(directions / variances.mean().clamp(min=1e-12).sqrt())

    def forward(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> patches (B, T, P, C) float32, with mean 0 and mean square 1 where fitted."""
        return (self.features(frames) - self.mean) @ self.basis
