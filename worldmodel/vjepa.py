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
from worldmodel.masked import Grid, MaskedMethod, NetSettings, TeacherSettings, gather, whole_clips
from worldmodel.masking import LONG_RANGE, SHORT_RANGE, Masks, change_between, distance_to_targets, places, tubes


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


class VideoJEPA(MaskedMethod):
    """Clips, with positions that turn."""

    def __init__(self, settings: Settings, precision: torch.dtype = torch.float32) -> None:
        asked = settings.masking
        grid = Grid(settings.frame_size, settings.model.patch, settings.model.context, TUBELET)
        super().__init__(
            settings.model, grid, settings.objective, asked.last_momentum, True, asked.context > 0, precision
        )
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
            for of, error in self.errors(pixels, truth, masks).items():
                terms[f"{of}_{name}"] = error.mean() / 2
        return terms

    def errors(self, pixels: Tensor, truth: Tensor, masks: Masks) -> dict[str, Tensor]:
        """Weighted errors of each clip (B,): "prediction" of the targets, and "context" if it was asked for.

        Args:
            pixels: (B, every, n) of the tokens.
            truth: (B, every, width) what the teacher makes of them.
            masks: M = 1.
        """
        context, targets = masks.context.to(pixels.device), masks.targets[:, 0].to(pixels.device)
        with self.model.autocast():
            predicted, known = self.predictor(self.encoder(pixels, context), context, targets)
        found = {"prediction": (predicted - gather(truth, targets)).abs().mean(dim=(1, 2))}
        if known is not None:
            # Next to a gap the context's own features must agree with it; far away this would only teach to copy.
            nearness = distance_to_targets(masks, places(*self.model.grid.shape)).rsqrt().to(pixels.device)
            error = (known - gather(truth, context)).abs().mean(dim=-1)
            found["context"] = self.settings.masking.context * (error * nearness).mean(dim=1)
        return found
