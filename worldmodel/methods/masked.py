"""Networks of masked prediction: a transformer that is shown a part of a clip, and a narrow one that fills the gaps.

I-JEPA (arXiv 2301.08243) cuts single frames into patches, V-JEPA (arXiv 2404.08471) clips into tubelets of two frames.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.losses import objectives
from worldmodel.losses.masking import places
from worldmodel.method import Method
from worldmodel.model import PatchEncoder
from worldmodel.networks import rotary
from worldmodel.networks.encoders import Block, PixelScale, cut, positions_3d
from worldmodel.settings import setting


@dataclass(frozen=True)
class NetSettings:
    """What the networks are made of."""

    width: int = setting(128, "channels of the encoder", 8, 8192)
    depth: int = setting(4, "transformer blocks of the encoder", 1, 48)
    heads: int = setting(4, "attention heads, of the predictor too", 1, 128)
    patch: int = setting(8, "side of a patch, pixels", 2, 128)
    # A fraction of the encoder's, so that knowledge gathers in the encoder.
    predictor_width: int = setting(64, "channels of the predictor", 8, 8192)
    predictor_depth: int = setting(3, "transformer blocks of the predictor", 1, 32)


@dataclass(frozen=True)
class TeacherSettings:
    """How the teacher follows."""

    momentum: float = setting(0.99, "of the teacher at first; 1 / (1 - momentum) must be far below train.updates", 0, 1)


@dataclass(frozen=True)
class Grid:
    """How a clip is cut into tokens."""

    size: int  # side of the square frame in pixels
    patch: int  # side of a patch in pixels
    frames: int  # in a clip
    tubelet: int  # frames in a token, 1 or 2

    def __post_init__(self) -> None:
        if self.size % self.patch or self.frames % self.tubelet:
            raise ValueError(
                f"model.patch={self.patch} must divide the frame size {self.size}, "
                f"model.context={self.frames} be a multiple of {self.tubelet}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Tubelets, rows, columns."""
        return self.frames // self.tubelet, self.size // self.patch, self.size // self.patch


class Positions(nn.Module):
    """Tells tokens where they are: sine-cosine features that are added (I-JEPA), or rotary angles (V-JEPA 2)."""

    added: Tensor
    angles: Tensor

    def __init__(self, grid: Grid, width: int, heads: int, turning: bool) -> None:
        super().__init__()
        if width % (2 * heads):
            raise ValueError(f"transformer: width {width} must be a multiple of twice the {heads} heads")
        self.turning = turning
        where = places(*grid.shape)
        self.register_buffer("added", positions_3d(*grid.shape, width) * (not turning), persistent=False)
        self.register_buffer("angles", rotary.angles(where, width // heads), persistent=False)

    def forward(self, tokens: Tensor, index: Tensor, blocks: nn.ModuleList, newest: int | None = None) -> Tensor:
        """Tokens (B, K, width) through the blocks; index (B, K) or (1, K) says which places they have.

        `newest`: of how many at the end the outcome is asked for; None: of all.
        """
        tokens = tokens + self.added[index]
        angles = self.angles[index] if self.turning else None
        for place, block in enumerate(blocks, 1):
            tokens = block(tokens, angles, newest if place == len(blocks) else None)
        return tokens


class MaskedEncoder(PatchEncoder):
    """A transformer over the tokens of a clip, or over those of them that it is shown.

    The features of a time step are those of its newest frame, or newest two, normalised without scale and shift.

    Its predictor is kept with it: how far that is off tells what is surprising.

    Args:
        turning: rotary positions instead of added ones.
        context_too: see `MaskPredictor`.
    """

    def __init__(
        self, settings: NetSettings, grid: Grid, turning: bool, context_too: bool, precision: torch.dtype
    ) -> None:
        times, rows, columns = grid.shape
        super().__init__(grid.frames, rows * columns, settings.width, precision)
        self.grid, self.every = grid, times * rows * columns
        self.pixels = PixelScale(grid.size)
        self.embed = nn.Linear(grid.tubelet * grid.patch**2 * 3, settings.width)
        self.positions = Positions(grid, settings.width, settings.heads, turning)
        self.blocks = nn.ModuleList(Block(settings.width, settings.heads) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(settings.width)
        self.predictor = MaskPredictor(settings, grid, turning, context_too)

    def fit_pixels(self, frames: Tensor) -> None:
        self.pixels.fit(frames)

    def cut(self, clips: Tensor) -> Tensor:
        """Clips uint8 (B, T, h, w, 3) -> pixels of their tokens (B, T / tubelet * P, tubelet * patch * patch * 3)."""
        if self.grid.tubelet == 1:
            pictures = self.pixels.still(clips)
        else:
            pictures = torch.cat([part[:, ::2] for part in self.pixels.pairs(clips)], dim=-1)
        return cut(pictures, self.grid.patch).flatten(1, 2)

    def forward(self, pixels: Tensor, index: Tensor | None = None, newest: int | None = None) -> Tensor:
        """Features of tokens: their pixels (B, K, n) -> (B, K, width), or (B, L, width) of those in `index` alone.

        Without an index they are the first K of the `every` tokens of a clip. `newest`: see `Positions`.
        """
        if index is None:
            index = torch.arange(pixels.shape[1], device=pixels.device)[None]
        else:
            pixels = gather(pixels, index)
        with self.autocast():
            return self.norm(self.positions(self.embed(pixels), index, self.blocks, newest)).float()

    def tokens(self, frames: Tensor) -> Tensor:
        windows = frames.unfold(1, self.context, 1).permute(0, 1, 5, 2, 3, 4)
        features = self(self.cut(windows.flatten(0, 1)))[:, -self.patches :]
        return objectives.normalised(features).view(*windows.shape[:2], self.patches, self.width)

    def pictures(self, frames: Tensor) -> Tensor:
        """See `PatchEncoder`; more than one tubelet of the same would tell nothing more."""
        still = frames[:, None].expand(-1, self.grid.tubelet, -1, -1, -1)
        return objectives.normalised(self(self.cut(still)))


class MaskPredictor(nn.Module):
    """From the features of the context to those of hidden tokens, of which it is told the places only.

    `context_too`: also tells the features of the context itself, with a head of its own (V-JEPA 2.1).
    """

    def __init__(self, settings: NetSettings, grid: Grid, turning: bool, context_too: bool) -> None:
        super().__init__()
        narrow = settings.predictor_width
        self.enter = nn.Linear(settings.width, narrow)
        self.hidden = nn.Parameter(torch.zeros(narrow))  # stands for every token that is to be predicted
        self.positions = Positions(grid, narrow, settings.heads, turning)
        self.blocks = nn.ModuleList(Block(narrow, settings.heads) for _ in range(settings.predictor_depth))
        self.norm = nn.LayerNorm(narrow)
        self.leave = nn.Linear(narrow, settings.width)
        self.context = nn.Linear(narrow, settings.width) if context_too else None

    def forward(self, seen: Tensor, context: Tensor, targets: Tensor) -> tuple[Tensor, Tensor | None]:
        """Predicted features of the targets (B, L, width), and of the context (B, K, width) if it was asked for.

        Args:
            seen: (B, K, width) features of the context.
            context: (B, K) its places.
            targets: (B, L) places to be predicted.
        """
        hidden = self.hidden.expand(*targets.shape, -1)
        tokens = torch.cat([self.enter(seen), hidden.to(seen.dtype)], dim=1)
        asked = None if self.context else targets.shape[1]
        tokens = self.norm(self.positions(tokens, torch.cat([context, targets], dim=1), self.blocks, asked))
        predicted = self.leave(tokens[:, -targets.shape[1] :]).float()
        return predicted, None if self.context is None else self.context(tokens[:, : context.shape[1]]).float()


class MaskedMethod(Method):
    """Encoder with its predictor, and their teacher, which is what is kept: `model`.

    Args:
        encoder: that is trained.
        teacher, last_momentum: how it follows at first, and at the end of the run; in between evenly.
    """

    model: MaskedEncoder
    against_collapse = "lower train.learning_rate, or set objective.momentum nearer to 1"

    def __init__(self, encoder: MaskedEncoder, teacher: TeacherSettings, last_momentum: float) -> None:
        super().__init__()
        self.momentum = teacher.momentum, last_momentum
        self.encoder = encoder
        self.model = copy.deepcopy(encoder).requires_grad_(False)

    def fit_pixels(self, frames: Tensor) -> None:
        self.model.fit_pixels(frames)
        self.encoder.fit_pixels(frames)

    def after_update(self, progress: float) -> None:
        objectives.follow(self.model, self.encoder, objectives.ramp(*self.momentum, progress))


def gather(tokens: Tensor, index: Tensor) -> Tensor:
    """The tokens at the places in `index`: (B, every, n), (B, K) -> (B, K, n)."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))
