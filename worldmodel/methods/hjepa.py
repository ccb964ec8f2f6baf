"""H-JEPA: the default method, and above it a second level that predicts on a slower clock under learned macro-actions.

Predicts: on level 1 what the default method does; then, on the latents of its frozen encoder, on level 2 the latents
some strides ahead, open-loop.
Kept from collapse by: on level 1 what the default method says; on level 2 variance and covariance of its latents and of
its macro-actions.
Published: hierarchical JEPA in arXiv 2610.06805 (a latent of its own on each level), planning with macro-actions in one
shared latent in HWM (arXiv 2604.03208). Ours: variance-covariance in place of SIGReg, and a head that shows level-2
latents as level-1 latents at rest, so that subgoals look as goals do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.distances.distance import LatentEpisodes
from worldmodel.method import Entry
from worldmodel.methods.default import Default, DefaultSettings, VectorModel
from worldmodel.networks.upper import UpperLevel, UpperSettings, upper_terms
from worldmodel.stages.predictor_finetuning import FinetuningSettings, on_latents, stretch
from worldmodel.training import TrainingStage


@dataclass(frozen=True)
class HJepaSettings(DefaultSettings):
    """All that the method is told."""

    upper: UpperSettings


class TwoLevelModel(VectorModel):
    """The default model and its second level."""

    def __init__(self, settings: HJepaSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__(settings.model, settings.frame_size, settings.action_dim, precision)
        self.upper = UpperLevel(settings.upper, settings.model.latent, settings.action_dim, precision)
        self.upper.requires_grad_(False)  # it learns when level 1 has learnt


class HJepa(Default):
    """The default method, and a second level on top of what it has learnt."""

    model: TwoLevelModel
    settings: HJepaSettings

    def __init__(self, settings: HJepaSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__(settings, precision)
        self.model = TwoLevelModel(settings, precision)  # a teacher takes its weights over in `begin`

    def second_level(self, data: LatentEpisodes, seed: int) -> TrainingStage | None:
        level, asked, data = self.model.upper, self.settings.upper, data.to(self.model.device)
        settings = FinetuningSettings(asked.updates, asked.batch, asked.control_steps, asked.learning_rate, seed)

        def loss(first: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
            z, actions = stretch(data, first, asked.control_steps)
            rows = torch.randint(len(data.still), (asked.batch,), generator=generator).to(z.device)
            still = (level.ground(level.lift(data.moving[rows])) - data.still[rows]).square().mean()
            return {"still": still, **upper_terms(level, asked, z, actions)}

        return on_latents("second level", "upper", level, data, settings, loss)


ENTRY = Entry(HJepaSettings, HJepa)
