"""V-JEPA 2-AC: a frozen encoder, and a predictor that learns what actions do to the patches it sees.

Predicts: the patches of the next frame, with true frames before it (teacher forcing) and on its own (rollout), by
squared error, whose root planners measure (published: absolute; the squared error of a step was 1.4 times as large).
Kept from collapse by: the encoder, which does not move. So every recording is encoded once, before the first update.
Published: arXiv 2506.09985, section 3; on DINOv2's patches likewise in DINO-WM (arXiv 2411.04983). As there, each frame
is encoded by itself, as a picture that stands still. No state token: planners see camera frames and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from worldmodel.losses import objectives
from worldmodel.method import Entry, Method
from worldmodel.methods import ijepa, vjepa
from worldmodel.model import Encoder, LatentWorldModel, PatchEncoder
from worldmodel.networks import pretrained
from worldmodel.networks.block_causal import BlockCausalPredictor, Cache
from worldmodel.networks.frozen import Pooled
from worldmodel.settings import from_json, setting

# By the method that trained them: settings, and the encoder that they make.
ENCODERS: dict[str, tuple[type, Callable[[Any, torch.dtype], PatchEncoder]]] = {
    "ijepa": (ijepa.IJepaSettings, lambda settings, precision: ijepa.ImageJEPA(settings, precision).model),
    "vjepa": (vjepa.VJepaSettings, lambda settings, precision: vjepa.VideoJEPA(settings, precision).model),
    pretrained.METHOD: (pretrained.BackboneSettings, pretrained.Pretrained),
}


def rebuilt(described: dict[str, Any], precision: torch.dtype) -> PatchEncoder:
    """The encoder that `checkpoint.description` describes, with weights yet to be loaded.

    Raises ValueError: the method makes no encoder with features of patches.
    """
    name = described["method"]
    if name not in ENCODERS:
        raise ValueError(f"method {name} makes no encoder with features of patches: choose vjepa or ijepa")
    settings, make = ENCODERS[name]
    return make(from_json(settings, described["settings"]), precision)


@dataclass(frozen=True)
class DynamicsSettings:
    """The predictor and what it sees."""

    grid: int = setting(4, "patches along a side of the frame, pooled from the encoder's", 1, 64)
    channels: int = setting(16, "features kept of each of them", 1, 1024)
    past: int = setting(4, "frames that a latent holds: speed is in their difference", 2, 16)
    window: int = setting(4, "steps that attention sees", 1, 64)
    width: int = setting(128, "channels of the predictor", 8, 8192)
    depth: int = setting(3, "transformer blocks of the predictor", 1, 32)
    heads: int = setting(4, "attention heads of the predictor", 1, 128)


@dataclass(frozen=True)
class VJepa2ACSettings:
    """All that the method is told."""

    dynamics: DynamicsSettings
    encoder: dict[str, Any]  # what the frozen encoder was trained by, see `checkpoint.description`
    action_dim: int  # A

    @property
    def needs_finetuning(self) -> str:
        """Why the predictor must be trained on frozen latents."""
        return "method=vjepa2_ac, which learns only there"


class PatchWorldModel(LatentWorldModel):
    """Imagines patches. A latent is the patches of the last K frames (K, P, C), oldest first, flattened.

    Nothing else is in it, neither speeds nor actions: so its distance to a goal, a picture that stands still, is that
    of the last K pictures to the goal picture.
    """

    def __init__(self, settings: VJepa2ACSettings, precision: torch.dtype = torch.float32) -> None:
        asked = settings.dynamics
        self.shape = (asked.past, asked.grid**2, asked.channels)
        super().__init__(asked.past, asked.past * asked.grid**2 * asked.channels, settings.action_dim, precision)
        encoder = rebuilt(settings.encoder, precision)
        self.pooled = Pooled(encoder, asked.grid, asked.channels)
        self.predictor: BlockCausalPredictor = BlockCausalPredictor(
            asked.grid, asked.channels, settings.action_dim, asked.width, asked.depth, asked.heads, asked.window
        )

    def fit_pixels(self, frames: Tensor) -> None:
        """Takes statistics of the encoder's features; the encoder stays as it is. See `Encoder`."""
        self.pooled.fit(frames)

    def joined(self, patches: Tensor) -> Tensor:
        """Patches of frames (B, T, P, C) -> latents (B, T - K + 1, D)."""
        return patches.flatten(2).unfold(1, self.context, 1).transpose(-1, -2).flatten(2)

    def latents(self, frames: Tensor) -> Tensor:
        return self.joined(self.pooled(frames))

    def still(self, frames: Tensor) -> Tensor:
        """See `Encoder`; each picture is encoded once."""
        return self.joined(self.pooled(frames[:, None]).expand(-1, self.context, -1, -1))[:, 0]

    def recording(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """See `Encoder`; each frame is encoded once for both."""
        patches = self.pooled(frames[None])[0]
        still = patches[self.context - 1 :, None].expand(-1, self.context, -1, -1)
        return self.joined(patches[None])[0], self.joined(still)[:, 0]

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        """See `LatentWorldModel`. What many plans share, one latent expanded to all of them, is computed once."""
        alike = z.shape[-2] if z.ndim > 1 and z.stride(-2) == 0 else 1
        past = z.reshape(-1, *self.shape)
        with self.autocast():
            ahead = self.rolled(past, actions.reshape(-1, *actions.shape[-2:]), alike)
        known = torch.cat([past[:, 1:], ahead], dim=1)
        return self.joined(known).view(*actions.shape[:-1], self.latent)

    def rolled(self, past: Tensor, actions: Tensor, alike: int = 1) -> Tensor:
        """Open-loop: patches of the last K frames (B, K, P, C), actions (B, H, A) -> patches ahead (B, H, P, C).

        Each step is computed once: of those before, only the keys and values are needed. Where `alike` pasts in a row
        are the same, those of one serve all of them.
        """
        cache: Cache = []
        known = past[::alike]
        for time in range(1, self.context - 1):
            _, cache = self.predictor.step(known[:, time - 1], known[:, time], None, time, cache)
        if alike > 1:
            cache = [(key.repeat_interleave(alike, 0), value.repeat_interleave(alike, 0)) for key, value in cache]
        before, patches, ahead = past[:, -2], past[:, -1], []
        for step in range(actions.shape[1]):
            following, cache = self.predictor.step(before, patches, actions[:, step], self.context - 1 + step, cache)
            before, patches = patches, following
            ahead.append(patches)
        return torch.stack(ahead, dim=1)


class VJepa2AC(Method):
    """Trains the predictor on a frozen encoder."""

    model: PatchWorldModel

    def __init__(self, settings: VJepa2ACSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings = settings
        self.model = PatchWorldModel(settings, precision)

    def adopt(self, encoder: Encoder) -> None:
        """See `Method`. Raises ValueError for an encoder without patches."""
        if not isinstance(encoder, PatchEncoder):
            raise ValueError(f"vjepa2_ac needs an encoder with features of patches, {type(encoder).__name__} has none")
        self.model.pooled.encoder.load_state_dict(encoder.state_dict())

    def finetuning_loss(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See `Method`: teacher forcing, and a rollout from the first latent."""
        model = self.model
        seen = latents.unflatten(-1, model.shape)
        past, truth = seen[:, 0], seen[:, 1:, -1]
        # The predictor never learns what was done before the newest frame of a latent: it is not in the latent.
        with model.autocast():
            forced = model.predictor(torch.cat([past, truth[:, :-1]], dim=1), actions).float()
            ahead = model.rolled(past, actions).float()
        return objectives.prediction(forced, truth) + objectives.prediction(ahead, truth)


ENTRY = Entry(VJepa2ACSettings, VJepa2AC, encoder="vjepa", context=lambda settings: settings.dynamics.past)
