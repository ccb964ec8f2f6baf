"""Small predictors beside the model's, each from weights and with recordings of its own: where they disagree, what
comes next has not been seen.

As what to explore: Sekar et al. 2020 (arXiv 2005.05960); as a cost that keeps plans where the model knows: Henaff et
al. 2019 (arXiv 1901.02705).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from worldmodel.distances.distance import LatentEpisodes
from worldmodel.networks.predictors import ResidualPredictor
from worldmodel.settings import setting
from worldmodel.stages.predictor_finetuning import FinetuningSettings, on_latents, stretch
from worldmodel.streams import drawn_weights
from worldmodel.training import TrainingStage

_SHARE = 0.5  # of an update's latents that a member learns from
_DEPTH = 2  # layers of a member


@dataclass(frozen=True)
class EnsembleSettings(FinetuningSettings):
    """Predictors that tell by their disagreement what was never seen."""

    members: int = setting(0, "small predictors beside the model's, for planner.disagreement; 0: none", 0, 64)
    width: int = setting(64, "of a member's layers", 1, 4096)
    horizon: int = setting(1, "steps of a recording, each predicted from the one before", 1, 1000)

    def check(self) -> None:
        """Raises ValueError where these do not go together."""
        if self.members == 1:
            raise ValueError("ensemble.members must be 0 or at least 2: one agrees with itself")


class Ensemble(nn.Module):
    """K predictors of the next latent.

    Args:
        latent, action: D and A.
        members, width: K, and the size of each one's layers.
    """

    def __init__(self, latent: int, action: int, members: int, width: int) -> None:
        super().__init__()
        self.sizes = {"action": action, "members": members, "width": width}
        self.members = nn.ModuleList(ResidualPredictor(latent, action, width, _DEPTH) for _ in range(members))

    def forward(self, z: Tensor, actions: Tensor) -> Tensor:
        """z (..., D), actions (..., A) -> what each member takes for the next latent, (K, ..., D)."""
        return torch.stack([member(z, actions) for member in self.members])


def ensemble_stage(data: LatentEpisodes, settings: EnsembleSettings) -> tuple[Ensemble, TrainingStage] | None:
    """An ensemble and what trains it; None for no members, no updates, and where all recordings are too short."""
    if not settings.members:
        return None
    with drawn_weights(settings.seed, "members"):
        ensemble = Ensemble(data.moving.shape[1], data.actions.shape[1], settings.members, settings.width)
    ensemble.to(data.moving.device)

    def loss(first: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        latents, actions = stretch(data, first, settings.horizon)
        error = (ensemble(latents[:, :-1], actions) - latents[:, 1:]).square().mean(dim=(2, 3))
        learns = torch.rand(error.shape, generator=generator) < _SHARE
        return {"prediction": (error * learns.to(error.device)).sum() / learns.sum().clamp(min=1)}

    stage = on_latents("ensemble", "ensemble", ensemble, data, settings, loss)
    return None if stage is None else (ensemble, stage)
