"""From a latent and an action to the next latent."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn


class Imagines(Protocol):
    """Latents z (..., D) and actions (..., H, A) -> the latents after each action (..., H, D)."""

    def imagine(self, z: Tensor, actions: Tensor) -> Tensor: ...


class ResidualPredictor(nn.Module):
    """Predicts the change of the latent under one action with a residual MLP; small, so that planning is cheap."""

    def __init__(self, latent: int, action: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(latent + action, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()) for _ in range(depth)
        )
        self.leave = nn.Linear(width, latent)

    def forward(self, z: Tensor, action: Tensor) -> Tensor:
        """z (..., D), action (..., A) -> next z (..., D)."""
        hidden = nn.functional.gelu(self.enter(torch.cat([z, action], dim=-1)))
        for layer in self.layers:
            hidden = hidden + layer(hidden)
        return z + self.leave(hidden)


class GatedPredictor(nn.Module):
    """The same with layers in which what is known is multiplied (gated linear units: Shazeer 2020, arXiv 2002.05202).

    What a touch does to a body depends on products: of where it is touched and how it is turned.
    """

    def __init__(self, latent: int, action: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(latent + action, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.opens = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))
        self.closes = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.leave = nn.Linear(width, latent)
        nn.init.normal_(self.leave.weight, std=0.1 * width**-0.5)  # at first little changes

    def forward(self, z: Tensor, action: Tensor) -> Tensor:
        """z (..., D), action (..., A) -> next z (..., D)."""
        hidden = self.enter(torch.cat([z, action], dim=-1))
        for norm, opened, close in zip(self.norms, self.opens, self.closes, strict=True):
            gate, value = opened(norm(hidden)).chunk(2, dim=-1)
            hidden = hidden + close(nn.functional.silu(gate) * value)
        return z + self.leave(hidden)


def rollout(predictor: nn.Module, z: Tensor, actions: Tensor) -> Tensor:
    """Imagines open-loop: z (..., D), actions (..., H, A) -> latents after each action (..., H, D)."""
    imagined = []
    for step in range(actions.shape[-2]):
        z = predictor(z, actions[..., step, :]).to(z.dtype)
        imagined.append(z)
    return torch.stack(imagined, dim=-2)


def rollout_of_stack(predict: Callable[[Tensor, Tensor], Tensor], past: Tensor, actions: Tensor) -> Tensor:
    """Imagines open-loop where a latent is the last K frames: each predicted one enters, and the oldest leaves.

    From past (N, K, ...) under actions (..., H, A), N in all, to the stacks after each action, flat (..., H, D);
    `predict` tells the next frame (N, ...) from past and action (N, A).
    """
    imagined = []
    for action in actions.flatten(0, -3).unbind(1):
        past = torch.cat([past[:, 1:], predict(past, action)[:, None]], dim=1)
        imagined.append(past.flatten(1))
    return torch.stack(imagined, dim=1).view(*actions.shape[:-1], -1)


def windows(sequence: Tensor, starts: int, length: int, offset: int) -> Tensor:
    """Sequence (B, T, X) -> (B, starts, length, X): window s holds the steps s + offset .. s + offset + length - 1."""
    index = torch.arange(starts)[:, None] + torch.arange(length) + offset
    return sequence[:, index.to(sequence.device)]


def from_every_start(model: Imagines, latents: Tensor, actions: Tensor, horizon: int) -> Tensor:
    """Imagines from every start that leaves room: latents (B, T, D), actions (B, T-1, A) -> (B, T - H, H, D).

    The matching targets are `windows(latents, T - H, H, offset=1)`.
    """
    starts = latents.shape[1] - horizon
    return model.imagine(latents[:, :starts], windows(actions, starts, horizon, 0))
