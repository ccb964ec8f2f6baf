"""PLDM: an encoder and a predictor trained end to end on whole open-loop rollouts, with terms in space and in time.

Predicts: the latents of all later steps of a clip, open-loop from its first latent, with the recorded actions.
Kept from collapse by: variance and covariance over the batch, the variance within each clip, inverse dynamics; the
latents are kept smooth in time.
Published: PLDM (arXiv 2502.14819), its time-variance term as LeWorldModel's appendix C.2 writes it (arXiv 2603.19312).
The weights are those of its Two-Rooms configuration.

What differs: the encoder and the residual predictor are those of the default method, and the predictor is fine-tuned on
frozen latents like that of every method, so that a comparison is one of objectives; a latent has seen several frames,
where PLDM is given the velocity; variance and covariance are taken over clips and times together, for batches smaller
than the published 64; inverse dynamics is linear.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel.losses import objectives
from worldmodel.method import Entry, Method
from worldmodel.methods.default import ModelSettings, VectorModel
from worldmodel.settings import setting


@dataclass(frozen=True)
class PLDMObjectiveSettings:
    """How much each term weighs."""

    prediction: float = setting(1.0, "weight of the open-loop prediction error", 0, 1e6)
    inverse: float = setting(1.072, "weight of inverse dynamics", 0, 1e6)
    variance: float = setting(3.98, "weight of the variance hinge", 0, 1e6)
    # Published: 6.92 of the mean over pairs of dimensions, which are 63 times as many as the 64 of a latent.
    covariance: float = setting(0.11, "weight of the covariance penalty", 0, 1e6)


@dataclass(frozen=True)
class TimeSettings:
    """How much the terms along a clip weigh."""

    time_variance: float = setting(0.245, "weight of the variance hinge within each clip", 0, 1e6)
    time_similarity: float = setting(0.742, "weight of the step from a latent to the next", 0, 1e6)


@dataclass(frozen=True)
class PLDMSettings:
    """All that the method is told."""

    model: ModelSettings
    objective: PLDMObjectiveSettings
    pldm: TimeSettings
    frame_size: int  # side of the square training frame in pixels
    action_dim: int  # A

    def __post_init__(self) -> None:
        self.model.check(self.frame_size)


class PLDM(Method):
    """Open-loop prediction over the clip, with terms in space and in time and inverse dynamics."""

    model: VectorModel

    def __init__(self, settings: PLDMSettings, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.settings = settings
        self.model = VectorModel(settings.model, settings.frame_size, settings.action_dim, precision)

    def terms(self, frames: Tensor, actions: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        asked, in_time, model = self.settings.objective, self.settings.pldm, self.model
        latents = model.latents(frames)
        actions = actions[:, model.context - 1 :]
        imagined = model.imagine(latents[:, 0], actions)
        with model.autocast():
            inverse = objectives.inverse_dynamics(model.inverse, model.learned(latents), actions)
        return {
            "prediction": asked.prediction * objectives.prediction(imagined, latents[:, 1:]),
            "inverse": asked.inverse * inverse,
            "variance": asked.variance * objectives.variance(latents),
            "covariance": asked.covariance * objectives.covariance(latents),
            "time_variance": in_time.time_variance * objectives.time_variance(latents),
            "time_similarity": in_time.time_similarity * objectives.time_similarity(latents),
        }


ENTRY = Entry(PLDMSettings, PLDM)
