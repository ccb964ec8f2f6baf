"""V-JEPA: tubes through a short clip are predicted from the rest of it, in the features of a slow copy of the encoder.

Predicts: the features of the tokens (two frames by a patch) in eight small blocks, and in two large ones, which both
last as long as the clip.
Kept from collapse by: targets from an exponential moving average of the encoder, which sees the whole clip, without
gradient; they are normalised, so they cannot shrink.
Published: arXiv 2404.08471; rotary positions and the constant momentum in V-JEPA 2 (arXiv 2506.09985), the loss on the
context in V-JEPA 2.1. No crops and no flips here: they would change what moved where.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel import objectives
from worldmodel.encoders import TUBELET
from worldmodel.masked import Grid, MaskedEncoder, MaskedMethod, NetSettings, TeacherSettings, gather, whole_clips
from worldmodel.masking import LONG_RANGE, SHORT_RANGE, Masks, change_between, distance_to_targets, places, tubes

SURPRISE_MASKS = 4  # of each kind, that a clip's surprise is the mean over


@dataclass(frozen=True)
class ModelSettings(NetSettings):
    """What the networks are made of."""

    context: int  # frames of a clip


@dataclass(frozen=True)
class MaskingSettings:
    """How targets are chosen, and taught."""

    motion: float  # share of the blocks that are placed where something moves
    last_momentum: float  # of the teacher at the end of the run
    context: float  # weight of the loss on the context (V-JEPA 2.1); 0: none


@dataclass(frozen=True)
class Settings:
    """All that the method is told."""

    model: ModelSettings
    objective: TeacherSettings
    masking: MaskingSettings
    frame_size: int  # side of the square training frame in pixels


class VideoEncoder(MaskedEncoder):
    """Sees clips, with positions that turn, and is surprised by what does not fit together in them."""

    def errors(self, pixels: Tensor, truth: Tensor, masks: Masks) -> tuple[Tensor, Tensor | None]:
        """Errors of each clip (B,) in the tokens that are hidden, and (B, K) in the context if that is told too.

        Args:
            pixels: (B, every, n) of the tokens.
            truth: (B, every, width) what the teacher makes of them.
            masks: M = 1.
        """
        context, targets = masks.context.to(pixels.device), masks.targets[:, 0].to(pixels.device)
        with self.autocast():
            predicted, known = self.predictor(self(pixels, context), context, targets)
        hidden = (predicted - gather(truth, targets)).abs().mean(dim=(1, 2))
        return hidden, None if known is None else (known - gather(truth, context)).abs().mean(dim=-1)

    @torch.no_grad()
    def surprise(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> Tensor:
        """See `Encoder`: how much the parts of a clip contradict each other; what was done is not known to it."""
        parts = list(whole_clips(frames, self.context))
        clips = torch.cat(parts)
        pixels = self.cut(clips)
        truth = objectives.normalised(self(pixels))
        found = torch.zeros(len(clips), device=clips.device)
        for _ in range(SURPRISE_MASKS):
            for blocks in (SHORT_RANGE, LONG_RANGE):
                # The same for all: between two clips that are held against each other only the clips may differ.
                masks = tubes(blocks, 1, self.grid.shape, generator)
                everywhere = Masks(*(one.expand(len(clips), *one.shape[1:]) for one in (masks.context, masks.targets)))
                found += self.errors(pixels, truth, everywhere)[0]
        return found.view(len(parts), -1).mean(dim=0) / (2 * SURPRISE_MASKS)


class VideoJEPA(MaskedMethod):
    """Clips, with positions that turn."""

    encoder: VideoEncoder

    def __init__(self, settings: Settings, precision: torch.dtype = torch.float32) -> None:
        asked = settings.masking
        grid = Grid(settings.frame_size, settings.model.patch, settings.model.context, TUBELET)
        encoder = VideoEncoder(settings.model, grid, True, asked.context > 0, precision)
        super().__init__(encoder, settings.objective, asked.last_momentum)
        self.settings = settings

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Method`; clips that are longer than the context are cut into several."""
        clips = torch.cat(list(whole_clips(frames, self.model.context)))
        change = change_between(clips, *self.model.grid.shape[1:])
        pixels = self.model.cut(clips)
        with torch.no_grad():
            truth = objectives.normalised(self.model(pixels))
        terms = dict[str, Tensor]()
        for name, blocks in (("short", SHORT_RANGE), ("long", LONG_RANGE)):
            masks = tubes(blocks, len(clips), self.model.grid.shape, generator, change, self.settings.masking.motion)
            hidden, known = self.encoder.errors(pixels, truth, masks)
            terms[f"prediction_{name}"] = hidden.mean() / 2
            if known is not None:
                # Next to a gap the context's own features must agree with it; far away this would only teach to copy.
                nearness = distance_to_targets(masks, places(*self.model.grid.shape)).rsqrt().to(known.device)
                terms[f"context_{name}"] = self.settings.masking.context * (known * nearness).mean() / 2
        return terms
