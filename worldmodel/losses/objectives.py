"""What a world model is trained on: pure functions of latents, each returning one scalar term.

Prediction alone is solved by a constant; something has to keep the latents apart. To choose from:
variance-covariance (VICReg, arXiv 2105.04906), SIGReg (LeJEPA, arXiv 2511.08544), or a slowly moving teacher with
stop-gradient (BYOL, arXiv 2006.07733; V-JEPA, arXiv 2404.08471).
"""

import torch
from torch import Tensor, nn


def prediction(imagined: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error between imagined and encoded latents, both (..., D)."""
    return (imagined - targets).pow(2).mean()


def variance(latents: Tensor, floor: float = 1.0) -> Tensor:
    """Hinge on each dimension's standard deviation over all rows of (..., D): zero once every one is >= floor."""
    rows = latents.flatten(0, -2)
    return nn.functional.relu(floor - (rows.var(dim=0) + 1e-4).sqrt()).mean()


def covariance(latents: Tensor) -> Tensor:
    """Mean squared off-diagonal covariance of the dimensions of (..., D), times D-1: zero when uncorrelated."""
    rows = latents.flatten(0, -2)
    centred = rows - rows.mean(dim=0)
    matrix = centred.T @ centred / (rows.shape[0] - 1)
    return (matrix.pow(2).sum() - matrix.diagonal().pow(2).sum()) / rows.shape[1]


def time_variance(latents: Tensor, floor: float = 1.0) -> Tensor:
    """Hinge on each dimension's standard deviation within each clip of (B, T, D), as `variance` over all clips."""
    return nn.functional.relu(floor - (latents.var(dim=1) + 1e-4).sqrt()).mean()


def time_similarity(latents: Tensor) -> Tensor:
    """Mean squared step from a latent of a clip to the next, (B, T, D): zero where nothing moves."""
    return (latents[:, 1:] - latents[:, :-1]).pow(2).mean()


def sigreg(latents: Tensor, generator: torch.Generator, projections: int = 128, knots: int = 9) -> Tensor:
    """Distance of the rows of (..., D) from a standard normal: Epps-Pulley statistic over random one-dimensional views.

    128 views and 9 knots of the characteristic function do as well as the published 1,024 and 17, at a thirtieth of the
    time. Scaled by the number of rows as published, so it is of order 1 on normal data.
    """
    rows = latents.flatten(0, -2)
    views = torch.randn(rows.shape[1], projections, generator=generator).to(rows.device)
    values = rows @ (views / views.norm(dim=0))
    knot = torch.linspace(0, 3, knots, device=rows.device)
    weight = torch.full((knots,), 2 * 3 / (knots - 1), device=rows.device)
    weight[[0, -1]] /= 2
    normal = torch.exp(-knot.pow(2) / 2)
    angles = values[..., None] * knot
    error = (angles.cos().mean(dim=0) - normal).pow(2) + angles.sin().mean(dim=0).pow(2)
    return rows.shape[0] * (error @ (weight * normal)).mean()


def inverse_dynamics(head: nn.Module, latents: Tensor, actions: Tensor) -> Tensor:
    """Error of the action told from two neighbouring latents: latents (B, T, D), actions (B, T-1, A)."""
    pairs = torch.cat([latents[:, :-1], latents[:, 1:]], dim=-1)
    return (head(pairs).float() - actions).pow(2).mean()


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float) -> None:
    """Moves the teacher's parameters towards the student's: teacher = momentum * teacher + (1 - momentum) * student."""
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(fast, 1 - momentum)


def ramp(first: float, last: float, progress: float) -> float:
    """The teacher's momentum after a share of the run: on a line from `first` to `last`, constant if they are equal."""
    return first + (last - first) * progress


def smooth_l1(predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean of error^2 / 2 up to an error of 1, of |error| - 1/2 beyond, both (..., D) (I-JEPA)."""
    return nn.functional.smooth_l1_loss(predicted, targets)


def normalised(features: Tensor) -> Tensor:
    """LayerNorm without scale and shift: each row of (..., D) gets mean 0 and variance 1, so targets cannot shrink."""
    return nn.functional.layer_norm(features, features.shape[-1:])
