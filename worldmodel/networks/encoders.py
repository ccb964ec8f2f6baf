"""From a context of camera frames to one latent vector a time step.

`VideoTransformer` follows V-JEPA (arXiv 2404.08471): clips are cut into tubelets of two frames by a square patch, each
becomes a token with a 3D position, and a transformer lets all tokens of a context look at each other.
`ConvEncoder` is the small convolutional baseline. All slide over a clip: `(B, T, h, w, 3)` frames become
`(B, T - context + 1, D)` latents, the first of which has seen frames `0 .. context - 1`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from worldmodel.networks import rotary

TUBELET = 2  # frames in a tubelet, as in V-JEPA
TOKEN_FEATURES = 16  # what each token adds to the flattened summary: enough to say where in its patch a body is


class PixelScale(nn.Module):
    """Standardises frames with statistics of the data: a mean picture, the spread around it, the spread of motion.

    A tubelet of two frames is turned into (newest frame, difference to the one before), an invertible map: where most
    pixels never change, motion would otherwise be a thousandth of the input's variance and be learnt last.
    """

    mean: Tensor
    scale: Tensor
    motion: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((size, size, 3), 127.5))
        self.register_buffer("scale", torch.tensor(64.0))
        self.register_buffer("motion", torch.tensor(64.0))

    @torch.no_grad()
    def fit(self, frames: Tensor) -> None:
        """Takes the statistics of `frames` uint8 (B, T, h, w, 3), T >= 2."""
        pixels = frames.float()
        self.mean.copy_(pixels.mean(dim=(0, 1)))
        self.scale.copy_((pixels - self.mean).pow(2).mean().sqrt().clamp(min=1.0))
        self.motion.copy_((pixels[:, 1:] - pixels[:, :-1]).pow(2).mean().sqrt().clamp(min=1.0))

    def still(self, frames: Tensor) -> Tensor:
        """Frames uint8 (..., h, w, 3) -> how they differ from the mean picture, of variance 1, float32."""
        return frames.to(torch.float32, copy=True).sub_(self.mean).div_(self.scale)

    def pairs(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames uint8 (B, T, h, w, 3) -> newest and difference of each neighbouring pair, (B, T-1, h, w, 3) each."""
        pixels = frames.float() - self.mean
        return pixels[:, 1:] / self.scale, (pixels[:, 1:] - pixels[:, :-1]) / self.motion


LONG = 128  # tokens from which on a fused kernel attends faster than two matrix products: 512 on a CPU five times


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor, angles: Tensor | None = None, newest: int | None = None) -> Tensor:
        """(B, P, width) -> (B, P, width), or what the `newest` tokens alone make of all of them (B, newest, width).

        With rotary positions, their angles (B or 1, P, width // heads // 2).
        """
        batch, count, width = tokens.shape
        size = width // self.heads
        shaped = self.query_key_value(self.attention_norm(tokens)).view(batch, count, 3, self.heads, size)
        query, key, value = shaped.permute(2, 0, 3, 1, 4)
        if angles is not None:
            query, key = rotary.turn(query, angles[:, None]), rotary.turn(key, angles[:, None])
        kept = newest or count
        query, tokens = query[:, :, -kept:], tokens[:, -kept:]
        if count >= LONG:
            seen = nn.functional.scaled_dot_product_attention(query, key, value)
        else:
            seen = (query @ key.transpose(-1, -2) * size**-0.5).softmax(-1) @ value
        tokens = tokens + self.attention_out(seen.transpose(1, 2).reshape(batch, kept, width))
        return tokens + self.feed(self.feed_norm(tokens))


def positions_3d(times: int, rows: int, columns: int, width: int) -> Tensor:
    """Fixed sine-cosine positions (times * rows * columns, width): a third of the channels for each axis."""
    share = 2 * (width // 6)
    sizes = (width - 2 * share, share, share)
    grids = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in (times, rows, columns)), indexing="ij")
    parts = []
    for grid, size in zip(grids, sizes, strict=True):
        rates = torch.exp(-math.log(100.0) * torch.arange(size // 2) / max(size // 2, 1))
        angles = grid.reshape(-1, 1) * rates
        parts.append(torch.cat([angles.sin(), angles.cos()], dim=1))
    return torch.cat(parts, dim=1)


class Summary(nn.Module):
    """All tokens of a context -> one latent: a few features of each, flattened, so that place is not averaged away.

    No normalisation in front, and a linear way past the hidden layer: where a body is and how far it moved are nearly
    linear in the pixels, and a network that need not rediscover that learns them some times faster.
    """

    def __init__(self, tokens: int, width: int, latent: int) -> None:
        super().__init__()
        self.features = nn.Linear(width, TOKEN_FEATURES)
        self.straight = nn.Linear(tokens * TOKEN_FEATURES, latent)
        self.bent = nn.Sequential(nn.Linear(tokens * TOKEN_FEATURES, 512), nn.GELU(), nn.Linear(512, latent))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, P, width) -> (B, D)."""
        features = self.features(tokens).flatten(1)
        return self.straight(features) + self.bent(features)


class ContextEncoder(nn.Module, ABC):
    """From contexts of frames to latent vectors: frames uint8 (B, T, h, w, 3) -> (B, T - context + 1, D).

    Args:
        size: side of the square frames in pixels.
        context: frames that one latent has seen.
        latent: D.
        fixed: the last dimensions of the latent that are not learned.
    """

    def __init__(self, size: int, context: int, latent: int, fixed: int = 0) -> None:
        super().__init__()
        self.context, self.latent, self.fixed = context, latent, fixed
        self.pixels = PixelScale(size)

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """All latents of clips."""

    def finalise(self, frames: Tensor) -> None:
        """Fits what is fixed, once all else is learned, to frames uint8 (B, T, h, w, 3); most give nothing."""

    def still(self, frames: Tensor) -> Tensor:
        """Latents of things that stand still: frames uint8 (K, h, w, 3) -> (K, D)."""
        return self(frames[:, None].expand(-1, self.context, -1, -1, -1))[:, 0]

    def recording(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """See `worldmodel.model.Encoder`."""
        return self(frames[None])[0], self.still(frames[self.context - 1 :])


def cut(pictures: Tensor, patch: int) -> Tensor:
    """Square patches, row by row: (..., h, w, C) -> (..., P, patch * patch * C)."""
    cells = pictures.unflatten(-2, (-1, patch)).unflatten(-4, (-1, patch))  # (..., rows, patch, columns, patch, C)
    return cells.transpose(-4, -3).flatten(-3).flatten(-3, -2)


class VideoTransformer(ContextEncoder):
    """V-JEPA's video transformer on contexts of a few tubelets. `context` must be a multiple of 2."""

    def __init__(self, size: int, context: int, latent: int, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__(size, context, latent)
        if context % TUBELET or size % patch or width % heads or width % 2:
            raise ValueError(
                f"video transformer: context {context} must be a multiple of {TUBELET}, frame size {size} of patch "
                f"{patch}, width {width} of 2 and of heads {heads}"
            )
        self.patch = patch
        grid, tubelets = size // patch, context // TUBELET
        self.embed = nn.Linear(TUBELET * patch * patch * 3, width)
        self.positions = nn.Parameter(positions_3d(tubelets, grid, grid, width), requires_grad=False)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.summary = Summary(tubelets * grid * grid, width, latent)

    def tubelets(self, frames: Tensor) -> Tensor:
        """Frames (B, T, h, w, 3) -> tokens of every neighbouring pair of frames (B, T-1, P, width)."""
        return self.embed(cut(torch.cat(self.pixels.pairs(frames), dim=-1), self.patch))

    def tokens(self, frames: Tensor) -> Tensor:
        """Frames (B, T, h, w, 3) -> tokens of each context after the transformer (B, T - context + 1, P, width)."""
        pairs = self.tubelets(frames)
        batch, windows = frames.shape[0], frames.shape[1] - self.context + 1
        chosen = torch.arange(windows)[:, None] + torch.arange(0, self.context, TUBELET)
        gathered = pairs[:, chosen.to(pairs.device)].flatten(2, 3)
        tokens = self.blocks(gathered.flatten(0, 1) + self.positions)
        return tokens.view(batch, windows, *tokens.shape[1:])

    def forward(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> latents (B, T - context + 1, D)."""
        tokens = self.tokens(frames)
        return self.summary(tokens.flatten(0, 1)).view(*tokens.shape[:2], self.latent)


class ConvEncoder(ContextEncoder):
    """The baseline: strided convolutions over the newest frame and the differences between those of the context."""

    def __init__(self, size: int, context: int, latent: int, width: int) -> None:
        super().__init__(size, context, latent)
        if size % 16:
            raise ValueError(f"convolutional encoder: frame size {size} must be a multiple of 16")
        channels = (3 * context, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, kernel_size=4, stride=2, padding=1), nn.GELU()]
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear((size // 16) ** 2 * channels[-1], 512), nn.GELU(), nn.Linear(512, latent)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> latents (B, T - context + 1, D)."""
        batch, windows = frames.shape[0], frames.shape[1] - self.context + 1
        newest, motion = self.pixels.pairs(frames)
        back = self.context - 1
        stacked = [newest[:, back - 1 :], *(motion[:, k : k + windows] for k in range(back))]
        pictures = torch.cat(stacked, dim=-1).flatten(0, 1).permute(0, 3, 1, 2)
        return self.head(self.convolutions(pictures)).view(batch, windows, self.latent)


class OwnEncoder(ContextEncoder):
    """Any module of the user's as an encoder; it is handed frames uint8 (B, T, h, w, 3) and standardises them itself.

    `module`: returns (B, T - context + 1, latent).
    """

    def __init__(self, module: nn.Module, size: int, context: int, latent: int) -> None:
        super().__init__(size, context, latent)
        self.module = module

    def forward(self, frames: Tensor) -> Tensor:
        """Frames uint8 (B, T, h, w, 3) -> latents (B, T - context + 1, D)."""
        return self.module(frames)


def own_encoder(kind: Callable[..., nn.Module], words: str, size: int, context: int, latent: int) -> ContextEncoder:
    """The user's encoder `kind(size=, context=, latent=)`, called `words` in messages.

    Raises ValueError: it cannot be made so, or does not turn frames into latents of that size.
    """
    frames = torch.zeros(1, context + 1, size, size, 3, dtype=torch.uint8)
    try:
        module = kind(size=size, context=context, latent=latent)
        with torch.no_grad():
            found = tuple(module(frames).shape)
    except Exception as error:  # the user's own code may fail in any way
        raise ValueError(f"model.encoder={words}: {type(error).__name__}: {error}") from error
    if found != (1, 2, latent):
        raise ValueError(
            f"model.encoder={words} returned {found} for frames {tuple(frames.shape)}: return (1, 2, {latent}), one "
            f"latent for each {context} frames"
        )
    return module if isinstance(module, ContextEncoder) else OwnEncoder(module, size, context, latent)
