"""A vision transformer that looks at one frame at a time (arXiv 2010.11929): patches in, features of patches out."""

import torch
from torch import Tensor, nn

from worldmodel.networks.encoders import Block, PixelScale, cut


def check_sizes(size: int, patch: int, width: int, heads: int) -> None:
    """Raises ValueError where these do not go together, as the settings call them."""
    if size % patch:
        raise ValueError(f"model.patch must divide world.frame_size ({size}), got {patch}")
    if width % heads:
        raise ValueError(f"model.width must be a multiple of model.heads ({heads}), got {width}")


class FrameTransformer(nn.Module):
    """Transformer over the patches of a frame, and over learnt tokens that may gather what they say.

    Args:
        size: side of the square frame in pixels.
        gatherers: learnt tokens in front of the patches; 1: the class token.
    """

    def __init__(self, size: int, patch: int, width: int, depth: int, heads: int, gatherers: int = 0) -> None:
        super().__init__()
        check_sizes(size, patch, width, heads)
        self.patch, self.gatherers = patch, gatherers
        self.pixels = PixelScale(size)
        self.embed = nn.Linear(3 * patch * patch, width)
        self.positions = nn.Parameter(0.02 * torch.randn((size // patch) ** 2, width))
        self.gather = nn.Parameter(0.02 * torch.randn(gatherers, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> features (B, T, gatherers + P, width), those of the gatherers first."""
        tokens = self.embed(cut(self.pixels.still(frames).flatten(0, 1), self.patch)) + self.positions
        tokens = torch.cat([self.gather.expand(tokens.shape[0], -1, -1).to(tokens.dtype), tokens], dim=1)
        return self.norm(self.blocks(tokens)).unflatten(0, frames.shape[:2])
