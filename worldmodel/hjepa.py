"""H-JEPA: the default method, and above it a second level that predicts on a slower clock under learned macro-actions.

Predicts: on level 1 what the default method does; on level 2 the latents some strides ahead, open-loop.
Kept from collapse by: on level 1 what the default method says; on level 2 variance and covariance of its latents and of
its macro-actions.
Published: hierarchical JEPA in arXiv 2610.06805 (a latent of its own on each level), planning with macro-actions in one
shared latent in HWM (arXiv 2604.03208). Ours: variance-covariance in place of SIGReg, and a head that shows level-2
latents as level-1 latents at rest, so that subgoals look as goals do.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worldmodel import default
from worldmodel.default import Default, VectorModel
from worldmodel.upper import UpperLevel, UpperSettings, upper_terms


@dataclass(frozen=True)
class Settings(default.Settings):
    """All that the method is told."""

    upper: UpperSettings


class TwoLevelModel(VectorModel):
    """The default model and its second level."""

    def __init__(self, settings: Settings, precision: torch.dtype = torch.float32) -> None:
        super().__init__(settings.model, settings.frame_size, settings.action_dim, precision)
        self.upper = UpperLevel(settings.upper, settings.model.latent, settings.action_dim, precision)


class HJepa(Default):
    """Both levels trained on the same clips, in the same run."""

    model: TwoLevelModel
    settings: Settings

    def __init__(self, settings: Settings, precision: torch.dtype = torch.float32) -> None:
        super().__init__(settings, precision)
        self.model = TwoLevelModel(settings, precision)  # a teacher takes its weights over in `begin`

    def terms_of(
        self, latents: Tensor, frames: Tensor, actions: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """See `Default`."""
        below = super().terms_of(latents, frames, actions, generator)
        above = upper_terms(self.model.upper, self.settings.upper, latents, actions)
        return below | above | {"upper_still": self._still_error(latents.detach(), frames, generator)}

    def settle(self, frames: Tensor) -> None:
        """See `Method`; nothing: the second level has learned from places, and would not know components."""

    def _still_error(self, latents: Tensor, frames: Tensor, generator: torch.Generator) -> Tensor:
        """Error of showing level-2 latents as pictures at rest; trains that head and nothing else."""
        model, (batch, count) = self.model, latents.shape[:2]
        rows = torch.arange(batch)  # one time of each clip
        times = torch.randint(count, (batch,), generator=generator)
        with torch.no_grad():
            still = model.still(frames[rows, times + model.context - 1])
            y = model.upper.lift(latents[rows, times])
        return (model.upper.ground(y) - still).square().mean()
