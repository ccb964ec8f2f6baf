"""One batch of clips -> the named terms of a world model's loss.

Predicts: the latents of the next steps, open-loop, from every start in the clip, with the recorded actions.
Kept from collapse by: the objective that the settings name, and an inverse-dynamics head.
Published: open-loop rollouts with variance-covariance and inverse dynamics in PLDM (arXiv 2502.14819), next-latent
prediction with SIGReg in LeWorldModel (arXiv 2603.19312), the teacher in V-JEPA (arXiv 2404.08471).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from worldmodel import objectives
from worldmodel.model import WorldModel
from worldmodel.predictors import rollout

OBJECTIVES = ("variance_covariance", "sigreg", "ema")


@dataclass(frozen=True)
class ObjectiveSettings:
    """What keeps latents apart, and how much each term weighs."""

    name: str  # one of OBJECTIVES
    prediction: float  # weight of the open-loop prediction error
    inverse: float  # weight of inverse dynamics
    variance: float  # weight of the variance hinge
    covariance: float  # weight of the covariance penalty
    sigreg: float  # weight of SIGReg
    momentum: float  # of the teacher (ema only): 1 / (1 - momentum) updates must be far fewer than the run's


class Clips(Protocol):
    """A batch of recorded clips, as numpy arrays."""

    @property
    def frames(self) -> Any:
        """uint8 (B, T, h, w, 3)."""

    @property
    def actions(self) -> Any:
        """float32 (B, T-1, A)."""


def windows(sequence: Tensor, starts: int, length: int, offset: int) -> Tensor:
    """Sequence (B, T, X) -> (B, starts, length, X): window s holds the steps s + offset .. s + offset + length - 1."""
    index = torch.arange(starts)[:, None] + torch.arange(length) + offset
    return sequence[:, index.to(sequence.device)]


def imagine(model: WorldModel, latents: Tensor, actions: Tensor, horizon: int) -> Tensor:
    """Rolls out from every start that leaves room: latents (B, T, D), actions (B, T-1, A) -> (B, T - H, H, D).

    The matching targets are `windows(latents, T - H, H, offset=1)`.
    """
    starts = latents.shape[1] - horizon
    with model.autocast():
        return rollout(model.predictor, latents[:, :starts], windows(actions, starts, horizon, 0))


def loss_terms(
    model: WorldModel,
    teacher: nn.Module | None,
    frames: Tensor,
    actions: Tensor,
    settings: ObjectiveSettings,
    horizon: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Weighted terms of the loss; their sum is what is minimised. frames (B, T, h, w, 3), actions (B, T-1, A)."""
    latents = model.latents(frames)
    actions = actions[:, model.context - 1 :]
    targets = latents
    if teacher is not None:
        with torch.no_grad(), model.autocast():
            targets = teacher(frames).float()
    imagined = imagine(model, latents, actions, horizon)
    terms = {"prediction": objectives.prediction(imagined, windows(targets, imagined.shape[1], horizon, 1))}
    with model.autocast():
        terms["inverse"] = objectives.inverse_dynamics(model.inverse, latents, actions)
    if settings.name == "variance_covariance":
        terms["variance"] = objectives.variance(latents)
        terms["covariance"] = objectives.covariance(latents)
    elif settings.name == "sigreg":
        terms["sigreg"] = objectives.sigreg(latents, generator)
    return {name: term * getattr(settings, name) for name, term in terms.items()}
