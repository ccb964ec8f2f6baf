"""What remains of training: an encoder (frames in, latents out), or a world model, which also imagines under actions.

Planners see latents as vectors: a model whose latent is a set of patches flattens it.
"""

from abc import ABC, abstractmethod
from typing import Protocol

import torch
from torch import Tensor, nn

from worldmodel.diagnosis.layers import by_time, caught
from worldmodel.networks.predictors import from_every_start, windows


class Seen(Protocol):
    """A context: frames uint8 (B, T, h, w, 3) and the actions (B, T-1, A) between them."""

    @property
    def frames(self) -> Tensor: ...


class Encoder(nn.Module, ABC):
    """Frames in, latents out.

    On the CPU `encode` works environment by environment: the last bits of a matrix product depend on the number of its
    rows, and a closed loop amplifies them. So an environment's result is the same in every batch.

    Args:
        context: frames that one latent has seen.
        latent: D, size of the latent vector.
        precision: of matrix products.
    """

    def __init__(self, context: int, latent: int, precision: torch.dtype) -> None:
        super().__init__()
        self.context, self.latent, self.precision = context, latent, precision

    @abstractmethod
    def latents(self, frames: Tensor) -> Tensor:
        """All latents of clips: frames uint8 (B, T, h, w, 3) -> (B, T - context + 1, D) float32."""

    def still(self, frames: Tensor) -> Tensor:
        """Latents of things that stand still: frames uint8 (K, h, w, 3) -> (K, D) float32."""
        return self.latents(frames[:, None].expand(-1, self.context, -1, -1, -1))[:, 0]

    def recording(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of one recording, as it moves and of each frame standing still.

        Frames uint8 (T, h, w, 3) -> (T - context + 1, D) float32 both; the k-th is of frame k + context - 1.
        """
        return self.latents(frames[None])[0], self.still(frames[self.context - 1 :])

    @abstractmethod
    def fit_pixels(self, frames: Tensor) -> None:
        """Takes statistics of the pixels from frames uint8 (B, T, h, w, 3)."""

    def layers(self, frames: Tensor) -> dict[str, Tensor]:
        """Features of all layers that can be probed, by name, from the first one on; the last is "latent".

        Frames uint8 (B, T, h, w, 3) -> (B, T - context + 1, P, width) of transformer blocks and convolutions, with P
        places each, and the latents (B, T - context + 1, D).
        """
        latents, features = caught(self, lambda: self.latents(frames))
        return {**by_time(features, latents.shape[0], latents.shape[1], frames.shape[1]), "latent": latents}

    def surprise(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> Tensor | None:
        """The first of what `watch` tells."""
        return self.watch(frames, actions, ahead)[0]

    @torch.no_grad()
    def watch(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> tuple[Tensor | None, Tensor]:
        """How far clips are from what the model expected, in each window of them; None: it expects nothing.

        As in arXiv 2502.11831: the newest frames of a window are told from those before, windows slide by a frame. To
        be compared between clips of one length, in no unit.

        Args:
            frames: uint8 (B, T, h, w, 3), T at least the context and `ahead`.
            actions: (B, T-1, A), between the frames.
            ahead: frames that are told; a model may have to tell one more.

        Returns:
            (B, W); the newest frame of the last window is the last frame of the clip. And the features of all contexts
            (B, T - context + 1, n) float32, which cost nothing more: latents, or what there is of patches.
        """
        return None, self.latents(frames)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def autocast(self) -> torch.autocast:
        """Mixed precision as the model was asked for: matrix products in bf16, or everything in fp32."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def encode(self, context: Seen) -> Tensor:
        """The latent now: context.frames uint8 (B, context, h, w, 3) -> (B, D) float32."""
        frames = context.frames[:, -self.context :]
        if frames.shape[1] != self.context:
            raise ValueError(f"the model encodes {self.context} frames, the context has {frames.shape[1]}")
        if frames.device.type != "cpu":
            return self.latents(frames)[:, -1]
        return torch.cat([self.latents(one)[:, -1] for one in frames.split(1)])


class PatchEncoder(Encoder):
    """An encoder whose features belong to patches of the picture; others may build on it, frozen.

    Args:
        context: frames that the features of one time step have seen.
        patches, width: P, features of a time step, and the size of each of them.
    """

    def __init__(self, context: int, patches: int, width: int, precision: torch.dtype) -> None:
        super().__init__(context, width, precision)
        self.patches, self.width = patches, width

    @abstractmethod
    def tokens(self, frames: Tensor) -> Tensor:
        """Features of all time steps: frames uint8 (B, T, h, w, 3) -> (B, T - context + 1, P, width) float32."""

    def pictures(self, frames: Tensor) -> Tensor:
        """Features of pictures, each by itself: frames uint8 (K, h, w, 3) -> (K, P, width) float32."""
        return self.tokens(frames[:, None].expand(-1, self.context, -1, -1, -1))[:, 0]

    def layers(self, frames: Tensor) -> dict[str, Tensor]:
        """See `Encoder`; before the latent come the "patches", which others build on."""
        patches, features = caught(self, lambda: self.tokens(frames))
        timed = by_time(features, patches.shape[0], patches.shape[1], frames.shape[1])
        return {**timed, "patches": patches, "latent": patches.mean(dim=2)}

    @torch.no_grad()
    def watch(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> tuple[Tensor | None, Tensor]:
        """See `Encoder`."""
        return None, self.tokens(frames).flatten(2)

    def latents(self, frames: Tensor) -> Tensor:
        """The mean over the patches, with D = width; see `Encoder`."""
        return self.tokens(frames).mean(dim=2)


class LatentWorldModel(Encoder):
    """An encoder that also imagines what actions make of a latent; environment by environment, as `encode` does.

    `action_dim`: A; actions are in [-1, 1].
    """

    predictor: nn.Module
    action_low: Tensor
    action_high: Tensor

    def __init__(self, context: int, latent: int, action_dim: int, precision: torch.dtype) -> None:
        super().__init__(context, latent, precision)
        self.register_buffer("action_low", -torch.ones(action_dim))
        self.register_buffer("action_high", torch.ones(action_dim))

    @abstractmethod
    def imagine(self, z: Tensor, actions: Tensor) -> Tensor:
        """Open-loop, many at once: z (..., D), actions (..., H, A) -> latents after each action (..., H, D)."""

    @torch.no_grad()
    def watch(self, frames: Tensor, actions: Tensor, ahead: int = 1) -> tuple[Tensor | None, Tensor]:
        """See `Encoder`: error of the next latents, imagined from the true one before them."""
        latents = self.latents(frames)
        imagined = from_every_start(self, latents, actions[:, self.context - 1 :], ahead).float()
        return (imagined - windows(latents, imagined.shape[1], ahead, 1)).pow(2).mean(dim=(2, 3)), latents

    def rollout(self, z: Tensor, actions: Tensor) -> Tensor:
        """Imagines: z (B, D), actions (B, N, H, A) -> latents after each action (B, N, H, D) float32."""
        starts = z[:, None].expand(-1, actions.shape[1], -1)
        if actions.device.type != "cpu":
            return self.imagine(starts, actions).float()
        pairs = zip(starts, actions, strict=True)
        return torch.stack([self.imagine(start, action).float() for start, action in pairs])
