"""From features back to pictures, for methods that are trained by what they draw."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.settings import setting

_FINEST = 4  # pixels that the last layer draws at once in each direction


@dataclass(frozen=True)
class DecoderSettings:
    """What draws, and how much of a clip is drawn in an update."""

    width: int = setting(32, "channels of the finest layer of the decoder", 8, 4096)
    pictures: int = setting(4, "pictures of each kind that are drawn of a clip in an update", 1, 1024)


class PictureDecoder(nn.Module):
    """Strided convolutions turned round: a grid of features becomes a standardised picture.

    Args:
        channels: C of the features.
        width: channels of the finest layer; twice as many in each coarser one.
        cell: pixels of the picture, in each direction, to a cell of the grid: 4 times a power of 2.
    """

    def __init__(self, channels: int, width: int, cell: int) -> None:
        super().__init__()
        doublings = (cell // _FINEST).bit_length() - 1
        if cell != _FINEST * 2**doublings:
            raise ValueError(f"picture decoder: a cell must be 4 pixels times a power of 2, got {cell}")
        wide = width * 2**doublings
        layers: list[nn.Module] = [nn.Conv2d(channels, wide, kernel_size=1), nn.GELU()]
        for _ in range(doublings):
            layers += [nn.ConvTranspose2d(wide, wide // 2, kernel_size=4, stride=2, padding=1), nn.GELU()]
            wide //= 2
        layers += [nn.Conv2d(wide, 3 * _FINEST**2, kernel_size=3, padding=1), nn.PixelShuffle(_FINEST)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Features (K, C, g, g) -> pictures (K, g * cell, g * cell, 3)."""
        return self.layers(features).permute(0, 2, 3, 1)


def choose(values: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draws `count` of the second axis for each of the first, with repetition: (B, T, ...) -> (B, count, ...), index.

    The index (B, count) on the device of the values says which.
    """
    index = torch.randint(values.shape[1], (len(values), count), generator=generator).to(values.device)
    return take(values, index), index


def take(values: Tensor, index: Tensor) -> Tensor:
    """Of values (B, T, ...) those at index (B, count) -> (B, count, ...)."""
    return values[torch.arange(len(values), device=values.device)[:, None], index]
