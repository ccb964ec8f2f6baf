"""V-JEPA: tubes through a short clip are predicted from the rest of it, in the features of a slow copy of the encoder.

Predicts: the features of the tokens (two frames by a patch) in eight small blocks, and in two large ones, which both
last as long as the clip; and those of the newest two frames from what came before. What is beside a tube in space tells
where things are in it, and little of how fast: with the future to tell, features come to know speeds.
Kept from collapse by: targets from an exponential moving average of the encoder, which sees the whole clip, without
gradient; they are normalised, so they cannot shrink.
Published: arXiv 2404.08471; rotary positions and the constant momentum in V-JEPA 2 (arXiv 2506.09985), the loss on the
context in V-JEPA 2.1. No crops and no flips here: they would change what moved where.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.losses import masking, objectives
from worldmodel.losses.masking import Masks, newest
from worldmodel.method import Entry
from worldmodel.methods.masked import Grid, MaskedEncoder, MaskedMethod, NetSettings, TeacherSettings, gather
from worldmodel.networks.encoders import TUBELET
from worldmodel.settings import setting

_CACHED, _AT_A_TIME = 4, 256  # windows seen at a time, so that what a layer makes of them stays in a CPU's cache


@dataclass(frozen=True)
class VideoNetSettings(NetSettings):
    """What the networks are made of."""

    context: int = setting(4, "frames of a clip", 2, 16)


@dataclass(frozen=True)
class TubeMaskingSettings:
    """How targets are chosen, and taught."""

    motion: float = setting(0.5, "share of the blocks placed where something moves, the others anywhere", 0, 1)
    last_momentum: float = setting(0.995, "of the teacher at the end; at first it is objective.momentum", 0, 1)
    context: float = setting(0.0, "weight of the loss on what is visible (V-JEPA 2.1); 0: none", 0, 1e6)
    future: float = setting(2.0, "weight of the newest two frames, told from those before; 0: as published", 0, 1e6)


@dataclass(frozen=True)
class VJepaSettings:
    """All that the method is told."""

    model: VideoNetSettings
    objective: TeacherSettings
    masking: TubeMaskingSettings
    frame_size: int  # side of the square training frame in pixels

    def __post_init__(self) -> None:
        if self.masking.future and self.model.context < 4:
            raise ValueError(
                "model.context must be at least 4 for masking.future, which tells two frames from those before, got "
                f"{self.model.context}"
            )


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
        predicted, known = self.told(pixels, context, targets)
        hidden = (predicted - gather(truth, targets)).abs().mean(dim=(1, 2))
        return hidden, None if known is None else (known - gather(truth, context)).abs().mean(dim=-1)

    def told(self, pixels: Tensor, context: Tensor, targets: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the predictor makes of tokens whose pixels (B, every, n) are hidden but for `context`; see there."""
        with self.autocast():
            return self.predictor(self(pixels, context), context, targets)

    @torch.no_grad()
    def watch(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> tuple[Tensor | None, Tensor]:
        """See `Encoder`: error in the newest frames of every window, in twos, told from those before; no actions."""
        told = -(-ahead // TUBELET)
        if self.grid.shape[0] <= told:
            return super().watch(frames, actions, ahead)
        windows = frames.unfold(1, self.context, 1).permute(0, 1, 5, 2, 3, 4)
        masks = newest(1, self.grid.shape, told)
        context, targets = (one.to(frames.device) for one in (masks.context, masks.targets[:, 0]))
        found: list[Tensor] = []
        features: list[Tensor] = []
        for some in windows.flatten(0, 1).split(_CACHED if frames.device.type == "cpu" else _AT_A_TIME):
            pixels = self.cut(some)
            truth = objectives.normalised(self(pixels, newest=targets.shape[1]))
            predicted, _ = self.told(pixels, context.expand(len(some), -1), targets.expand(len(some), -1))
            found.append((predicted - truth).abs().mean(dim=(1, 2)))
            features.append(truth[:, -self.patches :].flatten(1))
        shape = windows.shape[:2]
        return torch.cat(found).view(shape), torch.cat(features).view(*shape, -1)


class VideoJEPA(MaskedMethod):
    """Clips, with positions that turn."""

    encoder: VideoEncoder

    def __init__(self, settings: VJepaSettings, precision: torch.dtype = torch.float32) -> None:
        asked = settings.masking
        grid = Grid(settings.frame_size, settings.model.patch, settings.model.context, TUBELET)
        encoder = VideoEncoder(settings.model, grid, True, asked.context > 0, precision)
        super().__init__(encoder, settings.objective, asked.last_momentum)
        self.settings = settings

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Method`; clips that are longer than the context are cut into several."""
        length = self.model.context
        ends = range(frames.shape[1], length - 1, -length)  # from the newest backwards
        clips = torch.cat([frames[:, end - length : end] for end in ends])
        change = masking.change_between(clips, *self.model.grid.shape[1:])
        pixels = self.model.cut(clips)
        with torch.no_grad():
            truth = objectives.normalised(self.model(pixels))
        terms = dict[str, Tensor]()
        asked, grid = self.settings.masking, self.model.grid.shape
        for name, blocks in (("short", masking.SHORT_RANGE), ("long", masking.LONG_RANGE)):
            masks = masking.tubes(blocks, len(clips), grid, generator, change, asked.motion)
            hidden, known = self.encoder.errors(pixels, truth, masks)
            terms[f"prediction_{name}"] = hidden.mean() / 2
            if known is not None:
                # Next to a gap the context's own features must agree with it; far away this would only teach to copy.
                nearness = masking.distance_to_targets(masks, masking.places(*grid)).rsqrt().to(known.device)
                terms[f"context_{name}"] = asked.context * (known * nearness).mean() / 2
        if asked.future:
            hidden, _ = self.encoder.errors(pixels, truth, newest(len(clips), grid))
            terms["prediction_future"] = asked.future * hidden.mean()
        return terms


ENTRY = Entry(VJepaSettings, VideoJEPA, imagines=False)
