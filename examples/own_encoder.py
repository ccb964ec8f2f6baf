"""An encoder of your own: any module that turns frames into latents. It trains, is kept, and loads where you name it.

On the command line: housecat train data=data/medium model.encoder=examples/own_encoder.py:Stacked, then
housecat evaluate checkpoint=runs/medium code=examples/own_encoder.py:Stacked
"""

import sys

from torch import nn

import housecat


class Stacked(nn.Module):
    """The frames of a context stacked as channels, a few convolutions, a layer on top."""

    def __init__(self, size, context, latent):
        super().__init__()
        self.context = context
        convolutions = [nn.Conv2d(3 * context, 32, 5, 2, 2), nn.Conv2d(32, 64, 3, 2, 1), nn.Conv2d(64, 64, 3, 2, 1)]
        self.layers = nn.Sequential(*(part for one in convolutions for part in (one, nn.GELU())))
        self.head = nn.Linear(64 * (size // 8) ** 2, latent)

    def forward(self, frames):
        """Frames uint8 (B, T, size, size, 3) -> latents (B, T - context + 1, latent)."""
        windows = frames.unfold(1, self.context, 1)  # (B, T', h, w, 3, context)
        pictures = windows.permute(0, 1, 5, 4, 2, 3).flatten(0, 1).flatten(1, 2).float() / 127.5 - 1
        features = self.head(self.layers(pictures).flatten(1))
        return features.unflatten(0, (len(frames), -1))


def main(data="data/medium", run="runs/own-encoder", updates=300, settings=None):
    housecat.train(data, out=run, encoder=Stacked, updates=int(updates), settings=settings)
    return housecat.load(run, code=Stacked)  # in this process it is known already; in another it has to be named


if __name__ == "__main__":
    main(*sys.argv[1:])
