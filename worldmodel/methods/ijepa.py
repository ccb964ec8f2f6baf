"""I-JEPA: blocks of a single frame are predicted from the rest of it, in the features of a slow copy of the encoder.

Predicts: the features of four blocks of patches, each from one large context block without them.
Kept from collapse by: targets from an exponential moving average of the encoder, which sees the whole frame, without
gradient; they are normalised, so they cannot shrink.
Published: arXiv 2301.08243. No crops here: they would move what a probe is asked for.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.losses import objectives
from worldmodel.losses.masking import change_between, image_blocks
from worldmodel.method import Entry
from worldmodel.methods.masked import Grid, MaskedEncoder, MaskedMethod, NetSettings, TeacherSettings, gather
from worldmodel.settings import setting


@dataclass(frozen=True)
class BlockMaskingSettings:
    """How targets are chosen, and taught."""

    motion: float = setting(0.5, "share of the blocks placed where something moves, the others anywhere", 0, 1)
    last_momentum: float = setting(1.0, "of the teacher at the end; at first it is objective.momentum", 0, 1)


@dataclass(frozen=True)
class IJepaSettings:
    """All that the method is told."""

    model: NetSettings
    objective: TeacherSettings
    masking: BlockMaskingSettings
    frame_size: int  # side of the square training frame in pixels


class ImageJEPA(MaskedMethod):
    """Single frames, with positions that are added."""

    def __init__(self, settings: IJepaSettings, precision: torch.dtype = torch.float32) -> None:
        grid = Grid(settings.frame_size, settings.model.patch, frames=1, tubelet=1)
        encoder = MaskedEncoder(settings.model, grid, False, False, precision)
        super().__init__(encoder, settings.objective, settings.masking.last_momentum)
        self.settings = settings

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Method`; every frame of the clips is a picture by itself."""
        _, rows, columns = self.model.grid.shape
        change = change_between(frames, rows, columns).repeat_interleave(frames.shape[1], dim=0)
        pixels = self.model.cut(frames.flatten(0, 1)[:, None])
        masks = image_blocks(len(pixels), rows, columns, generator, change, self.settings.masking.motion)
        context, targets = masks.context.to(pixels.device), masks.targets.to(pixels.device)
        with torch.no_grad():
            truth = objectives.normalised(self.model(pixels))
        seen = self.encoder(pixels, context)
        groups = targets.shape[1]
        with self.model.autocast():
            predicted, _ = self.encoder.predictor(
                seen.repeat_interleave(groups, 0), context.repeat_interleave(groups, 0), targets.flatten(0, 1)
            )
        return {
            "prediction": objectives.smooth_l1(predicted.flatten(0, 1), gather(truth, targets.flatten(1)).flatten(0, 1))
        }


ENTRY = Entry(IJepaSettings, ImageJEPA, imagines=False, context=lambda settings: 1)
