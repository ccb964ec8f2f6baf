"""From a latent and an action to the next latent."""

import torch
from torch import Tensor, nn


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


def rollout(predictor: nn.Module, z: Tensor, actions: Tensor) -> Tensor:
    """Imagines open-loop: z (..., D), actions (..., H, A) -> latents after each action (..., H, D)."""
    imagined = []
    for step in range(actions.shape[-2]):
        z = predictor(z, actions[..., step, :]).to(z.dtype)
        imagined.append(z)
    return torch.stack(imagined, dim=-2)
