"""A second level above a world model: a slower clock, macro-actions in place of actions, a predictor of its own.

One step of it spans `stride` control steps. What the body does meanwhile is summed up in a macro-action, a short vector
that an encoder of action sequences learns together with the predictor that uses it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.losses import objectives
from worldmodel.networks.predictors import ResidualPredictor, rollout, windows
from worldmodel.settings import setting

QUANTILES = (0.02, 0.98)  # of the recorded macro-actions: planning does not leave them (arXiv 2604.03208)
MEMORY = 0.98  # of the running quantiles, per update


@dataclass(frozen=True)
class UpperSettings:
    """The second level: a slower clock and macro-actions."""

    stride: int = setting(5, "control steps in a step of level 2", 2, 100)
    macro: int = setting(4, "size of a macro-action", 1, 64)
    latent: int = setting(0, "size of its latent; 0: that of level 1 is shared", 0, 4096)
    width: int = setting(256, "hidden units of its networks", 8, 8192)
    depth: int = setting(2, "residual layers of its predictor", 1, 32)
    horizon: int = setting(
        8, "steps of level 2 imagined open-loop; recordings must be longer than stride times horizon", 1, 1000
    )
    prediction: float = setting(1.0, "weight of its prediction error", 0, 1e6)
    variance: float = setting(1.0, "weight of the variance hinge on its latents and macro-actions", 0, 1e6)
    covariance: float = setting(0.1, "weight of the covariance penalty on them", 0, 1e6)
    updates: int = setting(1000, "updates, on the latents of all recordings, when level 1 has learnt", 1, 1e7)
    batch: int = setting(256, "stretches of recordings in an update", 2, 65536)
    learning_rate: float = setting(2e-3, "peak of the schedule, a warm-up and a cosine down to nothing", 1e-8, 1)

    @property
    def control_steps(self) -> int:
        """Control steps that its horizon spans."""
        return self.stride * self.horizon


class UpperLevel(nn.Module):
    """Level 2: latents y (..., E) made of level-1 latents z (..., D), moved by macro-actions (..., M)."""

    macro_low: Tensor
    macro_high: Tensor
    noted: Tensor

    def __init__(self, asked: UpperSettings, latent: int, action_dim: int, precision: torch.dtype) -> None:
        super().__init__()
        self.stride, self.precision = asked.stride, precision
        size = asked.latent or latent
        self.encoder = _mlp(latent, asked.width, size) if asked.latent else nn.Identity()
        self.of_actions = _mlp(asked.stride * action_dim, asked.width, asked.macro)
        self.predictor = ResidualPredictor(size, asked.macro, asked.width, asked.depth)
        self.to_still = _mlp(size, asked.width, latent)
        self.register_buffer("macro_low", -torch.ones(asked.macro))
        self.register_buffer("macro_high", torch.ones(asked.macro))
        self.register_buffer("noted", torch.zeros(()))  # how much of the running quantiles comes from data, in [0, 1)

    def lift(self, z: Tensor) -> Tensor:
        """Level-1 latents (..., D) -> level-2 latents (..., E)."""
        with self._autocast(z):
            return self.encoder(z).float()

    def ground(self, y: Tensor) -> Tensor:
        """Level-2 latents (..., E) -> the level-1 latents (..., D) of the same places as pictures at rest.

        As goals are: what judges the way to a goal can judge the way to a predicted place.
        """
        with self._autocast(y):
            return self.to_still(y).float()

    def macros(self, actions: Tensor) -> Tensor:
        """Actions (..., stride, A) -> macro-actions (..., M)."""
        with self._autocast(actions):
            return self.of_actions(actions.flatten(-2)).float()

    def imagine(self, y: Tensor, macros: Tensor) -> Tensor:
        """Open-loop, many at once: y (..., E), macro-actions (..., H, M) -> latents after each (..., H, E)."""
        with self._autocast(y):
            return rollout(self.predictor, y, macros).float()

    def rollout(self, y: Tensor, macros: Tensor) -> Tensor:
        """From y (B, E) under macro-actions (B, N, H, M): (B, N, H, E); on the CPU environment by environment."""
        starts = y[:, None].expand(-1, macros.shape[1], -1)
        if macros.device.type != "cpu":
            return self.imagine(starts, macros)
        return torch.stack([self.imagine(*pair) for pair in zip(starts, macros, strict=True)])

    @torch.no_grad()
    def note(self, macros: Tensor) -> None:
        """Lets the bounds follow the quantiles of macro-actions (..., M) as the encoder of actions changes."""
        low, high = macros.flatten(0, -2).quantile(macros.new_tensor(QUANTILES), dim=0)
        self.noted.copy_(1 - MEMORY * (1 - self.noted))
        share = (1 - MEMORY) / self.noted  # the first batch counts in full, later ones make a running mean
        self.macro_low.lerp_(low, share)
        self.macro_high.lerp_(high, share)

    def _autocast(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)


def upper_terms(level: UpperLevel, asked: UpperSettings, z: Tensor, actions: Tensor) -> dict[str, Tensor]:
    """Weighted terms of the second level on level-1 latents z (B, T, D) and the actions between them (B, T-1, A).

    T must be above the control steps of its horizon.
    """
    starts = z.shape[1] - asked.control_steps
    y = level.lift(z)
    macros = level.macros(windows(actions, z.shape[1] - asked.stride, asked.stride, 0))
    if level.training:
        level.note(macros.detach())
    steps = clock(starts, asked.horizon, asked.stride).to(z.device)
    imagined = level.imagine(y[:, :starts], macros[:, steps])
    terms = {"upper_prediction": asked.prediction * objectives.prediction(imagined, y[:, steps + asked.stride])}
    spread = {"macro": macros} | ({"upper": y} if asked.latent else {})
    for name, latents in spread.items():
        terms[f"{name}_variance"] = asked.variance * objectives.variance(latents)
        terms[f"{name}_covariance"] = asked.covariance * objectives.covariance(latents)
    return terms


def clock(starts: int, horizon: int, stride: int) -> Tensor:
    """Control steps at which the steps of level 2 begin, (starts, horizon): start, start + stride, ..."""
    return torch.arange(starts)[:, None] + stride * torch.arange(horizon)


def _mlp(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(),
        nn.Linear(width, outputs),
    )  # fmt: skip
