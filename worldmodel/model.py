"""The world model that planners see: frames in, latents out, and what happens to a latent under actions."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from worldmodel.encoders import ConvEncoder, VideoTransformer
from worldmodel.predictors import ResidualPredictor, rollout


@dataclass(frozen=True)
class ModelSettings:
    """What a world model is made of; saved beside its weights."""

    encoder: str  # "vit" (video transformer) or "cnn"
    latent: int  # D, size of the latent vector
    context: int  # frames that one latent has seen
    width: int  # channels of the encoder
    depth: int  # transformer blocks (vit only)
    heads: int  # attention heads (vit only)
    patch: int  # side of a patch in pixels (vit only)
    predictor_width: int
    predictor_depth: int
    frame_size: int  # side of the square training frame in pixels
    action_dim: int  # A


class Seen(Protocol):
    """A context: frames uint8 (B, T, h, w, 3) and the actions (B, T-1, A) between them."""

    @property
    def frames(self) -> Tensor: ...


def make_encoder(settings: ModelSettings) -> VideoTransformer | ConvEncoder:
    """The encoder that the settings name. Raises ValueError for a name or sizes that do not exist."""
    if settings.encoder == "vit":
        return VideoTransformer(
            settings.frame_size,
            settings.context,
            settings.latent,
            settings.patch,
            settings.width,
            settings.depth,
            settings.heads,
        )
    if settings.encoder == "cnn":
        return ConvEncoder(settings.frame_size, settings.context, settings.latent, settings.width)
    raise ValueError(f"model.encoder: '{settings.encoder}' is unknown, choose vit or cnn")


class WorldModel(nn.Module):
    """Encoder, action-conditioned predictor and inverse-dynamics head over one latent space.

    On the CPU `encode` and `rollout` work environment by environment: the last bits of a matrix product depend on the
    number of its rows, and a closed loop amplifies them. So an environment's result is the same in every batch.
    """

    action_low: Tensor
    action_high: Tensor

    def __init__(self, settings: ModelSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings, self.precision = settings, precision
        self.context, self.latent = settings.context, settings.latent
        self.encoder = make_encoder(settings)
        self.predictor = ResidualPredictor(
            settings.latent, settings.action_dim, settings.predictor_width, settings.predictor_depth
        )
        # Linear, so that motion must be linear in the latent: a force is a difference of speeds.
        self.inverse = nn.Linear(2 * settings.latent, settings.action_dim)
        self.register_buffer("action_low", -torch.ones(settings.action_dim))
        self.register_buffer("action_high", torch.ones(settings.action_dim))

    def autocast(self) -> torch.autocast:
        """Mixed precision as the model was asked for: matrix products in bf16, or everything in fp32."""
        device = self.action_low.device.type
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def latents(self, frames: Tensor) -> Tensor:
        """All latents of clips: frames uint8 (B, T, h, w, 3) -> (B, T - context + 1, D) float32."""
        with self.autocast():
            return self.encoder(frames).float()

    def encode(self, context: Seen) -> Tensor:
        """The latent now: context.frames uint8 (B, context, h, w, 3) -> (B, D) float32."""
        frames = context.frames[:, -self.context :]
        if frames.shape[1] != self.context:
            raise ValueError(f"the model encodes {self.context} frames, the context has {frames.shape[1]}")
        if frames.device.type != "cpu":
            return self.latents(frames)[:, -1]
        return torch.cat([self.latents(one)[:, -1] for one in frames.split(1)])

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        """Imagines: z (B, D), actions (B, N, H, A) -> latents after each action (B, N, H, D) float32."""
        starts = z[:, None].expand(-1, actions.shape[1], -1)
        with self.autocast():
            if actions.device.type != "cpu":
                return rollout(self.predictor, starts, actions)
            pairs = zip(starts, actions, strict=True)
            return torch.stack([rollout(self.predictor, start, action) for start, action in pairs])
